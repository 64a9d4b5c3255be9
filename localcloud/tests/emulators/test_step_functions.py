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
from botocore.exceptions import ClientError

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.slack_user import wait_until
from localcloud.tests.emulators import machines
from localcloud.tests.emulators.machines import describe, duration, make_machine, make_role, set_rights

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
FOR_PEOPLE = {"Never": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "End": True}}
"""A state that is never entered, whose machine waits for people."""


@pytest.fixture(scope="module", autouse=True)
def role(cloud: RunningCloud) -> None:
    make_role(cloud, "any", "states.amazonaws.com", {"Action": "*"})


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


def make(cloud: RunningCloud, name: str, state: dict[str, Any], others: dict[str, Any], role: str = ROLE) -> str:
    """ARN of a machine with this state, one behind it, and others."""
    states = {"Work": {"Type": "Task", "End": True, **state}, "Caught": {"Type": "Pass", "End": True}, **others}
    return make_machine(cloud, name, states, role)


def start(cloud: RunningCloud, name: str, state: dict[str, Any], given: object = None, **others: Any) -> str:
    """ARN of an execution of such a machine."""
    return machines.start(cloud, make(cloud, name, state, others), given)


def run(cloud: RunningCloud, name: str, state: dict[str, Any], given: object = None, **others: Any) -> dict[str, Any]:
    """The execution, when it has ended."""
    return machines.run(cloud, make(cloud, name, state, others), given)


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
    running = start(cloud, "started-twice", {"Type": "Wait", "Seconds": 400}, **FOR_PEOPLE)
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
    execution = start(cloud, "stopped-before-a-retry", failing, **FOR_PEOPLE)
    wait_until(lambda: said(file) or None, "a call")
    stop(cloud, execution)
    # Longer than the pause before the retry.
    run(cloud, "meanwhile", {"Type": "Wait", "Seconds": 20}, **FOR_PEOPLE)
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


def test_pauses_are_short_and_waits_for_people_are_not(cloud: RunningCloud) -> None:
    """The duration is not asserted: unshortened pauses would exceed the time limit of a test."""
    run(cloud, "pauses", {"Type": "Wait", "Seconds": 60}, **FOR_PEOPLE)
    execution = start(cloud, "long-wait", {"Type": "Wait", "Seconds": 400}, **FOR_PEOPLE)
    assert describe(cloud, execution)["status"] == "RUNNING"
    stop(cloud, execution)


def test_machine_that_waits_for_nobody_keeps_the_clock_of_aws(cloud: RunningCloud) -> None:
    output = {"now": "{% $millis() - $toMillis($states.context.Execution.StartTime) %}"}
    ended = run(cloud, "ten-minutes", {"Type": "Wait", "Seconds": 600, "Output": output})
    assert 600 <= duration(ended) < 700
    assert 600 <= json.loads(ended["output"])["now"] / 1000 < 700


def test_retries_have_no_longer_delay_than_their_limit(cloud: RunningCloud, function_arn: str) -> None:
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 80, "BackoffRate": 2, "MaxAttempts": 3}
    failing = calling(function_arn, {"fail": True})
    ended = run(cloud, "long-retries", {**failing, "Retry": [retry]})
    assert 80 + 160 + 320 <= duration(ended) < 600
    ended = run(cloud, "limited-retries", {**failing, "Retry": [{**retry, "MaxDelaySeconds": 100}]})
    assert 80 + 100 + 100 <= duration(ended) < 330


def test_map_takes_as_long_as_its_longest_branch(cloud: RunningCloud) -> None:
    wait = {"Type": "Wait", "Seconds": "{% $states.input %}", "End": True}
    branch = {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": "Wait", "States": {"Wait": wait}}
    ended = run(cloud, "branches", {"Type": "Map", "Items": [100, 700, 300], "ItemProcessor": branch})
    assert 700 <= duration(ended) < 800


def test_execution_ends_at_the_time_limit_of_its_machine(cloud: RunningCloud, function_arn: str) -> None:
    failing = calling(function_arn, {"fail": True})
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 500}]
    states = {
        "Wait": {"Type": "Wait", "Seconds": 300, "Next": "Call"},
        "Call": {"Type": "Task", **failing, "Retry": retry, "Catch": catch, "End": True},
        "Caught": {"Type": "Pass", "End": True},
    }
    ended = machines.run(cloud, make_machine(cloud, "limited", states, ROLE, TimeoutSeconds=700))
    assert ended["status"] == "TIMED_OUT"
    assert 700 <= duration(ended) < 705


def test_assign_sets_variables_at_once_and_succeed_has_output(cloud: RunningCloud) -> None:
    states = {
        "Set": {"Type": "Pass", "Assign": {"a": 1}, "Next": "Swap"},
        "Swap": {"Type": "Pass", "Assign": {"a": 2, "b": "{% $a %}"}, "Next": "Over"},
        "Over": {"Type": "Succeed", "Output": {"a": "{% $a %}", "b": "{% $b %}"}},
    }
    ended = machines.run(cloud, make_machine(cloud, "variables", states, ROLE))
    assert json.loads(ended["output"]) == {"a": 2, "b": 1}


def test_machine_with_a_state_without_an_end_is_refused(cloud: RunningCloud) -> None:
    each = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass"}}}
    for states in (each["States"], {"Each": {"Type": "Map", "Items": [1], "ItemProcessor": each, "End": True}}):
        with pytest.raises(ClientError, match="Inner has neither Next nor End"):
            make_machine(cloud, "open", states, "arn:aws:iam::111111111111:role/r")


def test_metric_without_a_value_is_an_empty_list(cloud: RunningCloud) -> None:
    metric = {"Metric": {"Namespace": "Nothing", "MetricName": "m"}, "Period": 60, "Stat": "Sum"}
    range_of_time = {"StartTime": "{% $fromMillis($millis() - 60000) %}", "EndTime": "{% $fromMillis($millis()) %}"}
    state = {
        "Resource": "arn:aws:states:::aws-sdk:cloudwatch:getMetricData",
        "Arguments": {"MetricDataQueries": [{"Id": "m", "MetricStat": metric}], **range_of_time},
        "Output": "{% $states.result.MetricDataResults %}",
    }
    [result] = json.loads(run(cloud, "metrics", state)["output"])
    assert (result["Id"], result["Values"], result["Timestamps"]) == ("m", [], [])


BUS = f"arn:aws:events:{REGION}:{MANAGEMENT_ACCOUNT}:event-bus/default"
TOPIC = f"arn:aws:sns:{REGION}:{MANAGEMENT_ACCOUNT}:rights"
EVENT = {"Source": "test", "DetailType": "d", "Detail": "{}"}
METRIC = {"MetricName": "m", "Value": 1}


def where(key: str, value: str) -> dict[str, Any]:
    return {"Condition": {"StringEquals": {key: value}}}


@pytest.mark.parametrize(
    ("integration", "arguments", "right", "error"),
    [
        (
            "sns:publish",
            {"TopicArn": TOPIC, "Message": "m"},
            {"Action": "sns:Publish", "Resource": TOPIC},
            "SNS.AuthorizationErrorException",
        ),
        (
            "events:putEvents",
            {"Entries": [EVENT]},
            {"Action": "events:PutEvents", "Resource": BUS, **where("events:source", "test")},
            "EventBridge.EventBridgeException",
        ),
        (
            "aws-sdk:cloudwatch:putMetricData",
            {"Namespace": "Rights", "MetricData": [METRIC]},
            {"Action": "cloudwatch:PutMetricData", **where("cloudwatch:namespace", "Rights")},
            "CloudWatch.CloudWatchException",
        ),
    ],
    ids=["sns", "events", "cloudwatch"],
)
def test_task_needs_the_right_of_what_it_calls(
    cloud: RunningCloud, integration: str, arguments: dict[str, Any], right: dict[str, Any], error: str
) -> None:
    cloud.client("sns").create_topic(Name="rights")
    name = integration.replace(":", "-")
    role = make_role(cloud, name, "states.amazonaws.com", {"Action": "s3:*"})
    state = {"Resource": f"arn:aws:states:::{integration}", "Arguments": arguments}
    machine = make(cloud, name, state, {}, role)
    assert machines.run(cloud, machine)["error"] == error
    set_rights(cloud, name, right)
    assert machines.run(cloud, machine)["status"] == "SUCCEEDED"


def test_task_whose_rights_are_not_known_is_refused(cloud: RunningCloud) -> None:
    ended = run(cloud, "unknown", {"Resource": "arn:aws:states:::aws-sdk:s3:getObject", "Arguments": {}})
    assert ended["error"] == "States.Runtime"
    assert "task_rights.py" in ended["cause"]
