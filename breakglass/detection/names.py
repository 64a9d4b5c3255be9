"""Physical names of the resources on the alert path and of the approvals.

All of them begin with one fixed prefix: a break-glass permission set is denied tampering with the alert path by that
prefix (`breakglass.policy`), since the alerts may live in another account than the permission sets.

Non-goals: Pulumi's logical names, which the components choose.
"""

import hashlib
import re

ALERT_PATH_PREFIX = "breakglass-"
"""What the physical name of every resource of the alert path and the approvals begins with."""

VENDED_LOGS_PREFIX = "/aws/vendedlogs/"
"""What the name of a log group begins with that an AWS service delivers to.

A service that delivers to another log group adds a statement to the resource policy that all log groups of the account
share. It has 5,120 characters. Under this prefix the policy stays short (CloudWatch Logs User Guide, "Log delivery that
requires permissions": "log group resource policy size limit considerations").
"""

PROTECTED_TAG = {"breakglass-protected": "true"}
"""Tag on what the Deny can't know by its name."""

_DIGEST_LENGTH = 8


def physical_name(logical: str, limit: int = 64) -> str:
    """Name a resource of the alert path after its logical name.

    A logical name that fits comes through unchanged behind the prefix. One that has to be shortened, or respelled in
    the alphabet that EventBridge, SQS, SNS, IAM and CloudWatch all accept, ends in a digest of the logical name, so
    that two logical names don't meet in one physical name.

    Args:
        logical: the logical name, unique within the stack; any text.
        limit: how many characters the service allows, e.g. 64 for an EventBridge rule.

    Returns:
        At most `limit` characters of `[A-Za-z0-9_-]`, beginning with `ALERT_PATH_PREFIX`.

    Raises:
        ValueError: `limit` leaves no room for a name between the prefix and the digest.
    """
    room = limit - len(ALERT_PATH_PREFIX)
    if room <= _DIGEST_LENGTH + 1:
        raise ValueError(f"A limit of {limit} characters leaves no room for a name behind {ALERT_PATH_PREFIX!r}.")
    spelled = re.sub(r"[^A-Za-z0-9_-]", "-", logical)
    if spelled == logical and len(logical) <= room:
        return ALERT_PATH_PREFIX + logical
    digest = hashlib.sha256(logical.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{ALERT_PATH_PREFIX}{spelled[: room - _DIGEST_LENGTH - 1]}-{digest}"


def vended_log_group(logical: str) -> str:
    """Name a log group that an AWS service delivers to after its logical name.

    Args:
        logical: the logical name, unique within the stack; any text.

    Returns:
        `VENDED_LOGS_PREFIX` with a `physical_name` behind it.
    """
    return VENDED_LOGS_PREFIX + physical_name(logical)
