"""The list of a stack's rules, from the stack file alone.

Not proven here: that the components make the same rules (tests/components/test_stack_rules.py).
"""

from breakglass.alerts.patterns import PATTERN_LIMIT, pattern_json
from breakglass.alerts.subjects import AccessSubject, PermissionSetSubject, RoleSubject
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.rules import Known, access_subject, stack_rules, watched_subjects
from breakglass.stack_file.stack import StackFile
from tests.unit.stack_file.stack_files import ALERTS, ASSIGNMENT, STACKS, Keys, stack, stack_with_approvals

OPERATOR = "arn:aws:iam::222222222222:role/emergency-operator"
SET_ARN = "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-1111222233334444"
GROUP_ID = "9067f5aa1e-6d5f1ab2-3c4d-4e5f-8a9b-0c1d2e3f4a5b"


def valid(*changes: tuple[Keys, object]) -> StackFile:
    return validate_stack(stack(*changes), STACKS)


def test_watched_subjects_are_sets_of_the_stack_first() -> None:
    assert watched_subjects(valid()) == [
        PermissionSetSubject("devops-break-glass"),
        PermissionSetSubject("DatabaseAdmin"),
        RoleSubject(OPERATOR),
    ]


def test_stack_without_alerts_has_no_rules() -> None:
    stack_file = valid((ALERTS, None), (("slackBotToken",), None))

    assert watched_subjects(stack_file) == []
    assert stack_rules(stack_file, "prod") == []
    assert access_subject(stack_file, "prod", Known()) is None


def test_access_subject_has_known_values() -> None:
    known = Known("111122223333", {"devops-break-glass": SET_ARN}, {"database-oncall": GROUP_ID})

    assert access_subject(validate_stack(stack_with_approvals(), STACKS), "prod", known) == AccessSubject(
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
    names = [rule.name for rule in stack_rules(validate_stack(stack_with_approvals(), STACKS), "prod")]

    assert len(set(names)) == len(names)
    assert all(name.startswith("breakglass-prod-") for name in names)


def test_each_pattern_is_short_enough() -> None:
    for rule in stack_rules(validate_stack(stack_with_approvals(), STACKS), "prod"):
        if rule.pattern is not None:
            assert len(pattern_json(rule.pattern)) <= PATTERN_LIMIT
