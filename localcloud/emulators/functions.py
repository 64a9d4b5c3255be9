"""What MiniStack's Lambda lacks and the approval app depends on, and how a function dies by order.

- A function's error is named by the class of its exception ("Lambda function errors in Python"), which `Retry` and
  `Catch` of a workflow match on; MiniStack calls every one Runtime.HandlerError. A dead process is Runtime.ExitError.
- A function sees what is in its package and the standard library, and nothing of this project or its environment, so
  that a module that was not packed is missing here, too. It starts quicker, as well: MiniStack would import botocore.

By order (`LostInvocation`) an invocation ends without a result, before it ran or after.

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
    """One way for invocations to end without a result.

    Attributes:
        function: name of the function.
        after: whether it has done everything and only its result is lost; else it does nothing.
        event: which invocations: those whose event has these keys with these values.
        error: the error that the caller is told.
        skip: how many invocations pass unharmed before.
        times: how many end like this; None for all from then on.
    """

    function: str
    after: bool = False
    event: dict[str, Any] = field(default_factory=dict)
    error: str = _EXITED
    skip: int = 0
    times: int | None = None

    def meets(self, function: str, event: object) -> bool:
        """Whether an invocation is one of those."""
        return function == self.function and (
            not self.event or (isinstance(event, Mapping) and self.event.items() <= event.items())
        )


class Functions:
    """The functions of MiniStack in this process; safe to use from several threads."""

    def __init__(self) -> None:
        self._lost_invocations: list[LostInvocation] = []
        self._lock = threading.Lock()

    def install(self) -> None:
        """Teaches MiniStack."""
        # Workers get a copy of the environment.
        os.environ.pop("PYTHONPATH", None)
        execute: Callable[..., Mapping[str, Any]] = _lambda._execute_function_warm
        release: Callable[[Any], None] = _lambda.release_worker

        def executing(function: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
            name = (function.get("config") or function)["FunctionName"]
            death = self._death(name, event)
            if death is not None and not death.after:
                return _lost(death)
            _here.dies = death is not None
            result = named(execute(function, event, request_id))
            return result if death is None else _lost(death)

        def releasing(worker: Any) -> None:
            # Before somebody else gets it: only the process that has done this is gone, none that is at work.
            if worker is not None and getattr(_here, "dies", False):
                _end(worker)
            release(worker)

        _runtime._PYTHON_WORKER_SCRIPT = _WITHOUT_PACKAGES + _runtime._PYTHON_WORKER_SCRIPT
        _lambda._execute_function_warm, _lambda.release_worker = executing, releasing

    def order(self, death: Mapping[str, Any]) -> None:
        """Lets invocations end like this, too, from now on; an empty mapping ends all orders.

        Raises:
            TypeError: if a field is unknown, or `function` is missing.
        """
        with self._lock:
            self._lost_invocations = [*self._lost_invocations, LostInvocation(**death)] if death else []

    def kill(self, function: str) -> None:
        """Kills every process of a function, those at work included."""
        with _runtime._lock:
            workers = [one for pool in _runtime._workers.values() for one in pool if one.func_name == function]
        for worker in workers:
            _end(worker)

    def _death(self, function: str, event: object) -> LostInvocation | None:
        with self._lock:
            for death in self._lost_invocations:
                if death.times == 0 or not death.meets(function, event):
                    continue
                if death.skip:
                    death.skip -= 1
                    continue
                if death.times is not None:
                    death.times -= 1
                return death
        return None


def _end(worker: Any) -> None:
    process = worker._proc
    if process is not None:
        process.kill()
        process.wait()


def _lost(death: LostInvocation) -> dict[str, Any]:
    body = {"errorMessage": "The local cloud was told to lose this invocation.", "errorType": death.error}
    return {"body": body, "error": True, "log": ""}


def named(result: Mapping[str, Any]) -> dict[str, Any]:
    """What MiniStack knows of an invocation, with the class of the exception for the name of its error.

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
