"""Breaks a hub or a spoke, uses a role in a member account, and watches for notices.

Virtual time, as in `localcloud.fault_runs`. A roll call and the heartbeats before it run once a day, and the witness
every hour. A fault happens right after the heartbeats, so the time of the roll call is that of the latest case: the
fault misses a whole day. The use is a moment too young for the witness's next run, so its time is the latest, too.

Non-goals: the expected notices (`localcloud.faults`); calls of AWS that break something (`localcloud.hub_tampering`).
"""

import time

from breakglass.naming import EVENTS_LOG_PREFIX
from localcloud.cloud import REGION
from localcloud.fault_runs import find_probe, is_logged, list_mailed, list_posted
from localcloud.faults import HUB_DELIVERY, Fault, FaultResult, describe_place, first_of_each
from localcloud.hub_tampering import MEMBER, HubTampering
from localcloud.organization import Hub, make_use
from localcloud.stack import TRAIL_LOG_GROUP
from localcloud.tampering import MACHINE_SETTINGS, list_targets

HOUR, DAY = 3600, 24 * 3600
_WITNESS_YOUNGEST = HOUR // 2
"""The age of a use from which the witness misses its alert."""
_ALARM_HORIZON = HOUR // 6
"""Time by AWS's clock in which alarms are evaluated: none of the machines that run at all times is due again."""


class HubPath:
    """The deployed alert path of an organization, which can be broken and repaired.

    Args:
        hub: the deployed hub.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._cloud = hub.cloud
        self._probe, _ = find_probe(hub.cloud)
        self._roll_call = hub.find_schedule("roll-call")
        self._witness = hub.find_schedule("witness")

    def run(self, fault: Fault) -> FaultResult:
        """Make a fault, use a break-glass role in a member account, repair, and return what was noticed."""
        cloud = self._cloud
        self._hub.send_heartbeats()
        cloud.tick(self._probe)
        cloud.wait_idle()
        posts, mails = len(cloud.posts()), len(cloud.mails())
        tampering = HubTampering(self._hub)
        began = time.time()
        with tampering.make(fault):
            for record in tampering.records:
                cloud.replay(record, record["recipientAccountId"], record["awsRegion"])
            if is_logged(cloud):
                self._use(is_dropped=fault is Fault.event_dropped)
            cloud.wait_idle()
            for at in (_WITNESS_YOUNGEST - 60, _WITNESS_YOUNGEST - 60 + HOUR):
                cloud.tick(self._witness, began + at - time.time())
                cloud.wait_idle()
            cloud.tick(self._roll_call, began + HOUR - time.time())
            cloud.wait_idle()
            self._hub.send_heartbeats(began + DAY - time.time())
            cloud.tick(self._roll_call, began + DAY + HOUR - time.time())
            cloud.wait_idle()
            cloud.evaluate_alarms(began, began + _ALARM_HORIZON)
            cloud.wait_idle()
        changes = [record["eventID"] for record in tampering.records]
        sightings = first_of_each(
            [
                *list_posted(cloud.posts(posts), began, cloud.second_channel),
                *list_mailed(cloud.mails()[mails:], began, changes),
            ]
        )
        self._empty_logs()
        self._forget_runs()
        return FaultResult(fault, HUB_DELIVERY, sightings, describe_place(sightings, has_dead_letter=False))

    def _use(self, *, is_dropped: bool) -> None:
        record = make_use(MEMBER, REGION)
        (self._cloud.record if is_dropped else self._cloud.replay)(record, MEMBER, REGION)

    def _empty_logs(self) -> None:
        """Forget the uses and heartbeats so far, of which some are a day ahead of the clock."""
        logs = self._cloud.client("logs")
        for group in logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            if name == TRAIL_LOG_GROUP or name.startswith(EVENTS_LOG_PREFIX):
                for stream in logs.describe_log_streams(logGroupName=name)["logStreams"]:
                    logs.delete_log_stream(logGroupName=name, logStreamName=stream["logStreamName"])

    def _forget_runs(self) -> None:
        """Forget the runs of the witness, which goes on from the last one, hours ahead of the clock."""
        states, (target,) = (
            self._cloud.client("stepfunctions"),
            list_targets(self._cloud.client("events"), self._witness),
        )
        machine = states.describe_state_machine(stateMachineArn=target["Arn"])
        states.delete_state_machine(stateMachineArn=target["Arn"])
        states.create_state_machine(**{field: machine[field] for field in MACHINE_SETTINGS if field in machine})
