"""The messages of the rules, and the input of the usage recorder, as input transformers.

The first line has the event, the resource, the caller and the request to the reader. A field that some records lack
shares its fact with a field that all of them have: no label is followed by nothing. In a first line a word stands
before such a field.

EventBridge can't format a time: the message shows CloudTrail's own, in UTC.

With approvals, a use of a role is recorded and explained. The usage recorder and the button `Explain this usage` get
one text of six fields, which `app.domain.usage_lifecycle.parse_evidence` reads: `|` is in no field's alphabet.

Non-goals: sending; the number of messages for one use (one for each evidence path).
"""

from typing import Any

from breakglass.alerts.console import console_url
from breakglass.alerts.messages.access_texts import access_text
from breakglass.alerts.messages.alert_text import EXPLAIN_BY_BUTTON, AlertText
from breakglass.alerts.messages.blocks import button, facts_section, text_section
from breakglass.alerts.messages.first_line import first_block, first_line
from breakglass.alerts.messages.kinds import is_recorded
from breakglass.alerts.messages.role_texts import role_text
from breakglass.alerts.messages.root_texts import root_text
from breakglass.alerts.messages.tamper_texts import ATTEMPT_TEXT, DEPLOYER_TEXT, tamper_text
from breakglass.alerts.messages.transformer import (
    Transformer,
    build_transformer,
    require_plain_text,
)
from breakglass.alerts.messages.user_texts import user_text
from breakglass.alerts.subjects import (
    AccessArea,
    AccessSubject,
    PermissionSetSubject,
    Role,
    RoleSubject,
    RootSubject,
    TamperArea,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.app.slack.ids import EXPLAIN_ALERT
from breakglass.vocabulary import EvidencePath


def slack_message(
    watched: Watched,
    path: EvidencePath,
    area: AccessArea | TamperArea | None = None,
    *,
    channel: str,
    post_mortem_url: str | None = None,
    partition: str = "aws",
    explain: bool = False,
) -> Transformer:
    """Build the message of a rule for Slack: the body of a `chat.postMessage` call.

    Its metadata has the `event_type` `breakglass_use`, `breakglass_access` or `breakglass_tamper`, and the
    `event_payload` `{"event_id", "evidence", "role", "account", "time"}`; `role` is the subject's label.

    Args:
        watched: the subject.
        path: the evidence path of the rule. For `key_use`, the message is of the event of its alarm.
        area: the area of the rule, as in `AlertRule`.
        channel: the ID of the Slack channel.
        post_mortem_url: the team's form or page for post-mortems, opened by a button; None for no button.
        partition: the rule's partition, for the address of the CloudTrail console.
        explain: adds the button `Explain this usage` to alerts of uses that are recorded; the Slack app of the
            approvals answers it.

    Raises:
        MessageError: a configured text would break the message, or the message is too long for Slack or EventBridge.
        ValueError: the subject has no such rule.
    """
    name = require_plain_text(watched.label)
    text = _alert_text(watched, path, area)
    buttons: list[dict[str, Any]] = []
    ask = text.ask
    if explain and isinstance(watched, (PermissionSetSubject, RoleSubject)) and is_recorded(watched, path):
        buttons.append(button("Explain this usage", EXPLAIN_ALERT, value=_evidence(watched, path), style="primary"))
        ask = EXPLAIN_BY_BUTTON
    buttons.append(button(text.origin.button, "open_event", url=console_url(partition, text.origin.page)))
    if post_mortem_url is not None:
        buttons.append(button("Post-mortem", "open_post_mortem", url=require_plain_text(post_mortem_url)))
    facts = {
        **text.facts,
        "When (UTC)": text.origin.time,
        "Region": text.origin.region,
        "Recorded event": text.origin.event,
    }
    legend = "\n".join(f"`{value}`: {meaning}" for value, meaning in text.legend.items())
    return build_transformer(
        {
            "channel": require_plain_text(channel),
            "text": _summary(text, name),
            "unfurl_links": False,
            "unfurl_media": False,
            "blocks": [
                first_block(text, name),
                text_section(f"{text.evidence}."),
                facts_section(facts),
                *([text_section(legend)] if legend else []),
                text_section(f"{ask}\n*Runbook:* `{text.runbook}`"),
                {"type": "actions", "elements": buttons},
            ],
            "metadata": {
                "event_type": _event_type(watched),
                "event_payload": {
                    "event_id": text.origin.event_id,
                    "evidence": path.value,
                    "role": name,
                    "account": text.account,
                    "time": text.origin.time,
                },
            },
        }
    )


def email_text(
    watched: Watched,
    path: EvidencePath,
    area: AccessArea | TamperArea | None = None,
    *,
    post_mortem_url: str | None = None,
) -> Transformer:
    r"""Build the same message as one line of text, for an SNS topic with e-mail subscriptions.

    EventBridge passes the text on as a JSON string, so the mail shows its quotes and would show `\n` as two characters.

    Raises:
        MessageError: a configured text would break the message.
        ValueError: the subject has no such rule.
    """
    text = _alert_text(watched, path, area)
    line = f"{_summary(text, require_plain_text(watched.label))} {text.advice} Runbook: {text.runbook}."
    return build_transformer(
        line if post_mortem_url is None else f"{line} Post-mortem: {require_plain_text(post_mortem_url)}"
    )


def usage_recorder_input(subject: Role, path: EvidencePath) -> Transformer:
    """Build the usage recorder's input: `{"value"}`, the same value as in the button `Explain this usage`.

    Raises:
        MessageError: a configured text would break the value.
        ValueError: events of this path are not uses.
    """
    return build_transformer({"value": _evidence(subject, path)})


_WHO = {
    EvidencePath.session_start: "<sessionName>",
    EvidencePath.portal: "<userId>",
    EvidencePath.console: "<session>",
    EvidencePath.login: "<session>",
}


def _evidence(subject: Role, path: EvidencePath) -> str:
    """Return the evidence of a use for `app.domain.usage_lifecycle.parse_evidence`."""
    if not is_recorded(subject, path):
        raise ValueError(f"Expected the evidence path of a use, got {path}: a refused attempt is not a use.")
    role = require_plain_text(subject.label)
    return "|".join([role, path.value, role_text(subject, path).account, "<eventId>", "<time>", _WHO[path]])


def _alert_text(watched: Watched, path: EvidencePath, area: AccessArea | TamperArea | None) -> AlertText:
    match watched, path, area:
        case AccessSubject(), EvidencePath.access, AccessArea():
            return access_text(watched, area)
        case TamperSubject(), EvidencePath.tamper, TamperArea():
            return tamper_text(watched, area)
        case TamperSubject(), EvidencePath.session_start, None:
            return DEPLOYER_TEXT
        case TamperSubject(), EvidencePath.denied, None:
            return ATTEMPT_TEXT
        case PermissionSetSubject() | RoleSubject(), _, None if path in watched.evidence_paths:
            return role_text(watched, path)
        case UserSubject(), _, None if path in watched.evidence_paths:
            return user_text(watched, path)
        case RootSubject(), _, None if path in watched.evidence_paths:
            return root_text(path)
        case _:
            raise ValueError(f"{watched.label} has no rule of the evidence path `{path}` and the area `{area}`.")


def _event_type(watched: Watched) -> str:
    match watched:
        case AccessSubject():
            return "breakglass_access"
        case TamperSubject():
            return "breakglass_tamper"
        case _:
            return "breakglass_use"


def _summary(text: AlertText, name: str) -> str:
    """Return an alert as one line of text: its first line, evidence and further facts."""
    line = first_line(text, name)
    facts = {
        **{label: value for label, value in text.facts.items() if value not in line},
        "When (UTC)": text.origin.time,
        "Region": text.origin.region,
        "Recorded event": f"{text.origin.event}, ID {text.origin.event_id}",
        **text.legend,
    }
    return " ".join([f"{line} {text.evidence}.", *(f"{label}: {value}." for label, value in facts.items())])
