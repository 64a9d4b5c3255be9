"""The component tests rest on `deploy`: these tests show that it can fail.

They say nothing about the components.
"""

import asyncio
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from tests.conftest import REGION, Deployment, deploy


def fail(_: object) -> None:
    raise AssertionError("seen by the test")


class Silent(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("test:index:Silent", name, None, None)


def test_failing_assertion_in_apply_fails_test() -> None:
    def program() -> None:
        topic = aws.sns.Topic("topic", name="topic", region=REGION)
        topic.arn.apply(fail)

    with pytest.raises(AssertionError, match="seen by the test"):
        deploy(program)


def test_failing_program_fails_test() -> None:
    with pytest.raises(AssertionError, match="seen by the test"):
        deploy(lambda: fail(None))


def test_duplicate_urn_is_refused() -> None:
    def program() -> None:
        aws.sns.Topic("topic", name="one", region=REGION)
        aws.sns.Topic("topic", name="two", region=REGION)

    with pytest.raises(AssertionError, match="duplicate resource URN"):
        deploy(program)


def test_unknown_resource_type_is_refused() -> None:
    def program() -> None:
        aws.kms.Key("key")

    with pytest.raises(NotImplementedError, match="COMPUTED"):
        deploy(program)


def test_unknown_provider_function_is_refused() -> None:
    def program() -> None:
        aws.get_region_output()

    with pytest.raises(NotImplementedError, match="ANSWERS"):
        deploy(program)


def test_component_without_outputs_is_refused() -> None:
    def program() -> None:
        Silent("silent")

    with pytest.raises(AssertionError, match="never called register_outputs"):
        deploy(program)


def test_runs_are_independent() -> None:
    def program() -> None:
        aws.sns.Topic("topic", name="topic", region=REGION)

    assert deploy(program) == deploy(program)


def test_recorded_inputs_have_secrets_unwrapped_and_marked() -> None:
    def program() -> dict[str, pulumi.Output[Any]]:
        secret = aws.secretsmanager.Secret("secret", name="token", recovery_window_in_days=0, region=REGION)
        version = aws.secretsmanager.SecretVersion(
            "version", secret_id=secret.arn, secret_string=pulumi.Output.secret("hush"), region=REGION
        )
        return {"public": secret.arn, "private": version.secret_string}

    deployment = deploy(program)

    version = deployment.get("aws:secretsmanager/secretVersion:SecretVersion", "version")
    secret = deployment.get("aws:secretsmanager/secret:Secret", "secret")
    assert version.inputs["secretString"] == "hush"
    assert version.secrets == {"secretString"}
    assert version.depends_on == {secret.urn}
    assert secret.inputs["recoveryWindowInDays"] == 0
    assert isinstance(secret.inputs["recoveryWindowInDays"], int)
    assert deployment.outputs["private"] == "hush"
    assert deployment.secret_outputs == {"private"}


def test_preview_leaves_aws_values_unknown() -> None:
    def program() -> dict[str, pulumi.Output[str]]:
        topic = aws.sns.Topic("topic", name="topic", region=REGION)
        return {"name": topic.name, "arn": topic.arn}

    assert deploy(program, preview=True).outputs == {"name": "topic", "arn": None}


def test_resources_before_failure_are_recorded() -> None:
    def program() -> None:
        aws.sns.Topic("topic", name="topic", region=REGION)
        fail(None)

    deployment = Deployment()
    with pytest.raises(AssertionError, match="seen by the test"):
        deploy(program, into=deployment)
    assert deployment.inventory() == {("aws:sns/topic:Topic", "topic")}


def test_tasks_of_failed_program_are_cancelled() -> None:
    cancelled: list[bool] = []

    async def wait(_: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    def program() -> None:
        topic = aws.sns.Topic("topic", name="topic", region=REGION)
        topic.arn.apply(wait)
        topic.arn.apply(fail)

    with pytest.raises(AssertionError, match="seen by the test"):
        deploy(program)
    assert cancelled == [True]
