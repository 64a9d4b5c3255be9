"""The alert messages: the input transformers that turn a matched event into Slack messages and e-mails.

An input transformer is a template with `<placeholders>`, each with the path of an event field. Three habits of
EventBridge decide this module (`breakglass.alerts.input_template`):

- A quote in a value is dangerous. AWS's guide says that values are not escaped, so a quote would end the text. AWS's
  recorded answers say: escaped in the message for Slack, whose template is an object; unescaped in the e-mail, whose
  template is a string. Broken JSON is never sent and ends as a dead letter with `INVALID_JSON`. The two sources
  disagree. So only `FIELDS` are inserted, whose alphabets have nothing to escape. Free text (userAgent, errorMessage,
  userName) is never inserted, and neither is the whole event with its credentials.
- A missing field leaves its placeholder empty. So every placeholder is inside quoted text, and a field that some
  records lack shares its fact with a field that all of them have: no label is followed by nothing. The first line,
  which says who used what in which account, has a word before such a field: without it, it stays a sentence.
- Everything in angle brackets is a placeholder, so Slack's `<url|text>` can't be written: links are buttons.

The alphabets are AWS's, so they hold for CloudTrail's events only. Of any other event only the fields of the envelope
may be inserted (`breakglass.alerts.drills`).

EventBridge can't format a time: the message shows CloudTrail's own, in UTC.

With approvals, a use is recorded and explained. The usage recorder and the button `Explain this usage` get one text of
six fields, which `app.domain.usage_lifecycle.parse_evidence` reads: `|` is in no field's alphabet.

Non-goals: sending; the number of messages for one use (one for each evidence path).
"""

import json
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from breakglass.alerts.console import console_url
from breakglass.alerts.input_template import render
from breakglass.alerts.subjects import PermissionSetSubject, Role
from breakglass.app.slack.ids import EXPLAIN_ALERT
from breakglass.errors import MessageError
from breakglass.vocabulary import EvidencePath


@dataclass(frozen=True)
class Field:
    """A field of a matched event that may go into a message.

    The alphabet is the regular expression of one character; none needs escaping in JSON or is markup in a code span.
    """

    path: str
    alphabet: str
    longest: int


FIELDS: Mapping[str, Field] = {
    # "AWS events" (Amazon EventBridge User Guide): the envelope, which the sender of an event can't fill with text.
    "envelopeId": Field("$.id", r"[0-9a-f-]", 36),
    "envelopeTime": Field("$.time", r"[0-9TZ:.-]", 30),
    "envelopeAccount": Field("$.account", r"[0-9]", 12),
    "envelopeRegion": Field("$.region", r"[a-z0-9-]", 32),
    # "CloudTrail record contents for management, data, and network activity events" (AWS CloudTrail User Guide)
    "eventId": Field("$.detail.eventID", r"[0-9A-Za-z-]", 36),
    "eventName": Field("$.detail.eventName", r"[A-Za-z]", 32),
    "time": Field("$.detail.eventTime", r"[0-9TZ:-]", 20),
    "region": Field("$.detail.awsRegion", r"[a-z0-9-]", 32),
    "account": Field("$.detail.recipientAccountId", r"[0-9]", 12),
    # The address of a person's machine in the records it is used for; not in those of STS, which Identity Center calls.
    "address": Field("$.detail.sourceIPAddress", r"[0-9A-Za-z.: -]", 128),
    # AssumeRole: RoleSessionName (AWS STS API Reference)
    "sessionName": Field("$.detail.requestParameters.roleSessionName", r"[A-Za-z0-9_+=,.@-]", 64),
    # A session's ARN is made of an account id, a role name and a session name.
    "session": Field("$.detail.userIdentity.arn", r"[A-Za-z0-9_+=,.@:/-]", 192),
    # "CloudTrail userIdentity element" (AWS CloudTrail User Guide)
    "callerType": Field("$.detail.userIdentity.type", r"[A-Za-z]", 32),
    "callerAccount": Field("$.detail.userIdentity.accountId", r"[0-9]", 12),
    "callerKey": Field("$.detail.userIdentity.accessKeyId", r"[A-Z0-9]", 128),
    "userId": Field("$.detail.userIdentity.onBehalfOf.userId", r"[0-9A-Za-z-]", 47),
    # An event of the access portal has one of these two: the first as a service event, the second as an API call. In a
    # refused API call the caller chooses the second, so it is shown of successful calls only.
    # arn:aws:signin:::devtools/same-device, cross-device, or an agent's ID behind a region.
    "client": Field("$.detail.requestParameters.client_id", r"[A-Za-z0-9:/_.-]", 128),
    "targetAccount": Field("$.detail.serviceEventDetails.account_id", r"[0-9]", 12),
    "requestedAccount": Field("$.detail.requestParameters.accountId", r"[0-9]", 12),
}
"""All fields that may be inserted, by the name of their placeholder."""


@dataclass(frozen=True)
class Transformer:
    """An EventBridge input transformer: JSON text with placeholders, and the event field of each."""

    input_paths: Mapping[str, str]
    template: str


@dataclass(frozen=True)
class _AlertText:
    """The texts of one kind of evidence; all may hold placeholders.

    Attributes:
        first_line: the user, role and account in a sentence without its full stop, with `{role}` and `{account}` in it.
            If a record does not name the person, it has what the record names. A word stands before each field that
            some records lack.
        evidence: the event in a sentence, without its full stop.
        account: the role's account, or the record's where the role's is not known.
        facts: label -> value; each value has a field that every record of this kind has.
        ask: the request to the reader.
        sign: the emoji before the first line.
    """

    first_line: str
    evidence: str
    account: str
    facts: Mapping[str, str]
    ask: str
    sign: str = ":rotating_light:"


_UNEXPLAINED = "*If it stays unexplained:* treat it as a security incident."
_EXPLAIN = (
    "*If this was you:* explain this usage in the thread. What is broken, and what are you going to change?\n"
    + _UNEXPLAINED
)
_EXPLAIN_BY_BUTTON = (
    "*If this was you:* explain this usage with the button below. Your explanation is stored, and a second "
    "person must accept it.\n" + _UNEXPLAINED
)

# The type is last: every record has one, while AWS's own calls have no key, and web identities no account.
_CALLER = {"Caller (access key, account, type)": "<callerKey> <callerAccount> <callerType>"}

_ALERT_TEXTS: Mapping[EvidencePath, _AlertText] = {
    EvidencePath.session_start: _AlertText(
        first_line="<sessionName> used {role} in account {account}",
        evidence="A session with this role has started",
        account="<account>",
        facts={"Account": "<account>", "Who": "<sessionName>"},
        ask=_EXPLAIN,
    ),
    EvidencePath.portal: _AlertText(
        # Older records have no user ID.
        first_line="Portal user <userId> used {role} in account {account}",
        evidence="The access portal issued credentials of this role, for the console or the command line",
        account="<targetAccount><requestedAccount>",
        facts={
            "Account": "<targetAccount><requestedAccount>",
            "Who (Identity Center user ID, identity type)": "<userId> <callerType>",
            "From address": "<address>",
        },
        ask=_EXPLAIN,
    ),
    EvidencePath.console: _AlertText(
        first_line="{role} used in the console of account {account} by <session>",
        evidence="The AWS console was opened with this role",
        account="<account>",
        facts={"Account": "<account>", "Who": "<session>", "From address": "<address>"},
        ask=_EXPLAIN,
    ),
    EvidencePath.login: _AlertText(
        first_line="{role} used for a command line (aws login) in account {account} by <session>",
        evidence="A command line got credentials out of a console session of this role, by aws login",
        account="<account>",
        facts={
            "Account": "<account>",
            "Who": "<session>",
            "From address": "<address>",
            "Client (cross-device: the code was typed on another machine)": "<client> <callerType>",
        },
        ask=_EXPLAIN,
    ),
    EvidencePath.denied: _AlertText(
        # The role's account is known only of records of the portal.
        first_line="Refused: caller <userId> <callerAccount> tried {role}, recorded in account {account}",
        evidence="AWS refused an attempt to use this role",
        account="<account>",
        # Records of the access portal have a user ID and the requested account, those of STS an access key.
        facts={
            "Account (requested in the portal, if any; recorded in)": "<targetAccount> <account>",
            "Caller (Identity Center user ID, access key, account, type)": (
                "<userId> <callerKey> <callerAccount> <callerType>"
            ),
        },
        ask="*If this was you:* say so in the thread, and say whether you need the role now.\n" + _UNEXPLAINED,
        sign=":no_entry:",
    ),
}


def _alert_text(subject: Role, path: EvidencePath) -> _AlertText:
    text = _ALERT_TEXTS[path]
    if isinstance(subject, PermissionSetSubject):
        return text
    # The account of a plain role is configured, while the matching record may be the copy of the caller's account.
    account = require_plain_text(subject.account_id)
    facts = {**text.facts, "Account": account}
    first_line = text.first_line
    if path is EvidencePath.session_start:
        # The caller of a plain role chooses the session name; Identity Center sets it to the user's name.
        facts = {"Account": account, "Session name (the caller's choice)": "<sessionName>", **_CALLER}
        first_line = "Session <sessionName> used {role} in account {account}"
    elif path is EvidencePath.denied:
        # The portal offers permission sets only.
        facts = {"Account": account, **_CALLER}
        first_line = "Refused: caller <callerAccount> <callerType> tried {role} in account {account}"
    return replace(text, first_line=first_line, account=account, facts=facts)


def _first_block(texts: _AlertText, role: str) -> dict[str, Any]:
    """Return the block with the first line: a header if its longest form fits, else a section.

    A header cuts a long role name; the whole name is among the facts.
    """
    line = f"{texts.sign} {texts.first_line}"
    longest = _PLACEHOLDER.sub(lambda found: _longest_value(found[1]), line.format(role="", account=texts.account))
    room = _HEADER_LIMIT - len(longest)
    if room >= _SHORTEST_ROLE:
        shown = role if len(role) <= room else f"{role[: room - 1]}…"
        return header(line.format(role=shown, account=texts.account))
    marked = _PLACEHOLDER.sub(r"`\g<0>`", line)
    return text_section(marked.format(role=f"`{role}`", account=f"`{texts.account}`"))


_WHO = {
    EvidencePath.session_start: "<sessionName>",
    EvidencePath.portal: "<userId>",
    EvidencePath.console: "<session>",
    EvidencePath.login: "<session>",
}


def is_usage(path: EvidencePath) -> bool:
    """Say if events of a path are uses to explain; a refused attempt is not."""
    return path in _WHO


def _evidence(subject: Role, path: EvidencePath) -> str:
    """Return the evidence of a use for `app.domain.usage_lifecycle.parse_evidence`."""
    if not is_usage(path):
        raise ValueError(f"Expected the evidence path of a use, got {path}: a refused attempt is not a use.")
    role = require_plain_text(subject.label)
    return "|".join([role, path.value, _alert_text(subject, path).account, "<eventId>", "<time>", _WHO[path]])


def usage_recorder_input(subject: Role, path: EvidencePath) -> Transformer:
    """Build the usage recorder's input: `{"value"}`, the same value as in the button `Explain this usage`.

    Raises:
        MessageError: a configured text would break the value.
        ValueError: events of this path are not uses.
    """
    return build_transformer({"value": _evidence(subject, path)})


def slack_message(
    subject: Role,
    path: EvidencePath,
    *,
    channel: str,
    post_mortem_url: str | None = None,
    partition: str = "aws",
    explain: bool = False,
) -> Transformer:
    """Build the message for Slack: the body of a `chat.postMessage` call.

    Args:
        subject: the watched role.
        path: the evidence path of the rule.
        channel: the ID of the Slack channel.
        post_mortem_url: the team's form or page for post-mortems, opened by a button; None for no button.
        partition: the rule's partition, for the address of the CloudTrail console.
        explain: adds the button `Explain this usage`, which the Slack app of the approvals answers.

    Raises:
        MessageError: a configured text would break the message, or the message is too long for Slack or EventBridge.
    """
    role = require_plain_text(subject.label)
    texts = _alert_text(subject, path)
    buttons: list[dict[str, Any]] = []
    ask = texts.ask
    if explain and is_usage(path):
        buttons.append(button("Explain this usage", EXPLAIN_ALERT, value=_evidence(subject, path), style="primary"))
        ask = _EXPLAIN_BY_BUTTON
    event_url = console_url(partition, "cloudtrailv2/home?region=<region>#/events/<eventId>")
    buttons.append(button("Open event in CloudTrail", "open_event", url=event_url))
    if post_mortem_url is not None:
        buttons.append(button("Post-mortem", "open_post_mortem", url=require_plain_text(post_mortem_url)))
    facts = {
        "Role": role,
        **texts.facts,
        "When (UTC)": "<time>",
        "Region": "<region>",
        "Recorded event": "<eventName>",
    }
    return build_transformer(
        {
            "channel": require_plain_text(channel),
            "text": _summary(texts, role),
            "unfurl_links": False,
            "unfurl_media": False,
            "blocks": [
                _first_block(texts, role),
                text_section(f"{texts.evidence}."),
                facts_section(facts),
                text_section(ask),
                {"type": "actions", "elements": buttons},
            ],
            "metadata": {
                "event_type": "breakglass_use",
                "event_payload": {
                    "event_id": "<eventId>",
                    "evidence": path.value,
                    "role": role,
                    "account": texts.account,
                    "time": "<time>",
                },
            },
        }
    )


def email_text(subject: Role, path: EvidencePath, *, post_mortem_url: str | None = None) -> Transformer:
    r"""Build the same message as one line of text, for an SNS topic with e-mail subscriptions.

    EventBridge passes the text on as a JSON string, so the mail shows its quotes and would show `\n` as two characters.

    Raises:
        MessageError: a configured text would break the message.
    """
    text = (
        f"{_summary(_alert_text(subject, path), require_plain_text(subject.label))} "
        "Explain this in the Slack thread; if it stays unexplained, treat it as a security incident."
    )
    return build_transformer(
        text if post_mortem_url is None else f"{text} Post-mortem: {require_plain_text(post_mortem_url)}"
    )


def substitute(transformer: Transformer, event: Mapping[str, Any]) -> str:
    """Return the target's input as EventBridge makes it: valid JSON if the fields keep to their alphabets.

    Args:
        transformer: has passed `check_transformer`, so its placeholders are inside strings.
        event: an event as it is on the bus, with `source`, `detail` and so on.
    """
    values = {name: _event_field(path, event) for name, path in transformer.input_paths.items()}
    return render(transformer.template, values)


def _event_field(path: str, event: Mapping[str, Any]) -> Any:
    """Return an event field, or an empty text if it is missing."""
    value: Any = event
    for key in path.removeprefix("$.").split("."):
        if not isinstance(value, Mapping) or key not in value:
            return ""
        value = value[key]
    return value


_PLACEHOLDER = re.compile(r"<([A-Za-z0-9]+)>")


def build_transformer(message: Any) -> Transformer:
    """Return the transformer of a message whose texts hold placeholders of `FIELDS`.

    Raises:
        MessageError: see `check_transformer`.
    """
    template = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    names = dict.fromkeys(_PLACEHOLDER.findall(template))
    transformer = Transformer({name: FIELDS[name].path for name in names}, template)
    check_transformer(transformer)
    return transformer


def _summary(texts: _AlertText, role: str) -> str:
    """Return an alert as one line of text: its first line, evidence and further facts."""
    first_line = texts.first_line.format(role=role, account=texts.account)
    facts = {
        **{label: value for label, value in texts.facts.items() if value not in first_line},
        "When (UTC)": "<time>",
        "Region": "<region>",
        "Recorded event": "<eventName>, ID <eventId>",
    }
    return " ".join([f"{first_line}. {texts.evidence}.", *(f"{label}: {value}." for label, value in facts.items())])


def require_plain_text(text: str) -> str:
    """Return a configured text, if a message shows it as it is.

    Raises:
        MessageError: it has a character with a meaning in a message.
    """
    if re.fullmatch(r"[!-~]+", text) is None or re.search(r"[<>`\"\\]", text):
        raise MessageError(
            f"Not a valid text for an alert message: {text!r}. There, `<` and `>` make a placeholder or a mention such "
            "as <!channel>. Quotes, backslashes, backticks, spaces and control characters break the layout or the "
            "JSON. Use only letters, digits and the punctuation of names and web addresses."
        )
    return text


def header(text: str) -> dict[str, Any]:
    """Return a header block of plain text."""
    return {"type": "header", "text": _plain(text)}


def text_section(text: str) -> dict[str, Any]:
    """Return a section block of one text in Slack's markup."""
    return {"type": "section", "text": _markdown(text)}


def facts_section(facts: Mapping[str, str]) -> dict[str, Any]:
    """Return a section block of labels, each with its value in a code span."""
    return {"type": "section", "fields": [_markdown(f"*{label}*\n`{value}`") for label, value in facts.items()]}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": True}


def _markdown(text: str) -> dict[str, Any]:
    # verbatim: Slack makes no links of channels, names and addresses.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def button(text: str, action_id: str, **more: str) -> dict[str, Any]:
    """Return a button of an actions block."""
    return {"type": "button", "text": _plain(text), **more, "action_id": action_id}


# --- check ---------------------------------------------------------------------------------------------------------

_TEMPLATE_LIMIT = 8192
_PATHS_LIMIT = 100
_VALUE_LIMIT = 2000
_HEADER_LIMIT = 150
_SHORTEST_ROLE = 16
"""The least that a header shows of a long role name; with less room, the first line is a section."""


def check_transformer(transformer: Transformer) -> None:
    """Check that EventBridge accepts the transformer, and that Slack accepts every message made of it.

    Args:
        transformer: of a Slack message, of a usage recorder's `{"value"}`, or of one text.

    Raises:
        MessageError: the template is not JSON or too long; placeholders and paths don't agree; another field than those
            of `FIELDS` would be inserted; a text has angle brackets that are not a placeholder; or a message exceeds
            one of Slack's limits.
    """
    _check_paths(transformer)
    try:
        message = json.loads(transformer.template)
    except ValueError as error:
        raise MessageError(
            f"The template is not valid JSON ({error}), so Slack would refuse every message made of it. Put each "
            "placeholder inside quoted text: there a missing field leaves an empty text."
        ) from error
    used = set(_placeholders(message))
    if used != transformer.input_paths.keys():
        odd = ", ".join(sorted(used ^ transformer.input_paths.keys()))
        raise MessageError(f"Each placeholder needs a path, and each path a placeholder; {odd} has only one of them.")
    for values in ({name: "" for name in used}, {name: _longest_value(name) for name in used}):
        match json.loads(render(transformer.template, values)):
            case {"value": str(value), **others} if not others:
                _require_length("the value", value, _VALUE_LIMIT)
            case dict(body):
                _check_slack(body)
            case _:
                pass


def _longest_value(name: str) -> str:
    field = FIELDS[name]
    return next(c for c in string.printable if re.fullmatch(field.alphabet, c)) * field.longest


def _check_paths(transformer: Transformer) -> None:
    if len(transformer.template) > _TEMPLATE_LIMIT:
        raise MessageError(
            f"The template has {len(transformer.template)} characters and EventBridge takes {_TEMPLATE_LIMIT}. "
            "Shorten the post-mortem address; the rest of the message has a fixed length."
        )
    if len(transformer.input_paths) > _PATHS_LIMIT:
        raise MessageError(f"There are {len(transformer.input_paths)} paths and EventBridge takes {_PATHS_LIMIT}.")
    for name, path in transformer.input_paths.items():
        if name not in FIELDS or FIELDS[name].path != path:
            raise MessageError(
                f"<{name}> would insert {path}, which is not in the list of safe fields: EventBridge does not escape "
                "every value, so a quote in this one can turn the alert into a dead letter. "
                f"Use one of: {', '.join(sorted(FIELDS))}."
            )


def _placeholders(message: Any) -> Iterator[str]:
    """Yield the placeholders in a message's strings; raise MessageError for any other angle bracket."""
    match message:
        case str():
            yield from _PLACEHOLDER.findall(message)
            if re.search("[<>]", _PLACEHOLDER.sub("", message)):
                raise MessageError(
                    f"{message!r} has angle brackets that are not a placeholder. EventBridge would read them as one, "
                    "and Slack as a link or a mention. Use a button for a link, and no mention."
                )
        case dict():
            for key, value in message.items():
                if re.search("[<>]", key):
                    raise MessageError(
                        f"The object key {key!r} has a placeholder; EventBridge allows placeholders in values only."
                    )
                yield from _placeholders(value)
        case list():
            for value in message:
                yield from _placeholders(value)
        case _:
            pass


def _check_slack(body: Mapping[str, Any]) -> None:
    """Check a body of `chat.postMessage` against the limits of "Reference: Block Kit" and "chat.postMessage"."""
    _require_length("the blocks", body["blocks"], 50)
    _require_length("the fallback text", body["text"], 4000)
    for block in body["blocks"]:
        match block:
            case {"type": "header", "text": {"text": text}}:
                _require_length("the header", text, _HEADER_LIMIT)
            case {"type": "section", "fields": fields}:
                _require_length("the fields of a section", fields, 10)
                for field in fields:
                    _require_length("a field of a section", field["text"], 2000)
            case {"type": "section", "text": {"text": text}}:
                _require_length("the text of a section", text, 3000)
            case {"type": "actions", "elements": elements}:
                _require_length("the buttons", elements, 25)
                for element in elements:
                    _check_button(element)
            case _:
                raise MessageError(
                    f"Expected a header, a section or actions, got a block of type {block.get('type')!r}: its limits "
                    "in Slack are not checked here."
                )


def _check_button(button: Mapping[str, Any]) -> None:
    _require_length("the text of a button", button["text"]["text"], 75)
    match button:
        case {"url": url}:
            _require_length("the address of a button", url, 3000)
            if not urlsplit(url).hostname:
                raise MessageError(f"Not a valid address of a Slack button: {url!r}. Write an absolute web address.")
        case {"value": value}:
            _require_length("the value of a button", value, _VALUE_LIMIT)
        case _:
            raise MessageError(f"The button {button['action_id']!r} has neither a url nor a value.")


def _require_length(what: str, value: str | list[Any], limit: int) -> None:
    if not 1 <= len(value) <= limit:
        raise MessageError(
            f"Expected a length of 1 to {limit} for {what}, got {len(value)} in the worst case: Slack would refuse the "
            "message."
        )
