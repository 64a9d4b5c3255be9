"""API Gateway: HTTP APIs with their integrations, routes and stages.

The emulator tells an `apiEndpoint` of its own, on this machine, and so does the output. Its stages throttle nothing and
write no access logs.

API: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/

Non-goals: WebSocket APIs, authorizers, CORS, custom domains, APIs imported from OpenAPI.
"""

from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import LocalAws
from localcloud.provider.resource import TAGS, Property, ResourceType, declare
from localcloud.provider.values import Properties, from_aws, to_aws

_OF_API = Property(required=True, replaces=True)
_DEFAULT_STAGE = "$default"


def _arn(aws: LocalAws, path: str) -> str:
    return f"arn:aws:apigateway:{aws.region}::/apis/{path}"


def _execution_arn(aws: LocalAws, path: str) -> str:
    """The source ARN in a permission to invoke a function."""
    account = aws.call("sts", "GetCallerIdentity")["Account"]
    return f"arn:aws:execute-api:{aws.region}:{account}:{path}"


def _tags(aws: LocalAws, arn: str) -> Properties:
    """GetTags: what the emulator tells with the resource are the tags it was made with."""
    told = aws.call("apigatewayv2", "GetTags", ResourceArn=arn).get("Tags", {})
    return tags.as_properties([{"Key": key, "Value": value} for key, value in told.items()])


def _tag(aws: LocalAws, arn: str, old: Properties, new: Properties) -> None:
    before, after = old.get("tags", {}), new.get("tags", {})
    if removed := sorted(before.keys() - after.keys()):
        aws.call("apigatewayv2", "UntagResource", ResourceArn=arn, TagKeys=removed)
    if after:
        aws.call("apigatewayv2", "TagResource", ResourceArn=arn, Tags=after)


class Api(ResourceType):
    tok = "aws:apigatewayv2/api:Api"
    properties = declare(
        name=Property(autoname=128),
        protocolType=Property(required=True, replaces=True),
        description=Property(),
        tags=TAGS,
    )
    computed = ("apiEndpoint", "arn", "executionArn", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        protocol = {"ProtocolType": inputs["protocolType"], "Tags": inputs.get("tags")}
        return aws.call("apigatewayv2", "CreateApi", **protocol, **_api(inputs))["ApiId"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        api = aws.call("apigatewayv2", "GetApi", ApiId=resource_id)
        return {
            **from_aws(api, "name", "protocolType", "description", "apiEndpoint"),
            "arn": _arn(aws, resource_id),
            "executionArn": _execution_arn(aws, resource_id),
            **_tags(aws, _arn(aws, resource_id)),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateApi keeps what isn't sent, so all is sent; tags have their own calls."""
        aws.call("apigatewayv2", "UpdateApi", ApiId=resource_id, **_api(new))
        _tag(aws, old["arn"], old, new)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeleteApi, with all that belongs to it."""
        aws.call("apigatewayv2", "DeleteApi", ApiId=resource_id)


def _api(inputs: Properties) -> dict[str, Any]:
    return {"Name": inputs["name"], "Description": inputs.get("description", "")}


class Integration(ResourceType):
    tok = "aws:apigatewayv2/integration:Integration"
    properties = declare(
        apiId=_OF_API,
        integrationType=Property(required=True, replaces=True),
        integrationUri=Property(required=True),
        integrationMethod=Property(server_set=True),
        payloadFormatVersion=Property(default="1.0"),
        timeoutMilliseconds=Property(server_set=True),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        kind = {"ApiId": inputs["apiId"], "IntegrationType": inputs["integrationType"]}
        return aws.call("apigatewayv2", "CreateIntegration", **kind, **_integration(inputs))["IntegrationId"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        where = {"ApiId": state["apiId"], "IntegrationId": resource_id}
        answer = aws.call("apigatewayv2", "GetIntegration", **where)
        return {
            **from_aws(answer, "integrationType", "integrationUri", "integrationMethod", "payloadFormatVersion"),
            "timeoutMilliseconds": answer.get("TimeoutInMillis"),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateIntegration keeps what isn't sent, so all is sent."""
        where = {"ApiId": new["apiId"], "IntegrationId": resource_id}
        aws.call("apigatewayv2", "UpdateIntegration", **where, **_integration(new))

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeleteIntegration; AWS refuses while a route leads to it."""
        aws.call("apigatewayv2", "DeleteIntegration", ApiId=state["apiId"], IntegrationId=resource_id)


def _integration(inputs: Properties) -> dict[str, Any]:
    return {
        **to_aws(inputs, "integrationUri", "integrationMethod", "payloadFormatVersion"),
        "TimeoutInMillis": inputs.get("timeoutMilliseconds"),
    }


class Route(ResourceType):
    tok = "aws:apigatewayv2/route:Route"
    properties = declare(
        apiId=_OF_API,
        routeKey=Property(required=True),
        target=Property(),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        return aws.call("apigatewayv2", "CreateRoute", ApiId=inputs["apiId"], **_route(inputs))["RouteId"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("apigatewayv2", "GetRoute", ApiId=state["apiId"], RouteId=resource_id)
        return from_aws(answer, "routeKey", "target")

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateRoute keeps what isn't sent, so all is sent."""
        aws.call("apigatewayv2", "UpdateRoute", ApiId=new["apiId"], RouteId=resource_id, **_route(new))

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("apigatewayv2", "DeleteRoute", ApiId=state["apiId"], RouteId=resource_id)


def _route(inputs: Properties) -> dict[str, Any]:
    return {"RouteKey": inputs["routeKey"], "Target": inputs.get("target", "")}


class Stage(ResourceType):
    tok = "aws:apigatewayv2/stage:Stage"
    properties = declare(
        apiId=_OF_API,
        name=Property(replaces=True, autoname=128),
        autoDeploy=Property(default=False),
        defaultRouteSettings=Property(
            server_set=True,
            fields={
                "detailedMetricsEnabled": Property(default=False),
                "throttlingBurstLimit": Property(),
                "throttlingRateLimit": Property(),
            },
        ),
        accessLogSettings=Property(
            fields={"destinationArn": Property(required=True), "format": Property(required=True)}
        ),
        tags=TAGS,
    )
    computed = ("arn", "executionArn", "invokeUrl", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateStage; the id is the stage's name."""
        named = {"ApiId": inputs["apiId"], "StageName": inputs["name"], "Tags": inputs.get("tags")}
        aws.call("apigatewayv2", "CreateStage", **named, **_stage({}, inputs))
        return inputs["name"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        """GetStage; its URL is the API's."""
        api = state["apiId"]
        stage = aws.call("apigatewayv2", "GetStage", ApiId=api, StageName=resource_id)
        endpoint = aws.call("apigatewayv2", "GetApi", ApiId=api)["ApiEndpoint"]
        settings, logs = stage.get("DefaultRouteSettings", {}), stage.get("AccessLogSettings")
        return {
            "name": stage["StageName"],
            "autoDeploy": stage.get("AutoDeploy", False),
            "defaultRouteSettings": {
                "detailedMetricsEnabled": settings.get("DetailedMetricsEnabled", False),
                **from_aws(settings, "throttlingBurstLimit", "throttlingRateLimit"),
            },
            "accessLogSettings": logs and from_aws(logs, "destinationArn", "format"),
            "arn": _arn(aws, f"{api}/stages/{resource_id}"),
            "executionArn": _execution_arn(aws, f"{api}/{resource_id}"),
            "invokeUrl": f"{endpoint}/{'' if resource_id == _DEFAULT_STAGE else resource_id}",
            **_tags(aws, _arn(aws, f"{api}/stages/{resource_id}")),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateStage keeps what isn't sent, so all is sent; tags have their own calls."""
        aws.call("apigatewayv2", "UpdateStage", ApiId=new["apiId"], StageName=resource_id, **_stage(old, new))
        _tag(aws, old["arn"], old, new)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("apigatewayv2", "DeleteStage", ApiId=state["apiId"], StageName=resource_id)


def _stage(old: Properties, new: Properties) -> dict[str, Any]:
    settings, logs = new.get("defaultRouteSettings"), new.get("accessLogSettings")
    log_settings: dict[str, str] | None = None
    if logs:
        log_settings = to_aws(logs, "destinationArn", "format")
    elif "accessLogSettings" in old:
        log_settings = {}  # takes them off
    return {
        "AutoDeploy": new["autoDeploy"],
        "DefaultRouteSettings": settings and to_aws(settings, *settings),
        "AccessLogSettings": log_settings,
    }


RESOURCE_TYPES = (Api(), Integration(), Route(), Stage())
