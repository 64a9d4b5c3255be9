"""Step Functions: state machines.

API: https://docs.aws.amazon.com/step-functions/latest/apireference/

Non-goals: versions, aliases, encryption with a key of one's own.
"""

from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import AwsCallError, LocalAws, poll
from localcloud.provider.resource import TAGS, Property, ResourceType, as_document, declare
from localcloud.provider.values import Properties

_GONE = "gone"


class StateMachine(ResourceType):
    tok = "aws:sfn/stateMachine:StateMachine"
    properties = declare(
        name=Property(replaces=True, autoname=80),
        definition=Property(required=True, compare=as_document),
        roleArn=Property(required=True),
        loggingConfiguration=Property(
            server_set=True,
            fields={
                "level": Property(),
                "includeExecutionData": Property(default=False),
                "logDestination": Property(),
            },
        ),
        tags=TAGS,
    )
    computed = ("arn", "creationDate", "revisionId", "status", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateStateMachine; the id is the machine's ARN."""
        named = {"name": inputs["name"], "tags": _tag_list(tags.as_list(inputs))}
        answer = aws.call("stepfunctions", "CreateStateMachine", **named, **_machine(inputs))
        return answer["stateMachineArn"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """DescribeStateMachine and the machine's tags; one that is being deleted is gone."""
        answer = aws.call("stepfunctions", "DescribeStateMachine", stateMachineArn=resource_id)
        if answer["status"] == "DELETING":
            return None
        tagged = aws.call("stepfunctions", "ListTagsForResource", resourceArn=resource_id)["tags"]
        return {
            "name": answer["name"],
            "definition": answer["definition"],
            "roleArn": answer["roleArn"],
            "loggingConfiguration": _logging(answer.get("loggingConfiguration", {})),
            "arn": resource_id,
            "creationDate": answer["creationDate"].isoformat(),
            "revisionId": answer.get("revisionId"),
            "status": answer["status"],
            **tags.as_properties([{"Key": tag["key"], "Value": tag["value"]} for tag in tagged]),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateStateMachine keeps what isn't sent; executions that run go on with the old definition."""
        aws.call("stepfunctions", "UpdateStateMachine", stateMachineArn=resource_id, **_machine(new))
        written, removed = tags.changes(old, new)
        if removed:
            aws.call("stepfunctions", "UntagResource", resourceArn=resource_id, tagKeys=removed)
        if written:
            aws.call("stepfunctions", "TagResource", resourceArn=resource_id, tags=_tag_list(written))

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeleteStateMachine; AWS first ends the executions that run, so the name is free only then."""
        aws.call("stepfunctions", "DeleteStateMachine", stateMachineArn=resource_id)

        def status() -> tuple[str, str]:
            try:
                answer = aws.call("stepfunctions", "DescribeStateMachine", stateMachineArn=resource_id)
            except AwsCallError as error:
                if error.not_found:
                    return _GONE, ""
                raise
            return answer["status"], ""

        poll(f"DeleteStateMachine {resource_id}", status, _GONE, frozenset({"DELETING"}))


def _machine(inputs: Properties) -> dict[str, Any]:
    return {
        "definition": inputs["definition"],
        "roleArn": inputs["roleArn"],
        "loggingConfiguration": _logging_parameters(inputs.get("loggingConfiguration")),
    }


def _logging_parameters(logging: Properties | None) -> dict[str, Any] | None:
    if logging is None:
        return None
    group = logging.get("logDestination")
    return {
        "level": logging.get("level", "OFF"),
        "includeExecutionData": logging["includeExecutionData"],
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}] if group else [],
    }


def _logging(answer: dict[str, Any]) -> Properties:
    destinations = answer.get("destinations") or []
    return {
        "level": answer.get("level", "OFF"),
        "includeExecutionData": answer.get("includeExecutionData", False),
        "logDestination": destinations[0]["cloudWatchLogsLogGroup"]["logGroupArn"] if destinations else None,
    }


def _tag_list(listed: tags.TagList | None) -> list[dict[str, str]] | None:
    """Step Functions alone writes the names of a tag in lower case."""
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in listed] if listed else None


RESOURCE_TYPES = (StateMachine(),)
