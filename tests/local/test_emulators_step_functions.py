"""Step Functions and Lambda of the local cloud: what is added to MiniStack, through AWS's own API.

Proves nothing about AWS: it holds the emulator to what AWS's documentation says.
"""

import io
import json
import zipfile
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, RunningCloud
from localcloud.emulators.step_functions import named

pytestmark = pytest.mark.local

FUNCTION = """
class BusyError(Exception):
    pass

def handler(event, context):
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


def run(cloud: RunningCloud, name: str, state: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The execution of a machine with this state and one behind it, when it has ended."""
    states = cloud.client("stepfunctions")
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Work",
        "States": {"Work": {"Type": "Task", **state, "End": True}, "Caught": {"Type": "Pass", "End": True}},
    }
    machine = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]
    while (described := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        pass
    return described


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
    ended = run(cloud, "failure", state, {})
    assert (ended["status"], ended["error"]) == ("FAILED", "BusyError")


def test_an_error_is_caught_by_the_name_of_its_class(cloud: RunningCloud, function_arn: str) -> None:
    state = {
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function_arn, "Payload": {"fail": True}},
        "Catch": [{"ErrorEquals": ["BusyError"], "Next": "Caught", "Output": {"caught": True}}],
    }
    ended = run(cloud, "caught", state, {})
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"caught": True})


@pytest.mark.parametrize(
    ("message", "log", "name"),
    [
        ("no", "Traceback (most recent call last):\n  File x\nbreakglass.lambdas.ports.BusyError: no\n", "BusyError"),
        ("", "Traceback (most recent call last):\n  File x\nKeyError\n", "KeyError"),
        ("two\nlines", "...\nValueError: two\nlines\n", "ValueError"),
        ("lost", "", "Runtime.HandlerError"),
    ],
)
def test_the_name_is_read_from_the_traceback(message: str, log: str, name: str) -> None:
    body = {"errorMessage": message, "errorType": "Runtime.HandlerError"}
    assert named({"body": body, "error": True, "log": log})["body"]["errorType"] == name


def test_success_and_timeouts_stay_as_they_are() -> None:
    success: dict[str, object] = {"body": {"errorType": "Runtime.HandlerError"}}
    timeout: dict[str, object] = {"body": {"errorType": "Sandbox.Timedout"}, "error": True}
    for result in (success, timeout):
        assert named(result) == result
