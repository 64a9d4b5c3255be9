"""Spokes forward each record that a rule about a role, a user or root matches, and once.

It does not prove that EventBridge forwards an event; the tests in `tests/local` show that the emulated one does.
"""

from typing import Any

import pytest

from breakglass.alerts.patterns import alert_rules
from breakglass.alerts.subjects import RoleSubject, UserSubject
from breakglass.organization.spoke_rules import SpokeSettings, spoke_rules
from localcloud.emulators.cloudtrail import as_event
from localcloud.records import Record, load_records
from tests.events.matcher import matches, ministack_matches
from tests.events.watched import USED

RECORDS = [record for record in load_records() if "drill" not in record.content]
RULES = spoke_rules(
    SpokeSettings(
        roles=tuple(subject.arn for subject in USED if isinstance(subject, RoleSubject)),
        users=tuple(subject.arn for subject in USED if isinstance(subject, UserSubject)),
        portal=True,
    )
)


def to_event(record: Record) -> dict[str, Any]:
    return as_event(record.content, account="222222222222", region="eu-central-1")


def alerting(event: dict[str, Any]) -> bool:
    return any(matches(rule.pattern, event) for subject in USED for rule in alert_rules(subject))


def forwarding(event: dict[str, Any]) -> list[str]:
    return [rule.key for rule in RULES if rule.pattern and matches(rule.pattern, event)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.file)
def test_record_that_alerts_is_forwarded_once(record: Record) -> None:
    event = to_event(record)
    forwarded = forwarding(event)

    assert len(forwarded) == 1 if alerting(event) else len(forwarded) <= 1
    assert forwarded == [rule.key for rule in RULES if rule.pattern and ministack_matches(rule.pattern, event)]


def test_records_use_every_rule_of_a_spoke() -> None:
    used = {key for record in RECORDS if alerting(to_event(record)) for key in forwarding(to_event(record))}

    assert used == {rule.key for rule in RULES if rule.pattern}


def test_some_records_are_not_forwarded() -> None:
    kept = [record.file for record in RECORDS if not forwarding(to_event(record))]

    assert len(kept) > 20
