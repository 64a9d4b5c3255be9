"""The function that keeps every use the alert path sees, as second target of its rules.

Non-goals: rules of any kind; the alert itself, which no function stands in the way of.
"""

from functools import cache
from typing import Any

from breakglass.lambdas.adapters.identity_store import IdentityStore
from breakglass.lambdas.app.uses import record
from breakglass.lambdas.app.world import Records
from breakglass.lambdas.domain.uses import reported
from breakglass.lambdas.handlers import parts
from breakglass.lambdas.handlers.process import log


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Record `{"value", "source"}`, as `breakglass.detection.message` writes it; pass over drills and odd events."""
    try:
        seen = reported(event)
    except ValueError as error:
        log("odd_evidence", why=str(error))
        return {}
    if not seen.drill:
        record(*_parts(), seen)
    return {}


@cache
def _parts() -> tuple[Records, IdentityStore]:
    aws = parts.client()
    return Records(**parts.records(aws)), IdentityStore(aws, parts.policy().settings.identity_store_id)
