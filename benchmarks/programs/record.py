"""`python -m benchmarks.programs.record PROGRAM FILE`: records the AWS resources that a program registers.

The program runs without an engine; every text that it could read from a resource is a mark by which it is found again
in the inputs of another one.
"""

import asyncio
import re
import runpy
import sys
import threading
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks
from pulumi.runtime.proto import resource_pb2

from benchmarks.programs.registrations import CONCAT, OUTPUT, SECRET, Registration, save

# Pulumi's mark of a secret on the wire (pulumi/sdk, runtime/rpc.py).
_SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"

# An ARN, because our policies take account and region from some.
_MARK = "arn:aws:benchmark:eu-central-1:111111111111:{resource}/{attribute}."
_MARKS = re.compile(r"(arn:aws:benchmark:eu-central-1:111111111111:\d+/\w+\.)")

_GET_ORGANIZATION = "aws:organizations/getOrganization:getOrganization"

_ATTRIBUTES = ("arn", "url")
"""Computed attributes that other resources use."""


class _NoMocks(mocks.Mocks):
    """The monitor answers by itself."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        if args.token == _GET_ORGANIZATION:
            # The answer in an account without an organization.
            return dict[str, Any](), [("", "AWSOrganizationsNotInUseException")]
        raise NotImplementedError(f"{args.token} is called, and the bare program calls no function")

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise NotImplementedError(args.typ)


class _Recorder(mocks.MockMonitor):
    """Records resources instead of the engine; the SDK calls it from worker threads."""

    def __init__(self) -> None:
        super().__init__(_NoMocks())
        self.registrations: list[Registration] = []
        self._outputs: dict[str, tuple[str, str]] = {}
        self._keys: dict[str, str] = {}
        self._lock = threading.Lock()

    def RegisterResource(  # noqa: N802, the name of the RPC
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        with self._lock:
            urn = f"{request.parent} {request.type} {request.name}"
            if not request.custom:
                return resource_pb2.RegisterResourceResponse(urn=urn)
            return self._register(urn, request)

    def _register(
        self, urn: str, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        inputs = json_format.MessageToDict(request.object)
        from_inputs = {urn for each in request.propertyDependencies.values() for urn in each.urns}
        depends_on = sorted(self._keys[each] for each in set(request.dependencies) - from_inputs)
        recorded = {name: self._recorded(value) for name, value in inputs.items()}
        registration = Registration(request.type, request.name, recorded, depends_on)
        if registration.key in self._keys.values():
            raise AssertionError(f"two resources are called {registration.key}; without components they would collide")
        number = len(self.registrations)
        self.registrations.append(registration)
        self._keys[urn] = registration.key

        texts = [name for name, value in inputs.items() if isinstance(value, str)]
        state = {name: _MARK.format(resource=number, attribute=name) for name in (*texts, *_ATTRIBUTES)}
        self._outputs |= {mark: (registration.key, name) for name, mark in state.items()}
        response = resource_pb2.RegisterResourceResponse(urn=urn, id=f"id-{number}")
        response.object.update({**inputs, **state})
        return response

    def _recorded(self, value: Any) -> Any:
        match value:
            case dict() if _SIGNATURE_KEY in value:
                return {SECRET: value["value"]}
            case dict():
                return {name: self._recorded(each) for name, each in value.items()}
            case list():
                return [self._recorded(each) for each in value]
            case str():
                parts = [self._part(part) for part in _MARKS.split(value) if part]
                return {CONCAT: parts} if len(parts) > 1 else parts[0] if parts else ""
            case float() if value.is_integer():
                # The wire knows no whole numbers.
                return int(value)
            case _:
                return value

    def _part(self, part: str) -> Any:
        return {OUTPUT: list(self._outputs[part])} if part in self._outputs else part


def record(program: Path) -> list[Registration]:
    """Runs a program and returns what it registered. Once in a process: the SDK keeps its settings."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    recorder = _Recorder()
    pulumi.runtime.set_mocks(recorder.mocks, project="benchmark", stack="local", preview=False, monitor=recorder)

    @pulumi.runtime.test
    def run() -> None:
        runpy.run_path(str(program), run_name="__main__")

    run()
    return recorder.registrations


if __name__ == "__main__":
    save(record(Path(sys.argv[1])), Path(sys.argv[2]))
