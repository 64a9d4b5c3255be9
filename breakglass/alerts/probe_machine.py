"""The state machine of the probe in the Amazon States Language (JSONata): would Slack show an alert now?

For each channel:

    Schedule -> Scheduled -> Delete -> Deleted -> Reachable                   metric 1
                          -> LastProbe -> Unreachable -> Reported -> Report   metric 0, a mail at the first failure

It schedules a message a day ahead and deletes it at once, with the connection, the scope and the channel of an alert.
`chat.scheduleMessage` shows nothing, and fails for the reasons for which `chat.postMessage` fails
(https://docs.slack.dev/reference/methods/chat.scheduleMessage). The message has metadata, and blocks of the kinds that
an alert has. By that page's "Bug alert" Slack never posts a scheduled message with metadata, so even a message that
could not be deleted should stay unseen. If Slack repairs that, its text says what it is.

A channel that refuses does not stop the others, and does not fail the execution: the metric and the mail report it. An
execution fails after its last channel if a message was not deleted, a metric not written or a mail not sent.
`States.ALL` does not catch `States.Runtime` ("Handling errors in workflows", Step Functions Developer Guide), for
example after an answer with an image. It ends the execution before its last channel, and the alarm on failed runs
reports it.

The mail is sent only if the channel's metric was not 0 already: a long outage causes one mail, not 96 a day
(decision 0052). The machine has no other memory.

Non-goals: the resources (see `breakglass.components.alerts.slack_probe`); the values in an alert's blocks, such as one
that is too long, which Slack checks only in the alert itself.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.messages import button, facts_section, header, text_section
from breakglass.alerts.states import (
    ACCEPTED,
    ERRORS,
    RETRY,
    SLACK_ERROR,
    State,
    call_slack,
    choice,
    explain,
    integration,
    is_temporary,
    metric_query,
    own_dimensions,
    put_metrics,
    read_metrics,
)
from breakglass.naming import CHANNEL_DIMENSION, METRICS_NAMESPACE, AlertMetric

PROBE_EVENT_TYPE = "breakglass_probe"
"""The `event_type` in the metadata of the probe's messages."""

ATTEMPTS = 3
"""Attempts while Slack answers with a temporary error, and attempts to delete a message."""

PAUSE_SECONDS = 20
"""The pause between them."""

TIMEOUT_SECONDS = 1800
"""The limit of an execution; the longest one, in which each call uses up its retries, takes about half of it."""

MESSAGE_DELAY_SECONDS = 86_400
"""The time from a probe to the time for which its message is scheduled. Each probe has a time of its own, so Slack's
limit of 30 messages to a channel in five minutes (`restricted_too_many`) is far away."""

_CLOUDTRAIL_URL = "https://console.aws.amazon.com/cloudtrail/home"
_ERROR = f"{{% {SLACK_ERROR} %}}"
_CHANNEL_INPUT = {"channel": "{% $states.input.channel %}"}
_NOT_WRITTEN = "'The metric was not written: ' & $states.errorOutput.Error & '.'"


@dataclass(frozen=True)
class Probe:
    """The settings of a probe.

    Attributes:
        stack: value of the dimension `Stack` of the metric.
        channels: IDs of the channels, each once.
        interval_seconds: the time between two probes.
        post_message_url: address of `chat.postMessage`.
        connection_arn: ARN of the EventBridge connection.
        topic_arn: ARN of the topic that the mails go to.
    """

    stack: str
    channels: Sequence[str]
    interval_seconds: int
    post_message_url: str
    connection_arn: str
    topic_arn: str

    @property
    def partition(self) -> str:
        """The partition of the stack."""
        return self.connection_arn.split(":")[1]


def schedule_url(post_message_url: str) -> str:
    """Return the address of `chat.scheduleMessage` beside that of `chat.postMessage`."""
    return _method_url(post_message_url, "chat.scheduleMessage")


def delete_url(post_message_url: str) -> str:
    """Return the address of `chat.deleteScheduledMessage` beside that of `chat.postMessage`."""
    return _method_url(post_message_url, "chat.deleteScheduledMessage")


def probe_definition(probe: Probe) -> dict[str, Any]:
    """Return the definition of the state machine, JSON-ready. The execution's input is not used."""
    return {
        "Comment": "Would Slack show an alert? One message a channel, scheduled and deleted.",
        "QueryLanguage": "JSONata",
        "StartAt": "Probe",
        "TimeoutSeconds": TIMEOUT_SECONDS,
        "States": {
            "Probe": {
                "Type": "Map",
                "Items": list(probe.channels),
                "ItemSelector": {"channel": "{% $states.context.Map.Item.Value %}", "attempts": 0},
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    "StartAt": "Schedule",
                    "States": {**_schedule_states(probe), **_delete_states(probe), **_refused_states(probe)},
                },
                "Output": {"faults": "{% [$states.result[fault != ''].(channel & ': ' & fault)] %}"},
                "Next": "Completed",
            },
            "Completed": choice("Incomplete", ("$count($states.input.faults) = 0", "Done")),
            "Done": {"Type": "Succeed"},
            "Incomplete": {
                "Type": "Fail",
                "Error": "ProbeIncomplete",
                "Cause": "{% $join($states.input.faults, '; ') %}",
            },
        },
    }


def _method_url(post_message_url: str, method: str) -> str:
    return f"{post_message_url.rpartition('/')[0]}/{method}"


def _schedule_states(probe: Probe) -> dict[str, State]:
    text = (
        "'This is a test of the break-glass alerts, not an alert: no role was used. It was scheduled <!date^' & "
        "$string($floor($millis() / 1000)) & '^{date_short_pretty} at {time}|' & $now() & '> to learn whether Slack "
        "accepts alerts in this channel, and should have been deleted at once.'"
    )
    message = {
        **_CHANNEL_INPUT,
        "text": f"{{% {text} %}}",
        "blocks": [
            header(":test_tube: Test of the break-glass alerts"),
            text_section(f"{{% {text} %}}"),
            facts_section({"Kind": "test"}),
            {"type": "actions", "elements": [button("Open CloudTrail", "open_event", url=_CLOUDTRAIL_URL)]},
        ],
        "post_at": f"{{% $floor($millis() / 1000) + {MESSAGE_DELAY_SECONDS} %}}",
        "metadata": {"event_type": PROBE_EVENT_TYPE, "event_payload": {"stack": probe.stack}},
    }
    message_id = "$states.result.ResponseBody.scheduled_message_id"
    kept = {**_CHANNEL_INPUT, "attempts": "{% $states.input.attempts + 1 %}", "deletions": 0}
    return {
        "Schedule": call_slack(
            schedule_url(probe.post_message_url),
            probe.connection_arn,
            message,
            Output={
                **kept,
                "accepted": f"{{% {ACCEPTED} %}}",
                # Without an ID the deletion fails, which is reported.
                "id": f"{{% {ACCEPTED} and $type({message_id}) = 'string' ? {message_id} : '' %}}",
                "error": _ERROR,
            },
            Catch=_catch("LastProbe", {**_CHANNEL_INPUT, "error": "{% $states.errorOutput.Error %}"}),
            Next="Scheduled",
        ),
        "Scheduled": choice(
            "LastProbe",
            ("$states.input.accepted", "Delete"),
            (f"$states.input.attempts < {ATTEMPTS} and {is_temporary('$states.input.error')}", "ScheduleWait"),
        ),
        "ScheduleWait": _pause("Schedule"),
    }


def _delete_states(probe: Probe) -> dict[str, State]:
    message_id = {"id": "{% $states.input.id %}"}
    kept = {**_CHANNEL_INPUT, **message_id, "deletions": "{% $states.input.deletions + 1 %}"}
    # If the answer to a first deletion was lost, the answer to the second one is that there is no such message.
    deleted = f"{ACCEPTED} or {SLACK_ERROR} = 'invalid_scheduled_message_id'"
    fault = (
        "$states.input.deleted ? '' : 'Slack did not delete the message ' & $states.input.id & ' of the test (' & "
        "$states.input.error & ').'"
    )
    return {
        "Delete": call_slack(
            delete_url(probe.post_message_url),
            probe.connection_arn,
            {**_CHANNEL_INPUT, "scheduled_message_id": message_id["id"]},
            Output={**kept, "deleted": f"{{% {deleted} %}}", "error": _ERROR},
            Catch=_catch("Deleted", {**kept, "deleted": False, "error": "{% $states.errorOutput.Error %}"}),
            Next="Deleted",
        ),
        "Deleted": choice(
            "Reachable", (f"$not($states.input.deleted) and $states.input.deletions < {ATTEMPTS}", "DeleteWait")
        ),
        "DeleteWait": _pause("Delete"),
        "Reachable": put_metrics(
            probe.partition,
            {AlertMetric.slack_reachable: 1},
            _dimensions(probe),
            Output={**_CHANNEL_INPUT, "fault": f"{{% {fault} %}}"},
            Catch=_catch("Probed", {**_CHANNEL_INPUT, "fault": f"{{% $trim(({fault}) & ' ' & {_NOT_WRITTEN}) %}}"}),
            End=True,
        ),
        "Probed": {"Type": "Succeed"},
    }


def _refused_states(probe: Probe) -> dict[str, State]:
    last = metric_query("last", METRICS_NAMESPACE, AlertMetric.slack_reachable, _dimensions(probe), stat="Minimum")
    value = "$states.result.MetricDataResults[0].Values[0]"
    kept = {**_CHANNEL_INPUT, "error": "{% $states.input.error %}"}
    reported = {"reported": "{% $states.input.reported %}"}
    return {
        "LastProbe": read_metrics(
            probe.partition,
            [last],
            start=f"$millis() - {2 * probe.interval_seconds * 1000}",
            end="$millis()",
            Output={**kept, "reported": f"{{% $exists({value}) ? {value} = 0 : false %}}"},
            # Better two mails than none.
            Catch=[{**catch, "Assign": ERRORS} for catch in _catch("Unreachable", {**kept, "reported": False})],
            Assign=ERRORS,
            Next="Unreachable",
        ),
        "Unreachable": put_metrics(
            probe.partition,
            {AlertMetric.slack_reachable: 0},
            _dimensions(probe),
            Output={**kept, **reported, "fault": ""},
            Catch=_catch("Reported", {**kept, **reported, "fault": f"{{% {_NOT_WRITTEN} %}}"}),
            Next="Reported",
        ),
        "Reported": choice("Report", ("$states.input.reported", "Probed")),
        "Report": {
            "Type": "Task",
            "Resource": integration(probe.partition, "sns:publish"),
            "Arguments": {
                "TopicArn": probe.topic_arn,
                "Subject": "Break-glass alerts would not reach Slack",
                "Message": f"{{% {_mail(probe)} %}}",
            },
            "Retry": RETRY,
            "Output": {**_CHANNEL_INPUT, "fault": "{% $states.input.fault %}"},
            "Catch": _catch(
                "Probed",
                {
                    **_CHANNEL_INPUT,
                    "fault": "{% $trim($states.input.fault & ' The mail about ' & $states.input.error & "
                    "' was not sent: ' & $states.errorOutput.Error & '.') %}",
                },
            ),
            "End": True,
        },
    }


def _mail(probe: Probe) -> str:
    """Return the expression of the mail: channel, Slack's error in words, the remedy, and the next sign."""
    minutes = probe.interval_seconds // 60
    return (
        "'Slack would not show break-glass messages in the channel ' & $states.input.channel & ' now: ' & "
        f"$states.input.error & '. ' & {explain('$states.input.error')} & '\\n\\nThis is the result of a test by the "
        f"stack ' & {json.dumps(probe.stack)} & ' every {minutes} minutes, not the use of a role. "
        "There is no further e-mail about this channel until Slack has accepted a test again. The alarm on the channel "
        "shows the state. Runbook: docs/runbooks/slack-is-down.md. Execution: ' & $states.context.Execution.Id"
    )


def _dimensions(probe: Probe) -> dict[str, str]:
    return own_dimensions(probe.stack, **{CHANNEL_DIMENSION: _CHANNEL_INPUT["channel"]})


def _pause(following: str) -> State:
    return {"Type": "Wait", "Seconds": PAUSE_SECONDS, "Next": following}


def _catch(following: str, output: Mapping[str, Any]) -> list[dict[str, Any]]:
    # States.ALL does not include the first one: an answer of more than 256 KiB.
    return [
        {"ErrorEquals": [name], "Output": output, "Next": following}
        for name in ("States.DataLimitExceeded", "States.ALL")
    ]
