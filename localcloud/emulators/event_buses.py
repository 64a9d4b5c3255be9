"""Event buses as targets of rules, also those of other accounts and regions, which MiniStack drops.

AWS's recorded answers (radkawar/stackd at 9dc356f5, testdata/aws/eventbridge/bus_forwarding.json):

- an event keeps its account and region, and across regions it gets a new id and time;
- it goes from bus to bus once within a region and once across regions, and no further: THIRD_ACCOUNT_HOP_DETECTED and
  THIRD_REGION_HOP_DETECTED;
- the role of the target has to allow `events:PutEvents` on the bus, and so has the policy of a bus of another account;
  a refusal by either is NO_PERMISSIONS, and so is a role that can't be assumed;
- the bus policy is asked with the source and the detail-type of the event, and `events:eventBusInvocation`;
- an event to a bus that does not exist is dropped, without a dead letter;
- a target that is a bus has a role, and neither input nor input transformer nor retry policy;
- a target that is a log group has neither role nor input.

From the EventBridge User Guide: a rule has at most five targets, an event pattern at most 2,048 characters ("Amazon
EventBridge quotas"), and a schedule runs on the default bus only. No recording has the texts of these refusals.

A rule with targets can't be deleted (text: getmoto/moto#5056), nor a bus with rules (text: hashicorp/
terraform-provider-aws#22131).

Non-goals: archives of a bus; its encryption; its log.
"""

import importlib
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulators import clock
from localcloud.emulators.connections import Handler, Response
from localcloud.emulators.delivery import Failure
from localcloud.emulators.permissions import bus_accepts, role_refusal
from localcloud.emulators.scope import scope

# Any: MiniStack has no annotations.
_events: Any = importlib.import_module("ministack.services.eventbridge")

FindOrganization = Callable[[str], str | None]
"""Returns the ID of the organization that an account belongs to; None if it belongs to none."""

_NOT_FOR_BUSES = ("Input", "InputPath", "InputTransformer", "RetryPolicy")
_NOT_FOR_LOG_GROUPS = ("Input", "InputPath", "RoleArn")
_MOST_TARGETS = 5
_LONGEST_PATTERN = 2_048

_FORWARDED = "_Forwarded"
"""Field of an event record: the kinds of hops that the event has behind it."""

_SECOND_HOPS = {
    "account": Failure(
        "THIRD_ACCOUNT_HOP_DETECTED",
        "Events received from another event bus cannot be forwarded to this event bus.",
    ),
    "region": Failure("THIRD_REGION_HOP_DETECTED", "Unknown exception."),
}


def forward(
    bus: Any,
    record: Mapping[str, Any],
    rule: Mapping[str, Any],
    target: Mapping[str, Any],
    find_organization: FindOrganization,
    dispatch: Callable[[dict[str, Any]], None],
) -> Failure | None:
    """Puts an event on the bus that is a rule's target.

    Args:
        bus: ARN of the bus, parsed by MiniStack.
        record: MiniStack's record of the event.
        rule: the rule.
        target: its target.
        find_organization: finds the organization of the rule's account.
        dispatch: gives an event to the rules of its bus, in the scope of the bus.

    Returns:
        The failure; None if the event is on the bus or was dropped.
    """
    region, account = rule["Arn"].split(":")[3:5]
    hop = "region" if bus.region != region else "account"
    passed = record.get(_FORWARDED, ())
    role_arn, bus_arn = target.get("RoleArn"), target["Arn"]
    refusal = role_refusal(role_arn, "events:PutEvents", bus_arn, rule["Arn"])
    if refusal is not None:
        return Failure("NO_PERMISSIONS", refusal[1])
    if hop in passed:
        return _SECOND_HOPS[hop]
    name = bus.resource.partition("/")[2]
    if name != "default" and not _events._event_buses.contains_scoped(bus.account_id, bus.region, name):
        return None
    policy = _events._event_bus_policies.get_scoped(bus.account_id, bus.region, name)
    if not bus_accepts(policy, bus_arn, str(role_arn), record, find_organization(account)):
        return Failure("NO_PERMISSIONS", f"The policy of {bus_arn} does not let {role_arn} put events")
    forwarded = {**record, "EventBusName": name, _FORWARDED: (*passed, hop)}
    if hop == "region":
        forwarded |= {"EventId": str(uuid.uuid4()), "Time": int(clock.now())}
    with scope(bus.account_id, bus.region):
        dispatch(forwarded)
    return None


def make_permission_handler(put_permission: Handler) -> Handler:
    """Return a handler of PutPermission that also takes a whole `Policy`, which MiniStack ignores."""

    def permitted(data: Mapping[str, Any]) -> Response:
        name = data.get("EventBusName", "default")
        if name not in _events._event_buses:
            return _refused("ResourceNotFoundException", f"Event bus {name} does not exist.")
        if "Policy" not in data:
            return put_permission(data)
        _events._event_bus_policies[name] = json.loads(data["Policy"])
        return 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"

    return permitted


def make_rule_handler(put_rule: Handler) -> Handler:
    """Return a handler of PutRule that refuses what AWS refuses and MiniStack takes."""

    def put(data: Mapping[str, Any]) -> Response:
        if len(data.get("EventPattern") or "") > _LONGEST_PATTERN:
            reason = f"the pattern has more than {_LONGEST_PATTERN} characters"
            return _refused("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
        if data.get("ScheduleExpression") and data.get("EventBusName", "default") != "default":
            return _refused("ValidationException", "ScheduleExpression is supported only on the default event bus.")
        return put_rule(data)

    return put


def make_targets_handler(put_targets: Handler) -> Handler:
    """Return a handler of PutTargets that refuses what AWS refuses and MiniStack takes."""

    def put(data: Mapping[str, Any]) -> Response:
        targets = data.get("Targets") or []
        key = _events._rule_key(data.get("Rule"), data.get("EventBusName", "default"))
        ids = {target["Id"] for target in [*(_events._targets.get(key) or ()), *targets]}
        if len(ids) > _MOST_TARGETS:
            return _refused("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
        for target in targets:
            reason = _refusal(target)
            if reason is not None:
                return _refused("ValidationException", reason)
        return put_targets(data)

    return put


def _refusal(target: Mapping[str, Any]) -> str | None:
    """The reason why AWS takes no such target; None if it does."""
    arn = target.get("Arn", "")
    if ":event-bus/" in arn:
        if not target.get("RoleArn"):
            return "RoleArn is required for target that is an event bus."
        kind, names = "an event bus", _NOT_FOR_BUSES
    elif ":log-group:" in arn:
        kind, names = "a log group", _NOT_FOR_LOG_GROUPS
    else:
        return None
    surplus = [name for name in names if target.get(name) is not None]
    return f"{', '.join(surplus)} not supported for target that is {kind}." if surplus else None


def make_delete_handler(delete_event_bus: Handler) -> Handler:
    """Return a handler of DeleteEventBus that refuses a bus with rules, and deletes the policy of one without.

    MiniStack deletes the rules, and keeps the policy.
    """

    def delete(data: Mapping[str, Any]) -> Response:
        name = data.get("Name")
        if name != "default" and any(rule["EventBusName"] == name for rule in _events._rules.values()):
            return _refused("ValidationException", "EventBus can't be deleted since it has rules.")
        answer = delete_event_bus(data)
        if answer[0] == 200:
            _events._event_bus_policies.pop(name, None)
        return answer

    return delete


def make_rule_delete_handler(delete_rule: Handler) -> Handler:
    """Return a handler of DeleteRule that refuses a rule with targets, which MiniStack deletes with it."""

    def delete(data: Mapping[str, Any]) -> Response:
        if _events._targets.get(_events._rule_key(data.get("Name"), data.get("EventBusName", "default"))):
            return _refused("ValidationException", "Rule can't be deleted since it has targets.")
        return delete_rule(data)

    return delete


def _refused(code: str, message: str) -> Response:
    response: Response = _events.error_response_json(code, message, 400)
    return response
