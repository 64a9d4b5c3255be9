"""The stack files of hubs and of spokes: their faults, warnings and settings.

Not proven here: that the rules of the spokes match what those of the hub match (tests/unit/organization).
"""

import json
from typing import Any

import pytest
from pydantic.alias_generators import to_camel

from breakglass.components.break_glass import BreakGlass
from breakglass.errors import ConfigError
from breakglass.naming import hub_bus
from breakglass.organization.spoke_rules import SpokeSettings, spoke_rules
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.rules import spoke_settings
from breakglass.stack_file.spoke import REFUSED, SpokeAlerts
from breakglass.stack_file.stack import StackFile
from breakglass.vocabulary import CallAs
from tests.unit.stack_file.stack_files import (
    ALERTS,
    ENCRYPTED,
    ORGANIZATION,
    READ_ONLY,
    STACKS,
    TOKEN,
    Scenario,
    assert_told,
    hub,
    policy,
    problems,
    spoke,
    stack,
    stack_with_approvals,
)

AT_ORGANIZATION = (*ALERTS, "organization")
SPOKES = (*AT_ORGANIZATION, "spokes")
WATCH = (*ALERTS, "watch")
BUS = "arn:aws:events:eu-central-1:444444444444:event-bus/breakglass-prod-hub"
PATH = "breakglass:alerts.organization"


def many(kind: str, count: int) -> list[str]:
    return [f"arn:aws:iam::{number:012}:{kind}/emergency-of-a-team-{number}" for number in range(count)]


HUBS = [
    Scenario(
        "an organization has an ID",
        [((*AT_ORGANIZATION, "id"), "exampleorgid")],
        f"{PATH}.id",
        "refuse the events of every spoke",
        "aws organizations describe-organization",
    ),
    Scenario(
        "a unit has an ID",
        [((*SPOKES, "units"), ["Workloads"])],
        f"{PATH}.spokes.units[0]",
        "Not the ID of a root or an organizational unit",
        "r-ab12",
        value='"Workloads"',
    ),
    Scenario(
        "a StackSet needs units",
        [((*SPOKES, "units"), None)],
        f"{PATH}.spokes.units",
        "no account of the organization would get a spoke",
        "callAs: elsewhere",
        value="(missing)",
    ),
    Scenario(
        "units are of one organization",
        [((*SPOKES, "units"), ["r-ab12", "ou-cd34-11111111"])],
        f"{PATH}.spokes.units",
        "2 organizations",
        "Copy the IDs again",
    ),
    Scenario(
        "a root has all units",
        [((*SPOKES, "units"), ["ou-ab12-11111111", "r-ab12"])],
        f"{PATH}.spokes.units",
        "the others would have no effect",
        "Name the root alone",
    ),
    Scenario(
        "a unit is named once",
        [((*SPOKES, "units"), ["r-ab12", "r-ab12"])],
        f"{PATH}.spokes.units[1]",
        "Duplicate",
        "Delete",
        value='"r-ab12"',
    ),
    Scenario(
        "an account is excluded once",
        [((*SPOKES, "exclude"), ["333333333333", "333333333333"])],
        f"{PATH}.spokes.exclude[1]",
        "Duplicate",
        "Delete",
        value='"333333333333"',
    ),
    Scenario(
        "an excluded account is in quotes",
        [((*SPOKES, "exclude"), [333333333333])],
        f"{PATH}.spokes.exclude[0]",
        "YAML reads an account ID",
        "quotes",
        value="333333333333",
    ),
    Scenario(
        "a region is named once",
        [((*SPOKES, "regions"), ["eu-central-1", "us-east-1", "us-east-1"])],
        f"{PATH}.spokes.regions[2]",
        "Duplicate",
        "Delete",
        value='"us-east-1"',
    ),
    Scenario(
        "the region of the stack is one of the spokes",
        [((*SPOKES, "regions"), ["us-east-1"])],
        f"{PATH}.spokes.regions",
        "lacks eu-central-1",
        "Add eu-central-1",
    ),
    Scenario(
        "spokes are in one partition",
        [((*SPOKES, "regions"), ["eu-central-1", "us-east-1", "us-gov-west-1"])],
        f"{PATH}.spokes.regions[2]",
        "partition aws-us-gov",
        "a hub of its own",
        value='"us-gov-west-1"',
    ),
    Scenario(
        "there are regions",
        [((*SPOKES, "regions"), [])],
        f"{PATH}.spokes.regions",
        "at least one entry",
        "Add",
    ),
    Scenario(
        "a StackSet has one of three makers",
        [((*SPOKES, "callAs"), "delegated")],
        f"{PATH}.spokes.callAs",
        "Not an allowed value",
        "Did you mean delegatedAdmin?",
    ),
    Scenario(
        "a roll call is daily",
        [((*AT_ORGANIZATION, "rollCall"), "P7D")],
        f"{PATH}.rollCall",
        "nothing reports an account that forwards",
        "Write P1D",
    ),
    Scenario(
        "a witness reads a log group",
        [((*AT_ORGANIZATION, "witness"), {"trailLogGroup": "arn:aws:logs:eu-central-1:111111111111:log-group:trail"})],
        f"{PATH}.witness.trailLogGroup",
        "Not the name of a log group",
        "not its ARN",
        value='"arn:aws:logs:eu-central-1:111111111111:log-group:trail"',
    ),
    Scenario(
        "a hub has the witness of an organization",
        [((*ALERTS, "witness"), "PT1H")],
        "breakglass:alerts.witness",
        "would miss the uses in all other accounts",
        "trailLogGroup",
    ),
    Scenario(
        "all roles have no path of their own",
        [((*WATCH, "rolePath"), "/")],
        "breakglass:alerts.watch.rolePath",
        "each start of any session would be forwarded",
        "/break-glass/",
    ),
    Scenario(
        "a path is not that of AWS",
        [((*WATCH, "rolePath"), "/aws-service-role/")],
        "breakglass:alerts.watch.rolePath",
        "AWS makes the roles below this path",
        "/break-glass/",
    ),
    Scenario(
        "a path ends with a slash",
        [((*WATCH, "rolePath"), "/break-glass")],
        "breakglass:alerts.watch.rolePath",
        "begins and ends with a slash",
        "/break-glass/",
    ),
]


@pytest.mark.parametrize("scenario", HUBS, ids=lambda scenario: scenario.says)
def test_fault_of_hub_gives_one_problem(scenario: Scenario) -> None:
    assert_told(problems(hub(*scenario.changes)), scenario)


SPOKE_STACKS = [
    Scenario(
        "a default bus is no hub",
        [((*ALERTS, "forwardTo"), "arn:aws:events:eu-central-1:444444444444:event-bus/default")],
        "breakglass:alerts.forwardTo",
        "default bus of an account",
        "hubBusArn",
    ),
    Scenario(
        "a bus of another name is no hub",
        [((*ALERTS, "forwardTo"), "arn:aws:events:eu-central-1:444444444444:event-bus/alerts")],
        "breakglass:alerts.forwardTo",
        "whose name begins with breakglass-",
        "hubBusArn",
    ),
    Scenario(
        "a rule is no bus",
        [((*ALERTS, "forwardTo"), "arn:aws:events:eu-central-1:444444444444:rule/breakglass-prod-hub")],
        "breakglass:alerts.forwardTo",
        "Not the ARN of the event bus of a hub",
        "hubBusArn",
    ),
    Scenario(
        "a hub is in the same partition",
        [((*ALERTS, "forwardTo"), BUS.replace("aws:events:eu-central-1", "aws-us-gov:events:us-gov-west-1"))],
        "breakglass:alerts.forwardTo",
        "partition aws-us-gov",
        "arn:aws:",
    ),
    Scenario(
        "a hub forwards nothing",
        [(AT_ORGANIZATION, ORGANIZATION)],
        PATH,
        "forwards no event a second time",
        "Delete `forwardTo` if this stack is the hub",
    ),
    Scenario(
        "approvals need an alert path",
        [(("approvals",), stack_with_approvals()["approvals"])],
        "breakglass:approvals",
        "need an alert path",
        "the stack of the hub",
        value=json.dumps(stack_with_approvals()["approvals"])[:120],
    ),
    Scenario(
        "a spoke has no token",
        [(("slackBotToken",), ENCRYPTED)],
        "breakglass:slackBotToken",
        "posts nothing to Slack",
        "pulumi config rm breakglass:slackBotToken",
        value='"(not shown)"',
    ),
    Scenario(
        "the region of the stack is one of the spokes",
        [((*ALERTS, "regions"), ["us-east-1"])],
        "breakglass:alerts.regions",
        "lacks eu-central-1",
        "Add eu-central-1",
    ),
    Scenario(
        "a region is a region",
        [((*ALERTS, "regions", 1), "Ohio")],
        "breakglass:alerts.regions[1]",
        "Not a region code",
        "eu-central-1",
    ),
    Scenario(
        "a role is in the same partition",
        [((*WATCH, "roles", 0), "arn:aws-cn:iam::111111111111:role/emergency")],
        "breakglass:alerts.watch.roles[0]",
        "partition aws-cn",
        "arn:aws:",
    ),
    Scenario(
        "root is always forwarded",
        [((*WATCH, "root"), True)],
        "breakglass:alerts.watch.root",
        "in any case",
        "Delete",
    ),
    Scenario(
        "permission sets are always forwarded",
        [((*WATCH, "permissionSets"), ["DatabaseAdmin"])],
        "breakglass:alerts.watch.permissionSets",
        "sessions of all permission sets",
        "stack file of the hub",
    ),
    Scenario(
        "the independent door is the hub's",
        [((*WATCH, "independentDoor"), {"roles": ["arn:aws:iam::111111111111:role/door"]})],
        "breakglass:alerts.watch.independentDoor",
        "only forwards events",
        "under `roles` and `users`",
    ),
    Scenario(
        "a misspelt key is told with the nearest one",
        [((*ALERTS, "regons"), ["eu-central-1"])],
        "breakglass:alerts.regons",
        "would have no effect",
        "Did you mean region",
    ),
    Scenario(
        "a list is a list",
        [((*ALERTS, "regions"), "eu-central-1")],
        "breakglass:alerts.regions",
        "Expected a list (`- ` lines, or [a, b]), got a string. The regions whose events are forwarded",
        "Write a list",
    ),
]


@pytest.mark.parametrize("scenario", SPOKE_STACKS, ids=lambda scenario: scenario.says)
def test_fault_of_spoke_gives_one_problem(scenario: Scenario) -> None:
    assert_told(problems(spoke(*scenario.changes)), scenario)


VALUES: dict[str, object] = {
    "slack": {"channel": "C0123456789"},
    "organization": ORGANIZATION,
    "evidencePaths": ["denied"],
    "tamper": {},
}


@pytest.mark.parametrize("key", sorted({to_camel(name) for name in Alerts.model_fields} - {"region", "watch"}))
def test_each_other_key_of_alerts_is_refused_with_a_reason(key: str) -> None:
    (problem,) = problems(spoke(((*ALERTS, key), VALUES.get(key, "x"))))

    why, instead = REFUSED[key]
    assert (problem.path, problem.why, problem.instead) == (f"breakglass:alerts.{key}", why, instead)


def test_keys_of_spoke_outside_a_spoke_are_told_apart() -> None:
    found = problems(stack(((*ALERTS, "forwrdTo"), BUS)))

    assert [problem.path for problem in found] == ["breakglass:alerts.forwrdTo"]
    assert "Did you mean forwardTo?" in found[0].instead


def test_token_in_clear_in_a_spoke_is_not_repeated() -> None:
    found = problems(spoke((("slackBotToken",), TOKEN), ((*WATCH, "roles", 0), TOKEN)))

    assert {problem.path for problem in found} == {"breakglass:slackBotToken", "breakglass:alerts.watch.roles[0]"}
    assert TOKEN not in str([str(problem) for problem in found])


def test_role_path_without_spokes_is_refused() -> None:
    (problem,) = problems(stack(((*WATCH, "rolePath"), "/break-glass/")))

    assert problem.path == "breakglass:alerts.watch.rolePath"
    assert "no effect" in problem.why
    assert "`roles`" in problem.instead


@pytest.mark.parametrize("build", [hub, spoke])
def test_more_roles_than_a_spoke_holds_need_a_path(build: Any) -> None:
    roles = many("role", 300)

    (problem,) = problems(build(((*WATCH, "roles"), roles)))

    assert problem.path == "breakglass:alerts.watch.roles"
    assert "300 roles" in problem.why
    assert "`rolePath: /break-glass/`" in problem.instead


@pytest.mark.parametrize("build", [hub, spoke])
def test_more_users_than_a_spoke_holds_are_refused(build: Any) -> None:
    (problem,) = problems(build(((*WATCH, "users"), many("user", 300))))

    assert problem.path == "breakglass:alerts.watch.users"
    assert "300 users" in problem.why


def test_more_excluded_accounts_than_fit_are_refused() -> None:
    accounts = [f"{number:012}" for number in range(1000)]

    (problem,) = problems(hub(((*SPOKES, "exclude"), accounts)))

    assert problem.path == f"{PATH}.spokes.exclude"
    assert "1000 accounts" in problem.why
    assert "`units`" in problem.instead
    assert problems(hub(((*SPOKES, "exclude"), accounts[:400]))) == []


@pytest.mark.parametrize("build", [hub, spoke])
def test_roles_below_the_path_take_no_room(build: Any) -> None:
    roles = [arn.replace("role/", "role/break-glass/") for arn in many("role", 300)]

    assert problems(build(((*WATCH, "roles"), roles), ((*WATCH, "rolePath"), "/break-glass/"))) == []


def test_hub_has_documented_defaults() -> None:
    stack_file = validate_stack(hub(), STACKS)

    assert stack_file.spoke is None
    assert stack_file.alert_path is not None
    organization = stack_file.alert_path.organization
    assert organization is not None
    assert organization.model_dump() == {
        "id": "o-exampleorgid",
        "spokes": {
            "units": ["r-ab12"],
            "exclude": [],
            "regions": ["eu-central-1", "us-east-1"],
            "call_as": CallAs.self,
        },
        "roll_call": "P1D",
        "witness": None,
    }
    assert organization.has_roll_call


def test_units_are_optional_if_another_program_makes_the_set() -> None:
    assert problems(hub(((*SPOKES, "units"), None), ((*SPOKES, "callAs"), "elsewhere"))) == []


def test_roll_call_can_be_turned_off() -> None:
    alerts = validate_stack(hub(((*AT_ORGANIZATION, "rollCall"), "off")), STACKS).alert_path

    assert alerts is not None
    assert alerts.organization is not None
    assert not alerts.organization.has_roll_call


def test_spoke_stack_has_documented_defaults() -> None:
    stack_file = validate_stack(spoke(((*ALERTS, "regions"), None), (WATCH, None)), STACKS)

    assert stack_file.alert_path is None
    assert isinstance(stack_file.spoke, SpokeAlerts)
    assert stack_file.spoke.all_regions == ["eu-central-1"]
    assert not stack_file.has_explain_button
    assert spoke_settings(stack_file, portal=False) == SpokeSettings()


@pytest.mark.parametrize("stack_name", ["a", "prod.eu_1", "x" * 100])
def test_spoke_forwards_to_the_bus_of_any_hub(stack_name: str) -> None:
    bus = f"arn:aws:events:eu-central-1:444444444444:event-bus/{hub_bus(stack_name)}"

    assert problems(spoke(((*ALERTS, "forwardTo"), bus))) == []


def test_spoke_stack_may_have_permission_sets() -> None:
    sets = {
        "region": "eu-central-1",
        "pairs": [
            {
                "name": "devops",
                "everyday": {"managedPolicies": [READ_ONLY]},
                "breakGlass": {"inlinePolicy": policy("rds:CreateDBSnapshot")},
            }
        ],
    }

    assert problems(spoke((("permissionSets",), sets))) == []


def test_settings_of_spokes_are_those_of_the_hub() -> None:
    door = {
        "roles": ["arn:aws:iam::111111111111:role/door"],
        "users": ["arn:aws:iam::111111111111:user/break-glass-ada"],
    }
    below = "arn:aws:iam::222222222222:role/break-glass/database"
    raw = hub(
        ((*WATCH, "roles", 1), below), ((*WATCH, "rolePath"), "/break-glass/"), ((*WATCH, "independentDoor"), door)
    )

    assert spoke_settings(validate_stack(raw, STACKS), portal=True) == SpokeSettings(
        partition="aws",
        roles=("arn:aws:iam::222222222222:role/emergency-operator", below, *door["roles"]),
        role_path="/break-glass/",
        users=tuple(door["users"]),
        portal=True,
    )


def test_watched_sets_do_not_change_the_spokes() -> None:
    other = hub(((*WATCH, "permissionSets"), ["NetworkAdmin", "StorageAdmin"]))

    settings = [spoke_settings(validate_stack(raw, STACKS), portal=True) for raw in (hub(), other)]
    assert settings[0] == settings[1] is not None


def test_file_without_organization_has_no_spoke() -> None:
    assert spoke_settings(validate_stack(stack(), STACKS), portal=True) is None
    assert (
        spoke_settings(validate_stack(stack((ALERTS, None), (("slackBotToken",), None)), STACKS), portal=True) is None
    )


@pytest.mark.parametrize(
    ("interval", "expected"), [("PT1H", 3600), ("PT12H", 43_200), ("PT24H", 86_400), ("P1D", 86_400), ("off", None)]
)
def test_witness_interval_is_seconds_or_none(interval: str, expected: int | None) -> None:
    alerts = validate_stack(stack(((*ALERTS, "witness"), interval)), STACKS).alert_path

    assert alerts is not None
    assert alerts.witness_seconds == expected


@pytest.mark.parametrize("interval", ["PT30M", "PT25H", "PT0H", "P2D", True, 1, "PT01H"])
def test_witness_interval_beyond_a_day_is_refused(interval: object) -> None:
    (problem,) = problems(stack(((*ALERTS, "witness"), interval)))

    assert problem.path == "breakglass:alerts.witness"
    assert "from one hour (PT1H) to one day (P1D)" in problem.why


def test_spoke_in_snake_case_is_taken_by_a_component() -> None:
    args = {"alerts": {"region": "eu-central-1", "forward_to": BUS, "watch": {"role_path": "/break-glass/"}}}

    stack_file = StackFile.model_validate(args)

    assert stack_file.spoke is not None
    assert stack_file.spoke.watch.role_path == "/break-glass/"
    again = StackFile.model_validate(stack_file.model_dump(exclude_none=True))
    assert again == stack_file


def test_component_refuses_a_spoke_with_an_alert_path() -> None:
    args: Any = {"alerts": {"region": "eu-central-1", "forward_to": BUS, "post_mortem_url": "https://example.com"}}

    with pytest.raises(ConfigError) as raised:
        BreakGlass("prod", args)
    assert [problem.path for problem in raised.value.problems] == ["prod.alerts.post_mortem_url"]


def test_spokes_of_hub_and_of_spoke_stack_are_the_same() -> None:
    of_hub = spoke_settings(validate_stack(hub(), STACKS), portal=False)
    watch = {"roles": hub()["alerts"]["watch"]["roles"]}
    of_spoke = spoke_settings(validate_stack(spoke((WATCH, watch)), STACKS), portal=False)

    assert of_hub is not None
    assert of_spoke is not None
    assert json.dumps([rule.pattern for rule in spoke_rules(of_hub)]) == json.dumps(
        [rule.pattern for rule in spoke_rules(of_spoke)]
    )
