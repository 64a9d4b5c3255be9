"""The Deny of break-glass sets: exact JSON, moto's policy evaluation, and AWS's service authorization reference.

It does not prove that AWS evaluates it alike. moto evaluates none of the conditions: on an API's name, on a policy's
tag, on the namespace of a metric.
"""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.iam.access_control import IAMPolicy, PermissionResult

from breakglass.iam.documents import INLINE_POLICY_LIMIT, merge_inline, policy_json, policy_size
from breakglass.iam.protection import (
    PLACEHOLDER_API_ID,
    WITHHELD,
    alert_path_arns,
    api_arn,
    deny_statements,
    own_arns,
    protect_alert_path,
)
from breakglass.naming import physical_name
from breakglass.vocabulary import RiskAcknowledgement


def test_protection_of_the_alert_path() -> None:
    assert list(protect_alert_path("aws")) == [
        {
            "Sid": "ProtectAlertPath",
            "Effect": "Deny",
            "NotAction": [
                "cloudwatch:Describe*",
                "cloudwatch:Get*",
                "cloudwatch:List*",
                "dynamodb:Describe*",
                "dynamodb:List*",
                "events:Describe*",
                "events:List*",
                "events:Put*Events",
                "events:StartReplay",
                "iam:Get*",
                "iam:List*",
                "lambda:Get*",
                "lambda:List*",
                "logs:Describe*",
                "logs:FilterLogEvents",
                "logs:Get*",
                "logs:List*",
                "logs:StartQuery",
                "secretsmanager:Describe*",
                "secretsmanager:List*",
                "sns:Get*",
                "sns:List*",
                "sqs:Get*",
                "sqs:List*",
                "states:Describe*",
                "states:List*",
                "sts:*",
            ],
            "Resource": [
                "arn:aws:cloudwatch:*:*:alarm:breakglass-*",
                "arn:aws:cloudwatch::*:dashboard/breakglass-*",
                "arn:aws:dynamodb:*:*:table/breakglass-*",
                "arn:aws:events:*:*:api-destination/breakglass-*",
                "arn:aws:events:*:*:connection/breakglass-*",
                "arn:aws:events:*:*:rule/breakglass-*",
                "arn:aws:iam::*:role/breakglass-*",
                "arn:aws:lambda:*:*:function:breakglass-*",
                "arn:aws:logs:*:*:log-group:breakglass-*",
                "arn:aws:logs:*:*:log-group:/aws/vendedlogs/breakglass-*",
                "arn:aws:secretsmanager:*:*:secret:breakglass-*",
                "arn:aws:secretsmanager:*:*:secret:events!connection/breakglass-*",
                "arn:aws:sns:*:*:breakglass-*",
                "arn:aws:sqs:*:*:breakglass-*",
                "arn:aws:states:*:*:execution:breakglass-*",
                "arn:aws:states:*:*:stateMachine:breakglass-*",
                "arn:aws:events:*:*:event-bus/default",
                "arn:aws:events:*:*:event-busv2/default/*",
            ],
        },
        {
            "Sid": "ProtectApprovalApi",
            "Effect": "Deny",
            "NotAction": "apigateway:GET",
            "Resource": "arn:aws:apigateway:*::/apis/*",
            "Condition": {"StringLike": {"apigateway:Resource/ApiName": "breakglass-*"}},
        },
        {
            "Sid": "ProtectSessionPolicy",
            "Effect": "Deny",
            "NotAction": ["organizations:Describe*", "organizations:List*"],
            "Resource": "arn:aws:organizations::*:policy/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/breakglass-protected": "true"}},
        },
        {
            "Sid": "ProtectMetrics",
            "Effect": "Deny",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "Breakglass"}},
        },
        {
            "Sid": "ProtectAnywhere",
            "Effect": "Deny",
            "Action": [
                "cloudtrail:Delete*",
                "cloudtrail:Deregister*",
                "cloudtrail:Put*",
                "cloudtrail:Register*",
                "cloudtrail:RemoveTags",
                "cloudtrail:Stop*",
                "cloudtrail:Update*",
                "events:PutPermission",
                "events:RemovePermission",
                "sns:SetSubscriptionAttributes",
                "sns:Unsubscribe",
                "states:RevealSecrets",
                "states:TestState",
            ],
            "Resource": "*",
        },
    ]


KEY = "arn:aws:kms:eu-central-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OWN = (
    *own_arns("aws", secret_names=["slack/bot-token", "breakglass-signing"], key_arns=[KEY], buckets=["org-trail"]),
    api_arn("aws", "eu-central-1", "a1b2c3d4e5"),
)


def test_own_arns_exclude_names_with_the_prefix() -> None:
    assert OWN == (
        KEY,
        "arn:aws:s3:::org-trail",
        "arn:aws:s3:::org-trail/*",
        "arn:aws:secretsmanager:*:*:secret:slack/bot-token-??????",
        "arn:aws:apigateway:eu-central-1::/apis/a1b2c3d4e5*",
    )


def test_own_arns_keep_read_only_actions() -> None:
    plain, own = (protect_alert_path("aws", arns)[0] for arns in ((), OWN))
    assert own["Resource"] == [*plain["Resource"], *OWN]
    assert set(own["NotAction"]) - set(plain["NotAction"]) == {
        "apigateway:GET",
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:Describe*",
        "kms:Encrypt",
        "kms:GenerateDataKey*",
        "kms:Get*",
        "kms:List*",
        "kms:ReEncrypt*",
        "s3:Get*",
        "s3:List*",
    }
    assert protect_alert_path("aws", OWN)[1:] == protect_alert_path("aws")[1:]


ORGANIZATION = own_arns("aws", organization=True)


def test_own_arns_of_an_organization_are_exactly_these() -> None:
    assert own_arns("aws") == ()
    assert ORGANIZATION == (
        "arn:aws:cloudformation:*:*:stack/StackSet-breakglass-spokes-*",
        "arn:aws:cloudformation:*:*:stackset-target/breakglass-spokes:*",
        "arn:aws:cloudformation:*:*:stackset/breakglass-spokes:*",
        "arn:aws:events:*:*:event-bus/breakglass-*",
        "arn:aws:logs:*:*:log-group:/aws/events/breakglass-*",
    )


def test_own_arns_of_a_witness_are_its_log() -> None:
    assert own_arns("aws", witness=True) == ORGANIZATION[-1:]
    assert own_arns("aws", organization=True, witness=True) == ORGANIZATION


def test_protection_of_an_organization_adds_only_its_stack_set() -> None:
    (plain, *rest, anywhere), (own, *more, elsewhere) = (protect_alert_path("aws", arns) for arns in ((), ORGANIZATION))
    reads = {f"cloudformation:{verb}*" for verb in ("Describe", "Detect", "Get", "List")}
    assert set(own["NotAction"]) - set(plain["NotAction"]) == reads
    assert own["Resource"] == [*plain["Resource"], *ORGANIZATION]
    assert more == rest
    assert set(elsewhere["Action"]) - set(anywhere["Action"]) == {"cloudformation:DeactivateOrganizationsAccess"}


def test_denials_withhold_every_power_that_is_not_acknowledged() -> None:
    *protection, withheld, login = deny_statements("aws")
    assert tuple(protection) == protect_alert_path("aws")
    assert withheld == {
        "Sid": "NotAcknowledged",
        "Effect": "Deny",
        "Action": sorted(action for actions in WITHHELD.values() for action in actions),
        "Resource": "*",
    }
    assert login == {
        "Sid": "NoLocalLogin",
        "Effect": "Deny",
        "Action": ["signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"],
        "Resource": "*",
    }


def test_denials_of_acknowledged_root_leave_the_rest() -> None:
    before, after = (
        next(each for each in deny_statements("aws", acknowledged=risks) if each["Sid"] == "NotAcknowledged")["Action"]
        for risks in ((), (RiskAcknowledgement.root, RiskAcknowledgement.administrator_access))
    )
    assert set(before) - set(after) == {"sts:AssumeRoot"}


def test_denials_of_all_acknowledged_have_no_empty_statement() -> None:
    sids = [each["Sid"] for each in deny_statements("aws", acknowledged=list(RiskAcknowledgement), local_login=True)]
    assert sids == [each["Sid"] for each in protect_alert_path("aws")]


def test_denials_without_protection_are_those_of_local_login() -> None:
    assert [each["Sid"] for each in deny_statements("aws", protect=False)] == ["NoLocalLogin"]
    assert deny_statements("aws", protect=False, local_login=True) == ()


EXACT_WITHHELD = {
    RiskAcknowledgement.root: {"sts:AssumeRoot"},
    RiskAcknowledgement.access: {"account-access:Create*", "account-access:Delete*"},
    RiskAcknowledgement.account: {
        "account:AcceptP*",
        "account:CloseAccount",
        "account:DisableRegion",
        "account:EnableRegion",
        "account:StartP*",
    },
}


@pytest.mark.parametrize("risk", EXACT_WITHHELD)
def test_withheld_actions_of_new_powers(risk: RiskAcknowledgement) -> None:
    assert set(WITHHELD[risk]) == EXACT_WITHHELD[risk]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_denials_leave_5000_bytes_of_an_inline_policy(partition: str) -> None:
    own = own_arns(
        partition,
        secret_names=["slack/break-glass/bot-token", "slack/break-glass/signing-secret"],
        key_arns=[KEY, KEY.replace("1234abcd", "5678abcd")],
        buckets=["organization-trail-of-management-events-111111111111"],
    )
    merged = merge_inline(
        None, deny_statements(partition, own=[*own, api_arn(partition, "us-gov-west-1", PLACEHOLDER_API_ID)])
    )
    assert merged is not None
    assert policy_size(merged) <= INLINE_POLICY_LIMIT - 5_000
    own = [*own, *own_arns(partition, organization=True)]
    merged = merge_inline(
        None, deny_statements(partition, own=[*own, api_arn(partition, "us-gov-west-1", PLACEHOLDER_API_ID)])
    )
    assert merged is not None
    assert policy_size(merged) <= INLINE_POLICY_LIMIT - 4_500
    assert all(arn.startswith(f"arn:{partition}:") for arn in alert_path_arns(partition))


# Actions with access level Write, Tagging or Permissions management in the Service Authorization Reference, by resource
# type; and those that read the task tokens of approvals.
CHANGES = {
    "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops": (
        "events:DeleteRule events:DisableRule events:EnableRule events:PutRule events:PutTargets events:RemoveTargets "
        "events:TagResource events:UntagResource"
    ),
    "arn:aws:events:eu-central-1:222222222222:connection/breakglass-slack/0a1b2c3d": (
        "events:CreateConnection events:DeauthorizeConnection events:DeleteConnection "
        "events:RetrieveConnectionCredentials events:UpdateConnection"
    ),
    "arn:aws:events:eu-central-1:222222222222:api-destination/breakglass-slack/0a1b2c3d": (
        "events:CreateApiDestination events:DeleteApiDestination events:InvokeApiDestination "
        "events:UpdateApiDestination"
    ),
    "arn:aws:secretsmanager:eu-central-1:222222222222:secret:breakglass-slack-AbCdEf": (
        "secretsmanager:CancelRotateSecret secretsmanager:DeleteResourcePolicy secretsmanager:DeleteSecret "
        "secretsmanager:GetSecretValue secretsmanager:PutResourcePolicy secretsmanager:PutSecretValue "
        "secretsmanager:RemoveRegionsFromReplication secretsmanager:ReplicateSecretToRegions "
        "secretsmanager:RestoreSecret secretsmanager:RotateSecret secretsmanager:StopReplicationToReplica "
        "secretsmanager:TagResource secretsmanager:UntagResource secretsmanager:UpdateSecret "
        "secretsmanager:UpdateSecretVersionStage"
    ),
    "arn:aws:secretsmanager:eu-central-1:222222222222:secret:events!connection/breakglass-slack/0a1b2c3d-AbCdEf": (
        "secretsmanager:DeleteSecret secretsmanager:GetSecretValue secretsmanager:PutSecretValue"
    ),
    "arn:aws:sqs:eu-central-1:222222222222:breakglass-devops": (
        "sqs:AddPermission sqs:CancelMessageMoveTask sqs:ChangeMessageVisibility sqs:DeleteMessage sqs:DeleteQueue "
        "sqs:PurgeQueue sqs:ReceiveMessage sqs:RemovePermission sqs:SendMessage sqs:SetQueueAttributes "
        "sqs:StartMessageMoveTask sqs:TagQueue sqs:UntagQueue"
    ),
    "arn:aws:sns:eu-central-1:222222222222:breakglass-alarms": (
        "sns:AddPermission sns:ConfirmSubscription sns:DeleteTopic sns:Publish sns:PutDataProtectionPolicy "
        "sns:RemovePermission sns:SetTopicAttributes sns:Subscribe sns:TagResource sns:UntagResource"
    ),
    "arn:aws:iam::222222222222:role/breakglass-slack": (
        "iam:AttachRolePolicy iam:DeleteRole iam:DeleteRolePermissionsBoundary iam:DeleteRolePolicy "
        "iam:DetachRolePolicy iam:PassRole iam:PutRolePermissionsBoundary iam:PutRolePolicy iam:TagRole iam:UntagRole "
        "iam:UpdateAssumeRolePolicy iam:UpdateRole iam:UpdateRoleDescription"
    ),
    "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-dead-letters": (
        "cloudwatch:DeleteAlarms cloudwatch:DisableAlarmActions cloudwatch:EnableAlarmActions "
        "cloudwatch:PutAlarmMuteRule cloudwatch:PutCompositeAlarm cloudwatch:PutMetricAlarm cloudwatch:SetAlarmState "
        "cloudwatch:TagResource cloudwatch:UntagResource"
    ),
    "arn:aws:cloudwatch::222222222222:dashboard/breakglass-uses": "cloudwatch:DeleteDashboards cloudwatch:PutDashboard",
    "arn:aws:cloudtrail:eu-central-1:222222222222:trail/management-events": (
        "cloudtrail:DeleteTrail cloudtrail:PutEventSelectors cloudtrail:StopLogging cloudtrail:UpdateTrail"
    ),
    "arn:aws:cloudtrail:eu-central-1:222222222222:eventdatastore/0a1b2c3d": (
        "cloudtrail:DeleteEventDataStore cloudtrail:StopEventDataStoreIngestion cloudtrail:UpdateEventDataStore"
    ),
    "arn:aws:dynamodb:eu-central-1:222222222222:table/breakglass-approvals-records": (
        "dynamodb:AssociateTableReplica dynamodb:BatchGetItem dynamodb:BatchWriteItem dynamodb:CreateBackup "
        "dynamodb:CreateTable dynamodb:CreateTableReplica dynamodb:DeleteItem dynamodb:DeleteResourcePolicy "
        "dynamodb:DeleteTable dynamodb:DeleteTableReplica dynamodb:DisableKinesisStreamingDestination "
        "dynamodb:EnableKinesisStreamingDestination dynamodb:ExportTableToPointInTime dynamodb:GetItem "
        "dynamodb:ImportTable dynamodb:PartiQLDelete dynamodb:PartiQLInsert dynamodb:PartiQLSelect "
        "dynamodb:PartiQLUpdate dynamodb:PutItem dynamodb:PutResourcePolicy dynamodb:Query "
        "dynamodb:ReplicateSettings dynamodb:RestoreTableFromAwsBackup dynamodb:RestoreTableFromBackup "
        "dynamodb:RestoreTableToPointInTime dynamodb:Scan dynamodb:StartAwsBackupJob dynamodb:TagResource "
        "dynamodb:UntagResource dynamodb:UpdateContinuousBackups dynamodb:UpdateContributorInsights "
        "dynamodb:UpdateItem dynamodb:UpdateKinesisStreamingDestination dynamodb:UpdateTable "
        "dynamodb:UpdateTableReplicaAutoScaling dynamodb:UpdateTimeToLive dynamodb:WriteDataForReplication"
    ),
    "arn:aws:lambda:eu-central-1:222222222222:function:breakglass-approvals-receiver": (
        "lambda:AddPermission lambda:CreateAlias lambda:CreateFunction lambda:CreateFunctionUrlConfig "
        "lambda:DeleteAlias lambda:DeleteFunction lambda:DeleteFunctionCodeSigningConfig "
        "lambda:DeleteFunctionConcurrency lambda:DeleteFunctionEventInvokeConfig lambda:DeleteFunctionUrlConfig "
        "lambda:DisableReplication lambda:EnableReplication lambda:InvokeAsync lambda:InvokeFunction "
        "lambda:InvokeFunctionUrl lambda:PublishVersion lambda:PutFunctionCodeSigningConfig "
        "lambda:PutFunctionConcurrency lambda:PutFunctionEventInvokeConfig lambda:PutFunctionRecursionConfig "
        "lambda:PutFunctionScalingConfig lambda:PutRuntimeManagementConfig lambda:RemovePermission "
        "lambda:TagResource lambda:UntagResource lambda:UpdateAlias lambda:UpdateFunctionCode "
        "lambda:UpdateFunctionCodeSigningConfig lambda:UpdateFunctionConfiguration "
        "lambda:UpdateFunctionEventInvokeConfig lambda:UpdateFunctionUrlConfig"
    ),
    "arn:aws:logs:eu-central-1:222222222222:log-group:breakglass-approvals-receiver": (
        "logs:AssociateKmsKey logs:CreateExportTask logs:CreateLogAnomalyDetector logs:CreateLogGroup "
        "logs:DeleteDataProtectionPolicy logs:DeleteLogGroup logs:DeleteMetricFilter logs:DeleteRetentionPolicy "
        "logs:DeleteSubscriptionFilter logs:DeleteTransformer logs:DisassociateKmsKey logs:IntegrateWithS3Table "
        "logs:ProcessWithPipeline logs:PutBearerTokenAuthentication logs:PutDataProtectionPolicy "
        "logs:PutLogGroupDeletionProtection logs:PutMetricFilter logs:PutRetentionPolicy logs:PutSubscriptionFilter "
        "logs:PutTransformer logs:TagLogGroup logs:TagResource logs:UntagLogGroup logs:UntagResource"
    ),
    "arn:aws:logs:eu-central-1:222222222222:log-group:breakglass-approvals-receiver:log-stream:2026": (
        "logs:CreateLogStream logs:DeleteLogStream logs:PutLogEvents"
    ),
    "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/vendedlogs/breakglass-approvals-api": (
        "logs:DeleteLogGroup logs:PutRetentionPolicy logs:PutSubscriptionFilter"
    ),
    "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-approvals": (
        "states:CreateStateMachine states:CreateStateMachineAlias states:DeleteStateMachine "
        "states:DeleteStateMachineAlias states:DeleteStateMachineVersion states:PublishStateMachineVersion "
        "states:StartExecution states:StartSyncExecution states:TagResource states:UntagResource "
        "states:UpdateStateMachine states:UpdateStateMachineAlias"
    ),
    "arn:aws:states:eu-central-1:222222222222:execution:breakglass-approvals:r-1": (
        "states:GetExecutionHistory states:RedriveExecution states:StopExecution"
    ),
    "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-alerts-slack-delivery": (
        "states:CreateStateMachineAlias states:DeleteStateMachine states:InvokeHTTPEndpoint "
        "states:PublishStateMachineVersion states:StartExecution states:StartSyncExecution states:TagResource "
        "states:UpdateStateMachine"
    ),
    "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-alerts-slack-delivery:live": (
        "states:DeleteStateMachineAlias states:DeleteStateMachineVersion states:StartExecution "
        "states:UpdateStateMachineAlias"
    ),
    "arn:aws:states:eu-central-1:222222222222:execution:breakglass-alerts-slack-delivery:e-1": (
        "states:GetExecutionHistory states:RedriveExecution states:StopExecution"
    ),
    "arn:aws:iam::222222222222:role/breakglass-alerts-slack-delivery": "iam:PassRole iam:PutRolePolicy",
    "arn:aws:sns:eu-central-1:222222222222:breakglass-alerts-alarms-pages": (
        "sns:ConfirmSubscription sns:DeleteTopic sns:Publish sns:SetTopicAttributes sns:Subscribe"
    ),
    "arn:aws:events:eu-central-1:222222222222:event-bus/default": (
        "events:CreateEventBus events:DeleteEventBus events:TagResource events:UpdateEventBus"
    ),
    "arn:aws:events:eu-central-1:222222222222:event-busv2/default/0a1b2c": (
        "events:DeleteResourcePolicy events:PutResourcePolicy events:RevokeResource"
    ),
    "arn:aws:cloudformation:eu-central-1:222222222222:stackset/breakglass-spokes:0a1b2c3d": (
        "cloudformation:CreateStackInstances cloudformation:DeleteStackInstances cloudformation:DeleteStackSet "
        "cloudformation:ImportStacksToStackSet cloudformation:StopStackSetOperation cloudformation:TagResource "
        "cloudformation:UntagResource cloudformation:UpdateStackInstances cloudformation:UpdateStackSet"
    ),
    "arn:aws:cloudformation:eu-central-1:222222222222:stackset-target/breakglass-spokes:0a1b2c3d/333333333333": (
        "cloudformation:CreateStackInstances cloudformation:DeleteStackInstances cloudformation:UpdateStackInstances"
    ),
    "arn:aws:cloudformation:us-east-1:333333333333:stack/StackSet-breakglass-spokes-0a1b2c3d/4e5f": (
        "cloudformation:CancelUpdateStack cloudformation:ContinueUpdateRollback cloudformation:CreateChangeSet "
        "cloudformation:DeleteStack cloudformation:ExecuteChangeSet cloudformation:RollbackStack "
        "cloudformation:SetStackPolicy cloudformation:SignalResource cloudformation:UpdateStack "
        "cloudformation:UpdateTerminationProtection"
    ),
    "arn:aws:events:eu-central-1:222222222222:event-bus/breakglass-prod-hub": (
        "events:DeleteEventBus events:TagResource events:UntagResource events:UpdateEventBus"
    ),
    "arn:aws:events:eu-central-1:222222222222:rule/breakglass-prod-hub/breakglass-prod-root-user-sign_in": (
        "events:DeleteRule events:DisableRule events:PutRule events:PutTargets events:RemoveTargets"
    ),
    "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/events/breakglass-prod-roll-call": (
        "logs:DeleteLogGroup logs:PutRetentionPolicy"
    ),
    KEY: (
        "kms:CancelKeyDeletion kms:DeleteImportedKeyMaterial kms:DisableKey kms:PutKeyPolicy kms:RevokeGrant "
        "kms:ScheduleKeyDeletion kms:TagResource kms:UntagResource kms:UpdatePrimaryRegion"
    ),
    "arn:aws:s3:::org-trail": (
        "s3:DeleteBucket s3:DeleteBucketPolicy s3:PutBucketPolicy s3:PutBucketVersioning s3:PutEncryptionConfiguration "
        "s3:PutLifecycleConfiguration s3:PutReplicationConfiguration"
    ),
    "arn:aws:s3:::org-trail/AWSLogs/o-1/1.json.gz": "s3:BypassGovernanceRetention s3:DeleteObject s3:PutObject",
    "arn:aws:secretsmanager:eu-central-1:111111111111:secret:slack/bot-token-AbCdEf": (
        "secretsmanager:DeleteSecret secretsmanager:GetSecretValue secretsmanager:PutSecretValue"
    ),
    "arn:aws:apigateway:eu-central-1::/apis/a1b2c3d4e5": "apigateway:DELETE apigateway:PATCH apigateway:PUT",
    "arn:aws:apigateway:eu-central-1::/apis/a1b2c3d4e5/routes/r1": "apigateway:DELETE apigateway:PATCH",
    "arn:aws:apigateway:eu-central-1::/apis/a1b2c3d4e5/integrations/i1": "apigateway:DELETE apigateway:PATCH",
    "arn:aws:iam::222222222222:user/somebody": (
        "iam:CreateAccessKey iam:CreateLoginProfile iam:CreateServiceSpecificCredential iam:DeactivateMFADevice "
        "iam:EnableMFADevice iam:UpdateLoginProfile iam:UploadSSHPublicKey iam:UploadSigningCertificate"
    ),
    "arn:aws:iam::222222222222:root": "sts:AssumeRoot",
    "*": (
        "cloudformation:DeactivateOrganizationsAccess events:PutPermission events:RemovePermission "
        "iam:EnableOrganizationsRootSessions "
        "organizations:EnableAWSServiceAccess signin:AuthorizeOAuth2Access signin:CreateOAuth2Token "
        "sns:SetSubscriptionAttributes sns:Unsubscribe sso:CreateAccountAssignment states:RevealSecrets "
        "states:TestState"
    ),
}
READS = {
    "arn:aws:cloudformation:eu-central-1:222222222222:stackset/breakglass-spokes:0a1b2c3d": (
        "cloudformation:DescribeStackSet cloudformation:DetectStackSetDrift cloudformation:ListStackInstances"
    ),
    "arn:aws:cloudformation:us-east-1:333333333333:stack/StackSet-breakglass-spokes-0a1b2c3d/4e5f": (
        "cloudformation:DescribeStackEvents cloudformation:GetTemplate"
    ),
    "arn:aws:events:eu-central-1:222222222222:event-bus/breakglass-prod-hub": "events:DescribeEventBus",
    "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/events/breakglass-prod-roll-call": "logs:StartQuery",
    "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops": (
        "events:DescribeRule events:ListTagsForResource events:ListTargetsByRule"
    ),
    "arn:aws:events:eu-central-1:222222222222:connection/breakglass-slack/0a1b2c3d": "events:DescribeConnection",
    "arn:aws:secretsmanager:eu-central-1:222222222222:secret:breakglass-slack-AbCdEf": (
        "secretsmanager:DescribeSecret secretsmanager:ListSecretVersionIds"
    ),
    "arn:aws:sqs:eu-central-1:222222222222:breakglass-devops": "sqs:GetQueueAttributes sqs:GetQueueUrl",
    "arn:aws:sns:eu-central-1:222222222222:breakglass-alarms": "sns:GetTopicAttributes sns:ListSubscriptionsByTopic",
    "arn:aws:iam::222222222222:role/breakglass-slack": "iam:GetRole iam:ListRolePolicies",
    "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-dead-letters": (
        "cloudwatch:DescribeAlarmHistory cloudwatch:DescribeAlarms"
    ),
    "arn:aws:cloudwatch::222222222222:dashboard/breakglass-uses": "cloudwatch:GetDashboard",
    "arn:aws:cloudtrail:eu-central-1:222222222222:trail/management-events": (
        "cloudtrail:GetTrailStatus cloudtrail:StartLogging"
    ),
    "arn:aws:dynamodb:eu-central-1:222222222222:table/breakglass-approvals-records": "dynamodb:DescribeTable",
    "arn:aws:lambda:eu-central-1:222222222222:function:breakglass-approvals-receiver": (
        "lambda:GetFunctionConfiguration lambda:ListTags"
    ),
    "arn:aws:logs:eu-central-1:222222222222:log-group:breakglass-approvals-receiver": (
        "logs:DescribeLogStreams logs:FilterLogEvents logs:GetLogEvents logs:StartQuery"
    ),
    "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-approvals": (
        "states:DescribeStateMachine states:ListExecutions"
    ),
    "arn:aws:states:eu-central-1:222222222222:execution:breakglass-approvals:r-1": "states:DescribeExecution",
    "arn:aws:states:eu-central-1:222222222222:execution:breakglass-alerts-slack-delivery:e-1": (
        "states:DescribeExecution"
    ),
    "arn:aws:apigateway:eu-central-1::/apis/a1b2c3d4e5/routes": "apigateway:GET",
    "arn:aws:s3:::org-trail/AWSLogs/o-1/1.json.gz": "s3:GetObject",
    # It may be the key of a database, which has to be restored.
    KEY: "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:GenerateDataKey kms:ReEncryptFrom",
}
ELSEWHERE = {
    "arn:aws:cloudformation:eu-central-1:222222222222:stack/orders/4e5f": (
        "cloudformation:ContinueUpdateRollback cloudformation:DeleteStack cloudformation:UpdateStack"
    ),
    "arn:aws:events:eu-central-1:222222222222:rule/orders-breakglass-copy": "events:DeleteRule events:PutRule",
    "arn:aws:events:eu-central-1:222222222222:event-bus/default": "events:PutEvents events:StartReplay",
    "arn:aws:iam::222222222222:role/breakglass-admin": "sts:AssumeRole",
    "arn:aws:dynamodb:eu-central-1:222222222222:table/orders": "dynamodb:DeleteTable dynamodb:GetItem",
    "arn:aws:lambda:eu-central-1:222222222222:function:orders": "lambda:InvokeFunction lambda:UpdateFunctionCode",
    "arn:aws:rds:eu-central-1:222222222222:db:breakglass-restored": "rds:DeleteDBInstance",
    "arn:aws:secretsmanager:eu-central-1:222222222222:secret:rds-password-AbCdEf": "secretsmanager:GetSecretValue",
    "arn:aws:sqs:eu-central-1:222222222222:orders": "sqs:PurgeQueue",
    "arn:aws:iam::222222222222:role/orders-workflow": "iam:PassRole",
    "arn:aws:states:eu-central-1:222222222222:stateMachine:orders": "states:StartExecution states:UpdateStateMachine",
    "arn:aws:states:eu-central-1:222222222222:execution:orders:o-1": "states:RedriveExecution states:StopExecution",
    "arn:aws:apigateway:eu-central-1::/apis/f6a7b8c9d0/routes/r1": "apigateway:PATCH",
    "arn:aws:events:eu-central-1:222222222222:event-bus/orders": "events:DeleteEventBus events:UpdateEventBus",
    "arn:aws:iam::222222222222:user/somebody": "iam:DeleteAccessKey iam:DeleteLoginProfile iam:UpdateAccessKey",
    "arn:aws:kms:eu-central-1:222222222222:key/5678abcd": "kms:ScheduleKeyDeletion",
    "arn:aws:s3:::org-trail-copy": "s3:PutBucketPolicy",
    "*": "cloudwatch:PutMetricData rds:CreateDBSnapshot secretsmanager:GetRandomPassword sns:ListTopics",
}


def _cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(action, resource) for resource, actions in table.items() for action in actions.split()]


@cache
def _policy_of_an_administrator() -> IAMPolicy:
    allow_all = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    # moto knows no `?`, and takes a statement with a condition for one without.
    statements = deny_statements("aws", own=[arn.replace("??????", "*") for arn in (*OWN, *ORGANIZATION)])
    merged = merge_inline(allow_all, [each for each in statements if "Condition" not in each])
    assert merged is not None
    return IAMPolicy(policy_json(merged))


def _verdict(action: str, resource: str) -> PermissionResult:
    return _policy_of_an_administrator().is_action_permitted(action, resource)


@pytest.mark.parametrize(("action", "resource"), _cases(CHANGES))
def test_protection_denies_an_administrator_every_change(action: str, resource: str) -> None:
    assert _verdict(action, resource) is PermissionResult.DENIED


@pytest.mark.parametrize(("action", "resource"), [*_cases(READS), *_cases(ELSEWHERE)])
def test_protection_allows_reading_and_everything_else(action: str, resource: str) -> None:
    assert _verdict(action, resource) is PermissionResult.PERMITTED


@given(st.text(min_size=1))
def test_protection_covers_every_physical_name(logical: str) -> None:
    name = physical_name(logical)
    for resource in (
        f"arn:aws:events:eu-central-1:222222222222:rule/{name}",
        f"arn:aws:sqs:eu-central-1:222222222222:{name}",
        f"arn:aws:iam::222222222222:role/{name}",
    ):
        assert _verdict("any:Change", resource) is PermissionResult.DENIED
