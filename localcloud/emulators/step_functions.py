"""What MiniStack's Step Functions and Lambda lack and the approval workflow depends on.

- A task that waits for its token takes `TimeoutSeconds` as a JSONata expression, as any field of a state does
  ("Transforming data with JSONata in Step Functions"); MiniStack takes a number.
- If the function of such a task fails, the task fails with its error; MiniStack waits for a token that nobody has.
- A function's error is named by the class of its exception ("Lambda function errors in Python"), which `Retry` and
  `Catch` match on; MiniStack calls every one Runtime.HandlerError.

MiniStack does everything else. Its functions that are replaced here are private to it, therefore it is pinned, and
`install` fails with a MiniStack that lacks one.

Non-goals: permissions; the end of a token when its execution is stopped (at AWS it ends, here it is taken and ignored).
"""

import importlib
import threading
from collections.abc import Mapping
from typing import Any

# Any: MiniStack has no annotations.
_states: Any = importlib.import_module("ministack.services.stepfunctions")
_lambda: Any = importlib.import_module("ministack.services.lambda_svc")

_here = threading.local()


def install() -> None:
    """Teaches the MiniStack of this process."""
    apply_arguments = _states._apply_jsonata_arguments
    invoke_with_callback = _states._invoke_with_callback
    call_function = _states._call_lambda
    execute = _lambda._execute_function_warm

    def remembering(state: Mapping[str, Any], given: Any, context: Any = None) -> Any:
        # The next step in this thread, which is given neither, needs both.
        _here.given, _here.context = given, context
        return apply_arguments(state, given, context)

    def waiting(resource: str, given: Any, token: str, state: Mapping[str, Any]) -> Any:
        timeout = _states._apply_jsonata_template(state.get("TimeoutSeconds", 99_999), _here.given, _here.context)
        _here.token = token
        try:
            return invoke_with_callback(resource, given, token, {**state, "TimeoutSeconds": timeout})
        finally:
            _here.token = None

    def calling(function: str, event: Any) -> Any:
        try:
            return call_function(function, event)
        except _states._ExecutionError as error:
            task = _states._task_tokens.get(getattr(_here, "token", None))
            if task:
                task["error"] = {"Error": error.error, "Cause": error.cause}
                task["event"].set()
            raise

    def executing(function: Any, event: Any, request_id: str) -> Any:
        return named(execute(function, event, request_id))

    _states._apply_jsonata_arguments = remembering
    _states._invoke_with_callback = waiting
    _states._call_lambda = calling
    _lambda._execute_function_warm = executing


def named(result: Mapping[str, Any]) -> dict[str, Any]:
    """What MiniStack knows of an invocation, with the class of the exception for the name of its error.

    Args:
        result: `body`, `error` and a `log` that ends with Python's traceback.
    """
    body = result.get("body")
    if not result.get("error") or not isinstance(body, dict) or body.get("errorType") != "Runtime.HandlerError":
        return dict(result)
    # A traceback ends with `package.module.Class: message`, and the message may have several lines.
    above = result.get("log", "").rstrip().removesuffix(body["errorMessage"].rstrip()).rstrip(": \n")
    name = above.rpartition("\n")[2].rpartition(".")[2]
    return {**result, "body": {**body, "errorType": name if name.isidentifier() else body["errorType"]}}
