"""Breaks a hub and its spokes by calls of AWS, and keeps the record of each call.

As with `localcloud.tampering`, the records go on the buses after all calls of the fault, and repairs are not recorded.
A call in a member account is recorded there.

Non-goals: the expected notices (`localcloud.faults`).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from breakglass.naming import SPOKE_PREFIX
from localcloud.cloud import REGION, RunningCloud
from localcloud.emulators.call_records import Caller
from localcloud.emulators.identity import ACCOUNTS
from localcloud.faults import Fault
from localcloud.organization import Hub
from localcloud.slack_user import wait_until
from localcloud.stack import TRAIL
from localcloud.tampering import RecordedCalls, kept_rules, list_targets

MEMBER, *_ = ACCOUNTS
"""The account whose spoke is broken, and in which the role is used."""

_MEMBER_ADMINISTRATOR = Caller(
    f"arn:aws:iam::{MEMBER}:role/aws-reserved/sso.amazonaws.com/{REGION}/"
    "AWSReservedSSO_AdministratorAccess_0123456789abcdef",
    "mallory@example.com",
)
_ALL_EVENTS = {"ReadWriteType": "All", "IncludeManagementEvents": True}
_OTHER_ORGANIZATION = "o-anotherorg00"


class HubTampering:
    """The faults of a hub and of a spoke.

    Args:
        hub: the deployed hub.
    """

    def __init__(self, hub: Hub) -> None:
        self._cloud: RunningCloud = hub.cloud
        self._calls = RecordedCalls(hub.cloud)
        self._rule = hub.rule
        self._bus = {"EventBusName": hub.bus}
        self._faults: Mapping[Fault, Callable[[], AbstractContextManager[None]]] = {
            Fault.spoke_deleted: self._deleted_spoke,
            Fault.spoke_rule_disabled: self._disabled_spoke_rule,
            Fault.hub_rule_disabled: self._disabled_rule,
            Fault.hub_target_removed: self._removed_target,
            Fault.hub_bus_deleted: self._deleted_bus,
            Fault.bus_policy_edited: self._edited_policy,
            Fault.event_dropped: nullcontext,
            Fault.trail_without_read_events: self._trail_without_read_events,
        }

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the calls, in order."""
        return self._calls.records

    def make(self, fault: Fault) -> AbstractContextManager[None]:
        """Make a fault on entry, with its records; repair it on exit."""
        return self._faults[fault]()

    @contextmanager
    def _deleted_spoke(self) -> Iterator[None]:
        stacks = self._cloud.client("cloudformation", MEMBER)
        (stack,) = (
            each for each in stacks.describe_stacks()["Stacks"] if each["StackName"].startswith("StackSet-breakglass-")
        )
        name, template = stack["StackName"], stacks.get_template(StackName=stack["StackName"])["TemplateBody"]
        self._calls.make("cloudformation", "DeleteStack", _MEMBER_ADMINISTRATOR, StackName=name)
        _wait_for_state(stacks, name, "DELETE_COMPLETE")
        yield
        stacks.create_stack(
            StackName=name,
            TemplateBody=template if isinstance(template, str) else json.dumps(template),
            Parameters=stack["Parameters"],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        _wait_for_state(stacks, name, "CREATE_COMPLETE")

    @contextmanager
    def _disabled_spoke_rule(self) -> Iterator[None]:
        name = f"{SPOKE_PREFIX}sessions"
        with kept_rules(self._cloud.client("events", MEMBER), [name]):
            self._calls.make("events", "DisableRule", _MEMBER_ADMINISTRATOR, Name=name)
            yield

    @contextmanager
    def _disabled_rule(self) -> Iterator[None]:
        with self._kept_rules():
            self._calls.make("events", "DisableRule", Name=self._rule, **self._bus)
            yield

    @contextmanager
    def _removed_target(self) -> Iterator[None]:
        with self._kept_rules():
            self._calls.make("events", "RemoveTargets", Rule=self._rule, Ids=["slack"], **self._bus)
            yield

    @contextmanager
    def _deleted_bus(self) -> Iterator[None]:
        events = self._cloud.client("events")
        bus = events.describe_event_bus(Name=self._bus["EventBusName"])
        pages = events.get_paginator("list_rules").paginate(**self._bus)
        rules = [rule["Name"] for page in pages for rule in page["Rules"]]
        with kept_rules(events, rules, **self._bus):
            for rule in rules:
                ids = [target["Id"] for target in list_targets(events, rule, **self._bus)]
                if ids:
                    self._calls.make("events", "RemoveTargets", Rule=rule, Ids=ids, **self._bus)
                self._calls.make("events", "DeleteRule", Name=rule, **self._bus)
            self._calls.make("events", "DeleteEventBus", Name=bus["Name"])
            yield
            events.create_event_bus(Name=bus["Name"])
            events.put_permission(**self._bus, Policy=bus["Policy"])

    @contextmanager
    def _edited_policy(self) -> Iterator[None]:
        events = self._cloud.client("events")
        policy = events.describe_event_bus(Name=self._bus["EventBusName"])["Policy"]
        other = json.loads(policy)
        for statement in other["Statement"]:
            statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"] = _OTHER_ORGANIZATION
        self._calls.make("events", "PutPermission", **self._bus, Policy=json.dumps(other))
        yield
        events.put_permission(**self._bus, Policy=policy)

    @contextmanager
    def _trail_without_read_events(self) -> Iterator[None]:
        writes = {**_ALL_EVENTS, "ReadWriteType": "WriteOnly"}
        self._calls.make("cloudtrail", "PutEventSelectors", TrailName=TRAIL, EventSelectors=[writes])
        yield
        self._cloud.client("cloudtrail").put_event_selectors(TrailName=TRAIL, EventSelectors=[_ALL_EVENTS])

    def _kept_rules(self) -> AbstractContextManager[None]:
        return kept_rules(self._cloud.client("events"), [self._rule], **self._bus)


def _wait_for_state(stacks: Any, name: str, state: str) -> None:
    """Wait until a stack of CloudFormation is in a state; one that is gone is deleted."""

    def is_there() -> bool | None:
        found = {each["StackName"]: each["StackStatus"] for each in stacks.describe_stacks()["Stacks"]}
        return found.get(name, "DELETE_COMPLETE") == state or None

    wait_until(is_there, f"stack {name} in state {state}")
