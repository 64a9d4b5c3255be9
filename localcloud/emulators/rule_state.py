"""The events that an EventBridge rule receives by its state.

From "Receiving read-only management events from AWS services" in the EventBridge User Guide. Pure.

Non-goals: event patterns.
"""

from collections.abc import Mapping
from typing import Any


def receives(state: str, event: Mapping[str, Any]) -> bool:
    """True if a rule receives an event to match.

    AWS notes that some read-only events "you may already be receiving" in state ENABLED. No alert can build on that,
    so here none arrives.

    Args:
        state: the rule's state: ENABLED gets everything but read-only management events that CloudTrail delivers,
            ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS those, too, and any other state gets nothing.
        event: the event envelope.
    """
    if state == "ENABLED":
        return not _is_read_only_management_event(event)
    return state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def _is_read_only_management_event(event: Mapping[str, Any]) -> bool:
    detail = event["detail"]
    return (
        event["detail-type"].endswith("via CloudTrail")
        and detail.get("readOnly") is True
        # Absent from records of before 2018; CloudTrail marks data events only.
        and detail.get("managementEvent") is not False
    )
