"""Records as items of the table.

Non-goals: when they are written (see `dynamodb`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from breakglass.app.aws.table import (
    BY_MONTH,
    BY_PERSON,
    EXPIRY,
    OPEN,
    Item,
    day,
    key,
    key_of,
    keys,
    month,
    number,
    sort_time,
)
from breakglass.app.domain.codec import decode, encode
from breakglass.app.domain.grant_lifecycle import LIVE
from breakglass.app.domain.records import (
    DENIALS_KEPT_SECONDS,
    Access,
    AuditEntry,
    Denial,
    Grant,
    Request,
    Usage,
    UsageState,
)
from breakglass.app.domain.request_lifecycle import FINAL

Record = TypeVar("Record", Request, Grant, Usage)

REQUEST = "REQUEST"
GRANT = "GRANT"
USE = "USE"


def request_key(request_id: str) -> str:
    """Return the partition of a request and its grants."""
    return key(REQUEST, request_id)


def use_key(use_id: str) -> str:
    """Return the partition of a use."""
    return key(USE, use_id)


def access_key(access: Access) -> str:
    """Return the partition of what is kept about an assignment."""
    return key("ACCESS", access.user_id, access.permission_set, access.account)


def lock_key(name: str) -> str:
    """Return the partition of a lock: that of an assignment of no user and no set."""
    return key("ACCESS", "", "", name)


def latest_key(permission_set: str, account: str, who: str) -> str:
    """Return the partition of a person's uses of a set in an account."""
    return key("LATEST", permission_set, account, who)


def is_open(record: Request | Grant | Usage) -> bool:
    """Return whether a record is in the index of open records."""
    match record:
        case Request():
            unannounced = record.announcement is not None and not record.announcement.is_complete
            return record.state not in FINAL or unannounced or record.message_stale
        case Grant():
            return record.state in LIVE or record.deny_until is not None
        case Usage():
            return record.state is not UsageState.accepted


def record_of(kind: type[Record], item: Item) -> Record:
    """Return the record that an item holds."""
    return decode(kind, item["body"]["S"])


def request_item(request: Request) -> Item:
    """Return a request with its next version."""
    found_by = {
        BY_PERSON.partition_key: request.requester.user_id,
        BY_MONTH.partition_key: month(request.created_at),
        BY_MONTH.sort_key: key(sort_time(request.created_at), request.id),
    }
    return _next_version(request, keys(request_key(request.id), REQUEST), request.created_at, found_by)


def grant_item(grant: Grant) -> Item:
    """Return a grant with its next version."""
    where = keys(request_key(grant.request_id), key(GRANT, grant.access.account))
    return _next_version(grant, where, grant.revoke_at, {})


def denial_keys(user_id: str, permission_set: str, accounts: Sequence[str]) -> list[Item]:
    """Return the keys of the last denial in each account."""
    return [keys(key("DENIAL", user_id, permission_set, account), "DENIAL") for account in accounts]


def denial_items(denial: Denial) -> list[Item]:
    """Return the items of a denial, one for each account."""
    kept = {"body": {"S": encode(denial)}, EXPIRY: number(denial.at + DENIALS_KEPT_SECONDS)}
    return [{**where, **kept} for where in denial_keys(denial.user_id, denial.permission_set, denial.accounts)]


def use_item(use: Usage) -> Item:
    """Return a usage with its next version."""
    return _next_version(use, keys(use_key(use.id), USE), use.due_at, {})


def event_item(event_id: str, use_id: str) -> Item:
    """Return the pointer from an event to its usage."""
    return {**keys(key("EVENT", event_id), "EVENT"), "use": {"S": use_id}}


def latest_item(use: Usage) -> Item:
    """Return the pointer to a person's usage of a set in an account."""
    pk = latest_key(use.permission_set, use.account, use.user_id or use.session_name)
    return {**keys(pk, key(sort_time(use.first_seen), use.id)), "use": {"S": use.id}}


def audit_item(entry: AuditEntry, write: str, written: int) -> Item:
    """Return a line of the audit trail.

    Args:
        entry: the entry.
        write: name of the write, which makes the key unique.
        written: time of the write in nanoseconds, which orders the lines of a second.
    """
    digest = hashlib.sha256(write.encode()).hexdigest()[:16]
    where = keys(key("AUDIT", day(entry.at)), key(sort_time(entry.at), entry.subject, digest))
    return {**where, "body": {"S": encode(entry)}, "written": number(written)}


def _next_version(record: Request | Grant | Usage, where: Item, due_at: int, found_by: dict[str, str]) -> Item:
    version = record.version + 1
    pk, sk = key_of(where)
    if is_open(record):
        found_by = {**found_by, OPEN.partition_key: sk.partition("#")[0], OPEN.sort_key: key(sort_time(due_at), pk)}
    return {
        **where,
        "version": number(version),
        "body": {"S": encode(replace(record, version=version))},
        # DynamoDB refuses an empty key.
        **{name: {"S": value} for name, value in found_by.items() if value},
    }


def once_item(name: str, until: int, owner: str) -> Item:
    """Return a once-key."""
    return {**keys(key("CLAIM", name), "CLAIM"), EXPIRY: number(until), "owner": {"S": owner}}
