"""`breakglass drill`: the way of a drill in Pulumi's state, and each of its ends.

AWS is in memory. It does not prove that AWS accepts the calls, nor that histories look as here (tests/local,
docs/live-checks.md).
"""

import io
import json
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from breakglass.alerts.delivery_machine import DeliverySettings, delivery_definition
from breakglass.alerts.drills import drill_message, drill_pattern
from breakglass.alerts.subjects import Drilled, PermissionSetSubject, RoleSubject, RootSubject
from breakglass.app.aws.aws import AwsError
from breakglass.cli import CommandContext, run_command
from breakglass.cli.drill import CONFIRMED_SECONDS, DIRECT_SECONDS, PLAIN_STATE, TOLD_STATE
from tests.app.domain.policies import EVERYBODY
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.store import MemoryStore
from tests.unit.cli.contexts import Outcome
from tests.unit.cli.doctor.doubles import ACCOUNT, REGION, MemoryAws, no_slack, refused

SET = PermissionSetSubject("devops-break-glass")
ROLE = RoleSubject("arn:aws:iam::222222222222:role/ops/emergency")
DRILL = "423fa918-3e60-4161-812c-8ccb1afbd672"
BEGIN = 1_800_000_000.0
MACHINE_ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:breakglass-prod-slack-delivery"
DESTINATION_ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/breakglass-prod-slack-destination/1"
CONNECTION_ARN = f"arn:aws:events:{REGION}:{ACCOUNT}:connection/breakglass-prod-slack-connection/1"
EXECUTION = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:breakglass-prod-slack-delivery:1"


# --- the stack and AWS ------------------------------------------------------------------------------------------------


def resource(kind: str, name: str, outputs: Mapping[str, Any], **inputs: Any) -> dict[str, Any]:
    given = {"name": name, "region": REGION, **inputs}
    return {"type": kind, "id": name, "inputs": given, "outputs": {"url": f"https://sqs/{name}", **outputs}}


def rule_name(subject: Drilled, kind: str) -> str:
    return f"breakglass-prod-{subject.key}-{kind}"


def alert(subject: Drilled, target_arn: str) -> list[dict[str, Any]]:
    """Return the resources of a `UsageAlert` with one evidence path."""
    queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:breakglass-prod-{subject.key}-dead-letters"
    found = [resource("aws:sqs/queue:Queue", f"letters-{subject.key}", {"arn": queue_arn})]
    message = drill_message(subject, channel="C0123456789")
    for kind, pattern in (("session_start", {"source": ["aws.sts"]}), ("drill", drill_pattern(subject))):
        name = rule_name(subject, kind)
        arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"
        rule = {"eventPattern": json.dumps(pattern), "state": "ENABLED"}
        found.append(resource("aws:cloudwatch/eventRule:EventRule", name, {"arn": arn}, **rule))
        target = {
            "rule": name,
            "targetId": "slack",
            "arn": target_arn,
            "roleArn": "arn:aws:iam::1:role/start",
            "inputTransformer": {"inputPaths": dict(message.input_paths), "inputTemplate": message.template},
            "deadLetterConfig": {"arn": queue_arn},
        }
        found.append(resource("aws:cloudwatch/eventTarget:EventTarget", "", {}, **target))
    return found


CONNECTION = resource("aws:cloudwatch/eventConnection:EventConnection", "connection", {"arn": CONNECTION_ARN})
MACHINE = resource(
    "aws:sfn/stateMachine:StateMachine",
    "breakglass-prod-slack-delivery",
    {"arn": MACHINE_ARN},
    definition=json.dumps({"States": {"Post": {"ConnectionArn": CONNECTION_ARN}}}),
    roleArn="arn:aws:iam::1:role/delivery",
)
DESTINATION = resource(
    "aws:cloudwatch/eventApiDestination:EventApiDestination",
    "destination",
    {"arn": DESTINATION_ARN},
    connectionArn=CONNECTION_ARN,
    httpMethod="POST",
    invocationEndpoint="https://slack.com/api/chat.postMessage",
)
CONFIRMED = [CONNECTION, MACHINE, *alert(SET, MACHINE_ARN)]
DIRECT = [CONNECTION, DESTINATION, *alert(SET, DESTINATION_ARN)]


BUS = "breakglass-prod-hub"
BUS_POLICY = '{"Version":"2012-10-17","Statement":[{"Sid":"Spokes","Effect":"Allow","Principal":"*"}]}'


def on_bus(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a resource of a hub, where rules and targets are on its bus."""
    on = {"eventBusName": BUS} if given["type"].startswith("aws:cloudwatch/event") else {}
    return {**given, "inputs": {**given["inputs"], **on}}


HUB = [
    CONNECTION,
    MACHINE,
    *map(on_bus, alert(SET, MACHINE_ARN)),
    resource("aws:cloudwatch/eventBus:EventBus", BUS, {}),
    resource("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "", {}, eventBusName=BUS, policy=BUS_POLICY),
]


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGIN + seconds, UTC)


def posted(body: Any, after: float = 2.0) -> dict[str, Any]:
    """Return the event of a history that has Slack's answer."""
    output = json.dumps({"StatusCode": 200, "ResponseBody": body})
    return {"type": "TaskSucceeded", "timestamp": at(after), "taskSucceededEventDetails": {"output": output}}


def entered(state: str) -> dict[str, Any]:
    return {"type": "PassStateEntered", "timestamp": at(2), "stateEnteredEventDetails": {"name": state}}


def failed(error: str, resource: str = "http") -> dict[str, Any]:
    details = {"error": error, "resourceType": resource, "resource": "invoke"}
    return {"type": "TaskFailed", "timestamp": at(2), "taskFailedEventDetails": details}


@dataclass
class Cloud:
    """AWS with the stack as deployed, but for the answers of a test; only pauses move its clock."""

    resources: Sequence[Mapping[str, Any]]
    answers: dict[str, Any] = field(default_factory=dict)
    status: str = "SUCCEEDED"
    error: str | None = None
    history: Sequence[Mapping[str, Any]] = (posted({"ok": True}),)
    started_after: float = 1.0
    letters: Callable[[float], int] = lambda seconds: 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.aws = MemoryAws(
            {
                "GetCallerIdentity": {"Account": ACCOUNT},
                "DescribeRule": self._rule,
                "ListTargetsByRule": self._targets,
                "DescribeConnection": {"ConnectionState": "AUTHORIZED"},
                "DescribeEventBus": {"Name": BUS, "Policy": BUS_POLICY},
                "DescribeApiDestination": {
                    "ApiDestinationState": "ACTIVE",
                    "ConnectionArn": CONNECTION_ARN,
                    "HttpMethod": "POST",
                    "InvocationEndpoint": "https://slack.com/api/chat.postMessage",
                },
                "DescribeStateMachine": {"status": "ACTIVE", **MACHINE["inputs"]},
                "GetQueueAttributes": self._queue,
                "PutEvents": {"FailedEntryCount": 0, "Entries": [{"EventId": DRILL}]},
                "ListExecutions": self._executions,
                "DescribeExecution": self._execution,
                "GetExecutionHistory": lambda _: {"events": list(self.history)},
                **self.answers,
            }
        )

    def _rule(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        given = self._inputs("aws:cloudwatch/eventRule:EventRule", "name", arguments["Name"])[0]
        return {"State": given["state"], "EventPattern": given["eventPattern"]}

    def _targets(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "Targets": [
                {
                    "Id": given["targetId"],
                    "Arn": given["arn"],
                    "RoleArn": given["roleArn"],
                    "InputTransformer": {
                        "InputPathsMap": given["inputTransformer"]["inputPaths"],
                        "InputTemplate": given["inputTransformer"]["inputTemplate"],
                    },
                    "DeadLetterConfig": {"Arn": given["deadLetterConfig"]["arn"]},
                }
                for given in self._inputs("aws:cloudwatch/eventTarget:EventTarget", "rule", arguments["Rule"])
            ]
        }

    def _inputs(self, kind: str, key: str, value: str) -> list[Mapping[str, Any]]:
        return [each["inputs"] for each in self.resources if each["type"] == kind and each["inputs"][key] == value]

    def _queue(self, _: Mapping[str, Any]) -> dict[str, Any]:
        count = str(self.letters(self.seconds))
        return {
            "Attributes": {"ApproximateNumberOfMessages": count, "ApproximateNumberOfMessagesNotVisible": "0"},
        }

    def _executions(self, _: Mapping[str, Any]) -> dict[str, Any]:
        old = {"executionArn": "old", "startDate": at(-3600)}
        other = {"executionArn": "other", "startDate": at(0)}
        own = {"executionArn": EXECUTION, "startDate": at(self.started_after)}
        return {"executions": [*([own] if self.seconds >= self.started_after else []), other, old]}

    def _execution(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert arguments["executionArn"] != "old", "an execution of an hour ago is not of this drill"
        if arguments["executionArn"] == "other":
            return {"status": "RUNNING", "input": '{"metadata": {"event_payload": {"event_id": "another"}}}'}
        given = json.dumps({"metadata": {"event_payload": {"event_id": DRILL}}})
        ended = {} if self.status == "RUNNING" else {"stopDate": at(3)}
        return {"status": self.status, "input": given, **ended, **({"error": self.error} if self.error else {})}

    def run(self, *arguments: str) -> Outcome:
        """Run the command."""

        def pulumi(called: Sequence[str]) -> subprocess.CompletedProcess[str]:
            return subprocess.CompletedProcess(called, 0, json.dumps({"deployment": {"resources": self.resources}}), "")

        def pause(seconds: float) -> None:
            self.seconds += seconds

        out, err = io.StringIO(), io.StringIO()
        context = CommandContext(
            run=pulumi,
            directory=lambda policy: MemoryDirectory(EVERYBODY),
            store=lambda outputs: MemoryStore(),
            clock=lambda: int(BEGIN),
            out=out,
            err=err,
            aws=self.aws.in_region,
            slack=no_slack,
            now=lambda: BEGIN + self.seconds,
            pause=pause,
        )
        return Outcome(run_command(["drill", *arguments], context), out.getvalue(), err.getvalue())

    def result(self, status: int) -> dict[str, Any]:
        """Return the result of the only role; the command has this exit status."""
        outcome = self.run("--json")
        assert (outcome.status, outcome.err) == (status, "")
        (result,) = json.loads(outcome.out)
        return dict(result)

    def sent(self) -> list[Any]:
        return [arguments for _, _, operation, arguments in self.aws.calls if operation == "PutEvents"]


# --- it arrives -------------------------------------------------------------------------------------------------------


def test_drill_with_confirmed_delivery_arrives_with_its_latency() -> None:
    cloud = Cloud(CONFIRMED, history=(posted({"ok": True}, after=2.25),), started_after=2.0)

    assert cloud.result(0) == {
        "role": "devops-break-glass",
        "status": "arrived",
        "stage": "",
        "seconds": 2.0,
        "drill": DRILL,
        "what": "Slack accepted the message in channel C0123456789.",
        "do": "",
    }
    assert cloud.sent() == [
        {
            "Entries": [
                {
                    "Source": "breakglass.drill",
                    "DetailType": "Break-glass drill",
                    "Detail": '{"role": "devops-break-glass"}',
                }
            ]
        }
    ]


@pytest.mark.parametrize(
    ("answered", "seconds"), [(0.75, 0.75), (-5.0, 0.0), (900.0, 1.0)], ids=["in time", "clock ahead", "clock behind"]
)
def test_latency_is_between_0_and_the_wait(answered: float, seconds: float) -> None:
    assert Cloud(CONFIRMED, history=(posted({"ok": True}, after=answered),)).result(0)["seconds"] == seconds


def test_drill_as_plain_text_arrives_and_says_so() -> None:
    history = (posted({"ok": True}), entered("UsePlainText"), posted({"ok": False, "error": "invalid_blocks"}))
    result = Cloud(CONFIRMED, history=history).result(0)
    assert result["what"].endswith("but only as plain text: it refused the layout (invalid_blocks).")
    assert result["do"]


def test_text_has_a_paragraph_for_each_role() -> None:
    cloud = Cloud([*CONFIRMED, *alert(ROLE, MACHINE_ARN)])
    outcome = cloud.run()

    assert outcome.status == 0
    assert outcome.out == (
        "devops-break-glass  ARRIVED after 1.0 s\n"
        "  what:  Slack accepted the message in channel C0123456789.\n\n"
        "emergency-222222222222  ARRIVED after 1.0 s\n"
        "  what:  Slack accepted the message in channel C0123456789.\n"
    )


def test_drill_of_one_role_is_sent_alone() -> None:
    cloud = Cloud([*CONFIRMED, *alert(ROLE, MACHINE_ARN)])
    outcome = cloud.run("--role", "emergency-222222222222", "--json")

    assert [each["role"] for each in json.loads(outcome.out)] == ["emergency-222222222222"]
    assert len(cloud.sent()) == 1


def test_drill_of_root_is_sent_by_its_key() -> None:
    cloud = Cloud([*CONFIRMED, *alert(RootSubject(), MACHINE_ARN)])
    outcome = cloud.run("--role", "root-user", "--json")

    assert [(each["role"], each["status"]) for each in json.loads(outcome.out)] == [("root-user", "arrived")]
    assert [each["Detail"] for sent in cloud.sent() for each in sent["Entries"]] == ['{"role": "root-user"}']


def test_drill_of_a_hub_is_sent_to_its_bus() -> None:
    cloud = Cloud(HUB)

    assert cloud.result(0)["status"] == "arrived"
    ((entry,),) = (sent["Entries"] for sent in cloud.sent())
    assert entry == {
        "Source": "breakglass.drill",
        "DetailType": "Break-glass drill",
        "Detail": '{"role": "devops-break-glass"}',
        "EventBusName": BUS,
    }
    looked = [
        arguments for *_, operation, arguments in cloud.aws.calls if operation in ("DescribeRule", "ListTargetsByRule")
    ]
    assert {arguments["EventBusName"] for arguments in looked} == {BUS}


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (refused("ResourceNotFoundException"), f"The event bus {BUS} does not exist in AWS."),
        ({"Name": BUS}, f"The event bus {BUS} has no policy."),
        ({"Policy": '{"Statement":[{"Effect":"Deny"}]}'}, f"The event bus {BUS} has another policy than deployed."),
    ],
    ids=["deleted", "no policy", "another policy"],
)
def test_drill_of_a_hub_without_its_bus_stops_there(answer: Any, what: str) -> None:
    cloud = Cloud(HUB, {"DescribeEventBus": answer})
    result = cloud.result(1)

    assert (result["status"], result["stage"], result["what"]) == ("stopped", "hub", what)
    assert cloud.sent() == []


def test_drill_of_a_user_is_refused_with_the_reason() -> None:
    cloud = Cloud([*CONFIRMED, *alert(RootSubject(), MACHINE_ARN)])
    outcome = cloud.run("--role", "user-ada-222222222222")

    assert (outcome.status, cloud.sent()) == (2, [])
    assert "IAM users, access and tampering have no drill" in outcome.flat
    assert "Write one of: devops-break-glass, root-user." in outcome.flat


def test_roles_share_the_look_at_their_machine() -> None:
    cloud = Cloud([*CONFIRMED, *alert(ROLE, MACHINE_ARN)], started_after=3)
    cloud.run()

    assert [operation for _, _, operation, _ in cloud.aws.calls].count("ListExecutions") == 3


def test_wait_ends_by_the_clock_however_slow_aws_is() -> None:
    cloud = Cloud(CONFIRMED, started_after=1000)

    def slow(arguments: Mapping[str, Any]) -> Any:
        cloud.seconds += 59
        return cloud._executions(arguments)

    cloud.aws.answers["ListExecutions"] = slow
    assert (cloud.result(1)["stage"], cloud.seconds) == ("target", CONFIRMED_SECONDS)


def test_drill_with_direct_delivery_names_the_channel_to_look_at() -> None:
    cloud = Cloud(DIRECT)
    result = cloud.result(0)

    assert (result["status"], result["stage"], result["seconds"]) == ("sent", "", None)
    assert result["do"].startswith(f"Look at channel C0123456789 for the message of drill {DRILL}.")
    assert cloud.seconds == DIRECT_SECONDS
    assert not [operation for _, service, operation, _ in cloud.aws.calls if service == "stepfunctions"]


# --- it stops ---------------------------------------------------------------------------------------------------------


def other_rule(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"State": "ENABLED", "EventPattern": '{"source":["elsewhere"]}'}


NOT_FOUND = refused("ResourceNotFoundException")
NO_MACHINE = refused("StateMachineDoesNotExist")
STOPS: dict[str, tuple[Sequence[Mapping[str, Any]], dict[str, Any], str, str]] = {
    # sentence: (resources, AWS's answers, stage, part of the text)
    "the rule is missing": (CONFIRMED, {"DescribeRule": NOT_FOUND}, "rule", "does not exist in AWS"),
    "the rule is disabled": (
        CONFIRMED,
        {"DescribeRule": {"State": "DISABLED"}},
        "rule",
        f"{rule_name(SET, 'session_start')} is disabled",
    ),
    "the rule has another pattern": (CONFIRMED, {"DescribeRule": other_rule}, "rule", "another EventPattern"),
    "the target is missing": (CONFIRMED, {"ListTargetsByRule": {"Targets": []}}, "target", "has no target slack"),
    "the target has another role": (
        CONFIRMED,
        {"ListTargetsByRule": {"Targets": [{"Id": "slack", "Arn": MACHINE_ARN, "RoleArn": "other"}]}},
        "target",
        "RoleArn",
    ),
    "the connection is not authorized": (
        CONFIRMED,
        {"DescribeConnection": {"ConnectionState": "DEAUTHORIZED"}},
        "connection",
        "is DEAUTHORIZED",
    ),
    "the destination is inactive": (
        DIRECT,
        {"DescribeApiDestination": {"ApiDestinationState": "INACTIVE"}},
        "destination",
        "is INACTIVE",
    ),
    "the machine is missing": (CONFIRMED, {"DescribeStateMachine": NO_MACHINE}, "machine", "does not exist in AWS"),
}


@pytest.mark.parametrize("sentence", STOPS)
def test_drill_that_would_stop_is_not_sent(sentence: str) -> None:
    resources, answers, stage, text = STOPS[sentence]
    cloud = Cloud(resources, answers)
    result = cloud.result(1)

    assert (result["status"], result["stage"], result["drill"]) == ("stopped", stage, "")
    assert text in result["what"]
    assert result["do"]
    assert cloud.sent() == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("is_archived", "the channel is archived (is_archived)"),
        ("token_revoked", "the token was revoked (token_revoked)"),
        ("not_documented", "documentation does not have this error (not_documented)"),
        ("xoxb-1-secret\x1b[2J" + "x" * 300, "(xoxb-[redacted]"),
        (None, "the answer is not one of Slack's API (no_answer)"),
        ({"a": 1}, "('a': 1"),
    ],
)
def test_refusal_of_slack_is_told_before_the_execution_ends(error: Any, words: str) -> None:
    history = (entered("Tell"), posted({"ok": False, "error": error} if error else "<html>"))
    cloud = Cloud(CONFIRMED, status="RUNNING", history=history)
    result = cloud.result(1)

    assert (result["status"], result["stage"]) == ("stopped", "slack")
    assert words in result["what"].replace("{", "").replace("}", "")
    assert "\x1b" not in result["what"]
    assert cloud.seconds == 1


@pytest.mark.parametrize(
    ("error", "history", "stage", "words"),
    [
        ("is_archived", (posted({"ok": False, "error": "is_archived"}),), "slack", "the channel is archived"),
        ("States.Http.StatusCode.503", (failed("States.Http.StatusCode.503"),), "slack", "HTTP 503"),
        (
            "Events.ConnectionResource.InvalidConnectionState",
            (failed("Events.ConnectionResource.InvalidConnectionState"),),
            "slack",
            "the EventBridge connection is not authorized",
        ),
        ("States.Runtime", (), "machine", "The state machine failed: States.Runtime"),
        (
            "SecondChannelFailed",
            (failed("SNS.AuthorizationErrorException", "sns"), posted({"ok": False, "error": "is_archived"})),
            "slack",
            "the channel is archived",
        ),
    ],
)
def test_failed_execution_says_where_it_stopped(error: str, history: Any, stage: str, words: str) -> None:
    result = Cloud(CONFIRMED, status="FAILED", error=error, history=history).result(1)

    assert (result["status"], result["stage"]) == ("stopped", stage)
    assert words in result["what"]
    assert result["do"]


@pytest.mark.parametrize("resources", [CONFIRMED, DIRECT], ids=["confirmed", "direct"])
def test_dead_letter_stops_a_drill(resources: Any) -> None:
    cloud = Cloud(resources, started_after=1000, letters=lambda seconds: 4 if seconds < 3 else 5)
    result = cloud.result(1)

    assert (result["status"], result["stage"], result["drill"]) == ("stopped", "dead letter", DRILL)
    assert cloud.seconds == 3


def test_drill_without_an_execution_stops_at_the_target() -> None:
    cloud = Cloud(CONFIRMED, started_after=1000)

    assert (cloud.result(1)["stage"], cloud.seconds) == ("target", CONFIRMED_SECONDS)


def test_drill_without_an_answer_stops_at_slack() -> None:
    result = Cloud(CONFIRMED, status="RUNNING", history=()).result(1)

    assert result["stage"] == "slack"
    assert EXECUTION in result["what"]


def test_states_of_the_delivery_machine_are_known() -> None:
    url, topic = "https://slack.com/api/chat.postMessage", f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms"
    settings = DeliverySettings(url, CONNECTION_ARN, ["C0123456789"], topic, None, "prod", {})
    assert {TOLD_STATE, PLAIN_STATE} <= delivery_definition(settings)["States"].keys()


# --- it can't look ----------------------------------------------------------------------------------------------------


def test_stack_without_drill_rules_has_status_2() -> None:
    outcome = Cloud([CONNECTION]).run()

    assert outcome.status == 2
    assert "no rules for drills" in outcome.flat
    assert "drills: true" in outcome.flat


def test_unknown_role_lists_the_roles() -> None:
    cloud = Cloud([*CONFIRMED, *alert(ROLE, MACHINE_ARN)])
    outcome = cloud.run("--role", "emergency")

    assert outcome.status == 2
    assert "devops-break-glass, emergency-222222222222" in outcome.flat
    assert cloud.sent() == []


def test_credentials_of_another_account_send_nothing() -> None:
    cloud = Cloud(CONFIRMED, {"GetCallerIdentity": {"Account": "999999999999"}})
    outcome = cloud.run()

    assert outcome.status == 2
    assert "999999999999" in outcome.flat
    assert cloud.sent() == []


@pytest.mark.parametrize(
    "operation",
    [
        *("DescribeRule", "DescribeConnection", "DescribeStateMachine", "GetQueueAttributes"),
        *("PutEvents", "ListExecutions", "GetExecutionHistory"),
    ],
)
def test_refused_call_has_status_2_and_names_the_permissions(operation: str) -> None:
    outcome = Cloud(CONFIRMED, {operation: refused()}, started_after=2).run()

    assert (outcome.status, outcome.out) == (2, "")
    assert "events:PutEvents" in outcome.flat


def test_refused_look_at_one_role_sends_no_drill() -> None:
    cloud = Cloud([*CONFIRMED, *alert(ROLE, MACHINE_ARN)])

    def answer(arguments: Mapping[str, Any]) -> Any:
        if ROLE.key in arguments["Name"]:
            raise refused()
        return cloud._rule(arguments)

    cloud.aws.answers["DescribeRule"] = answer
    assert cloud.run().status == 2
    assert cloud.sent() == []


def test_refused_entry_has_status_2() -> None:
    entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "Unexpected"}
    outcome = Cloud(CONFIRMED, {"PutEvents": {"FailedEntryCount": 1, "Entries": [entry]}}).run()

    assert outcome.status == 2
    assert "InternalFailure" in outcome.flat


def test_aws_that_does_not_respond_has_status_2() -> None:
    outcome = Cloud(CONFIRMED, {"PutEvents": AwsError("Unreachable", "no route", 0)}).run()

    assert outcome.status == 2
