"""The state machine of the roll call: the accounts it misses, its mail, the size of its state.

The machine runs in `tests.state_machine`. Not proven here: that AWS accepts and runs the definition, and that a
heartbeat is found an hour later (docs/live-checks.md). Regenerate the golden file with
`python tests/unit/organization/test_roll_call_machine.py`.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.alerts.states import MOST_READS, QUERY_PAUSE_SECONDS
from breakglass.organization.roll_call_machine import (
    MOST_LINES,
    TIMEOUT_SECONDS,
    RollCallSettings,
    roll_call_definition,
)
from tests.state_machine import LIMIT, Run, TaskError

GOLDEN = Path(__file__).with_name("roll_call_machine.golden.json")

MANAGEMENT, HUB, MEMBER, OTHER = "111111111111", "444444444444", "222222222222", "333333333333"
REGIONS = ["eu-central-1", "us-east-1"]
UNIT = "ou-ab12-workload"
ROLL_CALL = RollCallSettings(
    stack="prod",
    regions=REGIONS,
    exclude=["555555555555"],
    units=[UNIT],
    log_group="/aws/events/breakglass-prod-roll-call",
    topic_arn=f"arn:aws:sns:eu-central-1:{HUB}:breakglass-prod-monitoring-alarms",
)
LONG_AGO = "2020-02-03T04:05:06.000Z"


def account(number: str, name: str = "", *, state: str = "ACTIVE", unit: str = UNIT, **more: Any) -> dict[str, Any]:
    """An account as `ListAccounts` returns it to a state machine."""
    return {
        "Id": number,
        "Name": name or f"account-{number[:3]}",
        "Arn": f"arn:aws:organizations::{MANAGEMENT}:account/o-exampleorgid/{number}",
        "Email": "root@example.com",
        "State": state,
        "Status": state,
        "Paths": [f"o-exampleorgid/r-ab12/{unit}/ou-ab12-childunit/{number}/"],
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": LONG_AGO,
        **more,
    }


@dataclass
class World:
    """Organizations with pages of accounts, and Logs Insights with the accounts that were heard in each region.

    Attributes:
        pages: of `ListAccounts`.
        heard: account IDs by region.
        unready: the number of reads until a query has ended.
        ends: the state in which a query ends.
        errors: the errors of calls, by service; each is raised once.
        queries: the arguments of the queries.
        mails: the arguments of the mails.
        metrics: the values of the metrics that were written.
    """

    pages: Sequence[Sequence[Mapping[str, Any]]]
    heard: Mapping[str, Collection[str]]
    unready: int = 0
    ends: str = "Complete"
    errors: dict[str, list[str]] = field(default_factory=dict)
    queries: list[dict[str, Any]] = field(default_factory=list)
    mails: list[dict[str, Any]] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    reads: int = 0

    def __call__(self, resource: str, arguments: Any) -> Any:
        service = resource.removeprefix("arn:aws:states:::")
        if self.errors.get(service):
            raise TaskError(self.errors[service].pop())
        match service:
            case "aws-sdk:cloudwatchlogs:startQuery":
                self.queries.append(arguments)
                self.reads = 0
                return {"QueryId": arguments["QueryString"].split("'")[1]}
            case "aws-sdk:cloudwatchlogs:getQueryResults":
                self.reads += 1
                rows = [_row(each) for each in self.heard[arguments["QueryId"]]]
                running = self.reads <= self.unready
                return {"Status": "Running" if running else self.ends, "Results": rows[:1] if running else rows}
            case "aws-sdk:organizations:listAccounts":
                page = int(arguments.get("NextToken", "0"))
                more = {"NextToken": str(page + 1)} if page + 1 < len(self.pages) else {}
                return {"Accounts": list(self.pages[page]), **more}
            case "sns:publish":
                self.mails.append(arguments)
                return {"MessageId": "1"}
            case "aws-sdk:cloudwatch:putMetricData":
                for each in arguments["MetricData"]:
                    assert each["Dimensions"] == [{"Name": "Stack", "Value": "prod"}]
                    self.metrics[each["MetricName"]] = each["Value"]
                return None
            case other:
                raise AssertionError(other)

    @property
    def mail(self) -> str:
        (mail,) = self.mails
        return mail["Message"]

    @property
    def lines(self) -> list[str]:
        """The lines of the mail about accounts that were not heard."""
        return self.mail.split("\n\n")[1].splitlines()


def _row(number: str) -> list[dict[str, str]]:
    return [{"Field": "account", "Value": number}, {"Field": "heartbeats", "Value": "1"}]


def run(world: World, roll_call: RollCallSettings = ROLL_CALL) -> Run:
    made = Run(roll_call_definition(roll_call), world).start({})
    assert made.query_errors == []
    return made


def everywhere(*numbers: str) -> dict[str, list[str]]:
    return {region: list(numbers) for region in REGIONS}


def called(accounts: Iterable[Mapping[str, Any]], heard: Mapping[str, Collection[str]], **more: Any) -> World:
    """The world after a roll call of one page of accounts, which succeeded."""
    world = World([list(accounts)], heard)
    made = run(world, replace(ROLL_CALL, **more))
    assert made.status == "SUCCEEDED", made.cause
    return world


def golden_text() -> str:
    every = replace(ROLL_CALL, units=["r-ab12", UNIT], exclude=[])
    return json.dumps([roll_call_definition(each) for each in (ROLL_CALL, every)], indent=2) + "\n"


def test_definitions_are_the_committed_ones() -> None:
    remedy = "run python tests/unit/organization/test_roll_call_machine.py"
    assert golden_text() == GOLDEN.read_text(encoding="utf-8"), remedy


def test_run_that_hears_all_sends_no_mail() -> None:
    world = called([account(MANAGEMENT), account(MEMBER)], everywhere(MANAGEMENT, MEMBER))

    assert world.mails == []
    assert world.metrics == {"MissingSpokes": 0}


def test_run_reads_the_heartbeats_of_one_day() -> None:
    """At 05:00 the heartbeats are one and 25 hours old: 25 hours might hold both."""
    world = called([account(MEMBER)], everywhere(MEMBER))

    now = time.time()
    assert [query["QueryString"] for query in world.queries] == [
        f"filter region = '{region}' | stats count(*) as heartbeats by account" for region in REGIONS
    ]
    for query in world.queries:
        assert query["LogGroupName"] == "/aws/events/breakglass-prod-roll-call"
        assert query["EndTime"] == pytest.approx(now, abs=10)
        assert query["EndTime"] - query["StartTime"] == 24 * 3600


def test_missing_region_of_an_account_is_reported() -> None:
    heard = {"eu-central-1": [MEMBER, OTHER], "us-east-1": [OTHER]}
    world = called([account(MEMBER, "data-lake"), account(OTHER)], heard)

    assert world.lines == ["data-lake (222222222222): us-east-1"]
    assert world.mails[0]["Subject"] == "Break-glass alerts do not see 1 account"
    assert world.metrics == {"MissingSpokes": 1}


def test_account_without_any_spoke_is_reported_once() -> None:
    world = called([account(MEMBER), account(OTHER)], everywhere(OTHER))

    assert world.lines == ["account-222 (222222222222): eu-central-1, us-east-1"]
    assert world.metrics == {"MissingSpokes": 2}


def test_new_account_is_reported_as_new() -> None:
    joined = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    world = called([account(MEMBER, JoinedTimestamp=joined)], everywhere(OTHER))

    (line,) = world.lines
    assert line.endswith(f": eu-central-1, us-east-1 - new since {joined}: its spokes may not have sent yet")


def test_account_of_two_days_is_not_new() -> None:
    joined = (datetime.now(UTC) - timedelta(hours=26)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    world = called([account(MEMBER, JoinedTimestamp=joined)], everywhere(OTHER))

    assert world.lines == ["account-222 (222222222222): eu-central-1, us-east-1"]


@pytest.mark.parametrize("unit", [UNIT, "ou-ab12-elsewhere"])
def test_management_account_is_expected_in_any_unit(unit: str) -> None:
    world = called([account(MANAGEMENT, "management", unit=unit)], everywhere(OTHER))

    (line,) = world.lines
    assert line.startswith("management (111111111111): eu-central-1, us-east-1 - the management account")


def test_excluded_account_is_named_and_not_missed() -> None:
    world = called([account("555555555555", "sandbox"), account(MEMBER)], everywhere(OTHER))

    assert world.lines == ["account-222 (222222222222): eu-central-1, us-east-1"]
    assert "Not missed:\nsandbox (555555555555): excluded by the stack file\n" in world.mail


def test_excluded_account_alone_causes_no_mail() -> None:
    assert called([account("555555555555")], everywhere(OTHER)).mails == []


@pytest.mark.parametrize(
    ("state", "shown"),
    [("SUSPENDED", "suspended"), ("PENDING_CLOSURE", "pending closure"), ("PENDING_ACTIVATION", "pending activation")],
)
def test_account_that_is_not_active_is_named_and_not_missed(state: str, shown: str) -> None:
    world = called([account(OTHER, "old", state=state), account(MEMBER)], everywhere())

    assert world.lines == ["account-222 (222222222222): eu-central-1, us-east-1"]
    assert f"Not missed:\nold (333333333333): {shown}\n" in world.mail


def test_status_of_an_older_api_is_read() -> None:
    suspended = {**account(OTHER, "old"), "Status": "SUSPENDED"}
    del suspended["State"]

    assert called([suspended], everywhere()).mails == []


def test_account_outside_the_units_is_not_expected() -> None:
    assert called([account(MEMBER, unit="ou-ab12-sandboxes")], everywhere()).mails == []


@pytest.mark.parametrize("unit", ["ou-ab12-sandboxes", UNIT])
def test_account_that_just_joined_is_reported_in_any_unit(unit: str) -> None:
    joined = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    world = called([account(MEMBER, unit=unit, JoinedTimestamp=joined), account(OTHER)], everywhere(OTHER))

    why = "its spokes may not have sent yet" if unit == UNIT else "below no unit with spokes: it gets none there"
    (line,) = world.lines
    assert line.startswith(f"account-222 (222222222222): eu-central-1, us-east-1 - new since {joined}")
    assert line.endswith(why)


def test_account_of_the_hub_is_expected_in_any_unit() -> None:
    world = called([account(HUB, unit="ou-ab12-sandboxes")], everywhere(OTHER))

    assert world.lines == ["account-444 (444444444444): eu-central-1, us-east-1"]


@pytest.mark.parametrize("units", [[], ["r-ab12"], [UNIT, "r-ab12"]], ids=repr)
def test_root_and_no_units_mean_all_accounts(units: list[str]) -> None:
    world = called([account(MEMBER, unit="ou-ab12-sandboxes")], everywhere(), units=units)

    assert len(world.lines) == 1


def test_account_without_paths_is_expected() -> None:
    without = account(MEMBER)
    del without["Paths"]

    assert len(called([without], everywhere()).lines) == 1


def test_silence_of_all_points_to_the_hub() -> None:
    world = called([account(MEMBER), account(OTHER)], everywhere())

    assert "No spoke at all was heard. Look at the hub first" in world.mail
    assert world.metrics == {"MissingSpokes": 4}


def test_silence_of_a_region_is_said_once() -> None:
    world = called([account(MEMBER), account(OTHER)], {"eu-central-1": [MEMBER, OTHER], "us-east-1": []})

    assert "No account was heard in us-east-1." in world.mail
    assert "No spoke at all" not in world.mail


def test_mail_names_stack_command_runbook_and_execution() -> None:
    mail = called([account(MEMBER)], everywhere()).mail

    assert mail.startswith("The break-glass alerts of the stack prod see nothing in the accounts and regions below")
    assert "uv run breakglass coverage --stack prod" in mail
    assert "docs/runbooks/coverage.md" in mail
    assert mail.endswith("Execution: arn:aws:states:eu-central-1:1:execution:m:e")


def test_all_pages_are_read() -> None:
    pages = [[account(MEMBER)], [], [account(OTHER)], [account("555555555555")]]
    world = World(pages, everywhere())

    assert run(world).status == "SUCCEEDED"
    assert [line[:11] for line in world.lines] == ["account-222", "account-333"]
    assert world.metrics == {"MissingSpokes": 4}


def test_hostile_name_stays_on_its_line() -> None:
    world = called([account(MEMBER, "a\nall is well\t\u202e{% $x %}" + "x" * 60)], everywhere(OTHER))

    (line,) = world.lines
    assert line == "a?all is well??{% $x %}" + "x" * 27 + " (222222222222): eu-central-1, us-east-1"


def test_slow_query_is_read_again() -> None:
    world = World([[account(MEMBER)]], everywhere(MEMBER), unready=3)

    made = run(world)

    assert made.status == "SUCCEEDED"
    assert made.waited == 2 * 4 * QUERY_PAUSE_SECONDS
    assert world.metrics == {"MissingSpokes": 0}


@pytest.mark.parametrize(
    "world",
    [
        World([[account(MEMBER)]], everywhere(MEMBER), unready=1000),
        World([[account(MEMBER)]], everywhere(MEMBER), ends="Failed"),
        World([[account(MEMBER)]], everywhere(MEMBER), ends="Timeout"),
        World([[account(MEMBER)]], everywhere(), ends="Cancelled"),
    ],
    ids=["never ends", "failed", "timeout", "cancelled"],
)
def test_query_that_does_not_complete_fails_the_run(world: World) -> None:
    made = run(world)

    assert (made.status, made.error) == ("FAILED", "QueryIncomplete")
    assert made.cause.startswith("The query of CloudWatch Logs Insights ended as ")
    assert made.waited <= MOST_READS * QUERY_PAUSE_SECONDS
    assert (world.mails, world.metrics) == ([], {})


def test_throttled_list_is_tried_again() -> None:
    errors = {"aws-sdk:organizations:listAccounts": ["Organizations.TooManyRequestsException"] * 6}
    world = World([[account(MEMBER)]], everywhere(MEMBER), errors=errors)

    made = run(world)

    assert made.status == "SUCCEEDED"
    assert world.metrics == {"MissingSpokes": 0}


@pytest.mark.parametrize(
    "service",
    [
        "aws-sdk:cloudwatchlogs:startQuery",
        "aws-sdk:cloudwatchlogs:getQueryResults",
        "aws-sdk:organizations:listAccounts",
        "sns:publish",
        "aws-sdk:cloudwatch:putMetricData",
    ],
)
def test_run_that_can_not_ask_or_report_fails_without_metric(service: str) -> None:
    world = World([[account(MEMBER)]], everywhere(), errors={service: ["States.TaskFailed"] * 100})

    made = run(world)

    assert (made.status, made.error) == ("FAILED", "States.TaskFailed")
    assert world.metrics == {}


FOUR_REGIONS = ["eu-central-1", "eu-west-1", "us-east-1", "us-west-2"]


@pytest.mark.parametrize("heard", ["all", "none"])
def test_state_of_400_accounts_in_4_regions_is_small(heard: str) -> None:
    numbers = [f"{number:012}" for number in range(1, 401)]
    accounts = [account(number, "n" * 50) for number in numbers]

    pages = [accounts[first : first + 20] for first in range(0, len(accounts), 20)]
    world = World(pages, dict.fromkeys(FOUR_REGIONS, numbers if heard == "all" else []))

    made = run(world, replace(ROLL_CALL, regions=FOUR_REGIONS, units=["r-ab12"]))

    assert world.metrics == {"MissingSpokes": 0 if heard == "all" else 1600}
    assert made.largest < LIMIT / 4


def test_mail_of_many_missing_accounts_is_cut_and_says_so() -> None:
    numbers = [f"{number:012}" for number in range(1, MOST_LINES + 31)]
    world = called([account(number) for number in numbers], everywhere(), units=["r-ab12"])

    assert len(world.lines) == MOST_LINES + 1
    assert world.lines[-1] == "and 30 more accounts"
    assert world.mails[0]["Subject"] == f"Break-glass alerts do not see {MOST_LINES + 30} accounts"
    assert world.metrics == {"MissingSpokes": 2 * (MOST_LINES + 30)}


def test_run_ends_in_time() -> None:
    assert len(FOUR_REGIONS) * MOST_READS * QUERY_PAUSE_SECONDS < TIMEOUT_SECONDS


NUMBERS = st.sets(st.sampled_from([f"{number:012}" for number in range(1, 30)]))


@given(NUMBERS, NUMBERS, NUMBERS, st.integers(1, 5))
def test_any_heartbeats_give_exactly_the_missing_spokes(
    known: set[str], in_first: set[str], in_second: set[str], size: int
) -> None:
    accounts = [account(number) for number in sorted(known)]
    pages = [accounts[first : first + size] for first in range(0, len(accounts), size)] or [[]]
    world = World(pages, dict(zip(REGIONS, (sorted(in_first), sorted(in_second)), strict=True)))

    assert run(world, replace(ROLL_CALL, exclude=[])).status == "SUCCEEDED"

    expected = {
        number: [region for region, heard in zip(REGIONS, (in_first, in_second), strict=True) if number not in heard]
        for number in sorted(known)
    }
    missing = {number: regions for number, regions in expected.items() if regions}
    assert world.metrics == {"MissingSpokes": sum(map(len, missing.values()))}
    if missing:
        assert [line.split("(")[1] for line in world.lines] == [
            f"{number}): {', '.join(regions)}" for number, regions in missing.items()
        ]


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(), encoding="utf-8")
