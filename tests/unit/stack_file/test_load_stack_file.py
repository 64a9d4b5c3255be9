"""The stack file as the program reads it from Pulumi's configuration.

Not proven here: that the CLI writes and passes configuration in this form (tests/engine).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import set_all_config

from breakglass.errors import ConfigError
from breakglass.stack_file.check import decode_value
from breakglass.stack_file.pulumi_config import load_stack_file
from breakglass.stack_file.secret_keys import NAMESPACE
from breakglass.stack_file.stack import StackFile
from tests.conftest import Deployment, deploy
from tests.unit.stack_file.stack_files import (
    ALERTS,
    APPROVALS,
    BREAK_GLASS,
    ENCRYPTED,
    SIGNING_SECRET,
    STACKS,
    TOKEN,
    spoke,
    stack,
    stack_with_approvals,
)

TOKEN_KEY = f"{NAMESPACE}slackBotToken"
SIGNING_KEY = f"{NAMESPACE}slackSigningSecret"


def configured(
    raw: Mapping[str, Any],
    token: str | None = TOKEN,
    secret_keys: tuple[str, ...] = (TOKEN_KEY, SIGNING_KEY),
    signing_secret: str | None = None,
    stacks_dir: Path = STACKS,
) -> tuple[StackFile | ConfigError, Deployment]:
    """Load a stack as the CLI would configure it: nested values as JSON, secrets decrypted, other namespaces too."""
    plain = {NAMESPACE + key: json.dumps(value) for key, value in raw.items()}
    config = {**plain, "aws:region": "eu-central-1", "breakglassy:thing": "1"}
    for key, secret in ((TOKEN_KEY, token), (SIGNING_KEY, signing_secret)):
        config.pop(key, None)
        if secret is not None:
            config[key] = secret
    result: list[StackFile | ConfigError] = []

    def program() -> dict[str, Any]:
        set_all_config(config, list(secret_keys))
        try:
            result.append(load_stack_file(stacks_dir=stacks_dir))
        except ConfigError as error:
            result.append(error)
        loaded = result[0]
        if not isinstance(loaded, StackFile):
            return {}
        pagers = loaded.alert_path.monitoring.pagers if loaded.alert_path else {}
        return {"token": loaded.slack_bot_token, "signing_secret": loaded.slack_signing_secret, **pagers}

    deployment = deploy(program)
    return result[0], deployment


def paths_of(outcome: StackFile | ConfigError) -> list[str]:
    assert isinstance(outcome, ConfigError)
    return [problem.path for problem in outcome.problems]


def test_load_stack_file_returns_token_as_secret() -> None:
    loaded, deployment = configured(stack())
    assert isinstance(loaded, StackFile)
    assert deployment.outputs == {"token": TOKEN, "signing_secret": None}
    assert deployment.secret_outputs == {"token"}
    assert loaded.permission_sets is not None
    assert loaded.permission_sets.pairs[0].break_glass_name == "devops-break-glass"


def test_spoke_stack_needs_no_secret() -> None:
    loaded, deployment = configured(spoke(), token=None)
    assert isinstance(loaded, StackFile)
    assert loaded.spoke is not None
    assert deployment.outputs == {"token": None, "signing_secret": None}


def test_token_of_spoke_stack_is_refused_unseen() -> None:
    loaded, _ = configured(spoke())
    assert paths_of(loaded) == [TOKEN_KEY]
    assert TOKEN not in str(loaded)


def test_existing_secret_needs_no_token() -> None:
    loaded, _ = configured(stack(((*ALERTS, "slack", "botTokenSecretName"), "slack/token")), token=None)
    assert isinstance(loaded, StackFile)
    assert loaded.slack_bot_token is None


def test_load_stack_file_returns_signing_secret_as_secret() -> None:
    loaded, deployment = configured(stack_with_approvals(), signing_secret=SIGNING_SECRET)
    assert isinstance(loaded, StackFile)
    assert deployment.outputs == {"token": TOKEN, "signing_secret": SIGNING_SECRET}
    assert deployment.secret_outputs == {"token", "signing_secret"}


def test_existing_signing_secret_needs_none_in_stack() -> None:
    named = stack_with_approvals(((*APPROVALS, "signingSecretName"), "slack/signing"), (("slackSigningSecret",), None))
    loaded, _ = configured(named)
    assert isinstance(loaded, StackFile)
    assert loaded.slack_signing_secret is None


@pytest.mark.parametrize("channel", ["C0123456789", "#ops"], ids=["deployed", "refused"])
def test_load_stack_file_logs_warnings(channel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", logged.append)
    configured(stack(((*BREAK_GLASS, "acknowledge"), ["iam"]), ((*ALERTS, "slack", "channel"), channel)))
    (warning,) = logged
    assert warning.startswith("breakglass:permissionSets.pairs[0].breakGlass.acknowledge[0]\n")


def test_section_in_json_with_duplicate_key_is_refused() -> None:
    text = json.dumps(stack()["alerts"]).replace("{", '{"slack": {}, ', 1)
    assert decode_value("alerts", text) == text


def test_unknown_key_is_reported() -> None:
    outcome, _ = configured({**stack(), "alrets": {}})
    assert paths_of(outcome) == ["breakglass:alrets"]


def test_plain_token_is_refused_and_redacted() -> None:
    outcome, _ = configured(stack(), secret_keys=())
    assert paths_of(outcome) == [TOKEN_KEY]
    assert TOKEN[:12] not in str(outcome)


def test_plain_signing_secret_is_refused_and_redacted() -> None:
    outcome, _ = configured(stack_with_approvals(), secret_keys=(TOKEN_KEY,), signing_secret=SIGNING_SECRET)
    assert paths_of(outcome) == [SIGNING_KEY]
    assert SIGNING_SECRET[:8] not in str(outcome)


@pytest.mark.parametrize("secret", [TOKEN, f"{SIGNING_SECRET}\n", f'"{SIGNING_SECRET}"', "", "short"])
def test_encrypted_wrong_signing_secret_is_refused_unseen(secret: str) -> None:
    outcome, _ = configured(stack_with_approvals(), signing_secret=secret)
    assert isinstance(outcome, ConfigError)
    (problem,) = outcome.problems
    assert (problem.path, problem.value) == (SIGNING_KEY, "(encrypted)")
    assert "Basic Information" in problem.instead
    assert not secret or secret not in str(outcome)


@pytest.mark.parametrize("token", ["xoxp-1-2-3", f"{TOKEN}\n", "", "12345678"])
def test_encrypted_wrong_bot_token_is_refused_unseen(token: str) -> None:
    outcome, _ = configured(stack(), token=token)
    assert isinstance(outcome, ConfigError)
    (problem,) = outcome.problems
    assert (problem.path, problem.value) == (TOKEN_KEY, "(encrypted)")
    assert "Bot User OAuth Token" in problem.instead


def test_wrong_token_and_section_come_in_one_report() -> None:
    outcome, _ = configured(stack(((*ALERTS, "slack", "channel"), "#ops")), token="xoxp-1-2-3")
    assert paths_of(outcome) == ["breakglass:alerts.slack.channel", TOKEN_KEY]


def test_section_with_encrypted_value_is_refused_unseen() -> None:
    raw = stack(((*ALERTS, "postMortemUrl"), "https://example.com/?key=hunter2"))
    outcome, _ = configured(raw, secret_keys=(TOKEN_KEY, "breakglass:alerts"))
    assert paths_of(outcome) == ["breakglass:alerts"]
    assert "hunter2" not in str(outcome)


ADDRESS = "https://events.pagerduty.example/integration/not-to-be-seen/enqueue"
PAGER = (*ALERTS, "monitoring", "pagers", "pagerduty")
WITH_PAGERS = (TOKEN_KEY, SIGNING_KEY, f"{NAMESPACE}alerts")


def folder(tmp_path: Path, raw: Mapping[str, Any]) -> Path:
    """Return a folder with the file of the stack that runs."""
    (tmp_path / "Pulumi.test.yaml").write_text(
        yaml.safe_dump({"config": {NAMESPACE + key: value for key, value in raw.items()}}), encoding="utf-8"
    )
    return tmp_path


def test_load_stack_file_returns_addresses_of_pagers_as_secrets() -> None:
    loaded, deployment = configured(stack((PAGER, ADDRESS)), secret_keys=WITH_PAGERS)

    assert isinstance(loaded, StackFile)
    assert deployment.outputs["pagerduty"] == ADDRESS
    assert deployment.secret_outputs == {"token", "pagerduty"}
    assert "not-to-be-seen" not in repr(loaded)


def test_encrypted_pager_in_file_is_accepted(tmp_path: Path) -> None:
    file = stack((PAGER, ENCRYPTED))

    loaded, deployment = configured(stack((PAGER, ADDRESS)), secret_keys=WITH_PAGERS, stacks_dir=folder(tmp_path, file))

    assert isinstance(loaded, StackFile)
    assert deployment.outputs["pagerduty"] == ADDRESS


@pytest.mark.parametrize(
    "address", ["http://example.com/page", f"{ADDRESS}\n", "", "https://", 17, {"secure": ADDRESS}]
)
def test_encrypted_wrong_address_of_pager_is_refused_unseen(address: object) -> None:
    outcome, _ = configured(stack((PAGER, address)), secret_keys=WITH_PAGERS)

    assert isinstance(outcome, ConfigError)
    (problem,) = outcome.problems
    assert (problem.path, problem.value) == ("breakglass:alerts.monitoring.pagers.pagerduty", "(encrypted)")
    assert "pulumi config set --secret --path" in problem.instead
    assert "example" not in str(outcome)


@pytest.mark.parametrize("secret_keys", [(TOKEN_KEY,), WITH_PAGERS], ids=["no secret", "another secret"])
def test_plain_address_of_pager_is_refused_unseen(secret_keys: tuple[str, ...], tmp_path: Path) -> None:
    opsgenie = (*ALERTS, "monitoring", "pagers", "opsgenie")
    raw = stack((PAGER, ADDRESS), (opsgenie, ADDRESS))
    file = stack((PAGER, ADDRESS), (opsgenie, ENCRYPTED if secret_keys == WITH_PAGERS else ADDRESS))

    outcome, _ = configured(raw, secret_keys=secret_keys, stacks_dir=folder(tmp_path, file))

    assert "breakglass:alerts.monitoring.pagers.pagerduty" in paths_of(outcome)
    assert ("breakglass:alerts.monitoring.pagers.opsgenie" in paths_of(outcome)) == (secret_keys != WITH_PAGERS)
    assert "not-to-be-seen" not in str(outcome)


def test_other_encrypted_value_beside_pagers_is_refused_unseen(tmp_path: Path) -> None:
    page = (*ALERTS, "postMortemUrl")
    raw = stack((PAGER, ADDRESS), (page, "https://example.com/?key=hunter2"))
    file = stack((PAGER, ENCRYPTED), (page, ENCRYPTED))

    outcome, _ = configured(raw, secret_keys=WITH_PAGERS, stacks_dir=folder(tmp_path, file))

    assert paths_of(outcome) == ["breakglass:alerts"]
    assert "hunter2" not in str(outcome)


@pytest.mark.parametrize("value", ["", "text", "17", "true", "null", "[1]", "{", "[" * 100_000])
def test_section_that_is_not_a_mapping_is_reported(value: str) -> None:
    raised: list[ConfigError] = []

    def program() -> None:
        set_all_config({"breakglass:permissionSets": value, "breakglass:tags": "{}"}, [])
        with pytest.raises(ConfigError) as refused:
            load_stack_file(stacks_dir=STACKS)
        raised.append(refused.value)

    deploy(program)
    assert all(path in ("breakglass:", "breakglass:permissionSets") for path in paths_of(raised[0]))


def test_warnings_go_to_pulumis_log(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    loaded, _ = configured(stack(((*BREAK_GLASS, "acknowledge"), ["iam"])))
    assert isinstance(loaded, StackFile)
    (warning,) = told
    assert warning.startswith("breakglass:permissionSets.pairs[0].breakGlass.acknowledge[0]\n")
