"""Runs of the roll call and of the witness over an organization.

The deployed definitions run in `tests.state_machine`, where waits take no time, with answers as large as AWS's. Source
of the shapes: `ListAccounts` (AWS Organizations API Reference; 20 accounts a page), `GetQueryResults` (CloudWatch Logs
API Reference).

Non-goals: AWS's own time, and what a run says (tests/unit/organization, tests/unit/alerts).
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.programs.hub_arguments import REGIONS, watched_sets
from breakglass.alerts.recorded_uses import MOST_USES
from breakglass.alerts.subjects import PermissionSetSubject, RootSubject
from breakglass.alerts.witness_machine import (
    DELAY_SECONDS,
    LATENESS_SECONDS,
    MOST_POSTS,
    WitnessSettings,
    witness_definition,
)
from breakglass.organization.roll_call_machine import RollCallSettings, roll_call_definition
from tests.state_machine import Run

_MANAGEMENT = "111111111111"
_TOPIC = f"arn:aws:sns:eu-central-1:{_MANAGEMENT}:breakglass-prod-monitoring-alarms"
_PAGE = 20
_HOUR = 3600


@dataclass(frozen=True)
class MachineRun:
    """A run of a state machine.

    Attributes:
        name: the machine, and what it finds.
        accounts: accounts of the organization.
        transitions: states that it enters, which AWS bills.
        largest: bytes of the largest value; AWS takes 256 KiB.
        calls: calls of AWS services.
        seconds: CPU seconds of all expressions, by an interpreter in Python.
    """

    name: str
    accounts: int
    transitions: int
    largest: int
    calls: int
    seconds: float


def roll_call_runs(sizes: Iterable[int]) -> Iterator[MachineRun]:
    """Yield runs in which all spokes answer, for each number of accounts; then one in which none does.

    Raises:
        AssertionError: a run failed, so its figures would be those of another path.
    """
    largest = 0
    for accounts in sizes:
        largest = accounts
        yield _roll_call(accounts, heard=True)
    yield _roll_call(largest, heard=False)


def _roll_call(accounts: int, *, heard: bool) -> MachineRun:
    settings = RollCallSettings(
        stack="prod",
        regions=REGIONS,
        exclude=[],
        units=["r-ab12"],
        log_group="/aws/events/breakglass-prod-roll-call",
        topic_arn=_TOPIC,
    )
    numbers = [f"{200_000_000_000 + number}" for number in range(accounts)]
    answers = _RollCallAnswers(numbers, numbers if heard else [])
    found = "all answer" if heard else "no spoke answers"
    return _measured(f"roll call, {found}", accounts, roll_call_definition(settings), answers)


@dataclass
class _RollCallAnswers:
    accounts: Sequence[str]
    heard: Sequence[str]
    calls: int = 0

    def __call__(self, resource: str, arguments: Any) -> Any:
        self.calls += 1
        match resource.rpartition(":")[2]:
            case "startQuery":
                return {"QueryId": "12ab3456-12ab-123a-789e-1234567890ab"}
            case "getQueryResults":
                return {"Status": "Complete", "Results": [_row(account=each, heartbeats="1") for each in self.heard]}
            case "listAccounts":
                page = int(arguments.get("NextToken", "0"))
                listed = [_account(each) for each in self.accounts[page * _PAGE : (page + 1) * _PAGE]]
                more = (page + 1) * _PAGE < len(self.accounts)
                return {"Accounts": listed, **({"NextToken": str(page + 1)} if more else {})}
            case _:
                return {"MessageId": "1"}


WITNESS_HOURS = (_HOUR + LATENESS_SECONDS + DELAY_SECONDS) / _HOUR
"""Hours of the trail's log group that a run of the witness reads: its own, and the time that records may be late."""


def witness_runs(roles: int, accounts: int) -> Iterator[MachineRun]:
    """Yield a run without a missed use, and one with the most missed uses that a run reports.

    Args:
        roles: the number of watched permission sets.
        accounts: those of the organization, which the machine does not know: each of its queries is over all of them.
    """
    settings = WitnessSettings(
        stack="prod",
        subjects=[*map(PermissionSetSubject, watched_sets(roles)), RootSubject()],
        interval_seconds=_HOUR,
        fired_log_group="/aws/events/breakglass-prod-witness-fired",
        trail_log_group="aws-controltower/CloudTrailLogs",
        excluded_accounts=[],
        channel="C0123456789",
        post_message_url="https://slack.com/api/chat.postMessage",
        connection_arn=f"arn:aws:events:eu-central-1:{_MANAGEMENT}:connection/breakglass-prod-slack-connection/UUID",
        topic_arn=_TOPIC,
    )
    for name, missed in (("no use missed", 0), (f"{MOST_USES} uses missed, {MOST_POSTS} posted", MOST_USES)):
        answers = _WitnessAnswers(missed)
        yield _measured(f"witness, {name}", accounts, witness_definition(settings), answers)


@dataclass
class _WitnessAnswers:
    missed: int
    calls: int = 0

    def __call__(self, resource: str, arguments: Any) -> Any:
        self.calls += 1
        match resource.rpartition(":")[2]:
            case "listExecutions":
                return {"Executions": [{"StartDate": "2026-03-14T01:00:00.000Z"}]}
            case "startQuery":
                return {"QueryId": "12ab3456-12ab-123a-789e-1234567890ab"}
            case "getQueryResults":
                return {"Status": "Complete", "Results": [_missed_use(number) for number in range(self.missed)]}
            case "invoke":
                return {"ResponseBody": {"ok": True}, "StatusCode": 200}
            case _:
                return {"MessageId": "1"}


def _missed_use(number: int) -> list[dict[str, str]]:
    account = f"{200_000_000_000 + number}"
    role = f"AWSReservedSSO_team1-break-glass_{number:016x}"
    return _row(
        useId=f"12ab3456-12ab-123a-789e-{number:012}",
        useEvent=f"12ab3456-12ab-123a-789e-{number:012}",
        useTime="2026-03-14T01:02:03Z",
        useName="AssumeRoleWithSAML",
        useAccount=account,
        useRegion="eu-central-1",
        useRole=f"arn:aws:iam::{account}:role/aws-reserved/sso.amazonaws.com/eu-central-1/{role}",
        useUser="ada.lovelace@engineering.example.com",
    )


def _account(number: str) -> dict[str, Any]:
    return {
        "Id": number,
        "Name": f"workload-{number}-production",
        "Arn": f"arn:aws:organizations::{_MANAGEMENT}:account/o-exampleorgid/{number}",
        "Email": f"aws+{number}@example.com",
        "State": "ACTIVE",
        "Status": "ACTIVE",
        "Paths": [f"o-exampleorgid/r-ab12/ou-ab12-11111111/ou-ab12-22222222/{number}/"],
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": "2020-02-03T04:05:06.000Z",
    }


def _row(**fields: str) -> list[dict[str, str]]:
    return [{"Field": name, "Value": value} for name, value in fields.items()]


def _measured(name: str, accounts: int, definition: Mapping[str, Any], answers: Any) -> MachineRun:
    run = Run(json.loads(json.dumps(definition)), answers)
    began = time.process_time()
    run.start({})
    seconds = time.process_time() - began
    if run.status != "SUCCEEDED":
        raise AssertionError(f"{name} over {accounts} accounts: {run.error}: {run.cause}")
    return MachineRun(name, accounts, len(run.states), run.largest, answers.calls, seconds)
