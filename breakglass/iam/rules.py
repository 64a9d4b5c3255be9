"""The rules of the lint of a permission-set pair (`breakglass.iam.lint` applies them).

Actions and ARN formats are those of the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/). Each action that leads around the limits of a set
or around its alert is in a risk, in a Deny (`breakglass.iam.protection`), or in `PERMITTED_ACTIONS` with the reason. A
test compares a list of such actions with all three.

Non-goals: a judgement on a single IAM policy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from breakglass.iam import protection
from breakglass.iam.protection import WITHHELD
from breakglass.vocabulary import RiskAcknowledgement


class Severity(StrEnum):
    """The effect of a finding on the deployment."""

    refused = "refused"
    """Nothing is deployed."""
    warning = "warning"
    """The deployment continues with a warning."""


@dataclass(frozen=True)
class LintRule:
    """A rule of the lint."""

    name: str
    """The rule's name; of a risk that can be acknowledged, the `RiskAcknowledgement`."""
    severity: Severity
    applies_to: str
    """The key paths below the pair that the rule reads."""
    why: str
    """The fault and its consequence."""
    instead: str
    """The fix."""
    actions: tuple[str, ...] = ()
    """Action patterns, for a rule on actions."""
    resources: tuple[str, ...] = ()
    """ARN patterns with `{partition}` in place of the partition."""


BREAK_GLASS = "breakGlass"
_REFUSED, _WARNING = Severity.refused, Severity.warning


def _alert_path(*services: str) -> tuple[str, ...]:
    arns = protection.alert_path_arns("{partition}")
    return tuple(arn for arn in arns if arn.split(":")[2] in services)


_RISKS = (
    LintRule(
        RiskAcknowledgement.administrator_access,
        _REFUSED,
        BREAK_GLASS,
        "The set allows everything, or everything but a few exceptions, so it has all other risks: it can give itself "
        "denied permissions, stop CloudTrail and cut the alert of its own use.",
        "Allow only the actions that the emergency needs. Even if this risk is acknowledged, protectAlertPath denies "
        "the ways around the set's limits: user credentials, sso, organizations, root, access and account must be "
        "acknowledged by their own names.",
        ("*",),
        ("arn:{partition}:*",),
    ),
    LintRule(
        RiskAcknowledgement.iam,
        _REFUSED,
        BREAK_GLASS,
        "The set can change permissions in the account: it can give another identity any permission or credential and "
        "continue as that identity, beyond every limit and every alert of this set.",
        "Allow only iam:Get* and iam:List*, and iam:PassRole on the roles that are needed.",
        (
            *WITHHELD[RiskAcknowledgement.iam],
            "iam:AddClientIDToOpenIDConnectProvider",
            "iam:AddRoleToInstanceProfile",
            "iam:AddUserToGroup",
            "iam:Attach*Policy",
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
            "iam:UpdateOpenIDConnectProviderThumbprint",
            "iam:UpdateRole",
            "iam:UpdateSAMLProvider",
        ),
        (
            "arn:{partition}:cognito-identity:*:*:*",
            "arn:{partition}:iam::*:*",
            "arn:{partition}:rolesanywhere:*:*:*",
        ),
    ),
    LintRule(
        RiskAcknowledgement.sso,
        _REFUSED,
        BREAK_GLASS,
        "The set can change permission sets, their assignments, the groups they are assigned to, or the applications "
        "that sign people in: in the account of Identity Center it can give itself any access, or remove this set's "
        "limits.",
        "Allow only the read-only actions of sso, sso-directory, identitystore and signin.",
        WITHHELD[RiskAcknowledgement.sso],
        ("arn:{partition}:identitystore::*:*", "arn:{partition}:signin:::*", "arn:{partition}:sso::*:*"),
    ),
    LintRule(
        RiskAcknowledgement.organizations,
        _REFUSED,
        BREAK_GLASS,
        "The set can change the organization: in the management account it can detach service control policies, move "
        "or close accounts, deploy into every account by a stack set, or make another account the delegated "
        "administrator of a service.",
        "Allow only the read-only actions of organizations, controltower and mpa, and no stack sets.",
        WITHHELD[RiskAcknowledgement.organizations],
        (
            "arn:{partition}:cloudformation:*:*:stackset/*:*",
            "arn:{partition}:controltower:*:*:*",
            "arn:{partition}:mpa:*:*:*",
            "arn:{partition}:organizations::*:*",
        ),
    ),
    LintRule(
        RiskAcknowledgement.stop_cloudtrail,
        _REFUSED,
        BREAK_GLASS,
        "The set can stop, delete or narrow a trail. Alerts come from a trail's events: without it, a use raises no "
        "alert.",
        "Allow only the read-only actions of cloudtrail, or leave protectAlertPath on.",
        protection.CLOUDTRAIL,
        ("arn:{partition}:cloudtrail:*:*:*",),
    ),
    LintRule(
        RiskAcknowledgement.alert_path,
        _REFUSED,
        BREAK_GLASS,
        "The set can cut the alert of its own use, or the checks that the alert path works: the event bus, rules, "
        "targets, connection, API destination, state machines, token, dead-letter queue, topics or alarms. With a "
        "state machine or the token it can post as the Slack app; with the token it can also delete the alert.",
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
            "events:DeleteEventBus",
            "events:DeleteResourcePolicy",
            "events:DeleteRule",
            "events:DisableRule",
            "events:EnableRule",
            "events:PutPermission",
            "events:PutResourcePolicy",
            "events:PutRule",
            "events:PutTargets",
            "events:RemovePermission",
            "events:RemoveTargets",
            "events:RetrieveConnectionCredentials",
            "events:RevokeResource",
            "events:UpdateApiDestination",
            "events:UpdateConnection",
            "events:UpdateEventBus",
            "secretsmanager:DeleteSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutResourcePolicy",
            "secretsmanager:PutSecretValue",
            "secretsmanager:RotateSecret",
            "secretsmanager:UpdateSecret",
            "secretsmanager:UpdateSecretVersionStage",
            "sns:AddPermission",
            "sns:DeleteTopic",
            "sns:PutDataProtectionPolicy",
            "sns:RemovePermission",
            "sns:SetSubscriptionAttributes",
            "sns:SetTopicAttributes",
            "sns:Subscribe",
            "sns:Unsubscribe",
            "sqs:AddPermission",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:DeleteQueue",
            "sqs:PurgeQueue",
            "sqs:RemovePermission",
            "sqs:SetQueueAttributes",
            "sqs:StartMessageMoveTask",
            "states:CreateStateMachineAlias",
            "states:Delete*",
            "states:Publish*",
            "states:Redrive*",
            "states:RevealSecrets",
            "states:Start*",
            "states:Stop*",
            "states:TestState",
            "states:Update*",
        ),
        # Changes of roles are in the risk `iam`, other ways to the approvals in the risk `approvals`.
        _alert_path("cloudwatch", "events", "secretsmanager", "sns", "sqs", "states"),
    ),
    LintRule(
        RiskAcknowledgement.approvals,
        _REFUSED,
        BREAK_GLASS,
        "The set can decide on its own request: it can call or change the functions of the approvals, write their "
        "records, or complete steps of their workflow.",
        "Limit Resource to what the emergency needs, or leave protectAlertPath on.",
        (
            "dynamodb:BatchWriteItem",
            "dynamodb:DeleteItem",
            "dynamodb:PartiQLDelete",
            "dynamodb:PartiQLInsert",
            "dynamodb:PartiQLUpdate",
            "dynamodb:PutItem",
            "dynamodb:PutResourcePolicy",
            "dynamodb:UpdateItem",
            "lambda:AddPermission",
            "lambda:Invoke*",
            "lambda:Update*",
            "states:Create*",
            "states:Delete*",
            "states:Publish*",
            "states:Redrive*",
            "states:Send*",
            "states:Start*",
            "states:Stop*",
            "states:Update*",
        ),
        _alert_path("dynamodb", "lambda", "states"),
    ),
    LintRule(
        RiskAcknowledgement.root,
        _REFUSED,
        BREAK_GLASS,
        "In the management account the set can open a session of the root user of every member account, which no "
        "policy of that account binds.",
        "List the needed sts actions, without sts:AssumeRoot.",
        WITHHELD[RiskAcknowledgement.root],
        ("arn:{partition}:iam::*:root",),
    ),
    LintRule(
        RiskAcknowledgement.access,
        _REFUSED,
        BREAK_GLASS,
        "In the management account the set can hand out roles by account access manager. Such access is not in this "
        "stack's assignments, and needs no approval.",
        "Allow only the read-only actions of account-access.",
        WITHHELD[RiskAcknowledgement.access],
        ("arn:{partition}:account-access:*:*:*",),
    ),
    LintRule(
        RiskAcknowledgement.account,
        _REFUSED,
        BREAK_GLASS,
        "The set can disable the region of the alert path, close the account, or change the address with which its "
        "root user is recovered.",
        "Allow only the read-only actions of account.",
        WITHHELD[RiskAcknowledgement.account],
        ("arn:{partition}:account::*:*",),
    ),
    LintRule(
        RiskAcknowledgement.code,
        _WARNING,
        BREAK_GLASS,
        "The set can run commands on machines, or code under roles that are there already. What is done there counts "
        "as that role's: neither this set's limits nor the Deny of protectAlertPath bind it, and its alerts don't tell "
        "of it.",
        "Limit Resource to the machines, functions and projects that the emergency needs.",
        (
            "batch:SubmitJob",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:ExecuteStackRefactor",
            "cloudformation:UpdateStack",
            "codebuild:StartBuild",
            "codebuild:StartBuildBatch",
            "codebuild:UpdateProject",
            "codepipeline:StartPipelineExecution",
            "ec2-instance-connect:OpenTunnel",
            "ec2-instance-connect:Send*",
            "ec2:ModifyInstanceAttribute",
            "ecs:ExecuteCommand",
            "eks:AssociateAccessPolicy",
            "eks:CreateAccessEntry",
            "eks:UpdateAccessEntry",
            "fis:StartExperiment",
            "glue:StartJobRun",
            "glue:UpdateDevEndpoint",
            "imagebuilder:CreateImagePipeline",
            "lambda:AddPermission",
            "lambda:CreateEventSourceMapping",
            "lambda:UpdateEventSourceMapping",
            "lambda:UpdateFunctionCode",
            "lambda:UpdateFunctionConfiguration",
            "sagemaker:CreatePresigned*Url",
            "servicecatalog:ProvisionProduct",
            "ssm-guiconnect:StartConnection",
            "ssm-quicksetup:Create*",
            "ssm-quicksetup:Update*",
            "ssm:CreateAssociation*",
            "ssm:RegisterTaskWithMaintenanceWindow",
            "ssm:ResumeSession",
            "ssm:SendCommand",
            "ssm:StartAccessRequest",
            "ssm:StartAutomationExecution",
            "ssm:StartChangeRequestExecution",
            "ssm:StartSession",
            "ssm:UpdateAssociation",
            "ssm:UpdateDocument*",
            "ssm:UpdateMaintenanceWindowTask",
            "ssm:UpdateServiceSetting",
        ),
        (
            "arn:{partition}:batch:*:*:*",
            "arn:{partition}:batch:*:*:*:*",
            "arn:{partition}:catalog:*:*:*",
            "arn:{partition}:cloudformation:*:*:*",
            "arn:{partition}:codebuild:*:*:*",
            "arn:{partition}:codepipeline:*:*:*",
            "arn:{partition}:ec2:*:*:*",
            "arn:{partition}:ecs:*:*:*",
            "arn:{partition}:eks:*:*:*",
            "arn:{partition}:fis:*:*:*",
            "arn:{partition}:glue:*:*:*",
            "arn:{partition}:imagebuilder:*:*:*",
            "arn:{partition}:lambda:*:*:*:*",
            "arn:{partition}:lambda:*:*:*:*:*",
            "arn:{partition}:sagemaker:*:*:*",
            "arn:{partition}:ssm-quicksetup:*:*:*",
            "arn:{partition}:ssm:*:*:*",
            "arn:{partition}:ssm:*:*:*:*",
        ),
    ),
    LintRule(
        RiskAcknowledgement.stop_detection,
        _WARNING,
        BREAK_GLASS,
        "The set can switch off the detection of misuse besides this alert: AWS Config, GuardDuty, Security Hub, or "
        "telemetry rules.",
        "Allow only the read-only actions of these services.",
        (
            "config:DeleteConfigRule",
            "config:DeleteConfigurationRecorder",
            "config:DeleteDeliveryChannel",
            "config:PutConfigurationRecorder",
            "config:StopConfigurationRecorder",
            "guardduty:DeleteDetector",
            "guardduty:DeleteMembers",
            "guardduty:Disassociate*",
            "guardduty:StopMonitoringMembers",
            "guardduty:UpdateDetector",
            "observabilityadmin:DeleteTelemetryRule*",
            "observabilityadmin:StopTelemetryEvaluation*",
            "securityhub:DisableSecurityHub*",
        ),
        (
            "arn:{partition}:config:*:*:*",
            "arn:{partition}:guardduty:*:*:*",
            "arn:{partition}:observabilityadmin:*:*:*",
            "arn:{partition}:securityhub:*:*:*",
        ),
    ),
)

RISKS: Mapping[RiskAcknowledgement, LintRule] = {RiskAcknowledgement(rule.name): rule for rule in _RISKS}
"""The powers that a break-glass set gets only if `acknowledge` names them; for some, only a warning."""

PROTECTED_RISKS = frozenset(
    {RiskAcknowledgement.stop_cloudtrail, RiskAcknowledgement.alert_path, RiskAcknowledgement.approvals}
)
"""The risks that no break-glass set has while `protectAlertPath` is on."""

INLINE_POLICY = LintRule(
    "inline-policy",
    _REFUSED,
    "everyday.inlinePolicy, breakGlass.inlinePolicy",
    "AWS would refuse the inline policy during the deployment: a Sid is not unique, or it is longer than 10,240 bytes "
    "together with the statements of protectAlertPath.",
    "Give a statement another Sid, or move statements into a customer-managed policy.",
)
EVERYDAY_RISK = LintRule(
    "everyday-risk",
    _WARNING,
    "everyday",
    "The everyday set has a power that the break-glass set would have to acknowledge. Its use needs no emergency and "
    "raises no alert, and protectAlertPath doesn't deny it.",
    "Move it to the break-glass set, or limit its Action or Resource.",
)
ADDS_NOTHING = LintRule(
    "adds-nothing",
    _WARNING,
    BREAK_GLASS,
    "The everyday set allows everything that the break-glass set allows, so the break-glass set is never needed.",
    "Move the permissions for emergencies from the everyday set to the break-glass set.",
)
NO_POLICY = LintRule(
    "no-policy",
    _WARNING,
    BREAK_GLASS,
    "The break-glass set allows no action: in an emergency it raises an alert and does not help.",
    "Give it managedPolicies, customerManagedPolicies or an inlinePolicy with an Allow.",
)
ANY_ROLE = LintRule(
    "any-role",
    _WARNING,
    "breakGlass.inlinePolicy",
    "The set can pass or assume every role of an account. The role then acts with its own permissions: neither this "
    "set's limits nor protectAlertPath bind it, and its use raises no alert. A role that may use every connection or "
    "read every secret can post with the token of the alerts.",
    "Name the roles in Resource; for iam:PassRole, a Condition on iam:PassedToService is enough.",
    ("iam:PassRole", "sts:AssumeRole"),
    ("arn:{partition}:iam::*:role/*",),
)
DENIED_ANYWAY = LintRule(
    "denied-anyway",
    _WARNING,
    "breakGlass.inlinePolicy",
    "The statement allows actions that protectAlertPath denies to every break-glass set on any resource: changes of "
    "CloudTrail, of permissions of event buses, or of subscriptions, and tests of states. In the emergency AWS refuses "
    "them.",
    "Remove them and use another role for them; protectAlertPath: false would lift the Deny from every pair.",
    (*protection.CLOUDTRAIL, *protection.UNSCOPED),
    (
        "arn:{partition}:cloudtrail:*:*:*",
        "arn:{partition}:events:*:*:*",
        "arn:{partition}:sns:*:*:*",
        "arn:{partition}:states:*:*:*",
    ),
)
LOCAL_LOGIN = LintRule(
    "local-login",
    _WARNING,
    "breakGlass.inlinePolicy",
    "The statement allows `aws login`, which is denied to every break-glass set: it creates credentials for a command "
    "line from a console session. An alert reports the authorization, and none the refreshes of up to 12 hours.",
    "Remove it, or add allowLocalLogin: true if it is intended.",
    protection.LOCAL_LOGIN,
    ("arn:{partition}:signin:*:*:*",),
)
STALE_ACKNOWLEDGEMENT = LintRule(
    "stale-acknowledgement",
    _WARNING,
    "breakGlass.acknowledge",
    "The set does not have the acknowledged power (no longer, or because protectAlertPath denies it). Left here, the "
    "acknowledgement would accept the power unnoticed when a later change adds it.",
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
    LOCAL_LOGIN,
    STALE_ACKNOWLEDGEMENT,
)
"""Every rule of the lint."""


@dataclass(frozen=True)
class PermittedActions:
    """Actions that look like a way around the limits, and are neither in a risk nor denied."""

    actions: tuple[str, ...]
    """Action patterns."""
    why: str
    """The reason."""


PERMITTED_ACTIONS = (
    PermittedActions(
        ("sts:SetContext", "sts:TagSession"),
        "They extend a call that assumes a role, which needs its own permission. The warning any-role covers that.",
    ),
    PermittedActions(
        ("sts:GetFederationToken", "sts:GetSessionToken"),
        "Only an IAM user can call them. Creating credentials for one is in the risk iam, and denied.",
    ),
    PermittedActions(
        ("sts:GetDelegatedAccessToken", "sts:GetWebIdentityToken"),
        "They take effect only after a delegation request was accepted, or outbound federation enabled. Both are in "
        "the risk iam, and denied.",
    ),
    PermittedActions(
        ("iam:CreateRole", "iam:CreateUser"),
        "A new role or user has no permission and no credential. Adding one is in the risk iam.",
    ),
    PermittedActions(
        ("iam:CreateServiceLinkedRole",),
        "The role belongs to an AWS service. No other identity can use it.",
    ),
    PermittedActions(
        (
            "iam:DeleteRole",
            "iam:DeleteSAMLProvider",
            "iam:DeleteUser",
            "iam:RemoveClientIDFromOpenIDConnectProvider",
        ),
        "They remove the access of others. The limits of the set and its alert stay; roles of the alert path are "
        "denied.",
    ),
    PermittedActions(
        (
            "iam:ChangePassword",
            "iam:CreateAccountAlias",
            "iam:DeleteAccountPasswordPolicy",
            "iam:GetRoleTemplateVersion",
            "iam:ResyncMFADevice",
            "iam:UpdateAccountPasswordPolicy",
            "iam:UpdateRoleDescription",
            "iam:UpdateUser",
        ),
        "They give no permission and no credential.",
    ),
    PermittedActions(
        ("cloudshell:CreateSession", "cloudshell:PutCredentials"),
        "The shell has the credentials of the session that opened it: the same limits, the same Deny, the same end.",
    ),
    PermittedActions(
        ("account-access:TagResource", "account-access:UntagResource"),
        "Tags assign no role.",
    ),
    PermittedActions(
        ("signin:CreateOAuth2PublicClient", "signin:RevokeOAuth2Token"),
        "A client gets no token without the two actions of `aws login`, which are denied. Revoking a token ends "
        "access.",
    ),
    PermittedActions(
        ("account:PutAccountName", "account:PutAlternateContact", "account:PutContactInformation"),
        "Neither the limits of a set nor its alert depend on names and contacts.",
    ),
    PermittedActions(
        (
            "cloud9:CreateEnvironmentEC2",
            "cloudformation:CreateChangeSet",
            "cloudformation:CreateResource",
            "cloudformation:CreateStack",
            "cloudformation:CreateStackRefactor",
            "cloudformation:UpdateResource",
        ),
        "They act with the caller's own permissions, or with a role that the caller must pass. The warning any-role "
        "covers iam:PassRole on any role; updating a stack that has a role is in the risk code.",
    ),
    PermittedActions(
        (
            "apprunner:CreateService",
            "bedrock-agentcore:CreateCodeInterpreter",
            "codepipeline:UpdatePipeline",
            "datapipeline:PutPipelineDefinition",
            "ec2:AssociateIamInstanceProfile",
            "ec2:ReplaceIamInstanceProfileAssociation",
            "ec2:RunInstances",
            "ecs:RegisterTaskDefinition",
            "ecs:RunTask",
            "glue:CreateJob",
            "lambda:CreateFunction",
            "pipes:CreatePipe",
            "sagemaker:CreateNotebookInstance",
            "scheduler:CreateSchedule",
            "scheduler:UpdateSchedule",
            "states:CreateStateMachine",
        ),
        "They need iam:PassRole on the role that they then act with. The warning any-role covers that on any role.",
    ),
    PermittedActions(
        ("lambda:PublishLayerVersion", "ssm:CreateDocument", "ssm:GetAccessToken", "ssm:PutParameter"),
        "They take effect only by another action: changing a function, running a document, requesting node access. "
        "Those are in the risk code.",
    ),
    PermittedActions(
        ("states:DescribeExecution",),
        "An execution of the approvals has only IDs as input and output. The task tokens are in its history and in the "
        "records; reading both is denied. An execution of a delivery has the text of its alert, which the channel has.",
    ),
    PermittedActions(
        ("states:SendTaskFailure", "states:SendTaskHeartbeat", "states:SendTaskSuccess"),
        "They have no resource type, so a Deny would hit every state machine. They need a task token, and reading the "
        "approvals' tokens is denied.",
    ),
    PermittedActions(
        ("ram:AssociateResourceShare", "ram:CreateResourceShare"),
        "A share lends a resource to another account. It gives no permission in this one.",
    ),
    PermittedActions(("cloudtrail:CreateTrail",), "Another trail does not change the first."),
    PermittedActions(
        ("events:PutEvents", "events:PutRawEvents"),
        "A custom event can't have a source of AWS, so it is not a use of a role. A forged drill says that it is one.",
    ),
    PermittedActions(("events:DeleteSubscriber",), "The rules of the alert path are not subscribers."),
    PermittedActions(
        ("kms:CreateGrant", "kms:Decrypt", "kms:ReEncrypt*"),
        "The key may be a database's. On the alert path it encrypts a secret, and reading that is denied.",
    ),
    PermittedActions(
        (
            "kms:DeleteImportedKeyMaterial",
            "kms:DisableKey",
            "kms:PutKeyPolicy",
            "kms:RetireGrant",
            "kms:RevokeGrant",
            "kms:ScheduleKeyDeletion",
            "kms:UpdatePrimaryRegion",
            "s3:BypassGovernanceRetention",
            "s3:DeleteBucket",
            "s3:DeleteBucketPolicy",
            "s3:DeleteObject",
            "s3:PutBucket*",
            "s3:PutEncryptionConfiguration",
            "s3:PutLifecycleConfiguration",
            "s3:PutReplicationConfiguration",
        ),
        "An IAM policy does not show which bucket and key matter. Those that the stack file names (trailBuckets, "
        "trailKeyArns, kmsKeyArn) are denied; others are protected by their own resource policies.",
    ),
    PermittedActions(
        ("secretsmanager:BatchGetSecretValue",),
        "It needs secretsmanager:GetSecretValue on each secret, which is denied on those of the alert path.",
    ),
    PermittedActions(
        ("cloudwatch:PutMetricData", "cloudwatch:StopMetricStreams"),
        "Data in the namespace of this package is denied, and AWS's namespaces can't be written. A metric stream is a "
        "copy.",
    ),
    PermittedActions(
        ("logs:PutLogEvents",),
        "An event in any log group can hold a metric, and no condition of IAM tells it from others. False data can't "
        "lower a maximum or raise a minimum. It hides that a probe or the reconciler has stopped, and stopping them is "
        "denied.",
    ),
    PermittedActions(
        ("logs:DeleteDelivery", "logs:DeleteResourcePolicy", "logs:PutAccountPolicy"),
        "No alert and no decision depends on logs.",
    ),
    PermittedActions(("apigateway:UpdateRestApiPolicy",), "It is for REST APIs. The approvals have an HTTP API."),
    PermittedActions(
        ("resource-groups:Tag", "tag:TagResources"),
        "They also need the tagging action of the resource's own service, which is denied on the alert path.",
    ),
)
"""Actions that were reviewed and permitted, each with the reason."""
