"""The events of a lost connection to Slack, and the e-mail about them.

EventBridge deauthorizes a connection when Slack answers 401 or 407, when its copy of the token is deleted, or on
request. It deactivates an API destination without an authorized connection
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection-deauthorize.html). Nothing is delivered
from then on, which the next use would show at the earliest. A state machine can't use such a connection either.

Source of the events' shape: "Amazon EventBridge events detail reference"
(https://docs.aws.amazon.com/eventbridge/latest/userguide/event-reference.html).

Non-goals: Slack's own refusals. Slack reports a revoked token or an archived channel as HTTP 200 with `"ok": false`,
which EventBridge takes for a delivery.
"""

import json
from typing import Any

from breakglass.alerts.messages import Transformer


def lost_connection_pattern(connection_arn: str, destination_arn: str | None = None) -> dict[str, Any]:
    """Return the event pattern for the loss of this connection, or of this API destination, if any."""
    pattern = {"source": ["aws.events"], "detail-type": ["Connection Deauthorized"], "resources": [connection_arn]}
    if destination_arn is not None:
        pattern["detail-type"].append("API Destination Deactivated")
        pattern["resources"].append(destination_arn)
    return pattern


def lost_connection_text(*, confirmed: bool = False) -> Transformer:
    """Return the input transformer from such an event to the text of an e-mail.

    Args:
        confirmed: a state machine posts the alerts, not an API destination.
    """
    consequence = (
        "Each use of a break-glass role from now on comes as an e-mail or a page. Repair the connection now: see "
        "docs/runbooks/rotate-the-token.md."
        if confirmed
        else "Uses of break-glass roles from now on end in the dead-letter queues. Repair the connection now: see "
        "docs/runbooks/rotate-the-token.md, and docs/runbooks/dead-letters.md for the alerts that were missed."
    )
    text = (
        "Break-glass alerts do not reach Slack: EventBridge reports <what> at <time> in account <account>, <region>. "
        + consequence
    )
    paths = {"what": "$.detail-type", "time": "$.time", "account": "$.account", "region": "$.region"}
    return Transformer(input_paths=paths, template=json.dumps(text))
