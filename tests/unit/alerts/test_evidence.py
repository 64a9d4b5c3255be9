"""Each rule of each kind of subject has a row in the detection matrix.

Does not prove that AWS records the events there: see docs/live-checks.md.
"""

from breakglass.alerts.evidence import EVIDENCE, evidence
from breakglass.alerts.patterns import alert_rules
from docs.generate_tables import WATCHED


def test_evidence_has_a_row_for_each_rule() -> None:
    rules = {(type(watched), rule.path, rule.area) for watched in WATCHED.values() for rule in alert_rules(watched)}
    assert rules == EVIDENCE.keys()


def test_evidence_says_what_each_rule_does_not_see() -> None:
    rows = [evidence(watched, rule) for watched in WATCHED.values() for rule in alert_rules(watched)]
    assert all(row.account and row.region and row.not_seen for row in rows)
