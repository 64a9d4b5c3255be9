"""A small program on the local cloud, with something of everything that the engine asks a provider."""

import json

import pulumi
import pulumi_aws as aws

REGION = "eu-central-1"
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

pulumi.export("account", aws.get_caller_identity_output().account_id)
pulumi.export("token", token)
pulumi.export("topicArn", topic.arn)
