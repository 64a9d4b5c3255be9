"""The texts of alerts about IAM users."""

from urllib.parse import quote

from breakglass.alerts.messages.alert_text import (
    EXPLAIN,
    EXPLAIN_BY_MAIL,
    NAME,
    REFUSED_SIGN,
    SAY_SO,
    SIGNED_CALLER,
    UNDO,
    UNDO_BY_MAIL,
    AlertText,
    Origin,
    Runbook,
)
from breakglass.alerts.messages.fields import CALLER
from breakglass.alerts.messages.role_texts import CLIENT
from breakglass.alerts.messages.transformer import require_plain_text
from breakglass.alerts.subjects import UserSubject
from breakglass.vocabulary import EvidencePath


def user_text(subject: UserSubject, path: EvidencePath) -> AlertText:
    """Return the text of a rule; that of `key_use` is of the event of its alarm.

    Raises:
        ValueError: users have no such evidence path.
    """
    account = require_plain_text(subject.account_id)
    user = {"IAM user": require_plain_text(subject.label), "Account": account}
    match path:
        case EvidencePath.sign_in:
            return AlertText(
                first_line=f"IAM user {NAME} of account {account}: <eventName>",
                action="Explain it.",
                evidence="The user signed in to the console (ConsoleLogin), or took the credentials of a session",
                account=account,
                facts={
                    **user,
                    "From address": "<address>",
                    "Session of a role (if any), event": "<startedSession> <eventName>",
                    "Access key, MFA at sign-in, MFA in the session, type": (
                        "<callerKey> <mfaUsed> <mfaInSession> <callerType>"
                    ),
                },
                ask=EXPLAIN,
                advice=EXPLAIN_BY_MAIL,
                runbook=Runbook.user,
            )
        case EvidencePath.login:
            return AlertText(
                first_line=f"IAM user {NAME} of account {account} used for a command line (aws login)",
                action="Explain it.",
                evidence="A command line got credentials out of a console session of this user, by aws login",
                account=account,
                facts={**user, "From address": "<address>", CLIENT: "<client> <callerType>"},
                ask=EXPLAIN,
                advice=EXPLAIN_BY_MAIL,
                runbook=Runbook.login,
            )
        case EvidencePath.credentials:
            return AlertText(
                first_line=f"Credentials of IAM user {NAME} of account {account} changed: <eventName> by {CALLER}",
                action="Not planned? Undo it.",
                evidence="This user was changed, or a key, password, MFA device or permission of it. The caller may be "
                "able to break the glass now",
                account=account,
                facts={**user, **SIGNED_CALLER},
                ask=UNDO,
                advice=UNDO_BY_MAIL,
                runbook=Runbook.user,
            )
        case EvidencePath.key_use:
            events = f"cloudtrailv2/home?region=<envelopeRegion>#/events?Username={quote(subject.label, safe='')}"
            return AlertText(
                first_line=f"Access key of IAM user {NAME} of account {account} used",
                action="Explain it.",
                evidence="A long-lived access key of this user was used in the last hour. The next use is told after "
                "an hour without one",
                account=account,
                facts={**user, "Account of the alarm": "<envelopeAccount>"},
                ask=EXPLAIN,
                advice=EXPLAIN_BY_MAIL,
                runbook=Runbook.user,
                origin=Origin(
                    event_id="<envelopeId>",
                    time="<envelopeTime>",
                    region="<envelopeRegion>",
                    event="CloudWatch Alarm State Change",
                    page=events,
                    button="Find events in CloudTrail",
                ),
            )
        case EvidencePath.denied:
            return AlertText(
                first_line=f"Refused: IAM user {NAME} of account {account}, <eventName>",
                action="Say if it was you.",
                evidence="AWS refused a sign-in of this user, or the credentials of a session",
                account=account,
                facts={**user, "From address": "<address>", "Access key, type": "<callerKey> <callerType>"},
                ask=SAY_SO,
                advice=EXPLAIN_BY_MAIL,
                runbook=Runbook.attempt,
                sign=REFUSED_SIGN,
            )
        case _:
            raise ValueError(f"Expected an evidence path of an IAM user, got {path}.")
