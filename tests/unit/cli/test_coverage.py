"""`breakglass coverage`: what it asks, what it prints, its exit status, and the permissions of its runbook.

Not proven here: that AWS answers like this (docs/live-checks.md). The judgements are in
tests/unit/organization/test_coverage.py; tests/local runs the command against the local cloud.
"""

import io
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from breakglass.cli import CommandContext, run_command
from breakglass.cli.coverage import PERMISSIONS, QUERY_SECONDS
from breakglass.iam.wildcards import overlaps
from breakglass.organization.coverage import Reason
from tests.app.domain.policies import EVERYBODY
from tests.app.doubles.clock import NOW
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.store import MemoryStore
from tests.unit.cli.contexts import Outcome
from tests.unit.cli.doctor.doubles import ACCOUNT, REGION, MemoryAws, no_slack, refused
from tests.unit.iam.reference import arns_of, is_reading
from tests.unit.iam.reference import matches as matching_actions

RUNBOOK = Path(__file__).parents[3] / "docs/runbooks/coverage.md"
VIRGINIA = "us-east-1"
BUS = "breakglass-prod-hub"
GROUP = "/aws/events/breakglass-prod-roll-call"
MEMBER, OTHER, EXCLUDED = "222222222222", "333333333333", "555555555555"


def state(kind: str, name: str, region: str = REGION, **inputs: Any) -> dict[str, Any]:
    given = {"name": name, "region": region, **inputs}
    return {"type": kind, "id": name, "inputs": given, "outputs": {"arn": f"arn:aws:x:{region}:{ACCOUNT}:{name}"}}


def rule(name: str, bus: str | None = None, region: str = REGION) -> dict[str, Any]:
    on_bus = {"eventBusName": bus} if bus else {}
    return state("aws:cloudwatch/eventRule:EventRule", name, region, eventPattern='{"source":["x"]}', **on_bus)


def outputs(**more: Any) -> dict[str, Any]:
    return {"type": "pulumi:pulumi:Stack", "outputs": more}


USE = "breakglass-prod-devops-break-glass-session_start"
RULE_NAMES = {"devops-break-glass": {"session_start": USE}}
POLICY = '{"Statement":[{"Sid":"Spokes","Effect":"Allow"}]}'
HUB = [
    state("aws:cloudwatch/eventBus:EventBus", BUS),
    state("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "", eventBusName=BUS, policy=POLICY),
    rule(USE, BUS),
    rule("breakglass-spoke-sessions"),
    rule("breakglass-spoke-sessions", region=VIRGINIA),
    state("aws:cloudformation/stackSet:StackSet", "breakglass-spokes"),
    state("aws:cloudwatch/logGroup:LogGroup", GROUP),
    state("aws:cloudwatch/logGroup:LogGroup", "/aws/events/breakglass-prod-fired"),
    outputs(
        ruleNames=RULE_NAMES,
        organization={
            "id": "o-exampleorgid",
            "regions": [REGION, VIRGINIA],
            "units": ["r-ab12"],
            "exclude": [EXCLUDED],
            "callAs": "self",
            "rollCall": True,
        },
    ),
]
STANDALONE = [rule(USE), outputs(ruleNames=RULE_NAMES)]


def account(number: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "Id": number,
        "Name": name,
        "Arn": f"arn:aws:organizations::{ACCOUNT}:account/o-exampleorgid/{number}",
        "State": "ACTIVE",
        "Paths": [f"o-exampleorgid/r-ab12/{number}/"],
        **more,
    }


def heartbeats(*places: tuple[str, str]) -> dict[str, Any]:
    return {
        "status": "Complete",
        "results": [
            [
                {"field": "account", "value": number},
                {"field": "region", "value": region},
                # As text, and perhaps with an exponent.
                {"field": "latest", "value": f"{(NOW - 3600) * 1000:E}"},
            ]
            for number, region in places
        ],
    }


def listed_rules(arguments: Mapping[str, Any]) -> dict[str, Any]:
    name = USE if arguments["EventBusName"] != "default" else "breakglass-spoke-sessions"
    return {"Rules": [{"Name": name, "State": "ENABLED", "EventPattern": '{"source":["x"]}'}]}


EVERYWHERE = [(number, region) for number in (ACCOUNT, MEMBER, OTHER) for region in (REGION, VIRGINIA)]
ANSWERS: dict[str, Any] = {
    "GetCallerIdentity": {"Account": ACCOUNT},
    "ListRules": listed_rules,
    "DescribeEventBus": {"Name": BUS, "Policy": POLICY},
    "ListAccounts": {
        "Accounts": [
            account(ACCOUNT, "management"),
            account(MEMBER, "data-lake"),
            account(OTHER, "payments"),
            account(EXCLUDED, "sandbox"),
        ]
    },
    "ListStackInstances": {
        "Summaries": [
            {"Account": number, "Region": region, "Status": "CURRENT", "DriftStatus": "NOT_CHECKED"}
            for number in (MEMBER, OTHER, EXCLUDED)
            for region in (REGION, VIRGINIA)
        ]
    },
    "StartQuery": {"queryId": "q-1"},
    "GetQueryResults": heartbeats(*EVERYWHERE),
}


def coverage(
    answers: Mapping[str, Any], resources: Sequence[dict[str, Any]] = HUB, *arguments: str
) -> tuple[Outcome, MemoryAws]:
    """Run the command on a deployed stack."""

    def pulumi(called: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(called, 0, json.dumps({"deployment": {"resources": resources}}), "")

    out, err = io.StringIO(), io.StringIO()
    aws = MemoryAws({**ANSWERS, **answers})
    context = CommandContext(
        run=pulumi,
        directory=lambda policy: MemoryDirectory(EVERYBODY),
        store=lambda stack: MemoryStore(),
        clock=lambda: NOW,
        out=out,
        err=err,
        aws=aws.in_region,
        slack=no_slack,
        pause=lambda seconds: None,
    )
    return Outcome(run_command(["coverage", *arguments], context), out.getvalue(), err.getvalue()), aws


def rows(answers: Mapping[str, Any], resources: Sequence[dict[str, Any]] = HUB) -> list[dict[str, Any]]:
    outcome, _ = coverage(answers, resources, "--json")
    found: list[dict[str, Any]] = json.loads(outcome.out)
    return found


def gaps(answers: Mapping[str, Any], resources: Sequence[dict[str, Any]] = HUB) -> list[tuple[str, str, str, str]]:
    return [
        (row["account"], row["region"], row["reason"], row["detail"])
        for row in rows(answers, resources)
        if row["watched"] is False
    ]


def without(*places: tuple[str, str]) -> dict[str, Any]:
    return {"GetQueryResults": heartbeats(*(place for place in EVERYWHERE if place not in places))}


def test_organization_that_is_watched_has_status_0() -> None:
    outcome, _ = coverage({})

    assert (outcome.status, outcome.err) == (0, "")
    lines = [" ".join(line.split()) for line in outcome.out.splitlines()]
    assert lines == [
        "NOT EXPECTED",
        "sandbox (555555555555) eu-central-1 excluded",
        "sandbox (555555555555) us-east-1 excluded",
        "",
        "WATCHED session_start",
        "management (111111111111) eu-central-1",
        "management (111111111111) us-east-1",
        "data-lake (222222222222) eu-central-1",
        "data-lake (222222222222) us-east-1",
        "payments (333333333333) eu-central-1",
        "payments (333333333333) us-east-1",
        "",
        "6 watched, 0 not watched, 2 not expected",
    ]


def test_gap_has_status_1_and_comes_first_with_its_remedy() -> None:
    outcome, _ = coverage(without((MEMBER, VIRGINIA)))

    assert outcome.status == 1
    first, *_, last = outcome.out.strip().split("\n\n")
    flat = " ".join(first.split())
    assert flat.startswith("NOT WATCHED not_heard_yet why: The spoke is deployed")
    assert flat.endswith("data-lake (222222222222) us-east-1 all paths")
    assert last == "5 watched, 1 not watched, 2 not expected"


def test_json_has_an_object_for_each_account_and_region() -> None:
    found = rows(without((MEMBER, VIRGINIA)))

    assert len(found) == 8
    assert [row["watched"] for row in found] == [True, True, True, False, True, True, None, None]
    assert found[2] == {
        "account": MEMBER,
        "name": "data-lake",
        "region": REGION,
        "watched": True,
        "reason": "",
        "detail": "",
        "means": "",
        "do": "",
        "paths": {"session_start": "watched"},
    }
    assert (found[3]["reason"], found[3]["paths"]) == ("not_heard_yet", {"session_start": "not_heard_yet"})
    assert found[3]["means"]
    assert found[3]["do"]


def test_old_heartbeat_is_shown_with_its_time() -> None:
    old = heartbeats(*EVERYWHERE)
    last = NOW - 26 * 3600
    old["results"][0][2]["value"] = str(last * 1000)

    said = f"Last heard {datetime.fromtimestamp(last, UTC):%Y-%m-%d %H:%M} UTC."
    assert gaps({"GetQueryResults": old}) == [(ACCOUNT, REGION, "no_heartbeat", said)]


@pytest.mark.parametrize(
    ("summary", "reason", "detail"),
    [
        (
            {
                "Status": "OUTDATED",
                "StackInstanceStatus": {"DetailedStatus": "FAILED"},
                "StatusReason": "denied by\na policy",
            },
            "outdated",
            "FAILED: denied by a policy",
        ),
        ({"Status": "INOPERABLE"}, "inoperable", ""),
        (
            {
                "Status": "CURRENT",
                "StackInstanceStatus": {"DetailedStatus": "SUCCEEDED"},
                "DriftStatus": "DRIFTED",
            },
            "drifted",
            "",
        ),
    ],
    ids=["outdated", "inoperable", "drifted"],
)
def test_instance_of_the_stack_set_says_the_reason(summary: dict[str, Any], reason: str, detail: str) -> None:
    listed = {"Summaries": [{"Account": MEMBER, "Region": REGION, **summary}]}

    assert gaps({"ListStackInstances": listed}) == [(MEMBER, REGION, reason, detail)]


def test_changed_spoke_of_the_own_account_is_drifted() -> None:
    def listed(arguments: Mapping[str, Any]) -> dict[str, Any]:
        found = listed_rules(arguments)
        return {"Rules": []} if arguments["EventBusName"] == "default" else found

    assert gaps({"ListRules": listed}) == [
        (ACCOUNT, region, "drifted", "The rule breakglass-spoke-sessions does not exist in AWS.")
        for region in (REGION, VIRGINIA)
    ]


def test_disabled_rule_of_the_hub_is_a_gap_everywhere() -> None:
    def listed(arguments: Mapping[str, Any]) -> dict[str, Any]:
        (found,) = listed_rules(arguments)["Rules"]
        return {"Rules": [{**found, "State": "DISABLED"} if found["Name"] == USE else found]}

    assert gaps({"ListRules": listed}) == [
        (number, region, "rule", f"The rule {USE} is disabled.") for number, region in EVERYWHERE
    ]


def test_missing_bus_is_noted_and_no_rule_is_found() -> None:
    def listed(arguments: Mapping[str, Any]) -> dict[str, Any]:
        if arguments["EventBusName"] == BUS:
            raise refused("ResourceNotFoundException")
        return listed_rules(arguments)

    outcome, _ = coverage({"ListRules": listed})

    assert outcome.status == 1
    assert f"note: The event bus {BUS} in {REGION} does not exist." in outcome.err
    assert {reason for *_, reason, _ in gaps({"ListRules": listed})} == {"rule"}


def test_region_that_is_not_enabled_is_no_gap() -> None:
    def regions(arguments: Mapping[str, Any]) -> dict[str, Any]:
        assert arguments == {"AccountId": MEMBER}
        return {"Regions": [{"RegionName": VIRGINIA, "RegionOptStatus": "DISABLED"}]}

    (row,) = [
        each
        for each in rows({**without((MEMBER, VIRGINIA)), "ListRegions": regions})
        if each["watched"] is None and each["account"] == MEMBER
    ]
    assert row["reason"] == "region_not_enabled"


def test_own_account_is_asked_without_its_number() -> None:
    _, aws = coverage(without((ACCOUNT, VIRGINIA)))

    assert [arguments for _, _, operation, arguments in aws.calls if operation == "ListRegions"] == [{}]


def test_refused_regions_are_noted_and_leave_the_gap() -> None:
    outcome, _ = coverage({**without((MEMBER, VIRGINIA)), "ListRegions": refused()})

    assert outcome.status == 1
    assert "note: Unknown whether the regions are enabled in 1 of 1 accounts, e.g. 222222222222" in outcome.err


def test_watched_organization_asks_for_no_regions() -> None:
    _, aws = coverage({})

    assert "ListRegions" not in {operation for _, _, operation, _ in aws.calls}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"Name": BUS}, f"The event bus {BUS} has no policy."),
        (refused("ResourceNotFoundException"), f"The event bus {BUS} does not exist in AWS."),
    ],
    ids=["no policy", "deleted"],
)
def test_changed_bus_is_a_gap_before_heartbeats_stop(answer: Any, fault: str) -> None:
    outcome, aws = coverage({"DescribeEventBus": answer})

    assert outcome.status == 1
    assert gaps({"DescribeEventBus": answer}) == [(*place, "hub", fault) for place in EVERYWHERE]
    assert "ListRegions" not in {operation for _, _, operation, _ in aws.calls}


@pytest.mark.parametrize("code", ["StackSetNotFoundException", "ResourceNotFoundException"])
def test_deleted_part_of_the_hub_is_noted(code: str) -> None:
    answers = {"StackSetNotFoundException": "ListStackInstances", "ResourceNotFoundException": "StartQuery"}
    outcome, _ = coverage({answers[code]: refused(code)})

    assert "does not exist" in outcome.err
    assert outcome.status == (1 if code.startswith("Resource") else 0)


def test_spokes_of_another_program_are_known_by_their_heartbeats() -> None:
    elsewhere = [*HUB[:-1], outputs(**{**HUB[-1]["outputs"]})]
    elsewhere[-1]["outputs"]["organization"] = {**HUB[-1]["outputs"]["organization"], "callAs": "elsewhere"}

    outcome, aws = coverage({}, elsewhere)

    assert outcome.status == 0
    assert "ListStackInstances" not in {operation for _, _, operation, _ in aws.calls}


def test_delegated_administrator_asks_as_one() -> None:
    delegated = [*HUB[:-1], outputs(**{**HUB[-1]["outputs"]})]
    delegated[-1]["outputs"]["organization"] = {**HUB[-1]["outputs"]["organization"], "callAs": "delegatedAdmin"}

    _, aws = coverage({}, delegated)

    (asked,) = [arguments for _, _, operation, arguments in aws.calls if operation == "ListStackInstances"]
    assert asked == {"StackSetName": "breakglass-spokes", "CallAs": "DELEGATED_ADMIN"}


def test_heartbeats_of_the_roll_call_are_queried() -> None:
    _, aws = coverage({})

    (asked,) = [arguments for _, _, operation, arguments in aws.calls if operation == "StartQuery"]
    assert asked == {
        "logGroupName": GROUP,
        "startTime": NOW - 14 * 86_400,
        "endTime": NOW,
        "queryString": "stats max(toMillis(@timestamp)) as latest by account, region",
    }


def test_slow_query_is_read_again() -> None:
    answers = iter([{"status": "Running", "results": []}, heartbeats(*EVERYWHERE)])

    assert coverage({"GetQueryResults": lambda arguments: next(answers)})[0].status == 0


@pytest.mark.parametrize("status", ["Running", "Failed"])
def test_query_without_an_answer_has_status_2(status: str) -> None:
    outcome, aws = coverage({"GetQueryResults": {"status": status, "results": []}})

    assert (outcome.status, "did not complete" in outcome.flat) == (2, True)
    assert sum(operation == "GetQueryResults" for _, _, operation, _ in aws.calls) in (1, QUERY_SECONDS)


@pytest.mark.parametrize(
    "operation", ["ListAccounts", "ListStackInstances", "StartQuery", "ListRules", "DescribeEventBus"]
)
def test_refused_call_has_status_2_and_names_the_permissions(operation: str) -> None:
    outcome, _ = coverage({operation: refused()})

    assert (outcome.status, outcome.out) == (2, "")
    assert "docs/runbooks/coverage.md" in outcome.flat


def test_hostile_name_of_an_account_stays_on_its_line() -> None:
    accounts = {"Accounts": [account(MEMBER, "a\nWATCHED\x1b[1m"), account(OTHER, "xoxb-1-made-up")]}
    outcome, _ = coverage({"ListAccounts": accounts})

    assert "\na WATCHED" not in outcome.out.replace("  a WATCHED\\u001b[1m (", "")
    assert "\x1b" not in outcome.out
    assert "xoxb-1-made-up" not in outcome.out


def test_stack_of_one_account_shows_its_own_row() -> None:
    listed = {"Rules": [{"Name": USE, "State": "ENABLED", "EventPattern": '{"source":["x"]}'}]}

    outcome, aws = coverage({"ListRules": listed}, STANDALONE)

    assert outcome.status == 0
    assert " ".join(outcome.out.split()) == (
        "WATCHED session_start 111111111111 eu-central-1 1 watched, 0 not watched, 0 not expected"
    )
    assert {operation for _, _, operation, _ in aws.calls} == {"GetCallerIdentity", "ListRules"}
    assert gaps({"ListRules": {"Rules": []}}, STANDALONE) == [
        (ACCOUNT, REGION, "rule", f"The rule {USE} does not exist in AWS.")
    ]


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        (
            [rule("x"), outputs(spoke={"forwardTo": "arn:bus", "regions": []}, ruleNames={})],
            "Name the stack of the hub",
        ),
        ([rule("x"), outputs(ruleNames={})], "so it watches nothing"),
        ([rule("x"), outputs()], "so it watches nothing"),
    ],
    ids=["spoke", "no rules", "no output"],
)
def test_stack_that_raises_no_alerts_has_status_2(resources: list[dict[str, Any]], said: str) -> None:
    outcome, _ = coverage({}, resources)

    assert (outcome.status, said in outcome.flat) == (2, True)


def test_credentials_of_another_account_have_status_2() -> None:
    outcome, aws = coverage({"GetCallerIdentity": {"Account": "999999999999"}})

    assert (outcome.status, len(aws.calls)) == (2, 1)


# --- the runbook ------------------------------------------------------------------------------------------------------


def documented() -> list[tuple[str, list[str]]]:
    """Return each action of the policy in the runbook with its resources."""
    (text,) = re.findall(r"```json\n(.*?)```", RUNBOOK.read_text(encoding="utf-8"), re.DOTALL)
    return [
        (action, [each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
        for each in json.loads(text)["Statement"]
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    ]


def test_runbook_allows_exactly_the_calls_of_the_command() -> None:
    _, aws = coverage(without((MEMBER, VIRGINIA)))

    called = {f"{service}:{operation}" for _, service, operation, _ in aws.calls} - {"sts:GetCallerIdentity"}
    assert {action for action, _ in documented()} == called
    assert [action for action in called if action.split(":")[1] not in PERMISSIONS] == []


def test_documented_actions_only_read() -> None:
    levels = {action: matching_actions(action).get(action, "") for action, _ in documented()}
    assert [action for action, level in levels.items() if not is_reading(level)] == []


@pytest.mark.parametrize(("action", "resources"), documented())
def test_documented_resources_suit_their_action(action: str, resources: list[str]) -> None:
    kinds = list(arns_of(action))
    assert resources == ["*"] or any(overlaps(kind, arn) for kind in kinds for arn in resources)


def test_runbook_has_a_row_for_each_reason() -> None:
    rows = re.findall(r"^\| (`[^|]*?) \|", RUNBOOK.read_text(encoding="utf-8").split("### Reasons")[1], re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(.*?)`", row)] == [reason.value for reason in Reason]
