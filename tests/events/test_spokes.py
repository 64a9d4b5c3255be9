"""Spokes forward each record that a rule about a role, a user or root matches, and once.

It does not prove that EventBridge forwards an event; the tests in `tests/local` show that the emulated one does.
"""

from typing import Any

import pytest

from breakglass.alerts.patterns import Pattern, alert_rules
from breakglass.alerts.subjects import RoleSubject, UserSubject
from breakglass.organization.spoke_rules import SpokeSettings, spoke_rules
from localcloud.emulators.cloudtrail import as_event
from localcloud.records import Record, load_records
from tests.events.matcher import matches, ministack_matches
from tests.events.watched import USED

RECORDS = [record for record in load_records() if "drill" not in record.content]
SETTINGS = SpokeSettings(
    roles=tuple(subject.arn for subject in USED if isinstance(subject, RoleSubject)),
    users=tuple(subject.arn for subject in USED if isinstance(subject, UserSubject)),
    portal=True,
)


@pytest.fixture(scope="module")
def rules() -> dict[str, Pattern]:
    """The patterns by the keys of their rules."""
    return {rule.key: rule.pattern for rule in spoke_rules(SETTINGS) if rule.pattern}


def to_event(record: Record) -> dict[str, Any]:
    return as_event(record.content, account="222222222222", region="eu-central-1")


def alerting(event: dict[str, Any]) -> bool:
    return any(matches(rule.pattern, event) for subject in USED for rule in alert_rules(subject))


def forwarding(rules: dict[str, Pattern], event: dict[str, Any]) -> list[str]:
    return [key for key, pattern in rules.items() if matches(pattern, event)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.file)
def test_record_that_alerts_is_forwarded_once(record: Record, rules: dict[str, Pattern]) -> None:
    event = to_event(record)
    forwarded = forwarding(rules, event)

    assert len(forwarded) == 1 if alerting(event) else len(forwarded) <= 1
    assert forwarded == [key for key, pattern in rules.items() if ministack_matches(pattern, event)]


def test_records_use_every_rule_of_a_spoke(rules: dict[str, Pattern]) -> None:
    used = {key for record in RECORDS if alerting(to_event(record)) for key in forwarding(rules, to_event(record))}

    assert used == rules.keys()


def test_some_records_are_not_forwarded(rules: dict[str, Pattern]) -> None:
    kept = [record.file for record in RECORDS if not forwarding(rules, to_event(record))]

    assert len(kept) > 20
