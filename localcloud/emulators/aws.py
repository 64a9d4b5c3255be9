"""MiniStack with what `eventbridge` and `step_functions` beside this add: `python -m localcloud.emulators.aws`.

Besides AWS's API it answers, for the local cloud only:

- `POST /_localcloud/events`: puts an event envelope on the default bus, with whatever source it has. AWS refuses a
  source that begins with `aws.` in PutEvents, and so does MiniStack: services don't go that way.
- `GET /_localcloud/deliveries?timeout=S`: waits up to S seconds until no delivery is under way, and tells the counts.

Non-goals: CloudTrail itself. What it would deliver is put on the bus (`localcloud.emulators.cloudtrail`).
"""

import argparse
import asyncio
import importlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from localcloud.emulators.process import exit_with_parent

if TYPE_CHECKING:
    from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, Scope


def main() -> None:
    """Serves until the parent is gone."""
    exit_with_parent()
    parser = argparse.ArgumentParser(description="MiniStack as the local cloud needs it; started by localcloud.cloud.")
    parser.add_argument("--port", type=int, required=True, help="TCP port of 127.0.0.1")
    parser.add_argument("--second", type=float, required=True, help="how long a second of EventBridge's retries lasts")
    arguments = parser.parse_args()
    asyncio.run(_serve(arguments.port, arguments.second))


async def _serve(port: int, second: float) -> None:
    # Imported here, after the parent is watched: MiniStack reads its configuration from the environment on import.
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from localcloud.emulators import step_functions
    from localcloud.emulators.eventbridge import Bus

    bus = Bus(second)
    bus.install()
    step_functions.install()
    # Any: MiniStack has no annotations.
    ministack: Any = importlib.import_module("ministack.app")

    async def application(scope: "Scope", receive: "ASGIReceiveCallable", send: "ASGISendCallable") -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/_localcloud/"):
            await ministack.app(scope, receive, send)
            return
        status = 200
        answer: dict[str, int] = {}
        match scope["method"], scope["path"]:
            case "POST", "/_localcloud/events":
                bus.put(json.loads(await _body(receive)))
            case "GET", "/_localcloud/deliveries":
                timeout = float(parse_qs(scope["query_string"].decode())["timeout"][0])
                answer = await asyncio.to_thread(bus.deliveries.wait_idle, timeout)
            case _:
                status = 404
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode(), "more_body": False})

    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.loglevel = "WARNING"
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    await serve(application, config)


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
