"""CloudWatch: dashboards and metric alarms.

API: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/
"""

from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import AwsCallError, LocalAws
from localcloud.provider.resource import TAGS, Property, ResourceType, as_document, as_set, declare
from localcloud.provider.values import Properties, from_aws, to_aws


class Dashboard(ResourceType):
    tok = "aws:cloudwatch/dashboard:Dashboard"
    properties = declare(
        dashboardName=Property(required=True, replaces=True),
        dashboardBody=Property(required=True, compare=as_document),
    )
    computed = ("dashboardArn",)

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        self.update(aws, "", {}, inputs)
        return inputs["dashboardName"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("cloudwatch", "GetDashboard", DashboardName=resource_id)
        return from_aws(answer, "dashboardName", "dashboardBody", "dashboardArn")

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutDashboard replaces the body; what AWS finds wrong in it comes inside the answer."""
        body = {"DashboardName": new["dashboardName"], "DashboardBody": new["dashboardBody"]}
        found = aws.call("cloudwatch", "PutDashboard", **body).get("DashboardValidationMessages", [])
        if found:
            reason = "; ".join(f"{item.get('DataPath', '')}: {item.get('Message', '')}" for item in found)
            raise AwsCallError("PutDashboard", "invalid dashboard", reason)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("cloudwatch", "DeleteDashboards", DashboardNames=[resource_id])


_PLAIN_SETTINGS = (
    *("alarmDescription", "alarmActions", "comparisonOperator", "evaluationPeriods", "datapointsToAlarm", "threshold"),
    *("treatMissingData", "namespace", "metricName", "period", "statistic"),
)


class MetricAlarm(ResourceType):
    """An alarm on a metric or on a metric expression."""

    tok = "aws:cloudwatch/metricAlarm:MetricAlarm"
    properties = declare(
        name=Property(replaces=True, autoname=255),
        alarmDescription=Property(),
        alarmActions=Property(compare=as_set),
        comparisonOperator=Property(required=True),
        evaluationPeriods=Property(required=True),
        datapointsToAlarm=Property(),
        threshold=Property(),
        treatMissingData=Property(default="missing"),
        namespace=Property(),
        metricName=Property(),
        dimensions=Property(),
        period=Property(),
        statistic=Property(),
        metricQueries=Property(
            items={
                "id": Property(required=True),
                "expression": Property(),
                "label": Property(),
                "period": Property(),
                "returnData": Property(default=False),
                "metric": Property(
                    fields={
                        "namespace": Property(),
                        "metricName": Property(required=True),
                        "dimensions": Property(),
                        "period": Property(required=True),
                        "stat": Property(required=True),
                    }
                ),
            }
        ),
        tags=TAGS,
    )
    computed = ("arn", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        aws.call("cloudwatch", "PutMetricAlarm", Tags=tags.as_list(inputs), **_alarm(inputs))
        return inputs["name"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        found = aws.call("cloudwatch", "DescribeAlarms", AlarmNames=[resource_id])["MetricAlarms"]
        if not found:
            return None
        alarm = found[0]
        tagged = aws.call("cloudwatch", "ListTagsForResource", ResourceARN=alarm["AlarmArn"])
        actual: Properties = {
            "name": alarm["AlarmName"],
            **from_aws(alarm, *_PLAIN_SETTINGS),
            "dimensions": _dimensions(alarm),
            "metricQueries": [_query(query) for query in alarm.get("Metrics", [])],
            "arn": alarm["AlarmArn"],
            **tags.as_properties(tagged["Tags"]),
        }
        return actual

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutMetricAlarm replaces every setting but the tags, which it ignores for an alarm that exists."""
        aws.call("cloudwatch", "PutMetricAlarm", **_alarm(new))
        tags.write(aws, "cloudwatch", old, new, ResourceARN=old["arn"])

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("cloudwatch", "DeleteAlarms", AlarmNames=[resource_id])


def _alarm(inputs: Properties) -> dict[str, Any]:
    return {
        "AlarmName": inputs["name"],
        **to_aws(inputs, *_PLAIN_SETTINGS),
        "Dimensions": _dimension_list(inputs),
        "Metrics": [_query_parameters(query) for query in inputs.get("metricQueries", [])] or None,
    }


def _dimension_list(properties: Properties) -> list[dict[str, str]] | None:
    return [{"Name": key, "Value": value} for key, value in properties.get("dimensions", {}).items()] or None


def _dimensions(answer: dict[str, Any]) -> dict[str, str]:
    return {item["Name"]: item["Value"] for item in answer.get("Dimensions", [])}


def _query_parameters(query: Properties) -> dict[str, Any]:
    parameters = to_aws(query, "id", "expression", "label", "period", "returnData")
    metric = query.get("metric")
    if metric is not None:
        described = {**to_aws(metric, "namespace", "metricName"), "Dimensions": _dimension_list(metric)}
        parameters["MetricStat"] = {"Metric": _present(described), **_present(to_aws(metric, "period", "stat"))}
    return _present(parameters)


def _query(answer: dict[str, Any]) -> Properties:
    query = {**from_aws(answer, "id", "expression", "label", "period"), "returnData": answer.get("ReturnData", True)}
    stat = answer.get("MetricStat")
    if stat:
        query["metric"] = {
            **from_aws(stat["Metric"], "namespace", "metricName"),
            "dimensions": _dimensions(stat["Metric"]),
            **from_aws(stat, "period", "stat"),
        }
    return query


def _present(parameters: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if value is not None}


RESOURCE_TYPES = (Dashboard(), MetricAlarm())
