"""The coverage of accounts, regions and evidence paths: what is watched, and the reason for each gap."""

from dataclasses import replace

import pytest

from breakglass.organization.coverage import (
    MEANINGS,
    NOT_EXPECTED,
    Account,
    Expectation,
    Instance,
    Observation,
    PathRule,
    Reason,
    organization_rows,
    own_row,
    path_rules,
)

NOW = 1_796_000_000
HUB, MANAGEMENT, MEMBER = "444444444444", "111111111111", "222222222222"
EUROPE, VIRGINIA = "eu-central-1", "us-east-1"
HERE = (MEMBER, EUROPE)
ACCOUNT = Account(MEMBER, "data-lake", unit_path="o-exampleorgid/r-ab12/ou-ab12-workload/222222222222/")
EXPECTED = Expectation(account=HUB, regions=[EUROPE], units=["ou-ab12-workload"], exclude=["555555555555"])
HEARD = Observation(NOW, heard={HERE: NOW - 3600})
RULES = [PathRule("session_start"), PathRule("console")]


def judged(
    observation: Observation, account: Account = ACCOUNT, expectation: Expectation = EXPECTED
) -> tuple[bool | None, Reason | None, str]:
    (row,) = organization_rows([account], expectation, observation, RULES)
    return row.is_watched, row.reason, row.detail


def test_spoke_that_was_heard_is_watched() -> None:
    assert judged(HEARD) == (True, None, "")


def test_spoke_that_was_heard_and_is_current_is_watched() -> None:
    assert judged(replace(HEARD, instances={HERE: Instance()})) == (True, None, "")


@pytest.mark.parametrize("heard", [{HERE: NOW - 3600}, {HERE: NOW - 90 * 3600}, {}], ids=["heard", "once", "never"])
@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        (Instance("OUTDATED", "FAILED: denied"), Reason.outdated),
        (Instance("INOPERABLE", "FAILED: denied"), Reason.inoperable),
        (Instance("CURRENT", "FAILED: denied", drifted=True), Reason.drifted),
    ],
    ids=["outdated", "inoperable", "drifted"],
)
def test_faulty_instance_is_a_gap(heard: dict[tuple[str, str], float], instance: Instance, reason: Reason) -> None:
    found = judged(Observation(NOW, heard=heard, instances={HERE: instance}))

    assert found == (False, reason, "FAILED: denied")


@pytest.mark.parametrize("instances", [{}, {HERE: Instance()}], ids=["no instance", "current"])
def test_spoke_that_fell_silent_has_no_heartbeat(instances: dict[tuple[str, str], Instance]) -> None:
    assert judged(Observation(NOW, instances, {HERE: NOW - 25 * 3600 - 1})) == (False, Reason.no_heartbeat, "")


def test_heartbeat_of_25_hours_is_new_enough() -> None:
    assert judged(Observation(NOW, heard={HERE: NOW - 25 * 3600})) == (True, None, "")


def test_instance_without_any_heartbeat_was_not_heard_yet() -> None:
    assert judged(Observation(NOW, {HERE: Instance()})) == (False, Reason.not_heard_yet, "")


def test_account_without_instance_and_heartbeat_has_no_spoke() -> None:
    assert judged(Observation(NOW)) == (False, Reason.no_spoke, "")


def test_management_account_without_heartbeat_is_explained() -> None:
    account = Account(MANAGEMENT, "management", is_management=True)

    watched, reason, detail = judged(Observation(NOW), account)

    assert (watched, reason) == (False, Reason.no_spoke)
    assert "management account" in detail


def test_hub_with_a_fault_hears_no_spoke() -> None:
    seen = replace(HEARD, hub_fault="The event bus has no policy.")

    assert judged(seen) == (False, Reason.hub, "The event bus has no policy.")
    assert judged(replace(seen, instances={HERE: Instance("OUTDATED")}))[1] is Reason.hub
    assert judged(seen, replace(ACCOUNT, number="555555555555"))[1] is Reason.excluded


def test_place_without_a_path_is_not_watched() -> None:
    rules = [PathRule("session_start", account=HUB)]
    (heard,) = organization_rows([ACCOUNT], EXPECTED, HEARD, rules)
    (silent,) = organization_rows([ACCOUNT], EXPECTED, Observation(NOW), rules)

    assert (heard.is_watched, heard.reason, heard.paths) == (None, Reason.nothing_to_watch, {})
    assert (silent.is_watched, silent.reason) == (False, Reason.no_spoke)


def test_region_that_is_not_enabled_is_no_gap() -> None:
    assert judged(Observation(NOW, enabled={HERE: False})) == (None, Reason.region_not_enabled, "")
    assert judged(Observation(NOW, enabled={HERE: True})) == (False, Reason.no_spoke, "")
    outdated = Observation(NOW, {HERE: Instance("OUTDATED")}, enabled={HERE: False})
    assert judged(outdated) == (None, Reason.region_not_enabled, "")


def test_spoke_that_was_heard_is_in_an_enabled_region() -> None:
    assert judged(replace(HEARD, enabled={HERE: False})) == (True, None, "")


@pytest.mark.parametrize("state", ["SUSPENDED", "PENDING_CLOSURE", "CLOSED"])
def test_account_that_is_not_active_is_no_gap(state: str) -> None:
    assert judged(Observation(NOW), replace(ACCOUNT, state=state)) == (None, Reason.not_active, state)


def test_excluded_account_is_no_gap() -> None:
    assert judged(HEARD, replace(ACCOUNT, number="555555555555")) == (None, Reason.excluded, "")


@pytest.mark.parametrize(
    ("account", "reason"),
    [
        (replace(ACCOUNT, unit_path="o-1/r-ab12/ou-ab12-sandbox/222222222222/"), Reason.outside_units),
        (replace(ACCOUNT, unit_path="o-1/r-ab12/ou-ab12-workload2/222222222222/"), Reason.outside_units),
        (replace(ACCOUNT, unit_path="o-1/r-ab12/ou-ab12-workload/ou-ab12-child/222222222222/"), Reason.no_spoke),
        (replace(ACCOUNT, unit_path=""), Reason.no_spoke),
        (Account(HUB, "hub", unit_path="o-1/r-ab12/444444444444/"), Reason.no_spoke),
        (Account(MANAGEMENT, "m", is_management=True, unit_path="o-1/r-ab12/111111111111/"), Reason.no_spoke),
    ],
    ids=["other unit", "longer name", "child unit", "unknown", "hub", "management account"],
)
def test_account_is_expected_in_the_units_only(account: Account, reason: Reason) -> None:
    assert judged(Observation(NOW), account)[:2] == (None if reason is Reason.outside_units else False, reason)


@pytest.mark.parametrize("units", [[], ["r-ab12"], ["ou-ab12-other", "r-ab12"]], ids=repr)
def test_root_and_no_units_are_all_accounts(units: list[str]) -> None:
    assert judged(Observation(NOW), expectation=replace(EXPECTED, units=units))[1] is Reason.no_spoke


def test_without_roll_call_a_current_instance_is_watched() -> None:
    expectation = replace(EXPECTED, has_roll_call=False)

    assert judged(Observation(NOW, {HERE: Instance()}), expectation=expectation) == (True, None, "")
    assert judged(Observation(NOW), expectation=expectation) == (False, Reason.no_spoke, "")


def test_rows_are_accounts_times_regions_in_order() -> None:
    other = replace(ACCOUNT, number="333333333333")
    rows = organization_rows([other, ACCOUNT], replace(EXPECTED, regions=[EUROPE, VIRGINIA]), HEARD, RULES)

    assert [(row.account, row.region, row.reason) for row in rows] == [
        ("333333333333", EUROPE, Reason.no_spoke),
        ("333333333333", VIRGINIA, Reason.no_spoke),
        (MEMBER, EUROPE, None),
        (MEMBER, VIRGINIA, Reason.no_spoke),
    ]
    assert [row.paths for row in rows[1:3]] == [
        {"session_start": "no_spoke", "console": "no_spoke"},
        {"session_start": "watched", "console": "watched"},
    ]


def test_faulty_rule_is_a_gap_of_its_path_in_each_account() -> None:
    rules = [*RULES, PathRule("console", "The rule b is disabled."), PathRule("console", "The rule c is disabled.")]
    (row,) = organization_rows([ACCOUNT], EXPECTED, HEARD, rules)

    assert (row.is_watched, row.reason, row.detail) == (
        False,
        Reason.rule,
        "The rule b is disabled. The rule c is disabled.",
    )
    assert row.paths == {"session_start": "watched", "console": "rule"}


def test_path_without_a_spoke_is_not_silenced_by_it() -> None:
    rules = [*RULES, PathRule("tamper", account=MEMBER, region=EUROPE, is_direct=True)]
    (row,) = organization_rows([ACCOUNT], EXPECTED, Observation(NOW), rules)

    assert row.paths == {"session_start": "no_spoke", "console": "no_spoke", "tamper": "watched"}


def test_every_reason_has_a_meaning_and_each_gap_a_remedy() -> None:
    assert set(MEANINGS) == set(Reason)
    assert {reason for reason, (_, do) in MEANINGS.items() if not do} == NOT_EXPECTED


NAMES = {
    "devops-break-glass": {"session_start": "a-1", "portal": "a-2", "denied": "a-3", "drill": "a-4"},
    "emergency-222222222222": {"session_start": "b-1"},
    "user-ada-333333333333": {"key_use": "c-1", "key_use-alarm": "c-2", "credentials": "c-3"},
    "root-user": {"sign_in": "d-1", "change": "d-2", "drill": "d-3"},
    "no-account-22222222222": {"session_start": "g-1"},
    "access-by-hand": {"access-assignments": "e-1", "access-memberships-2": "e-2"},
    "tampering": {"tamper-rules": "f-1", "session_start": "f-2", "denied-2": "f-3"},
}


def test_rules_have_the_paths_and_places_of_their_subjects() -> None:
    own = (HUB, EUROPE)
    found = path_rules(NAMES, {"b-1": "gone"}, own, MANAGEMENT)

    direct = {"is_direct": True}
    assert found == [
        PathRule("session_start"),
        PathRule("portal", account=MANAGEMENT),
        PathRule("denied"),
        PathRule("session_start", "gone", account=MEMBER),
        PathRule("key_use", account="333333333333"),
        PathRule("key_use", account="333333333333"),
        PathRule("credentials", account="333333333333", region=VIRGINIA),
        PathRule("sign_in", region=VIRGINIA),
        PathRule("change"),
        PathRule("session_start"),
        *(PathRule("access", "", *own, **direct) for _ in range(2)),
        *(PathRule("tamper", "", *own, **direct) for _ in range(3)),
    ]


def test_stack_of_one_account_has_a_row_of_its_own() -> None:
    row = own_row(path_rules(NAMES, {"a-3": "The rule a-3 is disabled."}, HERE, None), HERE)

    assert (row.account, row.region, row.is_watched, row.reason) == (MEMBER, EUROPE, False, Reason.rule)
    assert row.detail == "The rule a-3 is disabled."
    assert row.paths == {
        "session_start": "watched",
        "portal": "watched",
        "change": "watched",
        "access": "watched",
        "tamper": "watched",
        "denied": "rule",
    }


def test_reason_without_a_detail_has_an_empty_one() -> None:
    sound = own_row(path_rules(NAMES, {}, HERE, None), HERE)
    outside = replace(ACCOUNT, unit_path="o-1/r-ab12/ou-ab12-sandbox/222222222222/")
    assert (sound.reason, sound.detail, sound.name) == (None, "", "")
    assert judged(Observation(NOW), outside) == (None, Reason.outside_units, "")
