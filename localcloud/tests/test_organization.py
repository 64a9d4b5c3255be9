"""The played organization: its uses, and the roll call's mails in words.

Not shown here: the hub (the demo plays it).
"""

import pytest

from breakglass.alerts.witness_machine import MISSED_USE_EVENT_TYPE
from localcloud.organization import describe_late_reports, describe_roll_call, make_use, names_event

NAMES = {"222222222222": "production", "555555555555": "sandbox", "666666666666": "acquired"}
MAIL = """The break-glass alerts of the stack "local" see nothing in the accounts and regions below.

acquired (666666666666): eu-central-1, us-east-1 - new since 2026-11-30T15:00:00Z: its spokes may not have sent yet

Not missed:
sandbox (555555555555): excluded by the stack file

Execution: arn:aws:states:eu-central-1:111111111111:execution:breakglass-local-roll-call:1"""


@pytest.mark.parametrize(
    ("mails", "words"),
    [
        ([], "no mail"),
        ([MAIL], "a mail misses acquired; not missed: sandbox"),
        ([MAIL.replace("Not missed:", "")], "a mail misses acquired, sandbox"),
    ],
    ids=["none", "one missed, one excluded", "two missed"],
)
def test_roll_call_is_described_by_the_names_of_accounts(mails: list[str], words: str) -> None:
    assert describe_roll_call(mails, NAMES) == words


def late(event_id: str) -> dict[str, object]:
    return {"metadata": {"event_type": MISSED_USE_EVENT_TYPE, "event_payload": {"event_id": event_id}}}


@pytest.mark.parametrize(
    ("messages", "mails", "words"),
    [
        ([], [], "nothing"),
        ([late("e-1")], [], "nothing"),
        ([late("e-1")], ["... Event ID: e-1"], "late in Slack and by mail: 666666666666 us-east-1"),
        ([late("e-9")], ["... Event ID: e-9"], "nothing; 1 uses that are none of these"),
        ([{"metadata": {"event_type": "breakglass_use"}}], ["e-1"], "nothing"),
    ],
    ids=["nothing", "no mail", "both", "another use", "an alert"],
)
def test_late_reports_are_described_by_their_uses(messages: list[object], mails: list[str], words: str) -> None:
    assert describe_late_reports(messages, mails, {"e-1": "666666666666 us-east-1"}) == words


def test_use_names_its_account_and_region_only() -> None:
    use = make_use("444444444444", "us-east-1")
    assert (use["recipientAccountId"], use["awsRegion"]) == ("444444444444", "us-east-1")
    assert use["requestParameters"]["roleArn"].startswith("arn:aws:iam::444444444444:role/aws-reserved/")
    assert "222222222222" not in str(use)
    assert use["eventID"] != make_use("444444444444", "us-east-1")["eventID"]


@pytest.mark.parametrize(
    ("message", "is_about"),
    [
        ({"metadata": {"event_payload": {"event_id": "e-1"}}}, True),
        ({"metadata": {"event_payload": {"event_id": "e-2"}}}, False),
        ({"metadata": {}}, False),
        ({}, False),
        ("no JSON", False),
    ],
)
def test_message_names_its_event(message: object, is_about: bool) -> None:
    assert names_event(message, "e-1") is is_about
