"""Event patterns for IAM users: sign-ins, sessions, changed credentials, and the use of long-lived keys.

A user is matched by account, name and type, never by ARN: a failed sign-in has no ARN ("AWS Management Console sign-in
events", AWS CloudTrail User Guide). IAM is recorded in us-east-1 only. A console sign-in is recorded there or in the
region of its sign-in page, a call to STS in the region of its endpoint.

Non-goals: activity in a session of the user; the use of a session that GetFederationToken made.
"""

from breakglass.alerts.patterns.parts import (
    ABSENT,
    API_CALL,
    LOGIN_CALLS,
    REFUSED,
    SIGN_IN,
    SUCCEEDED,
    Pattern,
    login_pattern,
)
from breakglass.alerts.subjects import UserSubject
from breakglass.vocabulary import EvidencePath

_SESSION_CALLS = ["GetSessionToken", "GetFederationToken", "AssumeRole"]

_CREDENTIAL_CALLS = [
    "AddUserToGroup",
    "AttachUserPolicy",
    "ChangePassword",
    "CreateAccessKey",
    "CreateLoginProfile",
    "CreateServiceSpecificCredential",
    "DeactivateMFADevice",
    "DeleteUserPermissionsBoundary",
    "DeleteVirtualMFADevice",
    "EnableMFADevice",
    "PutUserPermissionsBoundary",
    "PutUserPolicy",
    "ResetServiceSpecificCredential",
    "UpdateAccessKey",
    "UpdateLoginProfile",
    "UpdateServiceSpecificCredential",
    "UpdateUser",
    "UploadSSHPublicKey",
    "UploadSigningCertificate",
]


def user_pattern(subject: UserSubject, path: EvidencePath) -> Pattern:
    """Return the event pattern of one rule."""
    identity: Pattern = {
        "type": ["IAMUser"],
        "accountId": [subject.account_id],
        "userName": [subject.label],
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
                    "eventName": _CREDENTIAL_CALLS,
                    **SUCCEEDED,
                    "recipientAccountId": [subject.account_id],
                    "$or": [
                        {"requestParameters": {"userName": [subject.label]}},
                        # A user who changes their own credentials need not name themselves.
                        {"requestParameters": {"userName": [ABSENT]}, "userIdentity": identity},
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
