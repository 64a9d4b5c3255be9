"""The page to act as a user of the local cloud's Slack: its server, without a browser.

It does not prove that the script of the page works; that was looked at.
"""

import base64
import http.client
import io
import json
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, RunningCloud
from localcloud.request_url import find_request_url
from localcloud.slack_page import server
from localcloud.slack_page.server import SlackPage
from localcloud.slack_user import SlackUser, wait_until
from localcloud.tests.small_app import ACCOUNTS, ROLES, SmallApp, option, small_app
from localcloud.toolchain import environment

pytestmark = pytest.mark.local


@pytest.fixture
def page(cloud: RunningCloud) -> Iterator[SlackPage]:
    with SlackPage(cloud) as running:
        yield running


@pytest.fixture
def app(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallApp]:
    """An app that the page takes for the one that is deployed."""
    with small_app(cloud) as running:
        url = running.request_url

        def of_small_app(_: RunningCloud) -> str:
            return url

        monkeypatch.setattr(server, "find_request_url", of_small_app)
        yield running


def request(
    page: SlackPage, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", page.server_port, timeout=40)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body or None, {"Content-Type": "application/json", **named})
        with connection.getresponse() as response:
            return response.status, response.headers, response.read()
    finally:
        connection.close()


def read_user_view(page: SlackPage, person: str) -> dict[str, Any]:
    status, _, content = request(page, "GET", f"/user-view?user={person}")
    assert status == 200, content
    seen: dict[str, Any] = json.loads(content)
    return seen


def do(page: SlackPage, action: str, **order: Any) -> Any:
    status, _, content = request(page, "POST", "/do", json.dumps({"user": "ada.lovelace", "type": action, **order}))
    assert status == 200, content
    return json.loads(content)


def messages(seen: dict[str, Any], channel: str) -> list[dict[str, Any]]:
    return next(each["messages"] for each in seen["channels"] if each["id"] == channel)


@pytest.mark.parametrize(
    ("path", "kind"), [("/", "text/html"), ("/page.js", "text/javascript"), ("/page.css", "text/css")]
)
def test_the_page_comes_with_a_policy_that_lets_nothing_else_run(page: SlackPage, path: str, kind: str) -> None:
    status, headers, content = request(page, "GET", path)
    assert (status, headers.get_content_type()) == (200, kind)
    assert content
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")


def test_the_page_runs_no_script_within_its_text(page: SlackPage) -> None:
    html = request(page, "GET", "/")[2].decode()
    script = request(page, "GET", "/page.js")[2].decode()
    assert "<script src=" in html
    assert "<script>" not in html
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", 'setAttribute("on'):
        assert way not in script


def test_the_script_can_be_read_by_a_browser() -> None:
    node = shutil.which("node", path=environment()["PATH"])
    assert node is not None
    script = Path(server.__file__).parent / "page.js"
    checked = subprocess.run([node, "--check", str(script)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_user_view_has_channels_threads_and_ephemeral_messages(cloud: RunningCloud, page: SlackPage) -> None:
    hostile = "<img src=x onerror=alert(1)> & *bold*"
    posted = cloud.call_slack("chat.postMessage", {"channel": cloud.slack_channel, "text": hostile})
    cloud.call_slack(
        "chat.postMessage", {"channel": cloud.slack_channel, "thread_ts": posted["ts"], "text": "in the thread"}
    )
    users = {each["name"]: each["id"] for each in cloud.call_slack("users.list", {})["members"]}
    cloud.call_slack("chat.postMessage", {"channel": users["ada.lovelace"], "text": "to ada"})
    ephemeral = {"channel": cloud.slack_channel, "user": users["ada.lovelace"], "text": "for ada"}
    cloud.call_slack("chat.postEphemeral", ephemeral)
    seen = read_user_view(page, "ada.lovelace")
    message = messages(seen, cloud.slack_channel)[-1]
    assert (message["text"], message["channel"]) == (hostile, cloud.slack_channel)
    assert [reply["text"] for reply in message["replies"]] == ["in the thread"]
    assert [each["name"] for each in seen["channels"]] == ["break-glass", "security", "direct messages"]
    assert seen["channels"][-1]["messages"][-1]["text"] == "to ada"
    assert "for ada" in [each["text"] for each in seen["ephemerals"]]
    assert seen["members"][users["grace.hopper"]] == "Grace Hopper"
    others = read_user_view(page, "grace.hopper")
    assert "for ada" not in [each["text"] for each in others["ephemerals"]]
    assert [each["name"] for each in others["channels"]] == ["break-glass", "security"]


def test_without_a_person_the_page_learns_whom_one_can_be(page: SlackPage) -> None:
    assert read_user_view(page, "")["people"]["ada.lovelace"] == "Ada Lovelace"


def test_a_request_is_made_in_the_page(page: SlackPage, app: SmallApp) -> None:
    do(page, "command", text="")
    form = read_user_view(page, "ada.lovelace")["views"][-1]
    assert form["title"]["text"] == "Request access"
    role = option(ROLES[0])
    form = do(page, "choose", view=form, block_id="role", chosen=role, answers={"reason": "A fire"})
    [account, _] = do(page, "options", view=form, block_id="accounts", typed="")
    assert account == option(ACCOUNTS[0])
    assert do(page, "options", view=form, block_id="accounts", typed="nowhere") == []
    do(page, "submit", view=form, answers={"role": role, "accounts": [account], "reason": "A fire"})
    assert read_user_view(page, "ada.lovelace")["views"][-1]["title"]["text"] == "Requested"
    assert app.requests[-1]["user"]["name"] == "ada.lovelace"


def test_buttons_are_clicked_in_the_page(cloud: RunningCloud, page: SlackPage, app: SmallApp) -> None:
    button = {"type": "button", "action_id": "approve", "value": "r-1", "text": {"type": "plain_text", "text": "Yes"}}
    blocks = [{"type": "actions", "elements": [button]}]
    message = {"channel": cloud.slack_channel, "text": "May I?", "blocks": blocks}
    ts = cloud.call_slack("chat.postMessage", message)["ts"]
    shown = next(
        each for each in messages(read_user_view(page, "ada.lovelace"), cloud.slack_channel) if each["ts"] == ts
    )
    do(page, "click", message=shown, action_id="approve", value="r-1")
    assert app.requests[-1]["actions"][0]["value"] == "r-1"
    do(page, "home")
    home = next(view for view in read_user_view(page, "ada.lovelace")["views"] if view["type"] == "home")
    do(page, "press", view=home, action_id="opens", value="from home")
    forms = [view for view in read_user_view(page, "ada.lovelace")["views"] if view["type"] == "modal"]
    wait_until(lambda: forms[-1]["title"]["text"] in ("Loading", "Request access") or None, "a form")
    do(page, "shortcut", callback_id="request_access")
    assert app.requests[-1]["callback_id"] == "request_access"


def test_failed_action_is_answered_with_its_error(page: SlackPage, app: SmallApp) -> None:
    app.status = 503
    order = {"user": "ada.lovelace", "type": "command", "text": ""}
    status, _, content = request(page, "POST", "/do", json.dumps(order))
    assert status == 502
    assert "The app answered 503" in json.loads(content)["error"]


def test_click_without_an_app_is_an_error(page: SlackPage) -> None:
    order = {"user": "ada.lovelace", "type": "command", "text": ""}
    status, _, content = request(page, "POST", "/do", json.dumps(order))
    assert status == 502
    assert "Add `approvals`" in json.loads(content)["error"]
    assert read_user_view(page, "ada.lovelace")["app"] is False


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"user": "unknown", "type": "home"}', 502),
        ('{"user": "ada.lovelace", "type": "rob"}', 400),
        ('{"user": "ada.lovelace"}', 400),
        ('{"user": "ada.lovelace", "type": "command"}', 400),
        ("[]", 400),
        ("{", 400),
    ],
)
@pytest.mark.usefixtures("app")
def test_invalid_action_is_refused(page: SlackPage, body: str, status: int) -> None:
    answered, _, content = request(page, "POST", "/do", body)
    assert (answered, "error" in json.loads(content)) == (status, True)


def test_another_site_can_do_nothing_here(page: SlackPage) -> None:
    order = json.dumps({"user": "ada.lovelace", "type": "command", "text": ""})
    assert request(page, "POST", "/do", order, Content_Type="text/plain")[0] == 415
    assert request(page, "POST", "/do", order, Host="evil.example.com")[0] == 421
    assert request(page, "GET", "/user-view?user=ada.lovelace", Host="evil.example.com")[0] == 421
    assert request(page, "GET", "/../cloud.py")[0] == 404
    assert request(page, "POST", "/do", Content_Length="1000001")[0] == 413


def test_the_app_is_found_by_the_route_of_its_api(cloud: RunningCloud) -> None:
    assert find_request_url(cloud) is None
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(
            "code.py", "def handler(event, context):\n    return {'statusCode': 200, 'body': event['body']}"
        )
    role = f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/any"
    function = cloud.client("lambda").create_function(
        FunctionName="echo",
        Runtime="python3.13",
        Handler="code.handler",
        Role=role,
        Code={"ZipFile": content.getvalue()},
    )["FunctionArn"]
    gateway = cloud.client("apigatewayv2")
    api = gateway.create_api(Name="app", ProtocolType="HTTP")["ApiId"]
    try:
        integration = gateway.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
        )["IntegrationId"]
        gateway.create_route(ApiId=api, RouteKey="POST /slack", Target=f"integrations/{integration}")
        gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
        url = find_request_url(cloud)
        assert url is not None
        assert url.endswith("/slack")
        # API Gateway encodes a form's body.
        sent = SlackUser(cloud, url, "ada.lovelace").send(b"command=%2Fbreakglass")
        assert base64.b64decode(sent) == b"command=%2Fbreakglass"
    finally:
        gateway.delete_api(ApiId=api)


def test_the_page_ends_with_its_context(cloud: RunningCloud) -> None:
    with SlackPage(cloud) as page:
        pass
    with pytest.raises(ConnectionError):
        request(page, "GET", "/")
    assert "slack-page" not in [thread.name for thread in threading.enumerate()]
