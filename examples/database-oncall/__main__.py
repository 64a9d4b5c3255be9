"""Break-glass access to databases, from a Pulumi program of your own instead of this repository's stack files.

Every day, the group `database-oncall` reads RDS. In an emergency it opens `devops-break-glass`, which may change and
restore databases for an hour, and every use of it is in Slack within seconds. In a larger organization, put
`permission_sets` into the account that owns Identity Center, and `alerts` into the accounts where the role is used.

To run it, add the package to the project by path or Git URL. It is on no registry: a package `breakglass` there is
another one. Store the Slack app's bot token (`pulumi config set --secret slackBotToken`), write your own channel,
accounts and addresses below, and run `pulumi up`.
"""

import pulumi

from breakglass import BreakGlass

REGION = "eu-central-1"
RESTORE_DATABASES = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "rds:CreateDBInstance",
                "rds:CreateDBSnapshot",
                "rds:DeleteDBInstance",
                "rds:DeleteDBSnapshot",
                "rds:ModifyDBInstance",
                "rds:RestoreDBInstanceFromDBSnapshot",
                "rds:RestoreDBInstanceToPointInTime",
            ],
            "Resource": "*",
        }
    ],
}
READ_DATABASES = "arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"

break_glass = BreakGlass(
    pulumi.get_stack(),
    {
        "slack_bot_token": pulumi.Config().require_secret("slackBotToken"),
        "permission_sets": {
            "region": REGION,
            "pairs": [
                {
                    "name": "devops",
                    "everyday": {"session_duration": "PT8H", "managed_policies": [READ_DATABASES]},
                    "break_glass": {
                        "description": "EMERGENCY: change and restore databases",
                        "managed_policies": [READ_DATABASES],
                        "inline_policy": RESTORE_DATABASES,
                    },
                    "assignments": [{"group": "database-oncall", "accounts": ["222222222222"]}],
                }
            ],
        },
        "alerts": {
            "region": REGION,
            "slack": {"channel": "C0123456789"},
            "post_mortem_url": "https://wiki.example.com/break-glass/post-mortem",
            "monitoring": {"emails": ["oncall@example.com"]},
        },
        "tags": {"team": "database-oncall"},
    },
)

pulumi.export("permissionSetArns", break_glass.permission_set_arns)
pulumi.export("dashboardUrl", break_glass.dashboard_url)
pulumi.export("topicArn", break_glass.topic_arn)
