"""The credentials of whoever runs a command, and what AWS refuses in words that help.

Not shown here: that AWS takes them (docs/live-checks.md).
"""

from pathlib import Path

import pytest

from breakglass.app.aws.aws import TIMEOUT, UNREACHABLE, AwsError
from breakglass.app.aws.services import IDENTITY_STORE
from breakglass.app.aws.sigv4 import Credentials
from breakglass.cli import aws_client
from breakglass.errors import CommandError
from tests.app.domain.policies import SETTINGS


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing of the person who runs the tests, and no instance to ask for a role."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # Where a call would go if it came so far: nobody listens there.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def refusal() -> str:
    with pytest.raises(CommandError) as refused, aws_client.translate_aws_errors(SETTINGS):
        aws_client.create_client(SETTINGS).call(IDENTITY_STORE, "GetUserId", {})
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


def test_without_any_the_way_to_sign_in_is_told() -> None:
    assert "There are no AWS credentials here." in refusal()
    assert "aws sso login" in refusal()


def test_an_unknown_profile_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "typo")

    assert "(typo) could not be found" in refusal()
    assert "aws sso login" in refusal()


def test_a_sign_in_that_is_over_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
        ("UnrecognizedClientException", "AWS does not know your credentials"),
        ("AccessDeniedException", "may not do this: User: x is not authorized"),
        ("ResourceNotFoundException", "Your credentials may be of another account than the stack"),
        (UNREACHABLE, "AWS did not answer"),
        (TIMEOUT, "AWS did not answer"),
        ("ThrottlingException", "AWS refused it: User: x is not authorized"),
    ],
)
def test_what_aws_refuses_is_said_with_what_to_do(code: str, said: str) -> None:
    with pytest.raises(CommandError) as refused, aws_client.translate_aws_errors(SETTINGS):
        raise AwsError(code, "User: x is not authorized", 400, "Query")
    text = " ".join(str(refused.value).split())

    assert text.startswith(f'AWS: Query value: "{code}"')
    assert said in text
    assert "instead: " in text


def test_the_account_of_the_stack_is_named_where_it_may_be_another_one() -> None:
    for code in ("AccessDeniedException", "ResourceNotFoundException"):
        with pytest.raises(CommandError) as refused, aws_client.translate_aws_errors(SETTINGS):
            raise AwsError(code, "", 400, "Query")
        assert SETTINGS.deployed_in in str(refused.value)
