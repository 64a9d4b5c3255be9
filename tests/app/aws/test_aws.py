"""The AWS client against a scripted server: requests, retries and errors."""

import re

import pytest

from breakglass.app.aws.aws import BACKGROUND, TIMEOUT, UNREACHABLE, UNREADABLE, AwsClient, AwsError, RetryPolicy
from breakglass.app.aws.services import DYNAMODB, IDENTITY_STORE, LAMBDA, SSO_ADMIN
from breakglass.app.aws.sigv4 import Credentials
from tests.app.aws.scripted_server import HangUp, Pause, Reply, ScriptedServer, Silence, never, refusal

CREDENTIALS = Credentials("AKIDEXAMPLE", "very/secret+key", "very-secret-token")


def client(server: ScriptedServer, retry_policy: RetryPolicy = BACKGROUND, pause: Pause = never) -> AwsClient:
    environment = {"AWS_ENDPOINT_URL": server.url}
    return AwsClient("eu-central-1", lambda: CREDENTIALS, retry_policy, environment, pause, chance=lambda: 0.5)


def test_an_operation_is_named_and_signed_and_its_answer_read(server: ScriptedServer) -> None:
    server.answers(Reply({"Item": {"pk": {"S": "ä"}}}))
    answer = client(server).call(DYNAMODB, "GetItem", {"TableName": "ü"})
    [asked] = server.asked
    assert answer == {"Item": {"pk": {"S": "ä"}}}
    assert (asked.method, asked.path, asked.json) == ("POST", "/", {"TableName": "ü"})
    assert asked.headers["X-Amz-Target"] == "DynamoDB_20120810.GetItem"
    assert asked.headers["Content-Type"] == "application/x-amz-json-1.0"
    assert asked.headers["X-Amz-Security-Token"] == CREDENTIALS.token
    assert asked.headers["Host"] == server.url.removeprefix("http://")
    assert re.match(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-central-1/dynamodb/aws4_request, SignedHeaders=content-type;"
        "host;x-amz-date;x-amz-security-token;x-amz-target, Signature=[0-9a-f]{64}",
        asked.headers["Authorization"],
    )


def test_an_empty_answer_is_an_empty_object(server: ScriptedServer) -> None:
    server.answers(Reply(b""))
    assert client(server).call(DYNAMODB, "DeleteItem", {}) == {}


def test_all_pages_are_asked_for(server: ScriptedServer) -> None:
    server.answers(Reply({"Page": 1, "NextToken": "two"}), Reply({"Page": 2, "NextToken": None}))
    pages = client(server).pages(SSO_ADMIN, "ListAccountAssignments", {"AccountId": "1"})
    assert [page["Page"] for page in pages] == [1, 2]
    assert [asked.json for asked in server.asked] == [{"AccountId": "1"}, {"AccountId": "1", "NextToken": "two"}]


def test_a_function_is_invoked_by_its_arn(server: ScriptedServer) -> None:
    server.answers(Reply(b'{"errorType": "KeyError"}', headers={"X-Amz-Function-Error": "Unhandled"}))
    answer = client(server).invoke(
        "arn:aws:lambda:eu-central-1:111111111111:function:interactions", "RequestResponse", b"{}"
    )
    [asked] = server.asked
    assert asked.path == (
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A111111111111%3Afunction%3Ainteractions/invocations"
    )
    assert asked.headers["X-Amz-Invocation-Type"] == "RequestResponse"
    assert (answer.headers["x-amz-function-error"], answer.body) == ("Unhandled", b'{"errorType": "KeyError"}')


@pytest.mark.parametrize(
    "failure",
    [
        refusal("ThrottlingException"),
        refusal("ProvisionedThroughputExceededException"),
        Reply({"__type": "TooManyRequestsException"}, 429),
        Reply(b"<html>", 503),
        refusal("InternalServerError", status=500),
        Reply(b"no JSON"),
        HangUp(),
    ],
)
def test_what_passes_is_tried_again_after_a_pause_that_grows(server: ScriptedServer, failure: Reply | HangUp) -> None:
    server.answers(failure, failure, failure, Reply({"done": True}))
    pauses: list[float] = []
    retry_policy = RetryPolicy(attempts=4, first_pause=0.1, longest_pause=0.3)
    assert client(server, retry_policy, pauses.append).call(DYNAMODB, "GetItem", {"a": 1}) == {"done": True}
    assert pauses == [0.05, 0.1, 0.15]
    assert [asked.json for asked in server.asked] == [{"a": 1}] * 4


def test_it_is_not_tried_for_ever(server: ScriptedServer) -> None:
    server.answers(refusal("ThrottlingException", "slow down"))
    with pytest.raises(AwsError) as refused:
        client(server, RetryPolicy(attempts=3), lambda _: None).call(DYNAMODB, "GetItem", {})
    assert (refused.value.code, refused.value.message, refused.value.status) == (
        "ThrottlingException",
        "slow down",
        400,
    )
    assert len(server.asked) == 3


def test_no_attempt_begins_when_the_time_is_over(server: ScriptedServer) -> None:
    server.answers(refusal("ThrottlingException"))
    with pytest.raises(AwsError, match="ThrottlingException"):
        client(server, RetryPolicy(attempts=9, seconds=-1)).call(DYNAMODB, "GetItem", {})
    assert len(server.asked) == 1


def test_what_does_not_pass_is_not_tried_again(server: ScriptedServer) -> None:
    server.answers(refusal("ValidationException", "no such thing"))
    with pytest.raises(AwsError) as refused:
        client(server).call(IDENTITY_STORE, "DescribeUser", {})
    assert str(refused.value) == "DescribeUser: ValidationException (400): no such thing"
    assert not refused.value.retryable


def test_no_answer_is_an_error_with_a_code_of_its_own(server: ScriptedServer) -> None:
    server.answers(Silence())
    with pytest.raises(AwsError) as refused:
        client(server, RetryPolicy(attempts=1, read_timeout=0.2)).call(DYNAMODB, "GetItem", {})
    assert (refused.value.code, refused.value.status, refused.value.retryable) == (TIMEOUT, 0, True)
    server.answers(HangUp())
    with pytest.raises(AwsError) as refused:
        client(server, RetryPolicy(attempts=1)).call(DYNAMODB, "GetItem", {})
    assert (refused.value.code, refused.value.status, refused.value.retryable) == (UNREACHABLE, 0, True)
    server.answers(Reply([]))
    with pytest.raises(AwsError) as refused:
        client(server, RetryPolicy(attempts=1)).call(DYNAMODB, "GetItem", {})
    assert (refused.value.code, refused.value.retryable) == (UNREADABLE, True)


@pytest.mark.parametrize(
    ("before", "repeated"),
    [
        (HangUp(), True),
        (Reply(b"no JSON"), True),
        (refusal("InternalServerError", status=500), True),
        (refusal("ThrottlingException"), False),
    ],
)
def test_error_says_if_an_earlier_attempt_may_have_succeeded(
    server: ScriptedServer, before: Reply | HangUp, repeated: bool
) -> None:
    server.answers(before, refusal("ThrottlingException"), refusal("ValidationException"))
    with pytest.raises(AwsError, match="ValidationException") as refused:
        client(server, pause=lambda _: None).call(DYNAMODB, "PutItem", {})
    assert refused.value.repeated is repeated
    server.answers(refusal("ValidationException"))
    with pytest.raises(AwsError) as refused:
        client(server).call(DYNAMODB, "PutItem", {})
    assert refused.value.repeated is False


@pytest.mark.parametrize(
    ("reply", "code", "message"),
    [
        (Reply({"__type": "ns#OneException", "message": "why"}, 400), "OneException", "why"),
        (Reply({"__type": "OneException", "Message": "why"}, 400), "OneException", "why"),
        (Reply({"code": "OneException"}, 400), "OneException", ""),
        (Reply({"Message": "why"}, 404, {"x-amzn-ErrorType": "OneException:http://x/"}), "OneException", "why"),
        (Reply(b"gone", 403), "Http403", ""),
        (Reply(b"", 301), "Http301", ""),
    ],
)
def test_the_code_is_read_wherever_a_service_puts_it(
    server: ScriptedServer, reply: Reply, code: str, message: str
) -> None:
    server.answers(reply)
    with pytest.raises(AwsError) as refused:
        client(server).call(DYNAMODB, "GetItem", {})
    assert (refused.value.code, refused.value.message) == (code, message)


def test_a_cancelled_transaction_tells_the_reason_of_each_item(server: ScriptedServer) -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"body": {"S": "private"}}}]
    server.answers(refusal("TransactionCanceledException", "cancelled", CancellationReasons=reasons))
    with pytest.raises(AwsError) as refused:
        client(server).call(DYNAMODB, "TransactWriteItems", {})
    assert refused.value.reasons == ("None", "ConditionalCheckFailed")
    assert "private" not in repr(refused.value)


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidSignatureException", "UnrecognizedClientException"])
def test_nothing_secret_is_in_an_error(server: ScriptedServer, code: str) -> None:
    server.answers(refusal(code, f"should have been x-amz-security-token:{CREDENTIALS.token} {CREDENTIALS.secret_key}"))
    with pytest.raises(AwsError) as refused:
        client(server).call(DYNAMODB, "GetItem", {"secret": "secret argument"})
    assert "secret" not in f"{refused.value!r} {refused.value} {refused.value.message}"


def test_credentials_are_asked_for_before_each_attempt(server: ScriptedServer) -> None:
    server.answers(refusal("ThrottlingException"), Reply({}))
    keys = iter(["FIRST", "SECOND"])
    client = AwsClient(
        "eu-central-1",
        lambda: Credentials(next(keys), "any"),
        environment={"AWS_ENDPOINT_URL_LAMBDA": server.url},
        pause=lambda _: None,
    )
    client.invoke("interactions", "Event", b"{}")
    assert [asked.headers["Authorization"].partition("/")[0][-6:] for asked in server.asked] == ["=FIRST", "SECOND"]
    assert LAMBDA.signing_name in server.asked[0].headers["Authorization"]


def test_credentials_come_from_the_environment(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers(Reply({}))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    AwsClient("eu-central-1", environment={"AWS_ENDPOINT_URL": server.url}).call(DYNAMODB, "GetItem", {})
    [asked] = server.asked
    assert "AKIDENVIRONMENT/" in asked.headers["Authorization"]
    assert "X-Amz-Security-Token" not in asked.headers
