"""The state machine of the probe: each branch, and every sequence of Slack's answers.

The machine runs in `tests.state_machine`. Not proven here: that AWS accepts and runs the definition, and that Slack
shows no test message (docs/live-checks.md). Regenerate the golden file with
`python tests/unit/alerts/test_probe_machine.py`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakglass.alerts.probe_machine import (
    ATTEMPTS,
    PROBE_EVENT_TYPE,
    TIMEOUT_SECONDS,
    Probe,
    delete_url,
    probe_definition,
    schedule_url,
)
from breakglass.alerts.slack_errors import NO_ANSWER, SLACK_ERRORS, describe_slack_error
from breakglass.alerts.states import CALL_SECONDS
from breakglass.app.error_codes import Remedy
from tests.state_machine import Run, TaskError

GOLDEN = Path(__file__).with_name("probe_machine.golden.json")

CHANNEL, OTHER = "C0123456789", "C0APPROVALS1"
TOPIC = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-monitoring-alarms"
URL = "https://slack.com/api/chat.postMessage"
SCHEDULE, DELETE = schedule_url(URL), delete_url(URL)
PROBE = Probe(
    stack="prod",
    channels=[CHANNEL, OTHER],
    interval_seconds=900,
    post_message_url=URL,
    connection_arn="arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-slack-connection/8c1e77d4",
    topic_arn=TOPIC,
)
DEFINITION = probe_definition(PROBE)

SCHEDULED = {"StatusCode": 200, "ResponseBody": {"ok": True, "scheduled_message_id": "Q1298393284"}}
DELETED = {"StatusCode": 200, "ResponseBody": {"ok": True}}


def refused(code: Any) -> dict[str, Any]:
    return {"StatusCode": 200, "ResponseBody": {"ok": False, "error": code}}


def answer_of(code: str) -> Any:
    if code == NO_ANSWER:
        return {"StatusCode": 200, "ResponseBody": "<html>Bad gateway</html>"}
    return code if "." in code else refused(code)


class World:
    """Slack with prepared answers for each channel and method, the last one for ever; CloudWatch and SNS.

    Attributes:
        answers: of Slack, by channel and method; without any it does what it is asked to do.
        last: values of the metric in the last probes, the newest first.
        fails: the services that fail: `put`, `get`, `sns`.
        stack: the name of the stack.
        calls: the calls of Slack: channel, address and body.
    """

    def __init__(
        self,
        answers: Mapping[tuple[str, str], Sequence[Any]],
        last: Sequence[float] | None = None,
        fails: Iterable[str] = (),
        stack: str = "prod",
    ) -> None:
        self.stack = stack
        self.answers = {key: list(each) for key, each in answers.items()}
        self.last = last
        self.fails = set(fails)
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.reads: list[dict[str, Any]] = []
        self.metrics: dict[str, list[float]] = {}
        self.mails: list[dict[str, str]] = []

    def __call__(self, resource: str, arguments: Any) -> Any:
        match resource:
            case "arn:aws:states:::http:invoke":
                return self._slack(arguments)
            case "arn:aws:states:::aws-sdk:cloudwatch:putMetricData":
                self._fail("put")
                (value,) = arguments["MetricData"]
                assert (arguments["Namespace"], value["MetricName"]) == ("Breakglass", "SlackReachable")
                stack, channel = value["Dimensions"]
                assert stack == {"Name": "Stack", "Value": self.stack}
                self.metrics.setdefault(channel["Value"], []).append(value["Value"])
                return None
            case "arn:aws:states:::aws-sdk:cloudwatch:getMetricData":
                self._fail("get")
                self.reads.append(arguments)
                result = {"Id": "last", "Values": list(self.last)} if self.last is not None else {"Id": "last"}
                return {"MetricDataResults": [result]}
            case "arn:aws:states:::sns:publish":
                self._fail("sns")
                assert arguments["TopicArn"] == TOPIC
                self.mails.append(arguments)
                return {"MessageId": "1"}
            case other:
                raise AssertionError(other)

    def _fail(self, service: str) -> None:
        if service in self.fails:
            raise TaskError(f"{service}.Exception")

    def _slack(self, arguments: Any) -> Any:
        url, body = arguments["ApiEndpoint"], arguments["RequestBody"]
        assert arguments["InvocationConfig"] == {"ConnectionArn": PROBE.connection_arn}
        self.calls.append((body["channel"], url, body))
        usual = SCHEDULED if url == SCHEDULE else DELETED
        answers = self.answers.get((body["channel"], url)) or [usual]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, str):
            raise TaskError(answer)
        return answer

    def methods(self, channel: str = CHANNEL) -> list[str]:
        """The methods of Slack that were called for a channel."""
        return [url.rpartition(".")[2] for each, url, _ in self.calls if each == channel]


def probe(*answers: Any, deletions: Sequence[Any] = (), **world: Any) -> tuple[Run, World]:
    """Run the machine with answers of Slack about `CHANNEL`; the other channel is always fine."""
    made = World({(CHANNEL, SCHEDULE): answers, (CHANNEL, DELETE): deletions}, **world)
    run = Run(DEFINITION, made).start({})
    assert run.query_errors == []
    return run, made


def golden_text() -> str:
    return json.dumps(DEFINITION, indent=2, ensure_ascii=False) + "\n"


# --- the definition -------------------------------------------------------------------------------------------------


def test_definition_is_the_committed_one() -> None:
    assert golden_text() == GOLDEN.read_text(encoding="utf-8"), "run python tests/unit/alerts/test_probe_machine.py"


def test_methods_are_beside_post_message() -> None:
    assert (
        schedule_url("https://slack-gov.com/api/chat.postMessage") == "https://slack-gov.com/api/chat.scheduleMessage"
    )
    assert delete_url("http://127.0.0.1:1/api/chat.postMessage") == "http://127.0.0.1:1/api/chat.deleteScheduledMessage"


def test_integrations_are_those_of_the_partition() -> None:
    connection = PROBE.connection_arn.replace("arn:aws:", "arn:aws-us-gov:")

    text = json.dumps(probe_definition(replace(PROBE, connection_arn=connection)))

    assert "arn:aws-us-gov:states:::http:invoke" in text
    assert "arn:aws:states:::" not in text


# --- Slack accepts -------------------------------------------------------------------------------------------------


def test_accepted_message_is_deleted_and_counts_as_reachable() -> None:
    run, world = probe()

    assert (run.status, run.waited) == ("SUCCEEDED", 0)
    assert world.methods(CHANNEL) == world.methods(OTHER) == ["scheduleMessage", "deleteScheduledMessage"]
    assert world.metrics == {CHANNEL: [1], OTHER: [1]}
    assert (world.mails, world.reads) == ([], [])


def test_healthy_run_has_five_transitions_a_channel_and_three() -> None:
    # The figure of docs/runbooks/what-it-costs.md.
    assert len(probe()[0].states) == 3 + 5 * 2


def test_message_is_a_day_ahead_and_says_that_it_is_a_test() -> None:
    _, world = probe()

    _, _, body = world.calls[0]
    sent = int(body["text"].split("<!date^")[1].split("^")[0])
    assert body["post_at"] - sent in (86_400, 86_401)
    assert "not an alert: no role was used" in body["text"]
    assert body["metadata"] == {"event_type": PROBE_EVENT_TYPE, "event_payload": {"stack": "prod"}}
    assert world.calls[1][2] == {"channel": CHANNEL, "scheduled_message_id": "Q1298393284"}


# --- Slack refuses -------------------------------------------------------------------------------------------------

LASTING = [code for code, error in SLACK_ERRORS.items() if error.remedy is not Remedy.retry and "." not in code]
TEMPORARY = [code for code, error in SLACK_ERRORS.items() if error.remedy is Remedy.retry]


@pytest.mark.parametrize("code", [*LASTING, "something_new"])
def test_lasting_error_is_mailed_at_once_in_words(code: str) -> None:
    run, world = probe(refused(code))

    assert (run.status, run.waited) == ("SUCCEEDED", 0)
    assert world.metrics == {CHANNEL: [0], OTHER: [1]}
    (mail,) = world.mails
    words = describe_slack_error(code).words
    assert f"in the channel {CHANNEL} now: {code}. {words[0].upper()}{words[1:]}. " in mail["Message"]
    assert describe_slack_error(code).fix in mail["Message"]
    assert "docs/runbooks/slack-is-down.md" in mail["Message"]
    assert len(mail["Subject"]) <= 100


@pytest.mark.parametrize("code", TEMPORARY)
def test_temporary_error_is_retried(code: str) -> None:
    run, world = probe(answer_of(code), SCHEDULED)

    assert run.status == "SUCCEEDED"
    assert run.waited > 0
    assert world.metrics[CHANNEL] == [1]
    assert world.mails == []


@pytest.mark.parametrize("code", [*TEMPORARY, "States.Http.StatusCode.418"])
def test_lasting_temporary_error_is_mailed_within_minutes(code: str) -> None:
    run, world = probe(answer_of(code))

    assert (run.status, world.metrics[CHANNEL]) == ("SUCCEEDED", [0])
    assert run.waited <= 180
    (mail,) = world.mails
    assert describe_slack_error(code).fix in mail["Message"]


@pytest.mark.parametrize(
    ("last", "mails"), [(None, 1), ([], 1), ([1.0], 1), ([1.0, 0.0], 1), ([0.0], 0), ([0.0, 1.0], 0)], ids=repr
)
def test_mail_is_sent_at_the_first_failure_only(last: list[float] | None, mails: int) -> None:
    run, world = probe(refused("is_archived"), last=last)

    assert (run.status, len(world.mails), world.metrics[CHANNEL]) == ("SUCCEEDED", mails, [0])
    (read,) = world.reads
    assert read["ScanBy"] == "TimestampDescending"
    (query,) = read["MetricDataQueries"]
    assert query["MetricStat"]["Metric"]["Dimensions"][1] == {"Name": "Channel", "Value": CHANNEL}


def test_unreadable_metric_means_a_mail() -> None:
    run, world = probe(refused("is_archived"), fails=["get"])

    assert (run.status, len(world.mails)) == ("SUCCEEDED", 1)


@pytest.mark.parametrize(
    "error",
    [["is_archived"], {"a": 1}, 7, None, "", "…", "<!channel> & more"],
    ids=["list", *"object number null empty dots text".split()],
)
def test_odd_error_of_slack_is_a_word_in_the_mail(error: Any) -> None:
    run, world = probe(refused(error))

    assert (run.status, world.metrics[CHANNEL]) == ("SUCCEEDED", [0])
    assert "<!channel>" not in world.mails[0]["Message"]


@pytest.mark.parametrize("stack", ["bob's", 'a"b\\', "x' & $error('y') & '"])
def test_name_of_the_stack_is_text_in_the_mail(stack: str) -> None:
    world = World({(CHANNEL, SCHEDULE): [refused("is_archived")]}, stack=stack)
    run = Run(probe_definition(replace(PROBE, stack=stack)), world).start({})

    assert (run.status, run.query_errors) == ("SUCCEEDED", [])
    assert f"a test by the stack {stack} every 15 minutes" in world.mails[0]["Message"]


# --- the deletion fails -------------------------------------------------------------------------------------------


def test_deletion_is_tried_again() -> None:
    run, world = probe(deletions=[refused("internal_error"), "States.Timeout", DELETED])

    assert run.status == "SUCCEEDED"
    assert world.methods().count("deleteScheduledMessage") == ATTEMPTS


def test_message_that_is_gone_is_deleted() -> None:
    run, world = probe(deletions=["States.Timeout", refused("invalid_scheduled_message_id")])

    assert (run.status, world.metrics[CHANNEL], world.mails) == ("SUCCEEDED", [1], [])


def test_message_that_stays_is_reported_after_the_last_channel() -> None:
    run, world = probe(deletions=[refused("internal_error")])

    assert (run.status, run.error) == ("FAILED", "ProbeIncomplete")
    assert run.cause == f"{CHANNEL}: Slack did not delete the message Q1298393284 of the test (internal_error)."
    # Slack accepted the message, so an alert would be shown.
    assert world.metrics == {CHANNEL: [1], OTHER: [1]}
    assert world.methods().count("deleteScheduledMessage") == ATTEMPTS


def test_message_that_stays_and_metric_are_both_reported() -> None:
    run, _ = probe(deletions=[refused("internal_error")], fails=["put"])

    assert (
        f"{CHANNEL}: Slack did not delete the message Q1298393284 of the test (internal_error). The metric" in run.cause
    )


def test_accepted_message_without_id_is_reported() -> None:
    run, _ = probe({"StatusCode": 200, "ResponseBody": {"ok": True}}, deletions=[refused("invalid_arguments")])

    assert "did not delete the message  of the test" in run.cause


# --- the report fails ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fails", "cause"),
    [
        (["put"], "The metric was not written: put.Exception."),
        (["sns"], "The mail about is_archived was not sent: sns.Exception."),
        (
            ["put", "sns"],
            "The metric was not written: put.Exception. The mail about is_archived was not sent: sns.Exception.",
        ),
    ],
    ids=["metric", "mail", "both"],
)
def test_report_that_fails_fails_the_execution(fails: list[str], cause: str) -> None:
    run, world = probe(refused("is_archived"), fails=fails)

    assert (run.status, run.error) == ("FAILED", "ProbeIncomplete")
    assert f"{CHANNEL}: {cause}" in run.cause
    assert bool(world.mails) == ("sns" not in fails)
    assert world.methods(OTHER) == ["scheduleMessage", "deleteScheduledMessage"]


# --- every sequence of answers --------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=4), each, max_size=3),
    max_leaves=6,
)
ANSWERS = st.one_of(
    st.sampled_from([SCHEDULED, DELETED]),
    st.sampled_from(sorted(SLACK_ERRORS)).map(answer_of),
    st.integers(300, 599).map(lambda status: f"States.Http.StatusCode.{status}"),
    st.sampled_from(["States.TaskFailed", "States.DataLimitExceeded", "Events.ConnectionResource.New", "odd"]),
    st.text(max_size=12).map(refused),
    (JSON | st.sampled_from(["<html>", [{"ok": True}], {"ok": "true"}])).map(
        lambda body: {"StatusCode": 200, "ResponseBody": body}
    ),
    st.just({"StatusCode": 204}),
)
SEQUENCES = st.lists(ANSWERS, min_size=1, max_size=12)


@given(
    SEQUENCES,
    SEQUENCES,
    st.none() | st.lists(st.sampled_from([0.0, 1.0]), max_size=2),
    st.sets(st.sampled_from(["put", "get", "sns"])),
)
@settings(max_examples=60)
def test_every_answer_ends_in_a_report_of_both_channels(
    answers: list[Any], deletions: list[Any], last: list[float] | None, fails: set[str]
) -> None:
    run, world = probe(*answers, deletions=deletions, last=last, fails=fails)

    # Half of the limit, with each call at its own time limit.
    longest = run.waited + CALL_SECONDS * len(world.calls)
    assert longest <= TIMEOUT_SECONDS / 2
    assert world.methods(OTHER) == ["scheduleMessage", "deleteScheduledMessage"]
    if "put" in fails:
        assert run.error == "ProbeIncomplete"
        return
    (reachable,) = world.metrics[CHANNEL]
    if reachable:
        assert world.mails == []
        assert (run.status == "SUCCEEDED") or "did not delete" in run.cause
    elif not world.mails:
        assert "was not sent" in run.cause or (last or [1.0])[0] == 0
    assert world.metrics[OTHER] == [1]


def test_error_that_no_catch_takes_fails_the_execution() -> None:
    run, _ = probe("States.Runtime")

    assert (run.status, run.error) == ("FAILED", "States.Runtime")


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(), encoding="utf-8")
