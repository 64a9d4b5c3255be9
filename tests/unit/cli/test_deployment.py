"""The resources in Pulumi's state."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from breakglass.cli.deployment import SECRET, Resource, parse_state, read_deployment, require_account
from breakglass.errors import CommandError
from tests.unit.cli.doctor.doubles import MemoryAws

SIGNED = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:xyz"}
QUEUE = {
    "type": "aws:sqs/queue:Queue",
    "id": "https://sqs/lost",
    "created": "2026-11-30T09:51:37.413811778Z",
    "inputs": {"name": "lost", "region": "eu-central-1"},
    "outputs": {"arn": "arn:aws:sqs:eu-central-1:111111111111:lost"},
}


def state(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"version": 3, "deployment": {"resources": list(resources)}}


def test_region_is_that_of_the_topic_not_of_a_further_spoke() -> None:
    queue = {"type": "aws:sqs/queue:Queue", "outputs": {"arn": "arn:aws:sqs:us-east-1:111111111111:breakglass-spoke"}}
    topic = "arn:aws:sns:eu-central-1:111111111111:breakglass-prod-monitoring-alarms"
    stack = {"type": "pulumi:pulumi:Stack", "outputs": {"topicArn": topic}}

    assert parse_state({"deployment": {"resources": [queue, stack]}}).region == "eu-central-1"
    assert parse_state({"deployment": {"resources": [queue]}}).region == "us-east-1"


def test_state_has_resources_outputs_account_and_region() -> None:
    outputs = {"topicArn": "arn:topic", "token": SIGNED}
    deployment = parse_state(state({"type": "pulumi:pulumi:Stack", "outputs": outputs}, QUEUE))

    [queue] = deployment.of_type("aws:sqs/queue")
    assert (queue.physical_name, queue.region, queue.id) == ("lost", "eu-central-1", "https://sqs/lost")
    assert int(queue.created_at) == 1_796_032_297
    assert (deployment.account, deployment.region) == ("111111111111", "eu-central-1")
    assert deployment.outputs == {"topicArn": "arn:topic", "token": SECRET}


def test_secrets_of_the_state_are_dropped() -> None:
    hidden = {**QUEUE, "inputs": {"endpoint": SIGNED, "list": [{"of": SIGNED}]}}
    [queue] = parse_state(state(hidden)).resources

    assert queue.inputs == {"endpoint": SECRET, "list": [{"of": SECRET}]}
    assert "xyz" not in repr(queue)


def test_resource_pending_deletion_is_left_out() -> None:
    assert parse_state(state({**QUEUE, "delete": True})).resources == ()
    assert parse_state({"version": 3, "deployment": None}).resources == ()


def test_value_of_the_program_comes_before_the_deployed_one() -> None:
    resource = Resource("t", "id", {"name": "wanted", "region": None}, {"name": "found", "region": "eu-west-1"})

    assert (resource.get("name"), resource.region, resource.get("other")) == ("wanted", "eu-west-1", None)


def test_export_is_read_without_secrets_in_clear() -> None:
    called: list[str] = []

    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        called.extend(command)
        return subprocess.CompletedProcess(command, 0, json.dumps(state(QUEUE)), "")

    assert read_deployment("prod", run).account == "111111111111"
    assert called == ["pulumi", "stack", "export", "--non-interactive", "--color", "never", "--stack", "prod"]


def test_stack_without_resources_is_an_error() -> None:
    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, json.dumps(state()), "")

    with pytest.raises(CommandError, match="no resources in AWS"):
        read_deployment(None, run)


def test_export_that_fails_is_an_error() -> None:
    def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 255, "", "error: no stack named 'dve' found")

    with pytest.raises(CommandError) as refused:
        read_deployment("dve", run)

    assert "`pulumi stack export` failed: error: no stack named 'dve' found" in " ".join(str(refused.value).split())


def test_credentials_of_another_account_are_refused() -> None:
    deployment = parse_state(state(QUEUE))
    require_account(deployment, MemoryAws({"GetCallerIdentity": {"Account": "111111111111"}}))

    with pytest.raises(CommandError, match="are of account 222222222222") as refused:
        require_account(deployment, MemoryAws({"GetCallerIdentity": {"Account": "222222222222"}}))

    assert "aws sso login" in str(refused.value)
