"""Physical names, ARNs and metric names of the alert path and the approvals.

All names begin with one fixed prefix: a Deny on that prefix keeps a break-glass session away from the alert path
(`breakglass.iam.protection`), since the alerts may be in another account than the permission sets.

The functions and the state machine of the approvals name each other in their settings and IAM policies. Since names
are computed, no resource waits for another.

Non-goals: Pulumi's logical names, which the components choose; IDs that AWS assigns (the API, the service control
policy).
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

ALERT_PATH_PREFIX = "breakglass-"
"""Prefix of the physical name of every resource of the alert path and the approvals."""

VENDED_LOGS_PREFIX = "/aws/vendedlogs/"
"""Prefix of log groups that AWS services deliver to.

For another log group, the service adds a statement to the resource policy that all log groups of the account share,
which has at most 5,120 characters. With this prefix the resource policy stays short (CloudWatch Logs User Guide, "Log
delivery that requires permissions": "log group resource policy size limit considerations").
"""

EVENTS_LOG_PREFIX = "/aws/events/"
"""Prefix of log groups that are targets of EventBridge rules."""

SPOKE_PREFIX = f"{ALERT_PATH_PREFIX}spoke-"
"""Prefix of the physical name of every resource of a spoke, the same in each account and region."""

SPOKE_QUEUE = f"{SPOKE_PREFIX}dead-letters"
"""Name of the dead-letter queue of a spoke."""

SPOKE_STACK_SET = f"{ALERT_PATH_PREFIX}spokes"
"""Name of the CloudFormation StackSet that makes the spokes of an organization."""

PROTECTED_TAG = {"breakglass-protected": "true"}
"""Tag of resources that the Deny can't identify by name."""

NAME_LIMIT = 64
"""The most characters of a physical name that all services accept."""

_DIGEST_LENGTH = 8


def physical_name(logical: str, limit: int = NAME_LIMIT) -> str:
    """Return the physical name for a logical name, which is any text unique within the stack.

    A logical name that fits is unchanged behind the prefix. One that must be shortened, or respelled in the alphabet
    that EventBridge, SQS, SNS, IAM and CloudWatch all accept, ends in a digest of the logical name, so two logical
    names never share a physical name.

    Returns:
        At most `limit` characters of `[A-Za-z0-9_-]`, beginning with `ALERT_PATH_PREFIX`.

    Raises:
        ValueError: `limit` leaves no room for a name between the prefix and the digest.
    """
    room = limit - len(ALERT_PATH_PREFIX)
    if room <= _DIGEST_LENGTH + 1:
        raise ValueError(f"A limit of {limit} characters leaves no room for a name behind {ALERT_PATH_PREFIX!r}.")
    spelled = _respell(logical)
    if spelled == logical and len(logical) <= room:
        return ALERT_PATH_PREFIX + logical
    digest = hashlib.sha256(logical.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{ALERT_PATH_PREFIX}{spelled[: room - _DIGEST_LENGTH - 1]}-{digest}"


def stack_prefix(stack: str) -> str:
    """Return the prefix of the physical names of a stack's resources, e.g. `breakglass-prod-`.

    A stack whose name begins with that of another stack and a hyphen also has the other one's prefix.

    Args:
        stack: The stack's name, with which each of its logical names begins.
    """
    kept = NAME_LIMIT - len(ALERT_PATH_PREFIX) - _DIGEST_LENGTH - 1
    return ALERT_PATH_PREFIX + f"{_respell(stack)}-"[:kept]


def _respell(logical: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", logical)


def vended_log_group(logical: str) -> str:
    """Return the physical name of a log group that an AWS service delivers to."""
    return VENDED_LOGS_PREFIX + physical_name(logical)


def events_log_group(logical: str) -> str:
    """Return the physical name of a log group that is the target of EventBridge rules."""
    return EVENTS_LOG_PREFIX + physical_name(logical)


def hub_bus(stack: str) -> str:
    """Return the physical name of the event bus of a hub, e.g. `breakglass-prod-hub`.

    Args:
        stack: The stack's name.
    """
    return physical_name(f"{stack}-hub")


def spoke_role(region: str) -> str:
    """Return the physical name of the role of a spoke, a global resource of a region."""
    return SPOKE_PREFIX + region


class AppFunction(StrEnum):
    """A Lambda function: the value is in its physical name, the name is its module in `app.entrypoints`."""

    receiver = "receiver"
    """Answers Slack."""
    interactions = "interactions"
    """Handles clicks, and the steps of the state machine that write to people."""
    provisioner = "provisioner"
    """Creates and deletes assignments: the other steps of the state machine."""
    reconciler = "reconciler"
    """Runs every few minutes and revokes overdue access, even if the state machine has failed."""
    usage_recorder = "usage-recorder"
    """Records every use on the alert path."""


WITH_DEAD_LETTERS = (AppFunction.interactions, AppFunction.usage_recorder)
"""Functions that are called asynchronously, with events that are not sent again: a click, and a use."""

METRICS_NAMESPACE = "Breakglass"
"""Namespace of the metrics that the functions and the state machines write."""

METRICS_DIMENSION = "Stack"
"""Dimension of all of them: the name of the `Approvals`, or the `stack` of the component of the alert path."""

DEFAULT_BUS = "default"
"""Name of an account's default event bus; in a deployed stack, also of the bus of a rule that names none."""

CHANNEL_DIMENSION = "Channel"
"""Second dimension of `AlertMetric.slack_reachable`: the ID of a Slack channel."""


Text = TypeVar("Text")


def rule_dimensions(rule_name: Text, bus_name: Text | None = None) -> dict[str, Text]:
    """Return the dimensions of EventBridge's metrics of a rule.

    Source: "Monitoring Amazon EventBridge" (Amazon EventBridge User Guide)

    Args:
        rule_name: The rule's name.
        bus_name: The name of its event bus; None or `default` for the default event bus.
    """
    if bus_name is None or bus_name == DEFAULT_BUS:
        return {"RuleName": rule_name}
    return {"EventBusName": bus_name, "RuleName": rule_name}


class Metric(StrEnum):
    """Metrics of the functions: of each run of the reconciler, and of clicks."""

    runs = "ReconcilerRuns"
    """1 for every finished run, even one with failures."""
    failures = "ReconcilerFailures"
    """Steps, accounts, records and messages that failed in a run."""
    overdue_explanations = "OverdueExplanations"
    """Uses without an accepted explanation in time."""
    unrecorded_assignments = "UnrecordedAssignments"
    """Assignments of break-glass sets that neither a request nor the stack file made."""
    stuck_requests = "StuckRequests"
    """Requests that the reconciler had to resume."""
    unrevoked_grants = "UnrevokedGrants"
    """Assignments that are overdue for deletion."""
    undenied_sessions = "UndeniedSessions"
    """Ended access with live sessions, since the service control policy did not accept the Deny."""
    missing_announcements = "MissingAnnouncements"
    """Requests without approval whose announcements, or required explanation, are missing for five minutes."""
    permanent_refusals = "PermanentRefusals"
    """Clicks that failed because AWS or Slack refuses a call until a repair."""
    broken_glass = "BrokenGlass"
    """Requests whose requester took access without approval."""


class AlertMetric(StrEnum):
    """Metrics of the alert path, which its state machines write."""

    slack_reachable = "SlackReachable"
    """1 if Slack would show a message in the channel, else 0; of each run of the probe."""
    drill_seconds = "DrillSeconds"
    """Seconds from a drill's event to Slack's `ok: true`; only with confirmed delivery."""
    drills_sent = "DrillsSent"
    """Drills that a run of the schedule sent, written when it has counted the late ones."""
    late_drills = "LateDrills"
    """Drills of a run of the schedule that were not delivered in time; 0 in a run without drills."""
    alerts_late = "AlertsLate"
    """Alerts that Slack refused at first and accepted later; only with confirmed delivery."""
    uses_without_alert = "UsesWithoutAlert"
    """Uses that CloudTrail recorded and no rule fired on; 0 in a run of the witness that found none."""
    active_trails = "ActiveTrails"
    """Trails that log in the region, of each run of a witness that asks CloudTrail itself."""
    missing_spokes = "MissingSpokes"
    """Spokes of which a roll call found no heartbeat; of each roll call that has reported."""


@dataclass(frozen=True)
class Names:
    """Physical names of the resources of one `Approvals`, by its logical name."""

    stack: str

    def function(self, app_function: AppFunction) -> str:
        """Return the name of a function, its role and its log group."""
        return physical_name(f"{self.stack}-{app_function}")

    def dead_letters(self, app_function: AppFunction) -> str:
        """Return the name of a function's dead-letter queue."""
        return physical_name(f"{self.stack}-{app_function}-dead-letters")

    @property
    def table(self) -> str:
        """The name of the table."""
        return physical_name(f"{self.stack}-records", limit=255)

    @property
    def machine(self) -> str:
        """The name of the state machine and its role."""
        return physical_name(f"{self.stack}-workflow")

    @property
    def machine_log(self) -> str:
        """The name of the log group that Step Functions delivers to."""
        return vended_log_group(f"{self.stack}-workflow")


@dataclass(frozen=True)
class ResourceArns:
    """ARNs of the resources of one `Approvals`, which are in one partition, region and account."""

    names: Names
    partition: str
    region: str
    account: str

    def function_arn(self, app_function: AppFunction) -> str:
        """Return the ARN of a function."""
        return self._arn("lambda", f"function:{self.names.function(app_function)}")

    def log_group_arn(self, app_function: AppFunction) -> str:
        """Return the ARN of a function's log group."""
        return self._arn("logs", f"log-group:{self.names.function(app_function)}")

    def dead_letters_arn(self, app_function: AppFunction) -> str:
        """Return the ARN of a function's dead-letter queue."""
        return self._arn("sqs", self.names.dead_letters(app_function))

    @property
    def table_arn(self) -> str:
        """The table's ARN."""
        return self._arn("dynamodb", f"table/{self.names.table}")

    @property
    def machine_arn(self) -> str:
        """The state machine's ARN."""
        return self._arn("states", f"stateMachine:{self.names.machine}")

    @property
    def executions_arn(self) -> str:
        """The ARN of all executions of the state machine."""
        return self._arn("states", f"execution:{self.names.machine}:*")

    @property
    def alert_rules_arn(self) -> str:
        """The ARN of all rules of the alert path, which send uses to the usage recorder."""
        return self._arn("events", f"rule/{ALERT_PATH_PREFIX}*")

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
