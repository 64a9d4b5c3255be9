"""What the team reads when a watched role is used: the input transformers of the alert rules.

An input transformer is a template with `<placeholders>` and, for each of them, the path of an event field. EventBridge
fills it in with three habits that decide this module (`breakglass.alerts.input_template`):

- A quote in a value is dangerous. AWS's guide says that values go in unescaped, so a quote would end the text. AWS's
  recorded answers say: escaped in the message for Slack, whose template is an object, and unescaped in the e-mail,
  whose template is a string; broken JSON is never sent, and ends as a dead letter with `INVALID_JSON`. The two sources
  disagree. So only the `FIELDS` below go in, whose alphabet has nothing to escape, and never those that people write
  freely (userAgent, errorMessage, userName), let alone the whole event with its credentials.
- A path that is not in the event leaves its placeholder out. All placeholders are therefore inside quoted text.
- Everything in angle brackets is a placeholder, so Slack's `<url|text>` can't be written: links are buttons.

The alphabets are AWS's, so they hold for CloudTrail's events only. The sender of a drill (`events:PutEvents`) chooses
its fields and can write false facts and mentions with them (decision 0008); `drills=False` closes that.

It can't format a time either: the message shows CloudTrail's own, which is in UTC.

With approvals, a use is recorded and explained. What the recorder gets, and the value of the button `Explain this use`,
is one text of seven fields, which `app.domain.usage_lifecycle.evidence` reads: `|` is in no field's alphabet. The
recorder also gets the event's source, as the last key: of two equal keys of a JSON object the last one counts there, so
a drill can't put another source in its place.

Non-goals: sending anything; how often one use is told (each evidence path tells it once).
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
from breakglass.alerts.subjects import PermissionSetSubject, Subject
from breakglass.app.slack.ids import EXPLAIN_ALERT
from breakglass.errors import MessageError
from breakglass.vocabulary import EvidencePath


@dataclass(frozen=True)
class Field:
    """A field of a matched event that may go into a message.

    Attributes:
        path: where it is in the event, as EventBridge takes it.
        alphabet: the regular expression of one of its characters; none of them needs escaping in JSON or means anything
            to Slack inside a code span.
        longest: how many characters it has at most.
    """

    path: str
    alphabet: str
    longest: int


FIELDS: Mapping[str, Field] = {
    # EventBridge's own field: AWS refuses events with a source of its own to everybody else ("PutEvents").
    "source": Field("$.source", r"[a-z.]", 32),
    # Only drills have this field; it is what makes their messages begin with DRILL.
    "drill": Field("$.detail.drill", r"[DRIL: ]", 7),
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
    # refused API call the second is whatever the caller sent, so it is shown of successful ones only.
    "targetAccount": Field("$.detail.serviceEventDetails.account_id", r"[0-9]", 12),
    "requestedAccount": Field("$.detail.requestParameters.accountId", r"[0-9]", 12),
}
"""Everything that may be inserted, by the name of its placeholder."""


@dataclass(frozen=True)
class Transformer:
    """An EventBridge input transformer.

    Attributes:
        input_paths: placeholder name -> path of an event field.
        template: JSON text with placeholders inside its strings.
    """

    input_paths: Mapping[str, str]
    template: str


@dataclass(frozen=True)
class _Story:
    """How one kind of evidence is told: all texts may hold placeholders.

    Attributes:
        headline: what happened, with `{role}` in it.
        evidence: what CloudTrail saw, in plain words.
        account: label -> value of the account that the role is in, or that the record is from where that isn't known.
        facts: label -> value of what else is known, who it was in the first place.
        ask: what the reader is asked to do.
    """

    headline: str
    evidence: str
    account: tuple[str, str]
    facts: Mapping[str, str]
    ask: str


_EXPLAIN = (
    "*If this was you:* explain this use in the thread. What is broken, and what are you going to change?\n"
    "*If nobody explains it:* treat it as a security incident."
)
_EXPLAIN_BY_BUTTON = (
    "*If this was you:* explain this use with the button below. Your answer is kept, and a second person reads it.\n"
    "*If nobody explains it:* treat it as a security incident."
)

_CALLER = {"Caller": "<callerType>", "Caller's account": "<callerAccount>", "Caller's access key": "<callerKey>"}

_STORIES: Mapping[EvidencePath, _Story] = {
    EvidencePath.session_start: _Story(
        headline="{role} is in use",
        evidence="A session with this role has started",
        account=("Account", "<account>"),
        facts={"Who": "<sessionName>"},
        ask=_EXPLAIN,
    ),
    EvidencePath.portal: _Story(
        headline="{role} was handed out",
        evidence="The access portal handed out this role, for the console or the command line",
        account=("Account", "<targetAccount><requestedAccount>"),
        facts={"Who (Identity Center user ID)": "<userId>", "From address": "<address>"},
        ask=_EXPLAIN,
    ),
    EvidencePath.console: _Story(
        headline="{role} is in use in the console",
        evidence="Somebody opened the AWS console with this role",
        account=("Account", "<account>"),
        facts={"Who": "<session>", "From address": "<address>"},
        ask=_EXPLAIN,
    ),
    EvidencePath.denied: _Story(
        headline="{role}: an attempt was refused",
        evidence="AWS refused an attempt to use this role",
        account=("Recorded in account", "<account>"),
        # The access portal's records name a person and an account, those of STS a caller: the others stay empty.
        facts={
            "Portal user (Identity Center user ID)": "<userId>",
            "Account asked for in the portal": "<targetAccount>",
            **_CALLER,
        },
        ask=(
            "*If this was you:* say so in the thread, and say whether you need the role now.\n"
            "*If nobody knows of it:* treat it as a security incident."
        ),
    ),
}


def _story(subject: Subject, path: EvidencePath) -> _Story:
    story = _STORIES[path]
    if isinstance(subject, PermissionSetSubject):
        return story
    # The account of a plain role is known beforehand, while the matching record may be the caller's account's copy.
    story = replace(story, account=("Account", _configured(subject.account_id)))
    if path is EvidencePath.session_start:
        # Whoever assumes a plain role chooses the session name; Identity Center sets it to the user's name.
        return replace(story, facts={"Session name (the caller's choice)": "<sessionName>", **_CALLER})
    if path is EvidencePath.denied:
        # The portal hands out permission sets only.
        return replace(story, facts=_CALLER)
    return story


_WHO = {
    EvidencePath.session_start: "<sessionName>",
    EvidencePath.portal: "<userId>",
    EvidencePath.console: "<session>",
}


def is_usage(path: EvidencePath) -> bool:
    """Say whether what shows up on a path is a use; there is none to explain where AWS refused."""
    return path in _WHO


def _evidence(subject: Subject, path: EvidencePath) -> str:
    """Return the evidence of a use as `app.domain.usage_lifecycle.evidence` reads it."""
    if not is_usage(path):
        raise ValueError(f"Nothing was used where an attempt was refused ({path}).")
    _, account = _story(subject, path).account
    role = _configured(subject.label)
    return "|".join(["<drill>", role, path.value, account, "<eventId>", "<time>", _WHO[path]])


def recorder_input(subject: Subject, path: EvidencePath) -> Transformer:
    """Build what the recorder of uses gets: `{"value", "source"}`, the value as of the button `Explain this use`.

    Args:
        subject: whose use is recorded.
        path: the evidence that the rule looks for.

    Returns:
        A transformer that has passed `check`.

    Raises:
        MessageError: a configured text would break the value.
        ValueError: what shows up on this path is no use.
    """
    return _transformer({"value": _evidence(subject, path), "source": "<source>"})


def slack_message(
    subject: Subject,
    path: EvidencePath,
    *,
    channel: str,
    post_mortem_url: str | None = None,
    partition: str = "aws",
    explain: bool = False,
) -> Transformer:
    """Build the message for Slack: the body of a `chat.postMessage` call.

    Args:
        subject: whose use is told.
        path: the evidence that the rule looks for.
        channel: the ID of the Slack channel.
        post_mortem_url: the team's form or page for explaining a use; its button is left out without it.
        partition: the partition the rule is in, which decides the address of the CloudTrail console.
        explain: whether a use has the button `Explain this use`, which the Slack app of the approvals answers.

    Returns:
        A transformer that has passed `check`.

    Raises:
        MessageError: a configured text would break the message, or the message is too long for Slack or EventBridge.
    """
    role = _configured(subject.label)
    story = _story(subject, path)
    headline = story.headline.format(role=role)
    buttons: list[dict[str, Any]] = []
    ask = story.ask
    if explain and is_usage(path):
        buttons.append(_button("Explain this use", EXPLAIN_ALERT, value=_evidence(subject, path), style="primary"))
        ask = _EXPLAIN_BY_BUTTON
    event_url = console_url(partition, "cloudtrailv2/home?region=<region>#/events/<eventId>")
    buttons.append(_button("Open event in CloudTrail", "open_event", url=event_url))
    if post_mortem_url is not None:
        buttons.append(_button("Post-mortem", "open_post_mortem", url=_configured(post_mortem_url)))
    facts = {
        "Role": role,
        **dict([story.account]),
        **story.facts,
        "When (UTC)": "<time>",
        "Region": "<region>",
        "Recorded event": "<eventName>",
    }
    return _transformer(
        {
            "channel": _configured(channel),
            "text": f"<drill>Break-glass role {headline}. " + _sentences({**dict([story.account]), **story.facts}),
            "unfurl_links": False,
            "unfurl_media": False,
            "blocks": [
                {"type": "header", "text": _plain(f"<drill>:rotating_light: {headline}")},
                {"type": "section", "text": _markdown(f"{story.evidence}.")},
                {"type": "section", "fields": [_markdown(f"*{label}*\n`{value}`") for label, value in facts.items()]},
                {"type": "section", "text": _markdown(ask)},
                {"type": "actions", "elements": buttons},
            ],
            "metadata": {
                "event_type": "breakglass_use",
                "event_payload": {
                    "event_id": "<eventId>",
                    "evidence": path.value,
                    "role": role,
                    "account": story.account[1],
                },
            },
        }
    )


def email_text(subject: Subject, path: EvidencePath, *, post_mortem_url: str | None = None) -> Transformer:
    r"""Build the same message as one line of text, for an SNS topic with e-mail subscriptions.

    It is one line because EventBridge passes a text on as a JSON string: a mail shows its quotes, and `\n` as it is.

    Args:
        subject: whose use is told.
        path: the evidence that the rule looks for.
        post_mortem_url: the team's form or page for explaining a use.

    Returns:
        A transformer that has passed `check`.

    Raises:
        MessageError: a configured text would break the message.
    """
    story = _story(subject, path)
    facts = {
        **dict([story.account]),
        **story.facts,
        "When (UTC)": "<time>",
        "Region": "<region>",
        "Recorded event": "<eventName>, ID <eventId>",
    }
    text = (
        f"<drill>Break-glass role {story.headline.format(role=_configured(subject.label))}. {story.evidence}. "
        f"{_sentences(facts)} Explain this in the Slack thread; if nobody can, treat it as a security incident."
    )
    return _transformer(text if post_mortem_url is None else f"{text} Post-mortem: {_configured(post_mortem_url)}")


def substitute(transformer: Transformer, event: Mapping[str, Any]) -> str:
    """Fill in a transformer as EventBridge does.

    Args:
        transformer: what to fill in; its placeholders are inside strings (see `check`).
        event: an event as it is on the bus, with `source`, `detail` and so on.

    Returns:
        The input of the target. Valid JSON if the event's fields keep to their alphabets.
    """
    return render(transformer.template, {name: _at(path, event) for name, path in transformer.input_paths.items()})


def _at(path: str, event: Mapping[str, Any]) -> Any:
    """Read an event field; an empty text if it isn't there."""
    value: Any = event
    for key in path.removeprefix("$.").split("."):
        if not isinstance(value, Mapping) or key not in value:
            return ""
        value = value[key]
    return value


_PLACEHOLDER = re.compile(r"<([A-Za-z0-9]+)>")


def _transformer(message: Any) -> Transformer:
    """Make the transformer of a message whose strings hold placeholders."""
    template = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    names = dict.fromkeys(_PLACEHOLDER.findall(template))
    transformer = Transformer({name: FIELDS[name].path for name in names}, template)
    check_transformer(transformer)
    return transformer


def _sentences(facts: Mapping[str, str]) -> str:
    return " ".join(f"{label}: {value}." for label, value in facts.items())


def _configured(text: str) -> str:
    """Let a text from the configuration into a message only if it is nothing but text there."""
    if re.fullmatch(r"[!-~]+", text) is None or re.search(r"[<>`\"\\]", text):
        raise MessageError(
            f"{text!r} can't be put into an alert message: there `<` and `>` make a placeholder or a mention such as "
            "<!channel>, and quotes, backslashes, backticks, spaces and control characters break its layout or JSON. "
            "Use letters, digits and the punctuation of names and web addresses only."
        )
    return text


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": True}


def _markdown(text: str) -> dict[str, Any]:
    # verbatim: Slack shall not turn what looks like a channel, a name or an address into a link.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _button(text: str, action_id: str, **more: str) -> dict[str, Any]:
    """Make a button with a `url` that it opens, or with a `value` that the app gets."""
    return {"type": "button", "text": _plain(text), **more, "action_id": action_id}


# --- check ---------------------------------------------------------------------------------------------------------

_TEMPLATE_LIMIT = 8192
_PATHS_LIMIT = 100
_VALUE_LIMIT = 2000


def check_transformer(transformer: Transformer) -> None:
    """Make sure that EventBridge accepts the transformer, and Slack whatever it is filled with.

    Args:
        transformer: the transformer of a Slack message, of a recorder's `{"value", "source"}`, or one whose template is
            a JSON string.

    Raises:
        MessageError: the template is no JSON or too long; placeholders and paths don't agree; something but the
            `FIELDS` would go in; a text holds angle brackets that are no placeholder; or the filled-in message breaks
            one of Slack's limits.
    """
    _check_paths(transformer)
    try:
        message = json.loads(transformer.template)
    except ValueError as error:
        raise MessageError(
            f"The template is no JSON ({error}), so Slack would refuse every message made of it. Placeholders belong "
            "inside quoted text: there a value that is missing leaves nothing but an empty place."
        ) from error
    used = set(_placeholders(message))
    if used != transformer.input_paths.keys():
        odd = ", ".join(sorted(used ^ transformer.input_paths.keys()))
        raise MessageError(f"Each placeholder needs a path and each path a placeholder; {odd} has only one of them.")
    for values in ({name: "" for name in used}, {name: _longest(name) for name in used}):
        match json.loads(render(transformer.template, values)):
            case {"value": str(value), "source": str(), **others} if not others:
                _at_most("the value", value, _VALUE_LIMIT)
            case dict(body):
                _check_slack(body)
            case _:
                pass


def _longest(name: str) -> str:
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
                f"<{name}> would insert {path}, which is not known to be safe: EventBridge does not escape every "
                "value, so a quote in this one can turn the alert into a dead letter. "
                f"Use one of: {', '.join(sorted(FIELDS))}."
            )


def _placeholders(message: Any) -> Iterator[str]:
    """Find the placeholders in a message's strings, and refuse any angle bracket that isn't one."""
    match message:
        case str():
            yield from _PLACEHOLDER.findall(message)
            if re.search("[<>]", _PLACEHOLDER.sub("", message)):
                raise MessageError(
                    f"{message!r} holds angle brackets that are no placeholder. EventBridge would read them as one, "
                    "and Slack as a link or a mention. Use a button for a link; mention nobody."
                )
        case dict():
            for key, value in message.items():
                if re.search("[<>]", key):
                    raise MessageError(
                        f"The object key {key!r} holds a placeholder; EventBridge allows that in values only."
                    )
                yield from _placeholders(value)
        case list():
            for value in message:
                yield from _placeholders(value)
        case _:
            pass


def _check_slack(body: Mapping[str, Any]) -> None:
    """Check a body of `chat.postMessage` against "Reference: Block Kit" and "chat.postMessage" (Slack API)."""
    _at_most("the blocks", body["blocks"], 50)
    _at_most("the fallback text", body["text"], 4000)
    for block in body["blocks"]:
        match block:
            case {"type": "header", "text": {"text": text}}:
                _at_most("the header", text, 150)
            case {"type": "section", "fields": fields}:
                _at_most("the fields of a section", fields, 10)
                for field in fields:
                    _at_most("a field of a section", field["text"], 2000)
            case {"type": "section", "text": {"text": text}}:
                _at_most("the text of a section", text, 3000)
            case {"type": "actions", "elements": elements}:
                _at_most("the buttons", elements, 25)
                for element in elements:
                    _check_button(element)
            case _:
                raise MessageError(f"Slack's limits for a block of type {block.get('type')!r} are not known here.")


def _check_button(button: Mapping[str, Any]) -> None:
    _at_most("the text of a button", button["text"]["text"], 75)
    match button:
        case {"url": url}:
            _at_most("the address of a button", url, 3000)
            if not urlsplit(url).hostname:
                raise MessageError(f"{url!r} is no address that a Slack button can open.")
        case {"value": value}:
            _at_most("the value of a button", value, _VALUE_LIMIT)
        case _:
            raise MessageError(f"The button {button['action_id']!r} opens nothing and says nothing.")


def _at_most(what: str, value: str | list[Any], limit: int) -> None:
    if not 1 <= len(value) <= limit:
        raise MessageError(
            f"Slack takes 1 to {limit} for the length of {what}; at worst it would be {len(value)} here."
        )
