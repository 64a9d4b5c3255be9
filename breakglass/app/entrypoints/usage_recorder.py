"""The function that keeps every use the alert path sees, as second target of its rules.

Non-goals: rules of any kind; the alert itself, which no function stands in the way of.
"""

from functools import cache
from typing import Any

from breakglass.app.aws.identity_store import IdentityStore
from breakglass.app.domain.usage_lifecycle import parse_report
from breakglass.app.entrypoints import bootstrap
from breakglass.app.entrypoints.runtime import log
from breakglass.app.services.context import RecorderContext
from breakglass.app.services.usage_reviews import record_usage


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record `{"value", "source"}`, as `breakglass.alerts.messages` writes it; pass over drills and odd events."""
    try:
        seen = parse_report(event)
    except ValueError as error:
        log("odd_evidence", why=str(error))
        return {}
    if not seen.drill:
        record_usage(*_context(), seen)
    return {}


@cache
def _context() -> tuple[RecorderContext, IdentityStore]:
    aws = bootstrap.client()
    return RecorderContext(**bootstrap.records(aws)), IdentityStore(aws, bootstrap.policy().settings.identity_store_id)
