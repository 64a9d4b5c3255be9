"""The checks of the alert path: rules, targets, the way to Slack, state machines and dead-letter queues.

Each compares a resource of AWS with the same resource as it was deployed. They know types of resources and no names, so
they see every rule, target, machine and queue of the stack.

Non-goals: IAM roles and the policies of queues and topics (`pulumi refresh` shows every changed property).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.cli.deployment import SECRET, Deployment, Resource
from breakglass.cli.doctor.check import Check, Judgement, Sources, call_or_none
from breakglass.cli.doctor.finding import Status
from breakglass.naming import DEFAULT_BUS

RULE = "aws:cloudwatch/eventRule"
TARGET = "aws:cloudwatch/eventTarget"
CONNECTION_TYPE = "aws:cloudwatch/eventConnection"
DESTINATION_TYPE = "aws:cloudwatch/eventApiDestination"
MACHINE_TYPE = "aws:sfn/stateMachine"
QUEUE_TYPE = "aws:sqs/queue"

_ENABLED = "ENABLED"

REDEPLOY = (
    "Find out who changed it (CloudTrail), then restore it: `pulumi refresh`, `pulumi preview --diff`, `pulumi up`."
)
"""The remedy for a resource that is missing or has changed."""

_LOST = "Events that only this resource handles are lost, without an error anywhere."

Answer = Mapping[str, Any] | None
"""An answer of AWS; None if the resource does not exist."""


def missing(kind: str, name: str) -> list[Judgement]:
    """Return the problem of a resource that AWS does not have."""
    return [Judgement(Status.fail, f"{kind} {name} does not exist in AWS.", REDEPLOY)]


def changed_properties(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Return the names of the properties with another value in AWS; secrets are not compared."""
    return [
        name
        for name, value in expected.items()
        if not _has_secret(value) and _comparable(value) != _comparable(found.get(name))
    ]


def _has_secret(value: Any) -> bool:
    return any(map(_has_secret, value.values())) if isinstance(value, dict) else value == SECRET


def _comparable(value: Any) -> Any:
    """Return JSON text as its value, and each kind of absent value as None."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return None if value in ("", {}, []) else value


# --- rules ------------------------------------------------------------------------------------------------------------


def _bus(resource: Resource) -> str:
    return str(resource.get("eventBusName") or DEFAULT_BUS)


def _look_at_rule(sources: Sources, rule: Resource) -> Answer:
    return call_or_none(
        sources.aws(rule.region), "events", "DescribeRule", Name=rule.physical_name, EventBusName=_bus(rule)
    )


def judge_rule(rule: Resource, found: Answer) -> list[Judgement]:
    """Return the problems of a rule: missing, disabled, blind to read events, or with another pattern or schedule."""
    name = rule.physical_name
    if found is None:
        return missing("The rule", name)
    problems: list[Judgement] = []
    expected, state = rule.get("state") or _ENABLED, found.get("State")
    if state == "DISABLED" and expected != state:
        problems.append(Judgement(Status.fail, f"The rule {name} is disabled.", REDEPLOY))
    elif state != expected:
        problems.append(
            Judgement(
                Status.fail,
                f"The rule {name} has the state {state}, not {expected}.",
                REDEPLOY,
                "A rule in the state ENABLED sees no read events, such as AssumeRole and GetRoleCredentials.",
            )
        )
    patterns = {"EventPattern": rule.get("eventPattern"), "ScheduleExpression": rule.get("scheduleExpression")}
    problems += [
        Judgement(Status.fail, f"The rule {name} has another {each} than deployed.", REDEPLOY)
        for each in changed_properties(patterns, found)
    ]
    return problems


RULES = Check(
    name="rule",
    why="A rule that is disabled or changed sends no alert, and nothing else reports that.",
    subjects=lambda deployment: deployment.of_type(RULE),
    look=_look_at_rule,
    judge=judge_rule,
    ok="rules in their state, with pattern or schedule as deployed: {count}",
    actions=("events:DescribeRule",),
    name_subject=lambda rule: f"the rule {rule.physical_name}",
)


# --- targets ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RuleTargets:
    """The deployed targets of a rule."""

    rule: str
    bus: str
    region: str
    targets: tuple[Resource, ...]


def _rules_with_targets(deployment: Deployment) -> list[RuleTargets]:
    targets: dict[tuple[str, str, str], list[Resource]] = {
        (rule.physical_name, _bus(rule), rule.region): [] for rule in deployment.of_type(RULE)
    }
    for target in deployment.of_type(TARGET):
        targets.setdefault((str(target.get("rule")), _bus(target), target.region), []).append(target)
    return [RuleTargets(*rule, tuple(found)) for rule, found in targets.items()]


def _look_at_targets(sources: Sources, rule: RuleTargets) -> dict[str, Mapping[str, Any]] | None:
    arguments = {"Rule": rule.rule, "EventBusName": rule.bus}
    answer = call_or_none(sources.aws(rule.region), "events", "ListTargetsByRule", **arguments)
    # A rule has at most five targets, and a page has a hundred.
    return None if answer is None else {str(each.get("Id")): each for each in answer.get("Targets") or ()}


def judge_targets(rule: RuleTargets, found: Mapping[str, Mapping[str, Any]] | None) -> list[Judgement]:
    """Return the problems of a rule's targets: missing, changed, or added by hand."""
    if found is None:
        # The check of the rules reports the rule.
        return []
    problems: list[Judgement] = []
    for target in rule.targets:
        name = str(target.get("targetId"))
        if name not in found:
            problems.append(Judgement(Status.fail, f"The rule {rule.rule} has no target {name}.", REDEPLOY, _LOST))
            continue
        changed = changed_properties(_target_properties(target), _found_properties(found[name]))
        if changed:
            problems.append(
                Judgement(
                    Status.fail,
                    f"The target {name} of the rule {rule.rule} differs from the deployed one: {', '.join(changed)}.",
                    REDEPLOY,
                )
            )
    unexpected = sorted(set(found) - {str(target.get("targetId")) for target in rule.targets})
    if unexpected:
        problems.append(
            Judgement(
                Status.warn,
                f"The rule {rule.rule} has targets that this stack did not create: {', '.join(unexpected)}.",
                "Find out who added them (CloudTrail: PutTargets), and remove them unless they are wanted.",
                "Another target gets a copy of each event, and counts against the limit of five.",
            )
        )
    return problems


def _target_properties(target: Resource) -> dict[str, Any]:
    retry = {
        "retries": _field(target, "retryPolicy", "maximumRetryAttempts"),
        "maximum age": _field(target, "retryPolicy", "maximumEventAgeInSeconds"),
    }
    return {
        "Arn": target.get("arn"),
        "RoleArn": target.get("roleArn"),
        "Input": target.get("input"),
        "InputPath": target.get("inputPath"),
        "InputPathsMap": _field(target, "inputTransformer", "inputPaths"),
        "InputTemplate": _field(target, "inputTransformer", "inputTemplate"),
        "dead-letter queue": _field(target, "deadLetterConfig", "arn"),
        # AWS has defaults for these.
        **{name: value for name, value in retry.items() if value is not None},
    }


def _field(target: Resource, key: str, name: str) -> Any:
    whole = target.get(key) or {}
    return SECRET if whole == SECRET else whole.get(name)


def _found_properties(target: Mapping[str, Any]) -> dict[str, Any]:
    transformer, retry = target.get("InputTransformer") or {}, target.get("RetryPolicy") or {}
    return {
        **{name: target.get(name) for name in ("Arn", "RoleArn", "Input", "InputPath")},
        "InputPathsMap": transformer.get("InputPathsMap"),
        "InputTemplate": transformer.get("InputTemplate"),
        "dead-letter queue": (target.get("DeadLetterConfig") or {}).get("Arn"),
        "retries": retry.get("MaximumRetryAttempts"),
        "maximum age": retry.get("MaximumEventAgeInSeconds"),
    }


TARGETS = Check(
    name="target",
    why="An alert goes to the target as it is now: to another place, with another text, or without a second chance.",
    subjects=_rules_with_targets,
    look=_look_at_targets,
    judge=judge_targets,
    ok="rules whose targets and templates are as deployed: {count}",
    actions=("events:ListTargetsByRule",),
    name_subject=lambda rule: f"the targets of the rule {rule.rule}",
)


# --- the way to Slack -------------------------------------------------------------------------------------------------

_CHANGING = frozenset({"AUTHORIZING", "CREATING", "UPDATING"})


def _look_at_connection(sources: Sources, connection: Resource) -> Answer:
    return call_or_none(sources.aws(connection.region), "events", "DescribeConnection", Name=connection.physical_name)


def judge_connection(connection: Resource, found: Answer) -> list[Judgement]:
    """Return a problem unless the connection is authorized."""
    name = connection.physical_name
    if found is None:
        return missing("The connection", name)
    state, reason = str(found.get("ConnectionState")), str(found.get("StateReason") or "")
    if state == "AUTHORIZED":
        return []
    status = Status.warn if state in _CHANGING else Status.fail
    do = (
        "Look again in a minute."
        if status is Status.warn
        else "Run `pulumi up`, which signs in again with the stack's token: docs/runbooks/slack-is-down.md."
    )
    return [Judgement(status, f"The connection {name} is {state}. {reason}", do)]


CONNECTION = Check(
    name="connection",
    why="Only an authorized connection carries the bot token, without which Slack refuses every alert.",
    subjects=lambda deployment: deployment.of_type(CONNECTION_TYPE),
    look=_look_at_connection,
    judge=judge_connection,
    ok="the connection to Slack is authorized",
    actions=("events:DescribeConnection",),
    name_subject=lambda connection: f"the connection {connection.physical_name}",
)


def _look_at_destination(sources: Sources, destination: Resource) -> Answer:
    return call_or_none(
        sources.aws(destination.region), "events", "DescribeApiDestination", Name=destination.physical_name
    )


def judge_destination(destination: Resource, found: Answer) -> list[Judgement]:
    """Return the problems of an API destination: missing, inactive, or with another address or connection."""
    name = destination.physical_name
    if found is None:
        return missing("The API destination", name)
    state = found.get("ApiDestinationState")
    inactive = [
        Judgement(
            Status.fail,
            f"The API destination {name} is {state}.",
            "Look at its connection first; then run `pulumi up`: docs/runbooks/slack-is-down.md.",
        )
    ]
    expected = {
        "ConnectionArn": destination.get("connectionArn"),
        "HttpMethod": destination.get("httpMethod"),
        "InvocationEndpoint": destination.get("invocationEndpoint"),
    }
    changed = [
        Judgement(Status.fail, f"The API destination {name} has another {each} than deployed.", REDEPLOY)
        for each in changed_properties(expected, found)
    ]
    return [*(inactive if state != "ACTIVE" else ()), *changed]


DESTINATION = Check(
    name="destination",
    why="EventBridge posts alerts to this address only while the API destination is active.",
    subjects=lambda deployment: deployment.of_type(DESTINATION_TYPE),
    look=_look_at_destination,
    judge=judge_destination,
    ok="the API destination is active, with its address as deployed",
    actions=("events:DescribeApiDestination",),
    name_subject=lambda destination: f"the API destination {destination.physical_name}",
)


# --- state machines ---------------------------------------------------------------------------------------------------


def _look_at_machine(sources: Sources, machine: Resource) -> Answer:
    return call_or_none(
        sources.aws(machine.region), "stepfunctions", "DescribeStateMachine", stateMachineArn=machine.arn or machine.id
    )


def judge_machine(machine: Resource, found: Answer) -> list[Judgement]:
    """Return the problems of a state machine: missing, not active, or with another definition or role."""
    name = machine.physical_name
    if found is None:
        return missing("The state machine", name)
    status = found.get("status")
    inactive = [Judgement(Status.fail, f"The state machine {name} is {status}.", REDEPLOY)]
    expected = {"definition": machine.get("definition"), "roleArn": machine.get("roleArn")}
    changed = [
        Judgement(Status.fail, f"The state machine {name} has another {each} than deployed.", REDEPLOY)
        for each in changed_properties(expected, found)
    ]
    return [*(inactive if status != "ACTIVE" else ()), *changed]


MACHINES = Check(
    name="machine",
    why="A changed state machine may deliver, grant or revoke something else, or nothing.",
    subjects=lambda deployment: deployment.of_type(MACHINE_TYPE),
    look=_look_at_machine,
    judge=judge_machine,
    ok="state machines active, with definition and role as deployed: {count}",
    actions=("states:DescribeStateMachine",),
    name_subject=lambda machine: f"the state machine {machine.physical_name}",
)


# --- dead-letter queues -----------------------------------------------------------------------------------------------

_COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)


def _look_at_queue(sources: Sources, queue: Resource) -> Answer:
    url = str(queue.outputs.get("url") or queue.id)
    return call_or_none(
        sources.aws(queue.region), "sqs", "GetQueueAttributes", QueueUrl=url, AttributeNames=list(_COUNTS)
    )


def judge_queue(queue: Resource, found: Answer) -> list[Judgement]:
    """Return a problem unless the dead-letter queue exists and is empty."""
    name = queue.physical_name
    if found is None:
        return missing("The dead-letter queue", name)
    attributes: Mapping[str, Any] = found.get("Attributes") or {}
    count = sum(int(attributes.get(each) or 0) for each in _COUNTS)
    if not count:
        return []
    return [
        Judgement(
            Status.fail,
            f"Dead letters in the queue {name}: {count}.",
            "Read them, tell the team, and delete them: docs/runbooks/dead-letters.md.",
        )
    ]


QUEUES = Check(
    name="queue",
    why="A dead letter is an alert, a click or a usage that was not received; SQS deletes it after 14 days.",
    subjects=lambda deployment: deployment.of_type(QUEUE_TYPE),
    look=_look_at_queue,
    judge=judge_queue,
    ok="empty dead-letter queues: {count}",
    actions=("sqs:GetQueueAttributes",),
    name_subject=lambda queue: f"the dead-letter queue {queue.physical_name}",
)

ALERT_PATH: Sequence[Check[Any, Any]] = (RULES, TARGETS, CONNECTION, DESTINATION, MACHINES, QUEUES)
