"""Builders of the parts of each function's context, out of its environment.

    BREAKGLASS_TABLE             name of the table
    BREAKGLASS_BOT_TOKEN_SECRET  ARN of the secret with the bot token
    BREAKGLASS_SIGNING_SECRET    ARN of the secret with the signing secret
    BREAKGLASS_INTERACTIONS      name of the function that handles interactions
    BREAKGLASS_WORKFLOW          ARN of the state machine
    BREAKGLASS_STACK             name in the metrics

None of it is secret, and no builder calls a service. A builder imports its adapter itself, so that a function loads
only its own.
"""

import os
from functools import cache

from breakglass.app.aws.aws import AwsClient
from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.domain.policy import ApprovalPolicy, from_json
from breakglass.app.entrypoints.runtime import POLICY_FILE
from breakglass.app.ports import Directory, IdentityCenter, SessionPolicy, Slack, Workflow


@cache
def load_policy() -> ApprovalPolicy:
    """Return the packed policy."""
    return from_json(POLICY_FILE.read_text(encoding="utf-8"))


@cache
def build_client() -> AwsClient:
    """Return a client for the function's region."""
    return AwsClient(os.environ["AWS_REGION"])


def build_store() -> DynamoStore:
    """Return the store on the table."""
    return DynamoStore(build_client(), os.environ["BREAKGLASS_TABLE"])


def build_directory() -> Directory:
    """Return the identity store."""
    from breakglass.app.aws.identity_store import IdentityStore

    return IdentityStore(build_client(), load_policy().settings.identity_store_id)


def build_slack() -> Slack:
    """Return Slack's Web API."""
    from breakglass.app.aws.secrets import Secrets
    from breakglass.app.aws.slack_api import SlackApi

    secret = os.environ["BREAKGLASS_BOT_TOKEN_SECRET"]
    return SlackApi(load_policy().settings.slack_api_url, Secrets(build_client()), secret)


def build_workflow() -> Workflow:
    """Return the state machine."""
    from breakglass.app.aws.step_functions import StepFunctions

    return StepFunctions(build_client(), os.environ["BREAKGLASS_WORKFLOW"])


def build_identity_center() -> IdentityCenter:
    """Return Identity Center."""
    from breakglass.app.aws.identity_center import AwsIdentityCenter

    return AwsIdentityCenter(build_client(), load_policy().settings.instance_arn, load_policy().sets)


def build_session_policy() -> SessionPolicy | None:
    """Return the policy that ends live sessions, or None if the stack does not end them."""
    from breakglass.app.aws.session_policy import ServiceControlPolicy

    policy_id = load_policy().settings.session_policy_id
    return ServiceControlPolicy(build_client(), policy_id) if policy_id else None
