"""A user of the local cloud's Slack: types the command, fills in forms, clicks buttons.

The emulator has no interactions. So this module signs Slack's requests and sends them to the app, in the shapes of
Slack's "Interaction payloads", "Implementing slash commands" and "Events API". The views that the user then sees come
from the proxy before the emulator (`localcloud.emulators.slack`).

    ada = SlackUser(cloud, url, "ada.lovelace")
    form = ada.run_command()
    form = ada.choose(form, "role", option)
    ada.submit(form, {"reason": "..."})
    ada.click(message, "done")

Non-goals: a complete client.
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
"""An option of a list, as in the form or the app's answer."""

FormValues = Mapping[str, str | Option | Sequence[Option]]
"""Block ID -> the text, option or options that the user fills in. Other inputs keep the form's initial value."""

_PAUSE = 0.05


def sign_request(secret: str, body: bytes, at: int) -> dict[str, str]:
    """Return Slack's signature headers of a request ("Verifying requests from Slack")."""
    digest = hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={digest}"}


def wait_until(poll: Callable[[], Seen | None], expected: str, timeout: float = 30) -> Seen:
    """Poll until there is a result, and return it.

    Raises:
        LocalCloudError: timed out.
    """
    end = time.monotonic() + timeout
    while (seen := poll()) is None:
        if time.monotonic() > end:
            raise LocalCloudError(f"Expected {expected} within {timeout:g} s, got nothing. See the local cloud's logs.")
        time.sleep(_PAUSE)
    return seen


class SlackUser:
    """One user.

    Args:
        cloud: the local cloud.
        request_url: where the app receives Slack's requests; an output of the stack.
        name: the user name.
        patience: seconds until an answer is too late. Slack has three; a busy machine needs more.
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
        """Run `/breakglass`; return the form that opens, as soon as it is complete."""
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
        return self._wait_for_form(known)

    def run_shortcut(self, callback_id: str) -> dict[str, Any]:
        """Run a global shortcut; return the form that opens."""
        known = {view["id"] for view in self.list_views()}
        self._interact({"type": "shortcut", "callback_id": callback_id, "trigger_id": self._trigger()})
        return self._wait_for_form(known)

    def click(self, message: Mapping[str, Any], action_id: str, value: str | None = None) -> None:
        """Clicks a button of a message."""
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
        """Click a button of a message that opens a form; return the form."""
        known = {view["id"] for view in self.list_views()}
        self.click(message, action_id)
        return self._wait_for_form(known)

    def choose(
        self,
        view: Mapping[str, Any],
        block_id: str,
        chosen: Option | Sequence[Option],
        answers: FormValues | None = None,
    ) -> dict[str, Any]:
        """Choose from a list that dispatches an action; return the changed view."""
        element = _input(view["blocks"], block_id)
        action = {**_input_state(element, chosen), "action_id": element["action_id"], "block_id": block_id}
        self._act_in(view, action, {**(answers or {}), block_id: chosen})
        return self.wait_for_change(view)

    def press(self, view: Mapping[str, Any], action_id: str, value: str | None = None) -> None:
        """Clicks a button in a view, as in the App Home."""
        self._act_in(view, _element(view["blocks"], action_id, value), {})

    def press_for_form(self, view: Mapping[str, Any], action_id: str, value: str | None = None) -> dict[str, Any]:
        """Click a button in a view that opens a form; return the form."""
        known = {each["id"] for each in self.list_views()}
        self.press(view, action_id, value)
        return self._wait_for_form(known)

    def search_options(self, view: Mapping[str, Any], block_id: str, typed: str = "") -> list[dict[str, Any]]:
        """Type into an external select; return the options that the app offers.

        Other inputs are not sent: Slack sends stale ones (https://github.com/slackapi/bolt-js/issues/1146).

        Raises:
            LocalCloudError: Slack would refuse the options.
        """
        answer = self._interact(
            {
                "type": "block_suggestion",
                "action_id": _input(view["blocks"], block_id)["action_id"],
                "block_id": block_id,
                "value": typed,
                "container": {"type": "view", "view_id": view["id"]},
                "view": _strip_view(view),
            }
        )
        options: list[dict[str, Any]] = json.loads(answer)["options"]
        problems = option_problems(options)
        if problems:
            raise LocalCloudError(f"Slack refuses the options, so the user sees none: {'; '.join(problems)}")
        return options

    def submit(self, view: Mapping[str, Any], answers: FormValues) -> dict[str, Any]:
        """Submit a form; return the view that the app then shows.

        Raises:
            LocalCloudError: Slack would refuse the view in the app's answer.
        """
        answer = self._interact(
            {
                "type": "view_submission",
                "view": {**_strip_view(view), "state": _state(view["blocks"], answers)},
                "trigger_id": self._trigger(),
            }
        )
        result = json.loads(answer) if answer.strip() else {}
        if result.get("response_action") != "update":
            return {**view, "answer": result}
        problems = view_problems(result["view"])
        if problems:
            raise LocalCloudError(f"Slack refuses the view, so the user sees an error: {'; '.join(problems)}")
        command = {"view_id": view["id"], "view": result["view"], "changes": view["changes"]}
        changes = request_json("POST", f"{self._cloud.slack_url}/_localcloud/views", command)["changes"]
        return self.wait_for_change({**view, "changes": changes})

    def open_home(self) -> dict[str, Any]:
        """Open the app's Home tab; return its view."""
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
        """Return the user's forms and Home tab, in the order in which they were opened."""
        views: list[dict[str, Any]] = request_json("GET", f"{self._cloud.slack_url}/_localcloud/views?user={self.id}")
        return views

    def list_ephemerals(self) -> list[dict[str, Any]]:
        """Return the user's ephemeral messages, in order."""
        messages: list[dict[str, Any]] = request_json(
            "GET", f"{self._cloud.slack_url}/_localcloud/ephemerals?user={self.id}"
        )
        return messages

    def wait_for_change(self, view: Mapping[str, Any]) -> dict[str, Any]:
        """Wait until a view has changed; return it."""

        def other() -> dict[str, Any] | None:
            return next(
                (each for each in self.list_views() if each["id"] == view["id"] and each["changes"] > view["changes"]),
                None,
            )

        return wait_until(other, f"a change of the form that {self.name} sees")

    def send(
        self,
        body: bytes,
        content_type: str = "application/x-www-form-urlencoded",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Send a request to the app as Slack does; return the text of the response.

        Raises:
            LocalCloudError: another status than 200, or too late.
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
        """Return an interaction of this user as Slack sends it, even one that no message offers."""
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
                "view": {**_strip_view(view), "state": _state(view["blocks"], answers)},
                "trigger_id": self._trigger(view["id"]),
                "actions": [{**action, "action_ts": f"{time.time():.6f}"}],
            }
        )

    def _trigger(self, view_id: str | None = None) -> str:
        query = {"user_id": self.id, **({"view_id": view_id} if view_id else {})}
        trigger: str = self._cloud.call_slack("views.generateTriggerId", query)["trigger_id"]
        return trigger

    def _wait_for_form(self, known: set[str]) -> dict[str, Any]:
        """Wait for a new form that is complete, since it opens as `Loading`."""

        def new() -> dict[str, Any] | None:
            modals = [view for view in self.list_views() if view["type"] == "modal" and view["changes"] > 0]
            return next((view for view in modals if view["id"] not in known), None)

        return wait_until(new, f"a form that opens for {self.name}")


def _strip_view(view: Mapping[str, Any]) -> dict[str, Any]:
    """A view without the fields that the local cloud adds."""
    return {key: value for key, value in view.items() if key not in ("user", "number", "changes")}


def _inputs(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The inputs of blocks: block ID and element."""
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
    raise LocalCloudError(f"The view has no input {block_id}.")


def _input_state(element: Mapping[str, Any], answer: str | Option | Sequence[Option] | None) -> dict[str, Any]:
    """The state of an input: the user's value, else the initial value."""
    kind = element["type"]
    if kind == "plain_text_input":
        return {"type": kind, "value": element.get("initial_value") if answer is None else answer}
    if kind.startswith("multi_"):
        return {"type": kind, "selected_options": element.get("initial_options", []) if answer is None else answer}
    return {"type": kind, "selected_option": element.get("initial_option") if answer is None else answer}


def _state(blocks: list[dict[str, Any]], answers: FormValues) -> dict[str, Any]:
    """The state of all inputs, as Slack sends it ("View interaction payloads").

    Raises:
        LocalCloudError: an answer has no input.
    """
    unknown = answers.keys() - {block_id for block_id, _ in _inputs(blocks)}
    if unknown:
        raise LocalCloudError(f"The view has no input {', '.join(sorted(unknown))}.")
    values: dict[str, dict[str, Any]] = {}
    for block_id, element in _inputs(blocks):
        values.setdefault(block_id, {})[element["action_id"]] = _input_state(element, answers.get(block_id))
    return {"values": values}


def _element(blocks: list[dict[str, Any]], action_id: str, value: str | None = None) -> dict[str, Any]:
    """The button with this action ID, and value if given, as sent with a click."""
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if element.get("action_id") == action_id and value in (None, element.get("value")):
                kept = {key: element[key] for key in ("type", "action_id", "value") if key in element}
                return {"block_id": block.get("block_id", ""), **kept}
    raise LocalCloudError(f"There is no button {action_id}.")
