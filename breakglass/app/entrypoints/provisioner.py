"""The function that makes assignments and takes them back, as steps of the workflow.

Non-goals: rules of any kind.
"""

from functools import cache
from typing import Any

from breakglass.app.entrypoints import bootstrap
from breakglass.app.error_codes import raise_permanent_errors
from breakglass.app.services.context import ProvisionerContext
from breakglass.app.services.provisioning import run_step


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do a step: `{"step", "request"}`, and `account` or `error` where it takes one."""
    with raise_permanent_errors():
        return run_step(_context(), event)


@cache
def _context() -> ProvisionerContext:
    aws = bootstrap.client()
    return ProvisionerContext(**bootstrap.records(aws), **bootstrap.accounts(aws))
