"""A user of the local cloud's Slack and a small app: requests in Slack's shapes, and their answers.

Proves nothing about Slack or the approval app.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.slack_user import SlackUser, wait_until
from localcloud.tests.small_app import ACCOUNTS, ROLES, SmallApp, option, small_app

pytestmark = pytest.mark.local

DEVOPS, PRODUCTION = option(ROLES[0]), option(ACCOUNTS[0])


@pytest.fixture
def app(cloud: RunningCloud) -> Iterator[SmallApp]:
    with small_app(cloud) as running:
        yield running


@pytest.fixture
def ada(cloud: RunningCloud, app: SmallApp) -> SlackUser:
    return SlackUser(cloud, app.request_url, "ada.lovelace", patience=30)


def shown(view: dict[str, Any]) -> str:
    """Title and first text of a view."""
    return f"{view['title']['text']}: {view['blocks'][0].get('text', {}).get('text', '')}"


def post(cloud: RunningCloud, *buttons: tuple[str, str]) -> dict[str, Any]:
    """A message with buttons, by action id and value."""
    elements = [
        {"type": "button", "action_id": action_id, "value": value, "text": {"type": "plain_text", "text": value}}
        for action_id, value in buttons
    ]
    # Two buttons of one block can't have the same action id.
    blocks = [{"type": "actions", "elements": [element]} for element in elements]
    message = {"channel": cloud.slack_channel, "text": "Somebody asks", "blocks": blocks}
    posted = cloud.call_slack("chat.postMessage", message)
    return {**message, "ts": posted["ts"]}


def test_the_command_opens_a_form_that_is_filled_in_and_sent(ada: SlackUser, app: SmallApp) -> None:
    form = ada.run_command("help me")
    assert app.requests[-1]["text"] == "help me"
    assert [block["block_id"] for block in form["blocks"]] == ["role", "reason"]
    form = ada.choose(form, "role", DEVOPS, {"reason": "A fire"})
    assert app.requests[-1]["actions"][0]["selected_option"] == DEVOPS
    assert app.requests[-1]["view"]["state"]["values"]["reason"] == {
        "value": {"type": "plain_text_input", "value": "A fire"}
    }
    assert [block["block_id"] for block in form["blocks"]] == ["role", "accounts", "reason"]
    assert ada.search_options(form, "accounts", "prod") == [PRODUCTION]
    sent = ada.submit(form, {"accounts": [PRODUCTION], "reason": "A fire"})
    assert app.requests[-1]["view"]["state"]["values"] == {
        "role": {"value": {"type": "static_select", "selected_option": DEVOPS}},
        "accounts": {
            f"value/{ROLES[0]}": {"type": "multi_external_select", "selected_options": [PRODUCTION]},
        },
        "reason": {"value": {"type": "plain_text_input", "value": "A fire"}},
    }
    assert sent["title"]["text"] == "Requested"


def test_what_is_left_alone_is_sent_as_the_form_proposes_it(ada: SlackUser, app: SmallApp) -> None:
    ada.submit(ada.run_shortcut("request_access"), {"role": DEVOPS})
    assert app.requests[-1]["view"]["state"]["values"]["reason"]["value"]["value"] == "An incident"


def test_submit_of_an_unknown_input_is_an_error(ada: SlackUser) -> None:
    form = ada.run_command()
    with pytest.raises(LocalCloudError, match="The view has no input ticket"):
        ada.submit(form, {"ticket": "INC-1"})
    with pytest.raises(LocalCloudError, match="The view has no input accounts"):
        ada.search_options(form, "accounts")


def test_a_button_of_a_message_is_clicked_by_its_value(cloud: RunningCloud, ada: SlackUser, app: SmallApp) -> None:
    message = post(cloud, ("approve", "r-1"), ("approve", "r-2"))
    ada.click(message, "approve", "r-2")
    [action] = app.requests[-1]["actions"]
    assert (action["action_id"], action["value"]) == ("approve", "r-2")
    asked = {"channel": cloud.slack_channel, "ts": message["ts"]}
    wait_until(lambda: len(cloud.call_slack("conversations.replies", asked)["messages"]) == 2 or None, "an answer")
    wait_until(
        lambda: (ada.list_ephemerals() or [{}])[-1].get("text") == "You clicked." or None, "a message for ada alone"
    )
    with pytest.raises(LocalCloudError, match="no button deny"):
        ada.click(message, "deny")


def test_a_button_opens_a_form(cloud: RunningCloud, ada: SlackUser) -> None:
    form = ada.click_for_form(post(cloud, ("opens", "r-1")), "opens")
    assert form["callback_id"] == "request_form"


def test_the_home_tab_opens_and_its_button_too(ada: SlackUser, app: SmallApp) -> None:
    home = ada.open_home()
    assert home["type"] == "home"
    assert ada.press_for_form(home, "opens", "from home")["callback_id"] == "request_form"
    assert app.requests[-1]["container"] == {"type": "view", "view_id": home["id"]}
    assert ada.open_home()["id"] == home["id"]


def test_an_app_that_fails_is_told_about(ada: SlackUser, app: SmallApp) -> None:
    app.status = 503
    with pytest.raises(LocalCloudError, match="answered 503"):
        ada.run_command()


def test_an_app_that_is_too_slow_for_slack_is_told_about(cloud: RunningCloud, app: SmallApp) -> None:
    app.seconds = 0.2
    with pytest.raises(LocalCloudError, match="Slack shows people an error after 3 s"):
        SlackUser(cloud, app.request_url, "ada.lovelace", patience=0.1).run_command()


def test_wait_until_timed_out_names_the_expectation() -> None:
    with pytest.raises(LocalCloudError, match=r"Expected a miracle within 0 s, got nothing\."):
        wait_until(lambda: None, "a miracle", timeout=0)
