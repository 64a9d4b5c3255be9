"""The vocabulary of the stack file and of the component arguments, as annotated types for pydantic.

Each type is a pure validator behind an `Annotated` alias. A validator answers a bad value with what is wrong, why it
matters, and what to write instead (`fault`).

Non-goals: nothing here knows how values relate to each other (see `stack`), asks AWS, or imports pulumi. Only
`PolicyFile` looks at anything but the value: at the file that it names.
"""

import ipaddress
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, ValidationError, ValidationInfo, WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from breakglass.iam.policy_text import arn_parts, placeholders, repeated_keys, unknown_arn_parts

FAULT = "breakglass"
"""The pydantic error type of everything `fault` makes; its `ctx` holds `why` and `instead`."""

Location = tuple[str | int, ...]
"""Where a value is below another one: keys and list indexes."""

Fault = tuple[Location, object, PydanticCustomError]
"""A location, the offending value there, and what `fault` says about it."""


def fault(why: str, instead: str) -> PydanticCustomError:
    """Make the error a validator raises.

    Args:
        why: What is wrong with the value and why it matters.
        instead: What to write instead.
    """
    return PydanticCustomError(FAULT, "{why} {instead}", {"why": why, "instead": instead})


def faults(*found: Fault) -> ValidationError:
    """Make one error of several faults below the value under validation."""
    details = [InitErrorDetails(type=error, loc=loc, input=value) for loc, value, error in found]
    return ValidationError.from_exception_data(FAULT, details)


def yaml_kind(value: object) -> str:
    """Name the type of a value in the words of YAML, e.g. `a number`."""
    match value:
        case None:
            return "an empty value"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise fault(
            "A whole number belongs here, and this is true or false; read as a number it would be 1 or 0, which "
            "nobody meant.",
            "Write a number, or leave the key out for the default.",
        )
    return value


NO_BOOL = BeforeValidator(_no_bool)
"""Beside `int` in an annotation: refuses true and false, which pydantic takes for 1 and 0.

Not strict: Pulumi sends the arguments of a remote component as floats, and 5.0 is a whole number.
"""


@dataclass(frozen=True)
class _Text:
    """A validator: the value is a text that matches a pattern from end to end (by ASCII rules)."""

    pattern: str
    why: str
    instead: str

    def __call__(self, value: object) -> str:
        if not isinstance(value, str):
            raise fault(f"A text belongs here, and this is {yaml_kind(value)}. {self.why}", self.instead)
        if re.fullmatch(self.pattern, value, re.ASCII) is None:
            raise fault(self.why, self.instead)
        return value

    def schema(self, example: str) -> WithJsonSchema:
        return WithJsonSchema({"type": "string", "pattern": f"^(?:{self.pattern})$", "examples": [example]})


# --- accounts, regions, ARNs ---------------------------------------------------------------------------------------

_ACCOUNT_ID = _Text(
    pattern=r"[0-9]{12}",
    why="An AWS account id has exactly twelve digits; any other value names no account, so nobody would get access.",
    instead='Write all twelve digits in quotes, e.g. "111122223333".',
)


def _account_id(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        digits = str(value) if isinstance(value, int) else f"{value:.0f}"
        raise fault(
            "YAML reads an account id without quotes as a number: a leading zero is lost, and an id of digits below 8 "
            "that begins with 0 is even read as octal. Which account was meant can't be told for certain any more.",
            f'Put the id in quotes, with all twelve digits: "{digits if len(digits) == 12 else "012345678901"}" (with '
            "`pulumi config set --path`, add `--type string`).",
        )
    return _ACCOUNT_ID(value)


AccountId = Annotated[str, BeforeValidator(_account_id), _ACCOUNT_ID.schema("111122223333")]
"""An AWS account id: twelve digits, as a text."""

_REGION = _Text(
    pattern=r"(us-gov|us|eu|ap|ca|sa|me|af|il|mx|cn)-(central|(north|south)(east|west)?|east|west)-[0-9]{1,2}",
    why="This is no region code of the partitions aws, aws-cn and aws-us-gov; each rule lives in exactly one region.",
    instead="Write the region's code as in `aws configure`, e.g. eu-central-1 (no zone letter, no display name).",
)


def _region(value: object) -> str:
    if isinstance(value, str) and re.match(r"[a-z]+-iso[a-z]*-|eusc-", value):
        raise fault(
            "The isolated regions and the European Sovereign Cloud are partitions of their own, with other ARNs and "
            "service addresses; the event patterns of this package are not made for them, so no use would be seen.",
            "Write a region of the partition aws, aws-cn or aws-us-gov, e.g. eu-central-1 or us-gov-west-1.",
        )
    return _REGION(value)


Region = Annotated[str, BeforeValidator(_region), _REGION.schema("eu-central-1")]
"""An AWS region code in the partition aws, aws-cn or aws-us-gov.

Source: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
"""

_ROLE_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role/([\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
    why="This is no ARN of an IAM role; the rule compares the whole ARN, so anything else would never match a use.",
    instead="Copy the ARN from `aws iam get-role`, path included, e.g. arn:aws:iam::111122223333:role/emergency.",
)


def _role_arn(value: object) -> str:
    if isinstance(value, str) and ":role/aws-reserved/" in value:
        raise fault(
            "Identity Center makes this role, and makes it anew with another name suffix when its last assignment in "
            "an account goes and a new one comes: a rule on this ARN would fall silent without notice.",
            f"Watch the permission set instead: put {permission_set_of_role(value) or 'its name'} under "
            "`watch.permissionSets`.",
        )
    return _ROLE_ARN(value)


RoleArn = Annotated[str, BeforeValidator(_role_arn), _ROLE_ARN.schema("arn:aws:iam::111122223333:role/emergency")]
"""The ARN of an IAM role that is not made by Identity Center."""

_POLICY_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):iam::aws:policy/([\w+=,.@-]+/)*[\w+=,.@-]{1,128}",
    why="This is no ARN of an AWS managed policy, and by ARN Identity Center attaches no other kind.",
    instead="Write e.g. arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess. A policy of your own goes by name under "
    "`customerManagedPolicies: [{name: ..., path: /}]` and must exist in every account of the assignments.",
)
PolicyArn = Annotated[
    str, BeforeValidator(_POLICY_ARN), _POLICY_ARN.schema("arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess")
]
"""The ARN of an AWS managed policy (the only kind a permission set takes by ARN).

Source: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_AttachManagedPolicyToPermissionSet.html
"""

_KMS_KEY_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):kms:[a-z0-9-]+:[0-9]{12}:key/[0-9A-Za-z-]+",
    why="This is no ARN of a KMS key. An alias won't do: it can be moved to another key, and a policy can't name it.",
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
    why="This is no ARN of a KMS key, an S3 bucket or a secret. For other services it is not known what may be read.",
    instead="Write e.g. arn:aws:secretsmanager:*:*:secret:slack/bot-token-?????? or arn:aws:s3:::org-trail/*.",
)
ProtectedArn = Annotated[str, BeforeValidator(_PROTECTED_ARN), _PROTECTED_ARN.schema("arn:aws:s3:::org-trail/*")]
"""An ARN pattern of what a break-glass set is denied to change."""

_SECRET_NAME = _Text(
    pattern=r"[A-Za-z0-9/_+=.@-]{1,512}",
    why="This is no name of a Secrets Manager secret (1 to 512 characters out of letters, digits and /_+=.@-).",
    instead="Write the secret's name as in the Secrets Manager console, not its ARN, e.g. breakglass-slack-bot-token.",
)
SecretName = Annotated[str, BeforeValidator(_SECRET_NAME), _SECRET_NAME.schema("breakglass-slack-bot-token")]
"""The name of a secret in Secrets Manager."""

_BUCKET_NAME = _Text(
    pattern=r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
    why="This is no name of an S3 bucket (3 to 63 characters out of small letters, digits, dots and hyphens).",
    instead="Write the bucket's name, not its ARN, e.g. org-trail-111122223333.",
)
BucketName = Annotated[str, BeforeValidator(_BUCKET_NAME), _BUCKET_NAME.schema("org-trail-111122223333")]
"""The name of an S3 bucket."""


# --- Identity Center -----------------------------------------------------------------------------------------------

_INSTANCE_ARN = _Text(
    pattern=r"arn:(aws|aws-cn|aws-us-gov):sso:::instance/(sso)?ins-[a-zA-Z0-9.-]{16}",
    why="This is no ARN of an Identity Center instance, so no permission set could be made in it.",
    instead="Copy InstanceArn from `aws sso-admin list-instances`, or leave the key out: then it is looked up.",
)
InstanceArn = Annotated[
    str, BeforeValidator(_INSTANCE_ARN), _INSTANCE_ARN.schema("arn:aws:sso:::instance/ssoins-1234567890abcdef")
]
"""The ARN of an Identity Center instance.

Source: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_InstanceMetadata.html
"""

_IDENTITY_STORE_ID = _Text(
    pattern=r"d-[0-9a-f]{10}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    why="This is no id of an identity store, so no group or user could be found in it.",
    instead="Copy IdentityStoreId from `aws sso-admin list-instances`, or leave the key out: then it is looked up.",
)
IdentityStoreId = Annotated[str, BeforeValidator(_IDENTITY_STORE_ID), _IDENTITY_STORE_ID.schema("d-1234567890")]
"""The id of the identity store behind an Identity Center instance.

Source: https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_DescribeGroup.html
"""

_DESCRIPTION = _Text(
    pattern=r"[\t\n\r\x20-\x7e\xa1-\xff]{1,700}",
    why="A permission set's description has 1 to 700 characters of Latin-1: Identity Center refuses long dashes, curly "
    "quotes, the euro sign and every other alphabet.",
    instead="Rewrite it with plain punctuation, e.g. Emergency changes to RDS databases.",
)
Description = Annotated[str, BeforeValidator(_DESCRIPTION), _DESCRIPTION.schema("Emergency changes to RDS databases.")]
"""The description of a permission set.

Source: https://docs.aws.amazon.com/singlesignon/latest/APIReference/API_CreatePermissionSet.html
"""

_PRINCIPAL_NAME = _Text(
    pattern=r"\S(.{0,1022}\S)?",
    why="The name is looked up in the identity store exactly as written, so it can be neither empty nor begin or end "
    "with a space.",
    instead="Copy the group's display name or the user's name from the Identity Center console.",
)
PrincipalName = Annotated[str, BeforeValidator(_PRINCIPAL_NAME), _PRINCIPAL_NAME.schema("database-oncall")]
"""The display name of a group or the user name of a user in an identity store."""

_PRINCIPAL_ID = _Text(
    pattern=r"([0-9a-f]{10}-)?[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}",
    why="This is no id of a group or user in an identity store (a UUID), so the assignment would fail half-way.",
    instead="Copy the id from the Identity Center console, or give the name with `group:` or `user:` instead.",
)
PrincipalId = Annotated[
    str, BeforeValidator(_PRINCIPAL_ID), _PRINCIPAL_ID.schema("0123456789-abcdef01-2345-6789-abcd-ef0123456789")
]
"""The id of a group or user in an identity store.

Source: https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_DescribeGroup.html
"""

_RESERVED_ROLE = re.compile(r"(?:.*/)?AWSReservedSSO_([\w+=,.@-]{1,32}?)(?:_(?:[0-9a-f]{8,16}|\*)?)?(?:/.*)?", re.ASCII)


def permission_set_of_role(role: str) -> str | None:
    """Return the permission set of a role that Identity Center made, by the role's name, path or ARN, else None.

    The ARN of a session of the role will do, too. The name is `AWSReservedSSO_<set>_<16 hexadecimal digits>`
    ("Referencing permission sets in resource policies", IAM Identity Center User Guide). The digits may be cut off, or
    a star stand for them.
    """
    found = _RESERVED_ROLE.fullmatch(role)
    return found[1] if found else None


_MADE_ELSEWHERE = "The name of a set that is managed elsewhere is in the Identity Center console: copy it from there."
_PERMISSION_SET_NAME = _Text(
    pattern=r"[\w+=,.@-]{1,32}",
    why="A permission set's name has 1 to 32 characters out of letters, digits and _+=,.@- (no spaces).",
    instead=f"Respell the name, e.g. devops-break-glass. {_MADE_ELSEWHERE}",
)


def _permission_set_name(value: object) -> str:
    if isinstance(value, str) and (of_role := permission_set_of_role(value)):
        raise fault(
            "This is the role that Identity Center made for a permission set in one account. Its last part changes "
            "when the set is assigned anew, so the set is known by its own name only.",
            f"Write the permission set's name: {of_role}.",
        )
    # To shorten a name helps only if its characters are right.
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
    why="A session duration is written as an ISO 8601 duration of hours and minutes.",
    instead="Write PT1H for an hour, PT90M for an hour and a half, at most PT12H.",
)


def seconds(duration: str) -> int:
    """Return the length of a valid duration in seconds: `PT1H30M` is 5400."""
    parts = ((re.search(rf"([0-9]+){unit}", duration), length) for unit, length in (("H", 3600), ("M", 60), ("S", 1)))
    return sum(int(found[1]) * length for found, length in parts if found)


def _session_duration(value: object) -> str:
    text = _SESSION_DURATION(value)
    if not 3600 <= seconds(text) <= 12 * 3600:
        raise fault(
            "Identity Center takes session durations from one hour (PT1H) to twelve hours (PT12H).",
            "Write PT1H; a live session can't be ended by taking the assignment away, so short is safe.",
        )
    return text


SessionDuration = Annotated[str, BeforeValidator(_session_duration), _SESSION_DURATION.schema("PT1H")]
"""How long a session of a permission set lives: ISO 8601, PT1H to PT12H.

Source: https://docs.aws.amazon.com/singlesignon/latest/userguide/howtosessionduration.html
"""


_DURATION = _Text(
    pattern=r"PT(?=[0-9])([0-9]{1,3}H)?([0-9]{1,5}M)?([0-9]{1,6}S)?",
    why="A duration is written as an ISO 8601 duration of hours, minutes and seconds; days have no fixed length in it.",
    instead="Write e.g. PT10M for ten minutes, PT1H30M for an hour and a half, PT24H for a day.",
)


def _access_duration(value: object) -> str:
    text = _DURATION(value)
    if not 1 <= seconds(text) <= 12 * 3600:
        raise fault(
            "Access lasts from one second (PT1S) to twelve hours (PT12H): what is needed longer is no emergency, and "
            "no session of a permission set lives longer either.",
            "Write e.g. PT4H. Whoever needs more time asks for it with `Extend` before the end.",
        )
    return text


AccessDuration = Annotated[str, BeforeValidator(_access_duration), _DURATION.schema("PT4H")]
"""How long access lasts: ISO 8601, PT1S to PT12H."""

_LONGEST_SPAN = 7 * 86_400


def _span(value: object) -> str:
    text = _DURATION(value)
    if not 1 <= seconds(text) <= _LONGEST_SPAN:
        raise fault(
            "The time is from one second (PT1S) to seven days (PT168H): after a week nobody remembers what it was "
            "about.",
            "Write e.g. PT30M.",
        )
    return text


Span = Annotated[str, BeforeValidator(_span), _DURATION.schema("PT30M")]
"""A time that something takes: ISO 8601, PT1S to PT168H."""


def _wait(value: object) -> str:
    text = _DURATION(value)
    return text if seconds(text) == 0 else _span(text)


Wait = Annotated[str, BeforeValidator(_wait), _DURATION.schema("PT10M")]
"""A time to wait before something: ISO 8601, PT0S (at once) to PT168H."""

_RULE_NAME = _Text(
    pattern=r"[A-Za-z0-9][A-Za-z0-9_. -]{0,62}[A-Za-z0-9]|[A-Za-z0-9]",
    why="A rule's name is in every decision and in the audit trail: 1 to 64 letters, digits, spaces and _.-, beginning "
    "and ending with a letter or digit.",
    instead="Name the rule after what it is for, e.g. databases.",
)
RuleName = Annotated[str, BeforeValidator(_RULE_NAME), _RULE_NAME.schema("databases")]
"""The name of an approval rule or a deny rule."""

_RULE_TEXT = _Text(
    pattern=r"(?=[\s\S]{1,500}$)[\s\S]*\S[\s\S]*",
    why="The text is shown in Slack to whoever decides or is refused: 1 to 500 characters that are not all blank.",
    instead="Write one or two sentences, e.g. These databases hold personal data.",
)
RuleText = Annotated[str, BeforeValidator(_RULE_TEXT), _RULE_TEXT.schema("These databases hold personal data.")]
"""What a rule tells people."""


_REASON = _Text(
    pattern=r"[\s\S]*\S[\s\S]*",
    why="The reason is blank, so whoever reads the stack file later can't tell a decision from an accident.",
    instead="Write a sentence, e.g. A restore of the largest database takes three hours.",
)
Reason = Annotated[
    str, BeforeValidator(_REASON), _REASON.schema("A restore of the largest database takes three hours.")
]
"""Why something was decided, for the reader of the stack file: any text that is not blank."""

_CUSTOMER_POLICY_NAME = _Text(
    pattern=r"[\w+=,.@-]{1,128}",
    why="This is no name of an IAM policy; in every account of the assignments a policy with this name must exist.",
    instead="Write the policy's name, not its ARN, e.g. rds-guardrails.",
)
CustomerPolicyName = Annotated[
    str, BeforeValidator(_CUSTOMER_POLICY_NAME), _CUSTOMER_POLICY_NAME.schema("rds-guardrails")
]
"""The name of a customer-managed IAM policy."""

_IAM_PATH = _Text(
    pattern=r"/([A-Za-z0-9.,+@=_-]+/){0,512}",
    why="An IAM path begins and ends with a slash; with any other text the policy isn't found in the accounts.",
    instead="Write the path as in the policy's ARN, e.g. / or /teams/database/.",
)
IamPath = Annotated[str, BeforeValidator(_IAM_PATH), _IAM_PATH.schema("/")]
"""The path of an IAM policy."""


@dataclass(frozen=True)
class _TagText:
    r"""A validator: the value is a text of the characters that AWS takes in tags, in any script.

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
            raise fault(f"A text belongs here, and this is {yaml_kind(value)}. {rule}", self.instead)
        wrong = [char for char in value if unicodedata.category(char)[0] not in "LNZ" and char not in "_.:/=+-@"]
        if wrong:
            raise fault(f"{rule} U+{ord(wrong[0]):04X} ({_name_of(wrong[0])}) is none of them.", self.instead)
        if not self.shortest <= len(value) <= self.longest:
            raise fault(f"{rule} This one has {len(value)}.", self.instead)
        return value

    def schema(self, example: str) -> WithJsonSchema:
        limits = {"minLength": self.shortest, "maxLength": self.longest}
        return WithJsonSchema({"type": "string", **limits, "examples": [example]})


def _name_of(char: str) -> str:
    return unicodedata.name(char, "a control character").lower()


_TAG_KEY = _TagText("A tag's key", 1, 128, "Respell the key, e.g. team.")


def _tag_key(value: object) -> str:
    if isinstance(value, str) and value.lower().startswith("aws:"):
        raise fault("A tag's key with aws: in front is AWS's own.", _TAG_KEY.instead)
    return _TAG_KEY(value)


TagKey = Annotated[str, BeforeValidator(_tag_key), _TAG_KEY.schema("team")]
"""The key of a tag that every AWS service takes."""

_TAG_VALUE = _TagText("A tag's value", 0, 256, 'Respell the value; put numbers and true/false in quotes, e.g. "1234".')
TagValue = Annotated[str, BeforeValidator(_TAG_VALUE), _TAG_VALUE.schema("platform")]
"""The value of a tag that every AWS service takes."""


# --- Slack, mail, the web ------------------------------------------------------------------------------------------

_SLACK_CHANNEL_ID = _Text(
    pattern=r"[CG][A-Z0-9]{6,}",
    why="Slack wants the channel's ID, which begins with C or G: a channel's name can change, and then every alert is "
    "lost in silence. A direct message (D...) or a user (U...) is read by one person only.",
    instead="In Slack, open the channel, click its name at the top, and copy the channel ID at the end of the page "
    "`About`; it looks like C0123456789.",
)
SlackChannelId = Annotated[str, BeforeValidator(_SLACK_CHANNEL_ID), _SLACK_CHANNEL_ID.schema("C0123456789")]
"""The ID of a Slack channel, as `chat.postMessage` takes it."""

_SLACK_USER_ID = _Text(
    pattern=r"[UW][A-Z0-9]{6,}",
    why="Slack knows a person by their member ID, which begins with U or W. Names and handles in Slack can be chosen "
    "and changed by anybody, so they prove nothing.",
    instead="In Slack, open the person's profile, and copy the member ID in the menu behind the three dots.",
)
SlackUserId = Annotated[str, BeforeValidator(_SLACK_USER_ID), _SLACK_USER_ID.schema("U0123ABCD")]
"""The ID of a person in Slack."""

_EMAIL_ADDRESS = _Text(
    pattern=r"(?=.{3,254}$)[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9-]+\.)+[A-Za-z]{2,}",
    why="This is no e-mail address, so nobody would hear of a failed alert while Slack is what is broken.",
    instead="Write one plain address a list entry, without a display name, e.g. oncall@example.com.",
)
EmailAddress = Annotated[str, BeforeValidator(_EMAIL_ADDRESS), _EMAIL_ADDRESS.schema("oncall@example.com")]
"""An e-mail address."""

_URL = _Text(
    # Quotes, backslashes and angle brackets would break the message template the address is put into.
    pattern=r"https?://[^\s\x22'\\<>`{}|^\x00-\x1f\x7f]{1,2000}",
    why="This is no web address that a Slack button can open and EventBridge can call.",
    instead="Write the whole address in ASCII with https:// in front, e.g. https://wiki.example.com/post-mortem.",
)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parts(url: str) -> SplitResult | None:
    """Split an address, or return None if it has no host or an impossible port."""
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
            "The address contains a user name or password, which everybody who reads the alert would see.",
            f"Leave out what is before the @: {parts.scheme}://{parts.hostname}{parts.path}",
        )
    if parts.scheme == "http" and not _is_loopback(cast(str, parts.hostname)):
        raise fault(
            "Without TLS, who gets access and why would travel in clear; plain http is for loopback addresses only.",
            f"Write https:// in front: https{text.removeprefix('http')}",
        )
    return text


HttpsUrl = Annotated[str, BeforeValidator(_https_url), _URL.schema("https://wiki.example.com/post-mortem")]
"""A web address with https; http only for loopback addresses, which the local cloud uses."""


# --- IAM policies --------------------------------------------------------------------------------------------------

_STATEMENT_KEYS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})


def policy_document(value: object) -> dict[str, Any]:
    """Return a policy given as a mapping or as JSON text as a mapping, or raise what is wrong with it."""
    document = parse_policy(value) if isinstance(value, str) else value
    if not isinstance(document, dict):
        raise fault(
            f"An IAM policy is a mapping with Version and Statement, and this is {yaml_kind(document)}.",
            'Write {Version: "2012-10-17", Statement: [{Effect: Allow, Action: [...], Resource: [...]}]}.',
        )
    found = list(_document_faults(document))
    statements = document.get("Statement")
    if isinstance(statements, dict):
        found += _statement_faults(("Statement",), statements)
    elif isinstance(statements, list):
        for index, statement in enumerate(statements):
            found += _statement_faults(("Statement", index), statement)
    if found:
        raise faults(*found)
    return cast(dict[str, Any], document)


def parse_policy(text: str) -> object:
    """Return what the JSON text says, whether it is a policy or not; raise if it is no JSON or has a key twice."""
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise fault(
            f"The text is not valid JSON ({error}), so AWS would refuse it as a policy in the middle of the update.",
            "Correct the JSON, or write the policy as YAML without quotes around it.",
        ) from None
    repeated = [
        _at(
            path,
            path[-1],
            f"The key is given twice, in {f'line {line}' if first == line else f'lines {first} and {line}'} of the "
            "policy: only the last one would count, and what the first one says would be lost, even a Deny.",
            "Delete one of the two, or join them: a condition operator takes several keys, a key several values, and "
            "Statement is one list.",
        )
        for path, first, line in repeated_keys(text)
    ]
    if repeated:
        raise faults(*repeated)
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _document_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    version, statements = document.get("Version"), document.get("Statement")
    if version != "2012-10-17":
        yield _at(
            ("Version",),
            version,
            "Only the policy language of 2012-10-17 knows policy variables: in the older one, `${aws:username}` is "
            "plain text. (YAML reads a date without quotes as a time.)",
            'Write Version: "2012-10-17", with the quotes.',
        )
    if not isinstance(statements, (dict, list)) or not statements:
        yield _at(
            ("Statement",),
            statements,
            "A policy without a statement allows nothing.",
            "Write Statement: [{Effect: Allow, Action: [...], Resource: [...]}], or leave the policy out.",
        )
    for key in sorted(document.keys() - {"Version", "Id", "Statement"}, key=str):
        yield _at(
            (key,),
            document[key],
            "A policy has no such element, and AWS refuses it.",
            "A policy has Version, Statement and, if wanted, Id.",
        )


def _statement_faults(at: Location, statement: object) -> Iterator[Fault]:
    if not isinstance(statement, dict):
        why = f"A statement is a mapping with Effect, Action and Resource, not {yaml_kind(statement)}."
        yield _at(at, statement, why, "Write {Effect: Allow, Action: [...], Resource: [...]}.")
        return
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        why = "A statement without a valid Effect allows nothing, and AWS refuses it (upper and lower case matter)."
        yield _at((*at, "Effect"), effect, why, "Write Effect: Allow or Effect: Deny.")
    yield from _element_faults(
        at, statement, "Action", r"\*(:\*)?|[A-Za-z0-9-]+:[A-Za-z0-9*?]+", "rds:CreateDBSnapshot"
    )
    yield from _element_faults(at, statement, "Resource", r"\*|arn:.+", "arn:aws:rds:*:*:snapshot:*")
    yield from _condition_faults((*at, "Condition"), statement.get("Condition", {}))
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not re.fullmatch(r"[A-Za-z0-9]*", sid):
        yield _at(
            (*at, "Sid"), sid, "AWS refuses a Sid that is not made of letters and digits only.", "Write e.g. Restore."
        )
    for key in sorted(statement.keys() - _STATEMENT_KEYS, key=str):
        reason = " It applies to whoever has the role." if str(key).endswith("Principal") else ""
        yield _at(
            (*at, str(key)),
            statement[key],
            f"A statement of a permission set's policy has no such element.{reason}",
            f"The elements are {', '.join(sorted(_STATEMENT_KEYS))}.",
        )


def _element_faults(
    at: Location, statement: Mapping[str, Any], element: str, pattern: str, example: str
) -> Iterator[Fault]:
    """Check one of Action and Resource, which both come plain and as Not..., and single and as a list."""
    given = [key for key in (element, f"Not{element}") if key in statement]
    if len(given) != 1:
        why = f"A statement has exactly one of {element} and Not{element}, and this one has {len(given)}."
        yield _at(at, statement, why, f"Write {element}: [{example}].")
        return
    value = statement[given[0]]
    entries = list(_each((*at, given[0]), value))
    if not entries:
        yield _at((*at, given[0]), value, "The list is empty.", f"Write one or more such as {example}.")
    for loc, entry in entries:
        if not isinstance(entry, str) or re.fullmatch(pattern, entry) is None:
            why = f"This is no {element.lower()} of an IAM policy; AWS refuses it, or it silently matches nothing."
            yield _at(loc, entry, why, f"Write e.g. {example}.")
        elif element == "Resource":
            yield from _resource_faults(loc, entry)


def _resource_faults(at: Location, resource: str) -> Iterator[Fault]:
    if unknown := unknown_arn_parts(resource):
        yield _at(
            at,
            resource,
            f"Not possible before the fifth colon of an ARN: {_quoted(unknown)}. IAM replaces nothing there, not even "
            "its own policy variables, so the entry would match nothing.",
            "Write the value itself: the partition, the service, the region, the account ID, or * for any.",
        )
    yield from _placeholder_faults(at, resource, "".join(arn_parts(resource)[5:]))


def _each(at: Location, value: object) -> Iterator[tuple[Location, object]]:
    """Yield every entry of a list with its place, or the single value that stands instead of one."""
    yield from (
        (((*at, index), entry) for index, entry in enumerate(value)) if isinstance(value, list) else [(at, value)]
    )


def _placeholder_faults(at: Location, entry: str, replaced_in: str) -> Iterator[Fault]:
    """Complain about placeholders in the part of an entry where IAM replaces policy variables."""
    if found := placeholders(replaced_in):
        yield _at(
            at,
            entry,
            f"Not an IAM policy variable: {_quoted(found)}. Nothing replaces it, so the entry would match nothing.",
            "Write the value itself, or a policy variable such as ${aws:username}; for the characters themselves write "
            "${$}, ${*} or ${?}.",
        )


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _condition_faults(at: Location, condition: object) -> Iterator[Fault]:
    """Check that a condition is `{operator: {key: value or values}}`."""
    if not isinstance(condition, dict):
        yield _at(at, condition, "A condition is a mapping of operators.", _CONDITION_EXAMPLE)
        return
    for operator, keys in condition.items():
        if not isinstance(keys, dict):
            why = "Below a condition's operator are condition keys, each with one value or a list of them."
            yield _at((*at, str(operator)), keys, why, _CONDITION_EXAMPLE)
            continue
        for key, value in keys.items():
            # No operator, key or tag has one of these characters.
            if named := [name for name in (str(operator), str(key)) if re.search("[${}<>]", name)]:
                why = "A name of a condition operator or key holds a placeholder, and nothing is replaced in a name."
                yield _at((*at, str(operator), str(key)), named[0], why, "Write the name, e.g. aws:ResourceTag/team.")
            for loc, entry in _each((*at, str(operator), str(key)), value):
                if not isinstance(entry, str | bool | int | float):
                    why = f"The value of a condition key is a text, a number, true or false, not {yaml_kind(entry)}."
                    yield _at(loc, entry, why, _CONDITION_EXAMPLE)
                elif isinstance(entry, str):
                    yield from _placeholder_faults(loc, entry, entry)


_CONDITION_EXAMPLE = "Write e.g. {StringEquals: {aws:RequestedRegion: eu-central-1}}."


def _at(loc: Location, value: object, why: str, instead: str) -> Fault:
    return loc, value, fault(why, instead)


_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_STATEMENT_SCHEMA = {
    "type": "object",
    "required": ["Effect"],
    "additionalProperties": False,
    "properties": {
        "Sid": {"type": "string", "description": "A name of letters and digits."},
        "Effect": {"enum": ["Allow", "Deny"]},
        "Action": {**_TEXTS, "description": "What may be done, e.g. rds:CreateDBSnapshot."},
        "NotAction": {**_TEXTS, "description": "Everything but this; easily more than was meant."},
        "Resource": {**_TEXTS, "description": "On what, as ARNs, e.g. arn:aws:rds:*:*:snapshot:*."},
        "NotResource": {**_TEXTS, "description": "On everything but this; easily more than was meant."},
        "Condition": {
            "type": "object",
            "description": "When, e.g. {StringEquals: {aws:RequestedRegion: eu-central-1}}.",
        },
    },
}
_POLICY_SCHEMA = {
    "type": "object",
    "required": ["Version", "Statement"],
    "additionalProperties": False,
    "properties": {
        "Version": {"const": "2012-10-17", "description": "In quotes: without them YAML reads a time."},
        "Id": {"type": "string"},
        "Statement": {"anyOf": [{"type": "array", "items": _STATEMENT_SCHEMA, "minItems": 1}, _STATEMENT_SCHEMA]},
    },
}

PolicyDocument = Annotated[
    dict[str, Any],
    BeforeValidator(policy_document),
    WithJsonSchema({"anyOf": [_POLICY_SCHEMA, {"type": "string", "description": "The policy as JSON text."}]}),
]
"""An identity-based IAM policy document, given as a mapping or as JSON text; always a mapping after validation.

Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""


def read_policy_file(name: object, base_dir: Path) -> object:
    """Return what the JSON file says, whether it is a policy or not; raise why it can't be read."""
    if not isinstance(name, str):
        raise fault(f"A file name belongs here, not {yaml_kind(name)}.", "Write e.g. policies/rds.json.")
    try:
        text = (base_dir / name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a UTF-8 text"
        raise fault(
            f"The policy can't be read from {name} in {base_dir.absolute()} ({reason}).",
            "Name a JSON file relative to the folder of the stack file, e.g. policies/rds.json.",
        ) from None
    return parse_policy(text)


def _policy_file(value: object, info: ValidationInfo) -> dict[str, Any]:
    return policy_document(read_policy_file(value, (info.context or {}).get("base_dir", Path())))


PolicyFile = Annotated[
    dict[str, Any],
    BeforeValidator(_policy_file),
    WithJsonSchema({"type": "string", "examples": ["policies/devops-break-glass.json"]}),
]
"""The name of a JSON file with an IAM policy, relative to the stack file; after validation its document.

The folder of the stack file is `base_dir` in the validation context; the working directory without it.
"""
