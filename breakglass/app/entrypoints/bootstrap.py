"""What the handlers build once for each process, out of their environment.

    BREAKGLASS_TABLE             name of the table
    BREAKGLASS_BOT_TOKEN_SECRET  ARN of the secret with the bot token
    BREAKGLASS_SIGNING_SECRET    ARN of the secret with the signing secret
    BREAKGLASS_INTERACTIONS              name of the function that does what was clicked
    BREAKGLASS_WORKFLOW          ARN of the state machine
    BREAKGLASS_STACK             name in the metrics

None of it is secret. Nothing here calls anybody: that begins with the first event.

Non-goals: rules of any kind.
"""

import os
import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from breakglass.app.aws.aws import AwsClient
from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.secrets import Secrets
from breakglass.app.aws.slack_api import SlackApi
from breakglass.app.domain.policy import ApprovalPolicy, from_json
from breakglass.app.entrypoints.runtime import POLICY_FILE, clock, log


@cache
def policy() -> ApprovalPolicy:
    """Read the policy."""
    return from_json(POLICY_FILE.read_text(encoding="utf-8"))


def client() -> AwsClient:
    """Return a client for the region that the function is in."""
    return AwsClient(os.environ["AWS_REGION"])


def records(aws: AwsClient) -> Mapping[str, Any]:
    """Return what every function but the receiver has: the fields of `services.context.AppContext`."""
    store = DynamoStore(aws, os.environ["BREAKGLASS_TABLE"])
    return {"policy": policy(), "store": store, "clock": clock, "log": log}


def people(aws: AwsClient) -> Mapping[str, Any]:
    """Return what the functions have that talk to people: the fields of `context.InteractionContext`."""
    from breakglass.app.aws.identity_store import IdentityStore
    from breakglass.app.aws.step_functions import StepFunctions

    settings = policy().settings
    return {
        "directory": IdentityStore(aws, settings.identity_store_id),
        "slack": SlackApi(settings.slack_api_url, Secrets(aws), os.environ["BREAKGLASS_BOT_TOKEN_SECRET"]),
        "workflow": StepFunctions(aws, os.environ["BREAKGLASS_WORKFLOW"]),
        "pause": time.sleep,
    }


def accounts(aws: AwsClient) -> Mapping[str, Any]:
    """Return what the functions have that change assignments: the fields of `context.ProvisionerContext`."""
    from breakglass.app.aws.identity_center import AwsIdentityCenter
    from breakglass.app.aws.session_policy import ServiceControlPolicy

    settings = policy().settings
    return {
        "identity_center": AwsIdentityCenter(aws, settings.instance_arn, policy().sets),
        "session_policy": ServiceControlPolicy(aws, settings.session_policy_id) if settings.session_policy_id else None,
    }
