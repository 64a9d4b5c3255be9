"""Programs that import the package as anybody may: the example, and the foreign program of the engine tests.

They are type-checked with the rest of the repository. Not proven here: that the engine deploys them (tests/engine).
"""

import runpy
from pathlib import Path

import pulumi
import pytest

from tests.conftest import Deployment, deploy

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "database-oncall"
FOREIGN = ROOT / "tests" / "engine" / "foreign_program"


def run(program: Path) -> Deployment:
    """Run a program as the Pulumi CLI does, with made-up secrets as its only settings."""

    def main() -> None:
        secrets = {"slackBotToken": "xoxb-1-made-up", "pager": "https://events.example.com/made-up"}
        config = {f"{pulumi.get_project()}:{key}": value for key, value in secrets.items()}
        pulumi.runtime.set_all_config(config, list(config))
        runpy.run_path(str(program / "__main__.py"), run_name="__main__")

    return deploy(main)


def count(deployment: Deployment) -> dict[str, int]:
    """Return the number of each component."""
    types = [resource.type for resource in deployment.resources if not resource.custom]
    return {type_.rpartition(":")[2]: types.count(type_) for type_ in types}


@pytest.mark.parametrize(
    ("program", "components"),
    [
        (
            EXAMPLE,
            {
                "AccessAlert": 1,
                "AlarmTopics": 1,
                "BreakGlass": 1,
                "PermissionSetPair": 1,
                "ScheduledMachine": 1,
                "SlackConnection": 1,
                "SlackDestination": 1,
                "SlackProbe": 1,
                "TamperAlert": 1,
                "UsageAlert": 2,
                "UsageMonitoring": 1,
            },
        ),
        (
            FOREIGN,
            {
                "AlarmTopics": 1,
                "PermissionSetPair": 1,
                "SlackConnection": 1,
                "SlackDestination": 1,
                "UsageAlert": 1,
                "UsageMonitoring": 1,
            },
        ),
    ],
    ids=["example", "foreign program"],
)
def test_program_runs(program: Path, components: dict[str, int]) -> None:
    assert count(run(program)) == components


def test_settings_of_foreign_program_reach_resources() -> None:
    deployment = run(FOREIGN)

    names = {each.inputs["name"] for each in deployment.of_type("aws:cloudwatch/eventRule:EventRule")}
    assert names == {
        "breakglass-storage-session_start",
        "breakglass-storage-denied",
        "breakglass-storage-drill",
        "breakglass-security-lost-connection",
    }
    (secret,) = deployment.of_type("aws:secretsmanager/secret:Secret")
    assert secret.inputs["tags"] == {"owner": "security"}
