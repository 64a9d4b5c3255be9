"""The state machine that delivers an alert and reads Slack's answer, in the Amazon States Language (JSONata).

    Begin -> Post -> Answer -> Delivered                       Slack accepted it
                     Answer -> Pause -> Post                   Slack is busy or away: for about a minute
                     Answer -> UsePlainText -> Post            Slack refuses the layout: post the text, and report it
                     Answer -> Tell -> WaitLate -> Post ...    the second channel has the text; post late, for an hour
                               Tell -> SecondChannelFailed     an alarm
                               ... -> NotShown                 an alarm

The input is the body of `chat.postMessage` that the rule's input transformer makes. Only `text`, `blocks` and
`metadata` are taken from it, if they have the right type. The endpoint is fixed here, and so are the channels: another
channel in the input is ignored.

There is no `Retry` of the task, because limits of several retriers add up. One budget bounds the time until the
second channel is told, for every mix of errors.

Each expression has a value for every input and every answer, since AWS fails an execution whose expression has none.
`States.ALL` does not catch `States.Runtime`, for example after an answer with an image. Such an execution fails, which
raises an alarm (see `breakglass.components.alerts.slack_delivery`).

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/ ("Transforming data with JSONata in Step Functions",
"Passing data between states with variables", "Handling errors in Step Functions workflows", "Call HTTPS APIs in Step
Functions workflows", "Service quotas": 256 KiB for an input, and for the variables of an `Assign` together);
https://docs.slack.dev/messaging/formatting-message-text ("Date formatting", "Escaping text").

Non-goals: the messages (see `breakglass.alerts.messages`); an alert twice in Slack, after an answer that got lost.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.drills import DRILL_EVENT_TYPE
from breakglass.alerts.states import (
    ACCEPTED,
    CALL_SECONDS,
    ERRORS,
    RETRY,
    SLACK_ERROR,
    State,
    call_slack,
    choice,
    describe,
    explain,
    integration,
    own_dimensions,
    put_metrics,
)
from breakglass.app.error_codes import Remedy
from breakglass.naming import AlertMetric

TELL_AFTER_SECONDS = 75
"""The longest time until the second channel is told of an alert that Slack has not accepted."""

LATE_SECONDS = 300
"""The time between two late posts."""

LATE_POSTS = 12
"""The number of late posts: for an hour."""

TIMEOUT_SECONDS = 5400
"""The limit of an execution, above the hour of late posts with all their retries."""

LONGEST_INPUT = 20_000
"""Characters of the input, as JSON, above which only its text is posted: 80 KB at most."""

LONGEST_NAMES = 140_000
"""Characters of the names of accounts, as JSON, above which none is shown: those of some 2,000 accounts. With the
longest input and the texts of the errors that is less than the 256 KiB of an `Assign`.
"""

LONGEST_TEXT = 3000
"""Characters of the alert's text that are kept: the longest text of an alert fits."""

RUNBOOK = "docs/runbooks/slack-is-down.md"

_NO_TEXT = "A break-glass alert has no text. Find the event in CloudTrail."
_LATE = "*Late:* Slack did not accept this alert at first. Its text went to the second channel."


@dataclass(frozen=True)
class DeliverySettings:
    """The settings of a delivery.

    Attributes:
        post_message_url: the address of Slack's method `chat.postMessage`.
        connection_arn: the EventBridge connection with the token.
        channels: the IDs of the channels that may be posted to; the first one is for every message without one.
        topic_arn: the SNS topic of the alarms, which is the second channel.
        page_topic_arn: the SNS topic that pages on-call, if there is one.
        stack: value of the dimension `Stack` of the metrics.
        account_names: the names of AWS accounts by their IDs, for the message; none are shown above `LONGEST_NAMES`.
    """

    post_message_url: str
    connection_arn: str
    channels: Sequence[str]
    topic_arn: str
    page_topic_arn: str | None
    stack: str
    account_names: Mapping[str, str]

    @property
    def partition(self) -> str:
        """The partition of the resources, e.g. `aws`."""
        return self.connection_arn.split(":")[1]


def delivery_definition(delivery: DeliverySettings) -> dict[str, Any]:
    """Return the definition of the state machine, JSON-ready."""
    return {
        "Comment": "Post an alert to Slack, read the answer, and tell the second channel if Slack did not accept it.",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "TimeoutSeconds": TIMEOUT_SECONDS,
        "States": {
            "Begin": _begin(delivery),
            **_post_states(delivery),
            **_shown_states(delivery),
            **_tell_states(delivery),
        },
    }


def _expression(text: str) -> str:
    return "{% " + text + " %}"


def _literal(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- the alert -----------------------------------------------------------------------------------------------------

_INPUT = "$states.input"
# A conditional, not `and`: an implementation may evaluate both sides of `and`, and $trim fails for a number.
_HAS_TEXT = f"($type({_INPUT}.text) = 'string' ? $trim({_INPUT}.text) != '' : false)"
_IS_SHORT = f"$length($string({_INPUT})) <= {LONGEST_INPUT}"


def _begin(delivery: DeliverySettings) -> State:
    """Return the state that keeps the parts of the input, and the tables."""
    first = _literal(delivery.channels[0])
    given = f"{_INPUT}.channel"
    chosen = (
        f"$type({given}) = 'string' ? ({given} in {_literal(list(delivery.channels))} ? {given} : {first}) : {first}"
    )
    names = {account: _code_span(name) for account, name in sorted(delivery.account_names.items())}
    return {
        "Type": "Pass",
        "Assign": {
            "channel": _expression(chosen),
            "text": _expression(f"{_HAS_TEXT} ? $substring({_INPUT}.text, 0, {LONGEST_TEXT}) : {_literal(_NO_TEXT)}"),
            "blocks": _expression(f"$type({_INPUT}.blocks) = 'array' and {_IS_SHORT} ? {_INPUT}.blocks : []"),
            "metadata": _expression(f"$type({_INPUT}.metadata) = 'object' and {_IS_SHORT} ? {_INPUT}.metadata : {{}}"),
            "names": names if len(json.dumps(names)) <= LONGEST_NAMES else {},
            **ERRORS,
            "error": "",
            "plain": False,
            "attempt": 1,
            "spent": 0,
            "late": 0,
        },
        "Output": {},
        "Next": "Post",
    }


def _code_span(name: str) -> str:
    """Return an account's name as it is written in a code span of Slack.

    It is no expression of the definition either: an account may name itself (AWS Account Management API Reference,
    "PutAccountName").
    """
    for text, instead in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("`", "'"), ("{%", "{ %")):
        name = name.replace(text, instead)
    return name


_TIME_OF_DAY = r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$"
_DATE = (
    r"^2\d\d\d-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-(0[1-9]|1\d|2[0-8]))"
    + _TIME_OF_DAY
)
_LEAP_DAY = r"^2\d(0[48]|[2468][048]|[13579][26])-02-29" + _TIME_OF_DAY
_PAYLOAD = "$metadata.event_payload"
_TIME = f"{_PAYLOAD}.time"
# $toMillis fails for a day that does not exist. The length excludes a line feed at the end, which `$` may allow.
_HAS_TIME = (
    f"($type({_TIME}) = 'string' ? ($length({_TIME}) = 20 ? "
    f"($contains({_TIME}, /{_DATE}/) or $contains({_TIME}, /{_LEAP_DAY}/)) : false) : false)"
)
# The sender of a drill chooses its time, so no reader sees it.
_IS_DRILL = f"$metadata.event_type = '{DRILL_EVENT_TYPE}'"
_NAME = f"($type({_PAYLOAD}.account) = 'string' ? $lookup($names, {_PAYLOAD}.account) : null)"

_BODY = f"""(
  $escape := function($s) {{ $replace($replace($replace($s, '&', '&amp;'), '<', '&lt;'), '>', '&gt;') }};
  $name := {_NAME};
  $notes := [
    $late > 0 ? {_literal(_LATE)} : '',
    $type($name) = 'string' ? '*Account name:* `' & $name & '`' : '',
    {_HAS_TIME} and $not({_IS_DRILL}) ? '*When, on your clock:* <!date^' & $string($floor($toMillis({_TIME}) / 1000))
      & '^{{date_short_pretty}} {{time_secs}}|' & {_TIME} & '>' : ''
  ];
  $note := $join($filter($notes, function($n) {{ $n != '' }}), '\\n');
  $context := {{'type': 'context', 'elements': [{{'type': 'mrkdwn', 'text': $note, 'verbatim': true}}]}};
  $rest := $filter($blocks, function($b, $i) {{ $i > 0 }});
  $noted := $exists($note) ? $append($append($blocks[0], $context), $rest) : $blocks;
  $merge([
    {{
      'channel': $channel,
      'text': ($late > 0 ? 'Late: ' : '') & $escape($text),
      'unfurl_links': false,
      'unfurl_media': false
    }},
    $plain or $count($blocks) = 0 ? {{}} : {{'blocks': $noted}},
    $plain or $not($exists($metadata.event_type)) ? {{}} : {{'metadata': $metadata}}
  ])
)"""


# --- the post ------------------------------------------------------------------------------------------------------

_CODE = f"{ACCEPTED} ? '' : {SLACK_ERROR}"
_FAILURE = "$states.errorOutput.Error"
_NAMED = f"($type({_FAILURE}) = 'string' ? $contains({_FAILURE}, '.') : false)"
_FAILURE_NAME = f"{_NAMED} ? $substring({_FAILURE}, 0, 200) : 'States.TaskFailed'"

_REMEDY = f"{describe('$error')}.remedy"

_IS_TIMED_DRILL = f"{_IS_DRILL} and {_HAS_TIME}"

_BUSY = _literal(
    [
        "rate_limited",
        "ratelimited",
        "Events.ConnectionResource.AccessDenied",
        "States.Http.AccessDenied",
        "States.Http.StatusCode.429",
    ]
)
# A new permission takes up to a minute to hold. Slack asks for a pause by 429, and its Retry-After is not visible here.
_PAUSE = f"($error in {_BUSY} ? 30 : $min([16, $power(2, $attempt)]))"
_DURATION = f"($error in ['States.Timeout', 'States.Http.Socket'] ? {CALL_SECONDS} : 1)"


def _post_states(delivery: DeliverySettings) -> dict[str, State]:
    may_wait = f"{_REMEDY} = '{Remedy.retry}' and $spent + {_DURATION} + {_PAUSE} <= {TELL_AFTER_SECONDS}"
    return {
        "Post": call_slack(
            delivery.post_message_url,
            delivery.connection_arn,
            _expression(_BODY),
            Retry=[],
            Catch=[
                {
                    # States.ALL does not include the first one: an answer of more than 256 KiB.
                    "ErrorEquals": [name],
                    "Assign": {"error": _expression(_FAILURE_NAME)},
                    "Output": {},
                    "Next": "Answer",
                }
                for name in ("States.DataLimitExceeded", "States.ALL")
            ],
            Assign={"error": _expression(_CODE)},
            Output={},
            Next="Answer",
        ),
        "Answer": choice(
            "NotShown",
            (f"$error = '' and {_IS_TIMED_DRILL}", "CountDrill"),
            ("$error = '' and $late > 0", "CountLate"),
            ("$error = '' and $plain", "Report"),
            ("$error = ''", "Delivered"),
            (f"{_REMEDY} = '{Remedy.none}' and $not($plain)", "UsePlainText"),
            (f"$late = 0 and {may_wait}", "Pause"),
            ("$late = 0", "Tell"),
            (f"$late < {LATE_POSTS}", "WaitLate"),
        ),
        "Pause": {
            "Type": "Wait",
            # Between half and all of the pause, so that alerts of the same use don't come back together.
            "Seconds": _expression(f"$ceil({_PAUSE} * (1 + $random()) / 2)"),
            "Assign": {
                "attempt": _expression("$attempt + 1"),
                "spent": _expression(f"$spent + {_DURATION} + {_PAUSE}"),
            },
            "Output": {},
            "Next": "Post",
        },
        "UsePlainText": {
            "Type": "Pass",
            "Assign": {"plain": True, "refusal": _expression("$error")},
            "Output": {},
            "Next": "Post",
        },
        "NotShown": {
            "Type": "Fail",
            "Error": _expression("$error"),
            "Cause": f"Slack did not accept this alert within an hour. The second channel has its text. See {RUNBOOK}.",
        },
    }


# --- after Slack has accepted it -----------------------------------------------------------------------------------


def _shown_states(delivery: DeliverySettings) -> dict[str, State]:
    partition, dimensions = delivery.partition, own_dimensions(delivery.stack)
    seconds = _expression(f"$max([0, ($millis() - $toMillis({_TIME})) / 1000])")
    # A metric that can't be written must not fail a delivery.
    onward: dict[str, Any] = {
        "Output": {},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Output": {}, "Next": "Layout"}],
        "Next": "Layout",
    }
    report = (
        f"'Slack shows this alert as plain text, because it refused its layout: ' & $refusal & '. ' & "
        f"{explain('$refusal')} & '\\n\\nThe alert: ' & $text"
    )
    return {
        "CountDrill": put_metrics(partition, {AlertMetric.drill_seconds: seconds}, dimensions, **onward),
        "CountLate": put_metrics(partition, {AlertMetric.alerts_late: 1}, dimensions, **onward),
        "Layout": choice("Delivered", ("$plain", "Report")),
        "Report": {
            **_publish(delivery.partition, delivery.topic_arn, "Break-glass alert without its layout", report),
            "Output": {},
            "Catch": [{"ErrorEquals": ["States.ALL"], "Output": {}, "Next": "SecondChannelFailed"}],
            "Next": "Delivered",
        },
        "Delivered": {"Type": "Succeed"},
    }


# --- the second channel --------------------------------------------------------------------------------------------


def _tell_states(delivery: DeliverySettings) -> dict[str, State]:
    text = (
        f"$text & '\\n\\nSlack did not accept this alert: ' & $error & '. ' & {explain('$error')} & "
        f"'\\n\\nIt is posted late if Slack accepts it within an hour. Runbook: {RUNBOOK}. "
        "Execution: ' & $states.context.Execution.Id"
    )
    topics = [arn for arn in (delivery.topic_arn, delivery.page_topic_arn) if arn is not None]
    return {
        # Each branch catches its own errors: one that fails would stop the others.
        "Tell": {
            "Type": "Parallel",
            "Branches": [
                {
                    "StartAt": f"Publish{number}",
                    "States": {
                        f"Publish{number}": {
                            **_publish(delivery.partition, arn, "Break-glass alert not in Slack", text),
                            "Output": True,
                            "Catch": [{"ErrorEquals": ["States.ALL"], "Output": False, "Next": f"Failed{number}"}],
                            "End": True,
                        },
                        f"Failed{number}": {"Type": "Pass", "End": True},
                    },
                }
                for number, arn in enumerate(topics, start=1)
            ],
            "Next": "Told",
        },
        "Told": choice("WaitLate", ("false in $states.input", "SecondChannelFailed")),
        "WaitLate": {
            "Type": "Wait",
            "Seconds": LATE_SECONDS,
            "Assign": {"late": _expression("$late + 1")},
            "Output": {},
            "Next": "Post",
        },
        "SecondChannelFailed": {
            "Type": "Fail",
            "Error": "SecondChannelFailed",
            "Cause": "An SNS topic of this stack did not accept the text of an alert, so an alarm has to. The input "
            f"of the execution is the alert. See {RUNBOOK}.",
        },
    }


def _publish(partition: str, topic_arn: str, subject: str, text: str) -> State:
    return {
        "Type": "Task",
        "Resource": integration(partition, "sns:publish"),
        "Arguments": {"TopicArn": topic_arn, "Subject": subject, "Message": _expression(text)},
        "TimeoutSeconds": CALL_SECONDS,
        "Retry": RETRY,
    }
