"""Event patterns for IAM users: sign-ins, sessions, changed credentials, and the use of long-lived keys.

A user is matched by account, name and type, never by ARN: a failed sign-in has no ARN ("AWS Management Console sign-in
events", AWS CloudTrail User Guide). IAM is recorded in us-east-1 only. A console sign-in is recorded there or in the
region of its sign-in page, a call to STS in the region of its endpoint.

Every change of the user counts as one of the credentials: one that adds a key, a policy or a group, and one that stops
the user's sign-ins.

Non-goals: activity in a session of the user; the use of a session that GetFederationToken made; changes of the groups
and policies that the user has; a virtual MFA device that another principal deletes, which must be deactivated first.
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
    iam_name,
    login_pattern,
)
from breakglass.alerts.subjects import UserSubject
from breakglass.vocabulary import EvidencePath

_SESSION_CALLS = ["GetSessionToken", "GetFederationToken", "AssumeRole"]

# Calls about the caller's own credentials, whose records need not name the user.
_OWN_CALLS = [
    "ChangePassword",
    "CreateAccessKey",
    "CreateLoginProfile",
    "DeactivateMFADevice",
    "DeleteAccessKey",
    "DeleteLoginProfile",
    "DeleteServiceSpecificCredential",
    "DeleteSigningCertificate",
    "DeleteVirtualMFADevice",
    "ResetServiceSpecificCredential",
    "UpdateAccessKey",
    "UpdateServiceSpecificCredential",
    "UpdateSigningCertificate",
    "UploadSigningCertificate",
]


def user_pattern(subject: UserSubject, path: EvidencePath) -> Pattern:
    """Return the event pattern of one rule."""
    identity: Pattern = {
        "type": ["IAMUser"],
        "accountId": [subject.account_id],
        "userName": [iam_name(subject.label)],
    }
    match path:
        case EvidencePath.sign_in:
            return {
                "source": ["aws.signin", "aws.sts"],
                "detail-type": [API_CALL, *SIGN_IN],
                "detail": {
                    "$or": [
                        {"eventName": ["ConsoleLogin"], "responseElements": {"ConsoleLogin": ["Success"]}},
                        {"eventName": _SESSION_CALLS, **SUCCEEDED},
                    ],
                    "userIdentity": identity,
                },
            }
        case EvidencePath.login:
            return login_pattern(identity)
        case EvidencePath.credentials:
            return {
                "source": ["aws.iam"],
                "detail-type": [API_CALL],
                "detail": {
                    **CHANGES,
                    **SUCCEEDED,
                    "recipientAccountId": [subject.account_id],
                    "$or": [
                        {"requestParameters": {"userName": [iam_name(subject.label)]}},
                        {
                            "eventName": _OWN_CALLS,
                            "requestParameters": {"userName": [ABSENT]},
                            "userIdentity": identity,
                        },
                    ],
                },
            }
        case EvidencePath.key_use:
            return {
                "source": [{"prefix": "aws."}],
                "detail-type": [API_CALL],
                "detail": {"userIdentity": {**identity, "accessKeyId": [{"prefix": "AKIA"}]}},
            }
        case _:
            return {
                "source": ["aws.signin", "aws.sts"],
                "detail-type": [API_CALL, *SIGN_IN],
                "detail": {
                    # A failed sign-in has an error message and no error code.
                    "$or": [
                        {"eventName": ["ConsoleLogin"], "responseElements": {"ConsoleLogin": ["Failure"]}},
                        {"eventName": [*_SESSION_CALLS, *LOGIN_CALLS], **REFUSED},
                    ],
                    "userIdentity": identity,
                },
            }
