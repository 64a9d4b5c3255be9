"""EventBridge in memory: rules of several stacks and regions, and a second matcher in place of TestEventPattern."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from breakglass.alerts.patterns import RULE_STATE, alert_rules, pattern_json
from breakglass.alerts.subjects import TamperSubject, Watched
from breakglass.cli.deployment import Resource
from breakglass.naming import physical_name
from tests.events.matcher import matches
from tests.unit.cli.doctor.doubles import REGION, MemoryAws, resource


@dataclass
class Buses:
    """The rules of each region, as ListRules shows them."""

    rules: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, stack: str, *subjects: Watched, region: str = REGION, state: str = RULE_STATE) -> list[Resource]:
        """Create the rules of a stack's subjects, and return them as deployed."""
        deployed = []
        for subject in subjects:
            for rule in alert_rules(subject):
                name, pattern = physical_name(f"{stack}-{subject.key}-{rule.key}"), pattern_json(rule.pattern)
                self.rules.setdefault(region, []).append({"Name": name, "State": state, "EventPattern": pattern})
                deployed.append(resource("aws:cloudwatch/eventRule", name, region=region, eventPattern=pattern))
        return deployed

    def aws(self, **answers: Any) -> MemoryAws:
        """AWS with these rules and other answers."""
        return RegionalAws({**answers, "TestEventPattern": _test}, buses=self)


@dataclass
class RegionalAws(MemoryAws):
    """AWS whose ListRules answers with the rules of its region."""

    buses: Buses = field(default_factory=Buses)

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        if operation != "ListRules" or operation in self.answers:
            return super().call(service, operation, **arguments)
        self.calls.append((self.region, service, operation, arguments))
        listed = self.buses.rules.get(self.region, [])
        return {"Rules": [rule for rule in listed if rule["Name"].startswith(arguments["NamePrefix"])]}


def _test(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {"Result": matches(json.loads(arguments["EventPattern"]), json.loads(arguments["Event"]))}


def tamper(*stacks: str, **named: Any) -> TamperSubject:
    """Tampering with these stacks."""
    return TamperSubject(prefixes=tuple(f"breakglass-{stack}-" for stack in stacks), **named)
