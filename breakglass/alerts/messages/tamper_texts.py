"""The texts of alerts about tampering."""

from breakglass.alerts.messages.alert_text import (
    NAME,
    REFUSED_SIGN,
    RUNBOOK,
    SIGNED_CALLER,
    UNSIGNED_CALLER,
    AlertText,
)
from breakglass.alerts.messages.fields import CALLER
from breakglass.alerts.subjects import TamperArea
from breakglass.vocabulary import EvidencePath

_ASK = (
    "*If it was planned:* say so in the thread, and who asked for it.\n"
    "*If not:* treat it as an attack. Other uses may go unseen now: look for them in CloudTrail, and deploy the stack "
    f"again. Runbook: `{RUNBOOK}`."
)
_ADVICE = (
    "If it was planned, say so in the Slack thread; if not, treat it as an attack: other uses may go unseen now. "
    f"Runbook: {RUNBOOK}."
)

_TOUCHED: dict[TamperArea, str] = {
    TamperArea.stack: "<rule><function><table><topic><queue><machine><logGroup><api>",
    TamperArea.trail: "<trail><bucket><key>",
    TamperArea.globals: "<roleName><policyId><policyType><service><disabledRegion>",
}


def tamper_text(path: EvidencePath, area: TamperArea | None) -> AlertText:
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
                    **SIGNED_CALLER,
                },
                ask=_ASK,
                advice=_ADVICE,
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
                ask="*If a deployment is planned:* nothing to do.\n*If not:* find out who uses the role. Runbook: "
                f"`{RUNBOOK}`.",
                advice=f"If no deployment is planned, find out who uses the role. Runbook: {RUNBOOK}.",
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
                ask=_ASK,
                advice=_ADVICE,
                sign=REFUSED_SIGN,
            )
        case _:
            raise ValueError(f"Expected a rule about tampering, got {path} {area}.")
