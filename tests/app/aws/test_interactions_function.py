"""Handing an interaction to the function that does what people click."""

import io
import json
import zipfile
from typing import Any

import pytest

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.interactions_function import InteractionsFailedError, LambdaInteractions
from breakglass.app.aws.sigv4 import Credentials
from localcloud.cloud import RunningCloud
from tests.app.aws.local_table import local_client
from tests.app.aws.scripted_server import Reply, ScriptedServer, refusal

ARN = "arn:aws:lambda:eu-central-1:111111111111:function:breakglass-interactions"
CLICK = {"body": "payload=%7B%7D", "content_type": "application/x-www-form-urlencoded", "view_id": None}


@pytest.fixture
def interactions(server: ScriptedServer) -> LambdaInteractions:
    environment = {"AWS_ENDPOINT_URL": server.url}
    credentials = Credentials("AKIDEXAMPLE", "any")
    client = AwsClient("eu-central-1", lambda: credentials, environment=environment, pause=lambda _: None)
    return LambdaInteractions(client, ARN)


def test_an_interaction_is_handed_over_without_waiting(
    server: ScriptedServer, interactions: LambdaInteractions
) -> None:
    server.answers(Reply(b"", 202))
    interactions.hand_over(CLICK)
    [asked] = server.asked
    assert (asked.headers["X-Amz-Invocation-Type"], asked.json) == ("Event", {"interaction": CLICK})


def test_what_lambda_does_not_take_now_is_handed_over_again(
    server: ScriptedServer, interactions: LambdaInteractions
) -> None:
    server.answers(refusal("TooManyRequestsException", status=429), Reply(b"", 202))
    interactions.hand_over(CLICK)
    assert len(server.asked) == 2


def test_an_interaction_that_lambda_refuses_is_an_error(
    server: ScriptedServer, interactions: LambdaInteractions
) -> None:
    server.answers(Reply({"Message": "not found"}, 404, {"x-amzn-ErrorType": "ResourceNotFoundException"}))
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        interactions.hand_over(CLICK)


def test_a_question_is_answered(server: ScriptedServer, interactions: LambdaInteractions) -> None:
    server.answers(Reply({"options": []}))
    assert interactions.ask(CLICK) == {"options": []}
    assert server.asked[0].headers["X-Amz-Invocation-Type"] == "RequestResponse"


@pytest.mark.parametrize(
    ("reply", "error_type"),
    [
        (Reply({"errorType": "KeyError", "errorMessage": "private"}, 200, {"X-Amz-Function-Error": "Unhandled"}),
         "KeyError"),
        (Reply(b"null"), "no answer"),
        (Reply(b"no JSON"), "no answer"),
    ],
)  # fmt: skip
def test_ask_of_a_failing_function_fails_without_its_text(
    server: ScriptedServer, interactions: LambdaInteractions, reply: Reply, error_type: str
) -> None:
    server.answers(reply)
    with pytest.raises(InteractionsFailedError) as failed:
        interactions.ask(CLICK)
    assert failed.value.error_type == error_type
    assert "private" not in repr(failed.value)


def zipped(source: str) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("handler.py", source)
    return archive.getvalue()


@pytest.mark.local
def test_a_function_in_the_local_cloud_gets_what_was_handed_over(cloud: RunningCloud) -> None:
    functions = cloud.client("lambda")
    source = "def handle(event, context):\n    return {'got': event['interaction']}\n"
    arn: str = functions.create_function(
        FunctionName="echoing-interactions",
        Runtime="python3.12",
        Role="arn:aws:iam::111111111111:role/any",
        Handler="handler.handle",
        Code={"ZipFile": zipped(source)},
    )["FunctionArn"]
    interactions = LambdaInteractions(local_client(cloud), arn)
    said: dict[str, Any] = interactions.ask(CLICK)
    assert said == {"got": CLICK}
    interactions.hand_over(CLICK)
    assert json.dumps(said).isascii()
