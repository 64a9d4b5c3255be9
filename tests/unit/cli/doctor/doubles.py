"""AWS in memory, deployed resources, and sources for the checks of `breakglass doctor`.

It does not prove that AWS accepts the calls (tests/local, docs/live-checks.md).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from breakglass.app.aws.aws import AwsError
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.ports import Slack
from breakglass.cli.deployment import Deployment, Resource
from breakglass.cli.doctor.check import Check, Judgement, Sources
from tests.app.domain.policies import EVERYBODY
from tests.app.doubles.clock import NOW
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.slack import MemorySlack
from tests.app.doubles.store import MemoryStore

REGION = "eu-central-1"
ACCOUNT = "111111111111"

Answer = Mapping[str, Any] | AwsError | Callable[[Mapping[str, Any]], Mapping[str, Any]]


def refused(code: str = "AccessDeniedException", status: int = 400) -> AwsError:
    """A refusal by AWS."""
    return AwsError(code, "User: x is not authorized", status)


@dataclass
class MemoryAws:
    """Answers by operation; an operation without an answer answers `{}`.

    Attributes:
        calls: region, service, operation and arguments of each call.
    """

    answers: dict[str, Answer] = field(default_factory=dict)
    region: str = REGION
    calls: list[tuple[str, str, str, Mapping[str, Any]]] = field(default_factory=list)

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        self.calls.append((self.region, service, operation, arguments))
        answer = self.answers.get(operation, {})
        if isinstance(answer, AwsError):
            answer.operation = operation
            raise answer
        return dict(answer(arguments) if callable(answer) else answer)

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        yield self.call(service, operation, **arguments)

    def in_region(self, region: str) -> "MemoryAws":
        return replace(self, region=region)


def no_slack(policy: ApprovalPolicy, secret: str) -> NoReturn:
    raise AssertionError("Slack is not asked")


def sources(
    aws: MemoryAws | None = None,
    *,
    slack: Callable[[ApprovalPolicy, str], Slack] = no_slack,
    directory: MemoryDirectory | None = None,
    store: MemoryStore | None = None,
) -> Sources:
    """Sources that answer from memory."""
    return Sources(
        aws=(aws or MemoryAws()).in_region,
        directory=lambda policy: directory or MemoryDirectory(EVERYBODY),
        store=lambda outputs: store or MemoryStore(),
        slack=slack,
        clock=lambda: NOW,
        report=lambda activity: None,
    )


def workspace(policy: ApprovalPolicy, secret: str) -> Slack:
    """Slack with all people of the policy."""
    return MemorySlack(EVERYBODY)


def resource(kind: str, name: str, **inputs: Any) -> Resource:
    """A deployed resource in the region, with an ARN."""
    given = {"name": name, "region": REGION, **inputs}
    arn = f"arn:aws:service:{REGION}:{ACCOUNT}:{name}"
    return Resource(kind, name, given, {**given, "arn": arn, "url": f"https://sqs/{name}"})


def deployment(*resources: Resource, **outputs: Any) -> Deployment:
    return Deployment(resources, outputs)


def examine(check: Check[Any, Any], deployed: Deployment, aws: MemoryAws | Sources | None = None) -> list[Any]:
    """Return status, text and remedy of each finding of a check."""
    whole = aws if isinstance(aws, Sources) else sources(aws)
    return [
        (finding.status.value, finding.what, finding.do)
        for subject in check.subjects(deployed)
        for finding in check.examine(whole, subject)
    ]


def told(problems: list[Judgement]) -> list[tuple[str, str]]:
    """Return status and text of each problem."""
    return [(problem.status.value, problem.what) for problem in problems]
