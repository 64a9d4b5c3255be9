"""The faults of the alert path: expectations, results, their table, and their entries in `build/demo.json`."""

import io
import json

import pytest
from rich.console import Console

from breakglass.vocabulary import Delivery
from localcloud.faults import (
    DESCRIPTIONS,
    EXPECTED,
    HUB_DELIVERY,
    ORGANIZATION,
    TAMPERING,
    Fault,
    FaultResult,
    Notice,
    Sighting,
    describe_place,
    first_of_each,
    select_faults,
)
from localcloud.report import format_seconds, render_faults

OF_MACHINE = {Fault.machine_role_broken, Fault.machine_deleted}
BOTH = Fault.both_tamper_rules_deleted


def result(fault: Fault, delivery: Delivery, *notices: Notice) -> FaultResult:
    sightings = tuple(Sighting(notice, 2.0**number) for number, notice in enumerate(notices))
    return FaultResult(fault, delivery, sightings, "lost")


def shown(*results: FaultResult) -> list[str]:
    output = io.StringIO()
    faults = [*dict.fromkeys(result.fault for result in results)]
    Console(file=output, width=130, highlight=False).print(render_faults(faults, results))
    return output.getvalue().splitlines()


def test_every_fault_has_a_description_and_expectations() -> None:
    assert set(DESCRIPTIONS) == set(Fault)
    pairs = {(fault, delivery) for fault in Fault for delivery in Delivery}
    assert pairs - set(EXPECTED) == {(fault, Delivery.direct) for fault in OF_MACHINE | ORGANIZATION}
    assert HUB_DELIVERY is not Delivery.direct


def test_fault_is_unseen_only_without_any_tamper_rule() -> None:
    assert {pair for pair, notices in EXPECTED.items() if not notices} == {(BOTH, delivery) for delivery in Delivery}
    for delivery in Delivery:
        assert EXPECTED[Fault.tamper_rules_deleted, delivery] == {Notice.watcher}


def test_each_change_by_a_call_of_aws_is_seen_by_the_watcher() -> None:
    seen = {fault for (fault, _), notices in EXPECTED.items() if Notice.watcher in notices}
    assert seen - ORGANIZATION == TAMPERING - {BOTH, Fault.session_policy_detached}


def test_each_change_in_the_hubs_account_is_tampering() -> None:
    elsewhere = {fault for fault in ORGANIZATION if Notice.tampering not in EXPECTED[fault, HUB_DELIVERY]}
    assert elsewhere == {Fault.spoke_deleted, Fault.spoke_rule_disabled, Fault.event_dropped}


def test_each_recorded_use_is_mailed_by_the_trails_filter() -> None:
    """Without read events the trail records no use either; the change of the trail is recorded."""
    unseen = {fault for fault in ORGANIZATION if Notice.trail_mail not in EXPECTED[fault, HUB_DELIVERY]}
    assert unseen == {Fault.trail_without_read_events}


def test_roll_call_reports_spokes_that_can_not_be_heard() -> None:
    missed = {fault for fault in ORGANIZATION if Notice.roll_call in EXPECTED[fault, HUB_DELIVERY]}
    assert missed == {Fault.spoke_deleted, Fault.hub_bus_deleted, Fault.bus_policy_edited}


def test_confirmed_delivery_keeps_every_alert_that_a_rule_sends() -> None:
    holding = {Notice.alert, Notice.plain_alert, Notice.mail, Notice.dead_letter, Notice.failed_execution}
    of_stack = set(Fault) - ORGANIZATION
    without_alert = {fault for fault in of_stack if not EXPECTED[fault, Delivery.confirmed] & holding}
    assert without_alert == {
        *(Fault.rule_disabled, Fault.target_removed, Fault.rule_deleted),
        *(Fault.trail_stopped, Fault.tamper_rules_deleted, BOTH),
    }


def test_faults_are_selected_by_name() -> None:
    assert select_faults("all") == tuple(Fault)
    assert select_faults("slack-archived") == (Fault.slack_archived,)
    assert select_faults("rule-deleted,slack-down,rule-deleted") == (Fault.rule_deleted, Fault.slack_down)
    with pytest.raises(ValueError, match="slack-on-fire"):
        select_faults("slack-on-fire")


def test_result_is_ok_if_just_the_expected_notices_came() -> None:
    assert result(Fault.slack_down, Delivery.confirmed, Notice.mail, Notice.late_alert).ok
    false_alarm = result(Fault.slack_down, Delivery.confirmed, Notice.mail, Notice.late_alert, Notice.dead_letter)
    assert not false_alarm.ok
    assert false_alarm.unexpected == {Notice.dead_letter}
    lacking = result(Fault.slack_down, Delivery.confirmed, Notice.mail)
    assert not lacking.ok
    assert lacking.missing == {Notice.late_alert}


def test_fault_unseen_by_design_is_wrong_once_it_is_seen() -> None:
    assert result(BOTH, Delivery.direct).ok
    assert not result(BOTH, Delivery.direct, Notice.probe_alarm).ok


def test_first_sighting_of_each_notice_counts() -> None:
    late, early = Sighting(Notice.mail, 60), Sighting(Notice.mail, 2)
    assert first_of_each([late, Sighting(Notice.probe_alarm, 30), early]) == (early, Sighting(Notice.probe_alarm, 30))


@pytest.mark.parametrize(
    ("notices", "has_dead_letter", "place"),
    [
        ([Notice.mail, Notice.late_alert], False, "in Slack, late"),
        ([Notice.plain_alert, Notice.mail], False, "in Slack, as plain text"),
        ([Notice.mail, Notice.probe_alarm], False, "by mail"),
        ([Notice.failed_delivery], True, "in the dead-letter queue"),
        ([Notice.failed_execution], False, "in the execution's history"),
        ([Notice.probe_alarm], False, "lost"),
        ([], False, "lost"),
    ],
)
def test_place_of_the_alert_follows_from_the_notices(notices: list[Notice], has_dead_letter: bool, place: str) -> None:
    assert describe_place([Sighting(each, 1) for each in notices], has_dead_letter=has_dead_letter) == place


def test_entry_of_the_result_file_has_the_documented_shape() -> None:
    entry = result(Fault.slack_archived, Delivery.confirmed, Notice.mail, Notice.probe_alarm).describe()
    assert json.loads(json.dumps(entry)) == {
        "fault": "slack-archived",
        "delivery": "confirmed",
        "seen_by": ["mail with the alert", "probe alarm"],
        "seconds": 1.0,
        "expected_unseen": False,
    }
    unseen = result(BOTH, Delivery.direct).describe()
    assert (unseen["seen_by"], unseen["seconds"], unseen["expected_unseen"]) == ([], None, True)


def test_table_shows_notices_times_and_what_is_missing() -> None:
    lines = shown(
        result(Fault.machine_deleted, Delivery.confirmed, Notice.failed_delivery),
        result(BOTH, Delivery.direct),
        result(BOTH, Delivery.confirmed, Notice.mail),
    )
    assert lines[1].split() == ["machine-deleted", "direct", "does", "not", "apply"]
    assert lines[2].split() == ["machine-deleted", "confirmed", *"failed-delivery alarm 1.0 s lost WRONG".split()]
    assert lines[3].strip() == "missing: dead-letter alarm"
    assert lines[4].strip() == "missing: stack watcher in Slack"
    assert lines[5].split() == ["both-tamper-rules-deleted", "direct", "nothing", "lost", "unseen", "by", "design"]
    assert lines[6].split() == [
        "both-tamper-rules-deleted",
        "confirmed",
        *"mail with the alert 1.0 s lost WRONG".split(),
    ]
    assert lines[7].strip() == "unexpected: mail with the alert"


def test_fault_of_an_organization_has_one_row() -> None:
    lines = shown(result(Fault.hub_target_removed, HUB_DELIVERY, Notice.tampering))
    assert lines[1].split()[:2] == ["hub-target-removed", "confirmed"]
    assert "does not apply" not in "".join(lines)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (62, "62 s"), (1023, "17 min"), (5340, "89 min"), (90_000, "25 h")],
)
def test_duration_is_shown_in_seconds_minutes_or_hours(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
