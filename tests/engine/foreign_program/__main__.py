"""A Pulumi program that has nothing of this repository but the installed package.

It uses the components one by one, as a team does that has permission sets of its own and wants alerts for one of them:
some arguments are outputs of its own look-ups, and its own names and tags apply.
"""

import pulumi
import pulumi_aws as aws

import breakglass

REGION = "eu-central-1"

config = pulumi.Config()
channel = config.get("channel") or "C0123456789"

connection = breakglass.SlackConnection(
    "security",
    {"region": REGION, "bot_token": config.require_secret("slackBotToken"), "tags": {"owner": "security"}},
)
destination = breakglass.SlackDestination(
    "security",
    {
        "region": REGION,
        "connection_arn": connection.connection_arn,
        "post_message_url": config.get("postMessageUrl") or "https://slack.com/api/chat.postMessage",
    },
)
instances = aws.ssoadmin.get_instances_output(region=REGION)
pair = breakglass.PermissionSetPair(
    "storage",
    {
        "region": REGION,
        "instance_arn": instances.arns[0],
        "identity_store_id": instances.identity_store_ids[0],
        "name": "storage",
        "everyday": {"managed_policies": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]},
        "break_glass": {
            "inline_policy": {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": "s3:DeleteObject", "Resource": "arn:aws:s3:::backup/*"}],
            }
        },
    },
)
alert = breakglass.UsageAlert(
    "storage",
    {
        "region": REGION,
        "permission_set": "storage-break-glass",
        "target_arn": destination.destination_arn,
        "target_role_arn": destination.role_arn,
        "channel": channel,
        "evidence_paths": [breakglass.EvidencePath.session_start, breakglass.EvidencePath.denied],
    },
)
topics = breakglass.AlarmTopics(
    "security",
    {
        "region": REGION,
        "emails": ["security@example.com"],
        "pagers": {"pagerduty": config.require_secret("pager")},
    },
)
monitoring = breakglass.UsageMonitoring(
    "security",
    {
        "region": REGION,
        "watched": [
            {
                "permission_set": "storage-break-glass",
                "evidence_paths": [breakglass.EvidencePath.session_start, breakglass.EvidencePath.denied],
                "rule_names": alert.rule_names,
                "queue_name": alert.queue_name,
                "queue_arn": alert.queue_arn,
            }
        ],
        "connection_arn": connection.connection_arn,
        "destination_arn": destination.destination_arn,
        "topic_arn": topics.topic_arn,
    },
)

pulumi.export("breakGlassArn", pair.break_glass_arn)
pulumi.export("ruleNames", alert.rule_names)
pulumi.export("topicArn", topics.topic_arn)
