"""`breakglass coverage`: the accounts, regions and evidence paths that a stack watches, as AWS has them now.

For a hub it joins the accounts of the organization, the instances of the StackSet, the heartbeats of the spokes, and
the regions that an account has enabled. For another stack it looks at its own account and region. It changes nothing.

Non-goals: the judgement (`breakglass.organization.coverage`); the trail, and the way to Slack (`breakglass doctor`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from breakglass.alerts.states import RUNNING_QUERY
from breakglass.app.aws.aws import AwsError
from breakglass.cli.aws_client import translate_aws_errors
from breakglass.cli.deployment import Deployment, Resource, require_account
from breakglass.cli.doctor.alert_path import RULE, judge_rule
from breakglass.cli.doctor.check import Sources, call_or_none, list_pages
from breakglass.cli.doctor.organization import HUB, STACK_SET_TYPE, detailed_status, hub_buses, list_instances
from breakglass.cli.layout import format_columns, to_one_line
from breakglass.cli.stack_outputs import ORGANIZATION_OUTPUT, RULE_NAMES_OUTPUT, SPOKE_OUTPUT
from breakglass.errors import CommandError, Problem, redact
from breakglass.naming import ALERT_PATH_PREFIX, DEFAULT_BUS, EVENTS_LOG_PREFIX, SPOKE_PREFIX, SPOKE_STACK_SET
from breakglass.organization.coverage import (
    MEANINGS,
    Account,
    Expectation,
    Instance,
    Observation,
    PathRule,
    Place,
    Reason,
    Row,
    organization_rows,
    own_row,
    path_rules,
)
from breakglass.vocabulary import STACK_SET_CALLERS

PERMISSIONS = (
    "`coverage` reads the rules (events:ListRules); of an organization also the hub's bus (events:DescribeEventBus), "
    "the accounts (organizations:ListAccounts), the StackSet (cloudformation:ListStackInstances), the heartbeats "
    "(logs:StartQuery, GetQueryResults) and the enabled regions (account:ListRegions): docs/runbooks/coverage.md."
)

HEARTBEAT_DAYS = 14
"""The age at which a heartbeat is forgotten: a spoke that was last heard before counts as never heard."""

QUERY_SECONDS = 60
"""The longest wait for the heartbeats."""

LOG_GROUP_TYPE = "aws:cloudwatch/logGroup"

_THREADS = 8
_QUERY = "stats max(toMillis(@timestamp)) as latest by account, region"
_NOT_ENABLED = frozenset({"DISABLED", "DISABLING"})


@dataclass
class Coverage:
    """Reads the coverage of a stack.

    Attributes:
        deployment: the deployed stack.
        sources: AWS, the clock, and the display of progress.
        pause: waits for some seconds.
        notes: what could not be asked, without a change of the exit status.
    """

    deployment: Deployment
    sources: Sources
    pause: Callable[[float], None]
    notes: list[str] = field(default_factory=list)

    def rows(self) -> list[Row]:
        """Return the coverage of each account and region.

        Raises:
            CommandError: the stack raises no alerts, the credentials are of another account, or AWS refuses or does
                not respond.
        """
        self._require_alerts()
        require_account(self.deployment, self.sources.aws(self._region))
        with translate_aws_errors(self._account, self._region, PERMISSIONS):
            organization = self.deployment.outputs.get(ORGANIZATION_OUTPUT)
            return self._organization_rows(organization) if organization else [self._own_row()]

    def _require_alerts(self) -> None:
        spoke = self.deployment.outputs.get(SPOKE_OUTPUT)
        if spoke:
            raise CommandError(
                Problem(
                    "--stack",
                    "(a spoke)",
                    "This stack only forwards events, and raises no alert: its hub watches them. It is "
                    f"{spoke['forwardTo']}.",
                    "Name the stack of the hub, with credentials of its account.",
                )
            )
        if not self._rule_names:
            raise CommandError(
                Problem(
                    "--stack",
                    f"(its output {RULE_NAMES_OUTPUT})",
                    "This stack has no rules, so it watches nothing.",
                    "Name a stack whose file has a section `alerts`; `pulumi stack ls` lists all stacks.",
                )
            )

    @property
    def _account(self) -> str:
        return self.deployment.account

    @property
    def _region(self) -> str:
        return self.deployment.region

    @property
    def _rule_names(self) -> Mapping[str, Mapping[str, str]]:
        return self.deployment.outputs.get(RULE_NAMES_OUTPUT) or {}

    # --- rules ----------------------------------------------------------------------------------------------------

    def _rules(self, management: str | None) -> list[PathRule]:
        self.sources.report("looking at the rules")
        return path_rules(self._rule_names, self._faults, (self._account, self._region), management)

    @cached_property
    def _faults(self) -> dict[str, str]:
        """The faults of the rules by their names; that of a sound one is empty."""
        deployed: dict[tuple[str, str], list[Resource]] = {}
        for rule in self.deployment.of_type(RULE):
            deployed.setdefault((rule.region, str(rule.get("eventBusName") or DEFAULT_BUS)), []).append(rule)
        found: dict[str, str] = {}
        for (region, bus), rules in deployed.items():
            listed = self._listed_rules(region, bus)
            for rule in rules:
                name = rule.physical_name
                said = " ".join(judgement.what for judgement in judge_rule(rule, listed.get(name)))
                # A spoke has rules of the same names in each region.
                found[f"{region}/{name}" if name.startswith(SPOKE_PREFIX) else name] = said
        return found

    def _listed_rules(self, region: str, bus: str) -> dict[str, Mapping[str, Any]]:
        where = {"EventBusName": bus, "NamePrefix": ALERT_PATH_PREFIX}
        try:
            listed = list_pages(self.sources.aws(region), "Rules", "events", "ListRules", **where)
            return {str(rule["Name"]): rule for rule in listed}
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            self.notes.append(f"The event bus {bus} in {region} does not exist.")
            return {}

    def _own_row(self) -> Row:
        return own_row(self._rules(None), (self._account, self._region))

    # --- an organization ------------------------------------------------------------------------------------------

    def _organization_rows(self, organization: Mapping[str, Any]) -> list[Row]:
        accounts = self._accounts()
        management = next((each.number for each in accounts if each.is_management), None)
        rules = self._rules(management)
        expectation = Expectation(
            account=self._account,
            regions=list(organization["regions"]),
            units=list(organization["units"]),
            exclude=list(organization["exclude"]),
            has_roll_call=bool(organization["rollCall"]),
        )
        instances = {**self._instances(STACK_SET_CALLERS.get(str(organization["callAs"]))), **self._own_spokes()}
        heard = self._heartbeats() if expectation.has_roll_call else {}
        seen = Observation(self.sources.clock(), instances, heard, hub_fault=self._hub_fault())
        rows = organization_rows(accounts, expectation, seen, rules)
        silent = [row for row in rows if row.is_watched is False and row.reason not in (Reason.rule, Reason.hub)]
        enabled = self._enabled({row.account for row in silent})
        if enabled:
            rows = organization_rows(accounts, expectation, replace(seen, enabled=enabled), rules)
        return [_with_time(row, heard) for row in rows]

    def _hub_fault(self) -> str:
        """Return what is wrong with the hub's bus, which a heartbeat before the change does not show."""
        self.sources.report("looking at the bus of the hub")
        judged = [HUB.judge(hub, HUB.look(self.sources, hub)) for hub in hub_buses(self.deployment)]
        return " ".join(each.what for judgements in judged for each in judgements)

    def _accounts(self) -> list[Account]:
        self.sources.report("listing the accounts of the organization")
        listed = list_pages(self.sources.aws(self._region), "Accounts", "organizations", "ListAccounts")
        return [_account_of(each) for each in listed]

    def _instances(self, call_as: str | None) -> dict[Place, Instance]:
        """Return the instances of the StackSet; none if another program makes it."""
        stack_sets = [each for each in self.deployment.of_type(STACK_SET_TYPE) if each.physical_name == SPOKE_STACK_SET]
        if not stack_sets or call_as is None:
            return {}
        self.sources.report("listing the instances of the StackSet")
        region = stack_sets[0].region
        listed = list_instances(self.sources, region, call_as)
        if listed is None:
            self.notes.append(f"The StackSet {SPOKE_STACK_SET} does not exist in {region}.")
        return {(str(each["Account"]), str(each["Region"])): _instance_of(each) for each in listed or ()}

    def _own_spokes(self) -> dict[Place, Instance]:
        """Return the spokes of the hub's account, which are resources of the stack."""
        faults: dict[str, list[str]] = {}
        for name, fault in self._faults.items():
            region, _, rule = name.partition("/")
            if rule.startswith(SPOKE_PREFIX):
                faults.setdefault(region, []).append(fault)
        return {
            (self._account, region): Instance(drifted=any(said), detail=" ".join(filter(None, said)))
            for region, said in faults.items()
        }

    def _heartbeats(self) -> dict[Place, float]:
        """Return the time of the last heartbeat of each spoke, in seconds since 1970."""
        groups = [
            each
            for each in self.deployment.of_type(LOG_GROUP_TYPE)
            if each.physical_name.startswith(EVENTS_LOG_PREFIX) and each.physical_name.endswith("-roll-call")
        ]
        if not groups:
            return {}
        self.sources.report("looking for the heartbeats of the spokes")
        aws, now = self.sources.aws(groups[0].region), self.sources.clock()
        query = {"startTime": now - HEARTBEAT_DAYS * 86_400, "endTime": now, "queryString": _QUERY}
        started = call_or_none(aws, "logs", "StartQuery", logGroupName=groups[0].physical_name, **query)
        if started is None:
            self.notes.append(f"The log group {groups[0].physical_name} of the heartbeats does not exist.")
            return {}
        for _ in range(QUERY_SECONDS):
            answer = aws.call("logs", "GetQueryResults", queryId=started["queryId"])
            if answer["status"] not in RUNNING_QUERY:
                break
            self.pause(1)
        if answer["status"] != "Complete":
            raise CommandError(
                Problem(
                    "AWS: GetQueryResults",
                    answer["status"],
                    "The query of the heartbeats did not complete.",
                    "Try again in a moment.",
                )
            )
        return dict(_heartbeats_of(answer["results"]))

    def _enabled(self, accounts: Iterable[str]) -> dict[Place, bool]:
        """Return whether these accounts have enabled each region, where AWS says so."""
        sought = sorted(accounts)
        if not sought:
            return {}
        self.sources.report("asking which regions the accounts have enabled")
        with ThreadPoolExecutor(_THREADS) as pool:
            found = list(pool.map(self._regions_of, sought))
        refused = [account for account, regions in zip(sought, found, strict=True) if regions is None]
        if refused:
            self.notes.append(
                f"Unknown whether the regions are enabled in {len(refused)} of {len(sought)} accounts, e.g. "
                f"{refused[0]}: AWS refused account:ListRegions. For other accounts it needs trusted access for "
                "Account Management: docs/runbooks/coverage.md."
            )
        return {
            (account, str(each["RegionName"])): each.get("RegionOptStatus") not in _NOT_ENABLED
            for account, regions in zip(sought, found, strict=True)
            for each in regions or ()
        }

    def _regions_of(self, account: str) -> list[Mapping[str, Any]] | None:
        other = {} if account == self._account else {"AccountId": account}
        try:
            return list(list_pages(self.sources.aws(self._region), "Regions", "account", "ListRegions", **other))
        except AwsError:
            return None


def _account_of(listed: Mapping[str, Any]) -> Account:
    number = str(listed["Id"])
    return Account(
        number=number,
        name=to_one_line(redact(str(listed.get("Name") or ""))),
        state=str(listed.get("State") or listed.get("Status") or "ACTIVE"),
        is_management=str(listed.get("Arn")).split(":")[4:5] == [number],
        unit_path=next(iter(listed.get("Paths") or ()), ""),
    )


def _instance_of(listed: Mapping[str, Any]) -> Instance:
    status = str(listed.get("Status") or "")
    said = (detailed_status(listed), str(listed.get("StatusReason") or ""))
    return Instance(
        status=status,
        detail="" if status == "CURRENT" else to_one_line(redact(": ".join(filter(None, said)))),
        drifted=listed.get("DriftStatus") == "DRIFTED",
    )


def _heartbeats_of(results: Iterable[Iterable[Mapping[str, str]]]) -> Iterator[tuple[Place, float]]:
    for result in results:
        row = {each["field"]: each["value"] for each in result}
        if {"account", "region", "latest"} <= row.keys():
            yield (row["account"], row["region"]), float(row["latest"]) / 1000


def _with_time(row: Row, heard: Mapping[Place, float]) -> Row:
    """Return a row of a silent spoke with the time of its last heartbeat."""
    last = heard.get((row.account, row.region))
    if row.reason is not Reason.no_heartbeat or last is None:
        return row
    said = f"Last heard {datetime.fromtimestamp(last, UTC):%Y-%m-%d %H:%M} UTC."
    return Row(row.account, row.name, row.region, row.paths, row.reason, said)


# --- output -----------------------------------------------------------------------------------------------------------


def to_json(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Return objects with account, name, region, watched, reason, detail, means, do and paths.

    `watched` is true, false, or null for a place that the stack does not have to watch. Without a reason the texts are
    empty. The value of each of `paths` is `watched`, or the reason why not.
    """
    return [
        {
            "account": row.account,
            "name": row.name,
            "region": row.region,
            "watched": row.is_watched,
            "reason": row.reason.value if row.reason else "",
            "detail": row.detail,
            "means": MEANINGS[row.reason][0] if row.reason else "",
            "do": MEANINGS[row.reason][1] if row.reason else "",
            "paths": dict(row.paths),
        }
        for row in rows
    ]


def to_text(rows: Sequence[Row]) -> str:
    """Return the gaps by reason, then the other places, and the numbers."""
    gaps = [reason for reason in Reason if any(row.reason is reason and row.is_watched is False for row in rows)]
    others = [(*_place(row), str(row.reason), row.detail) for row in rows if row.is_watched is None]
    watched: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if row.is_watched:
            watched.setdefault(", ".join(row.paths), []).append(_place(row))
    parts = [
        *("\n".join(_gap(reason, [row for row in rows if row.reason is reason])) for reason in gaps),
        *(["\n".join(["NOT EXPECTED", *format_columns(others)])] if others else []),
        *("\n".join([f"WATCHED  {paths}", *format_columns(places)]) for paths, places in watched.items()),
        summarize(rows),
    ]
    return "\n\n".join(parts)


def summarize(rows: Sequence[Row]) -> str:
    """Return the numbers of places, e.g. `78 watched, 2 not watched, 4 not expected`."""
    counts = {value: sum(row.is_watched is value for row in rows) for value in (True, False, None)}
    return f"{counts[True]} watched, {counts[False]} not watched, {counts[None]} not expected"


def _gap(reason: Reason, rows: Sequence[Row]) -> Iterator[str]:
    means, do = MEANINGS[reason]
    yield f"NOT WATCHED  {reason.value}"
    yield from format_columns([("why:", means), ("do:", do)])
    yield from format_columns([(*_place(row), _missed(row), row.detail) for row in rows])


def _missed(row: Row) -> str:
    missed = [path for path, state in row.paths.items() if state != "watched"]
    return "all paths" if len(missed) == len(row.paths) else ", ".join(missed)


def _place(row: Row) -> tuple[str, str]:
    return _who(row), row.region


def _who(row: Row) -> str:
    return f"{row.name} ({row.account})" if row.name else row.account
