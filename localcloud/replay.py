"""Replays CloudTrail records through a local cloud.

`python -m localcloud.replay FILE...` uses the one that `make local-up` started.

Non-goals: deploying (`localcloud.stack`); judging the alerts (`localcloud.verdicts`).
"""

import argparse
import json
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from breakglass.naming import ALERT_PATH_PREFIX
from breakglass.terminal import escape_unprintable
from localcloud import detached, report
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloudError, RunningCloud
from localcloud.emulators.cloudtrail import as_event, relocate
from localcloud.emulators.slack import Post
from localcloud.records import Record, RecordError, load_record
from localcloud.stack import DESCRIPTION
from localcloud.verdicts import Verdict, list_alert_kinds


@dataclass(frozen=True)
class ReplayResult:
    """The verdicts, posts and deliveries of a replay.

    Attributes:
        verdicts: one for each record.
        posts: everything that reached Slack meanwhile, accepted or refused.
        deliveries: how many deliveries EventBridge counts as `delivered`, `dead_lettered` and `lost`.
    """

    verdicts: Sequence[Verdict]
    posts: Sequence[Post]
    deliveries: dict[str, int]

    @property
    def accepted(self) -> list[Post]:
        """The messages that Slack accepted."""
        return [post for post in self.posts if post.error is None]

    @property
    def refused(self) -> list[Post]:
        """The messages that Slack refused with `ok: false`."""
        return [post for post in self.posts if post.error is not None]


def replay_records(
    cloud: RunningCloud, records: Iterable[Record], account: str = MANAGEMENT_ACCOUNT, region: str = REGION
) -> ReplayResult:
    """Replays records one after the other, each after the deliveries of the one before.

    So every message belongs to the latest record, also if two records share an ID. The use of a long-lived key has no
    message but by an alarm; each record counts as the first after a quiet hour.

    Args:
        cloud: where to.
        records: the records; the operator of the hub, or of the stack, sends drills.
        account: the account on whose default bus they arrive.
        region: the region of this bus.
    """
    alarms, bus = _list_alarms_without_target(cloud), _find_bus_of_drills(cloud)
    verdicts: list[Verdict] = []
    posts: list[Post] = []
    before = len(cloud.posts())
    deliveries: dict[str, int] = {}
    for record in records:
        began = time.time()
        if "drill" in record.content:
            _send_drill(cloud, record.content, bus)
        else:
            cloud.replay(record.content, account, region)
        deliveries = cloud.wait_idle()
        if alarms:
            cloud.evaluate_alarms(began, began + 60, alarms)
            deliveries = cloud.wait_idle()
        new = cloud.posts(before + len(posts))
        posts += new
        accepted = [post for post in new if post.error is None]
        seconds = max((post.received for post in accepted), default=began) - began
        kinds = list_alert_kinds(post.body for post in accepted)
        verdicts.append(Verdict(record.file, record.expected, kinds, seconds if accepted else None))
    return ReplayResult(verdicts, posts, deliveries)


def _send_drill(cloud: RunningCloud, drill: Mapping[str, Any], bus: str) -> None:
    event = as_event(drill, account=MANAGEMENT_ACCOUNT, region=REGION)
    entry = {"Source": event["source"], "DetailType": event["detail-type"], "Detail": json.dumps(event["detail"])}
    cloud.client("events").put_events(Entries=[{**entry, "EventBusName": bus}])


def _find_bus_of_drills(cloud: RunningCloud) -> str:
    """Return the name of the bus that drills go to: that of a hub, or the default one."""
    buses = [bus["Name"] for bus in cloud.client("events").list_event_buses(NamePrefix=ALERT_PATH_PREFIX)["EventBuses"]]
    return buses[0] if buses else "default"


def _list_alarms_without_target(cloud: RunningCloud) -> list[str]:
    """Return the names of the alarms on rules that have no target."""
    events = cloud.client("events")
    pages = cloud.client("cloudwatch").get_paginator("describe_alarms").paginate()
    rules = {
        alarm["AlarmName"]: {dimension["Name"]: dimension["Value"] for dimension in alarm.get("Dimensions", ())}
        for page in pages
        for alarm in page["MetricAlarms"]
        if alarm.get("MetricName") == "MatchedEvents"
    }
    return [
        alarm
        for alarm, rule in rules.items()
        if not events.list_targets_by_rule(Rule=rule["RuleName"], EventBusName=rule.get("EventBusName", "default"))[
            "Targets"
        ]
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Replays the named files and shows the messages that arrived in Slack.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(
        prog="python -m localcloud.replay",
        description="Replays CloudTrail records through the local cloud of make local-up and shows the messages.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="one CloudTrail record each")
    parser.add_argument("--account", type=_account, metavar="ID", help="as if it had happened in this account")
    parser.add_argument("--region", metavar="REGION", help="as if it had happened in this region")
    options = parser.parse_args(arguments)
    account, region = options.account or MANAGEMENT_ACCOUNT, options.region or REGION
    console = report.create_console()
    try:
        records = [load_record(file) for file in options.files]
        if options.account or options.region:
            records = [_move(record, account, region) for record in records]
        result = replay_records(detached.attach(DESCRIPTION), records, account, region)
    except (LocalCloudError, RecordError) as error:
        console.print(escape_unprintable(str(error)), style="red", markup=False)
        return 2
    for post in result.accepted:
        console.print(report.render_message(post.body))
    console.print(report.render_verdicts(result.verdicts))
    return 0


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no ID of an account: write its 12 digits.")
    return text


def _move(record: Record, account: str, region: str) -> Record:
    """Return a record as CloudTrail would write it in another account and region.

    Raises:
        RecordError: it names no account.
    """
    if "recipientAccountId" not in record.content:
        raise RecordError(
            f"{record.file} has no recipientAccountId, so it can't be moved to another account. Leave out --account "
            "and --region."
        )
    return replace(record, content=relocate(record.content, account, region))


if __name__ == "__main__":
    sys.exit(main())
