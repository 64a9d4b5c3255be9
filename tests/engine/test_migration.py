"""From a stack for each account to a hub and a spoke, without an unwatched moment.

A role is used all the time, and each use raises an alert. The order is that of docs/runbooks/organization.md, "From
separate stacks to a hub": an update makes one stack the hub, and then another one makes that of the second account a
spoke stack.

Not shown here: a StackSet in place of the spoke stack (`make demo`); the seconds until a new role or
rule works everywhere at AWS.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloud, RunningCloud
from localcloud.engine import Engine
from localcloud.organization import make_use
from localcloud.stack import ROOT
from tests.stack_file import stack_file

MEMBER = "222222222222"
HUB, OTHER = "hub", "member"
_PAUSE = 0.1


@dataclass
class Uses:
    """The uses of a break-glass role, and the alerts about each.

    Attributes:
        cloud: where.
        events: account to the event IDs of its uses, in order.
    """

    cloud: RunningCloud
    events: dict[str, list[str]]

    @contextmanager
    def all_the_time(self) -> Iterator[None]:
        """Use the role in each account, again and again."""
        stop = threading.Event()

        def play() -> None:
            while not stop.wait(_PAUSE):
                for account in self.events:
                    self.play(account)

        with ThreadPoolExecutor(1) as pool:
            playing = pool.submit(play)
            try:
                yield
            finally:
                stop.set()
            playing.result()

    def play(self, account: str) -> str:
        """Use the role once; return the event ID."""
        record = make_use(account, REGION)
        self.events[account].append(record["eventID"])
        self.cloud.replay(record, account, REGION)
        return str(record["eventID"])

    def alerts(self) -> dict[str, list[int]]:
        """The number of alerts about each use, by account."""
        self.cloud.wait_idle()
        posted = Counter(_event_id(post.body) for post in self.cloud.posts() if post.error is None)
        return {account: [posted[event] for event in events] for account, events in self.events.items()}

    def message(self, event_id: str) -> dict[str, Any]:
        """The only alert about a use."""
        (found,) = (post.body for post in self.cloud.posts() if _event_id(post.body) == event_id)
        return found


def _event_id(message: Mapping[str, Any]) -> str:
    return str(message["metadata"]["event_payload"]["event_id"])


def alone(cloud: RunningCloud) -> dict[str, Any]:
    """The `alerts` of a stack of one account."""
    return {
        "region": REGION,
        "slack": {"channel": cloud.slack_channel, "postMessageUrl": cloud.post_message_url},
        "watch": {"permissionSets": ["devops-break-glass"], "root": False},
        "tamper": False,
        "probe": "off",
    }


@dataclass(frozen=True)
class Migration:
    """The uses during the migration.

    Attributes:
        uses: all of them, with their alerts.
        before: event ID of one use before, by account.
        after: likewise, afterwards.
    """

    uses: Uses
    before: Mapping[str, str]
    after: Mapping[str, str]


@pytest.fixture(scope="module")
def migration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Migration]:
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield _migrate(cloud, tmp_path_factory)


def _migrate(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Migration:
    def engine(stack: str, account: str) -> Engine:
        environment = {**cloud.environment(), "AWS_ACCESS_KEY_ID": account}
        made = Engine(ROOT, tmp_path_factory.mktemp(stack), environment, stack=stack)
        made.config_set("breakglass:slackBotToken", cloud.bot_token, secret=True)
        _write_alerts(made, alone(cloud))
        return made

    hub, member = engine(HUB, MANAGEMENT_ACCOUNT), engine(OTHER, MEMBER)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Engine.up, (hub, member)))
    uses = Uses(cloud, {account: [] for account in (MANAGEMENT_ACCOUNT, MEMBER)})
    before = {account: uses.play(account) for account in uses.events}
    with uses.all_the_time():
        organization = cloud.client("organizations").describe_organization()["Organization"]["Id"]
        spokes = {"callAs": "elsewhere", "regions": [REGION]}
        _write_alerts(hub, {**alone(cloud), "organization": {"id": organization, "spokes": spokes, "rollCall": "off"}})
        hub.up()
        _write_alerts(member, {"region": REGION, "forwardTo": hub.outputs()["hubBusArn"]})
        with stack_file(member) as config:
            del config["breakglass:slackBotToken"]
        member.up()
    after = {account: uses.play(account) for account in uses.events}
    cloud.wait_idle()
    return Migration(uses, before, after)


def _write_alerts(engine: Engine, alerts: Mapping[str, Any]) -> None:
    with stack_file(engine) as config:
        config["aws:region"] = REGION
        config["breakglass:alerts"] = alerts


def test_migration_leaves_no_use_without_an_alert(migration: Migration) -> None:
    for account, alerts in migration.uses.alerts().items():
        assert len(alerts) > 20
        assert [number for number, count in enumerate(alerts) if count == 0] == [], account


def test_migration_ends_with_one_alert_for_each_use(migration: Migration) -> None:
    alerts = migration.uses.alerts()
    assert {account: counts[-1] for account, counts in alerts.items()} == {MANAGEMENT_ACCOUNT: 1, MEMBER: 1}


@pytest.mark.parametrize("account", [MANAGEMENT_ACCOUNT, MEMBER])
def test_hubs_message_is_that_of_a_separate_stack(migration: Migration, account: str) -> None:
    before, after = (migration.uses.message(uses[account]) for uses in (migration.before, migration.after))
    shown = [
        json.dumps(message).replace(event_id, "EVENT").replace(_time_of(message), "TIME")
        for message, event_id in ((before, migration.before[account]), (after, migration.after[account]))
    ]
    assert shown[0] == shown[1]


def _time_of(message: Mapping[str, Any]) -> str:
    return str(message["metadata"]["event_payload"]["time"])
