"""The installed command as a process: its help, and a reader who goes away."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = str(Path(sys.executable).with_name("breakglass"))


@pytest.mark.parametrize("arguments", [["explain", "--help"], ["audit", "--help"]])
def test_help_tells_the_exit_statuses_and_where_credentials_come_from(arguments: list[str]) -> None:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True, timeout=60)

    assert "exit status:" in done.stdout
    assert "AWS_PROFILE" in done.stdout
    assert done.stderr == ""


def test_help_on_check_tells_its_own_exit_statuses() -> None:
    done = subprocess.run([PROGRAM, "check", "--help"], capture_output=True, text=True, check=True, timeout=60)

    assert "1    problems: a preview would refuse the file" in done.stdout
    assert "AWS_PROFILE" not in done.stdout


def test_help_on_the_audit_says_what_becomes_of_a_formula() -> None:
    done = subprocess.run([PROGRAM, "audit", "--help"], capture_output=True, text=True, check=True, timeout=60)

    assert "before each = + - @" in done.stdout
    assert "splits lines at semicolons or tabs" in done.stdout


def test_a_reader_who_has_seen_enough_ends_it_without_a_traceback() -> None:
    """As `breakglass audit ... | head` does."""
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([PROGRAM, "--help"], stdout=write, stderr=subprocess.PIPE, text=True, timeout=60)
    finally:
        os.close(write)

    assert done.stderr == ""
