"""Declarations of the stand-in's resource types and functions, and the comparisons that follow from them.

A resource type is a small class: its token, its inputs as `Property` values, and the AWS calls. Everything the provider
protocol asks (unknown inputs, defaults, differences, replacement, secrets) follows from the declarations, here, by pure
functions. Inputs, outputs and what replaces are those of pulumi-aws 7 (https://www.pulumi.com/registry/packages/aws/).
"""

import difflib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from localcloud.provider.aws import AwsCallError, LocalAws
from localcloud.provider.values import UNKNOWN, Plain, Properties


def as_is(value: Plain) -> object:
    """Compares a value as it is written."""
    return value


def as_document(value: Plain) -> object:
    """Compares a JSON document by what it says: neither order of keys nor white space counts."""
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        return value


def as_set(value: Plain) -> object:
    """Compares a list whose order AWS doesn't keep."""
    return sorted(value, key=_text) if isinstance(value, list) else value


def _text(value: Plain) -> str:
    return json.dumps(value, sort_keys=True)


def never_differs(value: Plain) -> object:
    """Compares nothing: another property tells whether the value says something new."""
    return None


@dataclass(frozen=True)
class Property:
    """One input of a resource type or function."""

    required: bool = False
    replaces: bool = False
    """A change makes a new resource instead of updating this one."""
    default: Plain = None
    """pulumi-aws's default for an absent value."""
    server_set: bool = False
    """AWS chooses an absent value, so any value of the resource is no difference."""
    secret: bool = False
    compare: Callable[[Plain], object] = as_is
    autoname: int | None = None
    """An absent name is generated from the resource's name, at most this long."""
    fields: Mapping[str, "Property"] | None = None
    """The value is an object with these properties."""
    items: Mapping[str, "Property"] | None = None
    """The value is a list of objects with these properties."""

    @property
    def is_secret(self) -> bool:
        """True if the value, or a part of it, is always secret."""
        nested = {**(self.fields or {}), **(self.items or {})}
        return self.secret or any(inner.is_secret for inner in nested.values())


def declare(**properties: Property) -> Mapping[str, Property]:
    """The inputs of a resource type or the arguments of a function, by their names in pulumi-aws."""
    return MappingProxyType(properties)


TAGS = Property()
REGION = Property(replaces=True)


class ProviderFunction(ABC):
    """A function (data source) of pulumi-aws."""

    tok: ClassVar[str]
    arguments: ClassVar[Mapping[str, Property]]
    secret_results: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        """Returns the function's result."""


class ResourceType(ABC):
    """A resource type of pulumi-aws."""

    tok: ClassVar[str]
    regional: ClassVar[bool] = True
    properties: ClassVar[Mapping[str, Property]]
    computed: ClassVar[tuple[str, ...]] = ()
    """Outputs that are no inputs."""
    unique_within: ClassVar[tuple[str, ...]] = ()
    """Inputs within which a name is unique: if one of them changes, the new resource is made first."""

    def complete(self, inputs: Properties) -> Properties:
        """The inputs with those that follow from others, for example the hash of a file; none by default.

        Raises:
            ValueError: if they can't be told; the message is for the person who runs the update.
        """
        return inputs

    @abstractmethod
    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """Makes the resource and returns its id."""

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:  # noqa: B027  most types have no wait
        """Waits until what create or update began has taken effect; nothing to wait for by default."""

    @abstractmethod
    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """Asks the cloud for the resource's real state.

        Args:
            aws: where to ask.
            resource_id: the resource's id.
            state: the last known state; what identifies the resource is taken from it.

        Returns:
            Every property the cloud can tell, None for those it doesn't have. None if the resource doesn't exist
            (an `AwsCallError` that says so does as well).
        """

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """Changes the resource from state `old` to inputs `new`; never called when a property that replaces differs."""
        raise AwsCallError(self.tok, "no update", "every input of this type replaces the resource")

    @abstractmethod
    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """Deletes the resource. An `AwsCallError` that says it doesn't exist is fine."""

    @property
    def inputs(self) -> dict[str, Property]:
        """All inputs, with the `region` that every regional resource has since pulumi-aws 7."""
        return {**self.properties, "region": REGION} if self.regional else dict(self.properties)


def find_problems(owner: str, given: Plain, declared: Mapping[str, Property], path: str = "") -> list[tuple[str, str]]:
    """The problems of inputs: unknown names, missing values, wrong shapes.

    Returns:
        (path of the property, reason) of each problem.
    """
    if given == UNKNOWN:
        return []
    if not isinstance(given, Mapping):
        return [(path, f"{owner}: `{path}` must be an object, got {type(given).__name__}")]
    found: list[tuple[str, str]] = []
    prefix = f"{path}." if path else ""
    for name, value in given.items():
        full = f"{prefix}{name}"
        inner = declared.get(name)
        if inner is None:
            found.append(
                (full, f"{owner} has no input `{full}` in the local cloud's AWS provider.{_hint(name, declared)}")
            )
        elif inner.fields is not None:
            found += find_problems(owner, value, inner.fields, full)
        elif inner.items is not None and value != UNKNOWN:
            if not isinstance(value, list):
                found.append((full, f"{owner}: `{full}` must be a list, got {type(value).__name__}"))
                continue
            for index, item in enumerate(value):
                found += find_problems(owner, item, inner.items, f"{full}[{index}]")
    for name, inner in declared.items():
        if inner.required and given.get(name) is None:
            found.append((f"{prefix}{name}", f"{owner} needs the input `{prefix}{name}`"))
    return found


def _hint(name: str, declared: Mapping[str, Property]) -> str:
    near = difflib.get_close_matches(name, declared, n=1)
    if near:
        return f" Did you mean `{near[0]}`?"
    return f" It knows {', '.join(sorted(declared))}; what AWS has besides is to be added in localcloud/provider."


def apply_defaults(given: Properties, declared: Mapping[str, Property]) -> Properties:
    """Fills in the defaults, also inside nested objects."""
    filled = dict(given)
    for name, inner in declared.items():
        value = filled.get(name)
        if value is None and inner.default is not None:
            filled[name] = inner.default
        elif isinstance(value, dict) and inner.fields is not None:
            filled[name] = apply_defaults(value, inner.fields)
        elif isinstance(value, list) and inner.items is not None:
            filled[name] = [apply_defaults(item, inner.items) if isinstance(item, dict) else item for item in value]
    return filled


def generate_name(resource_name: str, limit: int, seed: bytes) -> str:
    """Makes a physical name from the resource's name in the program, as pulumi-aws does: `<name>-<7 hex digits>`."""
    return f"{resource_name[: limit - 8]}-{seed.hex()[:7]}"


def canonicalize(value: Plain, declared: Property) -> object:
    """The value as it is compared: None, empty and absent are equal, also inside nested values."""
    if isinstance(value, Mapping) and declared.fields is not None:
        known = ((name, canonicalize(value.get(name), inner)) for name, inner in declared.fields.items())
        value = {name: item for name, item in known if item is not None}
    elif isinstance(value, list) and declared.items is not None:
        value = [canonicalize(item, Property(fields=declared.items)) for item in value]
    return None if value in (None, "", [], {}) else declared.compare(value)


def find_differences(resource: ResourceType, state: Properties, inputs: Properties) -> list[str]:
    """The inputs in which the wanted resource differs from the state the cloud was last seen in."""
    return [
        name
        for name, declared in resource.inputs.items()
        if not (declared.server_set and inputs.get(name) is None)
        and canonicalize(state.get(name), declared) != canonicalize(inputs.get(name), declared)
    ]


def merge_state(resource: ResourceType, known: Properties, actual: Properties) -> Properties:
    """The known state of a resource, updated with the cloud's.

    A value that says the same keeps its known spelling (JSON text, order of a set); what the cloud doesn't tell (secret
    values, settings of the deletion) stays.
    """
    result = dict(known)
    for name, value in actual.items():
        declared = resource.inputs.get(name, Property())
        if canonicalize(value, declared) != canonicalize(known.get(name), declared):
            result[name] = value
    return {name: value for name, value in result.items() if value is not None}


def refresh_inputs(resource: ResourceType, inputs: Properties, actual: Properties) -> Properties:
    """The inputs that refresh writes into the state: those that lead to the cloud's values."""
    told = {
        name: value
        for name, value in actual.items()
        if (declared := resource.inputs.get(name)) is not None
        and not (declared.server_set and inputs.get(name) is None)
    }
    return merge_state(resource, inputs, told)
