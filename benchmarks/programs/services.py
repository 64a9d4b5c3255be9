"""Fast stand-ins for the services that the receiver calls: `python -m benchmarks.programs.services`.

Secrets Manager has every secret, Lambda every invocation, and Slack opens every form, 100 ms
after it was asked. The port is printed. It ends when its standard input does.

The emulators of the local cloud do more and are slower: many functions at once would measure them.

Non-goals: every other operation, and checking anything.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

SECRET = "secret"  # noqa: S105  the only one there is
SLACK_SECONDS = 0.1


async def main() -> None:
    """Serve on a free loopback port until standard input ends."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            first, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            await reader.readexactly(int(headers.get("content-length", 0)))
            status, body = await _answer(first.split()[1], headers.get("x-amz-target", ""))
            content = json.dumps(body).encode()
            writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _answer(path: str, target: str) -> tuple[int, Mapping[str, Any]]:
    nothing: dict[str, Any] = {}
    if target.endswith(".GetSecretValue"):
        return 200, {"SecretString": SECRET}
    if path.endswith("/invocations"):
        return 202, nothing
    if path == "/api/views.open":
        await asyncio.sleep(SLACK_SECONDS)
        return 200, {"ok": True, "view": {"id": "V0"}}
    return 404, nothing


if __name__ == "__main__":
    asyncio.run(main())
