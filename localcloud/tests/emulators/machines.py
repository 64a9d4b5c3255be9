"""State machines for tests: created, run to their end, with a role of their own."""

import json
from collections.abc import Mapping
from typing import Any

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.slack_user import wait_until

MACHINE_ARN = f"arn:aws:states:{REGION}:{MANAGEMENT_ACCOUNT}:stateMachine"


def make_role(cloud: RunningCloud, name: str, service: str, *statements: Mapping[str, Any]) -> str:
    """ARN of a new role that a service may assume, with these statements."""
    iam = cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    set_rights(cloud, name, *statements)
    arn: str = made["Role"]["Arn"]
    return arn


def set_rights(cloud: RunningCloud, role: str, *statements: Mapping[str, Any]) -> None:
    allowed = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
    policy = json.dumps({"Statement": allowed})
    cloud.client("iam").put_role_policy(RoleName=role, PolicyName="rights", PolicyDocument=policy)


def make_machine(cloud: RunningCloud, name: str, states: Mapping[str, Any], role_arn: str, **fields: Any) -> str:
    """ARN of a new state machine in JSONata that starts at its first state.

    Args:
        cloud: where.
        name: of the machine.
        states: its states.
        role_arn: its role.
        fields: other fields of the definition.
    """
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **fields}
    made = cloud.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=role_arn
    )
    arn: str = made["stateMachineArn"]
    return arn


def start(cloud: RunningCloud, machine_arn: str, given: object = None) -> str:
    """ARN of a new execution."""
    started = cloud.client("stepfunctions").start_execution(stateMachineArn=machine_arn, input=json.dumps(given or {}))
    arn: str = started["executionArn"]
    return arn


def describe(cloud: RunningCloud, execution_arn: str) -> dict[str, Any]:
    described: dict[str, Any] = cloud.client("stepfunctions").describe_execution(executionArn=execution_arn)
    return described


def run(cloud: RunningCloud, machine_arn: str, given: object = None) -> dict[str, Any]:
    """A new execution, when it has ended."""
    execution = start(cloud, machine_arn, given)

    def ended() -> dict[str, Any] | None:
        described = describe(cloud, execution)
        return None if described["status"] == "RUNNING" else described

    return wait_until(ended, "the end of an execution")


def duration(ended: Mapping[str, Any]) -> float:
    """Seconds that an execution took at AWS."""
    seconds: float = (ended["stopDate"] - ended["startDate"]).total_seconds()
    return seconds
