"""Functions of the local cloud: their isolation, the names of their errors, and lost invocations.

Proves nothing about AWS: it holds the emulator to what AWS's documentation says.
"""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, RunningCloud
from localcloud.emulators.functions import name_error
from localcloud.slack_user import wait_until

pytestmark = pytest.mark.local

FUNCTION = """
import importlib.util, os, time, urllib.request

def handler(event, context):
    if "file" in event:
        with open(event["file"], "a") as file:
            print("began", file=file)
    if "print" in event:
        print(event["print"], flush=True)
    if event.get("wait"):
        time.sleep(60)
    if "endpoint" in event:
        signed = f"AWS4-HMAC-SHA256 Credential=111111111111/20261126/eu-central-1/{event['service']}/aws4_request"
        headers = {"X-Amz-Target": event["target"], "Authorization": signed}
        headers["Content-Type"] = "application/x-amz-json-1.0"
        urllib.request.urlopen(urllib.request.Request(os.environ[event["endpoint"]], b"{}", headers))
    packages = ("breakglass", "localcloud", "botocore", "pydantic")
    return {"pid": os.getpid(), "packages": [name for name in packages if importlib.util.find_spec(name)]}
"""


@pytest.fixture(scope="module")
def function(cloud: RunningCloud) -> str:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("code.py", FUNCTION)
    cloud.client("lambda").create_function(
        FunctionName="mortal",
        Runtime="python3.13",
        Handler="code.handler",
        Role=f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/any",
        Timeout=120,
        Code={"ZipFile": content.getvalue()},
    )
    return "mortal"


@pytest.fixture(autouse=True)
def no_faults(cloud: RunningCloud) -> Iterator[None]:
    yield
    cloud.end_faults()


def invoke(cloud: RunningCloud, function: str, **event: Any) -> dict[str, Any]:
    """Return the response of an invocation, its error included."""
    answer = cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    return payload


def lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_a_function_sees_no_package_that_is_not_its_own(cloud: RunningCloud, function: str) -> None:
    assert invoke(cloud, function)["packages"] == []


def test_metrics_in_the_log_of_a_function_are_published(cloud: RunningCloud, function: str) -> None:
    now = time.time()
    directive = {"Namespace": "Mortal", "Dimensions": [["Stack"]], "Metrics": [{"Name": "Runs", "Unit": "Count"}]}
    line = {"_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]}, "Stack": "one", "Runs": 3}
    invoke(cloud, function, print=f"no metric\n{json.dumps(line)}\n[1]")

    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="Mortal",
        MetricName="Runs",
        Dimensions=[{"Name": "Stack", "Value": "one"}],
        StartTime=datetime.fromtimestamp(now - 60, UTC),
        EndTime=datetime.fromtimestamp(now + 60, UTC),
        Period=60,
        Statistics=["Sum"],
    )
    assert [each["Sum"] for each in found["Datapoints"]] == [3]


def test_an_invocation_is_lost_before_it_ran(cloud: RunningCloud, function: str, tmp_path: Path) -> None:
    file = tmp_path / "calls"
    cloud.lose_invocations(function, event={"step": "grant"}, times=1)
    assert "errorType" not in invoke(cloud, function, step="revoke", file=str(file))
    assert invoke(cloud, function, step="grant", file=str(file))["errorType"] == "Runtime.ExitError"
    assert lines(file) == 1
    assert "errorType" not in invoke(cloud, function, step="grant", file=str(file))


def test_lost_result_of_the_second_invocation_comes_after_it_ran(
    cloud: RunningCloud, function: str, tmp_path: Path
) -> None:
    file = tmp_path / "calls"
    cloud.lose_invocations(function, after=True, skip=1, times=1)
    first = invoke(cloud, function, file=str(file))
    assert invoke(cloud, function, file=str(file))["errorType"] == "Runtime.ExitError"
    assert lines(file) == 2
    assert invoke(cloud, function)["pid"] != first["pid"]


@pytest.mark.parametrize(
    ("endpoint", "service", "target"),
    [
        ("AWS_ENDPOINT_URL", "dynamodb", "DynamoDB_20120810.ListTables"),
        ("AWS_ENDPOINT_URL_SSO_ADMIN", "sso", "SWBExternalService.ListInstances"),
    ],
)
def test_a_function_dies_before_it_gets_the_answer_of_a_service(
    cloud: RunningCloud, function: str, endpoint: str, service: str, target: str
) -> None:
    call = {"endpoint": endpoint, "service": service, "target": target}
    cloud.fail(f"{service}:{target.partition('.')[2]}", kills=function, times=1)
    assert invoke(cloud, function, **call)["errorType"] == "Runtime.ExitError"
    assert "errorType" not in invoke(cloud, function, **call)


def test_a_function_is_killed_at_work(cloud: RunningCloud, function: str, tmp_path: Path) -> None:
    file = tmp_path / "calls"
    cloud.client("lambda").invoke(
        FunctionName=function, InvocationType="Event", Payload=json.dumps({"wait": True, "file": str(file)})
    )
    wait_until(lambda: lines(file) or None, "the invocation")
    cloud.kill_function(function)
    # As AWS does, it is tried again; this time nothing waits.
    wait_until(lambda: lines(file) == 2 or None, "the second attempt")
    cloud.kill_function(function)
    wait_until(lambda: lines(file) == 3 or None, "the third attempt")
    cloud.kill_function(function)
    assert "errorType" not in invoke(cloud, function)


@pytest.mark.parametrize(
    ("message", "log", "name"),
    [
        ("no", "Traceback (most recent call last):\n  File x\nbreakglass.app.ports.BusyError: no\n", "BusyError"),
        ("", "Traceback (most recent call last):\n  File x\nKeyError\n", "KeyError"),
        ("two\nlines", "...\nValueError: two\nlines\n", "ValueError"),
        ("lost", "", "Runtime.HandlerError"),
        ("Worker process died", "", "Runtime.ExitError"),
    ],
)
def test_the_name_is_read_from_the_traceback(message: str, log: str, name: str) -> None:
    body = {"errorMessage": message, "errorType": "Runtime.HandlerError"}
    assert name_error({"body": body, "error": True, "log": log})["body"]["errorType"] == name


def test_success_and_timeouts_stay_as_they_are() -> None:
    success: dict[str, object] = {"body": {"errorType": "Runtime.HandlerError"}}
    timeout: dict[str, object] = {"body": {"errorType": "Sandbox.Timedout"}, "error": True}
    for result in (success, timeout):
        assert name_error(result) == result
