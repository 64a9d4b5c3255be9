"""The time from a click to the form, through the local HTTP API; Slack answers after 100 ms.

A user types `/breakglass`. Three times are measured from then: the app has answered (Slack shows an error after three
seconds), the form is open and says `Loading` (the trigger expires after three seconds), and the form is complete.
*Cold* is a click after the processes of both functions ended. The local cloud starts them, so this includes the start
of the interpreter, and not that of a micro-VM.

The CPU time of the receiver for a click is measured, too; it determines the cost.

Non-goals: the way from Slack to AWS and back; many people at once (see `bursts`).
"""

import base64
import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from benchmarks.samples import Samples
from breakglass.app.entrypoints.receiver_app import ReceiverContext, handle_request
from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.slack_user import SlackUser, sign_request

SLACK_SECONDS = 0.1
"""Duration of each answer of Slack."""

ANSWER_SECONDS = 3
"""Slack's limit for an answer."""

_PERSON = "ada.lovelace"
_MANY = 1000
_PATIENCE = 60
"""Seconds until an answer or a form counts as lost."""


@dataclass(frozen=True)
class Clicks:
    """Clicks of one kind, in milliseconds.

    Attributes:
        name: its row in the table.
        answered: until the app has answered.
        opened: until the form is open.
        filled: until it is complete.
    """

    name: str
    answered: Samples
    opened: Samples
    filled: Samples


def measure(
    cloud: RunningCloud, url: str, functions: Sequence[str], cold: int, warm: int, progress: Callable[[str], None]
) -> list[Clicks]:
    """Measure cold and warm clicks.

    Args:
        cloud: where stack `local` is deployed.
        url: where the app receives Slack's requests.
        functions: names of the functions that run until the form is complete.
        cold: number of cold clicks.
        warm: number of warm clicks after each of them.
        progress: called with each step.
    """
    user = _Typist(cloud, url)
    colds: list[_Times] = []
    warms: list[_Times] = []
    cloud.fail_slack(seconds=SLACK_SECONDS)
    try:
        user.click()  # not counted: it fills caches of the local cloud
        for number in range(cold):
            for function in functions:
                cloud.kill_function(function)
            colds.append(user.click())
            warms += [user.click() for _ in range(warm)]
            progress(f"{number + 1} of {cold} rounds of one cold and {warm} warm clicks")
    finally:
        cloud.end_faults()
    return [_clicks("cold: both functions start", colds), _clicks("warm", warms)]


def processor_seconds() -> float:
    """Return the receiver's CPU time for a click, without calls to other services."""
    interactions, slack = _NoHandover(), _OpensForms()
    receiver = ReceiverContext(lambda _: "secret", slack, interactions, lambda: int(time.time()), _no_log)
    body = command_body(user_id="U0ADA", team_id="T0COMPANY01", channel_id="C0BREAKGLASS1", trigger_id="1.2.3")
    event = api_event("secret", body, int(time.time()))
    began = time.process_time()
    for _ in range(_MANY):
        if handle_request(receiver, event)["statusCode"] != 200:
            raise AssertionError("the click was refused")
    return (time.process_time() - began) / _MANY


def _no_log(event: str, **fields: object) -> None:
    pass


class _OpensForms:
    """Slack that opens every form."""

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {"ok": True, "view": {**arguments["view"], "id": "V0"}}


class _NoHandover:
    """The interactions function, which does nothing here."""

    def hand_over(self, interaction: Mapping[str, Any]) -> None:
        pass

    def ask(self, interaction: Mapping[str, Any]) -> dict[str, Any]:
        return {}


def command_body(**fields: str) -> bytes:
    """Return Slack's request for the command."""
    return urlencode({"command": "/breakglass", "text": "", "api_app_id": "A0LOCALCLOUD", **fields}).encode()


def api_event(secret: str, body: bytes, now: int) -> dict[str, Any]:
    """Return the HTTP API's event for Slack's request."""
    headers = {name.lower(): value for name, value in sign_request(secret, body, now).items()}
    return {
        "requestContext": {"http": {"method": "POST"}},
        "headers": {"content-type": "application/x-www-form-urlencoded", **headers},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


@dataclass(frozen=True)
class _Times:
    answered: float
    opened: float
    filled: float


class _Typist:
    """A user who types the command, and a clock."""

    def __init__(self, cloud: RunningCloud, url: str) -> None:
        self._cloud = cloud
        self._address = urlsplit(url)
        self._user = SlackUser(cloud, url, _PERSON)
        self._team: str = cloud.call_slack("auth.test", {})["team_id"]

    def click(self) -> _Times:
        """Type the command; return the milliseconds until each state."""
        known = {form["id"] for form in self.forms()}
        body = self.command()
        began = time.perf_counter()
        opened = filled = 0.0
        with ThreadPoolExecutor(1) as pool:
            answering = pool.submit(self.send, body)
            while not filled:
                form = next((form for form in self.forms() if form["id"] not in known), None)
                now = time.perf_counter() - began
                if form is not None:
                    opened = opened or now
                    filled = now if form["changes"] else 0.0
                if now > _PATIENCE:
                    raise LocalCloudError(f"No form that can be filled in came within {_PATIENCE} s.")
            status, answered = answering.result()
        if status != 200:
            raise LocalCloudError(f"The app answered a click with {status}.")
        return _Times(answered * 1000, opened * 1000, filled * 1000)

    def forms(self) -> list[dict[str, Any]]:
        """Return the user's forms."""
        return [view for view in self._user.list_views() if view["type"] == "modal"]

    def command(self) -> bytes:
        """Return Slack's request for the command, with a fresh trigger."""
        triggered = self._cloud.call_slack("views.generateTriggerId", {"user_id": self._user.id})
        return command_body(
            user_id=self._user.id,
            team_id=self._team,
            channel_id=self._cloud.slack_channel,
            trigger_id=triggered["trigger_id"],
        )

    def send(self, body: bytes) -> tuple[int, float]:
        """Send it as Slack does; return the status (0 for none) and the seconds."""
        signature = sign_request(self._cloud.slack_signing_secret, body, int(time.time()))
        kind = {"Host": self._address.netloc, "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", self._address.port, timeout=_PATIENCE)
        began = time.perf_counter()
        try:
            connection.request("POST", self._address.path, body, {**kind, **signature})
            response = connection.getresponse()
            response.read()
            status = response.status
        except OSError:
            status = 0
        finally:
            connection.close()
        return status, time.perf_counter() - began


def _clicks(name: str, times: Sequence[_Times]) -> Clicks:
    return Clicks(
        name,
        Samples([each.answered for each in times]),
        Samples([each.opened for each in times]),
        Samples([each.filled for each in times]),
    )
