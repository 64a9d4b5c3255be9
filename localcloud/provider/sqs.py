"""SQS: queues and their policies.

API: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
"""

from localcloud.provider.aws import LocalAws
from localcloud.provider.resource import TAGS, Property, ResourceType, as_document, declare
from localcloud.provider.values import Plain, Properties


class Queue(ResourceType):
    tok = "aws:sqs/queue:Queue"
    properties = declare(
        name=Property(replaces=True, autoname=80),
        messageRetentionSeconds=Property(default=345600),
        sqsManagedSseEnabled=Property(server_set=True),
        tags=TAGS,
    )
    computed = ("arn", "url", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateQueue; the id is the queue's URL."""
        answer = aws.call(
            "sqs", "CreateQueue", QueueName=inputs["name"], Attributes=_attributes(inputs), tags=inputs.get("tags")
        )
        return answer["QueueUrl"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        attributes = aws.call("sqs", "GetQueueAttributes", QueueUrl=resource_id, AttributeNames=["All"])["Attributes"]
        tagged = aws.call("sqs", "ListQueueTags", QueueUrl=resource_id).get("Tags", {})
        managed = attributes.get("SqsManagedSseEnabled")
        return {
            "messageRetentionSeconds": int(attributes["MessageRetentionPeriod"]),
            "sqsManagedSseEnabled": None if managed is None else managed == "true",
            "arn": attributes["QueueArn"],
            "url": resource_id,
            "tags": tagged,
            "tagsAll": tagged,
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """SetQueueAttributes; tags have their own calls."""
        aws.call("sqs", "SetQueueAttributes", QueueUrl=resource_id, Attributes=_attributes(new))
        before, after = old.get("tags", {}), new.get("tags", {})
        if removed := sorted(before.keys() - after.keys()):
            aws.call("sqs", "UntagQueue", QueueUrl=resource_id, TagKeys=removed)
        if after:
            aws.call("sqs", "TagQueue", QueueUrl=resource_id, Tags=after)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("sqs", "DeleteQueue", QueueUrl=resource_id)


def _attributes(properties: Properties) -> dict[str, str]:
    """The queue attributes as SQS takes them: all are text."""
    names = {"messageRetentionSeconds": "MessageRetentionPeriod", "sqsManagedSseEnabled": "SqsManagedSseEnabled"}
    return {attribute: _text(properties[name]) for name, attribute in names.items() if name in properties}


def _text(value: Plain) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class QueuePolicy(ResourceType):
    tok = "aws:sqs/queuePolicy:QueuePolicy"
    properties = declare(
        queueUrl=Property(required=True, replaces=True),
        policy=Property(required=True, compare=as_document),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """SetQueueAttributes; the id is the queue's URL."""
        self.update(aws, "", {}, inputs)
        return inputs["queueUrl"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """GetQueueAttributes; a queue without a policy has none to tell."""
        answer = aws.call("sqs", "GetQueueAttributes", QueueUrl=resource_id, AttributeNames=["Policy"])
        policy = answer.get("Attributes", {}).get("Policy")
        return {"policy": policy} if policy else None

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """SetQueueAttributes replaces the policy."""
        attributes = {"Policy": new["policy"]}
        aws.call("sqs", "SetQueueAttributes", QueueUrl=new["queueUrl"], Attributes=attributes)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """SetQueueAttributes with an empty policy."""
        aws.call("sqs", "SetQueueAttributes", QueueUrl=resource_id, Attributes={"Policy": ""})


RESOURCE_TYPES = (Queue(), QueuePolicy())
