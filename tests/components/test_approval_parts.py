"""The parts of `Approvals`, each with exactly these resources.

Not proven here: that they go together (test_approvals.py), and that the engine deploys them (tests/engine).
"""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from breakglass.alerts.messages import Transformer
from breakglass.components.alerts.alarm import TopicArns
from breakglass.components.approvals.api import ACCESS_LOG, ApprovalApi, ApprovalApiArgs
from breakglass.components.approvals.function import ApprovalFunction, ApprovalFunctionArgs
from breakglass.components.approvals.reconciler_schedule import ReconcilerSchedule, ReconcilerScheduleArgs
from breakglass.components.approvals.session_policy import SessionPolicy, SessionPolicyArgs
from breakglass.components.approvals.signing_secret import SlackSigningSecret, SlackSigningSecretArgs
from breakglass.components.approvals.state_machine import ApprovalWorkflow, ApprovalWorkflowArgs
from breakglass.components.approvals.table import ApprovalTable, ApprovalTableArgs
from breakglass.components.approvals.usage_targets import RecordedRule, UseRecording, UseRecordingArgs
from breakglass.naming import AppFunction, Names
from breakglass.vocabulary import EvidencePath
from tests.conftest import ACCOUNT_ID, REGION, SESSION_POLICY_ARN, Deployment, deploy

TAGS = {"team": "platform"}
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:breakglass-prod-monitoring-alarms"
PAGE_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:breakglass-prod-monitoring-pages"
TOPICS = TopicArns(TOPIC, PAGE_TOPIC)
NAMES = Names("prod-approvals")

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
INVOKE_CONFIG = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
LAMBDA = "aws:lambda/function:Function"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
PERMISSION = "aws:lambda/permission:Permission"
QUEUE = "aws:sqs/queue:Queue"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
SECRET = "aws:secretsmanager/secret:Secret"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"


def made(component: Callable[[], Any], *outputs: str) -> Deployment:
    def program() -> dict[str, Any]:
        deployed = component()
        return {name: getattr(deployed, name) for name in outputs}

    return deploy(program)


def alarm(deployment: Deployment, name: str) -> dict[str, Any]:
    """An alarm without its text."""
    inputs = deployment.get(ALARM, name).inputs
    assert inputs["alarmDescription"].endswith("Runbook: docs/runbooks/alarms.md.")
    return {key: value for key, value in inputs.items() if key != "alarmDescription"}


def alarming(name: str, **metric: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "name": f"breakglass-{name}",
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 0,
        "evaluationPeriods": 1,
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC],
        "period": 300,
        "statistic": "Sum",
        "region": REGION,
        "tags": TAGS,
    }
    return usual | metric


# --- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protected", [True, False])
def test_table_has_the_keys_and_indexes_of_the_store(protected: bool) -> None:
    args = ApprovalTableArgs(NAMES.table, REGION, protected, TAGS)

    deployment = made(lambda: ApprovalTable("prod-approvals-records", args), "table_name", "table_arn")

    def index(name: str, partition: str, sort: str) -> dict[str, Any]:
        keys = [{"attributeName": partition, "keyType": "HASH"}, {"attributeName": sort, "keyType": "RANGE"}]
        return {"name": name, "keySchemas": keys, "projectionType": "KEYS_ONLY"}

    assert deployment.inventory() == {
        ("breakglass:index:ApprovalTable", "prod-approvals-records"),
        ("aws:dynamodb/table:Table", "prod-approvals-records-table"),
    }
    assert deployment.get("aws:dynamodb/table:Table", "prod-approvals-records-table").inputs == {
        "name": "breakglass-prod-approvals-records",
        "billingMode": "PAY_PER_REQUEST",
        "hashKey": "pk",
        "rangeKey": "sk",
        "attributes": [
            {"name": name, "type": "S"} for name in ("pk", "sk", "open_kind", "open_at", "person", "at", "month")
        ],
        "globalSecondaryIndexes": [
            index("open", "open_kind", "open_at"),
            index("by_person", "person", "at"),
            index("by_month", "month", "at"),
        ],
        "ttl": {"attributeName": "expires", "enabled": True},
        "pointInTimeRecovery": {"enabled": True},
        "serverSideEncryption": {"enabled": True},
        "deletionProtectionEnabled": protected,
        "region": REGION,
        "tags": TAGS,
    }
    assert deployment.outputs == {
        "table_name": "breakglass-prod-approvals-records",
        "table_arn": "arn:aws:dynamodb:eu-central-1:222222222222:table/breakglass-prod-approvals-records",
    }


# --- a function ------------------------------------------------------------------------------------------------------


def function(app_function: AppFunction) -> Deployment:
    def component() -> ApprovalFunction:
        args = ApprovalFunctionArgs(
            app_function=app_function,
            names=NAMES,
            region=REGION,
            code=pulumi.FileArchive("functions.zip"),
            permissions="{}",
            variables={"BREAKGLASS_TABLE": NAMES.table},
            topics=TOPICS,
            tags=TAGS,
        )
        return ApprovalFunction(f"prod-approvals-{app_function}", args)

    return made(component, "function_name", "function_arn", "alarm_arns")


def of_every_function(name: str) -> set[tuple[str, str]]:
    return {
        ("breakglass:index:ApprovalFunction", name),
        (LOGS, f"{name}-logs"),
        (ROLE, f"{name}-role"),
        (ROLE_POLICY, f"{name}-permissions"),
        (LAMBDA, f"{name}-function"),
        (ALARM, f"{name}-errors"),
        (ALARM, f"{name}-throttles"),
    }


@pytest.mark.parametrize(
    ("app_function", "more"),
    [
        (AppFunction.receiver, set()),
        (
            AppFunction.interactions,
            {
                (QUEUE, "dead-letters"),
                (INVOKE_CONFIG, "asynchronous"),
                (ALARM, "dead-letters"),
                (ALARM, "refusals"),
                (ALARM, "broken-glass"),
            },
        ),
        (AppFunction.provisioner, set()),
        (AppFunction.reconciler, {(INVOKE_CONFIG, "asynchronous")}),
        (
            AppFunction.usage_recorder,
            {(QUEUE, "dead-letters"), (INVOKE_CONFIG, "asynchronous"), (ALARM, "dead-letters")},
        ),
    ],
)
def test_inventory_of_a_function(app_function: AppFunction, more: set[tuple[str, str]]) -> None:
    name = f"prod-approvals-{app_function}"

    assert function(app_function).inventory() == of_every_function(name) | {
        (kind, f"{name}-{end}") for kind, end in more
    }


@pytest.mark.parametrize(
    ("app_function", "memory", "timeout"),
    [
        (AppFunction.receiver, 1024, 10),
        (AppFunction.interactions, 512, 60),
        (AppFunction.provisioner, 512, 60),
        (AppFunction.reconciler, 512, 300),
        (AppFunction.usage_recorder, 512, 30),
    ],
)
def test_function_has_its_own_handler_role_and_log(app_function: AppFunction, memory: int, timeout: int) -> None:
    deployment = function(app_function)

    name, physical = f"prod-approvals-{app_function}", f"breakglass-prod-approvals-{app_function}"
    inputs = deployment.get(LAMBDA, f"{name}-function").inputs
    assert inputs.pop("code")
    assert inputs.pop("description")
    assert inputs == {
        "name": physical,
        "handler": f"breakglass.app.entrypoints.{app_function.name}.handler",
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "memorySize": memory,
        "timeout": timeout,
        "role": f"arn:aws:iam::222222222222:role/{physical}",
        "environment": {"variables": {"BREAKGLASS_TABLE": "breakglass-prod-approvals-records"}},
        "loggingConfig": {"logFormat": "JSON", "logGroup": physical},
        "region": REGION,
        "tags": TAGS,
    }
    assert deployment.get(LOGS, f"{name}-logs").inputs == {
        "name": physical,
        "retentionInDays": 90,
        "region": REGION,
        "tags": TAGS,
    }
    role = deployment.get(ROLE, f"{name}-role").inputs
    assert role["name"] == physical
    assert json.loads(role["assumeRolePolicy"])["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert deployment.get(ROLE_POLICY, f"{name}-permissions").inputs == {
        "name": "permissions",
        "role": physical,
        "policy": "{}",
    }


@pytest.mark.parametrize("app_function", AppFunction)
def test_function_depends_on_its_policy(app_function: AppFunction) -> None:
    deployment = function(app_function)

    permissions = deployment.get(ROLE_POLICY, f"prod-approvals-{app_function}-permissions").urn
    assert permissions in deployment.get(LAMBDA, f"prod-approvals-{app_function}-function").depends_on


@pytest.mark.parametrize(
    ("app_function", "lasts"), [(AppFunction.interactions, 900), (AppFunction.usage_recorder, 21_600)]
)
def test_failed_event_goes_to_dead_letters_with_alarm(app_function: AppFunction, lasts: int) -> None:
    deployment = function(app_function)

    queue = f"breakglass-prod-approvals-{app_function}-dead-letters"
    assert deployment.get(QUEUE, f"prod-approvals-{app_function}-dead-letters").inputs == {
        "name": queue,
        "messageRetentionSeconds": 1_209_600,
        "sqsManagedSseEnabled": True,
        "region": REGION,
        "tags": TAGS,
    }
    assert deployment.get(INVOKE_CONFIG, f"prod-approvals-{app_function}-asynchronous").inputs == {
        "functionName": f"breakglass-prod-approvals-{app_function}",
        "maximumRetryAttempts": 2,
        "maximumEventAgeInSeconds": lasts,
        "destinationConfig": {"onFailure": {"destination": f"arn:aws:sqs:eu-central-1:222222222222:{queue}"}},
        "region": REGION,
    }
    assert alarm(deployment, f"prod-approvals-{app_function}-dead-letters") == alarming(
        f"prod-approvals-{app_function}-dead-letters",
        namespace="AWS/SQS",
        metricName="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": queue},
        statistic="Maximum",
    )


def test_failed_reconciler_run_is_not_retried() -> None:
    config = function(AppFunction.reconciler).get(INVOKE_CONFIG, "prod-approvals-reconciler-asynchronous").inputs

    assert config["maximumRetryAttempts"] == 0
    assert "destinationConfig" not in config


@pytest.mark.parametrize(("app_function", "periods"), [(AppFunction.receiver, 1), (AppFunction.provisioner, 3)])
def test_alarms_of_a_function(app_function: AppFunction, periods: int) -> None:
    deployment = function(app_function)

    name = f"prod-approvals-{app_function}"
    lambda_metric = {"namespace": "AWS/Lambda", "dimensions": {"FunctionName": f"breakglass-{name}"}}
    assert alarm(deployment, f"{name}-errors") == alarming(
        f"{name}-errors", metricName="Errors", evaluationPeriods=periods, **lambda_metric
    )
    assert alarm(deployment, f"{name}-throttles") == alarming(
        f"{name}-throttles", metricName="Throttles", **lambda_metric
    )
    assert deployment.outputs["alarm_arns"] == [
        f"arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-{name}-{kind}"
        for kind in ("errors", "throttles")
    ]


def test_permanent_refusal_of_clicks_raises_alarm() -> None:
    assert alarm(function(AppFunction.interactions), "prod-approvals-interactions-refusals") == alarming(
        "prod-approvals-interactions-refusals",
        namespace="Breakglass",
        metricName="PermanentRefusals",
        dimensions={"Stack": "prod-approvals"},
    )


def test_broken_glass_pages_within_a_minute() -> None:
    name = "prod-approvals-interactions-broken-glass"
    assert alarm(function(AppFunction.interactions), name) == alarming(
        name,
        namespace="Breakglass",
        metricName="BrokenGlass",
        dimensions={"Stack": "prod-approvals"},
        period=60,
        alarmActions=[TOPIC, PAGE_TOPIC],
    )


# --- the state machine -----------------------------------------------------------------------------------------------


def workflow() -> Deployment:
    args = ApprovalWorkflowArgs(
        NAMES.machine, NAMES.machine_log, REGION, '{"StartAt":"x"}', '{"t":1}', '{"p":1}', TOPICS, TAGS
    )
    return made(lambda: ApprovalWorkflow("prod-approvals-workflow", args), "machine_arn", "alarm_arns")


def test_state_machine_logs_errors_without_data() -> None:
    deployment = workflow()

    name, physical = "prod-approvals-workflow", "breakglass-prod-approvals-workflow"
    assert deployment.inventory() == {
        ("breakglass:index:ApprovalWorkflow", name),
        (LOGS, f"{name}-logs"),
        (ROLE, f"{name}-role"),
        (ROLE_POLICY, f"{name}-permissions"),
        ("aws:sfn/stateMachine:StateMachine", f"{name}-machine"),
        *((ALARM, f"{name}-{kind}") for kind in ("failed", "aborted", "timed-out")),
    }
    machine = deployment.get("aws:sfn/stateMachine:StateMachine", f"{name}-machine")
    assert machine.inputs == {
        "name": physical,
        "definition": '{"StartAt":"x"}',
        "roleArn": f"arn:aws:iam::222222222222:role/{physical}",
        "loggingConfiguration": {
            "level": "ERROR",
            "includeExecutionData": False,
            "logDestination": f"arn:aws:logs:eu-central-1:222222222222:log-group:/aws/vendedlogs/{physical}:*",
        },
        "region": REGION,
        "tags": TAGS,
    }
    assert deployment.get(ROLE_POLICY, f"{name}-permissions").urn in machine.depends_on
    assert deployment.get(ROLE_POLICY, f"{name}-permissions").inputs["policy"] == '{"p":1}'
    assert deployment.get(ROLE, f"{name}-role").inputs["assumeRolePolicy"] == '{"t":1}'


@pytest.mark.parametrize(
    ("kind", "metric"),
    [("failed", "ExecutionsFailed"), ("aborted", "ExecutionsAborted"), ("timed-out", "ExecutionsTimedOut")],
)
def test_unfinished_execution_raises_alarm(kind: str, metric: str) -> None:
    machine = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-prod-approvals-workflow"

    assert alarm(workflow(), f"prod-approvals-workflow-{kind}") == alarming(
        f"prod-approvals-workflow-{kind}",
        namespace="AWS/States",
        metricName=metric,
        dimensions={"StateMachineArn": machine},
    )


# --- the API ---------------------------------------------------------------------------------------------------------


def api() -> Deployment:
    def program() -> dict[str, pulumi.Output[Any]]:
        made_api = ApprovalApi("prod-approvals-api", ApprovalApiArgs(REGION, TAGS))
        alarm_arns = made_api.forward(NAMES.function(AppFunction.receiver), "arn:aws:apigateway:x", TOPICS)
        return {"request_url": made_api.request_url, "alarm_arns": alarm_arns}

    return deploy(program)


def test_api_has_one_route_to_one_function() -> None:
    deployment = api()

    name = "prod-approvals-api"
    assert deployment.inventory() == {
        ("breakglass:index:ApprovalApi", name),
        ("aws:apigatewayv2/api:Api", f"{name}-api"),
        ("aws:apigatewayv2/integration:Integration", f"{name}-receiver"),
        ("aws:apigatewayv2/route:Route", f"{name}-slack"),
        ("aws:apigatewayv2/stage:Stage", f"{name}-stage"),
        (LOGS, f"{name}-logs"),
        (PERMISSION, f"{name}-slack"),
        (ALARM, f"{name}-failures"),
    }
    assert deployment.get("aws:apigatewayv2/api:Api", f"{name}-api").inputs["name"] == f"breakglass-{name}"
    assert deployment.get("aws:apigatewayv2/integration:Integration", f"{name}-receiver").inputs == {
        "apiId": f"{name}-api-id",
        "integrationType": "AWS_PROXY",
        "integrationUri": "arn:aws:apigateway:x",
        "integrationMethod": "POST",
        "payloadFormatVersion": "2.0",
        "timeoutMilliseconds": 10_000,
        "region": REGION,
    }
    assert deployment.get("aws:apigatewayv2/route:Route", f"{name}-slack").inputs == {
        "apiId": f"{name}-api-id",
        "routeKey": "POST /slack",
        "target": f"integrations/{name}-receiver-id",
        "region": REGION,
    }
    assert deployment.get(PERMISSION, f"{name}-slack").inputs == {
        "statementId": "slack",
        "function": "breakglass-prod-approvals-receiver",
        "action": "lambda:InvokeFunction",
        "principal": "apigateway.amazonaws.com",
        "sourceArn": "arn:aws:execute-api:eu-central-1:222222222222:a1b2c3d4e5/*/POST/slack",
        "region": REGION,
    }
    assert deployment.outputs["request_url"] == "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/slack"


def test_api_is_throttled_and_logs_no_bodies() -> None:
    stage = api().get("aws:apigatewayv2/stage:Stage", "prod-approvals-api-stage").inputs

    assert stage["name"] == "$default"
    assert stage["autoDeploy"] is True
    assert stage["defaultRouteSettings"] == {"throttlingBurstLimit": 200, "throttlingRateLimit": 50}
    assert stage["accessLogSettings"] == {
        "destinationArn": "arn:aws:logs:eu-central-1:222222222222:log-group:"
        "/aws/vendedlogs/breakglass-prod-approvals-api",
        "format": ACCESS_LOG,
    }
    logged = {value.removeprefix("$context.") for value in json.loads(ACCESS_LOG).values()}
    assert logged == {
        "requestTime",
        "requestId",
        "identity.sourceIp",
        "routeKey",
        "status",
        "responseLatency",
        "integrationErrorMessage",
    }


def test_api_failures_raise_alarm() -> None:
    assert alarm(api(), "prod-approvals-api-failures") == alarming(
        "prod-approvals-api-failures",
        namespace="AWS/ApiGateway",
        metricName="5xx",
        dimensions={"ApiId": "prod-approvals-api-api-id"},
    )


# --- the reconciler's schedule ----------------------------------------------------------------------------------------


def reconcile() -> Deployment:
    args = ReconcilerScheduleArgs("prod-approvals", REGION, "reconciler", "arn:aws:lambda:reconciler", TOPICS, TAGS)
    return made(lambda: ReconcilerSchedule("prod-approvals-reconciler", args), "alarm_arns")


def test_reconciler_runs_every_five_minutes() -> None:
    deployment = reconcile()

    name = "prod-approvals-reconciler"
    kinds = (
        "unrevoked-grants",
        "unrecorded-assignments",
        "stuck-requests",
        "undenied-sessions",
        "missing-announcements",
        "overdue-explanations",
        "failures",
        "silent",
    )
    assert deployment.inventory() == {
        ("breakglass:index:ReconcilerSchedule", name),
        (RULE, f"{name}-schedule"),
        (TARGET, f"{name}-schedule"),
        (PERMISSION, f"{name}-schedule"),
        *((ALARM, f"{name}-{kind}") for kind in kinds),
    }
    rule = deployment.get(RULE, f"{name}-schedule").inputs
    assert (rule["name"], rule["scheduleExpression"]) == (f"breakglass-{name}-schedule", "rate(5 minutes)")
    assert deployment.get(TARGET, f"{name}-schedule").inputs == {
        "targetId": "reconciler",
        "rule": f"breakglass-{name}-schedule",
        "arn": "arn:aws:lambda:reconciler",
        "retryPolicy": {"maximumEventAgeInSeconds": 300, "maximumRetryAttempts": 3},
        "region": REGION,
    }
    assert deployment.get(PERMISSION, f"{name}-schedule").inputs == {
        "statementId": "schedule",
        "function": "reconciler",
        "action": "lambda:InvokeFunction",
        "principal": "events.amazonaws.com",
        "sourceArn": f"arn:aws:events:eu-central-1:222222222222:rule/breakglass-{name}-schedule",
        "region": REGION,
    }


@pytest.mark.parametrize(
    ("kind", "metric", "other"),
    [
        ("unrevoked-grants", "UnrevokedGrants", {"evaluationPeriods": 2}),
        ("unrecorded-assignments", "UnrecordedAssignments", {}),
        ("stuck-requests", "StuckRequests", {}),
        ("undenied-sessions", "UndeniedSessions", {}),
        ("missing-announcements", "MissingAnnouncements", {"alarmActions": [TOPIC, PAGE_TOPIC]}),
        ("overdue-explanations", "OverdueExplanations", {}),
        ("failures", "ReconcilerFailures", {"evaluationPeriods": 12, "datapointsToAlarm": 2}),
    ],
)
def test_reconciler_findings_raise_alarms(kind: str, metric: str, other: dict[str, Any]) -> None:
    assert alarm(reconcile(), f"prod-approvals-reconciler-{kind}") == alarming(
        f"prod-approvals-reconciler-{kind}",
        namespace="Breakglass",
        metricName=metric,
        dimensions={"Stack": "prod-approvals"},
        statistic="Maximum",
        treatMissingData="ignore",
        **other,
    )


def test_silent_reconciler_raises_alarm() -> None:
    assert alarm(reconcile(), "prod-approvals-reconciler-silent") == alarming(
        "prod-approvals-reconciler-silent",
        namespace="Breakglass",
        metricName="ReconcilerRuns",
        dimensions={"Stack": "prod-approvals"},
        comparisonOperator="LessThanThreshold",
        threshold=1,
        evaluationPeriods=3,
        treatMissingData="breaching",
    )


# --- the policy that ends sessions -----------------------------------------------------------------------------------


def test_session_policy_denies_nothing_and_has_protected_tag() -> None:
    args = SessionPolicyArgs(["333333333333", "444444444444"], TAGS)

    deployment = made(lambda: SessionPolicy("prod-approvals-ended-sessions", args), "policy_id", "policy_arn")

    name = "prod-approvals-ended-sessions"
    assert deployment.inventory() == {
        ("breakglass:index:SessionPolicy", name),
        ("aws:organizations/policy:Policy", f"{name}-policy"),
        *(
            ("aws:organizations/policyAttachment:PolicyAttachment", f"{name}-{account}")
            for account in ("333333333333", "444444444444")
        ),
    }
    policy = deployment.get("aws:organizations/policy:Policy", f"{name}-policy").inputs
    nobody = {
        "Sid": "Nobody",
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"StringEquals": {"identitystore:userId": "nobody"}},
    }
    assert json.loads(policy.pop("content")) == {"Version": "2012-10-17", "Statement": [nobody]}
    assert policy == {
        "name": f"breakglass-{name}",
        "description": "Ends sessions of break-glass access that is over. Written by the break-glass approvals.",
        "type": "SERVICE_CONTROL_POLICY",
        "tags": {"team": "platform", "breakglass-protected": "true"},
    }
    assert deployment.get("aws:organizations/policyAttachment:PolicyAttachment", f"{name}-333333333333").inputs == {
        "policyId": f"{name}-policy-id",
        "targetId": "333333333333",
    }
    assert deployment.outputs == {"policy_id": f"{name}-policy-id", "policy_arn": SESSION_POLICY_ARN}


# --- the signing secret ----------------------------------------------------------------------------------------------

SIGNING = "0123456789abcdef0123456789abcdef"


def signing(secret: Any = None, existing: str | None = None) -> Deployment:
    def component() -> SlackSigningSecret:
        given = pulumi.Output.secret(secret) if secret is not None else None
        return SlackSigningSecret("prod-approvals-signing", SlackSigningSecretArgs(REGION, given, existing, None, TAGS))

    return made(component, "secret_arn")


def test_signing_secret_from_config_creates_secret() -> None:
    deployment = signing(SIGNING)

    name = "prod-approvals-signing"
    assert deployment.inventory() == {
        ("breakglass:index:SlackSigningSecret", name),
        (SECRET, f"{name}-secret"),
        (VERSION, f"{name}-secret"),
    }
    assert deployment.get(SECRET, f"{name}-secret").inputs == {
        "name": f"breakglass-{name}",
        "description": "Signing secret of the Slack app by which break-glass access is approved.",
        "recoveryWindowInDays": 0,
        "region": REGION,
        "tags": TAGS,
    }
    version = deployment.get(VERSION, f"{name}-secret")
    assert version.inputs["secretString"] == SIGNING
    assert version.secrets == {"secretString"}
    in_clear = [{**each.inputs, "secretString": ""} for each in deployment.resources]
    assert SIGNING not in str([in_clear, deployment.outputs, deployment.registered_outputs, deployment.calls])


def test_existing_signing_secret_is_not_read() -> None:
    deployment = signing(existing="slack/signing")

    assert deployment.inventory() == {("breakglass:index:SlackSigningSecret", "prod-approvals-signing")}
    assert [call.token for call in deployment.calls] == ["aws:secretsmanager/getSecret:getSecret"]
    existing = "arn:aws:secretsmanager:eu-central-1:222222222222:secret:slack/signing-Pw53Lt"
    assert deployment.outputs == {"secret_arn": existing}


@pytest.mark.parametrize(
    "wrong", ["xoxb-1-a-bot-token-that-is-long-enough", f'{{"secret":"{SIGNING}"}}', f"{SIGNING}\n", ""]
)
def test_wrong_signing_secret_is_refused_unseen(wrong: str) -> None:
    with pytest.raises(pulumi.RunError, match="Not a signing secret") as refused:
        signing(wrong)

    assert not wrong or wrong not in str(refused.value)


def test_args_with_secret_hide_it_in_repr() -> None:
    assert SIGNING not in repr(SlackSigningSecretArgs(REGION, SIGNING, None, None, TAGS))


# --- uses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bus", [None, "breakglass-prod-hub"])
def test_every_rule_has_usage_recorder_as_second_target(bus: str | None) -> None:
    record = Transformer({"account": "$.account"}, '{"value":"<account>"}')

    def component() -> UseRecording:
        rule = RecordedRule("devops-break-glass", EvidencePath.portal, "rule", "arn:aws:sqs:letters", record, bus)
        args = UseRecordingArgs(
            REGION, [rule], "arn:aws:events:rule/breakglass-*", "recorder", "arn:aws:lambda:recorder"
        )
        return UseRecording("prod-approvals-uses", args)

    deployment = made(component)

    name = "prod-approvals-uses"
    assert deployment.inventory() == {
        ("breakglass:index:UseRecording", name),
        (PERMISSION, f"{name}-rules"),
        (TARGET, f"{name}-devops-break-glass-portal"),
    }
    assert deployment.get(PERMISSION, f"{name}-rules").inputs == {
        "statementId": "alert-path",
        "function": "recorder",
        "action": "lambda:InvokeFunction",
        "principal": "events.amazonaws.com",
        "sourceArn": "arn:aws:events:rule/breakglass-*",
        "region": REGION,
    }
    target = deployment.get(TARGET, f"{name}-devops-break-glass-portal")
    assert target.inputs == {
        "targetId": "record",
        "rule": "rule",
        "arn": "arn:aws:lambda:recorder",
        "inputTransformer": {"inputPaths": {"account": "$.account"}, "inputTemplate": '{"value":"<account>"}'},
        "retryPolicy": {"maximumEventAgeInSeconds": 86_400, "maximumRetryAttempts": 185},
        "deadLetterConfig": {"arn": "arn:aws:sqs:letters"},
        "region": REGION,
        **({"eventBusName": bus} if bus else {}),
    }
    assert target.create_first
    assert deployment.get(PERMISSION, f"{name}-rules").urn in target.depends_on
