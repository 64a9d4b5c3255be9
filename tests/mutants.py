"""`make mutants`: change the code that decides, and show the changes that no test notices.

mutmut makes the changes and chooses the tests that reach them. docs/proof.md says what it can't change, and lists each
change that may stay unnoticed with a reason. First the run proves itself: the tests alone have to notice `valid = None`
in `decide_request`.

Non-goals: changes in the rest of the code, and in what is written outside of functions.
"""

import argparse
import ast
import difflib
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcloud.stack import BUILD, ROOT

MODULES = (
    "breakglass/app/domain/decision.py",
    "breakglass/app/domain/request_lifecycle.py",
    "breakglass/app/domain/grant_lifecycle.py",
    "breakglass/alerts/patterns/roles.py",
    "breakglass/alerts/drills.py",
    "breakglass/alerts/recorded_uses.py",
    "breakglass/alerts/messages/alert_message.py",
    "breakglass/alerts/messages/first_line.py",
    "breakglass/alerts/messages/kinds.py",
    "breakglass/alerts/messages/transformer.py",
    "breakglass/organization/spoke_rules.py",
    "breakglass/organization/coverage.py",
)
"""The changed modules."""

TESTS = (
    "tests/app/domain",
    "tests/events",
    *(
        f"tests/unit/alerts/test_{name}.py"
        for name in (
            "complexity",
            "drills",
            "input_template",
            "message_refusals",
            "message_texts",
            "messages",
            "patterns",
            "recorded_uses",
            "subjects",
        )
    ),
    "tests/unit/organization/test_spoke_rules.py",
    "tests/unit/organization/test_coverage.py",
)
"""The quick tests of these modules, without those that meet them from far away, as those of the state machines do."""

DOCUMENT = ROOT / "docs" / "proof.md"
"""Lists the changes that may stay unnoticed."""

PLANTED = (MODULES[0], "decide_request", "valid = None")
"""Module, function and line of the change that proves that the tests run the changed code."""

_WORKDIR = BUILD / "mutants"
_SECONDS_BETWEEN_LINES = 10
_KILLED, _BY_TYPES = 1, 37
_VERDICTS = {0: "unnoticed", 33: "reached by no test", 36: "timed out", None: "not tried"}

_CONFIGURATION = """
[tool.mutmut]
source_paths = ["breakglass"]
only_mutate = {modules}
use_git_change_detection = false
pytest_add_cli_args = ["--hypothesis-profile=mutants", "-p", "no:cacheprovider", "-p", "tests.mutants"]
pytest_add_cli_args_test_selection = {tests}
type_check_command = {type_check}
"""


class MutantsError(Exception):
    """The run could not be made, or does not prove anything; the message says why."""


@dataclass(frozen=True)
class Mutant:
    """One change, and what came of it.

    Attributes:
        module: the file.
        function: the function, behind its class if it has one.
        removed: the lines that it takes away, as one line.
        added: the lines in their place, as one line.
        status: mutmut's exit status.
    """

    module: str
    function: str
    removed: str
    added: str
    status: int | None

    @property
    def row(self) -> str:
        """The beginning of its row in the document."""
        return f"| `{self.function}` | {_code(self.removed)} | {_code(self.added)} |"

    @property
    def is_noticed(self) -> bool:
        """True if a test or the type checker notices it."""
        return self.status in (_KILLED, _BY_TYPES)


def mutants(module: str, mutated: str, statuses: Mapping[str, int | None]) -> Iterator[Mutant]:
    """Yield the changes of a module.

    Args:
        module: the file.
        mutated: its text with all variants of each function, as mutmut writes it.
        statuses: exit status of each variant by mutmut's name for it, `module.x_function__mutmut_7`.
    """
    lines = mutated.splitlines()
    bodies = {
        node.name: [line.strip().replace(node.name, "") for line in lines[node.lineno - 1 : node.end_lineno]]
        for node in ast.walk(ast.parse(mutated))
        if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name
    }
    for name, status in statuses.items():
        variant = name.rpartition(".")[2]
        mangled = variant.rpartition("__mutmut_")[0]
        difference = list(difflib.ndiff(bodies[f"{mangled}__mutmut_orig"], bodies[variant]))
        removed, added = (
            " ".join(mutant[2:] for mutant in difference if mutant.startswith(sign)) for sign in ("- ", "+ ")
        )
        function = mangled.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        yield Mutant(module, function, removed, added, status)


def differences(survivors: Iterable[Mutant], document: str, modules: Sequence[str]) -> tuple[list[Mutant], list[str]]:
    """Return the survivors that the document lacks, and its rows without a survivor."""
    rows: set[str] = set()
    listed: dict[str, list[str]] = {}
    module = ""
    for line in document.splitlines():
        module = line.removeprefix("### ").strip("`") if line.startswith("### ") else module
        if line.startswith("| `"):
            listed.setdefault(module, []).append(line)
    unlisted: list[Mutant] = []
    for survivor in survivors:
        found = [line for line in listed.get(survivor.module, ()) if line.startswith(survivor.row)]
        rows.update(found)
        if not found:
            unlisted.append(survivor)
    return unlisted, [line for module in modules for line in listed.get(module, ()) if line not in rows]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse tests that call the code when they are imported: they are imported once, before it is changed.

    Called by pytest, to which a run gives this module as a plugin.
    """
    if os.environ.get("MUTANT_UNDER_TEST") == "stats":
        called = sorted(importlib.import_module("mutmut.state").state()._stats)
        if called:
            pytest.exit(
                f"Called while the tests are imported, so that no change of it would be tested: {', '.join(called)}. "
                "Let a table of scenarios hold what is to be called, not what came of it.",
                returncode=1,
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the run.

    Returns:
        The exit status: 0 if every change is noticed or listed, 1 if not, 2 if the run proves nothing.
    """
    options = _parser().parse_args(arguments)
    modules = [module for module in MODULES if not options.only or Path(module).stem in options.only]
    began = time.monotonic()
    try:
        _prepare()
        # The modules are the same in both runs: mutmut does not look a second time at what it has not changed at first.
        together = list(dict.fromkeys([PLANTED[0], *modules]))
        _configure(together, type_check=False)
        _prove()
        _configure(together, type_check=True)
        _mutmut([f"{_dotted(module)}.*" for module in modules] if options.only else [], "changing the code")
        found = [mutant for module in modules for mutant in _results(module)]
    except MutantsError as error:
        print(f"make mutants: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    print(_table(found))
    unlisted, stale = differences([mutant for mutant in found if not mutant.is_noticed], DOCUMENT.read_text(), modules)
    for mutant in unlisted:
        verdict = _VERDICTS.get(mutant.status, f"status {mutant.status}")
        print(f"\n{verdict}, and not in {DOCUMENT.relative_to(ROOT)}: {mutant.module}\n{mutant.row}")
    for line in stale:
        print(f"\n{DOCUMENT.relative_to(ROOT)} lists what is noticed by now, or gone:\n{line}")
    print(f"\n{len(found)} changes in {time.monotonic() - began:.0f} s.")
    return 1 if unlisted or stale else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make mutants", description="Shows which changes of the code no test notices."
    )
    names = [Path(module).stem for module in MODULES]
    parser.add_argument("--only", action="append", choices=names, help="this module; may be given more than once")
    return parser


def _prepare() -> None:
    """Delete earlier verdicts, which may be those of other tests."""
    shutil.rmtree(_WORKDIR, ignore_errors=True)
    _WORKDIR.mkdir(parents=True)
    for name in ("breakglass", "tests"):
        (_WORKDIR / name).symlink_to(ROOT / name)


def _configure(modules: Sequence[str], *, type_check: bool) -> None:
    checker = ["pyrefly", "check", "--python-interpreter-path", sys.executable, "--output-format=json", *modules]
    configuration = _CONFIGURATION.format(
        modules=json.dumps(modules), tests=json.dumps(TESTS), type_check=json.dumps(checker if type_check else [])
    )
    (_WORKDIR / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text() + configuration)


def _prove() -> None:
    """Show that the tests run the changed code.

    Raises:
        MutantsError: if they don't.
    """
    module, function, line = PLANTED
    _mutmut([f"{_dotted(module)}.x_{function}__mutmut_*"], "proving that the changed code is run")
    planted = [mutant for mutant in _results(module) if mutant.function == function and mutant.added == line]
    if [mutant.status for mutant in planted] != [_KILLED]:
        raise MutantsError(
            f"The planted change `{line}` in {function} of {module} was not noticed, or not made ({planted}). So the "
            "tests do not run the changed code, and no result below would mean anything."
        )
    print(f"   planted `{line}` in {function}: noticed by the tests", file=sys.stderr, flush=True)


def _mutmut(names: Sequence[str], doing: str) -> None:
    """Run mutmut and say now and then how far it is.

    Raises:
        MutantsError: if it fails.
    """
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    print(f"== {doing}", file=sys.stderr, flush=True)
    with subprocess.Popen(
        [scripts / "mutmut", "run", *names],
        cwd=_WORKDIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = _followed(process.stdout, lambda line: print(f"   {line}", file=sys.stderr, flush=True))
    if process.returncode != 0:
        raise MutantsError("mutmut failed:\n" + "\n".join(said[-40:]))


def _followed(output: Iterable[str], say: Callable[[str], None]) -> list[str]:
    """Return the lines of a program that overwrites its last line, and print its progress."""
    lines, last = list[str](), time.monotonic()
    for line in map(str.strip, output):
        lines.append(line)
        progress = re.search(r"([0-9]+)/([0-9]+)", line)
        if progress and time.monotonic() - last > _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            say(f"{progress[1]} of {progress[2]} changes")
    return lines


def _results(module: str) -> list[Mutant]:
    """Read what came of each change of a module that mutmut tried."""
    mutated = _WORKDIR / "mutants" / module
    statuses = json.loads(mutated.with_name(f"{mutated.name}.meta").read_text())["exit_code_by_key"]
    return list(mutants(module, mutated.read_text(), statuses))


def _table(found: Sequence[Mutant]) -> str:
    lines = [f"{'':44}{'changes':>9}{'tests':>9}{'types':>9}{'unnoticed':>11}"]
    for module in dict.fromkeys(mutant.module for mutant in found):
        counts = Counter(mutant.status for mutant in found if mutant.module == module)
        rest = sum(counts.values()) - counts[_KILLED] - counts[_BY_TYPES]
        lines.append(f"{module:44}{sum(counts.values()):9}{counts[_KILLED]:9}{counts[_BY_TYPES]:9}{rest:11}")
    return "\n".join(lines)


def _dotted(module: str) -> str:
    return module.removesuffix(".py").replace("/", ".")


def _code(text: str) -> str:
    """Write code as a cell of a Markdown table."""
    return f"`{text.replace('`', chr(39)).replace('|', chr(92) + '|')}`" if text else "(nothing)"


if __name__ == "__main__":
    sys.exit(main())
