"""The installed command as a process: its help, and a closed pipe."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("breakglass"))


@pytest.mark.parametrize(
    ("command", "shown", "hidden"),
    [
        ("explain", ("exit status:", "AWS_PROFILE"), ()),
        (
            "audit",
            ("exit status:", "AWS_PROFILE", "before each = + - @", "splits lines at semicolons or tabs"),
            (),
        ),
        ("doctor", ("exit status:", "AWS_PROFILE", "2    could not look", "docs/runbooks/doctor.md"), ()),
        ("coverage", ("exit status:", "AWS_PROFILE", "1    a gap", "docs/runbooks/coverage.md"), ()),
        ("drill", ("exit status:", "AWS_PROFILE", "1    a drill stopped", "docs/runbooks/drill.md"), ()),
        ("check", ("exit status:", "1    problems: a preview would refuse the file"), ("AWS_PROFILE",)),
        ("patterns", ("exit status:", '{"rules": {NAME:', "stacks/Pulumi.prod.yaml --json"), ("AWS_PROFILE",)),
    ],
)
def test_help_of_a_command_has_its_statuses_and_needs(
    command: str, shown: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    done = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, check=True, timeout=60)

    text = " ".join(done.stdout.split())
    assert [each for each in shown if " ".join(each.split()) not in text] == []
    assert [each for each in hidden if each in text] == []
    assert done.stderr == ""


def test_commands_on_a_stack_import_no_pydantic() -> None:
    """It takes longer than all else of these commands before they ask Pulumi."""
    modules = "breakglass.cli.doctor, breakglass.cli.coverage, breakglass.cli.drill"
    code = f"import sys, {modules}; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


def test_closed_pipe_ends_a_command_without_traceback() -> None:
    """As `breakglass audit ... | head` does."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([PROGRAM, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(write)

    assert done.stderr == ""
