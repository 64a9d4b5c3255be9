"""`breakglass drill`: sends a drill of each watched role and of root, and finds where it stopped.

First it compares the role's rules, their targets and the way to Slack with the deployed ones, by the checks of
`breakglass doctor`. A drill that would stop there is not sent. Then:

- With confirmed delivery, the execution of the state machine says what Slack answered. Its input has the event's ID.
- With direct delivery, only EventBridge sees Slack's answer, so a person has to look at the channel.

It changes nothing: a drill has no effect but its message.

In a hub the drill goes to the hub's bus, so the spokes have no part in it: their heartbeats show their way
(`breakglass coverage`).

Root is drilled like a role, by the key of its drill events. IAM users, access and tampering have no drill.

Non-goals: drills on a schedule (`breakglass.alerts.drill_machine`); CloudTrail's part, which no drill shows.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from operator import itemgetter
from typing import Any

from breakglass.alerts.drills import drill_event, drilled_role
from breakglass.alerts.slack_errors import NO_ANSWER, SLACK_ERRORS, describe_slack_error
from breakglass.app.aws.aws import AwsError
from breakglass.cli.aws_client import AwsOperations, translate_aws_errors
from breakglass.cli.deployment import Deployment, Resource, require_account
from breakglass.cli.doctor.alert_path import (
    CONNECTION,
    CONNECTION_TYPE,
    DESTINATION,
    DESTINATION_TYPE,
    MACHINE_TYPE,
    MACHINES,
    QUEUE_TYPE,
    RULE,
    RULES,
    TARGET,
    TARGETS,
)
from breakglass.cli.doctor.check import Check, Sources
from breakglass.cli.doctor.finding import Status as Urgency
from breakglass.cli.doctor.organization import BUS_POLICY_TYPE, BUS_TYPE, HUB
from breakglass.cli.layout import format_columns, to_one_line
from breakglass.errors import CommandError, InvalidArgumentError, Problem, format_value, redact

CONFIRMED_SECONDS = 120
"""The longest wait for Slack's answer; the delivery machine tells the second channel after 75 s."""

DIRECT_SECONDS = 10
"""The wait for a dead letter with direct delivery; one that is not retried comes at once."""

TOLD_STATE = "Tell"
"""The state of the delivery machine that tells the second channel."""

PLAIN_STATE = "UsePlainText"
"""The state of the delivery machine that posts without blocks, after Slack has refused them."""

PERMISSIONS = (
    "`drill` needs events:PutEvents on the event bus of the rules; to look: events:DescribeRule, ListTargetsByRule, "
    "DescribeEventBus, DescribeConnection, DescribeApiDestination, sqs:GetQueueAttributes, "
    "states:DescribeStateMachine, ListExecutions, DescribeExecution, GetExecutionHistory."
)

_CHECKS: Sequence[Check[Any, Any]] = (HUB, RULES, TARGETS, CONNECTION, DESTINATION, MACHINES)
_SLACK_TARGET = "slack"
_RUNBOOK = "docs/runbooks/drill.md"
_SKEW_SECONDS = 300
_PAGE = 100


class Status(StrEnum):
    """The result of a drill."""

    arrived = "arrived"
    """Slack accepted its message."""
    sent = "sent"
    """No fault was found. A person has to look at the channel."""
    stopped = "stopped"


@dataclass(frozen=True)
class Result:
    """The result of a role's drill."""

    role: str
    status: Status
    what: str
    """The observation."""
    do: str = ""
    """The next step; empty if there is nothing to do."""
    stage: str = ""
    """The part of the way where it stopped: `hub`, `rule`, `target`, `connection`, `destination`, `machine`,
    `dead letter` or `slack`; empty if it did not stop."""
    seconds: float | None = None
    """The time from PutEvents to Slack's answer, if it arrived."""
    drill: str = ""
    """The event's ID, which the message shows; empty if the drill was not sent."""

    def __post_init__(self) -> None:
        # Answers of AWS and Slack are hostile text.
        for name in ("what", "do"):
            object.__setattr__(self, name, to_one_line(redact(getattr(self, name))))


@dataclass(frozen=True)
class DrillPath:
    """The way of a role's drill, as deployed.

    Attributes:
        role: the role's name in drill events.
        rule: the drill rule.
        parts: the rules with the same dead-letter queue, which are the role's, their bus and targets, and what these
            need.
        target_arn: ARN of the API destination, or of the state machine with confirmed delivery.
        channel: the ID of the Slack channel.
        queue_url: URL of the dead-letter queue; empty if the stack has none.
    """

    role: str
    rule: Resource
    parts: Deployment
    target_arn: str
    channel: str
    queue_url: str

    @property
    def is_confirmed(self) -> bool:
        """True if a state machine delivers."""
        return ":stateMachine:" in self.target_arn


@dataclass(frozen=True)
class Clock:
    """The time in seconds, and a pause of some seconds."""

    now: Callable[[], float]
    pause: Callable[[float], None]


# --- the deployed way -------------------------------------------------------------------------------------------------


def find_paths(deployment: Deployment, role: str | None) -> list[DrillPath]:
    """Return the way of each watched role's and root's drill by name, or of one.

    Raises:
        CommandError: the stack has no drill rules.
        InvalidArgumentError: it has none for this role.
    """
    rules = {found: rule for rule in deployment.of_type(RULE) if (found := drilled_role(str(rule.get("eventPattern"))))}
    if not rules:
        raise CommandError(
            Problem(
                "--stack",
                "(its rules)",
                "This stack has no rules for drills, so no drill would be answered.",
                "Write `drills: true` into the section `alerts` of its stack file, and run `pulumi up`.",
            )
        )
    if role is not None and role not in rules:
        raise InvalidArgumentError(
            Problem(
                "--role",
                format_value(role),
                "The stack has no drill rule for this role. IAM users, access and tampering have no drill: their "
                "alerts take the same way to Slack.",
                f"Write one of: {', '.join(sorted(rules))}.",
            )
        )
    return [
        _path(deployment, found, rule)
        for found, rule in sorted(rules.items(), key=itemgetter(0))
        if role in (None, found)
    ]


def _path(deployment: Deployment, role: str, rule: Resource) -> DrillPath:
    targets = deployment.of_type(TARGET)
    to_slack = [each for each in targets if each.get("targetId") == _SLACK_TARGET]
    own = next((each for each in to_slack if each.get("rule") == rule.physical_name), None)
    if own is None:
        raise CommandError(
            Problem(
                "--stack",
                format_value(rule.physical_name),
                "The rule for drills was deployed without its target, so a deployment has failed.",
                "Run `pulumi up`.",
            )
        )
    queue_arn, target_arn = _queue_arn(own), str(own.get("arn"))
    names = {each.get("rule") for each in to_slack if _queue_arn(each) == queue_arn}
    through = [each for kind in (DESTINATION_TYPE, MACHINE_TYPE) for each in deployment.of_type(kind)]
    through = [each for each in through if target_arn in (each.arn, each.id)]
    used = json.dumps([dict(each.inputs) for each in through], default=str)
    bus = rule.get("eventBusName")
    parts = [
        *(each for each in deployment.of_type(BUS_TYPE) if each.physical_name == bus),
        *(each for each in deployment.of_type(BUS_POLICY_TYPE) if each.get("eventBusName") == bus),
        *(each for each in deployment.of_type(RULE) if each.physical_name in names),
        *(each for each in targets if each.get("rule") in names),
        *through,
        *(each for each in deployment.of_type(CONNECTION_TYPE) if each.arn and each.arn in used),
    ]
    queue = next((each for each in deployment.of_type(QUEUE_TYPE) if each.arn == queue_arn), None)
    return DrillPath(
        role=role,
        rule=rule,
        parts=Deployment(tuple(parts), {}),
        target_arn=target_arn,
        channel=_channel(own),
        queue_url=str(queue.outputs.get("url") or queue.id) if queue else "",
    )


def _queue_arn(target: Resource) -> Any:
    return (target.get("deadLetterConfig") or {}).get("arn")


def _channel(target: Resource) -> str:
    try:
        return str(json.loads((target.get("inputTransformer") or {})["inputTemplate"])["channel"])
    except (ValueError, KeyError, TypeError):
        return "(unknown)"


# --- before it is sent ------------------------------------------------------------------------------------------------


def inspect(path: DrillPath, sources: Sources) -> Result | None:
    """Return where the drill would stop; None if the way is as deployed.

    Raises:
        CommandError: AWS does not show a part of it.
    """
    for check in _CHECKS:
        for subject in check.subjects(path.parts):
            for finding in check.examine(sources, subject):
                if finding.status is Urgency.unknown:
                    raise CommandError(Problem(f"AWS: {check.name}", "(not shown)", finding.what, PERMISSIONS))
                if finding.status is Urgency.fail:
                    return Result(path.role, Status.stopped, finding.what, finding.do, stage=check.name)
    return None


# --- the execution of the delivery machine ----------------------------------------------------------------------------


def judge_execution(
    path: DrillPath, drill: str, execution: Mapping[str, Any], history: Sequence[Mapping[str, Any]]
) -> Result | None:
    """Return the result of a drill with confirmed delivery; None while Slack has not answered.

    Args:
        path: the way of the drill.
        drill: the event's ID.
        execution: the answer of DescribeExecution.
        history: the events of GetExecutionHistory, the newest first.
    """
    status = execution.get("status")
    entered = {(event.get("stateEnteredEventDetails") or {}).get("name") for event in history}
    if status == "SUCCEEDED":
        where = f"Slack accepted the message in channel {path.channel}"
        if PLAIN_STATE not in entered:
            return Result(path.role, Status.arrived, f"{where}.", drill=drill)
        refusal = _last_error(history)
        what = f"{where}, but only as plain text: it refused the layout ({refusal})."
        return Result(path.role, Status.arrived, what, describe_slack_error(refusal).fix, drill=drill)
    if status == "RUNNING" and TOLD_STATE not in entered:
        return None
    error = _last_error(history) or str(execution.get("error") or status)
    # Slack's codes have no full stop; a name of Step Functions that is not of a call of Slack is the machine's fault.
    if "." in error and error not in SLACK_ERRORS and not error.startswith(("States.Http.", "Events.Connection")):
        what = f"The state machine failed: {error}. {execution.get('cause') or ''}"
        return Result(path.role, Status.stopped, what, "See docs/runbooks/alarms.md.", stage="machine", drill=drill)
    failure = describe_slack_error(error)
    what = f"Slack did not accept the message in channel {path.channel}: {failure.words} ({error[:100]})."
    return Result(path.role, Status.stopped, what, failure.fix, stage="slack", drill=drill)


def answered_at(execution: Mapping[str, Any], history: Iterable[Mapping[str, Any]]) -> float | None:
    """Return the time of Slack's last answer; without one, that of the end of the execution."""
    times = (event.get("timestamp") for event in history if _answer(event) is not None)
    found = next(times, None) or execution.get("stopDate")
    return found.timestamp() if isinstance(found, datetime) else None


def _last_error(history: Iterable[Mapping[str, Any]]) -> str:
    """Return the newest error of a call of Slack, Slack's code or Step Functions' name; empty without one."""
    for event in history:
        body = _answer(event)
        if body is not None and body.get("ok") is not True:
            return str(body.get("error") or NO_ANSWER)
        failed = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails") or {}
        if _is_of_slack(failed):
            return str(failed.get("error") or "")
    return ""


def _is_of_slack(details: Mapping[str, Any]) -> bool:
    """Return true if the details of an event are of a call of Slack, an HTTP Task."""
    resource = str(details.get("resource") or "")
    # AWS splits the ARN of the task, MiniStack does not.
    return (details.get("resourceType"), resource) == ("http", "invoke") or resource.endswith(":http:invoke")


def _answer(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the body that Slack answered in an event of a history; None for another event."""
    try:
        result = json.loads((event.get("taskSucceededEventDetails") or {}).get("output") or "null")
    except ValueError:
        return None
    if not isinstance(result, dict) or "StatusCode" not in result:
        return None
    body = result.get("ResponseBody")
    return body if isinstance(body, dict) else {}


# --- sending and waiting ----------------------------------------------------------------------------------------------


@dataclass
class _Flight:
    """A drill that was sent, and what is known of it."""

    path: DrillPath
    drill: str
    sent_at: float
    dead_letters: int | None
    execution: str | None = None
    result: Result | None = None


@dataclass
class Drills:
    """Sends drills of a stack, and waits for them.

    Attributes:
        sources: AWS, and the display of progress.
        clock: the time, and pauses.
    """

    sources: Sources
    clock: Clock
    _inputs: dict[str, str] = field(default_factory=dict)
    """By ARN of an execution: the event ID in its input."""

    def run(self, deployment: Deployment, paths: Sequence[DrillPath]) -> list[Result]:
        """Send a drill on each path and return the results in the same order.

        It looks at every path before it sends the first drill, so a refused look sends none.

        Raises:
            CommandError: the credentials are of another account, or AWS refuses or does not respond.
        """
        require_account(deployment, self.sources.aws(deployment.region))
        with translate_aws_errors(deployment.account, deployment.region, PERMISSIONS):
            stopped: dict[str, Result] = {}
            for path in paths:
                self.sources.report(f"looking at the way of {path.role}")
                found = inspect(path, self.sources)
                if found is not None:
                    stopped[path.role] = found
            flights = {path.role: self._send(path) for path in paths if path.role not in stopped}
            self._wait(list(flights.values()))
        return [stopped.get(path.role) or _ended(flights[path.role]) for path in paths]

    def _send(self, path: DrillPath) -> _Flight:
        before = self._dead_letters(path)
        sent_at = self.clock.now()
        bus = path.rule.get("eventBusName")
        event = {**drill_event(path.role), **({"EventBusName": bus} if bus else {})}
        (entry,) = self._aws(path).call("events", "PutEvents", Entries=[event])["Entries"]
        if "EventId" not in entry:
            raise AwsError(str(entry.get("ErrorCode")), str(entry.get("ErrorMessage")), 400, "PutEvents")
        return _Flight(path, str(entry["EventId"]), sent_at, before)

    def _wait(self, flights: Sequence[_Flight]) -> None:
        began = self.clock.now()
        while (waited := self.clock.now() - began) < CONFIRMED_SECONDS:
            waiting = [each for each in flights if each.result is None]
            if waited >= DIRECT_SECONDS:
                waiting = [each for each in waiting if each.path.is_confirmed]
            if not waiting:
                return
            self.sources.report(f"waiting for {', '.join(each.path.role for each in waiting)}")
            self.clock.pause(1)
            self._find_executions(waiting)
            for each in waiting:
                each.result = self._observe(each)

    def _observe(self, flight: _Flight) -> Result | None:
        path = flight.path
        if flight.execution is None:
            return self._dead_letter(flight)
        states = self._aws(path)
        execution = states.call("stepfunctions", "DescribeExecution", executionArn=flight.execution)
        history = states.call(
            "stepfunctions",
            "GetExecutionHistory",
            executionArn=flight.execution,
            reverseOrder=True,
            maxResults=_PAGE,
            includeExecutionData=True,
        )["events"]
        result = judge_execution(path, flight.drill, execution, history)
        if result is None or result.status is not Status.arrived:
            return result
        # Not more than was waited here, if this machine's clock differs from AWS's.
        waited = self.clock.now() - flight.sent_at
        answered = answered_at(execution, history)
        seconds = waited if answered is None else min(max(answered - flight.sent_at, 0.0), waited)
        return replace(result, seconds=round(seconds, 2))

    def _find_executions(self, flights: Sequence[_Flight]) -> None:
        """Find the executions with the drills in their input; each machine is asked once, since roles share it."""
        sought = [each for each in flights if each.path.is_confirmed and each.execution is None]
        since = min((each.sent_at for each in sought), default=0.0) - _SKEW_SECONDS
        for machine_arn, path in {each.path.target_arn: each.path for each in sought}.items():
            states = self._aws(path)
            listed = states.call("stepfunctions", "ListExecutions", stateMachineArn=machine_arn, maxResults=_PAGE)
            for each in listed["executions"]:
                arn = str(each["executionArn"])
                if arn not in self._inputs and each["startDate"].timestamp() > since:
                    described = states.call("stepfunctions", "DescribeExecution", executionArn=arn)
                    self._inputs[arn] = _event_id(described.get("input"))
        found = {event_id: arn for arn, event_id in self._inputs.items()}
        for flight in sought:
            flight.execution = found.get(flight.drill)

    def _dead_letter(self, flight: _Flight) -> Result | None:
        before, now = flight.dead_letters, self._dead_letters(flight.path)
        if before is None or now is None or now <= before:
            return None
        return Result(
            flight.path.role,
            Status.stopped,
            "EventBridge could not deliver the drill: since then the dead-letter queue has a message more.",
            "Read it, and repair its cause: docs/runbooks/dead-letters.md.",
            stage="dead letter",
            drill=flight.drill,
        )

    def _dead_letters(self, path: DrillPath) -> int | None:
        """Return the number of dead letters; None without a queue."""
        if not path.queue_url:
            return None
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._aws(path).call("sqs", "GetQueueAttributes", QueueUrl=path.queue_url, AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def _aws(self, path: DrillPath) -> AwsOperations:
        return self.sources.aws(path.rule.region)


def _event_id(given: Any) -> str:
    """Return the event ID in the input of an execution; empty without one."""
    try:
        return str(json.loads(given)["metadata"]["event_payload"]["event_id"])
    except (ValueError, KeyError, TypeError):
        return ""


def _ended(flight: _Flight) -> Result:
    """Return the result of a drill at the end of the wait."""
    if flight.result is not None:
        return flight.result
    path, drill = flight.path, flight.drill
    if not path.is_confirmed:
        return Result(
            path.role,
            Status.sent,
            "EventBridge took the drill. Its rule, target, destination and connection are as deployed, and no dead "
            "letter came. With direct delivery, only EventBridge sees what Slack answered.",
            f"Look at channel {path.channel} for the message of drill {drill}. If it is not there within a minute, "
            f"Slack did not accept it: {_RUNBOOK}.",
            drill=drill,
        )
    if flight.execution is None:
        return Result(
            path.role,
            Status.stopped,
            f"EventBridge started no execution of the state machine within {CONFIRMED_SECONDS} s, and no dead letter "
            "came.",
            f"Look again in some minutes: EventBridge may be late. Then see {_RUNBOOK}.",
            stage="target",
            drill=drill,
        )
    return Result(
        path.role,
        Status.stopped,
        f"Slack has not answered within {CONFIRMED_SECONDS} s. The execution goes on: {flight.execution}",
        "See https://slack-status.com and docs/runbooks/slack-is-down.md.",
        stage="slack",
        drill=drill,
    )


# --- output -----------------------------------------------------------------------------------------------------------


def to_json(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return objects with role, status, stage, seconds, drill, what and do; seconds is a number or null."""
    keys = ("role", "status", "stage", "seconds", "drill", "what", "do")
    return [{key: asdict(result)[key] for key in keys} for result in results]


def to_text(results: Sequence[Result]) -> str:
    """Return a paragraph for each result."""
    return "\n\n".join("\n".join(_lines(result)) for result in results)


def _lines(result: Result) -> list[str]:
    after = f" after {result.seconds} s" if result.seconds is not None else ""
    where = f" at: {result.stage}" if result.stage else ""
    rows = [("what:", result.what), ("do:", result.do)]
    return [
        f"{to_one_line(result.role)}  {result.status.upper()}{after}{where}",
        *format_columns([row for row in rows if row[1]]),
    ]
