"""The function that makes assignments and takes them back, as steps of the workflow.

Non-goals: rules of any kind.
"""

from functools import cache
from typing import Any

from breakglass.lambdas.app.access import step
from breakglass.lambdas.app.world import Accounts
from breakglass.lambdas.error_codes import permanent_refusals_named
from breakglass.lambdas.handlers import parts


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do a step: `{"step", "request"}`, and `account` or `error` where it takes one."""
    with permanent_refusals_named():
        return step(_accounts(), event)


@cache
def _accounts() -> Accounts:
    aws = parts.client()
    return Accounts(**parts.records(aws), **parts.accounts(aws))
