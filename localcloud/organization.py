"""Plays an organization on a deployed hub: which uses raise an alert, and what notices the others.

A break-glass role is used in each account and region. An account joins while the cloud runs, and then moves to a unit
of the StackSet. The roll call runs before the move, before the first heartbeat of the new spokes, and after it; the
witness runs an hour later.

Non-goals: faults of the hub and its spokes (`localcloud.hub_fault_runs`).
"""

import json
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from breakglass.alerts.messages import Transformer, substitute
from breakglass.alerts.witness_machine import MISSED_USE_EVENT_TYPE
from breakglass.naming import SPOKE_PREFIX
from breakglass.organization.spoke_rules import HEARTBEAT
from breakglass.vocabulary import EvidencePath
from localcloud.cloud import MANAGEMENT_ACCOUNT, LocalCloudError, RunningCloud
from localcloud.driver import RunningStep, ScenarioFailedError, run_step
from localcloud.emulators.cloudtrail import as_event, relocate
from localcloud.records import RECORDS, load_record
from localcloud.steps import Step
from localcloud.tampering import list_targets

HEARTBEAT_RULE = SPOKE_PREFIX + HEARTBEAT

_RECORD = load_record(RECORDS / "session-devops-break-glass.json").content
_SUBJECT = "devops-break-glass"
_NEW_ACCOUNT, _NEW_NAME = "666666666666", "acquired"
_ROLL_CALL_LINE = re.compile(r"\((?P<account>\d{12})\): (?P<text>.+)")
_NOT_MISSED = "Not missed:"
_WITNESS_AFTER = 3600
"""Seconds after which the witness runs: it judges uses that are between half an hour and an hour and a half old."""


@dataclass(frozen=True)
class Hub:
    """The deployed hub of an organization.

    Attributes:
        cloud: where it is.
        bus: name of its event bus.
        rule: name of its rule about sessions of `devops-break-glass`.
        unit: ID of the organizational unit whose accounts get a spoke.
        exclude: IDs of accounts without a spoke.
        regions: the regions of the spokes.
    """

    cloud: RunningCloud
    bus: str
    rule: str
    unit: str
    exclude: Sequence[str]
    regions: Sequence[str]

    @classmethod
    def of_stack(cls, cloud: RunningCloud, outputs: Mapping[str, Any]) -> "Hub":
        """Return the hub of stack `local`, by its outputs."""
        organization = outputs["organization"]
        return cls(
            cloud,
            bus=outputs["hubBusArn"].rsplit("/", 1)[1],
            rule=outputs["ruleNames"][_SUBJECT][EvidencePath.session_start],
            unit=organization["units"][0],
            exclude=organization["exclude"],
            regions=organization["regions"],
        )

    def list_accounts(self) -> dict[str, str]:
        """Return the name of each account of the organization by its ID, the management account first."""
        pages = self.cloud.client("organizations").get_paginator("list_accounts").paginate()
        accounts = [account for page in pages for account in page["Accounts"]]
        members = {each["Id"]: each["Name"] for each in accounts if each["Id"] != MANAGEMENT_ACCOUNT}
        return {MANAGEMENT_ACCOUNT: "the management account", **members}

    def send_heartbeats(self, after: float = 0) -> None:
        """Let the daily heartbeat of each spoke come, where there is one.

        Args:
            after: seconds until then, which are left out.
        """
        for account in self.list_accounts():
            for region in self.regions:
                with suppress(LocalCloudError):
                    self.cloud.tick(HEARTBEAT_RULE, after, account, region)
        self.cloud.wait_idle()

    def find_schedule(self, part: str) -> str:
        """Return the name of the scheduled rule of a machine, by a part of it.

        Raises:
            LocalCloudError: the stack has no such machine.
        """
        pages = self.cloud.client("events").get_paginator("list_rules").paginate()
        names = [rule["Name"] for page in pages for rule in page["Rules"] if "ScheduleExpression" in rule]
        found = [name for name in names if part in name]
        if not found:
            raise LocalCloudError(f"The hub has no {part}: `alerts.organization` in stacks/Pulumi.local.yaml has to.")
        return found[0]

    def read_last_run(self, schedule: str) -> str:
        """Return the status of the last execution of the machine that a schedule starts."""
        (target,) = list_targets(self.cloud.client("events"), schedule)
        runs = self.cloud.client("stepfunctions").list_executions(stateMachineArn=target["Arn"])["executions"]
        return str(max(runs, key=lambda run: run["startDate"])["status"])


@dataclass(frozen=True)
class OrganizationResult:
    """The result of an organization that was played.

    Attributes:
        steps: the result of each step.
        accounts: account to the regions from which an alert arrived.
    """

    steps: Sequence[Step] = ()
    accounts: Mapping[str, Sequence[str]] = field(default_factory=dict)


def play_organization(hub: Hub, progress: Callable[[str], None] = lambda _: None) -> OrganizationResult:
    """Play the organization. A step that fails ends it."""
    player = _Player(hub, progress)
    with suppress(ScenarioFailedError):
        player.play()
    return OrganizationResult(player.steps, {account: sorted(regions) for account, regions in player.alerted.items()})


class _Player:
    def __init__(self, hub: Hub, progress: Callable[[str], None]) -> None:
        self.steps: list[Step] = []
        self.alerted: dict[str, set[str]] = {}
        self._hub = hub
        self._cloud = hub.cloud
        self._progress = progress
        self._transformer = _read_transformer(hub)
        self._uses: dict[str, str] = {}

    def play(self) -> None:
        names = self._hub.list_accounts()
        for account, name in names.items():
            is_watched = account not in self._hub.exclude
            expected = self._everywhere() if is_watched else "no alert"
            with self._step(
                f"{_SUBJECT} is used in {name}{'' if is_watched else ', which is excluded'}", expected
            ) as step:
                step.seen = self._use(account)
        self._join()
        self._hub.send_heartbeats()
        missed = _describe_missed([_NEW_NAME], [names[account] for account in self._hub.exclude])
        self._call_the_roll("the roll call finds it, since it is new", missed)
        self._move()
        self._call_the_roll("the roll call expects it, before its first heartbeat", missed)
        self._hub.send_heartbeats()
        self._call_the_roll("the roll call runs, an hour after the next heartbeats", "no mail")
        self._let_the_witness_look()

    @contextmanager
    def _step(self, name: str, expected: str) -> Iterator[RunningStep]:
        with run_step(self.steps, self._progress, name, expected) as step:
            yield step

    def _everywhere(self) -> str:
        return f"an alert from {' and '.join(self._hub.regions)}, as without a hub"

    def _use(self, account: str) -> str:
        """Use the role in each region of an account, and describe the alerts."""
        alerted: list[str] = []
        differs = False
        for region in self._hub.regions:
            record = make_use(account, region)
            self._uses[record["eventID"]] = f"{account} {region}"
            alerts = self._replay(record, region)
            if alerts:
                alerted.append(region)
                self.alerted.setdefault(account, set()).add(region)
            event = as_event(record, account=account, region=region)
            own = json.loads(substitute(self._transformer, event))
            differs |= any(alert != own for alert in alerts) or len(alerts) > 1
        if not alerted:
            return "no alert"
        return f"an alert from {' and '.join(alerted)}, {'unlike' if differs else 'as'} without a hub"

    def _replay(self, record: Mapping[str, Any], region: str) -> list[Any]:
        known = len(self._cloud.posts())
        self._cloud.replay(record, record["recipientAccountId"], region)
        self._cloud.wait_idle()
        return [post.body for post in self._cloud.posts(known) if names_event(post.body, record["eventID"])]

    def _join(self) -> None:
        """Let an account join the organization, below the root, and use the role there."""
        with self._step("an account joins, below no unit of the StackSet; the role is used", "no alert") as step:
            self._cloud.add_account(_NEW_ACCOUNT, _NEW_NAME)
            step.seen = self._use(_NEW_ACCOUNT)

    def _move(self) -> None:
        """Move it to the unit of the StackSet, which deploys its spokes, and use the role there."""
        with self._step("it moves to the unit, without a change of the hub's stack", self._everywhere()) as step:
            organizations = self._cloud.client("organizations")
            root = organizations.list_roots()["Roots"][0]["Id"]
            organizations.move_account(AccountId=_NEW_ACCOUNT, SourceParentId=root, DestinationParentId=self._hub.unit)
            step.seen = self._use(_NEW_ACCOUNT)

    def _call_the_roll(self, name: str, expected: str) -> None:
        with self._step(name, expected) as step:
            known, schedule = len(self._cloud.mails()), self._hub.find_schedule("roll-call")
            self._cloud.tick(schedule)
            self._cloud.wait_idle()
            mails = [mail.message for mail in self._cloud.mails()[known:]]
            ended = self._hub.read_last_run(schedule)
            step.seen = describe_roll_call(mails, self._hub.list_accounts()) if ended == "SUCCEEDED" else ended

    def _let_the_witness_look(self) -> None:
        """Let the witness compare the trail with the alerts."""
        late = f"late in Slack and by mail: {', '.join(f'{_NEW_ACCOUNT} {region}' for region in self._hub.regions)}"
        with self._step("the witness compares the trail with the alerts, an hour later", late) as step:
            posts, mails = len(self._cloud.posts()), len(self._cloud.mails())
            self._cloud.tick(self._hub.find_schedule("witness"), _WITNESS_AFTER)
            self._cloud.wait_idle()
            seen = [post.body for post in self._cloud.posts(posts)]
            step.seen = describe_late_reports(seen, [mail.message for mail in self._cloud.mails()[mails:]], self._uses)


def make_use(account: str, region: str) -> dict[str, Any]:
    """Return the record of a use of `devops-break-glass` right now in an account and region."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {**relocate(_RECORD, account, region), "eventID": str(uuid.uuid4()), "eventTime": now}


def names_event(message: Any, event_id: str) -> bool:
    """True if a message of Slack is about an event."""
    metadata = message.get("metadata") if isinstance(message, dict) else None
    return bool(metadata) and metadata.get("event_payload", {}).get("event_id") == event_id


def describe_late_reports(messages: Iterable[Any], mails: Sequence[str], uses: Mapping[str, str]) -> str:
    """Return in words which uses a witness reports in Slack and by mail.

    Args:
        messages: messages of Slack.
        mails: texts of mails.
        uses: event ID of each use to its account and region.
    """
    late = [
        message["metadata"]["event_payload"]["event_id"]
        for message in messages
        if message["metadata"]["event_type"] == MISSED_USE_EVENT_TYPE
    ]
    found = [use for event_id, use in uses.items() if event_id in late and any(event_id in mail for mail in mails)]
    others = [event_id for event_id in late if event_id not in uses]
    text = f"late in Slack and by mail: {', '.join(found)}" if found else "nothing"
    return f"{text}; {len(others)} uses that are none of these" if others else text


def describe_roll_call(mails: Sequence[str], names: Mapping[str, str]) -> str:
    """Return in words which accounts the mails of a roll call miss, and which they name besides."""
    if not mails:
        return "no mail"
    before, _, after = mails[0].partition(_NOT_MISSED)
    return _describe_missed(
        *([names[found["account"]] for found in _ROLL_CALL_LINE.finditer(part)] for part in (before, after))
    )


def _describe_missed(missed: Sequence[str], others: Sequence[str]) -> str:
    text = f"a mail misses {', '.join(missed)}"
    return f"{text}; not missed: {', '.join(others)}" if others else text


def _read_transformer(hub: Hub) -> Transformer:
    """Return the deployed input transformer of the alerts."""
    targets = hub.cloud.client("events").list_targets_by_rule(Rule=hub.rule, EventBusName=hub.bus)["Targets"]
    transformer = next(target["InputTransformer"] for target in targets if target["Id"] == "slack")
    return Transformer(transformer["InputPathsMap"], transformer["InputTemplate"])
