"""One connection, kept alive, and what happens when the other end hangs up."""

import socket

import pytest

from breakglass.app.aws import connection as module
from breakglass.app.aws.connection import Connection, NoResponseError
from tests.app.aws.scripted_server import HangUp, Reply, ScriptedServer, Silence


def to(server: ScriptedServer, read_timeout: float = 30) -> Connection:
    return Connection(f"{server.url}/base", connect_timeout=30, read_timeout=read_timeout)


def send(connection: Connection, repeatable: bool = True) -> bytes:
    return connection.send("POST", "/path", {"X-Sent": "yes"}, b"body", repeatable=repeatable).body


def test_requests_follow_each_other_over_one_connection(server: ScriptedServer) -> None:
    server.answers(Reply(b"one"), Reply(b"two"))
    connection = to(server)
    assert [send(connection), send(connection)] == [b"one", b"two"]
    assert [(asked.path, asked.body, asked.connection) for asked in server.asked] == [("/base/path", b"body", 1)] * 2


def test_response_has_status_and_lower_case_headers(server: ScriptedServer) -> None:
    server.answers(Reply(b"no", status=429, headers={"Retry-After": "7"}))
    answer = to(server).send("POST", "/", {}, b"", repeatable=True)
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"no")


def test_a_connection_that_was_closed_meanwhile_is_made_anew(server: ScriptedServer) -> None:
    server.answers(Reply(b"one", hang_up=True), Reply(b"two"))
    connection = to(server)
    send(connection)
    server.wait_until_gone(1)
    assert send(connection, repeatable=False) == b"two"
    assert server.connections == 2


def test_a_connection_that_was_idle_for_long_is_made_anew(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answers(Reply(b"any"))
    connection = to(server)
    send(connection)
    monkeypatch.setattr(module, "IDLE_SECONDS", -1)
    send(connection)
    assert server.connections == 2


def test_closed_kept_connection_repeats_the_request(server: ScriptedServer) -> None:
    server.answers(Reply(b"one"), HangUp(), Reply(b"two"))
    connection = to(server)
    send(connection)
    assert send(connection) == b"two"
    assert len(server.asked) == 3


def test_a_request_that_may_not_be_repeated_is_not_sent_again(server: ScriptedServer) -> None:
    server.answers(Reply(b"one"), HangUp(), Reply(b"two"))
    connection = to(server)
    send(connection)
    with pytest.raises(NoResponseError) as refused:
        send(connection, repeatable=False)
    assert (refused.value.sent, refused.value.timed_out) == (True, False)
    assert len(server.asked) == 2


def test_closed_new_connection_repeats_nothing(server: ScriptedServer) -> None:
    server.answers(HangUp())
    with pytest.raises(NoResponseError):
        send(to(server))
    assert len(server.asked) == 1


def test_a_request_without_an_answer_in_time_is_not_sent_again(server: ScriptedServer) -> None:
    server.answers(Reply(b"one"), Silence())
    connection = to(server, read_timeout=1)
    send(connection)
    with pytest.raises(NoResponseError) as refused:
        send(connection)
    assert (refused.value.sent, refused.value.timed_out) == (True, True)
    assert len(server.asked) == 2


def test_request_after_a_timeout_uses_a_new_connection(server: ScriptedServer) -> None:
    server.answers(Silence(), Reply(b"two"))
    connection = to(server, read_timeout=1)
    with pytest.raises(NoResponseError):
        send(connection)
    assert send(connection) == b"two"


def test_host_with_many_silent_addresses_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    class Silent:
        def __init__(self, *_: object) -> None: ...

        def settimeout(self, seconds: float) -> None:
            self.seconds = seconds

        def connect(self, address: object) -> None:
            waited.append(self.seconds)
            raise TimeoutError

        def close(self) -> None: ...

    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{number}", 443)) for number in range(6)]

    def found(*_: object, **__: object) -> object:
        return addresses

    monkeypatch.setattr(module.socket, "getaddrinfo", found)
    monkeypatch.setattr(module.socket, "socket", Silent)
    monkeypatch.setattr(module.time, "monotonic", lambda: 1000 + sum(waited))
    with pytest.raises(NoResponseError) as unanswered:
        send(Connection("https://slack.example", connect_timeout=10, read_timeout=10))
    assert (sum(waited), unanswered.value.timed_out, unanswered.value.sent) == (10, True, False)


def test_where_nobody_listens_nothing_was_sent() -> None:
    with ScriptedServer() as gone:
        url = gone.url
    with pytest.raises(NoResponseError) as refused:
        Connection(url, connect_timeout=30, read_timeout=30).send("POST", "/", {}, b"", repeatable=True)
    assert (refused.value.sent, refused.value.timed_out) == (False, False)


@pytest.mark.parametrize("value", ["xoxb-secret\r\nX-More: 1", "xoxb-secret-\N{SNOWMAN}"])
def test_what_no_header_carries_is_refused_without_being_shown(server: ScriptedServer, value: str) -> None:
    with pytest.raises(ValueError, match="A header for") as refused:
        to(server).send("POST", "/", {"Authorization": value}, b"", repeatable=True)
    assert "secret" not in repr(refused.value)
    assert refused.value.__suppress_context__
    assert server.asked == []


@pytest.mark.parametrize("url", ["ftp://example.com", "example.com", "https://"])
def test_only_http_and_https_are_spoken(url: str) -> None:
    with pytest.raises(ValueError, match="Not an http or https URL"):
        Connection(url, connect_timeout=1, read_timeout=1)
