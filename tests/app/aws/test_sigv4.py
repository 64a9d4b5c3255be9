"""Signatures, against botocore's own signer on generated requests."""

import datetime
from unittest.mock import patch
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from breakglass.app.aws.sigv4 import Credentials, Scope, sign_request

ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
NAME = st.from_regex("[a-z0-9-]+", fullmatch=True)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
NAMES = st.sampled_from(["Content-Type", "X-Amz-Target", "X-Amz-Invocation-Type", "x-lower", "X-Other"])
CREDENTIALS = st.builds(Credentials, ASCII, ASCII, st.none() | ASCII)
FUNCTION = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda name: name not in (".", ".."))
PATH = st.just("/") | FUNCTION.map(lambda name: f"/2015-03-31/functions/{quote(name, safe='')}/invocations")


@given(
    CREDENTIALS,
    st.builds(Scope, NAME, NAME),
    st.sampled_from(["POST", "GET"]),
    st.sampled_from(["dynamodb.eu-central-1.amazonaws.com", "127.0.0.1:4566"]),
    PATH,
    st.dictionaries(NAMES, VALUE),
    st.binary(max_size=200),
    st.integers(0, 4_000_000_000),
)
@example(
    Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token"),
    Scope("eu-central-1", "lambda"),
    "POST",
    "lambda.eu-central-1.amazonaws.com",
    "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-central-1%3A111111111111%3Afunction%3Ainteractions/invocations",
    {"X-Amz-Invocation-Type": "Event"},
    b"{}",
    1_764_000_000,
)
def test_a_request_is_signed_as_botocore_signs_it(
    credentials: Credentials,
    scope: Scope,
    method: str,
    host: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    at: int,
) -> None:
    request = AWSRequest(method, f"https://{host}{path}", headers, body)
    owner = BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token)
    then = datetime.datetime.fromtimestamp(at, datetime.UTC)
    with patch("botocore.auth.get_current_datetime", lambda: then):
        SigV4Auth(owner, scope.service, scope.region).add_auth(request)

    ours = sign_request(credentials, scope, method, path, {"Host": host, **headers}, body, at)
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]
    assert ours.get("X-Amz-Security-Token") == request.headers.get("X-Amz-Security-Token")


def test_credentials_do_not_show_what_is_secret() -> None:
    assert repr(Credentials("AKIDEXAMPLE", "secret", "token")) == "Credentials(access_key='AKIDEXAMPLE')"
