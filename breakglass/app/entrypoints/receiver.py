"""The function behind the HTTP API. It is the only one that a person waits for, so it loads the least.

Non-goals: rules of any kind.
"""

import json
import os
from functools import cache
from typing import Any

from breakglass.app.aws.aws import HASTY, AwsClient
from breakglass.app.aws.interactions_function import LambdaInteractions
from breakglass.app.aws.secrets import Secrets
from breakglass.app.aws.slack_api import SlackApi
from breakglass.app.entrypoints.receiver_app import ReceiverContext, answer
from breakglass.app.entrypoints.runtime import POLICY_FILE, clock, log

_SLACK_SECONDS = 1.2
"""How long to wait for a connection to Slack, and for its answer: the rest of the three seconds is for all else."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request of Slack (HTTP API, payload format 2.0)."""
    return answer(_context(), event)


@cache
def _context() -> ReceiverContext:
    aws = AwsClient(os.environ["AWS_REGION"], patience=HASTY)
    secrets = Secrets(aws)
    signing_secret, token = os.environ["BREAKGLASS_SIGNING_SECRET"], os.environ["BREAKGLASS_BOT_TOKEN_SECRET"]
    # All that is needed of the policy: to read the whole of it takes longer.
    url = json.loads(POLICY_FILE.read_text(encoding="utf-8"))["settings"]["slack_api_url"]
    return ReceiverContext(
        secret=lambda anew: secrets.refreshed(signing_secret) if anew else secrets.current(signing_secret),
        slack=SlackApi(url, secrets, token, timeout=_SLACK_SECONDS, patience=0),
        interactions=LambdaInteractions(aws, os.environ["BREAKGLASS_INTERACTIONS"]),
        clock=clock,
        log=log,
    )
