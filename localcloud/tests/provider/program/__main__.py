"""A small program on the local cloud, with something of everything that the engine asks a provider."""

import json

import pulumi
import pulumi_aws as aws

REGION = "eu-central-1"


def declare_workflow(tags: dict[str, str], code: str, *, indexed_by: str, retention: int) -> None:
    """A function with an HTTP API, a state machine, a schedule, a table and logs.

    Args:
        tags: of what has tags.
        code: path of the function's ZIP file.
        indexed_by: the attribute that the table is indexed by.
        retention: days that logs are kept.
    """
    table = aws.dynamodb.Table(
        "table",
        name="engine-table",
        billing_mode="PAY_PER_REQUEST",
        hash_key="pk",
        attributes=[{"name": "pk", "type": "S"}, {"name": indexed_by, "type": "S"}],
        global_secondary_indexes=[
            {
                "name": f"by_{indexed_by}",
                "key_schemas": [{"attribute_name": indexed_by, "key_type": "HASH"}],
                "projection_type": "ALL",
            }
        ],
        ttl={"attribute_name": "ttl", "enabled": True},
        point_in_time_recovery={"enabled": True},
        server_side_encryption={"enabled": True},
        tags=tags,
        region=REGION,
    )
    logs = aws.cloudwatch.LogGroup("logs", name="/engine/function", retention_in_days=retention, region=REGION)
    services = {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}
    role = aws.iam.Role("role", name="engine-role", assume_role_policy=allow("sts:AssumeRole", "Principal", services))
    rights = allow("lambda:InvokeFunction", "Resource", "*")
    aws.iam.RolePolicy("rights", name="call", role=role.name, policy=rights)
    function = aws.lambda_.Function(
        "function",
        name="engine-function",
        code=pulumi.FileArchive(code),
        role=role.arn,
        handler="app.handler",
        runtime=aws.lambda_.Runtime.PYTHON3D13,
        architectures=["arm64"],
        environment={"variables": {"TABLE": table.name}},
        logging_config={"log_format": "JSON", "log_group": logs.name},
        tags=tags,
        region=REGION,
    )
    aws.lambda_.FunctionEventInvokeConfig(
        "asynchronous", function_name=function.name, maximum_retry_attempts=0, region=REGION
    )

    machine = aws.sfn.StateMachine(
        "machine",
        name="engine-machine",
        definition=function.arn.apply(call_function),
        role_arn=role.arn,
        logging_configuration={"level": "ERROR", "log_destination": pulumi.Output.concat(logs.arn, ":*")},
        tags=tags,
        region=REGION,
    )
    declare_api(tags, function)
    declare_schedule(function)
    pulumi.export("machineArn", machine.arn)


def allow(action: str, name: str, value: object) -> str:
    """A policy of one statement, with an element of this name."""
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, name: value}]})


def call_function(arn: str) -> str:
    """A state machine that hands its input to the function."""
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": arn, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        "End": True,
    }
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": "Call", "States": {"Call": task}})


def declare_api(tags: dict[str, str], function: aws.lambda_.Function) -> None:
    """One route, from `POST /slack` to the function."""
    api = aws.apigatewayv2.Api("api", name="engine-api", protocol_type="HTTP", tags=tags, region=REGION)
    integration = aws.apigatewayv2.Integration(
        "integration",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_uri=function.invoke_arn,
        payload_format_version="2.0",
        region=REGION,
    )
    aws.apigatewayv2.Route(
        "route",
        api_id=api.id,
        route_key="POST /slack",
        target=pulumi.Output.concat("integrations/", integration.id),
        region=REGION,
    )
    stage = aws.apigatewayv2.Stage(
        "stage",
        api_id=api.id,
        name="$default",
        auto_deploy=True,
        default_route_settings={"throttling_burst_limit": 20, "throttling_rate_limit": 10},
        region=REGION,
    )
    aws.lambda_.Permission(
        "api-permission",
        function=function.name,
        action="lambda:InvokeFunction",
        principal="apigateway.amazonaws.com",
        source_arn=pulumi.Output.concat(api.execution_arn, "/*/*"),
        region=REGION,
    )
    pulumi.export("url", stage.invoke_url)


def declare_schedule(function: aws.lambda_.Function) -> None:
    """A rule that calls the function once a day."""
    schedule = aws.cloudwatch.EventRule(
        "schedule", name="engine-schedule", schedule_expression="rate(1 day)", region=REGION
    )
    aws.cloudwatch.EventTarget(
        "schedule-target",
        rule=schedule.name,
        target_id="function",
        arn=function.arn,
        input=json.dumps({"scheduled": True}),
        region=REGION,
    )


config = pulumi.Config()
token = config.require_secret("token")
tags = {"team": config.get("team") or "platform"}

instances = aws.ssoadmin.get_instances_output(region=REGION)
group = aws.identitystore.get_group_output(
    identity_store_id=instances.identity_store_ids[0],
    alternate_identifier=aws.identitystore.GetGroupAlternateIdentifierArgs(
        unique_attribute=aws.identitystore.GetGroupAlternateIdentifierUniqueAttributeArgs(
            attribute_path="DisplayName", attribute_value="database-oncall"
        )
    ),
    region=REGION,
)
permission_set = aws.ssoadmin.PermissionSet(
    "set", instance_arn=instances.arns[0], name="engine-set", tags=tags, region=REGION
)
policy = aws.ssoadmin.PermissionSetInlinePolicy(
    "policy",
    instance_arn=instances.arns[0],
    permission_set_arn=permission_set.arn,
    inline_policy=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "events:*", "Resource": "*"}]}
    ),
    region=REGION,
)
aws.ssoadmin.AccountAssignment(
    "assignment",
    instance_arn=instances.arns[0],
    permission_set_arn=permission_set.arn,
    principal_id=group.group_id,
    principal_type="GROUP",
    target_id="222222222222",
    target_type="AWS_ACCOUNT",
    region=REGION,
    opts=pulumi.ResourceOptions(depends_on=[policy]),
)

secret = aws.secretsmanager.Secret("secret", name="engine-secret", recovery_window_in_days=0, tags=tags, region=REGION)
aws.secretsmanager.SecretVersion("version", secret_id=secret.id, secret_string=token, region=REGION)
connection = aws.cloudwatch.EventConnection(
    "connection",
    name="engine-connection",
    authorization_type="API_KEY",
    auth_parameters={"api_key": {"key": "Authorization", "value": pulumi.Output.concat("Bearer ", token)}},
    region=REGION,
)

# A parent changes the type in the URN of its children.
alarms = pulumi.ComponentResource("provider-program:index:Alarms", "alarms")
topic = aws.sns.Topic(
    "topic",
    name=config.get("topicName") or "engine-topic",
    tags=tags,
    region=REGION,
    opts=pulumi.ResourceOptions(parent=alarms),
)
rule = aws.cloudwatch.EventRule(
    "rule",
    name="engine-rule",
    event_pattern=json.dumps({"source": ["aws.sts"]}),
    state="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
    tags=tags,
    region=REGION,
)
aws.cloudwatch.EventTarget("target", rule=rule.name, target_id="topic", arn=topic.arn, region=REGION)

declare_workflow(
    tags,
    config.require("code"),
    indexed_by=config.get("indexedBy") or "person",
    retention=config.get_int("retention") or 30,
)
organization = aws.organizations.get_organization_output()

pulumi.export("managementAccount", organization.master_account_id)
pulumi.export("account", aws.get_caller_identity_output().account_id)
pulumi.export("token", token)
pulumi.export("topicArn", topic.arn)
