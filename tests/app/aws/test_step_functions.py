"""Starting, waking and looking at executions."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from breakglass.app.aws.aws import AwsClient, AwsError, RetryPolicy
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.aws.step_functions import StepFunctions
from breakglass.app.domain.records import Kind
from localcloud.cloud import RunningCloud
from tests.app.aws.local_table import local_client
from tests.app.aws.scripted_server import HangUp, Reply, ScriptedServer, refusal
from tests.app.aws.some_records import a_request

MACHINE = "arn:aws:states:eu-central-1:111111111111:stateMachine:breakglass-approval"


@pytest.fixture
def workflow(server: ScriptedServer) -> StepFunctions:
    environment = {"AWS_ENDPOINT_URL": server.url}
    credentials = Credentials("AKIDEXAMPLE", "any")
    client = AwsClient("eu-central-1", lambda: credentials, RetryPolicy(attempts=2), environment, lambda _: None)
    return StepFunctions(client, MACHINE)


def test_start_names_the_execution_after_the_request(server: ScriptedServer, workflow: StepFunctions) -> None:
    server.answers(Reply({"executionArn": "any"}))
    assert workflow.start(a_request(kind=Kind.extension), 600)
    asked = server.asked[0].json
    given = json.loads(asked.pop("input"))
    assert asked == {"stateMachineArn": MACHINE, "name": "r-1"}
    assert given.pop("start")
    assert given == {"request": "r-1", "kind": "extension", "wait": 600}


def test_start_repeats_the_input_in_a_retry_only(server: ScriptedServer, workflow: StepFunctions) -> None:
    server.answers(HangUp(), Reply({"executionArn": "any"}), refusal("ExecutionAlreadyExists"))
    assert workflow.start(a_request(), 600)
    assert not workflow.start(a_request(), 600)
    first, repeated, second = (asked.json["input"] for asked in server.asked)
    assert first == repeated != second


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_wait_that_is_over_can_not_be_woken(server: ScriptedServer, workflow: StepFunctions, code: str) -> None:
    server.answers(refusal(code))
    assert not workflow.wake("token", {})


def test_a_wait_is_woken_with_its_outcome(server: ScriptedServer, workflow: StepFunctions) -> None:
    server.answers(Reply(b"{}"))
    assert workflow.wake("token", {"outcome": "approved"})
    assert server.asked[0].json == {"taskToken": "token", "output": '{"outcome": "approved"}'}


@pytest.mark.parametrize(
    ("status", "running"),
    [
        *(("RUNNING", True), ("PENDING_REDRIVE", True)),
        *(("SUCCEEDED", False), ("FAILED", False), ("TIMED_OUT", False), ("ABORTED", False)),
    ],
)
def test_an_execution_runs_until_it_is_over(
    server: ScriptedServer, workflow: StepFunctions, status: str, running: bool
) -> None:
    server.answers(Reply({"status": status}))
    assert workflow.is_running("r-1") is running
    arn = "arn:aws:states:eu-central-1:111111111111:execution:breakglass-approval:r-1"
    assert server.asked[0].json == {"executionArn": arn}


def test_an_execution_that_never_was_does_not_run(server: ScriptedServer, workflow: StepFunctions) -> None:
    server.answers(refusal("ExecutionDoesNotExist"))
    assert not workflow.is_running("r-1")


def test_other_refusals_are_errors(server: ScriptedServer, workflow: StepFunctions) -> None:
    server.answers(refusal("StateMachineDoesNotExist"))
    with pytest.raises(AwsError):
        workflow.start(a_request(), 600)
    with pytest.raises(AwsError):
        workflow.wake("token", {})
    with pytest.raises(AwsError):
        workflow.is_running("r-1")


# In the local cloud


@pytest.fixture
def activity(cloud: RunningCloud) -> Iterator[str]:
    states = cloud.client("stepfunctions")
    arn: str = states.create_activity(name="waits")["activityArn"]
    yield arn
    states.delete_activity(activityArn=arn)


@pytest.mark.local
def test_a_request_is_started_once_and_woken_once(cloud: RunningCloud, activity: str) -> None:
    states = cloud.client("stepfunctions")
    waiting = {"StartAt": "Wait", "States": {"Wait": {"Type": "Task", "Resource": activity, "End": True}}}
    machine = states.create_state_machine(
        name="waiting", definition=json.dumps(waiting), roleArn="arn:aws:iam::111111111111:role/any"
    )["stateMachineArn"]
    workflow = StepFunctions(local_client(cloud), machine)
    assert not workflow.is_running("r-1")
    assert not workflow.wake("no token", {})
    assert workflow.start(a_request(), 600)
    assert not workflow.start(a_request(), 600)
    assert workflow.is_running("r-1")

    task: dict[str, Any] = {}
    while not task.get("taskToken"):
        task = states.get_activity_task(activityArn=activity)
    assert workflow.wake(task["taskToken"], {"outcome": "approved"})
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:r-1"
    while workflow.is_running("r-1"):
        pass
    described = states.describe_execution(executionArn=execution)
    assert (described["status"], json.loads(described["output"])) == ("SUCCEEDED", {"outcome": "approved"})
    assert not workflow.wake(task["taskToken"], {"outcome": "approved"})
    assert not workflow.start(a_request(), 600)
    states.delete_state_machine(stateMachineArn=machine)
