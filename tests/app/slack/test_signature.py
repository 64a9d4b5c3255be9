"""Slack's signature: the documented example, and that nothing else passes.

It does not prove that the comparison takes constant time; it is `hmac.compare_digest`.
"""

import hashlib
import hmac
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.slack.signature import WINDOW_SECONDS, SignatureError, replay_key, verify
from localcloud.slack_user import sign_request

# The example of https://docs.slack.dev/authentication/verifying-requests-from-slack, whose secret is public.
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TIMESTAMP = "1531420618"
NOW = 1531420618
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
    b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
    b"trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def refusal(**changes: object) -> str:
    given = {"secret": SECRET, "timestamp": TIMESTAMP, "signature": SIGNATURE, "body": BODY, "now": NOW, **changes}
    with pytest.raises(SignatureError) as refused:
        verify(**given)  # pyrefly: ignore[bad-argument-type]
    return str(refused.value)


def test_verify_accepts_slacks_example() -> None:
    verify(SECRET, TIMESTAMP, SIGNATURE, BODY, NOW)


@pytest.mark.parametrize("off", [-WINDOW_SECONDS, WINDOW_SECONDS])
def test_verify_window_is_five_minutes_in_both_directions(off: int) -> None:
    verify(SECRET, TIMESTAMP, SIGNATURE, BODY, NOW + off)
    assert refusal(now=NOW + off + (1 if off > 0 else -1)) == "the timestamp is too old, or in the future"


@pytest.mark.parametrize(
    "timestamp",
    [
        "",
        " ",
        "-1",
        "+1531420618",
        "1531420618 ",
        "1531420618\n",
        "1531420618.0",
        "1_531_420_618",
        "0x5b47a9ca",
        "9" * 5000,
        "NaN",
        "\u0661\u0665\u0663\u0661\u0664\u0662\u0660\u0666\u0661\u0668",
        "\ud800",
    ],
)
def test_verify_refuses_garbled_timestamp(timestamp: str) -> None:
    assert refusal(timestamp=timestamp) == "the timestamp is missing or garbled"


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "v0=",
        SIGNATURE[3:],
        SIGNATURE.upper(),
        SIGNATURE.replace("v0", "v1"),
        f"{SIGNATURE}00",
        f"{SIGNATURE}\n",
        f" {SIGNATURE}",
        f"{SIGNATURE},{SIGNATURE}",
        "v0=" + "é" * 64,
        "v0=" + "\ud800" * 64,
    ],
)
def test_verify_refuses_garbled_signature(signature: str) -> None:
    assert refusal(signature=signature) == "the signature is missing or garbled"


def test_verify_refuses_changed_input() -> None:
    other = "v0=" + "0" * 64
    for changes in ({"body": BODY + b" "}, {"secret": SECRET + "x"}, {"timestamp": "1531420619"}, {"signature": other}):
        assert refusal(**changes) == "the signature does not match"


def test_verify_refuses_empty_secret() -> None:
    empty = "v0=" + hmac.new(b"", f"v0:{TIMESTAMP}:".encode() + BODY, hashlib.sha256).hexdigest()
    assert refusal(secret="", signature=empty) == "there is no signing secret"


@given(secret=st.text(min_size=1), body=st.binary(), now=st.integers(0, 9_999_999_999))
def test_verify_accepts_the_local_clouds_requests(secret: str, body: bytes, now: int) -> None:
    headers = sign_request(secret, body, now)
    verify(secret, headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"], body, now)


@given(
    secret=st.text(st.characters(exclude_categories=())),
    timestamp=st.text(st.characters(exclude_categories=())) | st.just(TIMESTAMP),
    signature=st.text(st.characters(exclude_categories=())) | st.from_regex(r"v0=[0-9a-f]{64}", fullmatch=True),
    body=st.binary(),
)
def test_verify_reason_holds_nothing_of_the_request(secret: str, timestamp: str, signature: str, body: bytes) -> None:
    with pytest.raises(SignatureError, match=re.compile(r"[a-z, ]+")) as refused:
        verify(secret, timestamp, signature, body, NOW)
    assert str(refused.value) in {
        "there is no signing secret",
        "the timestamp is missing or garbled",
        "the signature is missing or garbled",
        "the timestamp is too old, or in the future",
        "the signature does not match",
    }


def test_replay_key_is_the_signature() -> None:
    assert replay_key(SIGNATURE) == "slack/a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
