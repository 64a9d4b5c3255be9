"""Drives scenarios of the approval workflow: users act in the local Slack, and each result is checked.

Access is read from the emulated Identity Center, never from a message. Nothing waits for a fixed time: the driver polls
until the expected state is there, or gives up.

Non-goals: the scenarios (`localcloud.scenarios`); tests of the app (`tests`).
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
from localcloud.slack_user import SlackUser, wait_until
from localcloud.steps import Step

_REQUEST_ID = re.compile(r"r-[0-9a-f]{16}")


class ScenarioFailedError(Exception):
    """A step failed, so the rest of its scenario makes no sense."""


@dataclass
class RunningStep:
    """A step under way; `seen` is what was seen so far."""

    seen: str = ""


@dataclass
class ScenarioDriver:
    """Acts as users of Slack and keeps the result of each step.

    Attributes:
        cloud: where the stack is deployed.
        request_url: where its app receives Slack's requests.
        progress: called with the name of each step.
        steps: the results so far.
    """

    cloud: RunningCloud
    request_url: str
    progress: Callable[[str], None] = lambda _: None
    steps: list[Step] = field(default_factory=list)

    @contextmanager
    def step(self, name: str, expected: str) -> Iterator[RunningStep]:
        """Run one step; its block sets `seen`.

        Raises:
            ScenarioFailedError: `seen` differs from `expected`, or the block failed.
        """
        with run_step(self.steps, self.progress, name, expected) as running:
            yield running

    def user(self, name: str) -> SlackUser:
        return SlackUser(self.cloud, self.request_url, name)

    def request_access(self, name: str, permission_set: str, account: str, reason: str) -> str:
        """Send the request form as a user, with the proposed duration; return the request's ID.

        Raises:
            LocalCloudError: the app rejected the request.
        """
        user = self.user(name)
        form = user.run_command()
        role = _find_option(_list_options(form, ids.ROLE), permission_set)
        form = user.choose(form, ids.ROLE, role, {ids.REASON: reason})
        accounts = [_find_option(user.search_options(form, ids.ACCOUNTS, account), account)]
        form = user.choose(form, ids.ACCOUNTS, accounts, {ids.REASON: reason})
        result = format_view(user.submit(form, {ids.ACCOUNTS: accounts, ids.REASON: reason}))
        found = _REQUEST_ID.search(result)
        if found is None:
            raise LocalCloudError(f"The request of {name} was rejected: {result}")
        return found[0]

    def find_message(self, channel: str, matches: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
        """Return the newest matching message of a channel, or None. Threads are not searched."""
        query = {"channel": channel, "include_all_metadata": True}
        messages = self.cloud.call_slack("conversations.history", query)["messages"]
        return next(({**message, "channel": channel} for message in messages if matches(message)), None)

    def wait_for_status(self, request: str, *statuses: str) -> dict[str, Any]:
        """Return the message of a request as soon as it shows one of these statuses."""

        def matches(message: dict[str, Any]) -> bool:
            return get_record_id(message) == request and get_status(message) in statuses

        channel = self.cloud.slack_channel
        expected = f"{' or '.join(statuses)} in the message of {request}"
        return wait_until(lambda: self.find_message(channel, matches), expected)

    def wait_for_reply(
        self, message: Mapping[str, Any], matches: Callable[[dict[str, Any]], bool], expected: str
    ) -> dict[str, Any]:
        """Return the first matching reply in a message's thread, as soon as it is there."""
        channel = message["channel"]
        query = {"channel": channel, "ts": message["ts"]}

        def find() -> dict[str, Any] | None:
            replies = self.cloud.call_slack("conversations.replies", query)["messages"][1:]
            return next(({**reply, "channel": channel} for reply in replies if matches(reply)), None)

        return wait_until(find, expected)

    def describe_access(self, name: str, permission_set: str, account: str) -> str:
        """Say whether Identity Center has an assignment, as in "ada.lovelace has devops in production"."""
        return format_access(name, permission_set, account, name in self.cloud.assignments(permission_set, account))


@contextmanager
def run_step(steps: list[Step], progress: Callable[[str], None], name: str, expected: str) -> Iterator[RunningStep]:
    """Run one step, and append its result; the block sets `seen`.

    Args:
        steps: the results so far.
        progress: called with the name.
        name: the user's action.
        expected: the state to see afterwards.

    Raises:
        ScenarioFailedError: `seen` differs from `expected`, or the block failed.
    """
    progress(name)
    running, began = RunningStep(), time.monotonic()
    try:
        yield running
    except (LocalCloudError, LoopbackError, OSError) as error:
        running.seen = str(error)
    steps.append(Step(name, expected, running.seen, time.monotonic() - began))
    if not steps[-1].ok:
        raise ScenarioFailedError(name)


def format_access(name: str, permission_set: str, account: str, has_access: bool) -> str:
    """Return the sentence that says whether a user has a permission set in an account."""
    return f"{name} {'has' if has_access else 'does not have'} {permission_set} in {ACCOUNTS[account]}"


def get_record_id(message: Mapping[str, Any]) -> str:
    """Return the ID of the record that a message is about; empty if none."""
    return str(message.get("metadata", {}).get("event_payload", {}).get("id", ""))


def get_status(message: Mapping[str, Any]) -> str:
    """Return the status that the message of a request shows."""
    return str(message["text"]).partition(":")[0]


def has_button(message: Mapping[str, Any], action_id: str) -> bool:
    return any(element.get("action_id") == action_id for element in _list_elements(message))


def get_button_value(message: Mapping[str, Any], action_id: str) -> str:
    """Return the value of a message's button; empty if there is no such button."""
    values = (str(each.get("value")) for each in _list_elements(message) if each.get("action_id") == action_id)
    return next(values, "")


def format_view(view: Mapping[str, Any]) -> str:
    """Return the whole text of a view in one line."""
    return f"{view['title']['text']}: {json.dumps(view['blocks'], ensure_ascii=False)}"


def _list_elements(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for block in message.get("blocks") or ():
        if block["type"] == "actions":
            yield from block["elements"]
        elif "accessory" in block:
            yield block["accessory"]


def _list_options(view: Mapping[str, Any], block_id: str) -> list[dict[str, Any]]:
    for block in view["blocks"]:
        if block.get("block_id") == block_id:
            options: list[dict[str, Any]] = block["element"]["options"]
            return options
    # The form of a user who may request nothing has no lists.
    raise LocalCloudError(f"The view has no list {block_id}: {format_view(view)}")


def _find_option(options: list[dict[str, Any]], value: str) -> dict[str, Any]:
    for option in options:
        if option["value"] == value:
            return option
    raise LocalCloudError(f"Not among the options: {value}. Options: {', '.join(each['value'] for each in options)}.")
