"""HTTP Tasks of the local cloud, through AWS's own API.

Proves nothing about AWS: it holds the emulator to AWS's recorded answers (radkawar/stackd at 9dc356f5,
testdata/aws/stepfunctions/http_connections.json), and else to its documentation. `https` is not shown.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from localcloud.cloud import RunningCloud
from localcloud.tests.emulators import machines
from localcloud.tests.emulators.endpoint import Endpoint, running_endpoint

pytestmark = pytest.mark.local

KEY = "Bearer a-key"
_numbers = itertools.count()


@dataclass
class Caller:
    """A state machine that calls an endpoint with its input, under names of its own."""

    cloud: RunningCloud
    url: str
    name: str = field(default_factory=lambda: f"http-task-{next(_numbers)}")

    def __post_init__(self) -> None:
        self.events = self.cloud.client("events")
        key = {"ApiKeyName": "Authorization", "ApiKeyValue": KEY}
        made = self.events.create_connection(
            Name=self.name, AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key}
        )
        self.connection_arn = made["ConnectionArn"]
        self.secret_arn = self.events.describe_connection(Name=self.name)["SecretArn"]
        self.machine_arn = f"{machines.MACHINE_ARN}:{self.name}"
        self.role_arn = machines.make_role(self.cloud, self.name, "states.amazonaws.com", *self.rights())

    def rights(self) -> list[dict[str, Any]]:
        keys = {"states:HTTPMethod": "POST", "states:HTTPEndpoint": self.url}
        return [
            {
                "Action": "states:InvokeHTTPEndpoint",
                "Resource": self.machine_arn,
                "Condition": {"StringEquals": keys},
            },
            {"Action": "events:RetrieveConnectionCredentials", "Resource": self.connection_arn},
            {"Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], "Resource": self.secret_arn},
        ]

    def run(self, *, state: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
        """The execution, when it has ended."""
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::http:invoke",
            "Arguments": {
                "ApiEndpoint": self.url,
                "Method": "POST",
                "InvocationConfig": {"ConnectionArn": self.connection_arn},
                "RequestBody": "{% $states.input %}",
                **arguments,
            },
            "End": True,
            **(state or {}),
        }
        machines.make_machine(self.cloud, self.name, {"Call": task}, self.role_arn)
        return machines.run(self.cloud, self.machine_arn, {"text": "ä"})

    def error(self, **arguments: Any) -> str:
        ended = self.run(**arguments)
        assert ended["status"] == "FAILED"
        error: str = ended["error"]
        return error


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as server:
        yield server


@pytest.fixture
def caller(cloud: RunningCloud, endpoint: Endpoint) -> Caller:
    return Caller(cloud, endpoint.url)


def test_task_posts_its_body_with_the_connections_key(caller: Caller, endpoint: Endpoint) -> None:
    endpoint.answers = [(200, {"Content-Type": "application/json; charset=utf-8", "X-Seen": "yes"})]
    endpoint.body = b'{"ok":false,"error":"is_archived"}'
    output = json.loads(caller.run(Headers={"X-Sent": "too"})["output"])
    [(headers, body)] = endpoint.requests
    assert body == '{"text":"ä"}'
    assert (headers["Authorization"], headers["X-Sent"]) == (KEY, "too")
    assert headers["Content-Type"] == "application/json; charset=UTF-8"
    assert headers["User-Agent"] == "Amazon|StepFunctions|HttpInvoke|eu-central-1"
    assert headers["Range"] == "bytes=0-262144"
    assert (output["StatusCode"], output["StatusText"]) == (200, "OK")
    assert output["ResponseBody"] == {"ok": False, "error": "is_archived"}
    assert output["Headers"]["x-seen"] == ["yes"]


@pytest.mark.parametrize(
    ("content_type", "body", "parsed"),
    [
        ("text/html", b"<p>Busy</p>", "<p>Busy</p>"),
        ("text/plain", b'{"ok":true}', '{"ok":true}'),
        ("application/json", b"<p>", "<p>"),
    ],
    ids=["HTML", "JSON by another name", "JSON in name only"],
)
def test_body_that_is_no_json_is_a_string(
    caller: Caller, endpoint: Endpoint, content_type: str, body: bytes, parsed: str
) -> None:
    endpoint.answers, endpoint.body = [(200, {"Content-Type": content_type})], body
    assert json.loads(caller.run()["output"])["ResponseBody"] == parsed


def test_empty_body_is_absent(caller: Caller) -> None:
    assert "ResponseBody" not in json.loads(caller.run()["output"])


@pytest.mark.parametrize(("status", "text"), [(429, "Too Many Requests"), (503, "Service Unavailable"), (302, "Found")])
def test_status_but_2xx_is_an_error_without_body_or_header(
    caller: Caller, endpoint: Endpoint, status: int, text: str
) -> None:
    endpoint.answers = [(status, {"Retry-After": "77", "Location": "/post"})]
    endpoint.body = b"why"
    ended = caller.run()
    assert (ended["error"], ended["cause"]) == (f"States.Http.StatusCode.{status}", text)
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("content_type", "body", "error"),
    [
        ("image/png", b"x", "States.Runtime"),
        ("text/plain", b"\xff", "States.Runtime"),
        ("text/plain", b"x" * 262_145, "States.DataLimitExceeded"),
    ],
    ids=["image", "not UTF-8", "too long"],
)
def test_body_that_step_functions_refuses_escapes_states_all(
    caller: Caller, endpoint: Endpoint, content_type: str, body: bytes, error: str
) -> None:
    endpoint.answers, endpoint.body = [(200, {"Content-Type": content_type})], body
    assert caller.error(state={"Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Call"}]}) == error


@pytest.mark.parametrize("name", ["authorization", "Cache-Control", "Host", "X-Amz-Date"])
def test_header_that_step_functions_refuses_fails_the_task(caller: Caller, endpoint: Endpoint, name: str) -> None:
    ended = caller.run(Headers={name: "x"})
    assert ended["error"] == "States.Runtime"
    assert ended["cause"] == f"The 'Headers' field contains unsupported values: [{name.lower()}]"
    assert endpoint.requests == []


@pytest.mark.parametrize(
    ("left_out", "error"),
    [
        (0, "States.Http.AccessDenied"),
        (1, "Events.ConnectionResource.AccessDenied"),
        (2, "Events.ConnectionResource.AccessDenied"),
    ],
    ids=["endpoint", "credentials", "secret"],
)
def test_task_without_a_right_sends_nothing(caller: Caller, endpoint: Endpoint, left_out: int, error: str) -> None:
    rights = caller.rights()
    del rights[left_out]
    machines.set_rights(caller.cloud, caller.name, *rights)
    assert caller.error() == error
    assert endpoint.requests == []


def test_condition_keys_name_the_method_and_the_endpoint(caller: Caller, endpoint: Endpoint) -> None:
    assert caller.error(Method="PUT") == "States.Http.AccessDenied"
    other = Caller(caller.cloud, caller.url)
    assert other.error(ApiEndpoint=f"{endpoint.url}/other") == "States.Http.AccessDenied"
    assert endpoint.requests == []


def test_role_of_another_service_can_do_nothing(caller: Caller) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    caller.cloud.client("iam").update_assume_role_policy(
        RoleName=caller.name, PolicyDocument=json.dumps({"Statement": [trust]})
    )
    assert caller.error() == "States.Http.AccessDenied"


def test_lost_connection_is_an_error_of_its_own(caller: Caller, endpoint: Endpoint) -> None:
    caller.events.deauthorize_connection(Name=caller.name)
    assert caller.error() == "Events.ConnectionResource.InvalidConnectionState"
    other = Caller(caller.cloud, caller.url)
    caller.events.delete_connection(Name=other.name)
    assert other.error() == "Events.ConnectionResource.ResourceNotFound"
    assert endpoint.requests == []


def test_endpoint_that_is_gone_is_a_socket_error(cloud: RunningCloud) -> None:
    with running_endpoint() as gone:
        caller = Caller(cloud, gone.url)
    assert caller.error() == "States.Http.Socket"


def test_task_ends_at_its_time_limit_by_the_clock_of_aws(caller: Caller, endpoint: Endpoint) -> None:
    endpoint.may_answer.clear()
    ended = caller.run(state={"TimeoutSeconds": "{% 20 + 10 %}"})
    endpoint.may_answer.set()
    assert ended["error"] == "States.Timeout"
    assert 30 <= machines.duration(ended) < 60
