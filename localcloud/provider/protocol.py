"""The provider protocol, written once for every resource type and function in the registry.

AWS calls run in threads, so that the engine's parallel operations stay parallel.

Non-goals: import and `get()` of resources the stack didn't make, explicit provider settings other than `region`.
"""

import asyncio
import json
import os
from collections.abc import Callable
from typing import TypeVar

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckFailure,
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    InvokeRequest,
    InvokeResponse,
    PropertyDiff,
    PropertyDiffKind,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from localcloud.provider import aws
from localcloud.provider.aws import AwsCallError, LocalAws
from localcloud.provider.registry import FUNCTIONS, RESOURCE_TYPES
from localcloud.provider.resource import (
    REGION,
    ResourceType,
    apply_defaults,
    find_differences,
    find_problems,
    generate_name,
    merge_state,
    refresh_inputs,
)
from localcloud.provider.values import UNKNOWN, Properties, decode, encode, secret_names, texts

T = TypeVar("T")

ResourceRequest = CheckRequest | DiffRequest | CreateRequest | ReadRequest | UpdateRequest | DeleteRequest

_PROVIDER_SETTINGS = frozenset({"region", "version", "pluginDownloadURL"})


class StandInError(Exception):
    """An operation failed; the message is for the person who runs the update and holds no secret."""


class CreatedButUnreadableError(StandInError):
    """A resource was created, then couldn't be read. The engine records it by its ID."""

    def __init__(self, resource_id: str, properties: dict[str, PropertyValue], reason: str) -> None:
        super().__init__(reason)
        self.resource_id = resource_id
        self.properties = properties


def _type(request: ResourceRequest) -> str:
    """The resource's own type, without the types of its parents in the URN."""
    return request.type.rsplit("$", 1)[-1]


class StandIn(Provider):
    """The stand-in for the AWS provider."""

    def __init__(self) -> None:
        self._region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION", "")

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        """Accepts the provider settings that the stand-in honours, refuses the others."""
        return CheckResponse(
            inputs=request.new_inputs,
            failures=[
                CheckFailure(name, f"the local cloud's AWS provider has no setting `{name}`, only `region`")
                for name in decode(request.new_inputs).keys() - _PROVIDER_SETTINGS
            ],
        )

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Takes the default region; refuses to work on anything but this machine."""
        if not aws.configured():
            raise StandInError(f"AWS_ENDPOINT_URL doesn't point at this machine: {aws.refusal()}")
        self._region = decode(request.args).get("region", self._region)
        # Unknown values arrive as text and secrets wrapped; resources are referred to by id.
        return ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: CheckRequest) -> CheckResponse:
        """Refuses unknown and missing inputs; fills in names, region and defaults."""
        resource = RESOURCE_TYPES.get(_type(request))
        if resource is None:
            known = ", ".join(sorted(RESOURCE_TYPES))
            reason = f"the local cloud's AWS provider has no resource type {_type(request)}; it serves {known}"
            return CheckResponse(failures=[CheckFailure("", reason)])
        inputs = decode(request.new_inputs)
        if resource.regional:
            inputs.setdefault("region", self._region)
        old = decode(request.old_inputs)
        for name, declared in resource.properties.items():
            if declared.autoname is not None and name not in inputs:
                inputs[name] = old.get(name) or generate_name(request.name, declared.autoname, request.random_seed)
        failures = [CheckFailure(path, reason) for path, reason in find_problems(resource.tok, inputs, resource.inputs)]
        inputs = apply_defaults(inputs, resource.inputs)
        if not failures:
            try:
                inputs = resource.complete(inputs)
            except ValueError as error:
                failures.append(CheckFailure("", f"{resource.tok}: {error}"))
        return CheckResponse(encode(inputs, secret_names(request.new_inputs) | _secret_inputs(resource)), failures)

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """Compares the wanted inputs with the state the cloud was last seen in."""
        resource = RESOURCE_TYPES[_type(request)]
        state, inputs = decode(request.old_state), decode(request.new_inputs)
        changed = find_differences(resource, state, inputs)
        replaces = [name for name in changed if resource.inputs[name].replaces]
        # Two resources can't have one name; the new one of a type without names, or with a new
        # name, is made first.
        same_name = not set(replaces) & set(resource.unique_within) and any(
            declared.autoname is not None and state.get(name) == inputs.get(name)
            for name, declared in resource.properties.items()
        )
        return DiffResponse(
            changes=bool(changed),
            diffs=changed,
            replaces=replaces,
            delete_before_replace=bool(replaces) and same_name,
            detailed_diff={name: _property_diff(name, state, inputs, name in replaces) for name in changed},
        )

    async def create(self, request: CreateRequest) -> CreateResponse:
        """Makes a resource and reads it back; in a preview says what will be known and what not."""
        resource = RESOURCE_TYPES[_type(request)]
        inputs = decode(request.properties)
        secrets = secret_names(request.properties) | _secret_inputs(resource)
        if request.preview:
            outputs = {**dict.fromkeys((*resource.computed, *_left_to_aws(resource, inputs)), UNKNOWN), **inputs}
            return CreateResponse(properties=encode(outputs, secrets))
        location = self._location(inputs)
        resource_id = await _in_thread(lambda: resource.create(location, inputs), inputs, secrets)
        try:
            state = await _in_thread(lambda: _read_made(resource, location, resource_id, inputs), inputs, secrets)
        except Exception as error:  # the resource exists, so the engine must record its ID
            raise CreatedButUnreadableError(resource_id, encode(inputs, secrets), str(error)) from error
        return CreateResponse(resource_id, encode(state, secrets))

    async def read(self, request: ReadRequest) -> ReadResponse:
        """Reads the real state of a resource; one that is gone has no id."""
        resource = RESOURCE_TYPES[_type(request)]
        state, inputs = decode(request.properties), decode(request.inputs)
        if not state:
            raise StandInError(
                f"{resource.tok} can't be imported or looked up by id in the local cloud; create it in the program"
            )
        secrets = secret_names(request.properties) | secret_names(request.inputs) | _secret_inputs(resource)
        location = self._location(state)
        actual = await _in_thread(lambda: _read(resource, location, request.resource_id, state), state, secrets)
        if actual is None:
            return ReadResponse()
        return ReadResponse(
            request.resource_id,
            encode(merge_state(resource, state, actual), secrets),
            encode(refresh_inputs(resource, inputs, actual), secrets),
        )

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """Changes a resource in place and reads it back."""
        resource = RESOURCE_TYPES[_type(request)]
        old, new = decode(request.olds), decode(request.news)
        secrets = secret_names(request.olds) | secret_names(request.news) | _secret_inputs(resource)
        kept = (*resource.computed, *_left_to_aws(resource, new))
        known = {**{name: old[name] for name in kept if name in old}, **new}
        if request.preview:
            return UpdateResponse(encode(known, secrets))
        location = self._location(new)
        await _in_thread(lambda: resource.update(location, request.resource_id, old, new), {**old, **new}, secrets)
        state = await _in_thread(lambda: _read_made(resource, location, request.resource_id, known), known, secrets)
        return UpdateResponse(encode(state, secrets))

    async def delete(self, request: DeleteRequest) -> None:
        """Deletes a resource; one that is gone already is fine."""
        resource = RESOURCE_TYPES[_type(request)]
        state = decode(request.properties)
        location = self._location(state)

        def delete() -> None:
            try:
                resource.delete(location, request.resource_id, state)
            except AwsCallError as error:
                if not error.not_found:
                    raise

        await _in_thread(delete, state, secret_names(request.properties))

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        """Calls a function."""
        function = FUNCTIONS.get(request.tok)
        if function is None:
            known = ", ".join(sorted(FUNCTIONS))
            reason = f"the local cloud's AWS provider has no function {request.tok}; it serves {known}"
            return InvokeResponse(failures=[CheckFailure("", reason)])
        arguments = decode(request.args)
        declared = {**function.arguments, "region": REGION}
        found = find_problems(function.tok, arguments, declared)
        if found:
            return InvokeResponse(failures=[CheckFailure(path, reason) for path, reason in found])
        location = self._location(arguments)
        result = await _in_thread(lambda: function.call(location, arguments), arguments, secret_names(request.args))
        return InvokeResponse(encode({**result, "region": location.region}, function.secret_results))

    def _location(self, properties: Properties) -> LocalAws:
        region = properties.get("region", self._region)
        if not region:
            raise StandInError(
                "no AWS region: give the resource a `region`, set `aws:region` in the stack file, or AWS_DEFAULT_REGION"
            )
        return LocalAws(region)


def _secret_inputs(resource: ResourceType) -> frozenset[str]:
    return frozenset(name for name, declared in resource.inputs.items() if declared.is_secret)


def _left_to_aws(resource: ResourceType, inputs: Properties) -> list[str]:
    return [name for name, declared in resource.inputs.items() if declared.server_set and name not in inputs]


def _property_diff(name: str, state: Properties, inputs: Properties, replaces: bool) -> PropertyDiff:
    kind = "UPDATE" if name in state and name in inputs else "ADD" if name in inputs else "DELETE"
    return PropertyDiff(PropertyDiffKind[f"{kind}_REPLACE" if replaces else kind], input_diff=False)


def _read(resource: ResourceType, location: LocalAws, resource_id: str, state: Properties) -> Properties | None:
    try:
        return resource.read(location, resource_id, state)
    except AwsCallError as error:
        if error.not_found:
            return None
        raise


def _read_made(resource: ResourceType, location: LocalAws, resource_id: str, known: Properties) -> Properties:
    resource.settle(location, resource_id, known)
    actual = _read(resource, location, resource_id, known)
    if actual is None:
        raise AwsCallError(resource.tok, "not found", f"{resource_id} doesn't exist right after it was written")
    return merge_state(resource, known, actual)


async def _in_thread(work: Callable[[], T], properties: Properties, secrets: frozenset[str]) -> T:
    """Runs AWS calls beside the event loop; their errors become readable and lose every secret value."""
    try:
        return await asyncio.to_thread(work)
    except AwsCallError as error:
        hidden = texts([properties[name] for name in secrets if name in properties])
        raise StandInError(redact(str(error), hidden)) from error


def redact(message: str, hidden: set[str]) -> str:
    """Takes secret values out of a message (botocore quotes the value it doesn't like)."""
    for text in sorted(hidden, key=len, reverse=True):
        for spelling in (text, json.dumps(text)[1:-1]):
            if spelling:
                message = message.replace(spelling, "[secret]")
    return message
