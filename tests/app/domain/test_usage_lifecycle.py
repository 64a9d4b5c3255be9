"""Usages: parsed evidence, the records of one usage, explanation and acceptance.

Not proved here: that an alert's button holds this value (tests/unit/alerts), and the identity of the user
(`services.usage_reviews`).
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breakglass.app.domain import usage_lifecycle
from breakglass.app.domain.records import (
    SYSTEM,
    Actor,
    AuditEntry,
    Explanation,
    Kind,
    Request,
    State,
    Usage,
    UsageState,
)
from breakglass.app.domain.usage_lifecycle import (
    MAXIMUM_EVENTS,
    Evidence,
    EvidencePath,
    UsageChange,
    UsageEvent,
    UsageTransitionError,
    parse_evidence,
)
from breakglass.vocabulary import ROLE_PATHS
from breakglass.vocabulary import EvidencePath as EveryPath
from tests.app.domain.examples import (
    ADA_ACTS,
    ASKED,
    CLEO_ACTS,
    DOT_ACTS,
    HOUR,
    explanation,
    request,
    use,
)
from tests.app.domain.policies import ADA, PRODUCTION, RDS, STAGING

EVENT = "0f3a1b2c-0000-4000-8000-000000000001"
TIME = "2025-11-24T16:00:00Z"
SESSION = f"arn:aws:sts::{PRODUCTION}:assumed-role/AWSReservedSSO_{RDS}_8aceb16634d294af/ada"
LATER = ASKED + 2 * HOUR
VERSION = usage_lifecycle.explanation_version(explanation())


def value(
    role: str = RDS,
    path: str = "session_start",
    account: str = PRODUCTION,
    event_id: str = EVENT,
    time: str = TIME,
    who: str = "ada",
) -> str:
    """Return the value of an alert's button, with changes."""
    return "|".join((role, path, account, event_id, time, who))


def seen(
    path: EvidencePath = EvidencePath.session_start, event_id: str = "e-2", at: int = ASKED, **changes: Any
) -> Evidence:
    """A record about Ada's session in production, with changes."""
    who = {
        EvidencePath.portal: ADA.user_id,
        EvidencePath.session_start: ADA.user_name,
        EvidencePath.console: SESSION,
        EvidencePath.login: SESSION,
    }
    return replace(Evidence(RDS, path, PRODUCTION, event_id, at, who[path]), **changes)


FULL = use(event_ids=tuple(f"e-{n}" for n in range(100, 100 + MAXIMUM_EVENTS)))

# --- evidence ---------------------------------------------------------------------------------------------------------

GOOD: dict[str, tuple[str, Evidence]] = {
    "the start of a session names the session": (
        value(),
        Evidence(RDS, EvidencePath.session_start, PRODUCTION, EVENT, ASKED, "ada"),
    ),
    "the portal names a user id": (
        value(path="portal", who="93c41832-5021-7042-b3a5-b7b8a5e1a2a0"),
        Evidence(RDS, EvidencePath.portal, PRODUCTION, EVENT, ASKED, "93c41832-5021-7042-b3a5-b7b8a5e1a2a0"),
    ),
    "the console names the session's ARN": (
        value(path="console", who=SESSION),
        Evidence(RDS, EvidencePath.console, PRODUCTION, EVENT, ASKED, SESSION),
    ),
    "a record without a user is a usage too": (
        value(path="portal", who=""),
        Evidence(RDS, EvidencePath.portal, PRODUCTION, EVENT, ASKED, ""),
    ),
    "an alert of an earlier version has an empty field first": (
        "|" + value(),
        Evidence(RDS, EvidencePath.session_start, PRODUCTION, EVENT, ASKED, "ada"),
    ),
    "a leap day is a day": (
        value(time="2024-02-29T23:59:59Z"),
        Evidence(RDS, EvidencePath.session_start, PRODUCTION, EVENT, 1_709_251_199, "ada"),
    ),
}


@pytest.mark.parametrize("sentence", GOOD)
def test_parse_evidence(sentence: str) -> None:
    text, expected = GOOD[sentence]
    assert parse_evidence(text) == expected


BAD: dict[str, tuple[str, str]] = {
    "nothing": ("", "expected six fields"),
    "a field too many": (value() + "|", "expected six fields"),
    "a field too few": (value().rpartition("|")[0], "expected six fields"),
    "a drill of an earlier version": ("DRILL: |" + value(), "expected six fields"),
    "two empty fields first": ("||" + value(), "expected six fields"),
    "no role": (value(role=""), "not a valid role"),
    "a role that no role is called": (value(role="x\ny"), "not a valid role"),
    "a role that is too long": (value(role="r" * 65), "not a valid role"),
    "a refused attempt, since nothing was used": (value(path="denied", who=""), "not a valid path"),
    "an unknown path": (value(path="door"), "not a valid path"),
    "a short account": (value(account="1234"), "not a valid account"),
    "digits that are none of ASCII's": (value(account="٢" * 12), "not a valid account"),
    "no event": (value(event_id=""), "not a valid event id"),
    "an event with a line end": (value(event_id=EVENT + "\n"), "not a valid event id"),
    "a time with an offset": (value(time="2025-11-24T16:00:00+00:00"), "not a valid time"),
    "a time that never was": (value(time="2025-02-29T16:00:00Z"), "not a valid time"),
    "the year nought": (value(time="0000-01-01T00:00:00Z"), "not a valid time"),
    "a session with a mention in it": (value(who="<!channel>"), "not a valid user"),
    "a session's ARN where a name is expected": (value(who=SESSION), "not a valid user"),
    "a name where a session's ARN is expected": (value(path="console", who="ada"), "not a valid user"),
    "the ARN of a role": (value(path="console", who=f"arn:aws:iam::{PRODUCTION}:role/x"), "not a valid user"),
    "a malformed user ID": (value(path="portal", who="ada@example.com"), "not a valid user"),
}


@pytest.mark.parametrize("sentence", BAD)
def test_parse_evidence_refuses(sentence: str) -> None:
    text, why = BAD[sentence]
    with pytest.raises(ValueError, match=why):
        parse_evidence(text)


def one_field_changed(place: int, text: str) -> str:
    """A good value with something else in one place."""
    fields = value().split("|")
    return "|".join([*fields[:place], text, *fields[place + 1 :]])


any_values = st.one_of(
    st.text(),
    st.lists(st.text(max_size=40), min_size=6, max_size=6).map("|".join),
    st.builds(one_field_changed, st.integers(0, 5), st.text(max_size=8) | st.text("abcdefg-0123456789", max_size=12)),
)


@given(any_values)
@example(value())
@example("|" + value())
@example(value(role="network-break-glass"))
def test_parse_evidence_of_any_text_repeats_nothing(text: str) -> None:
    try:
        found, refusal = parse_evidence(text), ""
    except ValueError as error:
        found, refusal = None, str(error)
    assert (found is None) is (refusal in REASONS)
    if found is not None:
        assert text.removeprefix("|").split("|")[:4] == [found.role, found.path, found.account, found.event_id]


REASONS = {
    "expected six fields",
    "not a valid role",
    "not a valid path",
    "not a valid account",
    "not a valid event id",
    "not a valid time",
    "not a valid user",
}


def test_paths_are_those_of_the_alerts() -> None:
    assert {path.value for path in EvidencePath} == {path.value for path in ROLE_PATHS} - {EveryPath.denied.value}


def test_user_of_each_evidence_path() -> None:
    assert [usage_lifecycle.session_name(seen(path)) for path in EvidencePath] == ["ada", ADA.user_id, "ada", "ada"]
    assert [path for path in EvidencePath if usage_lifecycle.has_user_id(seen(path))] == [EvidencePath.portal]


# --- which records are one use ----------------------------------------------------------------------------------------

TOGETHER: dict[str, tuple[Usage, Evidence, str, bool]] = {
    # sentence: (the use, the record, who it was by id, whether it belongs)
    "the console after the session": (use(), seen(EvidencePath.console, at=ASKED + 300), ADA.user_id, True),
    "the portal that is told late": (use(), seen(EvidencePath.portal, at=ASKED - 60), ADA.user_id, True),
    "a session's length after": (use(), seen(at=ASKED + HOUR), ADA.user_id, True),
    "a second more": (use(), seen(at=ASKED + HOUR + 1), ADA.user_id, False),
    "a session's length before": (use(), seen(at=ASKED - HOUR), ADA.user_id, True),
    "a second before that": (use(), seen(at=ASKED - HOUR - 1), ADA.user_id, False),
    "somebody else": (use(), seen(who="eve"), "u-eve", False),
    "another role": (use(), seen(role="network-break-glass"), ADA.user_id, False),
    "a role with more to its name": (use(), seen(role=f"{RDS}_x"), ADA.user_id, False),
    "another account": (use(), seen(account=STAGING), ADA.user_id, False),
    "an unknown person, for the usage of a known one": (use(), seen(), "", False),
    "a known person, for the usage of an unknown one": (use(user_id=""), seen(), ADA.user_id, False),
    "an unknown person with the same session name": (use(user_id=""), seen(EvidencePath.console), "", True),
    "an unknown person with another session name": (use(user_id=""), seen(who="eve"), "", False),
    "an unknown person without a session name": (use(user_id="", session_name=""), seen(who=""), "", False),
    "the same record again, whenever": (use(), seen(event_id="e-1", at=LATER), ADA.user_id, True),
    "what happened before the explanation": (
        use(state=UsageState.explained, explanation=explanation(at=ASKED + 600)),
        seen(at=ASKED + 600),
        ADA.user_id,
        True,
    ),
    "what happens after the explanation": (
        use(state=UsageState.accepted, explanation=explanation(at=ASKED + 600)),
        seen(at=ASKED + 601),
        ADA.user_id,
        False,
    ),
    "one record more than a use remembers": (FULL, seen(), ADA.user_id, True),
}


def test_add_evidence_stops_at_the_maximum() -> None:
    assert usage_lifecycle.add_evidence(FULL, seen()) == (FULL, ())


@pytest.mark.parametrize("sentence", TOGETHER)
def test_is_part_of(sentence: str) -> None:
    known, record, user_id, expected = TOGETHER[sentence]
    assert usage_lifecycle.is_part_of(known, record, user_id, HOUR) is expected


RECORDS = (
    seen(EvidencePath.portal, "e-portal", ASKED - 2),
    seen(EvidencePath.session_start, "e-start", ASKED),
    seen(EvidencePath.console, "e-console", ASKED + 5),
)


@pytest.mark.parametrize("order", list(permutations(RECORDS)), ids=lambda order: "-".join(each.path for each in order))
def test_records_of_a_session_in_any_order_are_one_usage(order: tuple[Evidence, ...]) -> None:
    current, _ = usage_lifecycle.begin_usage(order[0], ADA.user_id, 24 * HOUR, "r-1", LATER)
    for record in order[1:]:
        assert usage_lifecycle.is_part_of(current, record, ADA.user_id, HOUR)
        current, audit = usage_lifecycle.add_evidence(current, record)
        assert audit == ()
    assert set(current.event_ids) == {"e-portal", "e-start", "e-console"}
    assert current.session_name == "ada"
    assert current.first_seen == order[0].at


@given(st.lists(st.integers(ASKED - 5 * HOUR, ASKED + 5 * HOUR), min_size=1, max_size=12))
def test_usage_spans_at_most_two_sessions(times: list[int]) -> None:
    current, _ = usage_lifecycle.begin_usage(seen(event_id="e-0", at=times[0]), ADA.user_id, HOUR, None, LATER)
    joined = [times[0]]
    for number, at in enumerate(times[1:], 1):
        record = seen(event_id=f"e-{number}", at=at)
        if usage_lifecycle.is_part_of(current, record, ADA.user_id, HOUR):
            current, _ = usage_lifecycle.add_evidence(current, record)
            joined.append(at)
    assert max(joined) - min(joined) <= 2 * HOUR


def told(
    event: UsageEvent, before: str, after: str, by: Actor = SYSTEM, note: str = "", subject: str = "u-1"
) -> AuditEntry:
    """Return an audit entry of Ada's usage, without Slack IDs."""
    return AuditEntry(LATER, subject, event, replace(by, slack_id=None), RDS, (PRODUCTION,), "", note, before, after)


def test_begin_usage_has_the_first_record() -> None:
    current, audit = usage_lifecycle.begin_usage(seen(event_id="e-1"), ADA.user_id, 24 * HOUR, "r-1", LATER)
    assert current == use(id=current.id, version=0, request_id="r-1")
    note = "session_start: ada, under r-1"
    assert audit == (told(UsageEvent.recorded, "", "unexplained", note=note, subject=current.id),)


def test_next_usage_id_is_the_same_for_concurrent_records() -> None:
    portal, start = seen(EvidencePath.portal, "e-1"), seen(event_id="e-2")
    first, again = (usage_lifecycle.begin_usage(each, ADA.user_id, HOUR, None, ASKED)[0] for each in (portal, start))
    later, somebody = (
        usage_lifecycle.next_usage_id(start, ADA.user_id, first),
        usage_lifecycle.next_usage_id(start, "u-eve", None),
    )
    assert first.id == again.id
    assert len({first.id, later, somebody}) == 3
    assert first.id.startswith("u-")


def test_next_usage_id_without_user_is_new_for_each_record() -> None:
    first, again, other = (
        usage_lifecycle.begin_usage(seen(event_id=event_id, who=""), "", HOUR, None, LATER)[0].id
        for event_id in ("e-1", "e-1", "e-2")
    )
    assert first == again != other


def test_add_evidence_known_record_changes_nothing() -> None:
    assert usage_lifecycle.add_evidence(use(), seen(event_id="e-1")) == (use(), ())


# --- which request it was made under ----------------------------------------------------------------------------------

UNDER: dict[str, tuple[Request, Evidence, str, bool]] = {
    "a session in the time of its access": (request(State.active), seen(at=ASKED + 600), ADA.user_id, True),
    "a record that is told when the access is over": (
        request(State.ended, closed_at=ASKED + 900),
        seen(at=ASKED + 600),
        ADA.user_id,
        True,
    ),
    "a session before the decision": (request(State.active), seen(at=ASKED), ADA.user_id, False),
    "a session long after it was given back": (
        request(State.ended, closed_at=ASKED + 900),
        seen(at=ASKED + 1800),
        ADA.user_id,
        False,
    ),
    "a session while it was being revoked": (
        request(State.ended, closed_at=ASKED + 900),
        seen(at=ASKED + 910),
        ADA.user_id,
        True,
    ),
    "a session after its time": (request(State.ended), seen(at=ASKED + 2 * HOUR), ADA.user_id, False),
    "somebody else's": (request(State.active), seen(at=ASKED + 600), "u-eve", False),
    "nobody's": (request(State.active), seen(at=ASKED + 600), "", False),
    "another account": (
        request(State.active, accounts=(STAGING,)),
        seen(at=ASKED + 600),
        ADA.user_id,
        False,
    ),
    "another set": (request(State.active, permission_set="x"), seen(at=ASKED + 600), ADA.user_id, False),
    "a request that opened nothing": (request(State.denied), seen(at=ASKED + 600), ADA.user_id, False),
    "an extension, whose access is another request's": (
        request(State.ended, kind=Kind.extension),
        seen(at=ASKED + 600),
        ADA.user_id,
        False,
    ),
}


@pytest.mark.parametrize("sentence", UNDER)
def test_is_made_under(sentence: str) -> None:
    asked, record, user_id, expected = UNDER[sentence]
    assert usage_lifecycle.is_made_under(asked, record, user_id) is expected


# --- clicks, and required usages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("age", "recent"), [(-301, False), (-300, True), (0, True), (7 * 86_400, True), (7 * 86_400 + 1, False)]
)
def test_is_recent_within_seven_days(age: int, recent: bool) -> None:
    assert usage_lifecycle.is_recent(seen(at=ASKED), ASKED + age) is recent


@given(st.text(alphabet="0123456789abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=36))
def test_required_usage_has_an_id_that_no_record_has(event_id: str) -> None:
    required, _ = usage_lifecycle.begin_required_usage(request(State.approved), 60, ASKED)
    assert required.event_ids == ()
    for who in ("", "ada", ADA.user_id):
        for of in (seen(event_id=event_id, who=who), seen(event_id=required.request_id or "", who=who)):
            assert usage_lifecycle.next_usage_id(of, "", None) != required.id
            assert usage_lifecycle.next_usage_id(usage_lifecycle.as_click_evidence(of), "", required) != required.id


def test_click_has_an_event_id_that_no_record_has() -> None:
    told = usage_lifecycle.as_click_evidence(seen(event_id="e-1"))
    with pytest.raises(ValueError, match="not a valid event id"):
        parse_evidence(value(event_id=told.event_id))


# --- its life ---------------------------------------------------------------------------------------------------------

EXPLAINED = use(state=UsageState.explained, explanation=explanation())
ACCEPTED = use(
    state=UsageState.accepted, explanation=explanation(), accepted_by=CLEO_ACTS, accepted_at=ASKED + 2 * HOUR
)
BETTER = explanation(at=LATER, follow_up="restore weekly")
WHOLE = "Reason: the restore failed\nIncident: https://status/1\nDone: restored by hand"

CHANGES: dict[str, tuple[UsageChange, UsageChange]] = {
    "an explanation is kept, and whole in the trail": (
        usage_lifecycle.record_explanation(use(), explanation(), LATER),
        (EXPLAINED, (told(UsageEvent.explained, "unexplained", "explained", ADA_ACTS, WHOLE),)),
    ),
    "the same person may write it again": (
        usage_lifecycle.record_explanation(EXPLAINED, BETTER, LATER),
        (
            replace(EXPLAINED, explanation=BETTER),
            (told(UsageEvent.explained, "explained", "explained", ADA_ACTS, f"{WHOLE}\nFollow-up: restore weekly"),),
        ),
    ),
    "the same once more changes nothing": (
        usage_lifecycle.record_explanation(EXPLAINED, explanation(at=LATER), LATER),
        (EXPLAINED, ()),
    ),
    "a second person accepts it": (
        usage_lifecycle.accept_explanation(EXPLAINED, CLEO_ACTS, VERSION, LATER),
        (ACCEPTED, (told(UsageEvent.accepted, "explained", "accepted", CLEO_ACTS),)),
    ),
    "and a second time changes nothing": (
        usage_lifecycle.accept_explanation(ACCEPTED, CLEO_ACTS, VERSION, LATER + 1),
        (ACCEPTED, ()),
    ),
    "a reminder keeps when it was": (
        usage_lifecycle.record_reminder(use(), LATER),
        (use(reminded_at=LATER), (told(UsageEvent.reminded, "unexplained", "unexplained"),)),
    ),
    "an explained usage gets a reminder, too": (
        usage_lifecycle.record_reminder(EXPLAINED, LATER),
        (replace(EXPLAINED, reminded_at=LATER), (told(UsageEvent.reminded, "explained", "explained"),)),
    ),
}


@pytest.mark.parametrize("sentence", CHANGES)
def test_event_result(sentence: str) -> None:
    found, expected = CHANGES[sentence]
    assert found == expected


REFUSALS: dict[str, tuple[Callable[[], UsageChange], str]] = {
    "an unexplained usage is not accepted": (
        lambda: usage_lifecycle.accept_explanation(use(), CLEO_ACTS, VERSION, LATER),
        "possible for a usage that is unexplained",
    ),
    "the author can't accept it": (
        lambda: usage_lifecycle.accept_explanation(
            use(state=UsageState.explained, explanation=explanation(DOT_ACTS)), DOT_ACTS, VERSION, LATER
        ),
        "a second person",
    ),
    "the user can't accept it": (
        lambda: usage_lifecycle.accept_explanation(
            use(state=UsageState.explained, explanation=explanation(DOT_ACTS)), ADA_ACTS, VERSION, LATER
        ),
        "a second person",
    ),
    "another version can't be accepted": (
        lambda: usage_lifecycle.accept_explanation(replace(EXPLAINED, explanation=BETTER), CLEO_ACTS, VERSION, LATER),
        "the explanation has changed",
    ),
    "nor without saying which one they have read": (
        lambda: usage_lifecycle.accept_explanation(EXPLAINED, CLEO_ACTS, "", LATER),
        "the explanation has changed",
    ),
    "the system accepts nothing": (
        lambda: usage_lifecycle.accept_explanation(EXPLAINED, SYSTEM, VERSION, LATER),
        "a second person",
    ),
    "an accepted explanation can't be accepted again": (
        lambda: usage_lifecycle.accept_explanation(ACCEPTED, DOT_ACTS, VERSION, LATER),
        "a usage that is accepted",
    ),
    "another person can't replace an explanation": (
        lambda: usage_lifecycle.record_explanation(EXPLAINED, explanation(DOT_ACTS), LATER),
        "another person has explained it",
    ),
    "an accepted explanation can't be replaced": (
        lambda: usage_lifecycle.record_explanation(ACCEPTED, BETTER, LATER),
        "a usage that is accepted",
    ),
    "nor brought up": (lambda: usage_lifecycle.record_reminder(ACCEPTED, LATER), "a usage that is accepted"),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_event_is_refused(sentence: str) -> None:
    attempt, why = REFUSALS[sentence]
    with pytest.raises(UsageTransitionError, match=why):
        attempt()


ATTEMPTS: dict[UsageEvent, Callable[[Usage], UsageChange]] = {
    UsageEvent.explained: lambda before: usage_lifecycle.record_explanation(before, BETTER, LATER),
    UsageEvent.accepted: lambda before: usage_lifecycle.accept_explanation(before, DOT_ACTS, VERSION, LATER),
    UsageEvent.reminded: lambda before: usage_lifecycle.record_reminder(before, LATER),
}
STAGES = {UsageState.unexplained: use(), UsageState.explained: EXPLAINED, UsageState.accepted: ACCEPTED}


@pytest.mark.parametrize("event", ATTEMPTS)
@pytest.mark.parametrize("state", STAGES)
def test_event_is_possible_only_as_the_table_says(state: UsageState, event: UsageEvent) -> None:
    after = usage_lifecycle.USAGE_TABLE.get((state, event))
    if after is None:
        with pytest.raises(UsageTransitionError) as refusal:
            ATTEMPTS[event](STAGES[state])
        assert (refusal.value.state, refusal.value.event) == (state, event)
    else:
        changed, audit = ATTEMPTS[event](STAGES[state])
        assert [(entry.event, entry.before, entry.after) for entry in audit] == [(event, state, after)]
        assert changed.state is after


@pytest.mark.parametrize(
    ("current", "now", "expected"),
    [
        (use(), ASKED + 24 * HOUR - 1, False),
        (use(), ASKED + 24 * HOUR, True),
        (EXPLAINED, ASKED + 24 * HOUR, True),
        (ACCEPTED, ASKED + 48 * HOUR, False),
    ],
    ids=["in time", "late", "explained but not accepted", "accepted"],
)
def test_is_overdue(current: Usage, now: int, expected: bool) -> None:
    assert usage_lifecycle.is_overdue(current, now) is expected


people = st.sampled_from([ADA_ACTS, CLEO_ACTS, DOT_ACTS, SYSTEM])
texts = st.builds(explanation, people, st.just(ASKED), reason=st.sampled_from(["one", "two"]))


@given(st.lists(st.one_of(texts, people), max_size=8))
def test_acceptance_always_needs_two_people(acts: list[Explanation | Actor]) -> None:
    current = use()
    for act in acts:
        try:
            if isinstance(act, Explanation):
                current, _ = usage_lifecycle.record_explanation(current, act, LATER)
            else:
                version = (
                    usage_lifecycle.explanation_version(current.explanation) if current.explanation is not None else ""
                )
                current, _ = usage_lifecycle.accept_explanation(current, act, version, LATER)
        except UsageTransitionError:
            continue
    if current.state is UsageState.accepted:
        assert current.accepted_by is not None
        assert current.explanation is not None
        assert current.accepted_by.user_id not in ("", current.user_id, current.explanation.by.user_id)
