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
from localcloud.provider.values import UNKNOWN, FileArchive, Properties, aws_name, from_aws, to_aws

_SETTINGS = ("role", "handler", "runtime", "memorySize", "timeout")


class Function(ResourceType):
    tok = "aws:lambda/function:Function"
    properties = declare(
        name=Property(replaces=True, autoname=64),
        code=Property(required=True, compare=never_differs),
        codeSha256=Property(),
        role=Property(required=True),
        handler=Property(required=True),
        runtime=Property(required=True),
        architectures=Property(server_set=True),
        description=Property(),
        memorySize=Property(default=128),
        timeout=Property(default=3),
        environment=Property(fields={"variables": Property()}),
        loggingConfig=Property(
            server_set=True,
            fields={
                "logFormat": Property(required=True),
                "logGroup": Property(),
                "applicationLogLevel": Property(),
                "systemLogLevel": Property(),
            },
        ),
        tags=TAGS,
    )
    computed = ("arn", "invokeArn", "qualifiedArn", "version", "sourceCodeSize", "tagsAll")

    def complete(self, inputs: Properties) -> Properties:
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
            Tags=inputs.get("tags"),
            **_configuration(inputs),
        )
        return inputs["name"]

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        """A function can't be invoked before it is Active, nor changed before the last change is done."""
        _wait_until_ready(aws, resource_id)

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        """GetFunction tells all but the code, which AWS doesn't give back as it came."""
        answer = aws.call("lambda", "GetFunction", FunctionName=resource_id)
        function, arn = answer["Configuration"], answer["Configuration"]["FunctionArn"]
        variables = function.get("Environment", {}).get("Variables")
        path = f"arn:aws:apigateway:{aws.region}:lambda:path/2015-03-31/functions"
        return {
            "name": function["FunctionName"],
            **from_aws(function, "codeSha256", *_SETTINGS, "architectures", "description", "version"),
            "environment": {"variables": variables} if variables else None,
            "loggingConfig": _logging_properties(function, state),
            "arn": arn,
            "invokeArn": f"{path}/{arn}/invocations",
            "qualifiedArn": f"{arn}:{function['Version']}",
            "sourceCodeSize": function["CodeSize"],
            **tags.as_properties([{"Key": key, "Value": value} for key, value in answer.get("Tags", {}).items()]),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """Code and configuration have their own operations, and AWS refuses one while the other takes effect."""
        if any(old.get(part) != new.get(part) for part in ("codeSha256", "architectures")):
            code = {"ZipFile": Path(new["code"]).read_bytes(), "Architectures": new.get("architectures")}
            aws.call("lambda", "UpdateFunctionCode", FunctionName=resource_id, **code)
            _wait_until_ready(aws, resource_id)
        if _configuration(old) != _configuration(new):
            aws.call("lambda", "UpdateFunctionConfiguration", **_configuration(new))
            _wait_until_ready(aws, resource_id)
        before, after = old.get("tags", {}), new.get("tags", {})
        if removed := sorted(before.keys() - after.keys()):
            aws.call("lambda", "UntagResource", Resource=old["arn"], TagKeys=removed)
        if after:
            aws.call("lambda", "TagResource", Resource=old["arn"], Tags=after)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("lambda", "DeleteFunction", FunctionName=resource_id)


def _sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _configuration(inputs: Properties) -> dict[str, Any]:
    """Parameters of CreateFunction and UpdateFunctionConfiguration; AWS keeps absent ones, so all are sent."""
    logging = inputs.get("loggingConfig")
    return {
        "FunctionName": inputs["name"],
        **to_aws(inputs, *_SETTINGS),
        "Description": inputs.get("description", ""),
        "Environment": {"Variables": inputs.get("environment", {}).get("variables", {})},
        "LoggingConfig": logging and to_aws(logging, *logging),
    }


def _wait_until_ready(aws: LocalAws, name: str) -> None:
    def status() -> tuple[str, str]:
        answer = aws.call("lambda", "GetFunctionConfiguration", FunctionName=name)
        if answer["State"] not in ("Active", "Inactive"):
            return answer["State"], answer.get("StateReason", "")
        return answer.get("LastUpdateStatus", "Successful"), answer.get("LastUpdateStatusReason", "")

    poll(f"function {name}", status, "Successful", frozenset({"Pending", "InProgress"}))


def _logging_properties(function: Answer, state: Properties) -> Properties | None:
    """AWS tells group and levels also when it chose them: those count only where the program names them."""
    told = function.get("LoggingConfig")
    if told is None:
        return None
    named = state.get("loggingConfig", {"logFormat": None})
    return from_aws(told, *named)


class Permission(ResourceType):
    """A statement of a function's resource policy."""

    tok = "aws:lambda/permission:Permission"
    properties = declare(
        statementId=Property(replaces=True, autoname=100),
        function=Property(required=True, replaces=True),
        action=Property(required=True, replaces=True),
        principal=Property(required=True, replaces=True),
        sourceArn=Property(replaces=True),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """AddPermission; the id is that of the statement."""
        aws.call(
            "lambda",
            "AddPermission",
            FunctionName=inputs["function"],
            **to_aws(inputs, "statementId", "action", "principal", "sourceArn"),
        )
        return inputs["statementId"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """GetPolicy; the statement in AWS's spelling is read back as pulumi-aws does."""
        policy = json.loads(aws.call("lambda", "GetPolicy", FunctionName=state["function"])["Policy"])
        statement = next((item for item in policy["Statement"] if item["Sid"] == resource_id), None)
        if statement is None:
            return None
        source = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn")
        told: Properties = {"action": statement["Action"], "sourceArn": source}
        principal = statement["Principal"]
        if isinstance(principal, dict) and "Service" in principal:
            told["principal"] = principal["Service"]  # an account comes back as the ARN of its root
        return told

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("lambda", "RemovePermission", StatementId=resource_id, FunctionName=state["function"])


_DESTINATION = Property(fields={"destination": Property(required=True)})


class FunctionEventInvokeConfig(ResourceType):
    tok = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
    properties = declare(
        functionName=Property(required=True, replaces=True),
        maximumRetryAttempts=Property(default=2),
        maximumEventAgeInSeconds=Property(server_set=True),
        destinationConfig=Property(fields={"onFailure": _DESTINATION, "onSuccess": _DESTINATION}),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """PutFunctionEventInvokeConfig; the id is the function's name."""
        self.update(aws, "", {}, inputs)
        return inputs["functionName"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("lambda", "GetFunctionEventInvokeConfig", FunctionName=state["functionName"])
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
            aws_name(name): {"Destination": target["destination"]}
            for name, target in new.get("destinationConfig", {}).items()
        }
        aws.call(
            "lambda",
            "PutFunctionEventInvokeConfig",
            FunctionName=new["functionName"],
            DestinationConfig=destinations or None,
            **to_aws(new, "maximumRetryAttempts", "maximumEventAgeInSeconds"),
        )

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("lambda", "DeleteFunctionEventInvokeConfig", FunctionName=state["functionName"])


RESOURCE_TYPES = (Function(), Permission(), FunctionEventInvokeConfig())
