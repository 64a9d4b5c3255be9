"""The texts of alerts about the root user."""

from collections.abc import Mapping

from breakglass.alerts.messages.alert_text import (
    EXPLAIN,
    EXPLAIN_BY_MAIL,
    REFUSED_SIGN,
    SAY_SO,
    SIGNED_CALLER,
    AlertText,
    Runbook,
)
from breakglass.alerts.messages.fields import CALLER
from breakglass.alerts.messages.role_texts import CLIENT
from breakglass.vocabulary import EvidencePath

_TASKS = {
    "IAMAuditRootUserCredentials": "looks up which credentials root has. Routine",
    "IAMDeleteRootUserCredentials": "deletes root's credentials. Routine",
    "IAMCreateRootUserPassword": "lets root have a password again",
    "S3UnlockBucketPolicy": "deletes the policy of a bucket that locks everyone out",
    "SQSUnlockQueuePolicy": "deletes the policy of a queue that locks everyone out",
}
"""The tasks of AssumeRoot (IAM User Guide, "Perform a privileged task on an AWS Organizations member account")."""

_TEXTS: Mapping[EvidencePath, AlertText] = {
    EvidencePath.sign_in: AlertText(
        first_line="Root user of account <account>: <eventName>",
        action="Explain it.",
        evidence="The root user signed in (ConsoleLogin), its password or e-mail address was changed, or a recovery of "
        "its password was requested or completed. A stranger who completes one reads the mail of its address",
        account="<account>",
        facts={
            "Account": "<account>",
            "From address": "<address>",
            "MFA at sign-in, type": "<mfaUsed> <callerType>",
        },
        ask=EXPLAIN,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.root,
    ),
    EvidencePath.change: AlertText(
        first_line="Change as the root user of account <account>: <eventName> at <eventSource>",
        action="Explain it.",
        evidence="The root user changed something, or a session that AssumeRoot opened",
        account="<account>",
        facts={
            "Account": "<account>",
            "From address": "<address>",
            "Access key, service that passed the call on, type": "<callerKey> <callerService> <callerType>",
        },
        ask=EXPLAIN,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.root,
    ),
    EvidencePath.login: AlertText(
        first_line="Root user of account <account> used for a command line (aws login)",
        action="Explain it.",
        evidence="A command line got credentials out of a console session of the root user, by aws login",
        account="<account>",
        facts={"Account": "<account>", "From address": "<address>", CLIENT: "<client> <callerType>"},
        ask=EXPLAIN,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.login,
    ),
    EvidencePath.assume_root: AlertText(
        first_line=f"Root session of account <rootAccount> opened by {CALLER}, task <rootTask>",
        action="Explain it.",
        evidence="AssumeRoot opened a session of a member account's root user, for 15 minutes at most and one task",
        account="<account>",
        facts={
            "Account of the root user; recorded in": "<rootAccount> <account>",
            "Task, event": "<rootTask> <eventName>",
            **SIGNED_CALLER,
        },
        ask=EXPLAIN,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.assume_root,
        legend=_TASKS,
    ),
    EvidencePath.denied: AlertText(
        first_line=f"Refused: <eventName> as root by {CALLER}, recorded in account <account>",
        action="Say if it was you.",
        evidence="AWS refused a sign-in or aws login of the root user, or an AssumeRoot into a member account",
        account="<account>",
        facts={"Account": "<account>", **SIGNED_CALLER},
        ask=SAY_SO,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.attempt,
        sign=REFUSED_SIGN,
    ),
}


def root_text(path: EvidencePath) -> AlertText:
    """Return the text of a rule.

    Raises:
        KeyError: root has no such evidence path.
    """
    return _TEXTS[path]
