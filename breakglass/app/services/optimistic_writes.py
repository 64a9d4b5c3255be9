"""Optimistic writes: read, change, and write unless another writer was first; else read again.

The change is a pure function of the record as read. After a conflict it is applied to the newer record, and may find
that it is no longer possible. A change that changes nothing writes nothing.

Non-goals: the changes (see `domain.request_lifecycle` and `domain.grant_lifecycle`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from breakglass.app.domain.grant_lifecycle import GrantChange
from breakglass.app.domain.records import AuditEntry, Grant, Request, Usage
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.ports import GrantStore, RequestStore, UsageStore

ATTEMPTS = 10
"""Attempts of a write. Each conflict means that another writer succeeded, so ten attempts suffice."""


class UnknownRecordError(LookupError):
    """The ID of a record is unknown."""


class ContendedError(Exception):
    """Every attempt met another writer of the same record; the caller may try again later."""


def change_request(store: RequestStore, request_id: str, change: Callable[[Request], Change]) -> Change:
    """Apply a change to a request, and return the written change; without audit entries if nothing changed.

    Args:
        store: the store of requests.
        request_id: ID of the request.
        change: called once for each attempt; it reads other records (the grants) itself, each time.

    Raises:
        UnknownRecordError: if the ID is unknown.
        ContendedError: if every attempt met another writer.
        RequestTransitionError: as the change raises it.
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
    """Apply a change to a grant, and return the written grant.

    Raises:
        UnknownRecordError: if there is no such grant.
        ContendedError: if every attempt met another writer.
        GrantTransitionError: as the change raises it.
    """
    for _ in range(ATTEMPTS):
        grant = store.grant(request_id, account)
        if grant is None:
            raise UnknownRecordError(f"{request_id} in {account}")
        wanted, audit = change(grant)
        if wanted == grant and not audit:
            return grant
        if store.save_grant(wanted, audit):
            return replace(wanted, version=wanted.version + 1)
    raise ContendedError(f"{request_id} in {account}")


def change_usage(
    store: UsageStore, usage_id: str, change: Callable[[Usage], tuple[Usage, Sequence[AuditEntry]]]
) -> Usage:
    """Apply a change to a usage, and return the written usage.

    Raises:
        UnknownRecordError: if there is no such usage.
        ContendedError: if every attempt met another writer.
    """
    for _ in range(ATTEMPTS):
        usage = store.usage(usage_id)
        if usage is None:
            raise UnknownRecordError(usage_id)
        wanted, audit = change(usage)
        if wanted == usage and not audit:
            return usage
        if store.save_usage(wanted, audit):
            return replace(wanted, version=wanted.version + 1)
    raise ContendedError(usage_id)
