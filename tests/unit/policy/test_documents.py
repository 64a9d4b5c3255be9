"""The documents, as exact JSON, and what the Deny statements do according to moto's policy evaluation.

Not shown here: that AWS evaluates them alike, the conditions on an API's name and a policy's tag among them, which moto
doesn't evaluate, and that EventBridge and CloudWatch send the ARNs the conditions ask for.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.iam.access_control import IAMPolicy, PermissionResult

from breakglass.detection.names import physical_name
from breakglass.errors import PolicyError
from breakglass.policy.documents import (
    INLINE_POLICY_LIMIT,
    alarm_topic_policy,
    alert_path_arns,
    dead_letter_queue_policy,
    events_trust,
    inline_policy_fault,
    invoke_destination,
    merge_inline,
    policy_json,
    policy_size,
    protect_alert_path,
)

DESTINATION = "arn:aws:events:eu-central-1:222222222222:api-destination/breakglass-slack/0a1b2c3d"
QUEUE = "arn:aws:sqs:eu-central-1:222222222222:breakglass-devops"
TOPIC = "arn:aws:sns:eu-central-1:222222222222:breakglass-alarms"
RULES = [
    "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops-session-start",
    "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops-denied",
]


def test_role_may_invoke_its_destination_and_nothing_else() -> None:
    assert invoke_destination(DESTINATION) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": DESTINATION}],
    }


def test_only_alert_path_rules_beside_the_destination_may_use_the_role() -> None:
    assert events_trust(DESTINATION) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": "arn:aws:events:eu-central-1:222222222222:rule/breakglass-*"}
                },
            }
        ],
    }


def test_trust_follows_the_partition_of_the_destination() -> None:
    trust = events_trust("arn:aws-us-gov:events:us-gov-west-1:222222222222:api-destination/breakglass-slack/0a1b2c3d")
    assert trust["Statement"][0]["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws-us-gov:events:us-gov-west-1:222222222222:rule/breakglass-*"}
    }


def test_only_the_given_rules_may_fill_the_dead_letter_queue() -> None:
    assert dead_letter_queue_policy(QUEUE, RULES) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": QUEUE,
                "Condition": {
                    "ArnEquals": {
                        "aws:SourceArn": [
                            "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops-denied",
                            "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops-session-start",
                        ]
                    }
                },
            }
        ],
    }


def test_alarms_of_the_alert_path_and_rules_may_publish_to_the_topic() -> None:
    assert alarm_topic_policy(TOPIC) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": TOPIC,
                "Condition": {
                    "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-*"}
                },
            },
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": TOPIC,
            },
        ],
    }


@given(st.permutations([*RULES, "arn:aws:events:eu-central-1:222222222222:rule/breakglass-network-portal"]))
def test_order_of_the_rules_makes_no_difference_in_a_preview(rules: list[str]) -> None:
    assert policy_json(dead_letter_queue_policy(QUEUE, rules)) == policy_json(
        dead_letter_queue_policy(QUEUE, sorted(rules))
    )


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
            "Sid": "ProtectCloudTrail",
            "Effect": "Deny",
            "Action": ["cloudtrail:Delete*", "cloudtrail:PutEventSelectors", "cloudtrail:Stop*", "cloudtrail:Update*"],
            "Resource": "*",
        },
        {
            "Sid": "ProtectSubscriptions",
            "Effect": "Deny",
            "Action": ["sns:SetSubscriptionAttributes", "sns:Unsubscribe"],
            "Resource": "*",
        },
    ]


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_protection_takes_at_most_a_quarter_of_an_inline_policy(partition: str) -> None:
    merged = merge_inline(None, protect_alert_path(partition))
    assert merged is not None
    assert policy_size(merged) <= INLINE_POLICY_LIMIT / 4
    assert all(arn.startswith(f"arn:{partition}:") for arn in alert_path_arns(partition))


# What the Service Authorization Reference lists as writing, tagging or managing permissions, by resource type; and what
# reads the tokens by which an approval is told.
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
    "arn:aws:lambda:eu-central-1:222222222222:function:breakglass-approvals-front": (
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
    "arn:aws:logs:eu-central-1:222222222222:log-group:breakglass-approvals-front": (
        "logs:AssociateKmsKey logs:CreateExportTask logs:CreateLogAnomalyDetector logs:CreateLogGroup "
        "logs:DeleteDataProtectionPolicy logs:DeleteLogGroup logs:DeleteMetricFilter logs:DeleteRetentionPolicy "
        "logs:DeleteSubscriptionFilter logs:DeleteTransformer logs:DisassociateKmsKey logs:IntegrateWithS3Table "
        "logs:ProcessWithPipeline logs:PutBearerTokenAuthentication logs:PutDataProtectionPolicy "
        "logs:PutLogGroupDeletionProtection logs:PutMetricFilter logs:PutRetentionPolicy logs:PutSubscriptionFilter "
        "logs:PutTransformer logs:TagLogGroup logs:TagResource logs:UntagLogGroup logs:UntagResource"
    ),
    "arn:aws:logs:eu-central-1:222222222222:log-group:breakglass-approvals-front:log-stream:2026": (
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
    "*": "sns:SetSubscriptionAttributes sns:Unsubscribe",
}
READS = {
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
    "arn:aws:lambda:eu-central-1:222222222222:function:breakglass-approvals-front": (
        "lambda:GetFunctionConfiguration lambda:ListTags"
    ),
    "arn:aws:logs:eu-central-1:222222222222:log-group:breakglass-approvals-front": (
        "logs:DescribeLogStreams logs:FilterLogEvents logs:GetLogEvents logs:StartQuery"
    ),
    "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-approvals": (
        "states:DescribeStateMachine states:ListExecutions"
    ),
    "arn:aws:states:eu-central-1:222222222222:execution:breakglass-approvals:r-1": "states:DescribeExecution",
}
ELSEWHERE = {
    "arn:aws:events:eu-central-1:222222222222:rule/orders-breakglass-copy": "events:DeleteRule events:PutRule",
    "arn:aws:events:eu-central-1:222222222222:event-bus/default": "events:PutEvents",
    "arn:aws:iam::222222222222:role/breakglass-admin": "sts:AssumeRole",
    "arn:aws:dynamodb:eu-central-1:222222222222:table/orders": "dynamodb:DeleteTable dynamodb:GetItem",
    "arn:aws:lambda:eu-central-1:222222222222:function:orders": "lambda:InvokeFunction lambda:UpdateFunctionCode",
    "arn:aws:rds:eu-central-1:222222222222:db:breakglass-restored": "rds:DeleteDBInstance",
    "arn:aws:secretsmanager:eu-central-1:222222222222:secret:rds-password-AbCdEf": "secretsmanager:GetSecretValue",
    "arn:aws:sqs:eu-central-1:222222222222:orders": "sqs:PurgeQueue",
    "*": "cloudwatch:PutMetricData rds:CreateDBSnapshot secretsmanager:GetRandomPassword sns:ListTopics",
}


def _cases(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(action, resource) for resource, actions in table.items() for action in actions.split()]


def _verdict(action: str, resource: str) -> PermissionResult:
    allow_all = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    merged = merge_inline(allow_all, protect_alert_path("aws"))
    assert merged is not None
    return IAMPolicy(policy_json(merged)).is_action_permitted(action, resource)


@pytest.mark.parametrize(("action", "resource"), _cases(CHANGES))
def test_protection_denies_an_administrator_every_change_of_the_alert_path(action: str, resource: str) -> None:
    assert _verdict(action, resource) is PermissionResult.DENIED


@pytest.mark.parametrize(("action", "resource"), [*_cases(READS), *_cases(ELSEWHERE)])
def test_protection_leaves_looking_and_everything_else(action: str, resource: str) -> None:
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


def test_a_policy_is_sent_without_white_space_and_in_a_stable_order() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "B", "Effect": "Allow"}]}
    assert policy_json(document) == '{"Version":"2012-10-17","Statement":[{"Sid":"B","Effect":"Allow"}]}'


@given(st.sampled_from([" ", "\t", "\n"]), st.integers(0, 50))
def test_white_space_does_not_count(space: str, times: int) -> None:
    bare = {"Statement": [{"Sid": "Restore", "Condition": {"StringEquals": {"aws:RequestTag/t": "ab"}}}]}
    spaced = json.loads(json.dumps(bare).replace("ab", json.dumps(f"a{space.replace(chr(10), ' ') * times}b")[1:-1]))
    assert policy_size(spaced) - policy_size(bare) in {0, 2 * times}


STATEMENT = {"Effect": "Allow", "Action": "rds:*", "Resource": "*"}
ADDED = {"Sid": "Added", "Effect": "Deny", "Action": "rds:DeleteDBCluster", "Resource": "*"}


def test_merge_adds_at_the_end_and_keeps_the_rest() -> None:
    document = {"Version": "2012-10-17", "Id": "restore", "Statement": [STATEMENT]}
    assert merge_inline(document, [ADDED]) == {
        "Version": "2012-10-17",
        "Id": "restore",
        "Statement": [STATEMENT, ADDED],
    }
    assert document["Statement"] == [STATEMENT]


def test_merge_takes_a_single_statement_without_a_list() -> None:
    merged = merge_inline({"Version": "2012-10-17", "Statement": STATEMENT}, [ADDED])
    assert merged == {"Version": "2012-10-17", "Statement": [STATEMENT, ADDED]}


def test_merge_of_nothing_is_no_policy() -> None:
    assert merge_inline(None, []) is None
    assert merge_inline(None, [ADDED]) == {"Version": "2012-10-17", "Statement": [ADDED]}


def test_merge_refuses_a_sid_twice() -> None:
    document = {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Sid": "ProtectCloudTrail"}]}
    with pytest.raises(PolicyError, match=r"Two statements have the Sid ProtectCloudTrail.*Give one of them another"):
        merge_inline(document, protect_alert_path("aws"))


def _policy_of_size(size: int) -> dict[str, Any]:
    shortest = {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Resource": ""}]}
    return {**shortest, "Statement": [{**STATEMENT, "Resource": "x" * (size - policy_size(shortest))}]}


def test_an_inline_policy_may_be_as_long_as_aws_takes_it() -> None:
    assert merge_inline(_policy_of_size(10_240), []) is not None
    with pytest.raises(PolicyError, match=r"has 10,241 bytes, 0 of them .* takes 10,240 .* customerManagedPolicies"):
        merge_inline(_policy_of_size(10_241), [])


def test_a_policy_that_is_too_long_only_with_the_protection_says_how_much_that_is() -> None:
    fault = inline_policy_fault(_policy_of_size(10_200), protect_alert_path("aws"))
    assert fault is not None
    why, _ = fault
    added = policy_size({"Statement": list(protect_alert_path("aws"))}) - len('{"Statement":[]}') + len(",")
    assert f"has {10_200 + added:,} bytes, {added:,} of them for the protection of the alert path" in why
