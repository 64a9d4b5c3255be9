"""The messages: as exact texts, as EventBridge fills them in, and within Slack's limits for any legal values.

It does not prove how Slack renders them, nor that EventBridge fills in a template as `substitute` does; the local layer
compares it with an emulator, and a live check with EventBridge.
"""

import json
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakglass.alerts.messages import (
    FIELDS,
    Transformer,
    check_transformer,
    email_text,
    is_recorded,
    is_usage,
    slack_message,
    substitute,
    usage_recorder_input,
)
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject
from breakglass.app.domain.usage_lifecycle import parse_evidence
from breakglass.errors import MessageError
from breakglass.vocabulary import ROLE_PATHS, EvidencePath
from localcloud.emulators.block_kit import block_problems, is_metadata_accepted
from tests.unit.alerts.strategies import event_with, field_values, longest_value, subjects

SET = PermissionSetSubject("devops-break-glass")
ROLE = RoleSubject("arn:aws:iam::222222222222:role/ops/emergency")
CHANNEL = "C0123456789"
SESSION = "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_devops-break-glass_8aceb16634d294af/jane.doe"
PATHS = st.sampled_from(ROLE_PATHS)

DETAIL = {
    "eventID": "423fa918-3e60-4161-812c-8ccb1afbd672",
    "eventName": "AssumeRoleWithSAML",
    "eventTime": "2026-03-14T02:07:47Z",
    "awsRegion": "eu-central-1",
    "recipientAccountId": "222222222222",
    "sourceIPAddress": "198.51.100.17",
    "requestParameters": {"roleSessionName": "jane.doe@example.com"},
}


def rendered(transformer: Transformer, detail: dict[str, Any]) -> Any:
    return json.loads(substitute(transformer, {"detail": detail}))


def test_slack_message_of_a_session_is_exactly_this() -> None:
    transformer = slack_message(
        SET, EvidencePath.session_start, channel=CHANNEL, post_mortem_url="https://wiki.example.com/new?type=use&to=us"
    )
    assert rendered(transformer, DETAIL) == {
        "channel": CHANNEL,
        "text": "jane.doe@example.com used devops-break-glass in account 222222222222. Explain it. A session with this "
        "role has started. When (UTC): 2026-03-14T02:07:47Z. Region: eu-central-1. Recorded event: AssumeRoleWithSAML, "
        "ID 423fa918-3e60-4161-812c-8ccb1afbd672.",
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {
                "type": "header",
                "text": {
                    "type": "plain_text",
                    "text": ":rotating_light: jane.doe@example.com used devops-break-glass in account 222222222222. "
                    "Explain it.",
                    "emoji": True,
                },
            },
            section("A session with this role has started."),
            {
                "type": "section",
                "fields": [
                    mrkdwn("*Role*\n`devops-break-glass`"),
                    mrkdwn("*Account*\n`222222222222`"),
                    mrkdwn("*Who*\n`jane.doe@example.com`"),
                    mrkdwn("*When (UTC)*\n`2026-03-14T02:07:47Z`"),
                    mrkdwn("*Region*\n`eu-central-1`"),
                    mrkdwn("*Recorded event*\n`AssumeRoleWithSAML`"),
                ],
            },
            section(
                "*If this was you:* explain this usage in the thread. What is broken, and what are you going to "
                "change?\n"
                "*If it stays unexplained:* treat it as a security incident.\n"
                "*Runbook:* `docs/runbooks/explain-a-use.md`"
            ),
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "text": {"type": "plain_text", "text": "Open event in CloudTrail", "emoji": True},
                        "url": "https://console.aws.amazon.com/cloudtrailv2/home?region=eu-central-1"
                        "#/events/423fa918-3e60-4161-812c-8ccb1afbd672",
                        "action_id": "open_event",
                    },
                    {
                        "type": "button",
                        "text": {"type": "plain_text", "text": "Post-mortem", "emoji": True},
                        "url": "https://wiki.example.com/new?type=use&to=us",
                        "action_id": "open_post_mortem",
                    },
                ],
            },
        ],
        "metadata": {
            "event_type": "breakglass_use",
            "event_payload": {
                "event_id": "423fa918-3e60-4161-812c-8ccb1afbd672",
                "evidence": "session_start",
                "role": "devops-break-glass",
                "account": "222222222222",
                "time": "2026-03-14T02:07:47Z",
            },
        },
    }


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text)}


def test_email_of_a_session_is_exactly_this_line() -> None:
    transformer = email_text(SET, EvidencePath.session_start, post_mortem_url="https://wiki.example.com/new")
    assert rendered(transformer, DETAIL) == (
        "jane.doe@example.com used devops-break-glass in account 222222222222. Explain it. "
        "A session with this role has started. "
        "When (UTC): 2026-03-14T02:07:47Z. Region: eu-central-1. "
        "Recorded event: AssumeRoleWithSAML, ID 423fa918-3e60-4161-812c-8ccb1afbd672. "
        "Explain this in the Slack thread; if it stays unexplained, treat it as a security incident. "
        "Runbook: docs/runbooks/explain-a-use.md. "
        "Post-mortem: https://wiki.example.com/new"
    )


@pytest.mark.parametrize(
    ("subject", "path", "facts"),
    [
        (
            SET,
            EvidencePath.portal,
            {
                "Account": "<targetAccount><requestedAccount>",
                "Who (Identity Center user ID, identity type)": "<userId> <callerType>",
                "From address": "<address>",
            },
        ),
        (
            SET,
            EvidencePath.console,
            {"Account": "<account>", "Who": "<session>", "From address": "<address>"},
        ),
        (
            SET,
            EvidencePath.denied,
            {
                "Account (requested in the portal, if any; recorded in)": "<targetAccount> <account>",
                "Caller (Identity Center user ID, access key, account, type)": (
                    "<userId> <callerKey> <callerAccount> <callerType>"
                ),
            },
        ),
        (
            ROLE,
            EvidencePath.denied,
            {
                "Account": "222222222222",
                "Caller (access key, service, account, type)": (
                    "<callerKey> <callerService> <callerAccount> <callerType>"
                ),
            },
        ),
        (
            ROLE,
            EvidencePath.session_start,
            {
                "Account": "222222222222",
                "Session name (the caller's choice)": "<sessionName>",
                "Caller (access key, service, account, type)": (
                    "<callerKey> <callerService> <callerAccount> <callerType>"
                ),
            },
        ),
    ],
)
def test_message_shows_the_known_facts_of_its_evidence(
    subject: Role, path: EvidencePath, facts: dict[str, str]
) -> None:
    transformer = slack_message(subject, path, channel=CHANNEL)
    shown = dict(re.findall(r"\*([^*]+)\*\\n`([^`]+)`", transformer.template))
    common = {"When (UTC)": "<time>", "Region": "<region>", "Recorded event": "<eventName>"}
    assert shown == {"Role": subject.label} | facts | common


def first_line(body: Mapping[str, Any]) -> str:
    return str(body["blocks"][0]["text"]["text"])


USED = ":rotating_light:"


@pytest.mark.parametrize(
    ("subject", "path", "line"),
    [
        (SET, "session_start", f"{USED} <sessionName> used devops-break-glass in account <account>. Explain it."),
        (
            SET,
            "portal",
            f"{USED} User <userId> used devops-break-glass in account <targetAccount><requestedAccount>. Explain it.",
        ),
        # A session's ARN can be longer than a header.
        (
            SET,
            "console",
            f"{USED} `devops-break-glass` used in the console of account `<account>` by `<session>`. Explain it.",
        ),
        (
            SET,
            "denied",
            ":no_entry: Refused: caller `<userId> <callerAccount>` tried `devops-break-glass`, "
            "recorded in account `<account>`. Say if it was you.",
        ),
        (ROLE, "session_start", f"{USED} Session <sessionName> used emergency in account 222222222222. Explain it."),
        (
            ROLE,
            "console",
            f"{USED} `emergency` used in the console of account `222222222222` by `<session>`. Explain it.",
        ),
        (
            ROLE,
            "denied",
            ":no_entry: Refused: caller <callerAccount> <callerType> tried emergency in account 222222222222. "
            "Say if it was you.",
        ),
    ],
)
def test_first_line_says_who_used_what_in_which_account(subject: Role, path: str, line: str) -> None:
    body = json.loads(slack_message(subject, EvidencePath(path), channel=CHANNEL).template)
    assert first_line(body) == line
    assert body["blocks"][0]["type"] == ("section" if "`" in line else "header")
    plain = line.split(": ", 1)[1].replace("`", "")
    assert body["text"].startswith(f"{plain} ")
    assert json.loads(email_text(subject, EvidencePath(path)).template).startswith(f"{plain} ")


@pytest.mark.parametrize(
    ("subject", "path", "shown"),
    [
        (PermissionSetSubject("p" * 26), EvidencePath.session_start, "p" * 26),
        (PermissionSetSubject("p" * 27), EvidencePath.session_start, "p" * 25 + "…"),
        (PermissionSetSubject("p" * 26), EvidencePath.portal, "p" * 26),
        (PermissionSetSubject("p" * 27), EvidencePath.portal, "p" * 25 + "…"),
        (RoleSubject("arn:aws:iam::222222222222:role/" + "r" * 18), EvidencePath.session_start, "r" * 18),
        (RoleSubject("arn:aws:iam::222222222222:role/" + "r" * 19), EvidencePath.session_start, "r" * 17 + "…"),
    ],
)
def test_header_cuts_a_role_name_only_if_it_is_too_long(subject: Role, path: EvidencePath, shown: str) -> None:
    transformer = slack_message(subject, path, channel=CHANNEL)
    body = json.loads(transformer.template)
    assert f" {shown} in account" in first_line(body)
    assert f" {subject.label} " in f"{body['text'].replace(',', ' ')}"
    values = {name: longest_value(name) for name in transformer.input_paths}
    assert len(first_line(json.loads(substitute(transformer, event_with(values, transformer))))) <= 150


def test_message_of_a_plain_role_has_the_account_of_its_arn() -> None:
    for path in ROLE.evidence_paths:
        body = rendered(slack_message(ROLE, path, channel=CHANNEL), DETAIL | {"recipientAccountId": "111111111111"})
        assert body["metadata"]["event_payload"]["account"] == "222222222222"
        assert "111111111111" not in json.dumps(body)


@pytest.mark.parametrize(
    ("partition", "host"),
    [
        ("aws", "console.aws.amazon.com"),
        ("aws-cn", "console.amazonaws.cn"),
        ("aws-us-gov", "console.amazonaws-us-gov.com"),
    ],
)
def test_button_opens_the_event_in_the_partition_console(partition: str, host: str) -> None:
    transformer = slack_message(SET, EvidencePath.console, channel=CHANNEL, partition=partition)
    assert f'"url":"https://{host}/cloudtrailv2/home?region=<region>#/events/<eventId>"' in transformer.template


def buttons_of(transformer: Transformer, detail: dict[str, Any] = DETAIL) -> list[dict[str, Any]]:
    return rendered(transformer, detail)["blocks"][-1]["elements"]


def test_message_with_approvals_begins_with_the_explain_button() -> None:
    url = "https://wiki.example.com/new"
    made = slack_message(SET, EvidencePath.session_start, channel=CHANNEL, post_mortem_url=url, explain=True)
    first, *others = buttons_of(made)
    assert first == {
        "type": "button",
        "text": {"type": "plain_text", "text": "Explain this usage", "emoji": True},
        "value": "devops-break-glass|session_start|222222222222|423fa918-3e60-4161-812c-8ccb1afbd672"
        "|2026-03-14T02:07:47Z|jane.doe@example.com",
        "style": "primary",
        "action_id": "explain_alert",
    }
    plain = slack_message(SET, EvidencePath.session_start, channel=CHANNEL, post_mortem_url=url)
    assert others == buttons_of(plain)
    assert rendered(made, DETAIL)["blocks"][3] == section(
        "*If this was you:* explain this usage with the button below. Your explanation is stored, and a second "
        "person must accept it."
        "\n*If it stays unexplained:* treat it as a security incident."
        "\n*Runbook:* `docs/runbooks/explain-a-use.md`"
    )


@pytest.mark.parametrize("subject", [SET, ROLE])
def test_denied_attempt_is_not_explained_or_recorded(subject: Role) -> None:
    assert not is_usage(subject, EvidencePath.denied)
    made = slack_message(subject, EvidencePath.denied, channel=CHANNEL, explain=True)
    assert made == slack_message(subject, EvidencePath.denied, channel=CHANNEL)
    with pytest.raises(ValueError, match="a refused attempt is not a use"):
        usage_recorder_input(subject, EvidencePath.denied)


@pytest.mark.parametrize(
    ("subject", "path", "value"),
    [
        (SET, "session_start", "devops-break-glass|session_start|<account>|<eventId>|<time>|<sessionName>"),
        (
            SET,
            "portal",
            "devops-break-glass|portal|<targetAccount><requestedAccount>|<eventId>|<time>|<userId>",
        ),
        (SET, "console", "devops-break-glass|console|<account>|<eventId>|<time>|<session>"),
        # The account of a plain role is known, while the record may be the caller's account's copy.
        (ROLE, "session_start", "emergency|session_start|222222222222|<eventId>|<time>|<sessionName>"),
        (ROLE, "console", "emergency|console|222222222222|<eventId>|<time>|<session>"),
    ],
)
def test_usage_recorder_input_is_the_value_of_the_explain_button(subject: Role, path: str, value: str) -> None:
    recorded = usage_recorder_input(subject, EvidencePath(path))
    assert json.loads(recorded.template) == {"value": value}
    names = re.findall("<([a-zA-Z]+)>", value)
    assert recorded.input_paths == {name: FIELDS[name].path for name in names}
    (button,) = [
        element
        for element in json.loads(slack_message(subject, EvidencePath(path), channel=CHANNEL, explain=True).template)[
            "blocks"
        ][-1]["elements"]
        if element["action_id"] == "explain_alert"
    ]
    assert button["value"] == value


def test_message_without_approvals_keeps_its_template() -> None:
    """Another character would update the targets of every stack."""
    transformer = slack_message(SET, EvidencePath.portal, channel=CHANNEL, post_mortem_url="https://wiki.example.com")
    assert (
        '{"type":"button","text":{"type":"plain_text","text":"Post-mortem","emoji":true},'
        '"url":"https://wiki.example.com","action_id":"open_post_mortem"}]}]'
    ) in transformer.template


def test_message_without_post_mortem_url_lacks_the_button() -> None:
    body = rendered(slack_message(SET, EvidencePath.portal, channel=CHANNEL), DETAIL)
    assert [button["action_id"] for button in body["blocks"][-1]["elements"]] == ["open_event"]


# --- EventBridge's substitution ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "filled"),
    [
        ({"detail": {"eventID": "e-1", "awsRegion": "eu"}}, '"e-1 eu <other>"'),
        ({"detail": {"eventID": 'a"b\\', "awsRegion": "<!channel>"}}, '"a"b\\ <!channel> <other>"'),
        ({"detail": {"eventID": "e-1"}}, '"e-1  <other>"'),
        ({"detail": {"eventID": None, "awsRegion": 7}}, '"null 7 <other>"'),
        ({"detail": "text"}, '"  <other>"'),
        ({}, '"  <other>"'),
    ],
)
def test_substitute_mail_inserts_values_raw_and_nothing_for_none(event: dict[str, Any], filled: str) -> None:
    transformer = Transformer(
        {"eventId": "$.detail.eventID", "region": "$.detail.awsRegion"}, '"<eventId> <region> <other>"'
    )
    assert substitute(transformer, event) == filled


def test_substitute_leaves_placeholders_in_values() -> None:
    transformer = Transformer({"eventId": "$.detail.eventID", "region": "$.detail.awsRegion"}, '"<eventId>"')
    assert substitute(transformer, {"detail": {"eventID": "<region>", "awsRegion": "eu"}}) == '"<region>"'


# --- any legal values ----------------------------------------------------------------------------------------------

URLS = st.text(string.ascii_letters + string.digits + "-._~:/?#[]@!$&()*+,;=%", max_size=2000).map(
    "https://x.example/".__add__
)


@st.composite
def filled_messages(draw: st.DrawFn) -> tuple[Transformer, str]:
    subject, path = draw(subjects), draw(PATHS)
    assume(path in subject.evidence_paths)
    url, explain = draw(st.one_of(st.none(), URLS)), draw(st.booleans())
    transformer = slack_message(subject, path, channel=CHANNEL, post_mortem_url=url, explain=explain)
    present = draw(st.sets(st.sampled_from(sorted(transformer.input_paths))))
    values = {name: draw(field_values(name)) for name in sorted(present)}
    return transformer, substitute(transformer, event_with(values, transformer))


@given(filled_messages())
def test_message_with_any_legal_values_is_within_limits(message: tuple[Transformer, str]) -> None:
    transformer, text = message
    body = json.loads(text)
    assert len(transformer.template) <= 8192
    assert "<" not in text
    assert ">" not in text
    assert 0 < len(body["text"]) <= 4000
    # The local cloud's check is written from Slack's documentation, not from `check_transformer`.
    assert block_problems(body["blocks"]) == []
    assert is_metadata_accepted(body["metadata"])
    _, _, facts, _, actions = body["blocks"]
    # A code span can't be left, so nothing in it is a format or an emoji.
    assert all(field["text"].count("`") == 2 for field in facts["fields"])
    assert all(urlsplit(button["url"]).hostname for button in actions["elements"] if "url" in button)


@given(st.data(), subjects, PATHS)
def test_usage_recorder_reads_any_legal_values(data: st.DataObject, subject: Role, path: EvidencePath) -> None:
    assume(path in subject.evidence_paths and is_recorded(subject, path))
    transformer = usage_recorder_input(subject, path)
    values = {name: data.draw(field_values(name)) for name in transformer.input_paths}
    # Each of these has a form, and not only an alphabet.
    values |= {"time": "2026-03-14T02:07:47Z"}
    values |= {name: "222222222222" for name in ("account", "targetAccount") if name in values}
    # An event of the portal has its account in one of two places.
    values |= {name: "" for name in ("requestedAccount",) if name in values}
    if "targetAccount" in values and data.draw(st.booleans()):
        values |= {"targetAccount": "", "requestedAccount": values["targetAccount"]}
    values |= {"session": SESSION} if "session" in values else {}
    values["eventId"] = values["eventId"] or "e-1"
    read = parse_evidence(json.loads(substitute(transformer, event_with(values, transformer)))["value"])
    assert (read.role, read.path, read.account, read.event_id) == (
        subject.label,
        path,
        "222222222222" if isinstance(subject, PermissionSetSubject) else subject.account_id,
        values["eventId"],
    )
    assert read.who == values.get("sessionName", values.get("userId", values.get("session")))


def test_no_field_alphabet_has_the_separator() -> None:
    assert not [name for name, field in FIELDS.items() if re.fullmatch(field.alphabet, "|")]


@given(subjects, PATHS)
def test_messages_with_the_longest_names_fit(subject: Role, path: EvidencePath) -> None:
    assume(path in subject.evidence_paths)
    named = (
        PermissionSetSubject((subject.name * 32)[:32])
        if isinstance(subject, PermissionSetSubject)
        else RoleSubject(subject.arn.rsplit("/", 1)[0] + "/" + (subject.label * 64)[:64])
    )
    url = "https://x.example/" + "p" * 2000
    transformer = slack_message(
        named, path, channel="C" + "0" * 20, post_mortem_url=url, partition="aws-us-gov", explain=True
    )
    values = {name: longest_value(name) for name in transformer.input_paths}
    body = json.loads(substitute(transformer, event_with(values, transformer)))
    assert block_problems(body["blocks"]) == []
    mail = substitute(email_text(named, path, post_mortem_url=url), event_with(values, transformer))
    assert isinstance(json.loads(mail), str)


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_field_alphabet_needs_no_escaping(name: str) -> None:
    assert not [
        c for c in map(chr, range(0x3000)) if re.fullmatch(FIELDS[name].alphabet, c) and c in '"\\<>`&\n' + chr(127)
    ]
    assert not [c for c in map(chr, [*range(32), *range(127, 0x3000)]) if re.fullmatch(FIELDS[name].alphabet, c)]


@pytest.mark.parametrize(
    "path",
    [
        "userAgent",
        "errorMessage",
        "userIdentity",
        "requestParameters.alarmName",
        "requestParameters.alarmNames",
        "requestParameters.policy",
        "additionalEventData.LoginTo",
        "responseElements",
        "requestParameters",
    ],
)
def test_fields_exclude_free_text(path: str) -> None:
    assert f"$.detail.{path}" not in {field.path for field in FIELDS.values()}


@pytest.mark.parametrize("subject", [SET, ROLE])
def test_session_message_never_shows_awss_address(subject: Role) -> None:
    for transformer in (
        slack_message(subject, EvidencePath.session_start, channel=CHANNEL),
        email_text(subject, EvidencePath.session_start),
    ):
        assert "$.detail.sourceIPAddress" not in transformer.input_paths.values()


# --- hostile and unfit texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["<!channel>", "<who>", "a`b", 'a"b', "a\\b", "a b", "a\nb", "", "caf\u00e9", "<https://x|y>", "\u202eabc"]
)
def test_configured_text_with_markup_is_refused(text: str) -> None:
    for make in (
        partial(slack_message, PermissionSetSubject(text), channel=CHANNEL),
        partial(slack_message, SET, channel=text),
        partial(slack_message, SET, channel=CHANNEL, post_mortem_url=text),
        partial(email_text, PermissionSetSubject(text)),
        partial(email_text, SET, post_mortem_url=text),
    ):
        for path in ROLE_PATHS:
            with pytest.raises(MessageError, match="Not a valid text for an alert message"):
                make(path=path)


def test_message_too_long_for_eventbridge_is_refused() -> None:
    with pytest.raises(MessageError, match=r"EventBridge takes 8192.*[Ss]horten the post-mortem address"):
        slack_message(SET, EvidencePath.portal, channel=CHANNEL, post_mortem_url="https://x.example/" + "p" * 8000)


def good() -> Transformer:
    return slack_message(SET, EvidencePath.session_start, channel=CHANNEL, explain=True)


def recorded() -> Transformer:
    return usage_recorder_input(SET, EvidencePath.session_start)


def edited(old: str, new: str, of: Callable[[], Transformer] = good) -> Callable[[], Transformer]:
    """Make a good transformer with something else in its template."""

    def make() -> Transformer:
        assert old in of().template
        return replace(of(), template=of().template.replace(old, new))

    return make


def with_path(name: str, path: str) -> Callable[[], Transformer]:
    """Make a good transformer with another path."""
    return lambda: replace(good(), input_paths={**good().input_paths, name: path})


def test_check_transformer_passes_the_builders_output() -> None:
    check_transformer(good())
    check_transformer(email_text(SET, EvidencePath.session_start))
    check_transformer(recorded())


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: replace(good(), template=good().template + "}"), "is not valid JSON"),
        (
            edited('"<eventId>"', "<eventId>"),
            "each placeholder inside quoted text: there a missing field leaves an empty text",
        ),
        (edited("<region>", "<where>"), "region, where has only one of them"),
        (with_path("userId", FIELDS["userId"].path), "userId has only one of them"),
        (with_path("agent", "$.detail.userAgent"), "not in the list of safe fields"),
        (with_path("time", "$.detail.errorMessage"), "not in the list of safe fields"),
        (edited("*Region*", "<!channel>"), "angle brackets that are not a placeholder"),
        (edited("*Region*", "a > b"), "angle brackets that are not a placeholder"),
        (edited('"evidence"', '"<region>"'), "in values only"),
        (edited("https://console.aws.amazon.com", ""), "Not a valid address of a Slack button"),
        (edited('"value":', '"values":'), "has neither a url nor a value"),
        (edited("|", "x" * 400, recorded), "for the value"),
        (edited('"actions"', '"carousel"'), "a block of type 'carousel': its limits in Slack are not checked"),
        (edited("A session with this role has started.", ""), "a length of 1 to 3000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_transformer_that_would_lose_the_alert_is_refused(make: Callable[[], Transformer], why: str) -> None:
    transformer = make()
    with pytest.raises(MessageError, match=re.escape(why)):
        check_transformer(transformer)


@pytest.mark.parametrize(
    ("where", "limit", "what"),
    [
        (["blocks"], 50, "the blocks"),
        (["blocks", 2, "fields"], 10, "the fields of a section"),
        (["blocks", 4, "elements"], 25, "the buttons"),
    ],
)
def test_message_with_too_many_elements_is_refused(where: list[str | int], limit: int, what: str) -> None:
    body = json.loads(good().template)
    entries = body
    for key in where:
        entries = entries[key]
    entries.extend(entries[1:2] * (limit + 1 - len(entries)))
    with pytest.raises(MessageError, match=f"for {what}, got {limit + 1} in the worst case"):
        check_transformer(replace(good(), template=json.dumps(body)))
