"""Slack's Web API with the stack's bot token, which stays in memory.

Non-goals: methods that change anything in Slack.
"""

from breakglass.app.aws.secrets import Secrets
from breakglass.app.aws.slack_api import SlackApi
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.ports import Slack
from breakglass.cli.aws_client import create_client

_WAIT_SECONDS = 90


def connect_slack(policy: ApprovalPolicy, secret: str) -> Slack:
    """Return Slack with the bot token in a secret, by name or ARN.

    Raises:
        AwsError: the caller may not read the secret, or AWS did not answer.
    """
    secrets = Secrets(create_client(policy.settings.region))
    # An error of AWS would be one of Slack later.
    secrets.get(secret)
    # Slack allows some 50 look-ups a minute (Tier 3), so a long list of people has to wait.
    return SlackApi(policy.settings.slack_api_url, secrets, secret, wait_seconds=_WAIT_SECONDS)
