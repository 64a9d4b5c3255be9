"""The parts of the approvals in AWS: what they are called, and their ARNs, known before any of them is made.

The functions and the state machine name each other in their settings and policies. Since names are computed, none of
them has to wait for another.

Non-goals: what has an id of AWS's own (the API, the service control policy) or comes from elsewhere (the secrets).
"""

from dataclasses import dataclass
from enum import StrEnum

from breakglass.detection.names import ALERT_PATH_PREFIX, physical_name, vended_log_group


class Part(StrEnum):
    """A function, called after the module of `breakglass.lambdas.handlers` that it runs."""

    front = "front"
    """Answers Slack."""
    desk = "desk"
    """Talks to people: what was clicked, and the steps of the state machine that concern them."""
    access = "access"
    """Makes assignments and takes them back: the other steps of the state machine."""
    sweeper = "sweeper"
    """Runs every few minutes and takes back what outlived its time, whatever became of the state machine."""
    recorder = "recorder"
    """Records every use that the alert path sees."""


WITH_DEAD_LETTERS = (Part.desk, Part.recorder)
"""Functions that are called without waiting, with what nobody sends again: a click, and a use."""

METRICS_NAMESPACE = "Breakglass"
"""Namespace of the metrics that the functions write."""

METRICS_DIMENSION = "Stack"
"""Their only dimension; its value is the name of the `Approvals`."""


class Metric(StrEnum):
    """What the functions count: the sweeper in every run, and `desk` what is refused for good."""

    runs = "SweeperRuns"
    """1 for every run that came to its end, whatever failed in it."""
    failures = "SweeperFailures"
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

    def function(self, part: Part) -> str:
        """Return the name of a function, its role and its log group."""
        return physical_name(f"{self.stack}-{part}")

    def dead_letters(self, part: Part) -> str:
        """Return the name of the queue for what a function could not do."""
        return physical_name(f"{self.stack}-{part}-dead-letters")

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
class Place:
    """Where the parts are.

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

    def function_arn(self, part: Part) -> str:
        """Return the ARN of a function."""
        return self._arn("lambda", f"function:{self.names.function(part)}")

    def log_group_arn(self, part: Part) -> str:
        """Return the ARN of a function's log group."""
        return self._arn("logs", f"log-group:{self.names.function(part)}")

    def dead_letters_arn(self, part: Part) -> str:
        """Return the ARN of the queue for what a function could not do."""
        return self._arn("sqs", self.names.dead_letters(part))

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
        """The ARN of all rules of the alert path, which send uses to the recorder."""
        return self._arn("events", f"rule/{ALERT_PATH_PREFIX}*")

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"
