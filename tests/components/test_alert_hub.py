"""`AlertHub` registers exactly these resources, with this policy.

Not proven here: that AWS lets a spoke's role in, and no one else (docs/live-checks.md).
"""

import json
from typing import cast

import pulumi
import pytest

from breakglass.components.organization.alert_hub import AlertHub, AlertHubArgs
from tests.conftest import REGION, Deployment, deploy, refusal

BUS = "aws:cloudwatch/eventBus:EventBus"
POLICY = "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
BUS_ARN = "arn:aws:events:eu-central-1:222222222222:event-bus/breakglass-prod-hub"
ARGS = {"stack": "prod", "region": REGION, "organization_id": "o-exampleorgid", "tags": {"team": "platform"}}


def program(args: dict[str, object]) -> dict[str, pulumi.Output[str]]:
    hub = AlertHub("prod-hub", cast(AlertHubArgs, args))
    return {"bus_name": hub.bus_name, "bus_arn": hub.bus_arn}


def create(**more: object) -> Deployment:
    return deploy(lambda: program({**ARGS, **more}))


def test_inventory_and_inputs() -> None:
    deployment = create()

    assert deployment.inventory() == {
        ("breakglass:index:AlertHub", "prod-hub"),
        (BUS, "prod-hub-bus"),
        (POLICY, "prod-hub-bus"),
    }
    assert deployment.get(BUS, "prod-hub-bus").inputs == {
        "name": "breakglass-prod-hub",
        "description": "Gets events about break-glass access from the accounts and regions of the organization.",
        "region": REGION,
        "tags": {"team": "platform"},
    }


def test_policy_admits_events_of_aws_from_spokes_only() -> None:
    policy = create().get(POLICY, "prod-hub-bus").inputs

    assert (policy["eventBusName"], policy["region"]) == ("breakglass-prod-hub", REGION)
    assert json.loads(policy["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Spokes",
                "Effect": "Allow",
                "Principal": "*",
                "Action": "events:PutEvents",
                "Resource": BUS_ARN,
                "Condition": {
                    "StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"},
                    "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/breakglass-spoke-*"},
                    "StringLike": {"events:source": "aws.*"},
                    "StringNotLike": {"events:source": "aws.partner/*"},
                },
            }
        ],
    }


def test_outputs_name_the_bus() -> None:
    assert create().outputs == {"bus_name": "breakglass-prod-hub", "bus_arn": BUS_ARN}


@pytest.mark.parametrize("organization", ["*", "r-ab12", "o-short"])
def test_other_organization_id_is_refused(organization: str) -> None:
    assert "organization_id" in refusal(lambda: program({**ARGS, "organization_id": organization}))
