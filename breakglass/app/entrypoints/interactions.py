"""The function that handles interactions from the receiver, and the workflow's steps that concern people."""

import os
import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from breakglass.app.aws.secrets import Secrets
from breakglass.app.entrypoints import bootstrap, metrics
from breakglass.app.entrypoints.runtime import clock, log
from breakglass.app.error_codes import PermanentError, raise_permanent_errors
from breakglass.app.services import dispatch, requests, workflow_steps
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.handover import claim_delivery, read_handover
from breakglass.app.slack.payloads import Suggestion


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run a step, or handle an interaction.

    Args:
        event: `{"step", "request", ...}`, or `{"interaction": ...}` (see `services.handover`).
        context: Lambda's context, unused.
    """
    if "step" in event:
        with raise_permanent_errors():
            return workflow_steps.run_step(_context(), event)
    handed = event["interaction"]
    interaction = read_handover(handed, _signing_secret(), clock(), log)
    claim = partial(claim_delivery, handed, _context().store, log)
    if isinstance(interaction, Suggestion):
        return {"options": requests.suggest_options(_context(), interaction) if claim() else []}
    try:
        dispatch.handle_interaction(_context(), interaction, handed["view_id"], claim)
    except PermanentError:
        # A retry would fail the same way and end as a dead letter.
        metrics.count("PermanentRefusals")
    return {}


@cache
def _context() -> InteractionContext:
    return InteractionContext(
        policy=bootstrap.load_policy(),
        clock=clock,
        log=log,
        store=bootstrap.build_store(),
        directory=bootstrap.build_directory(),
        slack=bootstrap.build_slack(),
        workflow=bootstrap.build_workflow(),
        count=metrics.count,
        pause=time.sleep,
    )


@cache
def _signing_secret() -> Callable[[bool], str]:
    """Return a reader of the signing secret; with True, it reads the current value."""
    secrets, name = Secrets(bootstrap.build_client()), os.environ["BREAKGLASS_SIGNING_SECRET"]
    return lambda refresh: secrets.refresh(name) if refresh else secrets.get(name)
