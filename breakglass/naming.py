"""Physical names of the resources on the alert path and of the approvals.

All of them begin with one fixed prefix: a break-glass permission set is denied tampering with the alert path by that
prefix (`breakglass.iam`), since the alerts may live in another account than the permission sets.

The functions and the state machine of the approvals name each other in their settings and policies. Since names are
computed, none of them has to wait for another.

Non-goals: Pulumi's logical names, which the components choose; IDs of AWS's own (the API, the service control policy).
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

ALERT_PATH_PREFIX = "breakglass-"
"""What the physical name of every resource of the alert path and the approvals begins with."""

VENDED_LOGS_PREFIX = "/aws/vendedlogs/"
"""What the name of a log group begins with that an AWS service delivers to.

A service that delivers to another log group adds a statement to the resource policy that all log groups of the account
share. It has 5,120 characters. Under this prefix the policy stays short (CloudWatch Logs User Guide, "Log delivery that
requires permissions": "log group resource policy size limit considerations").
"""

PROTECTED_TAG = {"breakglass-protected": "true"}
"""Tag on what the Deny can't know by its name."""

_DIGEST_LENGTH = 8


def physical_name(logical: str, limit: int = 64) -> str:
    """Name a resource of the alert path after its logical name.

    A logical name that fits comes through unchanged behind the prefix. One that has to be shortened, or respelled in
    the alphabet that EventBridge, SQS, SNS, IAM and CloudWatch all accept, ends in a digest of the logical name, so
    that two logical names don't meet in one physical name.

    Args:
        logical: the logical name, unique within the stack; any text.
        limit: how many characters the service allows, e.g. 64 for an EventBridge rule.

    Returns:
        At most `limit` characters of `[A-Za-z0-9_-]`, beginning with `ALERT_PATH_PREFIX`.

    Raises:
        ValueError: `limit` leaves no room for a name between the prefix and the digest.
    """
    room = limit - len(ALERT_PATH_PREFIX)
    if room <= _DIGEST_LENGTH + 1:
        raise ValueError(f"A limit of {limit} characters leaves no room for a name behind {ALERT_PATH_PREFIX!r}.")
    spelled = re.sub(r"[^A-Za-z0-9_-]", "-", logical)
    if spelled == logical and len(logical) <= room:
        return ALERT_PATH_PREFIX + logical
    digest = hashlib.sha256(logical.encode()).hexdigest()[:_DIGEST_LENGTH]
    return f"{ALERT_PATH_PREFIX}{spelled[: room - _DIGEST_LENGTH - 1]}-{digest}"


def vended_log_group(logical: str) -> str:
    """Name a log group that an AWS service delivers to after its logical name.

    Args:
        logical: the logical name, unique within the stack; any text.

    Returns:
        `VENDED_LOGS_PREFIX` with a `physical_name` behind it.
    """
    return VENDED_LOGS_PREFIX + physical_name(logical)


class AppFunction(StrEnum):
    """A Lambda function: the value is in its physical name, the name is its module in `app.entrypoints`."""

    receiver = "receiver"
    """Answers Slack."""
    interactions = "interactions"
    """Talks to people: what was clicked, and the steps of the state machine that concern them."""
    provisioner = "provisioner"
    """Makes assignments and takes them back: the other steps of the state machine."""
    reconciler = "reconciler"
    """Runs every few minutes and takes back what outlived its time, whatever became of the state machine."""
    usage_recorder = "usage-recorder"
    """Records every use that the alert path sees."""


WITH_DEAD_LETTERS = (AppFunction.interactions, AppFunction.usage_recorder)
"""Functions that are called without waiting, with what nobody sends again: a click, and a use."""

METRICS_NAMESPACE = "Breakglass"
"""Namespace of the metrics that the functions write."""

METRICS_DIMENSION = "Stack"
"""Their only dimension; its value is the name of the `Approvals`."""


class Metric(StrEnum):
    """What the functions count: the reconciler in every run, and `interactions` what is refused for good."""

    runs = "ReconcilerRuns"
    """1 for every run that came to its end, whatever failed in it."""
    failures = "ReconcilerFailures"
    """Parts, accounts, records and messages that could not be seen to."""
    overdue_explanations = "OverdueExplanations"
    """Uses that should be explained and signed off by now."""
    unrecorded_assignments = "UnrecordedAssignments"
    """Assignments of break-glass sets that neither a request nor the stack file made."""
    stuck_requests = "StuckRequests"
    """Requests that had to be taken further."""
    unrevoked_grants = "UnrevokedGrants"
    """Assignments that should be gone and are not."""
    undenied_sessions = "UndeniedSessions"
    """Ended accesses whose live sessions go on, since the policy that ends sessions did not take the Deny."""
    missing_announcements = "MissingAnnouncements"
    """Broken glasses that have not been announced everywhere, or need no explanation yet, for five minutes."""
    permanent_refusals = "PermanentRefusals"
    """Clicks that could not be done since AWS or Slack refuses something until it is repaired."""


@dataclass(frozen=True)
class Names:
    """Physical names of the parts of one `Approvals`.

    Attributes:
        stack: its logical name.
    """

    stack: str

    def function(self, app_function: AppFunction) -> str:
        """Return the name of a function, its role and its log group."""
        return physical_name(f"{self.stack}-{app_function}")

    def dead_letters(self, app_function: AppFunction) -> str:
        """Return the name of the queue for what a function could not do."""
        return physical_name(f"{self.stack}-{app_function}-dead-letters")

    @property
    def table(self) -> str:
        """The table's name."""
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
    """ARNs of the resources of one `Approvals`.

    Attributes:
        names: their names.
        partition: of AWS.
        region: of all of them.
        account: of all of them.
    """

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
        """Return the ARN of the queue for what a function could not do."""
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
