"""A Pulumi program in YAML adds the components as a plugin and deploys them.

Not shown with the Python language host that the toolchain builds: the plugin's own environment. That host is too old
for plugins (`PYTHON_OF_OLD_HOST`), so the plugin runs in the environment of the tests. With the host of a release on
PATH, the same tests make that environment with uv and use it.
"""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi_aws
import pytest
import yaml

from localcloud.cloud import RunningCloud
from localcloud.engine import Engine, UpdateResult
from localcloud.stack import ROOT
from localcloud.toolchain import TOOLS

PROGRAM = Path(__file__).parent / "yaml_program"
PAGER = "https://events.pagerduty.example/integration/a-key-not-to-be-seen/enqueue"
TOKEN = "xoxb-000000000000-yaml-and-not-to-be-seen"
PYTHON_OF_OLD_HOST = """\
#!/bin/sh
# Version 3.78 of the host knows no program information: it makes an environment where none belongs, and upgrades pip in
# it from PyPI; and it starts a plugin with an empty path.
if [ "$1 $2" = "-m venv" ]; then
    mkdir -p "$3/bin" && echo "#!/bin/sh" > "$3/bin/python" && chmod +x "$3/bin/python"
elif [ -z "$1" ]; then
    shift && exec {python} {plugin} "$@"
else
    exec {python} "$@"
fi
"""
COMPONENTS = ("AccessAlert", "AlarmTopics", "PermissionSetPair", "SlackConnection", "SlackDestination", "UsageAlert")


@dataclass(frozen=True)
class Life:
    """The result of each step."""

    schema: dict[str, Any]
    packages: dict[str, str]
    plugin: Path
    first_preview: UpdateResult
    up: UpdateResult
    outputs: dict[str, Any]
    state: dict[str, Any]
    policy: dict[str, Any]
    preview: UpdateResult
    destroy: UpdateResult
    state_after_destroy: dict[str, Any]


@pytest.fixture(scope="module")
def life(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("yaml")
    checkout, program = folder / "checkout", folder / "program"
    shutil.copytree(ROOT, checkout, ignore=shutil.ignore_patterns(".*", "__pycache__", "build", "docs", "tests"))
    shutil.copytree(PROGRAM, program)
    plugin = checkout / "plugin"
    python = folder / "python"
    python.write_text(PYTHON_OF_OLD_HOST.format(python=sys.executable, plugin=plugin))
    python.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UV_OFFLINE", "1")  # the cache has the packages since the tests' environment was made
        engine = Engine(program, folder / "pulumi", {**cloud.environment(), "PULUMI_PYTHON_CMD": str(python)})
    environment = {**os.environ, **engine.environment(), "PULUMI_PYTHON_CMD": str(python), "UV_OFFLINE": "1"}
    install_aws_plugin(folder / "pulumi" / "home")
    pulumi(environment, program, "package", "add", str(plugin))
    schema = json.loads(pulumi(environment, program, "package", "get-schema", str(plugin)))
    packages = yaml.safe_load((program / "Pulumi.yaml").read_text())["packages"]

    sso = cloud.client("sso-admin")
    instance = sso.list_instances()["Instances"][0]
    engine.config_set("yaml-program:instanceArn", instance["InstanceArn"])
    engine.config_set("yaml-program:identityStoreId", instance["IdentityStoreId"])
    engine.config_set("yaml-program:slackBotToken", TOKEN, secret=True)
    engine.config_set("yaml-program:pager", PAGER, secret=True)
    first_preview = engine.preview()
    up, outputs, state = engine.up(), engine.outputs(), engine.export()
    policy = sso.get_inline_policy_for_permission_set(
        InstanceArn=instance["InstanceArn"], PermissionSetArn=outputs["breakGlassArn"]
    )["InlinePolicy"]
    preview, destroy = engine.preview(), engine.destroy()
    return Life(
        schema,
        packages,
        plugin,
        first_preview,
        up,
        outputs,
        state,
        json.loads(policy),
        preview,
        destroy,
        engine.export(),
    )


def pulumi(environment: dict[str, str], directory: Path, *arguments: str) -> str:
    finished = subprocess.run(
        [TOOLS / "bin" / "pulumi", *arguments, "--non-interactive", "--color", "never"],
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def install_aws_plugin(home: Path) -> None:
    """Install the stand-in as the plugin's AWS provider: `package add` does not look on PATH."""
    version = json.loads((Path(pulumi_aws.__file__).parent / "pulumi-plugin.json").read_text())["version"]
    plugin = home / "plugins" / f"resource-aws-v{version}" / "pulumi-resource-aws"
    plugin.parent.mkdir(parents=True)
    stand_in = ROOT / "localcloud" / "provider" / "bin" / "pulumi-resource-aws"
    plugin.write_text(f'#!/bin/sh\nexec "{stand_in}" "$@"\n')
    plugin.chmod(0o755)


def test_package_add_records_the_plugin_and_its_components(life: Life) -> None:
    assert life.packages == {"breakglass": str(life.plugin)}
    assert {f"breakglass:index:{name}" for name in COMPONENTS} <= life.schema["resources"].keys()


def test_up_creates_every_component(life: Life) -> None:
    types = {resource["type"] for resource in life.state["deployment"]["resources"]}

    assert life.first_preview.changes == life.up.changes
    assert life.up.changes.keys() == {"create"}
    assert {type_ for type_ in types if type_.startswith("breakglass:")} == {
        f"breakglass:index:{name}" for name in COMPONENTS
    }
    assert life.outputs["ruleNames"] == {
        "session_start": "breakglass-networkAlert-session_start",
        "denied": "breakglass-networkAlert-denied",
    }


def test_output_in_a_mapping_reaches_the_pattern(life: Life) -> None:
    (name,) = life.outputs["accessRuleNames"].values()
    patterns = {
        resource["outputs"]["name"]: resource["outputs"]["eventPattern"]
        for resource in life.state["deployment"]["resources"]
        if resource["type"] == "aws:cloudwatch/eventRule:EventRule"
    }

    assert life.outputs["accessRuleNames"] == {"access-assignments": "breakglass-networkAccess-access-assignments"}
    assert life.outputs["breakGlassArn"] in patterns[name]


def test_inline_policy_keeps_its_keys(life: Life) -> None:
    assert life.policy["Statement"][0] == {
        "Effect": "Allow",
        "Action": "ec2:DeleteRoute",
        "Resource": "arn:aws:ec2:*:*:route-table/*",
        "Condition": {"StringEquals": {"ec2:ResourceTag/team": "network"}},
    }


def test_second_preview_shows_no_changes(life: Life) -> None:
    assert life.preview.changes == {}


@pytest.mark.parametrize("secret", [TOKEN, PAGER], ids=["token", "pager"])
def test_secret_is_nowhere_in_clear(life: Life, secret: str) -> None:
    assert secret not in json.dumps(life.state)
    assert secret not in "".join(result.output for result in (life.up, life.preview, life.destroy))


def test_destroy_leaves_nothing(life: Life) -> None:
    assert life.destroy.changes.keys() == {"delete"}
    assert life.state_after_destroy["deployment"].get("resources", []) == []
