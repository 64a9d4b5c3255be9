"""`SlackDestination` registers exactly these resources, with these policies.

Not proven here: the text of the policies (tests/unit/iam/test_documents.py), and that EventBridge may use the role
(docs/live-checks.md).
"""

import json
from typing import cast

import pulumi

from breakglass.components.alerts.slack_destination import SlackDestination, SlackDestinationArgs
from breakglass.iam.documents import events_trust, invoke_destination
from tests.conftest import REGION, Deployment, deploy, refusal

DESTINATION = "aws:cloudwatch/eventApiDestination:EventApiDestination"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"

CONNECTION_ARN = "arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-connection/8c1e77d4"


def program(args: SlackDestinationArgs) -> dict[str, pulumi.Output[str]]:
    destination = SlackDestination("prod", args)
    return {"destination_arn": destination.destination_arn, "role_arn": destination.role_arn}


def destine(**more: str) -> Deployment:
    args = {"region": REGION, "connection_arn": CONNECTION_ARN, "tags": {"team": "platform"}, **more}
    return deploy(lambda: program(cast(SlackDestinationArgs, args)))


def test_inventory_and_inputs() -> None:
    deployment = destine()

    assert deployment.inventory() == {
        ("breakglass:index:SlackDestination", "prod"),
        (DESTINATION, "prod-destination"),
        (ROLE, "prod-role"),
        (ROLE_POLICY, "prod-invoke"),
    }
    assert deployment.calls == []
    assert deployment.get(DESTINATION, "prod-destination").inputs == {
        "name": "breakglass-prod-destination",
        "description": "Posts break-glass alerts to Slack.",
        "connectionArn": CONNECTION_ARN,
        "httpMethod": "POST",
        "invocationEndpoint": "https://slack.com/api/chat.postMessage",
        "invocationRateLimitPerSecond": 1,
        "region": REGION,
    }
    role = deployment.get(ROLE, "prod-role").inputs
    assert (role["name"], role["tags"]) == ("breakglass-prod-role", {"team": "platform"})
    assert deployment.get(ROLE_POLICY, "prod-invoke").inputs["role"] == "breakglass-prod-role"


def test_outputs() -> None:
    assert destine().outputs == {
        "destination_arn": "arn:aws:events:eu-central-1:222222222222:"
        "api-destination/breakglass-prod-destination/2f6d2a51",
        "role_arn": "arn:aws:iam::222222222222:role/breakglass-prod-role",
    }


def test_role_may_invoke_this_destination_only() -> None:
    deployment = destine()

    policy = json.loads(deployment.get(ROLE_POLICY, "prod-invoke").inputs["policy"])
    assert policy == invoke_destination(deployment.outputs["destination_arn"])


def test_role_trusts_alert_path_rules_only() -> None:
    deployment = destine()

    trust = json.loads(deployment.get(ROLE, "prod-role").inputs["assumeRolePolicy"])
    assert trust == events_trust(deployment.outputs["destination_arn"])


def test_other_slack_url_is_used() -> None:
    deployment = destine(post_message_url="https://slack-gov.com/api/chat.postMessage")

    destination = deployment.get(DESTINATION, "prod-destination")
    assert destination.inputs["invocationEndpoint"] == "https://slack-gov.com/api/chat.postMessage"


def test_url_without_tls_is_refused() -> None:
    args: SlackDestinationArgs = {
        "region": REGION,
        "connection_arn": CONNECTION_ARN,
        "post_message_url": "http://slack.com/api/chat.postMessage",
    }

    assert "prod.post_message_url" in refusal(lambda: program(args))
