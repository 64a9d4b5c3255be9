"""The state machine of scheduled drills: when it sends them, and how it counts those that are late.

The machine runs in `tests.state_machine`. Not proven here: that AWS accepts and runs the definition, and that the
metrics are there when it reads them (docs/live-checks.md). Regenerate the golden file with
`python tests/unit/alerts/test_drill_machine.py`.
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.alerts.drill_machine import (
    LATE_AFTER_SECONDS,
    METRICS_DELAY_SECONDS,
    RUN_SECONDS,
    TIMEOUT_SECONDS,
    Drills,
    drill_definition,
)
from breakglass.alerts.drills import drill_event
from tests.state_machine import Run, TaskError

GOLDEN = Path(__file__).with_name("drill_machine.golden.json")

WEEK = 7 * 86_400
DIRECT = Drills(
    stack="prod",
    rules={"devops-break-glass": "breakglass-devops-drill", "emergency-222222222222": "breakglass-emergency-drill"},
    interval_seconds=WEEK,
    confirmed=False,
    partition="aws",
)
CONFIRMED = replace(DIRECT, confirmed=True)
ROLES = list(DIRECT.rules)

Values = Mapping[str, Iterable[float]]


class World:
    """EventBridge, and CloudWatch with prepared values of each query; a query without any has no result's values.

    Attributes:
        values: by the query's ID.
        entries: the events that were sent.
        reads: the arguments of the reads.
        metrics: the values of the metrics that were written.
    """

    def __init__(self, values: Values, fails: Iterable[str] = ()) -> None:
        self.values = values
        self.fails = set(fails)
        self.entries: list[dict[str, Any]] = []
        self.reads: list[dict[str, Any]] = []
        self.metrics: dict[str, float] = {}

    def __call__(self, resource: str, arguments: Any) -> Any:
        service = resource.removeprefix("arn:aws:states:::")
        if service in self.fails:
            raise TaskError("States.TaskFailed")
        match service:
            case "events:putEvents":
                self.entries += arguments["Entries"]
                return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}
            case "aws-sdk:cloudwatch:getMetricData":
                self.reads.append(arguments)
                return {"MetricDataResults": [self._result(query["Id"]) for query in arguments["MetricDataQueries"]]}
            case "aws-sdk:cloudwatch:putMetricData":
                for each in arguments["MetricData"]:
                    assert each["Dimensions"] == [{"Name": "Stack", "Value": "prod"}]
                    self.metrics[each["MetricName"]] = each["Value"]
                return None
            case other:
                raise AssertionError(other)

    def _result(self, query: str) -> dict[str, Any]:
        return {"Id": query, "Values": list(self.values[query])} if query in self.values else {"Id": query}


def run(drills: Drills, values: Values, fails: Iterable[str] = ()) -> tuple[Run, World]:
    world = World(values, fails)
    made = Run(drill_definition(drills), world).start({})
    assert made.query_errors == []
    return made, world


def milliseconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def golden_text() -> str:
    return json.dumps([drill_definition(DIRECT), drill_definition(CONFIRMED)], indent=2, ensure_ascii=False) + "\n"


def test_definitions_are_the_committed_ones() -> None:
    assert golden_text() == GOLDEN.read_text(encoding="utf-8"), "run python tests/unit/alerts/test_drill_machine.py"


def test_run_within_the_interval_only_shows_a_sign_of_life() -> None:
    made, world = run(DIRECT, {"sent": [1.0]})

    assert (made.status, made.states) == ("SUCCEEDED", ["ReadLast", "Due", "Idle"])
    assert world.entries == []
    assert world.metrics == {"LateDrills": 0}


def test_interval_begins_half_a_run_early() -> None:
    now = time.time() * 1000

    _, world = run(DIRECT, {"sent": [1.0]})

    (read,) = world.reads
    assert milliseconds(read["EndTime"]) == pytest.approx(now, abs=10_000)
    assert milliseconds(read["StartTime"]) == pytest.approx(now - (WEEK - RUN_SECONDS / 2) * 1000, abs=10_000)
    (query,) = read["MetricDataQueries"]
    assert query["MetricStat"]["Metric"]["MetricName"] == "DrillsSent"


@pytest.mark.parametrize("drills", [DIRECT, CONFIRMED], ids=["direct", "confirmed"])
def test_due_run_sends_one_drill_for_each_role(drills: Drills) -> None:
    made, world = run(drills, {})

    assert made.status == "SUCCEEDED"
    assert [{**each, "Detail": json.dumps(each["Detail"])} for each in world.entries] == [
        drill_event(role) for role in ROLES
    ]
    assert made.waited == LATE_AFTER_SECONDS + METRICS_DELAY_SECONDS
    assert world.metrics == {"LateDrills": 2, "DrillsSent": 2}


def test_drills_are_read_for_the_time_until_they_are_late() -> None:
    now = time.time() * 1000

    _, world = run(CONFIRMED, {})

    begin, end = (milliseconds(world.reads[1][key]) for key in ("StartTime", "EndTime"))
    assert begin == pytest.approx(now, abs=10_000)
    assert end - begin == LATE_AFTER_SECONDS * 1000


@pytest.mark.parametrize(
    ("shown", "late"), [([], 2), ([1.0], 1), ([2.0], 0), ([1.0, 1.0], 0), ([2.0, 1.0], 0)], ids=repr
)
def test_confirmed_drill_counts_once_slack_has_accepted_it(shown: list[float], late: int) -> None:
    _, world = run(CONFIRMED, {"shown": shown})

    assert world.metrics["LateDrills"] == late


@pytest.mark.parametrize(
    ("values", "late"),
    [
        ({"called0": [1.0], "called1": [1.0]}, 0),
        ({"called0": [1.0]}, 1),
        # Twice the one and never the other: EventBridge delivers at least once.
        ({"called0": [1.0, 1.0]}, 1),
        ({"called0": [1.0], "called1": [1.0], "failed1": [1.0]}, 1),
        ({"called0": [1.0], "failed0": [1.0], "called1": [1.0], "failed1": [1.0]}, 2),
    ],
    ids=["both", "one", "one twice", "one failed", "both failed"],
)
def test_direct_drill_counts_once_its_rule_has_delivered_it(values: Values, late: int) -> None:
    _, world = run(DIRECT, values)

    assert world.metrics["LateDrills"] == late
    queries = [query["MetricStat"]["Metric"] for query in world.reads[1]["MetricDataQueries"]]
    assert [(each["MetricName"], each["Dimensions"][0]["Value"]) for each in queries] == [
        (metric, rule) for rule in DIRECT.rules.values() for metric in ("Invocations", "FailedInvocations")
    ]


@pytest.mark.parametrize("drills", [DIRECT, CONFIRMED], ids=["direct", "confirmed"])
def test_drills_of_a_bus_are_sent_to_it(drills: Drills) -> None:
    _, plain = run(drills, {})
    _, on_bus = run(replace(drills, bus_name="breakglass-prod-hub"), {})

    assert on_bus.entries == [{**entry, "EventBusName": "breakglass-prod-hub"} for entry in plain.entries]


def test_delivery_of_drills_of_a_bus_is_read_there() -> None:
    _, world = run(replace(DIRECT, bus_name="breakglass-prod-hub"), {})

    dimensions = [query["MetricStat"]["Metric"]["Dimensions"] for query in world.reads[1]["MetricDataQueries"]]
    assert all(each[0] == {"Name": "EventBusName", "Value": "breakglass-prod-hub"} for each in dimensions)
    assert {each[1]["Value"] for each in dimensions} == set(DIRECT.rules.values())


@pytest.mark.parametrize(
    "service", ["events:putEvents", "aws-sdk:cloudwatch:getMetricData", "aws-sdk:cloudwatch:putMetricData"]
)
def test_failed_run_leaves_drills_due(service: str) -> None:
    made, world = run(DIRECT, {}, fails=[service])

    assert made.status == "FAILED"
    assert "DrillsSent" not in world.metrics


def test_run_ends_before_the_next_one() -> None:
    made, _ = run(DIRECT, {})

    assert made.waited < TIMEOUT_SECONDS < RUN_SECONDS


VALUES = st.lists(st.integers(0, 3).map(float), max_size=3)


@given(st.booleans(), st.dictionaries(st.sampled_from(["shown", "called0", "failed0", "called1", "failed1"]), VALUES))
def test_any_values_give_a_number_of_late_drills(confirmed: bool, values: Values) -> None:
    made, world = run(CONFIRMED if confirmed else DIRECT, values)

    assert made.status == "SUCCEEDED"
    assert world.metrics["LateDrills"] in (0, 1, 2)
    assert world.metrics["DrillsSent"] == 2


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(), encoding="utf-8")
