"""`ports.Store` in memory, with the behaviour of `aws.dynamodb.DynamoStore`.

Both pass the same contract (tests/app/aws/test_dynamodb.py). Safe for threads: every method is one step.

Non-goals: DynamoDB's eventual consistency; the lists here are always up to date.
"""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from breakglass.app.aws.items import is_open
from breakglass.app.domain.audit import drop_slack_id
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
from breakglass.app.ports import Clock, Page, skip_record

Kept = TypeVar("Kept", Request, Grant, Usage)


@dataclass
class _Lease:
    owner: str
    until: int


class MemoryStore:
    """Keeps records in dictionaries.

    Args:
        clock: the time at which a once-key and a denial expire; without one, never.

    Attributes:
        unreadable: ids of requests and uses, and `id account` of grants, whose record can't be decoded.
    """

    def __init__(self, clock: Clock = lambda: 0) -> None:
        self._clock = clock
        self.once_keys: dict[str, int] = {}
        self._once_owners: dict[str, str] = {}
        self.requests: dict[str, Request] = {}
        self.all_grants: dict[tuple[str, str], Grant] = {}
        self.uses: dict[str, Usage] = {}
        self.trail: list[AuditEntry] = []
        self.unreadable: set[str] = set()
        self.remembered: dict[Access, Denial] = {}
        self._use_of_event: dict[str, str] = {}
        self._latest_use: dict[tuple[str, str, str], str] = {}
        self._leases: dict[Access | str, _Lease] = {}
        self._holders: dict[Access, frozenset[str]] = {}
        self._held_at: dict[Access, int] = {}
        self._cursors: dict[str, str] = {}
        self._lock = threading.RLock()

    def once(self, name: str, until: int, owner: str = "") -> bool:
        with self._lock:
            is_owner = bool(owner) and self._once_owners.get(name) == owner
            if name in self.once_keys and self._clock() < self.once_keys[name] and not is_owner:
                return False
            self.once_keys[name], self._once_owners[name] = until, owner
            return True

    def extend_once(self, name: str, until: int) -> None:
        self.once_keys[name] = until

    def request(self, request_id: str) -> Request | None:
        self._refuse_unreadable(request_id)
        return self.requests.get(request_id)

    def save_request(
        self,
        request: Request,
        audit: Sequence[AuditEntry] = (),
        grants: Sequence[Grant] = (),
        denial: Denial | None = None,
    ) -> bool:
        with self._lock:
            if not _follows(self.requests.get(request.id), request):
                return False
            if not all(_follows(self.all_grants.get(_key(grant)), grant) for grant in grants):
                return False
            self.requests[request.id] = replace(request, version=request.version + 1)
            self.all_grants.update({_key(grant): replace(grant, version=grant.version + 1) for grant in grants})
            if denial is not None:
                where = (Access(denial.user_id, denial.permission_set, account) for account in denial.accounts)
                self.remembered.update(dict.fromkeys(where, denial))
            self._tell(audit)
            return True

    def denials(self, user_id: str, permission_set: str, accounts: Sequence[str]) -> tuple[Denial, ...]:
        with self._lock:
            known = (self.remembered.get(Access(user_id, permission_set, account)) for account in accounts)
            found = dict.fromkeys(denial for denial in known if denial is not None)
        earliest = self._clock() - DENIALS_KEPT_SECONDS
        return tuple(
            sorted((denial for denial in found if denial.at > earliest), key=lambda denial: denial.at, reverse=True)
        )

    def grants(self, request_id: str) -> tuple[Grant, ...]:
        with self._lock:
            of_request = [grant for grant in self.all_grants.values() if grant.request_id == request_id]
        for grant in of_request:
            self._refuse_unreadable(" ".join(_key(grant)))
        return tuple(sorted(of_request, key=lambda grant: grant.access.account))

    def grant(self, request_id: str, account: str) -> Grant | None:
        self._refuse_unreadable(f"{request_id} {account}")
        return self.all_grants.get((request_id, account))

    def save_grant(self, grant: Grant, audit: Sequence[AuditEntry] = ()) -> bool:
        with self._lock:
            if not _follows(self.all_grants.get(_key(grant)), grant):
                return False
            self.all_grants[_key(grant)] = replace(grant, version=grant.version + 1)
            self._tell(audit)
            return True

    def open_requests(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Request]:
        with self._lock:
            unfinished = [request for request in self.requests.values() if is_open(request)]
        readable = self._readable({record.id: record for record in unfinished}, unreadable)
        return iter(sorted(readable, key=lambda request: request.created_at))

    def live_grants(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Grant]:
        with self._lock:
            live = [grant for grant in self.all_grants.values() if grant.state in LIVE or grant.deny_until is not None]
        readable = self._readable({" ".join(_key(grant)): grant for grant in live}, unreadable)
        return iter(sorted(readable, key=lambda grant: grant.revoke_at))

    def requests_of(self, user_id: str, cursor: str | None = None, limit: int = 20) -> Page[Request]:
        with self._lock:
            found = [request for request in self.requests.values() if request.requester.user_id == user_id]
        return _page(found, cursor, limit)

    def requests_between(self, since: int, until: int, cursor: str | None = None, limit: int = 20) -> Page[Request]:
        with self._lock:
            found = [request for request in self.requests.values() if since <= request.created_at < until]
        return _page(found, cursor, limit)

    def acquire_lease(self, access: Access, owner: str, until: int, now: int) -> bool:
        return self._acquire(access, owner, until, now)

    def release_lease(self, access: Access, owner: str) -> None:
        self._release(access, owner)

    def lock(self, name: str, owner: str, until: int, now: int) -> bool:
        return self._acquire(name, owner, until, now)

    def unlock(self, name: str, owner: str) -> None:
        self._release(name, owner)

    def add_holder(self, access: Access, request_id: str, now: int) -> None:
        with self._lock:
            self._holders[access] = self.holders(access) | {request_id}
            self._held_at[access] = now

    def last_held(self, access: Access) -> int | None:
        return self._held_at.get(access)

    def remove_holder(self, access: Access, request_id: str) -> frozenset[str]:
        with self._lock:
            self._holders[access] = self.holders(access) - {request_id}
            return self._holders[access]

    def holders(self, access: Access) -> frozenset[str]:
        return self._holders.get(access, frozenset())

    def usage(self, usage_id: str) -> Usage | None:
        return self.uses.get(usage_id)

    def usage_of_event(self, event_id: str) -> Usage | None:
        return self.uses.get(self._use_of_event.get(event_id, ""))

    def save_usage(self, usage: Usage, audit: Sequence[AuditEntry] = ()) -> bool:
        with self._lock:
            if not _follows(self.uses.get(usage.id), usage):
                return False
            if any(self._use_of_event.get(event_id, usage.id) != usage.id for event_id in usage.event_ids):
                return False
            if usage.version == 0:
                self._remember_latest(usage)
            self.uses[usage.id] = replace(usage, version=usage.version + 1)
            self._use_of_event.update(dict.fromkeys(usage.event_ids, usage.id))
            self._tell(audit)
            return True

    def latest_usage(self, permission_set: str, account: str, who: str) -> Usage | None:
        return self.uses.get(self._latest_use.get((permission_set, account, who), ""))

    def open_usages(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Usage]:
        with self._lock:
            unfinished = [use for use in self.uses.values() if use.state is not UsageState.accepted]
        readable = self._readable({use.id: use for use in unfinished}, unreadable)
        return iter(sorted(readable, key=lambda use: use.due_at))

    def cursor(self, name: str) -> str:
        return self._cursors.get(name, "")

    def save_cursor(self, name: str, text: str) -> None:
        self._cursors[name] = text

    def append_audit(self, entry: AuditEntry) -> bool:
        with self._lock:
            if replace(entry, actor=drop_slack_id(entry.actor)) in self.trail:
                return False
            self._tell([entry])
            return True

    def audit(self, since: int, until: int) -> Iterable[AuditEntry]:
        with self._lock:
            span = [entry for entry in self.trail if since <= entry.at < until]
        return iter(sorted(span, key=lambda entry: entry.at))

    def _acquire(self, of: Access | str, owner: str, until: int, now: int) -> bool:
        with self._lock:
            lease = self._leases.get(of)
            if lease and lease.owner != owner and lease.until > now:
                return False
            self._leases[of] = _Lease(owner, until)
            return True

    def _release(self, of: Access | str, owner: str) -> None:
        with self._lock:
            lease = self._leases.get(of)
            if lease and lease.owner == owner:
                del self._leases[of]

    def _refuse_unreadable(self, name: str) -> None:
        if name in self.unreadable:
            raise ValueError("this is no record")

    def _readable(self, named: Mapping[str, Kept], unreadable: Callable[[str], None]) -> list[Kept]:
        for name in sorted(named.keys() & self.unreadable):
            unreadable(name)
        return [record for name, record in named.items() if name not in self.unreadable]

    def _remember_latest(self, use: Usage) -> None:
        key = (use.permission_set, use.account, use.user_id or use.session_name)
        known = self.uses.get(self._latest_use.get(key, ""))
        if known is None or known.first_seen <= use.first_seen:
            self._latest_use[key] = use.id

    def _tell(self, audit: Sequence[AuditEntry]) -> None:
        self.trail.extend(replace(entry, actor=drop_slack_id(entry.actor)) for entry in audit)


def _follows(stored: Request | Grant | Usage | None, wanted: Request | Grant | Usage) -> bool:
    return wanted.version == (stored.version if stored else 0)


def _key(grant: Grant) -> tuple[str, str]:
    return grant.request_id, grant.access.account


def _position(request: Request) -> str:
    return f"{request.created_at:012}#{request.id}"


def _page(found: Sequence[Request], cursor: str | None, limit: int) -> Page[Request]:
    """Cut one page, newest first; the cursor is where the next one begins."""
    if cursor is not None and not re.fullmatch(r"\d{12}#.{1,187}", cursor, re.ASCII):
        raise ValueError("this is no cursor")
    left = sorted((item for item in found if cursor is None or _position(item) <= cursor), key=_position, reverse=True)
    return Page(tuple(left[:limit]), _position(left[limit]) if len(left) > limit else None)
