"""The function that talks to people: what they click, handed over by the front, and steps of the workflow.

Non-goals: rules of any kind.
"""

import os
from collections.abc import Callable
from functools import cache
from typing import Any

from breakglass.lambdas.adapters.secrets import Secrets
from breakglass.lambdas.app import asking, clicks, steps
from breakglass.lambdas.app.handover import read_handover
from breakglass.lambdas.app.world import Desk
from breakglass.lambdas.error_codes import PermanentError, permanent_refusals_named
from breakglass.lambdas.handlers import metrics, parts
from breakglass.lambdas.handlers.process import clock, log
from breakglass.lambdas.slack.payloads import Suggestion


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do a step or what somebody did.

    Args:
        event: `{"step", "request", ...}`, or `{"interaction": ...}` (see `app.handover`).
        context: Lambda's.
    """
    if "step" in event:
        with permanent_refusals_named():
            return steps.step(_desk(), event)
    handed = event["interaction"]
    interaction = read_handover(handed, _signing_secret(), clock(), log)
    if isinstance(interaction, Suggestion):
        return {"options": asking.suggest(_desk(), interaction)}
    try:
        clicks.do(_desk(), interaction, handed["view_id"])
    except PermanentError:
        # Lambda would only try the same again, and call it a dead letter then.
        metrics.write({"PermanentRefusals": 1}, os.environ["BREAKGLASS_STACK"])
    return {}


@cache
def _desk() -> Desk:
    aws = parts.client()
    return Desk(**parts.records(aws), **parts.people(aws))


@cache
def _signing_secret() -> Callable[[bool], str]:
    """Return a reader of the signing secret; with True, as it is now."""
    secrets, name = Secrets(parts.client()), os.environ["BREAKGLASS_SIGNING_SECRET"]
    return lambda anew: secrets.refreshed(name) if anew else secrets.current(name)
