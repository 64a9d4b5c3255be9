"""The lifecycle of a grant: every pair of state and event, each result, and repeated events."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain import grant_lifecycle
from breakglass.app.domain.grant_lifecycle import (
    GRANT_TABLE,
    LIVE,
    RELIST_SECONDS,
    SETTLE_SECONDS,
    GrantChange,
    GrantEvent,
    GrantTransitionError,
    UnsettledError,
)
from breakglass.app.domain.records import SYSTEM, Access, AuditEntry, Grant, GrantState, State
from tests.app.domain.examples import ASKED, HOUR, grant, request
from tests.app.domain.policies import ADA, PRODUCTION, RDS

NOW = ASKED + 120
LATER = ASKED + 2 * HOUR


def line(event: GrantEvent, before: str, after: str, note: str = "") -> AuditEntry:
    """Return an audit entry of Ada's grant in production."""
    return AuditEntry(NOW, "r-1", event, SYSTEM, RDS, (PRODUCTION,), "", note, before, after)


# --- every state and every event --------------------------------------------------------------------------------------

ATTEMPTS: dict[GrantEvent, Callable[[Grant], GrantChange]] = {
    GrantEvent.begun: lambda before: grant_lifecycle.begin_grant(before, "op-1", NOW),
    GrantEvent.granted: lambda before: grant_lifecycle.confirm_grant(before, NOW),
    GrantEvent.failed: lambda before: grant_lifecycle.fail_grant(before, "refused", NOW),
    GrantEvent.revoking: lambda before: grant_lifecycle.begin_revoke(before, "op-2", NOW),
    GrantEvent.revoked: lambda before: grant_lifecycle.confirm_revoke(before, NOW),
    GrantEvent.lengthened: lambda before: (grant_lifecycle.lengthen_grant(before, LATER), ()),
    GrantEvent.denied: lambda before: grant_lifecycle.record_deny(before, LATER, NOW),
    GrantEvent.deny_failed: lambda before: grant_lifecycle.record_deny_failure(before, "full", NOW),
    GrantEvent.deny_removed: lambda before: grant_lifecycle.record_deny_removal(before, NOW),
}

OF_SESSIONS = (GrantEvent.denied, GrantEvent.deny_failed, GrantEvent.deny_removed)

# state -> event -> state after; everything else is refused. Read beside `GRANT_TABLE`, it says the same again.
ALLOWED: dict[str, dict[str, str]] = {
    "planned": {
        "grant_begun": "granting",
        "granted": "granted",
        "grant_failed": "failed",
        "revoke_begun": "revoking",
        "revoked": "revoked",
        "grant_lengthened": "planned",
    },
    "granting": {
        "grant_begun": "granting",
        "granted": "granted",
        "grant_failed": "failed",
        "revoke_begun": "revoking",
        "revoked": "revoked",
        "grant_lengthened": "granting",
    },
    "granted": {"revoke_begun": "revoking", "revoked": "revoked", "grant_lengthened": "granted"},
    "revoking": {"grant_failed": "failed", "revoke_begun": "revoking", "revoked": "revoked"},
    "failed": {},
    "revoked": {},
}


@pytest.mark.parametrize("event", ATTEMPTS)
@pytest.mark.parametrize("state", GrantState)
def test_event_is_possible_only_as_the_table_says(state: GrantState, event: GrantEvent) -> None:
    always = event in OF_SESSIONS
    after = state if always else ALLOWED[state].get(event)
    if after is None:
        with pytest.raises(GrantTransitionError) as refusal:
            ATTEMPTS[event](grant(state))
        assert (refusal.value.state, refusal.value.event) == (state, event)
    else:
        changed, audit = ATTEMPTS[event](grant(state))
        assert changed.state == after
        assert all((entry.before, entry.after) == (state, after) for entry in audit)


def test_grant_table_is_exactly_this() -> None:
    always = {(state, event): state for state in GrantState for event in OF_SESSIONS}
    written = {
        (GrantState(s), GrantEvent(event)): GrantState(after)
        for s, row in ALLOWED.items()
        for event, after in row.items()
    }
    assert {**written, **always} == GRANT_TABLE
    assert set(ATTEMPTS) == set(GrantEvent)


def test_live_states_can_always_be_revoked() -> None:
    assert set(LIVE) == set(GrantState) - {GrantState.failed, GrantState.revoked}
    for state in LIVE:
        assert GRANT_TABLE[state, GrantEvent.revoking] is GrantState.revoking
        assert GRANT_TABLE[state, GrantEvent.revoked] is GrantState.revoked


def test_final_states_lead_to_no_live_state() -> None:
    assert not [pair for pair, after in GRANT_TABLE.items() if pair[0] not in LIVE and after in LIVE]


# --- results ----------------------------------------------------------------------------------------------------------

CHANGES: dict[str, tuple[Callable[[], GrantChange], GrantChange]] = {
    "asking begins before there is an operation": (
        lambda: grant_lifecycle.begin_grant(grant(), None, NOW),
        (grant(GrantState.granting, asked_at=NOW), (line(GrantEvent.begun, "planned", "granting"),)),
    ),
    "the operation is kept without another line": (
        lambda: grant_lifecycle.begin_grant(grant(GrantState.granting, asked_at=ASKED), "op-1", NOW),
        (grant(GrantState.granting, asked_at=ASKED, operation="op-1"), ()),
    ),
    "asking again counts from then": (
        lambda: grant_lifecycle.begin_grant(grant(GrantState.granting, asked_at=ASKED, operation="op-1"), None, NOW),
        (grant(GrantState.granting, asked_at=NOW), ()),
    ),
    "what is there has no operation any more": (
        lambda: grant_lifecycle.confirm_grant(grant(GrantState.granting, operation="op-1", asked_at=ASKED), NOW),
        (grant(GrantState.granted, made=True), (line(GrantEvent.granted, "granting", "granted"),)),
    ),
    "a failure keeps why": (
        lambda: grant_lifecycle.fail_grant(grant(GrantState.granting, operation="op-1"), "refused", NOW),
        (
            grant(GrantState.failed, failure="refused"),
            (line(GrantEvent.failed, "granting", "failed", "refused"),),
        ),
    ),
    "what became of a creation is known, with why it failed": (
        lambda: grant_lifecycle.settle_creation(
            grant(GrantState.granting, operation="op-1", asked_at=ASKED), "refused"
        ),
        (grant(GrantState.granting, failure="refused"), ()),
    ),
    "what becomes of a deletion is another matter": (
        lambda: grant_lifecycle.settle_creation(grant(GrantState.revoking, operation="op-2", asked_at=ASKED)),
        (grant(GrantState.revoking, operation="op-2"), ()),
    ),
    "taking it away begins before there is an operation": (
        lambda: grant_lifecycle.begin_revoke(grant(GrantState.granted), None, NOW),
        (grant(GrantState.revoking, made=True), (line(GrantEvent.revoking, "granted", "revoking"),)),
    ),
    "its operation is kept without another line": (
        lambda: grant_lifecycle.begin_revoke(grant(GrantState.revoking), "op-2", NOW),
        (grant(GrantState.revoking, operation="op-2"), ()),
    ),
    "what is left to another request says to which": (
        lambda: grant_lifecycle.confirm_revoke(grant(GrantState.revoking, operation="op-2"), NOW, "left to r-2"),
        (grant(GrantState.revoked), (line(GrantEvent.revoked, "revoking", "revoked", "left to r-2"),)),
    ),
    "a Deny is kept with its end": (
        lambda: grant_lifecycle.record_deny(grant(GrantState.revoking), LATER, NOW),
        (
            grant(GrantState.revoking, deny_until=LATER),
            (line(GrantEvent.denied, "revoking", "revoking"),),
        ),
    ),
    "the same Deny changes nothing": (
        lambda: grant_lifecycle.record_deny(grant(GrantState.revoked, deny_until=LATER), LATER, NOW),
        (grant(GrantState.revoked, deny_until=LATER), ()),
    ),
    "a Deny that could not be written is kept with the reason": (
        lambda: grant_lifecycle.record_deny_failure(grant(GrantState.revoked, deny_until=LATER), "full", NOW),
        (
            grant(GrantState.revoked, deny_until=LATER, deny_failure="full"),
            (line(GrantEvent.deny_failed, "revoked", "revoked", "full"),),
        ),
    ),
    "a Deny that is written after all has no reason any more": (
        lambda: grant_lifecycle.record_deny_failure(
            grant(GrantState.revoked, deny_until=LATER, deny_failure="full"), "", NOW
        ),
        (
            grant(GrantState.revoked, deny_until=LATER),
            (line(GrantEvent.denied, "revoked", "revoked"),),
        ),
    ),
    "why a creation could not begin is kept": (
        lambda: grant_lifecycle.record_start_failure(grant(GrantState.granting, asked_at=ASKED), "quota"),
        (grant(GrantState.granting, asked_at=ASKED, failure="quota"), ()),
    ),
    "a list that has it ends the doubt": (
        lambda: grant_lifecycle.record_listed(
            grant(GrantState.revoking, operation="op-2", asked_at=ASKED, absent_at=ASKED)
        ),
        (grant(GrantState.revoking, made=True), ()),
    ),
    "the first list without it counts": (
        lambda: grant_lifecycle.record_absent(grant(GrantState.revoking, made=True, absent_at=ASKED), NOW),
        (grant(GrantState.revoking, made=True, absent_at=ASKED), ()),
    ),
    "a Deny is lifted": (
        lambda: grant_lifecycle.record_deny_removal(
            grant(GrantState.revoked, deny_until=LATER, deny_failure="full"), NOW
        ),
        (grant(GrantState.revoked), (line(GrantEvent.deny_removed, "revoked", "revoked"),)),
    ),
    "what is not denied needs no lifting": (
        lambda: grant_lifecycle.record_deny_removal(grant(GrantState.revoked), NOW),
        (grant(GrantState.revoked), ()),
    ),
    "a later end is kept": (
        lambda: (grant_lifecycle.lengthen_grant(grant(GrantState.granted), LATER), ()),
        (grant(GrantState.granted, revoke_at=LATER), ()),
    ),
    "an earlier end is not": (
        lambda: (grant_lifecycle.lengthen_grant(grant(GrantState.granted), ASKED), ()),
        (grant(GrantState.granted), ()),
    ),
}


@pytest.mark.parametrize("sentence", CHANGES)
def test_event_result(sentence: str) -> None:
    change, expected = CHANGES[sentence]
    assert change() == expected


def test_plan_grant_has_its_end() -> None:
    planned = grant_lifecycle.plan_grant(request(State.approved), PRODUCTION, LATER, "arn:set")
    access = Access(ADA.user_id, RDS, PRODUCTION)
    assert planned == Grant("r-1", access, GrantState.planned, LATER, version=0, set_arn="arn:set")


# --- pending creations ------------------------------------------------------------------------------------------------

UNSETTLED = grant(GrantState.revoking, asked_at=NOW - SETTLE_SECONDS + 1)


def test_pending_creation_is_not_gone() -> None:
    assert not grant_lifecycle.is_settled(UNSETTLED, NOW)
    with pytest.raises(UnsettledError):
        grant_lifecycle.confirm_revoke(UNSETTLED, NOW)
    with pytest.raises(UnsettledError):
        grant_lifecycle.fail_grant(UNSETTLED, "refused", NOW)


@pytest.mark.parametrize(
    ("made", "gone"),
    [
        (grant(GrantState.revoking, made=True), False),
        (grant(GrantState.revoking, made=True, operation="op-2"), True),
        (grant(GrantState.granting, made=True, operation="op-1"), False),
        (grant(GrantState.revoking, made=True, absent_at=NOW - RELIST_SECONDS + 1), False),
        (grant(GrantState.revoking, made=True, absent_at=NOW - RELIST_SECONDS), True),
        (grant(GrantState.revoking), True),
    ],
    ids=["one list", "a deletion", "a creation", "two lists at once", "two lists apart", "never made"],
)
def test_is_gone_after_creation_needs_two_lists(made: Grant, gone: bool) -> None:
    assert grant_lifecycle.is_gone(made, NOW) is gone
    if not gone:
        with pytest.raises(UnsettledError):
            grant_lifecycle.fail_grant(made, "refused", NOW)


def test_confirm_revoke_left_to_another_holder() -> None:
    assert grant_lifecycle.confirm_revoke(UNSETTLED, NOW, "left to r-2")[0] == grant(GrantState.revoked)


def test_is_settled_after_settle_seconds() -> None:
    assert grant_lifecycle.is_settled(UNSETTLED, NOW + 1)
    assert grant_lifecycle.confirm_revoke(UNSETTLED, NOW + 1)[0] == grant(GrantState.revoked)


def test_is_settled_without_a_call() -> None:
    assert grant_lifecycle.is_settled(grant(), NOW)


# --- every event ------------------------------------------------------------------------------------------------------


@given(st.sampled_from(GrantState), st.lists(st.sampled_from(sorted(ATTEMPTS)), max_size=8))
def test_revoke_at_is_kept_and_never_earlier(state: GrantState, events: list[GrantEvent]) -> None:
    current = grant(state)
    for event in events:
        try:
            after, _ = ATTEMPTS[event](current)
        except (GrantTransitionError, UnsettledError):
            continue
        assert after.revoke_at >= current.revoke_at
        assert (after.request_id, after.access, after.version) == (current.request_id, current.access, current.version)
        current = after


@given(st.sampled_from(GrantState), st.sampled_from(sorted(ATTEMPTS)))
def test_repeated_event_has_no_audit_entry(state: GrantState, event: GrantEvent) -> None:
    try:
        once, _ = ATTEMPTS[event](grant(state))
        twice, audit = ATTEMPTS[event](once)
    except (GrantTransitionError, UnsettledError):
        return
    assert (twice, audit) == (once, ())


def test_plan_grant_is_independent_of_the_request() -> None:
    moved = replace(request(State.approved), accounts=())
    assert grant_lifecycle.plan_grant(moved, PRODUCTION, LATER) == grant_lifecycle.plan_grant(
        request(State.approved), PRODUCTION, LATER
    )
