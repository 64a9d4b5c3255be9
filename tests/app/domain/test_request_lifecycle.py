"""The lifecycle of a request: every pair of state and event, each result, and repeated events.

Not proved here: that a change is written in one transaction (tests/app/aws), and any order of events with crashes
(test_life).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.records import (
    SYSTEM,
    Access,
    Announcement,
    AuditEntry,
    ChannelNotice,
    Denial,
    Grant,
    GrantState,
    Kind,
    Message,
    Request,
    State,
)
from breakglass.app.domain.request_lifecycle import (
    FINAL,
    MAXIMUM_ACCOUNTS,
    AlreadyApprovedError,
    Change,
    Event,
    RequestTransitionError,
    effective_state,
)
from tests.app.domain.examples import (
    ADA_ACTS,
    ASKED,
    CLEO_ACTS,
    DOT_ACTS,
    EVE_ACTS,
    HOUR,
    approval,
    extension,
    grant,
    request,
)
from tests.app.domain.policies import ADA, PRODUCTION, RDS, STAGING

SOON = ASKED + 120
END = ASKED + 60 + HOUR
GONE = tuple(grant(GrantState.revoked, account) for account in (PRODUCTION, STAGING))
ASKED_FOR = "For: 1 h\nTicket: INC-1\nReason: the restore failed"
CHANNEL, SECOND_CHANNEL = "C0APPROVALS1", "C0SECURITY01"
MESSAGE = Message(CHANNEL, "1764000001.000100")


def line(event: Event, by: Any, before: str, after: str, at: int = SOON, **changes: Any) -> AuditEntry:
    """Return an audit entry of Ada's request, with changes and without Slack IDs."""
    written = AuditEntry(
        at, "r-1", event, replace(by, slack_id=None), RDS, (PRODUCTION, STAGING), "", "", before, after
    )
    return replace(written, **changes)


# --- every state and every event --------------------------------------------------------------------------------------

DUTIES = Announcement((ChannelNotice(CHANNEL), ChannelNotice(SECOND_CHANNEL)))
REFUSED = ChannelNotice(SECOND_CHANNEL, failure="not_in_channel")


def glass(**changes: Any) -> Request:
    """Ada's request, whose glass was broken."""
    return request(State.approved, **{"approvals": (), "glass": True, "announcement": DUTIES, **changes})


def with_duties(current: Request) -> Request:
    """The request, with the duties of a broken glass if it has none."""
    return current if current.announcement is not None else replace(current, announcement=DUTIES)


# The call of each event; the end of the time comes at `END`, every other event soon.
ATTEMPTS: dict[Event, Callable[[Request], Change]] = {
    Event.approval_given: lambda before: request_lifecycle.approve(before, approval(EVE_ACTS), 3, SOON),
    Event.approved: lambda before: request_lifecycle.approve(before, approval(EVE_ACTS), 1, SOON),
    Event.denied: lambda before: request_lifecycle.deny(before, CLEO_ACTS, "not today", "databases", SOON),
    Event.withdrawn: lambda before: request_lifecycle.withdraw(before, ADA_ACTS, SOON),
    Event.expired: lambda before: request_lifecycle.expire(before, before.expires_at),
    Event.glass_broken: lambda before: request_lifecycle.break_glass(
        before, ADA_ACTS, "why", "databases", (CHANNEL,), SOON
    ),
    Event.announced: lambda before: request_lifecycle.record_announcement(with_duties(before), CHANNEL, MESSAGE, SOON),
    Event.acknowledged: lambda before: request_lifecycle.acknowledge(before, CLEO_ACTS, SOON),
    Event.posted: lambda before: request_lifecycle.record_message(before, MESSAGE),
    Event.waiting: lambda before: request_lifecycle.record_token(before, "token"),
    Event.escalated: lambda before: request_lifecycle.record_escalation(before, SOON),
    Event.reminded: lambda before: request_lifecycle.record_reminder(before, SOON),
    Event.prepared: lambda before: request_lifecycle.prepare(before, SOON),
    Event.opened: lambda before: request_lifecycle.activate(before, [grant(GrantState.granted)], SOON),
    Event.failed: lambda before: request_lifecycle.fail(before, "refused", SOON, GONE),
    Event.returned: lambda before: request_lifecycle.revoke_request(before, ADA_ACTS, "", SOON),
    Event.ended_early: lambda before: request_lifecycle.revoke_request(before, DOT_ACTS, "enough", SOON),
    Event.run_out: lambda before: request_lifecycle.revoke_request(replace(before, revoke_at=END), SYSTEM, "", END),
    Event.abandoned: lambda before: request_lifecycle.revoke_request(before, SYSTEM, "it broke", SOON),
    Event.lengthened: lambda before: request_lifecycle.extend(before, (), extension(), ASKED + 1800),
    Event.extended: lambda before: request_lifecycle.close_extension(replace(before, kind=Kind.extension), SOON),
    Event.closed: lambda before: request_lifecycle.close(before, GONE, SOON),
}

# state -> event -> state after; everything else is refused. Read beside `REQUEST_TABLE`, it says the same again.
ALLOWED: dict[str, dict[str, str]] = {
    "pending": {
        "approval_given": "pending",
        "approved": "approved",
        "denied": "denied",
        "withdrawn": "withdrawn",
        "expired": "expired",
        "glass_broken": "approved",
        "acknowledged": "pending",
        "escalated": "pending",
        "reminded": "pending",
        "failed": "failed",
    },
    "approved": {
        "announced": "approved",
        "reminded": "approved",
        "prepared": "granting",
        "failed": "failed",
        "extended": "ended",
        "returned": "revoking",
        "ended_early": "revoking",
        "run_out": "revoking",
        "abandoned": "revoking",
    },
    "granting": {
        "announced": "granting",
        "reminded": "granting",
        "opened": "active",
        "failed": "failed",
        "returned": "revoking",
        "ended_early": "revoking",
        "run_out": "revoking",
        "abandoned": "revoking",
    },
    "active": {
        "announced": "active",
        "reminded": "active",
        "lengthened": "active",
        "returned": "revoking",
        "ended_early": "revoking",
        "run_out": "revoking",
        "abandoned": "revoking",
    },
    "revoking": {"announced": "revoking", "reminded": "revoking", "closed": "ended"},
    "ended": {"announced": "ended"},
    "denied": {},
    "expired": {},
    "withdrawn": {},
    "failed": {"announced": "failed"},
}


@pytest.mark.parametrize("event", ATTEMPTS)
@pytest.mark.parametrize("state", State)
def test_event_is_possible_only_as_the_table_says(state: State, event: Event) -> None:
    after = ALLOWED[state].get(event)
    if event in (Event.posted, Event.waiting):
        # A message or a token may come after the decision.
        assert ATTEMPTS[event](request(state)).request.state is state
    elif after is None:
        with pytest.raises(RequestTransitionError):
            ATTEMPTS[event](request(state))
    else:
        change = ATTEMPTS[event](request(state))
        assert change.request.state == after
        assert [(entry.event, entry.before, entry.after) for entry in change.audit] == [(event, state, after)]


def test_request_table_is_exactly_this() -> None:
    free = {(state, event): state for state in State for event in (Event.posted, Event.waiting)}
    written = {(State(s), Event(event)): State(after) for s, row in ALLOWED.items() for event, after in row.items()}
    assert {**written, **free} == request_lifecycle.REQUEST_TABLE


def test_request_table_has_every_event_and_final_states() -> None:
    assert set(ATTEMPTS) == set(Event) - {Event.requested}
    assert {State(state) for state, row in ALLOWED.items() if set(row.values()) <= {state}} == FINAL


def test_every_state_can_be_reached() -> None:
    reached = {State.pending}
    for _ in State:
        reached |= {after for (before, _), after in request_lifecycle.REQUEST_TABLE.items() if before in reached}
    assert reached == set(State)


# --- results ----------------------------------------------------------------------------------------------------------

CHANGES: dict[str, tuple[Callable[[], Change], Change]] = {
    # sentence: (the event, the expected change)
    "a request begins with how long, by which ticket and why in the trail": (
        lambda: request_lifecycle.create(request(version=7)),
        Change(
            request(version=0),
            (line(Event.requested, ADA_ACTS, "", "pending", ASKED, note=ASKED_FOR, rule="databases"),),
        ),
    ),
    "an extension begins with what it extends": (
        lambda: request_lifecycle.create(extension(State.pending, ticket="")),
        Change(
            extension(State.pending, ticket="", version=0),
            (
                line(
                    Event.requested,
                    ADA_ACTS,
                    "",
                    "pending",
                    ASKED + 1700,
                    subject="r-2",
                    note="For: 1 h\nExtends: r-1\nReason: the restore failed",
                    rule="databases",
                ),
            ),
        ),
    ),
    "one of two approvals leaves it undecided": (
        lambda: request_lifecycle.approve(request(), approval(CLEO_ACTS), 2, SOON),
        Change(
            request(approvals=(approval(CLEO_ACTS),)),
            (line(Event.approval_given, CLEO_ACTS, "pending", "pending", rule="databases"),),
        ),
    ),
    "the second of two decides it": (
        lambda: request_lifecycle.approve(request(approvals=(approval(CLEO_ACTS),)), approval(DOT_ACTS), 2, SOON),
        Change(
            request(State.approved, approvals=(approval(CLEO_ACTS), approval(DOT_ACTS)), decided_at=SOON),
            (line(Event.approved, DOT_ACTS, "pending", "approved", rule="databases"),),
        ),
    ),
    "what an approver adds is in the trail": (
        lambda: request_lifecycle.approve(request(), replace(approval(CLEO_ACTS), note="be careful"), 1, SOON),
        Change(
            request(State.approved, approvals=(replace(approval(CLEO_ACTS), note="be careful"),), decided_at=SOON),
            (line(Event.approved, CLEO_ACTS, "pending", "approved", rule="databases", note="be careful"),),
        ),
    ),
    "a denial keeps who and why": (
        lambda: request_lifecycle.deny(request(), CLEO_ACTS, "not today", "databases", SOON),
        Change(
            request(State.denied, closed_by=CLEO_ACTS, closed_at=SOON, note="not today"),
            (line(Event.denied, CLEO_ACTS, "pending", "denied", rule="databases", note="not today"),),
            denial=Denial("r-1", ADA.user_id, RDS, (PRODUCTION, STAGING), CLEO_ACTS, SOON),
        ),
    ),
    "a request is withdrawn by its requester": (
        lambda: request_lifecycle.withdraw(request(), ADA_ACTS, SOON),
        Change(
            request(State.withdrawn, closed_by=ADA_ACTS, closed_at=SOON),
            (line(Event.withdrawn, ADA_ACTS, "pending", "withdrawn"),),
        ),
    ),
    "an unanswered request expires": (
        lambda: request_lifecycle.expire(request(), ASKED + 1800),
        Change(
            request(State.expired, closed_at=ASKED + 1800),
            (line(Event.expired, SYSTEM, "pending", "expired", ASKED + 1800),),
        ),
    ),
    "breaking the glass keeps the second justification": (
        lambda: request_lifecycle.break_glass(
            request(), ADA_ACTS, "nobody is awake", "databases", (CHANNEL, SECOND_CHANNEL), SOON
        ),
        Change(
            request(
                State.approved,
                approvals=(),
                decided_at=SOON,
                glass=True,
                justification="nobody is awake",
                announcement=Announcement((ChannelNotice(CHANNEL), ChannelNotice(SECOND_CHANNEL)), paged=False),
            ),
            (line(Event.glass_broken, ADA_ACTS, "pending", "approved", rule="databases", note="nobody is awake"),),
        ),
    ),
    "somebody looks": (
        lambda: request_lifecycle.acknowledge(request(), CLEO_ACTS, SOON),
        Change(
            request(acknowledged_by=(CLEO_ACTS,), acknowledged_at=SOON),
            (line(Event.acknowledged, CLEO_ACTS, "pending", "pending"),),
        ),
    ),
    "the same person looks again, a minute later": (
        lambda: request_lifecycle.acknowledge(
            request(acknowledged_by=(CLEO_ACTS,), acknowledged_at=SOON - 60), CLEO_ACTS, SOON
        ),
        Change(
            request(acknowledged_by=(CLEO_ACTS,), acknowledged_at=SOON),
            (line(Event.acknowledged, CLEO_ACTS, "pending", "pending"),),
        ),
    ),
    "Slack accepts an announcement": (
        lambda: request_lifecycle.record_announcement(glass(), CHANNEL, MESSAGE, SOON),
        Change(
            glass(announcement=Announcement((ChannelNotice(CHANNEL, MESSAGE), ChannelNotice(SECOND_CHANNEL)))),
            (line(Event.announced, SYSTEM, "approved", "approved", note=CHANNEL),),
        ),
    ),
    "Slack refuses an announcement": (
        lambda: request_lifecycle.record_announcement_failure(glass(), SECOND_CHANNEL, "not_in_channel"),
        Change(glass(announcement=Announcement((ChannelNotice(CHANNEL), REFUSED)))),
    ),
    "a channel that is replaced is announced in the new one": (
        lambda: request_lifecycle.update_announcement_channels(
            glass(announcement=Announcement((ChannelNotice(CHANNEL, MESSAGE), REFUSED))), (CHANNEL, "C0NEW")
        ),
        Change(glass(announcement=Announcement((ChannelNotice(CHANNEL, MESSAGE), ChannelNotice("C0NEW"))))),
    ),
    "the explanation is required": (
        lambda: request_lifecycle.require_explanation(glass()),
        Change(glass(announcement=replace(DUTIES, explanation_required=True))),
    ),
    "the page is out": (
        lambda: request_lifecycle.record_page(glass(announcement=replace(DUTIES, paged=False))),
        Change(glass()),
    ),
    "the message is kept without a line in the trail": (
        lambda: request_lifecycle.record_message(request(), MESSAGE),
        Change(request(message=MESSAGE)),
    ),
    "so is the token": (lambda: request_lifecycle.record_token(request(), "token"), Change(request(token="token"))),
    "an escalation is a reminder, too": (
        lambda: request_lifecycle.record_escalation(request(), SOON),
        Change(request(escalated=True, reminded_at=SOON), (line(Event.escalated, SYSTEM, "pending", "pending"),)),
    ),
    "a reminder keeps when it was": (
        lambda: request_lifecycle.record_reminder(request(), SOON),
        Change(request(reminded_at=SOON), (line(Event.reminded, SYSTEM, "pending", "pending"),)),
    ),
    "the end is counted from the decision and recorded with every grant, before any is made": (
        lambda: request_lifecycle.prepare(request(State.approved), SOON),
        Change(
            request(State.granting),
            (line(Event.prepared, SYSTEM, "approved", "granting"),),
            tuple(
                Grant("r-1", Access(ADA.user_id, RDS, account), GrantState.planned, END)
                for account in (PRODUCTION, STAGING)
            ),
        ),
    ),
    "it is open where it could be opened": (
        lambda: request_lifecycle.activate(
            request(State.granting), [grant(GrantState.failed), grant(GrantState.granted, STAGING)], SOON
        ),
        Change(request(State.active), (line(Event.opened, SYSTEM, "granting", "active", accounts=(STAGING,)),)),
    ),
    "a failure keeps what failed": (
        lambda: request_lifecycle.fail(
            request(State.granting), "refused", SOON, [grant(GrantState.failed), grant(GrantState.failed, STAGING)]
        ),
        Change(
            replace(request(State.granting), state=State.failed, note="refused", closed_at=SOON),
            (line(Event.failed, SYSTEM, "granting", "failed", note="refused"),),
        ),
    ),
    "access is given back": (
        lambda: request_lifecycle.revoke_request(request(State.active), ADA_ACTS, "", SOON),
        Change(
            request(State.revoking, closed_by=ADA_ACTS, closed_at=SOON),
            (line(Event.returned, ADA_ACTS, "active", "revoking"),),
        ),
    ),
    "access is ended for a reason": (
        lambda: request_lifecycle.revoke_request(request(State.active), DOT_ACTS, "enough", SOON),
        Change(
            request(State.revoking, closed_by=DOT_ACTS, closed_at=SOON, note="enough"),
            (line(Event.ended_early, DOT_ACTS, "active", "revoking", note="enough"),),
        ),
    ),
    "access runs out": (
        lambda: request_lifecycle.revoke_request(request(State.active), SYSTEM, "", END),
        Change(
            request(State.revoking, closed_by=SYSTEM, closed_at=END),
            (line(Event.run_out, SYSTEM, "active", "revoking", END),),
        ),
    ),
    "what is approved and not yet open is ended, too": (
        lambda: request_lifecycle.revoke_request(request(State.approved), DOT_ACTS, "a mistake", SOON),
        Change(
            request(State.revoking, closed_by=DOT_ACTS, closed_at=SOON, note="a mistake", revoke_at=None),
            (line(Event.ended_early, DOT_ACTS, "approved", "revoking", note="a mistake"),),
        ),
    ),
    "an extension counts from its own decision": (
        lambda: request_lifecycle.extend(
            request(State.active), [grant(GrantState.granted), grant(GrantState.failed, STAGING)], extension(), SOON
        ),
        Change(
            request(State.active, revoke_at=ASKED + 1800 + HOUR),
            (line(Event.lengthened, SYSTEM, "active", "active", note="r-2"),),
            (grant(GrantState.granted, revoke_at=ASKED + 1800 + HOUR),),
        ),
    ),
    "an extension that has moved the end is over": (
        lambda: request_lifecycle.close_extension(extension(), SOON),
        Change(
            extension(State.ended, closed_at=SOON),
            (line(Event.extended, SYSTEM, "approved", "ended", subject="r-2"),),
        ),
    ),
    "a request is over when all of it is gone": (
        lambda: request_lifecycle.close(request(State.revoking), GONE, SOON),
        Change(request(State.ended), (line(Event.closed, SYSTEM, "revoking", "ended"),)),
    ),
    "one that was never prepared has nothing to be gone": (
        lambda: request_lifecycle.close(request(State.revoking, revoke_at=None), (), SOON),
        Change(request(State.ended, revoke_at=None), (line(Event.closed, SYSTEM, "revoking", "ended"),)),
    ),
}


@pytest.mark.parametrize("sentence", CHANGES)
def test_event_result(sentence: str) -> None:
    change, expected = CHANGES[sentence]
    assert change() == expected


# --- no change --------------------------------------------------------------------------------------------------------

LONGER = ASKED + 1800 + HOUR
OPEN = (grant(GrantState.granted),)
UNCHANGED: dict[str, tuple[Request, Callable[[Request], Change]]] = {
    "who looks a second time at once": (
        request(acknowledged_by=(CLEO_ACTS,), acknowledged_at=SOON - 59),
        lambda before: request_lifecycle.acknowledge(before, CLEO_ACTS, SOON),
    ),
    "Slack accepts an announcement a second time": (
        glass(announcement=Announcement((ChannelNotice(CHANNEL, MESSAGE),))),
        lambda before: request_lifecycle.record_announcement(before, CHANNEL, MESSAGE, SOON),
    ),
    "a refusal after the announcement was accepted": (
        glass(announcement=Announcement((ChannelNotice(CHANNEL, MESSAGE),))),
        lambda before: request_lifecycle.record_announcement_failure(before, CHANNEL, "timeout"),
    ),
    "a request that was approved owes no announcement": (
        request(State.approved),
        lambda before: request_lifecycle.record_announcement(before, CHANNEL, MESSAGE, SOON),
    ),
    "a channel is replaced after all is done": (
        glass(announcement=Announcement((ChannelNotice(CHANNEL, MESSAGE),), explanation_required=True)),
        lambda before: request_lifecycle.update_announcement_channels(before, (CHANNEL, "C0NEW")),
    ),
    "a second escalation": (request(escalated=True), lambda before: request_lifecycle.record_escalation(before, SOON)),
    "an extension that moved the end before": (
        request(State.active, revoke_at=LONGER),
        lambda before: request_lifecycle.extend(before, OPEN, extension(), SOON),
    ),
    "also if the access has ended since": (
        request(State.ended, revoke_at=LONGER),
        lambda before: request_lifecycle.extend(before, GONE, extension(), SOON),
    ),
    "an extension that would end it earlier": (
        request(State.active),
        lambda before: request_lifecycle.extend(before, OPEN, extension(duration=60), SOON),
    ),
    "the same message": (request(message=MESSAGE), lambda before: request_lifecycle.record_message(before, MESSAGE)),
    "the same token": (request(token="token"), lambda before: request_lifecycle.record_token(before, "token")),
}


@pytest.mark.parametrize("sentence", UNCHANGED)
def test_event_changes_nothing(sentence: str) -> None:
    current, change = UNCHANGED[sentence]
    assert change(current) == Change(current)


# --- refusals ---------------------------------------------------------------------------------------------------------

REFUSALS: dict[str, tuple[Callable[[], Change], str]] = {
    "a requester can't approve": (
        lambda: request_lifecycle.approve(request(), approval(ADA_ACTS), 1, SOON),
        "neither the requester",
    ),
    "not even from another Slack account": (
        lambda: request_lifecycle.approve(request(), approval(replace(ADA_ACTS, slack_id="UOTHER")), 1, SOON),
        "neither the requester",
    ),
    "the system approves nothing": (
        lambda: request_lifecycle.approve(request(), approval(SYSTEM), 1, SOON),
        "nor the system approves",
    ),
    "one person is one approval": (
        lambda: request_lifecycle.approve(request(approvals=(approval(CLEO_ACTS),)), approval(CLEO_ACTS), 2, SOON),
        "has approved it already",
    ),
    "what has expired is not approved any more, written down or not": (
        lambda: request_lifecycle.approve(request(), approval(CLEO_ACTS), 1, ASKED + 1800),
        "that is expired",
    ),
    "nor denied": (
        lambda: request_lifecycle.deny(request(), CLEO_ACTS, "", "databases", ASKED + 1800),
        "that is expired",
    ),
    "nor withdrawn": (lambda: request_lifecycle.withdraw(request(), ADA_ACTS, ASKED + 1800), "that is expired"),
    "nor looked at": (lambda: request_lifecycle.acknowledge(request(), CLEO_ACTS, ASKED + 1800), "that is expired"),
    "nor is its glass broken": (
        lambda: request_lifecycle.break_glass(
            request(), ADA_ACTS, "", "databases", (CHANNEL, SECOND_CHANNEL), ASKED + 1800
        ),
        "that is expired",
    ),
    "nothing expires a second early": (lambda: request_lifecycle.expire(request(), ASKED + 1799), "there is time left"),
    "only the requester withdraws": (
        lambda: request_lifecycle.withdraw(request(), CLEO_ACTS, SOON),
        "only its requester",
    ),
    "only the requester breaks the glass": (
        lambda: request_lifecycle.break_glass(request(), CLEO_ACTS, "", "databases", (CHANNEL, SECOND_CHANNEL), SOON),
        "only its requester",
    ),
    "an extension prepares nothing": (lambda: request_lifecycle.prepare(extension(), SOON), "its kind is extension"),
    "an extension is not ended": (
        lambda: request_lifecycle.revoke_request(extension(), DOT_ACTS, "", SOON),
        "its kind is extension",
    ),
    "access is not extended by itself": (
        lambda: request_lifecycle.close_extension(request(State.approved), SOON),
        "its kind is access",
    ),
    "nothing is open without a grant that was made": (
        lambda: request_lifecycle.activate(request(State.granting), [grant(GrantState.granting)], SOON),
        "no account has access",
    ),
    "no failure while a grant is missing": (
        lambda: request_lifecycle.fail(request(State.granting), "", SOON, [grant(GrantState.failed)]),
        f"the grants of {STAGING} are missing",
    ),
    "nothing has failed while some of it may be there": (
        lambda: request_lifecycle.fail(request(State.granting), "", SOON, [grant(GrantState.granting)]),
        f"not yet verified as revoked in {PRODUCTION}",
    ),
    "nothing is over while some of it may be there": (
        lambda: request_lifecycle.close(request(State.revoking), (GONE[0], grant(GrantState.revoking, STAGING)), SOON),
        f"not yet verified as revoked in {STAGING}",
    ),
    "nor while nothing is known of an account": (
        lambda: request_lifecycle.close(request(State.revoking), GONE[:1], SOON),
        f"the grants of {STAGING} are missing",
    ),
    "an extension that is not approved extends nothing": (
        lambda: request_lifecycle.extend(request(State.active), (), extension(State.pending), SOON),
        "no approved extension",
    ),
    "an extension of another request extends nothing": (
        lambda: request_lifecycle.extend(request(State.active), (), extension(parent="r-9"), SOON),
        "no approved extension",
    ),
    "nor does an extension of another person": (
        lambda: request_lifecycle.extend(request(State.active), (), extension(requester=EVE_ACTS), SOON),
        "no approved extension",
    ),
    "nor one for other accounts": (
        lambda: request_lifecycle.extend(request(State.active), (), extension(accounts=(PRODUCTION,)), SOON),
        "no approved extension",
    ),
    "nor one of access that is being revoked": (
        lambda: request_lifecycle.extend(request(State.active), GONE, extension(), SOON),
        "it is being revoked",
    ),
    "access is no extension": (
        lambda: request_lifecycle.extend(request(State.active), (), request(State.approved, parent="r-1"), SOON),
        "no approved extension",
    ),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_event_is_refused(sentence: str) -> None:
    attempt, why = REFUSALS[sentence]
    with pytest.raises(RequestTransitionError, match=why):
        attempt()


def test_approve_twice_has_its_own_error() -> None:
    with pytest.raises(AlreadyApprovedError):
        request_lifecycle.approve(request(approvals=(approval(CLEO_ACTS),)), approval(CLEO_ACTS), 2, SOON)


def test_transition_error_has_state_and_event() -> None:
    with pytest.raises(RequestTransitionError) as refusal:
        request_lifecycle.approve(request(), approval(CLEO_ACTS), 1, ASKED + 1800)
    assert (refusal.value.state, refusal.value.event) == (State.expired, Event.approved)


@pytest.mark.parametrize("accounts", [(), (PRODUCTION, PRODUCTION), tuple(f"{n:012d}" for n in range(51))])
def test_create_refuses_wrong_accounts(accounts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="1 to 50 different accounts"):
        request_lifecycle.create(request(accounts=accounts))


def test_largest_request_fits_into_one_transaction() -> None:
    largest = request(State.approved, accounts=tuple(f"{n:012d}" for n in range(MAXIMUM_ACCOUNTS)))
    change = request_lifecycle.prepare(largest, SOON)
    assert 1 + len(change.grants) + len(change.audit) <= 100


# --- every event ------------------------------------------------------------------------------------------------------

times = st.integers(ASKED - HOUR, ASKED + 3 * HOUR)


@given(st.sampled_from(State), times)
def test_effective_state_expires_only_pending_requests(state: State, now: int) -> None:
    stands = effective_state(request(state), now)
    assert stands is (State.expired if state is State.pending and now >= ASKED + 1800 else state)


SILENCES: dict[str, tuple[Request, tuple[Request, ...], int]] = {
    # sentence: (request, others, seconds after it was asked)
    "since it was asked": (request(), (), 0),
    "since a person looked": (request(acknowledged_by=(CLEO_ACTS,), acknowledged_at=ASKED + 50), (), 50),
    "since a person approved": (request(approvals=(approval(CLEO_ACTS, ASKED + 60),)), (), 60),
    "since a person looked at another request": (request(), (request(acknowledged_at=ASKED + 70),), 70),
    "since a person approved another one": (request(), (request(approvals=(approval(CLEO_ACTS, ASKED + 60),)),), 60),
    "since a person denied another one": (request(), (request(closed_by=CLEO_ACTS, closed_at=ASKED + 80),), 80),
    "not since its requester withdrew another one": (
        request(),
        (request(closed_by=ADA_ACTS, closed_at=ASKED + 80),),
        0,
    ),
    "not since the system ended another one": (request(), (request(closed_by=SYSTEM, closed_at=ASKED + 80),), 0),
    "not since an answer in another account": (
        request(accounts=(PRODUCTION,)),
        (request(accounts=(STAGING,), acknowledged_at=ASKED + 70),),
        0,
    ),
    "not since a later request": (request(), (request(created_at=ASKED + 90),), 0),
}


@pytest.mark.parametrize("sentence", SILENCES)
def test_unanswered_since(sentence: str) -> None:
    current, others, seconds = SILENCES[sentence]
    assert request_lifecycle.unanswered_since(current, others) == ASKED + seconds


@given(st.sampled_from(sorted(ATTEMPTS)), st.sampled_from(State))
def test_repeated_event_changes_nothing(event: Event, state: State) -> None:
    """A repeated event is refused, or changes nothing."""
    try:
        once = ATTEMPTS[event](request(state)).request
        twice = ATTEMPTS[event](once)
    except RequestTransitionError:
        return
    # Reminders may be repeated: the workflow makes them, not a click.
    assert twice == Change(once) or event is Event.reminded


@given(st.lists(st.sampled_from([CLEO_ACTS, DOT_ACTS, EVE_ACTS, ADA_ACTS, SYSTEM]), max_size=8), st.integers(1, 3))
def test_approve_needs_enough_different_people(clicks: list[Any], required: int) -> None:
    current = request()
    for by in clicks:
        try:
            current = request_lifecycle.approve(current, approval(by), required, SOON).request
        except RequestTransitionError:
            continue
    people = {by.user_id for by in clicks} - {ADA.user_id, ""}
    assert (current.state is State.approved) is (len(people) >= required)
    assert len(current.approvals) == min(len(people), required)
    assert (current.decided_at is not None) is (current.state is State.approved)


@given(st.integers(1, 4 * HOUR), st.integers(1, 4 * HOUR), st.integers(0, HOUR))
def test_extend_is_never_earlier_or_later_than_approved(first: int, more: int, decided_after: int) -> None:
    parent = request(State.active, revoke_at=ASKED + first)
    approved = extension(duration=more, decided_at=ASKED + decided_after)
    open_grants = [grant(GrantState.granted, revoke_at=ASKED + first)]
    change = request_lifecycle.extend(parent, open_grants, approved, ASKED + 2 * HOUR)
    assert change.request.revoke_at == max(ASKED + first, ASKED + decided_after + more)
    for moved in change.grants:
        assert moved.revoke_at == change.request.revoke_at
    assert request_lifecycle.extend(change.request, change.grants, approved, ASKED + 3 * HOUR) == Change(change.request)


@given(times)
def test_prepare_counts_the_end_from_the_decision(now: int) -> None:
    change = request_lifecycle.prepare(request(State.approved), now)
    assert {each.revoke_at for each in change.grants} == {change.request.revoke_at} == {END}
