"""Users of the local cloud's Slack: their views, their profile, and faults of the app's calls.

Proves nothing about Slack: it holds the emulator to what Slack's documentation says.
"""

import http.client
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.loopback import LoopbackError, request_json
from localcloud.slack_user import sign_request

pytestmark = pytest.mark.local

TEXT = {"type": "plain_text", "text": "Loading"}
VIEW: dict[str, Any] = {"type": "modal", "title": TEXT, "blocks": [{"type": "section", "text": TEXT}]}


@pytest.fixture
def ada(cloud: RunningCloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.call_slack("users.lookupByEmail", {"email": "ada.lovelace@example.com"})["user"]
    return found


@pytest.fixture
def faults(cloud: RunningCloud) -> Iterator[str]:
    """Where faults are ordered; the last one ends with the test."""
    url = f"{cloud.slack_url}/_localcloud/faults"
    yield url
    request_json("POST", url, {})


def test_full_member_is_no_guest_and_has_a_confirmed_address(ada: dict[str, Any]) -> None:
    told = {
        key: ada[key] for key in ("is_restricted", "is_ultra_restricted", "is_bot", "deleted", "is_email_confirmed")
    }
    assert told == {
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": False,
        "deleted": False,
        "is_email_confirmed": True,
    }


def test_a_person_can_be_made_a_guest(cloud: RunningCloud) -> None:
    alan = cloud.call_slack("users.lookupByEmail", {"email": "alan.turing@example.com"})["user"]["id"]
    request_json("POST", f"{cloud.slack_url}/_localcloud/users", {"id": alan, "is_restricted": True})
    assert cloud.call_slack("users.info", {"user": alan})["user"]["is_restricted"] is True
    request_json("POST", f"{cloud.slack_url}/_localcloud/users", {"id": alan})
    assert cloud.call_slack("users.info", {"user": alan})["user"]["is_restricted"] is False


def test_user_sees_the_form_of_their_click_and_its_changes(cloud: RunningCloud, ada: dict[str, Any]) -> None:
    url = f"{cloud.slack_url}/_localcloud/views"
    trigger = cloud.call_slack("views.generateTriggerId", {"user_id": ada["id"]})["trigger_id"]
    opened = cloud.call_slack("views.open", {"trigger_id": trigger, "view": VIEW})["view"]["id"]
    ready = {**VIEW, "title": {"type": "plain_text", "text": "Ready"}}
    cloud.call_slack("views.update", {"view_id": opened, "view": ready})
    sent = {**VIEW, "title": {"type": "plain_text", "text": "Sent"}}
    assert request_json("POST", url, {"view_id": opened, "view": sent, "changes": 1}) == {"changes": 2}
    seen = request_json("GET", f"{url}?user={ada['id']}")[-1]
    assert (seen["id"], seen["title"]["text"], seen["changes"]) == (opened, "Sent", 2)
    assert request_json("GET", f"{url}?user=U0NOBODY") == []


def test_late_answer_does_not_overwrite_a_newer_view(cloud: RunningCloud, ada: dict[str, Any]) -> None:
    trigger = cloud.call_slack("views.generateTriggerId", {"user_id": ada["id"]})["trigger_id"]
    opened = cloud.call_slack("views.open", {"trigger_id": trigger, "view": VIEW})["view"]["id"]
    done = {**VIEW, "title": {"type": "plain_text", "text": "Done"}}
    cloud.call_slack("views.update", {"view_id": opened, "view": done})
    url = f"{cloud.slack_url}/_localcloud/views"
    assert request_json("POST", url, {"view_id": opened, "view": VIEW, "changes": 0}) == {"changes": 0}
    assert request_json("GET", f"{url}?user={ada['id']}")[-1]["title"]["text"] == "Done"


def test_a_view_that_slack_would_not_take_is_refused(cloud: RunningCloud, ada: dict[str, Any]) -> None:
    trigger = cloud.call_slack("views.generateTriggerId", {"user_id": ada["id"]})["trigger_id"]
    view = {**VIEW, "title": {"type": "plain_text", "text": "x" * 25}}
    with pytest.raises(LocalCloudError, match=r"invalid_arguments\. \[ERROR\] must be less than 25 characters"):
        cloud.call_slack("views.open", {"trigger_id": trigger, "view": view})


def test_a_message_that_one_person_sees_is_seen_by_nobody_else(cloud: RunningCloud, ada: dict[str, Any]) -> None:
    message = {"channel": cloud.slack_channel, "user": ada["id"], "text": "Only you see this."}
    url = f"{cloud.slack_url}/_localcloud/ephemerals?user="
    before = request_json("GET", f"{url}{ada['id']}")
    posted = cloud.call_slack("chat.postEphemeral", message)
    assert request_json("GET", f"{url}{ada['id']}") == [*before, {**message, "ts": posted["message_ts"]}]
    assert request_json("GET", f"{url}U0NOBODY") == []
    history = cloud.call_slack("conversations.history", {"channel": cloud.slack_channel})["messages"]
    assert posted["message_ts"] not in [each["ts"] for each in history]


def test_slack_fault_is_answered_as_often_as_requested(cloud: RunningCloud, faults: str) -> None:
    request_json("POST", faults, {"error": "internal_error", "times": 1})
    with pytest.raises(LocalCloudError, match="internal_error"):
        cloud.call_slack("auth.test", {})
    assert cloud.call_slack("auth.test", {})["ok"] is True


def test_slack_is_told_to_limit_the_rate(cloud: RunningCloud, faults: str) -> None:
    request_json("POST", faults, {"retry_after": 7, "methods": ["auth.test"]})
    connection = http.client.HTTPConnection(urlsplit(cloud.slack_url).netloc, timeout=10)
    connection.request("POST", "/api/auth.test", "{}", {"Content-Type": "application/json"})
    response = connection.getresponse()
    assert (response.status, response.getheader("Retry-After")) == (429, "7")
    connection.close()


def test_slack_is_told_to_say_nothing(cloud: RunningCloud, faults: str) -> None:
    request_json("POST", faults, {"silent": True, "times": 1})
    with pytest.raises((OSError, http.client.HTTPException, LoopbackError)):
        cloud.call_slack("auth.test", {})


def test_how_the_local_cloud_looks_on_never_fails(cloud: RunningCloud, faults: str) -> None:
    request_json("POST", faults, {"error": "internal_error"})
    assert cloud.call_slack("conversations.list", {})["ok"] is True


def test_requests_are_signed_as_slack_signs_them() -> None:
    """The worked example of Slack's "Verifying requests from Slack"."""
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        "&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        "&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        "&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = sign_request("8f742231b10e8888abcd99yyyzzz85a5", body.encode(), 1531420618)
    assert headers["X-Slack-Signature"] == "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert headers["X-Slack-Request-Timestamp"] == "1531420618"
