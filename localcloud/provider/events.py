"""EventBridge: connections, API destinations, buses, rules and targets (pulumi-aws keeps them in `cloudwatch`).

API: https://docs.aws.amazon.com/eventbridge/latest/APIReference/
"""

from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import Answer, AwsCallError, LocalAws, poll
from localcloud.provider.resource import TAGS, Property, ResourceType, as_document, declare
from localcloud.provider.values import Properties, from_aws, to_aws

_API_KEY = Property(fields={"key": Property(required=True), "value": Property(required=True, secret=True)})


class EventConnection(ResourceType):
    """A connection with an API key, the one kind that Slack's `Authorization: Bearer` header needs."""

    tok = "aws:cloudwatch/eventConnection:EventConnection"
    properties = declare(
        name=Property(replaces=True, autoname=64),
        description=Property(),
        authorizationType=Property(required=True),
        authParameters=Property(required=True, fields={"apiKey": _API_KEY}),
        kmsKeyIdentifier=Property(),
    )
    computed = ("arn", "secretArn")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        aws.call("events", "CreateConnection", Name=inputs["name"], **_connection(inputs))
        return inputs["name"]

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        """A connection delivers nothing before it is AUTHORIZED."""

        def status() -> tuple[str, str]:
            answer = aws.call("events", "DescribeConnection", Name=resource_id)
            return answer["ConnectionState"], answer.get("StateReason", "")

        pending = frozenset({"CREATING", "UPDATING", "AUTHORIZING"})
        poll(f"connection {resource_id}", status, "AUTHORIZED", pending)

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        """DescribeConnection tells the name of the key, never its value: that is kept from the state."""
        answer = aws.call("events", "DescribeConnection", Name=resource_id)
        known_key = state["authParameters"]["apiKey"]
        real_key = answer["AuthParameters"]["ApiKeyAuthParameters"]["ApiKeyName"]
        return {
            **from_aws(answer, "name", "description", "authorizationType", "kmsKeyIdentifier"),
            "authParameters": {"apiKey": {**known_key, "key": real_key}},
            "arn": answer["ConnectionArn"],
            "secretArn": answer["SecretArn"],
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateConnection; without a description AWS keeps the old one, so it is sent empty."""
        parameters = {**_connection(new), "Description": new.get("description", "")}
        aws.call("events", "UpdateConnection", Name=resource_id, **parameters)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("events", "DeleteConnection", Name=resource_id)


def _connection(inputs: Properties) -> dict[str, Any]:
    key = inputs["authParameters"].get("apiKey", {})
    return {
        **to_aws(inputs, "description", "authorizationType", "kmsKeyIdentifier"),
        "AuthParameters": {"ApiKeyAuthParameters": {"ApiKeyName": key.get("key"), "ApiKeyValue": key.get("value")}},
    }


_DESTINATION = ("description", "connectionArn", "httpMethod", "invocationEndpoint", "invocationRateLimitPerSecond")


class EventApiDestination(ResourceType):
    tok = "aws:cloudwatch/eventApiDestination:EventApiDestination"
    properties = declare(
        name=Property(replaces=True, autoname=64),
        description=Property(),
        connectionArn=Property(required=True),
        httpMethod=Property(required=True),
        invocationEndpoint=Property(required=True),
        invocationRateLimitPerSecond=Property(default=300),
    )
    computed = ("arn",)

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        aws.call("events", "CreateApiDestination", **to_aws(inputs, "name", *_DESTINATION))
        return inputs["name"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("events", "DescribeApiDestination", Name=resource_id)
        return {**from_aws(answer, "name", *_DESTINATION), "arn": answer["ApiDestinationArn"]}

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateApiDestination; without a description AWS keeps the old one, so it is sent empty."""
        parameters = {**to_aws(new, *_DESTINATION), "Description": new.get("description", "")}
        aws.call("events", "UpdateApiDestination", Name=resource_id, **parameters)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("events", "DeleteApiDestination", Name=resource_id)


class EventBus(ResourceType):
    """An event bus that is not the default one."""

    tok = "aws:cloudwatch/eventBus:EventBus"
    properties = declare(
        name=Property(replaces=True, autoname=256),
        description=Property(),
        tags=TAGS,
    )
    computed = ("arn", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        aws.call("events", "CreateEventBus", Tags=tags.as_list(inputs), **to_aws(inputs, "name", "description"))
        return inputs["name"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("events", "DescribeEventBus", Name=resource_id)
        tagged = aws.call("events", "ListTagsForResource", ResourceARN=answer["Arn"])
        return {
            **from_aws(answer, "name", "description", "arn"),
            **tags.as_properties(tagged["Tags"]),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateEventBus; without a description AWS keeps the old one, so it is sent empty. Tags have own calls."""
        aws.call("events", "UpdateEventBus", Name=resource_id, Description=new.get("description", ""))
        tags.write(aws, "events", old, new, ResourceARN=old["arn"])

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("events", "DeleteEventBus", Name=resource_id)


class EventBusPolicy(ResourceType):
    """The whole policy of a bus."""

    tok = "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
    properties = declare(
        eventBusName=Property(default="default", replaces=True),
        policy=Property(required=True, compare=as_document),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """PutPermission; the id is the name of the bus."""
        self.update(aws, "", {}, inputs)
        return inputs["eventBusName"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        policy = aws.call("events", "DescribeEventBus", Name=resource_id).get("Policy")
        return {"policy": policy} if policy else None

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutPermission with a whole policy replaces that of the bus."""
        aws.call("events", "PutPermission", EventBusName=new["eventBusName"], Policy=new["policy"])

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("events", "RemovePermission", EventBusName=resource_id, RemoveAllPermissions=True)


_RULE = ("name", "description", "eventBusName", "eventPattern", "scheduleExpression", "state")


class EventRule(ResourceType):
    """A rule of a bus.

    A rule of the same name on another bus is another rule. pulumi-aws nevertheless deletes the old one first, since it
    compares the name alone; `delete_before_replace=False` in the program's options makes the new one first.
    """

    tok = "aws:cloudwatch/eventRule:EventRule"
    properties = declare(
        name=Property(replaces=True, autoname=64),
        eventBusName=Property(default="default", replaces=True),
        description=Property(),
        eventPattern=Property(compare=as_document),
        scheduleExpression=Property(),
        state=Property(default="ENABLED"),
        tags=TAGS,
    )
    computed = ("arn", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """PutRule, which would silently take over a rule of the same name: that is refused, as pulumi-aws does."""
        name, bus = inputs["name"], inputs["eventBusName"]
        try:
            aws.call("events", "DescribeRule", Name=name, EventBusName=bus)
        except AwsCallError as error:
            if not error.not_found:
                raise
        else:
            raise AwsCallError("PutRule", "already exists", f"a rule {name} is on the {bus} bus already")
        aws.call("events", "PutRule", Tags=tags.as_list(inputs), **to_aws(inputs, *_RULE))
        return name if bus == "default" else f"{bus}/{name}"

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("events", "DescribeRule", Name=state["name"], EventBusName=_bus_of(state))
        tagged = aws.call("events", "ListTagsForResource", ResourceARN=answer["Arn"])
        return {**from_aws(answer, *_RULE, "arn"), **tags.as_properties(tagged["Tags"])}

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutRule replaces every setting but the tags, which it ignores for a rule that exists."""
        aws.call("events", "PutRule", **to_aws(new, *_RULE))
        tags.write(aws, "events", old, new, ResourceARN=old["arn"])

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeleteRule; AWS refuses while the rule has targets."""
        aws.call("events", "DeleteRule", Name=state["name"], EventBusName=_bus_of(state))


def _bus_of(state: Properties) -> str:
    """The bus of a rule; states of before `eventBusName` was known have none."""
    return str(state.get("eventBusName", "default"))


class EventTarget(ResourceType):
    tok = "aws:cloudwatch/eventTarget:EventTarget"
    unique_within = ("rule", "eventBusName")
    properties = declare(
        rule=Property(required=True, replaces=True),
        eventBusName=Property(default="default", replaces=True),
        targetId=Property(replaces=True, autoname=64),
        arn=Property(required=True),
        roleArn=Property(),
        input=Property(compare=as_document),
        inputTransformer=Property(fields={"inputPaths": Property(), "inputTemplate": Property(required=True)}),
        deadLetterConfig=Property(fields={"arn": Property()}),
        retryPolicy=Property(fields={"maximumEventAgeInSeconds": Property(), "maximumRetryAttempts": Property()}),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        self.update(aws, "", {}, inputs)
        target, bus = f"{inputs['rule']}-{inputs['targetId']}", inputs["eventBusName"]
        return target if bus == "default" else f"{bus}-{target}"

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """ListTargetsByRule, which knows no way to ask for one target."""
        rule = _rule_of(state)
        targets: list[Answer] = aws.pages("events", "ListTargetsByRule", "Targets", **rule)
        target = next((item for item in targets if item["Id"] == state["targetId"]), None)
        if target is None:
            return None
        transformer, retry = target.get("InputTransformer", {}), target.get("RetryPolicy", {})
        return {
            "arn": target["Arn"],
            "roleArn": target.get("RoleArn"),
            "input": target.get("Input"),
            "inputTransformer": {
                "inputPaths": transformer.get("InputPathsMap"),
                "inputTemplate": transformer.get("InputTemplate"),
            },
            "deadLetterConfig": {"arn": target.get("DeadLetterConfig", {}).get("Arn")},
            "retryPolicy": {
                "maximumEventAgeInSeconds": retry.get("MaximumEventAgeInSeconds"),
                "maximumRetryAttempts": retry.get("MaximumRetryAttempts"),
            },
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutTargets replaces the whole target; refusals come inside the answer."""
        answer = aws.call("events", "PutTargets", Targets=[_target(new)], **_rule_of(new))
        for entry in answer.get("FailedEntries", []):
            raise AwsCallError("PutTargets", entry.get("ErrorCode", "failed"), entry.get("ErrorMessage", ""))

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """RemoveTargets; refusals come inside the answer."""
        answer = aws.call("events", "RemoveTargets", Ids=[state["targetId"]], **_rule_of(state))
        for entry in answer.get("FailedEntries", []):
            raise AwsCallError("RemoveTargets", entry.get("ErrorCode", "failed"), entry.get("ErrorMessage", ""))


def _rule_of(state: Properties) -> dict[str, str]:
    return {"Rule": state["rule"], "EventBusName": _bus_of(state)}


def _target(inputs: Properties) -> dict[str, Any]:
    target = {
        "Id": inputs["targetId"],
        "Arn": inputs["arn"],
        "RoleArn": inputs.get("roleArn"),
        "Input": inputs.get("input"),
        "InputTransformer": _present(
            InputPathsMap=inputs.get("inputTransformer", {}).get("inputPaths"),
            InputTemplate=inputs.get("inputTransformer", {}).get("inputTemplate"),
        ),
        "DeadLetterConfig": _present(Arn=inputs.get("deadLetterConfig", {}).get("arn")),
        "RetryPolicy": _present(
            MaximumEventAgeInSeconds=inputs.get("retryPolicy", {}).get("maximumEventAgeInSeconds"),
            MaximumRetryAttempts=inputs.get("retryPolicy", {}).get("maximumRetryAttempts"),
        ),
    }
    return {name: value for name, value in target.items() if value is not None}


def _present(**parameters: Any) -> dict[str, Any] | None:
    return {name: value for name, value in parameters.items() if value is not None} or None


RESOURCE_TYPES = (
    *(EventConnection(), EventApiDestination()),
    *(EventBus(), EventBusPolicy(), EventRule(), EventTarget()),
)
