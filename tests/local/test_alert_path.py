"""Stack `local`, deployed by a real `pulumi up`: every record from the event bus to its end.

One deployment for all tests. A test that breaks a part of it mends it again.

Not shown here: an alert that is explained (test_approvals.py), what Slack's own limits and refusals do
(localcloud/tests/emulators), and what only AWS can show (docs/live-checks.md).
"""

import copy
import io
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from breakglass.cli import CommandContext, run_command
from breakglass.vocabulary import ROLE_PATHS, EvidencePath
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloud, RunningCloud
from localcloud.emulators.process import reserve_port
from localcloud.engine import Engine
from localcloud.records import RECORDS, load_record, load_records
from localcloud.replay import ReplayResult, replay_records
from localcloud.stack import ROOT
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.store import MemoryStore
from tests.stack_file import configure_alerts, stack_file

pytestmark = [pytest.mark.local, pytest.mark.usefixtures("pulumi_cli")]

ALL_RECORDS = list(load_records())
USE_RECORDS = [record for record in ALL_RECORDS if "drill" not in record.content]
# One record of each evidence path, with fields that no message may hold.
USES = {
    EvidencePath.session_start: "session-devops-break-glass",
    EvidencePath.portal: "portal-get-role-credentials",
    EvidencePath.console: "console-sign-in",
    EvidencePath.login: "login-devops-break-glass",
    EvidencePath.denied: "denied-iam-user",
}
ROLE = "breakglass-local-slack-role"
DESTINATION = "breakglass-local-slack-destination"
PAGER = "https://events.pagerduty.example/integration/made-up/enqueue"
RULE_ARN = f"arn:aws:events:{REGION}:{MANAGEMENT_ACCOUNT}:rule/"


def rule(path: EvidencePath) -> str:
    """The rule that watches devops-break-glass."""
    return f"breakglass-local-devops-break-glass-{path}"


def use(path: EvidencePath) -> dict[str, Any]:
    return load_record(RECORDS / f"{USES[path]}.json").content


@dataclass(frozen=True)
class Deployed:
    """The alert path, deployed.

    Attributes:
        cloud: where.
        logs: folder with everything that the servers wrote.
        outputs: of the stack.
        mailbox: URL of a queue that gets what the subscribers of the alarm topic get by e-mail.
    """

    cloud: RunningCloud
    engine: Engine
    logs: Path
    outputs: dict[str, Any]
    mailbox: str

    def mails(self) -> list[str]:
        """Takes what came to the topic since the last call."""
        bodies = [json.loads(message["Body"]) for message in self.drain(self.mailbox)]
        return [body["Message"] for body in bodies]

    def dead_letters(self) -> list[dict[str, Any]]:
        """Takes what lies in the dead-letter queue of devops-break-glass."""
        return self.drain(self.outputs["deadLetterQueueUrls"]["devops-break-glass"])

    def drain(self, queue_url: str) -> list[dict[str, Any]]:
        sqs = self.cloud.client("sqs")
        taken: list[dict[str, Any]] = []
        where = {"QueueUrl": queue_url}
        while messages := sqs.receive_message(
            **where, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages", []):
            for message in messages:
                sqs.delete_message(**where, ReceiptHandle=message["ReceiptHandle"])
            taken += messages
        return taken

    def posted(self, record: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Plays a record and returns the messages that it caused in Slack."""
        before = len(self.cloud.posts())
        self.cloud.replay(record)
        self.cloud.wait_idle()
        return [post.body for post in self.cloud.posts()[before:]]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """As in the stack file, but with a pager, and without approvals."""
    logs = tmp_path_factory.mktemp("cloud")
    with LocalCloud(logs) as cloud:
        engine = Engine(ROOT, tmp_path_factory.mktemp("stack"), cloud.environment())
        configure_alerts(engine, cloud)
        engine.config_set("breakglass:alerts.monitoring.pagers.pagerduty", PAGER, secret=True, path=True)
        engine.up()
        outputs = engine.outputs()
        mailbox = cloud.client("sqs").create_queue(QueueName="mailbox")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{MANAGEMENT_ACCOUNT}:mailbox"
        cloud.client("sns").subscribe(TopicArn=outputs["topicArn"], Protocol="sqs", Endpoint=arn)
        yield Deployed(cloud, engine, logs, outputs, mailbox)


# --- every record --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Replayed:
    """The results of all records: in Slack, by e-mail, and on the pager.

    The use of a long-lived key has an alarm in place of a mail and a page of its rule.
    """

    outcome: ReplayResult
    mails: list[str]
    pages: list[str]

    @property
    def expected(self) -> list[tuple[str, str]]:
        """ID of the record and evidence path of each alert that a rule sends, in alphabetical order."""
        kinds = ((record.content["eventID"], kind) for record in USE_RECORDS for kind in record.expected or ())
        return sorted((event_id, kind) for event_id, kind in kinds if kind != EvidencePath.key_use)

    @property
    def payloads(self) -> list[dict[str, Any]]:
        """Metadata of each message that is no drill, with its type."""
        metadata = (post.body["metadata"] for post in self.outcome.accepted)
        return [
            {**each["event_payload"], "type": each["event_type"]}
            for each in metadata
            if each["event_type"] != "breakglass_drill"
        ]

    @property
    def key_uses(self) -> int:
        """Number of messages about the use of a long-lived key."""
        return sum(payload["evidence"] == EvidencePath.key_use for payload in self.payloads)


def by_rules(notifications: Sequence[str]) -> list[str]:
    """The texts without those of alarms."""
    return [text for text in notifications if "AlarmName" not in text]


@pytest.fixture(scope="module")
def replayed(deployed: Deployed) -> Replayed:
    deployed.mails()
    before = len(deployed.cloud.pages())
    outcome = replay_records(deployed.cloud, ALL_RECORDS)
    pages = deployed.cloud.pages()[before:]
    assert {page.endpoint for page in pages} == {PAGER}
    assert {page.topic_arn for page in pages} == {deployed.outputs["pageTopicArn"]}
    return Replayed(outcome, deployed.mails(), [page.message for page in pages])


@pytest.mark.parametrize("index", range(len(ALL_RECORDS)), ids=[record.file for record in ALL_RECORDS])
def test_a_record_causes_just_the_messages_that_it_expects(replayed: Replayed, index: int) -> None:
    verdict = replayed.outcome.verdicts[index]
    assert (verdict.file, verdict.seen) == (ALL_RECORDS[index].file, ALL_RECORDS[index].expected)


def test_every_evidence_path_is_delivered_and_none_lost(replayed: Replayed) -> None:
    kinds = {kind for verdict in replayed.outcome.verdicts for kind in verdict.seen}
    assert kinds == {*EvidencePath, "drill"}
    assert replayed.outcome.refused == []
    assert (replayed.outcome.deliveries["dead_lettered"], replayed.outcome.deliveries["lost"]) == (0, 0)


def test_a_message_carries_the_id_of_its_event_into_slack(deployed: Deployed, replayed: Replayed) -> None:
    found = ((payload["event_id"], payload["evidence"]) for payload in replayed.payloads)
    assert sorted((event_id, path) for event_id, path in found if path != EvidencePath.key_use) == replayed.expected
    # Slack keeps it for readers of its API.
    arguments = {"channel": deployed.cloud.slack_channel, "include_all_metadata": True, "limit": 200}
    kept = deployed.cloud.call_slack("conversations.history", arguments)["messages"]
    assert {event_id for event_id, _ in replayed.expected} <= {
        message["metadata"]["event_payload"]["event_id"] for message in kept
    }


def test_the_same_alerts_go_out_by_email_where_that_is_wanted(replayed: Replayed) -> None:
    expected = [event_id for event_id, _ in replayed.expected]
    mails = by_rules(replayed.mails)
    assert sorted(event_id for mail in mails for event_id in set(expected) if event_id in mail) == expected
    assert len(mails) == len(expected)
    assert len(replayed.mails) - len(mails) == replayed.key_uses


def test_all_but_attempts_and_sessions_of_deployers_page(replayed: Replayed) -> None:
    kinds = [(payload["type"], payload["evidence"]) for payload in replayed.payloads]
    quiet = [
        (kind, path)
        for kind, path in kinds
        if path == EvidencePath.denied or (kind, path) == ("breakglass_tamper", EvidencePath.session_start)
    ]
    assert len(set(quiet)) > 2
    assert len(replayed.pages) == len(kinds) - len(quiet)
    pages = by_rules(replayed.pages)
    assert {json.loads(page) for page in pages} <= {json.loads(mail) for mail in by_rules(replayed.mails)}
    assert len(replayed.pages) - len(pages) == replayed.key_uses > 0


def test_a_drill_says_so_in_its_first_words(replayed: Replayed) -> None:
    for post in replayed.outcome.accepted:
        is_drill = post.body["metadata"]["event_type"] == "breakglass_drill"
        assert post.body["text"].startswith("Drill: ") == is_drill


# --- contents of a message ----------------------------------------------------------------------------------------

MARK = 'LEAK"\\<!channel>'


def marked(record: Mapping[str, Any], path: EvidencePath) -> dict[str, Any]:
    """The record with a mark in everything that is secret, freely written, or AWS's own address."""
    content = copy.deepcopy(dict(record))
    content["userAgent"] = f"aws-cli/2 {MARK}"
    if path in {EvidencePath.session_start, EvidencePath.denied}:
        content["sourceIPAddress"] = MARK
    if "errorMessage" in content:
        content["errorMessage"] += f" {MARK}"
    for holder in (content["responseElements"], content.get("serviceEventDetails"), content["userIdentity"]):
        if holder is not None:
            holder["credentials"] = {"secretAccessKey": MARK, "sessionToken": MARK}
            holder["userName"] = MARK
    return content


@pytest.mark.parametrize("path", list(ROLE_PATHS))
def test_no_message_holds_credentials_or_free_text(deployed: Deployed, path: EvidencePath) -> None:
    deployed.mails()
    record = marked(use(path), path)
    assert json.dumps(record).count("LEAK") >= 4
    [message] = deployed.posted(record)
    [mail] = deployed.mails()
    assert message["metadata"]["event_payload"]["event_id"] == record["eventID"]
    assert "LEAK" not in json.dumps(message) + mail


def test_the_token_is_in_no_log_of_the_cloud(deployed: Deployed, replayed: Replayed) -> None:
    assert replayed.outcome.accepted
    files = [file for file in deployed.logs.rglob("*") if file.is_file()]
    assert {"aws.log", "slack.log"} <= {file.name for file in files}
    assert [file for file in files if deployed.cloud.bot_token.encode() in file.read_bytes()] == []


# --- conditions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", list(ROLE_PATHS))
def test_a_plain_enabled_rule_would_miss_what_is_read_only(deployed: Deployed, path: EvidencePath) -> None:
    events = deployed.cloud.client("events")
    before = events.describe_rule(Name=rule(path))
    events.enable_rule(Name=rule(path))
    try:
        plain = deployed.posted(use(path))
    finally:
        kept = ("Name", "EventPattern", "Description", "State")
        events.put_rule(**{name: before[name] for name in kept})
    assert bool(plain) != use(path)["readOnly"]
    assert len(deployed.posted(use(path))) == 1


# --- when Slack can't be reached -----------------------------------------------------------------------------------


@contextmanager
def slack_at(deployed: Deployed, url: str) -> Iterator[None]:
    """Slack is at another address for a while."""
    events = deployed.cloud.client("events")
    events.update_api_destination(Name=DESTINATION, InvocationEndpoint=url)
    try:
        yield
    finally:
        events.update_api_destination(Name=DESTINATION, InvocationEndpoint=deployed.cloud.post_message_url)


class Failing(BaseHTTPRequestHandler):
    """A Slack that answers 500."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(500)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def failing_slack() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/chat.postMessage"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def unreachable_slack() -> Iterator[str]:
    yield f"http://127.0.0.1:{reserve_port()}/api/chat.postMessage"


@pytest.mark.parametrize(("slack", "code"), [(failing_slack, None), (unreachable_slack, "SDK_CLIENT_ERROR")])
@pytest.mark.parametrize("path", list(ROLE_PATHS))
def test_alert_refused_by_slack_is_a_dead_letter(
    deployed: Deployed, slack: Callable[[], Any], code: str | None, path: EvidencePath
) -> None:
    [message] = deployed.posted(use(path))
    with slack() as url, slack_at(deployed, url):
        assert deployed.posted(use(path)) == []
    [letter] = deployed.dead_letters()
    assert json.loads(letter["Body"]) == message
    attributes = {name: each["StringValue"] for name, each in letter["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE")
    # No recording has the code of an HTTP status.
    assert attributes.pop("ERROR_CODE") == code or code is None
    assert re.fullmatch(rf"arn:aws:events:.*:api-destination/{DESTINATION}/.*", attributes.pop("TARGET_ARN"))
    assert attributes == {
        "RULE_ARN": RULE_ARN + rule(path),
        # 1 + 2 + ... + 512 s of waiting: the first attempt after the 15 minutes of the stack file's default.
        "RETRY_ATTEMPTS": "10",
        "EXHAUSTED_RETRY_CONDITION": "MaximumEventAgeInSeconds",
    }


def test_alert_without_role_permission_is_a_dead_letter_at_once(deployed: Deployed) -> None:
    iam = deployed.cloud.client("iam")
    [name] = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    policy = iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"]
    iam.delete_role_policy(RoleName=ROLE, PolicyName=name)
    try:
        assert deployed.posted(use(EvidencePath.session_start)) == []
    finally:
        iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(policy))
    [letter] = deployed.dead_letters()
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_foreign_rule_reaches_neither_slack_nor_the_queue(deployed: Deployed) -> None:
    events = deployed.cloud.client("events")
    targets = events.list_targets_by_rule(Rule=rule(EvidencePath.session_start))["Targets"]
    [target] = [target for target in targets if target["Id"] == "slack"]
    events.put_rule(
        Name="foreign",
        EventPattern=json.dumps({"source": ["aws.sts"]}),
        State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
    )
    events.put_targets(Rule="foreign", Targets=[target])
    try:
        lost = deployed.cloud.wait_idle()["lost"]
        [silent] = [record for record in ALL_RECORDS if record.file == "silent-everyday-set.json"]
        assert deployed.posted(silent.content) == []
    finally:
        events.remove_targets(Rule="foreign", Ids=[target["Id"]])
        events.delete_rule(Name="foreign")
    assert deployed.cloud.wait_idle()["lost"] == lost + 1
    assert deployed.dead_letters() == []


@pytest.mark.parametrize("what", ["Connection Deauthorized", "API Destination Deactivated"])
def test_a_lost_connection_to_slack_is_told_by_email(deployed: Deployed, what: str) -> None:
    events = deployed.cloud.client("events")
    destination = events.describe_api_destination(Name=DESTINATION)
    arn = destination["ConnectionArn" if what.startswith("Connection") else "ApiDestinationArn"]
    event: dict[str, Any] = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": what,
        "source": "aws.events",
        "account": MANAGEMENT_ACCOUNT,
        "time": "2026-03-14T02:12:29Z",
        "region": REGION,
        "resources": [arn],
        "detail": {},
    }
    deployed.mails()
    deployed.cloud.put_event(event)
    other = {**event, "resources": ["arn:aws:events:eu-central-1:111111111111:connection/of-somebody-else/1"]}
    deployed.cloud.put_event(other)
    deployed.cloud.wait_idle()
    [mail] = deployed.mails()
    assert f"Break-glass alerts do not reach Slack: EventBridge reports {what} at 2026-03-14T02:12:29Z" in mail


# --- breakglass drill; the last test switches to confirmed delivery --------------------------------------------------


def drill(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[str, Any]]:
    """Sends a drill of devops-break-glass as a person does; returns the exit status and the result."""

    def pulumi(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 0, json.dumps(deployed.engine.export()), "")

    for name, value in deployed.cloud.environment().items():
        monkeypatch.setenv(name, value)
    out, left_out = io.StringIO(), 0.0

    def pause(seconds: float) -> None:
        # Retries and late posts are faster here, too.
        nonlocal left_out
        time.sleep(seconds / 50)
        left_out += seconds * 49 / 50

    context = CommandContext(
        run=pulumi,
        directory=lambda policy: MemoryDirectory(()),
        store=lambda outputs: MemoryStore(),
        clock=lambda: int(time.time()),
        out=out,
        err=io.StringIO(),
        now=lambda: time.time() + left_out,
        pause=pause,
    )
    status = run_command(["drill", "--role", "devops-break-glass", "--json"], context)
    [result] = json.loads(out.getvalue())
    return status, result


def test_drill_with_direct_delivery_is_in_the_channel_it_names(
    deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, result = drill(deployed, monkeypatch)
    deployed.cloud.wait_idle()

    assert (status, result["status"]) == (0, "sent")
    message = deployed.cloud.messages()[-1]
    assert message["metadata"]["event_payload"]["event_id"] == result["drill"]
    assert f"Look at channel {message['channel']} for the message of drill {result['drill']}" in result["do"]


def test_drill_of_a_disabled_rule_is_not_sent(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    events, name = deployed.cloud.client("events"), rule(EvidencePath.console)
    events.disable_rule(Name=name)
    try:
        status, result = drill(deployed, monkeypatch)
    finally:
        described = events.describe_rule(Name=name)
        state = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
        events.put_rule(Name=name, EventPattern=described["EventPattern"], State=state)

    assert (status, result["status"], result["stage"]) == (1, "stopped", "rule")
    assert result["what"] == f"The rule {name} is disabled."


def test_drill_with_confirmed_delivery_knows_slacks_answer(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    with stack_file(deployed.engine) as config:
        config["breakglass:alerts"]["delivery"] = "confirmed"
    deployed.engine.up()

    status, result = drill(deployed, monkeypatch)
    assert (status, result["status"]) == (0, "arrived")
    assert result["seconds"] < 30
    assert deployed.cloud.messages()[-1]["metadata"]["event_payload"]["event_id"] == result["drill"]

    deployed.cloud.fail_slack(methods=["chat.postMessage"], error="is_archived")
    try:
        status, result = drill(deployed, monkeypatch)
    finally:
        deployed.cloud.end_faults()
    assert (status, result["status"], result["stage"]) == (1, "stopped", "slack")
    assert "the channel is archived (is_archived)" in result["what"]
    deployed.cloud.wait_idle()
