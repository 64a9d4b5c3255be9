"""The bill of an organization for a month, with a hub or with separate stacks.

Pure: volumes and prices in, dollars out. The prices are those of docs/runbooks/what-it-costs.md, US East (N. Virginia),
without free tiers. The volumes are assumptions, except those that the code knows: alarms, and the steps of the state
machines.

Non-goals: CloudTrail itself, and alerts about real uses, which are too few to count.
"""

from collections.abc import Iterable
from dataclasses import dataclass

DAYS, HOURS = 30, 720

TRANSITION = 0.000_025
"""A state transition of Step Functions (aws.amazon.com/step-functions/pricing)."""
FORWARDED_EVENT = 0.000_001
"""An event that a rule sends to another bus, for each 64 KB begun, paid by the sender.

Source: aws.amazon.com/eventbridge/pricing; "Events sent from one event bus to another are charged as custom events"
(Amazon EventBridge User Guide, "Sending events between event buses")
"""
STANDARD_ALARM = 0.10
CUSTOM_METRIC = 0.30
LOG_GIGABYTE = 0.50
"""A GB of logs that is ingested."""
SCANNED_GIGABYTE = 0.005
"""A GB that a query of Logs Insights reads."""
SECRET = 0.40

FORWARDED_PER_SESSION = 2.5
"""Events of one sign-in by Identity Center: the session, the portal, and every second time the console."""
HEARTBEAT_BYTES = 1_000
"""Bytes of a heartbeat in the log group: the envelope, and 26 bytes that CloudWatch Logs adds."""


@dataclass(frozen=True)
class Volume:
    """The size of an organization, and how much happens in it.

    Attributes:
        accounts: accounts with spokes.
        regions: regions of each.
        sessions: sign-ins by Identity Center to each account in a day, those to everyday sets included.
        trail_gigabytes: GB that the organization's trail writes to its log group, for each account and month.
    """

    accounts: int
    regions: int = 4
    sessions: int = 20
    trail_gigabytes: float = 5.0


@dataclass(frozen=True)
class StackFigures:
    """Figures of the stacks that are compared, which the code knows.

    Attributes:
        hub_alarms: alarms of the hub.
        hub_metrics: custom metrics that the hub writes.
        roll_call_steps: state transitions of a run of the roll call.
        witness_steps: state transitions of a run of the witness.
        witness_hours: hours of the trail's log group that a run of the witness reads.
        stack_alarms: alarms of a stack without a hub, with the same roles.
        stack_steps: state transitions of the probe and the drills of such a stack in a month.
    """

    hub_alarms: int
    hub_metrics: int
    roll_call_steps: int
    witness_steps: int
    witness_hours: float
    stack_alarms: int
    stack_steps: float


@dataclass(frozen=True)
class Part:
    """A part of the bill.

    Attributes:
        name: the thing that is paid for.
        quantity: its number in a month.
        price: dollars for one of them.
    """

    name: str
    quantity: float
    price: float

    @property
    def dollars(self) -> float:
        """Its dollars in a month."""
        return self.quantity * self.price


def hub_parts(volume: Volume, figures: StackFigures) -> list[Part]:
    """Return the parts of a month of a hub and its spokes.

    StackSets, rules and empty queues are free.
    """
    spokes = volume.accounts * volume.regions
    trail = volume.accounts * volume.trail_gigabytes
    return [
        Part(
            "forwarded events of sign-ins",
            volume.accounts * volume.sessions * FORWARDED_PER_SESSION * DAYS,
            FORWARDED_EVENT,
        ),
        Part("heartbeats", spokes * DAYS, FORWARDED_EVENT),
        Part("heartbeats in the log group, in GB", spokes * DAYS * HEARTBEAT_BYTES / 1e9, LOG_GIGABYTE),
        Part("state transitions of the roll call", DAYS * figures.roll_call_steps, TRANSITION),
        Part("state transitions of the witness", HOURS * figures.witness_steps, TRANSITION),
        Part("records that the witness reads, in GB", trail * figures.witness_hours, SCANNED_GIGABYTE),
        Part("alarms", figures.hub_alarms, STANDARD_ALARM),
        Part("metrics", figures.hub_metrics, CUSTOM_METRIC),
        Part("state transitions of probe and drills", figures.stack_steps, TRANSITION),
        Part("secrets: the token, and the copy of the connection", 2, SECRET),
    ]


def separate_parts(volume: Volume, figures: StackFigures) -> list[Part]:
    """Return the parts of a month of a stack of its own in each account and region."""
    stacks = volume.accounts * volume.regions
    return [
        Part("alarms", stacks * figures.stack_alarms, STANDARD_ALARM),
        Part("state transitions of probe and drills", stacks * figures.stack_steps, TRANSITION),
        Part("metrics of probe and drills", stacks * 2, CUSTOM_METRIC),
        Part("secrets: the token, and the copy of the connection", stacks * 2, SECRET),
    ]


def total(parts: Iterable[Part]) -> float:
    """Return the dollars of all parts."""
    return sum(part.dollars for part in parts)
