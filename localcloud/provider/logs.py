"""CloudWatch Logs: log groups (pulumi-aws keeps them in `cloudwatch`).

API: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/
"""

from localcloud.provider import tags
from localcloud.provider.aws import LocalAws
from localcloud.provider.resource import TAGS, Property, ResourceType, declare
from localcloud.provider.values import Properties

_FOR_EVER = 0


class LogGroup(ResourceType):
    tok = "aws:cloudwatch/logGroup:LogGroup"
    properties = declare(
        name=Property(replaces=True, autoname=512),
        retentionInDays=Property(default=_FOR_EVER),
        tags=TAGS,
    )
    computed = ("arn", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateLogGroup; the id is the group's name."""
        name = inputs["name"]
        aws.call("logs", "CreateLogGroup", logGroupName=name, tags=inputs.get("tags"))
        _set_retention(aws, name, inputs["retentionInDays"])
        return name

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """DescribeLogGroups, which knows no way to ask for one group, and the group's tags."""
        found = aws.call("logs", "DescribeLogGroups", logGroupNamePrefix=resource_id)["logGroups"]
        group = next((item for item in found if item["logGroupName"] == resource_id), None)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        tagged = aws.call("logs", "ListTagsForResource", resourceArn=arn).get("tags", {})
        return {
            "name": resource_id,
            "retentionInDays": group.get("retentionInDays", _FOR_EVER),
            "arn": arn,
            **tags.as_properties([{"Key": key, "Value": value} for key, value in tagged.items()]),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """One operation for each setting."""
        _set_retention(aws, resource_id, new["retentionInDays"])
        before, after = old.get("tags", {}), new.get("tags", {})
        if removed := sorted(before.keys() - after.keys()):
            aws.call("logs", "UntagResource", resourceArn=old["arn"], tagKeys=removed)
        if after:
            aws.call("logs", "TagResource", resourceArn=old["arn"], tags=after)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("logs", "DeleteLogGroup", logGroupName=resource_id)


def _set_retention(aws: LocalAws, name: str, days: int) -> None:
    if days == _FOR_EVER:
        aws.call("logs", "DeleteRetentionPolicy", logGroupName=name)
    else:
        aws.call("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=days)


RESOURCE_TYPES = (LogGroup(),)
