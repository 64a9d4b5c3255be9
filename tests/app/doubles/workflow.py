"""A state machine in memory: its starts, waits and wakes.

It does not prove what Step Functions does with a definition, nor that a woken execution continues.
"""

from collections.abc import Mapping
from typing import Any

from breakglass.app.domain.records import Request


class MemoryWorkflow:
    """Remembers executions and the waits that tests begin.

    Attributes:
        started: every request with a started execution, once each.
        waits: seconds of each first wait.
        starts: number of start calls.
        wakes: every wake that reached a wait, in order.
        failure: raised by every call, as long as it is set.
    """

    def __init__(self) -> None:
        self.started: dict[str, Request] = {}
        self.waits: dict[str, int] = {}
        self.starts = 0
        self.wakes: list[tuple[str, dict[str, Any]]] = []
        self.failure: Exception | None = None
        self._waiting: set[str] = set()
        self._over: set[str] = set()

    def start(self, request: Request, wait: int) -> bool:
        self._fail()
        self.starts += 1
        if request.id in self.started:
            return False
        self.started[request.id] = request
        self.waits[request.id] = wait
        return True

    def wake(self, token: str, outcome: Mapping[str, Any]) -> bool:
        self._fail()
        if token not in self._waiting:
            return False
        self._waiting.discard(token)
        self.wakes.append((token, dict(outcome)))
        return True

    def is_running(self, request_id: str) -> bool:
        self._fail()
        return request_id in self.started and request_id not in self._over

    def begin_wait(self, token: str) -> str:
        """Hand out a task token, as a `waitForTaskToken` state does when it is entered."""
        self._waiting.add(token)
        return token

    def time_out(self, token: str) -> None:
        """End a wait by its timeout; no wake reaches it any more."""
        self._waiting.discard(token)

    def end(self, request_id: str) -> None:
        """End an execution, as if it were finished or stopped by hand."""
        self._over.add(request_id)

    def replace_machine(self) -> None:
        """Replace the state machine; its executions, names and tokens are gone."""
        self.started.clear()
        self._waiting.clear()
        self._over.clear()

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
