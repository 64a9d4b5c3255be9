"""The state machine of the witness: what it finds, when it judges a use, and what it reports.

The machine runs in `tests.state_machine`, its queries in `localcloud.emulators.insights`. Not proven here: that AWS
accepts and runs the definition and the queries (docs/live-checks.md). Regenerate the golden files with
`python tests/unit/alerts/test_witness_machine.py`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakglass.alerts.event_history import PAGE
from breakglass.alerts.recorded_uses import MOST_USES
from breakglass.alerts.states import MOST_READS
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, RootSubject, UserSubject
from breakglass.alerts.witness_machine import (
    DELAY_SECONDS,
    LATENESS_SECONDS,
    LONGEST_GAP_SECONDS,
    MISSED_USE_EVENT_TYPE,
    MOST_POSTS,
    TIMEOUT_SECONDS,
    WitnessSettings,
    witness_definition,
)
from localcloud.emulators.block_kit import block_problems
from localcloud.emulators.cloudtrail import as_event
from localcloud.emulators.insights import LogEvent, run_query
from tests.state_machine import Run, TaskError

TOPIC, PAGES = (f"arn:aws:sns:eu-central-1:222222222222:breakglass-prod-{name}" for name in ("alarms", "pages"))
URL = "https://slack.com/api/chat.postMessage"
FIRED, TRAIL = "/aws/events/breakglass-prod-witness-fired", "aws-controltower/CloudTrailLogs"
ROLE = "arn:aws:iam::222222222222:role/emergency-operator"
SET_ROLE = (
    "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/eu-central-1/"
    "AWSReservedSSO_devops-break-glass_8aceb16634d294af"
)
HISTORY = WitnessSettings(
    stack="prod",
    subjects=[
        PermissionSetSubject("devops-break-glass"),
        RoleSubject(ROLE),
        UserSubject("arn:aws:iam::222222222222:user/break-glass-ada"),
        RootSubject(),
    ],
    interval_seconds=3600,
    fired_log_group=FIRED,
    trail_log_group=None,
    excluded_accounts=[],
    channel="C0123456789",
    post_message_url=URL,
    connection_arn="arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-slack-connection/8c1e77d4",
    topic_arn=TOPIC,
    page_topic_arn=PAGES,
)
WITNESSES = {
    "trail": replace(HISTORY, trail_log_group=TRAIL, excluded_accounts=["555555555555"]),
    "history": HISTORY,
}
DEFINITIONS = {name: witness_definition(witness) for name, witness in WITNESSES.items()}
BOTH = pytest.mark.parametrize("source", list(WITNESSES))

NOON = int(datetime(2026, 3, 14, 12, tzinfo=UTC).timestamp())
"""The time at which most runs start."""


def iso(seconds: float) -> str:
    """A time as AWS writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event_id(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


def session(at: float = NOON - 2400, number: int = 1, role: str = SET_ROLE, **more: Any) -> dict[str, Any]:
    """The record of a session of a role."""
    return {
        "userIdentity": {"type": "SAMLUser", "userName": "jane.doe@example.com"},
        "eventTime": iso(int(at)).replace(".000", ""),
        "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRoleWithSAML",
        "awsRegion": "eu-central-1",
        "requestParameters": {"roleArn": role, "roleSessionName": "jane.doe@example.com"},
        "eventID": event_id(number),
        "eventType": "AwsApiCall",
        "recipientAccountId": "222222222222",
        **more,
    }


def sign_in(identity: Mapping[str, str], **more: Any) -> dict[str, Any]:
    """The record of a console sign-in."""
    return session() | {
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "requestParameters": None,
        "userIdentity": identity,
        "responseElements": {"ConsoleLogin": "Success"},
        **more,
    }


ROOT_IDENTITY = {"type": "Root", "arn": "arn:aws:iam::222222222222:root", "accountId": "222222222222"}
USER_IDENTITY = {"type": "IAMUser", "accountId": "222222222222", "userName": "Break-Glass-Ada"}


class World:
    """AWS and Slack.

    Attributes:
        records: CloudTrail's records, each with the time at which it arrived in the trail's log group.
        alerts: event IDs of the records on which a rule fired.
        runs: statuses of the runs, by the times of their starts.
        trails: whether each trail logs; None for one that may not be read.
        roles: ARNs of the roles of sets in the account.
        refusals: Slack's answers, one after the other; without any it accepts.
        fails: the services that fail: `put`, or the ARN of a topic.
        statuses: the states of each query, one after the other; the last one for ever.
        largest_page: the most events of a page whose answer fits into a state.
    """

    def __init__(
        self,
        records: Iterable[tuple[dict[str, Any], float]] = (),
        alerts: Iterable[str] = (),
        runs: Mapping[float, str] | None = None,
        trails: Sequence[bool | None] = (True,),
        roles: Sequence[str] = (SET_ROLE,),
        refusals: Sequence[Any] = (),
        fails: Iterable[str] = (),
        statuses: Sequence[str] = ("Complete",),
        largest_page: int = 50,
    ) -> None:
        self.records = list(records)
        self.alerts = set(alerts)
        self.runs = dict(runs or {})
        self.trails = list(trails)
        self.roles = list(roles)
        self.refusals = list(refusals)
        self.fails = set(fails)
        self.statuses = statuses
        self.largest_page = largest_page
        self.posts: list[dict[str, Any]] = []
        self.mails: list[dict[str, str]] = []
        self.metrics: dict[str, float] = {}
        self.lookups: list[dict[str, Any]] = []
        self.queries: list[dict[str, Any]] = []
        self._reads = 0

    def __call__(self, resource: str, arguments: Any) -> Any:
        action = resource.removeprefix("arn:aws:states:::").removeprefix("aws-sdk:")
        match action:
            case "sfn:listExecutions":
                runs = sorted(self.runs.items(), reverse=True)[: arguments["MaxResults"]]
                return {"Executions": [{"StartDate": iso(at), "Status": status} for at, status in runs]}
            case "cloudwatchlogs:startQuery":
                self.queries.append(arguments)
                self._reads = 0
                return {"QueryId": str(len(self.queries))}
            case "cloudwatchlogs:getQueryResults":
                return self._results(self.queries[int(arguments["QueryId"]) - 1])
            case "cloudtrail:describeTrails":
                return {"TrailList": [{"TrailARN": f"trail-{number}"} for number in range(len(self.trails))]}
            case "cloudtrail:getTrailStatus":
                status = self.trails[int(arguments["Name"].removeprefix("trail-"))]
                if status is None:
                    raise TaskError("CloudTrail.CloudTrailException")
                return {"IsLogging": status}
            case "iam:listRoles":
                return self._roles(arguments)
            case "cloudtrail:lookupEvents":
                return self._events(arguments)
            case "http:invoke":
                self.posts.append(arguments["RequestBody"])
                return self._post()
            case "sns:publish":
                if arguments["TopicArn"] in self.fails:
                    raise TaskError("SNS.AuthorizationErrorException")
                self.mails.append(arguments)
                return {"MessageId": "1"}
            case "cloudwatch:putMetricData":
                if "put" in self.fails:
                    raise TaskError("CloudWatch.CloudWatchException")
                for value in arguments["MetricData"]:
                    assert value["Dimensions"] == [{"Name": "Stack", "Value": "prod"}]
                    self.metrics[value["MetricName"]] = value["Value"]
                return None
            case other:
                raise AssertionError(other)

    def _results(self, query: dict[str, Any]) -> Any:
        status = self.statuses[min(self._reads, len(self.statuses) - 1)]
        self._reads += 1
        if status != "Complete":
            return {"Status": status, "Results": ()}
        events = [
            LogEvent(json.dumps(record), int(arrived * 1000), int(arrived * 1000), TRAIL)
            for record, arrived in self.records
            if TRAIL in query["LogGroupNames"]
        ] + [
            LogEvent(json.dumps(as_event(record, account="1", region="r")), int(arrived * 1000), 0, FIRED)
            for record, arrived in self.records
            if record["eventID"] in self.alerts
        ]
        assert FIRED in query["LogGroupNames"]
        read = [each for each in events if query["StartTime"] * 1000 <= each.timestamp <= query["EndTime"] * 1000]
        rows = run_query(query["QueryString"], read)
        return {"Status": status, "Results": [[{"Field": k, "Value": v} for k, v in row.items()] for row in rows]}

    def _roles(self, arguments: dict[str, Any]) -> Any:
        assert arguments["PathPrefix"] == "/aws-reserved/sso.amazonaws.com/"
        position = int(arguments.get("Marker", 0))
        page = [{"RoleName": arn.rpartition("/")[2], "Arn": arn} for arn in self.roles[position : position + 2]]
        more = {"Marker": str(position + 2)} if position + 2 < len(self.roles) else {}
        return {"Roles": page, "IsTruncated": bool(more), **more}

    def _events(self, arguments: dict[str, Any]) -> Any:
        self.lookups.append(arguments)
        (attribute,) = arguments["LookupAttributes"]
        found = [
            record
            for record, _ in self.records
            if attribute["AttributeValue"] in (record["eventName"], (record["requestParameters"] or {}).get("roleArn"))
            and arguments["StartTime"] <= iso(datetime.fromisoformat(record["eventTime"]).timestamp())
            and iso(datetime.fromisoformat(record["eventTime"]).timestamp()) <= arguments["EndTime"]
        ]
        size = arguments["MaxResults"]
        if min(size, len(found)) > self.largest_page:
            raise TaskError("States.DataLimitExceeded")
        position = int(arguments.get("NextToken", f"{size}:0").partition(":")[2])
        assert arguments.get("NextToken", f"{size}:0").startswith(f"{size}:"), "a token of another size"
        more = {"NextToken": f"{size}:{position + size}"} if position + size < len(found) else {}
        return {"Events": [{"CloudTrailEvent": json.dumps(each)} for each in found[position : position + size]], **more}

    def _post(self) -> Any:
        refusal = self.refusals.pop(0) if self.refusals else None
        if refusal is not None and "." in refusal:
            raise TaskError(refusal)
        return {"ResponseBody": {"ok": True} if refusal is None else {"ok": False, "error": refusal}}

    def reported(self) -> list[str]:
        """The event IDs of the posts."""
        return [post["metadata"]["event_payload"]["event_id"] for post in self.posts]


def recorded(*records: dict[str, Any]) -> list[tuple[dict[str, Any], float]]:
    """Records that arrived five minutes after their events."""
    return [(record, datetime.fromisoformat(record["eventTime"]).timestamp() + 300) for record in records]


def run(source: str, world: World, at: float = NOON) -> Run:
    """Run a machine; the run is in the list of the next one."""
    world.runs[at] = "RUNNING"
    made = Run(DEFINITIONS[source], world, started=iso(at)).start({})
    assert made.query_errors == []
    world.runs[at] = made.status
    return made


def golden_file(source: str) -> Path:
    return Path(__file__).with_name(f"witness_machine_{source}.golden.json")


def golden_text(source: str) -> str:
    return json.dumps(DEFINITIONS[source], indent=2, ensure_ascii=False) + "\n"


# --- the definition -------------------------------------------------------------------------------------------------


@BOTH
def test_definition_is_the_committed_one(source: str) -> None:
    committed = golden_file(source).read_text(encoding="utf-8")

    assert golden_text(source) == committed, "run python tests/unit/alerts/test_witness_machine.py"


@BOTH
def test_every_state_is_reached_and_no_other(source: str) -> None:
    def check(machine: Mapping[str, Any]) -> None:
        states = machine["States"]
        followers = {
            target
            for state in states.values()
            for each in [state, *state.get("Choices", []), *state.get("Catch", [])]
            for target in [each.get("Next"), each.get("Default")]
            if target
        }
        assert followers | {machine["StartAt"]} == set(states)
        for state in states.values():
            if state["Type"] == "Map":
                check(state["ItemProcessor"])

    check(DEFINITIONS[source])


def test_run_ends_before_the_next_one() -> None:
    assert TIMEOUT_SECONDS < WITNESSES["trail"].interval_seconds


# --- uses without an alert --------------------------------------------------------------------------------------------

USES = {
    "set": session(),
    "role": session(role=ROLE, eventName="AssumeRole"),
    "root": sign_in(ROOT_IDENTITY),
    "user": sign_in(USER_IDENTITY),
}
OTHERS = {
    "everyday role": session(role=SET_ROLE.replace("-break-glass_", "_")),
    "refused": session(errorCode="AccessDenied"),
    "other call": session(eventName="GetCallerIdentity"),
    "failed sign-in": sign_in(ROOT_IDENTITY, responseElements={"ConsoleLogin": "Failure"}),
    "other user": sign_in({**USER_IDENTITY, "userName": "break-glass-ada2"}),
    "user of another account": sign_in({**USER_IDENTITY, "accountId": "333333333333"}),
    "federated sign-in": sign_in({"type": "AssumedRole"}),
}


@BOTH
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_use_without_alert_is_reported_and_counted(source: str, use: dict[str, Any]) -> None:
    world = World(recorded(use))

    assert run(source, world).status == "SUCCEEDED"
    assert world.reported() == [use["eventID"]]
    assert [mail["TopicArn"] for mail in world.mails] == [TOPIC, PAGES]
    assert world.metrics["UsesWithoutAlert"] == 1


@BOTH
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_use_with_alert_is_silent(source: str, use: dict[str, Any]) -> None:
    world = World(recorded(use), alerts=[use["eventID"]])

    assert run(source, world).status == "SUCCEEDED"
    assert (world.posts, world.mails, world.metrics["UsesWithoutAlert"]) == ([], [], 0)


@BOTH
@pytest.mark.parametrize("record", OTHERS.values(), ids=OTHERS)
def test_record_that_is_no_use_is_silent(source: str, record: dict[str, Any]) -> None:
    world = World(
        recorded(record),
        roles=[SET_ROLE, record["requestParameters"]["roleArn"]] if record["requestParameters"] else [],
    )

    assert run(source, world).status == "SUCCEEDED"
    assert (world.posts, world.mails) == ([], [])


def test_use_in_excluded_account_is_silent() -> None:
    world = World(recorded(session(recipientAccountId="555555555555")))

    assert run("trail", world).status == "SUCCEEDED"
    assert world.posts == []


@BOTH
def test_use_that_two_accounts_recorded_has_one_alert(source: str) -> None:
    copies = [session(number=number, role=ROLE, sharedEventID=event_id(9)) for number in (1, 2)]
    world = World(recorded(*copies), alerts=[event_id(2)])

    assert run(source, world).status == "SUCCEEDED"
    assert world.posts == []


def test_roles_of_all_pages_are_looked_up() -> None:
    other = SET_ROLE.replace("222222222222", "222222222222").replace("8aceb16634d294af", "0123456789abcdef")
    everyday = SET_ROLE.replace("-break-glass_", "_")
    world = World(recorded(session(role=other)), roles=[everyday, everyday, everyday, SET_ROLE, other])

    assert run("history", world).status == "SUCCEEDED"
    assert world.reported() == [event_id(1)]
    looked_up = [each["LookupAttributes"][0] for each in world.lookups]
    assert looked_up == [
        *({"AttributeKey": "ResourceName", "AttributeValue": arn} for arn in (ROLE, SET_ROLE, other)),
        {"AttributeKey": "EventName", "AttributeValue": "ConsoleLogin"},
    ]


def test_events_of_all_pages_are_looked_up_at_two_calls_a_second() -> None:
    uses = [session(number=number) for number in range(2 * PAGE + 1)]
    world = World(recorded(*uses), alerts=[event_id(number) for number in range(1, 2 * PAGE)])

    done = run("history", world)
    assert world.reported() == [event_id(0), event_id(2 * PAGE)]
    assert done.states.count("Pause") == len(world.lookups)


def test_page_larger_than_a_state_is_read_one_by_one() -> None:
    uses = [session(number=number) for number in range(3)]
    world = World(recorded(*uses), largest_page=1)

    assert run("history", world).status == "SUCCEEDED"
    assert world.reported() == [event_id(number) for number in range(3)]


def test_event_larger_than_a_state_fails_the_run() -> None:
    done = run("history", World(recorded(session()), largest_page=0))

    assert (done.status, done.error) == ("FAILED", "EventTooLarge")


@pytest.mark.parametrize(
    ("trails", "active"), [([], 0), ([False], 0), ([True], 1), ([None], 1), ([True, False, True], 2)]
)
def test_trails_that_log_are_counted(trails: list[bool | None], active: int) -> None:
    world = World(recorded(session()), trails=trails)

    run("history", world)
    assert world.metrics["ActiveTrails"] == active
    for text in (world.posts[0]["blocks"][1]["text"]["text"], world.mails[0]["Message"]):
        assert ("No trail logs here" in text) is (active == 0)


def test_witness_of_a_trail_counts_no_trails() -> None:
    world = World()

    run("trail", world)
    assert world.metrics == {"UsesWithoutAlert": 0}


# --- the window -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("runs", "oldest"),
    [
        ({}, NOON - DELAY_SECONDS - 3600),
        ({NOON - 3700: "SUCCEEDED"}, NOON - DELAY_SECONDS - 3700),
        ({NOON - 7200: "SUCCEEDED", NOON - 3600: "FAILED"}, NOON - DELAY_SECONDS - 7200),
        ({NOON - 7200: "TIMED_OUT", NOON - 3600: "ABORTED"}, NOON - DELAY_SECONDS - 7200 - 3600),
        ({NOON - 30 * 86_400: "SUCCEEDED"}, NOON - DELAY_SECONDS - LONGEST_GAP_SECONDS),
    ],
    ids=["first run", "late", "one failed", "all failed", "stopped for a month"],
)
def test_window_begins_at_the_end_of_the_last_one(source: str, runs: dict[float, str], oldest: int) -> None:
    times = {0: oldest - 1, 1: oldest, 2: NOON - DELAY_SECONDS - 1, 3: NOON - DELAY_SECONDS}
    # Both times of a record are the same, so both machines see one window.
    world = World([(session(at, number), at) for number, at in times.items()], runs=runs)

    run(source, world)
    assert world.reported() == [event_id(1), event_id(2)]


@BOTH
@settings(max_examples=20)
@given(data=st.data())
def test_each_use_is_judged_exactly_once(source: str, data: st.DataObject) -> None:
    """Runs are late, or fail before their report."""
    delays = data.draw(st.lists(st.integers(0, 3000), min_size=2, max_size=4))
    starts = [NOON + 3600 * number + delay for number, delay in enumerate(delays)]
    failing = data.draw(st.sets(st.sampled_from(starts[:-1])))
    uses = data.draw(st.lists(st.integers(NOON - 3600 - DELAY_SECONDS, starts[-1] + 600), max_size=4))
    world = World([(session(at, number), at) for number, at in enumerate(uses)])

    for start in starts:
        world.fails = {TOPIC} if start in failing else set()
        before = list(world.posts)
        if run(source, world, start).status == "FAILED":
            # The next run reports all of it again.
            world.posts = before
    first = starts[0] - 3600 - DELAY_SECONDS
    judged = [event_id(number) for number, at in enumerate(uses) if first <= at < starts[-1] - DELAY_SECONDS]
    assert sorted(world.reported()) == sorted(judged)


def test_run_that_fails_leaves_its_window_to_the_next_one() -> None:
    world = World(recorded(session()), fails=[TOPIC])

    assert run("trail", world).status == "FAILED"
    world.fails = set()
    run("trail", world, NOON + 3600)
    assert world.metrics["UsesWithoutAlert"] == 1


@pytest.mark.parametrize("late", [60, 5100, LATENESS_SECONDS - 60])
def test_use_that_arrives_late_is_judged_when_it_arrives(late: int) -> None:
    used = NOON - 20_000
    world = World([(session(used), used + late)], runs={used + late: "SUCCEEDED"})

    run("trail", world, used + late + 3600)
    assert world.reported() == [event_id(1)]


# --- the query ------------------------------------------------------------------------------------------------------


@BOTH
def test_query_is_read_until_it_is_complete(source: str) -> None:
    world = World(recorded(session()), statuses=["Scheduled", "Running", "Complete"])

    done = run(source, world)
    assert world.reported() == [event_id(1)]
    assert sum(state.startswith("Read") for state in done.states) == 3


@BOTH
@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout"])
def test_query_that_fails_fails_the_run(source: str, status: str) -> None:
    world = World(recorded(session()), statuses=[status])

    done = run(source, world)
    assert (done.status, done.error) == ("FAILED", "QueryIncomplete")
    assert status in done.cause
    assert world.metrics == {}


def test_query_that_does_not_end_fails_the_run() -> None:
    done = run("trail", World(statuses=["Running"]))

    assert done.error == "QueryIncomplete"
    assert done.waited < TIMEOUT_SECONDS
    assert done.states.count("ReadTrail") == MOST_READS


# --- the report -----------------------------------------------------------------------------------------------------


@BOTH
def test_message_says_what_was_recorded_and_why_it_is_late(source: str) -> None:
    world = World(recorded(session()))

    run(source, world)
    (post,) = world.posts
    assert block_problems(post["blocks"]) == []
    assert post["metadata"]["event_type"] == MISSED_USE_EVENT_TYPE
    assert post["text"] == (
        "Break-glass use without an alert: AWSReservedSSO_devops-break-glass_8aceb16634d294af by jane.doe@example.com "
        "in account 222222222222 at 2026-03-14T11:20:00Z"
    )
    texts = json.dumps(post["blocks"])
    assert "CloudTrail recorded this use. No rule fired on it, so no alert came." in texts
    for value in ("222222222222", "eu-central-1", "jane.doe@example.com", "2026-03-14T11:20:00Z", "AssumeRoleWithSAML"):
        assert f"`{value}`" in texts
    link = post["blocks"][-1]["elements"][0]["url"]
    page = "cloudtrailv2/home?region=eu-central-1#/events"
    assert link == f"https://console.aws.amazon.com/{page}/{event_id(1)}"


@BOTH
def test_mail_has_each_use_with_its_event_id(source: str) -> None:
    world = World(recorded(session(number=1), session(number=2, role=ROLE)))

    run(source, world)
    mail = world.mails[0]
    assert mail["Subject"] == "Break-glass use without an alert"
    assert "CloudTrail recorded 2 break-glass uses, on which no rule fired" in mail["Message"]
    assert f"of {ROLE} by jane.doe@example.com, account 222222222222, eu-central-1" in mail["Message"]
    assert all(event_id(number) in mail["Message"] for number in (1, 2))
    assert "Slack shows them, late." in mail["Message"]


@BOTH
def test_sign_in_without_facts_has_a_message(source: str) -> None:
    bare = sign_in({"type": "Root"})
    del bare["awsRegion"], bare["recipientAccountId"]
    world = World(recorded(bare))

    run(source, world)
    assert "`unknown`" in json.dumps(world.posts[0]["blocks"])
    assert "console sign-in by" in world.posts[0]["text"]


HOSTILE = '<!channel> `x` *b* & "q"\n{% $states %}\u202e<https://evil.example|ok>'


@BOTH
def test_hostile_fields_have_no_markup_left(source: str) -> None:
    use = session(
        awsRegion=HOSTILE, recipientAccountId=HOSTILE, userIdentity={"arn": HOSTILE}, eventTime="2026-03-14T11:20:00Z"
    )
    world = World(recorded(use))

    run(source, world)
    plain = World(recorded(session(at=NOON - 2400)))
    run(source, plain)
    shown, usual = json.dumps(world.posts[0]), json.dumps(plain.posts[0])
    for character in '<>&"*`\u202e{%':
        escaped = json.dumps(character)[1:-1]
        assert shown.count(escaped) == usual.count(escaped), character
    assert "<" not in world.mails[0]["Message"]


@BOTH
def test_long_fields_keep_the_message_within_slack_limits(source: str) -> None:
    use = session(userIdentity={"arn": "x" * 5000}, awsRegion="y" * 5000, recipientAccountId="z" * 5000)
    world = World(recorded(use))

    assert run(source, world).status == "SUCCEEDED"
    assert block_problems(world.posts[0]["blocks"]) == []


@BOTH
@pytest.mark.parametrize("number", [MOST_POSTS, MOST_USES + 1])
def test_many_uses_are_counted_and_the_first_are_shown(source: str, number: int) -> None:
    world = World(recorded(*(session(number=each) for each in range(number))))

    done = run(source, world)
    assert done.status == "SUCCEEDED"
    assert len(world.posts) == MOST_POSTS
    assert world.metrics["UsesWithoutAlert"] == min(number, MOST_USES)
    message = world.mails[0]["Message"]
    assert message.count("Event ID: ") == MOST_POSTS
    assert ("and more" in message) is (number > MOST_POSTS)
    assert ("at least 100 break-glass uses" in message) is (number > MOST_USES)


@BOTH
@pytest.mark.parametrize(
    "refusal", ["channel_not_found", "States.Http.Socket", "Events.ConnectionResource.AccessDenied"]
)
def test_mail_says_that_slack_refused(source: str, refusal: str) -> None:
    world = World(recorded(session()), refusals=[refusal] * 4)

    assert run(source, world).status == "SUCCEEDED"
    assert f"Slack did not accept the messages about them: {refusal}." in world.mails[0]["Message"]


@BOTH
@pytest.mark.parametrize("topic", [TOPIC, PAGES])
def test_mail_that_is_not_sent_fails_the_run_after_the_other(source: str, topic: str) -> None:
    world = World(recorded(session()), fails=[topic])

    done = run(source, world)
    assert (done.status, done.error) == ("FAILED", "UsesUnreported")
    assert event_id(1) in done.cause
    assert [mail["TopicArn"] for mail in world.mails] == [each for each in (TOPIC, PAGES) if each != topic]
    assert world.metrics == {}


@BOTH
def test_metric_that_is_not_written_fails_the_run(source: str) -> None:
    assert run(source, World(fails=["put"])).status == "FAILED"


if __name__ == "__main__":
    for each in WITNESSES:
        golden_file(each).write_text(golden_text(each), encoding="utf-8")
