"""A small interpreter of state machines in the Amazon States Language (JSONata), for tests without a server.

It is stricter than AWS where that finds faults: an expression without a value is an error, also in a state that has no
`Catch`, and so is a value of more than 256 KiB, or an `Assign` whose variables have more together. `Assign` evaluates
all its expressions before it sets a variable. `States.ALL` does not catch `States.Runtime` and
`States.DataLimitExceeded` ("Handling errors in Step Functions workflows"). Waits take no time; `Run.waited` adds them
up. A machine that AWS would not take, with a state that has neither `Next` nor `End`, fails the test.

Non-goals: task tokens, JSONPath. MiniStack runs the same definitions in tests/local.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from jsonata import Jsonata
from jsonata.utils import Utils

Task = Callable[[str, Any], Any]
"""The answer to a task, by resource and arguments; raises `TaskError`."""

LIMIT = 262_144
"""Bytes of an input or an output ("Service quotas"), and of the variables of an `Assign` ("Passing data between states
with variables", Step Functions Developer Guide)."""

QUERY_ERROR = "States.QueryEvaluationError"
_CAUGHT_BY_NAME_ONLY = ("States.Runtime", "States.DataLimitExceeded")
_MOST_STEPS = 1000


class TaskError(Exception):
    """The error of a task, or the failure of an execution."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


@dataclass
class Run:
    """One execution.

    Attributes:
        machine: the definition.
        task: answers the tasks.
        status: SUCCEEDED or FAILED.
        error: the error of a failed execution.
        cause: its cause.
        states: the names of the states in the order of their entries, those of branches included.
        waited: seconds of all waits, also before a retry, without jitter.
        query_errors: the expressions that had no value or failed.
        started: the time of its start, as Step Functions writes it.
        largest: bytes of the largest input, output, answer of a task, or variables of an `Assign`.
    """

    machine: Mapping[str, Any]
    task: Task
    status: str = ""
    error: str = ""
    cause: str = ""
    states: list[str] = field(default_factory=list)
    waited: float = 0
    query_errors: list[str] = field(default_factory=list)
    started: str = "2026-03-14T02:00:00.000Z"
    largest: int = 0

    def start(self, given: Any) -> "Run":
        """Run the machine from its first to its last state, and return itself."""
        try:
            self._states(self.machine, given, {})
            self.status = "SUCCEEDED"
        except TaskError as error:
            self.status, self.error, self.cause = "FAILED", error.name, error.cause
        return self

    def limit(self, value: Any) -> None:
        """Note the size of a value, and raise TaskError if it is too large."""
        size = len(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))
        self.largest = max(self.largest, size)
        if size > LIMIT:
            raise TaskError("States.DataLimitExceeded", "more than 256 KiB")

    def _states(self, machine: Mapping[str, Any], given: Any, variables: dict[str, Any]) -> Any:
        name = machine["StartAt"]
        for each, state in machine["States"].items():
            ends = state["Type"] in ("Choice", "Succeed", "Fail") or ("Next" in state) != (state.get("End") is True)
            assert ends, f"AWS refuses {each}: it needs either Next or End"
        while True:
            assert len(self.states) < _MOST_STEPS, "the execution does not end"
            self.states.append(name)
            state = machine["States"][name]
            given, following = self._state(state, given, variables)
            self.limit(given)
            if following is None:
                return given
            name = following

    def _state(self, state: Mapping[str, Any], given: Any, variables: dict[str, Any]) -> tuple[Any, str | None]:
        evaluation = _Evaluation(self, given, variables)
        match state["Type"]:
            case "Succeed":
                return evaluation.output(state, given), None
            case "Fail":
                raise TaskError(evaluation.value(state["Error"]), evaluation.value(state["Cause"]))
            case "Choice":
                for rule in state["Choices"]:
                    condition = evaluation.value(rule["Condition"])
                    assert isinstance(condition, bool), f"no Boolean: {rule['Condition']}"
                    if condition:
                        return evaluation.output(rule, given), rule["Next"]
                return given, state["Default"]
            case "Wait":
                seconds = evaluation.value(state["Seconds"])
                assert isinstance(seconds, int), f"no whole seconds: {seconds!r}"
                assert 0 <= seconds <= 99_999_999
                self.waited += seconds
                return evaluation.finish(state, given), state["Next"]
            case "Pass":
                return evaluation.finish(state, given), state.get("Next")
            case "Parallel":
                result = [self._states(branch, given, dict(variables)) for branch in state["Branches"]]
                return evaluation.with_result(result).finish(state, result), state.get("Next")
            case "Map":
                result = [self._item(state, evaluation, item, variables) for item in evaluation.value(state["Items"])]
                return evaluation.with_result(result).finish(state, result), state.get("Next")
            case "Task":
                return self._task(state, evaluation)
            case other:
                raise AssertionError(f"not interpreted: {other}")

    def _item(
        self, state: Mapping[str, Any], evaluation: "_Evaluation", item: Any, variables: Mapping[str, Any]
    ) -> Any:
        """Run one iteration of an inline Map, whose variables end with it."""
        given = evaluation.with_item(item).value(state["ItemSelector"]) if "ItemSelector" in state else item
        return self._states(state["ItemProcessor"], given, dict(variables))

    def _task(self, state: Mapping[str, Any], evaluation: "_Evaluation") -> tuple[Any, str | None]:
        retriers = state.get("Retry", [])
        counts = [0] * len(retriers)
        while True:
            try:
                arguments = evaluation.value(state["Arguments"])
                self.limit(arguments)
                result = self.task(state["Resource"], arguments)
                self.limit(result)
                return evaluation.with_result(result).finish(state, result), state.get("Next")
            except TaskError as error:
                failed = error
            retries = [index for index, each in enumerate(retriers) if _matches(each["ErrorEquals"], failed.name)]
            if not retries or counts[retries[0]] >= retriers[retries[0]]["MaxAttempts"]:
                break
            retrier, count = retriers[retries[0]], counts[retries[0]]
            self.waited += retrier["IntervalSeconds"] * retrier["BackoffRate"] ** count
            counts[retries[0]] += 1
        for catcher in state.get("Catch", []):
            if _matches(catcher["ErrorEquals"], failed.name):
                error_output = {"Error": failed.name, "Cause": failed.cause}
                caught = evaluation.with_error(error_output)
                return caught.finish(catcher, error_output), catcher["Next"]
        raise failed


@dataclass(frozen=True)
class _Evaluation:
    run: Run
    given: Any
    variables: dict[str, Any]
    more: Mapping[str, Any] = field(default_factory=dict)

    def with_result(self, result: Any) -> "_Evaluation":
        return _Evaluation(self.run, self.given, self.variables, {"result": result})

    def with_error(self, error_output: Any) -> "_Evaluation":
        return _Evaluation(self.run, self.given, self.variables, {"errorOutput": error_output})

    def with_item(self, item: Any) -> "_Evaluation":
        return _Evaluation(self.run, self.given, self.variables, {"item": item})

    def finish(self, state: Mapping[str, Any], default: Any) -> Any:
        """Return the output of a state, and set its variables."""
        assigned = {name: self.value(each) for name, each in state.get("Assign", {}).items()}
        output = self.output(state, default)
        self.run.limit(assigned)
        self.variables.update(assigned)
        return output

    def output(self, state: Mapping[str, Any], default: Any) -> Any:
        return self.value(state["Output"]) if "Output" in state else default

    def value(self, template: Any) -> Any:
        match template:
            case str() if template.startswith("{%") and template.endswith("%}"):
                return self._expression(template[2:-2].strip())
            case dict():
                return {key: self.value(each) for key, each in template.items()}
            case list():
                return [self.value(each) for each in template]
            case _:
                return template

    def _expression(self, text: str) -> Any:
        context: dict[str, Any] = {
            "Execution": {"Id": "arn:aws:states:eu-central-1:1:execution:m:e", "StartTime": self.run.started},
            "StateMachine": {"Id": "arn:aws:states:eu-central-1:1:stateMachine:m"},
        }
        more = dict(self.more)
        if "item" in more:
            context["Map"] = {"Item": {"Value": more.pop("item")}}
        states = {"input": self.given, "context": context, **more}
        try:
            exists, value = _evaluate(text, {**self.variables, "states": states})
        except Exception as error:
            self.run.query_errors.append(f"{error}: {text}")
            raise TaskError(QUERY_ERROR, str(error)) from error
        if not exists:
            self.run.query_errors.append(f"no value: {text}")
            raise TaskError(QUERY_ERROR, f"no value: {text}")
        return value


@cache
def _parsed(text: str) -> Jsonata:
    parsed = Jsonata.jsonata(text)
    # Step Functions' own function, in place of $eval.
    parsed.register_lambda("parse", json.loads)
    return parsed


def _evaluate(text: str, variables: Mapping[str, Any]) -> tuple[bool, Any]:
    """Return whether an expression has a value, and the value as JSON has it."""
    # The library reads None as no value, and has an object of its own for null.
    bound = {name: Utils.NULL_VALUE if value is None else value for name, value in variables.items()}
    value = _parsed(text).evaluate(None, bound)
    if value is None and not _parsed(f"$exists(({text}))").evaluate(None, bound):
        return False, None
    return True, json.loads(json.dumps(value))


def _matches(names: list[str], name: str) -> bool:
    return name in names or ("States.ALL" in names and name not in _CAUGHT_BY_NAME_ONLY)
