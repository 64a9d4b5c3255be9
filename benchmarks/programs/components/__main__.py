"""`BreakGlass` with as many roles and accounts as the benchmark asks, the rest as in a production stack.

Principals and the Identity Center instance are given by id: a look-up would measure the emulator.
"""

import pulumi

import breakglass
from benchmarks.programs import usage
from benchmarks.programs.size import Size

usage.write_at_exit()
size = Size.of_environment()
region = "eu-central-1"
accounts = [f"{200_000_000_000 + index}" for index in range(size.accounts)]

everything = breakglass.BreakGlass(
    "bench",
    {
        "permission_sets": {
            "region": region,
            "instance_arn": "arn:aws:sso:::instance/ssoins-6904c3a1d5e0b7f2",
            "identity_store_id": "d-99670c2b41",
            "pairs": [
                {
                    "name": f"team{index}",
                    "everyday": {
                        "description": "Read-only access to RDS",
                        "session_duration": "PT8H",
                        "managed_policies": ["arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"],
                    },
                    "break_glass": {
                        "description": "EMERGENCY: change RDS databases",
                        "managed_policies": ["arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"],
                        "inline_policy": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {
                                    "Effect": "Allow",
                                    "Action": ["rds:CreateDBInstance", "rds:DeleteDBInstance", "rds:ModifyDBInstance"],
                                    "Resource": "arn:aws:rds:eu-central-1:*:db:*",
                                }
                            ],
                        },
                    },
                    "assignments": [
                        {"group_id": f"99670c2b41-{index:08}-0000-4000-8000-000000000000", "accounts": accounts}
                    ],
                }
                for index in range(size.roles)
            ],
        },
        "alerts": {
            "region": region,
            "slack": {"channel": "C0123456789"},
            "post_mortem_url": "https://wiki.example.com/break-glass/post-mortem",
            "monitoring": {"emails": ["oncall@example.com"]},
        },
        "slack_bot_token": pulumi.Output.secret("xoxb-000000000000-of-no-workspace"),
        "tags": {"environment": "benchmark"},
    },
)
pulumi.export("permissionSetArns", everything.permission_set_arns)
