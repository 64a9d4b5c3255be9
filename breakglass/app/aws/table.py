"""The one table: its keys and indexes, as the deployment makes them and the store uses them.

    pk                     sk                         what
    REQUEST#id             REQUEST                    a request
    REQUEST#id             GRANT#account              the grant of a request in one account
    ACCESS#user#set#acct   LEASE                      the owner of the lease on an assignment
    ACCESS#user#set#acct   HOLDERS                    the requests that want it to be there
    ACCESS###name          LEASE                      the owner of a named lock
    DENIAL#user#set#acct   DENIAL                     the last denial of a person's set in an account
    USE#id                 USE                        a use
    EVENT#id               EVENT                      which use a CloudTrail event belongs to
    LATEST#set#acct#who    time#id                    uses of a set in an account by a person, in order
    CURSOR#name            CURSOR                     how far a search is
    CLAIM#key              CLAIM                      a once-key: a delivery of Slack, what is done once, or counted
    AUDIT#2026-11-26       time#subject#hash          a line of the audit trail

A `#` within a part is written `%23`, so no part can be taken for two. Times are twelve digits, so that text sorts as
they do. A record is in `body`, JSON; what else an item holds is there to be found by.

Non-goals: reading and writing (see `dynamodb`).
"""

import time
from dataclasses import dataclass
from typing import Any

Item = dict[str, Any]
"""As DynamoDB has it: attribute -> {type: value}."""

PARTITION_KEY = "pk"
SORT_KEY = "sk"

EXPIRY = "expires"
"""Seconds since 1970 after which DynamoDB may delete the item ("time to live"): once-keys, leases, locks, denials."""


@dataclass(frozen=True)
class Index:
    """A global secondary index of keys; records are read from the table, consistently.

    Attributes:
        name: name of the index.
        partition_key: name of a string attribute.
        sort_key: name of a string attribute.
    """

    name: str
    partition_key: str
    sort_key: str


OPEN = Index("open", "open_kind", "open_at")
"""Open requests, grants and usages, by due time."""

BY_PERSON = Index("by_person", "person", "at")
"""Requests of a person, by creation time."""

BY_MONTH = Index("by_month", "month", "at")
"""All requests, by creation time."""

INDEXES = (OPEN, BY_PERSON, BY_MONTH)

STRING_ATTRIBUTES = (
    PARTITION_KEY,
    SORT_KEY,
    *dict.fromkeys(attribute for index in INDEXES for attribute in (index.partition_key, index.sort_key)),
)
"""The key attributes of the table and its indexes."""

EARLIEST = 1_735_689_600
"""2025-01-01: no record is older."""


def key(*parts: str) -> str:
    """Return a key of several parts."""
    return "#".join(part.replace("%", "%25").replace("#", "%23") for part in parts)


def sort_time(at: int) -> str:
    """Return a time that sorts as text."""
    return f"{at:012}"


def month(at: int) -> str:
    """Return the month of a time, in UTC, as in `2026-11`."""
    return time.strftime("%Y-%m", time.gmtime(at))


def day(at: int) -> str:
    """Return the day of a time, in UTC, as in `2026-11-26`."""
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def months(first: int, last: int) -> tuple[str, ...]:
    """Return the months between two times, newest first."""
    start, end = time.gmtime(first), time.gmtime(last)
    count = (end.tm_year - start.tm_year) * 12 + end.tm_mon - start.tm_mon
    return tuple(
        f"{start.tm_year + (start.tm_mon - 1 + step) // 12}-{(start.tm_mon - 1 + step) % 12 + 1:02}"
        for step in range(count, -1, -1)
    )


def days(first: int, last: int) -> tuple[str, ...]:
    """Return the days between two times, oldest first."""
    return tuple(day(at * 86_400) for at in range(first // 86_400, last // 86_400 + 1))


def number(value: int) -> Item:
    """Return a value of type number."""
    return {"N": str(value)}


def keys(pk: str, sk: str) -> Item:
    """Return the key of an item."""
    return {PARTITION_KEY: {"S": pk}, SORT_KEY: {"S": sk}}


def key_of(item: Item) -> tuple[str, str]:
    """Return the key that an item has."""
    return item[PARTITION_KEY]["S"], item[SORT_KEY]["S"]
