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

_TOUCHED: dict[TamperArea, str] = {
    TamperArea.rules: "<rule><eventsName>",
    TamperArea.stack: "<function><table><topic><secret><machine><api>",
    TamperArea.trail: "<bucket>",
    TamperArea.globals: "<roleName><policyId><policyType><service><disabledRegion> <requestedAccount>",
}
"""The names of resources that can be shown. An alarm's name may have quotes, and lists of names would have them."""

_EVIDENCE = "The alert path, the approvals or the records that they need were changed, and not by a deployer"
_GLOBAL_EVIDENCE = (
    "A role, the policy that ends sessions, the organization or an account was changed, and not by a deployer. "
    "Alerts or approvals can depend on it"
)

_LONGEST_LIST = 600
"""Characters of the watched trail, buckets and keys in a message."""


def tamper_text(subject: TamperSubject, area: TamperArea) -> AlertText:
    """Return the text of a rule about changes."""
    return AlertText(
        first_line=f"Tampering with {NAME}: <eventName> {_TOUCHED[area]} by {CALLER}",
        action="Not planned? Treat it as an attack.",
        evidence=_GLOBAL_EVIDENCE if area is TamperArea.globals else _EVIDENCE,
        account="<account>",
        facts={
            "Account": "<account>",
            "Changed (event, resource if it can be shown)": f"<eventName> {_TOUCHED[area]}",
            "Service": "<eventSource>",
            **(_records(subject) if area is TamperArea.trail else {}),
            **SIGNED_CALLER,
        },
        ask="*If it was planned:* say so in the thread, and who asked for it.\n"
        "*If not:* treat it as an attack. Alerts may be missing since then.",
        advice="If it was planned, say so in the Slack thread; if not, treat it as an attack: alerts may be missing "
        "since then.",
        runbook=Runbook.tampering,
    )


def _records(subject: TamperSubject) -> dict[str, str]:
    """Return the trail, its buckets and the keys as a fact.

    The rule has events of three services, so no field with the name of a trail or key is safe.
    """
    watched = " ".join(
        require_plain_text(value) for value in (subject.trail, *subject.buckets, *subject.keys) if value is not None
    )
    shown = watched if len(watched) <= _LONGEST_LIST else f"{watched[:_LONGEST_LIST]}…"
    return {"Watched trail, buckets and keys": shown}


DEPLOYER_TEXT = AlertText(
    # An identity provider may be the caller: its records have no name of a closed alphabet but the session's.
    first_line=f"Deployer session <startedSession> of {NAME} started by <callerType> <callerAccount>",
    action="No deployment planned? Find out who.",
    evidence="A role is in use whose changes of the stack raise no alert",
    account="<account>",
    facts={
        "Account": "<account>",
        "Session (its name is the caller's choice), event": "<startedSession> <eventName>",
        **UNSIGNED_CALLER,
        "From address": "<address>",
    },
    ask="*If a deployment is planned:* nothing to do.\n*If not:* find out who uses the role.",
    advice="If no deployment is planned, find out who uses the role.",
    runbook=Runbook.deployer,
    sign=":wrench:",
)
"""The text of the rule about deployers' sessions."""

ATTEMPT_TEXT = AlertText(
    first_line=f"Refused: tampering with {NAME}, <eventName> by {CALLER}",
    action="Not planned? Find out why.",
    evidence="AWS refused a change of the alert path, of the approvals or of the records that they need",
    account="<account>",
    facts={"Account": "<account>", "Refused (service, error)": "<eventSource> <errorCode>", **SIGNED_CALLER},
    ask="*If it was planned:* say so in the thread, and who asked for it.\n"
    "*If not:* nothing was changed, but the caller tried. Treat it as a security incident.",
    advice="Nothing was changed. If the attempt was not planned, treat it as a security incident.",
    runbook=Runbook.attempt,
    sign=REFUSED_SIGN,
)
"""The text of the rule about attempts."""
