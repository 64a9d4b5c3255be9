"""Item sizes with the longest texts, of characters that JSON writes in twelve bytes.

Source of the limit and of what counts: DynamoDB Developer Guide, "Constraints" and "Item sizes and formats".
"""

import pytest

from breakglass.app.aws.items import audit_item, grant_item, request_item, use_item
from breakglass.app.aws.table import Item
from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.records import (
    LONGEST_FAILURE,
    LONGEST_ID,
    LONGEST_NAME,
    Actor,
    Approval,
    Explanation,
    Message,
)
from breakglass.app.domain.request_lifecycle import MAXIMUM_ACCOUNTS, MAXIMUM_ACKNOWLEDGERS
from breakglass.app.domain.texts import LONGEST_NOTE, LONGEST_REASON, LONGEST_TICKET
from breakglass.app.domain.usage_lifecycle import MAXIMUM_EVENTS
from tests.app.aws.some_records import a_grant, a_request, a_use
from tests.app.doubles.clock import NOW

LIMIT = 400 * 1024

MOST_APPROVALS = 10
"""As many as a rule may ask for (`breakglass.stack_file.approvals`)."""


def longest(characters: int) -> str:
    return "\U0001f600" * characters


def size(item: Item) -> int:
    """Return the bytes of an item: the names of its attributes and their values."""
    return sum(len(name) + len(str(next(iter(value.values()))).encode()) for name, value in item.items())


ACTOR = Actor("u" * 47, longest(LONGEST_NAME), "U" * 31)
MESSAGE = Message("C" * 31, "1" * 22)
ACCOUNTS = tuple(f"{number:012}" for number in range(MAXIMUM_ACCOUNTS))
REQUEST = a_request(
    requester=ACTOR,
    requester_name=longest(128),
    accounts=ACCOUNTS,
    reason=longest(LONGEST_REASON),
    ticket=longest(LONGEST_TICKET),
    rule="r" * 128,
    # No form asks for a note with an approval.
    approvals=(Approval(ACTOR, NOW, "r" * 128),) * MOST_APPROVALS,
    acknowledged_by=(ACTOR,) * MAXIMUM_ACKNOWLEDGERS,
    closed_by=ACTOR,
    note=longest(LONGEST_NOTE),
    justification=longest(LONGEST_NOTE),
    message=MESSAGE,
    token="t" * 1024,
)
GRANT = a_grant(failure=longest(LONGEST_FAILURE), set_arn="a" * 200, operation="o" * 36)
USE = a_use(
    event_ids=("e" * LONGEST_ID,) * MAXIMUM_EVENTS,
    explanation=Explanation(
        ACTOR, NOW, longest(LONGEST_REASON), longest(300), longest(LONGEST_REASON), longest(LONGEST_NOTE)
    ),
    accepted_by=ACTOR,
    thread=MESSAGE,
)


@pytest.mark.parametrize(
    "item", [request_item(REQUEST), grant_item(GRANT), use_item(USE)], ids=["request", "grant", "use"]
)
def test_largest_record_takes_less_than_half_the_limit(item: Item) -> None:
    assert size(item) < LIMIT // 2


def test_largest_audit_line_takes_less_than_half_the_limit() -> None:
    (entry,) = request_lifecycle.create(REQUEST).audit
    assert size(audit_item(entry, "write", 1)) < LIMIT // 2
