"""Step Functions behaviour that the state machines depend on and MiniStack lacks.

- HTTP Tasks (`localcloud.emulators.http_task`), and the rights of the execution role for each task
  (`localcloud.emulators.task_rights`).
- A task takes `TimeoutSeconds` as a JSONata expression, as any field of a state does ("Transforming data with JSONata
  in Step Functions"); MiniStack takes a number.
- If the function of a task that waits for its token fails, the task fails with its error; MiniStack waits for ever.
- A stopped execution takes no further step, its token is invalid, and it stays ABORTED; MiniStack finishes the current
  state, and calls the execution FAILED if that fails.
- `States.ALL` catches neither `States.Runtime` (recorded by LocalStack on AWS: test_base_scenarios,
  test_catch_states_runtime) nor `States.DataLimitExceeded` ("Handling errors in workflows"); MiniStack lets it catch
  everything.
- An execution is TIMED_OUT after the `TimeoutSeconds` of its machine, and nothing catches that ("State machine
  structure"); MiniStack has no such limit.
- `Retry` has MaxDelaySeconds and no other limit of its delay ("Retrying after an error"); MiniStack's is 60 s.
- `Assign` evaluates all its expressions before it sets a variable ("Passing data between states with variables"), and
  `Succeed` has an `Output`.
- An expression is parsed once, when its machine is made; MiniStack parses it at each evaluation, which takes longer
  than all else in an execution.
- A machine whose state has neither `Next` nor `End` is refused ("State machine structure"); MiniStack ends there.
- Answers of CloudWatch keep their types; MiniStack makes an empty list of values a string.
- Tasks may call CloudTrail, and Organizations, which another server emulates.
- To start a running execution once more with the same input is no error (recorded by LocalStack on AWS:
  test_start_execution_idempotent); MiniStack refuses any name that it has seen.
- A machine that is deleted ends its executions at their next step ("DeleteStateMachine"), without `Abandon`; MiniStack
  forgets them and lets them go on unseen.

Waits and time limits are shortened, and times are of AWS's clock (`localcloud.emulators.clock`). A machine with a task
that waits for its token waits for people: its pauses of up to a minute, between two looks at an operation and before a
retry, are shortened, longer waits are not. All waits of other machines are shortened, much more.

MiniStack does everything else. Its functions that are replaced here are private to it, therefore it is pinned, and
`install` refuses a MiniStack that lacks one.

Non-goals: TestState; jitter, so that runs repeat: a retry waits for its longest delay.
"""

import contextvars
import functools
import importlib
import json
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from localcloud.emulators import clock, cloudwatch_logs, http_task
from localcloud.emulators.hooks import require_hooks
from localcloud.emulators.loopback import LoopbackError, request_json
from localcloud.emulators.permissions import execution_role_allows
from localcloud.emulators.task_rights import needed_rights, refusal

# Any: neither has annotations that help.
_states: Any = importlib.import_module("ministack.services.stepfunctions")
_jsonata: Any = importlib.import_module("jsonata")

_LONGEST_PAUSE = 60
_SHORTEST_TIMEOUT = 2.0
"""Seconds added to a shortened time limit: a call has time to answer, and of two limits the longer one ends later."""
_STOPPED = "States.Stopped"
_CAUGHT_BY_NAME_ONLY = frozenset({"States.Runtime", "States.DataLimitExceeded"})


@dataclass(frozen=True)
class _Run:
    """The execution that runs in a context, and its machine as it was at the start."""

    execution: dict[str, Any]
    machine: Mapping[str, Any]
    deadline: float

    @classmethod
    def of(cls, execution: dict[str, Any], machine: Mapping[str, Any]) -> "_Run":
        limit = json.loads(machine["definition"]).get("TimeoutSeconds", math.inf)
        return cls(execution, machine, clock.now() + limit)

    @property
    def waits_for_people(self) -> bool:
        return ".waitForTaskToken" in self.machine["definition"]

    def refuse_stopped(self) -> None:
        """Ends the state, if its execution was stopped or its time is over."""
        if self.execution["status"] == "RUNNING" and clock.now() >= self.deadline:
            self.execution.update(status="TIMED_OUT", stopDate=clock.now_iso())
            _states._add_event(self.execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
            _states._emit_execution_status_event(self.execution)
        if self.execution["status"] in ("ABORTED", "TIMED_OUT"):
            raise _states._ExecutionError(_STOPPED, "")

    def sleep(self, seconds: float, second: float) -> None:
        """Waits, shortened, until the time of the execution is over at the latest."""
        # A little longer than the time that is left, so that it is over then.
        clock.sleep(min(seconds, max(0.0, self.deadline - clock.now() + 0.001)), second, self.refuse_stopped)
        self.refuse_stopped()


# Not thread-local: a task with a time limit, or in a Map, runs in a thread with a copy of its starter's context.
_run: contextvars.ContextVar[_Run | None] = contextvars.ContextVar("run", default=None)
_token: contextvars.ContextVar[str | None] = contextvars.ContextVar("token", default=None)
_arguments: contextvars.ContextVar[tuple[Any, Any]] = contextvars.ContextVar("arguments")
_branches: contextvars.ContextVar[list[contextvars.Context]] = contextvars.ContextVar("branches")

_USED = (
    *("_AWS_SDK_ERROR_PREFIX", "_dispatch_aws_sdk_json", "_sdk_json_result"),
    *("_AWS_SDK_SERVICE_MAP", "_ExecutionError", "_add_event", "_apply_jsonata_arguments", "_apply_jsonata_template"),
    *("_apply_output_path", "_apply_state_assign", "_call_lambda", "_delete_state_machine"),
    *("_emit_execution_status_event", "_error_matches", "_execute_map", "_execute_parallel", "_executions"),
    *("_fail_execution", "_find_matching_retrier", "_invoke_resource", "_invoke_resource_with_timeout"),
    *("_invoke_with_callback", "_parse_ts", "_register_sfn_jsonata_functions", "_run_execution", "_run_sub_machine"),
    *("_scaled_sleep", "_sleep_until", "_start_execution", "_state_machines", "_state_query_language"),
    *("_stop_execution", "_task_tokens", "_validate_definition_jsonata", "json_response", "now_iso", "time"),
)


def install(
    pause: float, second: float, on_end: Callable[[str], None] = lambda _: None, identity_url: str = ""
) -> None:
    """Replaces functions of the MiniStack of this process.

    Args:
        pause: length of a second of a pause, and of a time limit, in seconds.
        second: length of a second of a machine's waits that waits for no people.
        on_end: called with the ARN of each execution that has ended.
        identity_url: URL of the server that has the organization.

    Raises:
        RuntimeError: if this MiniStack is not built as the one that this was written for.
    """
    require_hooks(_states, *_USED)

    def real_seconds(limit: float) -> float:
        return _SHORTEST_TIMEOUT + limit * pause

    http_task.install(lambda: _current().machine, real_seconds)
    _replace_ends(on_end)
    _replace_waits(pause, second, real_seconds)
    _replace_calls()
    _add_services(identity_url)
    _replace_branches()
    _replace_language()
    _replace_validation()
    _replace_starts_and_stops()


def _current() -> _Run:
    run = _run.get()
    if run is None:
        raise RuntimeError("No execution runs in this context.")
    return run


def _not_sleeping(_: float) -> None:
    pass


def _replace_ends(on_end: Callable[[str], None]) -> None:
    run_execution = _states._run_execution

    def running(execution_arn: str) -> None:
        try:
            # Both are missing if the machine has been deleted since.
            execution = _states._executions.get(execution_arn)
            machine = execution and _states._state_machines.get(execution["stateMachineArn"])
            if machine:
                _run.set(_Run.of(execution, machine))
                _token.set(None)
                run_execution(execution_arn)
        finally:
            on_end(execution_arn)

    _states._run_execution = running
    _states.now_iso = clock.now_iso
    # MiniStack sleeps before the first state, and nowhere else once `_scaled_sleep` is replaced.
    _states.time = SimpleNamespace(time=time.time, monotonic=time.monotonic, sleep=_not_sleeping)


def _replace_waits(pause: float, second: float, real_seconds: Callable[[float], float]) -> None:
    find_retrier = _states._find_matching_retrier

    def sleeping(seconds: float) -> None:
        run = _current()
        scale = second
        if run.waits_for_people:
            scale = pause if seconds <= _LONGEST_PAUSE else 1
        run.sleep(seconds, scale)

    def sleeping_until(timestamp: str) -> None:
        sleeping(max(0.0, _states._parse_ts(timestamp).timestamp() - clock.now()))

    def finding(retriers: Any, error: str, counts: dict[int, int]) -> tuple[Any, int]:
        retrier, index = find_retrier(retriers, error, counts)
        if retrier is None:
            return None, index
        delay = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
        sleeping(min(delay, retrier.get("MaxDelaySeconds", delay)))
        return {**retrier, "IntervalSeconds": 0}, index

    def invoking_with_timeout(resource: str, given: Any, timeout: Any) -> Any:
        limit = _evaluated(timeout)
        real = limit if _current().waits_for_people else real_seconds(limit)
        context = contextvars.copy_context()
        pool = ThreadPoolExecutor(max_workers=1)
        future: Future[Any] = pool.submit(context.run, _states._invoke_resource, resource, given)
        pool.shutdown(wait=False)
        try:
            return future.result(timeout=real)
        except TimeoutError:
            # The call itself raises MiniStack's error only.
            clock.skip(limit - real)
            raise _states._ExecutionError("States.Timeout", f"Task timed out after {limit} seconds") from None
        finally:
            clock.join(context)

    _states._scaled_sleep, _states._sleep_until = sleeping, sleeping_until
    _states._find_matching_retrier = finding
    _states._invoke_resource_with_timeout = invoking_with_timeout


def _evaluated(timeout: Any) -> float:
    given, context = _arguments.get()
    seconds: float = _states._apply_jsonata_template(timeout, given, context)
    return seconds


def _replace_calls() -> None:
    apply_arguments, invoke = _states._apply_jsonata_arguments, _states._invoke_resource
    invoke_with_callback, call_function = _states._invoke_with_callback, _states._call_lambda

    def remembering(state: Mapping[str, Any], given: Any, context: Any = None) -> Any:
        # The next step in this context, which is given neither, needs both.
        _arguments.set((given, context))
        return apply_arguments(state, given, context)

    def invoking(resource: str, given: Any) -> Any:
        _current().refuse_stopped()
        _refuse_denied(resource, given)
        return invoke(resource, given)

    def waiting(resource: str, given: Any, token: str, state: Mapping[str, Any]) -> Any:
        _refuse_denied(resource, given)
        timeout = _evaluated(state.get("TimeoutSeconds", 99_999))
        _token.set(token)
        try:
            result = invoke_with_callback(resource, given, token, {**state, "TimeoutSeconds": timeout})
        finally:
            _token.set(None)
        _current().refuse_stopped()
        return result

    def calling(function: str, event: Any) -> Any:
        _current().refuse_stopped()
        task = _states._task_tokens.get(_token.get())
        if task:
            task["execution"] = _current().execution["executionArn"]
        try:
            return call_function(function, event)
        except _states._ExecutionError as error:
            if task:
                task["error"] = {"Error": error.error, "Cause": error.cause}
                task["event"].set()
            raise

    # By the service's JSON protocol, in which MiniStack keeps types, not by that of forms and XML.
    _states._AWS_SDK_SERVICE_MAP["cloudwatch"] = {
        "target_prefix": "GraniteServiceVersion20100801",
        "protocol": "json",
        "service_key": "monitoring",
    }
    _states._apply_jsonata_arguments, _states._invoke_resource = remembering, invoking
    _states._invoke_with_callback, _states._call_lambda = waiting, calling


def _add_services(identity_url: str) -> None:
    _states._AWS_SDK_SERVICE_MAP["cloudtrail"] = {
        "target_prefix": "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
        "protocol": "json",
    }
    _states._AWS_SDK_ERROR_PREFIX |= {"cloudtrail": "CloudTrail", "organizations": "Organizations"}
    dispatch = _states._dispatch_aws_sdk_json

    def dispatching(info: Mapping[str, Any], service: str, action: str, given: Any) -> Any:
        if service != "organizations":
            return dispatch(info, service, action, given)
        operation = action[:1].upper() + action[1:]
        headers = {
            "X-Amz-Target": f"AWSOrganizationsV20161128.{operation}",
            "Content-Type": "application/x-amz-json-1.1",
            "Authorization": "AWS4-HMAC-SHA256 Credential=task/20260101/us-east-1/organizations/aws4_request",
        }
        try:
            answer = request_json("POST", identity_url, given, headers=headers)
        except LoopbackError as error:
            raise _states._ExecutionError("Organizations.OrganizationsException", str(error)) from error
        return _states._sdk_json_result("organizations", operation, answer)

    _states._AWS_SDK_SERVICE_MAP["organizations"] = {"target_prefix": "AWSOrganizationsV20161128", "protocol": "json"}
    _states._dispatch_aws_sdk_json = dispatching


def _refuse_denied(resource: str, arguments: Any) -> None:
    if resource.endswith(":getQueryResults"):
        arguments = {**arguments, "LogGroupNames": cloudwatch_logs.groups_of_query(arguments["QueryId"])}
    machine = _current().machine
    machine_arn, role_arn = machine["stateMachineArn"], machine["roleArn"]
    region, account = machine_arn.split(":")[3:5]
    rights = needed_rights(resource, arguments, region, account)
    if rights is None:
        raise _states._ExecutionError(
            "States.Runtime",
            f"The local cloud does not know which rights {resource} needs: add them to "
            "localcloud/emulators/task_rights.py.",
        )
    for right in rights:
        if not execution_role_allows(role_arn, machine_arn, right.action, right.resource, right.keys):
            raise _states._ExecutionError(*refusal(right, role_arn))


def _replace_branches() -> None:
    run_sub_machine = _states._run_sub_machine

    def joined(execute: Callable[..., Any]) -> Callable[..., Any]:
        """A Map or Parallel state, which ends with the latest of its branches."""

        def executing(state: Any, given: Any, execution: Any, context: Any) -> Any:
            outer = _branches.set([])
            try:
                return execute(state, given, execution, context)
            finally:
                for branch in _branches.get():
                    clock.join(branch)
                _branches.reset(outer)

        return executing

    def running(*arguments: Any) -> Any:
        try:
            return run_sub_machine(*arguments)
        finally:
            _branches.get().append(contextvars.copy_context())

    _states._execute_map, _states._execute_parallel = joined(_states._execute_map), joined(_states._execute_parallel)
    _states._run_sub_machine = running


@functools.lru_cache(maxsize=4096)
def _parse(expression: str) -> Any:
    """Return the syntax tree of a JSONata expression, which an evaluation does not change."""
    return _jsonata.Jsonata.jsonata(expression).ast


def _parsed_once(expression: str, **limits: Any) -> Any:
    made = _jsonata.Jsonata.jsonata("null", **limits)
    made.ast = _parse(expression)
    return made


def _replace_language() -> None:
    _states.jsonata = SimpleNamespace(Jsonata=SimpleNamespace(jsonata=_parsed_once), utils=_jsonata.utils)
    apply_assign, apply_output_path = _states._apply_state_assign, _states._apply_output_path
    error_matches, register_functions = _states._error_matches, _states._register_sfn_jsonata_functions

    def assigning(state: Mapping[str, Any], given: Any, context: Any, **results: Any) -> None:
        if "Assign" not in state or _states._state_query_language(state, context) != "JSONata":
            return
        before = context.setdefault("variables", {})
        assigned: dict[str, Any] = {}
        for name, expression in state["Assign"].items():
            alone = {**context, "variables": dict(before)}
            apply_assign({**state, "Assign": {name: expression}}, given, alone, **results)
            assigned[name] = alone["variables"][name]
        before.update(assigned)

    def outputting(state: Mapping[str, Any], data: Any, context: Any = None) -> Any:
        if state.get("Type") == "Succeed" and "Output" in state:
            return _states._apply_jsonata_template(state["Output"], data, context)
        return apply_output_path(state, data, context)

    def matching(caught: list[str], error: str) -> bool:
        if error in _CAUGHT_BY_NAME_ONLY:
            return error in caught
        if error == _STOPPED:
            return False
        matches: bool = error_matches(caught, error)
        return matches

    def registering(expression: Any) -> None:
        register_functions(expression)
        expression.register_lambda("millis", lambda: int(clock.now() * 1000))
        expression.register_lambda("now", clock.now_iso)

    _states._apply_state_assign, _states._apply_output_path = assigning, outputting
    _states._error_matches, _states._register_sfn_jsonata_functions = matching, registering


def _replace_validation() -> None:
    validate = _states._validate_definition_jsonata

    def validating(definition: Any) -> str | None:
        fault: str | None = validate(definition)
        return fault or (_open_state(json.loads(definition)) if definition else None)

    _states._validate_definition_jsonata = validating


def _open_state(machine: Mapping[str, Any]) -> str | None:
    """Return the fault of the first state that does not say what follows it."""
    for name, state in machine.get("States", {}).items():
        if state["Type"] not in ("Choice", "Succeed", "Fail") and "Next" not in state and state.get("End") is not True:
            return f"SCHEMA_VALIDATION_FAILED: the state {name} has neither Next nor End"
        inner = [*state.get("Branches", ()), *([state["ItemProcessor"]] if "ItemProcessor" in state else ())]
        fault = next(filter(None, map(_open_state, inner)), None)
        if fault:
            return fault
    return None


def _replace_starts_and_stops() -> None:
    start_execution, delete_state_machine = _states._start_execution, _states._delete_state_machine
    stop_execution, fail_execution = _states._stop_execution, _states._fail_execution

    def starting(data: Mapping[str, Any]) -> Any:
        machine = str(data.get("stateMachineArn", ""))
        execution_arn = f"{machine.replace(':stateMachine:', ':execution:', 1)}:{data.get('name')}"
        execution = _states._executions.get(execution_arn)
        if execution and (execution["status"], execution["input"]) == ("RUNNING", data.get("input", "{}")):
            return _states.json_response({name: execution[name] for name in ("executionArn", "startDate")})
        return start_execution(data)

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
        if execution["status"] == "RUNNING":
            fail_execution(execution, error, cause)

    _states._start_execution, _states._delete_state_machine = starting, deleting
    _states._stop_execution, _states._fail_execution = stopping, failing
