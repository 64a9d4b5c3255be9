"""The function that makes assignments and takes them back, as steps of the workflow.

Non-goals: rules of any kind.
"""

from functools import cache
from typing import Any

from breakglass.app.entrypoints import bootstrap
from breakglass.app.error_codes import raise_permanent_errors
from breakglass.app.services.context import Accounts
from breakglass.app.services.provisioning import step


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do a step: `{"step", "request"}`, and `account` or `error` where it takes one."""
    with raise_permanent_errors():
        return step(_accounts(), event)


@cache
def _accounts() -> Accounts:
    aws = bootstrap.client()
    return Accounts(**bootstrap.records(aws), **bootstrap.accounts(aws))
