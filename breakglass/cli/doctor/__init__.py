"""`breakglass doctor`: examines a deployed stack from outside, and changes nothing.

Pulumi's state says what was deployed (`cli.deployment`), AWS and Slack say what is there now. Each check compares both
(`check`), in modules by subject: `trail`, `alert_path`, `organization`, `tampering`, `independent_door`, `monitoring`,
`metrics`, `approvals`, `people`. The looks run concurrently; the judgements are pure functions.

Non-goals: repairing; an opinion on the stack file (`breakglass check`).
"""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from breakglass.cli.deployment import Deployment, require_account
from breakglass.cli.doctor.alert_path import ALERT_PATH
from breakglass.cli.doctor.approvals import APPROVALS
from breakglass.cli.doctor.check import Check, Judgement, Sources
from breakglass.cli.doctor.finding import Finding, Status, sort_findings
from breakglass.cli.doctor.independent_door import INDEPENDENT_DOOR
from breakglass.cli.doctor.metrics import DRILLS, PROBE
from breakglass.cli.doctor.monitoring import MONITORING
from breakglass.cli.doctor.organization import ORGANIZATION
from breakglass.cli.doctor.people import PEOPLE
from breakglass.cli.doctor.tampering import GLOBAL_EVENTS, TAMPERING
from breakglass.cli.doctor.trail import TRAIL
from breakglass.errors import InvalidArgumentError

CHECKS: tuple[Check[Any, Any], ...] = (
    TRAIL,
    *ALERT_PATH,
    *ORGANIZATION,
    TAMPERING,
    GLOBAL_EVENTS,
    INDEPENDENT_DOOR,
    PROBE,
    DRILLS,
    *MONITORING,
    *APPROVALS,
    PEOPLE,
)
"""All checks, in the order of their findings."""

_THREADS = 8


def examine(deployment: Deployment, sources: Sources) -> list[Finding]:
    """Return the findings about a stack, the most urgent first.

    Raises:
        CommandError: there are no credentials, they are of another account, or AWS does not respond.
    """
    require_account(deployment, sources.aws(deployment.region))
    pool = ThreadPoolExecutor(_THREADS)
    try:
        return sort_findings(_examine_all(deployment, sources, pool))
    finally:
        # After an interruption, calls that have not begun are left out.
        pool.shutdown(wait=False, cancel_futures=True)


def _examine_all(deployment: Deployment, sources: Sources, pool: ThreadPoolExecutor) -> Iterator[Finding]:
    started: list[tuple[Check[Any, Any], list[Future[list[Finding]]]]] = []
    unreadable: list[Finding] = []
    for check in CHECKS:
        try:
            subjects = check.subjects(deployment)
        except InvalidArgumentError as error:
            unreadable.append(check.finding(Judgement(Status.unknown, error.problem.why, error.problem.instead)))
            continue
        started.append((check, [pool.submit(check.examine, sources, subject) for subject in subjects]))
    total, done = sum(len(futures) for _, futures in started), 0
    yield from unreadable
    for check, futures in started:
        findings: list[Finding] = []
        for future in futures:
            findings += future.result()
            done += 1
            sources.report(f"asking AWS and Slack: {done} of {total} answers")
        yield from findings
        if futures and not findings:
            yield check.fine(len(futures))
