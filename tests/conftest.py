"""The harness of the component tests.

`deploy(program)` runs a Pulumi program in this process against a monitor that records what the program registers, and
returns it as plain values for plain asserts. Nothing is deployed and no provider is asked. Where the SDK's own mock
monitor lets things pass, this one is strict: a second resource with the same URN, a resource type or a provider
function that is not described below, and a component that never registers its outputs are errors.

It does not prove that the engine or a provider accepts what is registered, what AWS makes of it, or how a resource
behaves on update: tests/engine does.
"""

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi.runtime.resource
import pytest
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import mocks, settings
from pulumi.runtime.proto import resource_pb2, source_pb2

from breakglass.errors import BreakglassError

# Of each resource the SDK tells the engine the lines of code that made it. No engine is here, and pytest's stack is so
# deep that this takes a fifth of the time.
pulumi.runtime.resource._get_stack_trace = source_pb2.StackTrace

ACCOUNT_ID = "222222222222"
REGION = "eu-central-1"
INSTANCE_ARN = "arn:aws:sso:::instance/ssoins-6904c3a1d5e0b7f2"
IDENTITY_STORE_ID = "d-9967712ab3"
SESSION_POLICY_ARN = "arn:aws:organizations::222222222222:policy/o-abcdefghij/service_control_policy/p-12345678"
EXISTING_TOKEN = "xoxb-kept-in-secrets-manager"


# ----------------------------------------------------------------------------------------------------------------------
# The effects of a program
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Registration:
    """One resource as the program registered it."""

    type: str
    name: str
    urn: str
    parent: str
    """URN of the parent; that of the stack for a resource without one."""
    inputs: dict[str, Any]
    """Inputs under the provider's camelCase names; secrets unwrapped, whole numbers as int."""
    secrets: frozenset[str]
    """Dotted paths of the inputs that were sent as secrets."""
    depends_on: frozenset[str]
    """URNs of the resources this one waits for, by an input or by `depends_on`."""
    custom: bool
    """False for a component."""
    protect: bool
    """Pulumi refuses to delete or replace it."""
    old_parents: frozenset[str]
    """URNs of the parents that it had in earlier versions."""
    delete_timeout: str
    """The time that the provider has to delete it; empty for its own."""
    create_first: bool
    """A replacement is created before the old one is deleted, even if the provider asks for the reverse."""


@dataclass(frozen=True)
class Call:
    """One call of a provider function."""

    token: str
    args: dict[str, Any]


@dataclass(frozen=True)
class Deployment:
    """The registrations, calls and results of a program."""

    resources: list[Registration] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    """The return value of the program, resolved."""
    secret_outputs: set[str] = field(default_factory=set)
    """Those keys of `outputs` that are secret."""
    registered_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By URN, what a component passed to `register_outputs`."""

    def inventory(self) -> set[tuple[str, str]]:
        """Every resource, components included, as (type, name)."""
        return {(resource.type, resource.name) for resource in self.resources}

    def get(self, type_: str, name: str) -> Registration:
        """The one resource of this type and name."""
        (found,) = [resource for resource in self.resources if (resource.type, resource.name) == (type_, name)]
        return found

    def of_type(self, type_: str) -> list[Registration]:
        """All resources of a type, ordered by name; at least one, so that a loop tests something."""
        found = [resource for resource in self.resources if resource.type == type_]
        assert found, f"there is no resource of the type {type_}"
        return sorted(found, key=lambda each: each.name)

    def has_type(self, type_: str) -> bool:
        """True if there is a resource of a type."""
        return any(resource.type == type_ for resource in self.resources)

    def by_urn(self) -> dict[str, Registration]:
        """All resources by URN, to compare two deployments."""
        return {resource.urn: resource for resource in self.resources}


# ----------------------------------------------------------------------------------------------------------------------
# The answers of AWS
# ----------------------------------------------------------------------------------------------------------------------

Inputs = Mapping[str, Any]


def _arn(service: str, resource: str, region: str, account: str = ACCOUNT_ID) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def _on_bus(rule: Inputs) -> str:
    return f"{rule['eventBusName']}/" if "eventBusName" in rule else ""


# By resource type: the attributes AWS adds to the inputs, in the shape it gives them.
COMPUTED: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "aws:apigatewayv2/api:Api": lambda inputs: {
        "apiEndpoint": f"https://a1b2c3d4e5.execute-api.{inputs['region']}.amazonaws.com",
        "executionArn": _arn("execute-api", "a1b2c3d4e5", inputs["region"]),
    },
    "aws:apigatewayv2/integration:Integration": lambda _: {},
    "aws:apigatewayv2/route:Route": lambda _: {},
    "aws:apigatewayv2/stage:Stage": lambda _: {},
    "aws:cloudformation/stackInstances:StackInstances": lambda _: {},
    "aws:cloudformation/stackSet:StackSet": lambda inputs: {
        "stackSetId": f"{inputs['name']}:0a1b2c3d-4e5f-6789-abcd-ef0123456789"
    },
    "aws:cloudwatch/dashboard:Dashboard": lambda _: {},
    "aws:cloudwatch/eventApiDestination:EventApiDestination": lambda inputs: {
        "arn": _arn("events", f"api-destination/{inputs['name']}/2f6d2a51", inputs["region"])
    },
    "aws:cloudwatch/eventBus:EventBus": lambda inputs: {
        "arn": _arn("events", f"event-bus/{inputs['name']}", inputs["region"])
    },
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": lambda _: {},
    "aws:cloudwatch/eventConnection:EventConnection": lambda inputs: {
        "arn": _arn("events", f"connection/{inputs['name']}/8c1e77d4", inputs["region"])
    },
    "aws:cloudwatch/eventRule:EventRule": lambda inputs: {
        "arn": _arn("events", f"rule/{_on_bus(inputs)}{inputs['name']}", inputs["region"])
    },
    "aws:cloudwatch/eventTarget:EventTarget": lambda _: {},
    "aws:cloudwatch/logGroup:LogGroup": lambda inputs: {
        "arn": _arn("logs", f"log-group:{inputs['name']}", inputs["region"])
    },
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": lambda _: {},
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": lambda _: {},
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda inputs: {
        "arn": _arn("cloudwatch", f"alarm:{inputs['name']}", inputs["region"])
    },
    "aws:dynamodb/table:Table": lambda inputs: {"arn": _arn("dynamodb", f"table/{inputs['name']}", inputs["region"])},
    "aws:iam/role:Role": lambda inputs: {"arn": _arn("iam", f"role/{inputs['name']}", "")},
    "aws:iam/rolePolicy:RolePolicy": lambda _: {},
    "aws:lambda/function:Function": lambda inputs: {
        "arn": _arn("lambda", f"function:{inputs['name']}", inputs["region"]),
        "invokeArn": f"arn:aws:apigateway:{inputs['region']}:lambda:path/2015-03-31/functions/{inputs['name']}",
    },
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": lambda _: {},
    "aws:lambda/permission:Permission": lambda _: {},
    "aws:organizations/policy:Policy": lambda _: {"arn": SESSION_POLICY_ARN},
    "aws:organizations/policyAttachment:PolicyAttachment": lambda _: {},
    "aws:secretsmanager/secret:Secret": lambda inputs: {
        "arn": _arn("secretsmanager", f"secret:{inputs['name']}-Zx81Kq", inputs["region"])
    },
    "aws:secretsmanager/secretVersion:SecretVersion": lambda _: {},
    "aws:sfn/stateMachine:StateMachine": lambda inputs: {
        "arn": _arn("states", f"stateMachine:{inputs['name']}", inputs["region"])
    },
    "aws:sns/topic:Topic": lambda inputs: {"arn": _arn("sns", inputs["name"], inputs["region"])},
    "aws:sns/topicPolicy:TopicPolicy": lambda _: {},
    "aws:sns/topicSubscription:TopicSubscription": lambda _: {},
    "aws:sqs/queue:Queue": lambda inputs: {
        "arn": _arn("sqs", inputs["name"], inputs["region"]),
        "url": f"https://sqs.{inputs['region']}.amazonaws.com/{ACCOUNT_ID}/{inputs['name']}",
    },
    "aws:sqs/queuePolicy:QueuePolicy": lambda _: {},
    "aws:ssoadmin/accountAssignment:AccountAssignment": lambda _: {},
    "aws:ssoadmin/customerManagedPolicyAttachment:CustomerManagedPolicyAttachment": lambda _: {},
    "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment": lambda _: {},
    "aws:ssoadmin/permissionSet:PermissionSet": lambda inputs: {
        "arn": f"arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-{inputs['name']}"
    },
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": lambda _: {},
    "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment": lambda _: {},
}

# By provider function: its answer.
ANSWERS: dict[str, Callable[[Inputs], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": lambda _: {"accountId": ACCOUNT_ID},
    "aws:identitystore/getGroup:getGroup": lambda args: {
        "groupId": "id-of-group-" + args["alternateIdentifier"]["uniqueAttribute"]["attributeValue"]
    },
    "aws:identitystore/getGroupMemberships:getGroupMemberships": lambda args: {
        "groupMemberships": [{"memberId": {"userId": f"{number}-of-{args['groupId']}"}} for number in (1, 2)]
    },
    "aws:identitystore/getUser:getUser": lambda args: {
        "userId": "id-of-user-" + args["alternateIdentifier"]["uniqueAttribute"]["attributeValue"]
    },
    "aws:organizations/getOrganization:getOrganization": lambda _: {
        "id": "o-exampleorgid",
        "masterAccountId": ACCOUNT_ID,
        "accounts": [
            {"id": ACCOUNT_ID, "name": "management", "status": "ACTIVE"},
            {"id": "333333333333", "name": "production", "status": "ACTIVE"},
            {"id": "444444444444", "name": "staging", "status": "ACTIVE"},
        ],
        "enabledPolicyTypes": ["SERVICE_CONTROL_POLICY"],
    },
    "aws:secretsmanager/getSecret:getSecret": lambda args: {
        "arn": _arn("secretsmanager", f"secret:{args['name']}-Pw53Lt", args["region"])
    },
    "aws:secretsmanager/getSecretVersion:getSecretVersion": lambda _: {"secretString": EXISTING_TOKEN},
    "aws:ssoadmin/getInstances:getInstances": lambda _: {
        "arns": [INSTANCE_ARN],
        "identityStoreIds": [IDENTITY_STORE_ID],
    },
}


class ProviderError(Exception):
    """Raised by an answer: what the provider says when AWS refuses."""


class Aws(mocks.Mocks):
    """Answers as AWS would, from `COMPUTED` and `ANSWERS`."""

    def __init__(self, answers: Mapping[str, Callable[[Inputs], dict[str, Any]]], *, preview: bool) -> None:
        self.answers = {**ANSWERS, **answers}
        self.preview = preview

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token not in self.answers:
            raise NotImplementedError(f"{args.token} is called; say in ANSWERS of tests/conftest.py what it returns")
        return self.answers[args.token](args.args), []

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if not args.custom:
            return None, {}
        if args.typ not in COMPUTED:
            raise NotImplementedError(
                f"{args.typ} is created; say in COMPUTED of tests/conftest.py what AWS adds to it"
            )
        if self.preview:
            return None, {}
        return f"{args.name}-id", COMPUTED[args.typ](args.inputs)


# ----------------------------------------------------------------------------------------------------------------------
# The monitor
# ----------------------------------------------------------------------------------------------------------------------

# Pulumi's mark of a secret on the wire (pulumi/sdk, runtime/rpc.py).
_SIGNATURE_KEY = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"


def _plain(value: Any, path: str, secrets: set[str]) -> Any:
    """Unwrap secrets, noting their paths, and make whole numbers int again: the wire knows only floats."""
    match value:
        case dict() if value.get(_SIGNATURE_KEY) == _SECRET_SIGNATURE:
            secrets.add(path)
            return _plain(value["value"], path, secrets)
        case dict():
            return {key: _plain(each, f"{path}.{key}" if path else key, secrets) for key, each in value.items()}
        case list():
            return [_plain(each, f"{path}.{index}", secrets) for index, each in enumerate(value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


class Recorder(mocks.MockMonitor):
    """Records what a program does, and answers in the engine's place.

    The SDK calls it from worker threads. It answers without the base class, which makes an event loop in each of them
    and never closes it.
    """

    def __init__(self, deployment: Deployment, aws: Aws) -> None:
        super().__init__(aws)
        self.deployment = deployment
        self.urns: set[str] = set()

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine does it: with the types of all ancestors below the stack."""
        ancestors = parent.split("::")[2] if parent else ""
        if ancestors and ancestors != "pulumi:pulumi:Stack":
            type_ = f"{ancestors}${type_}"
        return f"urn:pulumi:{settings.get_stack()}::{settings.get_project()}::{type_}::{name}"

    def RegisterResource(  # noqa: N802, the name of the RPC
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        if urn in self.urns:
            raise AssertionError(f"duplicate resource URN {urn}")
        self.urns.add(urn)
        secrets: set[str] = set()
        inputs = _plain(json_format.MessageToDict(request.object), "", secrets)
        self.deployment.resources.append(
            Registration(
                type=request.type,
                name=request.name,
                urn=urn,
                parent=request.parent,
                inputs=inputs,
                secrets=frozenset(secrets),
                depends_on=frozenset(request.dependencies),
                custom=request.custom,
                protect=request.protect,
                old_parents=frozenset(each.spec.parentUrn for each in request.aliases),
                delete_timeout=request.customTimeouts.delete,
                create_first=request.deleteBeforeReplaceDefined and not request.deleteBeforeReplace,
            )
        )
        resource_id, computed = self.mocks.new_resource(
            mocks.MockResourceArgs(typ=request.type, name=request.name, inputs=inputs, custom=request.custom)
        )
        # The inputs go back as they came, so that a secret input is a secret output.
        state = struct_pb2.Struct()
        state.CopyFrom(request.object)
        state.update(computed)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=resource_id or "", object=state)

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:  # noqa: N802, RPC
        if request.urn in self.urns:
            outputs = _plain(json_format.MessageToDict(request.outputs), "", set())
            self.deployment.registered_outputs[request.urn] = outputs
        return super().RegisterResourceOutputs(request)

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Any:  # noqa: N802, the name of the RPC
        args = _plain(json_format.MessageToDict(request.args), "", set())
        self.deployment.calls.append(Call(request.tok, args))
        response = resource_pb2.ResourceInvokeResponse()
        try:
            answer, _ = self.mocks.call(mocks.MockCallArgs(request.tok, args, request.provider))
        except ProviderError as error:
            response.failures.add(reason=str(error))
        else:
            getattr(response, "return").update(answer)
        return response


# ----------------------------------------------------------------------------------------------------------------------
# The harness
# ----------------------------------------------------------------------------------------------------------------------

Program = Callable[[], Mapping[str, Any] | None]
"""Creates resources; may return a mapping of outputs."""


def deploy(
    program: Program,
    *,
    answers: Mapping[str, Callable[[Inputs], dict[str, Any]]] | None = None,
    preview: bool = False,
    into: Deployment | None = None,
) -> Deployment:
    """Run a Pulumi program and return what it did.

    Args:
        program: Creates resources; may return a mapping whose values (outputs or plain) end up in `outputs`.
        answers: Provider functions that should answer otherwise than in `ANSWERS`, by token.
        preview: Leave unknown what AWS would add, as `pulumi preview` does before the first `pulumi up`.
        into: Where to record; needed only to see what a program did before it failed.

    Raises:
        Exception: raised by the program, or by a function passed to `.apply`.
    """
    deployment = Deployment() if into is None else into
    # The SDK keeps its settings and the root stack in context variables: a copy per run keeps runs apart.
    contextvars.copy_context().run(_run, program, deployment, Aws(answers or {}, preview=preview))
    for resource in deployment.resources:
        if not resource.custom and resource.urn not in deployment.registered_outputs:
            raise AssertionError(f"{resource.urn} never called register_outputs")
    return deployment


def refusal(program: Program) -> str:
    """Run a Pulumi program that is refused before it registers or calls anything.

    Returns:
        What its author reads, as one line.
    """
    deployment = Deployment()
    with pytest.raises(BreakglassError) as refused:
        deploy(program, into=deployment)
    assert deployment == Deployment(), "the refusal came when something was already registered"
    return " ".join(str(refused.value).split())


def _run(program: Program, deployment: Deployment, aws: Aws) -> None:
    # On exit it ends what a failed program left under way: or that would be warned about in a later test.
    with asyncio.Runner() as runner:
        asyncio.set_event_loop(runner.get_loop())
        try:
            settings.ROOT.set(None)
            monitor = Recorder(deployment, aws)
            pulumi.runtime.set_mocks(aws, project="breakglass", stack="test", preview=aws.preview, monitor=monitor)

            async def resolve(returned: Mapping[str, Any]) -> None:
                for key, value in returned.items():
                    output = pulumi.Output.from_input(value)
                    deployment.outputs[key] = await output.future()
                    if await output.is_secret():
                        deployment.secret_outputs.add(key)

            @pulumi.runtime.test
            def run() -> Any:
                return resolve(program() or {})

            run()
        except BaseException:
            # Besides the error that is raised there are its echoes in all that waited for the same resource.
            runner.get_loop().set_exception_handler(lambda *_: None)
            raise
        finally:
            asyncio.set_event_loop(None)
