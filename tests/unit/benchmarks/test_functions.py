"""The measurement of a package: its size, and time and network calls of each import."""

import io
import zipfile
from pathlib import Path

from benchmarks import functions
from breakglass.naming import AppFunction

SILENT = "def _context():\n    pass\n"
TALKATIVE = "import socket\nsocket.getaddrinfo('127.0.0.1', 9)\n"


def package() -> bytes:
    """A package whose reconciler asks for an address while it is imported."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("breakglass", "breakglass/app", "breakglass/app/entrypoints"):
            archive.writestr(f"{name}/__init__.py", "")
        for app_function in AppFunction:
            content = TALKATIVE if app_function is AppFunction.reconciler else SILENT
            archive.writestr(f"breakglass/app/entrypoints/{app_function.name}.py", content)
    return file.getvalue()


def test_a_call_to_the_network_while_importing_is_seen(tmp_path: Path) -> None:
    told, imported = functions.measure(package(), tmp_path, 1)

    assert told == functions.Package(len(package()), 3 + len(AppFunction))
    network = {each.name: each.network for each in imported if "boto" not in each.name}
    assert network.pop("`reconciler`") == 1
    assert set(network.values()) == {0}


def test_import_reads_the_zip_and_nothing_of_this_project(tmp_path: Path) -> None:
    _, imported = functions.measure(package(), tmp_path, 1)

    modules = {each.name: each.modules for each in imported}
    # The interpreter's own modules, and our four.
    assert modules["`receiver`"] < 60
    assert modules["`import boto3`"] > 2 * modules["`receiver`"]
