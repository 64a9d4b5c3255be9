"""Every resource type and function of the stand-in against the emulators: life cycle and drift.

The provider runs in this process, so that each step can be looked at. Not shown here: what the engine does with the
answers (test_provider_engine.py), nor that AWS itself takes the calls.
"""

import asyncio
import http.client
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CreateRequest,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    InvokeRequest,
    ReadRequest,
    UpdateRequest,
)
from pulumi.runtime.proto import provider_pb2, status_pb2

from localcloud.cloud import REGION, RunningCloud
from localcloud.emulators.identity import ACCOUNTS
from localcloud.provider.aws import AwsCallError, poll
from localcloud.provider.protocol import CreatedButUnreadableError, StandIn, StandInError
from localcloud.provider.registry import FUNCTIONS, RESOURCE_TYPES
from localcloud.provider.server import init_failed
from localcloud.provider.values import UNKNOWN, FileArchive, Properties, decode, encode, secret_names
from localcloud.tests.emulators.machines import make_role

pytestmark = [pytest.mark.local, pytest.mark.usefixtures("aws_environment")]

ACCOUNT = "222222222222"
RDS_READ = "arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"
NONE: frozenset[str] = frozenset()


def document(action: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]})


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def attribute(name: str, kind: str = "S") -> Properties:
    return {"name": name, "type": kind}


def index(name: str, *keys: str) -> Properties:
    kinds = zip(keys, ("HASH", "RANGE"), strict=False)
    schemas = [{"attributeName": key, "keyType": kind} for key, kind in kinds]
    return {"name": name, "keySchemas": schemas, "projectionType": "ALL"}


def stack_template(retention: int) -> str:
    properties = {"QueueName": {"Ref": "Name"}, "MessageRetentionPeriod": retention}
    resources = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}}
    return json.dumps({"Parameters": {"Name": {"Type": "String"}}, "Resources": resources})


def machine(state: Properties) -> str:
    return json.dumps({"StartAt": "Only", "States": {"Only": state}})


def packed(path: Path, source: str) -> FileArchive:
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("app.py", source)
    return FileArchive(str(path))


# ----------------------------------------------------------------------------------------------------------------------
# The provider as the engine calls it
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Made:
    """A resource in the local cloud."""

    tok: str
    resource_id: str
    inputs: Properties
    state: Properties

    @property
    def urn(self) -> str:
        return urn(self.tok)


def urn(tok: str) -> str:
    return f"urn:pulumi:local::breakglass::{tok}::logical-name"


def wire(properties: Properties, secrets: frozenset[str] = NONE) -> dict[str, PropertyValue]:
    return PropertyValue.unmarshal_map(PropertyValue.marshal_map(encode(properties, secrets)))


def check(tok: str, inputs: Properties, old: Properties | None = None) -> tuple[Properties, list[tuple[str, str]]]:
    request = CheckRequest(urn(tok), wire(old or {}), wire(inputs), bytes(range(32)))
    response = asyncio.run(StandIn().check(request))
    failures = [(failure.property, failure.reason) for failure in response.failures or []]
    return decode(response.inputs or {}), failures


def checked(tok: str, inputs: Properties) -> Properties:
    filled, failures = check(tok, inputs)
    assert failures == []
    return filled


def create(tok: str, inputs: Properties) -> Made:
    filled = checked(tok, inputs)
    response = asyncio.run(StandIn().create(CreateRequest(urn(tok), wire(filled), 0, False)))
    assert response.resource_id
    return Made(tok, response.resource_id, filled, decode(response.properties))


def diff(made: Made, inputs: Properties) -> DiffResponse:
    return asyncio.run(StandIn().diff(DiffRequest(made.urn, made.resource_id, wire(made.state), wire(inputs), [])))


def read(made: Made) -> Made | None:
    request = ReadRequest(made.urn, made.resource_id, wire(made.state), wire(made.inputs))
    response = asyncio.run(StandIn().read(request))
    if response.resource_id is None:
        return None
    return Made(made.tok, response.resource_id, decode(response.inputs), decode(response.properties))


def update(made: Made, inputs: Properties) -> Made:
    request = UpdateRequest(made.urn, made.resource_id, wire(made.state), wire(inputs), 0, [], False)
    response = asyncio.run(StandIn().update(request))
    return Made(made.tok, made.resource_id, inputs, decode(response.properties))


def delete(made: Made) -> None:
    asyncio.run(StandIn().delete(DeleteRequest(made.urn, made.resource_id, wire(made.state), 0)))


def invoke(tok: str, arguments: Properties) -> dict[str, PropertyValue]:
    response = asyncio.run(StandIn().invoke(InvokeRequest(tok, wire(arguments))))
    assert response.failures == []
    return response.return_value or {}


# ----------------------------------------------------------------------------------------------------------------------
# One case for each resource type
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SharedResources:
    """Resources that the cases build on, created once."""

    instance: str
    store: str
    permission_set: str
    connection: str
    bus: str
    rule: str
    role: str
    queue_url: str
    topic: str
    secret: str
    code: FileArchive
    function: str
    api: str
    policy: str
    stack_set: str


@dataclass(frozen=True)
class Case:
    """A resource, a change that keeps it, and changes each of which makes a new one."""

    inputs: Properties
    changed: Properties = field(default_factory=dict)
    replacing: Properties = field(default_factory=dict)


def of_set(shared: SharedResources) -> Properties:
    return {"instanceArn": shared.instance, "permissionSetArn": shared.permission_set}


OTHER_SET = {"instanceArn": "arn:aws:sso:::instance/ssoins-x", "permissionSetArn": "arn:aws:sso:::permissionSet/x/y"}

CASES: dict[str, Callable[[SharedResources], Case]] = {
    "aws:ssoadmin/permissionSet:PermissionSet": lambda shared: Case(
        {"instanceArn": shared.instance, "name": "case", "description": "d", "tags": {"a": "1", "b": "1"}},
        {"description": "e", "sessionDuration": "PT2H", "relayState": "https://x.org/", "tags": {"b": "2", "c": "1"}},
        {"instanceArn": OTHER_SET["instanceArn"], "name": "other", "region": "eu-west-1"},
    ),
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": lambda shared: Case(
        {**of_set(shared), "managedPolicyArn": RDS_READ},
        {},
        {**OTHER_SET, "managedPolicyArn": f"{RDS_READ}2"},
    ),
    "aws:ssoadmin/customerManagedPolicyAttachment:CustomerManagedPolicyAttachment": lambda shared: Case(
        {**of_set(shared), "customerManagedPolicyReference": {"name": "boundary"}},
        {},
        {**OTHER_SET, "customerManagedPolicyReference": {"name": "boundary", "path": "/x/"}},
    ),
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": lambda shared: Case(
        {**of_set(shared), "inlinePolicy": document("events:*")},
        {"inlinePolicy": document("sqs:*")},
        OTHER_SET,
    ),
    "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment": lambda shared: Case(
        {**of_set(shared), "permissionsBoundary": {"customerManagedPolicyReference": {"name": "x", "path": "/p/"}}},
        {},
        {**OTHER_SET, "permissionsBoundary": {"managedPolicyArn": RDS_READ}},
    ),
    "aws:ssoadmin/accountAssignment:AccountAssignment": lambda shared: Case(
        {
            **of_set(shared),
            "principalId": "11111111-2222-3333-4444-555555555555",
            "principalType": "GROUP",
            "targetId": ACCOUNT,
            "targetType": "AWS_ACCOUNT",
        },
        {},
        {**OTHER_SET, "principalId": "p", "principalType": "USER", "targetId": "333333333333", "targetType": "OTHER"},
    ),
    "aws:secretsmanager/secret:Secret": lambda shared: Case(
        {"name": "case", "description": "d", "recoveryWindowInDays": 0, "tags": {"a": "1"}},
        {"description": None, "recoveryWindowInDays": 7, "tags": {"b": "1"}},
        {"name": "other"},
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": lambda shared: Case(
        {"secretId": shared.secret, "secretString": "s1"},
        {},
        {"secretId": "other", "secretString": "s2"},
    ),
    "aws:cloudwatch/eventConnection:EventConnection": lambda shared: Case(
        {
            "name": "case",
            "description": "d",
            "authorizationType": "API_KEY",
            "authParameters": {"apiKey": {"key": "Authorization", "value": "Bearer 1"}},
        },
        {"description": None, "authParameters": {"apiKey": {"key": "X-Token", "value": "2"}}},
        {"name": "other"},
    ),
    "aws:cloudwatch/eventApiDestination:EventApiDestination": lambda shared: Case(
        {
            "name": "case",
            "description": "d",
            "connectionArn": shared.connection,
            "httpMethod": "POST",
            "invocationEndpoint": "https://slack.com/api/chat.postMessage",
        },
        {"description": None, "invocationRateLimitPerSecond": 1, "invocationEndpoint": "https://example.com/"},
        {"name": "other"},
    ),
    "aws:cloudformation/stackSet:StackSet": lambda shared: Case(
        {
            "name": "case",
            "description": "d",
            "permissionModel": "SERVICE_MANAGED",
            "autoDeployment": {"enabled": True, "retainStacksOnAccountRemoval": False},
            "parameters": {"Name": "case"},
            "operationPreferences": {"failureTolerancePercentage": 100, "regionConcurrencyType": "PARALLEL"},
            "templateBody": stack_template(60),
            "tags": {"a": "1"},
        },
        {
            "description": "e",
            "capabilities": ["CAPABILITY_NAMED_IAM"],
            "managedExecution": {"active": True},
            "parameters": {"Name": "other"},
            "templateBody": stack_template(70),
            "tags": {"b": "1"},
        },
        {"name": "other", "autoDeployment": {"enabled": False}},
    ),
    "aws:cloudformation/stackInstances:StackInstances": lambda shared: Case(
        {
            "stackSetName": shared.stack_set,
            "deploymentTargets": {"organizationalUnitIds": ["ou-corp-workload"]},
            "operationPreferences": {"failureTolerancePercentage": 100, "concurrencyMode": "SOFT_FAILURE_TOLERANCE"},
            "regions": ["eu-central-1"],
        },
        {
            "deploymentTargets": {"organizationalUnitIds": ["ou-corp-sandbox1", "ou-corp-workload"]},
            "regions": ["us-east-1", "eu-central-1"],
        },
        {"stackSetName": "other"},
    ),
    "aws:cloudwatch/eventBus:EventBus": lambda shared: Case(
        {"name": "case", "description": "d", "tags": {"a": "1"}},
        {"description": None, "tags": {"b": "1"}},
        {"name": "other"},
    ),
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": lambda shared: Case(
        {"eventBusName": shared.bus, "policy": document("events:PutEvents")},
        {"policy": document("events:PutRule")},
        {"eventBusName": "other"},
    ),
    "aws:cloudwatch/eventRule:EventRule": lambda shared: Case(
        {"name": "case", "description": "d", "eventPattern": '{"source": ["aws.sts"]}', "tags": {"a": "1"}},
        {
            "description": "e",
            "eventPattern": '{"source": ["aws.sso"]}',
            "state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
            "tags": {"b": "1"},
        },
        {"name": "other", "eventBusName": "other"},
    ),
    "aws:cloudwatch/eventTarget:EventTarget": lambda shared: Case(
        {
            "rule": shared.rule,
            "targetId": "case",
            "arn": shared.topic,
            "roleArn": shared.role,
            "inputTransformer": {"inputPaths": {"who": "$.account"}, "inputTemplate": '{"text": "<who>"}'},
            "retryPolicy": {"maximumEventAgeInSeconds": 900, "maximumRetryAttempts": 185},
            "deadLetterConfig": {"arn": "arn:aws:sqs:eu-central-1:111111111111:dead"},
        },
        {
            "inputTransformer": {"inputPaths": {"by": "$.account"}, "inputTemplate": '{"text": "<by>"}'},
            "retryPolicy": {"maximumEventAgeInSeconds": 60, "maximumRetryAttempts": 0},
            "deadLetterConfig": None,
        },
        {"rule": "other", "targetId": "other", "eventBusName": "other"},
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": lambda shared: Case(
        {
            "name": "case",
            "logGroupName": "shared",
            "pattern": '{ $.eventName = "AssumeRole" }',
            "metricTransformation": {"name": "Uses", "namespace": "Breakglass", "value": "1"},
        },
        {
            "pattern": "{ $.errorCode NOT EXISTS }",
            "metricTransformation": {"name": "Others", "namespace": "Breakglass", "value": "2", "defaultValue": "0"},
        },
        {"name": "other", "logGroupName": "other"},
    ),
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": lambda shared: Case(
        {"policyName": "case", "policyDocument": document("logs:PutLogEvents")},
        {"policyDocument": document("logs:CreateLogStream")},
        {"policyName": "other"},
    ),
    "aws:cloudwatch/dashboard:Dashboard": lambda shared: Case(
        {"dashboardName": "case", "dashboardBody": json.dumps({"widgets": []})},
        {"dashboardBody": json.dumps({"widgets": [{"type": "text", "properties": {"markdown": "hello"}}]})},
        {"dashboardName": "other"},
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda shared: Case(
        {
            "name": "case",
            "comparisonOperator": "GreaterThanThreshold",
            "evaluationPeriods": 1,
            "threshold": 0,
            "namespace": "AWS/SQS",
            "metricName": "ApproximateNumberOfMessagesVisible",
            "dimensions": {"QueueName": "case"},
            "period": 60,
            "statistic": "Maximum",
            "alarmActions": ["arn:aws:sns:eu-central-1:111111111111:b", "arn:aws:sns:eu-central-1:111111111111:a"],
            "tags": {"a": "1"},
        },
        {"threshold": 2.5, "alarmActions": [], "alarmDescription": "d", "treatMissingData": "notBreaching", "tags": {}},
        {"name": "other"},
    ),
    "aws:sqs/queue:Queue": lambda shared: Case(
        {"name": "case", "messageRetentionSeconds": 1209600, "sqsManagedSseEnabled": True, "tags": {"a": "1"}},
        {"messageRetentionSeconds": 60, "sqsManagedSseEnabled": False, "tags": {"b": "1"}},
        {"name": "other"},
    ),
    "aws:sqs/queuePolicy:QueuePolicy": lambda shared: Case(
        {"queueUrl": shared.queue_url, "policy": document("sqs:SendMessage")},
        {"policy": document("sqs:ReceiveMessage")},
        {"queueUrl": "http://127.0.0.1/other"},
    ),
    "aws:sns/topic:Topic": lambda shared: Case(
        {"name": "case", "displayName": "d", "tags": {"a": "1"}},
        {"displayName": None, "tags": {"b": "1"}},
        {"name": "other"},
    ),
    "aws:sns/topicPolicy:TopicPolicy": lambda shared: Case(
        {"arn": shared.topic, "policy": document("sns:Publish")},
        {"policy": document("sns:Subscribe")},
        {"arn": "arn:aws:sns:eu-central-1:111111111111:other"},
    ),
    "aws:sns/topicSubscription:TopicSubscription": lambda shared: Case(
        {
            "topic": shared.topic,
            "protocol": "https",
            "endpoint": "https://pager.example/1",
            "endpointAutoConfirms": True,
        },
        {"endpointAutoConfirms": False},
        {"topic": "arn:aws:sns:eu-central-1:111111111111:other", "protocol": "sms", "endpoint": "+49"},
    ),
    "aws:iam/role:Role": lambda shared: Case(
        {"name": "case", "assumeRolePolicy": trust("events.amazonaws.com"), "description": "d", "tags": {"a": "1"}},
        {
            "assumeRolePolicy": trust("lambda.amazonaws.com"),
            "description": None,
            "tags": {"b": "1"},
        },
        {"name": "other"},
    ),
    "aws:iam/rolePolicy:RolePolicy": lambda shared: Case(
        {"role": shared.role.rsplit("/", 1)[-1], "name": "case", "policy": document("events:*")},
        {"policy": document("sqs:*")},
        {"role": "other", "name": "other"},
    ),
    "aws:dynamodb/table:Table": lambda shared: Case(
        {
            "name": "case",
            "billingMode": "PAY_PER_REQUEST",
            "hashKey": "pk",
            "rangeKey": "sk",
            "attributes": [attribute("pk"), attribute("sk"), attribute("person"), attribute("open")],
            "globalSecondaryIndexes": [index("by_person", "person"), index("open", "open", "sk")],
            "ttl": {"attributeName": "ttl", "enabled": True},
            "pointInTimeRecovery": {"enabled": True},
            "serverSideEncryption": {"enabled": True},
            "deletionProtectionEnabled": True,
            "tags": {"a": "1"},
        },
        {
            "attributes": [attribute("due", "N"), attribute("pk"), attribute("sk"), attribute("open")],
            "globalSecondaryIndexes": [index("open", "open", "due"), index("by_due", "due")],
            "ttl": {"attributeName": "until", "enabled": True},
            "pointInTimeRecovery": {"enabled": False},
            "serverSideEncryption": {"enabled": False},
            "deletionProtectionEnabled": False,
            "tags": {"b": "1"},
        },
        {"name": "other", "hashKey": "sk", "rangeKey": "pk"},
    ),
    "aws:lambda/function:Function": lambda shared: Case(
        {
            "name": "case",
            "code": shared.code,
            "role": shared.role,
            "handler": "app.handler",
            "runtime": "python3.13",
            "architectures": ["arm64"],
            "description": "d",
            "environment": {"variables": {"A": "1", "B": "1"}},
            "loggingConfig": {"logFormat": "JSON", "logGroup": "/breakglass/case"},
            "tags": {"a": "1"},
        },
        {
            "handler": "app.other",
            "memorySize": 256,
            "timeout": 10,
            "description": None,
            "environment": {"variables": {"B": "2"}},
            "loggingConfig": {"logFormat": "Text"},
            "tags": {"b": "1"},
        },
        {"name": "other"},
    ),
    "aws:lambda/permission:Permission": lambda shared: Case(
        {
            "statementId": "case",
            "function": shared.function,
            "action": "lambda:InvokeFunction",
            "principal": "events.amazonaws.com",
            "sourceArn": f"arn:aws:events:{REGION}:111111111111:rule/shared",
        },
        {},
        {
            "statementId": "other",
            "function": "other",
            "action": "lambda:GetFunction",
            "principal": "apigateway.amazonaws.com",
            "sourceArn": f"arn:aws:events:{REGION}:111111111111:rule/other",
        },
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": lambda shared: Case(
        {
            "functionName": shared.function,
            "maximumRetryAttempts": 0,
            "destinationConfig": {"onFailure": {"destination": f"arn:aws:sqs:{REGION}:111111111111:shared"}},
        },
        {"maximumRetryAttempts": 1, "maximumEventAgeInSeconds": 60, "destinationConfig": None},
        {"functionName": "other"},
    ),
    "aws:apigatewayv2/api:Api": lambda shared: Case(
        {"name": "case", "protocolType": "HTTP", "description": "d", "tags": {"a": "1"}},
        {"name": "case-renamed", "description": None, "tags": {"b": "1"}},
        {"protocolType": "WEBSOCKET"},
    ),
    "aws:apigatewayv2/integration:Integration": lambda shared: Case(
        {
            "apiId": shared.api,
            "integrationType": "AWS_PROXY",
            "integrationUri": shared.function,
            "payloadFormatVersion": "2.0",
            "timeoutMilliseconds": 5000,
        },
        {"integrationUri": f"{shared.function}-2", "timeoutMilliseconds": 3000},
        {"apiId": "other", "integrationType": "HTTP_PROXY"},
    ),
    "aws:apigatewayv2/route:Route": lambda shared: Case(
        {"apiId": shared.api, "routeKey": "POST /case", "target": "integrations/a"},
        {"routeKey": "POST /changed", "target": "integrations/b"},
        {"apiId": "other"},
    ),
    "aws:apigatewayv2/stage:Stage": lambda shared: Case(
        {
            "apiId": shared.api,
            "name": "case",
            "autoDeploy": True,
            "defaultRouteSettings": {"throttlingBurstLimit": 20, "throttlingRateLimit": 10},
            "accessLogSettings": {
                "destinationArn": f"arn:aws:logs:{REGION}:1:log-group:x",
                "format": "$context.status",
            },
            "tags": {"a": "1"},
        },
        {
            "autoDeploy": False,
            "defaultRouteSettings": {"throttlingBurstLimit": 5, "throttlingRateLimit": 2.5},
            "accessLogSettings": None,
            "tags": {"b": "1"},
        },
        {"apiId": "other", "name": "other"},
    ),
    "aws:sfn/stateMachine:StateMachine": lambda shared: Case(
        {
            "name": "case",
            "definition": machine({"Type": "Succeed"}),
            "roleArn": shared.role,
            "loggingConfiguration": {"level": "ERROR", "logDestination": f"arn:aws:logs:{REGION}:1:log-group:x:*"},
            "tags": {"a": "1"},
        },
        {
            "definition": machine({"Type": "Pass", "End": True}),
            "roleArn": f"{shared.role}-2",
            "loggingConfiguration": {"level": "ALL", "logDestination": f"arn:aws:logs:{REGION}:1:log-group:y:*"},
            "tags": {"b": "1"},
        },
        {"name": "other"},
    ),
    "aws:cloudwatch/logGroup:LogGroup": lambda shared: Case(
        {
            "name": "/breakglass/case",
            "retentionInDays": 30,
            "tags": {"a": "1"},
        },
        {"retentionInDays": 0, "tags": {"b": "1"}},
        {"name": "/breakglass/other"},
    ),
    "aws:organizations/policy:Policy": lambda shared: Case(
        {"name": "case", "content": document("events:*"), "description": "d", "tags": {"a": "1"}},
        {"name": "case-renamed", "content": document("sqs:*"), "description": None, "tags": {"b": "1"}},
        {"type": "TAG_POLICY"},
    ),
    "aws:organizations/policyAttachment:PolicyAttachment": lambda shared: Case(
        {"policyId": shared.policy, "targetId": ACCOUNT},
        {},
        {"policyId": "p-other", "targetId": "333333333333"},
    ),
}


OUTLIVES_ITS_DELETION = {
    "aws:cloudformation/stackInstances:StackInstances",
    "aws:secretsmanager/secretVersion:SecretVersion",
}
"""Goes with its StackSet or secret; pulumi-aws takes a set without instances for one in empty units."""


@pytest.fixture(scope="module")
def shared(cloud: RunningCloud, aws_environment: None, tmp_path_factory: pytest.TempPathFactory) -> SharedResources:
    sso, events, iam = cloud.client("sso-admin"), cloud.client("events"), cloud.client("iam")
    [instance] = sso.list_instances()["Instances"]
    permission_set = sso.create_permission_set(InstanceArn=instance["InstanceArn"], Name="shared")["PermissionSet"]
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer x"}}
    connection = events.create_connection(Name="shared", AuthorizationType="API_KEY", AuthParameters=key)
    events.put_rule(Name="shared", EventPattern='{"source": ["aws.sts"]}')
    events.create_event_bus(Name="shared")
    cloud.client("logs").create_log_group(logGroupName="shared")
    role = iam.create_role(RoleName="shared", AssumeRolePolicyDocument=trust("events.amazonaws.com"))
    code = packed(tmp_path_factory.mktemp("shared") / "shared.zip", "def handler(event, context):\n    return event\n")
    function = cloud.client("lambda").create_function(
        FunctionName="shared",
        Runtime="python3.13",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        Code={"ZipFile": Path(code.path).read_bytes()},
    )
    cloud.client("cloudformation").create_stack_set(
        StackSetName="shared",
        PermissionModel="SERVICE_MANAGED",
        TemplateBody=stack_template(60),
        Parameters=[{"ParameterKey": "Name", "ParameterValue": "shared-by-set"}],
    )
    return SharedResources(
        stack_set="shared",
        instance=instance["InstanceArn"],
        store=instance["IdentityStoreId"],
        permission_set=permission_set["PermissionSetArn"],
        connection=connection["ConnectionArn"],
        bus="shared",
        rule="shared",
        role=role["Role"]["Arn"],
        queue_url=cloud.client("sqs").create_queue(QueueName="shared")["QueueUrl"],
        topic=cloud.client("sns").create_topic(Name="shared")["TopicArn"],
        secret=cloud.client("secretsmanager").create_secret(Name="shared")["ARN"],
        code=code,
        function=function["FunctionArn"],
        api=cloud.client("apigatewayv2").create_api(Name="shared", ProtocolType="HTTP")["ApiId"],
        policy=cloud.client("organizations").create_policy(
            Name="shared", Content=document("events:*"), Description="", Type="SERVICE_CONTROL_POLICY"
        )["Policy"]["PolicySummary"]["Id"],
    )


def test_every_resource_type_has_a_case() -> None:
    assert CASES.keys() == RESOURCE_TYPES.keys()


@pytest.mark.parametrize("tok", CASES)
def test_a_resource_lives_and_dies(tok: str, shared: SharedResources) -> None:
    case, resource = CASES[tok](shared), RESOURCE_TYPES[tok]

    made = create(tok, case.inputs)
    assert made.state.keys() >= case.inputs.keys()
    assert diff(made, made.inputs).changes is False
    assert read(made) == made

    if case.changed:
        wanted = checked(tok, {**case.inputs, **case.changed})
        found = diff(made, wanted)
        assert set(found.diffs) == case.changed.keys()
        assert found.replaces == []
        made = update(made, wanted)
        assert diff(made, made.inputs).diffs == []
        assert read(made) == made

    delete(made)
    assert (read(made) is None) or tok in OUTLIVES_ITS_DELETION
    delete(made)
    assert case.replacing.keys() | {"region"} >= {name for name, item in resource.inputs.items() if item.replaces}


@pytest.mark.parametrize("tok", CASES)
def test_what_identifies_a_resource_replaces_it(tok: str, shared: SharedResources) -> None:
    case = CASES[tok](shared)
    made = Made(tok, "id", checked(tok, case.inputs), checked(tok, case.inputs))
    for name, value in case.replacing.items():
        assert diff(made, {**made.inputs, name: value}).replaces == [name]


@pytest.mark.parametrize("tok", CASES)
def test_a_preview_knows_the_inputs_and_none_of_the_outputs(tok: str, shared: SharedResources) -> None:
    case, resource = CASES[tok](shared), RESOURCE_TYPES[tok]
    inputs = checked(tok, case.inputs)
    response = asyncio.run(StandIn().create(CreateRequest(urn(tok), wire(inputs), 0, True)))
    outputs = decode(response.properties)
    assert response.resource_id is None
    assert {name: outputs[name] for name in inputs} == inputs
    assert all(outputs[name] == UNKNOWN for name in resource.computed)


@pytest.mark.parametrize("tok", CASES)
def test_an_unknown_input_is_refused_by_name(tok: str, shared: SharedResources) -> None:
    _, failures = check(tok, {**CASES[tok](shared).inputs, "surprise": 1})
    [(where, reason)] = failures
    assert where == "surprise"
    assert f"{tok} has no input `surprise`" in reason


# ----------------------------------------------------------------------------------------------------------------------
# Drift
# ----------------------------------------------------------------------------------------------------------------------


def test_a_rule_disabled_by_hand_is_found_and_repaired(cloud: RunningCloud) -> None:
    inputs = {"name": "drift", "eventPattern": '{"source": ["aws.sts"]}', "state": "ENABLED"}
    made = create("aws:cloudwatch/eventRule:EventRule", inputs)
    cloud.client("events").disable_rule(Name="drift")
    seen = read(made)
    assert seen is not None
    assert (seen.state["state"], seen.inputs["state"]) == ("DISABLED", "DISABLED")
    assert diff(seen, made.inputs).diffs == ["state"]
    update(seen, made.inputs)
    assert cloud.client("events").describe_rule(Name="drift")["State"] == "ENABLED"


def test_tags_and_texts_changed_by_hand_are_found(cloud: RunningCloud) -> None:
    made = create("aws:sns/topic:Topic", {"name": "drift", "tags": {"a": "1"}})
    sns = cloud.client("sns")
    sns.tag_resource(ResourceArn=made.resource_id, Tags=[{"Key": "b", "Value": "2"}])
    sns.set_topic_attributes(TopicArn=made.resource_id, AttributeName="DisplayName", AttributeValue="by hand")
    seen = read(made)
    assert seen is not None
    assert seen.inputs["tags"] == {"a": "1", "b": "2"}
    assert set(diff(seen, made.inputs).diffs) == {"tags", "displayName"}


def test_a_policy_rewritten_in_other_words_is_no_drift(cloud: RunningCloud, shared: SharedResources) -> None:
    made = create("aws:sqs/queuePolicy:QueuePolicy", {"queueUrl": shared.queue_url, "policy": document("sqs:*")})
    respelled = json.dumps(json.loads(document("sqs:*")), indent=2, sort_keys=True)
    cloud.client("sqs").set_queue_attributes(QueueUrl=shared.queue_url, Attributes={"Policy": respelled})
    assert read(made) == made


def test_a_target_removed_by_hand_is_gone(cloud: RunningCloud, shared: SharedResources) -> None:
    made = create(
        "aws:cloudwatch/eventTarget:EventTarget", {"rule": "shared", "targetId": "drift", "arn": shared.topic}
    )
    cloud.client("events").remove_targets(Rule="shared", Ids=["drift"])
    assert read(made) is None


def test_rule_moves_to_another_bus_old_one_first(cloud: RunningCloud, shared: SharedResources) -> None:
    tok, inputs = "aws:cloudwatch/eventRule:EventRule", {"name": "moved", "eventPattern": '{"source": ["aws.sts"]}'}
    made, wanted = create(tok, inputs), checked(tok, {**inputs, "eventBusName": shared.bus})
    found = diff(made, wanted)
    # As pulumi-aws does, unless the program's options say otherwise.
    assert (found.replaces, found.delete_before_replace) == (["eventBusName"], True)
    moved = create(tok, wanted)
    assert (made.resource_id, moved.resource_id) == ("moved", "shared/moved")
    delete(made)
    assert read(moved) == moved
    assert moved.state["arn"].endswith(":rule/shared/moved")


def test_target_moves_to_another_bus_new_one_first(cloud: RunningCloud, shared: SharedResources) -> None:
    cloud.client("events").put_rule(Name="shared", EventBusName="shared", EventPattern='{"source": ["aws.sts"]}')
    tok, inputs = "aws:cloudwatch/eventTarget:EventTarget", {"rule": "shared", "targetId": "m", "arn": shared.topic}
    made, wanted = create(tok, inputs), checked(tok, {**inputs, "eventBusName": shared.bus})
    found = diff(made, wanted)
    assert (found.replaces, found.delete_before_replace) == (["eventBusName"], False)
    moved = create(tok, wanted)
    delete(made)
    assert read(made) is None
    assert read(moved) == moved


def test_stack_instances_follow_their_regions_and_units(cloud: RunningCloud, shared: SharedResources) -> None:
    tok, production = "aws:cloudformation/stackInstances:StackInstances", "222222222222"
    targets = {"organizationalUnitIds": ["ou-corp-workload", "ou-corp-sandbox1"]}
    inputs = {"stackSetName": shared.stack_set, "deploymentTargets": targets, "regions": ["us-east-1", "us-west-2"]}
    made = create(tok, inputs)
    fewer = {"deploymentTargets": {"organizationalUnitIds": ["ou-corp-workload"]}, "regions": ["us-west-2"]}
    made = update(made, checked(tok, {**inputs, **fewer}))
    assert read(made) == made
    listed = cloud.client("cloudformation").list_stack_instances(StackSetName=shared.stack_set)["Summaries"]
    assert {each["Region"] for each in listed} == {"us-west-2"}
    assert production in {each["Account"] for each in listed}
    assert "555555555555" not in {each["Account"] for each in listed}
    delete(made)
    assert cloud.client("sqs", production, "us-west-2").list_queues().get("QueueUrls", []) == []


def test_operation_that_fails_names_account_and_reason(cloud: RunningCloud, shared: SharedResources) -> None:
    cloud.client("sqs", "555555555555", "eu-west-1").create_queue(QueueName="shared-by-set")
    targets = {"organizationalUnitIds": ["ou-corp-sandbox1"]}
    inputs = {"stackSetName": shared.stack_set, "deploymentTargets": targets, "regions": ["eu-west-1"]}
    with pytest.raises(StandInError, match=r"FAILED: 555555555555, eu-west-1: .*already exists"):
        create("aws:cloudformation/stackInstances:StackInstances", inputs)


def test_code_changed_by_hand_is_found(cloud: RunningCloud, shared: SharedResources, tmp_path: Path) -> None:
    made = create("aws:lambda/function:Function", {**of_function(shared), "name": "drift"})
    by_hand = Path(packed(tmp_path / "code.zip", "handler = print\n").path).read_bytes()
    cloud.client("lambda").update_function_code(FunctionName="drift", ZipFile=by_hand)
    seen = read(made)
    assert seen is not None
    assert diff(seen, made.inputs).diffs == ["codeSha256"]
    repaired = update(seen, made.inputs)
    assert repaired.state["codeSha256"] == made.state["codeSha256"]


# ----------------------------------------------------------------------------------------------------------------------
# The resources work together
# ----------------------------------------------------------------------------------------------------------------------


def of_function(shared: SharedResources) -> Properties:
    return {"code": shared.code, "role": shared.role, "handler": "app.handler", "runtime": "python3.13"}


def invoked(cloud: RunningCloud, name: str, event: Properties) -> Any:
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read())


def test_code_is_compared_by_its_content_not_its_path(
    cloud: RunningCloud, shared: SharedResources, tmp_path: Path
) -> None:
    tok, path = "aws:lambda/function:Function", tmp_path / "code.zip"
    source = "def handler(event, context):\n    return {}\n"
    code = packed(path, source.format("'first'"))
    inputs = {**of_function(shared), "name": "coded", "code": code}
    made = create(tok, inputs)
    assert invoked(cloud, "coded", {}) == "first"

    copied = FileArchive(str(path.rename(tmp_path / "copy.zip")))
    assert diff(made, checked(tok, {**inputs, "code": copied})).changes is False

    packed(path, source.format("'second'"))
    wanted = checked(tok, inputs)
    found = diff(made, wanted)
    assert (found.diffs, found.replaces) == (["codeSha256"], [])
    update(made, wanted)
    assert invoked(cloud, "coded", {}) == "second"


def test_a_function_sees_the_environment_of_its_last_update(
    cloud: RunningCloud, shared: SharedResources, tmp_path: Path
) -> None:
    tok = "aws:lambda/function:Function"
    code = packed(tmp_path / "code.zip", "import os\n\ndef handler(event, context):\n    return os.environ.get('A')\n")
    inputs = {**of_function(shared), "name": "environment", "code": code}
    made = create(tok, {**inputs, "environment": {"variables": {"A": "1"}}})
    assert invoked(cloud, "environment", {}) == "1"
    update(made, checked(tok, inputs))
    assert invoked(cloud, "environment", {}) is None


def test_a_route_of_an_api_leads_to_a_function(cloud: RunningCloud, shared: SharedResources) -> None:
    api = create("aws:apigatewayv2/api:Api", {"name": "routed", "protocolType": "HTTP"})
    integration = create(
        "aws:apigatewayv2/integration:Integration",
        {
            "apiId": api.resource_id,
            "integrationType": "AWS_PROXY",
            "integrationUri": shared.function,
            "payloadFormatVersion": "2.0",
        },
    )
    target = {"routeKey": "POST /slack", "target": f"integrations/{integration.resource_id}"}
    create("aws:apigatewayv2/route:Route", {"apiId": api.resource_id, **target})
    stage = create("aws:apigatewayv2/stage:Stage", {"apiId": api.resource_id, "name": "$default", "autoDeploy": True})
    assert stage.state["invokeUrl"] == f"{api.state['apiEndpoint']}/"
    assert api.state["executionArn"] == f"arn:aws:execute-api:{REGION}:111111111111:{api.resource_id}"

    answers = {}
    for method, path in (("POST", "/slack"), ("GET", "/slack"), ("POST", "/other")):
        connection = http.client.HTTPConnection(urlsplit(cloud.aws_url).netloc, timeout=30)
        connection.request(method, path, b"{}", {"Host": urlsplit(api.state["apiEndpoint"]).hostname or ""})
        answers[method, path] = (response := connection.getresponse()).status, response.read()
        connection.close()
    assert [status for status, _ in answers.values()] == [200, 404, 404]
    assert json.loads(answers["POST", "/slack"][1])["routeKey"] == "POST /slack"


def test_a_state_machine_calls_a_function(cloud: RunningCloud, shared: SharedResources) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": shared.function, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "End": True,
    }
    definition = json.dumps({"QueryLanguage": "JSONata", **json.loads(machine(task))})
    role = make_role(cloud, "calling", "states.amazonaws.com", {"Action": "lambda:InvokeFunction"})
    inputs = {"name": "calling", "definition": definition, "roleArn": role}
    made = create("aws:sfn/stateMachine:StateMachine", inputs)
    states = cloud.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=made.resource_id, input='{"a": 1}')["executionArn"]
    poll(
        "the execution",
        lambda: (states.describe_execution(executionArn=execution)["status"], ""),
        "SUCCEEDED",
        frozenset({"RUNNING"}),
    )
    assert json.loads(states.describe_execution(executionArn=execution)["output"]) == {"a": 1}


def test_a_rule_with_a_schedule_has_a_function_as_its_target(cloud: RunningCloud, shared: SharedResources) -> None:
    rule = create("aws:cloudwatch/eventRule:EventRule", {"name": "scheduled", "scheduleExpression": "rate(5 minutes)"})
    assert diff(rule, checked(rule.tok, {**rule.inputs, "scheduleExpression": "rate(1 hour)"})).replaces == []
    inputs = {"rule": "scheduled", "targetId": "reconciler", "arn": shared.function, "input": '{"reconcile": true}'}
    target = create("aws:cloudwatch/eventTarget:EventTarget", inputs)
    assert read(target) == target
    bare = update(target, checked(target.tok, {**target.inputs, "input": None}))
    assert "input" not in bare.state
    assert read(bare) == bare
    [told] = cloud.client("events").list_targets_by_rule(Rule="scheduled")["Targets"]
    assert told == {"Id": "reconciler", "Arn": shared.function}
    assert cloud.client("events").describe_rule(Name="scheduled")["ScheduleExpression"] == "rate(5 minutes)"


# ----------------------------------------------------------------------------------------------------------------------
# Refusals
# ----------------------------------------------------------------------------------------------------------------------


def test_rule_of_another_owner_is_not_taken_over(cloud: RunningCloud) -> None:
    cloud.client("events").put_rule(Name="theirs", EventPattern='{"source": ["aws.sts"]}')
    with pytest.raises(StandInError, match="PutRule: already exists: a rule theirs is on the default bus already"):
        create("aws:cloudwatch/eventRule:EventRule", {"name": "theirs", "eventPattern": '{"source": ["aws.sso"]}'})


def test_an_assignment_that_exists_is_not_taken_over(shared: SharedResources) -> None:
    tok = "aws:ssoadmin/accountAssignment:AccountAssignment"
    inputs = {**CASES[tok](shared).inputs, "principalId": "22222222-2222-2222-2222-222222222222"}
    made = create(tok, inputs)
    with pytest.raises(StandInError, match=r"GROUP 22222222-.* has it in 222222222222 already"):
        create(tok, inputs)
    delete(made)


def test_an_error_of_aws_names_operation_and_code() -> None:
    inputs = {"rule": "nobody-made-this", "targetId": "t", "arn": "arn:aws:sns:eu-central-1:111111111111:x"}
    with pytest.raises(StandInError, match="PutTargets: ResourceNotFoundException: "):
        create("aws:cloudwatch/eventTarget:EventTarget", inputs)


def test_botocore_refuses_a_bad_parameter_without_its_secret() -> None:
    key = {"key": "Authorization", "value": ["Bearer xoxb-very-secret"]}
    inputs = {"name": "bad", "authorizationType": "API_KEY", "authParameters": {"apiKey": key}}
    with pytest.raises(StandInError, match="CreateConnection: ParamValidationError") as caught:
        create("aws:cloudwatch/eventConnection:EventConnection", inputs)
    assert "very-secret" not in str(caught.value)
    assert "[secret]" in str(caught.value)


def test_resource_that_does_not_settle_keeps_its_id_in_the_state(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    tok = "aws:cloudwatch/eventConnection:EventConnection"

    def deauthorized(*_: object) -> None:
        raise AwsCallError("connection unsettled", "DEAUTHORIZED", "the key was refused")

    monkeypatch.setattr(type(RESOURCE_TYPES[tok]), "settle", deauthorized)
    key = {"apiKey": {"key": "Authorization", "value": "Bearer 1"}}
    with pytest.raises(CreatedButUnreadableError, match="DEAUTHORIZED: the key was refused") as caught:
        create(tok, {"name": "unsettled", "authorizationType": "API_KEY", "authParameters": key})
    assert cloud.client("events").describe_connection(Name="unsettled")["Name"] == "unsettled"

    status = status_pb2.Status.FromString(init_failed(caught.value))
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id == "unsettled"
    assert detail.reasons == ["connection unsettled: DEAUTHORIZED: the key was refused"]
    assert secret_names(PropertyValue.unmarshal_map(detail.properties)) == {"authParameters"}


def test_an_unknown_resource_type_is_refused_with_the_known_ones() -> None:
    _, failures = check("aws:ec2/vpc:Vpc", {})
    [(_, reason)] = failures
    assert "no resource type aws:ec2/vpc:Vpc; it serves aws:apigatewayv2/api:Api" in reason


def test_a_table_under_deletion_protection_is_not_deleted() -> None:
    tok = "aws:dynamodb/table:Table"
    keyed = {"hashKey": "pk", "attributes": [attribute("pk")], "billingMode": "PAY_PER_REQUEST"}
    made = create(tok, {**keyed, "name": "protected", "deletionProtectionEnabled": True})
    with pytest.raises(StandInError, match=r"DeleteTable: ValidationException: .*protected against deletion"):
        delete(made)
    assert read(made) == made
    delete(update(made, checked(tok, {**made.inputs, "deletionProtectionEnabled": False})))
    assert read(made) is None


@pytest.mark.parametrize("path", ["missing.zip", "folder"])
def test_code_that_is_no_zip_file_is_refused_before_creation(
    shared: SharedResources, tmp_path: Path, path: str
) -> None:
    inputs = {**of_function(shared), "name": "uncoded", "code": FileArchive(str(tmp_path / path))}
    _, failures = check("aws:lambda/function:Function", inputs)
    [(_, reason)] = failures
    assert reason.startswith("aws:lambda/function:Function: `code` ")


def test_import_is_refused() -> None:
    request = ReadRequest(urn("aws:sqs/queue:Queue"), "http://127.0.0.1/x", {}, {})
    with pytest.raises(StandInError, match="can't be imported"):
        asyncio.run(StandIn().read(request))


def test_unknown_provider_settings_are_refused() -> None:
    settings = {"region": REGION, "assumeRoles": "[]"}
    response = asyncio.run(StandIn().check_config(CheckRequest("", {}, wire(settings), b"")))
    assert [failure.property for failure in response.failures or []] == ["assumeRoles"]


# ----------------------------------------------------------------------------------------------------------------------
# Names, regions, secrets
# ----------------------------------------------------------------------------------------------------------------------


def test_a_name_the_program_leaves_out_is_made_once() -> None:
    inputs = checked("aws:sqs/queue:Queue", {})
    assert inputs["name"] == "logical-name-0001020"
    again, _ = check("aws:sqs/queue:Queue", {}, {"name": "logical-name-earlier"})
    assert again["name"] == "logical-name-earlier"


def test_a_replacement_under_the_same_name_is_deleted_first() -> None:
    inputs = checked("aws:organizations/policy:Policy", {"name": "p", "content": "{}"})
    made = Made("aws:organizations/policy:Policy", "p", inputs, inputs)
    other = {**inputs, "type": "TAG_POLICY"}
    assert diff(made, other).delete_before_replace is True
    assert diff(made, {**other, "name": "s"}).delete_before_replace is False
    assert diff(made, {**inputs, "description": "d"}).delete_before_replace is False


def test_region_of_a_resource_decides_where_it_is_made() -> None:
    here = create("aws:sns/topic:Topic", {"name": "region"})
    there = create("aws:sns/topic:Topic", {"name": "region", "region": "us-east-1"})
    assert here.resource_id.split(":")[3] == REGION
    assert there.resource_id.split(":")[3] == "us-east-1"


@pytest.mark.parametrize(
    ("tok", "name"),
    [
        ("aws:cloudwatch/eventConnection:EventConnection", "authParameters"),
        ("aws:secretsmanager/secretVersion:SecretVersion", "secretString"),
    ],
)
def test_secret_inputs_are_secret_even_if_given_in_clear(tok: str, name: str, shared: SharedResources) -> None:
    case = CASES[tok](shared)
    request = CheckRequest(urn(tok), {}, wire(case.inputs), bytes(32))
    inputs = asyncio.run(StandIn().check(request)).inputs or {}
    created = asyncio.run(StandIn().create(CreateRequest(urn(tok), inputs, 0, False)))
    resource_id = created.resource_id or ""
    seen = asyncio.run(StandIn().read(ReadRequest(urn(tok), resource_id, created.properties, inputs)))
    for properties in (inputs, created.properties, seen.properties, seen.inputs):
        assert secret_names(properties) == {name}
    asyncio.run(StandIn().delete(DeleteRequest(urn(tok), resource_id, created.properties, 0)))


def test_an_input_that_the_program_made_secret_stays_secret() -> None:
    tok = "aws:sns/topic:Topic"
    inputs = asyncio.run(
        StandIn().check(
            CheckRequest(urn(tok), {}, wire({"name": "s", "displayName": "d"}, frozenset({"displayName"})), b"0" * 32)
        )
    ).inputs
    created = asyncio.run(StandIn().create(CreateRequest(urn(tok), inputs or {}, 0, False)))
    assert secret_names(created.properties) == {"displayName"}


# ----------------------------------------------------------------------------------------------------------------------
# Functions
# ----------------------------------------------------------------------------------------------------------------------


def _group_id(cloud: RunningCloud, shared: SharedResources) -> str:
    groups = cloud.client("identitystore").list_groups(IdentityStoreId=shared.store)["Groups"]
    return next(group["GroupId"] for group in groups if group["DisplayName"] == "database-oncall")


def test_functions_answer_what_the_cloud_holds(cloud: RunningCloud, shared: SharedResources) -> None:
    store = {"identityStoreId": shared.store}
    by_name = {"uniqueAttribute": {"attributePath": "DisplayName", "attributeValue": "database-oncall"}}
    by_e_mail = {"uniqueAttribute": {"attributePath": "emails.value", "attributeValue": "ada.lovelace@example.com"}}
    secret = cloud.client("secretsmanager").create_secret(Name="functions", SecretString="s")
    answers: dict[str, Any] = {}
    calls: dict[str, Properties] = {
        "aws:index/getCallerIdentity:getCallerIdentity": {},
        "aws:ssoadmin/getInstances:getInstances": {"region": REGION},
        "aws:identitystore/getGroup:getGroup": {**store, "alternateIdentifier": by_name},
        "aws:identitystore/getUser:getUser": {**store, "alternateIdentifier": by_e_mail},
        "aws:identitystore/getGroupMemberships:getGroupMemberships": {**store, "groupId": _group_id(cloud, shared)},
        "aws:organizations/getOrganization:getOrganization": {},
        "aws:secretsmanager/getSecret:getSecret": {"name": "functions"},
        "aws:secretsmanager/getSecretVersion:getSecretVersion": {"secretId": "functions"},
    }
    for tok, arguments in calls.items():
        returned = invoke(tok, arguments)
        assert secret_names(returned) == FUNCTIONS[tok].secret_results
        answers[tok.split(":")[-1]] = decode(returned)

    assert len(answers) == len(FUNCTIONS)
    assert answers["getCallerIdentity"]["accountId"] == "111111111111"
    assert answers["getInstances"]["arns"] == [shared.instance]
    assert answers["getInstances"]["identityStoreIds"] == [shared.store]
    assert answers["getGroup"]["displayName"] == "database-oncall"
    group_id = answers["getGroup"]["groupId"]
    by_id = decode(invoke("aws:identitystore/getGroup:getGroup", {**store, "groupId": group_id}))
    assert by_id["displayName"] == "database-oncall"
    assert answers["getUser"]["userName"] == "ada.lovelace"
    for path, value in {"userName": "ada.lovelace", "emails.value": "ada.lovelace@example.com"}.items():
        identifier = {"uniqueAttribute": {"attributePath": path, "attributeValue": value}}
        found = decode(invoke("aws:identitystore/getUser:getUser", {**store, "alternateIdentifier": identifier}))
        assert found["userId"] == answers["getUser"]["userId"]
    members = [each["memberId"]["userId"] for each in answers["getGroupMemberships"]["groupMemberships"]]
    assert len(members) == 2
    assert answers["getUser"]["userId"] in members
    assert answers["getOrganization"]["masterAccountId"] == "111111111111"
    members = answers["getOrganization"]["nonMasterAccounts"]
    assert {account["id"]: account["name"] for account in members} == ACCOUNTS
    assert len(answers["getOrganization"]["accounts"]) == len(ACCOUNTS) + 1
    assert answers["getOrganization"]["enabledPolicyTypes"] == ["SERVICE_CONTROL_POLICY"]
    assert answers["getSecret"]["arn"] == secret["ARN"]
    assert answers["getSecretVersion"]["secretString"] == "s"


@pytest.mark.parametrize(
    ("tok", "arguments", "said"),
    [
        ("aws:ec2/getVpc:getVpc", {}, "no function aws:ec2/getVpc:getVpc; it serves aws:identitystore/getGroup"),
        ("aws:identitystore/getGroup:getGroup", {"identityStoreID": "d-1"}, "Did you mean `identityStoreId`?"),
    ],
)
def test_a_function_call_that_is_not_understood_is_refused(tok: str, arguments: Properties, said: str) -> None:
    response = asyncio.run(StandIn().invoke(InvokeRequest(tok, wire(arguments))))
    assert said in response.failures[0].reason


def test_a_group_that_does_not_exist_is_an_error_of_aws(shared: SharedResources) -> None:
    by_name = {"uniqueAttribute": {"attributePath": "DisplayName", "attributeValue": "nobody"}}
    arguments = {"identityStoreId": shared.store, "alternateIdentifier": by_name}
    with pytest.raises(StandInError, match="GetGroupId: ResourceNotFoundException"):
        invoke("aws:identitystore/getGroup:getGroup", arguments)


def test_metric_queries_of_an_alarm_are_read_back(shared: SharedResources) -> None:
    queries = [{"id": "q", "expression": "SUM(METRICS())", "returnData": True}]
    inputs = {"name": "math", "comparisonOperator": "GreaterThanThreshold", "evaluationPeriods": 1, "threshold": 1}
    made = create("aws:cloudwatch/metricAlarm:MetricAlarm", {**inputs, "metricQueries": queries})
    assert read(made) == made


def test_connection_has_the_arn_of_its_secret(shared: SharedResources) -> None:
    key = {"apiKey": {"key": "k", "value": "v"}}
    connection = {"name": "secretive", "authorizationType": "API_KEY", "authParameters": key}
    made = create("aws:cloudwatch/eventConnection:EventConnection", connection)
    assert ":secret:events!connection/secretive/" in made.state["secretArn"]
    assert read(made) == made
