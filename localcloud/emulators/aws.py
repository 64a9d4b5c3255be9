"""MiniStack as the local cloud needs it: `python -m localcloud.emulators.aws`.

`eventbridge`, `functions`, `step_functions`, `topics`, `cloudwatch` and `insights` add missing behaviour.

Besides AWS's API it answers, for the local cloud only:

- `POST /_localcloud/events`: puts an event envelope on the default bus of an account and region, with any source. AWS
  refuses a source that begins with `aws.` in PutEvents, and so does MiniStack: services don't go that way.
- `POST /_localcloud/records`: CloudTrail records an event (`cloudtrail_history`).
- `POST /_localcloud/trails`: sets the log group of a trail (`cloudtrail_history`).
- `GET /_localcloud/deliveries?timeout=S`: waits up to S seconds until no delivery is under way, and tells the counts.
- `POST /_localcloud/faults`: makes calls fail (`faults`).
- `POST /_localcloud/lost-invocations`: makes invocations of functions end without a result (`functions`).
- `POST /_localcloud/kill`: kills the processes of a function.
- `POST /_localcloud/ticks`: the time of a scheduled rule has come.
- `GET /_localcloud/notifications`: the e-mails and the calls of pagers so far (`topics`).
- `POST /_localcloud/alarms`: evaluates alarms between two times (`cloudwatch`).

Requests about StackSets go on to the server of the organization (`stack_sets`), which makes their stacks here.

Non-goals: records of the calls that the emulated AWS gets; those that a test replays are put on the bus
(`localcloud.emulators.cloudtrail`).
"""

import argparse
import asyncio
import functools
import http.client
import importlib
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from localcloud.emulators.faults import Faults, error_answer, operation_of
from localcloud.emulators.loopback import request_json
from localcloud.emulators.process import collect_rarely, exit_with_parent

if TYPE_CHECKING:
    from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

    from localcloud.emulators.cloudtrail_history import EventHistory
    from localcloud.emulators.event_buses import FindOrganization
    from localcloud.emulators.eventbridge import Bus
    from localcloud.emulators.functions import Functions
    from localcloud.emulators.topics import Inbox

_T = TypeVar("_T")

_OF_STACK_SETS = re.compile("StackSet|StackInstance")
_STACK_SETS_TIMEOUT = 300


def main() -> None:
    exit_with_parent()
    collect_rarely()
    parser = argparse.ArgumentParser(description="MiniStack as the local cloud needs it; started by localcloud.cloud.")
    parser.add_argument("--port", type=int, required=True, help="TCP port of 127.0.0.1")
    parser.add_argument("--identity", required=True, help="URL of the server that has the organization")
    parser.add_argument("--second", type=float, required=True, help="how long a second of EventBridge's retries lasts")
    parser.add_argument("--pause", type=float, required=True, help="how long a second of a workflow's pauses lasts")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.identity, arguments.second, arguments.pause))


async def _serve(port: int, identity_url: str, second: float, pause: float) -> None:
    # Imported here, after the parent is watched: MiniStack reads its configuration from the environment on import.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from localcloud.emulators import cloudwatch, cloudwatch_logs, insights, step_functions
    from localcloud.emulators.cloudtrail_history import EventHistory
    from localcloud.emulators.eventbridge import Bus
    from localcloud.emulators.functions import Functions
    from localcloud.emulators.topics import Inbox

    bus = Bus(second, make_finder(identity_url))
    middleware = AwsMiddleware(bus, Functions(), Inbox(), EventHistory(), identity_url)
    middleware.bus.install()
    middleware.functions.install()
    middleware.inbox.install()
    middleware.history.install()
    step_functions.install(pause, second, middleware.bus.end_execution, identity_url)
    cloudwatch.install()
    cloudwatch_logs.install()
    insights.install()
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.loglevel = "WARNING"
    # A client that keeps its connection must not find it closed: it does not try again. By default that is after 5 s.
    config.keep_alive_timeout = 3600
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    await serve(middleware, config)


def make_finder(identity_url: str) -> "FindOrganization":
    """Return a function that asks the server of the organization, since accounts join and leave."""

    def find_organization(account: str) -> str | None:
        organization = request_json("GET", f"{identity_url}/_localcloud/organization")
        return organization["id"] if account in organization["accounts"] else None

    return find_organization


class AwsMiddleware:
    """An ASGI application before MiniStack: faults, and the paths of the local cloud."""

    def __init__(
        self, bus: "Bus", functions: "Functions", inbox: "Inbox", history: "EventHistory", identity_url: str
    ) -> None:
        self.bus = bus
        self._identity_url = identity_url
        self.functions = functions
        self.inbox = inbox
        self.history = history
        self._faults = Faults()
        # Any: MiniStack has no annotations.
        self._ministack: Any = importlib.import_module("ministack.app").app

    async def __call__(self, scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
        if scope["type"] != "http":
            await self._ministack(scope, receive, send)
        elif scope["path"].startswith("/_localcloud/"):
            status, answer = await self._for_local_cloud(scope, receive)
            await _respond(send, status, {"Content-Type": "application/json"}, json.dumps(answer).encode())
        else:
            await self._survive(scope, receive, send)

    async def _survive(self, scope: "HTTPScope", receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        signed, target = headers.get("authorization", ""), headers.get("x-amz-target", "")
        operation = operation_of(scope["method"], scope["path"], signed, target)
        fault = self._faults.of(operation, headers.get("user-agent", ""))
        if fault is not None:
            await asyncio.sleep(fault.seconds)
        if fault is None or fault.answer_error is None:
            if "/cloudformation/" in signed:
                await self._split_cloudformation(headers, scope, receive, send)
            else:
                await self._ministack(scope, receive, send)
            return
        if fault.is_carried_out:
            await self._ministack(scope, receive, _to_nobody)
        else:
            await _body(receive)
        if fault.kills is not None:
            await asyncio.to_thread(self.functions.kill, fault.kills)
        await _respond(send, *error_answer(operation, fault.answer_error, fault.text))

    async def _split_cloudformation(
        self, headers: Mapping[str, str], scope: "HTTPScope", receive: "ASGIReceiveCallable", send: "ASGISendCallable"
    ) -> None:
        body = await _body(receive)
        action = parse_qs(body.decode()).get("Action", [""])[0]
        if _OF_STACK_SETS.search(action):
            await _respond(send, *await asyncio.to_thread(_pass_on, self._identity_url, headers, body))
            return

        await asyncio.to_thread(_prepare_cloudformation)

        async def received() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._ministack(scope, received, send)

    async def _for_local_cloud(
        self, scope: "HTTPScope", receive: "ASGIReceiveCallable"
    ) -> tuple[int, dict[str, int] | list[dict[str, Any]]]:
        # Imported here, as in `_serve`.
        from localcloud.emulators import cloudwatch

        command = json.loads(await _body(receive) or b"{}")
        match scope["method"], scope["path"].removeprefix("/_localcloud/"):
            case "POST", "records":
                await asyncio.to_thread(_within, command, self.history.record, command["record"])
            case "POST", "trails":
                await asyncio.to_thread(_within, command, self.history.set_trail, command["log_group"])
            case "POST", "events":
                await asyncio.to_thread(_within, command, self.bus.put, command["event"])
            case "GET", "deliveries":
                timeout = float(parse_qs(scope["query_string"].decode())["timeout"][0])
                return 200, await asyncio.to_thread(self.bus.deliveries.wait_idle, timeout)
            case "GET", "notifications":
                return 200, self.inbox.list()
            case "POST", "alarms":
                alarms = (command["begin"], command["end"], self.bus.put, command["names"])
                await asyncio.to_thread(_within, command, cloudwatch.evaluate, *alarms)
            case "POST", "faults":
                self._faults.add(command)
            case "POST", "lost-invocations":
                self.functions.add(command)
            case "POST", "ticks":
                # In a context of its own, whose clock goes ahead.
                found = await asyncio.to_thread(_within, command, self.bus.tick, command["rule"], command["after"])
                return (200 if found else 404), {}
            case "POST", "kill":
                await asyncio.to_thread(self.functions.kill, command["function"])
            case _:
                return 404, {}
        return 200, {}


@functools.cache
def _prepare_cloudformation() -> None:
    # Not before it is needed: MiniStack's CloudFormation takes a moment to load.
    from localcloud.emulators import cloudformation

    cloudformation.install()


def _pass_on(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_STACK_SETS_TIMEOUT)
    try:
        connection.request("POST", "/", body, {name: value for name, value in headers.items() if name != "host"})
        response = connection.getresponse()
        content_type = response.headers.get("Content-Type", "text/xml")
        return response.status, {"Content-Type": content_type}, response.read()
    finally:
        connection.close()


def _within(command: Mapping[str, Any], work: Callable[..., _T], *arguments: Any) -> _T:
    """Works in the account and region that a command names."""
    # Imported here, as in `_serve`.
    from localcloud.emulators.scope import scope

    with scope(command["account"], command["region"]):
        return work(*arguments)


async def _respond(send: "ASGISendCallable", status: int, headers: Mapping[str, str], body: bytes) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _to_nobody(_: object) -> None:
    pass


async def _body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


if __name__ == "__main__":
    main()
