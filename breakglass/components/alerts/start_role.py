"""The role by which EventBridge starts a state machine.

Non-goals: the rules and their targets (see `scheduled_machine` and `alert_rules`).
"""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from breakglass.components.order import known_after
from breakglass.iam.documents import policy_json, start_machine
from breakglass.naming import physical_name


def create_start_role(
    parent: pulumi.Resource,
    name: str,
    machine: aws.sfn.StateMachine,
    *,
    trust: pulumi.Input[str],
    starter: str,
    tags: Mapping[str, str],
) -> pulumi.Output[str]:
    """Create the role, and return its ARN, whose users wait until it has its permission.

    Args:
        parent: the component.
        name: its name, which is also that of the state machine.
        machine: the state machine, which is all that the role may start.
        trust: the role's trust policy, JSON.
        starter: the rules that use the role, for its description, e.g. `EventBridge rules`.
        tags: on the role.
    """
    child = pulumi.ResourceOptions(parent=parent)
    role = aws.iam.Role(
        f"{name}-start",
        name=physical_name(f"{name}-start"),
        description=f"Lets {starter} start {physical_name(name)}. No other permissions.",
        assume_role_policy=trust,
        tags=tags,
        opts=child,
    )
    permission = aws.iam.RolePolicy(
        f"{name}-start",
        name="start-machine",
        role=role.name,
        policy=machine.arn.apply(_start_machine),
        opts=child,
    )
    return known_after(role.arn, permission.id)


def _start_machine(machine_arn: str) -> str:
    return policy_json(start_machine(machine_arn))
