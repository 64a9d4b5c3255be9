"""Drills: their event, pattern and message as exact JSON, and hostile drills that change none of it.

It does not prove that EventBridge sets the envelope as documented, nor that Slack takes the message (the local layer
comes nearer).
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from breakglass.alerts.drills import drill_event, drill_message, drill_pattern, drilled_role
from breakglass.alerts.messages import FIELDS, substitute
from breakglass.alerts.patterns import event_pattern
from breakglass.alerts.subjects import Drilled, PermissionSetSubject, RoleSubject, RootSubject
from breakglass.errors import MessageError
from localcloud.emulators.block_kit import block_problems, is_metadata_accepted
from tests.events.matcher import matches
from tests.unit.alerts.strategies import subjects

SET = PermissionSetSubject("devops-break-glass")
ROLE = RoleSubject("arn:aws:iam::222222222222:role/ops/emergency")
CHANNEL = "C0123456789"


def drill(detail: Any) -> dict[str, Any]:
    """Return the event that EventBridge makes of a drill with this detail."""
    return {
        "version": "0",
        "id": "423fa918-3e60-4161-812c-8ccb1afbd672",
        "detail-type": "Break-glass drill",
        "source": "breakglass.drill",
        "account": "222222222222",
        "time": "2026-03-14T02:07:47Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    }


def test_drill_event_is_an_entry_for_put_events() -> None:
    assert drill_event("devops-break-glass") == {
        "Source": "breakglass.drill",
        "DetailType": "Break-glass drill",
        "Detail": '{"role": "devops-break-glass"}',
    }


@pytest.mark.parametrize(
    ("subject", "role"), [(SET, "devops-break-glass"), (ROLE, "emergency-222222222222"), (RootSubject(), "root-user")]
)
def test_drill_pattern_is_exactly_this(subject: Drilled, role: str) -> None:
    assert drill_pattern(subject) == {
        "source": ["breakglass.drill"],
        "detail-type": ["Break-glass drill"],
        "detail": {"role": [role]},
    }


@given(subjects, subjects)
@example(ROLE, RoleSubject("arn:aws:iam::111111111111:role/ops/emergency"))
@example(ROLE, PermissionSetSubject("emergency"))
def test_drill_matches_only_the_drill_rule_of_its_role(subject: Drilled, other: Drilled) -> None:
    assume(subject.key != other.key)
    event = drill(json.loads(drill_event(subject.key)["Detail"]))
    assert matches(drill_pattern(subject), event)
    assert not matches(drill_pattern(other), event)


@given(subjects)
def test_role_of_a_drill_rule_is_in_its_pattern(subject: Drilled) -> None:
    assert drilled_role(json.dumps(drill_pattern(subject))) == subject.key


@pytest.mark.parametrize(
    "pattern",
    [
        *("None", "", "[]", "1", "{}", '{"source": ["aws.sts"], "detail": {"role": ["r"]}}'),
        *('{"source": ["breakglass.drill"]}', '{"source": ["breakglass.drill"], "detail": {"role": []}}'),
    ],
)
def test_other_rule_is_of_no_drill(pattern: str) -> None:
    assert drilled_role(pattern) is None


def test_drill_message_is_exactly_this() -> None:
    def mrkdwn(text: str) -> dict[str, Any]:
        return {"type": "mrkdwn", "text": text, "verbatim": True}

    body = json.loads(substitute(drill_message(ROLE, channel=CHANNEL), drill({"role": ROLE.key})))
    assert body == {
        "channel": CHANNEL,
        "text": "Drill: a test of the alerts about emergency, account 222222222222.",
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {
                "type": "header",
                "text": {
                    "type": "plain_text",
                    "text": ":test_tube: Drill: a test of the alerts about emergency, account 222222222222",
                    "emoji": True,
                },
            },
            {
                "type": "section",
                "text": mrkdwn("A test of the way to Slack. It is no sign of a use, and there is nothing to explain."),
            },
            {
                "type": "section",
                "fields": [
                    mrkdwn("*Role*\n`emergency`"),
                    mrkdwn("*Account of the alerts*\n`222222222222`"),
                    mrkdwn("*Region*\n`eu-central-1`"),
                    mrkdwn("*Drill*\n`423fa918-3e60-4161-812c-8ccb1afbd672`"),
                ],
            },
        ],
        "metadata": {
            "event_type": "breakglass_drill",
            "event_payload": {
                "event_id": "423fa918-3e60-4161-812c-8ccb1afbd672",
                "role": "emergency",
                "account": "222222222222",
                "time": "2026-03-14T02:07:47Z",
            },
        },
    }
    assert block_problems(body["blocks"]) == []
    assert is_metadata_accepted(body["metadata"])


def test_drill_message_of_root_calls_it_a_user() -> None:
    body = json.loads(substitute(drill_message(RootSubject(), channel=CHANNEL), drill({"role": "root-user"})))
    assert body["blocks"][2]["fields"][0]["text"] == "*User*\n`root`"


@given(subjects)
def test_drill_message_inserts_fields_of_the_envelope_only(subject: Drilled) -> None:
    transformer = drill_message(subject, channel=CHANNEL)
    assert set(transformer.input_paths.values()) == {"$.id", "$.time", "$.account", "$.region"}
    assert {FIELDS[name].path for name in transformer.input_paths} == set(transformer.input_paths.values())


MENTION = '<!channel> "}]}],"text":"owned'
USE: Mapping[str, Any] = {
    "eventName": "AssumeRole",
    "eventTime": "2026-03-14T02:07:47Z",
    "eventID": "e-1",
    "awsRegion": "eu-central-1",
    "recipientAccountId": "222222222222",
    "requestParameters": {
        "roleArn": "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_devops-break-glass_1",
        "roleSessionName": "jane.doe",
    },
}
HOSTILE: Mapping[str, dict[str, Any]] = {
    "a list": {"role": [SET.key, MENTION]},
    "an object beside the role": {"role": SET.key, "drill": {"a": MENTION}, "eventID": {"b": ["c"]}},
    "quotes": {"role": SET.key, "eventTime": MENTION, "account": MENTION, "id": MENTION, "region": MENTION},
    "a huge text": {"role": SET.key, "time": "x" * 200_000},
    "a whole use": {"role": SET.key, **USE},
    "the marker of earlier versions": {"role": SET.key, "drill": "DRILL: ", **USE},
}


@pytest.mark.parametrize("detail", HOSTILE.values(), ids=HOSTILE)
def test_hostile_drill_changes_nothing_in_its_message(detail: dict[str, Any]) -> None:
    message = drill_message(SET, channel=CHANNEL)
    assert matches(drill_pattern(SET), drill(detail))
    assert substitute(message, drill(detail)) == substitute(message, drill({"role": SET.key}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(subjects, st.dictionaries(st.sampled_from([*USE, "role", "drill", "source"]), json_values))
@example(SET, dict(USE))
@example(SET, {**USE, "drill": "DRILL: "})
def test_drill_with_any_detail_matches_no_rule_of_a_use(subject: Drilled, detail: dict[str, Any]) -> None:
    """So it is not counted, recorded, mailed or paged as a use."""
    for path in subject.evidence_paths:
        assert not matches(event_pattern(subject, path), drill({**USE, **detail}))


@pytest.mark.parametrize("text", ["<!channel>", "a`b", 'a"b', "a b", ""])
def test_drill_message_with_markup_in_a_name_is_refused(text: str) -> None:
    with pytest.raises(MessageError, match="Not a valid text for an alert message"):
        drill_message(PermissionSetSubject(text), channel=CHANNEL)
    with pytest.raises(MessageError, match="Not a valid text for an alert message"):
        drill_message(SET, channel=text)


def test_drill_message_with_the_longest_names_fits() -> None:
    role = RoleSubject("arn:aws-us-gov:iam::222222222222:role/" + "r" * 64)
    message = drill_message(role, channel="C" + "0" * 20)
    body = json.loads(substitute(message, drill({})))
    assert block_problems(body["blocks"]) == []
