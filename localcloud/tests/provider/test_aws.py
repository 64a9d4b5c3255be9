"""Errors, waiting, redaction and tags of the stand-in, and its refusal to leave this machine."""

import pytest

from localcloud.provider import aws, tags
from localcloud.provider.aws import AwsCallError, LocalAws, poll
from localcloud.provider.protocol import redact


def test_no_call_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://sts.eu-central-1.amazonaws.com")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    with pytest.raises(
        AwsCallError, match=r"not the local cloud: its endpoint is https://sts\..*only talks to the local"
    ):
        LocalAws("ap-south-2").call("sts", "GetCallerIdentity")


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:4566", True),
        ("http://localhost:4566", True),
        ("http://[::1]:4566", True),
        ("https://events.eu-central-1.amazonaws.com", False),
        ("http://127.0.0.1.example.com", False),
        ("http://user@example.com:4566", False),
        ("", False),
    ],
)
def test_only_loopback_is_the_local_cloud(monkeypatch: pytest.MonkeyPatch, url: str, local: bool) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    assert aws.configured() is local


def test_poll_waits_out_what_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "_POLL_SECONDS", 0)
    answers = iter([("IN_PROGRESS", ""), ("IN_PROGRESS", ""), ("SUCCEEDED", "")])
    poll("CreateAccountAssignment", lambda: next(answers), "SUCCEEDED", frozenset({"IN_PROGRESS"}))
    assert next(answers, None) is None


def test_poll_ends_with_the_reason_aws_gives() -> None:
    with pytest.raises(AwsCallError, match="CreateAccountAssignment: FAILED: no such account"):
        poll("CreateAccountAssignment", lambda: ("FAILED", "no such account"), "SUCCEEDED", frozenset({"IN_PROGRESS"}))


def test_poll_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "_POLL_SECONDS", 0)
    monkeypatch.setattr(aws, "_POLL_LIMIT_SECONDS", 0)
    with pytest.raises(AwsCallError, match="still IN_PROGRESS after 0 s"):
        poll("CreateAccountAssignment", lambda: ("IN_PROGRESS", ""), "SUCCEEDED", frozenset({"IN_PROGRESS"}))


def test_secrets_are_redacted_also_in_their_json_spelling() -> None:
    message = 'Invalid type, value: xoxb-1"2, as JSON "xoxb-1\\"2", longer xoxb-1"2-3'
    assert redact(message, {'xoxb-1"2', 'xoxb-1"2-3', ""}) == (
        'Invalid type, value: [secret], as JSON "[secret]", longer [secret]'
    )


def test_tags_are_written_and_removed_only_where_they_differ() -> None:
    old, new = {"tags": {"keep": "1", "change": "1", "drop": "1"}}, {"tags": {"keep": "1", "change": "2", "add": "1"}}
    written = [{"Key": "change", "Value": "2"}, {"Key": "add", "Value": "1"}]
    assert tags.changes(old, new) == (written, ["drop"])
    assert tags.changes(new, new) == ([], [])
    assert tags.changes({}, {}) == ([], [])


def test_tags_that_aws_sets_are_not_the_programs() -> None:
    listed = [{"Key": "aws:cloudformation:stack-name", "Value": "x"}, {"Key": "team", "Value": "platform"}]
    assert tags.as_properties(listed) == {"tags": {"team": "platform"}, "tagsAll": {"team": "platform"}}
