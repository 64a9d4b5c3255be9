"""The state machine of the delivery: each branch, and every sequence of answers.

The machine runs in `tests.state_machine`. Not proven here: that AWS accepts and runs the definition
(docs/live-checks.md), and that MiniStack does (tests/local). Regenerate the golden file with
`python tests/unit/alerts/test_delivery_machine.py`.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from breakglass.alerts.delivery_machine import (
    LATE_POSTS,
    LATE_SECONDS,
    LONGEST_INPUT,
    LONGEST_NAMES,
    LONGEST_TEXT,
    TELL_AFTER_SECONDS,
    TIMEOUT_SECONDS,
    DeliverySettings,
    delivery_definition,
)
from breakglass.alerts.drills import drill_message
from breakglass.alerts.messages import slack_message, substitute
from breakglass.alerts.slack_errors import NO_ANSWER, SLACK_ERRORS, describe_slack_error
from breakglass.alerts.states import CALL_SECONDS, ERRORS
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.app.error_codes import Remedy
from breakglass.vocabulary import EvidencePath
from tests.state_machine import LIMIT, Run, TaskError

GOLDEN = Path(__file__).with_name("delivery_machine.golden.json")

CHANNEL, DRILL_CHANNEL = "C0123456789", "C0DRILLS0000"
TOPIC = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-monitoring-alarms"
PAGES = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-monitoring-pages"
URL = "https://slack.com/api/chat.postMessage"
CONNECTION = "arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-slack-connection/8c1e77d4"
DELIVERY = DeliverySettings(
    post_message_url=URL,
    connection_arn=CONNECTION,
    channels=[CHANNEL, DRILL_CHANNEL],
    topic_arn=TOPIC,
    page_topic_arn=PAGES,
    stack="prod",
    account_names={"222222222222": "production", "333333333333": "R&D <`x`>"},
)
DEFINITION = delivery_definition(DELIVERY)

SUBJECT = PermissionSetSubject("devops-break-glass")
RECORD = {
    "source": "aws.sts",
    "id": "1d7a4ac6-a50a-745f-a331-a0d802f7badb",
    "account": "222222222222",
    "region": "eu-central-1",
    "time": "2026-07-01T09:08:21Z",
    "detail": {
        "eventID": "0b2f6a3c-6d0a-4f7e-9c55-3b0f7f2f0a11",
        "eventName": "AssumeRoleWithSAML",
        "eventTime": "2026-07-01T09:08:20Z",
        "awsRegion": "eu-central-1",
        "recipientAccountId": "222222222222",
        "requestParameters": {"roleSessionName": "jane.doe@example.com"},
    },
}
ALERT = json.loads(substitute(slack_message(SUBJECT, EvidencePath.session_start, channel=CHANNEL), RECORD))
DRILL = json.loads(substitute(drill_message(SUBJECT, channel=DRILL_CHANNEL), RECORD))

OK = {"StatusCode": 200, "ResponseBody": {"ok": True, "ts": "1782896901.000100"}}


def refused(code: Any) -> dict[str, Any]:
    return {"StatusCode": 200, "ResponseBody": {"ok": False, "error": code}}


class World:
    """Slack with prepared answers, the last one for ever; SNS and CloudWatch that accept all but what fails."""

    def __init__(self, answers: Sequence[Any], fails: Iterable[str] = ()) -> None:
        self.answers = list(answers)
        self.fails = set(fails)
        self.posts: list[dict[str, Any]] = []
        self.mails: dict[str, list[dict[str, str]]] = {TOPIC: [], PAGES: []}
        self.metrics: list[dict[str, Any]] = []
        self.accepted = False

    def __call__(self, resource: str, arguments: Any) -> Any:
        match resource:
            case "arn:aws:states:::http:invoke":
                return self._post(arguments)
            case "arn:aws:states:::sns:publish":
                if arguments["TopicArn"] in self.fails:
                    raise TaskError("SNS.AuthorizationErrorException")
                self.mails[arguments["TopicArn"]].append(arguments)
                return {"MessageId": "1"}
            case "arn:aws:states:::aws-sdk:cloudwatch:putMetricData":
                if "metrics" in self.fails:
                    raise TaskError("CloudWatch.CloudWatchException")
                self.metrics.append(arguments)
                return None
            case other:
                raise AssertionError(other)

    def _post(self, arguments: Any) -> Any:
        assert arguments["ApiEndpoint"] == URL
        assert arguments["Method"] == "POST"
        assert arguments["InvocationConfig"] == {"ConnectionArn": CONNECTION}
        self.posts.append(arguments["RequestBody"])
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise TaskError(answer)
        body = answer.get("ResponseBody")
        self.accepted = self.accepted or (isinstance(body, dict) and body.get("ok") is True)
        return answer

    def told(self, topic: str = TOPIC) -> str:
        """The text of the only mail to a topic."""
        (mail,) = self.mails[topic]
        return mail["Message"]


def deliver(*answers: Any, fails: Iterable[str] = (), alert: Any = ALERT) -> tuple[Run, World]:
    world = World(answers, fails)
    run = Run(DEFINITION, world).start(alert)
    assert run.query_errors == []
    return run, world


def sentences(code: str) -> str:
    """An error in words, and its fix, as a mail has them."""
    failure = describe_slack_error(code)
    return f"{failure.words[0].upper()}{failure.words[1:]}. {failure.fix}"


def notes(body: dict[str, Any]) -> str:
    """The text of the context block behind the header; empty without one."""
    blocks = body.get("blocks", [])
    return blocks[1]["elements"][0]["text"] if len(blocks) > 1 and blocks[1]["type"] == "context" else ""


# --- the definition ------------------------------------------------------------------------------------------------


def golden_text() -> str:
    return json.dumps(DEFINITION, indent=2, ensure_ascii=False) + "\n"


def test_definition_is_the_committed_one() -> None:
    assert golden_text() == GOLDEN.read_text(encoding="utf-8")


def test_expressions_are_short() -> None:
    """The length that Step Functions allows for an expression is not documented; other services of AWS allow 5,120."""
    expressions = re.findall(r'"\{%.*?%\}"', json.dumps(DEFINITION))

    assert len(expressions) > 20
    assert max(map(len, expressions)) < 2500


def test_execution_and_each_call_have_a_time_limit() -> None:
    states = DEFINITION["States"]
    publish = [state for branch in states["Tell"]["Branches"] for state in branch["States"].values()]

    assert DEFINITION["TimeoutSeconds"] == TIMEOUT_SECONDS
    for state in (states["Post"], states["Report"], *publish):
        assert state["Type"] == "Pass" or state["TimeoutSeconds"] == CALL_SECONDS


def test_definition_without_pagers_names_one_topic() -> None:
    definition = delivery_definition(DeliverySettings(URL, CONNECTION, [CHANNEL], TOPIC, None, "prod", {}))

    assert PAGES not in json.dumps(definition)
    assert len(definition["States"]["Tell"]["Branches"]) == 1
    world = World([refused("is_archived")])
    assert Run(definition, world).start(ALERT).error == "is_archived"
    assert len(world.mails[TOPIC]) == 1


def test_resources_are_those_of_the_partition() -> None:
    china = DeliverySettings(URL, CONNECTION.replace(":aws:", ":aws-cn:"), [CHANNEL], TOPIC, PAGES, "prod", {})

    resources = set(re.findall(r'"Resource": "([^"]*)"', json.dumps(delivery_definition(china))))
    assert {resource.split(":")[1] for resource in resources} == {"aws-cn"}


def test_channel_and_endpoint_are_no_part_of_the_input() -> None:
    arguments = DEFINITION["States"]["Post"]["Arguments"]

    assert arguments["ApiEndpoint"] == URL
    assert "$states.input" not in json.dumps(arguments)


# --- Slack accepts -------------------------------------------------------------------------------------------------


def test_accepted_alert_is_posted_once() -> None:
    run, world = deliver(OK)

    assert (run.status, run.waited) == ("SUCCEEDED", 0)
    assert run.states == ["Begin", "Post", "Answer", "Delivered"]
    assert (world.mails, world.metrics) == ({TOPIC: [], PAGES: []}, [])
    (body,) = world.posts
    header, context, *others = body["blocks"]
    assert {**body, "blocks": [header, *others]} == ALERT
    assert context["type"] == "context"


def test_note_has_account_name_and_local_time() -> None:
    _, world = deliver(OK)

    assert notes(world.posts[0]) == (
        "*Account name:* `production`\n"
        "*When, on your clock:* <!date^1782896900^{date_short_pretty} {time_secs}|2026-07-01T09:08:20Z>"
    )


@pytest.mark.parametrize(
    "time",
    [
        *("", "now", "2026-13-01T09:08:20Z", "2026-02-30T09:08:20Z", "2026-02-29T09:08:20Z", "2026-04-31T09:08:20Z"),
        *("2026-07-01T24:00:00Z", "2026-07-01T09:08:20Z\n", "2026-07-01T09:08:20", "1026-07-01T09:08:20Z"),
        *("<!channel>", 0, None, [], {}, ["2026-07-01T09:08:20Z"]),
    ],
    ids=repr,
)
def test_malformed_time_gives_no_note(time: Any) -> None:
    _, world = deliver(OK, alert=with_payload({"account": "999999999999", "time": time}))

    assert "context" not in [block["type"] for block in world.posts[0]["blocks"]]
    assert world.posts[0]["blocks"] == ALERT["blocks"]


@pytest.mark.parametrize(
    ("time", "seconds"), [("2028-02-29T23:59:59Z", 1835481599), ("2026-12-31T00:00:00Z", 1798675200)]
)
def test_unusual_time_is_the_right_second(time: str, seconds: int) -> None:
    _, world = deliver(OK, alert=with_payload({"time": time}))

    assert notes(world.posts[0]).startswith(f"*When, on your clock:* <!date^{seconds}^")


@pytest.mark.parametrize(
    "account", ["444444444444", "", "constructor", "toString", None, 222222222222, ["222222222222"]]
)
def test_unknown_account_gives_no_name(account: Any) -> None:
    _, world = deliver(OK, alert=with_payload({"account": account, "time": "2026-07-01T09:08:20Z"}))

    assert notes(world.posts[0]).startswith("*When, on your clock:*")


def test_account_name_is_no_markup() -> None:
    _, world = deliver(OK, alert=with_payload({"account": "333333333333"}))

    assert notes(world.posts[0]) == "*Account name:* `R&amp;D &lt;'x'&gt;`"


@pytest.mark.parametrize("name", ["{% $error('x') %}", "{%x%}"])
def test_account_name_is_no_expression(name: str) -> None:
    world = World([OK])
    settings = replace(DELIVERY, account_names={"222222222222": name})

    assert Run(delivery_definition(settings), world).start(ALERT).status == "SUCCEEDED"
    assert notes(world.posts[0]).startswith(f"*Account name:* `{name.replace('{%', '{ %')}`")


def with_payload(payload: Any) -> dict[str, Any]:
    return {**ALERT, "metadata": {"event_type": "breakglass_use", "event_payload": payload}}


def test_drill_goes_to_its_channel_and_counts_seconds() -> None:
    run, world = deliver(OK, alert=DRILL)

    assert run.status == "SUCCEEDED"
    assert world.posts[0]["channel"] == DRILL_CHANNEL
    (metric,) = world.metrics
    assert metric["Namespace"] == "Breakglass"
    (value,) = metric["MetricData"]
    assert value["MetricName"] == "DrillSeconds"
    assert value["Dimensions"] == [{"Name": "Stack", "Value": "prod"}]
    assert value["Value"] >= 0


def test_drill_shows_no_time_which_is_its_senders() -> None:
    _, world = deliver(OK, alert=DRILL)
    drill = json.dumps(world.posts[0]["blocks"])
    _, world = deliver(OK, alert=ALERT)

    assert "<!date" not in drill
    assert "<!date" in json.dumps(world.posts[0]["blocks"])


def test_drill_without_time_is_delivered_without_metric() -> None:
    run, world = deliver(OK, alert={**DRILL, "metadata": {**DRILL["metadata"], "event_payload": {"time": "soon"}}})

    assert (run.status, world.metrics) == ("SUCCEEDED", [])


def test_metric_that_fails_does_not_fail_the_delivery() -> None:
    run, world = deliver(OK, alert=DRILL, fails=["metrics"])

    assert (run.status, world.metrics, world.mails[TOPIC]) == ("SUCCEEDED", [], [])


# --- Slack is busy or away -----------------------------------------------------------------------------------------

RETRIED = [code for code, error in SLACK_ERRORS.items() if error.remedy is Remedy.retry]


@pytest.mark.parametrize("code", RETRIED)
def test_transient_error_is_retried_before_any_mail(code: str) -> None:
    run, world = deliver(answer_of(code), OK)

    assert (run.status, len(world.posts), world.mails[TOPIC]) == ("SUCCEEDED", 2, [])
    assert "Pause" in run.states
    assert world.posts[0] == world.posts[1]


@pytest.mark.parametrize("code", RETRIED)
def test_lasting_transient_error_is_told_within_the_limit(code: str) -> None:
    run, world = deliver(*[answer_of(code)] * 10, OK)

    tries = run.states[: run.states.index("Tell")].count("Post")
    # Each call takes its full time, and each pause is as long as it can be.
    assert tries >= 3
    pauses = longest_pauses(code, tries - 1)
    assert 30 <= tries * (10 if "Timeout" in code or "Socket" in code else 1) + pauses <= TELL_AFTER_SECONDS + 10
    assert pauses / 2 <= run.waited - LATE_SECONDS * run.states.count("WaitLate") <= pauses
    assert sentences(code) in world.told()


def longest_pauses(code: str, number: int) -> int:
    is_busy = "ratelimited" in code.replace("_", "") or "429" in code or "AccessDenied" in code
    return sum(30 if is_busy else min(16, 2**each) for each in range(1, number + 1))


def answer_of(code: str) -> Any:
    if code == NO_ANSWER:
        return {"StatusCode": 200, "StatusText": "OK", "ResponseBody": "<html>Bad gateway</html>"}
    return code if "." in code else refused(code)


@pytest.mark.parametrize(
    "body",
    [None, "", "<html>", "ok", 1, True, [], [{"ok": True}], {}, {"ok": "true"}, {"ok": 1}, {"ok": None}, {"error": ""}],
    ids=repr,
)
def test_answer_without_ok_true_is_not_accepted(body: Any) -> None:
    run, world = deliver({"StatusCode": 200, "ResponseBody": body})

    assert (run.status, run.error) == ("FAILED", NO_ANSWER)
    assert sentences(NO_ANSWER) in world.told()


def test_answer_without_body_is_not_accepted() -> None:
    assert deliver({"StatusCode": 204})[0].error == NO_ANSWER


@pytest.mark.parametrize(
    "error", [["is_archived"], {"a": 1}, 7, None, "", "…", "<!channel>", "States.Timeout"], ids=repr
)
def test_odd_error_of_slack_is_a_word_without_markup(error: Any) -> None:
    run, world = deliver(refused(error))

    assert re.fullmatch(r"\w+", run.error)
    assert "<!channel>" not in world.told()


# --- a person has to act -------------------------------------------------------------------------------------------

REPAIRED = [code for code, error in SLACK_ERRORS.items() if error.remedy is Remedy.repair]


@pytest.mark.parametrize("code", [*REPAIRED, "something_new"])
def test_error_to_repair_is_told_at_once_in_words(code: str) -> None:
    run, world = deliver(answer_of(code), OK)

    assert run.states[:4] == ["Begin", "Post", "Answer", "Tell"]
    text = world.told()
    assert text == world.told(PAGES)
    assert text.startswith(ALERT["text"])
    assert "jane.doe@example.com" in text
    assert f"Slack did not accept this alert: {code}. {sentences(code)}\n\n" in text
    assert "docs/runbooks/slack-is-down.md" in text


def test_refused_alert_is_posted_late_for_an_hour() -> None:
    run, world = deliver(refused("is_archived"))

    assert (run.status, run.error) == ("FAILED", "is_archived")
    assert "Slack did not accept this alert within an hour" in run.cause
    assert (LATE_POSTS * LATE_SECONDS, run.waited) == (3600, 3600)
    assert len(world.posts) == 1 + LATE_POSTS
    assert (len(world.mails[TOPIC]), len(world.mails[PAGES])) == (1, 1)
    assert run.waited + 2 * TELL_AFTER_SECONDS < TIMEOUT_SECONDS


def test_late_alert_is_delivered_without_its_metric() -> None:
    run, world = deliver(refused("is_archived"), OK, fails=["metrics"])

    assert (run.status, world.metrics) == ("SUCCEEDED", [])


@pytest.mark.parametrize("late", [1, LATE_POSTS])
def test_late_alert_says_so_and_is_counted(late: int) -> None:
    run, world = deliver(*[refused("not_in_channel")] * late, OK)

    assert (run.status, run.waited) == ("SUCCEEDED", late * LATE_SECONDS)
    assert world.posts[-1]["text"].startswith("Late: " + ALERT["text"])
    assert notes(world.posts[-1]).startswith("*Late:* ")
    assert not world.posts[0]["text"].startswith("Late")
    (metric,) = world.metrics
    (value,) = metric["MetricData"]
    assert (value["MetricName"], value["Value"]) == ("AlertsLate", 1)
    assert value["Dimensions"] == [{"Name": "Stack", "Value": "prod"}]


def test_late_post_is_not_retried_sooner() -> None:
    run, _ = deliver(refused("is_archived"), "States.Timeout")

    assert "Pause" not in run.states


# --- the message is at fault ---------------------------------------------------------------------------------------

AT_FAULT = [code for code, error in SLACK_ERRORS.items() if error.remedy is Remedy.none]


@pytest.mark.parametrize("code", AT_FAULT)
def test_refused_layout_is_posted_as_text_and_reported(code: str) -> None:
    run, world = deliver(answer_of(code), OK)

    assert (run.status, run.waited) == ("SUCCEEDED", 0)
    assert world.posts[1] == {
        "channel": CHANNEL,
        "text": ALERT["text"],
        "unfurl_links": False,
        "unfurl_media": False,
    }
    text = world.told()
    assert f"refused its layout: {code}. {sentences(code)}\n\n" in text
    assert ALERT["text"] in text
    # It is in Slack, so there is nothing to page for.
    assert world.mails[PAGES] == []


def test_refused_text_is_told() -> None:
    run, world = deliver(refused("invalid_blocks"), refused("no_text"))

    assert run.error == "no_text"
    assert run.states.count("UsePlainText") == 1
    assert "this alert: no_text. The message has no text." in world.told()


def test_plain_text_is_retried() -> None:
    run, world = deliver(refused("invalid_blocks"), "States.Http.StatusCode.503", OK)

    assert (run.status, len(world.posts)) == ("SUCCEEDED", 3)
    assert "blocks" not in world.posts[2]


def test_report_that_fails_raises_an_alarm() -> None:
    run, _ = deliver(refused("invalid_blocks"), OK, fails=[TOPIC])

    assert (run.status, run.error) == ("FAILED", "SecondChannelFailed")


# --- the second channel fails --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fails", "told"), [(TOPIC, PAGES), (PAGES, TOPIC)])
def test_topic_that_fails_does_not_stop_the_other(fails: str, told: str) -> None:
    run, world = deliver(refused("is_archived"), fails=[fails])

    assert sentences("is_archived") in world.told(told)
    assert (run.status, run.error) == ("FAILED", "SecondChannelFailed")
    assert "WaitLate" not in run.states


def test_topic_that_fails_once_is_tried_again() -> None:
    class Flaky(World):
        def __call__(self, resource: str, arguments: Any) -> Any:
            if resource.endswith("sns:publish") and self.fails:
                raise TaskError(self.fails.pop())
            return super().__call__(resource, arguments)

    world = Flaky([refused("is_archived"), OK], ["States.Timeout", "SNS.InternalErrorException"])
    run = Run(DEFINITION, world).start(ALERT)

    assert (run.status, len(world.mails[TOPIC]), len(world.mails[PAGES])) == ("SUCCEEDED", 1, 1)


# --- hostile input -------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=4), each, max_size=3),
    max_leaves=6,
)
KEYS = ("channel", "text", "blocks", "metadata", "as_user", "thread_ts", "username")
INPUTS = JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, JSON))


@given(INPUTS)
@example({"channel": "C0OTHER00000", "text": "x", "thread_ts": "1.2", "metadata": {"event_type": "breakglass_drill"}})
@example({"channel": DRILL_CHANNEL, "text": 5, "blocks": [[], {}, None]})
@example([{"channel": "C0OTHER00000"}, {"channel": "C0OTHER00000"}])
@example({"metadata": {"event_type": "breakglass_drill", "event_payload": [{"time": "2026-07-01T09:08:20Z"}] * 2}})
@settings(max_examples=40)
def test_no_input_changes_channel_or_stops_the_delivery(alert: Any) -> None:
    run, world = deliver(OK, alert=alert)

    assert run.status == "SUCCEEDED"
    (body,) = world.posts
    wanted = alert.get("channel") if isinstance(alert, dict) else None
    assert body["channel"] == (DRILL_CHANNEL if wanted == DRILL_CHANNEL else CHANNEL)
    assert body["text"].strip()
    assert body.keys() <= {"channel", "text", "blocks", "metadata", "unfurl_links", "unfurl_media"}


def test_text_is_escaped_for_slack_and_short() -> None:
    _, world = deliver(OK, alert={**ALERT, "text": "<!channel> & " + "é" * 5000})

    assert world.posts[0]["text"].startswith("&lt;!channel&gt; &amp; é")
    assert len(world.posts[0]["text"]) < 3050


@pytest.mark.parametrize("character", ["x", "😀", '"'])
def test_long_input_is_posted_as_its_text_only(character: str) -> None:
    blocks = [{"type": "section", "text": character * (LONGEST_INPUT * (1 if character != '"' else 2) // 2)}] * 2
    run, world = deliver(refused("is_archived"), OK, alert={**ALERT, "blocks": blocks})

    assert run.status == "SUCCEEDED"
    assert world.posts[0].keys() == {"channel", "text", "unfurl_links", "unfurl_media"}


def names_of(accounts: int, name: str) -> dict[str, str]:
    return {f"{222222222222 + number}": name for number in range(accounts)}


def test_longest_input_and_names_are_within_the_limits() -> None:
    blocks = [{"type": "section", "text": "x" * (LONGEST_INPUT - 4000)}]
    world = World([refused("is_archived")])
    names = names_of(1999, "x" * 50)
    run = Run(delivery_definition(replace(DELIVERY, account_names=names)), world).start({**ALERT, "blocks": blocks})

    assert run.error == "is_archived"
    assert blocks[0] in world.posts[0]["blocks"]
    assert notes(world.posts[0]).startswith("*Account name:* `xxx")
    # With characters of four bytes:
    assert LONGEST_NAMES + 4 * (LONGEST_INPUT + LONGEST_TEXT) + len(json.dumps(ERRORS)) < LIMIT


@pytest.mark.parametrize(("accounts", "name"), [(2000, "&" * 50), (9999, "production")])
def test_names_that_are_too_long_together_are_not_shown(accounts: int, name: str) -> None:
    world = World([OK])
    run = Run(delivery_definition(replace(DELIVERY, account_names=names_of(accounts, name))), world).start(ALERT)

    assert run.status == "SUCCEEDED"
    assert notes(world.posts[0]).startswith("*When, on your clock:*")


def test_failed_evaluation_falls_back_to_plain_text() -> None:
    """An expression that fails on AWS, and not here, still gives a message."""
    definition = json.loads(json.dumps(DEFINITION))
    body = definition["States"]["Post"]["Arguments"]["RequestBody"]
    definition["States"]["Post"]["Arguments"]["RequestBody"] = body.replace(
        "$name :=", "$broken := $plain ? 1 : $number('x'); $name :="
    )
    world = World([OK])
    run = Run(definition, world).start(ALERT)

    assert run.status == "SUCCEEDED"
    assert "blocks" not in world.posts[0]
    assert "States.QueryEvaluationError. The message could not be built." in world.told()


# --- every sequence of answers -------------------------------------------------------------------------------------

BODIES = st.sampled_from(["<html>", {"ok": False}, {"ok": "true"}, [{"ok": True}]]) | JSON
ANSWERS = st.one_of(
    st.just(OK),
    st.sampled_from(sorted(SLACK_ERRORS)).map(answer_of),
    st.integers(300, 599).map(lambda status: f"States.Http.StatusCode.{status}"),
    st.sampled_from(["States.TaskFailed", "States.DataLimitExceeded", "Events.ConnectionResource.New", "odd", ""]),
    st.text(max_size=12).map(refused),
    BODIES.map(lambda body: {"StatusCode": 200, "ResponseBody": body}),
    st.just({"StatusCode": 204}),
)


@given(
    st.lists(ANSWERS, min_size=1, max_size=16),
    st.sets(st.sampled_from([TOPIC, PAGES, "metrics"])),
    st.sampled_from([ALERT, DRILL]) | INPUTS,
)
@settings(max_examples=50)
def test_every_alert_is_in_slack_or_told_or_alarmed(answers: list[Any], fails: set[str], alert: Any) -> None:
    run, world = deliver(*answers, fails=fails, alert=alert)

    assert run.status in ("SUCCEEDED", "FAILED")
    told = {topic for topic, mails in world.mails.items() if mails}
    if run.status == "SUCCEEDED":
        assert world.accepted
    elif run.error == "SecondChannelFailed":
        assert fails & {TOPIC, PAGES}
        assert told >= {TOPIC, PAGES} - fails or world.accepted
    else:
        assert told == {TOPIC, PAGES}
        text = alert.get("text") if isinstance(alert, dict) else None
        assert not isinstance(text, str) or world.told().startswith(text) or not text.strip()
    assert world.accepted or told >= {TOPIC, PAGES} - fails
    assert run.waited <= LATE_POSTS * LATE_SECONDS + 2 * TELL_AFTER_SECONDS
    assert {post["channel"] for post in world.posts} <= {CHANNEL, DRILL_CHANNEL}


@pytest.mark.parametrize("error", ["States.Runtime"])
def test_error_that_no_catch_takes_fails_the_execution(error: str) -> None:
    run, _ = deliver(error)

    assert (run.status, run.error) == ("FAILED", error)


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(), encoding="utf-8")
