"""EventBridge's permissions for a rule, decided by MiniStack's policy evaluator.

MiniStack itself lets its EventBridge invoke any destination and fill any queue. At AWS the rule's role and the queue's
policy decide, and an error in one of them shows only when an alert is due. So the local cloud asks them.

From "Permissions for Amazon EventBridge" and "Cross-service confused deputy prevention" in the EventBridge User Guide.

Non-goals: permissions of the people and programs that call the emulated AWS.
"""

import importlib
import json
from collections.abc import Mapping
from typing import Any

# Any: MiniStack has no annotations.
_evaluator: Any = importlib.import_module("ministack.core.iam_evaluator")
_iam: Any = importlib.import_module("ministack.services.iam")

_SERVICE = "events.amazonaws.com"
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


def role_refusal(role_arn: str | None, destination_arn: str, rule_arn: str) -> tuple[str, str] | None:
    """Error code and reason if the target's role can't invoke an API destination; else None.

    FAILED_TO_ASSUME_ROLE, of a role that can't be assumed, is recorded for queues, topics, functions and ECS tasks,
    not for API destinations (radkawar/stackd at 9dc356f5, docs/eventbridge.md).
    """
    if role_arn is None:
        return _NOT_ASSUMED, "The target of an API destination has no role"
    account, name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    role: Mapping[str, Any] | None = _iam._roles.get_scoped(account, None, name)
    if role is None:
        return _NOT_ASSUMED, f"Role {role_arn} does not exist"
    # A trust policy names no resource, which the evaluator would take for one that matches none.
    trust = json.loads(role["AssumeRolePolicyDocument"])
    trust["Statement"] = [{**statement, "Resource": "*"} for statement in trust["Statement"]]
    assume = _context("sts:AssumeRole", role_arn, rule_arn)
    if not _resource_accepts(trust, assume):
        return _NOT_ASSUMED, f"Role {role_arn} does not let {_SERVICE} assume it for {rule_arn}"
    invoke = _context("events:InvokeApiDestination", destination_arn, rule_arn)
    if _evaluator.evaluate(invoke, _evaluator._gather_role_policies(name, account)).decision != "Allow":
        return "NO_PERMISSIONS", f"Role {role_arn} does not allow events:InvokeApiDestination on {destination_arn}"
    return None


def _resource_accepts(policy: object, context: object) -> bool:
    return _evaluator.evaluate_resource_policy(policy, context, service=_SERVICE).decision == "Allow"


def _context(action: str, resource_arn: str, rule_arn: str) -> object:
    return _evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=resource_arn.split(":")[3],
        service_context={"aws:sourcearn": rule_arn, "aws:sourceaccount": rule_arn.split(":")[4]},
    )
