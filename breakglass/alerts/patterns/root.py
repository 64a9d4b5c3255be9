"""Event patterns for the root user: sign-ins, changes, `aws login`, and AssumeRoot from both sides.

Root's sign-ins, and changes of its password and address, are recorded in us-east-1; a call in the region of its
endpoint. AssumeRoot is recorded in the caller's account and, as a copy, in the member account (IAM User Guide, "Track
privileged tasks in CloudTrail").

Calls that a service makes as root, and the page reads of the console, stay silent: only the services of `_INVOKED_BY`
pass a person's call on.
"""

from breakglass.alerts.patterns.parts import (
    ABSENT,
    API_CALL,
    CHANGES,
    LOGIN_CALLS,
    REFUSED,
    SIGN_IN,
    SUCCEEDED,
    Pattern,
    login_pattern,
)
from breakglass.vocabulary import EvidencePath

_ROOT: Pattern = {"type": ["Root"]}
_INVOKED_BY = [ABSENT, "aws-mcp.amazonaws.com", "signin.amazonaws.com"]

_ADDRESS_EVENTS = ["PasswordUpdated", "PasswordRecoveryRequested", "PasswordRecoveryCompleted", "EmailUpdated"]


def root_pattern(path: EvidencePath) -> Pattern:
    """Return the event pattern of a rule, for root of each account whose events reach the bus."""
    match path:
        case EvidencePath.sign_in:
            return {
                "source": ["aws.signin"],
                "detail-type": SIGN_IN,
                "detail": {
                    "$or": [
                        {"eventName": ["ConsoleLogin"], "responseElements": {"ConsoleLogin": ["Success"]}},
                        {"eventName": _ADDRESS_EVENTS},
                    ],
                    "userIdentity": _ROOT,
                },
            }
        case EvidencePath.change:
            return {
                "source": [{"prefix": "aws."}],
                "detail-type": [API_CALL],
                "detail": {
                    "eventSource": [{"anything-but": ["signin.amazonaws.com"]}],
                    **CHANGES,
                    **SUCCEEDED,
                    "userIdentity": {**_ROOT, "invokedBy": _INVOKED_BY},
                },
            }
        case EvidencePath.login:
            return login_pattern(_ROOT)
        case EvidencePath.assume_root:
            return {
                "source": ["aws.sts"],
                "detail-type": [API_CALL],
                "detail": {"eventName": ["AssumeRoot"], **SUCCEEDED},
            }
        case _:
            return {
                "source": ["aws.signin", "aws.sts"],
                "detail-type": [API_CALL, *SIGN_IN],
                "detail": {
                    # A failed sign-in has an error message and no error code.
                    "$or": [
                        {
                            "eventName": ["ConsoleLogin"],
                            "responseElements": {"ConsoleLogin": ["Failure"]},
                            "userIdentity": _ROOT,
                        },
                        {"eventName": LOGIN_CALLS, **REFUSED, "userIdentity": _ROOT},
                        {"eventName": ["AssumeRoot"], **REFUSED},
                    ],
                },
            }
