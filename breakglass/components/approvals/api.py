"""The HTTP API for Slack's requests: one route, throttled, with an access log that has no bodies.

A part of `Approvals`, not usable alone.

Non-goals: the signature of a request. The function behind the API verifies it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.components.alerts.alarm import Alarms, TopicArns
from breakglass.components.approvals.function import LOG_RETENTION_DAYS
from breakglass.naming import physical_name, vended_log_group

PATH = "/slack"
"""The path for commands, clicks and events."""

REQUESTS_PER_SECOND = 50
"""The throttling rate. A user sends a handful for a request; a flood by strangers costs no more than this."""

BURST = 200
"""The throttling burst: concurrent requests."""

TIMEOUT_MILLISECONDS = 10_000
"""The timeout of the function. Slack waits three seconds."""

ACCESS_LOG = json.dumps(
    {
        "time": "$context.requestTime",
        "request": "$context.requestId",
        "ip": "$context.identity.sourceIp",
        "route": "$context.routeKey",
        "status": "$context.status",
        "milliseconds": "$context.responseLatency",
        "error": "$context.integrationErrorMessage",
    },
    separators=(",", ":"),
)
"""A line of the access log: neither body nor headers."""


@dataclass(frozen=True)
class ApprovalApiArgs:
    """Arguments of `ApprovalApi`.

    Attributes:
        region: The API's region.
        tags: On everything that takes tags.
    """

    region: str
    tags: Mapping[str, str]


class ApprovalApi(pulumi.ComponentResource):
    """An HTTP API that has the route `POST /slack` and no other once it forwards to a function.

    It is created before the function: the permission sets that the function assigns are denied to change the API.
    """

    api_id: pulumi.Output[str]
    """ID of the API."""
    request_url: pulumi.Output[str]
    """Address of the route, for Slack."""

    def __init__(self, name: str, args: ApprovalApiArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:ApprovalApi", name, None, opts)
        self._prefix, self._args = name, args
        self._api = aws.apigatewayv2.Api(
            f"{name}-api",
            name=physical_name(name),
            description="Slack's way to the break-glass approvals.",
            protocol_type="HTTP",
            region=args.region,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._stage(name, args, self._api)
        self.api_id = self._api.id
        self.request_url = pulumi.Output.concat(self._api.api_endpoint, PATH)
        self.register_outputs({"api_id": self.api_id, "request_url": self.request_url})

    def forward(
        self, function_name: pulumi.Input[str], invoke_arn: pulumi.Input[str], topics: TopicArns
    ) -> pulumi.Output[list[str]]:
        """Forward requests to a function, and raise an alarm if they fail.

        Args:
            function_name: The function that answers Slack.
            invoke_arn: The ARN by which the API invokes it.
            topics: The SNS topics of the alarms.

        Returns:
            ARNs of the alarms.
        """
        name, args, api = self._prefix, self._args, self._api
        child = pulumi.ResourceOptions(parent=self)
        integration = aws.apigatewayv2.Integration(
            f"{name}-receiver",
            api_id=api.id,
            integration_type="AWS_PROXY",
            integration_uri=invoke_arn,
            integration_method="POST",
            payload_format_version="2.0",
            timeout_milliseconds=TIMEOUT_MILLISECONDS,
            region=args.region,
            opts=child,
        )
        aws.apigatewayv2.Route(
            f"{name}-slack",
            api_id=api.id,
            route_key=f"POST {PATH}",
            target=pulumi.Output.concat("integrations/", integration.id),
            region=args.region,
            opts=child,
        )
        aws.lambda_.Permission(
            f"{name}-slack",
            statement_id="slack",
            function=function_name,
            action="lambda:InvokeFunction",
            principal="apigateway.amazonaws.com",
            source_arn=pulumi.Output.concat(api.execution_arn, f"/*/POST{PATH}"),
            region=args.region,
            opts=child,
        )
        failures = Alarms(self, topics, args.region, args.tags).alarm(
            f"{name}-failures",
            description="Slack gets no answer from the break-glass approvals (HTTP status 5xx): commands and clicks "
            "fail, and users see Slack's error. No access stays open because of that. Runbook: "
            "docs/runbooks/alarms.md.",
            namespace="AWS/ApiGateway",
            metric_name="5xx",
            dimensions={"ApiId": api.id},
        )
        return pulumi.Output.all(failures)

    def _stage(self, name: str, args: ApprovalApiArgs, api: "aws.apigatewayv2.Api") -> None:
        child = pulumi.ResourceOptions(parent=self)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=vended_log_group(name),
            retention_in_days=LOG_RETENTION_DAYS,
            region=args.region,
            tags=args.tags,
            opts=child,
        )
        aws.apigatewayv2.Stage(
            f"{name}-stage",
            api_id=api.id,
            name="$default",
            auto_deploy=True,
            default_route_settings={
                "throttling_burst_limit": BURST,
                "throttling_rate_limit": REQUESTS_PER_SECOND,
            },
            access_log_settings={"destination_arn": logs.arn, "format": ACCESS_LOG},
            region=args.region,
            tags=args.tags,
            opts=child,
        )
