"""What the handlers build once for each process, out of their environment.

    BREAKGLASS_TABLE             name of the table
    BREAKGLASS_BOT_TOKEN_SECRET  ARN of the secret with the bot token
    BREAKGLASS_SIGNING_SECRET    ARN of the secret with the signing secret
    BREAKGLASS_DESK              name of the function that does what was clicked
    BREAKGLASS_WORKFLOW          ARN of the state machine
    BREAKGLASS_STACK             name in the metrics

None of it is secret. Nothing here calls anybody: that begins with the first event.

Non-goals: rules of any kind.
"""

import json
import os
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from breakglass.lambdas.adapters.aws import PATIENT, AwsClient, Patience
from breakglass.lambdas.adapters.dynamodb import DynamoStore
from breakglass.lambdas.adapters.secrets import Secrets
from breakglass.lambdas.adapters.slack_api import SlackApi
from breakglass.lambdas.domain.policy import Policy, from_json

POLICY_FILE = Path(__file__).parents[3] / "policy.json"
"""The compiled policy, packed beside the package."""


@cache
def policy() -> Policy:
    """Read the policy."""
    return from_json(POLICY_FILE.read_text(encoding="utf-8"))


def log(event: str, **fields: Any) -> None:
    """Write one line of JSON to the function's log."""
    print(json.dumps({"event": event, **fields}), flush=True)


def clock() -> int:
    """Return the time in seconds since 1970."""
    return int(time.time())


def client(patience: Patience = PATIENT) -> AwsClient:
    """Return a client for the region that the function is in."""
    return AwsClient(os.environ["AWS_REGION"], patience=patience)


def store(aws: AwsClient) -> DynamoStore:
    """Return the records."""
    return DynamoStore(aws, os.environ["BREAKGLASS_TABLE"])


def slack(secrets: Secrets, timeout: float = 10, patience: float = 20) -> SlackApi:
    """Return Slack, with the limits of `SlackApi`."""
    token = os.environ["BREAKGLASS_BOT_TOKEN_SECRET"]
    return SlackApi(policy().settings.slack_api_url, secrets, token, timeout=timeout, patience=patience)


def records(aws: AwsClient) -> Mapping[str, Any]:
    """Return what every function but the front has: the fields of `app.world.Records`."""
    return {"policy": policy(), "store": store(aws), "clock": clock, "log": log}


def people(aws: AwsClient) -> Mapping[str, Any]:
    """Return what the functions have that talk to people: the further fields of `app.world.Desk`."""
    from breakglass.lambdas.adapters.identity_store import IdentityStore
    from breakglass.lambdas.adapters.step_functions import StepFunctions

    return {
        "directory": IdentityStore(aws, policy().settings.identity_store_id),
        "slack": slack(Secrets(aws)),
        "workflow": StepFunctions(aws, os.environ["BREAKGLASS_WORKFLOW"]),
    }


def accounts(aws: AwsClient) -> Mapping[str, Any]:
    """Return what the functions have that change assignments: the further fields of `app.world.Accounts`."""
    from breakglass.lambdas.adapters.identity_center import AwsIdentityCenter
    from breakglass.lambdas.adapters.session_policy import ServiceControlPolicy

    settings = policy().settings
    return {
        "center": AwsIdentityCenter(aws, settings.instance_arn, policy().sets),
        "sessions": ServiceControlPolicy(aws, settings.session_policy_id) if settings.session_policy_id else None,
    }
