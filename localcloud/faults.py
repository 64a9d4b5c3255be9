"""The faults of the alert path that `make demo BREAK=FAULT` shows, and the notices that they must cause.

Pure. Non-goals: making the faults (`localcloud.fault_runs`), showing them (`localcloud.report`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from breakglass.vocabulary import Delivery

ALL = "all"
"""In place of the name of a fault: every fault."""


class Fault(StrEnum):
    """A fault of Slack or AWS on the way of an alert."""

    slack_archived = "slack-archived"
    slack_bot_removed = "slack-bot-removed"
    slack_token_revoked = "slack-token-revoked"  # noqa: S105 - the name of a fault
    slack_down = "slack-down"
    slack_slow = "slack-slow"
    slack_rate_limited = "slack-rate-limited"
    blocks_refused = "blocks-refused"
    connection_deauthorised = "connection-deauthorised"
    machine_role_broken = "machine-role-broken"
    machine_deleted = "machine-deleted"
    rule_disabled = "rule-disabled"
    target_removed = "target-removed"
    rule_deleted = "rule-deleted"
    token_replaced = "token-replaced"  # noqa: S105 - the name of a fault
    alarm_deleted = "alarm-deleted"
    mail_unsubscribed = "mail-unsubscribed"
    function_replaced = "function-replaced"
    session_policy_detached = "session-policy-detached"
    trail_stopped = "trail-stopped"
    change_refused = "change-refused"
    changed_by_deployer = "changed-by-deployer"
    tamper_rules_deleted = "tamper-rules-deleted"
    both_tamper_rules_deleted = "both-tamper-rules-deleted"
    spoke_deleted = "spoke-deleted"
    spoke_rule_disabled = "spoke-rule-disabled"
    hub_rule_disabled = "hub-rule-disabled"
    hub_target_removed = "hub-target-removed"
    hub_bus_deleted = "hub-bus-deleted"
    bus_policy_edited = "bus-policy-edited"
    event_dropped = "event-dropped"
    trail_without_read_events = "trail-without-read-events"


DESCRIPTIONS: Mapping[Fault, str] = {
    Fault.slack_archived: "the channel is archived: Slack answers ok:false",
    Fault.slack_bot_removed: "the app is removed from the channel: Slack answers ok:false",
    Fault.slack_token_revoked: "the bot token is revoked: Slack answers ok:false",
    Fault.slack_down: "Slack does not answer for 10 minutes",
    Fault.slack_slow: "Slack takes 1.5 s for each answer",
    Fault.slack_rate_limited: "Slack answers 429 for half a minute",
    Fault.blocks_refused: "Slack refuses the blocks of our messages: ok:false",
    Fault.connection_deauthorised: "EventBridge's connection to Slack is deauthorised",
    Fault.machine_role_broken: "the policy of the delivery machine's role is gone",
    Fault.machine_deleted: "the delivery machine is deleted",
    Fault.rule_disabled: "the rule is disabled",
    Fault.target_removed: "the rule's target `slack` is removed",
    Fault.rule_deleted: "the rule is deleted",
    Fault.token_replaced: "the connection to Slack gets another token",
    Fault.alarm_deleted: "an alarm is deleted",
    Fault.mail_unsubscribed: "the e-mail address of the alarms is unsubscribed",
    Fault.function_replaced: "the code of the provisioner of the approvals is replaced",
    Fault.session_policy_detached: "the policy that ends sessions is detached",
    Fault.trail_stopped: "the trail is stopped, so the use never reaches the bus",
    Fault.change_refused: "a call to disable the rule is refused",
    Fault.changed_by_deployer: "the role that deploys the stack changes the rule",
    Fault.tamper_rules_deleted: "the rules that report tampering are deleted first, then the rule is disabled",
    Fault.both_tamper_rules_deleted: "the same, and those of stack watcher are deleted, too",
    Fault.spoke_deleted: "an administrator of a member account deletes its spoke",
    Fault.spoke_rule_disabled: "an administrator of a member account disables the rule that forwards sessions",
    Fault.hub_rule_disabled: "the rule on the hub's bus is disabled",
    Fault.hub_target_removed: "the target `slack` of the rule on the hub's bus is removed",
    Fault.hub_bus_deleted: "the hub's bus is deleted, with its rules",
    Fault.bus_policy_edited: "the policy of the hub's bus admits another organization",
    Fault.event_dropped: "EventBridge drops the event of a use in a member account",
    Fault.trail_without_read_events: "the trail logs no read events any more, so the use is recorded nowhere",
}

OF_SLACK = frozenset(
    {
        Fault.slack_archived,
        Fault.slack_bot_removed,
        Fault.slack_token_revoked,
        Fault.slack_down,
        Fault.slack_slow,
        Fault.slack_rate_limited,
        Fault.blocks_refused,
    }
)
"""The faults that Slack causes."""

ORGANIZATION = frozenset(
    {
        Fault.spoke_deleted,
        Fault.spoke_rule_disabled,
        Fault.hub_rule_disabled,
        Fault.hub_target_removed,
        Fault.hub_bus_deleted,
        Fault.bus_policy_edited,
        Fault.event_dropped,
        Fault.trail_without_read_events,
    }
)
"""The faults of a hub and its spokes. They are shown on a hub, with a use in a member account."""

TAMPERING = frozenset(Fault) - OF_SLACK - ORGANIZATION
"""The faults of a stack in one account that are made by calls of AWS, which CloudTrail records."""


class Notice(StrEnum):
    """A way in which a person learns of an alert, or of its loss."""

    alert = "alert in Slack"
    plain_alert = "plain alert in Slack"
    late_alert = "late alert in Slack"
    mail = "mail with the alert"
    tampering = "tampering in Slack"
    attempt = "attempt in Slack"
    deployment = "deployer's session in Slack"
    tampering_mail = "mail with the tampering"
    watcher = "stack watcher in Slack"
    lost_connection = "lost-connection mail"
    probe_mail = "probe mail"
    probe_alarm = "probe alarm"
    failed_probe = "failed-probe alarm"
    failed_delivery = "failed-delivery alarm"
    dead_letter = "dead-letter alarm"
    failed_execution = "failed-execution alarm"
    trail_mail = "metric-filter mail"
    witness_mail = "witness mail"
    roll_call = "roll-call mail"


_PLACES = {
    Notice.alert: "in Slack",
    Notice.plain_alert: "in Slack, as plain text",
    Notice.late_alert: "in Slack, late",
    Notice.mail: "by mail",
}
"""The notices that hold the alert itself, and the place in words; the first one that came counts."""

_REFUSED = (Fault.slack_archived, Fault.slack_bot_removed, Fault.slack_token_revoked)
_PROBE = frozenset({Notice.probe_mail, Notice.probe_alarm})
_SEEN_BESIDE_THE_ALERT = {
    Fault.alarm_deleted: Notice.tampering,
    Fault.mail_unsubscribed: Notice.tampering,
    Fault.function_replaced: Notice.tampering,
    Fault.session_policy_detached: Notice.tampering,
    Fault.change_refused: Notice.attempt,
    Fault.changed_by_deployer: Notice.deployment,
}
_SEEN_WITHOUT_AN_ALERT = (Fault.rule_disabled, Fault.target_removed, Fault.rule_deleted, Fault.trail_stopped)
_UNREPORTED = (Fault.tamper_rules_deleted, Fault.both_tamper_rules_deleted)
_UNSEEN_BY_WATCHER = (Fault.session_policy_detached, Fault.both_tamper_rules_deleted)
"""Only a stack in us-east-1 may name the policy, and stack `watcher` is in the region of the stack."""

_WITNESS = frozenset({Notice.witness_mail, Notice.late_alert})
_OF_HUB: Mapping[Fault, frozenset[Notice]] = {
    Fault.spoke_deleted: frozenset({Notice.trail_mail, Notice.roll_call}) | _WITNESS,
    Fault.spoke_rule_disabled: frozenset({Notice.trail_mail}) | _WITNESS,
    Fault.hub_rule_disabled: frozenset({Notice.tampering, Notice.watcher, Notice.trail_mail}) | _WITNESS,
    # The rule fired, so the witness misses nothing.
    Fault.hub_target_removed: frozenset({Notice.tampering, Notice.watcher, Notice.trail_mail}),
    Fault.hub_bus_deleted: frozenset({Notice.tampering, Notice.watcher, Notice.trail_mail, Notice.roll_call})
    | _WITNESS,
    # Only a hub has a rule about policies of buses.
    Fault.bus_policy_edited: frozenset({Notice.tampering, Notice.trail_mail, Notice.roll_call}) | _WITNESS,
    Fault.event_dropped: frozenset({Notice.trail_mail}) | _WITNESS,
    Fault.trail_without_read_events: frozenset({Notice.tampering, Notice.watcher}),
}

_OF_STACK: Mapping[tuple[Fault, Delivery], frozenset[Notice]] = {
    **{(fault, Delivery.direct): _PROBE for fault in _REFUSED},
    **{(fault, Delivery.confirmed): _PROBE | {Notice.mail} for fault in _REFUSED},
    **{
        (fault, delivery): frozenset({Notice.alert, notice})
        for fault, notice in _SEEN_BESIDE_THE_ALERT.items()
        for delivery in Delivery
    },
    **{(fault, delivery): frozenset({Notice.tampering}) for fault in _SEEN_WITHOUT_AN_ALERT for delivery in Delivery},
    **{(fault, delivery): frozenset() for fault in _UNREPORTED for delivery in Delivery},
    (Fault.slack_down, Delivery.direct): frozenset({Notice.alert}),
    (Fault.slack_down, Delivery.confirmed): frozenset({Notice.mail, Notice.late_alert}),
    (Fault.slack_slow, Delivery.direct): frozenset({Notice.alert}),
    (Fault.slack_slow, Delivery.confirmed): frozenset({Notice.alert}),
    (Fault.slack_rate_limited, Delivery.direct): frozenset({Notice.alert}),
    (Fault.slack_rate_limited, Delivery.confirmed): frozenset({Notice.alert}),
    (Fault.blocks_refused, Delivery.direct): _PROBE,
    (Fault.blocks_refused, Delivery.confirmed): _PROBE | {Notice.plain_alert, Notice.mail},
    (Fault.token_replaced, Delivery.direct): _PROBE,
    (Fault.token_replaced, Delivery.confirmed): _PROBE | {Notice.mail, Notice.tampering_mail},
    (Fault.connection_deauthorised, Delivery.direct): _PROBE
    | {Notice.lost_connection, Notice.failed_delivery, Notice.dead_letter},
    (Fault.connection_deauthorised, Delivery.confirmed): _PROBE
    | {Notice.lost_connection, Notice.mail, Notice.tampering_mail},
    (Fault.machine_role_broken, Delivery.confirmed): frozenset({Notice.failed_execution}),
    (Fault.machine_deleted, Delivery.confirmed): frozenset({Notice.failed_delivery, Notice.dead_letter}),
}

HUB_DELIVERY = Delivery.confirmed
"""The delivery of the hub. The faults of an organization lie before the delivery, so one is enough."""

EXPECTED: Mapping[tuple[Fault, Delivery], frozenset[Notice]] = {
    **{
        (fault, delivery): notices | {Notice.watcher}
        if fault in TAMPERING and fault not in _UNSEEN_BY_WATCHER
        else notices
        for (fault, delivery), notices in _OF_STACK.items()
    },
    **{(fault, HUB_DELIVERY): notices for fault, notices in _OF_HUB.items()},
}
"""The notices that each fault must cause with each delivery, and no others; a pair that is absent does not apply."""


@dataclass(frozen=True)
class Sighting:
    """A notice of a fault.

    Attributes:
        notice: the way in which a person learns of it.
        seconds: from the fault, which the event of the alert follows at once, by AWS's clock
            (`localcloud.emulators.clock`).
    """

    notice: Notice
    seconds: float


@dataclass(frozen=True)
class FaultResult:
    """The notices of one fault with one delivery.

    Attributes:
        fault: the fault.
        delivery: the delivery that was deployed.
        sightings: the first of each notice, the earliest first.
        kept: the place where the alert itself is, in words.
    """

    fault: Fault
    delivery: Delivery
    sightings: tuple[Sighting, ...]
    kept: str

    @property
    def expected(self) -> frozenset[Notice]:
        """The notices that must come."""
        return EXPECTED[self.fault, self.delivery]

    @property
    def is_unseen_by_design(self) -> bool:
        """True if nothing is expected to notice the fault."""
        return not self.expected

    @property
    def missing(self) -> frozenset[Notice]:
        """The expected notices that did not come."""
        return self.expected - {sighting.notice for sighting in self.sightings}

    @property
    def unexpected(self) -> frozenset[Notice]:
        """The notices that came and were not expected."""
        return frozenset(sighting.notice for sighting in self.sightings) - self.expected

    @property
    def ok(self) -> bool:
        """True if just the expected notices came."""
        return not self.missing and not self.unexpected

    def describe(self) -> dict[str, Any]:
        """Return an entry of `faults` in `build/demo.json`."""
        return {
            "fault": self.fault.value,
            "delivery": self.delivery.value,
            "seen_by": [sighting.notice.value for sighting in self.sightings],
            "seconds": round(self.sightings[0].seconds, 1) if self.sightings else None,
            "expected_unseen": self.is_unseen_by_design,
        }


def select_faults(names: str) -> tuple[Fault, ...]:
    """Return the faults of names between commas, or every fault for `all`.

    Raises:
        ValueError: no fault has a name.
    """
    return tuple(Fault) if names == ALL else tuple(dict.fromkeys(map(Fault, names.split(","))))


def first_of_each(sightings: Collection[Sighting]) -> tuple[Sighting, ...]:
    """Return the first sighting of each notice, the earliest first."""
    first: dict[Notice, Sighting] = {}
    for sighting in sorted(sightings, key=lambda each: each.seconds):
        first.setdefault(sighting.notice, sighting)
    return tuple(first.values())


def describe_place(sightings: Collection[Sighting], *, has_dead_letter: bool) -> str:
    """Return the place where the alert itself is after a fault, in words."""
    notices = {sighting.notice for sighting in sightings}
    for notice, place in _PLACES.items():
        if notice in notices:
            return place
    if has_dead_letter:
        return "in the dead-letter queue"
    return "in the execution's history" if Notice.failed_execution in notices else "lost"
