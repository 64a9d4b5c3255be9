"""The choice and installation of tools, with stand-ins for the programs on PATH.

Not shown here: that PyPI, npm and the Go module proxy really have what is pinned; a fresh clone shows that.
"""

import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud import toolchain
from localcloud.toolchain import tools
from localcloud.toolchain.commands import ProgressPrinter, ToolchainError, cause, last_line, run
from localcloud.toolchain.stamps import Stamps, exclusive, fingerprint, identity, replace
from localcloud.toolchain.tools import PULUMI_PROGRAMS, Toolchain
from localcloud.toolchain.versions import VersionCheck, check_version, find_version, format_version

Install = Callable[..., Path]


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The directory that is the PATH of the machine."""
    directory = tmp_path / "machine"
    directory.mkdir()
    return directory


@pytest.fixture
def install(installed: Path) -> Install:
    """Installs a shell script as a program of the machine."""

    def install_program(name: str, script: str = "exit 0") -> Path:
        program = installed / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    return install_program


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone without tools."""
    directory = tmp_path / "clone"
    (directory / "localcloud").mkdir(parents=True)
    for name in ("pyproject.toml", "localcloud/pyproject.toml", "uv.lock"):
        (directory / name).write_text(name)
    return directory


@pytest.fixture
def chain(clone: Path, installed: Path) -> Toolchain:
    """The toolchain of the clone on the machine, without a connection to Pulumi's releases."""
    return Toolchain(clone, str(installed), ProgressPrinter(io.StringIO()), releases="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("uv 0.13.9 (x86_64-unknown-linux-gnu)", (0, 13, 9)),
        ("v24.19.0\n", (24, 19, 0)),
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 linux/amd64", (1, 27, 0)),
        (">=22.15", (22, 15, 0)),
        ("v3.259.0-dev+dirty", (3, 259, 0)),
    ],
)
def test_a_version_is_found_in_what_a_tool_prints(text: str, version: tuple[int, int, int]) -> None:
    assert find_version(text) == version


def test_versions_are_ordered_as_numbers() -> None:
    assert find_version("v22.9.0") < find_version("v22.15.0") < find_version("v100.0.0")
    assert format_version((22, 15, 0)) == "22.15.0"


def test_a_text_without_a_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no version number in 'command not found'"):
        find_version("command not found\n")


@pytest.mark.parametrize(
    ("programs", "output", "check"),
    [
        ({"node": True, "npm": True}, "v22.15.0", VersionCheck(True, "node 22.15.0 from PATH")),
        ({"node": True, "npm": True}, "v22.14.9", VersionCheck(False, "node 22.14.9 on PATH is older than 22.15.0")),
        ({"node": True, "npm": False}, "v24.0.0", VersionCheck(False, "node is on PATH without npm")),
        ({"node": False, "npm": True}, "", VersionCheck(False, "no node on PATH")),
        ({"node": True, "npm": True}, "", VersionCheck(False, "node on PATH does not tell its version")),
    ],
)
def test_installed_tool_is_used_if_complete_and_new_enough(
    programs: dict[str, bool], output: str, check: VersionCheck
) -> None:
    assert check_version(programs, output, (22, 15, 0)) == check


def test_a_fingerprint_sees_every_byte_and_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "go.sum"
    file.write_text("b")
    before = fingerprint(["a", file])
    assert before == fingerprint(["a", b"b"])
    assert len({before, fingerprint(["ab", ""]), fingerprint(["", "ab"]), fingerprint(["b", "a"])}) == 4
    file.write_text("c")
    assert fingerprint(["a", file]) != before


def test_the_identity_of_a_program_changes_when_it_is_upgraded(install: Install) -> None:
    before = identity(install("uv", "echo uv 0.13.9"))
    assert identity(install("uv", "echo uv 0.13.10")) != before
    assert identity(None) == "absent"


def test_a_stamp_holds_until_an_input_changes_or_an_output_goes(tmp_path: Path) -> None:
    stamps, output = Stamps(tmp_path / "stamps"), tmp_path / "node"
    output.touch()
    assert stamps.read("node", ["1"], [output]) is None
    stamps.write("node", ["1"], "Node from PyPI")
    assert stamps.read("node", ["1"], [output]) == "Node from PyPI"
    assert stamps.read("node", ["2"], [output]) is None
    output.unlink()
    assert stamps.read("node", ["1"], [output]) is None


def test_a_damaged_stamp_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "node").write_text('{"fingerprint": ')
    assert Stamps(tmp_path).read("node", [], []) is None


def test_what_is_replaced_stays_whole_if_the_new_one_fails(tmp_path: Path) -> None:
    target = tmp_path / "uv"
    target.write_text("old")

    def fail(path: Path) -> None:
        path.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace(target, fail)
    assert target.read_text() == "old"
    replace(target, lambda path: path.write_text("new"))
    assert target.read_text() == "new"


def test_a_second_run_in_the_same_clone_waits_for_the_first(tmp_path: Path) -> None:
    waiting = threading.Event()
    events: list[str] = []

    def second() -> None:
        with exclusive(tmp_path / "lock", waiting.set):
            events.append("second")

    thread = threading.Thread(target=second)
    with exclusive(tmp_path / "lock", lambda: events.append("first waited")):
        thread.start()
        assert waiting.wait(30)
        events.append("first")
    thread.join(30)
    assert events == ["first", "second"]


def test_tools_of_the_clone_do_not_pass_for_installed_ones(tmp_path: Path) -> None:
    path = os.pathsep.join([f"{tmp_path}/.tools/bin", f"{tmp_path}/.venv/bin", "", "/usr/bin"])
    assert tools.search_path(path, tmp_path) == "/usr/bin"


def test_other_code_finds_the_tools_of_the_clone_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin")
    path = toolchain.environment()["PATH"].split(os.pathsep)
    assert path == [f"{toolchain.ROOT}/.tools/bin", f"{toolchain.ROOT}/.venv/bin", "/usr/bin"]


def test_the_slack_emulator_is_pinned_to_one_version() -> None:
    # npm's `latest` of this name is another package: a range could resolve to it.
    wanted = json.loads((tools.SLACK / "package.json").read_text())["dependencies"]["emulate"]
    locked = json.loads((tools.SLACK / "package-lock.json").read_text())["packages"]["node_modules/emulate"]["version"]
    assert wanted == locked
    assert tools.node_minimum() == (22, 15, 0)


def test_pulumi_release_is_read_from_its_go_module() -> None:
    assert re.fullmatch(r"v3\.\d+\.\d+", tools.pulumi_release())
    assert tools.go_minimum() >= (1, 25, 0)


def test_a_command_that_fails_is_told_in_one_sentence(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "npm.log"
    command = [sys.executable, "-c", "print('first'); print('\\x1b[31mgetaddrinfo ENOTFOUND\\n'); raise SystemExit(1)"]
    with pytest.raises(ToolchainError) as error:
        run(
            command,
            doing="installing from npm",
            instead="do it online",
            log=log,
            progress=ProgressPrinter(io.StringIO()),
        )
    assert str(error.value) == (
        f"installing from npm failed: [31mgetaddrinfo ENOTFOUND; do it online (all output: {log})"
    )


def test_a_silent_failure_tells_its_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    with pytest.raises(ToolchainError, match="failed: exit code 3; do it online"):
        run(command, doing="x", instead="do it online", log=tmp_path / "log", progress=ProgressPrinter(io.StringIO()))


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ToolchainError, match="can't be started"):
        run([tmp_path / "no"], doing="x", instead="y", log=tmp_path / "log", progress=ProgressPrinter(io.StringIO()))


def test_progress_has_task_duration_and_last_output() -> None:
    stream = io.StringIO()
    ProgressPrinter(stream).update("building pulumi", 83.4, "go/ast")
    assert stream.getvalue() == "toolchain: building pulumi … 1:23 go/ast\n"


def test_progress_on_a_terminal_stays_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    stream = Terminal()
    ProgressPrinter(stream).update("building pulumi", 83.4, "x" * 200)
    assert stream.getvalue().removeprefix("\r\x1b[K").startswith("toolchain: building pulumi … 1:23 xxx")
    assert len(stream.getvalue().removeprefix("\r\x1b[K")) < 50
    assert "\n" not in stream.getvalue()


def test_an_empty_log_has_no_last_line(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\n \n")
    assert last_line(tmp_path / "log") == ""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (
            "Using CPython\nerror: Failed to download `rich`\n  cause: tcp connect error\nhint: …",
            "error: Failed to download `rich`",
        ),
        ("npm error code ECONNREFUSED\nnpm error A complete log", "npm error code ECONNREFUSED"),
        ("WARNING: Retrying after 'ProxyError'\nERROR: No matching distribution", "ERROR: No matching distribution"),
        ("go: downloading x\nx: dial tcp: refused\n", "x: dial tcp: refused"),
    ],
    ids=["uv", "npm", "pip", "go"],
)
def test_cause_of_a_failure_is_found_in_each_programs_output(tmp_path: Path, output: str, line: str) -> None:
    (tmp_path / "log").write_text(output)
    assert cause(tmp_path / "log") == line


def test_uv_on_path_is_used(chain: Toolchain, clone: Path, install: Install) -> None:
    uv = install("uv", "echo uv 0.13.9")
    chain.uv()
    assert (clone / ".tools/bin/uv").resolve() == uv
    assert chain.lines == ["uv 0.13.9 from PATH"]


def test_python_without_ensurepip_is_an_error_with_the_fix(chain: Toolchain, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_nothing(_name: str) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", find_nothing)
    with pytest.raises(
        ToolchainError, match=r"^no uv on PATH, and .*`ensurepip` is missing: .*apt install python3-venv"
    ):
        chain.uv()


def test_dependencies_are_installed_again_when_the_lock_changes(
    chain: Toolchain, clone: Path, install: Install
) -> None:
    calls = clone / "calls"
    (clone / ".venv/bin").mkdir(parents=True)
    script = f'echo "$@" >> {calls}; : > "$UV_PROJECT_ENVIRONMENT/bin/python"'
    install("uv", f'test "$1" = --version && echo uv 0.13.9 && exit; {script}')
    chain.python()
    chain.python()
    assert calls.read_text() == f"sync --frozen --python {sys.executable}\n"
    (clone / "uv.lock").write_text("changed")
    chain.python()
    assert calls.read_text().splitlines()[1:] == ["sync --frozen"]


def test_an_unreachable_registry_is_told_in_one_sentence(chain: Toolchain, install: Install) -> None:
    install("uv", 'test "$1" = --version && echo uv 0.13.9 && exit; echo "error: dns error" >&2; exit 2')
    with pytest.raises(ToolchainError, match=r"PyPI failed: error: dns error; if PyPI can't be reached from here"):
        chain.python()


def test_pulumi_on_path_is_used_with_its_language_host(chain: Toolchain, clone: Path, install: Install) -> None:
    programs = [install(name, "echo v99.0.0") for name in PULUMI_PROGRAMS]
    chain.pulumi()
    assert [(clone / ".tools/bin" / name).resolve() for name in PULUMI_PROGRAMS] == programs
    assert chain.lines == ["pulumi 99.0.0 from PATH"]


def test_built_pulumi_replaces_an_incomplete_installed_one(chain: Toolchain, clone: Path, install: Install) -> None:
    install("pulumi", "echo v99.0.0")
    built = clone / ".tools/pulumi"
    built.mkdir(parents=True)
    for name in PULUMI_PROGRAMS:
        (built / name).touch()
    Stamps(clone / ".tools/stamps").write("pulumi-build", tools.pulumi_sources(), "Pulumi built here")
    chain.pulumi()
    assert [(clone / ".tools/bin" / name).resolve().parent for name in PULUMI_PROGRAMS] == [built] * 4
    assert chain.lines == ["Pulumi built here"]


def test_an_installed_pulumi_replaces_a_built_one(chain: Toolchain, clone: Path, install: Install) -> None:
    test_built_pulumi_replaces_an_incomplete_installed_one(chain, clone, install)
    programs = [install(name, "echo v99.0.0") for name in PULUMI_PROGRAMS]
    chain.pulumi()
    assert [(clone / ".tools/bin" / name).resolve() for name in PULUMI_PROGRAMS] == programs


def test_no_pulumi_no_go_and_no_registry_is_told_in_one_sentence(chain: Toolchain, install: Install) -> None:
    install("uv", 'test "$1" = --version && echo uv 0.13.9 && exit; echo "error: dns error" >&2; exit 2')
    with pytest.raises(ToolchainError, match=r"^no go on PATH: installing it from PyPI failed: error: dns error; if"):
        chain.pulumi()


def test_a_failing_build_names_the_other_way_to_get_pulumi(chain: Toolchain, install: Install) -> None:
    install("go", 'test "$1" = version && echo go version go1.99.0 && exit; echo "dial tcp: no route"; exit 1')
    with pytest.raises(ToolchainError, match=r"dial tcp: no route; .*https://www\.pulumi\.com/docs/install/"):
        chain.pulumi()


def test_make_explains_each_of_its_targets() -> None:
    targets = re.search(r"^\.PHONY: help (.+)$", (toolchain.ROOT / "Makefile").read_text(), re.MULTILINE)
    shown = subprocess.run(["make", "--silent"], cwd=toolchain.ROOT, capture_output=True, text=True, check=True).stdout
    assert targets is not None
    assert [
        name for name in targets.group(1).split() if not re.search(rf"^make .*\b{name}\b.* {{2}}", shown, re.M)
    ] == []


def test_make_says_when_there_is_no_python_to_start_from() -> None:
    command = ["make", "lint", "PYTHON="]
    result = subprocess.run(command, cwd=toolchain.ROOT, capture_output=True, text=True, check=False)
    assert result.returncode != 0
    assert "Python 3.11 or newer is needed and not on PATH" in result.stderr
