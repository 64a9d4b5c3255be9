"""The texts of alerts about tampering."""

from breakglass.alerts.messages.alert_text import (
    NAME,
    REFUSED_SIGN,
    SIGNED_CALLER,
    UNSIGNED_CALLER,
    AlertText,
    Runbook,
)
from breakglass.alerts.messages.fields import CALLER
from breakglass.alerts.messages.transformer import require_plain_text
from breakglass.alerts.subjects import TamperArea, TamperSubject
from breakglass.vocabulary import EvidencePath

_ASK = (
    "*If it was planned:* say so in the thread, and who asked for it.\n"
    "*If not:* treat it as an attack. Alerts may be missing since then."
)
_ADVICE = (
    "If it was planned, say so in the Slack thread; if not, treat it as an attack: alerts may be missing since then."
)

_TOUCHED: dict[TamperArea, str] = {
    TamperArea.stack: "<rule><function><table><topic><secret><machine><logGroup><api>",
    TamperArea.trail: "<bucket>",
    TamperArea.globals: "<roleName><policyId><policyType><service><disabledRegion>",
}


def tamper_text(subject: TamperSubject, path: EvidencePath, area: TamperArea | None) -> AlertText:
    """Return the text of a rule.

    Raises:
        ValueError: tampering has no such evidence path.
    """
    match path, area:
        case EvidencePath.tamper, TamperArea():
            return AlertText(
                first_line=f"Tampering with {NAME}: <eventName> {_TOUCHED[area]} by {CALLER}",
                action="Not planned? Treat it as an attack.",
                evidence="A part of the alert path, of the approvals or of their records was changed, and not by the "
                "deployment",
                account="<account>",
                facts={
                    "Account": "<account>",
                    "Changed (event, resource if it can be shown)": f"<eventName> {_TOUCHED[area]}",
                    "Service": "<eventSource>",
                    **(_records(subject) if area is TamperArea.trail else {}),
                    **SIGNED_CALLER,
                },
                ask=_ASK,
                advice=_ADVICE,
                runbook=Runbook.tampering,
            )
        case EvidencePath.session_start, _:
            return AlertText(
                first_line=f"Deployer session <startedSession> of {NAME} started by <callerType> <callerAccount>",
                action="No deployment planned? Find out who.",
                evidence="A role whose changes of the stack raise no alert is in use",
                account="<account>",
                facts={
                    "Account": "<account>",
                    "Session (its name is the caller's choice), type of the caller": "<startedSession> <callerType>",
                    **UNSIGNED_CALLER,
                    "From address": "<address>",
                },
                ask="*If a deployment is planned:* nothing to do.\n*If not:* find out who uses the role.",
                advice="If no deployment is planned, find out who uses the role.",
                runbook=Runbook.deployer,
                sign=":wrench:",
            )
        case EvidencePath.denied, _:
            return AlertText(
                first_line=f"Refused: tampering with {NAME}, <eventName> by {CALLER}",
                action="Not planned? Find out why.",
                evidence="AWS refused a change of the alert path, of the approvals or of their records",
                account="<account>",
                facts={
                    "Account": "<account>",
                    "Refused (service, error)": "<eventSource> <errorCode>",
                    **SIGNED_CALLER,
                },
                ask="*If it was planned:* say so in the thread, and who asked for it.\n"
                "*If not:* nothing was changed, but the caller tried. Treat it as a security incident.",
                advice="Nothing was changed. If the attempt was not planned, treat it as a security incident.",
                runbook=Runbook.attempt,
                sign=REFUSED_SIGN,
            )
        case _:
            raise ValueError(f"Expected a rule about tampering, got {path} {area}.")


_LONGEST_LIST = 600
"""Characters of the watched trail, buckets and keys in a message."""


def _records(subject: TamperSubject) -> dict[str, str]:
    """Return the trail, its buckets and the keys of a stack as a fact: a record may name one of them in a list."""
    watched = " ".join(
        require_plain_text(value) for value in (subject.trail, *subject.buckets, *subject.keys) if value is not None
    )
    return {
        "Watched trail, buckets and keys": watched if len(watched) <= _LONGEST_LIST else f"{watched[:_LONGEST_LIST]}…"
    }
