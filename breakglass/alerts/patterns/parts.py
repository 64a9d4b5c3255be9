"""Parts of event patterns that several subjects share."""

import re
from collections.abc import Collection
from typing import Any

Pattern = dict[str, Any]
"""An event pattern, or a part of one, as JSON."""

API_CALL = "AWS API Call via CloudTrail"
SERVICE_EVENT = "AWS Service Event via CloudTrail"
SIGN_IN = ["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail"]
"""Rules in use have the first spelling, AWS's documentation the second one."""

ABSENT: Pattern = {"exists": False}
PRESENT: Pattern = {"exists": True}
SUCCEEDED: Pattern = {"errorCode": [ABSENT]}
REFUSED: Pattern = {"errorCode": [PRESENT]}

CHANGES: Pattern = {"readOnly": [False, ABSENT]}
"""Calls that are not read-only; records of old versions lack the field."""

LOGIN_CALLS = ["AuthorizeOAuth2Access", "CreateOAuth2Token", "CreateOAuth2TokenWithIAM"]
"""The calls of `aws login`: the browser authorizes, and the command line gets credentials."""

NO_REFRESH: Pattern = {"additionalEventData": {"grant_type": [ABSENT, {"anything-but": ["refresh_token"]}]}}
"""A refresh, every 15 minutes, is no new use. Records before July 2026 lack the field."""


def login_pattern(user_identity: Pattern) -> Pattern:
    """Return the pattern of `aws login` by an identity."""
    return {
        "source": ["aws.signin"],
        "detail-type": [API_CALL],
        "detail": {"eventName": LOGIN_CALLS, **SUCCEEDED, **NO_REFRESH, "userIdentity": user_identity},
    }


def not_by(roles: Collection[str]) -> Pattern:
    """Match calls of others than these roles, by exact ARNs; IAM users and root have no such ARN.

    A name would not do: a role of that name can be made in another account.
    """
    if not roles:
        return {}
    issuer = {"arn": [ABSENT, {"anything-but": sorted(roles)}]}
    return {"userIdentity": {"sessionContext": {"sessionIssuer": issuer}}}


def iam_name(name: str) -> Pattern:
    """Match the name of an IAM user or role in any case.

    IAM does not distinguish names by case ("IAM and AWS STS quotas", IAM User Guide), and a record may have the name as
    its caller wrote it. No other user or role has the name in another case.
    """
    return {"equals-ignore-case": name}


def escape_wildcards(text: str) -> str:
    """Escape the special characters of a wildcard pattern."""
    return re.sub(r"[*\\]", r"\\\g<0>", text)
