"""The check `trail`: a trail logs read and write management events of the region.

CloudTrail hands events to EventBridge only where a trail logs them. STS and the access portal record the use of a role
as read events (`AssumeRole`, `GetRoleCredentials`), so a trail of write events alone is not enough.

Sources: EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; CloudTrail API Reference,
"AdvancedFieldSelector", "GetEventSelectors".

Non-goals: changes of a trail, its bucket and its key (see `tampering`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.app.aws.aws import AwsError
from breakglass.cli.deployment import Deployment
from breakglass.cli.doctor.alert_path import RULE
from breakglass.cli.doctor.check import Check, Judgement, Sources
from breakglass.cli.doctor.finding import Status

READ, WRITE = "read", "write"

_BOTH = frozenset({READ, WRITE})
_BASIC = {"All": _BOTH, "ReadOnly": frozenset({READ}), "WriteOnly": frozenset({WRITE})}
_BY_FIELD = {"true": frozenset({READ}), "false": frozenset({WRITE})}

# The sources with most events, which many trails exclude. Few stacks have a rule about them.
_HARMLESS = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})

_DO = (
    "Create a multi-Region trail that logs all management events (the first copy is free of charge), or change one: "
    "docs/runbooks/first-deploy.md."
)


@dataclass(frozen=True)
class Trail:
    """A trail that records events of the region.

    Attributes:
        name: its name.
        logs: False if its logging is stopped.
        events: the management events that it logs completely: `read`, `write`.
        narrowed: those that it logs only partly.
        refused: AWS's error code, if its status or selectors can't be read.
    """

    name: str
    logs: bool = False
    events: frozenset[str] = frozenset()
    narrowed: frozenset[str] = frozenset()
    refused: str = ""


@dataclass(frozen=True)
class Recording:
    """The records that the rules of a region wait for.

    Attributes:
        region: the region.
        sources: the event sources that the rules name, e.g. `sts.amazonaws.com`.
    """

    region: str
    sources: frozenset[str]


def _subjects(deployment: Deployment) -> list[Recording]:
    sources: dict[str, set[str]] = {}
    for rule in deployment.of_type(RULE):
        pattern = str(rule.get("eventPattern"))
        if "CloudTrail" in pattern:
            sources.setdefault(rule.region, set()).update(_named_sources(pattern))
    return [Recording(region, frozenset(named)) for region, named in sorted(sources.items())]


def _named_sources(pattern: str) -> Iterator[str]:
    """Yield the event sources of a pattern; KMS only if the pattern names a key."""
    for source in json.loads(pattern).get("source") or ():
        if isinstance(source, str) and (source != "aws.kms" or ":key/" in pattern):
            yield f"{source.removeprefix('aws.')}.amazonaws.com"


def _look(sources: Sources, recording: Recording) -> list[Trail]:
    aws = sources.aws(recording.region)
    listed = aws.call("cloudtrail", "DescribeTrails", includeShadowTrails=True).get("trailList") or ()
    return [_look_at_trail(sources, recording, trail) for trail in listed]


def _look_at_trail(sources: Sources, recording: Recording, trail: Mapping[str, Any]) -> Trail:
    name, arn, region = str(trail.get("Name")), trail.get("TrailARN"), recording.region
    try:
        # The status is one of this region, the selectors are those of the trail's own region.
        logs = sources.aws(region).call("cloudtrail", "GetTrailStatus", Name=arn).get("IsLogging") is True
        selectors = sources.aws(str(trail.get("HomeRegion") or region)).call(
            "cloudtrail", "GetEventSelectors", TrailName=arn
        )
    except AwsError as error:
        return Trail(name, refused=error.code)
    return Trail(name, logs, *logged_events(selectors, _HARMLESS - recording.sources))


def logged_events(
    selectors: Mapping[str, Any], harmless: frozenset[str] = _HARMLESS
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the management events that a trail logs completely, and those that it logs only partly.

    Args:
        selectors: an answer of GetEventSelectors, with basic or advanced selectors.
        harmless: event sources that a complete trail may exclude.
    """
    whole, partial = frozenset[str](), frozenset[str]()
    for basic in selectors.get("EventSelectors") or ():
        if basic.get("IncludeManagementEvents", True):
            events = _BASIC.get(basic.get("ReadWriteType", "All"), frozenset[str]())
            if harmless.issuperset(basic.get("ExcludeManagementEventSources") or ()):
                whole |= events
            else:
                partial |= events
    for advanced in selectors.get("AdvancedEventSelectors") or ():
        fields = advanced.get("FieldSelectors") or ()
        if not any(field.get("Field") == "eventCategory" and field.get("Equals") == ["Management"] for field in fields):
            continue
        events = _BOTH
        for field in fields:
            if field.get("Field") == "readOnly":
                events &= frozenset[str]().union(*(_BY_FIELD.get(value, ()) for value in field.get("Equals") or ()))
        if all(_is_harmless(field, harmless) for field in fields):
            whole |= events
        else:
            partial |= events
    return whole, partial - whole


def _is_harmless(field: Mapping[str, Any], harmless: frozenset[str]) -> bool:
    if field.get("Field") in ("eventCategory", "readOnly"):
        return True
    others = {key for key, value in field.items() if key not in ("Field", "NotEquals") and value}
    return field.get("Field") == "eventSource" and not others and harmless.issuperset(field.get("NotEquals") or ())


def judge_trails(recording: Recording, trails: Sequence[Trail]) -> list[Judgement]:
    """Return a problem unless the trails together log all read and write management events."""
    region, logging = recording.region, [trail for trail in trails if trail.logs]
    missing = _BOTH - frozenset[str]().union(*(trail.events for trail in logging))
    if not missing:
        return []
    lacks = " and ".join(sorted(missing))
    unread = [trail for trail in trails if trail.refused]
    if unread:
        names = ", ".join(f"{trail.name} ({trail.refused})" for trail in unread)
        return [
            Judgement(
                Status.unknown,
                f"No readable trail logs all {lacks} management events of {region}, and AWS does not show these "
                f"trails: {names}.",
                "Allow cloudtrail:GetTrailStatus and cloudtrail:GetEventSelectors on them; for a trail of the "
                "organization, run the command once in the account that owns it, or ask its owners.",
            )
        ]
    if not trails:
        return [Judgement(Status.fail, f"No trail records events of {region}.", _DO)]
    if not logging:
        names = ", ".join(trail.name for trail in trails)
        return [Judgement(Status.fail, f"Logging is stopped on every trail of {region}: {names}.", f"Start it. {_DO}")]
    if missing <= frozenset[str]().union(*(trail.narrowed for trail in logging)):
        return [
            Judgement(
                Status.warn,
                f"The trails of {region} exclude some {lacks} management events, by event source or another field.",
                "Make sure that no record of these event sources is excluded, which the rules of this stack need: "
                f"{', '.join(sorted(recording.sources))}. {_DO}",
            )
        ]
    return [Judgement(Status.fail, f"No trail logs the {lacks} management events of {region}.", _DO)]


TRAIL = Check(
    name="trail",
    why="CloudTrail hands an event to EventBridge only where a trail logs it; without that, no alert ever comes.",
    subjects=_subjects,
    look=_look,
    judge=judge_trails,
    ok="a trail logs all read and write management events of the region",
    actions=("cloudtrail:DescribeTrails", "cloudtrail:GetTrailStatus", "cloudtrail:GetEventSelectors"),
    name_subject=lambda recording: f"the trails of {recording.region}",
)
