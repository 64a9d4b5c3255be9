"""The permissions of rules and of state machines, decided by MiniStack's policy evaluator.

MiniStack itself lets its EventBridge invoke any target and fill any queue, and its state machines call anything. At AWS
the role of the rule's target, the policy of the queue and the execution role decide, and an error in one of them shows
only when an alert is due. So the local cloud asks them.

From "Permissions for Amazon EventBridge" and "Cross-service confused deputy prevention" in the EventBridge User Guide,
and from "How Step Functions works with IAM".

Non-goals: permissions of the people and programs that call the emulated AWS.
"""

import importlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

# Any: MiniStack has no annotations.
_evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
_iam: Any = importlib.import_module("ministack.services.iam")

_EVENTS = "events.amazonaws.com"
_STATES = "states.amazonaws.com"
_NOT_ASSUMED = "FAILED_TO_ASSUME_ROLE"


def queue_accepts(policy: str | None, queue_arn: str, rule_arn: str) -> bool:
    """True if a queue policy lets EventBridge send messages for the rule. No policy denies it."""
    return _resource_accepts(policy, _context("sqs:SendMessage", queue_arn, rule_arn))


def topic_accepts(policy: str | None, topic_arn: str, rule_arn: str) -> bool:
    """True if a topic policy lets EventBridge publish for the rule.

    AWS's recorded answers: a statement without a condition holds, and so does one with `aws:SourceArn` or
    `aws:SourceAccount` of the rule; one with another ARN, or with `aws:SourceOwner`, does not (radkawar/stackd at
    9dc356f5, testdata/aws/sns/eventbridge.json). AWS's guide says the contrary: "You can't use of Condition blocks in
    Amazon SNS topic policies for EventBridge" ("Using resource-based policies for Amazon EventBridge").
    """
    return _resource_accepts(policy, _context("sns:Publish", topic_arn, rule_arn))


def log_group_accepts(policies: Iterable[str], group_arn: str, rule_arn: str) -> bool:
    """True if resource policies let EventBridge write events for the rule into a log group.

    Args:
        policies: the policy documents of CloudWatch Logs in the account and region of the group.
        group_arn: ARN of the log group, without `:*` at its end.
        rule_arn: the rule.
    """
    stream = f"{group_arn}:log-stream:events"
    return all(
        any(_resource_accepts(policy, _context(action, stream, rule_arn)) for policy in policies)
        for action in ("logs:CreateLogStream", "logs:PutLogEvents")
    )


def role_refusal(role_arn: str | None, action: str, target_arn: str, rule_arn: str) -> tuple[str, str] | None:
    """Error code and reason if the target's role can't do `action` on the target; else None.

    FAILED_TO_ASSUME_ROLE, of a role that can't be assumed, is recorded for queues, topics, functions and ECS tasks, not
    for API destinations and state machines (radkawar/stackd at 9dc356f5, docs/eventbridge.md).
    """
    if role_arn is None:
        return _NOT_ASSUMED, f"The target {target_arn} has no role"
    if _role(role_arn) is None:
        return _NOT_ASSUMED, f"Role {role_arn} does not exist"
    if not _is_assumed(role_arn, _EVENTS, rule_arn):
        return _NOT_ASSUMED, f"Role {role_arn} does not let {_EVENTS} assume it for {rule_arn}"
    if not _allows(role_arn, _context(action, target_arn, rule_arn)):
        return "NO_PERMISSIONS", f"Role {role_arn} does not allow {action} on {target_arn}"
    return None


def bus_accepts(
    policy: object, bus_arn: str, role_arn: str, record: Mapping[str, Any], organization: str | None
) -> bool:
    """True if the policy of a bus lets a role put an event there by a rule.

    In the role's own account it need not allow that, and must not deny it.

    Args:
        policy: the bus policy, if there is one.
        bus_arn: the bus.
        role_arn: the role of the rule's target.
        record: MiniStack's record of the event.
        organization: ID of the organization that the role's account belongs to; None if it belongs to none.
    """
    account = role_arn.split(":")[4]
    context = _evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=account,
        action="events:PutEvents",
        resource_arn=bus_arn,
        region=bus_arn.split(":")[3],
        service_context={
            "aws:principalarn": role_arn,
            "aws:principalaccount": account,
            **({} if organization is None else {"aws:principalorgid": organization}),
            "events:source": record["Source"],
            "events:detail-type": record["DetailType"],
            "events:eventbusinvocation": "true",
        },
    )
    decision = _evaluator.evaluate_resource_policy(policy, context).decision
    return bool(decision == "Allow" or (decision != "Deny" and bus_arn.split(":")[4] == account))


def execution_role_allows(
    role_arn: str, machine_arn: str, action: str, resource_arn: str, keys: Mapping[str, str] | None = None
) -> bool:
    """True if the role of a state machine lets it do `action` on a resource.

    Args:
        role_arn: the execution role.
        machine_arn: the state machine that assumes it.
        action: the IAM action.
        resource_arn: the resource; `*` for an action that has no resources.
        keys: condition keys of the action, in lower case.
    """
    return _is_assumed(role_arn, _STATES, machine_arn) and _allows(
        role_arn, _context(action, resource_arn, machine_arn, keys or {})
    )


def _role(role_arn: str) -> Mapping[str, Any] | None:
    account, name = _account_and_name(role_arn)
    role: Mapping[str, Any] | None = _iam._roles.get_scoped(account, None, name)
    return role


def _account_and_name(role_arn: str) -> tuple[str, str]:
    return role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]


def _is_assumed(role_arn: str, service: str, source_arn: str) -> bool:
    role = _role(role_arn)
    if role is None:
        return False
    # A trust policy names no resource, which the evaluator would take for one that matches none.
    trust = json.loads(role["AssumeRolePolicyDocument"])
    trust["Statement"] = [{**statement, "Resource": "*"} for statement in trust["Statement"]]
    return _resource_accepts(trust, _context("sts:AssumeRole", role_arn, source_arn), service)


def _allows(role_arn: str, context: object) -> bool:
    account, name = _account_and_name(role_arn)
    return bool(_evaluator.evaluate(context, _evaluator._gather_role_policies(name, account)).decision == "Allow")


def _resource_accepts(policy: object, context: object, service: str = _EVENTS) -> bool:
    return bool(_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow")


def _context(action: str, resource_arn: str, source_arn: str, keys: Mapping[str, str] | None = None) -> object:
    return _evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=source_arn.split(":")[3],
        service_context={
            "aws:sourcearn": source_arn,
            "aws:sourceaccount": source_arn.split(":")[4],
            **(keys or {}),
        },
    )
