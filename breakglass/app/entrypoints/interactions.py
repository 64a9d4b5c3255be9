"""The function that talks to people: what they click, handed over by the receiver, and steps of the workflow.

Non-goals: rules of any kind.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from breakglass.app.aws.secrets import Secrets
from breakglass.app.entrypoints import bootstrap, metrics
from breakglass.app.entrypoints.runtime import clock, log
from breakglass.app.error_codes import PermanentError, raise_permanent_errors
from breakglass.app.services import dispatch, requests, workflow_steps
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.handover import read_handover
from breakglass.app.slack.payloads import Suggestion


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do a step or what somebody did.

    Args:
        event: `{"step", "request", ...}`, or `{"interaction": ...}` (see `services.handover`).
        context: Lambda's.
    """
    if "step" in event:
        with raise_permanent_errors():
            return workflow_steps.run_step(_context(), event)
    handed = event["interaction"]
    interaction = read_handover(handed, _signing_secret(), clock(), log)
    if isinstance(interaction, Suggestion):
        return {"options": requests.suggest_options(_context(), interaction)}
    try:
        dispatch.handle_interaction(_context(), interaction, handed["view_id"])
    except PermanentError:
        # Lambda would only try the same again, and call it a dead letter then.
        metrics.write({"PermanentRefusals": 1}, os.environ["BREAKGLASS_STACK"])
    return {}


@cache
def _context() -> InteractionContext:
    aws = bootstrap.client()
    return InteractionContext(**bootstrap.records(aws), **bootstrap.people(aws))


@cache
def _signing_secret() -> Callable[[bool], str]:
    """Return a reader of the signing secret; with True, as it is now."""
    secrets, name = Secrets(bootstrap.client()), os.environ["BREAKGLASS_SIGNING_SECRET"]
    return lambda anew: secrets.refreshed(name) if anew else secrets.current(name)
