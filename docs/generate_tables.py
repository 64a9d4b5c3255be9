"""Fill the tables and diagrams of the documents that the code knows: permissions, states, alarms, costs, log events.

`python -m docs.generate_tables` writes them between their markers; a test fails if a document is stale. In a table the
last columns may be prose. They stay as written, and a row that has none yet is an error.

Non-goals: whole pages (see `docs.generate_reference`).
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from breakglass.alerts.delivery_machine import DeliverySettings, delivery_definition
from breakglass.alerts.drill_machine import RUN_SECONDS, Drills, drill_definition
from breakglass.alerts.evidence import Evidence, evidence
from breakglass.alerts.patterns import Pattern, alert_rules
from breakglass.alerts.probe_machine import Probe, probe_definition
from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.app.domain.grant_lifecycle import GRANT_TABLE
from breakglass.app.domain.policy import UnmanagedAssignments
from breakglass.app.domain.records import GrantState, State, UsageState
from breakglass.app.domain.request_lifecycle import REQUEST_TABLE, Event
from breakglass.app.domain.usage_lifecycle import USAGE_TABLE, UsageEvent
from breakglass.components.approvals.workflow_definition import definition
from breakglass.components.break_glass import BreakGlass, BreakGlassArgs
from breakglass.iam.app_roles import AppScope, function_permissions, workflow_permissions
from breakglass.naming import AppFunction, Metric, Names, ResourceArns
from tests.app.domain.policies import MANAGEMENT, SETTINGS, policy, rule
from tests.conftest import Deployment, deploy

FOLDER = Path(__file__).parent
"""Where the documents are."""

ARNS = ResourceArns(Names("prod-approvals"), "aws", "eu-central-1", MANAGEMENT)
_SECRETS = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:breakglass-prod-"
FULL = AppScope(
    arns=ARNS,
    policy=policy(rule(accounts=(MANAGEMENT,)), settings=replace(SETTINGS, unmanaged=UnmanagedAssignments.revoke)),
    bot_token_secret_arn=f"{_SECRETS}slack-token",
    signing_secret_arn=f"{_SECRETS}approvals-signing",
    kms_key_arn="arn:aws:kms:eu-central-1:111111111111:key/KEY_OF_SECRETS",
    identity_center_key_arn="arn:aws:kms:eu-central-1:111111111111:key/KEY_OF_IDENTITY_CENTER",
    session_policy_arn="arn:aws:organizations::111111111111:policy/ORGANIZATION/service_control_policy/POLICY",
)
"""A stack with everything that a stack file can switch on."""

_USER = "arn:aws:iam::222222222222:user/USER"
_READ_ONLY = "arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"
_ALARMED: dict[str, Any] = {
    "permission_sets": {
        "region": "eu-central-1",
        "pairs": [
            {
                "name": "ROLE",
                "everyday": {"managed_policies": [_READ_ONLY]},
                "break_glass": {"managed_policies": [_READ_ONLY]},
            }
        ],
    },
    "alerts": {
        "region": "eu-central-1",
        "slack": {"channel": "C0123456789"},
        "delivery": "confirmed",
        "drills": {"every": "P7D"},
        "watch": {"users": [_USER]},
        "organization": {
            "id": "o-exampleorgid",
            "spokes": {"units": ["r-ab12"], "regions": ["eu-central-1", "us-east-1"]},
            "witness": {"trail_log_group": "TRAIL"},
        },
        "monitoring": {"pagers": {"pagerduty": "https://events.example.com/made-up"}},
    },
    "approvals": {
        "channel": "C0APPROVALS1",
        "rules": [
            {
                "name": "all",
                "sets": ["ROLE-break-glass"],
                "accounts": ["333333333333"],
                "requesters": [{"group": "oncall"}],
                "approvers": [{"group": "leads"}],
            }
        ],
        "end_sessions": True,
    },
    "slack_bot_token": "xoxb-1-made-up",
    "slack_signing_secret": "0123456789abcdef0123456789abcdef",
}
"""`BreakGlass` arguments of a stack that has every alarm."""
_SUBJECT_KEYS = [
    "ROLE-break-glass",
    UserSubject(_USER).key,
    RootSubject().key,
    AccessSubject().key,
    TamperSubject(()).key,
]
"""Keys of the subjects of that stack, which stand in the names of its alarms."""

_SET_ARN = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-0000000000000001"
WATCHED: Mapping[str, Watched] = {
    "permission set": PermissionSetSubject("SET"),
    "IAM role": RoleSubject("arn:aws:iam::222222222222:role/ROLE"),
    "IAM user": UserSubject(_USER),
    "root": RootSubject(),
    "access": AccessSubject(
        sets=(("SET", _SET_ARN),),
        groups=(("GROUP", "00000000-0000-0000-0000-000000000000"),),
        roles=("arn:aws:iam::222222222222:role/ROLE",),
    ),
    "tampering": TamperSubject(
        prefixes=("breakglass-STACK-",),
        trail="TRAIL",
        policy_ids=("p-00000000",),
        api_id="API",
        deployers=("arn:aws:iam::111111111111:role/DEPLOYER",),
    ),
}
"""A subject of each kind that has all of its rules, by the name of the kind."""


@dataclass(frozen=True)
class Table:
    """A table of a document.

    Attributes:
        header: all columns.
        rows: the generated cells of each row, by the first one, which names the row.
        kept: how many columns at the end are prose of the document.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    kept: int = 0

    def fill(self, old: str) -> str:
        """Return the table with the prose of its old text.

        Raises:
            ValueError: A row has no prose.
        """
        written = {cells[0]: cells[-self.kept :] for cells in map(_cells, old.splitlines()) if len(cells) > self.kept}
        if missing := [row[0] for row in self.rows if self.kept and row[0] not in written]:
            raise ValueError(f"No prose for {', '.join(missing)}: write {self.header[-self.kept :]} into the document.")
        lines = [[*row, *(written[row[0]] if self.kept else ())] for row in self.rows]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in [self.header, ["---"] * len(self.header), *lines])


def fill(text: str) -> str:
    """Return a document with every generated part as the code has it today."""
    start, *parts = text.split(_BEGIN)
    filled = [start]
    for part in parts:
        name, _, rest = part.partition(" -->\n")
        old, _, after = rest.partition(_END)
        made = CONTENTS[name]()
        filled.append(f"{_BEGIN}{name} -->\n\n{made.fill(old) if isinstance(made, Table) else made}\n{_END}{after}")
    return "".join(filled)


def documents() -> list[Path]:
    """Return the documents with generated parts."""
    return [path for path in sorted(FOLDER.rglob("*.md")) if _BEGIN in path.read_text(encoding="utf-8")]


_BEGIN, _END = "<!-- generated: ", "<!-- end -->"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def _code(values: Iterable[object]) -> str:
    return ", ".join(f"`{value}`" for value in values)


# --- lifecycles ------------------------------------------------------------------------------------------------------

Transitions = Mapping[tuple[Any, Any], StrEnum]


def _lifecycle(table: Transitions, states: type[StrEnum], first: str) -> str:
    """Return a state diagram, and the events that change no state and come in most of them."""
    everywhere = {
        event
        for event in {event for _, event in table}
        if len(came := [state for state, name in table if name is event]) > 3
        and all(table[state, event] is state for state in came)
    }
    arrows: dict[tuple[str, str], list[str]] = {}
    for (before, event), after in table.items():
        if event not in everywhere:
            arrows.setdefault((before, after), []).append(event)
    left = {before for before, after in arrows if before != after}
    lines = [f"    [*] --> {next(iter(states))}: {first}"]
    lines += [f"    {before} --> {after}: {', '.join(events)}" for (before, after), events in arrows.items()]
    lines += [f"    {state} --> [*]" for state in states if state not in left]
    listed = [f"- `{event}` in {_where(table, states, event)}\n" for event in sorted(everywhere)]
    diagram = "```mermaid\nstateDiagram-v2\n" + "\n".join(lines) + "\n```\n"
    return diagram + ("\nNot drawn, since they change no state:\n\n" + "".join(listed) if listed else "")


def _where(table: Transitions, states: type[StrEnum], event: StrEnum) -> str:
    others = [state for state in states if (state, event) not in table]
    if not others:
        return "every state"
    named = [state for state in states if (state, event) in table]
    return f"every state but {_code(others)}" if len(others) < len(named) else _code(named)


# --- detection -------------------------------------------------------------------------------------------------------


def _detection() -> Table:
    """Return each path and area with its events, their account and region, and what it does not see.

    The row of attempts names rows above whose events it has all, in place of the events.
    """
    rows = []
    for name, watched in WATCHED.items():
        by_row: dict[tuple[str, Evidence], list[Pattern]] = {}
        for each in alert_rules(watched):
            path = f"`{each.path}`" + (f" ({each.area})" if each.area else "")
            by_row.setdefault((path, evidence(watched, each)), []).append(each.pattern)
        matched = {path: _matched(patterns) for (path, _), patterns in by_row.items()}
        for path, row in by_row:
            above = {each: events for each, events in matched.items() if each != path} if path == "`denied`" else {}
            rows.append((name, path, _events(matched[path], above), row.account, row.region, row.not_seen))
    return Table(("subject", "path", "events", "account", "region", "not seen"), rows)


_CHANGES = "changes in "


def _events(matched: Sequence[str], above: Mapping[str, Sequence[str]]) -> str:
    """Return the events of a row, short."""
    folded = [path for path, events in above.items() if {*events} <= {*matched}]
    rest = [event for event in matched if not any(event in above[path] for path in folded)]
    names = [event for event in rest if not event.startswith(_CHANGES)]
    services = [event.removeprefix(_CHANGES) for event in rest if event.startswith(_CHANGES)]
    parts = [
        f"those of {', '.join(folded)}" if folded else "",
        ", ".join(names),
        _CHANGES + ", ".join(services) if services else "",
    ]
    return "; ".join(filter(None, parts))


def _matched(patterns: Iterable[Pattern]) -> list[str]:
    """Return the events that patterns match by name, and their services where a branch has no names."""
    names: dict[str, None] = {}
    unnamed: dict[str, None] = {}
    for pattern in patterns:
        detail = pattern["detail"]
        for branch in ({**detail, **branch} for branch in detail.get("$or", [{}])):
            named = [name for name in branch.get("eventName", ()) if isinstance(name, str)]
            names |= dict.fromkeys(f"`{name}`" for name in named)
            if not named:
                what = _CHANGES if "readOnly" in branch else "calls in "
                services = [f"`{each.removeprefix('aws.')}`" for each in pattern["source"] if isinstance(each, str)]
                unnamed |= dict.fromkeys(what + service for service in services or ["all services"])
    return [*names, *sorted(unnamed)]


# --- permissions -----------------------------------------------------------------------------------------------------


def _permissions(statements: Iterable[Mapping[str, Any]]) -> Table:
    rows = [(f"`{each['Sid']}`", _code(_list(each["Action"])), _resources(each)) for each in statements]
    return Table(("statement", "actions", "on", "why"), rows, kept=1)


def _of_function(part: AppFunction) -> Table:
    """Return the permissions of a function, without those that two share in the management account."""
    statements = function_permissions(part, FULL)["Statement"]
    shared = _in_management_account()
    return _permissions(each for each in statements if part not in _SHARE or each not in shared)


def _in_management_account() -> list[Mapping[str, Any]]:
    statements, others = (function_permissions(part, FULL)["Statement"] for part in _SHARE)
    return [
        each
        for each in statements
        if each in others and all(action.startswith("iam:") for action in _list(each["Action"]))
    ]


def _resources(statement: Mapping[str, Any]) -> str:
    shown = _code(dict.fromkeys(_short(arn) for arn in _list(statement["Resource"])))
    for operator, condition in statement.get("Condition", {}).items():
        for key, values in condition.items():
            shown += f"; `{key}` {'like ' if 'Like' in operator else ''}{_code(map(_short, _list(values)))}"
    return shown


def _short(arn: str) -> str:
    """Return an ARN without partition, region and account, and with placeholders for the names of a stack."""
    names: dict[str, str] = {}
    for name, permission_set in FULL.policy.sets.items():
        names |= {permission_set.arn: ":::::permissionSet/INSTANCE/SET", f"SSO_{name}_": "SSO_SET_"}
    for principal in (*FULL.policy.rules[0].requesters, *FULL.policy.rules[0].approvers, *FULL.policy.security):
        names[principal.id] = "GROUP"
    names |= {"breakglass-prod-": "breakglass-STACK-", SETTINGS.instance_arn.rpartition("/")[2]: "INSTANCE"}
    names |= {SETTINGS.identity_store_id: "STORE", ARNS.region: "REGION", MANAGEMENT: "ACCOUNT"}
    for name, placeholder in names.items():
        arn = arn.replace(name, placeholder)
    return arn.split(":", 5)[-1]


_SHARE = (AppFunction.provisioner, AppFunction.reconciler)


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


# --- alarms ----------------------------------------------------------------------------------------------------------


@cache
def alarmed_stack() -> Deployment:
    """Return the deployment of a stack that has every alarm."""

    def program() -> None:
        BreakGlass("STACK", cast(BreakGlassArgs, _ALARMED))

    return deploy(program)


def _alarms(approvals: bool) -> Table:
    """Return the alarms of the alerts or the approvals; those of all subjects or channels are one row."""
    prefix = "breakglass-STACK-approvals-"
    measures: dict[str, dict[str, list[str]]] = {}
    notifies: dict[str, str] = {}
    for alarm in alarmed_stack().of_type("aws:cloudwatch/metricAlarm:MetricAlarm"):
        name = alarm.inputs["name"]
        if name.startswith(prefix) != approvals:
            continue
        function = next((part for part in AppFunction if name.startswith(f"{prefix}{part}-")), "")
        kind = name.removeprefix(f"{prefix}{function}-")
        if function and kind in ("errors", "throttles"):
            name = f"{prefix}FUNCTION-{kind}"
        name = re.sub("-C0[A-Z0-9]+$", "-CHANNEL", name)
        name = re.sub(f"-({'|'.join(_SUBJECT_KEYS)})-", "-SUBJECT-", name).removesuffix("-2")
        measures.setdefault(name, {}).setdefault(_measure(alarm.inputs), []).append(function)
        notifies[name] = "page, mail" if len(alarm.inputs["alarmActions"]) > 1 else "mail"
    rows = []
    for name, by_measure in measures.items():
        usual, *others = sorted(by_measure, key=lambda measure: -len(by_measure[measure]))
        exceptions = [f"; {_code(by_measure[other])}: {other}" for other in others]
        rows.append((f"`{name}`", usual + "".join(exceptions), notifies[name]))
    return Table(("alarm", "measures", "notifies", "goes off when", "first do", "then"), rows, kept=3)


def _measure(alarm: Mapping[str, Any]) -> str:
    queries = [query["metric"] for query in alarm.get("metricQueries", ()) if "metric" in query] or [alarm]
    (statistic,) = {query.get("statistic") or query["stat"] for query in queries}
    (period,) = {query["period"] for query in queries}
    metrics = _code(dict.fromkeys(query["metricName"] for query in queries))
    sign = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}[alarm["comparisonOperator"]]
    periods, of = alarm["evaluationPeriods"], alarm.get("datapointsToAlarm")
    times = f", {of} of {periods} times" if of else f", {periods} times in a row" if periods > 1 else ""
    span = f"{period // 60} min"
    if period > 86_400:
        span = f"{period // 3600} h" if period % 86_400 else f"{period // 86_400} days"
    return f"{statistic.lower()} of {metrics} {sign} {alarm['threshold']:g} in {span}{times}"


# --- costs -----------------------------------------------------------------------------------------------------------

# The states of a request that goes well. Each pair of states has to be an edge of the state machine.
_REQUEST = "Begin Ask Asked Prepare GrantEach Granted Opened Hold Due Held RevokeEach Close Closed Over".split()
_TIME_OUT = "Ask Remind Asked Ask".split()
_GRANT, _GRANT_POLL = "Grant GrantBegun AccountOpen".split(), "GrantBegun GrantWait PollGrant GrantBegun".split()
_REVOKE = "Revoke RevokeBegun Verify Verified AccountClosed".split()
_REVOKE_POLL = "RevokeBegun RevokeWait PollRevoke RevokeBegun".split()
_TAIL = "Closed SessionDenyWait RemoveSessionDeny Over".split()


def walk(states: Mapping[str, Any], path: Sequence[str], *, repeated: bool = False) -> tuple[int, int]:
    """Return how many transitions and how many calls of functions a path has.

    Args:
        states: of a state machine.
        path: the names of its states, in order.
        repeated: the first state is one of another path, so it does not count again.

    Raises:
        ValueError: A state does not lead to the next one.
    """
    for before, name in pairwise(path):
        state = states[before]
        branches = [*state.get("Choices", ()), *state.get("Catch", ())]
        if name not in (state.get("Next"), state.get("Default"), *(branch["Next"] for branch in branches)):
            raise ValueError(f"The state machine has no way from {before} to {name}.")
    counted = path[1:] if repeated else path
    return len(counted), sum(states[name]["Type"] == "Task" for name in counted)


def _steps() -> Table:
    machine = definition(ARNS.function_arn(AppFunction.interactions), ARNS.function_arn(AppFunction.provisioner))[
        "States"
    ]
    grants, revokes = (machine[each]["ItemProcessor"]["States"] for each in ("GrantEach", "RevokeEach"))
    request, time_out = walk(machine, _REQUEST), walk(machine, _TIME_OUT, repeated=True)
    grant, poll_grant = walk(grants, _GRANT), walk(grants, _GRANT_POLL, repeated=True)
    revoke, poll_revoke = walk(revokes, _REVOKE), walk(revokes, _REVOKE_POLL, repeated=True)
    # The tail takes the arns of the step from Closed to Over.
    tail = walk(machine, _TAIL, repeated=True)
    rows = []
    for index, (name, letter) in enumerate((("state transitions", "T"), ("calls by the state machine", "F"))):
        formula = (
            f"{request[index]} + {time_out[index]} *w* + *a* ({grant[index]} + {poll_grant[index]} *g*) "
            f"+ *a* ({revoke[index]} + {poll_revoke[index]} *r*)"
        )
        formula = formula.replace("+ 1 *", "+ *")
        more = tail[index] - (1 if index == 0 else 0)
        accounts = grant[index] + 2 * poll_grant[index] + revoke[index] + 2 * poll_revoke[index]
        rows.append(
            (
                name,
                f"*{letter}* = {formula}",
                f"{more} more",
                *(str(request[index] + count * accounts) for count in (1, 10)),
            )
        )
    header = ("part", "formula", "with `endSessions`", "1 account, *g* = *r* = 2, *w* = 0", "10 accounts")
    return Table(header, rows)


# The states of an alert and of a test that Slack accepts, and of a run of the drills that sends none, or some.
_ALERT = "Begin Post Answer Delivered".split()
_DELIVERED_DRILL = "Begin Post Answer CountDrill Layout Delivered".split()
_PROBE, _PROBE_CHANNEL = "Probe Completed Done".split(), "Schedule Scheduled Delete Deleted Reachable".split()
_NO_DRILL = "ReadLast Due Idle".split()
_DRILL = "ReadLast Due Begin Send Wait ReadDelivered Count".split()
_PRICE_OF_TRANSITION = 0.000_025
_MONTH = 30 * 86_400
_POST_MESSAGE = "https://slack.com/api/chat.postMessage"
_CONNECTION = "arn:aws:events:eu-central-1:111111111111:connection/breakglass-prod-connection/UUID"
_TOPIC = "arn:aws:sns:eu-central-1:111111111111:breakglass-prod-alarms"


def _alert_steps() -> Table:
    """Return the state transitions of an alert, of the probe and of scheduled drills, and their price."""
    alert = walk(_alert_machine(), _ALERT)[0]
    checks = Checks.of_machines()
    rows = [
        ("an alert with `delivery: confirmed`", f"{alert}", *([_price(alert)] * 2)),
        (
            "a month of tests by the probe, every 15 min",
            f"{checks.tests:,} ({checks.probe} + {checks.channel} *c*)",
            *(_price(checks.of_probe(count)) for count in (1, 3)),
        ),
        (
            "a month of drills, every 7 days, confirmed",
            f"{checks.runs:,} runs, {checks.idle} each; with drills {checks.drill} + {checks.role} *r*",
            *(_price(checks.of_drills(count)) for count in (1, 3)),
        ),
    ]
    return Table(("part", "state transitions", "*c* = *r* = 1, in dollars", "*c* = *r* = 3"), rows)


@dataclass(frozen=True)
class Checks:
    """State transitions of the probe and of scheduled drills, when Slack accepts everything.

    Attributes:
        probe: of a test, without its channels.
        channel: of each channel.
        idle: of a run of the drills that sends none.
        drill: of one that sends some, without its roles.
        role: of each role, that of its delivery included.
    """

    probe: int
    channel: int
    idle: int
    drill: int
    role: int
    tests: int = _MONTH // (15 * 60)
    runs: int = _MONTH // RUN_SECONDS
    drills: float = _MONTH / (7 * 86_400)

    @classmethod
    def of_machines(cls) -> "Checks":
        """Count along the definitions."""
        probe, drills = _probe_machine(), _drill_machine()
        return cls(
            probe=walk(probe, _PROBE)[0],
            channel=walk(probe["Probe"]["ItemProcessor"]["States"], _PROBE_CHANNEL)[0],
            idle=walk(drills, _NO_DRILL)[0],
            drill=walk(drills, _DRILL)[0],
            role=len(drills["Send"]["ItemProcessor"]["States"]) + walk(_alert_machine(), _DELIVERED_DRILL)[0],
        )

    def of_probe(self, channels: int) -> float:
        """Return the transitions of a month of tests, every 15 minutes."""
        return self.tests * (self.probe + channels * self.channel)

    def of_drills(self, roles: int) -> float:
        """Return the transitions of a month of drills, every 7 days."""
        return (self.runs - self.drills) * self.idle + self.drills * (self.drill + roles * self.role)


def _price(transitions: float) -> str:
    """Return dollars, with two digits that tell something."""
    dollars = transitions * _PRICE_OF_TRANSITION
    return f"{dollars:.2f}" if dollars >= 0.01 else f"{dollars:.5f}"


def _alert_machine() -> Mapping[str, Any]:
    settings = DeliverySettings(
        post_message_url=_POST_MESSAGE,
        connection_arn=_CONNECTION,
        channels=["C0123456789"],
        topic_arn=_TOPIC,
        page_topic_arn=None,
        stack="prod",
        account_names={},
    )
    states: Mapping[str, Any] = delivery_definition(settings)["States"]
    return states


def _probe_machine() -> Mapping[str, Any]:
    settings = Probe(
        stack="prod",
        channels=["C0123456789"],
        interval_seconds=900,
        post_message_url=_POST_MESSAGE,
        connection_arn=_CONNECTION,
        topic_arn=_TOPIC,
    )
    states: Mapping[str, Any] = probe_definition(settings)["States"]
    return states


def _drill_machine() -> Mapping[str, Any]:
    settings = Drills("prod", {"devops": "breakglass-devops-drill"}, 7 * 86_400, confirmed=True, partition="aws")
    states: Mapping[str, Any] = drill_definition(settings)["States"]
    return states


def _fixed() -> Table:
    of_alerts, of_approvals = ([row[0] for row in _alarms(approvals).rows] for approvals in (False, True))
    functions = [name for name in of_approvals if "FUNCTION" in name]
    of_uses = {"-routine-use": "more for each role, user and root", "-key-use": "more for each user"}
    kinds = {
        **{f"SUBJECT{name}`": what for name, what in of_uses.items()},
        "SUBJECT": "for each subject",
        "CHANNEL": "for each channel",
        "-drills-": "for scheduled drills",
        "-roll-call-": "for the roll call of a hub",
        "-witness-": "for the witness",
        "": "more",
    }
    counts = dict.fromkeys(["for each subject", *kinds.values()], 0)
    for name in of_alerts:
        counts[next(what for part, what in kinds.items() if part in name)] += 1
    counts["for the approvals"] = len(of_approvals) + len(functions) * (len(AppFunction) - 1)
    rows = [
        (
            "alarms",
            ", ".join(f"{count} {what}" for what, count in counts.items() if count),
            "P<sub>alarm</sub> each",
        ),
        ("metrics of the approvals", f"at most {len(Metric)}", "P<sub>metric</sub> each"),
    ]
    return Table(("part", "number", "price"), rows)


def _organization_costs() -> str:
    """Return the bill of a month of organizations with a hub."""
    # `benchmarks` counts the steps of its stacks with this module.
    from benchmarks.organizations import bills
    from benchmarks.report import render_bills

    return render_bills(bills()) + "\n"


# --- logs ------------------------------------------------------------------------------------------------------------


def _log_events() -> Table:
    """Return the events that the functions log, as their code names them."""
    return Table(("`event`", "means"), [(f"`{event}`",) for event in sorted(set(_logged()))], kept=1)


def _logged() -> Iterator[str]:
    for file in (FOLDER.parent / "breakglass" / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="log") | ast.Attribute(attr="log"), args=[ast.Constant(value=str(event)), *_]
                ):
                    yield event
                case _:
                    pass


CONTENTS: Mapping[str, Callable[[], Table | str]] = {
    "detection": _detection,
    "life of a request": lambda: _lifecycle(REQUEST_TABLE, State, Event.requested),
    "life of a grant": lambda: _lifecycle(GRANT_TABLE, GrantState, Event.prepared),
    "life of a usage": lambda: _lifecycle(USAGE_TABLE, UsageState, UsageEvent.recorded),
    **{f"permissions of {part}": partial(_of_function, part) for part in AppFunction},
    "permissions in the management account": lambda: _permissions(_in_management_account()),
    "permissions of the state machine": lambda: _permissions(workflow_permissions(ARNS)["Statement"]),
    "alarms of the alerts": lambda: _alarms(approvals=False),
    "alarms of the approvals": lambda: _alarms(approvals=True),
    "steps of a request": _steps,
    "steps of an alert": _alert_steps,
    "fixed costs": _fixed,
    "costs of an organization": _organization_costs,
    "events of the logs": _log_events,
}
"""The generated contents, by the name in the marker."""


if __name__ == "__main__":
    for document in documents():
        document.write_text(fill(document.read_text(encoding="utf-8")), encoding="utf-8")
