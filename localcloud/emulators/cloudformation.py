"""CloudFormation behaviour that the stacks of spokes depend on and MiniStack lacks.

- A rule is made by PutRule and PutTargets, with their checks; MiniStack writes it as it is.
- A rule, role or queue with a given name fails if one of this name exists ("Resource handler returned message: ...
  already exists"); MiniStack overwrites it.
- A condition knows the account and the region ("Get AWS values using pseudo parameters"); MiniStack takes their names
  for values.

Non-goals: other types; stacks that take over a resource (import).
"""

import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulators.hooks import require_hooks

Create = Callable[[str, Mapping[str, Any], str], tuple[str, dict[str, Any]]]
"""Makes a resource from its logical ID, its properties and the name of its stack; returns its ID and its attributes."""

_COMPARED = ("EventPattern", "ScheduleExpression", "State")
_GIVEN_TO_RULE = ("State", "Description", "ScheduleExpression")
_RULE, _ROLE, _QUEUE = "AWS::Events::Rule", "AWS::IAM::Role", "AWS::SQS::Queue"

# Any: MiniStack has no annotations.
_events: Any = importlib.import_module("ministack.services.eventbridge")
_iam: Any = importlib.import_module("ministack.services.iam")
_sqs: Any = importlib.import_module("ministack.services.sqs")
_responses: Any = importlib.import_module("ministack.core.responses")


def install() -> None:
    """Replaces functions of the MiniStack of this process; it loads MiniStack's CloudFormation, which takes a moment.

    Raises:
        RuntimeError: if this MiniStack is not built as the one that this was written for.
    """
    provisioners: Any = importlib.import_module("ministack.services.cloudformation.provisioners")
    require_hooks(provisioners, "_RESOURCE_HANDLERS", "_eb_rule_apply_tags", "_eb_rule_bus_name", "_physical_name")
    require_hooks(_events, "_ensure_default_bus", "_put_rule", "_put_targets", "_rule_key", "_rules")
    require_hooks(_iam, "_roles")
    require_hooks(_sqs, "_queue_name_to_url")
    drift: Any = importlib.import_module("ministack.services.cloudformation.drift")
    require_hooks(drift, "_DRIFT_READERS")
    drift._DRIFT_READERS[_RULE] = (_make_read_rule(provisioners), frozenset(_COMPARED))
    handlers = provisioners._RESOURCE_HANDLERS
    handlers[_RULE]["create"] = _make_create_rule(provisioners)
    handlers[_ROLE]["create"] = _refusing(_ROLE, "RoleName", _iam._roles, handlers[_ROLE]["create"])
    handlers[_QUEUE]["create"] = _refusing(_QUEUE, "QueueName", _sqs._queue_name_to_url, handlers[_QUEUE]["create"])
    for name in ("changesets", "handlers", "stacks"):
        module: Any = importlib.import_module(f"ministack.services.cloudformation.{name}")
        require_hooks(module, "_evaluate_conditions")
        module._evaluate_conditions = _knowing_the_place(module._evaluate_conditions)


def _knowing_the_place(evaluate: Callable[..., dict[str, bool]]) -> Callable[..., dict[str, bool]]:
    def evaluating(template: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, bool]:
        place = {"AWS::AccountId": _responses.get_account_id(), "AWS::Region": _responses.get_region()}
        return evaluate(template, {**{name: {"Value": value} for name, value in place.items()}, **parameters})

    return evaluating


def _refusing(type_name: str, name_property: str, existing: Any, create: Create) -> Create:
    def creating(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        name = properties.get(name_property)
        if name in existing:
            raise _exists(type_name, name)
        return create(logical_id, properties, stack_name)

    return creating


def _make_create_rule(provisioners: Any) -> Create:
    def creating(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> tuple[str, dict[str, Any]]:
        _events._ensure_default_bus()
        name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=64)
        bus = provisioners._eb_rule_bus_name(properties)
        key = _events._rule_key(name, bus)
        if key in _events._rules:
            raise _exists(_RULE, name)
        pattern = properties.get("EventPattern")
        given = {field: properties[field] for field in _GIVEN_TO_RULE if field in properties}
        if pattern is not None:
            given["EventPattern"] = pattern if isinstance(pattern, str) else json.dumps(pattern)
        _require_success(_events._put_rule({"Name": name, "EventBusName": bus, **given}))
        targets = properties.get("Targets") or []
        if targets:
            _require_success(_events._put_targets({"Rule": name, "EventBusName": bus, "Targets": targets}))
        arn = _events._rules[key]["Arn"]
        provisioners._eb_rule_apply_tags(arn, [], properties.get("Tags") or [])
        return name, {"Arn": arn, "RuleName": name}

    return creating


def _make_read_rule(provisioners: Any) -> Callable[[str, Mapping[str, Any]], dict[str, Any] | None]:
    def read(name: str, properties: Mapping[str, Any]) -> dict[str, Any] | None:
        rule = _events._rules.get(_events._rule_key(name, provisioners._eb_rule_bus_name(properties)))
        if rule is None:
            return None
        pattern = rule["EventPattern"]
        return {**{name: rule[name] for name in _COMPARED}, "EventPattern": json.loads(pattern) if pattern else None}

    return read


def _require_success(answer: tuple[int, Mapping[str, str], bytes]) -> None:
    status, _, body = answer
    if status != 200:
        raise ValueError(json.loads(body).get("message"))


def _exists(type_name: str, name: object) -> ValueError:
    return ValueError(f"Resource of type '{type_name}' with identifier '{name}' already exists.")
