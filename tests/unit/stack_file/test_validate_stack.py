"""Faults of a stack file and their reports.

Not proven here: that AWS and Slack accept what passes (tests/engine, docs/live-checks.md).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.alias_generators import to_snake

from breakglass.alerts.patterns import PATTERN_LIMIT, alert_rules, event_pattern, pattern_json
from breakglass.alerts.subjects import RoleSubject
from breakglass.errors import ConfigError, format_value
from breakglass.iam.documents import INLINE_POLICY_LIMIT, merge_inline, policy_size
from breakglass.iam.lint import LintContext
from breakglass.iam.protection import deny_statements, own_arns
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.check import check_stack, validate_stack
from breakglass.stack_file.policy_lint import lint_context
from breakglass.stack_file.report import validate
from breakglass.stack_file.rules import Known, tamper_subject
from breakglass.stack_file.stack import StackFile
from breakglass.stack_file.types import permission_set_of_role
from breakglass.vocabulary import ROLE_PATHS, AssignmentTarget, Delivery
from tests.unit.stack_file.stack_files import (
    ADMINISTRATOR,
    ALERTS,
    APPROVALS,
    ASSIGNMENT,
    BREAK_GLASS,
    ENCRYPTED,
    INLINE_POLICY,
    PAIR,
    READ_ONLY,
    SIGNING_SECRET,
    STACKS,
    STATEMENT,
    TOKEN,
    Keys,
    Scenario,
    assert_told,
    committed,
    keys_of,
    policy,
    problems,
    stack,
    stack_with_approvals,
    warnings,
)

PAGER = (*ALERTS, "monitoring", "pagers", "pagerduty")
PAIR_PATH = "breakglass:permissionSets.pairs[0]"
DOOR = (*ALERTS, "watch", "independentDoor")
USER = "arn:aws:iam::222222222222:user/break-glass-admin"
DEPLOYER = "arn:aws:iam::111111111111:role/deploy-pipeline"
DOOR_ROLE = "arn:aws:iam::111111111111:role/identity-center-is-down"
DOOR_USER = "arn:aws:iam::111111111111:user/break-glass-ada"
RESERVED_ROLE = (
    "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_{}_0123456789abcdef"
)


IN_US_EAST_1: list[tuple[Keys, object]] = [
    (("permissionSets",), None),
    ((*ALERTS, "region"), "us-east-1"),
    ((*ALERTS, "globalEventsStack"), None),
]

SCENARIOS = [
    # --- names
    Scenario(
        "a permission set's name has at most 32 characters",
        [((*BREAK_GLASS, "name"), "devops-break-glass-for-databases-x")],
        f"{PAIR_PATH}.breakGlass.name",
        "has 34 characters",
        "devops-break-glass-for-databases",
    ),
    Scenario(
        "a permission set's name is made of the alphabet of AWS",
        [((*PAIR, "name"), "dev ops")],
        f"{PAIR_PATH}.name",
        "letters, digits and _+=,.@-",
        "devops-break-glass",
    ),
    Scenario(
        "letters of other alphabets are not in a permission set's name",
        [((*ALERTS, "watch", "permissionSets"), ["administratör"])],
        "breakglass:alerts.watch.permissionSets[0]",
        "letters, digits",
        "managed elsewhere from the Identity Center console",
        value='"administratör"',
    ),
    Scenario(
        "the default name of a break-glass set has at most 32 characters, too",
        [((*PAIR, "name"), "database-administrators"), ((*BREAK_GLASS, "name"), None)],
        f"{PAIR_PATH}.name",
        "database-administrators-break-glass",
        "Add `name:` under `breakGlass:`",
        value='"database-administrators"',
    ),
    Scenario(
        "the everyday set does not begin like its break-glass set and an underscore",
        [((*PAIR, "name"), "devops-break-glass_everyday")],
        f"{PAIR_PATH}.breakGlass.name",
        "every usage of devops-break-glass_everyday",
        "Rename one of them",
        value='"devops-break-glass"',
    ),
    Scenario(
        "no set of another pair begins like a break-glass set and an underscore",
        [
            (
                ("permissionSets", "pairs", 1),
                {
                    "name": "devops-break-glass_2",
                    "everyday": {},
                    "breakGlass": {"name": "other", "inlinePolicy": policy("s3:GetObject")},
                },
            )
        ],
        f"{PAIR_PATH}.breakGlass.name",
        "AWSReservedSSO_<set>_<suffix>",
        "hyphen",
        value='"devops-break-glass"',
    ),
    Scenario(
        "no set that this program makes begins like a watched set and an underscore",
        [((*ALERTS, "watch", "permissionSets"), ["devops-break"]), ((*BREAK_GLASS, "name"), "devops-break_glass")],
        "breakglass:alerts.watch.permissionSets[0]",
        "every usage of devops-break_glass would also raise the alert for devops-break",
        "Rename devops-break_glass so that",
        value='"devops-break"',
    ),
    Scenario(
        "a role of Identity Center is no permission set's name",
        [((*ALERTS, "watch", "permissionSets"), ["AWSReservedSSO_DatabaseAdmin_0123456789abcdef"])],
        "breakglass:alerts.watch.permissionSets[0]",
        "the role that Identity Center created",
        "Write the permission set's name: DatabaseAdmin.",
        value='"AWSReservedSSO_DatabaseAdmin_0123456789abcdef"',
    ),
    Scenario(
        "a name with wrong characters is not advised to be shorter",
        [((*ALERTS, "watch", "permissionSets"), ["arn:aws:sso:::permissionSet/ssoins-1/ps-1"])],
        "breakglass:alerts.watch.permissionSets[0]",
        "letters, digits and _+=,.@-",
        "e.g. to devops-break-glass",
        value='"arn:aws:sso:::permissionSet/ssoins-1/ps-1"',
    ),
    Scenario(
        "a set is not watched when this file's pairs make an alert for it anyway",
        [((*ALERTS, "watch", "permissionSets"), ["devops-break-glass"])],
        "breakglass:alerts.watch.permissionSets[0]",
        "Duplicate permission set",
        "managed elsewhere",
        value='"devops-break-glass"',
    ),
    Scenario(
        "the two sets of a pair have two names",
        [((*BREAK_GLASS, "name"), "devops")],
        f"{PAIR_PATH}.breakGlass.name",
        "Two sets can't share a name",
        "its own name",
    ),
    Scenario(
        "a role is watched once",
        [((*ALERTS, "watch", "roles", 1), "arn:aws:iam::222222222222:role/emergency-operator")],
        "breakglass:alerts.watch.roles[1]",
        "emergency-operator-222222222222 already has an alert in this file",
        "Delete one",
    ),
    Scenario(
        "a role is watched once, with any path",
        [((*ALERTS, "watch", "roles", 1), "arn:aws:iam::222222222222:role/ops/emergency-operator")],
        "breakglass:alerts.watch.roles[1]",
        "already has an alert in this file",
        "unique in its account",
    ),
    Scenario(
        "a role and a permission set whose alerts would have the same resources are not watched both",
        [((*ALERTS, "watch", "permissionSets"), ["emergency-operator-222222222222"])],
        "breakglass:alerts.watch.roles[0]",
        "its own rules and queue",
        "Delete one",
        value='"arn:aws:iam::222222222222:role/emergency-operator"',
    ),
    Scenario(
        "a role made by Identity Center is watched by the name of its permission set",
        [
            (
                (*ALERTS, "watch", "roles", 0),
                "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_ops_0123456789abcdef",
            )
        ],
        "breakglass:alerts.watch.roles[0]",
        "another suffix",
        "watch.permissionSets",
    ),
    # --- root, users, the independent door
    Scenario(
        "a set has not the name of the alerts of root",
        [((*ALERTS, "watch", "permissionSets"), ["root-user"])],
        "breakglass:alerts.watch.permissionSets[0]",
        "every stack names other alerts root-user",
        "another name",
        value='"root-user"',
    ),
    Scenario(
        "a user has not the key of a role",
        [
            ((*ALERTS, "watch", "roles"), ["arn:aws:iam::222222222222:role/user-ada"]),
            ((*ALERTS, "watch", "users"), ["arn:aws:iam::222222222222:user/ada"]),
        ],
        "breakglass:alerts.watch.users[0]",
        "user-ada-222222222222 already has an alert in this file",
        "Delete one of the two",
        value='"arn:aws:iam::222222222222:user/ada"',
    ),
    Scenario(
        "a role of the independent door is not watched twice",
        [(DOOR, {"roles": ["arn:aws:iam::222222222222:role/emergency-operator"]})],
        "breakglass:alerts.watch.independentDoor.roles[0]",
        "already has an alert in this file",
        "Delete one of the two",
        value='"arn:aws:iam::222222222222:role/emergency-operator"',
    ),
    Scenario(
        "a user of the independent door is not watched twice",
        [((*ALERTS, "watch", "users"), [USER]), (DOOR, {"users": [USER]})],
        "breakglass:alerts.watch.independentDoor.users[0]",
        "already has an alert in this file",
        "Delete one of the two",
        value=f'"{USER}"',
    ),
    Scenario(
        "the independent door is a role or a user",
        [(DOOR, {"rehearseEvery": "P30D"})],
        "breakglass:alerts.watch.independentDoor",
        "neither a role nor a user",
        "`roles: [<ARN>]` or `users: [<ARN>]`",
    ),
    Scenario(
        "the independent door is rehearsed once a year at least",
        [(DOOR, {"users": [USER], "rehearseEvery": "P367D"})],
        "breakglass:alerts.watch.independentDoor.rehearseEvery",
        "from one day (P1D) to a year (P366D)",
        "P90D",
        value='"P367D"',
    ),
    Scenario(
        "root is no IAM user",
        [((*ALERTS, "watch", "users"), ["arn:aws:iam::222222222222:root"])],
        "breakglass:alerts.watch.users[0]",
        "the root user, not an IAM user",
        "`root: true`",
        value='"arn:aws:iam::222222222222:root"',
    ),
    Scenario(
        "a role is no IAM user",
        [((*ALERTS, "watch", "users"), ["arn:aws:iam::222222222222:role/operator"])],
        "breakglass:alerts.watch.users[0]",
        "an IAM role, not an IAM user",
        "Move the ARN to `roles`",
        value='"arn:aws:iam::222222222222:role/operator"',
    ),
    Scenario(
        "a user is watched by its ARN",
        [((*ALERTS, "watch", "users"), ["ada"])],
        "breakglass:alerts.watch.users[0]",
        "Not an IAM user ARN",
        "aws iam get-user",
        value='"ada"',
    ),
    Scenario(
        "a user in another partition is not seen",
        [((*ALERTS, "watch", "users"), ["arn:aws-cn:iam::222222222222:user/ada"])],
        "breakglass:alerts.watch.users[0]",
        "CloudTrail does not report the user's sign-in here",
        "arn:aws:",
        value='"arn:aws-cn:iam::222222222222:user/ada"',
    ),
    # --- tampering
    Scenario(
        "an empty value does not end the reports of tampering",
        [((*ALERTS, "tamper"), [])],
        "breakglass:alerts.tamper",
        "Expected false or a mapping, got a list",
        "false to report no tampering",
    ),
    Scenario(
        "true says nothing about tampering",
        [((*ALERTS, "tamper"), True)],
        "breakglass:alerts.tamper",
        "Expected false or a mapping, got true. Tampering is reported by default",
        "Delete the key",
    ),
    Scenario(
        "a key of the settings of tampering is not misspelt",
        [((*ALERTS, "tamper", "deployer"), [])],
        "breakglass:alerts.tamper.deployer",
        "Not a key of this section",
        "Did you mean deployers?",
    ),
    Scenario(
        "a deployer is named once",
        [((*ALERTS, "tamper", "deployers"), [DEPLOYER, DEPLOYER])],
        "breakglass:alerts.tamper.deployers[1]",
        "Duplicate entry",
        "Delete one",
        value=f'"{DEPLOYER}"',
    ),
    Scenario(
        "a deployer is a role, not its session",
        [((*ALERTS, "tamper", "deployers"), ["arn:aws:sts::111111111111:assumed-role/deploy-pipeline/run-1"])],
        "breakglass:alerts.tamper.deployers[0]",
        "each deployment would raise alerts",
        "role/deploy-pipeline",
        value='"arn:aws:sts::111111111111:assumed-role/deploy-pipeline/run-1"',
    ),
    Scenario(
        "an IAM user is no deployer",
        [((*ALERTS, "tamper", "deployers"), ["arn:aws:iam::111111111111:user/ada"])],
        "breakglass:alerts.tamper.deployers[0]",
        "Not an IAM role ARN",
        "let it assume a role",
        value='"arn:aws:iam::111111111111:user/ada"',
    ),
    Scenario(
        "a watched role is no deployer",
        [((*ALERTS, "tamper", "deployers"), ["arn:aws:iam::222222222222:role/emergency-operator"])],
        "breakglass:alerts.tamper.deployers[0]",
        "could remove the alerts unseen",
        "a role of its own",
        value='"arn:aws:iam::222222222222:role/emergency-operator"',
    ),
    Scenario(
        "a role of the independent door is no deployer",
        [(DOOR, {"roles": [DEPLOYER]})],
        "breakglass:alerts.tamper.deployers[0]",
        "could remove the alerts unseen",
        "a role of its own",
        value=f'"{DEPLOYER}"',
    ),
    Scenario(
        "the role of a break-glass set is no deployer",
        [((*ALERTS, "tamper", "deployers"), [RESERVED_ROLE.format("devops-break-glass")])],
        "breakglass:alerts.tamper.deployers[0]",
        "could remove the alerts unseen",
        "a role of its own",
        value=format_value(RESERVED_ROLE.format("devops-break-glass")).removesuffix("…"),
    ),
    Scenario(
        "deployers leave room in the event patterns",
        [((*ALERTS, "tamper", "deployers"), [f"{DEPLOYER}-{number}" for number in range(11)])],
        "breakglass:alerts.tamper.deployers",
        "The ARNs have 529 characters in all",
        "at most 500 characters",
        value=format_value([f"{DEPLOYER}-{number}" for number in range(11)]).removesuffix("…"),
    ),
    Scenario(
        "three other stacks are watched at most",
        [((*ALERTS, "tamper", "stacks"), ["a", "b", "c", "d"])],
        "breakglass:alerts.tamper.stacks",
        "Expected at most 3 entries, got 4",
        "Shorten the value",
    ),
    Scenario(
        "a deployer is in the stack's partition",
        [((*ALERTS, "tamper", "deployers"), ["arn:aws-cn:iam::111111111111:role/deploy-pipeline"])],
        "breakglass:alerts.tamper.deployers[0]",
        "the partition aws-cn",
        "arn:aws:",
        value='"arn:aws-cn:iam::111111111111:role/deploy-pipeline"',
    ),
    Scenario(
        "a trail is in the stack's partition",
        [((*ALERTS, "tamper", "trail"), "arn:aws-us-gov:cloudtrail:us-gov-west-1:111111111111:trail/all")],
        "breakglass:alerts.tamper.trail",
        "the partition aws-us-gov",
        "arn:aws:",
    ),
    Scenario(
        "a key is in the stack's partition",
        [((*ALERTS, "tamper", "keys"), ["arn:aws-cn:kms:cn-north-1:111111111111:key/1234abcd"])],
        "breakglass:alerts.tamper.keys[0]",
        "the partition aws-cn",
        "arn:aws:",
        value='"arn:aws-cn:kms:cn-north-1:111111111111:key/1234abcd"',
    ),
    Scenario(
        "a trail is no bucket",
        [((*ALERTS, "tamper", "trail"), "arn:aws:s3:::org-trail")],
        "breakglass:alerts.tamper.trail",
        "Not the name or ARN of a trail",
        "aws cloudtrail list-trails",
    ),
    Scenario(
        "a session policy is named by its ID",
        [*IN_US_EAST_1, ((*ALERTS, "tamper"), {"stacks": ["prod"], "sessionPolicy": "breakglass-prod-sessions"})],
        "breakglass:alerts.tamper.sessionPolicy",
        "Not the ID of a policy of AWS Organizations",
        "p-abcd1234",
        value='"breakglass-prod-sessions"',
    ),
    Scenario(
        "a session policy is watched in us-east-1",
        [((*ALERTS, "tamper"), {"deployers": [DEPLOYER], "stacks": ["prod"], "sessionPolicy": "p-abcd1234"})],
        "breakglass:alerts.tamper.sessionPolicy",
        "in us-east-1 only, and this stack is in eu-central-1",
        "Move it to a stack in us-east-1",
        value='"p-abcd1234"',
    ),
    Scenario(
        "a session policy has a stack that writes it",
        [*IN_US_EAST_1, ((*ALERTS, "tamper"), {"sessionPolicy": "p-abcd1234"})],
        "breakglass:alerts.tamper.sessionPolicy",
        "each end of access would be reported as tampering",
        "stacks: [<name of the stack with approvals>]",
        value='"p-abcd1234"',
    ),
    Scenario(
        "another stack is named without its project",
        [((*ALERTS, "tamper", "stacks"), ["acme/breakglass/prod"])],
        "breakglass:alerts.tamper.stacks[0]",
        "Not the name of a Pulumi stack",
        "without organization and project",
        value='"acme/breakglass/prod"',
    ),
    Scenario(
        "the stack in us-east-1 names no stack for global events",
        [
            (("permissionSets", "region"), "us-east-1"),
            ((*ALERTS, "region"), "us-east-1"),
            ((*ALERTS, "globalEventsStack"), "prod-us-east-1"),
        ],
        "breakglass:alerts.globalEventsStack",
        "itself in the region of the global events",
        "Delete `globalEventsStack`",
    ),
    # --- sessions
    Scenario(
        "a session lasts an hour at least",
        [((*PAIR, "everyday", "sessionDuration"), "PT30M")],
        f"{PAIR_PATH}.everyday.sessionDuration",
        "from one hour (PT1H) to twelve hours (PT12H)",
        "PT1H",
    ),
    Scenario(
        "a session lasts twelve hours at most",
        [((*PAIR, "everyday", "sessionDuration"), "PT13H")],
        f"{PAIR_PATH}.everyday.sessionDuration",
        "twelve hours",
        "PT1H",
    ),
    Scenario(
        "a session duration is written in ISO 8601",
        [((*PAIR, "everyday", "sessionDuration"), "8h")],
        f"{PAIR_PATH}.everyday.sessionDuration",
        "ISO 8601",
        "PT90M",
    ),
    Scenario(
        "a break-glass session over an hour is a decision with a reason",
        [((*BREAK_GLASS, "sessionDuration"), "PT2H")],
        f"{PAIR_PATH}.breakGlass.sessionDuration",
        "does not end it",
        "`allowLongSession: true` and `longSessionReason:",
    ),
    Scenario(
        "the decision for a long break-glass session is not enough without its reason",
        [((*BREAK_GLASS, "sessionDuration"), "PT61M"), ((*BREAK_GLASS, "allowLongSession"), True)],
        f"{PAIR_PATH}.breakGlass.sessionDuration",
        "does not end it",
        "longSessionReason",
        value='"PT61M"',
    ),
    Scenario(
        "a blank is no reason for a long break-glass session",
        [
            ((*BREAK_GLASS, "sessionDuration"), "PT2H"),
            ((*BREAK_GLASS, "allowLongSession"), True),
            ((*BREAK_GLASS, "longSessionReason"), "  \n"),
        ],
        f"{PAIR_PATH}.breakGlass.longSessionReason",
        "The reason is blank",
        "Write a sentence",
    ),
    # --- assignments
    Scenario(
        "an account id without quotes is a number that may have lost its zero",
        [((*ASSIGNMENT, "accounts", 0), 12345678901)],
        f"{PAIR_PATH}.assignments[0].accounts[0]",
        "A leading zero is lost",
        '"012345678901"',
    ),
    Scenario(
        "an account id without quotes that kept its digits is given back in quotes",
        [((*ASSIGNMENT, "accounts", 0), 222222222222)],
        f"{PAIR_PATH}.assignments[0].accounts[0]",
        "YAML reads an account ID without quotes as a number",
        '"222222222222"',
    ),
    Scenario(
        "an account id has twelve digits",
        [((*ASSIGNMENT, "accounts", 0), "2222-2222-2222")],
        f"{PAIR_PATH}.assignments[0].accounts[0]",
        "exactly twelve digits",
        '"111122223333"',
    ),
    Scenario(
        "an assignment has a principal",
        [((*ASSIGNMENT, "group"), None)],
        f"{PAIR_PATH}.assignments[0]",
        "got none",
        "`group: database-oncall`",
        value='{"accounts": ["222222222222"]}',
    ),
    Scenario(
        "an assignment is for one principal",
        [((*ASSIGNMENT, "user"), "ada")],
        f"{PAIR_PATH}.assignments[0]",
        "got group and user",
        "its own list entry",
        value='{"group": "database-oncall", "accounts": ["222222222222"], "user": "ada"}',
    ),
    Scenario(
        "an assignment is for some account",
        [((*ASSIGNMENT, "accounts"), [])],
        f"{PAIR_PATH}.assignments[0].accounts",
        "at least one entry",
        '["111122223333"]',
    ),
    Scenario(
        "a principal gets a permission set in an account once",
        [
            (
                (*PAIR, "assignments", 1),
                {"group": "database-oncall", "accounts": ["333333333333", "222222222222"], "sets": ["breakGlass"]},
            )
        ],
        f"{PAIR_PATH}.assignments[1].accounts[1]",
        "an earlier entry gives the same principal",
        "Delete the account",
        value='"222222222222"',
    ),
    Scenario(
        "there is no third set in a pair",
        [((*ASSIGNMENT, "sets"), ["breakglass"])],
        f"{PAIR_PATH}.assignments[0].sets[0]",
        "Not an allowed value",
        "Did you mean breakGlass?",
        value='"breakglass"',
    ),
    # --- policies
    Scenario(
        "administrator access needs to be acknowledged",
        [((*BREAK_GLASS, "managedPolicies"), [ADMINISTRATOR])],
        f"{PAIR_PATH}.breakGlass.managedPolicies[0]",
        "everything",
        "administrator-access",
        value=f'"{ADMINISTRATOR}"',
    ),
    Scenario(
        "only AWS's own policies are attached by ARN",
        [((*BREAK_GLASS, "managedPolicies"), ["arn:aws:iam::222222222222:policy/rds"])],
        f"{PAIR_PATH}.breakGlass.managedPolicies[0]",
        "AWS managed policy",
        "customerManagedPolicies",
        value='"arn:aws:iam::222222222222:policy/rds"',
    ),
    Scenario(
        "a policy as text is JSON",
        [(INLINE_POLICY, "{Version:")],
        f"{PAIR_PATH}.breakGlass.inlinePolicy",
        "Not valid JSON",
        "Correct the JSON",
    ),
    Scenario(
        "a policy has statements",
        [(INLINE_POLICY, {"Version": "2012-10-17"})],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement",
        "allows nothing",
        "Statement: [",
        value="(missing)",
    ),
    Scenario(
        "a policy's version is in quotes",
        [((*INLINE_POLICY, "Version"), "2012-10-17T00:00:00Z")],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Version",
        "YAML reads a date without quotes as a time",
        'Version: "2012-10-17"',
    ),
    Scenario(
        "a statement has an effect",
        [((*STATEMENT, "Effect"), "allow")],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Effect",
        "case matters",
        "Effect: Allow",
    ),
    Scenario(
        "an action names its service",
        [((*STATEMENT, "Action"), ["CreateDBSnapshot"])],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Action[0]",
        "Not a valid action of an IAM policy",
        "rds:CreateDBSnapshot",
        value='"CreateDBSnapshot"',
    ),
    Scenario(
        "of many actions the wrong one is told with its index",
        [
            (
                (*STATEMENT, "Action"),
                [*(f"ec2:Describe{number}" for number in range(98)), "rds.CopyDBSnapshot", "ec2:DescribeTags"],
            )
        ],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Action[98]",
        "Not a valid action of an IAM policy",
        "rds:CreateDBSnapshot",
        value='"rds.CopyDBSnapshot"',
    ),
    Scenario(
        "of many values of a condition key the wrong one is told with its index",
        [
            (
                (*STATEMENT, "Condition"),
                {"StringEquals": {"aws:RequestedRegion": ["eu-central-1"] * 9 + [{"eu": "west"}]}},
            )
        ],
        f'{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Condition.StringEquals["aws:RequestedRegion"][9]',
        "got a mapping",
        "StringEquals",
        value='{"eu": "west"}',
    ),
    Scenario(
        "a list of actions is not empty",
        [((*STATEMENT, "Action"), [])],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Action",
        "The list is empty",
        "rds:CreateDBSnapshot",
    ),
    Scenario(
        "a placeholder of a template is no policy variable",
        [((*STATEMENT, "Resource"), ["*", "arn:aws:iam::222222222222:role/${role_namespace}/*"])],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Resource[1]",
        "Not an IAM policy variable: `${role_namespace}`",
        "${aws:username}",
        value='"arn:aws:iam::222222222222:role/${role_namespace}/*"',
    ),
    Scenario(
        "a policy variable does not stand before the fifth colon",
        [((*STATEMENT, "Resource"), "arn:aws:rds:*:${aws:PrincipalAccount}:db:*")],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Resource",
        "Not valid before the fifth colon of an ARN: `${aws:PrincipalAccount}`",
        "the account ID",
    ),
    Scenario(
        "a placeholder does not stand in a condition",
        [((*STATEMENT, "Condition"), {"StringEquals": {"aws:SourceVpc": "<VPC_ID>"}})],
        f'{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Condition.StringEquals["aws:SourceVpc"]',
        "Not an IAM policy variable: `<VPC_ID>`",
        "Write the value itself",
        value='"<VPC_ID>"',
    ),
    Scenario(
        "a placeholder does not stand in the name of a condition key",
        [((*STATEMENT, "Condition"), {"StringEquals": {"aws:ResourceTag/${TagKey}": "emergency"}})],
        f'{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Condition.StringEquals["aws:ResourceTag/${{TagKey}}"]',
        "which IAM does not replace",
        "aws:ResourceTag/team",
        value='"aws:ResourceTag/${TagKey}"',
    ),
    Scenario(
        "a policy in JSON has no NaN",
        [(INLINE_POLICY, None), (INLINE_POLICY, '{"Version": NaN, "Statement": []}')],
        f"{PAIR_PATH}.breakGlass.inlinePolicy",
        "JSON has no NaN",
        "Correct the JSON",
    ),
    Scenario(
        "no policy in JSON has a condition operator twice",
        [
            (INLINE_POLICY, None),
            (
                INLINE_POLICY,
                '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "rds:*", "Resource": "*",\n'
                '"Condition": {"StringEquals": {"aws:ResourceTag/tier": "1"},\n'
                '"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}}]}',
            ),
        ],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Condition.StringEquals",
        "Duplicate key, in lines 2 and 3 of the policy",
        "a condition operator takes several keys",
        value='"StringEquals"',
    ),
    Scenario(
        "a permission set's policy has no principal",
        [((*STATEMENT, "Principal"), "*")],
        f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Principal",
        "applies to the users of the set's role",
        "Effect",
    ),
    Scenario(
        "a policy file exists",
        [(INLINE_POLICY, None), ((*BREAK_GLASS, "inlinePolicyFile"), "policies/devops.json")],
        f"{PAIR_PATH}.breakGlass.inlinePolicyFile",
        f"policies/devops.json in {STACKS}",
        "relative to the folder of the stack file",
    ),
    Scenario(
        "a permission set has one inline policy",
        [((*BREAK_GLASS, "inlinePolicyFile"), "policies/devops-break-glass.json")],
        f"{PAIR_PATH}.breakGlass.inlinePolicyFile",
        "one of them would be lost",
        "either `inlinePolicy` or `inlinePolicyFile`",
    ),
    Scenario(
        "a permissions boundary is one policy",
        [((*BREAK_GLASS, "permissionsBoundary"), {})],
        f"{PAIR_PATH}.breakGlass.permissionsBoundary",
        "exactly one policy",
        "managedPolicyArn",
    ),
    Scenario(
        "a policy is attached once",
        [((*PAIR, "everyday", "managedPolicies"), [READ_ONLY, READ_ONLY])],
        f"{PAIR_PATH}.everyday.managedPolicies[1]",
        "Duplicate entry",
        "Delete one",
        value=f'"{READ_ONLY}"',
    ),
    Scenario(
        "a permission set has at most 20 managed policies",
        [((*PAIR, "everyday", "customerManagedPolicies"), [{"name": f"policy-{number}"} for number in range(20)])],
        f"{PAIR_PATH}.everyday.customerManagedPolicies[19]",
        "has 21 managed policies",
        "Join policies",
        value='{"name": "policy-19"}',
    ),
    Scenario(
        "a description has no long dash, which Identity Center refuses",
        [((*PAIR, "everyday", "description"), "RDS — read-only")],
        f"{PAIR_PATH}.everyday.description",
        "Latin-1",
        "plain punctuation",
    ),
    # --- alerts
    Scenario(
        "a channel is given by its ID",
        [((*ALERTS, "slack", "channel"), "#break-glass")],
        "breakglass:alerts.slack.channel",
        "A channel's name can change",
        "copy the channel ID",
    ),
    Scenario(
        "an alert does not go to one person",
        [((*ALERTS, "slack", "channel"), "D0123456789")],
        "breakglass:alerts.slack.channel",
        "Only one person reads a direct message",
        "C0123456789",
    ),
    Scenario(
        "an evidence path exists",
        [((*ALERTS, "evidencePaths"), ["session_start", "protal"])],
        "breakglass:alerts.evidencePaths[1]",
        "Not an allowed value",
        "Did you mean portal?",
        value='"protal"',
    ),
    Scenario(
        "a plain role is watched on some path",
        [((*ALERTS, "evidencePaths"), ["portal"])],
        "breakglass:alerts.watch.roles[0]",
        "never shows up on the evidence path `portal`",
        "Add session_start",
        value='"arn:aws:iam::222222222222:role/emergency-operator"',
    ),
    Scenario(
        "a schedule of drills has something to drill",
        [
            (("permissionSets",), None),
            ((*ALERTS, "watch"), {"root": False, "users": ["arn:aws:iam::222222222222:user/break-glass-admin"]}),
            ((*ALERTS, "drills"), {"every": "P7D"}),
        ],
        "breakglass:alerts.drills",
        "would send nothing",
        "a drill of root",
    ),
    Scenario(
        "alerts watch something",
        [(("permissionSets",), None), ((*ALERTS, "monitoring"), None), ((*ALERTS, "watch"), {"root": False})],
        "breakglass:alerts.watch",
        "watches nothing",
        "Delete `root: false`",
    ),
    Scenario(
        "a stack has something to deploy",
        [(("permissionSets",), None), (("alerts",), None), (("slackBotToken",), None)],
        "breakglass:",
        "nothing to deploy",
        "breakglass:permissionSets",
        value='{"tags": {"team": "platform"}}',
    ),
    Scenario(
        "the post-mortem page is reached by TLS",
        [((*ALERTS, "postMortemUrl"), "http://wiki.example.com/post-mortem")],
        "breakglass:alerts.postMortemUrl",
        "in clear",
        "https://wiki.example.com/post-mortem",
    ),
    Scenario(
        "the post-mortem page is not protected by a password in its address",
        [((*ALERTS, "postMortemUrl"), "https://me:pw@wiki.example.com/post-mortem")],
        "breakglass:alerts.postMortemUrl",
        "user name or password",
        "https://wiki.example.com/post-mortem",
    ),
    Scenario(
        "the second channel has a reader",
        [((*ALERTS, "monitoring"), {"alertsByEmail": True})],
        "breakglass:alerts.monitoring.alertsByEmail",
        "there is no address",
        "emails:",
        value="true",
    ),
    Scenario(
        "delivery is one of two ways",
        [((*ALERTS, "delivery"), "confirm")],
        "breakglass:alerts.delivery",
        "Not an allowed value",
        "Did you mean confirmed?",
    ),
    Scenario(
        "confirmed delivery has a second channel",
        [((*ALERTS, "delivery"), "confirmed"), ((*ALERTS, "monitoring"), {})],
        "breakglass:alerts.delivery",
        "the alert would be lost",
        "emails: [oncall@example.com]",
        value='"confirmed"',
    ),
    Scenario(
        "the address of a pager is encrypted",
        [(PAGER, "https://events.example.com/not-to-be-seen")],
        "breakglass:alerts.monitoring.pagers.pagerduty",
        "The address of this pager is not encrypted",
        "pulumi config set --secret --path 'breakglass:alerts.monitoring.pagers.NAME'",
        value='"(not shown)"',
    ),
    Scenario(
        "pagers have names",
        [((*ALERTS, "monitoring", "pagers"), "https://events.example.com/not-to-be-seen")],
        "breakglass:alerts.monitoring.pagers",
        "Expected a mapping from names to addresses",
        "pulumi config set --secret --path 'breakglass:alerts.monitoring.pagers.NAME'",
        value='"(not shown)"',
    ),
    Scenario(
        "a misspelt key of pagers shows no address",
        [((*ALERTS, "monitoring", "pager"), {"pagerduty": "https://events.example.com/not-to-be-seen"})],
        "breakglass:alerts.monitoring.pager",
        "Not a key of this section",
        "Did you mean pagers?",
        value="(not shown)",
    ),
    Scenario(
        "a misspelt key of a secret shows no secret",
        [(("slackSigninSecret",), SIGNING_SECRET)],
        "breakglass:slackSigninSecret",
        "Not a key of this section",
        "Did you mean slackSigningSecret?",
        value="(not shown)",
    ),
    Scenario(
        "a pager's name is plain",
        [((*ALERTS, "monitoring", "pagers"), {"PagerDuty": ENCRYPTED})],
        "breakglass:alerts.monitoring.pagers.PagerDuty",
        "Not the name of a pager",
        "e.g. pagerduty",
        value='"PagerDuty"',
    ),
    Scenario(
        "the probe runs at most every five minutes",
        [((*ALERTS, "probe"), "PT4M")],
        "breakglass:alerts.probe",
        "from five minutes (PT5M) to one hour (PT1H)",
        "Write PT15M",
    ),
    Scenario(
        "the probe is off by name",
        [((*ALERTS, "probe"), False)],
        "breakglass:alerts.probe",
        "nothing reports that Slack refuses alerts",
        "Write PT15M",
    ),
    Scenario(
        "drills are true, false or an interval",
        [((*ALERTS, "drills"), "P7D")],
        "breakglass:alerts.drills",
        "Expected true, false or an interval",
        "{every: P7D}",
    ),
    Scenario(
        "drills have no other key than their interval",
        [((*ALERTS, "drills"), {"every": "P7D", "at": "09:00"})],
        "breakglass:alerts.drills",
        "Expected true, false or an interval",
        "{every: P7D}",
    ),
    Scenario(
        "drills come at least once in seven days",
        [((*ALERTS, "drills"), {"every": "P30D"})],
        "breakglass:alerts.drills",
        "from one day (P1D) to seven days (P7D)",
        "{every: P7D}",
    ),
    Scenario(
        "the channel of drills needs drills",
        [((*ALERTS, "slack"), {"channel": "C0123456789", "drillChannel": "C0DRILLS000"}), ((*ALERTS, "drills"), False)],
        "breakglass:alerts.slack.drillChannel",
        "no message would go to this channel",
        "write `drills: true`",
        value='"C0DRILLS000"',
    ),
    Scenario(
        "the channel of drills is a channel's ID",
        [((*ALERTS, "slack"), {"channel": "C0123456789", "drillChannel": "#drills"})],
        "breakglass:alerts.slack.drillChannel",
        "Not the ID of a Slack channel",
        "C0123456789",
        value='"#drills"',
    ),
    Scenario(
        "deliveries are retried for a minute at least",
        [((*ALERTS, "retry"), {"maximumEventAgeSeconds": 5})],
        "breakglass:alerts.retry.maximumEventAgeSeconds",
        "The number is too small.",
        "Write 60 or more",
        value="5",
    ),
    Scenario(
        "deliveries are not retried longer than EventBridge does",
        [((*ALERTS, "retry"), {"maximumRetryAttempts": 186})],
        "breakglass:alerts.retry.maximumRetryAttempts",
        "The number is too big.",
        "Write 185 or less",
        value="186",
    ),
    Scenario(
        "true is not one retry",
        [((*ALERTS, "retry"), {"maximumRetryAttempts": True})],
        "breakglass:alerts.retry.maximumRetryAttempts",
        "got true or false",
        "Write a number",
        value="true",
    ),
    Scenario(
        "true is not one use a week",
        [((*ALERTS, "monitoring", "usesPerWeek"), True)],
        "breakglass:alerts.monitoring.usesPerWeek",
        "got true or false",
        "Write a number",
    ),
    Scenario(
        "endless uses are no number of uses",
        [((*ALERTS, "monitoring", "usesPerWeek"), float("inf"))],
        "breakglass:alerts.monitoring.usesPerWeek",
        "got infinity or NaN",
        "Write a whole number",
    ),
    Scenario(
        "a list that may not be empty has an entry",
        [((*ALERTS, "evidencePaths"), [])],
        "breakglass:alerts.evidencePaths",
        "The list is empty",
        'Add an entry to the list, e.g. ["session_start"',
    ),
    Scenario(
        "an address that is too long is measured in characters",
        [((*PAIR, "everyday", "relayState"), f"https://example.com/{'x' * 221}")],
        f"{PAIR_PATH}.everyday.relayState",
        "Expected at most 240 characters, got 241.",
        "Shorten the value, e.g.",
        value=f'"https://example.com/{"x" * 99}',
    ),
    # --- partitions and regions
    Scenario(
        "a role of another partition is not watched from here",
        [((*ALERTS, "watch", "roles", 0), "arn:aws-cn:iam::222222222222:role/emergency-operator")],
        "breakglass:alerts.watch.roles[0]",
        "no alert fires",
        "begins with arn:aws:",
    ),
    Scenario(
        "a managed policy is of the partition of Identity Center",
        [((*PAIR, "everyday", "managedPolicies"), [READ_ONLY.replace(":aws:", ":aws-us-gov:", 1)])],
        f"{PAIR_PATH}.everyday.managedPolicies[0]",
        "halfway through the update",
        "begins with arn:aws:",
        value='"arn:aws-us-gov:iam::aws:policy/AmazonRDSReadOnlyAccess"',
    ),
    Scenario(
        "a permissions boundary is of the partition of Identity Center",
        [((*BREAK_GLASS, "permissionsBoundary"), {"managedPolicyArn": "arn:aws-cn:iam::aws:policy/SecurityAudit"})],
        f"{PAIR_PATH}.breakGlass.permissionsBoundary.managedPolicyArn",
        "eu-central-1 is in the partition aws;",
        "begins with arn:aws:",
        value='"arn:aws-cn:iam::aws:policy/SecurityAudit"',
    ),
    Scenario(
        "the Identity Center instance is of the partition of its region",
        [(("permissionSets", "instanceArn"), "arn:aws-cn:sso:::instance/ssoins-1234567890abcdef")],
        "breakglass:permissionSets.instanceArn",
        "would not find the Identity Center instance",
        "begins with arn:aws:",
    ),
    Scenario(
        "the key is in the region of the alert path",
        [((*ALERTS, "slack", "kmsKeyArn"), "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234")],
        "breakglass:alerts.slack.kmsKeyArn",
        "KMS serves only its own region",
        "Write the ARN of a key in eu-central-1",
    ),
    Scenario(
        "the key is in the partition of the alert path",
        [((*ALERTS, "slack", "kmsKeyArn"), "arn:aws-cn:kms:eu-central-1:111122223333:key/1234")],
        "breakglass:alerts.slack.kmsKeyArn",
        "(partition aws-cn)",
        "Write the ARN of a key in eu-central-1",
    ),
    Scenario(
        "the key of Identity Center is in its region",
        [(("permissionSets", "identityCenterKmsKeyArn"), "arn:aws:kms:eu-west-1:111122223333:key/mrk-1234")],
        "breakglass:permissionSets.identityCenterKmsKeyArn",
        "every call would fail",
        "Write the ARN of a key in eu-central-1",
    ),
    Scenario(
        "a bucket of the trail is named, not its ARN",
        [(("permissionSets", "trailBuckets"), ["arn:aws:s3:::org-trail"])],
        "breakglass:permissionSets.trailBuckets[0]",
        "Not an S3 bucket name",
        "not its ARN",
        value='"arn:aws:s3:::org-trail"',
    ),
    Scenario(
        "a bucket of the trail is named once",
        [(("permissionSets", "trailBuckets"), ["org-trail", "org-trail"])],
        "breakglass:permissionSets.trailBuckets[1]",
        "Duplicate entry",
        "Delete one of the two",
        value='"org-trail"',
    ),
    Scenario(
        "a key of the trail is of the partition of the region",
        [(("permissionSets", "trailKeyArns"), ["arn:aws-cn:kms:cn-north-1:111122223333:key/1234"])],
        "breakglass:permissionSets.trailKeyArns[0]",
        "would name a key that does not exist",
        "begins with arn:aws:",
        value='"arn:aws-cn:kms:cn-north-1:111122223333:key/1234"',
    ),
    Scenario(
        "the isolated regions are not served",
        [((*ALERTS, "region"), "eu-isoe-west-1")],
        "breakglass:alerts.region",
        "partitions with other ARNs",
        "aws, aws-cn or aws-us-gov",
    ),
    Scenario(
        "a region is spelled as AWS spells regions",
        [((*ALERTS, "region"), "eu-centrall-1")],
        "breakglass:alerts.region",
        "Not a region code",
        "e.g. eu-central-1",
    ),
    Scenario(
        "a role's path leaves room for the rest of the event pattern",
        [((*ALERTS, "watch", "roles", 0), f"arn:aws:iam::222222222222:role/{'p' * 2000}/operator")],
        "breakglass:alerts.watch.roles[0]",
        "EventBridge's limit of 2048 characters",
        "a shorter path",
        value=f'"arn:aws:iam::222222222222:role/{"p" * 88}',
    ),
    # --- the token
    Scenario(
        "the bot token is encrypted",
        [(("slackBotToken",), TOKEN)],
        "breakglass:slackBotToken",
        "not encrypted",
        "pulumi config set --secret breakglass:slackBotToken",
        value='"xoxb-[redacted]"',
    ),
    Scenario(
        "an address that is a password is a token as well",
        [((*ALERTS, "postMortemUrl"), "https://hooks.slack.com/services/T0/B0/Xy")],
        "breakglass:alerts.postMortemUrl",
        "in plain text",
        "pulumi config set --secret",
        value='"https://[redacted]"',
    ),
    Scenario(
        "the probe's methods are beside chat.postMessage",
        [((*ALERTS, "slack", "postMessageUrl"), "https://proxy.example.com/slack")],
        "breakglass:alerts.slack.postMessageUrl",
        "derives the URLs of Slack's other methods",
        "https://slack.com/api/chat.postMessage",
    ),
    Scenario(
        "there is a bot token",
        [(("slackBotToken",), None)],
        "breakglass:slackBotToken",
        "The bot token is missing. Alerts are posted with it.",
        "botTokenSecretName",
        value="(missing)",
    ),
    Scenario(
        "there are not two bot tokens",
        [((*ALERTS, "slack", "botTokenSecretName"), "slack/token")],
        "breakglass:alerts.slack.botTokenSecretName",
        "has two sources",
        "pulumi config rm breakglass:slackBotToken",
        value='"(not shown)"',
    ),
    Scenario(
        "a section is not encrypted",
        [(("alerts",), ENCRYPTED)],
        "breakglass:alerts",
        "Only the bot token, the signing secret and the addresses of pagers are",
        "in clear",
    ),
    # --- the shape of the file
    Scenario(
        "a section that does not exist is told with the nearest one",
        [(("permisionSets",), {})],
        "breakglass:permisionSets",
        "Not a key of this section",
        "Did you mean permissionSets? Expected one of: tags, permissionSets, alerts, approvals, slackBotToken, "
        "slackSigningSecret.",
    ),
    Scenario(
        "a key that does not exist is told with the nearest one",
        [((*BREAK_GLASS, "session_durations"), "PT1H")],
        f"{PAIR_PATH}.breakGlass.session_durations",
        "would have no effect",
        "Did you mean sessionDuration?",
    ),
    Scenario(
        "a key in a list entry that does not exist is told with the nearest one",
        [((*ASSIGNMENT, "gruop"), "x")],
        f"{PAIR_PATH}.assignments[0].gruop",
        "would have no effect",
        "Did you mean group?",
    ),
    Scenario(
        "a key that is needed is there",
        [((*ALERTS, "region"), None)],
        "breakglass:alerts.region",
        "The region of the alert path",
        'Add the line `region: "eu-central-1"`.',
        value="(missing)",
    ),
    Scenario(
        "a list is a list",
        [((*ALERTS, "monitoring"), {"emails": "oncall@example.com"})],
        "breakglass:alerts.monitoring.emails",
        "Expected a list (`- ` lines, or [a, b]), got a string",
        "Write a list",
        value='"oncall@example.com"',
    ),
    Scenario(
        "true and false are not texts",
        [((*ALERTS, "explainButton"), "no")],
        "breakglass:alerts.explainButton",
        "Expected true or false, got a string",
        "Write true or false",
    ),
    Scenario(
        "a tag's value is a text",
        [(("tags",), {"cost-center": 1234})],
        "breakglass:tags.cost-center",
        "got a number",
        '"1234"',
        value="1234",
    ),
    Scenario(
        "a tag's key is not AWS's",
        [(("tags",), {"aws:team": "x"})],
        'breakglass:tags["aws:team"]',
        "AWS reserves the tag keys",
        "team",
        value='"aws:team"',
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.says)
def test_fault_gives_one_problem_with_why_and_instead(scenario: Scenario) -> None:
    assert_told(problems(stack(*scenario.changes)), scenario)


def test_valid_stack_file_passes() -> None:
    assert problems(stack()) == []


def test_all_faults_of_file_come_in_one_report() -> None:
    raw = stack(
        ((*PAIR, "name"), "a name"),
        ((*BREAK_GLASS, "name"), "DatabaseAdmin_2"),
        ((*BREAK_GLASS, "sessionDuration"), "PT4H"),
        ((*BREAK_GLASS, "managedPolicies"), [ADMINISTRATOR, "nonsense"]),
        ((*ASSIGNMENT, "accounts"), [1, "222222222222", "222222222222"]),
        ((*ASSIGNMENT, "user"), "ada"),
        ((*ALERTS, "slack"), {"channel": "#ops", "botToken": TOKEN}),
        ((*ALERTS, "slck"), {}),
        (("slackBotToken",), None),
    )
    assert sorted(problem.path.removeprefix("breakglass:") for problem in problems(raw)) == [
        "alerts.slack.botToken",  # a token in clear, which no other key would take either
        "alerts.slack.channel",
        "alerts.slck",
        "alerts.watch.permissionSets[0]",  # DatabaseAdmin beside DatabaseAdmin_2
        "permissionSets.pairs[0].assignments[0]",
        "permissionSets.pairs[0].assignments[0].accounts[0]",
        "permissionSets.pairs[0].assignments[0].accounts[2]",
        "permissionSets.pairs[0].breakGlass.managedPolicies[0]",
        "permissionSets.pairs[0].breakGlass.managedPolicies[1]",
        "permissionSets.pairs[0].breakGlass.sessionDuration",
        "permissionSets.pairs[0].name",
        "slackBotToken",
    ]


def test_role_of_same_name_in_other_account_passes() -> None:
    other = "arn:aws:iam::333333333333:role/emergency-operator"
    assert problems(stack(((*ALERTS, "watch", "roles", 1), other))) == []


def test_names_that_differ_after_hyphen_pass() -> None:
    assert problems(stack(((*ALERTS, "watch", "permissionSets"), ["admin", "admin-2", "superadmin", "Admin_2"]))) == []


def test_everyday_sets_with_overlapping_names_pass() -> None:
    other: dict[str, object] = {
        "name": "devops_2",
        "everyday": {},
        "breakGlass": {"inlinePolicy": policy("s3:GetObject")},
    }
    assert problems(stack((("permissionSets", "pairs", 1), other))) == []


def test_long_session_with_acknowledgement_passes() -> None:
    decided = stack(
        ((*BREAK_GLASS, "sessionDuration"), "PT3H"),
        ((*BREAK_GLASS, "allowLongSession"), True),
        ((*BREAK_GLASS, "longSessionReason"), "A restore takes two hours."),
    )
    assert problems(decided) == []


def test_acknowledged_administrator_access_passes() -> None:
    acknowledged = stack(
        ((*BREAK_GLASS, "managedPolicies"), [ADMINISTRATOR]), ((*BREAK_GLASS, "acknowledge"), ["administrator-access"])
    )
    assert problems(acknowledged) == []


def test_no_protection_beside_approvals_is_refused() -> None:
    off = (("permissionSets", "protectAlertPath"), False)
    (problem,) = problems(stack_with_approvals(off))
    assert problem.path == f"{PAIR_PATH}.breakGlass"
    assert problem.instead.endswith("add approvals to acknowledge.")
    assert problems(stack_with_approvals(off, ((*BREAK_GLASS, "acknowledge"), ["approvals"]))) == []
    assert problems(stack(off)) == []


def test_policy_too_long_with_what_the_stack_names_is_refused() -> None:
    longest = policy("rds:CreateDBSnapshot")
    longest["Statement"][0]["Resource"] = "arn:aws:rds:"
    merged = merge_inline(longest, deny_statements("aws")) or {}
    longest["Statement"][0]["Resource"] += "x" * (INLINE_POLICY_LIMIT - policy_size(merged))
    change = (INLINE_POLICY, longest)
    assert problems(stack(change)) == []
    own = ((*ALERTS, "slack", "botTokenSecretName"), "slack/bot-token"), (("slackBotToken",), None)
    assert [problem.path for problem in problems(stack(change, *own))] == [f"{PAIR_PATH}.breakGlass.inlinePolicy"]


def test_lint_context_names_own_resources() -> None:
    key = "arn:aws:kms:eu-central-1:111111111111:key/1234abcd"
    trail_key = "arn:aws:kms:eu-west-1:111111111111:key/5678abcd"
    raw = stack_with_approvals(
        ((*ALERTS, "slack", "kmsKeyArn"), key),
        ((*ALERTS, "slack", "botTokenSecretName"), "slack/bot-token"),
        ((*APPROVALS, "signingSecretName"), "breakglass-signing-secret"),
        (("permissionSets", "trailBuckets"), ["org-trail", "Not_A_Bucket"]),
        (("permissionSets", "trailKeyArns"), [trail_key]),
    )
    assert lint_context(RawValue(raw)) == LintContext(
        region="eu-central-1",
        approvals=True,
        own_arns=(
            key,
            trail_key,
            "arn:aws:s3:::org-trail",
            "arn:aws:s3:::org-trail/*",
            "arn:aws:secretsmanager:*:*:secret:slack/bot-token-??????",
        ),
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [("organization", {"id": "o-exampleorgid"}), ("forwardTo", "arn:aws:events:eu-central-1:1:event-bus/breakglass-x")],
)
def test_lint_context_of_hub_and_spoke_names_the_stack_set(key: str, value: object) -> None:
    def own(*changes: tuple[Keys, object]) -> set[str]:
        return set(lint_context(RawValue(stack(*changes))).own_arns)

    assert own(((*ALERTS, key), value)) - own() == set(own_arns("aws", organization=True))


@pytest.mark.parametrize(("interval", "has_witness"), [("PT1H", True), ("off", False)])
def test_lint_context_of_a_witness_names_its_log(interval: str, has_witness: bool) -> None:
    with_witness = lint_context(RawValue(stack(((*ALERTS, "witness"), interval))))
    assert with_witness.own_arns == (*lint_context(RawValue(stack())).own_arns, *own_arns("aws", witness=has_witness))


def test_refused_policy_file_is_reported_at_its_key(tmp_path: Path) -> None:
    (tmp_path / "iam.json").write_text(
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]}'
    )
    raw = stack((INLINE_POLICY, None), ((*BREAK_GLASS, "inlinePolicyFile"), "iam.json"))
    (problem,) = problems(raw, tmp_path)
    assert problem.path == f"{PAIR_PATH}.breakGlass.inlinePolicyFile.Statement[0]"


def test_policy_with_wrong_statement_is_linted_for_the_rest() -> None:
    document = {
        "Version": "2012-10-17T00:00:00Z",
        "Statement": [{"Effect": "allow"}, {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}],
    }
    found = [problem.path for problem in problems(stack((INLINE_POLICY, document)))]
    assert f"{PAIR_PATH}.breakGlass.inlinePolicy.Version" in found
    assert f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[0].Effect" in found
    assert f"{PAIR_PATH}.breakGlass.inlinePolicy.Statement[1]" in found


def test_fault_in_policy_file_is_reported_at_its_key(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text(
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*"}]}'
    )
    raw = stack((INLINE_POLICY, None), ((*BREAK_GLASS, "inlinePolicyFile"), "broken.json"))
    (problem,) = problems(raw, tmp_path)
    assert problem.path == f"{PAIR_PATH}.breakGlass.inlinePolicyFile.Statement[0]"
    assert "exactly one of Action and NotAction" in problem.why


def test_policy_file_becomes_the_inline_policy() -> None:
    raw = stack((INLINE_POLICY, None), ((*BREAK_GLASS, "inlinePolicyFile"), "policies/network-break-glass.json"))
    break_glass = _pair(validate_stack(raw, STACKS)).break_glass
    assert break_glass.inline_policy is not None
    assert break_glass.inline_policy["Statement"][0]["Sid"] == "RepairRoutes"
    assert "inline_policy_file" not in break_glass.model_dump()


def test_omitted_keys_have_documented_defaults() -> None:
    raw = stack(
        ((*BREAK_GLASS, "name"), None),
        *((((*ALERTS, key), None)) for key in ("watch", "tamper", "globalEventsStack", "monitoring")),
        (("tags",), None),
    )
    stack_file = validate_stack(raw, STACKS)
    pair = _pair(stack_file)
    assert pair.break_glass_name == "devops-break-glass"
    assert pair.break_glass.session_duration == "PT1H"
    assert pair.assignments[0].sets == list(AssignmentTarget)
    assert stack_file.permission_sets is not None
    assert stack_file.permission_sets.protect_alert_path is True
    assert stack_file.alert_path is not None
    assert stack_file.alert_path.model_dump(exclude_none=True) == {
        "region": "eu-central-1",
        "slack": {"channel": "C0123456789", "post_message_url": "https://slack.com/api/chat.postMessage"},
        "evidence_paths": list(ROLE_PATHS),
        "delivery": Delivery.direct,
        "probe": "PT15M",
        "drills": True,
        "watch": {"root": True, "permission_sets": [], "roles": [], "users": []},
        "tamper": {"deployers": [], "keys": [], "stacks": []},
        "retry": {"maximum_event_age_seconds": 900, "maximum_retry_attempts": 185},
        "monitoring": {"emails": [], "pagers": {}, "uses_per_week": 5},
        "witness": "off",
    }
    assert stack_file.tags == {}


def test_snake_case_keys_of_components_obey_same_rules() -> None:
    raw = _snake(stack(((*BREAK_GLASS, "sessionDuration"), "PT2H")))
    with pytest.raises(ConfigError) as refused:
        validate(StackFile, raw, "breakglass.")
    assert [problem.path for problem in refused.value.problems] == [
        "breakglass.permission_sets.pairs[0].break_glass.session_duration"
    ]


def test_snake_case_key_of_stack_file_is_refused() -> None:
    (problem,) = problems(stack(((*ALERTS, "post_mortem_url"), "https://wiki.example.com/post-mortem")))
    assert problem.path == "breakglass:alerts.post_mortem_url"
    assert problem.instead.startswith("Did you mean postMortemUrl?")


@pytest.mark.parametrize("count", [5, 5.0])
def test_whole_number_as_float_passes(count: float) -> None:
    alerts = validate_stack(stack(((*ALERTS, "retry"), {"maximumRetryAttempts": count})), STACKS).alert_path
    assert alerts is not None
    assert alerts.retry.maximum_retry_attempts == 5


@given(st.integers(1, 2000))
def test_valid_role_arn_makes_valid_rules(length: int) -> None:
    role = f"arn:aws:iam::222222222222:role/{'p' * length}/operator"
    if not problems(stack(((*ALERTS, "watch", "roles", 0), role))):
        for path in RoleSubject(role).evidence_paths:
            pattern_json(event_pattern(RoleSubject(role), path))


@pytest.mark.parametrize(("roles", "warned"), [(54, []), (55, ["breakglass:alerts"])])
def test_rules_beyond_bus_quota_give_warning(roles: int, warned: list[str]) -> None:
    # About 299 and 304 rules, of which 270 and 275 are those of the roles.
    arns = [f"arn:aws:iam::222222222222:role/operator-{number}" for number in range(roles)]
    found = warnings(stack(((*ALERTS, "watch", "roles"), arns)))
    assert [warning.path for warning in found] == warned


def test_lint_warnings_do_not_refuse() -> None:
    raw = stack(((*BREAK_GLASS, "acknowledge"), ["iam"]))
    assert [warning.path for warning in warnings(raw)] == [f"{PAIR_PATH}.breakGlass.acknowledge[0]"]


def test_placeholders_of_entry_are_reported_together() -> None:
    resource = (*STATEMENT, "Resource")
    found = problems(stack((resource, "arn:aws:iam::${account_id}:role/${namespace}/${name}")))
    assert [problem.why.partition(". ")[0] for problem in found] == [
        "Not valid before the fifth colon of an ARN: `${account_id}`",
        "Not an IAM policy variable: `${namespace}`, `${name}`",
    ]


def test_alarms_without_email_give_warning() -> None:
    found = warnings(stack(((*ALERTS, "monitoring"), None)))
    assert [warning.path for warning in found] == ["breakglass:alerts.monitoring.emails"]


def test_watched_sets_with_overlapping_names_give_warning() -> None:
    raw = stack(((*ALERTS, "watch", "permissionSets"), ["developer", "developer_admin", "developers"]))
    (warning,) = warnings(raw)
    assert (warning.path, warning.value) == ("breakglass:alerts.watch.permissionSets[0]", '"developer"')
    assert "a second alert that wrongly says developer" in warning.why


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("AWSReservedSSO_DatabaseAdmin_0123456789abcdef", "DatabaseAdmin"),
        ("AWSReservedSSO_a_b_0123456789abcdef", "a_b"),
        ("aws-reserved/sso.amazonaws.com/AWSReservedSSO_a_0123456789abcdef", "a"),
        ("arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_a_0123456789abcdef", "a"),
        ("arn:aws:sts::1:assumed-role/AWSReservedSSO_a_0123456789abcdef/ada@example.com", "a"),
        ("AWSReservedSSO_a", "a"),
        ("AWSReservedSSO_a_b", "a_b"),
        ("AWSReservedSSO_a_*", "a"),
        ("AWSReservedSSO_a_01234567", "a"),
        ("DatabaseAdmin", None),
    ],
)
def test_permission_set_of_role_returns_its_set(role: str, name: str | None) -> None:
    assert permission_set_of_role(role) == name


def test_tags_in_any_script_pass() -> None:
    tags = {"team": "Plattform Köln", "owner": "株式会社", "площадка": "Київ 1"}
    assert validate_stack(stack((("tags",), tags)), STACKS).tags == tags


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a;b", "U+003B (semicolon)"),
        ("Ko\u0308ln", "U+0308 (combining diaeresis)"),
        ("a\nb", "U+000A (a control character)"),
        ("🔥", "U+1F525 (fire)"),
        ("x" * 257, "This value has 257"),
    ],
)
def test_refused_tag_value_names_the_character(value: str, why: str) -> None:
    (problem,) = problems(stack((("tags",), {"team": value})))
    assert why in problem.why


def test_statement_with_empty_sid_passes() -> None:
    statements = [{"Sid": "", **each} for each in (*policy("rds:*")["Statement"], *policy("s3:GetObject")["Statement"])]
    raw = stack(((*INLINE_POLICY, "Statement"), statements))
    assert problems(raw) == []


def test_policy_file_with_duplicate_key_is_refused(tmp_path: Path) -> None:
    deny, allow = '[{"Effect": "Deny"}]', json.dumps(policy("rds:*")["Statement"])
    text = f'{{"Version": "2012-10-17",\n"Statement": {deny},\n"Statement": {allow}}}'
    (tmp_path / "emergency.json").write_text(text)
    raw = stack((INLINE_POLICY, None), ((*BREAK_GLASS, "inlinePolicyFile"), "emergency.json"))
    (problem,) = problems(raw, tmp_path)
    assert problem.path == f"{PAIR_PATH}.breakGlass.inlinePolicyFile.Statement"
    assert "lines 2 and 3" in problem.why


def test_warnings_of_valid_sections_stand_beside_problems() -> None:
    report = check_stack(
        stack(
            ((*ALERTS, "monitoring"), None),
            (("permissionSets", "region"), "Frankfurt"),
            ((*BREAK_GLASS, "acknowledge"), ["iam"]),
        ),
        STACKS,
    )
    assert [problem.path for problem in report.problems] == ["breakglass:permissionSets.region"]
    assert [warning.path for warning in report.warnings] == [
        f"{PAIR_PATH}.breakGlass.acknowledge[0]",
        "breakglass:alerts.monitoring.emails",
    ]
    assert report.stack_file is None


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_committed_stack_file_passes_without_warning(name: str) -> None:
    raw = keys_of(committed(name))
    if name != "prod":
        secrets = ["slackBotToken", "slackSigningSecret"] if "approvals" in raw else ["slackBotToken"]
        assert [problem.path for problem in problems(raw)] == [f"breakglass:{secret}" for secret in secrets]
        raw |= dict.fromkeys(secrets, ENCRYPTED)
    assert warnings(raw) == []


@pytest.mark.parametrize("name", ["local", "prod"])
def test_the_seed_example_is_in_the_stack_file(name: str) -> None:
    raw = {**keys_of(committed(name))}
    if name != "prod":
        raw |= {"slackBotToken": ENCRYPTED, "slackSigningSecret": ENCRYPTED}
    devops = _pair(validate_stack(raw, STACKS))
    assert (devops.name, devops.break_glass_name) == ("devops", "devops-break-glass")
    assert devops.everyday.managed_policies == [READ_ONLY]
    assert devops.everyday.inline_policy is None
    assert devops.break_glass.inline_policy is not None
    allowed = {
        action
        for statement in devops.break_glass.inline_policy["Statement"]
        for action in (statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]])
    }
    assert allowed >= {
        "rds:CreateDBInstance",
        "rds:ModifyDBInstance",
        "rds:DeleteDBInstance",
        "rds:CreateDBSnapshot",
        "rds:DeleteDBSnapshot",
        "rds:RestoreDBInstanceFromDBSnapshot",
    }
    assert not [action for action in allowed if "*" in action], "least privilege names its actions"
    assert devops.assignments[0].group == "database-oncall"
    assert "222222222222" in devops.assignments[0].accounts


def _alerts(*changes: Any) -> Alerts:
    alerts = validate_stack(stack(*(((*ALERTS, *path), value) for path, value in changes)), STACKS).alert_path
    assert alerts is not None
    return alerts


@pytest.mark.parametrize(
    ("probe", "expected"), [("PT15M", 900), ("PT5M", 300), ("PT60M", 3600), ("PT1H", 3600), ("off", None)]
)
def test_probe_interval_is_seconds_or_none(probe: str, expected: int | None) -> None:
    assert _alerts((("probe",), probe)).probe_seconds == expected


@pytest.mark.parametrize(
    ("drills", "has_drills", "interval"),
    [(True, True, None), (False, False, None), ({"every": "P1D"}, True, 86_400)],
)
def test_drills_are_a_switch_and_an_interval(drills: object, has_drills: bool, interval: int | None) -> None:
    alerts = _alerts((("drills",), drills))

    assert (alerts.has_drills, alerts.drill_interval_seconds) == (has_drills, interval)


@pytest.mark.parametrize(
    ("delivery", "monitoring", "expected"),
    [
        ("direct", {"emails": ["a@example.com"]}, True),
        ("direct", {}, False),
        ("direct", {"emails": ["a@example.com"], "alertsByEmail": False}, False),
        ("confirmed", {"emails": ["a@example.com"]}, False),
        ("confirmed", {"pagers": {"pagerduty": ENCRYPTED}}, False),
        ("confirmed", {"emails": ["a@example.com"], "alertsByEmail": True}, True),
    ],
)
def test_alerts_go_by_email_unless_delivery_is_confirmed(
    delivery: str, monitoring: dict[str, Any], expected: bool
) -> None:
    alerts = _alerts((("delivery",), delivery), (("monitoring",), monitoring))

    assert alerts.sends_alerts_by_email is expected


@pytest.mark.parametrize("changes", [[], [((*ALERTS, "watch"), {"root": True})], [((*ALERTS, "watch"), {})]])
def test_alerts_alone_watch_root(changes: list[tuple[Keys, object]]) -> None:
    raw = stack((("permissionSets",), None), ((*ALERTS, "watch"), None), *changes)

    alerts = validate_stack(raw, STACKS).alert_path

    assert alerts is not None
    assert alerts.watch.root


@pytest.mark.parametrize(
    ("tamper", "valid"),
    [({"stacks": ["prod"]}, True), ({"trail": "all"}, True), ({"deployers": [DEPLOYER]}, False), (False, False)],
)
def test_alerts_without_root_may_watch_other_resources(tamper: object, valid: bool) -> None:
    raw = stack((("permissionSets",), None), ((*ALERTS, "watch"), {"root": False}), ((*ALERTS, "tamper"), tamper))

    assert [problem.path for problem in problems(raw)] == ([] if valid else ["breakglass:alerts.watch"])


def test_independent_door_is_watched_behind_the_others() -> None:
    alerts = _alerts(
        (("watch", "users"), [USER]),
        (("watch", "independentDoor"), {"roles": [DOOR_ROLE], "users": [DOOR_USER]}),
        (("tamper",), False),
    )

    assert alerts.watch.role_arns == ["arn:aws:iam::222222222222:role/emergency-operator", DOOR_ROLE]
    assert alerts.watch.user_arns == [USER, DOOR_USER]


@pytest.mark.parametrize(("interval", "days"), [("P1D", 1), ("P99D", 99), ("P300D", 300), ("P366D", 366)])
def test_rehearsal_interval_is_days(interval: str, days: int) -> None:
    door = _alerts((("watch", "independentDoor"), {"users": [USER], "rehearseEvery": interval})).watch.independent_door

    assert door is not None
    assert door.rehearse_every_days == days


@pytest.mark.parametrize("interval", ["P0D", "P00D", "P367D", "P400D", "P3M", "PT90D", "90", None])
def test_rehearsal_interval_beyond_a_year_is_refused(interval: str) -> None:
    (problem,) = problems(stack((DOOR, {"users": [USER], "rehearseEvery": interval})))

    assert problem.path == "breakglass:alerts.watch.independentDoor.rehearseEvery"


def test_false_turns_tamper_reports_off() -> None:
    assert _alerts((("tamper",), False)).tamper is None


def test_null_does_not_turn_tamper_reports_off() -> None:
    raw = stack()
    raw["alerts"]["tamper"] = None

    assert [problem.path for problem in problems(raw)] == ["breakglass:alerts.tamper"]


@pytest.mark.parametrize("session_policy", [None, "p-abcd1234"])
def test_longest_settings_of_tamper_make_valid_rules(session_policy: str | None) -> None:
    tamper = {
        "deployers": [f"arn:aws:iam::111111111111:role/{'d' * 62}-{number}" for number in range(5)],
        "trail": "t" * 128,
        "trailBucket": "b" * 63,
        "keys": [f"arn:aws:kms:eu-central-1:111111111111:key/1234abcd-12ab-34cd-56ef-{n:012}" for n in range(5)],
        "stacks": [letter * 100 for letter in "abc"],
        **({"sessionPolicy": session_policy} if session_policy else {}),
    }
    raw = stack_with_approvals(
        (("permissionSets", "region"), "us-east-1"),
        ((*ALERTS, "region"), "us-east-1"),
        ((*ALERTS, "globalEventsStack"), None),
        ((*ALERTS, "tamper"), tamper),
        ((*APPROVALS, "endSessions"), True),
    )
    subject = tamper_subject(validate_stack(raw, STACKS), "s" * 100, Known())

    assert subject is not None
    assert all(len(pattern_json(rule.pattern)) <= PATTERN_LIMIT for rule in alert_rules(subject))


def test_deployer_may_be_a_role_of_identity_center() -> None:
    deployer = RESERVED_ROLE.format("Administrator")

    tamper = _alerts((("tamper", "deployers"), [deployer])).tamper

    assert tamper is not None
    assert tamper.deployers == [deployer]


def _pair(stack_file: StackFile) -> Any:
    assert stack_file.permission_sets is not None
    return stack_file.permission_sets.pairs[0]


def _snake(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake(item) for item in value]
    if isinstance(value, dict):
        return {
            to_snake(key) if key not in ("Version", "Statement", "Effect", "Action", "Resource") else key: _snake(item)
            for key, item in value.items()
        }
    return value
