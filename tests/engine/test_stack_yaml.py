"""`breakglass check` reads a stack file as the real CLI passes it to the program."""

import json
import subprocess
from pathlib import Path

from breakglass.stack_file.stack_yaml import read_stack_yaml
from localcloud.toolchain import environment
from tests.unit.stack_file.test_stack_yaml import SCALARS


def test_scalars_reach_the_program_as_check_reads_them(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: breakglass\nruntime: python\n")
    variables = {
        **environment(),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def pulumi(*arguments: str) -> str:
        command = ["pulumi", *arguments, "--stack", "test", "--non-interactive"]
        return subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True).stdout

    pulumi("stack", "init")
    stack_file = tmp_path / "Pulumi.test.yaml"
    stack_file.write_text(stack_file.read_text() + SCALARS.read_text())

    passed = json.loads(pulumi("config", "--json"))

    def value(entry: dict[str, str]) -> object:
        try:
            return json.loads(entry["value"])
        except ValueError:
            return entry["value"]

    read = read_stack_yaml(stack_file).keys
    assert read == {key.removeprefix("breakglass:"): value(entry) for key, entry in passed.items()}
