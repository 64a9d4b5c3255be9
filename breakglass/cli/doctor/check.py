"""A check of `breakglass doctor`: its subjects, its look at AWS, and its pure judgement.

A check looks at each of its subjects on its own, so a refused call makes one finding unknown and no other.

Non-goals: the checks themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from breakglass.app.aws.aws import AwsError
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.ports import Clock, Directory, Slack, Store
from breakglass.cli.aws_client import FORBIDDEN_CODES, AwsOperations
from breakglass.cli.deployment import Deployment
from breakglass.cli.doctor.finding import Finding, Status
from breakglass.cli.stack_outputs import StackOutputs
from breakglass.errors import CommandError

Subject = TypeVar("Subject")
Observation = TypeVar("Observation")


@dataclass(frozen=True)
class Sources:
    """The sources of observations; nothing here changes anything.

    Attributes:
        aws: returns the operations of AWS in a region.
        directory: returns the identity store of a policy.
        store: returns the records of the approvals.
        slack: returns Slack with the bot token in a secret; raises AwsError if the secret can't be read.
        clock: the time.
        report: shows the current activity.
    """

    aws: Callable[[str], AwsOperations]
    directory: Callable[[ApprovalPolicy], Directory]
    store: Callable[[StackOutputs], Store]
    slack: Callable[[ApprovalPolicy, str], Slack]
    clock: Clock
    report: Callable[[str], None]


MISSING_CODES = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchEntity",
        "NoSuchEntityException",
        "NotFound",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
"""AWS's error codes for a resource that does not exist, of all services here."""


@dataclass(frozen=True)
class Judgement:
    """A judgement of one subject; the default of `why` is that of its check."""

    status: Status
    what: str
    do: str
    why: str = ""


@dataclass(frozen=True)
class Check(Generic[Subject, Observation]):
    """A check.

    Attributes:
        name: its name in findings.
        why: the reason why it matters.
        subjects: returns the parts of the deployment that it looks at; without any it has no finding.
        look: asks AWS about one subject.
        judge: returns the judgements of a subject, from what AWS answered; none if it is fine.
        ok: the finding if there is no judgement of any subject; `{count}` is the number of subjects.
        actions: IAM actions that it needs.
        name_subject: returns the name of a subject in findings.
    """

    name: str
    why: str
    subjects: Callable[[Deployment], Sequence[Subject]]
    look: Callable[[Sources, Subject], Observation]
    judge: Callable[[Subject, Observation], list[Judgement]]
    ok: str
    actions: tuple[str, ...]
    name_subject: Callable[[Subject], str]

    def examine(self, sources: Sources, subject: Subject) -> list[Finding]:
        """Return the findings about a subject; none if it is fine."""
        try:
            judgements = self.judge(subject, self.look(sources, subject))
        except AwsError as error:
            judgements = [self._not_seen(error, subject)]
        except CommandError as error:
            what = f"{self.name_subject(subject)}: {error.problem.why}"
            judgements = [Judgement(Status.unknown, what, error.problem.instead)]
        except Exception as error:
            # An answer of another shape than AWS documents must not hide the findings of the other checks.
            what = f"{self.name_subject(subject)} could not be examined ({type(error).__name__}: {error})."
            judgements = [Judgement(Status.unknown, what, "Report it to the maintainers of breakglass.")]
        return [self.finding(judgement) for judgement in judgements]

    def finding(self, judgement: Judgement) -> Finding:
        """Return the finding of a judgement."""
        return Finding(self.name, judgement.status, judgement.what, judgement.why or self.why, judgement.do)

    def fine(self, count: int) -> Finding:
        """Return the finding if all subjects are fine."""
        return Finding(self.name, Status.ok, self.ok.format(count=count), self.why, "")

    def _not_seen(self, error: AwsError, subject: Subject) -> Judgement:
        return not_seen(self.name_subject(subject), error, self.actions)


def not_seen(subject: str, error: AwsError, actions: Sequence[str]) -> Judgement:
    """Return the judgement of a subject that AWS does not show."""
    what = f"{subject} could not be read: AWS refused {error.operation} ({error.code}). {error.message}"
    if error.code in FORBIDDEN_CODES:
        needed = [action for action in actions if action.endswith(f":{error.operation}")] or actions
        return Judgement(Status.unknown, what, f"Allow {', '.join(needed)} to your role: docs/runbooks/doctor.md.")
    if error.status == 0:
        what = f"{subject} could not be read: AWS did not respond to {error.operation}. {error.message}"
        return Judgement(Status.unknown, what, "Check this machine's network path to AWS, and try again.")
    return Judgement(Status.unknown, what, "Try again in a moment.")


def call_or_none(aws: AwsOperations, service: str, operation: str, **arguments: Any) -> dict[str, Any] | None:
    """Call an operation; return None if the resource does not exist.

    Raises:
        AwsError: AWS refused the call for another reason, or did not answer.
    """
    try:
        return aws.call(service, operation, **arguments)
    except AwsError as error:
        if error.code in MISSING_CODES:
            return None
        raise


def list_pages(aws: AwsOperations, key: str, service: str, operation: str, **arguments: Any) -> Iterator[Any]:
    """Yield the items of all pages of an operation."""
    for page in aws.pages(service, operation, **arguments):
        yield from page.get(key) or ()
