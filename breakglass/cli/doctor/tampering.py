"""The checks `tampering` and `global-events`: a rule would report that the alerts, or their records, are cut off.

A deleted rule does not report its own deletion, so another stack has to watch this one (`tamper.stacks`). IAM, AWS
Organizations and the sign-ins of root are recorded in us-east-1 (or its like in the partition), so a stack there has to
watch them (`globalEventsStack`).

EventBridge itself says which rules an event would match (TestEventPattern). The events are made here, as CloudTrail
would record them. Their caller is an IAM user; no rule leaves IAM users out.

Sources: EventBridge API Reference, "TestEventPattern"; CloudTrail User Guide, "Global service events". That a trail is
changed in its home region only: CloudTrail API Reference, "UpdateTrail" (InvalidHomeRegionException).

Non-goals: a changed or disabled rule of this stack (see `alert_path`); the targets of another stack's rules.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from breakglass.cli.aws_client import AwsOperations
from breakglass.cli.deployment import Deployment
from breakglass.cli.doctor.alert_path import CONNECTION_TYPE, RULE
from breakglass.cli.doctor.check import Check, Judgement, Sources, list_pages
from breakglass.cli.doctor.finding import Status
from breakglass.cli.stack_outputs import GLOBAL_EVENTS_STACK_OUTPUT, RULE_NAMES_OUTPUT, SESSION_POLICY_OUTPUT
from breakglass.naming import ALERT_PATH_PREFIX, SPOKE_PREFIX, stack_prefix
from breakglass.vocabulary import global_events_region

Event = Mapping[str, Any]
"""An event as CloudTrail puts it on the bus, JSON."""

ROLE_TYPE = "aws:iam/role"


@dataclass(frozen=True)
class Place:
    """An account and region, where an event is recorded."""

    account: str
    region: str


# --- events -----------------------------------------------------------------------------------------------------------


def call_event(place: Place, service: str, operation: str, parameters: Mapping[str, Any]) -> Event:
    """Return the event of a change by an IAM user.

    Args:
        place: where it is recorded.
        service: the service's name in events, e.g. `events`.
        operation: its name in CloudTrail.
        parameters: the parameters of the request.
    """
    detail = {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": operation,
        "readOnly": False,
        "managementEvent": True,
        "requestParameters": parameters,
        "userIdentity": {"type": "IAMUser", "accountId": place.account, "userName": "doctor"},
    }
    return _event(place, service, "AWS API Call via CloudTrail", detail)


def root_sign_in_event(place: Place) -> Event:
    """Return the event of a console sign-in of the root user."""
    detail = {
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "readOnly": False,
        "responseElements": {"ConsoleLogin": "Success"},
        "userIdentity": {"type": "Root", "accountId": place.account},
    }
    return _event(place, "signin", "AWS Console Sign In via CloudTrail", detail)


def _event(place: Place, service: str, detail_type: str, detail: Mapping[str, Any]) -> Event:
    return {
        "version": "0",
        "id": "00000000-0000-0000-0000-000000000000",
        "detail-type": detail_type,
        "source": f"aws.{service}",
        "account": place.account,
        "time": "2026-01-01T00:00:00Z",
        "region": place.region,
        "resources": [],
        "detail": {**detail, "awsRegion": place.region, "recipientAccountId": place.account},
    }


# --- rules ------------------------------------------------------------------------------------------------------------


def list_rules(aws: AwsOperations, prefix: str = ALERT_PATH_PREFIX) -> list[Mapping[str, Any]]:
    """Return the rules of the default bus with this prefix of their names that are not disabled."""
    listed = list_pages(aws, "Rules", "events", "ListRules", NamePrefix=prefix)
    return [rule for rule in listed if rule.get("State") != "DISABLED"]


def matching_rules(aws: AwsOperations, rules: Sequence[Mapping[str, Any]], event: Event) -> frozenset[str]:
    """Return the names of the rules that an event would match, as EventBridge says."""
    text = json.dumps(event)
    found: set[str] = set()
    for rule in rules:
        pattern = str(rule.get("EventPattern") or "")
        if pattern and not _differs(json.loads(pattern), event):
            answer = aws.call("events", "TestEventPattern", EventPattern=pattern, Event=text)
            if answer.get("Result") is True:
                found.add(str(rule.get("Name")))
    return frozenset(found)


def _differs(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Return true if a field of the event surely differs from the pattern, which saves a call."""
    for name, wanted in pattern.items():
        found = event.get(name)
        if isinstance(wanted, dict):
            if isinstance(found, dict) and _differs(wanted, found):
                return True
        elif name != "$or" and isinstance(found, str | None) and found not in wanted:
            if all(isinstance(each, str) for each in wanted):
                return True
    return False


@dataclass(frozen=True)
class _Buses:
    """The default buses of the regions, each listed once."""

    sources: Sources
    _rules: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    def matching(self, place: Place, event: Event) -> frozenset[str]:
        """Return the names of all rules of this product that an event would match."""
        aws = self.sources.aws(place.region)
        if place.region not in self._rules:
            self._rules[place.region] = list_rules(aws)
        return matching_rules(aws, self._rules[place.region], event)


# --- the stack and the trail ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StackRules:
    """The rules of the stack in a region."""

    place: Place
    names: frozenset[str]


@dataclass(frozen=True)
class TrailWatch:
    """A trail that records the events of the region.

    Attributes:
        name: its name.
        region: its home region, in which its changes are recorded.
        owner: ID of its account.
        is_watched: True if a rule would report that it is stopped.
        unwatched: its bucket and its key, of which no rule would report a change.
    """

    name: str
    region: str
    owner: str
    is_watched: bool = False
    unwatched: tuple[str, ...] = ()


@dataclass(frozen=True)
class TamperReport:
    """The rules that would report tampering.

    Attributes:
        own: those of this stack that would report that one of its rules is deleted.
        others: those of other stacks.
        trails: the trails that record the events of the region.
    """

    own: frozenset[str]
    others: frozenset[str]
    trails: tuple[TrailWatch, ...]


def _stack_rules(deployment: Deployment) -> list[StackRules]:
    if not deployment.of_type(CONNECTION_TYPE):
        return []
    # A program may have rules of its own beside the components. Those of spokes are the business of the roll call.
    rules = [
        rule
        for rule in deployment.of_type(RULE)
        if rule.physical_name.startswith(ALERT_PATH_PREFIX) and not rule.physical_name.startswith(SPOKE_PREFIX)
    ]
    return [
        StackRules(
            Place(deployment.account, region), frozenset(rule.physical_name for rule in rules if rule.region == region)
        )
        for region in sorted({rule.region for rule in rules})
    ]


def _look_at_watchers(sources: Sources, stack: StackRules) -> TamperReport:
    place, buses = stack.place, _Buses(sources)
    matched = buses.matching(place, call_event(place, "events", "DeleteRule", {"name": min(stack.names)}))
    answer = sources.aws(place.region).call("cloudtrail", "DescribeTrails", includeShadowTrails=True)
    trails = tuple(_look_at_trail(buses, place, trail) for trail in answer.get("trailList") or ())
    return TamperReport(matched & stack.names, matched - stack.names, trails)


def _look_at_trail(buses: _Buses, place: Place, trail: Mapping[str, Any]) -> TrailWatch:
    name, arn = str(trail.get("Name")), str(trail.get("TrailARN"))
    home = Place(place.account, str(trail.get("HomeRegion") or place.region))
    owner = arn.split(":")[4]
    if owner != place.account:
        return TrailWatch(name, home.region, owner)
    stopped = buses.matching(home, call_event(home, "cloudtrail", "StopLogging", {"name": arn}))
    unwatched = tuple(_unwatched(buses, home, trail)) if stopped else ()
    return TrailWatch(name, home.region, owner, bool(stopped), unwatched)


def _unwatched(buses: _Buses, home: Place, trail: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of `tamper` for the bucket and the key of a trail that no rule watches."""
    bucket, key = trail.get("S3BucketName"), str(trail.get("KmsKeyId") or "")
    # Changes of a bucket are recorded in its own region, which is seldom another one.
    if bucket and not buses.matching(home, call_event(home, "s3", "PutBucketPolicy", {"bucketName": bucket})):
        yield f"trailBucket: {bucket}"
    parts = key.split(":")
    # The bucket and the key may be of another account, whose events do not come here.
    if len(parts) > 4 and parts[4] == home.account:
        place = Place(home.account, parts[3])
        if not buses.matching(place, call_event(place, "kms", "ScheduleKeyDeletion", {"keyId": key})):
            yield f"keys: [{key}]"


def judge_watchers(stack: StackRules, report: TamperReport) -> list[Judgement]:
    """Return the gaps in the alerts about tampering with a stack and its trail."""
    region = stack.place.region
    if not report.own:
        return [
            Judgement(
                Status.warn,
                f"No rule of this stack reports tampering with its resources in {region}.",
                "Remove `tamper: false` from the section `alerts`, and run `pulumi up`; or repair what `rule` finds.",
            )
        ]
    problems: list[Judgement] = []
    if not report.others:
        problems.append(
            Judgement(
                Status.warn,
                f"No other stack of this account watches the rules of this stack in {region}.",
                "Deploy a small stack with `alerts` in the same account and region, and name this stack in its "
                "`tamper.stacks`.",
                "A rule that is deleted first can't report its own deletion.",
            )
        )
    return [*problems, *_judge_trails(stack, report.trails)]


def _judge_trails(stack: StackRules, trails: Sequence[TrailWatch]) -> Iterator[Judgement]:
    own = [trail for trail in trails if trail.owner == stack.place.account]
    for trail in trails:
        if trail.owner != stack.place.account and not own:
            yield Judgement(
                Status.ok,
                f"The trail {trail.name} belongs to account {trail.owner}: only a stack there sees that it is changed.",
                "",
            )
    # One of several trails is enough for the alerts.
    if own and not any(trail.is_watched for trail in own):
        names = ", ".join(f"{trail.name} ({trail.region})" for trail in own)
        yield Judgement(
            Status.warn,
            f"No rule reports that a trail of this account is stopped: {names}.",
            f"Name it in `alerts.tamper` of a stack in its region: `trail: {own[0].name}`.",
            "Without a trail that logs, EventBridge gets no events, and no alert comes.",
        )
    for trail in own:
        if trail.unwatched:
            yield Judgement(
                Status.warn,
                f"No rule reports changes of what the trail {trail.name} needs: {', '.join(trail.unwatched)}.",
                f"Write this into `alerts.tamper` of a stack in {trail.region}, and run `pulumi up`. A bucket of "
                "another account is watched by a stack there only.",
                "A changed bucket or key loses the records, by which a use is explained.",
            )


TAMPERING = Check(
    name="tampering",
    why="A person who changes the alert path unseen can then use a break-glass role unseen.",
    subjects=_stack_rules,
    look=_look_at_watchers,
    judge=judge_watchers,
    ok="tampering with the stack and its trail is reported, also by another stack",
    actions=("cloudtrail:DescribeTrails", "events:ListRules", "events:TestEventPattern"),
    name_subject=lambda stack: f"the rules about tampering in {stack.place.region}",
)


# --- the region of global events --------------------------------------------------------------------------------------


def global_events_stack(deployment: Deployment) -> str:
    """Return the name of the stack in the region of the global events, or an empty text."""
    return str(deployment.outputs.get(GLOBAL_EVENTS_STACK_OUTPUT) or "")


@dataclass(frozen=True)
class GlobalEvents:
    """Events that a stack watches, and that are recorded in another region.

    Attributes:
        place: the account, and the region in which they are recorded.
        region: the stack's region.
        stack: the name of the stack there; empty if none is named.
        events: each event, by what it is about.
        names: the rules of this stack.
    """

    place: Place
    region: str
    stack: str
    events: Mapping[str, Event]
    names: frozenset[str]


def _global_events(deployment: Deployment) -> list[GlobalEvents]:
    [stack] = _stack_rules(deployment)[:1] or [None]
    if stack is None or stack.place.region == global_events_region(stack.place.region):
        return []
    place = Place(stack.place.account, global_events_region(stack.place.region))
    events = {"sign-ins of root": root_sign_in_event(place)}
    for user in _watched_users(deployment, place.account):
        parameters = {"userName": user}
        events[f"new credentials of the user {user}"] = call_event(place, "iam", "CreateAccessKey", parameters)
    roles = sorted(
        role.physical_name for role in deployment.of_type(ROLE_TYPE) if role.physical_name.startswith(ALERT_PATH_PREFIX)
    )
    if roles:
        changed = call_event(place, "iam", "PutRolePolicy", {"roleName": roles[0]})
        events["changes of the IAM roles of this stack"] = changed
    if policy := deployment.outputs.get(SESSION_POLICY_OUTPUT):
        detached = call_event(place, "organizations", "DetachPolicy", {"policyId": policy})
        events["changes of the policy that ends sessions"] = detached
    return [GlobalEvents(place, stack.place.region, global_events_stack(deployment), events, stack.names)]


def _watched_users(deployment: Deployment, account: str) -> list[str]:
    """Return the names of the watched IAM users of an account; keys of rules are `user-NAME-ACCOUNT`."""
    keys = map(str, deployment.outputs.get(RULE_NAMES_OUTPUT) or ())
    begin, end = "user-", f"-{account}"
    return [key[len(begin) : -len(end)] for key in keys if key.startswith(begin) and key.endswith(end)]


@dataclass(frozen=True)
class GlobalReport:
    """The events that this stack watches, and that no rule in the region of the global events reports.

    Attributes:
        missing: the events, by what they are about.
        has_rules: True if the stack there has any rule.
    """

    missing: tuple[str, ...]
    has_rules: bool


def _look_at_global_events(sources: Sources, asked: GlobalEvents) -> GlobalReport:
    here = sources.aws(asked.region)
    own = [rule for rule in list_rules(here) if rule.get("Name") in asked.names]
    wanted = {what: event for what, event in asked.events.items() if matching_rules(here, own, event)}
    if not asked.stack:
        return GlobalReport(tuple(wanted), has_rules=False)
    there = sources.aws(asked.place.region)
    rules = list_rules(there, stack_prefix(asked.stack))
    missing = [what for what, event in wanted.items() if not matching_rules(there, rules, event)]
    return GlobalReport(tuple(missing), bool(rules))


def judge_global_events(asked: GlobalEvents, report: GlobalReport) -> list[Judgement]:
    """Return a problem if no stack in the region of the global events reports what this stack watches."""
    region = asked.place.region
    if not report.missing:
        return []
    missing = ", ".join(report.missing)
    if not asked.stack:
        return [
            Judgement(
                Status.warn,
                f"This stack names no stack in {region}, so it is unknown whether any rule reports: {missing}.",
                f"Deploy a stack with `alerts` in {region} of this account, and name it in `alerts.globalEventsStack`: "
                "docs/runbooks/first-deploy.md.",
            )
        ]
    if not report.has_rules:
        return [
            Judgement(
                Status.fail,
                f"The stack {asked.stack} has no enabled rule in {region}.",
                f"Deploy it in {region} of this account, or correct `alerts.globalEventsStack`.",
            )
        ]
    return [
        Judgement(
            Status.fail,
            f"No enabled rule of the stack {asked.stack} in {region} reports: {missing}.",
            "Give that stack the same section `watch`, this stack's name under `tamper.stacks`, and with `endSessions` "
            f"`tamper.sessionPolicy`; run `pulumi up` there, then `breakglass doctor --stack {asked.stack}`.",
        )
    ]


GLOBAL_EVENTS = Check(
    name="global-events",
    why="Sign-ins of root and the events of IAM are recorded in one region only; a rule elsewhere never sees them.",
    subjects=_global_events,
    look=_look_at_global_events,
    judge=judge_global_events,
    ok="the stack in the region of the global events reports what this stack watches there",
    actions=("events:ListRules", "events:TestEventPattern"),
    name_subject=lambda asked: f"the rules in {asked.place.region}",
)
