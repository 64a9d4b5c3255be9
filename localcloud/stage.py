"""What a story about the approval workflow is played on: people who act in the local cloud's Slack, and who look.

Whether somebody has access is asked of the emulated Identity Center, never of a message. Nothing waits for a fixed
time: whoever looks, looks until it is there, or gives up.

Non-goals: the story (see `localcloud.story`); being a test of the app (see `tests`).
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from breakglass.app.slack import ids
from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.identity import ACCOUNTS
from localcloud.emulators.loopback import LoopbackError
from localcloud.scenes import Scene
from localcloud.slack_user import SlackUser, until

_REQUEST_ID = re.compile(r"r-[0-9a-f]{16}")


class ChapterOverError(Exception):
    """A scene went wrong, so that those after it have no sense."""


@dataclass
class Playing:
    """A scene while it is played; `seen` is what was seen so far."""

    seen: str = ""


@dataclass
class Stage:
    """Where a story is played, and what was seen so far.

    Attributes:
        cloud: in which the stack is deployed.
        request_url: where its app takes what people do.
        progress: told the name of each scene.
        scenes: those that were played.
    """

    cloud: RunningCloud
    request_url: str
    progress: Callable[[str], None] = lambda _: None
    scenes: list[Scene] = field(default_factory=list)

    @contextmanager
    def scene(self, name: str, expected: str) -> Iterator[Playing]:
        """Around one scene, which tells what it saw.

        Raises:
            ChapterOverError: if that is something else than what was expected, or it came to no end.
        """
        self.progress(name)
        playing, began = Playing(), time.monotonic()
        try:
            yield playing
        except (LocalCloudError, LoopbackError, OSError) as error:
            playing.seen = str(error)
        self.scenes.append(Scene(name, expected, playing.seen, time.monotonic() - began))
        if not self.scenes[-1].ok:
            raise ChapterOverError(name)

    def person(self, name: str) -> SlackUser:
        """Somebody, by their user name."""
        return SlackUser(self.cloud, self.request_url, name)

    def ask(self, name: str, permission_set: str, account: str, reason: str) -> str:
        """Lets somebody ask for access, for as long as the form proposes; returns the id of the request.

        Raises:
            LocalCloudError: if it can't be asked for.
        """
        person = self.person(name)
        form = person.command()
        role = _named(_options(form, ids.ROLE), permission_set)
        form = person.choose(form, ids.ROLE, role, {ids.REASON: reason})
        accounts = [_named(person.options(form, ids.ACCOUNTS, account), account)]
        form = person.choose(form, ids.ACCOUNTS, accounts, {ids.REASON: reason})
        told = words(person.submit(form, {ids.ACCOUNTS: accounts, ids.REASON: reason}))
        found = _REQUEST_ID.search(told)
        if found is None:
            raise LocalCloudError(f"The request of {name} was not made: {told}")
        return found[0]

    def message(self, channel: str, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """The newest message of a channel that fits, if there is one; threads are not looked into."""
        asked = {"channel": channel, "include_all_metadata": True}
        found = self.cloud.call_slack("conversations.history", asked)["messages"]
        return next(({**message, "channel": channel} for message in found if fits(message)), None)

    def when(self, request: str, *stands: str) -> dict[str, Any]:
        """The message of a request, as soon as it says that the request stands so.

        Args:
            request: its id.
            stands: one or several, as in `breakglass.app.slack.request_message.TITLES`.
        """

        def fits(message: dict[str, Any]) -> bool:
            return about(message) == request and standing(message) in stands

        channel = self.cloud.slack_channel
        return until(lambda: self.message(channel, fits), f"{' or '.join(stands)} in the message of {request}")

    def reply(self, message: Mapping[str, Any], fits: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """The first answer in the thread of a message that fits, as soon as it is there.

        Args:
            message: with its `channel`.
            fits: says whether it is the one.
            what: what is waited for, for the error.
        """
        channel = message["channel"]
        asked = {"channel": channel, "ts": message["ts"]}

        def look() -> dict[str, Any] | None:
            replies = self.cloud.call_slack("conversations.replies", asked)["messages"][1:]
            return next(({**one, "channel": channel} for one in replies if fits(one)), None)

        return until(look, what)

    def access(self, name: str, permission_set: str, account: str) -> str:
        """Whether somebody is really assigned a permission set, as in "ada.lovelace has devops in production"."""
        has = name in self.cloud.assignments(permission_set, account)
        return f"{name} {'has' if has else 'does not have'} {permission_set} in {ACCOUNTS[account]}"


def about(message: Mapping[str, Any]) -> str:
    """The id of the record that a message is about; empty if it is about none."""
    return str(message.get("metadata", {}).get("event_payload", {}).get("id", ""))


def standing(message: Mapping[str, Any]) -> str:
    """How a request stands, as its message has it."""
    return str(message["text"]).partition(":")[0]


def has_button(message: Mapping[str, Any], action_id: str) -> bool:
    """Whether a message has a button."""
    return any(one.get("action_id") == action_id for one in _elements(message))


def button_value(message: Mapping[str, Any], action_id: str) -> str:
    """The value of a button of a message; empty if there is no such button."""
    return next((str(one.get("value")) for one in _elements(message) if one.get("action_id") == action_id), "")


def words(view: Mapping[str, Any]) -> str:
    """Everything that a view says, in one line."""
    return f"{view['title']['text']}: {json.dumps(view['blocks'], ensure_ascii=False)}"


def _elements(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for block in message.get("blocks") or ():
        if block["type"] == "actions":
            yield from block["elements"]
        elif "accessory" in block:
            yield block["accessory"]


def _options(view: Mapping[str, Any], block_id: str) -> list[dict[str, Any]]:
    """The options of a list in a view.

    Raises:
        LocalCloudError: if there is no such list, as where somebody may ask for nothing.
    """
    for block in view["blocks"]:
        if block.get("block_id") == block_id:
            options: list[dict[str, Any]] = block["element"]["options"]
            return options
    raise LocalCloudError(f"There is no list {block_id}: {words(view)}")


def _named(options: list[dict[str, Any]], value: str) -> dict[str, Any]:
    for option in options:
        if option["value"] == value:
            return option
    raise LocalCloudError(f"{value} is not offered, only these: {', '.join(one['value'] for one in options)}.")
