"""What the lint of a permission-set pair looks for (`breakglass.policy.lint` does the looking).

Actions and ARN formats are those of the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/). The lists name what takes away, hands out or
lets through; reading, tagging and making something new of one's own is no risk here.

Non-goals: a judgement about any one policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from breakglass.policy import documents
from breakglass.types import RiskAcknowledgement


class Severity(StrEnum):
    """What a finding means for the deployment."""

    refused = "refused"
    """Nothing is deployed."""
    warning = "warning"
    """The deployment goes on, and says so."""


@dataclass(frozen=True)
class Rule:
    """One thing the lint looks for."""

    name: str
    """The rule's name; of a risk that can be acknowledged, the `RiskAcknowledgement`."""
    severity: Severity
    applies_to: str
    """The key path, below the pair, of what is looked at."""
    why: str
    """What is wrong and why it matters."""
    instead: str
    """What to write instead."""
    actions: tuple[str, ...] = ()
    """Action patterns the rule is about, if it is about actions."""
    resources: tuple[str, ...] = ()
    """ARN patterns the rule is about; `{partition}` stands for the partition."""


_SET = "breakGlass"
_REFUSED, _WARNING = Severity.refused, Severity.warning

_RISKS = (
    Rule(
        RiskAcknowledgement.administrator_access,
        _REFUSED,
        _SET,
        "The set may do everything, or everything but a few exceptions, all the other risks included: it can give "
        "itself what it is denied, stop CloudTrail and cut the alert that its own use sets off.",
        "Allow the actions that the emergency needs.",
        ("*",),
        ("arn:{partition}:*",),
    ),
    Rule(
        RiskAcknowledgement.iam,
        _REFUSED,
        _SET,
        "The set can change who may do what in the account: it can give another identity any permission and go on as "
        "that identity, out of reach of every limit and every alert of this set.",
        "Allow only iam:Get* and iam:List*, and iam:PassRole on the roles that are needed.",
        (
            "iam:AddClientIDToOpenIDConnectProvider",
            "iam:AddRoleToInstanceProfile",
            "iam:AddUserToGroup",
            "iam:Attach*Policy",
            "iam:CreateAccessKey",
            "iam:CreateLoginProfile",
            "iam:CreateOpenIDConnectProvider",
            "iam:CreatePolicyVersion",
            "iam:CreateSAMLProvider",
            "iam:Delete*PermissionsBoundary",
            "iam:DeleteGroupPolicy",
            "iam:DeletePolicyVersion",
            "iam:DeleteRolePolicy",
            "iam:DeleteUserPolicy",
            "iam:Detach*Policy",
            "iam:Put*PermissionsBoundary",
            "iam:Put*Policy",
            "iam:RemoveUserFromGroup",
            "iam:SetDefaultPolicyVersion",
            "iam:UpdateAccessKey",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateLoginProfile",
            "iam:UpdateOpenIDConnectProviderThumbprint",
            "iam:UpdateSAMLProvider",
        ),
        ("arn:{partition}:iam::*:*",),
    ),
    Rule(
        RiskAcknowledgement.sso,
        _REFUSED,
        _SET,
        "The set can change permission sets, their assignments or the groups they are assigned to: in the account of "
        "Identity Center it can give itself any access, or take this set's limits away.",
        "Allow only the reading actions of sso, sso-directory and identitystore.",
        (
            "identitystore:Create*",
            "identitystore:Delete*",
            "identitystore:Update*",
            "sso-directory:Add*",
            "sso-directory:Create*",
            "sso-directory:Delete*",
            "sso-directory:Disable*",
            "sso-directory:Enable*",
            "sso-directory:Import*",
            "sso-directory:Remove*",
            "sso-directory:Update*",
            "sso:Associate*",
            "sso:Attach*",
            "sso:CreateAccountAssignment",
            "sso:CreateInstanceAccessControlAttributeConfiguration",
            "sso:DeleteAccountAssignment",
            "sso:DeleteInlinePolicyFromPermissionSet",
            "sso:DeleteInstance*",
            "sso:DeletePermission*",
            "sso:Detach*",
            "sso:Disassociate*",
            "sso:ProvisionPermissionSet",
            "sso:PutInlinePolicyToPermissionSet",
            "sso:PutPermissions*",
            "sso:UpdateInstance*",
            "sso:UpdatePermissionSet",
            "sso:UpdateSSOConfiguration",
        ),
        ("arn:{partition}:identitystore::*:*", "arn:{partition}:sso::*:*"),
    ),
    Rule(
        RiskAcknowledgement.organizations,
        _REFUSED,
        _SET,
        "The set can change the organisation: in the management account it can detach the service control policies "
        "that bind every account, move or close accounts, or make another account the administrator of a service.",
        "Allow only organizations:Describe* and organizations:List*.",
        (
            "organizations:AttachPolicy",
            "organizations:CloseAccount",
            "organizations:CreateAccount",
            "organizations:Delete*",
            "organizations:DeregisterDelegatedAdministrator",
            "organizations:DetachPolicy",
            "organizations:Disable*",
            "organizations:Invite*",
            "organizations:LeaveOrganization",
            "organizations:MoveAccount",
            "organizations:PutResourcePolicy",
            "organizations:RegisterDelegatedAdministrator",
            "organizations:RemoveAccountFromOrganization",
            "organizations:UpdatePolicy",
        ),
        ("arn:{partition}:organizations::*:*",),
    ),
    Rule(
        RiskAcknowledgement.stop_cloudtrail,
        _REFUSED,
        _SET,
        "The set can stop, delete or narrow a trail. Alerts are made of a trail's events: without it nobody hears of a "
        "use.",
        "Allow only the reading actions of cloudtrail, or leave protectAlertPath on.",
        (
            "cloudtrail:DeleteTrail",
            "cloudtrail:PutEventSelectors",
            "cloudtrail:StopLogging",
            "cloudtrail:UpdateTrail",
        ),
        ("arn:{partition}:cloudtrail:*:*:*",),
    ),
    Rule(
        RiskAcknowledgement.alert_path,
        _REFUSED,
        _SET,
        "The set can cut the alert that its own use sets off: its rules, targets, connection, API destination, token, "
        "dead-letter queue, topic or alarms.",
        "Limit Resource to what the emergency needs, or leave protectAlertPath on.",
        (
            "cloudwatch:DeleteAlarms",
            "cloudwatch:DisableAlarmActions",
            "cloudwatch:PutAlarmMuteRule",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:SetAlarmState",
            "events:DeauthorizeConnection",
            "events:DeleteApiDestination",
            "events:DeleteConnection",
            "events:DeleteRule",
            "events:DisableRule",
            "events:EnableRule",
            "events:PutRule",
            "events:PutTargets",
            "events:RemoveTargets",
            "events:RetrieveConnectionCredentials",
            "events:UpdateApiDestination",
            "events:UpdateConnection",
            "secretsmanager:DeleteSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutResourcePolicy",
            "secretsmanager:PutSecretValue",
            "secretsmanager:RotateSecret",
            "secretsmanager:UpdateSecret",
            "secretsmanager:UpdateSecretVersionStage",
            "sns:DeleteTopic",
            "sns:PutDataProtectionPolicy",
            "sns:RemovePermission",
            "sns:SetSubscriptionAttributes",
            "sns:SetTopicAttributes",
            "sns:Unsubscribe",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:DeleteQueue",
            "sqs:PurgeQueue",
            "sqs:RemovePermission",
            "sqs:SetQueueAttributes",
            "sqs:StartMessageMoveTask",
        ),
        # Whoever may change the role of the alert path has the risk `iam`. What the approvals are made of is not looked
        # for: most stacks have none, and their everyday sets may well have functions and tables to change.
        tuple(
            arn
            for arn in documents.alert_path_arns("{partition}")
            if arn.split(":")[2] in ("cloudwatch", "events", "secretsmanager", "sns", "sqs")
        ),
    ),
)

RISKS: Mapping[RiskAcknowledgement, Rule] = {RiskAcknowledgement(rule.name): rule for rule in _RISKS}
"""The powers that a break-glass set gets only if `acknowledge` names them."""

INLINE_POLICY = Rule(
    "inline-policy",
    _REFUSED,
    "everyday.inlinePolicy, breakGlass.inlinePolicy",
    "AWS would refuse the inline policy in the middle of the deployment: a Sid is there twice, or it is longer than "
    "10,240 bytes together with the statements of protectAlertPath.",
    "Give a statement another Sid, or move statements into a customer managed policy.",
)
EVERYDAY_RISK = Rule(
    "everyday-risk",
    _WARNING,
    "everyday",
    "The everyday set has a power that the break-glass set would have to acknowledge. Whoever has it needs no "
    "emergency to use it, no alert tells of it, and protectAlertPath doesn't bind it.",
    "Leave it to the break-glass set, or limit its Action or Resource.",
)
ADDS_NOTHING = Rule(
    "adds-nothing",
    _WARNING,
    _SET,
    "Everything the break-glass set allows, the everyday set allows as well: there is no reason to ever open it.",
    "Give the break-glass set what is only for emergencies, and take it from the everyday set.",
)
NO_POLICY = Rule(
    "no-policy",
    _WARNING,
    _SET,
    "The break-glass set allows nothing at all: in an emergency it raises an alert and then helps nobody.",
    "Give it managedPolicies, customerManagedPolicies or an inlinePolicy with an Allow.",
)
ANY_ROLE = Rule(
    "any-role",
    _WARNING,
    "breakGlass.inlinePolicy",
    "The set can pass on or assume every role of an account. What that role then does counts as the role's: neither "
    "this set's limits nor protectAlertPath bind it, and its alerts don't tell of it.",
    "Name the roles in Resource; for iam:PassRole a Condition on iam:PassedToService does as well.",
    ("iam:PassRole", "sts:AssumeRole"),
    ("arn:{partition}:iam::*:role/*",),
)
DENIED_ANYWAY = Rule(
    "denied-anyway",
    _WARNING,
    "breakGlass.inlinePolicy",
    "The statement allows what protectAlertPath denies to every break-glass set on any resource, so in the emergency "
    "it will be refused.",
    "Leave it out and do it with another role; protectAlertPath: false would lift the Deny from every pair.",
    tuple(
        action
        for statement in documents.protect_alert_path("aws")
        if statement["Resource"] == "*"
        for action in statement["Action"]
    ),
    ("arn:{partition}:cloudtrail:*:*:*", "arn:{partition}:sns:*:*:*"),
)
STALE_ACKNOWLEDGEMENT = Rule(
    "stale-acknowledgement",
    _WARNING,
    "breakGlass.acknowledge",
    "The set does not have the acknowledged power (not anymore, or because protectAlertPath denies it). Left here, the "
    "word would let it through unseen on the day somebody adds it.",
    "Remove it.",
)

RULES = (
    *RISKS.values(),
    INLINE_POLICY,
    EVERYDAY_RISK,
    ADDS_NOTHING,
    NO_POLICY,
    ANY_ROLE,
    DENIED_ANYWAY,
    STALE_ACKNOWLEDGEMENT,
)
"""Every rule of the lint."""
