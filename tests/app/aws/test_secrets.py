"""Secrets are cached, renewed in time, and read at a limited rate."""

import pytest

from breakglass.app.aws.aws import AwsClient, AwsError, RetryPolicy
from breakglass.app.aws.secrets import LIFETIME_SECONDS, PAUSE_SECONDS, Secrets
from breakglass.app.aws.sigv4 import Credentials
from localcloud.cloud import RunningCloud
from tests.app.aws.local_table import local_client
from tests.app.aws.scripted_server import Reply, ScriptedServer, refusal
from tests.app.doubles.clock import FixedClock

ARN = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:breakglass-token-Zx81Kq"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def secrets(server: ScriptedServer, clock: FixedClock) -> Secrets:
    environment = {"AWS_ENDPOINT_URL": server.url}
    once = RetryPolicy(attempts=1)
    credentials = Credentials("AKIDEXAMPLE", "any")
    return Secrets(AwsClient("eu-central-1", lambda: credentials, once, environment), clock)


def value(text: str) -> Reply:
    return Reply({"ARN": ARN, "SecretString": text})


def test_a_secret_is_read_once_in_its_lifetime(server: ScriptedServer, secrets: Secrets, clock: FixedClock) -> None:
    server.answers(value("one"), value("two"))
    assert secrets.get(ARN) == "one"
    clock.advance(LIFETIME_SECONDS - 1)
    assert secrets.get(ARN) == "one"
    assert [asked.json for asked in server.asked] == [{"SecretId": ARN}]
    clock.advance(1)
    assert secrets.get(ARN) == "two"


def test_a_secret_that_was_refused_is_read_anew_at_once(
    server: ScriptedServer, secrets: Secrets, clock: FixedClock
) -> None:
    server.answers(value("one"), value("two"))
    assert secrets.get(ARN) == "one"
    clock.advance(PAUSE_SECONDS)
    assert secrets.refresh(ARN) == "two"
    assert secrets.get(ARN) == "two"


def test_refusals_do_not_let_anybody_ask_more_often(
    server: ScriptedServer, secrets: Secrets, clock: FixedClock
) -> None:
    server.answers(value("one"), value("two"))
    assert [secrets.refresh(ARN) for _ in range(50)] == ["one"] * 50
    clock.advance(PAUSE_SECONDS)
    assert [secrets.refresh(ARN) for _ in range(50)] == ["two"] * 50
    assert len(server.asked) == 2


def test_secrets_while_aws_is_down_keep_the_value_and_pause(
    server: ScriptedServer, secrets: Secrets, clock: FixedClock
) -> None:
    server.answers(value("one"), refusal("InternalServiceError", status=500), value("two"))
    assert secrets.get(ARN) == "one"
    clock.advance(LIFETIME_SECONDS)
    assert [secrets.get(ARN) for _ in range(50)] == ["one"] * 50
    assert len(server.asked) == 2
    clock.advance(PAUSE_SECONDS)
    assert secrets.get(ARN) == "two"


def test_a_secret_that_was_never_read_is_an_error(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(refusal("ResourceNotFoundException", "no such secret"), value("one"))
    with pytest.raises(AwsError, match="no such secret"):
        secrets.get(ARN)
    assert secrets.get(ARN) == "one"


def test_secrets_are_kept_apart(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(value("one"), value("two"))
    assert [secrets.get("a"), secrets.get("b"), secrets.get("a")] == ["one", "two", "one"]


def test_white_space_around_a_secret_is_no_part_of_it(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(value(" xoxb-1\n"))
    assert secrets.get(ARN) == "xoxb-1"


def test_nothing_shows_a_secret(server: ScriptedServer, secrets: Secrets) -> None:
    server.answers(value("xoxb-1"))
    secrets.get(ARN)
    assert "xoxb-1" not in repr(vars(secrets))


@pytest.mark.local
def test_a_rotated_secret_is_noticed(cloud: RunningCloud, clock: FixedClock) -> None:
    manager = cloud.client("secretsmanager")
    arn = manager.create_secret(Name="rotated", SecretString="one")["ARN"]
    secrets = Secrets(local_client(cloud), clock)
    assert secrets.get(arn) == "one"
    manager.put_secret_value(SecretId=arn, SecretString="two")
    assert secrets.get(arn) == "one"
    clock.advance(PAUSE_SECONDS)
    assert secrets.refresh(arn) == "two"
