"""The function behind the HTTP API; Slack waits for it, so it loads the least."""

import json
import os
from functools import cache
from typing import Any

from breakglass.app.aws.aws import INTERACTIVE, AwsClient
from breakglass.app.aws.interactions_function import LambdaInteractions
from breakglass.app.aws.secrets import Secrets
from breakglass.app.aws.slack_api import SlackApi
from breakglass.app.entrypoints.receiver_app import ReceiverContext, handle_request
from breakglass.app.entrypoints.runtime import POLICY_FILE, clock, log

_SLACK_SECONDS = 1.2
"""Timeout of the connection to Slack and of its answer, out of the three seconds in all."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request of Slack (HTTP API, payload format 2.0)."""
    return handle_request(_context(), event)


@cache
def _context() -> ReceiverContext:
    aws = AwsClient(os.environ["AWS_REGION"], retry_policy=INTERACTIVE)
    secrets = Secrets(aws)
    signing_secret, token = os.environ["BREAKGLASS_SIGNING_SECRET"], os.environ["BREAKGLASS_BOT_TOKEN_SECRET"]
    # Only this key of the policy: to parse all of it takes longer.
    url = json.loads(POLICY_FILE.read_text(encoding="utf-8"))["settings"]["slack_api_url"]
    return ReceiverContext(
        secret=lambda refresh: secrets.refresh(signing_secret) if refresh else secrets.get(signing_secret),
        slack=SlackApi(url, secrets, token, timeout=_SLACK_SECONDS, wait_seconds=0),
        interactions=LambdaInteractions(aws, os.environ["BREAKGLASS_INTERACTIONS"]),
        clock=clock,
        log=log,
    )
