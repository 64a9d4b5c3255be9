"""What a person sees whose stack file is wrong, from the real CLI.

The rules themselves are proven in tests/unit/config; here, that the CLI passes configuration in the form they expect.
"""

from pathlib import Path

import pytest

from localcloud.engine import Engine, EngineError
from tests.engine.conftest import NewEngine

ROOT = Path(__file__).parents[2]
TOKEN = "xoxb-111122223333-444455556666-AbCdEfGhIjKl"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"


def refusal(engine: Engine) -> str:
    """What the CLI prints as errors. (The engine's own events repeat the configuration, plain values included.)"""
    with pytest.raises(EngineError) as refused:
        engine.preview()
    return str(refused.value)


def test_a_wrong_stack_file_is_answered_with_a_report_and_no_traceback(new_engine: NewEngine) -> None:
    engine = new_engine(ROOT)
    engine.config_set("breakglass:slackBotToken", TOKEN)
    engine.config_set("breakglass:slackSigningSecret", SIGNING_SECRET, secret=True)
    # In a place where no text stands yet, `--path` makes a number of it.
    engine.config_set("breakglass:permissionSets.pairs[0].assignments[0].accounts[1]", "444444444444", path=True)
    engine.config_set("breakglass:alerts.slack.chanel", "#ops", path=True)
    output = refusal(engine)
    for path in ("slackBotToken", "permissionSets.pairs[0].assignments[0].accounts[1]", "alerts.slack.chanel"):
        assert f"breakglass:{path}" in output
    assert "3 problems in the configuration; nothing was deployed." in output
    assert "Traceback" not in output
    assert TOKEN not in output


def test_an_encrypted_value_in_a_section_is_refused_unseen(new_engine: NewEngine) -> None:
    engine = new_engine(ROOT)
    engine.config_set("breakglass:slackBotToken", TOKEN, secret=True)
    engine.config_set("breakglass:slackSigningSecret", SIGNING_SECRET, secret=True)
    engine.config_set("breakglass:alerts.postMortemUrl", "https://example.com/?key=hunter2", path=True, secret=True)
    output = refusal(engine)
    assert "1 problem in the configuration" in output
    assert "breakglass:alerts" in output
    assert "hunter2" not in output
