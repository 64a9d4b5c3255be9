"""Step Functions behaviour that the approval workflow depends on and MiniStack lacks.

- A task that waits for its token takes `TimeoutSeconds` as a JSONata expression, as any field of a state does
  ("Transforming data with JSONata in Step Functions"); MiniStack takes a number.
- If the function of such a task fails, the task fails with its error; MiniStack waits for ever.
- A stopped execution takes no further step, its token is invalid, and it stays ABORTED; MiniStack finishes the current
  state, and calls the execution FAILED if that fails.
- `States.ALL` catches neither `States.Runtime` (recorded by LocalStack on AWS: test_base_scenarios,
  test_catch_states_runtime) nor `States.DataLimitExceeded` ("Handling errors in workflows"); MiniStack lets it catch
  everything.
- To start a running execution once more with the same input is no error (recorded by LocalStack on AWS:
  test_start_execution_idempotent); MiniStack refuses any name that it has seen.
- A machine that is deleted ends its executions at their next step ("DeleteStateMachine"), without `Abandon`; MiniStack
  forgets them and lets them go on unseen.

Pauses of up to a minute, between two looks at an operation and before a retry, are shortened; longer waits are not.

MiniStack does everything else. Its functions that are replaced here are private to it, therefore it is pinned, and
`install` fails with a MiniStack that lacks one.

Non-goals: permissions; jitter.
"""

import importlib
import threading
import time
from collections.abc import Mapping
from typing import Any

from localcloud.emulators import clock

# Any: MiniStack has no annotations.
_states: Any = importlib.import_module("ministack.services.stepfunctions")

_LONGEST_PAUSE = 60
_LOOK = 0.1
_STOPPED = "States.Stopped"
_CAUGHT_BY_NAME_ONLY = frozenset({"States.Runtime", "States.DataLimitExceeded"})

_here = threading.local()


def install(pause: float) -> None:
    """Replaces functions of the MiniStack of this process."""
    apply_arguments = _states._apply_jsonata_arguments
    invoke_with_callback = _states._invoke_with_callback
    call_function = _states._call_lambda
    execute_task, execute_wait = _states._execute_task, _states._execute_wait
    start_execution, error_matches = _states._start_execution, _states._error_matches
    delete_state_machine = _states._delete_state_machine
    stop_execution, fail_execution = _states._stop_execution, _states._fail_execution

    def remembering(state: Mapping[str, Any], given: Any, context: Any = None) -> Any:
        # The next step in this thread, which is given neither, needs both.
        _here.given, _here.context = given, context
        return apply_arguments(state, given, context)

    def waiting(resource: str, given: Any, token: str, state: Mapping[str, Any]) -> Any:
        timeout = _states._apply_jsonata_template(state.get("TimeoutSeconds", 99_999), _here.given, _here.context)
        _here.token = token
        try:
            result = invoke_with_callback(resource, given, token, {**state, "TimeoutSeconds": timeout})
        finally:
            _here.token = None
        _refuse_stopped()
        return result

    def calling(function: str, event: Any) -> Any:
        _refuse_stopped()
        task = _states._task_tokens.get(getattr(_here, "token", None))
        if task:
            task["execution"] = _here.execution["executionArn"]
        try:
            return call_function(function, event)
        except _states._ExecutionError as error:
            if task:
                task["error"] = {"Error": error.error, "Cause": error.cause}
                task["event"].set()
            raise

    def executing_task(state: Any, given: Any, execution: Any, context: Any) -> Any:
        _here.execution = execution
        return execute_task(state, given, execution, context)

    def executing_wait(state: Any, given: Any, context: Any = None) -> Any:
        _here.execution = _states._executions.get(context["Execution"]["Id"])
        return execute_wait(state, given, context)

    def sleeping(seconds: float) -> None:
        scale = pause if seconds <= _LONGEST_PAUSE else 1
        end = time.monotonic() + seconds * scale
        while (left := end - time.monotonic()) > 0:
            _refuse_stopped()
            time.sleep(min(_LOOK, left))
        clock.skip(seconds * (1 - scale))

    def starting(data: Mapping[str, Any]) -> Any:
        machine = str(data.get("stateMachineArn", ""))
        execution_arn = f"{machine.replace(':stateMachine:', ':execution:', 1)}:{data.get('name')}"
        execution = _states._executions.get(execution_arn)
        if execution and (execution["status"], execution["input"]) == ("RUNNING", data.get("input", "{}")):
            return _states.json_response({name: execution[name] for name in ("executionArn", "startDate")})
        return start_execution(data)

    def matching(caught: list[str], error: str) -> bool:
        if error in _CAUGHT_BY_NAME_ONLY:
            return error in caught
        matches: bool = error_matches(caught, error)
        return matches

    def stopping(data: Mapping[str, Any]) -> Any:
        answer = stop_execution(data)
        for token, task in _states._task_tokens.items():
            if task.get("execution") == data.get("executionArn"):
                _states._task_tokens.pop(token, None)
                task["event"].set()
        return answer

    def deleting(data: Mapping[str, Any]) -> Any:
        for execution in list(_states._executions.values()):
            if execution["stateMachineArn"] == data.get("stateMachineArn") and execution["status"] == "RUNNING":
                stopping({"executionArn": execution["executionArn"]})
        return delete_state_machine(data)

    def failing(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] != "ABORTED":
            fail_execution(execution, error, cause)

    _states._apply_jsonata_arguments = remembering
    _states._invoke_with_callback = waiting
    _states._call_lambda = calling
    _states._execute_task, _states._execute_wait = executing_task, executing_wait
    _states._scaled_sleep = sleeping
    _states._start_execution, _states._error_matches = starting, matching
    _states._delete_state_machine = deleting
    _states._stop_execution, _states._fail_execution = stopping, failing


def _refuse_stopped() -> None:
    """Ends the state of this thread, if its execution was stopped."""
    execution = getattr(_here, "execution", None)
    if execution is not None and execution["status"] == "ABORTED":
        raise _states._ExecutionError(_STOPPED, "")
