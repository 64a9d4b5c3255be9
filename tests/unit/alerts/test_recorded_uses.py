"""The queries for recorded uses find what the rules of a subject fire on.

Queries run in `localcloud.emulators.insights`, metric filters in `log_filters` beside it. Not proven here: that AWS
takes them (docs/live-checks.md).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breakglass.alerts.patterns import event_pattern
from breakglass.alerts.recorded_uses import (
    FILTER_LIMIT,
    MOST_USES,
    QUERY_LIMIT,
    fired_query,
    missed_uses_query,
    use_filters,
    use_path,
)
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject, RootSubject, Subject, UserSubject
from breakglass.errors import BreakglassError
from localcloud.emulators.cloudtrail import as_event
from localcloud.emulators.insights import LogEvent, run_query
from localcloud.emulators.log_filters import compile_pattern
from tests.events.matcher import matches
from tests.events.test_records import RECORDS
from tests.events.watched import USED
from tests.unit.alerts.strategies import account_ids, permission_set_names, regions, reserved_role_arn, suffixes

SUBJECTS: list[Subject] = [each for each in USED if isinstance(each, Subject)]
START, END = 1_000_000, 2_000_000
SET, ROOT = PermissionSetSubject("devops-break-glass"), RootSubject()
USER = UserSubject("arn:aws:iam::222222222222:user/break-glass-admin")
MAILED = ("silent-reserved-path-further-down.json", "silent-same-name-without-reserved-path.json")
"""Records that a metric filter matches besides uses: roles named like that of a set, with another path."""
ID, OTHER_ID, SHARED_ID = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")


def session(role: str, **more: Any) -> dict[str, Any]:
    """The record of a session of a role."""
    return {
        "userIdentity": {"type": "SAMLUser", "userName": "jane.doe@example.com"},
        "eventTime": "2026-03-14T02:07:47Z",
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoleWithSAML",
        "awsRegion": "eu-central-1",
        "requestParameters": {"roleArn": role, "roleSessionName": "jane.doe@example.com"},
        "eventID": ID,
        "eventType": "AwsApiCall",
        "recipientAccountId": "222222222222",
        **more,
    }


USE = session(reserved_role_arn("devops-break-glass", "aws", "222222222222", "eu-central-1", "8aceb16634d294af"))


def recorded(record: Mapping[str, Any], at: int = START) -> LogEvent:
    return LogEvent(json.dumps(record), at, at, log="trail")


def fired(record: dict[str, Any], at: int = START) -> LogEvent:
    return LogEvent(json.dumps(as_event(record, account="222222222222", region="eu-central-1")), at, at, log="fired")


def missed(*events: LogEvent, subjects: Sequence[Subject] = (SET,), excluded: Sequence[str] = ()) -> list[Any]:
    return run_query(missed_uses_query(subjects, "aws", excluded, str(START), str(END)), events)


def counts(subject: Subject, record: dict[str, Any]) -> bool:
    """Say if a record is a use, and the rule of the subject's uses fires on it."""
    is_use = isinstance(subject, Role) or record["eventName"] == "ConsoleLogin"
    event = as_event(record, account="222222222222", region="eu-central-1")
    return is_use and matches(event_pattern(subject, use_path(subject)), event)


# --- records --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.file)
def test_queries_find_uses_on_which_a_rule_fires(record: Any) -> None:
    for subject in SUBJECTS:
        expected = counts(subject, record.content)

        assert bool(missed(recorded(record.content), subjects=[subject])) is expected, subject
        mailed = any(filter_matches(each, record.content) for each in use_filters([subject]))
        assert mailed is expected or record.file in MAILED, subject
    is_use = any(counts(subject, record.content) for subject in SUBJECTS)
    assert bool(missed(recorded(record.content), subjects=SUBJECTS)) is is_use
    assert missed(recorded(record.content), fired(record.content), subjects=SUBJECTS) == []


def test_records_hold_uses_of_each_kind() -> None:
    used = [subject for subject in SUBJECTS for record in RECORDS if counts(subject, record.content)]

    assert {type(subject) for subject in used} == {PermissionSetSubject, RoleSubject, UserSubject, RootSubject}


@example(name="a_AWSReservedSSO_devops", other="devops", account="1" * 12, region=None, suffix="8aceb16634d294af")
@example(name="a.b", other="a+b", account="1" * 12, region="eu-central-1", suffix="8aceb16634d294af")
@given(permission_set_names, permission_set_names, account_ids, st.none() | regions, suffixes)
def test_query_finds_roles_that_the_rule_of_a_set_matches(
    name: str, other: str, account: str, region: str | None, suffix: str
) -> None:
    record = session(reserved_role_arn(name, "aws", account, region, suffix))

    assert missed(recorded(record), subjects=[PermissionSetSubject(name)])
    found = missed(recorded(record), subjects=[PermissionSetSubject(other)])
    assert bool(found) is counts(PermissionSetSubject(other), record)


# --- the comparison -------------------------------------------------------------------------------------------------


def test_missed_use_has_facts_of_its_record() -> None:
    assert missed(recorded(USE)) == [
        {
            "useId": ID,
            "fired": "0",
            "useEvent": ID,
            "useTime": "2026-03-14T02:07:47Z",
            "useName": "AssumeRoleWithSAML",
            "useAccount": "222222222222",
            "useRegion": "eu-central-1",
            "useRole": USE["requestParameters"]["roleArn"],
            "useUser": "jane.doe@example.com",
        }
    ]


@pytest.mark.parametrize(("at", "found"), [(START - 1, 0), (START, 1), (END - 1, 1), (END, 0)])
def test_use_counts_if_it_arrived_in_the_window(at: int, found: int) -> None:
    assert len(missed(recorded(USE, at))) == found


@pytest.mark.parametrize("at", [0, END, 3_000_000])
def test_use_with_alert_is_not_missed_whenever_rule_fired(at: int) -> None:
    assert missed(recorded(USE), fired(USE, at)) == []


def test_alert_of_another_use_does_not_count() -> None:
    assert [row["useId"] for row in missed(recorded(USE), fired({**USE, "eventID": OTHER_ID}))] == [ID]


@pytest.mark.parametrize("other", [False, True], ids=["no alert", "alert on the other record"])
def test_both_records_of_a_shared_event_are_one_use(other: bool) -> None:
    copies = [{**USE, "eventID": each, "sharedEventID": SHARED_ID} for each in (ID, OTHER_ID)]
    alerts = [fired(copies[1])] if other else []

    assert [row["useId"] for row in missed(*map(recorded, copies), *alerts)] == ([] if other else [SHARED_ID])


def test_use_in_excluded_account_does_not_count() -> None:
    assert missed(recorded(USE), excluded=["222222222222"]) == []
    assert missed(recorded(USE), excluded=["333333333333"])


def test_use_behind_many_session_tags_is_found() -> None:
    tags = [{"key": f"key-{number}", "value": "x"} for number in range(150)]
    record = {**USE, "requestParameters": {"tags": tags, **USE["requestParameters"]}}

    found = [(row["useId"], row["useRole"]) for row in missed(recorded(record))]
    assert found == [(ID, USE["requestParameters"]["roleArn"])]
    assert missed(recorded(record), fired(record)) == []


@pytest.mark.parametrize(
    "text",
    [
        '"roleArn":"%s"',
        '\\"roleArn\\":\\"%s\\"',
        '"eventID":"22222222-0000-4000-8000-000000000000"',
        "/ | filter fired = 1",
    ],
)
def test_hostile_text_of_a_caller_is_no_key_of_a_record(text: str) -> None:
    hostile = text.replace("%s", USE["requestParameters"]["roleArn"])
    other = session("arn:aws:iam::222222222222:role/other", userAgent=hostile)

    assert missed(recorded(other)) == []
    assert [row["useId"] for row in missed(recorded({"userAgent": hostile, **USE}))] == [ID]


def test_missed_uses_are_bounded_with_the_oldest_first() -> None:
    uses = [
        {**USE, "eventID": f"{number:08}-0000-4000-8000-000000000000", "eventTime": f"2026-03-14T02:{number:04}"}
        for number in range(MOST_USES + 5)
    ]

    found = missed(*map(recorded, reversed(uses)))
    assert [row["useId"] for row in found] == [use["eventID"] for use in uses[:MOST_USES]]


def test_query_of_a_stack_is_exactly_this() -> None:
    role = RoleSubject("arn:aws:iam::222222222222:role/ops/emergency")
    path = r'role\/aws-reserved\/sso[.]amazonaws[.]com\/([^"]*\/)?'

    assert missed_uses_query([SET, role, USER, ROOT], "aws", ["555555555555"], "1", "2") == " | ".join(
        [
            "filter ispresent(account) or (toMillis(@ingestionTime) >= 1 and toMillis(@ingestionTime) < 2 and "
            'not (recipientAccountId in ["555555555555"]) and '
            '((eventSource = "sts.amazonaws.com" and '
            'eventName in ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"] and '
            rf'not ispresent(errorCode) and @message like /"roleArn"\s*:\s*"'
            rf'(arn:aws:iam::[^"]*:{path}AWSReservedSSO_devops-break-glass_[^"]*|'
            r'arn:aws:iam::222222222222:role\/ops\/emergency)"/) or '
            '(eventSource = "signin.amazonaws.com" and eventName = "ConsoleLogin" and '
            'responseElements.ConsoleLogin = "Success" and ((userIdentity.type = "IAMUser" and '
            'userIdentity.accountId = "222222222222" and userIdentity.userName like /(?i)^break-glass-admin$/) or '
            'userIdentity.type = "Root"))))',
            r'parse @message /"eventID"\s*:\s*"(?<ownId>[0-9a-fA-F-]+)"/',
            r'parse @message /"sharedEventID"\s*:\s*"(?<sharedId>[0-9a-fA-F-]+)"/',
            r'parse @message /"roleArn"\s*:\s*"(?<sessionRole>[^"]+)"/',
            "fields coalesce(sharedId, ownId) as useId, coalesce(userIdentity.arn, userIdentity.userName) as identity",
            "stats count(account) as fired, latest(ownId) as useEvent, latest(eventTime) as useTime, "
            "latest(eventName) as useName, latest(recipientAccountId) as useAccount, latest(awsRegion) as useRegion, "
            "latest(sessionRole) as useRole, latest(identity) as useUser by useId",
            "filter fired = 0",
            "sort useTime asc",
            "limit 100",
        ]
    )


@pytest.mark.parametrize("time", ["1796000000000", "<start>", "0"], ids=["run", "definition", "check"])
def test_query_of_too_many_roles_is_refused(time: str) -> None:
    """The times of a run have 13 digits; a definition has shorter texts in their place."""

    def query(length: int) -> str:
        roles = [RoleSubject(f"arn:aws:iam::222222222222:role/{'x' * each}") for each in (length - 64, 64)]
        return missed_uses_query(roles, "aws", [], time, time)

    longest = QUERY_LIMIT - len(query(164)) + 164 - 2 * (13 - len(time))
    assert len(query(longest)) == QUERY_LIMIT - 2 * (13 - len(time))
    with pytest.raises(BreakglassError) as refused:
        query(longest + 1)
    assert str(refused.value) == (
        "Expected at most 10,000 characters of the witness's query, got 10,001: too many watched roles and users. Give "
        "the roles of one team a path or a stack of their own."
    )


def test_fired_query_returns_ids_on_which_a_rule_fired() -> None:
    shared = {**USE, "eventID": ID, "sharedEventID": SHARED_ID}
    alone = {**USE, "eventID": OTHER_ID}
    unasked = {**USE, "eventID": "4" * 8 + ID[8:]}

    query = fired_query(json.dumps([SHARED_ID, OTHER_ID, "5" * 8 + ID[8:]]))
    found = run_query(query, [fired(shared), fired(alone), fired(alone), fired(unasked)])
    assert {row["useId"] for row in found} == {SHARED_ID, OTHER_ID}


# --- metric filters -------------------------------------------------------------------------------------------------


def test_metric_filters_of_a_stack_are_exactly_these() -> None:
    role = RoleSubject("arn:aws:iam::222222222222:role/ops/emergency")

    assert use_filters([SET, role, USER, ROOT]) == [
        '{ ($.eventSource = "sts.amazonaws.com") && ($.eventName = "AssumeRole*") && ($.errorCode NOT EXISTS) && '
        '(($.requestParameters.roleArn = "*/AWSReservedSSO_devops-break-glass_*") || '
        '($.requestParameters.roleArn = "arn:aws:iam::222222222222:role/ops/emergency")) }',
        '{ ($.eventSource = "signin.amazonaws.com") && ($.eventName = "ConsoleLogin") && '
        '($.responseElements.ConsoleLogin = "Success") && ((($.userIdentity.type = "IAMUser") && '
        '($.userIdentity.accountId = "222222222222") && ($.userIdentity.userName = "break-glass-admin")) || '
        '($.userIdentity.type = "Root")) }',
    ]


@given(st.lists(permission_set_names.map(PermissionSetSubject), max_size=60))
def test_each_metric_filter_fits_and_all_subjects_are_in_one(subjects: list[Subject]) -> None:
    filters = use_filters(subjects)

    assert all(len(each) <= FILTER_LIMIT for each in filters)
    for subject in subjects:
        assert sum(f'"*/AWSReservedSSO_{subject.label}_*"' in each for each in filters) >= 1
    assert sum(each.count("roleArn") for each in filters) == len(subjects)


def test_metric_filter_may_have_exactly_the_limit() -> None:
    def sizes(length: int) -> list[int]:
        return [len(each) for each in use_filters([SET, RoleSubject(f"arn:aws:iam::222222222222:role/{'x' * length}")])]

    longest = FILTER_LIMIT - sizes(0)[0]
    assert sizes(longest) == [FILTER_LIMIT]
    assert len(sizes(longest + 1)) == 2


def test_longest_names_fit_into_a_metric_filter() -> None:
    role = RoleSubject(f"arn:aws-us-gov:iam::222222222222:role/{'x' * 510}/{'y' * 64}")
    user = UserSubject(f"arn:aws-us-gov:iam::222222222222:user/{'y' * 64}")

    assert all(len(each) <= FILTER_LIMIT for each in use_filters([role, user]))


def filter_matches(pattern: str, record: Mapping[str, Any]) -> bool:
    return compile_pattern(pattern)(json.dumps(record))
