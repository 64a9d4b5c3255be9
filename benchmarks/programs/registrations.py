"""AWS resources as a program registered them, and how they are registered again.

Kept as JSON, so that one program can do again what another one did. Inputs have the engine's names (camelCase). A value
that came from elsewhere is an object with one key:

- `$output`: `[resource, attribute]`, an output of an earlier resource, which goes by its `key`;
- `$concat`: parts of a text, some of them outputs;
- `$secret`: a secret value.

Non-goals: components and look-ups, which are not AWS resources.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_aws as aws

OUTPUT, CONCAT, SECRET = "$output", "$concat", "$secret"


@dataclass(frozen=True)
class Registration:
    """One resource.

    Attributes:
        type: the engine's type token, as in `aws:sqs/queue:Queue`.
        name: logical name.
        inputs: inputs in the shape above.
        depends_on: keys of the resources that it waits for besides those its inputs come from.
    """

    type: str
    name: str
    inputs: Mapping[str, Any]
    depends_on: Sequence[str]

    @property
    def key(self) -> str:
        """Names the resource among the others."""
        return f"{self.type} {self.name}"


def save(registrations: Sequence[Registration], file: Path) -> None:
    """Writes registrations; each comes after those that it refers to."""
    file.write_text(json.dumps([asdict(each) for each in registrations], sort_keys=True))


def load(file: Path) -> list[Registration]:
    """Reads what `save` wrote."""
    return [Registration(**each) for each in json.loads(file.read_text())]


def register(registrations: Sequence[Registration]) -> None:
    """Registers resources by plain calls of pulumi_aws, one after the other."""
    made: dict[str, pulumi.Resource] = {}
    for each in registrations:
        # `aws:sqs/queue:Queue` is aws.sqs.Queue.
        module, class_name = each.type.split(":")[1].split("/")[0], each.type.split(":")[2]
        resource_class = getattr(getattr(aws, module), class_name)
        inputs = {_snake_case(name): _value(value, made) for name, value in each.inputs.items()}
        opts = pulumi.ResourceOptions(depends_on=[made[key] for key in each.depends_on])
        made[each.key] = resource_class(each.name, opts=opts, **inputs)


def _snake_case(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()


def _value(value: Any, made: Mapping[str, pulumi.Resource]) -> Any:
    match value:
        case {"$output": [key, attribute]}:
            return getattr(made[cast(str, key)], _snake_case(cast(str, attribute)))
        case {"$concat": [*parts]}:
            return pulumi.Output.concat(*[_value(part, made) for part in parts])
        case {"$secret": secret}:
            return pulumi.Output.secret(secret)
        case dict():
            return {name: _value(each, made) for name, each in value.items()}
        case list():
            return [_value(each, made) for each in value]
        case _:
            return value
