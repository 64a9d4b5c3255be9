"""Step Functions' HTTP Task, `arn:aws:states:::http:invoke`, which MiniStack lacks.

From "Call HTTPS APIs in Step Functions workflows" in the Step Functions Developer Guide, and from recorded answers of
AWS (radkawar/stackd at 9dc356f5, testdata/aws/stepfunctions/http_connections.json):

- the execution role needs `states:InvokeHTTPEndpoint` on the machine, with the condition keys `states:HTTPEndpoint` and
  `states:HTTPMethod`, the connection's credentials, and its secret;
- the connection signs the request. A header `Authorization` of the task is refused, that of a connection is sent;
- a body of content type JSON arrives parsed, any other as a string; an empty one is absent;
- a status other than 2xx fails the task as `States.Http.StatusCode.N`. The cause is the text of the status, so neither
  the body nor a header like Retry-After is to be seen;
- a redirect is not followed.

Non-goals: `https`, which AWS demands: the Slack of the local cloud has none. `Transform`, query parameters and
connections with other than an API key: the task is refused.
"""

import http.client
import importlib
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulators import clock
from localcloud.emulators.hooks import require_hooks
from localcloud.emulators.permissions import execution_role_allows

RESOURCE = "arn:aws:states:::http:invoke"

# Any: MiniStack has no annotations.
_events: Any = importlib.import_module("ministack.services.eventbridge")
_states: Any = importlib.import_module("ministack.services.stepfunctions")

_LIMIT = 262_144
_LONGEST_CALL = 60.0
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_ARGUMENTS = frozenset({"ApiEndpoint", "Authentication", "Headers", "InvocationConfig", "Method", "RequestBody"})
_REFUSED_HEADERS = frozenset(
    {
        *("a-im", "accept-charset", "accept-datetime", "accept-encoding", "authorization", "cache-control"),
        *("connection", "content-encoding", "content-md5", "date", "expect", "forwarded", "from", "host"),
        *("http2-settings", "if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since"),
        *("max-forwards", "origin", "pragma", "proxy-authorization", "referer", "server", "te", "trailer"),
        *("transfer-encoding", "upgrade", "via", "warning"),
    }
)
_REFUSED_PREFIXES = ("x-amz-", "x-amzn-", "x-forwarded-")
_REFUSED_CONTENT = ("application/octet-stream", "audio/", "image/", "video/")


def install(machine: Callable[[], Mapping[str, Any]], real_seconds: Callable[[float], float]) -> None:
    """Adds the task to the MiniStack of this process.

    Args:
        machine: returns the state machine of the execution that runs in this context.
        real_seconds: returns how long a time limit lasts here.
    """
    require_hooks(_states, "_SERVICE_DISPATCH", "_ExecutionError")
    require_hooks(_events, "_connections", "_connection_auth_headers", "_http_open")

    def invoking(_: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        return _invoke(machine(), arguments, real_seconds(_LONGEST_CALL))

    _states._SERVICE_DISPATCH[RESOURCE] = invoking


def _error(name: str, cause: str) -> Exception:
    error: Exception = _states._ExecutionError(name, cause)
    return error


def _invoke(machine: Mapping[str, Any], arguments: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    endpoint, method = arguments.get("ApiEndpoint"), arguments.get("Method")
    unknown = sorted(arguments.keys() - _ARGUMENTS)
    if unknown or not isinstance(endpoint, str) or method not in _METHODS:
        raise _error("States.Runtime", f"ApiEndpoint and Method have to be strings; unsupported: {unknown}")
    if ("InvocationConfig" in arguments) == ("Authentication" in arguments):
        raise _error("States.Runtime", "Specify either Authentication or InvocationConfig")
    connection_arn = (arguments.get("InvocationConfig") or arguments["Authentication"])["ConnectionArn"]
    headers: dict[str, str] = dict(arguments.get("Headers") or {})
    refused = sorted(name.lower() for name in headers if _is_refused(name.lower()))
    if refused:
        raise _error("States.Runtime", f"The 'Headers' field contains unsupported values: [{', '.join(refused)}]")
    region = machine["stateMachineArn"].split(":")[3]
    signed = _authorization(machine, connection_arn, endpoint, method)
    sent = {
        "Content-Type": "application/json; charset=UTF-8",
        **headers,
        **signed,
        "User-Agent": f"Amazon|StepFunctions|HttpInvoke|{region}",
        "Range": f"bytes=0-{_LIMIT}",
        **clock.headers(),
    }
    return _call(endpoint, method, sent, _body(arguments), timeout)


def _is_refused(header: str) -> bool:
    return header in _REFUSED_HEADERS or header.startswith(_REFUSED_PREFIXES)


def _body(arguments: Mapping[str, Any]) -> bytes | None:
    if "RequestBody" not in arguments:
        return None
    given = arguments["RequestBody"]
    body = given if isinstance(given, str) else json.dumps(given, separators=(",", ":"), ensure_ascii=False)
    encoded = body.encode()
    if len(encoded) > _LIMIT:
        raise _error(
            "States.DataLimitExceeded", f"HTTP request body exceeds the maximum allowed size of {_LIMIT} bytes"
        )
    return encoded


def _authorization(machine: Mapping[str, Any], connection_arn: str, endpoint: str, method: str) -> dict[str, str]:
    """The headers of the connection, if the execution role may have them."""

    def may(action: str, resource: str, keys: Mapping[str, str] | None = None) -> bool:
        return execution_role_allows(machine["roleArn"], machine["stateMachineArn"], action, resource, keys)

    keys = {"states:httpendpoint": endpoint, "states:httpmethod": method}
    if not may("states:InvokeHTTPEndpoint", machine["stateMachineArn"], keys):
        raise _error(
            "States.Http.AccessDenied",
            "AWS Step Functions is not authorized to perform states:InvokeHTTPEndpoint on API Endpoint "
            f"{endpoint}. Ensure that the StateMachine role contains the states:InvokeHTTPEndpoint permission for the "
            "given API Endpoint",
        )
    denied = "Events.ConnectionResource.AccessDenied"
    if not may("events:RetrieveConnectionCredentials", connection_arn):
        raise _error(denied, f"The role may not perform events:RetrieveConnectionCredentials on {connection_arn}")
    connection = _events._connections.get(connection_arn.split("/")[1])
    if connection is None or connection["ConnectionArn"] != connection_arn:
        raise _error("Events.ConnectionResource.ResourceNotFound", f"Connection {connection_arn} does not exist")
    if connection["ConnectionState"] != "AUTHORIZED":
        state = f"Connection {connection_arn} is in state {connection['ConnectionState']}"
        raise _error("Events.ConnectionResource.InvalidConnectionState", state)
    for action in ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"):
        if not may(action, connection["SecretArn"]):
            raise _error(
                denied,
                "No permissions to call DescribeSecret and/or GetSecretValue on the secret associated with the "
                "connection resource.",
            )
    headers: dict[str, str] = _events._connection_auth_headers(connection, None)
    return headers


def _call(endpoint: str, method: str, headers: dict[str, str], body: bytes | None, timeout: float) -> dict[str, Any]:
    # MiniStack's opener takes http and https only, and follows no redirect.
    request = urllib.request.Request(endpoint, data=body, headers=headers, method=method)  # noqa: S310  see above
    try:
        with _events._http_open(request, timeout=timeout) as response:
            return _result(response, response.read(_LIMIT + 1))
    except urllib.error.HTTPError as error:
        with error:
            text = http.client.responses.get(error.code, "")
            raise _error(f"States.Http.StatusCode.{error.code}", text) from None
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError):
            clock.skip(_LONGEST_CALL - timeout)
        raise _error("States.Http.Socket", f"HTTP request failed: {type(error).__name__}") from None


def _result(response: http.client.HTTPResponse, content: bytes) -> dict[str, Any]:
    kind = response.headers.get_content_type()
    if kind.startswith(_REFUSED_CONTENT):
        raise _error("States.Runtime", f"Unsupported response content-type '{kind}'.")
    if len(content) > _LIMIT:
        limit = f"HTTP response exceeds the maximum allowed size of {_LIMIT} bytes"
        raise _error("States.DataLimitExceeded", limit)
    names = {name.lower(): name for name in response.headers}
    result: dict[str, Any] = {
        "Headers": {lower: response.headers.get_all(name) for lower, name in names.items()},
        "StatusCode": response.status,
        "StatusText": response.reason,
    }
    if content:
        result["ResponseBody"] = _parsed(content, is_json=kind == "application/json" or kind.endswith("+json"))
    return result


def _parsed(content: bytes, *, is_json: bool) -> Any:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise _error("States.Runtime", "HTTP response body is not a valid UTF-8 string.") from None
    if not is_json:
        return text
    try:
        return json.loads(text)
    except ValueError:
        # Not recorded. As a string it meets the guards of a machine; as an error it would be States.Http.* or Runtime.
        return text
