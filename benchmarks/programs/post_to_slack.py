"""A minimal Lambda function that posts the events of an EventBridge rule to Slack.

As short as possible, with the runtime's libraries only. The token comes from the environment, where it is readable in
the function's configuration, or from Secrets Manager, once for each start of the
function. It lacks what the alert path has: retries, a dead-letter queue, buttons, drills, safety from hostile fields.
"""

import json
import os
import urllib.request
from typing import Any


def _token() -> str:
    if "SLACK_BOT_TOKEN" in os.environ:
        return os.environ["SLACK_BOT_TOKEN"]
    import boto3

    # As at AWS, region and credentials come from the environment.
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_NAME"])
    return str(secret["SecretString"])


TOKEN = _token()


def handler(event: dict[str, Any], _context: object) -> None:
    """Posts one message."""
    detail = event["detail"]
    role, session = detail["requestParameters"]["roleArn"], detail["requestParameters"]["roleSessionName"]
    message = {"channel": os.environ["CHANNEL"], "text": f"{session} used {role} at {detail['eventTime']}"}
    request = urllib.request.Request(  # noqa: S310  the address is the benchmark's own
        os.environ["POST_MESSAGE_URL"],
        data=json.dumps(message).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json; charset=utf-8"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310  the address is the benchmark's own
        answer = json.load(response)
    if not answer["ok"]:
        raise RuntimeError(f"Slack refused the message: {answer['error']}")
