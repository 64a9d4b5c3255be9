"""Slack in memory: records calls, answers like the Web API, and fails on demand.

Sources of the behaviour: docs.slack.dev/reference/methods (chat.postMessage, chat.update, chat.postEphemeral,
views.open, views.update, views.publish, users.info, users.lookupByEmail, auth.test).

It does not prove that Slack accepts a view or a message: only the limits on the number of blocks are checked here.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from breakglass.app.domain.people import Person
from breakglass.app.ports import SlackError
from tests.app.doubles.directory import address_of

TEAM = "T0COMPANY01"
BOT = "UBREAKGLASS"
MOST_BLOCKS = {"message": 50, "view": 100}


@dataclass(frozen=True)
class SlackCall:
    """One call, whether it succeeded or not."""

    method: str
    arguments: dict[str, Any]


@dataclass
class PostedMessage:
    """A message as it stands now, with every text it ever had."""

    channel: str
    ts: str
    thread_ts: str | None
    text: str
    blocks: list[dict[str, Any]]
    texts: list[str] = field(default_factory=list)


@dataclass
class _Failure:
    error: str
    times: int | None
    after: bool


def user_object(person: Person, **changes: Any) -> dict[str, Any]:
    """Return a full member of the workspace as `users.info` tells it."""
    user = {
        "id": person.slack_id,
        "team_id": TEAM,
        "name": person.user_name,
        "deleted": False,
        "is_bot": False,
        "is_app_user": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_email_confirmed": True,
        "profile": {"real_name": person.display_name, "email": address_of(person)},
    }
    return {**user, **changes}


class MemorySlack:
    """A workspace.

    Attributes:
        calls: every call in order, failed ones too.
        messages: by (channel, ts).
        ephemerals: (channel, user, text) in order.
        views: open forms by view id.
        homes: the App Home view of each Slack user.
        users: Slack user id -> user object.
        identity: what `auth.test` answers.
        watch: called before each call.
    """

    def __init__(self, people: Sequence[Person] = ()) -> None:
        self.calls: list[SlackCall] = []
        self.messages: dict[tuple[str, str], PostedMessage] = {}
        self.ephemerals: list[tuple[str, str, str]] = []
        self.views: dict[str, dict[str, Any]] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, Any]] = {
            person.slack_id: user_object(person) for person in people if person.slack_id is not None
        }
        self.identity: dict[str, Any] = {"team_id": TEAM, "user_id": BOT, "enterprise_id": None}
        self.watch: Callable[[], object] = lambda: None
        self._failures: dict[str, list[_Failure]] = {}
        self._triggers: set[str] = set()
        self._count = 0

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the method does, unless a test wants it to fail."""
        sent = copy.deepcopy(dict(arguments))
        self.calls.append(SlackCall(method, sent))
        self.watch()
        failure = self._next_failure(method)
        if failure is not None and not failure.after:
            raise SlackError(method, failure.error)
        answer = self._answer(method, sent)
        if failure is not None:
            raise SlackError(method, failure.error)
        return {"ok": True, **answer}

    def fail(self, method: str = "*", error: str = "timeout", times: int | None = 1, after: bool = False) -> None:
        """Let the next calls of a method (`*`: of every one) fail.

        Args:
            method: which.
            error: Slack's error code, or `timeout`, `unreachable`, `rate_limited`.
            times: how often; None until `heal`.
            after: carry the call out all the same, as when only the answer is lost.
        """
        self._failures.setdefault(method, []).append(_Failure(error, times, after))

    def heal(self) -> None:
        """End all failures."""
        self._failures.clear()

    def made(self, method: str) -> list[dict[str, Any]]:
        """Return the arguments of every call of a method."""
        return [call.arguments for call in self.calls if call.method == method]

    def posted(self, channel: str) -> list[PostedMessage]:
        """Return the messages of a channel that are in no thread, oldest first."""
        return [message for message in self.messages.values() if message.channel == channel and not message.thread_ts]

    def thread(self, channel: str, ts: str) -> list[PostedMessage]:
        """Return the answers in a thread, oldest first."""
        return [message for message in self.messages.values() if (message.channel, message.thread_ts) == (channel, ts)]

    def open_view(self, view: Mapping[str, Any]) -> str:
        """Open a form as if by a click, and return its id."""
        return str(self.call("views.open", {"trigger_id": f"trigger-{self._next()}", "view": dict(view)})["view"]["id"])

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _next_failure(self, method: str) -> _Failure | None:
        for name in (method, "*"):
            for failure in self._failures.get(name, []):
                if failure.times is None:
                    return failure
                if failure.times > 0:
                    failure.times -= 1
                    return failure
        return None

    def _answer(self, method: str, sent: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "chat.postMessage":
                return self._post(sent)
            case "chat.update":
                return self._update(sent)
            case "chat.postEphemeral":
                self._count_blocks(method, sent, "message")
                self.ephemerals.append((sent["channel"], sent["user"], sent["text"]))
                return {"message_ts": f"{self._next()}.000000"}
            case "views.open":
                return self._open(sent)
            case "views.update":
                return self._update_view(sent)
            case "views.publish":
                self._count_blocks(method, sent["view"], "view")
                self.homes[sent["user_id"]] = sent["view"]
                return {"view": {**sent["view"], "id": f"VHOME{sent['user_id']}"}}
            case "users.info":
                return {"user": self._user(method, sent["user"])}
            case "users.lookupByEmail":
                return {"user": self._user_by_email(method, sent["email"])}
            case "auth.test":
                return dict(self.identity)
            case _:
                raise SlackError(method, "unknown_method")

    def _post(self, sent: dict[str, Any]) -> dict[str, Any]:
        self._count_blocks("chat.postMessage", sent, "message")
        ts = f"{1_764_000_000 + self._next()}.000100"
        message = PostedMessage(
            sent["channel"], ts, sent.get("thread_ts"), sent["text"], sent.get("blocks", []), [sent["text"]]
        )
        self.messages[message.channel, ts] = message
        return {"channel": message.channel, "ts": ts}

    def _update(self, sent: dict[str, Any]) -> dict[str, Any]:
        self._count_blocks("chat.update", sent, "message")
        message = self.messages.get((sent["channel"], sent["ts"]))
        if message is None:
            raise SlackError("chat.update", "message_not_found")
        message.text = sent["text"]
        message.blocks = sent.get("blocks", [])
        message.texts.append(message.text)
        return {"channel": message.channel, "ts": message.ts}

    def _open(self, sent: dict[str, Any]) -> dict[str, Any]:
        if sent["trigger_id"] in self._triggers:
            raise SlackError("views.open", "exchanged_trigger_id")
        self._count_blocks("views.open", sent["view"], "view")
        self._triggers.add(sent["trigger_id"])
        view_id = f"V{self._next():010d}"
        self.views[view_id] = sent["view"]
        return {"view": {**sent["view"], "id": view_id}}

    def _update_view(self, sent: dict[str, Any]) -> dict[str, Any]:
        if sent["view_id"] not in self.views:
            raise SlackError("views.update", "not_found")
        self._count_blocks("views.update", sent["view"], "view")
        self.views[sent["view_id"]] = sent["view"]
        return {"view": {**sent["view"], "id": sent["view_id"]}}

    def _user(self, method: str, slack_id: str) -> dict[str, Any]:
        if slack_id not in self.users:
            raise SlackError(method, "user_not_found")
        return copy.deepcopy(self.users[slack_id])

    def _user_by_email(self, method: str, address: str) -> dict[str, Any]:
        for user in self.users.values():
            if user["profile"].get("email") == address and not user["deleted"]:
                return copy.deepcopy(user)
        raise SlackError(method, "users_not_found")

    def _count_blocks(self, method: str, holder: Mapping[str, Any], kind: str) -> None:
        if len(holder.get("blocks", ())) > MOST_BLOCKS[kind]:
            raise SlackError(method, "invalid_blocks")
