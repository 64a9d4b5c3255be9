"""SNS: topics, their policies and subscriptions.

API: https://docs.aws.amazon.com/sns/latest/api/
"""

import json

from localcloud.provider import tags
from localcloud.provider.aws import LocalAws, poll
from localcloud.provider.resource import TAGS, Property, ResourceType, as_document, declare
from localcloud.provider.values import Plain, Properties, from_aws, to_aws

_OWNER_ACTIONS = (
    *("GetTopicAttributes", "SetTopicAttributes", "AddPermission", "RemovePermission", "DeleteTopic"),
    *("Subscribe", "ListSubscriptionsByTopic", "Publish"),
)


class Topic(ResourceType):
    tok = "aws:sns/topic:Topic"
    properties = declare(
        name=Property(replaces=True, autoname=256),
        displayName=Property(),
        tags=TAGS,
    )
    computed = ("arn", "owner", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateTopic; the id is the topic's ARN."""
        attributes = {"DisplayName": inputs["displayName"]} if "displayName" in inputs else {}
        answer = aws.call("sns", "CreateTopic", Name=inputs["name"], Attributes=attributes, Tags=tags.as_list(inputs))
        return answer["TopicArn"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        attributes = aws.call("sns", "GetTopicAttributes", TopicArn=resource_id)["Attributes"]
        tagged = aws.call("sns", "ListTagsForResource", ResourceArn=resource_id)
        return {
            "displayName": attributes.get("DisplayName"),
            "arn": resource_id,
            "owner": attributes["Owner"],
            **tags.as_properties(tagged["Tags"]),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """SetTopicAttributes; tags have their own calls."""
        if old.get("displayName") != new.get("displayName"):
            setting = {"AttributeName": "DisplayName", "AttributeValue": new.get("displayName", "")}
            aws.call("sns", "SetTopicAttributes", TopicArn=resource_id, **setting)
        tags.write(aws, "sns", old, new, ResourceArn=resource_id)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("sns", "DeleteTopic", TopicArn=resource_id)


class TopicPolicy(ResourceType):
    tok = "aws:sns/topicPolicy:TopicPolicy"
    properties = declare(
        arn=Property(required=True, replaces=True),
        policy=Property(required=True, compare=as_document),
    )
    computed = ("owner",)

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """SetTopicAttributes; the id is the topic's ARN."""
        self.update(aws, "", {}, inputs)
        return inputs["arn"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """GetTopicAttributes; every topic has a policy, that of a new topic counts as none."""
        attributes = aws.call("sns", "GetTopicAttributes", TopicArn=resource_id)["Attributes"]
        policy, owner = attributes["Policy"], attributes["Owner"]
        if as_document(policy) == _default_policy(resource_id, owner):
            return None
        return {"policy": policy, "owner": owner}

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """SetTopicAttributes replaces the policy."""
        _set_policy(aws, new["arn"], new["policy"])

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """SetTopicAttributes with the policy of a new topic."""
        _set_policy(aws, resource_id, json.dumps(_default_policy(resource_id, state["owner"])))


def _set_policy(aws: LocalAws, arn: str, policy: str) -> None:
    aws.call("sns", "SetTopicAttributes", TopicArn=arn, AttributeName="Policy", AttributeValue=policy)


def _default_policy(arn: str, owner: str) -> dict[str, Plain]:
    """The policy that SNS gives a new topic: its owner may do everything with it."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in _OWNER_ACTIONS],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


class TopicSubscription(ResourceType):
    tok = "aws:sns/topicSubscription:TopicSubscription"
    properties = declare(
        topic=Property(required=True, replaces=True),
        protocol=Property(required=True, replaces=True),
        endpoint=Property(required=True, replaces=True),
        endpointAutoConfirms=Property(default=False),
    )
    computed = ("arn", "ownerId", "pendingConfirmation")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """Subscribe; the id is the subscription's ARN, which exists before an e-mail address is confirmed."""
        answer = aws.call(
            "sns",
            "Subscribe",
            TopicArn=inputs["topic"],
            **to_aws(inputs, "protocol", "endpoint"),
            ReturnSubscriptionArn=True,
        )
        return answer["SubscriptionArn"]

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        """An endpoint that confirms by itself has to do so before the update ends."""
        if not inputs["endpointAutoConfirms"]:
            return

        def is_pending() -> tuple[str, str]:
            attributes = aws.call("sns", "GetSubscriptionAttributes", SubscriptionArn=resource_id)["Attributes"]
            return attributes["PendingConfirmation"], ""

        poll(f"confirmation of {resource_id}", is_pending, "false", frozenset({"true"}))

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        attributes = aws.call("sns", "GetSubscriptionAttributes", SubscriptionArn=resource_id)["Attributes"]
        return {
            "topic": attributes["TopicArn"],
            **from_aws(attributes, "protocol", "endpoint"),
            "arn": resource_id,
            "ownerId": attributes.get("Owner"),
            "endpointAutoConfirms": state["endpointAutoConfirms"],
            "pendingConfirmation": attributes.get("PendingConfirmation") == "true",
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """Nothing: only Pulumi knows whether the endpoint confirms by itself."""

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("sns", "Unsubscribe", SubscriptionArn=resource_id)


RESOURCE_TYPES = (Topic(), TopicPolicy(), TopicSubscription())
