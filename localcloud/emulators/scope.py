"""The account and region in which MiniStack works: it keeps those of a request in context variables.

Non-goals: threads that do not run in a copy of their starter's context.
"""

import importlib
from contextlib import AbstractContextManager
from typing import Any

# Any: MiniStack has no annotations.
_responses: Any = importlib.import_module("ministack.core.responses")


def scope(account: str, region: str) -> AbstractContextManager[None]:
    """Works in an account and region, as a request that is signed for them does."""
    context: AbstractContextManager[None] = _responses.request_scope(account, region)
    return context


def current_scope() -> tuple[str, str]:
    """Return the account and region in which MiniStack works."""
    return _responses.get_account_id(), _responses.get_region()
