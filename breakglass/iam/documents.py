"""The IAM policy documents of the alert path, and the inline policy of a permission set.

Every function turns plain values into a policy document with a stable order of keys and values, so that a preview shows
a difference only where there is one. An Allow names one action on one resource, and the caller as closely as AWS lets
one (see `alarm_topic_policy` for where it does not).

Sources: the Service Authorization Reference for which action takes which resource
(https://docs.aws.amazon.com/service-authorization/latest/reference/), the EventBridge User Guide ("Using resource-based
policies", "Cross-service confused deputy prevention", "IAM roles for sending events to targets") and the SNS Developer
Guide ("Example cases for Amazon SNS access control").

Non-goals: nothing here judges a policy that somebody else wrote (see `breakglass.iam.lint`); what a break-glass set
is denied is in `breakglass.iam.protection`, what the functions of the approvals may in
`breakglass.iam.app_roles`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from breakglass.errors import PolicyError
from breakglass.naming import ALERT_PATH_PREFIX

Statement = dict[str, Any]
"""One statement of a policy document, JSON-ready."""

Document = dict[str, Any]
"""A policy document, JSON-ready."""

INLINE_POLICY_LIMIT = 10_240
"""Bytes, white space apart, of a permission set's inline policy (IAM Identity Center User Guide, "Quotas")."""


def policy_json(document: Mapping[str, Any]) -> str:
    """Return the document as AWS gets it: JSON without white space between its parts, keys in the given order."""
    return json.dumps(document, separators=(",", ":"))


def policy_size(document: Mapping[str, Any]) -> int:
    """Return the size of the document in bytes as IAM counts it: without white space."""
    return len("".join(policy_json(document).split()))


def invoke_destination(destination_arn: str) -> Document:
    """Allow the holder to send events to one API destination and nothing else."""
    return _document({"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": destination_arn})


def events_trust(destination_arn: str) -> Document:
    """Let EventBridge assume a role, but only for an alert-path rule beside the API destination the role invokes.

    Without the condition the role is a confused deputy: any rule that names the role, in any account, would do.
    EventBridge gives the rule's ARN as `aws:SourceArn` (EventBridge User Guide, "Using IAM policy conditions"). The
    rule is in the destination's account and region, as EventBridge demands of a rule and its API destination.

    Args:
        destination_arn: `arn:aws:events:REGION:ACCOUNT:api-destination/NAME/UUID`.
    """
    partition, region, account = _owner(destination_arn)
    rules = f"arn:{partition}:events:{region}:{account}:rule/{ALERT_PATH_PREFIX}*"
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": rules}},
        }
    )


def dead_letter_queue_policy(queue_arn: str, rule_arns: Iterable[str]) -> Document:
    """Let EventBridge put events it could not deliver into the queue, for the given rules only.

    Args:
        queue_arn: The dead-letter queue, in the account and region of the rules.
        rule_arns: The rules whose targets name the queue; at least one.
    """
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
        }
    )


def alarm_topic_policy(topic_arn: str) -> Document:
    """Let the alert path's alarms and EventBridge's rules publish to the topic.

    The alarms are those of the topic's own account and region whose name has the alert path's prefix. The rules are not
    limited. AWS's guide says: "You can't use Condition blocks in Amazon SNS topic policies for EventBridge" ("Using
    resource-based policies"). AWS's recorded answers say that `aws:SourceAccount` works (decision 0035). If the guide
    is right, a condition would lose every e-mail about a lost connection, so it waits for the live check L19.

    Args:
        topic_arn: `arn:aws:sns:REGION:ACCOUNT:NAME`.
    """
    partition, region, account = _owner(topic_arn)
    alarms = f"arn:{partition}:cloudwatch:{region}:{account}:alarm:{ALERT_PATH_PREFIX}*"
    publish = {"Action": "sns:Publish", "Resource": topic_arn}
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            **publish,
            "Condition": {"ArnLike": {"aws:SourceArn": alarms}},
        },
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, **publish},
    )


def merge_inline(document: Mapping[str, Any] | None, statements: Sequence[Statement]) -> Document | None:
    """Return a permission set's inline policy with the statements added at its end; None if there is nothing in it.

    A permission set has one inline policy, and of two the last silently wins: both have to become one.

    Args:
        document: The user's inline policy, or None.
        statements: What to add, possibly nothing; each has a `Sid`.

    Raises:
        PolicyError: AWS would refuse the result (see `inline_policy_fault`).
    """
    fault = inline_policy_fault(document, statements)
    if fault is not None:
        raise PolicyError(" ".join(fault))
    return _merged(document, statements)


def inline_policy_fault(document: Mapping[str, Any] | None, statements: Sequence[Statement]) -> tuple[str, str] | None:
    """Say what is wrong with the inline policy that `merge_inline` makes of the same arguments, and what to do instead.

    A `Sid` may be there only once, unless it is empty, and the whole has to fit into `INLINE_POLICY_LIMIT`.
    """
    merged = _merged(document, statements)
    if merged is None:
        return None
    sids = [sid for statement in merged["Statement"] if (sid := statement.get("Sid"))]
    repeated = sorted({sid for sid in sids if sids.count(sid) > 1})
    if repeated:
        return (
            f"Two statements have the Sid {repeated[0]}, and AWS refuses such a policy. "
            "(Every break-glass set is denied things by statements whose Sid begins with Protect or No.)",
            "Give one of them another Sid, or none.",
        )
    size = policy_size(merged)
    if size > INLINE_POLICY_LIMIT:
        added = size - policy_size({**merged, "Statement": statements_of(document) if document else []})
        return (
            f"The inline policy has {size:,} bytes, {added:,} of them for what every break-glass set is denied, and "
            f"AWS takes {INLINE_POLICY_LIMIT:,} in a permission set.",
            "Move statements into a customer managed policy and name it under customerManagedPolicies.",
        )
    return None


def statements_of(document: Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a document, which IAM lets one write as a list or as a single statement."""
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _merged(document: Mapping[str, Any] | None, statements: Sequence[Statement]) -> Document | None:
    own = statements_of(document) if document is not None else []
    if not own and not statements:
        return None
    return {**(document or {"Version": "2012-10-17"}), "Statement": [*own, *statements]}


def _document(*statements: Statement) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _owner(arn: str) -> tuple[str, str, str]:
    _, partition, _, region, account, _ = arn.split(":", 5)
    return partition, region, account
