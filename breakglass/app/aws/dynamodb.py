"""The records in DynamoDB; each write is a transaction with a condition on each item.

Records are read consistently. Lists of open records and of a person's records come from an index, which may be a moment
late.

Non-goals: the rules of a write (see `domain`), and the table itself (see `table`).
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice

from breakglass.app.aws.aws import AwsClient
from breakglass.app.aws.dynamo_table import IS_NEW, MAX_ITEMS, DynamoTable, members_of
from breakglass.app.aws.items import (
    GRANT,
    REQUEST,
    USE,
    Record,
    access_key,
    audit_item,
    denial_items,
    denial_keys,
    event_item,
    grant_item,
    is_open,
    latest_item,
    latest_key,
    lock_key,
    once_item,
    record_of,
    request_item,
    request_key,
    use_item,
    use_key,
)
from breakglass.app.aws.table import (
    BY_MONTH,
    BY_PERSON,
    EARLIEST,
    EXPIRY,
    OPEN,
    Index,
    Item,
    days,
    key,
    key_of,
    keys,
    months,
    number,
    sort_time,
)
from breakglass.app.domain.audit import drop_slack_id
from breakglass.app.domain.codec import decode, encode
from breakglass.app.domain.records import (
    DENIALS_KEPT_SECONDS,
    LONGEST_ID,
    Access,
    AuditEntry,
    Denial,
    Grant,
    Request,
    Usage,
)
from breakglass.app.ports import BusyError, Clock, Page, skip_record

_LEASE = "LEASE"
_HOLDERS = "HOLDERS"
_CURSOR = "CURSOR"
_LATEST_TIME = "9" * 12
_DAY = 86_400


class DynamoStore:
    """Implements `ports.Store` on one table.

    Args:
        client: to call DynamoDB with.
        table: name of the table.
        clock: the time.
    """

    def __init__(self, client: AwsClient, table: str, clock: Clock = lambda: int(time.time())) -> None:
        self._table = DynamoTable(client, table)
        self._clock = clock

    def once(self, name: str, until: int, owner: str = "") -> bool:
        """Put the key if it is absent, expired, or this owner's."""
        # DynamoDB deletes what has expired within days, not at once.
        item = once_item(name, until, owner or os.urandom(8).hex())
        put = self._table.put(
            item,
            f"{IS_NEW} OR #expires <= :now OR #owner = :owner",
            ExpressionAttributeNames={"#expires": EXPIRY, "#owner": "owner"},
            ExpressionAttributeValues={":now": number(self._clock()), ":owner": item["owner"]},
        )
        return self._table.write([put])

    def extend_once(self, name: str, until: int) -> None:
        """Put the key without a condition."""
        self._table.write([self._table.put_any(once_item(name, until, os.urandom(8).hex()))])

    # Requests and their grants

    def request(self, request_id: str) -> Request | None:
        """Read a request."""
        return self._named(Request, request_id, request_key(request_id), REQUEST)

    def save_request(
        self,
        request: Request,
        audit: Sequence[AuditEntry] = (),
        grants: Sequence[Grant] = (),
        denial: Denial | None = None,
    ) -> bool:
        """Put a request, grants, audit lines and the denial; records on the condition of their version."""
        items = [request_item(request), *map(grant_item, grants)]
        denials = denial_items(denial) if denial is not None else []
        return self._save(items, audit, over=denials)

    def denials(self, user_id: str, permission_set: str, accounts: Sequence[str]) -> tuple[Denial, ...]:
        """Read the denials by their keys, consistently."""
        earliest = self._clock() - DENIALS_KEPT_SECONDS
        items = self._table.read(denial_keys(user_id, permission_set, accounts))
        found = dict.fromkeys(decode(Denial, item["body"]["S"]) for item in items)
        return tuple(
            sorted((denial for denial in found if denial.at > earliest), key=lambda denial: denial.at, reverse=True)
        )

    def grants(self, request_id: str) -> tuple[Grant, ...]:
        """Query the partition of a request."""
        condition = "#pk = :pk AND begins_with(#sk, :sk)"
        found = self._table.query(condition, pk=request_key(request_id), sk=f"{GRANT}#")
        return tuple(record_of(Grant, item) for item in found)

    def grant(self, request_id: str, account: str) -> Grant | None:
        """Read a grant."""
        return self._record(Grant, request_key(request_id), key(GRANT, account))

    def save_grant(self, grant: Grant, audit: Sequence[AuditEntry] = ()) -> bool:
        """Put a grant and audit lines."""
        return self._save([grant_item(grant)], audit)

    def open_requests(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Request]:
        """Query the index of what is open."""
        return self._open(Request, REQUEST, unreadable)

    def live_grants(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Grant]:
        """Query the index of what is open."""
        return self._open(Grant, GRANT, unreadable)

    def requests_of(self, user_id: str, cursor: str | None = None, limit: int = 20) -> Page[Request]:
        """Query the index by person.

        Raises:
            ValueError: if the cursor is malformed.
        """
        newest = _LATEST_TIME if cursor is None else _position(cursor)
        return self._page(
            self._newest_first(BY_PERSON, user_id, sort_time(0), newest, limit + 1) if user_id else [], limit
        )

    def requests_between(self, since: int, until: int, cursor: str | None = None, limit: int = 20) -> Page[Request]:
        """Query the index by month, month by month backwards.

        Raises:
            ValueError: if the cursor is malformed.
        """
        first, end = self._span(since, until)
        # A time sorts before the same time with an ID, so a request of the second `end` is left out.
        newest = sort_time(end) if cursor is None else min(_position(cursor), sort_time(end))
        found: list[Item] = []
        for month in months(first, min(end, int(newest.partition("#")[0]))):
            if len(found) <= limit:
                found += self._newest_first(BY_MONTH, month, sort_time(first), newest, limit + 1 - len(found))
        return self._page(found, limit)

    # Assignments

    def acquire_lease(self, access: Access, owner: str, until: int, now: int) -> bool:
        """Update the lease if it is free, expired or this owner's."""
        return self._acquire(access_key(access), owner, until, now)

    def release_lease(self, access: Access, owner: str) -> None:
        """Delete the lease if it is this owner's."""
        self._release(access_key(access), owner)

    def add_holder(self, access: Access, request_id: str, now: int) -> None:
        """Add to a set, in one step; the time stays when the set is empty."""
        self._table.change_set(access_key(access), _HOLDERS, "ADD", request_id, held_at=now)

    def last_held(self, access: Access) -> int | None:
        """Read the time beside the set."""
        item = self._table.get(access_key(access), _HOLDERS)
        return int(item["held_at"]["N"]) if item and "held_at" in item else None

    def remove_holder(self, access: Access, request_id: str) -> frozenset[str]:
        """Take out of a set, in one step."""
        return self._table.change_set(access_key(access), _HOLDERS, "DELETE", request_id)

    def holders(self, access: Access) -> frozenset[str]:
        """Read the set."""
        return members_of(self._table.get(access_key(access), _HOLDERS))

    # Uses

    def usage(self, usage_id: str) -> Usage | None:
        """Read a usage."""
        return self._named(Usage, usage_id, use_key(usage_id), USE)

    def usage_of_event(self, event_id: str) -> Usage | None:
        """Read the pointer of the event, and its usage."""
        pointer = self._table.get(*key_of(event_item(event_id, "")))
        return self.usage(pointer["use"]["S"]) if pointer else None

    def save_usage(self, usage: Usage, audit: Sequence[AuditEntry] = ()) -> bool:
        """Put a usage, audit lines, and a pointer for each new event."""
        stored = self.usage(usage.id)
        if usage.version != (stored.version if stored else 0):
            return False
        # The condition on the version keeps this list of new events valid until the write.
        known = stored.event_ids if stored else ()
        pointers = [
            event_item(event_id, usage.id) for event_id in dict.fromkeys(usage.event_ids) if event_id not in known
        ]
        if stored is None:
            pointers.append(latest_item(usage))
        return self._save([use_item(usage)], audit, pointers)

    def latest_usage(self, permission_set: str, account: str, who: str) -> Usage | None:
        """Query the latest pointer, and read its usage."""
        partition = latest_key(permission_set, account, who)
        latest = next(self._table.query("#pk = :pk", pk=partition, ScanIndexForward=False, Limit=1), None)
        return self.usage(latest["use"]["S"]) if latest else None

    def open_usages(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Usage]:
        """Query the index of what is open."""
        return self._open(Usage, USE, unreadable)

    # Locks

    def lock(self, name: str, owner: str, until: int, now: int) -> bool:
        """Update the lock if it is free, expired or this owner's."""
        return self._acquire(lock_key(name), owner, until, now)

    def unlock(self, name: str, owner: str) -> None:
        """Delete the lock if it is this owner's."""
        self._release(lock_key(name), owner)

    # Cursors

    def cursor(self, name: str) -> str:
        """Read the cursor."""
        item = self._table.get(key(_CURSOR, name), _CURSOR)
        return str(item["body"]["S"]) if item else ""

    def save_cursor(self, name: str, text: str) -> None:
        """Put the cursor without a condition."""
        self._table.write([self._table.put_any({**keys(key(_CURSOR, name), _CURSOR), "body": {"S": text}})])

    # The audit trail

    def append_audit(self, entry: AuditEntry) -> bool:
        """Put a line under a key of its whole content."""
        return self._table.write([self._table.put_new(line) for line in _lines([entry], encode(entry))])

    def audit(self, since: int, until: int) -> Iterable[AuditEntry]:
        """Query day by day."""
        first, end = self._span(since, until)
        for day in days(first, end):
            lines = self._table.query(
                "#pk = :pk AND #sk BETWEEN :first AND :last",
                pk=key("AUDIT", day),
                first=sort_time(first),
                last=sort_time(end),
            )
            for _, same_second in groupby(lines, key=lambda line: key_of(line)[1].partition("#")[0]):
                in_order = sorted(same_second, key=lambda line: int(line["written"]["N"]))
                yield from (decode(AuditEntry, line["body"]["S"]) for line in in_order)

    # Shared by all

    def _acquire(self, pk: str, owner: str, until: int, now: int) -> bool:
        return self._table.change(
            "UpdateItem",
            pk,
            _LEASE,
            UpdateExpression="SET #holder = :me, #expires = :until",
            ConditionExpression="attribute_not_exists(#holder) OR #holder = :me OR #expires <= :now",
            ExpressionAttributeNames={"#holder": "holder", "#expires": EXPIRY},
            ExpressionAttributeValues={":me": {"S": owner}, ":until": number(until), ":now": number(now)},
        )

    def _release(self, pk: str, owner: str) -> None:
        self._table.change(
            "DeleteItem",
            pk,
            _LEASE,
            ConditionExpression="#holder = :me",
            ExpressionAttributeNames={"#holder": "holder"},
            ExpressionAttributeValues={":me": {"S": owner}},
        )

    def _named(self, kind: type[Record], name: str, pk: str, sk: str) -> Record | None:
        """Read a record by an ID from outside, which may be longer than a key of DynamoDB."""
        return self._record(kind, pk, sk) if len(name) <= LONGEST_ID else None

    def _record(self, kind: type[Record], pk: str, sk: str) -> Record | None:
        item = self._table.get(pk, sk)
        return record_of(kind, item) if item else None

    def _save(
        self,
        records: Sequence[Item],
        audit: Sequence[AuditEntry],
        others: Sequence[Item] = (),
        over: Sequence[Item] = (),
    ) -> bool:
        """Put records, audit lines and further items in one transaction.

        A conflict counts as a lost race: the caller reads the record again.

        Args:
            records: each with its next version.
            audit: lines of the audit trail.
            others: items that must not exist.
            over: items that replace older ones.
        """
        pk, sk = key_of(records[0])
        lines = _lines(audit, key(pk, sk, records[0]["version"]["N"]))
        puts = map(self._table.put_next_version, records)
        try:
            return self._table.write(
                [*puts, *map(self._table.put_new, (*others, *lines)), *map(self._table.put_any, over)]
            )
        except BusyError:
            return False

    def _open(self, kind: type[Record], named: str, unreadable: Callable[[str], None]) -> Iterator[Record]:
        """Yield the current records of the index of open ones, if they are still open."""
        found = self._table.query("#pk = :pk", OPEN, pk=named)
        while some := list(islice(found, MAX_ITEMS)):
            records = _readable(kind, self._table.read(some), unreadable)
            yield from (record for record in records if is_open(record))

    def _newest_first(self, index: Index, partition: str, oldest: str, newest: str, most: int) -> list[Item]:
        # DynamoDB refuses a range whose end is before its start.
        if newest < oldest:
            return []
        condition = "#pk = :pk AND #sk BETWEEN :oldest AND :newest"
        span = {"pk": partition, "oldest": oldest, "newest": newest}
        return list(islice(self._table.query(condition, index, **span, ScanIndexForward=False, Limit=most), most))

    def _page(self, found: Sequence[Item], limit: int) -> Page[Request]:
        """Return a page of records; an entry beyond the limit is the next page's first."""
        following = found[limit][BY_MONTH.sort_key]["S"] if len(found) > limit else None
        return Page(tuple(_readable(Request, self._table.read(found[:limit]), skip_record)), following)

    def _span(self, since: int, until: int) -> tuple[int, int]:
        """Cut a span to the time in which records exist."""
        first = max(since, EARLIEST)
        return first, max(first, min(until, self._clock() + _DAY))


def _readable(kind: type[Record], items: Iterable[Item], unreadable: Callable[[str], None]) -> Iterator[Record]:
    """Yield the readable records of items, and name the others."""
    for item in items:
        try:
            yield record_of(kind, item)
        except (KeyError, ValueError):
            unreadable(" ".join(key_of(item)))


def _lines(audit: Sequence[AuditEntry], write: str) -> list[Item]:
    """Return audit lines as items; `write` names the write, so that each key is unique."""
    now = time.time_ns()
    anonymous = [replace(entry, actor=drop_slack_id(entry.actor)) for entry in audit]
    return [audit_item(entry, f"{write}/{index}", now + index) for index, entry in enumerate(anonymous)]


def _position(cursor: str) -> str:
    """Return a cursor from outside, if it is well-formed.

    Raises:
        ValueError: if it is not.
    """
    at, _, request_id = cursor.partition("#")
    is_time = len(at) == len(_LATEST_TIME) and at.isascii() and at.isdigit()
    if not is_time or not request_id or len(cursor) > 200 or not cursor.isprintable():
        raise ValueError("this is no cursor")
    return cursor
