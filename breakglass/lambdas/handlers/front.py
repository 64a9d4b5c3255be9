"""The function behind the HTTP API. It is the only one that a person waits for, so it imports the least.

Non-goals: rules of any kind.
"""

import os
from functools import cache
from typing import Any

from breakglass.lambdas.adapters.aws import HASTY
from breakglass.lambdas.adapters.desk_function import InvokedDesk
from breakglass.lambdas.adapters.secrets import Secrets
from breakglass.lambdas.app.front import Front, answer
from breakglass.lambdas.handlers import parts

_SLACK_SECONDS = 1.5
"""How long to wait for Slack to open a form: of the three seconds the rest is for everything else."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request of Slack (HTTP API, payload format 2.0)."""
    return answer(_front(), event)


@cache
def _front() -> Front:
    aws = parts.client(HASTY)
    secrets = Secrets(aws)
    signing_secret = os.environ["BREAKGLASS_SIGNING_SECRET"]
    return Front(
        secret=lambda anew: secrets.refreshed(signing_secret) if anew else secrets.current(signing_secret),
        claim=parts.store(aws).claim_delivery,
        slack=parts.slack(secrets, timeout=_SLACK_SECONDS, patience=0),
        desk=InvokedDesk(aws, os.environ["BREAKGLASS_DESK"]),
        clock=parts.clock,
        log=parts.log,
    )
