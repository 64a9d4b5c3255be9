"""The lint of permission-set pairs: scenarios, and invariants on generated policies.

moto's policy evaluation is the second opinion on what a statement allows. It knows no `?`, no NotResource and no other
spelling than AWS's own, so those are in scenarios only.
"""

import string
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.iam.access_control import IAMPolicy, PermissionResult

from breakglass.iam.documents import INLINE_POLICY_LIMIT, policy_json, policy_size
from breakglass.iam.lint import Finding, LintContext, lint_approvals_risk, lint_pair, statement_risks
from breakglass.iam.protection import WITHHELD, own_arns
from breakglass.iam.rules import RISKS, RULES, Severity
from breakglass.vocabulary import RiskAcknowledgement

Risk = RiskAcknowledgement
AWS_POLICY = "arn:aws:iam::aws:policy/"
RESTORE = {"Effect": "Allow", "Action": ["rds:RestoreDBInstanceFromDBSnapshot"], "Resource": "*"}


@dataclass(frozen=True)
class PermissionSet:
    managed_policies: Sequence[str] = ()
    customer_managed_policies: Sequence[object] = ()
    inline_policy: dict[str, Any] | None = None
    permissions_boundary: object = None
    acknowledge: Sequence[RiskAcknowledgement] = ()
    allow_local_login: bool = False


@dataclass(frozen=True)
class Pair:
    break_glass: PermissionSet
    everyday: PermissionSet = field(default_factory=PermissionSet)


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def inline(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def break_glass(*statements: dict[str, Any], acknowledge: Sequence[Risk] = ()) -> Pair:
    return Pair(PermissionSet(inline_policy=inline(*statements), acknowledge=acknowledge))


def found(pair: Pair, *, protected: bool = True, approvals: bool = False) -> list[tuple[str, str]]:
    context = LintContext(protect_alert_path=protected, approvals=approvals)
    return [(finding.rule, finding.path) for finding in lint_pair(pair, context)]


def refused(pair: Pair, *, protected: bool = True, approvals: bool = False) -> set[tuple[str, str]]:
    findings = lint_pair(pair, LintContext(protect_alert_path=protected, approvals=approvals))
    return {(finding.rule, finding.path) for finding in findings if finding.severity is Severity.refused}


STATEMENT = "breakGlass.inlinePolicy.Statement[0]"


# --- risks of a statement --------------------------------------------------------------------------------------------

EVERYTHING = set(Risk)
NOT_ACTION = {"Effect": "Allow", "Resource": "*"}


@pytest.mark.parametrize(
    ("statement", "risks"),
    [
        pytest.param(allow("*"), EVERYTHING, id="everything"),
        pytest.param(allow("*:*"), EVERYTHING, id="everything-with-colon"),
        pytest.param(allow(["rds:*", "**"]), EVERYTHING, id="everything-among-others"),
        pytest.param(allow("*", "arn:aws:*"), EVERYTHING, id="everything-on-all-arns"),
        pytest.param({**NOT_ACTION, "NotAction": "iam:*"}, EVERYTHING, id="everything-but-one-service"),
        pytest.param(
            {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::archive"}, EVERYTHING, id="all-but-a-bucket"
        ),
        pytest.param({"Effect": "Allow", "Action": "*", "NotResource": "*"}, set(), id="all-but-everything"),
        pytest.param({**NOT_ACTION, "NotAction": "*"}, set(), id="no-action-left"),
        pytest.param(allow("*", "arn:aws:s3:::exports/*"), set(), id="everything-on-a-bucket"),
        pytest.param(allow("*", "arn:aws:iam::111111111111:role/*"), {Risk.iam}, id="everything-on-roles"),
        pytest.param(
            {"Effect": "Allow", "NotAction": "iam:Put*", "Resource": "arn:aws:iam::*:*"},
            {Risk.iam, Risk.root},
            id="not-action-leaves-iam",
        ),
        pytest.param(
            {"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "arn:aws:iam::*:*"},
            set(),
            id="not-action-takes-iam",
        ),
        pytest.param(allow("iam:*"), {Risk.iam}, id="iam"),
        pytest.param(allow("IAM:put*"), {Risk.iam}, id="iam-in-another-spelling"),
        pytest.param(allow("i*:*"), {Risk.iam, Risk.sso, Risk.code}, id="wildcard-in-the-service"),
        pytest.param(allow("iam:*Policy"), {Risk.iam}, id="wildcard-first"),
        pytest.param(allow("iam:PutRolePolic?"), {Risk.iam}, id="question-mark"),
        pytest.param(allow("iam:AttachRolePolicy", "arn:aws:iam::*:role/app-*"), {Risk.iam}, id="iam-on-some-roles"),
        pytest.param(
            allow("iam:AttachRolePolicy", Condition={"StringEquals": {"iam:PermissionsBoundary": "arn:..."}}),
            {Risk.iam},
            id="a-condition-does-not-count",
        ),
        pytest.param(allow(["iam:Get*", "iam:List*"]), set(), id="iam-reading"),
        pytest.param(allow("iam:CreateServiceLinkedRole"), set(), id="iam-service-linked-role"),
        pytest.param(
            allow("iam:PutRolePolicy", "arn:aws:iam::*:role/aws-service-role/rds.amazonaws.com/*"),
            set(),
            id="iam-on-roles-that-belong-to-aws",
        ),
        pytest.param(allow("iam:PutRolePolicy", "arn:aws-cn:iam::*:role/*"), set(), id="iam-of-another-partition"),
        pytest.param(allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}"), {Risk.iam}, id="variable"),
        pytest.param(allow("sso:*"), {Risk.sso}, id="sso"),
        pytest.param(allow("sso-directory:AddMemberToGroup"), {Risk.sso}, id="sso-group"),
        pytest.param(allow("identitystore:CreateGroupMembership"), {Risk.sso}, id="identity-store-group"),
        pytest.param(allow(["sso:Describe*", "sso:Get*", "sso:List*"]), set(), id="sso-reading"),
        pytest.param(allow("sso:CreateApplication"), {Risk.sso}, id="sso-applications"),
        pytest.param(allow("signin:PutResourcePermissionStatement"), {Risk.sso}, id="sign-in-from-elsewhere"),
        pytest.param(allow("organizations:*"), {Risk.organizations}, id="organizations"),
        pytest.param(allow("organizations:DetachPolicy"), {Risk.organizations}, id="detach-a-control-policy"),
        pytest.param(allow(["organizations:Describe*", "organizations:List*"]), set(), id="organizations-reading"),
        pytest.param(allow("cloudtrail:*"), {Risk.stop_cloudtrail}, id="cloudtrail"),
        pytest.param(
            allow("cloudtrail:StopLogging", "arn:aws:cloudtrail:eu-central-1:222222222222:trail/x"),
            {Risk.stop_cloudtrail},
            id="stop-one-trail",
        ),
        pytest.param(allow("cloudtrail:LookupEvents"), set(), id="cloudtrail-reading"),
        pytest.param(allow("events:*"), {Risk.alert_path}, id="rules"),
        pytest.param(allow("events:PutRule", "arn:aws:events:*:*:rule/*"), {Risk.alert_path}, id="any-rule"),
        pytest.param(allow("events:PutRule", "arn:aws:events:*:*:rule/orders-*"), set(), id="rules-of-another-name"),
        pytest.param(
            allow("events:PutRule", "arn:aws:events:*:*:rule/${aws:PrincipalTag/team}-*"),
            {Risk.alert_path},
            id="rules-of-an-unknown-name",
        ),
        pytest.param(
            {"Effect": "Allow", "Action": "events:PutRule", "NotResource": "arn:aws:events:*:*:rule/breakglass-*"},
            {Risk.alert_path},
            id="not-resource-takes-only-the-rules",
        ),
        pytest.param(
            {
                "Effect": "Allow",
                "Action": "events:PutRule",
                "NotResource": ["arn:aws:*:*:*:*breakglass-*", "arn:aws:events:*:*:event-bus*"],
            },
            set(),
            id="not-resource-takes-the-alert-path",
        ),
        pytest.param(
            {"Effect": "Allow", "Action": "events:PutRule", "NotResource": "arn:aws:*:*:*:*${aws:userid}*"},
            {Risk.alert_path},
            id="not-resource-of-an-unknown-name",
        ),
        pytest.param(allow("secretsmanager:GetSecretValue"), {Risk.alert_path}, id="any-secret"),
        pytest.param(
            allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:*:*:secret:rds!*"), set(), id="rds-secrets"
        ),
        pytest.param(allow("sqs:*", "arn:aws:sqs:*:*:*"), {Risk.alert_path}, id="any-queue"),
        pytest.param(allow(["sqs:SendMessage", "sns:Publish", "events:PutEvents"]), set(), id="sending"),
        pytest.param(allow("events:UpdateEventBus"), {Risk.alert_path}, id="default-bus"),
        pytest.param(
            allow("events:UpdateEventBus", "arn:aws:events:*:*:event-bus/orders"), set(), id="bus-of-another-name"
        ),
        pytest.param(allow("sts:AssumeRoot"), {Risk.root}, id="root-session"),
        pytest.param(allow("sts:AssumeRoot", "arn:aws:iam::222222222222:root"), {Risk.root}, id="root-of-an-account"),
        pytest.param(allow("account-access:*"), {Risk.access}, id="account-access"),
        pytest.param(allow(["account-access:Get*", "account-access:List*"]), set(), id="account-access-reading"),
        pytest.param(allow("account:*"), {Risk.account}, id="account"),
        pytest.param(allow("account:PutAlternateContact"), set(), id="account-contact"),
        pytest.param(allow("cloudformation:*"), {Risk.organizations, Risk.code}, id="stacks-and-stack-sets"),
        pytest.param(
            allow("cloudformation:UpdateStack", "arn:aws:cloudformation:*:*:stack/app/*"), {Risk.code}, id="a-stack"
        ),
        pytest.param(allow("ssm:StartSession"), {Risk.code}, id="shell"),
        pytest.param(allow(["ssm:Get*", "ssm:Describe*"]), set(), id="ssm-reading"),
        pytest.param(
            allow(["ssm:StartSession", "s3:GetObject"], "arn:aws:s3:::exports/*"), set(), id="shell-on-a-bucket"
        ),
        pytest.param(allow("lambda:InvokeFunction"), {Risk.approvals}, id="any-function"),
        pytest.param(
            allow("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:orders"), set(), id="function-of-another-name"
        ),
        pytest.param(allow("dynamodb:*Item"), {Risk.approvals}, id="any-item"),
        pytest.param(allow(["dynamodb:GetItem", "dynamodb:Query"]), set(), id="items-reading"),
        pytest.param(allow("guardduty:*"), {Risk.stop_detection}, id="guardduty"),
        pytest.param(allow("signin:*"), {Risk.sso}, id="sign-in"),
        pytest.param(allow("rds:*"), set(), id="rds"),
    ],
)
def test_risks_of_a_statement(statement: dict[str, Any], risks: set[Risk]) -> None:
    assert statement_risks(statement).keys() == risks


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_risks_are_found_in_every_partition(partition: str) -> None:
    for action, resource, risk in (
        ("iam:PutRolePolicy", f"arn:{partition}:iam::*:role/*", Risk.iam),
        ("events:DisableRule", f"arn:{partition}:events:*:*:rule/*", Risk.alert_path),
    ):
        assert statement_risks(allow(action, resource), partition).keys() == {risk}


@pytest.mark.parametrize(("risk", "action"), [(risk, action) for risk in RISKS for action in RISKS[risk].actions])
def test_every_action_of_every_risk_is_found_in_any_case(risk: Risk, action: str) -> None:
    assert risk in statement_risks(allow(action))
    assert risk in statement_risks(allow(action.swapcase()))


# Well-known ways to escalate, to blind CloudTrail and to cut an alert.
WAYS = {
    Risk.iam: (
        "iam:AddUserToGroup iam:AttachRolePolicy iam:AttachUserPolicy iam:CreateAccessKey iam:CreateLoginProfile "
        "iam:CreatePolicyVersion iam:DeleteRolePermissionsBoundary iam:DeleteRolePolicy iam:DetachRolePolicy "
        "iam:PutGroupPolicy iam:PutRolePermissionsBoundary iam:PutRolePolicy iam:PutUserPolicy "
        "iam:SetDefaultPolicyVersion iam:UpdateAssumeRolePolicy iam:UpdateLoginProfile iam:UpdateSAMLProvider"
    ),
    Risk.sso: (
        "identitystore:CreateGroupMembership identitystore:UpdateUser sso-directory:AddMemberToGroup "
        "sso-directory:UpdatePassword sso:AttachManagedPolicyToPermissionSet sso:CreateAccountAssignment "
        "sso:DeleteInlinePolicyFromPermissionSet sso:DeletePermissionsBoundaryFromPermissionSet "
        "sso:ProvisionPermissionSet sso:PutInlinePolicyToPermissionSet sso:UpdatePermissionSet"
    ),
    Risk.organizations: (
        "organizations:AttachPolicy organizations:CloseAccount organizations:DeletePolicy organizations:DetachPolicy "
        "organizations:DisablePolicyType organizations:LeaveOrganization organizations:MoveAccount "
        "organizations:RegisterDelegatedAdministrator organizations:RemoveAccountFromOrganization "
        "organizations:UpdatePolicy"
    ),
    Risk.stop_cloudtrail: (
        "cloudtrail:DeleteTrail cloudtrail:PutEventSelectors cloudtrail:StopLogging cloudtrail:UpdateTrail"
    ),
    Risk.alert_path: (
        "cloudwatch:DeleteAlarms cloudwatch:DisableAlarmActions cloudwatch:PutAlarmMuteRule cloudwatch:PutMetricAlarm "
        "cloudwatch:SetAlarmState events:DeauthorizeConnection events:DeleteRule events:DisableRule events:EnableRule "
        "events:PutRule events:PutTargets events:RemoveTargets events:UpdateApiDestination events:UpdateConnection "
        "secretsmanager:DeleteSecret secretsmanager:GetSecretValue secretsmanager:PutResourcePolicy "
        "secretsmanager:PutSecretValue secretsmanager:UpdateSecretVersionStage sns:DeleteTopic sns:SetTopicAttributes "
        "sns:SetSubscriptionAttributes sns:Unsubscribe sqs:DeleteMessage sqs:DeleteQueue sqs:PurgeQueue "
        "sqs:SetQueueAttributes"
    ),
}


@pytest.mark.parametrize(("risk", "action"), [(risk, action) for risk in WAYS for action in WAYS[risk].split()])
def test_a_well_known_way_is_found(risk: Risk, action: str) -> None:
    assert statement_risks(allow(action)).keys() == {risk}


# --- findings of a pair ----------------------------------------------------------------------------------------------


def test_lint_of_the_seed_example_finds_nothing() -> None:
    pair = Pair(
        everyday=PermissionSet(managed_policies=[f"{AWS_POLICY}AmazonRDSReadOnlyAccess"]),
        break_glass=PermissionSet(
            managed_policies=[f"{AWS_POLICY}AmazonRDSReadOnlyAccess"],
            inline_policy=inline(
                allow(
                    [
                        "rds:CreateDBInstance",
                        "rds:DeleteDBInstance",
                        "rds:ModifyDBInstance",
                        "rds:CreateDBSnapshot",
                        "rds:RestoreDBInstanceFromDBSnapshot",
                    ]
                ),
                allow("iam:PassRole", "arn:aws:iam::*:role/rds-monitoring-role"),
            ),
        ),
    )
    assert lint_pair(pair, LintContext()) == ()


def test_refusal_has_reason_and_fix() -> None:
    (finding,) = lint_pair(break_glass(RESTORE, allow(["rds:*", "iam:*"])), LintContext())
    assert finding == Finding(
        rule="iam",
        severity=Severity.refused,
        path="breakGlass.inlinePolicy.Statement[1]",
        value='"iam:*"',
        why=RISKS[Risk.iam].why,
        instead=f"{RISKS[Risk.iam].instead} If the power is intended, add iam to acknowledge.",
    )


def test_value_of_a_finding_is_the_offending_part() -> None:
    many = [f"rds:Action{letter}" for letter in string.ascii_letters]
    (finding,) = lint_pair(break_glass(allow([*many, "sso:*", "sso-directory:*"])), LintContext())
    assert finding.value == '["sso:*", "sso-directory:*"]'


def test_path_of_a_single_statement_has_no_index() -> None:
    pair = Pair(PermissionSet(inline_policy={"Version": "2012-10-17", "Statement": allow("sso:*")}))
    assert found(pair) == [("sso", "breakGlass.inlinePolicy.Statement")]


WARNED = (Risk.code, Risk.stop_detection)
OF_APPROVALS = Risk.approvals


@pytest.mark.parametrize(
    "risk", [each for each in Risk if each not in (Risk.administrator_access, *WARNED, OF_APPROVALS)]
)
def test_risk_is_refused_until_it_is_acknowledged_by_name(risk: Risk) -> None:
    statement = allow(RISKS[risk].actions[0])
    assert found(break_glass(statement), protected=False) == [(risk, STATEMENT)]
    others = [other for other in Risk if other not in (risk, Risk.administrator_access)]
    assert (risk, STATEMENT) in refused(break_glass(statement, acknowledge=others), protected=False)
    assert found(break_glass(statement, acknowledge=[risk]), protected=False) == []


@pytest.mark.parametrize("risk", WARNED)
def test_risk_of_oncall_work_is_a_warning(risk: Risk) -> None:
    statement = allow(RISKS[risk].actions[0])
    (finding,) = lint_pair(break_glass(statement), LintContext())
    assert (finding.rule, finding.severity, finding.path) == (risk, Severity.warning, STATEMENT)
    assert finding.instead.endswith(f"If the power is intended, add {risk} to acknowledge.")
    assert found(break_glass(statement, acknowledge=[risk])) == []


@pytest.mark.parametrize("risk", WARNED)
def test_risk_of_oncall_work_is_accepted_in_everyday_sets(risk: Risk) -> None:
    everyday = PermissionSet(inline_policy=inline(allow(RISKS[risk].actions[0])))
    assert found(Pair(everyday=everyday, break_glass=PermissionSet(inline_policy=inline(RESTORE)))) == []


@pytest.mark.parametrize("risk", WITHHELD)
def test_withheld_power_is_refused_even_if_denied(risk: Risk) -> None:
    statement = allow(WITHHELD[risk][0])
    assert refused(break_glass(statement), protected=True) == {(risk, STATEMENT)}
    assert refused(break_glass(statement, acknowledge=[risk]), protected=True) == set()


# --- beside approvals ------------------------------------------------------------------------------------------------

DECIDES = [
    "dynamodb:PutItem",
    "lambda:InvokeFunction",
    "lambda:UpdateFunctionCode",
    "states:SendTaskSuccess",
]


@pytest.mark.parametrize("action", DECIDES)
def test_approvals_risk_without_protection_is_refused(action: str) -> None:
    pair = break_glass(allow(action), acknowledge=[Risk.code])
    assert refused(pair, protected=False, approvals=True) == {("approvals", STATEMENT)}
    acknowledged = break_glass(allow(action), acknowledge=[Risk.approvals])
    assert refused(acknowledged, protected=False, approvals=True) == set()


@pytest.mark.parametrize("action", DECIDES)
def test_approvals_risk_without_approvals_is_accepted(action: str) -> None:
    assert refused(break_glass(allow(action)), protected=False, approvals=False) == set()


MACHINES = "arn:aws:states:eu-central-1:222222222222:stateMachine:*"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(allow("states:*"), id="everything"),
        pytest.param(allow("states:StartExecution", MACHINES), id="start"),
        pytest.param(allow("states:UpdateStateMachine", MACHINES), id="change"),
        pytest.param(allow("states:RedriveExecution", "arn:aws:states:*:*:execution:*"), id="run-again"),
    ],
)
def test_state_machines_are_of_alert_path_and_approvals(statement: dict[str, Any]) -> None:
    pair = break_glass(statement)
    assert refused(pair, protected=False, approvals=False) == {("alert-path", STATEMENT)}
    assert refused(pair, protected=False, approvals=True) == {("alert-path", STATEMENT), ("approvals", STATEMENT)}
    assert refused(pair, protected=True, approvals=True) == set()


@pytest.mark.parametrize("action", ["states:RevealSecrets", "states:TestState"])
def test_test_of_states_is_refused_or_denied(action: str) -> None:
    pair = break_glass(allow(action))
    assert refused(pair, protected=False, approvals=False) == {("alert-path", STATEMENT)}
    assert found(pair) == [("denied-anyway", STATEMENT)]


def test_approvals_risk_with_protection_is_accepted() -> None:
    assert found(break_glass(allow("dynamodb:PutItem")), protected=True, approvals=True) == []


def test_missing_protection_with_approvals_is_refused() -> None:
    pair = break_glass(RESTORE)
    (finding,) = lint_pair(pair, LintContext(protect_alert_path=False, approvals=True))
    assert (finding.rule, finding.path, finding.value) == ("approvals", "breakGlass", "(protectAlertPath: false)")
    assert finding.why.startswith("The stack has approvals, and no Deny keeps the set from them")
    assert found(pair, protected=True, approvals=True) == found(pair, protected=False) == []
    acknowledged = break_glass(RESTORE, acknowledge=[Risk.approvals])
    assert found(acknowledged, protected=False, approvals=True) == []
    assert found(acknowledged, protected=True, approvals=True) == [
        ("stale-acknowledgement", "breakGlass.acknowledge[0]")
    ]


def test_everyday_set_that_can_decide_is_found() -> None:
    reaching = PermissionSet(
        managed_policies=[f"{AWS_POLICY}AWSLambda_FullAccess"],
        inline_policy=inline(RESTORE, allow("dynamodb:*", "arn:aws:dynamodb:*:*:table/*")),
    )
    assert [(each.rule, each.severity, each.path) for each in lint_approvals_risk(reaching, "aws")] == [
        ("everyday-risk", Severity.warning, "everyday.managedPolicies[0]"),
        ("everyday-risk", Severity.warning, "everyday.inlinePolicy.Statement[1]"),
    ]
    elsewhere = inline(allow("dynamodb:*", "arn:aws:dynamodb:*:*:table/orders"))
    assert lint_approvals_risk(PermissionSet(inline_policy=elsewhere), "aws") == ()


# --- aws login -------------------------------------------------------------------------------------------------------


def test_local_login_that_is_denied_is_a_warning() -> None:
    statement = allow(["signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"], "arn:aws:signin:*:*:oauth2/*")
    for protected in (True, False):
        assert found(break_glass(statement), protected=protected) == [("local-login", STATEMENT)]
    allowed = Pair(PermissionSet(inline_policy=inline(statement), allow_local_login=True))
    assert found(allowed) == []


def test_managed_policies_are_refused_by_their_index() -> None:
    arns = [
        f"{AWS_POLICY}ReadOnlyAccess",
        f"{AWS_POLICY}IAMFullAccess",
        f"{AWS_POLICY}job-function/SystemAdministrator",
    ]
    assert found(Pair(PermissionSet(managed_policies=arns)), protected=False) == [
        ("iam", "breakGlass.managedPolicies[1]"),
        ("iam", "breakGlass.managedPolicies[2]"),
        ("stop-cloudtrail", "breakGlass.managedPolicies[2]"),
        ("alert-path", "breakGlass.managedPolicies[2]"),
        ("code", "breakGlass.managedPolicies[2]"),
        ("stop-detection", "breakGlass.managedPolicies[2]"),
    ]


def test_administrator_access_is_one_finding_per_policy() -> None:
    both = PermissionSet(managed_policies=[f"{AWS_POLICY}AdministratorAccess"], inline_policy=inline(allow("*")))
    for protected in (True, False):
        assert found(Pair(both), protected=protected) == [
            ("administrator-access", "breakGlass.managedPolicies[0]"),
            ("administrator-access", STATEMENT),
        ]
    acknowledged = break_glass(allow("*"), allow("iam:*"), acknowledge=[Risk.administrator_access, Risk.iam])
    assert found(acknowledged) == []


def test_acknowledged_administrator_access_covers_other_risks() -> None:
    pair = break_glass(allow("iam:*"), allow("events:*"), acknowledge=[Risk.administrator_access])
    assert refused(pair, protected=False) == set()


def test_other_acknowledgements_exclude_administrator_access() -> None:
    others = [risk for risk in Risk if risk is not Risk.administrator_access]
    assert ("administrator-access", STATEMENT) in refused(break_glass(allow("*"), acknowledge=others), protected=False)


def test_protection_covers_alert_path_and_cloudtrail() -> None:
    pair = break_glass(allow("events:*"), allow("cloudtrail:StopLogging"))
    assert refused(pair, protected=False) == {
        ("alert-path", "breakGlass.inlinePolicy.Statement[0]"),
        ("stop-cloudtrail", "breakGlass.inlinePolicy.Statement[1]"),
    }
    assert refused(pair, protected=True) == set()


def test_secret_without_the_prefix_is_in_the_alert_path() -> None:
    token = "arn:aws:secretsmanager:*:*:secret:slack/*"
    pair = Pair(
        everyday=PermissionSet(inline_policy=inline(allow("secretsmanager:GetSecretValue", token))),
        break_glass=PermissionSet(inline_policy=inline(allow("secretsmanager:*", token))),
    )
    own = own_arns("aws", secret_names=["slack/bot-token"])
    assert lint_pair(pair, LintContext(protect_alert_path=False)) == ()
    findings = lint_pair(pair, LintContext(protect_alert_path=False, own_arns=own))
    assert [(each.rule, each.path) for each in findings] == [
        ("everyday-risk", "everyday.inlinePolicy.Statement[0]"),
        ("alert-path", STATEMENT),
    ]


def test_actions_denied_on_all_resources_are_a_warning() -> None:
    statements = (allow("events:Put*"), allow("cloudtrail:*"), allow(["rds:*", "sns:Unsubscribe"]))
    findings = lint_pair(break_glass(*statements), LintContext())
    assert [(finding.rule, finding.path, finding.value) for finding in findings] == [
        ("denied-anyway", "breakGlass.inlinePolicy.Statement[0]", '"events:Put*"'),
        ("denied-anyway", "breakGlass.inlinePolicy.Statement[1]", '"cloudtrail:*"'),
        ("denied-anyway", "breakGlass.inlinePolicy.Statement[2]", '"sns:Unsubscribe"'),
    ]
    assert "denied-anyway" not in dict(found(break_glass(allow("*", "arn:aws:s3:::exports/*"))))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        pytest.param(allow("iam:PassRole"), True, id="pass-any-role"),
        pytest.param(allow("iam:Pass*", "arn:aws:iam::222222222222:role/*"), True, id="pass-any-role-of-an-account"),
        pytest.param(allow("sts:AssumeRole"), True, id="assume-any-role"),
        pytest.param(allow("iam:PassRole", "arn:aws:iam::*:role/rds-*"), False, id="pass-some-roles"),
        pytest.param(
            {"Effect": "Allow", "Action": "iam:PassRole", "NotResource": "arn:aws:iam::*:role/admin"},
            True,
            id="pass-all-roles-but-one",
        ),
        pytest.param(
            allow("iam:PassRole", Condition={"StringEquals": {"iam:PassedToService": "rds.amazonaws.com"}}),
            False,
            id="pass-to-one-service",
        ),
        pytest.param(allow("sts:GetCallerIdentity"), False, id="who-am-i"),
    ],
)
def test_passing_or_assuming_every_role_is_a_warning(statement: dict[str, Any], told: bool) -> None:
    assert found(break_glass(statement)) == ([("any-role", STATEMENT)] if told else [])


def test_acknowledgement_without_the_risk_is_stale() -> None:
    pair = break_glass(RESTORE, allow("iam:*"), acknowledge=[Risk.sso, Risk.iam, Risk.administrator_access])
    assert found(pair) == [
        ("stale-acknowledgement", "breakGlass.acknowledge[0]"),
        ("stale-acknowledgement", "breakGlass.acknowledge[2]"),
    ]


def test_acknowledgement_of_a_denied_power_is_stale() -> None:
    pair = break_glass(allow("events:PutRule"), acknowledge=[Risk.alert_path])
    assert found(pair, protected=True) == [("stale-acknowledgement", "breakGlass.acknowledge[0]")]
    assert found(pair, protected=False) == []


def test_acknowledgement_for_a_customer_managed_policy_passes() -> None:
    own = PermissionSet(customer_managed_policies=[{"name": "restore", "path": "/"}], acknowledge=[Risk.iam])
    assert found(Pair(own)) == []


def test_break_glass_set_that_allows_nothing_is_a_warning() -> None:
    deny = {"Effect": "Deny", "Action": "rds:DeleteDBCluster", "Resource": "*"}
    assert found(Pair(PermissionSet())) == [("no-policy", "breakGlass")]
    assert found(break_glass(deny)) == [("no-policy", "breakGlass")]
    assert found(Pair(PermissionSet(customer_managed_policies=["restore"]))) == []


def test_break_glass_set_that_adds_nothing_is_a_warning() -> None:
    same = PermissionSet(
        managed_policies=[f"{AWS_POLICY}ReadOnlyAccess"],
        customer_managed_policies=["restore"],
        inline_policy=inline(RESTORE),
    )
    assert found(Pair(everyday=same, break_glass=same)) == [("adds-nothing", "breakGlass")]
    less = PermissionSet(managed_policies=same.managed_policies, inline_policy=inline(RESTORE))
    assert found(Pair(everyday=same, break_glass=less)) == [("adds-nothing", "breakGlass")]
    assert found(Pair(everyday=less, break_glass=same)) == []


def test_break_glass_set_without_everyday_limits_passes() -> None:
    allowed = PermissionSet(inline_policy=inline(RESTORE))
    denied = {"Effect": "Deny", "Action": "rds:Delete*", "Resource": "*"}
    assert found(Pair(everyday=PermissionSet(inline_policy=inline(RESTORE, denied)), break_glass=allowed)) == []
    bounded = PermissionSet(inline_policy=inline(RESTORE), permissions_boundary={"managedPolicyArn": "arn:..."})
    assert found(Pair(everyday=bounded, break_glass=allowed)) == []


def test_everyday_set_with_a_risk_is_a_warning() -> None:
    everyday = PermissionSet(
        managed_policies=[f"{AWS_POLICY}AdministratorAccess"], inline_policy=inline(allow("iam:*"))
    )
    pair = Pair(everyday=everyday, break_glass=PermissionSet(inline_policy=inline(RESTORE)))
    findings = lint_pair(pair, LintContext())
    assert [(finding.rule, finding.severity, finding.path) for finding in findings] == [
        ("everyday-risk", Severity.warning, "everyday.managedPolicies[0]"),
        ("everyday-risk", Severity.warning, "everyday.inlinePolicy.Statement[0]"),
    ]
    assert "(administrator-access: " in findings[0].why
    assert "(iam: " in findings[1].why


def test_protection_does_not_cover_the_everyday_set() -> None:
    everyday = PermissionSet(inline_policy=inline(allow("events:*")))
    pair = Pair(everyday=everyday, break_glass=PermissionSet(inline_policy=inline(RESTORE)))
    assert found(pair) == [("everyday-risk", "everyday.inlinePolicy.Statement[0]")]


def test_any_role_and_root_are_both_found() -> None:
    assert found(break_glass(allow("sts:*"))) == [("root", STATEMENT), ("any-role", STATEMENT)]


def test_inline_policy_that_aws_would_refuse_is_refused() -> None:
    full = inline(allow("rds:*", "arn:aws:rds:"))
    full["Statement"][0]["Resource"] += "x" * (INLINE_POLICY_LIMIT - policy_size(full))
    whole = PermissionSet(inline_policy=full, allow_local_login=True)
    pair = Pair(everyday=PermissionSet(inline_policy=full), break_glass=whole)
    assert refused(pair, protected=False) == set()
    assert refused(pair, protected=True) == {("inline-policy", "breakGlass.inlinePolicy")}
    longer = inline(*full["Statement"], RESTORE)
    pair = Pair(everyday=PermissionSet(inline_policy=longer), break_glass=PermissionSet(inline_policy=inline(RESTORE)))
    assert refused(pair) == {("inline-policy", "everyday.inlinePolicy")}


def test_every_rule_has_a_unique_name_and_whole_sentences() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert list(RISKS) == list(Risk)
    for rule in RULES:
        assert rule.why.endswith(".")
        assert rule.instead.endswith(".")


# --- invariants ------------------------------------------------------------------------------------------------------

RISKY_ACTIONS = sorted(
    {action.replace("*", "") for rule in list(RISKS.values())[1:] for action in rule.actions}
    | {"iam:PutRolePolicy", "sso:UpdatePermissionSet", "cloudtrail:StopLogging", "events:PutRule", "rds:StartDBCluster"}
)
RESOURCES = (
    "*",
    "arn:aws:*",
    "arn:aws:iam::*:role/*",
    "arn:aws:iam::222222222222:role/app",
    "arn:aws:events:*:*:rule/*",
    "arn:aws:events:eu-central-1:222222222222:rule/orders",
    "arn:aws:sqs:*:*:breakglass-devops",
    "arn:aws:secretsmanager:*:*:secret:rds!*",
    "arn:aws:s3:::exports/*",
)


@st.composite
def action_patterns(draw: st.DrawFn) -> str:
    """An action of AWS's, possibly with a part of it replaced by a star."""
    action = draw(st.sampled_from(RISKY_ACTIONS))
    start = draw(st.integers(0, len(action)))
    end = draw(st.integers(start, len(action)))
    return draw(st.sampled_from([action, f"{action[:start]}*{action[end:]}", "*"]))


@st.composite
def statements(draw: st.DrawFn, effect: str) -> dict[str, Any]:
    element = draw(st.sampled_from(["Action", "NotAction"]))
    actions = draw(action_patterns() | st.lists(action_patterns(), min_size=1, max_size=3))
    resource = draw(st.sampled_from(RESOURCES) | st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2))
    return {"Effect": effect, element: actions, "Resource": resource}


ALLOWS = st.lists(statements("Allow"), max_size=3)
ACKNOWLEDGED = st.lists(st.sampled_from(Risk), unique=True)
PROBES = [
    (Risk.iam, "iam:PutRolePolicy", "arn:aws:iam::222222222222:role/app"),
    (Risk.iam, "iam:CreateAccessKey", "arn:aws:iam::222222222222:user/root-of-all"),
    (Risk.sso, "sso:PutInlinePolicyToPermissionSet", "arn:aws:sso:::permissionSet/ssoins-6904c3a1/ps-1"),
    (Risk.sso, "sso-directory:AddMemberToGroup", "*"),
    (Risk.organizations, "organizations:DetachPolicy", "arn:aws:organizations::111111111111:policy/o-1/x/p-1"),
    (Risk.organizations, "organizations:LeaveOrganization", "*"),
    (Risk.stop_cloudtrail, "cloudtrail:StopLogging", "arn:aws:cloudtrail:eu-central-1:222222222222:trail/all"),
    (Risk.alert_path, "events:PutRule", "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops"),
    (Risk.alert_path, "sqs:PurgeQueue", "arn:aws:sqs:eu-central-1:222222222222:breakglass-devops"),
    (Risk.alert_path, "sns:Unsubscribe", "*"),
    (
        Risk.alert_path,
        "secretsmanager:GetSecretValue",
        "arn:aws:secretsmanager:eu-central-1:222222222222:secret:events!connection/breakglass-slack/0a1b-AbCdEf",
    ),
]


@given(statements("Allow"))
def test_risks_include_everything_that_moto_permits(statement: dict[str, Any]) -> None:
    policy = IAMPolicy(policy_json(inline(statement)))
    permitted = {
        risk
        for risk, action, resource in PROBES
        if policy.is_action_permitted(action, resource) is PermissionResult.PERMITTED
    }
    assert permitted <= statement_risks(statement).keys()


@given(ALLOWS, statements("Allow"), ACKNOWLEDGED, st.booleans())
def test_added_allow_keeps_every_refusal(
    before: list[dict[str, Any]], added: dict[str, Any], acknowledge: list[Risk], protected: bool
) -> None:
    less = refused(break_glass(*before, acknowledge=acknowledge), protected=protected)
    more = refused(break_glass(*before, added, acknowledge=acknowledge), protected=protected)
    assert less <= more


@given(ALLOWS, statements("Deny"), ACKNOWLEDGED, st.booleans())
def test_added_deny_changes_no_finding(
    before: list[dict[str, Any]], deny: dict[str, Any], acknowledge: list[Risk], protected: bool
) -> None:
    without = found(break_glass(*before, acknowledge=acknowledge), protected=protected)
    assert found(break_glass(*before, deny, acknowledge=acknowledge), protected=protected) == without


@given(ALLOWS, ACKNOWLEDGED, st.booleans())
def test_acknowledging_all_findings_passes(
    allows: list[dict[str, Any]], acknowledge: list[Risk], protected: bool
) -> None:
    findings = lint_pair(break_glass(*allows, acknowledge=acknowledge), LintContext(protect_alert_path=protected))
    asked = {Risk(finding.rule) for finding in findings if finding.rule in RISKS}
    assert asked.isdisjoint(acknowledge)
    assert refused(break_glass(*allows, acknowledge=[*acknowledge, *asked]), protected=protected) == set()


@given(ALLOWS, st.booleans())
def test_spelling_changes_no_finding(allows: list[dict[str, Any]], protected: bool) -> None:
    respelled = []
    for statement in allows:
        element = "Action" if "Action" in statement else "NotAction"
        actions = statement[element] if isinstance(statement[element], list) else [statement[element]]
        respelled.append({**statement, element: [action.swapcase() for action in reversed(actions)]})
    assert found(break_glass(*respelled), protected=protected) == found(break_glass(*allows), protected=protected)


@given(ALLOWS)
def test_protection_adds_no_refusal(allows: list[dict[str, Any]]) -> None:
    assert refused(break_glass(*allows), protected=True) <= refused(break_glass(*allows), protected=False)
