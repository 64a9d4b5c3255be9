"""Values that AWS allows, for the property tests of the alerts."""

import re
import string
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from breakglass.alerts.messages import FIELDS, Transformer
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject

NAME_ALPHABET = string.ascii_letters + string.digits + "_+=,.@-"

permission_set_names = st.text(NAME_ALPHABET, min_size=1, max_size=32)
role_names = st.text(NAME_ALPHABET, min_size=1, max_size=64)
account_ids = st.text(string.digits, min_size=12, max_size=12)
session_names = st.text(NAME_ALPHABET, min_size=2, max_size=64)
suffixes = st.text("0123456789abcdef", min_size=16, max_size=16)
partitions = st.sampled_from(["aws", "aws-cn", "aws-us-gov"])
regions = st.sampled_from(["eu-central-1", "us-east-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1"])


@st.composite
def role_arns(draw: st.DrawFn) -> str:
    path = "".join(f"{part}/" for part in draw(st.lists(st.text(NAME_ALPHABET, min_size=1, max_size=12), max_size=3)))
    return f"arn:{draw(partitions)}:iam::{draw(account_ids)}:role/{path}{draw(role_names)}"


subjects: st.SearchStrategy[Role] = st.one_of(
    permission_set_names.map(PermissionSetSubject), role_arns().map(RoleSubject)
)


def reserved_role_arn(name: str, partition: str, account: str, region: str | None, suffix: str) -> str:
    """The ARN of a permission set's role; it has no region in us-east-1."""
    segment = "" if region is None else f"{region}/"
    return f"arn:{partition}:iam::{account}:role/aws-reserved/sso.amazonaws.com/{segment}AWSReservedSSO_{name}_{suffix}"


def session_arn(role_arn: str, session_name: str) -> str:
    _, partition, _, _, account, resource = role_arn.split(":")
    return f"arn:{partition}:sts::{account}:assumed-role/{resource.rsplit('/', 1)[1]}/{session_name}"


def field_values(name: str) -> st.SearchStrategy[str]:
    """Every text that a field of a message may hold, none included."""
    field = FIELDS[name]
    alphabet = [c for c in map(chr, range(128)) if re.fullmatch(field.alphabet, c)]
    return st.text(alphabet, max_size=field.longest)


def longest_value(name: str) -> str:
    """The longest text that a field of a message may hold."""
    return next(c for c in string.printable if re.fullmatch(FIELDS[name].alphabet, c)) * FIELDS[name].longest


def event_with(values: Mapping[str, Any], transformer: Transformer) -> dict[str, Any]:
    """Return an event with these field values; others are missing, as in CloudTrail."""
    event: dict[str, Any] = {}
    for name, value in values.items():
        *parents, leaf = transformer.input_paths[name].removeprefix("$.").split(".")
        inner = event
        for key in parents:
            inner = inner.setdefault(key, {})
        inner[leaf] = value
    return event
