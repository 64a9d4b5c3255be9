"""CloudWatch Logs: log groups, metric filters and resource policies (pulumi-aws keeps them in `cloudwatch`).

API: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/
"""

from localcloud.provider import tags
from localcloud.provider.aws import LocalAws
from localcloud.provider.resource import TAGS, Property, ResourceType, as_document, declare
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


class LogMetricFilter(ResourceType):
    """A filter that makes a metric of the events of a log group that match a pattern."""

    tok = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
    properties = declare(
        name=Property(replaces=True, autoname=512),
        logGroupName=Property(required=True, replaces=True),
        pattern=Property(required=True),
        metricTransformation=Property(
            required=True,
            fields={
                "name": Property(required=True),
                "namespace": Property(required=True),
                "value": Property(required=True),
                "defaultValue": Property(),
            },
        ),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """PutMetricFilter; the id is the filter's name."""
        self.update(aws, "", {}, inputs)
        return inputs["name"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """DescribeMetricFilters, which knows no way to ask for one filter."""
        group = {"logGroupName": state["logGroupName"], "filterNamePrefix": resource_id}
        found = aws.call("logs", "DescribeMetricFilters", **group)["metricFilters"]
        metric_filter = next((item for item in found if item["filterName"] == resource_id), None)
        if metric_filter is None:
            return None
        [transformation] = metric_filter["metricTransformations"]
        default = transformation.get("defaultValue")
        return {
            "name": resource_id,
            "logGroupName": metric_filter["logGroupName"],
            "pattern": metric_filter["filterPattern"],
            "metricTransformation": {
                "name": transformation["metricName"],
                "namespace": transformation["metricNamespace"],
                "value": transformation["metricValue"],
                "defaultValue": None if default is None else f"{default:g}",
            },
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutMetricFilter replaces the filter."""
        wanted = new["metricTransformation"]
        transformation = {
            "metricName": wanted["name"],
            "metricNamespace": wanted["namespace"],
            "metricValue": wanted["value"],
        }
        if "defaultValue" in wanted:
            transformation["defaultValue"] = float(wanted["defaultValue"])
        aws.call(
            "logs",
            "PutMetricFilter",
            logGroupName=new["logGroupName"],
            filterName=new["name"],
            filterPattern=new["pattern"],
            metricTransformations=[transformation],
        )

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("logs", "DeleteMetricFilter", logGroupName=state["logGroupName"], filterName=resource_id)


class LogResourcePolicy(ResourceType):
    """A policy that lets AWS services write into log groups of the account and region."""

    tok = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"
    properties = declare(
        policyName=Property(required=True, replaces=True),
        policyDocument=Property(required=True, compare=as_document),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """PutResourcePolicy; the id is the policy's name."""
        self.update(aws, "", {}, inputs)
        return inputs["policyName"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """DescribeResourcePolicies, which knows no way to ask for one policy."""
        found = aws.call("logs", "DescribeResourcePolicies")["resourcePolicies"]
        policy = next((item for item in found if item["policyName"] == resource_id), None)
        return policy and {"policyName": resource_id, "policyDocument": policy["policyDocument"]}

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutResourcePolicy replaces the policy."""
        named = {"policyName": new["policyName"], "policyDocument": new["policyDocument"]}
        aws.call("logs", "PutResourcePolicy", **named)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("logs", "DeleteResourcePolicy", policyName=resource_id)


RESOURCE_TYPES = (LogGroup(), LogMetricFilter(), LogResourcePolicy())
