"""The caller's credentials, and AWS's errors as problems with a fix.

It does not prove that AWS accepts the credentials (docs/live-checks.md).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from breakglass.app.aws.aws import TIMEOUT, UNREACHABLE, AwsError
from breakglass.app.aws.services import IDENTITY_STORE
from breakglass.app.aws.sigv4 import Credentials
from breakglass.cli import aws_client
from breakglass.errors import CommandError
from tests.app.aws.scripted_server import ScriptedServer
from tests.app.aws.scripted_server import refusal as refusal_of_aws
from tests.app.domain.policies import SETTINGS


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without credentials, and no instance role."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Nothing listens at the endpoint of a call.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def translate() -> AbstractContextManager[None]:
    return aws_client.translate_aws_errors(SETTINGS.deployed_in, SETTINGS.region, "It needs dynamodb:Query.")


def refusal() -> str:
    with pytest.raises(CommandError) as refused, translate():
        aws_client.create_client(SETTINGS.region).call(IDENTITY_STORE, "GetUserId", {})
    return " ".join(str(refused.value).split())


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")

    assert aws_client.find_credentials()() == Credentials("AKIA", "secret", "token")


def test_credentials_come_from_a_profile(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "credentials").write_text("[audit]\naws_access_key_id = AKIB\naws_secret_access_key = other\n")
    monkeypatch.setenv("AWS_PROFILE", "audit")

    assert aws_client.find_credentials()() == Credentials("AKIB", "other")


def test_missing_credentials_are_an_error_with_a_fix() -> None:
    assert "No AWS credentials were found." in refusal()
    assert "aws sso login" in refusal()


def test_unknown_profile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "typo")

    assert "(typo) could not be found" in refusal()
    assert "aws sso login" in refusal()


def test_expired_sign_in_is_an_error_with_a_fix(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "config").write_text(
        "[profile audit]\nsso_session = company\nsso_account_id = 111111111111\nsso_role_name = auditor\n"
        "region = eu-central-1\n"
        "[sso-session company]\nsso_start_url = https://company.awsapps.com/start\nsso_region = eu-central-1\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "audit")

    assert "AWS credentials" in refusal()
    assert "aws sso login" in refusal()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredTokenException", "Your AWS credentials have expired."),
        ("UnrecognizedClientException", "AWS does not accept your credentials"),
        ("AccessDeniedException", "are not authorized: User: x is not authorized"),
        ("ResourceNotFoundException", "Your credentials may be of another account than the stack's"),
        (UNREACHABLE, "AWS did not respond"),
        (TIMEOUT, "AWS did not respond"),
        ("ThrottlingException", "AWS refused the call: User: x is not authorized"),
    ],
)
def test_aws_error_is_a_problem_with_a_fix(code: str, said: str) -> None:
    with pytest.raises(CommandError) as refused, translate():
        raise AwsError(code, "User: x is not authorized", 400, "Query")
    text = " ".join(str(refused.value).split())

    assert text.startswith(f'AWS: Query value: "{code}"')
    assert said in text
    assert "instead: " in text


def test_error_of_another_account_names_the_stacks_account() -> None:
    for code in ("AccessDeniedException", "ResourceNotFoundException"):
        with pytest.raises(CommandError) as refused, translate():
            raise AwsError(code, "", 400, "Query")
        assert SETTINGS.deployed_in in str(refused.value)


def test_botocore_client_without_credentials_is_an_error() -> None:
    with pytest.raises(CommandError) as refused:
        aws_client.BotocoreClient("eu-central-1").call("sts", "GetCallerIdentity")

    assert "aws sso login" in str(refused.value)


def test_botocore_client_with_unknown_profile_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "typo")
    with pytest.raises(CommandError) as refused:
        aws_client.BotocoreClient("eu-central-1").call("sts", "GetCallerIdentity")

    assert "(typo) could not be found" in " ".join(str(refused.value).split())


def list_rules(client: aws_client.BotocoreClient) -> None:
    list(client.pages("events", "ListRules"))


def describe_rule(client: aws_client.BotocoreClient) -> None:
    client.call("events", "DescribeRule", Name="x")


@pytest.mark.parametrize(("ask", "operation"), [(list_rules, "ListRules"), (describe_rule, "DescribeRule")])
def test_botocore_client_raises_refusals_as_aws_errors(
    ask: Callable[[aws_client.BotocoreClient], None], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with ScriptedServer() as server:
        server.answers(refusal_of_aws("AccessDeniedException", "no"))
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        with pytest.raises(AwsError) as refused:
            ask(aws_client.BotocoreClient("eu-central-1"))

    error = refused.value
    assert (error.code, error.message, error.status, error.operation) == ("AccessDeniedException", "no", 400, operation)


def no_pause(_: float) -> None:
    pass


def test_botocore_client_reports_an_unreachable_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr("time.sleep", no_pause)
    with pytest.raises(AwsError) as refused:
        aws_client.BotocoreClient("eu-central-1").call("sts", "GetCallerIdentity")

    assert refused.value.code == UNREACHABLE
