"""The list of a stack's rules, from the stack file alone.

Not proven here: that the components make the same rules (tests/components/test_stack_rules.py).
"""

from collections.abc import Iterable
from typing import Any

import pytest

from breakglass.alerts.patterns import PATTERN_LIMIT, pattern_json
from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperSubject,
    UserSubject,
)
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.rules import (
    ROLL_CALL,
    SPOKE,
    Known,
    StackRule,
    access_subject,
    rules_per_bus,
    stack_rules,
    tamper_subject,
    watched_subjects,
)
from breakglass.stack_file.stack import StackFile
from tests.unit.stack_file.stack_files import (
    ALERTS,
    APPROVALS,
    ASSIGNMENT,
    ORGANIZATION,
    RULE,
    STACKS,
    Keys,
    hub,
    policy,
    spoke,
    stack,
    stack_with_approvals,
)

ADMIN = "arn:aws:iam::222222222222:user/break-glass-admin"
OPERATOR = "arn:aws:iam::222222222222:role/emergency-operator"
SET_ARN = "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-1111222233334444"
GROUP_ID = "9067f5aa1e-6d5f1ab2-3c4d-4e5f-8a9b-0c1d2e3f4a5b"


DEPLOYER = "arn:aws:iam::111122223333:role/deploy-pipeline"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TAMPER: Keys = (*ALERTS, "tamper")


def valid(*changes: tuple[Keys, object]) -> StackFile:
    return validate_stack(stack((TAMPER, {}), *changes), STACKS)


def with_approvals(*changes: tuple[Keys, object]) -> StackFile:
    return validate_stack(stack_with_approvals((TAMPER, {}), *changes), STACKS)


def test_watched_subjects_are_sets_of_the_stack_first() -> None:
    assert watched_subjects(valid(((*ALERTS, "watch", "users"), [ADMIN]))) == [
        PermissionSetSubject("devops-break-glass"),
        PermissionSetSubject("DatabaseAdmin"),
        RoleSubject(OPERATOR),
        UserSubject(ADMIN),
        RootSubject(),
    ]


def test_root_is_not_watched_if_the_file_says_so() -> None:
    assert RootSubject() not in watched_subjects(valid(((*ALERTS, "watch", "root"), False)))


def test_stack_without_alerts_has_no_rules() -> None:
    stack_file = valid((ALERTS, None), (("slackBotToken",), None))

    assert watched_subjects(stack_file) == []
    assert stack_rules(stack_file, "prod") == []
    assert access_subject(stack_file, "prod", Known()) is None


def test_access_subject_has_known_values() -> None:
    known = Known("111122223333", {"devops-break-glass": SET_ARN}, {"database-oncall": GROUP_ID})

    assert access_subject(with_approvals(), "prod", known) == AccessSubject(
        sets=(("devops-break-glass", SET_ARN),),
        groups=(("database-oncall", GROUP_ID),),
        roles=(OPERATOR,),
        actors=("arn:aws:iam::111122223333:role/breakglass-prod-approvals-provisioner",),
    )


def test_access_subject_has_placeholders_of_equal_length() -> None:
    subject = access_subject(valid(), "prod", Known())

    assert subject is not None
    assert [(name, len(arn)) for name, arn in subject.sets] == [("devops-break-glass", len(SET_ARN))]
    assert [(name, len(group)) for name, group in subject.groups] == [("database-oncall", len(GROUP_ID))]
    assert subject.actors == ()


def test_access_subject_has_groups_of_break_glass_sets_only() -> None:
    assignment = {"group": "developers", "accounts": ["222222222222"], "sets": ["everyday"]}

    subject = access_subject(valid((ASSIGNMENT, assignment)), "prod", Known())

    assert subject is not None
    assert subject.groups == ()


def test_access_subject_knows_a_group_by_its_id() -> None:
    assignment = {"groupId": GROUP_ID, "accounts": ["222222222222"]}

    subject = access_subject(valid((ASSIGNMENT, assignment)), "prod", Known())

    assert subject is not None
    assert subject.groups == ((GROUP_ID, GROUP_ID),)


def test_names_of_rules_are_unique_and_of_the_stack() -> None:
    names = [rule.name for rule in stack_rules(with_approvals(), "prod")]

    assert len(set(names)) == len(names)
    assert all(name.startswith("breakglass-prod-") for name in names)


FIELDS = ("name", "subject", "evidence", "pattern", "state")


def facts(rules: Iterable[StackRule]) -> list[dict[str, Any]]:
    return [{field: getattr(rule, field) for field in FIELDS} for rule in rules]


@pytest.mark.parametrize("build", [stack, stack_with_approvals])
def test_file_without_an_organization_has_the_default_bus_alone(build: Any) -> None:
    rules = stack_rules(validate_stack(build(), STACKS), "prod")

    assert {rule.bus for rule in rules} == {None}
    assert {rule.evidence for rule in rules}.isdisjoint({SPOKE, ROLL_CALL})
    assert not any("-roll-call-" in rule.name or "-witness-" in rule.name for rule in rules)


@pytest.mark.parametrize("build", [stack, stack_with_approvals])
def test_organization_adds_rules_and_changes_none(build: Any) -> None:
    organization = ((*ALERTS, "organization"), ORGANIZATION)
    before = stack_rules(validate_stack(build(), STACKS), "prod")
    after = stack_rules(validate_stack(build(organization), STACKS), "prod")

    kept = {rule.name for rule in before}
    # Tampering is also that with the bus of the hub, the StackSet and the spokes.
    compared = {rule.name for rule in before if rule.subject != "tampering"}
    assert facts(rule for rule in after if rule.name in compared) == facts(
        rule for rule in before if rule.name in compared
    )
    assert [rule.message for rule in after if rule.name in kept] == [rule.message for rule in before]
    assert {rule.name for rule in after} - kept == {
        "breakglass-prod-roll-call-heartbeat",
        "breakglass-prod-roll-call-added-region",
        "breakglass-prod-roll-call-schedule",
        *(f"breakglass-spoke-{key}" for key in ("sessions", "console", "denied", "root", "portal", "heartbeat")),
        "breakglass-prod-tampering-tamper-stack-2",
        f"breakglass-prod-tampering-denied-{3 if build is stack_with_approvals else 2}",
    }


def test_rules_of_subjects_are_on_the_bus_of_the_hub() -> None:
    users = ((*ALERTS, "watch", "users"), [ADMIN])
    rules = stack_rules(validate_stack(hub((TAMPER, {}), users), STACKS), "prod")

    on_the_bus = {rule.name for rule in rules if rule.bus is not None}
    assert {rule.bus for rule in rules} == {None, "breakglass-prod-hub"}
    subjects = {rule.name for rule in rules if rule.subject not in ("", "access-by-hand", "tampering")}
    # The other rule of that path has no message.
    alarm = {rule.name for rule in rules if rule.evidence == "key_use" and rule.message}
    roll_call = {f"breakglass-prod-roll-call-{key}" for key in ("heartbeat", "added-region")}
    assert len(alarm) == 1
    assert on_the_bus == subjects - alarm | roll_call
    assert rules_per_bus(rules) == {"breakglass-prod-hub": len(on_the_bus), None: len(rules) - len(on_the_bus)}


def test_spoke_stack_has_the_rules_of_its_spoke() -> None:
    rules = stack_rules(validate_stack(spoke(), STACKS), "management")

    assert {(rule.subject, rule.evidence, rule.bus, rule.message) for rule in rules} == {
        ("", SPOKE, None, None),
        ("", "schedule", None, None),
    }
    assert [rule.name for rule in rules if rule.pattern is None] == ["breakglass-spoke-heartbeat"]


@pytest.mark.parametrize("build", [hub, spoke])
def test_spoke_outside_the_portals_account_forwards_no_portal(build: Any) -> None:
    stack_file = validate_stack(build(), STACKS)

    both = [{rule.name for rule in stack_rules(stack_file, "prod", Known(portal_here=here))} for here in (True, False)]
    assert both[0] - both[1] == {"breakglass-spoke-portal"}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (stack(), set()),
        (stack(((*ALERTS, "witness"), "PT1H")), {"witness"}),
        (hub(), {"roll-call"}),
        (hub(((*ALERTS, "organization", "rollCall"), "off")), set()),
        (hub(((*ALERTS, "organization", "witness"), {"trailLogGroup": "trail"})), {"roll-call", "witness"}),
    ],
)
def test_roll_call_and_witness_have_schedules(raw: dict[str, Any], expected: set[str]) -> None:
    rules = stack_rules(validate_stack(raw, STACKS), "prod")

    schedules = {rule.name for rule in rules if rule.evidence == "schedule"}
    assert {part for part in ("roll-call", "witness") if f"breakglass-prod-{part}-schedule" in schedules} == expected
    heartbeats = [rule.name for rule in rules if rule.evidence == ROLL_CALL]
    assert len(heartbeats) == (2 if "roll-call" in expected else 0)


def test_each_pattern_is_short_enough() -> None:
    for rule in stack_rules(with_approvals(), "prod"):
        if rule.pattern is not None:
            assert len(pattern_json(rule.pattern)) <= PATTERN_LIMIT


def test_tampering_is_watched_by_default() -> None:
    assert tamper_subject(valid(), "prod", Known()) == TamperSubject(prefixes=("breakglass-prod-",))


def test_tampering_is_not_watched_if_the_file_says_so() -> None:
    assert tamper_subject(valid((TAMPER, False)), "prod", Known()) is None


def test_tamper_subject_has_what_the_file_names() -> None:
    tamper = {
        "deployers": [DEPLOYER],
        "trail": "management-events",
        "trailBucket": "trail",
        "keys": [KEY],
        "stacks": ["prod", "web"],
    }

    assert tamper_subject(valid((TAMPER, tamper)), "prod", Known()) == TamperSubject(
        prefixes=("breakglass-prod-", "breakglass-web-"),
        trail="management-events",
        buckets=("trail",),
        keys=(KEY,),
        deployers=(DEPLOYER,),
    )


def test_tamper_subject_has_what_the_stack_knows() -> None:
    subject = tamper_subject(
        with_approvals(
            ((*APPROVALS, "endSessions"), True),
            ((*APPROVALS, "signingSecretName"), "breakglass-slack-signing-secret"),
            (("slackSigningSecret",), None),
            ((*ALERTS, "slack", "botTokenSecretName"), "breakglass-prod-token"),
            (("slackBotToken",), None),
            ((*ALERTS, "slack", "kmsKeyArn"), KEY),
            (("permissionSets", "trailBuckets"), ["org-trail"]),
            (("permissionSets", "trailKeyArns"), [KEY]),
        ),
        "prod",
        Known("111122223333", api_id="a1b2c3d4e5", session_policy_id="p-12345678"),
    )

    roles = "arn:aws:iam::111122223333:role/breakglass-prod-approvals-"
    assert subject == TamperSubject(
        prefixes=("breakglass-prod-",),
        # The other secret has the prefix.
        secret_names=("breakglass-slack-signing-secret",),
        buckets=("org-trail",),
        keys=(KEY,),
        policy_ids=("p-12345678",),
        api_id="a1b2c3d4e5",
        functions=(f"{roles}provisioner", f"{roles}reconciler"),
    )


def test_tamper_subject_knows_writers_of_another_stacks_policy() -> None:
    tamper = {"sessionPolicy": "p-12345678", "stacks": ["prod"]}
    in_us_east_1 = ((*ALERTS, "region"), "us-east-1"), ((*ALERTS, "globalEventsStack"), None)

    subject = tamper_subject(valid((TAMPER, tamper), *in_us_east_1), "prod-us-east-1", Known("111122223333"))

    roles = "arn:aws:iam::111122223333:role/breakglass-prod-approvals-"
    assert subject is not None
    assert subject.policy_ids == ("p-12345678",)
    assert subject.functions == (f"{roles}provisioner", f"{roles}reconciler")


def test_deployers_may_give_access() -> None:
    subject = access_subject(valid((TAMPER, {"deployers": [DEPLOYER]})), "prod", Known())

    assert subject is not None
    assert subject.actors == (DEPLOYER,)


def test_roles_of_the_independent_door_are_watched() -> None:
    door = "arn:aws:iam::222222222222:role/door"
    stack_file = valid(((*ALERTS, "watch", "independentDoor"), {"roles": [door]}))

    subject = access_subject(stack_file, "prod", Known())
    assert RoleSubject(door) in watched_subjects(stack_file)
    assert subject is not None
    assert door in subject.roles


def test_rules_of_a_large_stack_stay_under_a_hundred() -> None:
    pairs: list[dict[str, Any]] = [
        {
            "name": f"team-{number}",
            "everyday": {},
            "breakGlass": {"inlinePolicy": policy("rds:CreateDBSnapshot")},
            "assignments": [{"group": f"team-{number}-oncall", "accounts": ["222222222222"]}],
        }
        for number in range(10)
    ]
    names = [f"team-{number}-break-glass" for number in range(10)]
    stack_file = with_approvals(
        (("permissionSets", "pairs"), pairs),
        ((*RULE, "sets"), names),
        ((*APPROVALS, "endSessions"), True),
        ((*ALERTS, "drills"), {"every": "P7D"}),
        (
            (*ALERTS, "watch"),
            {"users": [f"arn:aws:iam::222222222222:user/{name}" for name in ("ada", "grace", "edsger")]},
        ),
        (TAMPER, {"deployers": [DEPLOYER], "trail": "org-trail", "trailBucket": "org-trail", "keys": [KEY]}),
    )

    rules = stack_rules(stack_file, "prod")

    # Ten sets with five paths and a drill, three users with six rules, root with six.
    assert sum(rule.subject not in ("", "access-by-hand", "tampering") for rule in rules) == 10 * 6 + 3 * 6 + 6
    assert {rule.subject for rule in rules} >= {"access-by-hand", "tampering"}
    assert len(rules) < 100
