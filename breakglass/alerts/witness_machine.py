"""The state machine of the witness in the Amazon States Language (JSONata): which use had no alert?

With the log group of a trail, for all its accounts and regions:

    LastRun -> AskTrail -> ReadTrail -> Missed -> Post (each use) -> Mail -> Count         metric: uses without an alert
                                               -> Count                                    metric: 0

Without one it looks uses up in CloudTrail's event history (see `event_history`), of this account and region.

A run judges the uses between the end of the last run that succeeded and its own end, which is `DELAY_SECONDS` before
its start. Its memory is the list of its executions: writing to that takes a run of the machine. A run that fails is
made up for by the next one. So each use is judged once, and reported twice only if a run fails after its report, or if
two runs are under way at once.

The time of a use is that of its arrival in the trail's log group. So one that CloudTrail delivers late is judged late,
up to `LATENESS_SECONDS` after its own time. The event history does not say when an event arrived. There the time is
that of the use, and an event that comes more than `DELAY_SECONDS` later is never judged.

Only facts of a record are shown, without the characters that Slack or a mail could take for markup.

`Count` writes the metrics last: a run without a value did not report.

Sources: Step Functions API Reference, "ListExecutions"; CloudWatch Logs API Reference, "StartQuery" and
"GetQueryResults".

Non-goals: the queries (see `recorded_uses`); the resources (see `breakglass.components.alerts.witness`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.console import console_url
from breakglass.alerts.event_history import CLEAN, History, history_states
from breakglass.alerts.messages import button, facts_section, header, text_section
from breakglass.alerts.recorded_uses import MOST_USES, missed_uses_query
from breakglass.alerts.states import (
    ACCEPTED,
    SLACK_ERROR,
    State,
    ask_insights,
    call_aws,
    call_slack,
    choice,
    first_items,
    own_dimensions,
    put_metrics,
)
from breakglass.alerts.subjects import Subject
from breakglass.naming import AlertMetric

MISSED_USE_EVENT_TYPE = "breakglass_missed_use"
"""The `event_type` in the metadata of a message about a use without an alert."""

DELAY_SECONDS = 1800
"""The age at which a use is judged: as a rule CloudTrail has recorded it, and EventBridge has delivered it."""

LATENESS_SECONDS = 3 * 3600
"""The longest time from a use to its arrival in the trail's log group. AWS's average is about five minutes, and one
report had 85. The query of each run reads as many seconds more, which is charged. A later use is not judged, or
reported though a rule fired: that depends on the time that CloudTrail gives it in the log group."""

LONGEST_GAP_SECONDS = 7 * 86_400
"""The longest time that a run makes up for. An alarm has reported since that no run ends."""

MOST_RUNS = 200
"""The executions that a run looks at: those of `LONGEST_GAP_SECONDS` and of an hour each."""

MOST_POSTS = 20
"""The most uses that a run posts and mails; the mail has the number of all."""

TIMEOUT_SECONDS = 3300
"""The limit of an execution, which ends before the next one starts."""


@dataclass(frozen=True)
class WitnessSettings:
    """The settings of a witness.

    Attributes:
        stack: value of the dimension `Stack` of the metrics.
        subjects: the subjects whose uses it looks for.
        interval_seconds: the time between two runs.
        fired_log_group: name of the log group of the events on which rules fired.
        trail_log_group: name of the log group that a trail delivers to; None to look events up in CloudTrail itself.
        excluded_accounts: IDs of accounts in the trail that no rule is meant to see.
        channel: ID of the Slack channel.
        post_message_url: the address of `chat.postMessage`.
        connection_arn: ARN of the EventBridge connection.
        topic_arn: ARN of the topic that the mails go to.
        page_topic_arn: ARN of the topic that pages on-call, if there is one.
    """

    stack: str
    subjects: Sequence[Subject]
    interval_seconds: int
    fired_log_group: str
    trail_log_group: str | None
    excluded_accounts: Sequence[str]
    channel: str
    post_message_url: str
    connection_arn: str
    topic_arn: str
    page_topic_arn: str | None = None

    @property
    def partition(self) -> str:
        """The partition of the stack."""
        return self.connection_arn.split(":")[1]


def witness_definition(witness: WitnessSettings) -> dict[str, Any]:
    """Return the definition of the state machine, JSON-ready. The execution's input is not used.

    Raises:
        BreakglassError: there are too many subjects for the query of a trail's log group.
    """
    history = History(witness.partition, witness.subjects, witness.fired_log_group, _QUERY_TIME)
    if witness.trail_log_group is None:
        first, states = "ListTrails", history_states(history, "Missed")
    else:
        first, states = "AskTrail", _trail_states(witness, witness.trail_log_group)
    return {
        "Comment": "On which recorded use did no rule fire?",
        "QueryLanguage": "JSONata",
        "StartAt": "LastRun",
        "TimeoutSeconds": TIMEOUT_SECONDS,
        "States": {"LastRun": _last_run(witness, first), **states, **_report_states(witness)},
    }


def _expression(text: str) -> str:
    return "{% " + text + " %}"


def _fill(text: str, **values: str) -> str:
    """Return an expression for a text, with the values of other expressions for its `<name>`."""
    literal = json.dumps(text, ensure_ascii=False)
    for name, value in values.items():
        literal = literal.replace(f"<{name}>", f'" & {value} & "')
    return literal


# --- the window ----------------------------------------------------------------------------------------------------


def _last_run(witness: WitnessSettings, following: str) -> State:
    """Return the state that sets `start` and `end`, in milliseconds since the epoch.

    The first run judges the uses of an interval. While none has succeeded, the window begins with that of the first.
    """
    end = f"$toMillis($states.context.Execution.StartTime) - {DELAY_SECONDS * 1000}"
    start = f"""(
  $end := {end};
  $runs := $states.result.Executions;
  $last := $runs[Status = 'SUCCEEDED'][0].StartDate;
  $first := $exists($runs) ? $runs[-1].StartDate : $states.context.Execution.StartTime;
  $start := $exists($last) ? $toMillis($last) : $toMillis($first) - {witness.interval_seconds * 1000};
  $min([$end, $max([$start - {DELAY_SECONDS * 1000}, $end - {LONGEST_GAP_SECONDS * 1000}])])
)"""
    return call_aws(
        witness.partition,
        "aws-sdk:sfn:listExecutions",
        {
            "StateMachineArn": "{% $states.context.StateMachine.Id %}",
            # The newest ones, in this order, of more than seven days.
            "MaxResults": MOST_RUNS,
        },
        Assign={"start": f"{{% {start} %}}", "end": f"{{% {end} %}}"},
        Next=following,
    )


# --- the uses without an alert -------------------------------------------------------------------------------------

_QUERY_TIME = {
    "StartTime": f"{{% $floor($start / 1000) - {LATENESS_SECONDS} %}}",
    "EndTime": f"{{% $ceil($end / 1000) + {DELAY_SECONDS} %}}",
}

_MISSED = f"""(
  {CLEAN};
  $value := function($row, $name) {{ $clean($row[Field = $name].Value) }};
  [$map($states.result.Results, function($row) {{ {{
    'id': $value($row, 'useId'),
    'event': $value($row, 'useEvent'),
    'time': $value($row, 'useTime'),
    'name': $value($row, 'useName'),
    'account': $value($row, 'useAccount'),
    'region': $value($row, 'useRegion'),
    'role': $value($row, 'useRole'),
    'user': $value($row, 'useUser')
  }} }})]
)"""


def _trail_states(witness: WitnessSettings, trail_log_group: str) -> dict[str, State]:
    query = missed_uses_query(witness.subjects, witness.partition, witness.excluded_accounts, "<start>", "<end>")
    question = {
        "LogGroupNames": [trail_log_group, witness.fired_log_group],
        **_QUERY_TIME,
        "QueryString": _expression(_fill(query, start="$string($start)", end="$string($end)")),
    }
    return ask_insights(witness.partition, "Trail", question, {"missed": _MISSED}, "Missed")


# --- the report ----------------------------------------------------------------------------------------------------

_SHOWN = first_items("$missed", MOST_POSTS)
_USE = "$states.input"
_ROLE = f"({_USE}.role = '' ? 'console sign-in' : $split({_USE}.role, '/')[-1])"


def _report_states(witness: WitnessSettings) -> dict[str, State]:
    metrics: dict[AlertMetric, Any] = {AlertMetric.uses_without_alert: _expression("$count($missed)")}
    if witness.trail_log_group is None:
        metrics[AlertMetric.active_trails] = _expression("$trails")
    return {
        "Missed": choice("Post", ("$count($missed) = 0", "Count")),
        "Post": {
            **_each(_expression(_SHOWN), "PostUse", _post(witness)),
            "Assign": {"refusals": _expression("[$distinct($states.result[$ != ''])]")},
            "Next": "Mail",
        },
        "Mail": {
            **_each([arn for arn in (witness.topic_arn, witness.page_topic_arn) if arn], "MailUses", _mail(witness)),
            "Assign": {"mailed": _expression("$count($states.result[$ != true]) = 0")},
            "Next": "Mailed",
        },
        "Mailed": choice("Unreported", ("$mailed", "Count")),
        "Unreported": {
            "Type": "Fail",
            "Error": "UsesUnreported",
            "Cause": _expression(
                "'A mail about uses without an alert was not sent. The next run reports them again. Event IDs: ' & "
                f"$join({_SHOWN}.event, ', ')"
            ),
        },
        "Count": put_metrics(witness.partition, metrics, own_dimensions(witness.stack), Output={}, End=True),
    }


def _each(items: Any, name: str, task: State) -> State:
    """Return a state that runs a task for each item, the next one after its end or failure."""
    failed = f"{name}Failed"
    caught = [
        {"ErrorEquals": [error], "Output": _expression("$states.errorOutput.Error"), "Next": failed}
        for error in ("States.DataLimitExceeded", "States.ALL")
    ]
    return {
        "Type": "Map",
        "Items": items,
        "MaxConcurrency": 1,
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "INLINE"},
            "StartAt": name,
            "States": {name: {**task, "Catch": caught, "End": True}, failed: {"Type": "Pass", "End": True}},
        },
        "Output": {},
    }


def _post(witness: WitnessSettings) -> State:
    """Return the task that posts a use, its input; its output is Slack's error, or nothing."""
    facts = {
        "Role": _ROLE,
        "User": f"{_USE}.user",
        "Account": f"{_USE}.account",
        "Region": f"{_USE}.region",
        "Time of the use": f"{_USE}.time",
        "Event": f"{_USE}.name",
    }
    section = facts_section(dict.fromkeys(facts, "<value>"))
    for field, value in zip(section["fields"], facts.values(), strict=True):
        field["text"] = _expression(_fill(field["text"], value=f"({value} = '' ? 'unknown' : {value})"))
    page = console_url(witness.partition, "cloudtrailv2/home?region=<region>#/events/<event>")
    link = _expression(_fill(page, region=f"{_USE}.region", event=f"{_USE}.event"))
    text = "Break-glass use without an alert: <role> by <user> in account <account> at <time>"
    values = {name: f"{_USE}.{name}" for name in ("user", "account", "time")}
    body = {
        "channel": witness.channel,
        "text": _expression(_fill(text, role=_ROLE, **values)),
        "blocks": [
            header(":rotating_light: Late: a use without an alert"),
            text_section(_expression(_fill(f"CloudTrail recorded this use. {_NO_ALERT}", reason=_reason(witness)))),
            section,
            text_section("Ask the user for the reason. Then find the fault: `uv run breakglass doctor`."),
            {"type": "actions", "elements": [button("Open in CloudTrail", "open_event", url=link)]},
        ],
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {
            "event_type": MISSED_USE_EVENT_TYPE,
            "event_payload": {"event_id": _expression(f"{_USE}.event")},
        },
    }
    output = _expression(f"{ACCEPTED} ? '' : {SLACK_ERROR}")
    return call_slack(witness.post_message_url, witness.connection_arn, body, Output=output)


_NO_ALERT = "No rule fired on it, so no alert came. <reason>"


def _reason(witness: WitnessSettings) -> str:
    """Return the expression of a sentence: the causes to look for."""
    if witness.trail_log_group is not None:
        return _fill(
            "Its account and region has no spoke, a rule is disabled or changed, or EventBridge lost the event."
        )
    no_trail = _fill("No trail logs here, and without one EventBridge gets no records.")
    usual = _fill("A rule is disabled or changed, the trail leaves read events out, or EventBridge lost the event.")
    return f"($trails = 0 ? {no_trail} : {usual})"


def _mail(witness: WitnessSettings) -> State:
    """Return the task that sends the mail to a topic, its input; its output is true."""
    use = _fill(
        "<time>: <name><role> by <user>, account <account>, <region>. Event ID: <event>",
        **{name: name for name in ("time", "name", "user", "account", "region", "event")},
        role="(role = '' ? '' : ' of ' & role)",
    )
    text = _fill(
        "CloudTrail recorded <number>, on which no rule fired, so no alert came. <reason>\n\n<uses><more>\n\n<slack>"
        "\n\n"
        f"This is the report of the second witness of the stack {witness.stack}. Find the fault in the alert path: uv "
        "run breakglass doctor. Runbook: docs/runbooks/alarms.md. Execution: <execution>",
        number=f"($count($missed) < {MOST_USES} ? '' : 'at least ') & $string($count($missed)) & "
        "($count($missed) = 1 ? ' break-glass use' : ' break-glass uses')",
        reason=_reason(witness),
        uses=f"$join({_SHOWN}.({use}), '\\n')",
        more=f"($count($missed) > {MOST_POSTS} ? '\\nand more, which Slack does not show either' : '')",
        slack="($count($refusals) = 0 ? 'Slack shows them, late.' "
        ": 'Slack did not accept the messages about them: ' & $join($refusals, ', ') & '.')",
        execution="$states.context.Execution.Id",
    )
    arguments = {
        "TopicArn": _expression(_USE),
        "Subject": "Break-glass use without an alert",
        "Message": _expression(text),
    }
    return call_aws(witness.partition, "sns:publish", arguments, Output=True)
