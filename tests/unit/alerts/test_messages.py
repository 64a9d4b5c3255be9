"""The messages: as exact texts, as EventBridge fills them in, and within Slack's limits for any legal values.

It does not prove how Slack renders them, nor that EventBridge fills in a template as `substitute` does; the local layer
compares it with an emulator, and a live check with EventBridge.
"""

import json
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakglass.alerts.input_template import is_json
from breakglass.alerts.messages import (
    FIELDS,
    Transformer,
    check_transformer,
    email_text,
    is_usage,
    recorder_input,
    slack_message,
    substitute,
)
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, Subject
from breakglass.app.domain.usage_lifecycle import parse_evidence
from breakglass.errors import MessageError
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.block_kit import block_problems, metadata_accepted
from tests.unit.alerts.strategies import field_values, subjects

SET = PermissionSetSubject("devops-break-glass")
ROLE = RoleSubject("arn:aws:iam::222222222222:role/ops/emergency")
CHANNEL = "C0123456789"
SESSION = "arn:aws:sts::222222222222:assumed-role/AWSReservedSSO_devops-break-glass_8aceb16634d294af/jane.doe"
PATHS = st.sampled_from(EvidencePath)

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


def test_a_session_is_told_as_exactly_this_message() -> None:
    transformer = slack_message(
        SET, EvidencePath.session_start, channel=CHANNEL, post_mortem_url="https://wiki.example.com/new?type=use&to=us"
    )
    assert rendered(transformer, DETAIL) == {
        "channel": CHANNEL,
        "text": "Break-glass role devops-break-glass is in use. Account: 222222222222. Who: jane.doe@example.com.",
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {
                "type": "header",
                "text": {"type": "plain_text", "text": ":rotating_light: devops-break-glass is in use", "emoji": True},
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
                "*If this was you:* explain this use in the thread. What is broken, and what are you going to change?\n"
                "*If nobody explains it:* treat it as a security incident."
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
            },
        },
    }


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn(text)}


def test_a_session_is_told_by_mail_as_exactly_this_line() -> None:
    transformer = email_text(SET, EvidencePath.session_start, post_mortem_url="https://wiki.example.com/new")
    assert rendered(transformer, DETAIL | {"drill": "DRILL: "}) == (
        "DRILL: Break-glass role devops-break-glass is in use. A session with this role has started. "
        "Account: 222222222222. Who: jane.doe@example.com. When (UTC): 2026-03-14T02:07:47Z. Region: eu-central-1. "
        "Recorded event: AssumeRoleWithSAML, ID 423fa918-3e60-4161-812c-8ccb1afbd672. "
        "Explain this in the Slack thread; if nobody can, treat it as a security incident. "
        "Post-mortem: https://wiki.example.com/new"
    )


@pytest.mark.parametrize(
    ("subject", "path", "facts"),
    [
        (
            SET,
            EvidencePath.portal,
            {
                "Account": "$.detail.serviceEventDetails.account_id + $.detail.requestParameters.accountId",
                "Who (Identity Center user ID)": "$.detail.userIdentity.onBehalfOf.userId",
                "From address": "$.detail.sourceIPAddress",
            },
        ),
        (
            SET,
            EvidencePath.console,
            {
                "Account": "$.detail.recipientAccountId",
                "Who": "$.detail.userIdentity.arn",
                "From address": "$.detail.sourceIPAddress",
            },
        ),
        (
            SET,
            EvidencePath.denied,
            {
                "Recorded in account": "$.detail.recipientAccountId",
                "Portal user (Identity Center user ID)": "$.detail.userIdentity.onBehalfOf.userId",
                "Account asked for in the portal": "$.detail.serviceEventDetails.account_id",
                "Caller": "$.detail.userIdentity.type",
                "Caller's account": "$.detail.userIdentity.accountId",
                "Caller's access key": "$.detail.userIdentity.accessKeyId",
            },
        ),
        (
            ROLE,
            EvidencePath.denied,
            {
                "Caller": "$.detail.userIdentity.type",
                "Caller's account": "$.detail.userIdentity.accountId",
                "Caller's access key": "$.detail.userIdentity.accessKeyId",
            },
        ),
        (
            ROLE,
            EvidencePath.session_start,
            {
                "Session name (the caller's choice)": "$.detail.requestParameters.roleSessionName",
                "Caller": "$.detail.userIdentity.type",
                "Caller's account": "$.detail.userIdentity.accountId",
                "Caller's access key": "$.detail.userIdentity.accessKeyId",
            },
        ),
    ],
)
def test_each_kind_of_evidence_says_what_is_known_about_who_it_was(
    subject: Subject, path: EvidencePath, facts: dict[str, str]
) -> None:
    transformer = slack_message(subject, path, channel=CHANNEL)
    shown = dict(re.findall(r"\*([^*]+)\*\\n`<([a-zA-Z<>]+)>`", transformer.template))
    common = {
        "When (UTC)": "$.detail.eventTime",
        "Region": "$.detail.awsRegion",
        "Recorded event": "$.detail.eventName",
    }
    paths = {label: [transformer.input_paths[name] for name in names.split("><")] for label, names in shown.items()}
    assert {label: " + ".join(found) for label, found in paths.items()} == facts | common


def test_the_account_of_a_plain_role_is_that_of_its_arn_whoever_recorded_the_call() -> None:
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
def test_the_event_opens_in_the_console_of_its_partition(partition: str, host: str) -> None:
    transformer = slack_message(SET, EvidencePath.console, channel=CHANNEL, partition=partition)
    assert f'"url":"https://{host}/cloudtrailv2/home?region=<region>#/events/<eventId>"' in transformer.template


def buttons_of(transformer: Transformer, detail: dict[str, Any] = DETAIL) -> list[dict[str, Any]]:
    return rendered(transformer, detail)["blocks"][-1]["elements"]


def test_with_approvals_a_use_has_a_button_to_explain_it_before_the_others() -> None:
    url = "https://wiki.example.com/new"
    made = slack_message(SET, EvidencePath.session_start, channel=CHANNEL, post_mortem_url=url, explain=True)
    first, *others = buttons_of(made)
    assert first == {
        "type": "button",
        "text": {"type": "plain_text", "text": "Explain this use", "emoji": True},
        "value": "|devops-break-glass|session_start|222222222222|423fa918-3e60-4161-812c-8ccb1afbd672"
        "|2026-03-14T02:07:47Z|jane.doe@example.com",
        "style": "primary",
        "action_id": "explain_alert",
    }
    plain = slack_message(SET, EvidencePath.session_start, channel=CHANNEL, post_mortem_url=url)
    assert others == buttons_of(plain)
    assert rendered(made, DETAIL)["blocks"][3] == section(
        "*If this was you:* explain this use with the button below. Your answer is kept, and a second person reads it."
        "\n*If nobody explains it:* treat it as a security incident."
    )


@pytest.mark.parametrize("subject", [SET, ROLE])
def test_a_refused_attempt_is_no_use_to_explain_or_record(subject: Subject) -> None:
    assert not is_usage(EvidencePath.denied)
    made = slack_message(subject, EvidencePath.denied, channel=CHANNEL, explain=True)
    assert made == slack_message(subject, EvidencePath.denied, channel=CHANNEL)
    with pytest.raises(ValueError, match="Nothing was used"):
        recorder_input(subject, EvidencePath.denied)


@pytest.mark.parametrize(
    ("subject", "path", "value"),
    [
        (SET, "session_start", "<drill>|devops-break-glass|session_start|<account>|<eventId>|<time>|<sessionName>"),
        (
            SET,
            "portal",
            "<drill>|devops-break-glass|portal|<targetAccount><requestedAccount>|<eventId>|<time>|<userId>",
        ),
        (SET, "console", "<drill>|devops-break-glass|console|<account>|<eventId>|<time>|<session>"),
        # The account of a plain role is known, while the record may be the caller's account's copy.
        (ROLE, "session_start", "<drill>|emergency|session_start|222222222222|<eventId>|<time>|<sessionName>"),
        (ROLE, "console", "<drill>|emergency|console|222222222222|<eventId>|<time>|<session>"),
    ],
)
def test_the_recorder_gets_what_the_button_says_and_nothing_else(subject: Subject, path: str, value: str) -> None:
    recorded = recorder_input(subject, EvidencePath(path))
    assert json.loads(recorded.template) == {"value": value, "source": "<source>"}
    assert recorded.template.endswith(',"source":"<source>"}'), "of two equal keys the last one counts"
    names = [*re.findall("<([a-zA-Z]+)>", value), "source"]
    assert recorded.input_paths == {name: FIELDS[name].path for name in names}
    (button,) = [
        element
        for element in json.loads(slack_message(subject, EvidencePath(path), channel=CHANNEL, explain=True).template)[
            "blocks"
        ][-1]["elements"]
        if element["action_id"] == "explain_alert"
    ]
    assert button["value"] == value


def test_a_drill_is_marked_in_what_the_button_says() -> None:
    made = slack_message(SET, EvidencePath.session_start, channel=CHANNEL, explain=True)
    assert parse_evidence(buttons_of(made, DETAIL | {"drill": "DRILL: "})[0]["value"]).drill


def test_without_approvals_not_a_character_of_the_template_is_another_one() -> None:
    """Or every stack would update its targets."""
    transformer = slack_message(SET, EvidencePath.portal, channel=CHANNEL, post_mortem_url="https://wiki.example.com")
    assert (
        '{"type":"button","text":{"type":"plain_text","text":"Post-mortem","emoji":true},'
        '"url":"https://wiki.example.com","action_id":"open_post_mortem"}]}]'
    ) in transformer.template


def test_without_a_post_mortem_address_there_is_no_button_for_it() -> None:
    body = rendered(slack_message(SET, EvidencePath.portal, channel=CHANNEL), DETAIL)
    assert [button["action_id"] for button in body["blocks"][-1]["elements"]] == ["open_event"]


@pytest.mark.parametrize("path", list(EvidencePath))
def test_a_drill_is_told_in_the_first_words_of_text_header_and_mail(path: EvidencePath) -> None:
    drill = DETAIL | {"drill": "DRILL: "}
    body = rendered(slack_message(SET, path, channel=CHANNEL), drill)
    assert body["text"].startswith("DRILL: Break-glass role ")
    assert body["blocks"][0]["text"]["text"].startswith("DRILL: :rotating_light: ")
    assert rendered(email_text(SET, path), drill).startswith("DRILL: Break-glass role ")


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


@given(st.text(), PATHS)
def test_slack_message_with_any_text_in_a_field_stays_itself(text: str, path: EvidencePath) -> None:
    """By AWS's recorded answers: a value ends no text, so it changes neither the channel nor the blocks."""
    transformer = slack_message(SET, path, channel=CHANNEL, explain=True)
    crafted, plain = (
        json.loads(substitute(transformer, event_with(dict.fromkeys(transformer.input_paths, value), transformer)))
        for value in (text, "x")
    )
    assert (crafted["channel"], crafted.keys(), len(crafted["blocks"])) == (CHANNEL, plain.keys(), len(plain["blocks"]))


@pytest.mark.parametrize("value", [{"a": "b"}, ["a"]], ids=["object", "list"])
@pytest.mark.parametrize("path", list(EvidencePath))
def test_slack_message_with_a_nested_field_is_never_sent(path: EvidencePath, value: Any) -> None:
    transformer = slack_message(SET, path, channel=CHANNEL)
    for name in transformer.input_paths:
        assert not is_json(substitute(transformer, event_with({name: value}, transformer)))


def test_a_value_is_not_searched_for_placeholders_again() -> None:
    transformer = Transformer({"eventId": "$.detail.eventID", "region": "$.detail.awsRegion"}, '"<eventId>"')
    assert substitute(transformer, {"detail": {"eventID": "<region>", "awsRegion": "eu"}}) == '"<region>"'


# --- any legal values ----------------------------------------------------------------------------------------------

URLS = st.text(string.ascii_letters + string.digits + "-._~:/?#[]@!$&()*+,;=%", max_size=2000).map(
    "https://x.example/".__add__
)


def event_with(values: Mapping[str, Any], transformer: Transformer) -> dict[str, Any]:
    """Make an event out of field values; a field without one is left out, as CloudTrail leaves fields out."""
    event: dict[str, Any] = {}
    for name, value in values.items():
        *parents, leaf = transformer.input_paths[name].removeprefix("$.").split(".")
        inner = event
        for key in parents:
            inner = inner.setdefault(key, {})
        inner[leaf] = value
    return event


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
def test_any_legal_values_make_valid_json_within_slacks_limits(message: tuple[Transformer, str]) -> None:
    transformer, text = message
    body = json.loads(text)
    assert len(transformer.template) <= 8192
    assert "<" not in text
    assert ">" not in text
    assert 0 < len(body["text"]) <= 4000
    # What refuses a message in the local cloud knows Slack's limits from Slack's documentation, not from `check`.
    assert block_problems(body["blocks"]) == []
    assert metadata_accepted(body["metadata"])
    _, _, facts, _, actions = body["blocks"]
    # A code span can't be left, so nothing in it is a format or an emoji.
    assert all(field["text"].count("`") == 2 for field in facts["fields"])
    assert all(urlsplit(button["url"]).hostname for button in actions["elements"] if "url" in button)


@given(st.data(), subjects, PATHS.filter(is_usage))
def test_the_recorder_understands_any_legal_values(data: st.DataObject, subject: Subject, path: EvidencePath) -> None:
    assume(path in subject.evidence_paths)
    transformer = recorder_input(subject, path)
    values = {name: data.draw(field_values(name)) for name in transformer.input_paths}
    # Each of these has a form, and not only an alphabet.
    values |= {"drill": data.draw(st.sampled_from(["", "DRILL: "])), "time": "2026-03-14T02:07:47Z"}
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


def test_no_field_has_the_character_that_is_between_them() -> None:
    assert not [name for name, field in FIELDS.items() if re.fullmatch(field.alphabet, "|")]


@given(subjects, PATHS)
def test_the_longest_legal_names_fit(subject: Subject, path: EvidencePath) -> None:
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
    values = {name: longest(name) for name in transformer.input_paths}
    body = json.loads(substitute(transformer, event_with(values, transformer)))
    assert block_problems(body["blocks"]) == []
    mail = substitute(email_text(named, path, post_mortem_url=url), event_with(values, transformer))
    assert isinstance(json.loads(mail), str)


def longest(name: str) -> str:
    """The longest text that a field of a message may hold."""
    return next(c for c in string.printable if re.fullmatch(FIELDS[name].alphabet, c)) * FIELDS[name].longest


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_no_field_has_a_character_that_needs_escaping_or_means_something_in_a_code_span(name: str) -> None:
    assert not [
        c for c in map(chr, range(0x3000)) if re.fullmatch(FIELDS[name].alphabet, c) and c in '"\\<>`&\n' + chr(127)
    ]
    assert not [c for c in map(chr, [*range(32), *range(127, 0x3000)]) if re.fullmatch(FIELDS[name].alphabet, c)]


@pytest.mark.parametrize(
    "path",
    [
        "userAgent",
        "errorMessage",
        "userIdentity.userName",
        "userIdentity.principalId",
        "responseElements",
        "requestParameters",
    ],
)
def test_nothing_that_people_write_freely_can_go_in(path: str) -> None:
    assert f"$.detail.{path}" not in {field.path for field in FIELDS.values()}


@pytest.mark.parametrize("subject", [SET, ROLE])
def test_awss_own_address_is_never_shown_as_the_persons(subject: Subject) -> None:
    for transformer in (
        slack_message(subject, EvidencePath.session_start, channel=CHANNEL),
        email_text(subject, EvidencePath.session_start),
    ):
        assert "$.detail.sourceIPAddress" not in transformer.input_paths.values()


# --- hostile and unfit texts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["<!channel>", "<who>", "a`b", 'a"b', "a\\b", "a b", "a\nb", "", "caf\u00e9", "<https://x|y>", "\u202eabc"]
)
def test_a_configured_text_that_would_not_stay_text_is_refused(text: str) -> None:
    for path in EvidencePath:
        with pytest.raises(MessageError, match="can't be put into an alert message"):
            slack_message(PermissionSetSubject(text), path, channel=CHANNEL)
        with pytest.raises(MessageError, match="can't be put into an alert message"):
            slack_message(SET, path, channel=text)
        with pytest.raises(MessageError, match="can't be put into an alert message"):
            slack_message(SET, path, channel=CHANNEL, post_mortem_url=text)
        with pytest.raises(MessageError, match="can't be put into an alert message"):
            email_text(PermissionSetSubject(text), path)
        with pytest.raises(MessageError, match="can't be put into an alert message"):
            email_text(SET, path, post_mortem_url=text)


def test_a_message_too_long_for_eventbridge_is_refused() -> None:
    with pytest.raises(MessageError, match=r"EventBridge takes 8192.*[Ss]horten the post-mortem address"):
        slack_message(SET, EvidencePath.portal, channel=CHANNEL, post_mortem_url="https://x.example/" + "p" * 8000)


def good() -> Transformer:
    return slack_message(SET, EvidencePath.session_start, channel=CHANNEL, explain=True)


def recorded() -> Transformer:
    return recorder_input(SET, EvidencePath.session_start)


def edited(old: str, new: str, of: Callable[[], Transformer] = good) -> Callable[[], Transformer]:
    """Make a good transformer with something else in its template."""

    def make() -> Transformer:
        assert old in of().template
        return replace(of(), template=of().template.replace(old, new))

    return make


def with_path(name: str, path: str) -> Callable[[], Transformer]:
    """Make a good transformer with another path."""
    return lambda: replace(good(), input_paths={**good().input_paths, name: path})


def test_what_the_builders_make_passes_the_check() -> None:
    check_transformer(good())
    check_transformer(email_text(SET, EvidencePath.session_start))
    check_transformer(recorded())


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: replace(good(), template=good().template + "}"), "is no JSON"),
        (edited('"<eventId>"', "<eventId>"), "belong inside quoted text"),
        (edited("<region>", "<where>"), "region, where has only one of them"),
        (with_path("userId", FIELDS["userId"].path), "userId has only one of them"),
        (with_path("agent", "$.detail.userAgent"), "not known to be safe"),
        (with_path("time", "$.detail.errorMessage"), "not known to be safe"),
        (edited("*Region*", "<!channel>"), "angle brackets that are no placeholder"),
        (edited("*Region*", "a > b"), "angle brackets that are no placeholder"),
        (edited('"evidence"', '"<region>"'), "in values only"),
        (edited(":rotating_light:", "x" * 150), "length of the header"),
        (edited("A session", "x" * 3000), "length of the text of a section"),
        (edited("*Who*", "x" * 2000), "length of a field of a section"),
        (edited("Open event", "x" * 80), "length of the text of a button"),
        (edited("/cloudtrailv2", "x" * 3000), "length of the address of a button"),
        (edited("https://console.aws.amazon.com", ""), "is no address"),
        (edited("<drill>|", "<drill>" + "x" * 2000), "the value of a button"),
        (edited('"value":', '"values":'), "opens nothing and says nothing"),
        (edited("|", "x" * 400, recorded), "length of the value"),
        (edited("Break-glass role", "x" * 4000), "length of the fallback text"),
        (edited('"actions"', '"carousel"'), "'carousel' are not known"),
        (edited("A session with this role has started.", ""), "takes 1 to 3000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_transformer_that_would_lose_or_bend_the_alert_is_refused(make: Callable[[], Transformer], why: str) -> None:
    transformer = make()
    with pytest.raises(MessageError, match=re.escape(why)):
        check_transformer(transformer)


def test_more_paths_than_eventbridge_takes_are_refused() -> None:
    with pytest.raises(MessageError, match="101 paths"):
        check_transformer(Transformer({f"n{index}": "$.detail.eventID" for index in range(101)}, '""'))


@pytest.mark.parametrize(
    ("where", "limit", "what"),
    [
        (["blocks"], 50, "the blocks"),
        (["blocks", 2, "fields"], 10, "the fields of a section"),
        (["blocks", 4, "elements"], 25, "the buttons"),
    ],
)
def test_more_blocks_fields_or_buttons_than_slack_takes_are_refused(
    where: list[str | int], limit: int, what: str
) -> None:
    body = json.loads(good().template)
    entries = body
    for key in where:
        entries = entries[key]
    entries.extend(entries[:1] * (limit + 1 - len(entries)))
    with pytest.raises(MessageError, match=f"length of {what}; at worst it would be {limit + 1}"):
        check_transformer(replace(good(), template=json.dumps(body)))
