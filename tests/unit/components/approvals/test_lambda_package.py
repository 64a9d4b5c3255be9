"""The reproducible zip for Lambda, with nothing but the code that runs there.

Not proven here: that Lambda runs it (tests/local does, in the local cloud).
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from breakglass.components.approvals.lambda_package import SOURCES, build
from breakglass.naming import AppFunction

POLICY = '{"rules": []}\n'

IMPORT_ALL = """
import importlib, json, sys
before = set(sys.modules)
sys.path[:0] = [sys.argv[1]]
for name in json.loads(sys.argv[2]):
    importlib.import_module(name)
origins = {
    name: getattr(module, "__file__", None) or ""
    for name, module in sys.modules.items()
    if name not in before and name.partition(".")[0] not in sys.stdlib_module_names
}
print(json.dumps(origins))
"""


def entries(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as Lambda lays it out."""
    folder = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(io.BytesIO(build(POLICY))) as archive:
        archive.extractall(folder)
    return folder


def run(program: str, *arguments: str) -> str:
    """Run a program by an interpreter that finds nothing but the standard library."""
    command = [sys.executable, "-I", "-S", "-B", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_holds_the_policy_and_the_sources_and_nothing_else() -> None:
    held = entries(build(POLICY))
    assert held.pop("policy.json") == POLICY.encode()
    assert held.pop("breakglass/__init__.py") == b""
    sources = {f"breakglass/app/{file.relative_to(SOURCES).as_posix()}": file for file in SOURCES.rglob("*.py")}
    assert held == {name: file.read_bytes() for name, file in sources.items()}
    assert {f"breakglass/app/entrypoints/{part.name}.py" for part in AppFunction} <= held.keys()


def test_package_of_same_content_has_same_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "app"
    names = sorted((file.relative_to(SOURCES) for file in SOURCES.rglob("*.py")), reverse=True)
    for number, name in enumerate(names):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(SOURCES / name, copy / name)
        os.utime(copy / name, (number, number))
        (copy / name).chmod(0o600)
    for noise in ("__pycache__/receiver.cpython-313.pyc", "py.typed", ".DS_Store", "app/.#steps.py", "notes.md"):
        (copy / noise).parent.mkdir(parents=True, exist_ok=True)
        (copy / noise).write_bytes(b"noise")

    assert hashlib.sha256(build(POLICY, copy)).digest() == hashlib.sha256(build(POLICY)).digest()


def test_another_policy_or_source_gives_other_bytes(tmp_path: Path) -> None:
    copy = tmp_path / "app"
    shutil.copytree(SOURCES, copy)
    (copy / "ports.py").write_text("changed = True\n")
    assert len({build(POLICY), build(POLICY, copy), build("{}\n")}) == 3


def test_its_entries_can_be_read_by_lambda_and_tell_no_time() -> None:
    with zipfile.ZipFile(io.BytesIO(build(POLICY))) as archive:
        listed = archive.infolist()
    assert [entry.filename for entry in listed] == sorted(entry.filename for entry in listed)
    assert {(entry.external_attr >> 16, entry.date_time) for entry in listed} == {(0o100644, (1980, 1, 1, 0, 0, 0))}


def test_it_is_smaller_than_a_megabyte() -> None:
    assert len(build(POLICY)) < 1_000_000


def test_packaged_modules_import_standard_library_only(unpacked: Path) -> None:
    modules = sorted(
        ".".join(file.relative_to(unpacked).with_suffix("").parts).removesuffix(".__init__")
        for file in unpacked.rglob("*.py")
    )
    origins = json.loads(run(IMPORT_ALL, str(unpacked), json.dumps(modules)))
    assert set(modules) == origins.keys()
    assert all(Path(origin).is_relative_to(unpacked) for origin in origins.values())


def test_the_functions_read_the_policy_that_is_packed_with_them(unpacked: Path) -> None:
    program = (
        "import sys; sys.path[:0] = [sys.argv[1]]\n"
        "from breakglass.app.entrypoints.bootstrap import POLICY_FILE\n"
        "print(POLICY_FILE.read_text(), end='')"
    )
    assert run(program, str(unpacked)) == POLICY
