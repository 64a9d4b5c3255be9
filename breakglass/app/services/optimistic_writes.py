"""Optimistic writes: read, change, and write unless another writer was first; else read again.

The change is a pure function of the record as read. After a conflict it is applied to the newer record, and may find
that it is no longer possible. A change that changes nothing writes nothing.

Non-goals: the changes (see `domain.request_lifecycle` and `domain.grant_lifecycle`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from breakglass.app.domain.grant_lifecycle import GrantChange
from breakglass.app.domain.records import AuditEntry, Grant, Request, Usage
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.domain.usage_lifecycle import UsageChange
from breakglass.app.ports import GrantStore, RequestStore, UsageStore

ATTEMPTS = 10
"""Attempts of a write. Each conflict means that another writer succeeded, so ten attempts suffice."""


class UnknownRecordError(LookupError):
    """The ID of a record is unknown."""


class ContendedError(Exception):
    """Every attempt met another writer of the same record; the caller may try again later."""


def change_request(store: RequestStore, request_id: str, change: Callable[[Request], Change]) -> Change:
    """Apply a change to a request, and return the written change; without audit entries if nothing changed.

    The change is called for each attempt, and reads other records (the grants) itself.

    Raises:
        UnknownRecordError: if the ID is unknown.
        ContendedError: if every attempt met another writer.
    """
    for _ in range(ATTEMPTS):
        request = store.request(request_id)
        if request is None:
            raise UnknownRecordError(request_id)
        wanted = change(request)
        if wanted == Change(request):
            return wanted
        if store.save_request(wanted.request, wanted.audit, wanted.grants, wanted.denial):
            return replace(wanted, request=replace(wanted.request, version=wanted.request.version + 1))
    raise ContendedError(request_id)


def change_grant(store: GrantStore, request_id: str, account: str, change: Callable[[Grant], GrantChange]) -> Grant:
    """Apply a change to a grant, and return the written grant; see `change_request`."""
    return _change(f"{request_id} in {account}", lambda: store.grant(request_id, account), change, store.save_grant)


def change_usage(store: UsageStore, usage_id: str, change: Callable[[Usage], UsageChange]) -> Usage:
    """Apply a change to a usage, and return the written usage; see `change_request`."""
    return _change(usage_id, lambda: store.usage(usage_id), change, store.save_usage)


_Record = TypeVar("_Record", Grant, Usage)
_Audit = Sequence[AuditEntry]


def _change(
    name: str,
    read: Callable[[], _Record | None],
    change: Callable[[_Record], tuple[_Record, _Audit]],
    save: Callable[[_Record, _Audit], bool],
) -> _Record:
    for _ in range(ATTEMPTS):
        record = read()
        if record is None:
            raise UnknownRecordError(name)
        wanted, audit = change(record)
        if wanted == record and not audit:
            return record
        if save(wanted, audit):
            return replace(wanted, version=wanted.version + 1)
    raise ContendedError(name)
