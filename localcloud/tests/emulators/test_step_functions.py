"""Step Functions and Lambda of the local cloud: what is added to MiniStack, through AWS's own API.

Proves nothing about AWS: it holds the emulator to AWS's recorded answers, named beside a test, and else to its
documentation.
"""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.slack_user import wait_until

pytestmark = pytest.mark.local

FUNCTION = """
class BusyError(Exception):
    pass

def handler(event, context):
    if "file" in event:
        with open(event["file"], "a") as file:
            print(event.get("token", "called"), file=file)
    if event.get("fail"):
        raise BusyError("try again\\nin a moment")
    return event
"""
ROLE = f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/any"


@pytest.fixture(scope="module")
def function_arn(cloud: RunningCloud) -> str:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", FUNCTION)
    made = cloud.client("lambda").create_function(
        FunctionName="waits-or-fails",
        Runtime="python3.13",
        Handler="code.handler",
        Role=ROLE,
        Code={"ZipFile": content.getvalue()},
    )
    return made["FunctionArn"]


def start(cloud: RunningCloud, name: str, state: dict[str, Any], given: object = None) -> str:
    """ARN of an execution of a machine with this state and one behind it."""
    states = cloud.client("stepfunctions")
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Work",
        "States": {"Work": {"Type": "Task", "End": True, **state}, "Caught": {"Type": "Pass", "End": True}},
    }
    machine = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    execution: str = states.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))["executionArn"]
    return execution


def describe(cloud: RunningCloud, execution: str) -> dict[str, Any]:
    described: dict[str, Any] = cloud.client("stepfunctions").describe_execution(executionArn=execution)
    return described


def run(cloud: RunningCloud, name: str, state: dict[str, Any], given: object = None) -> dict[str, Any]:
    """The execution, when it has ended."""
    execution = start(cloud, name, state, given)
    while (described := describe(cloud, execution))["status"] == "RUNNING":
        pass
    return described


def calling(function_arn: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function_arn, "Payload": payload},
    }


def waiting(function_arn: str, payload: dict[str, Any], timeout: object) -> dict[str, Any]:
    return {
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": function_arn, "Payload": payload},
        "TimeoutSeconds": timeout,
    }


def test_a_wait_takes_its_timeout_from_an_expression(cloud: RunningCloud, function_arn: str) -> None:
    state = waiting(function_arn, {}, "{% $states.input.wait %}")
    ended = run(cloud, "timeout", state, {"wait": 1})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Timeout")


def test_a_failed_function_ends_the_wait_with_its_error(cloud: RunningCloud, function_arn: str) -> None:
    state = waiting(function_arn, {"fail": True}, 200)
    ended = run(cloud, "failure", state)
    assert (ended["status"], ended["error"]) == ("FAILED", "BusyError")


def test_an_error_is_caught_by_the_name_of_its_class(cloud: RunningCloud, function_arn: str) -> None:
    catch = [{"ErrorEquals": ["BusyError"], "Next": "Caught", "Output": {"caught": True}}]
    ended = run(cloud, "caught", {**calling(function_arn, {"fail": True}), "Catch": catch})
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"caught": True})


def test_states_all_does_not_catch_a_runtime_error(cloud: RunningCloud) -> None:
    """Recorded by LocalStack on AWS: test_base_scenarios, test_catch_states_runtime."""
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    foreign = f"arn:aws:lambda:{REGION}:999999999999:function:of-another-account"
    ended = run(cloud, "runtime-error", {"Resource": foreign, "Arguments": {}, "Catch": catch})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")


def test_start_execution_repeated_with_same_input_is_no_error(cloud: RunningCloud) -> None:
    """Recorded by LocalStack on AWS: test_start_execution_idempotent."""
    states = cloud.client("stepfunctions")
    running = start(cloud, "started-twice", {"Type": "Wait", "Seconds": 400})
    again = {"stateMachineArn": describe(cloud, running)["stateMachineArn"], "name": running.rsplit(":", 1)[1]}
    assert states.start_execution(**again, input="{}")["executionArn"] == running
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**again, input='{"other": true}')
    stop(cloud, running)
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(**again, input="{}")


def said(file: Path) -> list[str]:
    """Return the lines that invocations have written to a file."""
    return file.read_text().splitlines() if file.exists() else []


def stop(cloud: RunningCloud, execution: str) -> None:
    cloud.client("stepfunctions").stop_execution(executionArn=execution)


def test_the_token_of_an_execution_that_was_stopped_is_of_no_use(
    cloud: RunningCloud, function_arn: str, tmp_path: Path
) -> None:
    file = tmp_path / "tokens"
    payload = {"file": str(file), "token": "{% $states.context.Task.Token %}"}
    execution = start(cloud, "stopped-while-waiting", waiting(function_arn, payload, 200))
    [token] = wait_until(lambda: said(file) or None, "a token")
    stop(cloud, execution)
    states = cloud.client("stepfunctions")
    with pytest.raises(states.exceptions.TaskDoesNotExist):
        states.send_task_success(taskToken=token, output="{}")
    assert describe(cloud, execution)["status"] == "ABORTED"


def test_stopped_execution_takes_no_step_and_stays_aborted(
    cloud: RunningCloud, function_arn: str, tmp_path: Path
) -> None:
    file = tmp_path / "calls"
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 2}]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    failing = {**calling(function_arn, {"file": str(file), "fail": True}), "Retry": retry, "Catch": catch}
    execution = start(cloud, "stopped-before-a-retry", failing)
    wait_until(lambda: said(file) or None, "a call")
    stop(cloud, execution)
    # Longer than the pause before the retry.
    run(cloud, "meanwhile", {"Type": "Wait", "Seconds": 20})
    assert said(file) == ["called"]
    assert describe(cloud, execution)["status"] == "ABORTED"


def test_deleted_machine_ends_its_executions(cloud: RunningCloud, function_arn: str, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    payload = {"file": str(file), "token": "{% $states.context.Task.Token %}"}
    execution = start(cloud, "deleted", waiting(function_arn, payload, 200))
    [token] = wait_until(lambda: said(file) or None, "a token")
    states = cloud.client("stepfunctions")
    states.delete_state_machine(stateMachineArn=describe(cloud, execution)["stateMachineArn"])
    with pytest.raises(states.exceptions.TaskDoesNotExist):
        states.send_task_success(taskToken=token, output="{}")
    with pytest.raises(states.exceptions.ExecutionDoesNotExist):
        describe(cloud, execution)


def test_pauses_are_short_and_longer_waits_are_not(cloud: RunningCloud) -> None:
    """The duration is not asserted: unshortened pauses would exceed the time limit of a test."""
    run(cloud, "pauses", {"Type": "Wait", "Seconds": 60})
    execution = start(cloud, "long-wait", {"Type": "Wait", "Seconds": 400})
    assert describe(cloud, execution)["status"] == "RUNNING"
    stop(cloud, execution)
