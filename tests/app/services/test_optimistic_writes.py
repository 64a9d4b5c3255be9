"""Optimistic writes: a conflict repeats the change on the newer record, and no change writes nothing.

Not shown here: DynamoDB's conditions (tests/app/aws).
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.domain import grant_lifecycle, request_lifecycle, usage_lifecycle
from breakglass.app.domain.records import AuditEntry, Denial, Grant, GrantState, Request, State, Usage, UsageState
from breakglass.app.domain.request_lifecycle import AlreadyApprovedError, Change, RequestTransitionError
from breakglass.app.services.optimistic_writes import (
    ATTEMPTS,
    ContendedError,
    UnknownRecordError,
    change_grant,
    change_request,
    change_usage,
)
from tests.app.domain.examples import (
    ADA_ACTS,
    ASKED,
    CLEO_ACTS,
    DOT_ACTS,
    approval,
    explanation,
    grant,
    request,
    use,
)
from tests.app.domain.policies import PRODUCTION
from tests.app.doubles.store import MemoryStore

NOW = ASKED + 120


class Rivals(MemoryStore):
    """A store whose rivals write between the read and the write of a record.

    Attributes:
        coming: the rivals' actions, one before each write.
        writes: number of attempts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.coming: list[Callable[[], object]] = []
        self.writes = 0

    def save_request(
        self,
        request: Request,
        audit: Sequence[AuditEntry] = (),
        grants: Sequence[Grant] = (),
        denial: Denial | None = None,
    ) -> bool:
        self._rival()
        return super().save_request(request, audit, grants, denial)

    def save_grant(self, grant: Grant, audit: Sequence[AuditEntry] = ()) -> bool:
        self._rival()
        return super().save_grant(grant, audit)

    def save_usage(self, usage: Usage, audit: Sequence[AuditEntry] = ()) -> bool:
        self._rival()
        return super().save_usage(usage, audit)

    def _rival(self) -> None:
        self.writes += 1
        if self.coming:
            self.coming.pop(0)()


def filled() -> Rivals:
    """A store with Ada's request, its grant in production and her use; and no line about them."""
    store = Rivals()
    MemoryStore.save_request(store, request(version=0), (), (grant(version=0),))
    MemoryStore.save_usage(store, use(version=0))
    return store


def approve(by: Any, required: int = 2) -> Callable[[Request], Change]:
    return lambda read: request_lifecycle.approve(read, approval(by), required, NOW)


def test_change_returns_the_written_record() -> None:
    store = filled()
    written = change_request(store, "r-1", approve(CLEO_ACTS))
    assert written.request == store.request("r-1") == request(approvals=(approval(CLEO_ACTS),), version=2)
    assert [entry.event for entry in written.audit] == [entry.event for entry in store.trail] == ["approval_given"]


def test_change_after_a_conflict_reads_the_newer_record() -> None:
    store = filled()
    store.coming = [lambda: change_request(store, "r-1", approve(DOT_ACTS))]
    written = change_request(store, "r-1", approve(CLEO_ACTS))
    assert written.request.state is State.approved
    assert [approval.by for approval in written.request.approvals] == [DOT_ACTS, CLEO_ACTS]
    assert [entry.event for entry in store.trail] == ["approval_given", "approved"]


def test_change_after_a_conflict_may_be_impossible() -> None:
    store = filled()
    store.coming = [lambda: change_request(store, "r-1", lambda read: request_lifecycle.withdraw(read, ADA_ACTS, NOW))]
    with pytest.raises(RequestTransitionError):
        change_request(store, "r-1", approve(CLEO_ACTS))
    assert [entry.event for entry in store.trail] == ["withdrawn"]


def test_two_simultaneous_clicks_of_a_person_are_one_approval() -> None:
    store = filled()
    store.coming = [lambda: change_request(store, "r-1", approve(CLEO_ACTS))]
    with pytest.raises(AlreadyApprovedError):
        change_request(store, "r-1", approve(CLEO_ACTS))
    assert len(store.requests["r-1"].approvals) == len(store.trail) == 1


def test_two_simultaneous_approvals_are_both_counted() -> None:
    store = filled()
    threads = [
        threading.Thread(target=change_request, args=(store, "r-1", approve(by))) for by in (CLEO_ACTS, DOT_ACTS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.requests["r-1"].state is State.approved
    assert [entry.event for entry in store.trail] == ["approval_given", "approved"]


def test_grants_written_with_a_request_are_all_or_none() -> None:
    store = filled()
    MemoryStore.save_request(store, request(State.active))

    def longer(request: Request) -> Change:
        read = store.grants("r-1")
        if store.writes == 0:
            # After the grants were read and before all of it is written, one of them changes.
            store.coming = [lambda: MemoryStore.save_grant(store, replace(read[0], failure="moved"))]
        moved = tuple(grant_lifecycle.lengthen_grant(of_it, ASKED + 9_999) for of_it in read)
        return Change(replace(request, revoke_at=ASKED + 9_999), (), moved)

    change_request(store, "r-1", longer)
    assert store.writes == 2
    assert [(grant.revoke_at, grant.failure) for grant in store.grants("r-1")] == [(ASKED + 9_999, "moved")]


UNCHANGED: dict[str, Callable[[Rivals], object]] = {
    "a request": lambda store: change_request(store, "r-1", Change),
    "a grant": lambda store: change_grant(store, "r-1", PRODUCTION, lambda read: (read, ())),
    "a use": lambda store: change_usage(store, "u-1", lambda read: (read, ())),
}


@pytest.mark.parametrize("what", UNCHANGED)
def test_change_of_nothing_writes_nothing(what: str) -> None:
    store = filled()
    UNCHANGED[what](store)
    assert store.writes == 0
    assert store.trail == []


ABSENT: dict[str, Callable[[Rivals], object]] = {
    "a request": lambda store: change_request(store, "r-9", Change),
    "a request's grant": lambda store: change_grant(store, "r-9", PRODUCTION, lambda read: (read, ())),
    "an account's grant": lambda store: change_grant(store, "r-1", "999999999999", lambda read: (read, ())),
    "a use": lambda store: change_usage(store, "u-9", lambda read: (read, ())),
}


@pytest.mark.parametrize("what", ABSENT)
def test_change_of_an_unknown_record_raises(what: str) -> None:
    with pytest.raises(UnknownRecordError):
        ABSENT[what](filled())


def _touch_request(store: MemoryStore) -> None:
    stored = store.requests["r-1"]
    MemoryStore.save_request(store, replace(stored, token=f"token-{stored.version}"))


def _touch_grant(store: MemoryStore) -> None:
    MemoryStore.save_grant(store, store.grants("r-1")[0])


def _touch_use(store: MemoryStore) -> None:
    MemoryStore.save_usage(store, store.uses["u-1"])


CONTENDED: dict[str, tuple[Callable[[Rivals], object], Callable[[MemoryStore], None]]] = {
    "a request": (lambda store: change_request(store, "r-1", approve(CLEO_ACTS)), _touch_request),
    "a grant": (
        lambda store: change_grant(store, "r-1", PRODUCTION, lambda read: grant_lifecycle.confirm_grant(read, NOW)),
        _touch_grant,
    ),
    "a use": (
        lambda store: change_usage(
            store, "u-1", lambda read: usage_lifecycle.record_explanation(read, explanation(), NOW)
        ),
        _touch_use,
    ),
}


@pytest.mark.parametrize("what", CONTENDED)
def test_change_with_conflicts_in_each_attempt_raises(what: str) -> None:
    change, touch = CONTENDED[what]
    store = filled()
    store.coming = [lambda: touch(store)] * ATTEMPTS
    with pytest.raises(ContendedError):
        change(store)
    assert store.writes == ATTEMPTS
    assert store.trail == []


@pytest.mark.parametrize("what", CONTENDED)
def test_change_with_a_last_free_attempt_is_written(what: str) -> None:
    change, touch = CONTENDED[what]
    store = filled()
    store.coming = [lambda: touch(store)] * (ATTEMPTS - 1)
    change(store)
    assert len(store.trail) == 1


def test_change_of_grant_and_usage_returns_the_written_record() -> None:
    store = filled()
    changed = change_grant(store, "r-1", PRODUCTION, lambda read: grant_lifecycle.confirm_grant(read, NOW))
    assert changed == store.grants("r-1")[0] == grant(GrantState.granted, version=2, made=True)
    explained = change_usage(store, "u-1", lambda read: usage_lifecycle.record_explanation(read, explanation(), NOW))
    assert explained == store.uses["u-1"]
    assert explained.state is UsageState.explained
