"""The cost of the approval functions before they do anything: size of the zip, and its import.

Each import runs in a fresh process, isolated from this project and from site-packages, out of the unpacked zip. The
zip has no byte code and Lambda's folder can't be written to, so a function that starts there compiles its source;
`boto3` in Lambda's runtime is compiled, and is here. Besides the time, the loaded modules are counted, and the
network calls (audit events of `socket` that name an address), of which there should be none.

Non-goals: the start of the interpreter, which `clicks` includes; Lambda's micro-VM.
"""

import compileall
import io
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from benchmarks.samples import Samples, ratio
from breakglass.naming import AppFunction

_SCRIPT = """
import json, sys, time
folder, statement = sys.argv[1:]
sys.path.insert(0, folder)
asked = []
told = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto"}
sys.addaudithook(lambda event, _: asked.append(event) if event in told else None)
began, used = time.perf_counter(), time.process_time()
exec(statement)
took, used = time.perf_counter() - began, time.process_time() - used
print(json.dumps([took * 1000, used * 1000, len(sys.modules), len(asked)]))
"""

_HANDLERS = "breakglass.app.entrypoints"

# A function's environment; no service is called for it.
_VARIABLES = {
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "BREAKGLASS_BOT_TOKEN_SECRET": "bot-token",
    "BREAKGLASS_SIGNING_SECRET": "signing-secret",
    "BREAKGLASS_INTERACTIONS": "interactions",
}


@dataclass(frozen=True)
class Package:
    """The zip.

    Attributes:
        bytes: its size.
        files: their number.
    """

    bytes: int
    files: int


@dataclass(frozen=True)
class Import:
    """An import in fresh processes.

    Attributes:
        name: the module.
        milliseconds: wall time.
        processor: CPU time in milliseconds.
        modules: number of loaded modules, including those of the interpreter's start.
        network: number of network calls.
    """

    name: str
    milliseconds: Samples
    processor: Samples
    modules: int
    network: int

    def ratio(self, other: "Import") -> float:
        """Ratio of CPU times, on which other load has little effect."""
        return ratio(self.processor, other.processor)


@dataclass(frozen=True)
class _Program:
    name: str
    folder: Path
    statement: str


class _Measured(NamedTuple):
    milliseconds: float
    processor: float
    modules: int
    network: int


def measure(package: bytes, workdir: Path, repeat: int) -> tuple[Package, list[Import]]:
    """Measure a package and the imports of its handlers and of avoided libraries, in turns."""
    source, compiled = workdir / "source", workdir / "compiled"
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        archive.extractall(source)
        files = len(archive.namelist())
    shutil.copytree(source, compiled)
    compileall.compile_dir(compiled, quiet=1)
    programs = _programs(source, compiled)
    runs: dict[str, list[_Measured]] = {program.name: [] for program in programs}
    for program in programs:  # reads the files into memory, and compiles
        _run(program)
    for turn in range(repeat):
        for program in programs if turn % 2 == 0 else reversed(programs):
            runs[program.name].append(_run(program))
    return Package(len(package), files), [_import(name, of) for name, of in runs.items()]


def _programs(source: Path, compiled: Path) -> Sequence[_Program]:
    site_packages = Path(sysconfig.get_paths()["purelib"])
    interactions = f"{_HANDLERS}.{AppFunction.interactions.name}"
    clients = "dynamodb", "identitystore", "secretsmanager", "stepfunctions"
    boto3 = (
        f"import sys; sys.path.append({str(site_packages)!r}); import boto3; [boto3.client(name) for name in {clients}]"
    )
    receiver = f"{_HANDLERS}.{AppFunction.receiver.name}"
    return (
        _Program("`import boto3`", site_packages, "import boto3"),
        *(
            _Program(f"`{app_function}`", source, f"import {_HANDLERS}.{app_function.name}")
            for app_function in AppFunction
        ),
        _Program(
            f"`{AppFunction.receiver}`, and what its first event builds",
            source,
            f"from {receiver} import _context; _context()",
        ),
        _Program(f"`{AppFunction.receiver}`, byte code compiled", compiled, f"import {receiver}"),
        _Program(f"`{AppFunction.interactions}`, and clients of boto3", source, f"import {interactions}; {boto3}"),
    )


def _run(program: _Program) -> _Measured:
    # -I: nothing of this process's environment; -S: no site-packages; -B: what has no byte code gets none.
    keep = ["-B"] if program.folder.name == "source" else []
    command = [sys.executable, "-I", "-S", *keep, "-c", _SCRIPT, str(program.folder), program.statement]
    environment = {**os.environ, **_VARIABLES}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return _Measured(*json.loads(done.stdout))


def _import(name: str, runs: Sequence[_Measured]) -> Import:
    return Import(
        name,
        Samples([run.milliseconds for run in runs]),
        Samples([run.processor for run in runs]),
        modules=max(run.modules for run in runs),
        network=max(run.network for run in runs),
    )
