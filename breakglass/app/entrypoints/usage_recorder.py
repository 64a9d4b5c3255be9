"""The function that records usages, as the second target of the alert rules."""

from functools import cache
from typing import Any

from breakglass.app.domain.usage_lifecycle import parse_report
from breakglass.app.entrypoints import bootstrap
from breakglass.app.entrypoints.runtime import clock, log
from breakglass.app.ports import Directory
from breakglass.app.services.context import RecorderContext
from breakglass.app.services.usage_reviews import record_usage


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record `{"value"}`, as `breakglass.alerts.messages` writes it; skip a malformed event."""
    try:
        seen = parse_report(event)
    except ValueError as error:
        log("invalid_evidence", why=str(error))
        return {}
    record_usage(*_context(), seen)
    return {}


@cache
def _context() -> tuple[RecorderContext, Directory]:
    context = RecorderContext(
        policy=bootstrap.load_policy(),
        clock=clock,
        log=log,
        store=bootstrap.build_store(),
    )
    return context, bootstrap.build_directory()
