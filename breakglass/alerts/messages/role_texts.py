"""The texts of alerts about permission sets and IAM roles."""

from collections.abc import Mapping
from dataclasses import replace

from breakglass.alerts.messages.alert_text import (
    EXPLAIN,
    EXPLAIN_BY_MAIL,
    NAME,
    REFUSED_SIGN,
    SAY_SO,
    UNSIGNED_CALLER,
    AlertText,
    Runbook,
)
from breakglass.alerts.messages.transformer import require_plain_text
from breakglass.alerts.subjects import PermissionSetSubject, Role
from breakglass.vocabulary import EvidencePath


def role_text(subject: Role, path: EvidencePath) -> AlertText:
    """Return the text of a rule."""
    role = require_plain_text(subject.label)
    if isinstance(subject, PermissionSetSubject):
        text = _TEXTS[path]
        return replace(text, facts={"Role": role, **text.facts})
    # The account of a plain role is configured, while the matching record may be the copy of the caller's account.
    account = require_plain_text(subject.account_id)
    text = _of_plain_role(path, account)
    return replace(text, account=account, facts={"Role": role, **text.facts, "Account": account})


def _of_plain_role(path: EvidencePath, account: str) -> AlertText:
    text = _TEXTS[path]
    match path:
        case EvidencePath.session_start:
            # The caller of a plain role chooses the session name; Identity Center sets it to the user's name. AWS's
            # account access manager calls for a person, who chooses the name, too.
            return replace(
                text,
                first_line=f"Session <sessionName> used {NAME} in account {account}",
                facts={"Account": account, "Session name (the caller's choice)": "<sessionName>", **UNSIGNED_CALLER},
            )
        case EvidencePath.denied:
            # The portal offers permission sets only.
            return replace(
                text,
                first_line=f"Refused: caller <callerAccount> <callerType> tried {NAME} in account {account}",
                facts={"Account": account, **UNSIGNED_CALLER},
            )
        case _:
            return replace(text, first_line=text.first_line.replace(text.account, account))


CLIENT = "Client (cross-device: the code was typed on another machine)"

_TEXTS: Mapping[EvidencePath, AlertText] = {
    EvidencePath.session_start: AlertText(
        first_line=f"<sessionName> used {NAME} in account <account>",
        action="Explain it.",
        evidence="A session with this role has started",
        account="<account>",
        facts={"Account": "<account>", "Who": "<sessionName>"},
        ask=EXPLAIN,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.use,
    ),
    EvidencePath.portal: AlertText(
        # Older records have no user ID.
        first_line=f"User <userId> used {NAME} in account <targetAccount><requestedAccount>",
        action="Explain it.",
        evidence="The access portal issued credentials of this role, for the console or the command line",
        account="<targetAccount><requestedAccount>",
        facts={
            "Account": "<targetAccount><requestedAccount>",
            "Who (Identity Center user ID, identity type)": "<userId> <callerType>",
            "From address": "<address>",
        },
        ask=EXPLAIN,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.use,
    ),
    EvidencePath.console: AlertText(
        first_line=f"{NAME} used in the console of account <account> by <session>",
        action="Explain it.",
        evidence="The AWS console was opened with this role",
        account="<account>",
        facts={"Account": "<account>", "Who": "<session>", "From address": "<address>"},
        ask=EXPLAIN,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.use,
    ),
    EvidencePath.login: AlertText(
        first_line=f"{NAME} used for a command line (aws login) in account <account> by <session>",
        action="Explain it.",
        evidence="A command line got credentials out of a console session of this role, by aws login",
        account="<account>",
        facts={
            "Account": "<account>",
            "Who": "<session>",
            "From address": "<address>",
            CLIENT: "<client> <callerType>",
        },
        ask=EXPLAIN,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.login,
    ),
    EvidencePath.denied: AlertText(
        # The role's account is known only of records of the portal.
        first_line=f"Refused: caller <userId> <callerAccount> tried {NAME}, recorded in account <account>",
        action="Say if it was you.",
        evidence="AWS refused an attempt to use this role",
        account="<account>",
        # Records of the access portal have a user ID and the requested account, those of STS an access key.
        facts={
            "Account (requested in the portal, if any; recorded in)": "<targetAccount> <account>",
            "Caller (Identity Center user ID, access key, account, type)": (
                "<userId> <callerKey> <callerAccount> <callerType>"
            ),
        },
        ask=SAY_SO,
        advice=EXPLAIN_BY_MAIL,
        runbook=Runbook.attempt,
        sign=REFUSED_SIGN,
    ),
}
