"""Each subject has the rules of its evidence paths, of drills and of the alarm on keys.

Not proven here: that a pattern matches what it should (test_patterns.py), and the texts of the messages.
"""

import pytest

from breakglass.alerts.messages import slack_message
from breakglass.alerts.patterns import alert_rules
from breakglass.alerts.rules import MessageSettings, PlannedRule, area_rule, key_use_alarm_pattern, planned_rules
from breakglass.alerts.subjects import (
    AccessArea,
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperArea,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.vocabulary import ROLE_PATHS, EvidencePath

SETTINGS = MessageSettings(channel="C0123456789", drill_channel="C0DRILLS000", post_mortem_url="https://example.com/p")
SET = PermissionSetSubject("devops-break-glass")
ROLE = RoleSubject("arn:aws:iam::222222222222:role/emergency")
USER = UserSubject("arn:aws:iam::222222222222:user/admin")
ACCESS = AccessSubject(
    sets=(("devops-break-glass", "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-1234567890abcdef"),),
    groups=(("breakers", "9067-breakers"),),
    roles=(ROLE.arn,),
)
TAMPERING = TamperSubject(("breakglass-prod-",), trail="management-events", deployers=(ROLE.arn,))
WATCHED: list[Watched] = [SET, ROLE, USER, RootSubject(), ACCESS, TAMPERING]


def planned(watched: Watched) -> dict[str, PlannedRule]:
    return {rule.key: rule for rule in planned_rules("prod-x", watched, SETTINGS)}


@pytest.mark.parametrize("watched", WATCHED, ids=lambda watched: watched.key)
def test_rules_of_subject_are_those_of_its_paths(watched: Watched) -> None:
    added: dict[str, list[str]] = {"user-admin-222222222222": ["key_use-alarm"], "access-by-hand": [], "tampering": []}

    rules = planned(watched)

    expected = alert_rules(watched)
    assert list(rules) == [*(rule.key for rule in expected), *added.get(watched.key, ["drill"])]
    for rule in expected:
        assert (rules[rule.key].path, rules[rule.key].pattern) == (rule.path, rule.pattern)


@pytest.mark.parametrize("watched", WATCHED, ids=lambda watched: watched.key)
def test_every_rule_but_key_use_has_a_message(watched: Watched) -> None:
    rules = planned(watched)

    assert [key for key, rule in rules.items() if rule.build_message is None] == (
        ["key_use"] if watched is USER else []
    )
    for rule in rules.values():
        if rule.build_message:
            channel = "C0DRILLS000" if rule.key == "drill" else "C0123456789"
            assert f'"channel":"{channel}"' in rule.build_message().template


@pytest.mark.parametrize("watched", WATCHED, ids=lambda watched: watched.key)
def test_message_is_that_of_path_and_area(watched: Watched) -> None:
    for rule in alert_rules(watched):
        build = planned(watched)[rule.key].build_message
        if build:
            assert build() == slack_message(
                watched, rule.path, rule.area, channel="C0123456789", post_mortem_url="https://example.com/p"
            )


def test_drill_rule_alone_gets_no_cloudtrail_events() -> None:
    for watched in WATCHED:
        assert {key for key, rule in planned(watched).items() if rule.state == "ENABLED"} <= {"drill"}


def test_drills_and_paths_of_a_role_can_be_left_out() -> None:
    rules = planned_rules("prod-x", SET, SETTINGS, paths=[EvidencePath.portal], drills=False)

    assert [rule.key for rule in rules] == ["portal"]


def test_paths_of_other_subjects_can_not_be_left_out() -> None:
    for watched in (USER, RootSubject(), ACCESS, TAMPERING):
        rules = planned_rules("prod-x", watched, SETTINGS, paths=[EvidencePath.portal])
        assert [rule.key for rule in rules] == list(planned(watched))


def test_description_names_subject_and_path() -> None:
    assert {rule.description for watched in WATCHED for rule in planned(watched).values()} >= {
        "Use of devops-break-glass, evidence path session_start.",
        "Use of emergency, evidence path denied.",
        "Drill of the alerts about devops-break-glass.",
        "IAM user admin, evidence path key_use.",
        "Alarm on the use of access keys of IAM user admin.",
        "Use of root, evidence path change.",
        "Break-glass access given around the approvals: memberships.",
        "Tampering with breakglass-prod: global.",
        "Sessions of the roles that deploy breakglass-prod.",
        "Refused attempts to tamper with breakglass-prod.",
    }


def test_alarm_rule_matches_alarm_on_events_of_the_key_rule() -> None:
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {
            "state": {"value": ["ALARM"]},
            "configuration": {
                "metrics": {
                    "metricStat": {
                        "metric": {
                            "name": ["MatchedEvents"],
                            "dimensions": {"RuleName": ["breakglass-prod-x-key_use"]},
                        }
                    }
                }
            },
        },
    }

    assert key_use_alarm_pattern("breakglass-prod-x-key_use") == pattern
    assert planned(USER)["key_use-alarm"].pattern == pattern


@pytest.mark.parametrize("watched", [ACCESS, TAMPERING], ids=lambda watched: watched.key)
def test_area_rule_reads_every_key(watched: Watched) -> None:
    for rule in alert_rules(watched):
        assert area_rule(rule.key) == (rule.path, rule.area)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("access-assignments-2", (EvidencePath.access, AccessArea.assignments)),
        ("access-assignments-12", (EvidencePath.access, AccessArea.assignments)),
        ("tamper-global", (EvidencePath.tamper, TamperArea.globals)),
        ("denied", (EvidencePath.denied, None)),
        ("access-assignments-1", None),
        ("access-assignments-0", None),
        ("access", None),
        ("tamper-", None),
        ("portal", None),
        ("", None),
    ],
)
def test_area_rule_refuses_keys_of_no_rule(key: str, found: object) -> None:
    assert area_rule(key) == found


def test_role_paths_keep_their_names() -> None:
    # The names of deployed rules end in them.
    assert list(planned(SET)) == [*ROLE_PATHS, "drill"]
