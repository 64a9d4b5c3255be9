"""Whole refusals, and the fields of requests and grants that an event clears, keeps or sets.

The refusals are in the log, where the person on call finds why a step failed. Allowed events and other results are in
test_request_lifecycle.py and test_grant_lifecycle.py.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from breakglass.app.domain import grant_lifecycle, request_lifecycle
from breakglass.app.domain.grant_lifecycle import GrantEvent, GrantTransitionError, UnsettledError
from breakglass.app.domain.records import (
    SYSTEM,
    Actor,
    Announcement,
    ChannelNotice,
    Grant,
    GrantState,
    Message,
    Request,
    State,
)
from breakglass.app.domain.request_lifecycle import Event, RequestTransitionError
from tests.app.domain.examples import (
    ADA_ACTS,
    ASKED,
    CLEO_ACTS,
    DOT_ACTS,
    approval,
    extension,
    grant,
    request,
)
from tests.app.domain.policies import PRODUCTION, STAGING

NOW = ASKED + 120
LIVE = (grant(GrantState.granted), grant(GrantState.granted, STAGING))
SOME_DAY = ASKED + 10**6

REFUSALS: dict[str, tuple[Callable[[], object], str]] = {
    # sentence: (what is tried, the whole refusal)
    "one's own approval": (
        lambda: request_lifecycle.approve(request(), approval(ADA_ACTS), 1, NOW),
        "approved is not possible for a request that is pending: neither the requester nor the "
        "system approves a request",
    ),
    "the system's approval": (
        lambda: request_lifecycle.approve(request(), approval(SYSTEM), 1, NOW),
        "approved is not possible for a request that is pending: neither the requester nor the "
        "system approves a request",
    ),
    "a second approval": (
        lambda: request_lifecycle.approve(request(approvals=(approval(CLEO_ACTS),)), approval(CLEO_ACTS), 2, NOW),
        "approved is not possible for a request that is pending: this person has approved it already",
    ),
    "an approval after the decision": (
        lambda: request_lifecycle.approve(request(State.denied), approval(CLEO_ACTS), 1, NOW),
        "approved is not possible for a request that is denied",
    ),
    "an expiry too early": (
        lambda: request_lifecycle.expire(request(), NOW),
        "expired is not possible for a request that is pending: there is time left",
    ),
    "a withdrawal by another person": (
        lambda: request_lifecycle.withdraw(request(), CLEO_ACTS, NOW),
        "withdrawn is not possible for a request that is pending: only its requester may",
    ),
    "an opening without an assignment": (
        lambda: request_lifecycle.activate(request(State.granting), [grant(GrantState.failed)], NOW),
        "opened is not possible for a request that is granting: no account has access",
    ),
    "an extension of what is being revoked": (
        lambda: request_lifecycle.extend(request(State.active), (grant(GrantState.revoking),), extension(), NOW),
        "lengthened is not possible for a request that is active: it is being revoked",
    ),
    "an end before all is gone": (
        lambda: request_lifecycle.close(request(State.revoking), LIVE, NOW),
        "closed is not possible for a request that is revoking: not yet verified as revoked in "
        f"{PRODUCTION}, {STAGING}",
    ),
    "an end without the grants": (
        lambda: request_lifecycle.close(request(State.revoking), (), NOW),
        f"closed is not possible for a request that is revoking: the grants of {PRODUCTION}, {STAGING} are missing",
    ),
    "an event of a grant that is over": (
        lambda: grant_lifecycle.confirm_grant(grant(GrantState.revoked), NOW),
        "granted is not possible for a grant that is revoked",
    ),
    "a grant that may still be made": (
        lambda: grant_lifecycle.confirm_revoke(grant(GrantState.revoking, asked_at=NOW), NOW),
        f"the assignment in {PRODUCTION} may still exist or be created",
    ),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_refusal_is_exactly_this(sentence: str) -> None:
    attempt, whole = REFUSALS[sentence]
    with pytest.raises((RequestTransitionError, GrantTransitionError, UnsettledError)) as refusal:
        attempt()
    assert str(refusal.value) == whole


def test_refusal_names_state_and_event() -> None:
    of_request = RequestTransitionError(State.denied, Event.approved)
    of_grant = GrantTransitionError(GrantState.revoked, GrantEvent.granted)
    assert (of_request.state, of_request.event) == (State.denied, Event.approved)
    assert (of_grant.state, of_grant.event) == (GrantState.revoked, GrantEvent.granted)
    assert str(of_request) == "approved is not possible for a request that is denied"


def accounts(count: int) -> tuple[str, ...]:
    return tuple(f"{number:012}" for number in range(count))


@pytest.mark.parametrize("count", [1, 50])
def test_create_with_one_or_the_maximum_of_accounts(count: int) -> None:
    assert request_lifecycle.create(request(accounts=accounts(count))).request.accounts == accounts(count)


@pytest.mark.parametrize("count", [0, 51])
def test_create_with_wrong_number_of_accounts_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"^a request names 1 to 50 different accounts, not {count}$"):
        request_lifecycle.create(request(accounts=accounts(count)))


def test_create_of_any_state_is_pending() -> None:
    created = request_lifecycle.create(request(State.active, revoke_at=None))
    assert (created.request.state, created.request.version) == (State.pending, 0)
    assert [(entry.before, entry.after) for entry in created.audit] == [("", "pending")]


def test_prepare_stores_the_set_arn_in_each_grant() -> None:
    assert {each.set_arn for each in request_lifecycle.prepare(request(State.approved), NOW, "arn:ps").grants} == {
        "arn:ps"
    }
    assert {each.set_arn for each in request_lifecycle.prepare(request(State.approved), NOW).grants} == {""}
    assert grant_lifecycle.plan_grant(request(), PRODUCTION, NOW) == grant_lifecycle.plan_grant(
        request(), PRODUCTION, NOW, ""
    )


def test_update_announcement_channels_keeps_accepted_ones() -> None:
    told = ChannelNotice("C0OLD", Message("C0OLD", "1.1"))
    left, named = ChannelNotice("C0LEFT"), ChannelNotice("C0NAMED")
    broken = request(State.approved, announcement=Announcement((told, left, named)))
    redirected = request_lifecycle.update_announcement_channels(broken, ("C0NAMED", "C0NEW")).request.announcement
    assert redirected == Announcement((told, named, ChannelNotice("C0NEW")))


@pytest.mark.parametrize(
    "answered",
    [
        request(approvals=(approval(CLEO_ACTS, NOW),)),
        request(acknowledged_at=NOW),
        request(closed_by=DOT_ACTS, closed_at=NOW),
    ],
    ids=["approved", "looked", "denied"],
)
def test_unanswered_since_counts_from_each_answer(answered: Request) -> None:
    assert request_lifecycle.unanswered_since(answered) == NOW
    assert request_lifecycle.unanswered_since(request(), [answered]) == NOW


def test_acknowledge_by_last_stored_person_and_the_next() -> None:
    fifty = tuple(Actor(f"u-{number}", "x") for number in range(50))
    assert (
        request_lifecycle.acknowledge(request(acknowledged_by=fifty[:49]), fifty[49], NOW).request.acknowledged_by
        == fifty
    )
    one_more = request_lifecycle.acknowledge(request(acknowledged_by=fifty), CLEO_ACTS, NOW).request
    assert (one_more.acknowledged_by, one_more.acknowledged_at) == (fifty, NOW)


GRANTS: dict[str, tuple[Callable[[Grant], grant_lifecycle.GrantChange], Grant]] = {
    # sentence: (what happens to a grant that has every field, what it becomes)
    "a creation that came to its end is known by what was said before": (
        lambda before: grant_lifecycle.settle_creation(replace(before, made=True)),
        grant(GrantState.granting, failure="busy", made=True, absent_at=ASKED, deny_until=SOME_DAY, set_arn="arn:ps"),
    ),
    "a creation that made nothing": (
        lambda before: grant_lifecycle.settle_creation(replace(before, made=True), made=False),
        grant(GrantState.granting, failure="busy", made=False, absent_at=ASKED, deny_until=SOME_DAY, set_arn="arn:ps"),
    ),
    "a creation that made it": (
        lambda before: grant_lifecycle.settle_creation(before, made=True),
        grant(GrantState.granting, failure="busy", made=True, absent_at=ASKED, deny_until=SOME_DAY, set_arn="arn:ps"),
    ),
    "an assignment that is there": (
        lambda before: grant_lifecycle.confirm_grant(before, NOW),
        grant(GrantState.granted, made=True, deny_until=SOME_DAY, set_arn="arn:ps"),
    ),
    "an assignment that could not be made": (
        lambda before: grant_lifecycle.fail_grant(before, "refused", SOME_DAY),
        grant(GrantState.failed, failure="refused", absent_at=ASKED, deny_until=SOME_DAY, set_arn="arn:ps"),
    ),
    "an assignment that is gone": (
        lambda before: grant_lifecycle.confirm_revoke(before, SOME_DAY),
        grant(GrantState.revoked, failure="busy", deny_until=SOME_DAY, set_arn="arn:ps"),
    ),
    "an assignment that the list still lacks": (
        lambda before: grant_lifecycle.record_absent(before, NOW),
        grant(
            GrantState.granting,
            operation="op-1",
            asked_at=ASKED,
            failure="busy",
            absent_at=ASKED,
            deny_until=SOME_DAY,
            set_arn="arn:ps",
        ),
    ),
    "an assignment that the list lacks for the first time": (
        lambda before: grant_lifecycle.record_absent(replace(before, absent_at=None), NOW),
        grant(
            GrantState.granting,
            operation="op-1",
            asked_at=ASKED,
            failure="busy",
            absent_at=NOW,
            deny_until=SOME_DAY,
            set_arn="arn:ps",
        ),
    ),
}


@pytest.mark.parametrize("sentence", GRANTS)
def test_grant_becomes_exactly_this(sentence: str) -> None:
    change, whole = GRANTS[sentence]
    current = grant(
        GrantState.granting,
        operation="op-1",
        asked_at=ASKED,
        failure="busy",
        absent_at=ASKED,
        deny_until=SOME_DAY,
        set_arn="arn:ps",
    )
    assert change(current)[0] == whole
