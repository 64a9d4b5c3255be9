"""Lambda: functions from ZIP files, permissions to invoke them, and asynchronous invocations.

A function's code is compared by its hash, as AWS tells it: the same bytes at another path are no change, other bytes at
the same path are one. The emulator keeps permissions and asks for none: a missing one doesn't show in the local cloud.

API: https://docs.aws.amazon.com/lambda/latest/api/

Non-goals: code in folders, assets, S3 or images; layers, VPCs, aliases.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import Answer, LocalAws, poll
from localcloud.provider.resource import TAGS, Property, ResourceType, declare, never_differs
from localcloud.provider.values import UNKNOWN, FileArchive, Properties

_UNRESERVED = -1


class Function(ResourceType):
    tok = "aws:lambda/function:Function"
    properties = declare(
        name=Property(replaces=True, autoname=64),
        code=Property(required=True, compare=never_differs),
        codeSha256=Property(),
        sourceCodeHash=Property(),
        role=Property(required=True),
        handler=Property(required=True),
        runtime=Property(required=True),
        architectures=Property(server_set=True),
        description=Property(),
        memorySize=Property(default=128),
        timeout=Property(default=3),
        environment=Property(fields={"variables": Property()}),
        deadLetterConfig=Property(fields={"targetArn": Property(required=True)}),
        loggingConfig=Property(
            server_set=True,
            fields={
                "logFormat": Property(required=True),
                "logGroup": Property(),
                "applicationLogLevel": Property(),
                "systemLogLevel": Property(),
            },
        ),
        tracingConfig=Property(server_set=True, fields={"mode": Property(required=True)}),
        reservedConcurrentExecutions=Property(default=_UNRESERVED),
        publish=Property(default=False),
        tags=TAGS,
    )
    computed = ("arn", "invokeArn", "qualifiedArn", "version", "sourceCodeSize", "tagsAll")

    def completed(self, inputs: Properties) -> Properties:
        """Adds the hash of the code, by which a change of the code is detected.

        The engine does not hand over the archive of an old state, not even its path.
        """
        code = inputs["code"]
        if code == UNKNOWN:
            return {**inputs, "codeSha256": UNKNOWN}
        if not isinstance(code, FileArchive) or not code.path.endswith(".zip"):
            raise ValueError("`code` must be a FileArchive of a .zip file in the local cloud")
        try:
            content = Path(code.path).read_bytes()
        except OSError as error:
            raise ValueError(f"`code` can't be read: {error}") from error
        return {**inputs, "code": code.path, "codeSha256": _sha256(content)}

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateFunction; the id is the function's name."""
        aws.call(
            "lambda",
            "CreateFunction",
            Code={"ZipFile": Path(inputs["code"]).read_bytes()},
            Architectures=inputs.get("architectures"),
            Publish=inputs["publish"],
            Tags=inputs.get("tags"),
            **_configuration({}, inputs),
        )
        _reserve(aws, _UNRESERVED, inputs)
        return inputs["name"]

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        """A function can't be invoked before it is Active, nor changed before the last change is done."""
        _wait_until_ready(aws, resource_id)

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        """GetFunction tells all but the code, which AWS doesn't give back as it came."""
        answer = aws.call("lambda", "GetFunction", FunctionName=resource_id)
        function, arn = answer["Configuration"], answer["Configuration"]["FunctionArn"]
        version = _newest_version(aws, resource_id) if state["publish"] else function["Version"]
        variables = function.get("Environment", {}).get("Variables")
        reserved = answer.get("Concurrency", {}).get("ReservedConcurrentExecutions", _UNRESERVED)
        path = f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions"
        return {
            "name": function["FunctionName"],
            "codeSha256": function["CodeSha256"],
            "role": function["Role"],
            "handler": function["Handler"],
            "runtime": function["Runtime"],
            "architectures": function.get("Architectures"),
            "description": function.get("Description"),
            "memorySize": function["MemorySize"],
            "timeout": function["Timeout"],
            "environment": {"variables": variables} if variables else None,
            "deadLetterConfig": _dead_letters(function),
            "loggingConfig": _logging_properties(function, state),
            "tracingConfig": {"mode": function.get("TracingConfig", {}).get("Mode", "PassThrough")},
            "reservedConcurrentExecutions": reserved,
            "arn": arn,
            "invokeArn": f"{path}/{arn}/invocations",
            "qualifiedArn": f"{arn}:{version}",
            "version": version,
            "sourceCodeSize": function["CodeSize"],
            **tags.as_properties([{"Key": key, "Value": value} for key, value in answer.get("Tags", {}).items()]),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """Code and configuration have their own operations, and AWS refuses one while the other takes effect."""
        name = {"FunctionName": resource_id}
        changed = False
        if any(old.get(part) != new.get(part) for part in ("codeSha256", "sourceCodeHash", "architectures")):
            code = {"ZipFile": Path(new["code"]).read_bytes(), "Architectures": new.get("architectures")}
            aws.call("lambda", "UpdateFunctionCode", **name, **code)
            _wait_until_ready(aws, resource_id)
            changed = True
        if _configuration(old, old) != _configuration(old, new):
            aws.call("lambda", "UpdateFunctionConfiguration", **_configuration(old, new))
            _wait_until_ready(aws, resource_id)
            changed = True
        if new["publish"] and (changed or not old["publish"]):
            aws.call("lambda", "PublishVersion", **name)
        _reserve(aws, old["reservedConcurrentExecutions"], new)
        before, after = old.get("tags", {}), new.get("tags", {})
        if removed := sorted(before.keys() - after.keys()):
            aws.call("lambda", "UntagResource", Resource=old["arn"], TagKeys=removed)
        if after:
            aws.call("lambda", "TagResource", Resource=old["arn"], Tags=after)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("lambda", "DeleteFunction", FunctionName=resource_id)


def _sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _configuration(old: Properties, new: Properties) -> dict[str, Any]:
    """Parameters of CreateFunction and UpdateFunctionConfiguration; AWS keeps absent ones, so all are sent."""
    logging, tracing = new.get("loggingConfig"), new.get("tracingConfig")
    dead_letters = new.get("deadLetterConfig", {}).get("targetArn")
    if dead_letters is None and "deadLetterConfig" in old:
        dead_letters = ""
    return {
        "FunctionName": new["name"],
        "Role": new["role"],
        "Handler": new["handler"],
        "Runtime": new["runtime"],
        "Description": new.get("description", ""),
        "MemorySize": new["memorySize"],
        "Timeout": new["timeout"],
        "Environment": {"Variables": new.get("environment", {}).get("variables", {})},
        "DeadLetterConfig": None if dead_letters is None else {"TargetArn": dead_letters},
        "LoggingConfig": logging and {name[0].upper() + name[1:]: value for name, value in logging.items()},
        "TracingConfig": tracing and {"Mode": tracing["mode"]},
    }


def _wait_until_ready(aws: LocalAws, name: str) -> None:
    def status() -> tuple[str, str]:
        answer = aws.call("lambda", "GetFunctionConfiguration", FunctionName=name)
        if answer["State"] not in ("Active", "Inactive"):
            return answer["State"], answer.get("StateReason", "")
        return answer.get("LastUpdateStatus", "Successful"), answer.get("LastUpdateStatusReason", "")

    poll(f"function {name}", status, "Successful", frozenset({"Pending", "InProgress"}))


def _reserve(aws: LocalAws, before: int, inputs: Properties) -> None:
    name, reserved = {"FunctionName": inputs["name"]}, inputs["reservedConcurrentExecutions"]
    if reserved == before:
        return
    if reserved == _UNRESERVED:
        aws.call("lambda", "DeleteFunctionConcurrency", **name)
    else:
        aws.call("lambda", "PutFunctionConcurrency", ReservedConcurrentExecutions=reserved, **name)


def _newest_version(aws: LocalAws, name: str) -> str:
    versions: list[Answer] = []
    marker: str | None = None
    while True:
        answer = aws.call("lambda", "ListVersionsByFunction", FunctionName=name, Marker=marker)
        versions += answer["Versions"]
        marker = answer.get("NextMarker")
        if not marker:
            return versions[-1]["Version"]


def _dead_letters(function: Answer) -> Properties | None:
    target = function.get("DeadLetterConfig", {}).get("TargetArn")
    return {"targetArn": target} if target else None


def _logging_properties(function: Answer, state: Properties) -> Properties | None:
    """AWS tells group and levels also when it chose them: those count only where the program names them."""
    told = function.get("LoggingConfig")
    if told is None:
        return None
    named = state.get("loggingConfig", {"logFormat": None})
    return {name: told.get(name[0].upper() + name[1:]) for name in named}


class Permission(ResourceType):
    """A statement of a function's resource policy."""

    tok = "aws:lambda/permission:Permission"
    properties = declare(
        statementId=Property(replaces=True, autoname=100),
        function=Property(required=True, replaces=True),
        qualifier=Property(replaces=True),
        action=Property(required=True, replaces=True),
        principal=Property(required=True, replaces=True),
        sourceArn=Property(replaces=True),
        sourceAccount=Property(replaces=True),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """AddPermission; the id is that of the statement."""
        aws.call(
            "lambda",
            "AddPermission",
            FunctionName=inputs["function"],
            Qualifier=inputs.get("qualifier"),
            StatementId=inputs["statementId"],
            Action=inputs["action"],
            Principal=inputs["principal"],
            SourceArn=inputs.get("sourceArn"),
            SourceAccount=inputs.get("sourceAccount"),
        )
        return inputs["statementId"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """GetPolicy; the statement in AWS's spelling is read back as pulumi-aws does."""
        where = {"FunctionName": state["function"], "Qualifier": state.get("qualifier")}
        policy = json.loads(aws.call("lambda", "GetPolicy", **where)["Policy"])
        statement = next((item for item in policy["Statement"] if item["Sid"] == resource_id), None)
        if statement is None:
            return None
        conditions = statement.get("Condition", {})
        told: Properties = {
            "action": statement["Action"],
            "sourceArn": conditions.get("ArnLike", {}).get("AWS:SourceArn"),
            "sourceAccount": conditions.get("StringEquals", {}).get("AWS:SourceAccount"),
        }
        principal = statement["Principal"]
        if isinstance(principal, dict) and "Service" in principal:
            told["principal"] = principal["Service"]  # an account comes back as the ARN of its root
        return told

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        where = {"FunctionName": state["function"], "Qualifier": state.get("qualifier")}
        aws.call("lambda", "RemovePermission", StatementId=resource_id, **where)


_DESTINATION = Property(fields={"destination": Property(required=True)})


class FunctionEventInvokeConfig(ResourceType):
    tok = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    properties = declare(
        functionName=Property(required=True, replaces=True),
        qualifier=Property(replaces=True),
        maximumRetryAttempts=Property(default=2),
        maximumEventAgeInSeconds=Property(server_set=True),
        destinationConfig=Property(fields={"onFailure": _DESTINATION, "onSuccess": _DESTINATION}),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """PutFunctionEventInvokeConfig; the id is the function's name, with the qualifier if there is one."""
        self.update(aws, "", {}, inputs)
        qualifier = inputs.get("qualifier")
        return f"{inputs['functionName']}:{qualifier}" if qualifier else inputs["functionName"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("lambda", "GetFunctionEventInvokeConfig", **_of_function(state))
        destinations = answer.get("DestinationConfig", {})
        return {
            "maximumRetryAttempts": answer.get("MaximumRetryAttempts", 2),
            "maximumEventAgeInSeconds": answer.get("MaximumEventAgeInSeconds"),
            "destinationConfig": {
                "onFailure": {"destination": destinations.get("OnFailure", {}).get("Destination")},
                "onSuccess": {"destination": destinations.get("OnSuccess", {}).get("Destination")},
            },
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutFunctionEventInvokeConfig replaces every setting."""
        destinations = {
            name[0].upper() + name[1:]: {"Destination": target["destination"]}
            for name, target in new.get("destinationConfig", {}).items()
        }
        aws.call(
            "lambda",
            "PutFunctionEventInvokeConfig",
            MaximumRetryAttempts=new["maximumRetryAttempts"],
            MaximumEventAgeInSeconds=new.get("maximumEventAgeInSeconds"),
            DestinationConfig=destinations or None,
            **_of_function(new),
        )

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("lambda", "DeleteFunctionEventInvokeConfig", **_of_function(state))


def _of_function(properties: Properties) -> dict[str, Any]:
    return {"FunctionName": properties["functionName"], "Qualifier": properties.get("qualifier")}


RESOURCE_TYPES = (Function(), Permission(), FunctionEventInvokeConfig())
