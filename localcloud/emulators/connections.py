"""Connections and API destinations of EventBridge as AWS names and shows them; MiniStack does it otherwise.

AWS's recorded answers (radkawar/stackd at 9dc356f5, testdata/aws/eventbridge/connections.json, and LocalStack's
snapshots): an ARN ends in a UUID, `connection/NAME/UUID` and `api-destination/NAME/UUID`; DescribeConnection shows the
name of the key and not its value, and the ARN of the secret that EventBridge keeps, `events!connection/NAME/UUID`.
EventBridge reports a deauthorized connection as an event.

Non-goals: other authorization than by an API key; that secret itself.
"""

import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from localcloud.emulators import clock

Response = tuple[int, Mapping[str, str], bytes]
"""Status, headers and body, as MiniStack's handlers return them."""

Handler = Callable[[Mapping[str, Any]], Response]
"""A handler of MiniStack for one operation."""


def make_create_handler(arn: str, create: Handler, records: Mapping[str, dict[str, Any]]) -> Handler:
    """Return a handler that creates as MiniStack does, with a UUID at the end of the ARN."""

    def created(data: Mapping[str, Any]) -> Response:
        status, headers, body = create(data)
        if status == 200:
            record = records[data["Name"]]
            record[arn] += f"/{uuid.uuid4()}"
            if arn == "ConnectionArn":
                record["SecretArn"] = _secret_arn(record)
            body = json.dumps({**json.loads(body), arn: record[arn]}).encode()
        return status, headers, body

    return created


def _secret_arn(connection: Mapping[str, Any]) -> str:
    region, account = connection["ConnectionArn"].split(":")[3:5]
    name = f"events!connection/{connection['Name']}/{uuid.uuid4()}"
    # Secrets Manager adds six characters to a name.
    return f"arn:aws:secretsmanager:{region}:{account}:secret:{name}-{secrets.token_hex(3)}"


def make_describe_handler(describe: Handler) -> Handler:
    """Return a handler that describes a connection as MiniStack does, without the value of its API key."""

    def described(data: Mapping[str, Any]) -> Response:
        status, headers, body = describe(data)
        shown = json.loads(body)
        shown.get("AuthParameters", {}).get("ApiKeyAuthParameters", {}).pop("ApiKeyValue", None)
        return status, headers, json.dumps(shown).encode()

    return described


def make_deauthorize_handler(
    deauthorize: Handler, connections: Mapping[str, dict[str, Any]], put: Callable[[Mapping[str, Any]], None]
) -> Handler:
    """Return a handler that deauthorizes a connection as MiniStack does, and reports it.

    Source: "Connection Deauthorized" in the EventBridge events detail reference; only what a rule can match is filled
    in as it is there.

    Args:
        deauthorize: MiniStack's handler.
        connections: the connections by name.
        put: puts an event on the default bus.
    """

    def deauthorized(data: Mapping[str, Any]) -> Response:
        status, headers, body = deauthorize(data)
        if status == 200:
            connection_arn = connections[data["Name"]]["ConnectionArn"]
            put(make_event("Connection Deauthorized", connection_arn, {"connectionArn": connection_arn}))
        return status, headers, body

    return deauthorized


def make_event(
    detail_type: str, resource_arn: str, detail: Mapping[str, Any], source: str = "aws.events"
) -> dict[str, Any]:
    """Return an event of a service about one of its resources, at the time of this flow."""
    region, account = resource_arn.split(":")[3:5]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [resource_arn],
        "detail": dict(detail),
    }
