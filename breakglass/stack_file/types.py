"""The types of the values in the stack file and in the component arguments, annotated for pydantic.

Each type is a pure validator behind an `Annotated` alias. The error of a validator says what is wrong, why it matters,
and what to write instead (`fault`).

Non-goals: relations between values (see `stack`).
"""

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, WithJsonSchema

from breakglass.naming import ALERT_PATH_PREFIX
from breakglass.stack_file.faults import fault, yaml_kind


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise fault(
            "Expected a whole number, got true or false, which pydantic would read as 1 or 0.",
            "Write a number, or leave the key out for the default.",
        )
    return value


NO_BOOL = BeforeValidator(_no_bool)
"""Refuses true and false for an `int`.

The annotation is not strict: Pulumi sends the arguments of a remote component as floats, and 5.0 is a whole number.
"""


@dataclass(frozen=True)
class _Text:
    """A validator: the value is a string that matches a pattern from end to end (by ASCII rules)."""

    pattern: str
    why: str
    instead: str

    def __call__(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault(f"Expected a string, got {yaml_kind(value)}. {self.why}", self.instead)
        if re.fullmatch(self.pattern, value, re.ASCII) is None:
            raise fault(self.why, self.instead)
        return value

    def schema(self, example: str) -> WithJsonSchema:
        return WithJsonSchema({"type": "string", "pattern": f"^(?:{self.pattern})$", "examples": [example]})


# --- accounts, regions, ARNs ---------------------------------------------------------------------------------------

_ACCOUNT_ID = _Text(
    pattern=r"[0-9]{12}",
    why="Not an AWS account ID: it has exactly twelve digits.",
    instead='Write all twelve digits in quotes, e.g. "111122223333".',
)


def _account_id(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        digits = str(value) if isinstance(value, int) else f"{value:.0f}"
        raise fault(
            "YAML reads an account ID without quotes as a number. A leading zero is lost, and an ID that begins with 0 "
            "and has no digit above 7 is read as octal. The account that was meant is no longer certain.",
            f'Put the ID in quotes, with all twelve digits: "{digits if len(digits) == 12 else "012345678901"}" (with '
            "`pulumi config set --path`, add `--type string`).",
        )
    return _ACCOUNT_ID(value)


AccountId = Annotated[str, BeforeValidator(_account_id), _ACCOUNT_ID.schema("111122223333")]
"""An AWS account ID: a string of twelve digits."""

_REGION = _Text(
    pattern=r"(us-gov|us|eu|ap|ca|sa|me|af|il|mx|cn)-(central|(north|south)(east|west)?|east|west)-[0-9]{1,2}",
    why="Not a region code of the partitions aws, aws-cn and aws-us-gov.",
    instead="Write the region's code as in `aws configure`, e.g. eu-central-1 (no zone letter, no display name).",
)


def _region(value: object) -> str:
    if isinstance(value, str) and re.match(r"[a-z]+-iso[a-z]*-|eusc-", value):
        raise fault(
            "The isolated regions and the European Sovereign Cloud are partitions with other ARNs and endpoints. The "
            "event patterns of this package do not match there, so no usage would raise an alert.",
            "Write a region of the partition aws, aws-cn or aws-us-gov, e.g. eu-central-1 or us-gov-west-1.",
        )
    return _REGION(value)


Region = Annotated[str, BeforeValidator(_region), _REGION.schema("eu-central-1")]
"""An AWS region code in the partition aws, aws-cn or aws-us-gov.

Source: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
"""

_ROLE_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
    why="Not an IAM role ARN. The rule compares the whole ARN, so it would match no usage.",
    instead="Copy the ARN from `aws iam get-role`, path included, e.g. arn:aws:iam::111122223333:role/emergency.",
)


def _role_arn(value: object) -> str:
    if isinstance(value, str) and ":role/aws-reserved/" in value:
        raise fault(
            "Identity Center creates this role. It deletes the role with the last assignment in an account and creates "
            "it again with another suffix, so a rule on this ARN would stop matching without notice.",
            f"Watch the permission set instead: put {permission_set_of_role(value) or 'its name'} under "
            "`watch.permissionSets`.",
        )
    return _ROLE_ARN(value)


RoleArn = Annotated[str, BeforeValidator(_role_arn), _ROLE_ARN.schema("arn:aws:iam::111122223333:role/emergency")]
"""The ARN of an IAM role that Identity Center did not create."""

_USER_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:user/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
    why="Not an IAM user ARN. The rules compare the account and the user's name, so they would match no use.",
    instead="Copy the ARN from `aws iam get-user`, path included, e.g. arn:aws:iam::111122223333:user/emergency.",
)


def _user_arn(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"arn:[a-z-]+:iam::[0-9]{12}:root", value):
        raise fault(
            "This is the root user, not an IAM user.",
            "Delete the entry, and leave `watch.root` out or write `root: true`.",
        )
    if isinstance(value, str) and ":role/" in value:
        raise fault("This is an IAM role, not an IAM user.", "Move the ARN to `roles`.")
    return _USER_ARN(value)


UserArn = Annotated[
    str, BeforeValidator(_user_arn), _USER_ARN.schema("arn:aws:iam::111122223333:user/break-glass-admin")
]
"""The ARN of an IAM user."""

_DEPLOYER_ARN = _Text(
    pattern=_ROLE_ARN.pattern,
    why="Not an IAM role ARN. The rules compare the whole ARN, so each deployment would raise alerts.",
    instead="Copy the ARN of the role that runs `pulumi up` from `aws iam get-role`, path included, e.g. "
    "arn:aws:iam::111122223333:role/deploy-pipeline. An IAM user can't be a deployer: let it assume a role.",
)
DeployerArn = Annotated[
    str, BeforeValidator(_DEPLOYER_ARN), _DEPLOYER_ARN.schema("arn:aws:iam::111122223333:role/deploy-pipeline")
]
"""The ARN of an IAM role that deploys a stack; also one that Identity Center created."""

_POLICY_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):iam::aws:policy/([\w+=,.@-]+/)*[\w+=,.@-]{1,128}",
    why="Not the ARN of an AWS managed policy. Identity Center attaches no other kind of policy by ARN.",
    instead="Write e.g. arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess. Write a customer-managed policy by "
    "name under `customerManagedPolicies: [{name: ..., path: /}]`; it must exist in every account of the assignments.",
)
PolicyArn = Annotated[
    str, BeforeValidator(_POLICY_ARN), _POLICY_ARN.schema("arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess")
]
"""The ARN of an AWS managed policy (the only kind a permission set takes by ARN).

Source: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_AttachManagedPolicyToPermissionSet.html
"""

_KMS_KEY_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):kms:[a-z0-9-]+:[0-9]{12}:key/[0-9A-Za-z-]+",
    why="Not a KMS key ARN. An alias is not accepted: it can move to another key, and an IAM policy can't name it.",
    instead="Write the key's ARN, e.g. arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab.",
)
KmsKeyArn = Annotated[
    str,
    BeforeValidator(_KMS_KEY_ARN),
    _KMS_KEY_ARN.schema("arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"),
]
"""The ARN of a KMS key, not of an alias."""

_PROTECTED_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):(kms|s3|secretsmanager):[a-z0-9*-]*:[0-9*]*:[^\s{}]+",
    why="Not the ARN of a KMS key, an S3 bucket or a secret. For other services the read actions are not known.",
    instead="Write e.g. arn:aws:secretsmanager:*:*:secret:slack/bot-token-?????? or arn:aws:s3:::org-trail/*.",
)
ProtectedArn = Annotated[str, BeforeValidator(_PROTECTED_ARN), _PROTECTED_ARN.schema("arn:aws:s3:::org-trail/*")]
"""An ARN pattern of resources that a break-glass set is denied to change."""

_SECRET_NAME = _Text(
    pattern=r"[A-Za-z0-9/_+=.@-]{1,512}",
    why="Not the name of a Secrets Manager secret (1 to 512 letters, digits and /_+=.@-).",
    instead="Write the secret's name as in the Secrets Manager console, not its ARN, e.g. breakglass-slack-bot-token.",
)
SecretName = Annotated[str, BeforeValidator(_SECRET_NAME), _SECRET_NAME.schema("breakglass-slack-bot-token")]
"""The name of a secret in Secrets Manager."""

_BUCKET_NAME = _Text(
    pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    why="Not an S3 bucket name (3 to 63 lower-case letters, digits, dots and hyphens).",
    instead="Write the bucket's name, not its ARN, e.g. org-trail-111122223333.",
)
BucketName = Annotated[str, BeforeValidator(_BUCKET_NAME), _BUCKET_NAME.schema("org-trail-111122223333")]
"""The name of an S3 bucket."""

_TRAIL = _Text(
    pattern=r"(arn:(aws|aws-cn|aws-us-gov):cloudtrail:[a-z0-9-]+:[0-9]{12}:trail/)?[A-Za-z0-9][\w.-]{1,126}[A-Za-z0-9]",
    why="Not the name or ARN of a trail (a name has 3 to 128 letters, digits and ._-).",
    instead="Copy Name or TrailARN from `aws cloudtrail list-trails`, e.g. management-events.",
)
Trail = Annotated[str, BeforeValidator(_TRAIL), _TRAIL.schema("management-events")]
"""The name or ARN of a trail of CloudTrail.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
"""

_POLICY_ID = _Text(
    pattern=r"p-[0-9a-zA-Z_]{8,128}",
    why="Not the ID of a policy of AWS Organizations.",
    instead="Copy the ID, e.g. p-abcd1234, from `aws organizations list-policies --filter SERVICE_CONTROL_POLICY`.",
)
PolicyId = Annotated[str, BeforeValidator(_POLICY_ID), _POLICY_ID.schema("p-abcd1234")]
"""The ID of a policy of AWS Organizations.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_PolicySummary.html
"""

_STACK_NAME = _Text(
    pattern=r"[A-Za-z0-9_.-]{1,100}",
    why="Not the name of a Pulumi stack. The names of the stack's resources begin with it.",
    instead="Write the name as in `pulumi stack ls`, without organization and project, e.g. prod-us-east-1.",
)
StackName = Annotated[str, BeforeValidator(_STACK_NAME), _STACK_NAME.schema("prod-us-east-1")]
"""The name of a Pulumi stack, without its organization and project.

Source: https://www.pulumi.com/docs/iac/concepts/stacks/#create-stack
"""

_ORGANIZATION_ID = _Text(
    pattern=r"o-[a-z0-9]{10,32}",
    why="Not the ID of an organization. The hub's bus would refuse the events of every spoke.",
    instead="Copy Id from `aws organizations describe-organization`, e.g. o-exampleorgid.",
)
OrganizationId = Annotated[str, BeforeValidator(_ORGANIZATION_ID), _ORGANIZATION_ID.schema("o-exampleorgid")]
"""The ID of an organization of AWS Organizations.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
"""

_UNIT_ID = _Text(
    pattern=r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}",
    why="Not the ID of a root or an organizational unit of AWS Organizations.",
    instead="Write the root's ID for all accounts, from `aws organizations list-roots`, e.g. r-ab12, or that of a unit "
    "with all below it, e.g. ou-ab12-11111111.",
)
UnitId = Annotated[str, BeforeValidator(_UNIT_ID), _UNIT_ID.schema("r-ab12")]
"""The ID of a root or an organizational unit of AWS Organizations.

Source: https://docs.aws.amazon.com/organizations/latest/APIReference/API_OrganizationalUnit.html
"""

_LOG_GROUP_NAME = _Text(
    pattern=r"[A-Za-z0-9_./#-]{1,512}",
    why="Not the name of a log group (1 to 512 letters, digits and _./#-).",
    instead="Write the log group's name, not its ARN, e.g. aws-controltower/CloudTrailLogs.",
)
LogGroupName = Annotated[
    str, BeforeValidator(_LOG_GROUP_NAME), _LOG_GROUP_NAME.schema("aws-controltower/CloudTrailLogs")
]
"""The name of a log group of CloudWatch Logs.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
"""

_BUS_ARN = _Text(
    pattern=rf"arn:(aws|aws-cn|aws-us-gov):events:[a-z0-9-]+:[0-9]{{12}}:event-bus/{ALERT_PATH_PREFIX}[A-Za-z0-9_-]{{1,53}}",
    why="Not the ARN of the event bus of a hub, whose name begins with breakglass-.",
    instead="Copy the hub stack's output `hubBusArn`, e.g. "
    "arn:aws:events:eu-central-1:111122223333:event-bus/breakglass-prod-hub.",
)


def _bus_arn(value: object) -> str:
    if isinstance(value, str) and value.endswith(":event-bus/default"):
        raise fault(
            "This is the default bus of an account. All rules there would get the events of each spoke, also those "
            "that have nothing to do with break-glass alerts, and a hub has no rule there that would raise an alert.",
            _BUS_ARN.instead,
        )
    return _BUS_ARN(value)


HubBusArn = Annotated[
    str,
    BeforeValidator(_bus_arn),
    _BUS_ARN.schema("arn:aws:events:eu-central-1:111122223333:event-bus/breakglass-prod-hub"),
]
"""The ARN of the event bus of a hub (`breakglass.naming.hub_bus`)."""

_NAME_PREFIX = _Text(
    # That of a very long name of a stack is cut off.
    pattern=f"{ALERT_PATH_PREFIX}([A-Za-z0-9_-]+-|[A-Za-z0-9_-]{{44}})",
    why="Not the prefix of the names of a stack's resources. Another prefix would report changes of other resources.",
    instead="Write breakglass-STACK- with the stack's name, hyphen included, e.g. breakglass-prod-.",
)
NamePrefix = Annotated[str, BeforeValidator(_NAME_PREFIX), _NAME_PREFIX.schema("breakglass-prod-")]
"""The prefix of the physical names of a stack's resources (`breakglass.naming.stack_prefix`)."""


# --- Identity Center -----------------------------------------------------------------------------------------------

_INSTANCE_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):sso:::instance/(sso)?ins-[a-zA-Z0-9.-]{16}",
    why="Not the ARN of an Identity Center instance.",
    instead="Copy InstanceArn from `aws sso-admin list-instances`, or omit the key: the preview then looks it up.",
)
InstanceArn = Annotated[
    str, BeforeValidator(_INSTANCE_ARN), _INSTANCE_ARN.schema("arn:aws:sso:::instance/ssoins-1234567890abcdef")
]
"""The ARN of an Identity Center instance.

Source: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_InstanceMetadata.html
"""

_IDENTITY_STORE_ID = _Text(
    pattern=r"d-[0-9a-f]{10}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    why="Not an identity store ID.",
    instead="Copy IdentityStoreId from `aws sso-admin list-instances`, or omit the key: the preview then looks it up.",
)
IdentityStoreId = Annotated[str, BeforeValidator(_IDENTITY_STORE_ID), _IDENTITY_STORE_ID.schema("d-1234567890")]
"""The ID of the identity store behind an Identity Center instance.

Source: https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_DescribeGroup.html
"""

_DESCRIPTION = _Text(
    pattern=r"[\t\n\r\x20-\x7e\xa1-\xff]{1,700}",
    why="A permission set's description has 1 to 700 characters of Latin-1. Identity Center refuses long dashes, curly "
    "quotes, the euro sign and other alphabets.",
    instead="Write it with plain punctuation, e.g. Emergency changes to RDS databases.",
)
Description = Annotated[str, BeforeValidator(_DESCRIPTION), _DESCRIPTION.schema("Emergency changes to RDS databases.")]
"""The description of a permission set.

Source: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreatePermissionSet.html
"""

_PRINCIPAL_NAME = _Text(
    pattern=r"\S(.{0,1022}\S)?",
    why="The identity store is searched for the exact name, so the name is not empty and has no space at either end.",
    instead="Copy the group's display name or the user's name from the Identity Center console.",
)
PrincipalName = Annotated[str, BeforeValidator(_PRINCIPAL_NAME), _PRINCIPAL_NAME.schema("database-oncall")]
"""The display name of a group or the user name of a user in an identity store."""

_PRINCIPAL_ID = _Text(
    pattern=r"([0-9a-f]{10}-)?[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}",
    why="Not the ID of a group or user in an identity store (a UUID). The assignment would fail during the update.",
    instead="Copy the ID from the Identity Center console, or write the name under `group:` or `user:`.",
)
PrincipalId = Annotated[
    str, BeforeValidator(_PRINCIPAL_ID), _PRINCIPAL_ID.schema("0123456789-abcdef01-2345-6789-abcd-ef0123456789")
]
"""The ID of a group or user in an identity store.

Source: https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_DescribeGroup.html
"""

_RESERVED_ROLE = re.compile(r"(?:.*/)?AWSReservedSSO_([\w+=,.@-]{1,32}?)(?:_(?:[0-9a-f]{8,16}|\*)?)?(?:/.*)?", re.ASCII)


def permission_set_of_role(role: str) -> str | None:
    """Return the permission set of a role that Identity Center created, or None for other roles.

    Args:
        role: The role's name, path or ARN, or the ARN of its session. The name is `AWSReservedSSO_<set>_<16 hexadecimal
            digits>` ("Referencing permission sets in resource policies", IAM Identity Center User Guide). The digits
            may be cut off or replaced by a star.
    """
    found = _RESERVED_ROLE.fullmatch(role)
    return found[1] if found else None


_MADE_ELSEWHERE = "Copy the name of a set that is managed elsewhere from the Identity Center console."
_PERMISSION_SET_NAME = _Text(
    pattern=r"[\w+=,.@-]{1,32}",
    why="A permission set's name has 1 to 32 letters, digits and _+=,.@- (no spaces).",
    instead=f"Change the name, e.g. to devops-break-glass. {_MADE_ELSEWHERE}",
)


def _permission_set_name(value: object) -> str:
    if isinstance(value, str) and (of_role := permission_set_of_role(value)):
        raise fault(
            "This is the role that Identity Center created for a permission set in one account. Its suffix changes "
            "when the set is assigned again, so only the set's own name identifies it.",
            f"Write the permission set's name: {of_role}.",
        )
    # A shorter name is only valid if its characters are.
    if isinstance(value, str) and len(value) > 32 and re.fullmatch(r"[\w+=,.@-]+", value, re.ASCII):
        raise fault(
            f"The name has {len(value)} characters, and a permission set's name has at most 32.",
            f"Shorten it, e.g. to {value[:32].rstrip('-_')}. {_MADE_ELSEWHERE}",
        )
    return _PERMISSION_SET_NAME(value)


PermissionSetName = Annotated[
    str, BeforeValidator(_permission_set_name), _PERMISSION_SET_NAME.schema("devops-break-glass")
]
"""The name of a permission set: 1 to 32 characters of `[A-Za-z0-9_+=,.@-]`.

Source: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreatePermissionSet.html
"""

_SESSION_DURATION = _Text(
    pattern=r"PT(?=[0-9])([0-9]{1,2}H)?([0-9]{1,3}M)?",
    why="Not an ISO 8601 duration of hours and minutes.",
    instead="Write PT1H for an hour, PT90M for an hour and a half, at most PT12H.",
)


def seconds(duration: str) -> int:
    """Return the length of a valid duration in seconds: `PT1H30M` is 5400."""
    parts = ((re.search(rf"([0-9]+){unit}", duration), length) for unit, length in (("H", 3600), ("M", 60), ("S", 1)))
    return sum(int(found[1]) * length for found, length in parts if found)


def days(duration: str) -> int:
    """Return the length of a valid duration in whole days: `P7D` is 7."""
    return int(duration.removeprefix("P").removesuffix("D"))


def _session_duration(value: object) -> str:
    text = _SESSION_DURATION(value)
    if not 3600 <= seconds(text) <= 12 * 3600:
        raise fault(
            "Identity Center takes session durations from one hour (PT1H) to twelve hours (PT12H).",
            "Write PT1H. A short session is safer: it stays valid until its end, also after the assignment is removed.",
        )
    return text


SessionDuration = Annotated[str, BeforeValidator(_session_duration), _SESSION_DURATION.schema("PT1H")]
"""The duration of a session of a permission set: ISO 8601, PT1H to PT12H.

Source: https://docs.aws.amazon.com/singlesignon/latest/userguide/howtosessionduration.html
"""


_DURATION = _Text(
    pattern=r"PT(?=[0-9])([0-9]{1,3}H)?([0-9]{1,5}M)?([0-9]{1,6}S)?",
    why="Not an ISO 8601 duration of hours, minutes and seconds (its days have no fixed length).",
    instead="Write e.g. PT10M for ten minutes, PT1H30M for an hour and a half, PT24H for a day.",
)


def _access_duration(value: object) -> str:
    text = _DURATION(value)
    if not 1 <= seconds(text) <= 12 * 3600:
        raise fault(
            "Access lasts from one second (PT1S) to twelve hours (PT12H), the longest session of a permission set.",
            "Write e.g. PT4H. The requester can extend the access before its end.",
        )
    return text


AccessDuration = Annotated[str, BeforeValidator(_access_duration), _DURATION.schema("PT4H")]
"""The duration of access: ISO 8601, PT1S to PT12H."""

_LONGEST_SPAN = 7 * 86_400


def _span(value: object) -> str:
    text = _DURATION(value)
    if not 1 <= seconds(text) <= _LONGEST_SPAN:
        raise fault(
            "The time is from one second (PT1S) to seven days (PT168H).",
            "Write e.g. PT30M.",
        )
    return text


Span = Annotated[str, BeforeValidator(_span), _DURATION.schema("PT30M")]
"""A duration: ISO 8601, PT1S to PT168H."""


def _wait(value: object) -> str:
    text = _DURATION(value)
    return text if seconds(text) == 0 else _span(text)


Wait = Annotated[str, BeforeValidator(_wait), _DURATION.schema("PT10M")]
"""A time to wait: ISO 8601, PT0S (at once) to PT168H."""

_PROBE_INTERVAL = _Text(
    pattern=r"PT([5-9]|[1-5][0-9]|60)M|PT1H|off",
    why="Not an interval of the probe: from five minutes (PT5M) to one hour (PT1H) in whole minutes, or off. Without a "
    "probe, nothing reports that Slack refuses alerts until one is lost.",
    instead="Write PT15M, or leave the key out for the same.",
)
ProbeInterval = Annotated[str, BeforeValidator(_PROBE_INTERVAL), _PROBE_INTERVAL.schema("PT15M")]
"""The interval of the probe: ISO 8601, PT5M to PT1H in whole minutes, or `off`."""

_DRILL_INTERVAL = _Text(
    pattern=r"P[1-7]D",
    why="Not an interval of drills: from one day (P1D) to seven days (P7D).",
    instead="Write {every: P7D} for a drill each week, or {every: P1D} for one each day.",
)


def _drill_setting(value: object) -> object:
    if isinstance(value, bool):
        return value
    if isinstance(value, Mapping) and value.keys() == {"every"}:
        return {"every": _DRILL_INTERVAL(value["every"])}
    raise fault(
        "Expected true, false or an interval. Without drills, a fault of the alert path shows at the first real use.",
        "Write true (drills by hand), false (no drills), or {every: P7D} (one each week as well).",
    )


DrillSetting = Annotated[
    Any,
    BeforeValidator(_drill_setting),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {
                    "type": "object",
                    "properties": {"every": {"type": "string", "pattern": f"^{_DRILL_INTERVAL.pattern}$"}},
                    "required": ["every"],
                    "additionalProperties": False,
                },
            ],
            "examples": [{"every": "P7D"}],
        }
    ),
]
"""True, false, or `{"every": interval}` with an interval of P1D to P7D in whole days (ISO 8601)."""

_ROLL_CALL_INTERVAL = _Text(
    pattern=r"P1D|off",
    why="Not an interval of the roll call: one day (P1D), or off. Without it, nothing reports an account that forwards "
    "no events.",
    instead="Write P1D, or leave the key out for the same.",
)
RollCallInterval = Annotated[str, BeforeValidator(_ROLL_CALL_INTERVAL), _ROLL_CALL_INTERVAL.schema("P1D")]
"""The interval of the roll call: P1D (ISO 8601) or `off`."""

_WITNESS_INTERVAL = _Text(
    pattern=r"PT([1-9]|1[0-9]|2[0-4])H|P1D|off",
    why="Not an interval of the witness: from one hour (PT1H) to one day (P1D) in whole hours, or off.",
    instead="Write PT1H, or leave the key out for no witness.",
)
WitnessInterval = Annotated[str, BeforeValidator(_WITNESS_INTERVAL), _WITNESS_INTERVAL.schema("PT1H")]
"""The interval of the witness: ISO 8601, PT1H to P1D in whole hours, or `off`."""

_REHEARSAL_INTERVAL = _Text(
    pattern=r"P(?=[1-9])([12]?[0-9]{1,2}|3[0-5][0-9]|36[0-6])D",
    why="Not an interval of rehearsals: from one day (P1D) to a year (P366D) in whole days. A door that no one has "
    "opened for a year may not open.",
    instead="Write P90D for one rehearsal each quarter.",
)
RehearsalInterval = Annotated[str, BeforeValidator(_REHEARSAL_INTERVAL), _REHEARSAL_INTERVAL.schema("P90D")]
"""The longest time between two rehearsals: ISO 8601, P1D to P366D in whole days."""

_RULE_NAME = _Text(
    pattern=r"[A-Za-z0-9][A-Za-z0-9_. -]{0,62}[A-Za-z0-9]|[A-Za-z0-9]",
    why="Not a rule's name: 1 to 64 letters, digits, spaces and _.-, with a letter or digit at both ends. Decisions "
    "and the audit trail show it.",
    instead="Name the rule after its purpose, e.g. databases.",
)
RuleName = Annotated[str, BeforeValidator(_RULE_NAME), _RULE_NAME.schema("databases")]
"""The name of an approval rule or a deny rule."""

_RULE_TEXT = _Text(
    pattern=r"(?=[\s\S]{1,500}$)[\s\S]*\S[\s\S]*",
    why="The text is shown in Slack to approvers and refused users: 1 to 500 characters that are not all blank.",
    instead="Write one or two sentences, e.g. These databases hold personal data.",
)
RuleText = Annotated[str, BeforeValidator(_RULE_TEXT), _RULE_TEXT.schema("These databases hold personal data.")]
"""The text of a rule, shown in Slack."""


_REASON = _Text(
    pattern=r"[\s\S]*\S[\s\S]*",
    why="The reason is blank, so a later reader can't tell a decision from an accident.",
    instead="Write a sentence, e.g. A restore of the largest database takes three hours.",
)
Reason = Annotated[
    str, BeforeValidator(_REASON), _REASON.schema("A restore of the largest database takes three hours.")
]
"""The reason of a decision, for the reader of the stack file: any text that is not blank."""

_CUSTOMER_POLICY_NAME = _Text(
    pattern=r"[\w+=,.@-]{1,128}",
    why="Not the name of an IAM policy. A policy of this name must exist in every account of the assignments.",
    instead="Write the policy's name, not its ARN, e.g. rds-guardrails.",
)
CustomerPolicyName = Annotated[
    str, BeforeValidator(_CUSTOMER_POLICY_NAME), _CUSTOMER_POLICY_NAME.schema("rds-guardrails")
]
"""The name of a customer-managed IAM policy."""

_IAM_PATH = _Text(
    pattern=r"/([A-Za-z0-9.,+@=_-]+/){0,512}",
    why="Not an IAM path: it begins and ends with a slash. The policy would not be found in the accounts.",
    instead="Write the path as in the policy's ARN, e.g. / or /teams/database/.",
)
IamPath = Annotated[str, BeforeValidator(_IAM_PATH), _IAM_PATH.schema("/")]
"""The path of an IAM policy."""


def _watched_path(value: object) -> str:
    instead = "Give the break-glass roles a path of their own, and write that, e.g. /break-glass/."
    if value == "/":
        raise fault("Each role is below this path, so each start of any session would be forwarded.", instead)
    if isinstance(value, str) and value.startswith(("/aws-", "/service-role/")):
        raise fault(
            "AWS makes the roles below this path, and its services use them all the time. Permission sets are watched "
            "without it.",
            instead,
        )
    if not isinstance(value, str) or re.fullmatch(_IAM_PATH.pattern, value, re.ASCII) is None:
        raise fault("Not an IAM path: it begins and ends with a slash. No role would be below it.", instead)
    return value


WatchedPath = Annotated[str, BeforeValidator(_watched_path), _IAM_PATH.schema("/break-glass/")]
"""The path of IAM roles for emergencies, e.g. `/break-glass/`."""


@dataclass(frozen=True)
class _TagText:
    r"""A validator: the value has only characters that AWS accepts in tags, of any script.

    Source: `[\p{L}\p{Z}\p{N}_.:/=+\-@]*` (`Tag` in the IAM API Reference).
    """

    what: str
    shortest: int
    longest: int
    instead: str

    def __call__(self, value: object) -> str:
        rule = (
            f"{self.what} has {self.shortest} to {self.longest} characters: letters of any script, digits, spaces and "
            "_ . : / = + - @."
        )
        if not isinstance(value, str):
            raise fault(f"Expected a string, got {yaml_kind(value)}. {rule}", self.instead)
        wrong = [char for char in value if unicodedata.category(char)[0] not in "LNZ" and char not in "_.:/=+-@"]
        if wrong:
            raise fault(f"{rule} U+{ord(wrong[0]):04X} ({_name_of(wrong[0])}) is not allowed.", self.instead)
        if not self.shortest <= len(value) <= self.longest:
            raise fault(f"{rule} This value has {len(value)}.", self.instead)
        return value

    def schema(self, example: str) -> WithJsonSchema:
        limits = {"minLength": self.shortest, "maxLength": self.longest}
        return WithJsonSchema({"type": "string", **limits, "examples": [example]})


def _name_of(char: str) -> str:
    return unicodedata.name(char, "a control character").lower()


_TAG_KEY = _TagText("A tag's key", 1, 128, "Change the key, e.g. to team.")


def _tag_key(value: object) -> str:
    if isinstance(value, str) and value.lower().startswith("aws:"):
        raise fault("AWS reserves the tag keys that begin with aws:.", _TAG_KEY.instead)
    return _TAG_KEY(value)


TagKey = Annotated[str, BeforeValidator(_tag_key), _TAG_KEY.schema("team")]
"""The key of a tag that every AWS service accepts."""

_TAG_VALUE = _TagText("A tag's value", 0, 256, 'Change the value; put numbers and true/false in quotes, e.g. "1234".')
TagValue = Annotated[str, BeforeValidator(_TAG_VALUE), _TAG_VALUE.schema("platform")]
"""The value of a tag that every AWS service accepts."""


# --- Slack, mail, the web ------------------------------------------------------------------------------------------

_SLACK_CHANNEL_ID = _Text(
    pattern=r"[CG][A-Z0-9]{6,}",
    why="Not the ID of a Slack channel, which begins with C or G. A channel's name can change, and every alert would "
    "then be lost silently. Only one person reads a direct message (D...) or a user's messages (U...).",
    instead="In Slack, open the channel, click its name at the top, and copy the channel ID at the end of the page "
    "`About`; it looks like C0123456789.",
)
SlackChannelId = Annotated[str, BeforeValidator(_SLACK_CHANNEL_ID), _SLACK_CHANNEL_ID.schema("C0123456789")]
"""The ID of a Slack channel, as `chat.postMessage` takes it."""

_SLACK_USER_ID = _Text(
    pattern=r"[UW][A-Z0-9]{6,}",
    why="Not a Slack member ID, which begins with U or W. Any user can change their name and handle in Slack, so these "
    "prove nothing.",
    instead="In Slack, open the person's profile, and copy the member ID in the menu behind the three dots.",
)
SlackUserId = Annotated[str, BeforeValidator(_SLACK_USER_ID), _SLACK_USER_ID.schema("U0123ABCD")]
"""The member ID of a user in Slack."""

_SLACK_GROUP_ID = _Text(
    pattern=r"S[A-Z0-9]{6,}",
    why="Not the ID of a Slack user group, which begins with S. Slack notifies no one of a handle such as @oncall in "
    "an app's message.",
    instead="In Slack, open the user group in the directory, and copy the group ID in the menu behind the three dots; "
    "it looks like S0123ABCD.",
)
SlackGroupId = Annotated[str, BeforeValidator(_SLACK_GROUP_ID), _SLACK_GROUP_ID.schema("S0123ABCD")]
"""The ID of a user group in Slack, for a mention.

Source: https://docs.slack.dev/messaging/formatting-message-text ("Mentioning groups")
"""

_EMAIL_ADDRESS = _Text(
    pattern=r"(?=.{3,254}$)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}",
    why="Not an e-mail address. No mail would report a failed alert while Slack is down.",
    instead="Write one plain address for each list entry, without a display name, e.g. oncall@example.com.",
)
EmailAddress = Annotated[str, BeforeValidator(_EMAIL_ADDRESS), _EMAIL_ADDRESS.schema("oncall@example.com")]
"""An e-mail address."""

_PAGER_NAME = _Text(
    pattern=r"[a-z][a-z0-9-]{0,31}",
    why="Not the name of a pager: a lower-case letter, then up to 31 lower-case letters, digits and hyphens. The name "
    "identifies the subscription and is readable everywhere, unlike the address.",
    instead="Name the pager after its service or team, e.g. pagerduty.",
)
PagerName = Annotated[str, BeforeValidator(_PAGER_NAME), _PAGER_NAME.schema("pagerduty")]
"""The name of a pager: 1 to 32 characters of `[a-z0-9-]`, a letter first."""

_URL = _Text(
    # Quotes, backslashes and angle brackets would break the message template that holds the URL.
    pattern=r"https?://[^\s\x22'\\<>`{}|^\x00-\x1f\x7f]{1,2000}",
    why="Not a URL that a Slack button can open and EventBridge can call.",
    instead="Write the whole URL in ASCII, beginning with https://, e.g. https://wiki.example.com/post-mortem.",
)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parts(url: str) -> SplitResult | None:
    """Return the parts of a URL, or None if it has no host or an impossible port."""
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:
        return None


def _https_url(value: object) -> str:
    text = _URL(value)
    parts = _parts(text)
    if parts is None or not text.isascii():
        raise fault(_URL.why, _URL.instead)
    if parts.username is not None or parts.password is not None:
        raise fault(
            "The URL contains a user name or password, which every reader of the alert would see.",
            f"Remove the part before the @: {parts.scheme}://{parts.hostname}{parts.path}",
        )
    if parts.scheme == "http" and not _is_loopback(cast(str, parts.hostname)):
        raise fault(
            "Without TLS the alert would be sent in clear text. Plain http is for loopback addresses only.",
            f"Begin with https://: https{text.removeprefix('http')}",
        )
    return text


HttpsUrl = Annotated[str, BeforeValidator(_https_url), _URL.schema("https://wiki.example.com/post-mortem")]
"""A URL with https; http only for loopback addresses, which the local cloud uses."""
