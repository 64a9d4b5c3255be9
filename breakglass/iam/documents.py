"""The IAM policy documents of the alert path, and the inline policy of a permission set.

Each function returns a document with a stable order of keys and values, so a preview shows only real differences. An
Allow names one action on one resource, and limits the caller as far as AWS allows (see `alarm_topic_policy` for the
exception).

Sources: the Service Authorization Reference for the resource types of each action
(https://docs.aws.amazon.com/service-authorization/latest/reference/), the EventBridge User Guide ("Using resource-based
policies", "Cross-service confused deputy prevention", "IAM roles for sending events to targets") and the SNS Developer
Guide ("Example cases for Amazon SNS access control").

Non-goals: judging the user's IAM policies (`breakglass.iam.lint`), the Deny statements of a break-glass set
(`breakglass.iam.protection`), and the roles of the approvals' functions (`breakglass.iam.app_roles`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from breakglass.errors import PolicyError
from breakglass.naming import ALERT_PATH_PREFIX, DEFAULT_BUS, METRICS_NAMESPACE, SPOKE_PREFIX

Statement = dict[str, Any]
"""One statement of an IAM policy document, as JSON."""

Document = dict[str, Any]
"""An IAM policy document, as JSON."""

INLINE_POLICY_LIMIT = 10_240
"""Bytes, white space apart, of a permission set's inline policy (IAM Identity Center User Guide, "Quotas")."""


def policy_json(document: Mapping[str, Any]) -> str:
    """Return the document as JSON text without white space, keys in the given order."""
    return json.dumps(document, separators=(",", ":"))


def policy_size(document: Mapping[str, Any]) -> int:
    """Return the size of the document in bytes as IAM counts it: without white space."""
    return len("".join(policy_json(document).split()))


def invoke_destination(destination_arn: str) -> Document:
    """Return a document that allows sending events to one API destination."""
    return build_document({"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": destination_arn})


def events_trust(target_arn: str) -> Document:
    """Let EventBridge assume a role for alert-path rules in the account and region of their target.

    Without the condition the role is a confused deputy: any rule in any account could name it. EventBridge sets
    `aws:SourceArn` to the rule's ARN (EventBridge User Guide, "Using IAM policy conditions"), and demands a rule and
    its target in the same account and region.

    Args:
        target_arn: the ARN of an API destination or a state machine.
    """
    partition, region, account = _owner(target_arn)
    rules = f"arn:{partition}:events:{region}:{account}:rule/{ALERT_PATH_PREFIX}*"
    return build_document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnLike": {"aws:SourceArn": rules}},
        }
    )


def dead_letter_queue_policy(queue_arn: str, rule_arns: Iterable[str]) -> Document:
    """Let EventBridge send undelivered events of the given rules to the queue."""
    return build_document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": sorted(rule_arns)}},
        }
    )


def hub_bus_policy(bus_arn: str, organization_id: str) -> Document:
    """Let the spokes of an organization forward events of AWS to the bus of the hub.

    The principal is the role of a spoke. AWS refuses a source that begins with `aws.` to any other sender (EventBridge
    API Reference, "PutEvents"), so an administrator of an account can't forge an alert. But a software partner of AWS
    chooses all else in events whose source begins with `aws.partner/` ("PutPartnerEvents"), and a rule could forward
    them.

    Args:
        bus_arn: the bus.
        organization_id: e.g. `o-exampleorgid`.
    """
    partition, _, _ = _owner(bus_arn)
    return build_document(
        {
            "Sid": "Spokes",
            "Effect": "Allow",
            "Principal": "*",
            "Action": "events:PutEvents",
            "Resource": bus_arn,
            "Condition": {
                "StringEquals": {"aws:PrincipalOrgID": organization_id},
                "ArnLike": {"aws:PrincipalArn": f"arn:{partition}:iam::*:role/{SPOKE_PREFIX}*"},
                "StringLike": {"events:source": "aws.*"},
                "StringNotLike": {"events:source": "aws.partner/*"},
            },
        }
    )


def forward_events(bus_arn: str) -> Document:
    """Return a document that allows sending events to the bus of the hub."""
    return build_document({"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus_arn})


def spoke_trust(partition: str, region: str, account: str) -> Document:
    """Let EventBridge assume a role for the rules of a spoke in one account and region."""
    return build_document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnLike": {"aws:SourceArn": f"arn:{partition}:events:{region}:{account}:rule/{SPOKE_PREFIX}*"}
            },
        }
    )


def spoke_queue_policy(partition: str, region: str, account: str, queue: str, rules: Iterable[str]) -> Document:
    """Let EventBridge send undelivered events of a spoke's rules to its queue; both are given by their names."""
    return dead_letter_queue_policy(
        f"arn:{partition}:sqs:{region}:{account}:{queue}",
        [f"arn:{partition}:events:{region}:{account}:rule/{rule}" for rule in rules],
    )


def alarm_topic_policy(topic_arn: str) -> Document:
    """Let the alert path's alarms and EventBridge's rules publish to the topic.

    The alarms are limited to the topic's account and region and to the alert path's prefix. The rules are not limited.
    AWS's guide says: "You can't use Condition blocks in Amazon SNS topic policies for EventBridge" ("Using
    resource-based policies"). AWS's recorded answers say that `aws:SourceAccount` works (decision 0035). If the guide
    is right, a condition would lose every e-mail about a lost connection, so it waits for the live check L19.

    Args:
        topic_arn: `arn:aws:sns:REGION:ACCOUNT:NAME`.
    """
    partition, region, account = _owner(topic_arn)
    alarms = f"arn:{partition}:cloudwatch:{region}:{account}:alarm:{ALERT_PATH_PREFIX}*"
    publish = {"Action": "sns:Publish", "Resource": topic_arn}
    return build_document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            **publish,
            "Condition": {"ArnLike": {"aws:SourceArn": alarms}},
        },
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, **publish},
    )


def rule_trust(rule_arn: str) -> Document:
    """Let EventBridge assume a role for one rule only."""
    return build_document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
        }
    )


def log_events(log_group_arn: str, buses: Iterable[str | None]) -> Document:
    """Let alert-path rules of some buses write their events to a log group.

    EventBridge has log streams made by another service, of which no source is documented, so only the writing has a
    condition (example of the Terraform resource `aws_cloudwatch_event_target`, "CloudWatch Log Group Usage").

    Args:
        log_group_arn: `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, in the account and region of the rules.
        buses: names of the buses; None is the default bus.
    """
    partition, region, account = _owner(log_group_arn)
    paths = sorted({"" if bus is None or bus == DEFAULT_BUS else f"{bus}/" for bus in buses})
    rules = [f"arn:{partition}:events:{region}:{account}:rule/{path}{ALERT_PATH_PREFIX}*" for path in paths]
    services = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
    }
    return build_document(
        {"Sid": "MakeStreams", **services, "Action": "logs:CreateLogStream", "Resource": f"{log_group_arn}:*"},
        {
            "Sid": "WriteEvents",
            **services,
            "Action": "logs:PutLogEvents",
            "Resource": f"{log_group_arn}:*",
            "Condition": {"ArnLike": {"aws:SourceArn": rules}},
        },
    )


def state_machine_arn(neighbour_arn: str, name: str) -> str:
    """Return the ARN of a state machine in the account and region of another resource.

    The machine and its role name each other, so the ARN has to be known before the machine is there.
    """
    partition, region, account = _owner(neighbour_arn)
    return f"arn:{partition}:states:{region}:{account}:stateMachine:{name}"


def start_machine(machine_arn: str) -> Document:
    """Return a document that allows starting executions of one state machine."""
    return build_document({"Effect": "Allow", "Action": "states:StartExecution", "Resource": machine_arn})


def machine_trust(machine_arn: str) -> Document:
    """Let Step Functions assume a role for one state machine only.

    Source: Step Functions Developer Guide, "Prevent cross-service confused deputy issue".
    """
    _, _, account = _owner(machine_arn)
    return build_document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "states.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": machine_arn},
                "StringEquals": {"aws:SourceAccount": account},
            },
        }
    )


def call_slack(
    machine_arn: str, connection_arn: str, urls: Sequence[str], kms_key_arn: str | None = None
) -> list[Statement]:
    """Let a state machine call methods of Slack with the token of a connection.

    EventBridge keeps the token in a secret whose ARN ends in an ID of AWS's, so the statement ends in a wildcard.

    Sources: "Call HTTPS APIs in Step Functions workflows" (Step Functions Developer Guide).

    Args:
        machine_arn: the state machine.
        connection_arn: `arn:aws:events:REGION:ACCOUNT:connection/NAME/UUID`.
        urls: the addresses of the methods.
        kms_key_arn: the connection's customer-managed key, if it has one.
    """
    partition, region, account = _owner(connection_arn)
    name = connection_arn.split("/")[1]
    secret = f"arn:{partition}:secretsmanager:{region}:{account}:secret:events!connection/{name}/*"
    decrypt: Statement = {
        "Sid": "DecryptToken",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": kms_key_arn,
        "Condition": {"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}},
    }
    return [
        {
            "Sid": "CallSlack",
            "Effect": "Allow",
            "Action": "states:InvokeHTTPEndpoint",
            "Resource": machine_arn,
            "Condition": {"StringEquals": {"states:HTTPMethod": "POST", "states:HTTPEndpoint": list(urls)}},
        },
        {
            "Sid": "UseConnection",
            "Effect": "Allow",
            "Action": "events:RetrieveConnectionCredentials",
            "Resource": connection_arn,
        },
        {
            "Sid": "ReadToken",
            "Effect": "Allow",
            "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            "Resource": secret,
        },
        *([decrypt] if kms_key_arn else []),
    ]


def publish(topic_arn: str, *more: str) -> Statement:
    """Let a state machine publish to one or more topics."""
    topics: str | list[str] = [topic_arn, *more] if more else topic_arn
    return {"Sid": "SendMail", "Effect": "Allow", "Action": "sns:Publish", "Resource": topics}


def deliver_alerts(
    machine_arn: str, connection_arn: str, url: str, topic_arns: Sequence[str], kms_key_arn: str | None = None
) -> Document:
    """Return the permissions of the state machine that delivers alerts.

    Args:
        machine_arn: the state machine.
        connection_arn: `arn:aws:events:REGION:ACCOUNT:connection/NAME/UUID`.
        url: the address of `chat.postMessage`.
        topic_arns: the topics that get the text of an alert which Slack does not accept.
        kms_key_arn: the connection's customer-managed key, if it has one.
    """
    return build_document(
        *call_slack(machine_arn, connection_arn, [url], kms_key_arn), publish(*topic_arns), write_metrics()
    )


def write_metrics() -> Statement:
    """Let a state machine write metrics of this package; the action has no resource types."""
    return {
        "Sid": "WriteMetrics",
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}},
    }


def read_metrics() -> Statement:
    """Let a state machine read metrics; the action has neither resource types nor condition keys."""
    return {"Sid": "ReadMetrics", "Effect": "Allow", "Action": "cloudwatch:GetMetricData", "Resource": "*"}


def query_logs(log_group_arn: str, *more: str) -> Statement:
    """Let a state machine ask CloudWatch Logs Insights about log groups, and read the answers.

    Args:
        log_group_arn: `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`, without `:*` at its end.
        more: those of further log groups.
    """
    groups = [f"{arn}:*" for arn in (log_group_arn, *more)]
    return {
        "Sid": "QueryLogs",
        "Effect": "Allow",
        "Action": ["logs:StartQuery", "logs:GetQueryResults"],
        "Resource": groups if more else groups[0],
    }


def list_runs(machine_arn: str) -> Statement:
    """Let a state machine list its own executions."""
    return {"Sid": "ListRuns", "Effect": "Allow", "Action": "states:ListExecutions", "Resource": machine_arn}


def look_up_events(partition: str) -> list[Statement]:
    """Let a state machine look up recorded uses of roles in its account and region.

    Only the status of a trail has a resource; that of an organization's trail is in another account.
    """
    return [
        {
            "Sid": "LookUpEvents",
            "Effect": "Allow",
            "Action": ["cloudtrail:DescribeTrails", "cloudtrail:LookupEvents", "iam:ListRoles"],
            "Resource": "*",
        },
        {
            "Sid": "ReadTrailStatus",
            "Effect": "Allow",
            "Action": "cloudtrail:GetTrailStatus",
            "Resource": f"arn:{partition}:cloudtrail:*:*:trail/*",
        },
    ]


def list_accounts() -> Statement:
    """Let a state machine list the accounts of the organization; the action has no resource types."""
    return {"Sid": "ListAccounts", "Effect": "Allow", "Action": "organizations:ListAccounts", "Resource": "*"}


def send_events(machine_arn: str, source: str, detail_type: str, bus_name: str | None = None) -> Statement:
    """Let a state machine send events of one source and type to an event bus beside it.

    Args:
        machine_arn: the state machine.
        source: the events' source.
        detail_type: their type.
        bus_name: the bus; None for the default one.
    """
    partition, region, account = _owner(machine_arn)
    return {
        "Sid": "SendEvents",
        "Effect": "Allow",
        "Action": "events:PutEvents",
        "Resource": f"arn:{partition}:events:{region}:{account}:event-bus/{bus_name or DEFAULT_BUS}",
        "Condition": {"StringEquals": {"events:source": source, "events:detail-type": detail_type}},
    }


def merge_inline(document: Mapping[str, Any] | None, statements: Sequence[Statement]) -> Document | None:
    """Return a permission set's inline policy with the statements appended; None if it has no statement.

    A permission set has one inline policy: a second one would silently replace the first.

    Raises:
        PolicyError: AWS would refuse the result (see `inline_policy_fault`).
    """
    fault = inline_policy_fault(document, statements)
    if fault is not None:
        raise PolicyError(" ".join(fault))
    return _merged(document, statements)


def inline_policy_fault(document: Mapping[str, Any] | None, statements: Sequence[Statement]) -> tuple[str, str] | None:
    """Return the fault of the merged inline policy and its fix, or None.

    Each `Sid` must be unique unless it is empty, and the policy must fit into `INLINE_POLICY_LIMIT`.
    """
    merged = _merged(document, statements)
    if merged is None:
        return None
    sids = [sid for statement in merged["Statement"] if (sid := statement.get("Sid"))]
    repeated = sorted({sid for sid in sids if sids.count(sid) > 1})
    if repeated:
        return (
            f"Two statements have the Sid {repeated[0]}: AWS refuses such a policy. (The Deny statements of every "
            "break-glass set have Sids that begin with Protect or No.)",
            "Give one of them another Sid, or none.",
        )
    size = policy_size(merged)
    if size > INLINE_POLICY_LIMIT:
        added = size - policy_size({**merged, "Statement": statements_of(document) if document else []})
        return (
            f"Expected at most {INLINE_POLICY_LIMIT:,} bytes of inline policy, got {size:,}, {added:,} of them for the "
            "Deny statements of every break-glass set: AWS would refuse it.",
            "Move statements into a customer-managed policy and name it under customerManagedPolicies.",
        )
    return None


def statements_of(document: Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a document, which may be a list or a single statement."""
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _merged(document: Mapping[str, Any] | None, statements: Sequence[Statement]) -> Document | None:
    own = statements_of(document) if document is not None else []
    if not own and not statements:
        return None
    return {**(document or {"Version": "2012-10-17"}), "Statement": [*own, *statements]}


def build_document(*statements: Statement) -> Document:
    """Return a document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _owner(arn: str) -> tuple[str, str, str]:
    _, partition, _, region, account, _ = arn.split(":", 5)
    return partition, region, account
