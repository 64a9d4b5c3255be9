"""The pages about the approvals say what the code does: states, permissions, transitions, alarms, events of the logs.

Not shown here: that the other pictures are what happens (the tests of the app and of the local cloud show that), and
why a permission is needed.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from breakglass.app.domain.grant_lifecycle import GRANT_TABLE, GrantEvent
from breakglass.app.domain.policy import UnmanagedAssignments
from breakglass.app.domain.records import State
from breakglass.app.domain.request_lifecycle import FINAL, REQUEST_TABLE, Event
from breakglass.app.domain.usage_lifecycle import USAGE_TABLE
from breakglass.components.approvals.workflow_definition import definition
from breakglass.iam.app_roles import AppScope, function_permissions, workflow_permissions
from breakglass.naming import AppFunction, Names, ResourceArns
from tests.app.domain.policies import MANAGEMENT, SETTINGS, policy, rule

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "approvals"
LIFE, PERMISSIONS = PAGES / "README.md", PAGES / "permissions.md"
RUNBOOKS = ROOT / "docs" / "runbooks"
ALARMS = (RUNBOOKS / "alarms.md").read_text(encoding="utf-8")

ARNS = ResourceArns(Names("prod-approvals"), "aws", "eu-central-1", MANAGEMENT)
SECRET = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:breakglass-prod-"
# Everything that a stack can switch on.
FULL = AppScope(
    arns=ARNS,
    policy=policy(rule(accounts=(MANAGEMENT,)), settings=replace(SETTINGS, unmanaged=UnmanagedAssignments.revoke)),
    bot_token_secret_arn=f"{SECRET}slack-token-AbCdEf",
    signing_secret_arn=f"{SECRET}approvals-signing-AbCdEf",
    kms_key_arn="arn:aws:kms:eu-central-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    identity_center_key_arn="arn:aws:kms:eu-central-1:111111111111:key/mrk-1234abcd12ab34cd56ef1234567890ab",
    session_policy_arn="arn:aws:organizations::111111111111:policy/o-abcdefghij/service_control_policy/p-12345678",
)


def section(page: Path, heading: str) -> str:
    """What stands under a heading, as far as the next one of the same level."""
    _, _, rest = page.read_text(encoding="utf-8").partition(f"\n## {heading}\n")
    assert rest, f"{page.name} has no heading {heading}"
    return rest.partition("\n## ")[0]


def drawn(heading: str) -> set[tuple[str, str, str]]:
    """The state, the event and the state after it of every arrow between two states under a heading."""
    arrows = re.findall(r"^    (\w+) --> (\w+): (.+)$", section(LIFE, heading), flags=re.MULTILINE)
    return {(before, event, after) for before, after, events in arrows for event in events.split(", ")}


def arrows(table: Mapping[tuple[Any, Any], StrEnum], left_out: Iterable[StrEnum] = ()) -> set[tuple[str, str, str]]:
    """The same of a table, without the events that change nothing where they are left out."""
    return {
        (str(before), str(event), str(after))
        for (before, event), after in table.items()
        if event not in left_out or before is not after
    }


def test_the_life_of_a_request_is_drawn_as_the_table_has_it() -> None:
    assert drawn("The life of a request") == arrows(
        REQUEST_TABLE, {Event.posted, Event.waiting, Event.reminded, Event.announced}
    )


def test_what_is_not_drawn_of_a_request_is_possible_where_the_page_says() -> None:
    where = {
        event: {state for state, name in REQUEST_TABLE if name is event}
        for event in (Event.posted, Event.waiting, Event.reminded, Event.announced)
    }
    states = {state for state, _ in REQUEST_TABLE}

    never_decided = {State.pending, State.denied, State.withdrawn, State.expired}
    assert where == {
        Event.posted: states,
        Event.waiting: states,
        Event.reminded: states - FINAL,
        Event.announced: states - never_decided,
    }


def test_the_ends_of_a_request_are_drawn() -> None:
    ends = re.findall(r"^    (\w+) --> \[\*\]$", section(LIFE, "The life of a request"), flags=re.MULTILINE)

    assert sorted(ends) == sorted(FINAL)


def test_the_life_of_a_grant_is_drawn_as_the_table_has_it() -> None:
    assert drawn("The life of a grant") == arrows(
        GRANT_TABLE, {GrantEvent.denied, GrantEvent.deny_failed, GrantEvent.deny_removed}
    )


def test_the_life_of_a_use_is_drawn_as_the_table_has_it() -> None:
    assert drawn("The life of a use") == arrows(USAGE_TABLE)


def named(heading: str) -> set[str]:
    return set(re.findall(r"`([a-z]+:[A-Z][A-Za-z]+)`", section(PERMISSIONS, heading)))


def granted(document: Mapping[str, Any]) -> set[str]:
    listed = (statement["Action"] for statement in document["Statement"])
    return {action for actions in listed for action in ([actions] if isinstance(actions, str) else actions)}


@pytest.mark.parametrize("app_function", AppFunction)
def test_the_page_names_every_permission_of_a_function_and_no_other(app_function: AppFunction) -> None:
    own = granted(function_permissions(app_function, FULL)) - {"logs:CreateLogStream", "logs:PutLogEvents"}
    in_management = app_function in (AppFunction.provisioner, AppFunction.reconciler)
    shared = named("provisioner and reconciler, in the management account") if in_management else set()

    assert named(app_function) | shared == own


def keys_named(heading: str, action: str) -> set[str]:
    """The first parts of the keys that a function may do something to, as its section has them."""
    rows = re.findall(rf"^\| [^|]*`{action}`[^|]*\| the table, keys (.*?) \|", section(PERMISSIONS, heading), re.M)
    return {key for row in rows for key in re.findall(r"`([A-Z]+)`", row)}


@pytest.mark.parametrize("action", ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"])
@pytest.mark.parametrize("app_function", AppFunction)
def test_the_page_names_the_records_that_a_function_reads_and_writes(app_function: AppFunction, action: str) -> None:
    statements = function_permissions(app_function, FULL)["Statement"]
    keys = {
        key.removesuffix("#*")
        for statement in statements
        if action in granted({"Statement": [statement]})
        for key in statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    }

    assert keys_named(app_function, action) == keys


def test_the_page_names_every_permission_of_the_state_machine_and_no_other() -> None:
    assert named("State machine") == granted(workflow_permissions(ARNS))


def test_key_policy_allows_what_the_functions_are_allowed() -> None:
    page = (RUNBOOKS / "first-deploy.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```json\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    allowed = [each["Condition"] for each in json.loads(snippet)]
    asked = [
        each["Condition"]["StringEquals"]
        for each in function_permissions(AppFunction.provisioner, FULL)["Statement"]
        if each["Resource"] == FULL.identity_center_key_arn
    ]

    assert len(asked) == 2
    assert [one["StringEquals"] for one in allowed] == [
        {key: value if isinstance(value, str) else value[0] for key, value in one.items()} for one in asked
    ]
    roles = {f"arn:aws:iam::{ARNS.account}:role/{ARNS.names.function(app_function)}" for app_function in AppFunction}
    for one in allowed:
        patterns = one["ArnLike"]["aws:PrincipalArn"]
        assert all(any(fnmatchcase(role, pattern) for pattern in patterns) for role in roles)


def test_without_what_a_stack_can_switch_on_there_is_less() -> None:
    plain = AppScope(ARNS, policy(), FULL.bot_token_secret_arn, FULL.signing_secret_arn)
    extra = granted(function_permissions(AppFunction.provisioner, FULL)) - granted(
        function_permissions(AppFunction.provisioner, plain)
    )

    assert {action.partition(":")[0] for action in extra} == {"iam", "kms", "organizations"}


MACHINE = definition(ARNS.function_arn(AppFunction.interactions), ARNS.function_arn(AppFunction.provisioner))["States"]
REQUEST = "Begin Ask Asked Prepare GrantEach Granted Opened Hold Due Held RevokeEach Close Closed Over".split()
TIME_OUT = "Ask Remind Asked Ask".split()
GRANT = "Grant GrantBegun GrantWait PollGrant GrantBegun AccountOpen".split()
REVOKE = "Revoke RevokeBegun RevokeWait PollRevoke RevokeBegun Verify Verified AccountClosed".split()
TAIL = "Closed SessionDenyWait RemoveSessionDeny Over".split()


def walked(states: Mapping[str, Any], path: Iterable[str]) -> tuple[int, int]:
    """How many states a path has and how many of them call a function; fails if it isn't one."""
    before: str | None = None
    calls = count = 0
    for name in path:
        if before is not None:
            state = states[before]
            choices = [choice["Next"] for choice in state.get("Choices", ())]
            caught = [caught["Next"] for caught in state.get("Catch", ())]
            assert name in (state.get("Next"), state.get("Default"), *choices, *caught), f"{before} -> {name}"
        before, count, calls = name, count + 1, calls + (states[name]["Type"] == "Task")
    return count, calls


def test_the_cost_of_a_request_is_counted_as_the_state_machine_goes() -> None:
    grants, revokes = (MACHINE[each]["ItemProcessor"]["States"] for each in ("GrantEach", "RevokeEach"))
    page = (RUNBOOKS / "what-it-costs.md").read_text(encoding="utf-8")

    assert walked(MACHINE, REQUEST) == (14, 6)
    assert walked(MACHINE, TIME_OUT) == (1 + 3, 1 + 2)
    assert walked(grants, GRANT) == (3 + 3, 1 + 1)
    assert walked(revokes, REVOKE) == (5 + 3, 2 + 1)
    assert walked(MACHINE, TAIL) == (2 + 2, 1)
    assert "*T* = 14 + 3 *w* + *a* (3 + 3 *g*) + *a* (5 + 3 *r*); 2 more with `endSessions`" in page
    assert "*F* = 6 + 2 *w* + *a* (1 + *g*) + *a* (2 + *r*); 1 more with `endSessions`" in page


def sources(folder: str) -> str:
    files = sorted((ROOT / "breakglass" / folder).rglob("*.py"))
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_runbook_reads_the_logs_where_they_are() -> None:
    page = (RUNBOOKS / "access-did-not-come.md").read_text(encoding="utf-8")
    commands = re.findall(r"^ *(aws logs tail .*?) --region", page, flags=re.MULTILINE)
    script = "\n".join(['aws() { echo "$3"; }', f"MACHINE={ARNS.machine_arn}", *commands])

    read = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert read.stdout.split() == [ARNS.names.machine_log, ARNS.names.function(AppFunction.provisioner)]


def test_the_runbook_names_the_alarms_that_the_components_raise() -> None:
    listed = re.findall(r"^\| `(?:breakglass-STACK|…)-approvals-(.+?)` ?(.*?)\|", ALARMS, flags=re.MULTILINE)
    kinds = {name.rpartition("FUNCTION-")[2] for name, _ in listed}
    code = sources("components")

    assert len(listed) > 10
    # Their logical names are made of the kind, alone or after the name of a part.
    short = {re.sub(r"^(reconciler|workflow|api|interactions|usage-recorder)-", "", kind) for kind in kinds}
    assert [kind for kind in sorted(short) if f'"{kind}"' not in code and f'-{kind}"' not in code] == []


def test_the_runbook_names_events_that_the_functions_log() -> None:
    (table,) = re.findall(r"^\| `event` in the log .*?^$", ALARMS, flags=re.MULTILINE | re.DOTALL)
    events = set(re.findall(r"`([a-z]+_[a-z_]+|refused|late)`", "\n".join(re.findall(r"^\| (.*?) \|", table, re.M))))

    assert len(events) > 8
    assert [event for event in sorted(events) if f'log("{event}"' not in sources("app")] == []
