"""Every EventBridge rule of a stack, and the subjects of its alerts, without a deployment.

The components create the same rules; the number at preview, the warning on the quota of a bus and `breakglass patterns`
come from here. Values that only a deployment knows are placeholders of the same length.

Non-goals: the targets of the rules.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from breakglass.alerts.connection_events import lost_connection_pattern, lost_connection_text
from breakglass.alerts.messages import Transformer
from breakglass.alerts.patterns import RULE_STATE, Pattern
from breakglass.alerts.rules import KEY_USE_ALARM, MessageSettings, planned_rules
from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    Subject,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.app.domain.policy import PrincipalKind
from breakglass.naming import AppFunction, Names, hub_bus, physical_name, stack_prefix
from breakglass.organization.roll_call_rules import ADDED_REGION, added_region_text, roll_call_rules
from breakglass.organization.spoke_rules import SpokeSettings, spoke_rules
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.stack_file.stack import StackFile
from breakglass.vocabulary import AssignmentTarget, Delivery, partition_of_region

RULES_PER_BUS = 300
"""The default quota of a bus in nearly all regions; a few of the newer ones have 100.

Source: "Amazon EventBridge quotas" (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html)
"""

LOST_CONNECTION, SCHEDULE = "lost-connection", "schedule"
"""Ends of the names of rules that belong to no subject."""

SPOKE, ROLL_CALL = "spoke", "roll-call"
"""The evidence of a rule that forwards events to the bus of a hub, and of one that gets the heartbeats there."""


@dataclass(frozen=True)
class Known:
    """Values that only a deployment knows; by default placeholders of the same length.

    Attributes:
        account: ID of the stack's account.
        sets: ARN of each break-glass set, by its name.
        groups: ID of each group with an assignment of a break-glass set, by its name.
        api_id: ID of the API of the approvals.
        session_policy_id: ID of the policy by which the approvals end sessions.
        connection_arn: ARN of the EventBridge connection to Slack.
        destination_arn: ARN of the API destination, with direct delivery.
        portal_here: False if the account is known not to own Identity Center.
    """

    account: str = "000000000000"
    sets: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    api_id: str = "0000000000"
    session_policy_id: str = "p-00000000"
    connection_arn: str | None = None
    destination_arn: str | None = None
    portal_here: bool = True


@dataclass(frozen=True)
class StackRule:
    """An EventBridge rule of a stack.

    Attributes:
        name: its physical name.
        subject: key of its subject; empty for a rule of the alert path itself.
        evidence: its evidence path, or `drill`, `lost-connection`, `roll-call`, `spoke` or `schedule`.
        pattern: its event pattern; None for a schedule.
        state: its state in EventBridge.
        build_message: returns the message in Slack, or by e-mail if that is the only one; None without a message.
        bus: the name of its event bus; None for the default bus.
    """

    name: str
    subject: str
    evidence: str
    pattern: Pattern | None
    state: str
    build_message: Callable[[], Transformer] | None = field(repr=False, compare=False)
    bus: str | None = None

    @property
    def message(self) -> Transformer | None:
        """The message of an event.

        Raises:
            MessageError: a text of the stack file would break the message.
        """
        return self.build_message() if self.build_message else None


def stack_rules(stack_file: StackFile, stack: str, known: Known | None = None) -> list[StackRule]:
    """Return every event rule of a stack in its region.

    In further regions of its spokes, a stack has the rules of the spoke alone.

    Args:
        stack_file: the valid stack file.
        stack: the stack's name.
        known: values of the deployment; by default placeholders.
    """
    known = known or Known()
    of_spoke = _rules_of_spoke(stack_file, known)
    if stack_file.alert_path is None:
        return [*of_spoke]
    rules = _Rules(stack_file, stack_file.alert_path, stack, known)
    return [*rules.of_subjects(), *rules.of_the_path(), *rules.of_the_roll_call(), *of_spoke]


def rules_per_bus(rules: Iterable[StackRule]) -> dict[str | None, int]:
    """Return the number of rules on each event bus, by its name; None is the default bus."""
    return dict(Counter(rule.bus for rule in rules))


def spoke_settings(stack_file: StackFile, *, portal: bool) -> SpokeSettings | None:
    """Return the settings of a hub's spokes or of a spoke stack; None for another file.

    Args:
        stack_file: the valid stack file.
        portal: True for a spoke in the account that owns Identity Center, or may own it.
    """
    alerts = stack_file.alerts
    if alerts is None or (isinstance(alerts, Alerts) and alerts.organization is None):
        return None
    watch = alerts.watch
    return SpokeSettings(
        partition=partition_of_region(alerts.region),
        roles=tuple(watch.role_arns),
        role_path=watch.role_path,
        users=tuple(watch.user_arns),
        portal=portal,
    )


def _rules_of_spoke(stack_file: StackFile, known: Known) -> Iterator[StackRule]:
    """Yield the rules of the spoke of the stack's own account, if it has one."""
    settings = spoke_settings(stack_file, portal=known.portal_here)
    for rule in spoke_rules(settings) if settings else ():
        evidence = SPOKE if rule.pattern is not None else SCHEDULE
        yield StackRule(rule.name, "", evidence, rule.pattern, rule.state, None)


def watched_subjects(stack_file: StackFile) -> list[Subject]:
    """Return every principal that raises alerts: the break-glass sets first, then what is managed elsewhere."""
    alerts = stack_file.alert_path
    if alerts is None:
        return []
    return [
        *map(PermissionSetSubject, _break_glass_sets(stack_file)),
        *map(PermissionSetSubject, alerts.watch.permission_sets),
        *map(RoleSubject, alerts.watch.role_arns),
        *map(UserSubject, alerts.watch.user_arns),
        *([RootSubject()] if alerts.watch.root else []),
    ]


def access_subject(stack_file: StackFile, stack: str, known: Known) -> AccessSubject | None:
    """Return the access around the approvals that a stack watches; None if there is none to watch."""
    alerts = stack_file.alert_path
    if alerts is None:
        return None
    partition = partition_of_region(alerts.region)
    placeholder = f"arn:{partition}:sso:::permissionSet/ssoins-0000000000000000/ps-{{:016}}"
    sets = _break_glass_sets(stack_file)
    subject = AccessSubject(
        sets=tuple(
            (name, known.sets.get(name, placeholder.format(number))) for number, name in enumerate(sets, start=1)
        ),
        groups=tuple(_groups(stack_file, known)),
        roles=tuple(alerts.watch.role_arns),
        actors=(
            *([_function_role(alerts, stack, known, AppFunction.provisioner)] if stack_file.approvals else ()),
            *(alerts.tamper.deployers if alerts.tamper else ()),
        ),
    )
    return subject if subject.sets or subject.groups or subject.roles else None


def tamper_subject(stack_file: StackFile, stack: str, known: Known) -> TamperSubject | None:
    """Return the tampering that a stack reports; None with `tamper: false`.

    It is about the resources that the stack file names, and those that the stack knows: its own, its secrets, the
    buckets and keys of trails, the API and the policy that ends sessions; of a hub also its spokes, but those of other
    accounts.
    """
    alerts, sets, approvals = stack_file.alert_path, stack_file.permission_sets, stack_file.approvals
    if alerts is None or alerts.tamper is None:
        return None
    tamper = alerts.tamper
    prefixes = _unique(stack_prefix(name) for name in (stack, *tamper.stacks))
    secret_names = (alerts.slack.bot_token_secret_name, approvals.signing_secret_name if approvals else None)
    buckets = [*([tamper.trail_bucket] if tamper.trail_bucket else []), *(sets.trail_buckets if sets else [])]
    keys = [*tamper.keys, *(sets.trail_key_arns if sets else []), alerts.slack.kms_key_arn]
    policy_id = known.session_policy_id if approvals and approvals.end_sessions else None
    # The functions of the approvals write the policy, also where another stack watches it.
    writers = [*([stack] if policy_id else []), *(tamper.stacks if tamper.session_policy else [])]
    return TamperSubject(
        prefixes=prefixes,
        secret_names=_unique(name for name in secret_names if name and not name.startswith(prefixes)),
        trail=tamper.trail,
        buckets=_unique(buckets),
        keys=_unique(key for key in keys if key),
        policy_ids=_unique(each for each in (policy_id, tamper.session_policy) if each),
        api_id=known.api_id if approvals else None,
        deployers=tuple(tamper.deployers),
        functions=_unique(
            _function_role(alerts, writer, known, function)
            for writer in writers
            for function in (AppFunction.provisioner, AppFunction.reconciler)
        ),
        hub=alerts.organization is not None,
        witness=alerts.has_witness,
    )


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def assigned_groups(pairs: Iterable[PairSpec]) -> dict[str, str | None]:
    """Return each group with an assignment of a break-glass set, by its name or ID in the file.

    The value is its ID, or None if only Identity Center knows it.
    """
    assignments = [each for pair in pairs for each in pair.assignments if AssignmentTarget.breakGlass in each.sets]
    principals = [each.principal for each in assignments if each.principal.kind is PrincipalKind.group]
    return {each.text: each.text if each.by_id else None for each in principals}


def _groups(stack_file: StackFile, known: Known) -> Iterator[tuple[str, str]]:
    pairs = stack_file.permission_sets.pairs if stack_file.permission_sets else []
    for number, (name, group_id) in enumerate(assigned_groups(pairs).items(), start=1):
        yield name, group_id or known.groups.get(name, f"0000000000-00000000-0000-0000-0000-{number:012}")


def _break_glass_sets(stack_file: StackFile) -> list[str]:
    return [pair.break_glass_name for pair in (stack_file.permission_sets.pairs if stack_file.permission_sets else ())]


def _function_role(alerts: Alerts, stack: str, known: Known, function: AppFunction) -> str:
    """Return the ARN of the role of a function of a stack's approvals."""
    name = Names(f"{stack}-approvals").function(function)
    return f"arn:{partition_of_region(alerts.region)}:iam::{known.account}:role/{name}"


@dataclass(frozen=True)
class _Rules:
    """The rules of a stack with alerts."""

    stack_file: StackFile
    alerts: Alerts
    stack: str
    known: Known

    def of_subjects(self) -> Iterator[StackRule]:
        """Yield the rules of every subject."""
        alerts = self.alerts
        settings = MessageSettings(
            channel=alerts.slack.channel,
            drill_channel=alerts.slack.drill_channel,
            post_mortem_url=alerts.post_mortem_url,
            partition=self._partition,
            explain=self.stack_file.has_explain_button,
        )
        for watched in self._watched():
            name = f"{self.stack}-{watched.key}"
            rules = planned_rules(name, watched, settings, paths=alerts.evidence_paths, drills=alerts.has_drills)
            for rule in rules:
                evidence = rule.path.value if rule.path else rule.key
                physical = physical_name(f"{name}-{rule.key}")
                bus = self._bus_of(watched, rule.key)
                yield StackRule(physical, watched.key, evidence, rule.pattern, rule.state, rule.build_message, bus)

    def _bus_of(self, watched: Watched, key: str) -> str | None:
        """Return the bus of a rule: that of the hub for the uses of any account.

        Events of the stack's own account alone, and the alarm on the use of keys, come to the default bus.
        """
        of_own_account = isinstance(watched, (AccessSubject, TamperSubject)) or key == KEY_USE_ALARM
        return hub_bus(self.stack) if self.alerts.organization and not of_own_account else None

    def _watched(self) -> Iterator[Watched]:
        yield from watched_subjects(self.stack_file)
        for subject_of in (access_subject, tamper_subject):
            subject = subject_of(self.stack_file, self.stack, self.known)
            if subject is not None:
                yield subject

    def of_the_path(self) -> Iterator[StackRule]:
        """Yield the rule of a lost connection, and the schedules."""
        organization = self.alerts.organization
        confirmed = self.alerts.delivery is Delivery.confirmed
        yield StackRule(
            physical_name(f"{self.stack}-monitoring-lost-connection"),
            "",
            LOST_CONNECTION,
            lost_connection_pattern(*self._way_to_slack(confirmed)),
            RULE_STATE,
            partial(lost_connection_text, confirmed=confirmed),
        )
        scheduled = {
            "slack-probe": self.alerts.probe_seconds,
            "drills": self.alerts.drill_interval_seconds,
            ROLL_CALL: organization and organization.has_roll_call,
            "witness": (organization and organization.witness) or self.alerts.witness_seconds,
            "approvals-reconciler": self.stack_file.approvals,
        }
        for part in (part for part, wanted in scheduled.items() if wanted):
            yield StackRule(physical_name(f"{self.stack}-{part}-schedule"), "", SCHEDULE, None, "ENABLED", None)

    def of_the_roll_call(self) -> Iterator[StackRule]:
        """Yield the rules of the roll call on the bus of the hub."""
        organization = self.alerts.organization
        for rule in roll_call_rules() if organization and organization.has_roll_call else ():
            name = physical_name(f"{self.stack}-{ROLL_CALL}-{rule.key}")
            build = added_region_text if rule.key == ADDED_REGION else None
            yield StackRule(name, "", ROLL_CALL, rule.pattern, RULE_STATE, build, hub_bus(self.stack))

    def _way_to_slack(self, confirmed: bool) -> tuple[str, str | None]:
        """Return the ARNs of the connection and, with direct delivery, of the API destination."""
        of_events = f"arn:{self._partition}:events:{self.alerts.region}:{self.known.account}"
        connection, destination = (
            f"{of_events}:{kind}/{physical_name(f'{self.stack}-slack-{name}')}/00000000-0000-0000-0000-000000000000"
            for kind, name in (("connection", "connection"), ("api-destination", "destination"))
        )
        if confirmed:
            return self.known.connection_arn or connection, None
        return self.known.connection_arn or connection, self.known.destination_arn or destination

    @property
    def _partition(self) -> str:
        return partition_of_region(self.alerts.region)
