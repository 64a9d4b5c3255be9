"""Read, change, write only if nobody wrote in between; else read again.

The change is a pure function of the record as it was just read, so that after a conflict it is asked again about the
record as it then is, and may find that it is no longer possible. A change that changes nothing writes nothing.

Non-goals: what may be changed (see `domain.request_lifecycle` and `domain.grant_lifecycle`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from breakglass.app.domain.grant_lifecycle import GrantChange
from breakglass.app.domain.records import AuditEntry, Grant, Request, Usage
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.ports import GrantStore, RequestStore, UsageStore

ATTEMPTS = 10
"""How often a write is tried. Of several writers one always gets through: so many others would have to be first."""


class UnknownRecordError(LookupError):
    """There is no record with this id."""


class ContendedError(Exception):
    """Others kept writing the same record; the caller may try again later."""


def change_request(store: RequestStore, request_id: str, change: Callable[[Request], Change]) -> Change:
    """Apply a change to a request, and return it as it was written; without audit entries if nothing had to change.

    Args:
        store: where it is kept.
        request_id: of the request.
        change: asked once for each attempt; what it needs besides the request (its grants) it has to read itself,
            each time.

    Raises:
        UnknownRecordError: if there is no such request.
        ContendedError: if others were quicker every time.
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
    """Apply a change to the grant of a request in one account, and return it as it was written.

    Raises:
        UnknownRecordError: if there is no such grant.
        ContendedError: if others were quicker every time.
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
    """Apply a change to a usage, and return it as it was written.

    Raises:
        UnknownRecordError: if there is no such usage.
        ContendedError: if others were quicker every time.
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
