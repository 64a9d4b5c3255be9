"""`SlackConnection` registers exactly these resources, and the token in secret places only.

Not proven here: that EventBridge and Slack take the token (docs/live-checks.md), and that the state keeps it encrypted
(tests/engine).
"""

from collections.abc import Callable, Iterable
from typing import Any

import pulumi
import pytest

from breakglass.components.alerts.slack_connection import SlackConnection, SlackConnectionArgs
from tests.conftest import EXISTING_TOKEN, REGION, Call, Deployment, deploy, refusal

SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
CONNECTION = "aws:cloudwatch/eventConnection:EventConnection"
COMPONENT = "breakglass:index:SlackConnection"

TOKEN = "xoxb-1-made-up"
KEY = "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def program(args: SlackConnectionArgs) -> dict[str, pulumi.Output[str]]:
    connection = SlackConnection("prod", args)
    return {"connection_arn": connection.connection_arn, "secret_arn": connection.secret_arn}


def connect(args: SlackConnectionArgs) -> Deployment:
    return deploy(lambda: program(args))


def test_token_from_config_creates_secret() -> None:
    deployment = connect({"region": REGION, "bot_token": TOKEN, "tags": {"team": "platform"}})

    assert deployment.inventory() == {
        (COMPONENT, "prod"),
        (SECRET, "prod-token"),
        (VERSION, "prod-token"),
        (CONNECTION, "prod-connection"),
    }
    assert deployment.calls == []
    assert deployment.get(SECRET, "prod-token").inputs == {
        "name": "breakglass-prod-token",
        "description": "Bot token with which break-glass alerts are posted to Slack.",
        "recoveryWindowInDays": 0,
        "region": REGION,
        "tags": {"team": "platform"},
    }
    assert deployment.get(VERSION, "prod-token").inputs == {
        "secretId": deployment.outputs["secret_arn"],
        "secretString": TOKEN,
        "region": REGION,
    }
    assert deployment.get(CONNECTION, "prod-connection").inputs == {
        "name": "breakglass-prod-connection",
        "description": "How break-glass alerts sign in to Slack.",
        "authorizationType": "API_KEY",
        "authParameters": {"apiKey": {"key": "Authorization", "value": f"Bearer {TOKEN}"}},
        "region": REGION,
    }


def test_existing_secret_is_read_but_unchanged() -> None:
    deployment = connect({"region": REGION, "bot_token_secret_name": "slack/bot"})

    assert deployment.inventory() == {(COMPONENT, "prod"), (CONNECTION, "prod-connection")}
    existing = "arn:aws:secretsmanager:eu-central-1:222222222222:secret:slack/bot-Pw53Lt"
    assert deployment.calls == [
        Call("aws:secretsmanager/getSecret:getSecret", {"name": "slack/bot", "region": REGION}),
        Call("aws:secretsmanager/getSecretVersion:getSecretVersion", {"secretId": existing, "region": REGION}),
    ]
    connection = deployment.get(CONNECTION, "prod-connection")
    assert connection.inputs["authParameters"]["apiKey"]["value"] == f"Bearer {EXISTING_TOKEN}"
    assert deployment.outputs["secret_arn"] == existing


@pytest.mark.parametrize(
    ("source", "token"),
    [
        (lambda: {"bot_token": TOKEN}, TOKEN),
        (lambda: {"bot_token": pulumi.Output.secret(TOKEN)}, TOKEN),
        (lambda: {"bot_token_secret_name": "slack/bot"}, EXISTING_TOKEN),
    ],
    ids=["plain", "secret output", "existing secret"],
)
def test_token_is_in_secret_inputs_only(source: Callable[[], Any], token: str) -> None:
    deployment = deploy(lambda: program({"region": REGION, **source()}))

    in_clear = {each.name: without(each.inputs, each.secrets) for each in deployment.resources}
    assert token in str([each.inputs for each in deployment.resources])
    assert token not in str([in_clear, deployment.outputs, deployment.registered_outputs, deployment.calls])


@pytest.mark.parametrize(
    "wrong",
    ["xoxp-1-a-user", f'{{"token":"{TOKEN}"}}', f"{TOKEN}\n", "xoxb-1 2", "", f"Bearer {TOKEN}"],
    ids=["user token", "JSON", "line break", "space", "empty", "header"],
)
@pytest.mark.parametrize("existing", [True, False], ids=["existing secret", "argument"])
def test_wrong_bot_token_is_refused_unseen(existing: bool, wrong: str) -> None:
    def source() -> Any:
        return {"bot_token_secret_name": "slack/bot"} if existing else {"bot_token": pulumi.Output.secret(wrong)}

    def version(_: object) -> dict[str, Any]:
        return {"secretString": wrong}

    answers = {"aws:secretsmanager/getSecretVersion:getSecretVersion": version}
    deployment = Deployment()

    with pytest.raises(pulumi.RunError, match="Not a bot token") as refused:
        deploy(lambda: program({"region": REGION, **source()}), answers=answers, into=deployment)

    assert not wrong or wrong not in str(refused.value)
    assert not deployment.has_type(CONNECTION)


def without(value: Any, paths: Iterable[str]) -> Any:
    """Drop what is at the dotted paths."""
    if not isinstance(value, dict):
        return value
    return {
        key: without(each, [path.partition(".")[2] for path in paths if path.partition(".")[0] == key])
        for key, each in value.items()
        if key not in paths
    }


def test_customer_key_encrypts_secret_and_connection() -> None:
    deployment = connect({"region": REGION, "bot_token": TOKEN, "kms_key_arn": KEY})

    assert deployment.get(SECRET, "prod-token").inputs["kmsKeyId"] == KEY
    assert deployment.get(CONNECTION, "prod-connection").inputs["kmsKeyIdentifier"] == KEY


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({}, "The bot token is missing"),
        ({"bot_token": TOKEN, "bot_token_secret_name": "slack/bot"}, "The bot token has two sources"),
    ],
    ids=["no token", "two tokens"],
)
def test_connection_without_single_token_is_refused(source: SlackConnectionArgs, why: str) -> None:
    report = refusal(lambda: program({**source, "region": REGION}))

    assert why in report
    assert TOKEN not in report
