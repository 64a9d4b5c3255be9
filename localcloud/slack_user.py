"""A person in the local cloud's Slack: types the command, fills in forms, clicks buttons.

The emulator has no interactions, so what Slack would send to the app is made here, signed with the app's signing secret
and sent to the app's request URL, in the shapes of Slack's "Interaction payloads", "Implementing slash commands" and
"Events API". What the person sees in answer is read from the emulator's front (`localcloud.emulators.slack`).

    ada = SlackUser(cloud, url, "ada.lovelace")
    form = ada.run_command()
    form = ada.choose(form, "role", option)
    ada.submit(form, {"reason": "..."})
    ada.click(message, "done")

Non-goals: a whole client; being anybody without the signing secret.
"""

import hashlib
import hmac
import http.client
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.block_kit import option_problems, view_problems
from localcloud.emulators.loopback import request_json

Seen = TypeVar("Seen")

Option = Mapping[str, Any]
"""A choice in a list, as the form or the app's answer has it."""

FormValues = Mapping[str, str | Option | Sequence[Option]]
"""What somebody fills in: block id -> a text, the option that they choose, or several. What they leave alone keeps what
the form proposes."""

_PAUSE = 0.05


def sign_request(secret: str, body: bytes, at: int) -> dict[str, str]:
    """Slack's headers of a request ("Verifying requests from Slack").

    Args:
        secret: the app's signing secret.
        body: as it is sent.
        at: the time, in seconds since 1970.
    """
    digest = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={digest}"}


def wait_until(look: Callable[[], Seen | None], what: str, timeout: float = 30) -> Seen:
    """Looks again and again, and returns what was seen.

    Args:
        look: returns None as long as there is nothing to see.
        what: what is waited for, for the error.
        timeout: seconds to wait at most.

    Raises:
        LocalCloudError: if it does not come.
    """
    end = time.monotonic() + timeout
    while (seen := look()) is None:
        if time.monotonic() > end:
            raise LocalCloudError(f"Waited {timeout:g} s in vain for {what}.")
        time.sleep(_PAUSE)
    return seen


class SlackUser:
    """One person.

    Args:
        cloud: whose Slack it is.
        request_url: where the app takes what people do; an output of the stack.
        name: the person's name in this Slack.
        patience: after how many seconds without an answer they are shown an error; more than Slack's three is for a
            machine that is busy with other things.
    """

    def __init__(self, cloud: RunningCloud, request_url: str, name: str, patience: float = 3) -> None:
        self._cloud = cloud
        self._patience = patience
        self._address = urlsplit(request_url)
        users = cloud.call_slack("users.list", {})["members"]
        self.name = name
        self.id: str = next(user["id"] for user in users if user["name"] == name)
        self._team: str = next(user["team_id"] for user in users if user["name"] == name)

    def run_command(self, text: str = "") -> dict[str, Any]:
        """Types `/breakglass`, and returns the form that opens, as soon as it can be filled in."""
        known = {view["id"] for view in self.list_views()}
        form = {
            "command": "/breakglass",
            "text": text,
            "team_id": self._team,
            "channel_id": self._cloud.slack_channel,
            "user_id": self.id,
            "user_name": self.name,
            "api_app_id": "A0LOCALCLOUD",
            "trigger_id": self._trigger(),
        }
        self.send(urlencode(form).encode())
        return self._opened(known)

    def run_shortcut(self, callback_id: str) -> dict[str, Any]:
        """Chooses a global shortcut, and returns the form that opens."""
        known = {view["id"] for view in self.list_views()}
        self._interact({"type": "shortcut", "callback_id": callback_id, "trigger_id": self._trigger()})
        return self._opened(known)

    def click(self, message: Mapping[str, Any], action_id: str, value: str | None = None) -> None:
        """Clicks a button of a message.

        Args:
            message: as conversations.history has it, with its `channel`.
            action_id: the button's.
            value: the button's, where several have the same action id.
        """
        self._interact(
            {
                "type": "block_actions",
                "container": {"type": "message", "message_ts": message["ts"], "channel_id": message["channel"]},
                "channel": {"id": message["channel"]},
                "message": dict(message),
                "trigger_id": self._trigger(),
                "actions": [{**_element(message["blocks"], action_id, value), "action_ts": f"{time.time():.6f}"}],
            }
        )

    def click_for_form(self, message: Mapping[str, Any], action_id: str) -> dict[str, Any]:
        """Clicks a button of a message that opens a form, and returns the form."""
        known = {view["id"] for view in self.list_views()}
        self.click(message, action_id)
        return self._opened(known)

    def choose(
        self,
        view: Mapping[str, Any],
        block_id: str,
        chosen: Option | Sequence[Option],
        answers: FormValues | None = None,
    ) -> dict[str, Any]:
        """Chooses from a list in a view that answers at once, and returns the view as it is then.

        Args:
            view: the form, or the Home tab.
            block_id: of the list.
            chosen: one option, or several where several can be chosen.
            answers: what else is filled in.
        """
        element = _input(view["blocks"], block_id)
        action = {**_filled(element, chosen), "action_id": element["action_id"], "block_id": block_id}
        self._act_in(view, action, {**(answers or {}), block_id: chosen})
        return self.wait_for_change(view)

    def press(self, view: Mapping[str, Any], action_id: str, value: str | None = None) -> None:
        """Clicks a button in a view, as in the App Home.

        Args:
            view: where.
            action_id: the button's.
            value: the button's, where several have the same action id.
        """
        self._act_in(view, _element(view["blocks"], action_id, value), {})

    def press_for_form(self, view: Mapping[str, Any], action_id: str, value: str | None = None) -> dict[str, Any]:
        """Clicks a button in a view that opens a form, and returns the form."""
        known = {one["id"] for one in self.list_views()}
        self.press(view, action_id, value)
        return self._opened(known)

    def search_options(self, view: Mapping[str, Any], block_id: str, typed: str = "") -> list[dict[str, Any]]:
        """Types into a list that searches, and returns what is offered.

        What is filled in elsewhere is not sent along, as it is not up to date when Slack does
        (https://github.com/slackapi/bolt-js/issues/1146).

        Raises:
            LocalCloudError: if Slack would not take what the app offers.
        """
        answer = self._interact(
            {
                "type": "block_suggestion",
                "action_id": _input(view["blocks"], block_id)["action_id"],
                "block_id": block_id,
                "value": typed,
                "container": {"type": "view", "view_id": view["id"]},
                "view": _shown(view),
            }
        )
        options: list[dict[str, Any]] = json.loads(answer)["options"]
        problems = option_problems(options)
        if problems:
            raise LocalCloudError(f"Slack shows no options, since it does not take these: {'; '.join(problems)}")
        return options

    def submit(self, view: Mapping[str, Any], answers: FormValues) -> dict[str, Any]:
        """Sends a form, and returns what it shows when the app has made up its mind.

        Args:
            view: the form.
            answers: what is filled in.

        Raises:
            LocalCloudError: if Slack would not take the view in the app's answer.
        """
        answer = self._interact(
            {
                "type": "view_submission",
                "view": {**_shown(view), "state": _state(view["blocks"], answers)},
                "trigger_id": self._trigger(),
            }
        )
        said = json.loads(answer) if answer.strip() else {}
        if said.get("response_action") != "update":
            return {**view, "answer": said}
        problems = view_problems(said["view"])
        if problems:
            raise LocalCloudError(f"Slack shows an error, since it does not take this view: {'; '.join(problems)}")
        order = {"view_id": view["id"], "view": said["view"], "changes": view["changes"]}
        changes = request_json("POST", f"{self._cloud.slack_url}/_localcloud/views", order)["changes"]
        return self.wait_for_change({**view, "changes": changes})

    def open_home(self) -> dict[str, Any]:
        """Opens the app's Home tab, and returns what it shows."""
        before = {view["id"]: view["changes"] for view in self.list_views()}
        event = {"type": "app_home_opened", "user": self.id, "channel": "D0LOCALCLOUD", "tab": "home"}
        body = {
            "type": "event_callback",
            "team_id": self._team,
            "api_app_id": "A0LOCALCLOUD",
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(time.time()),
            "event": event,
        }
        self.send(json.dumps(body).encode(), "application/json")

        def published() -> dict[str, Any] | None:
            homes = [view for view in self.list_views() if view["type"] == "home"]
            return next((view for view in homes if before.get(view["id"]) != view["changes"]), None)

        return wait_until(published, f"the Home tab of {self.name}")

    def list_views(self) -> list[dict[str, Any]]:
        """Everything that this person is shown besides messages, in the order in which it was opened."""
        views: list[dict[str, Any]] = request_json("GET", f"{self._cloud.slack_url}/_localcloud/views?user={self.id}")
        return views

    def list_ephemerals(self) -> list[dict[str, Any]]:
        """Every message that only this person sees, in the order in which they came."""
        messages: list[dict[str, Any]] = request_json(
            "GET", f"{self._cloud.slack_url}/_localcloud/ephemerals?user={self.id}"
        )
        return messages

    def wait_for_change(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Waits until a view shows something else, and returns it."""

        def other() -> dict[str, Any] | None:
            return next(
                (one for one in self.list_views() if one["id"] == view["id"] and one["changes"] > view["changes"]), None
            )

        return wait_until(other, f"a change of the form that {self.name} sees")

    def send(
        self,
        body: bytes,
        content_type: str = "application/x-www-form-urlencoded",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Sends a request to the app as Slack does, and returns the text of the answer.

        Args:
            body: as it is sent.
            content_type: of the body.
            headers: in place of the signature that belongs to it.

        Raises:
            LocalCloudError: if the app does not answer with 200, or not in time.
        """
        signature = headers or sign_request(self._cloud.slack_signing_secret, body, int(time.time()))
        # The name resolves to this machine wherever the resolver knows localhost; the address always does.
        connection = http.client.HTTPConnection("127.0.0.1", self._address.port, timeout=10 + self._patience)
        try:
            began = time.monotonic()
            connection.request(
                "POST",
                self._address.path,
                body,
                {"Host": self._address.netloc, "Content-Type": content_type, **signature},
            )
            response = connection.getresponse()
            text = response.read().decode()
            took = time.monotonic() - began
        finally:
            connection.close()
        if response.status != 200:
            raise LocalCloudError(f"The app answered {response.status}: {text[:300]}")
        if took > self._patience:
            raise LocalCloudError(f"The app answered after {took:.1f} s; Slack shows people an error after 3 s.")
        return text

    def build_interaction(self, payload: Mapping[str, Any]) -> bytes:
        """An interaction of this person as Slack sends it, whether anything that they see offers it or not.

        Args:
            payload: of the interaction, without who it is.
        """
        whole = {
            "user": {"id": self.id, "name": self.name, "username": self.name, "team_id": self._team},
            "team": {"id": self._team, "domain": "local-cloud"},
            "api_app_id": "A0LOCALCLOUD",
            **payload,
        }
        return f"payload={quote(json.dumps(whole))}".encode()

    def _interact(self, payload: Mapping[str, Any]) -> str:
        return self.send(self.build_interaction(payload))

    def _act_in(self, view: Mapping[str, Any], action: Mapping[str, Any], answers: FormValues) -> None:
        self._interact(
            {
                "type": "block_actions",
                "container": {"type": "view", "view_id": view["id"]},
                "view": {**_shown(view), "state": _state(view["blocks"], answers)},
                "trigger_id": self._trigger(view["id"]),
                "actions": [{**action, "action_ts": f"{time.time():.6f}"}],
            }
        )

    def _trigger(self, view_id: str | None = None) -> str:
        asked = {"user_id": self.id, **({"view_id": view_id} if view_id else {})}
        trigger: str = self._cloud.call_slack("views.generateTriggerId", asked)["trigger_id"]
        return trigger

    def _opened(self, known: set[str]) -> dict[str, Any]:
        """Waits for a new form, and for what replaces `Loading`, which may be there when the form is first seen."""

        def new() -> dict[str, Any] | None:
            modals = [view for view in self.list_views() if view["type"] == "modal" and view["changes"] > 0]
            return next((view for view in modals if view["id"] not in known), None)

        return wait_until(new, f"a form that opens for {self.name}")


def _shown(view: Mapping[str, Any]) -> dict[str, Any]:
    """A view as Slack sends it along, without what the local cloud adds."""
    return {key: value for key, value in view.items() if key not in ("user", "number", "changes")}


def _inputs(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that can be filled in or chosen from: block id and element."""
    for number, block in enumerate(blocks):
        for element in (block.get("element"), block.get("accessory"), *block.get("elements", ())):
            # The elements of a context block are texts.
            if element and "action_id" in element and element["type"] != "button":
                # Slack makes an id for a block that has none.
                yield block.get("block_id", f"block-{number}"), element


def _input(blocks: list[dict[str, Any]], block_id: str) -> dict[str, Any]:
    for named, element in _inputs(blocks):
        if named == block_id:
            return element
    raise LocalCloudError(f"There is nothing to fill in as {block_id}.")


def _filled(element: Mapping[str, Any], answer: str | Option | Sequence[Option] | None) -> dict[str, Any]:
    """The state of an input: what somebody filled in, else what the form proposes."""
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": element.get("initial_value") if answer is None else answer}
    if kind.startswith("multi_"):
        return {"type": kind, "selected_options": element.get("initial_options", []) if answer is None else answer}
    return {"type": kind, "selected_option": element.get("initial_option") if answer is None else answer}


def _state(blocks: list[dict[str, Any]], answers: FormValues) -> dict[str, Any]:
    """What is filled in and chosen, as Slack sends it along ("View interaction payloads").

    Raises:
        LocalCloudError: if there is nothing where something was filled in.
    """
    unknown = answers.keys() - {block_id for block_id, _ in _inputs(blocks)}
    if unknown:
        raise LocalCloudError(f"There is nothing to fill in as {', '.join(sorted(unknown))}.")
    values: dict[str, dict[str, Any]] = {}
    for block_id, element in _inputs(blocks):
        values.setdefault(block_id, {})[element["action_id"]] = _filled(element, answers.get(block_id))
    return {"values": values}


def _element(blocks: list[dict[str, Any]], action_id: str, value: str | None = None) -> dict[str, Any]:
    """The button with this action id and, if one is given, this value, as it comes with a click."""
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if element.get("action_id") == action_id and value in (None, element.get("value")):
                kept = {key: element[key] for key in ("type", "action_id", "value") if key in element}
                return {"block_id": block.get("block_id", ""), **kept}
    raise LocalCloudError(f"There is no button {action_id} to click.")
