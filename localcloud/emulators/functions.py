"""Lambda behaviour that the approval app depends on and MiniStack lacks, and lost invocations on request.

- A function's error is named by the class of its exception ("Lambda function errors in Python"), which `Retry` and
  `Catch` of a workflow match on; MiniStack calls every one Runtime.HandlerError. A dead process is Runtime.ExitError.
- Metrics in a function's log are published (`cloudwatch.publish_embedded`).
- A function sees what is in its package and the standard library, and nothing of this project or its environment, so
  that a module that was not packed is missing here, too. It starts quicker, as well: MiniStack would import botocore.

On request (`LostInvocation`) an invocation ends without a result, before or after it ran.

The functions of MiniStack that are replaced here are private to it, therefore it is pinned, and `install` fails with a
MiniStack that lacks one.

Non-goals: memory limits, the runtime that a function names (it runs on the Python of this process).
"""

import importlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.emulators.cloudwatch import publish_embedded

# Any: MiniStack has no annotations.
_lambda: Any = importlib.import_module("ministack.services.lambda_svc")
_runtime: Any = importlib.import_module("ministack.core.lambda_runtime")

_EXITED = "Runtime.ExitError"
_WITHOUT_PACKAGES = """
import os, sys
_library = os.path.dirname(os.__file__)
sys.path = [one for one in sys.path if one.startswith(_library) and not one.endswith("-packages")]
"""

_here = threading.local()


@dataclass
class LostInvocation:
    """Invocations that end without a result.

    Attributes:
        function: name of the function.
        after: True if only the result is lost; else the function does nothing.
        event: selects invocations whose event has these keys with these values.
        error: the error that the caller receives.
        skip: number of invocations that succeed before.
        times: number of lost invocations; None for all.
    """

    function: str
    after: bool = False
    event: dict[str, Any] = field(default_factory=dict)
    error: str = _EXITED
    skip: int = 0
    times: int | None = None

    def matches(self, function: str, event: object) -> bool:
        return function == self.function and (
            not self.event or (isinstance(event, Mapping) and self.event.items() <= event.items())
        )


class Functions:
    """The functions of MiniStack in this process; safe to use from several threads."""

    def __init__(self) -> None:
        self._lost_invocations: list[LostInvocation] = []
        self._lock = threading.Lock()

    def install(self) -> None:
        # Workers get a copy of the environment.
        os.environ.pop("PYTHONPATH", None)
        execute: Callable[..., Mapping[str, Any]] = _lambda._execute_function_warm
        release: Callable[[Any], None] = _lambda.release_worker

        def executing(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
            name = (function.get("config") or function)["FunctionName"]
            invocation = self._find_lost(name, event)
            if invocation is not None and not invocation.after:
                return _lost_result(invocation)
            _here.is_lost = invocation is not None
            result = name_error(execute(function, event, request_id))
            publish_embedded(str(result.get("log") or ""))
            return result if invocation is None else _lost_result(invocation)

        def releasing(worker: Any) -> None:
            # Before another invocation gets it: only this process ends, no busy one.
            if worker is not None and getattr(_here, "is_lost", False):
                _end(worker)
            release(worker)

        _runtime._PYTHON_WORKER_SCRIPT = _WITHOUT_PACKAGES + _runtime._PYTHON_WORKER_SCRIPT
        _lambda._execute_function_warm, _lambda.release_worker = executing, releasing

    def add(self, invocation: Mapping[str, Any]) -> None:
        """Adds lost invocations; an empty mapping removes all.

        Raises:
            TypeError: if a field is unknown, or `function` is missing.
        """
        with self._lock:
            self._lost_invocations = [*self._lost_invocations, LostInvocation(**invocation)] if invocation else []

    def kill(self, function: str) -> None:
        with _runtime._lock:
            workers = [worker for pool in _runtime._workers.values() for worker in pool if worker.func_name == function]
        for worker in workers:
            _end(worker)

    def _find_lost(self, function: str, event: object) -> LostInvocation | None:
        with self._lock:
            for invocation in self._lost_invocations:
                if invocation.times == 0 or not invocation.matches(function, event):
                    continue
                if invocation.skip:
                    invocation.skip -= 1
                    continue
                if invocation.times is not None:
                    invocation.times -= 1
                return invocation
        return None


def _end(worker: Any) -> None:
    process = worker._proc
    if process is not None:
        process.kill()
        process.wait()


def _lost_result(invocation: LostInvocation) -> dict[str, Any]:
    body = {"errorMessage": "The local cloud lost this invocation on request.", "errorType": invocation.error}
    return {"body": body, "error": True, "log": ""}


def name_error(result: Mapping[str, Any]) -> dict[str, Any]:
    """MiniStack's result of an invocation, with the exception's class as the error's name.

    Args:
        result: `body`, `error` and a `log` that ends with Python's traceback.
    """
    body = result.get("body")
    if not result.get("error") or not isinstance(body, dict) or body.get("errorType") != "Runtime.HandlerError":
        return dict(result)
    if body["errorMessage"] == "Worker process died":
        return {**result, "body": {**body, "errorType": _EXITED}}
    # A traceback ends with `package.module.Class: message`, and the message may have several lines.
    above = result.get("log", "").rstrip().removesuffix(body["errorMessage"].rstrip()).rstrip(": \n")
    name = above.rpartition("\n")[2].rpartition(".")[2]
    return {**result, "body": {**body, "errorType": name if name.isidentifier() else body["errorType"]}}
