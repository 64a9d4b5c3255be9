"""The state machine of scheduled drills in the Amazon States Language (JSONata): do all drills arrive in time?

It runs every hour:

    ReadLast -> Due -> Begin -> Send (each role) -> Wait -> ReadDelivered -> Count   metric: the drills that were late
                    -> Idle                                                          metric: 0

The runs without drills are its sign of life. An alarm looks back for at most seven days (CloudWatch API Reference,
`PutMetricAlarm`, `Period`), so a metric that comes once in seven days could not be missed in time (decision 0053). The
metric `DrillsSent` is its memory: drills are due if there is no value within the interval. So the first ones are sent
within an hour of the deployment, and a run that fails is made up for by the next one.

A drill's delivery is read from metrics:

- With confirmed delivery: the samples of `DrillSeconds`, which the delivery machine writes when Slack has answered
  `ok: true`.
- With direct delivery: `Invocations` minus `FailedInvocations` of the drill rules (EventBridge User Guide, "Monitoring
  Amazon EventBridge"). Slack's answer is not in them; the probe reads that. EventBridge delivers its metrics on a
  best-effort basis, so a lost value looks like a late drill.

Non-goals: the rules and messages of drills (`breakglass.alerts.drills`); the resources (see
`breakglass.components.alerts.drill_schedule`); drills by hand (`breakglass drill`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.drills import DRILL_DETAIL_TYPE, DRILL_SOURCE
from breakglass.alerts.states import (
    RETRY,
    State,
    choice,
    integration,
    metric_query,
    own_dimensions,
    put_metrics,
    read_metrics,
)
from breakglass.naming import METRICS_NAMESPACE, AlertMetric, rule_dimensions

RUN_SECONDS = 3600
"""The time between two runs."""

LATE_AFTER_SECONDS = 300
"""The age at which a drill is late. A delivery takes seconds; these metrics are no finer than a minute."""

METRICS_DELAY_SECONDS = 600
"""The time in which a metric becomes visible, also one of EventBridge."""

TIMEOUT_SECONDS = 3000
"""The limit of an execution, which ends before the next one starts."""

_RESULTS = "$states.result.MetricDataResults"


@dataclass(frozen=True)
class Drills:
    """The settings of scheduled drills.

    Attributes:
        stack: value of the dimension `Stack` of the metrics.
        rules: name of the drill rule of each role, by the role's key in drill events.
        interval_seconds: the time between two drills.
        confirmed: True if the delivery machine writes `DrillSeconds`.
        partition: the partition of the rules, e.g. `aws`.
        bus_name: the name of the event bus of the rules; None for the default one.
    """

    stack: str
    rules: Mapping[str, str]
    interval_seconds: int
    confirmed: bool
    partition: str
    bus_name: str | None = None


def drill_definition(drills: Drills) -> dict[str, Any]:
    """Return the definition of the state machine, JSON-ready. The execution's input is not used."""
    number = len(drills.rules)
    dimensions = own_dimensions(drills.stack)
    sent = metric_query("sent", METRICS_NAMESPACE, AlertMetric.drills_sent, dimensions, "SampleCount")
    return {
        "Comment": "One drill for each watched role, and the number of those that were late.",
        "QueryLanguage": "JSONata",
        "StartAt": "ReadLast",
        "TimeoutSeconds": TIMEOUT_SECONDS,
        "States": {
            "ReadLast": read_metrics(
                drills.partition,
                [sent],
                # Half a run early: a run is never exactly on time.
                start=f"$millis() - {(drills.interval_seconds - RUN_SECONDS // 2) * 1000}",
                end="$millis()",
                Output={"due": f"{{% {_total('sent')} = 0 %}}"},
                Next="Due",
            ),
            "Due": choice("Idle", ("$states.input.due", "Begin")),
            "Idle": put_metrics(drills.partition, {AlertMetric.late_drills: 0}, dimensions, End=True),
            "Begin": {"Type": "Pass", "Assign": {"begin": "{% $millis() %}"}, "Next": "Send"},
            "Send": {
                "Type": "Map",
                "Items": list(drills.rules),
                # Slack takes a message a second in a channel.
                "MaxConcurrency": 1,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    "StartAt": "SendDrill",
                    "States": {"SendDrill": _send(drills)},
                },
                "Next": "Wait",
            },
            "Wait": {"Type": "Wait", "Seconds": LATE_AFTER_SECONDS + METRICS_DELAY_SECONDS, "Next": "ReadDelivered"},
            "ReadDelivered": read_metrics(
                drills.partition,
                _delivery_queries(drills),
                start="$begin",
                end=f"$begin + {LATE_AFTER_SECONDS * 1000}",
                Output={"late": f"{{% $max([0, {number} - {_delivered(drills)}]) %}}"},
                Next="Count",
            ),
            "Count": put_metrics(
                drills.partition,
                {AlertMetric.late_drills: "{% $states.input.late %}", AlertMetric.drills_sent: number},
                dimensions,
                End=True,
            ),
        },
    }


def _send(drills: Drills) -> State:
    """Return a state that sends the drill of a role, `breakglass.alerts.drills.drill_event` with the role as input."""
    entry: dict[str, Any] = {
        "Source": DRILL_SOURCE,
        "DetailType": DRILL_DETAIL_TYPE,
        "Detail": {"role": "{% $states.input %}"},
    }
    if drills.bus_name is not None:
        entry["EventBusName"] = drills.bus_name
    return {
        "Type": "Task",
        # It fails if an entry is refused ("Add EventBridge events with Step Functions").
        "Resource": integration(drills.partition, "events:putEvents"),
        "Arguments": {"Entries": [entry]},
        "Retry": RETRY,
        "End": True,
    }


def _delivery_queries(drills: Drills) -> list[dict[str, Any]]:
    if drills.confirmed:
        dimensions = own_dimensions(drills.stack)
        return [metric_query("shown", METRICS_NAMESPACE, AlertMetric.drill_seconds, dimensions, "SampleCount")]
    return [
        metric_query(f"{query}{index}", "AWS/Events", metric, rule_dimensions(rule, drills.bus_name), "Sum")
        for index, rule in enumerate(drills.rules.values())
        for query, metric in (("called", "Invocations"), ("failed", "FailedInvocations"))
    ]


def _delivered(drills: Drills) -> str:
    """Return the expression of the number of delivered drills."""
    if drills.confirmed:
        return _total("shown")
    delivered = [f"{_total(f'called{index}')} > {_total(f'failed{index}')}" for index in range(len(drills.rules))]
    return f"$count([{', '.join(delivered)}][$])"


def _total(query: str) -> str:
    """Return the expression of the sum of a metric's values; without a value it is 0."""
    return f"$sum([0, {_RESULTS}[Id = '{query}'].Values])"
