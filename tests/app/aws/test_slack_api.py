"""Slack's Web API: what is sent, what comes of errors, and how the local cloud's Slack takes it.

It does not prove what Slack itself accepts.
"""

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from breakglass.app.aws.aws import AwsClient, RetryPolicy
from breakglass.app.aws.secrets import PAUSE_SECONDS, Secrets
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.aws.slack_api import SlackApi
from breakglass.app.ports import SlackError
from localcloud.cloud import LocalCloud, RunningCloud, SlackBreak
from localcloud.emulators.loopback import request_json
from tests.app.aws.local_table import local_client
from tests.app.aws.scripted_server import HangUp, Pause, Reply, ScriptedServer, Silence, never, refusal
from tests.app.doubles.clock import FixedClock

MESSAGE = {"channel": "C1", "text": "ä & <b>", "blocks": [{"type": "divider"}]}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def manager() -> Iterator[ScriptedServer]:
    """A double of Secrets Manager."""
    with ScriptedServer() as running:
        running.answers(token("xoxb-one"))
        yield running


@pytest.fixture
def secrets(manager: ScriptedServer, clock: FixedClock) -> Secrets:
    environment = {"AWS_ENDPOINT_URL": manager.url}
    credentials = Credentials("AKIDEXAMPLE", "any")
    return Secrets(AwsClient("eu-central-1", lambda: credentials, RetryPolicy(attempts=1), environment), clock)


def token(value: str) -> Reply:
    return Reply({"SecretString": value})


def api(
    server: ScriptedServer, secrets: Secrets, timeout: float = 30, wait_seconds: float = 0, pause: Pause = never
) -> SlackApi:
    return SlackApi(f"{server.url}/api", secrets, "token", timeout=timeout, wait_seconds=wait_seconds, pause=pause)


OK = Reply({"ok": True, "ts": "1.0"})


def error(code: str) -> Reply:
    return Reply({"ok": False, "error": code})


def test_a_message_is_sent_as_json_with_the_bot_token(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(OK)
    assert api(server, secrets).call("chat.postMessage", MESSAGE) == {"ok": True, "ts": "1.0"}
    [asked] = server.asked
    assert (asked.path, asked.json) == ("/api/chat.postMessage", MESSAGE)
    assert asked.headers["Authorization"] == "Bearer xoxb-one"
    assert asked.headers["Content-Type"] == "application/json; charset=utf-8"


def test_methods_that_read_take_a_form(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(OK)
    api(server, secrets).call("users.lookupByEmail", {"email": "ä+b@example.com"})
    [asked] = server.asked
    assert asked.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert parse_qs(asked.body.decode()) == {"email": ["ä+b@example.com"]}


def test_calls_follow_each_other_over_one_connection(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(OK)
    slack = api(server, secrets)
    for _ in range(3):
        slack.call("chat.update", MESSAGE)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (error("channel_not_found"), "channel_not_found"),
        (Reply({"ok": False}), "unknown_error"),
        (Reply({}), "unknown_error"),
        (Reply({"ok": "true"}), "unknown_error"),
        (error("ratelimited"), "rate_limited"),
        (Reply([]), "unreachable"),
        (Reply(b"<html>"), "unreachable"),
        (Reply(b"", 500), "unreachable"),
        (Reply({"ok": True}, 503), "unreachable"),
        (Reply(b"", 302, {"Location": "https://elsewhere.example.com"}), "unreachable"),
        (HangUp(), "unreachable"),
    ],
)
def test_whatever_is_not_ok_is_an_error(
    server: ScriptedServer, secrets: Secrets, reply: Reply | HangUp, code: str
) -> None:
    server.answers(reply)
    with pytest.raises(SlackError) as refused:
        api(server, secrets).call("chat.postMessage", MESSAGE)
    assert (refused.value.method, refused.value.error) == ("chat.postMessage", code)
    assert len(server.asked) == 1


def test_a_slow_answer_is_not_waited_for(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(Silence())
    with pytest.raises(SlackError, match="timeout"):
        api(server, secrets, timeout=0.2).call("views.open", {})


@pytest.mark.parametrize("method", ["chat.postMessage", "chat.postEphemeral"])
def test_what_may_have_been_posted_is_not_posted_again(server: ScriptedServer, secrets: Secrets, method: str) -> None:
    server.answers(OK, HangUp(), OK)
    slack = api(server, secrets)
    slack.call(method, MESSAGE)
    with pytest.raises(SlackError, match="unreachable"):
        slack.call(method, MESSAGE)
    assert len(server.asked) == 2


def test_idempotent_call_is_repeated_on_a_closed_connection(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(OK, HangUp(), OK)
    slack = api(server, secrets)
    slack.call("views.update", {})
    slack.call("views.update", {})
    assert len(server.asked) == 3


# 429


def limited(seconds: str) -> Reply:
    return Reply(b"", 429, {"Retry-After": seconds})


def test_a_call_waits_as_long_as_slack_says(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(limited("3"), limited("4"), OK)
    pauses: list[float] = []
    assert api(server, secrets, wait_seconds=7, pause=pauses.append).call("chat.postMessage", MESSAGE)["ok"]
    assert pauses == [3, 4]


def test_a_call_does_not_wait_longer_than_its_caller_can(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(limited("3"), limited("5"), OK)
    pauses: list[float] = []
    with pytest.raises(SlackError, match="rate_limited"):
        api(server, secrets, wait_seconds=7, pause=pauses.append).call("chat.postMessage", MESSAGE)
    assert pauses == [3]


def test_a_call_without_patience_does_not_wait_at_all(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(limited("1"))
    with pytest.raises(SlackError, match="rate_limited"):
        api(server, secrets).call("views.open", {})


@pytest.mark.parametrize("header", ["", "0", "-1", "soon", "1e9", "²"])
def test_patience_comes_to_an_end_whatever_the_header_says(
    server: ScriptedServer, secrets: Secrets, header: str
) -> None:
    server.answers(Reply(b"", 429, {"Retry-After": header.encode().decode("latin-1")}))
    pauses: list[float] = []
    with pytest.raises(SlackError, match="rate_limited"):
        api(server, secrets, wait_seconds=3, pause=pauses.append).call("chat.postMessage", MESSAGE)
    assert pauses == [1, 1, 1]


# The token


@pytest.mark.parametrize("code", ["token_revoked", "invalid_auth", "not_authed", "token_expired"])
def test_call_with_a_rotated_token_reads_it_and_repeats(
    server: ScriptedServer, manager: ScriptedServer, secrets: Secrets, clock: FixedClock, code: str
) -> None:
    server.answers(OK, error(code), OK)
    slack = api(server, secrets)
    slack.call("chat.postMessage", MESSAGE)
    manager.answers(token("xoxb-two"))
    clock.advance(PAUSE_SECONDS)
    assert slack.call("chat.postMessage", MESSAGE)["ok"]
    tokens = [asked.headers["Authorization"] for asked in server.asked]
    assert tokens == ["Bearer xoxb-one", "Bearer xoxb-one", "Bearer xoxb-two"]


def test_call_with_a_refused_token_without_successor_fails(
    server: ScriptedServer, manager: ScriptedServer, secrets: Secrets, clock: FixedClock
) -> None:
    server.answers(error("token_revoked"))
    slack = api(server, secrets)
    for _ in range(3):
        with pytest.raises(SlackError, match="token_revoked"):
            slack.call("chat.postMessage", MESSAGE)
    assert (len(server.asked), len(manager.asked)) == (3, 1)
    clock.advance(PAUSE_SECONDS)
    with pytest.raises(SlackError, match="token_revoked"):
        slack.call("chat.postMessage", MESSAGE)
    assert len(manager.asked) == 2


def test_without_a_token_slack_can_not_be_reached(
    server: ScriptedServer, manager: ScriptedServer, secrets: Secrets
) -> None:
    manager.answers(refusal("AccessDeniedException"))
    with pytest.raises(SlackError, match="unreachable"):
        api(server, secrets).call("chat.postMessage", MESSAGE)
    assert server.asked == []


@pytest.mark.parametrize("value", ["xoxb-sec\nret: 1", "xoxb-secret-\N{SNOWMAN}"])
def test_a_token_is_never_shown(
    server: ScriptedServer,
    manager: ScriptedServer,
    secrets: Secrets,
    value: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    manager.answers(token(value))
    with caplog.at_level(logging.DEBUG), pytest.raises(SlackError, match="invalid_auth") as refused:
        api(server, secrets).call("chat.postMessage", MESSAGE)
    chain: list[BaseException | None] = [refused.value, refused.value.__cause__]
    assert "xoxb" not in f"{chain!r} {caplog.text}"
    assert server.asked == []


# In the local cloud


@pytest.fixture
def local(cloud: RunningCloud, clock: FixedClock) -> Iterator[SlackApi]:
    manager = cloud.client("secretsmanager")
    arn = manager.create_secret(Name="slack-token", SecretString=cloud.bot_token)["ARN"]
    yield SlackApi(f"{cloud.slack_url}/api", Secrets(local_client(cloud), clock), arn, timeout=2, wait_seconds=0)
    cloud.end_faults()
    manager.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


@pytest.mark.local
def test_the_local_slack_takes_messages_and_reads_people(cloud: RunningCloud, local: SlackApi) -> None:
    posted = local.call("chat.postMessage", {"channel": cloud.slack_channel, "text": "ä"})
    local.call("chat.update", {"channel": cloud.slack_channel, "ts": posted["ts"], "text": "ü"})
    found = local.call("users.lookupByEmail", {"email": "ada.lovelace@example.com"})["user"]
    assert local.call("users.info", {"user": found["id"]})["user"]["name"] == "ada.lovelace"
    assert local.call("auth.test", {})["team_id"] == found["team_id"]
    with pytest.raises(SlackError, match="users_not_found"):
        local.call("users.lookupByEmail", {"email": "nobody@example.com"})
    with pytest.raises(SlackError, match="channel_not_found"):
        local.call("chat.postMessage", {"channel": "C0NOWHERE", "text": "any"})


@pytest.mark.local
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"error": "internal_error"}, "internal_error"),
        ({"retry_after": 7}, "rate_limited"),
        ({"silent": True}, "unreachable"),
        ({"seconds": 4}, "timeout"),
    ],
)
def test_a_fault_of_the_local_slack_is_an_error_and_passes(
    cloud: RunningCloud, local: SlackApi, fault: dict[str, Any], code: str
) -> None:
    cloud.fail_slack(**fault, times=1, methods=["chat.postMessage"])
    with pytest.raises(SlackError, match=code):
        local.call("chat.postMessage", {"channel": cloud.slack_channel, "text": "any"})
    assert local.call("chat.postMessage", {"channel": cloud.slack_channel, "text": "any"})["ok"]


@pytest.mark.local
def test_call_with_a_revoked_token_uses_the_new_one(
    tmp_path_factory: pytest.TempPathFactory, clock: FixedClock
) -> None:
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        manager = cloud.client("secretsmanager")
        arn = manager.create_secret(Name="slack-token", SecretString=cloud.bot_token)["ARN"]
        slack = SlackApi(f"{cloud.slack_url}/api", Secrets(local_client(cloud), clock), arn)
        assert slack.call("auth.test", {})["ok"]
        cloud.break_slack(SlackBreak.TOKEN_REVOKED)
        request_json("POST", f"{cloud.slack_url}/_localcloud/tokens", {"token": "xoxb-two"})
        manager.put_secret_value(SecretId=arn, SecretString="xoxb-two")
        with pytest.raises(SlackError, match="token_revoked"):
            slack.call("auth.test", {})
        clock.advance(PAUSE_SECONDS)
        assert slack.call("auth.test", {})["ok"]
