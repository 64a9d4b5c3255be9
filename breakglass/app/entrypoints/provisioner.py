"""The function that grants and revokes, as steps of the workflow."""

from functools import cache
from typing import Any

from breakglass.app.entrypoints import bootstrap
from breakglass.app.entrypoints.runtime import clock, log
from breakglass.app.error_codes import raise_permanent_errors
from breakglass.app.services.context import ProvisionerContext
from breakglass.app.services.provisioning import run_step


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run a step: `{"step", "request"}`, and `account` or `error` where it takes one."""
    with raise_permanent_errors():
        return run_step(_context(), event)


@cache
def _context() -> ProvisionerContext:
    return ProvisionerContext(
        policy=bootstrap.load_policy(),
        clock=clock,
        log=log,
        store=bootstrap.build_store(),
        identity_center=bootstrap.build_identity_center(),
        session_policy=bootstrap.build_session_policy(),
    )
