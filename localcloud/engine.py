"""Runs the real Pulumi CLI and engine on a program, against the local cloud instead of AWS.

State lies in a local file backend, everything that Pulumi writes in one working directory; the stand-in for the AWS
provider (`localcloud.provider`) is put on PATH. The stack file is copied into the working directory, so that settings
made for a run (a port, a token) never reach the committed one.

Non-goals: deploying to AWS, for which plain `pulumi up -s dev` needs no wrapper; several operations at a time.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcloud.real_provider import provider_folder
from localcloud.toolchain import TOOLS

_TAIL_LINES = 20
_CANCEL_TIMEOUT = 30.0
_AMBIENT_PROVIDER = "using pulumi-resource-aws from $PATH"

PASSPHRASE = "local"  # noqa: S105 - state of the local cloud holds no real secret, and dies with it
"""Encrypts secrets in configuration and state, so that a search for them in clear means something."""

ProgressCallback = Callable[[str], None]
"""Gets one line of text for each thing that happens."""


class EngineError(Exception):
    """A Pulumi operation failed; the message ends with what Pulumi said about it.

    Attributes:
        output: everything that was printed.
    """

    def __init__(self, command: str, tail: str, output: str) -> None:
        super().__init__(f"`pulumi {command}` failed:\n{tail.strip()}")
        self.output = output


class EngineMissingError(EngineError):
    """There is no Pulumi CLI on this machine."""


@dataclass(frozen=True)
class UpdateResult:
    """The result of an update, preview, refresh or destroy.

    Attributes:
        summary: number of resources by the engine's operation: create, update, replace, delete, same, ...
        duration: wall time in seconds, start of the CLI included.
        output: everything that was printed: the engine's events, one JSON object a line, with the debug messages.
    """

    summary: Mapping[str, int]
    duration: float
    output: str

    @property
    def changes(self) -> dict[str, int]:
        """The summary without the resources that stayed as they were."""
        return {operation: count for operation, count in self.summary.items() if operation != "same"}


class Engine:
    def __init__(
        self,
        project_dir: Path,
        workdir: Path,
        environment: Mapping[str, str],
        *,
        stack: str = "local",
        progress: ProgressCallback = lambda _: None,
    ) -> None:
        """Copies the stack file; reuses the state of an earlier engine in the same directory.

        Args:
            project_dir: folder of the program's `Pulumi.yaml`.
            workdir: where state, settings and copies go; made if it doesn't exist.
            environment: what points AWS clients at the local cloud.
            stack: name of the stack; a program needs no stack file for it.
            progress: shows what happens.
        """
        self._project_dir = project_dir.resolve()
        self._workdir = workdir.resolve()
        self._stack = stack
        self._progress = progress
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))},
            **environment,
            **pulumi_environment(self._project_dir, self._workdir, stack),
            "PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true",  # so that preview tells events, as all the others do
            # To write the whole state after each resource takes more time than all else; at the end it is written too.
            "PULUMI_SKIP_CHECKPOINTS": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            # Less work for Go's garbage collector: the CLI takes a sixth less time, and more memory.
            "GOGC": "400",
        }
        self._config_dir = _copy_configuration(self._project_dir, self._workdir, stack)
        self._selected = False

    def environment(self) -> dict[str, str]:
        """The variables with which a person's own `pulumi` works on the same stack, from the project's folder."""
        return pulumi_environment(self._project_dir, self._workdir, self._stack)

    def config_set(self, key: str, value: str, *, secret: bool = False, path: bool = False) -> None:
        """Sets a configuration value in the copy of the stack file.

        Args:
            key: the key with its namespace, or with `path` a path inside the value, as in `ns:section.key`.
            value: the value; goes through standard input, so that a secret shows in no process list.
            secret: encrypt it.
            path: the key is a path.

        Raises:
            EngineError: Pulumi refused it.
        """
        self._select()
        flags = ["--secret" if secret else "--plaintext", *(["--path"] if path else [])]
        self._run("config", "set", key, *flags, stdin=value)

    def config_set_all(self, values: Mapping[str, str]) -> None:
        """Sets plain configuration values in the copy of the stack file, with one start of the CLI.

        Args:
            values: path inside a value, as for `config_set` with `path` -> the value.

        Raises:
            EngineError: Pulumi refused one.
        """
        self._select()
        pairs = [part for path, value in values.items() for part in ("--plaintext", f"{path}={value}")]
        self._run("config", "set-all", "--path", *pairs)

    def up(self) -> UpdateResult:
        """Deploys the program.

        Raises:
            EngineError: the deployment failed; what was done until then is in the state.
        """
        return self._update("up", "--yes", "--skip-preview")

    def preview(self) -> UpdateResult:
        """Tells what `up` would do.

        Raises:
            EngineError: the program or a provider refused.
        """
        return self._update("preview")

    def refresh(self) -> UpdateResult:
        """Brings the state up to date with the cloud.

        Raises:
            EngineError: a resource couldn't be read.
        """
        return self._update("refresh", "--yes", "--skip-preview")

    def destroy(self) -> UpdateResult:
        """Deletes everything that is in the state.

        Raises:
            EngineError: a resource couldn't be deleted.
        """
        return self._update("destroy", "--yes", "--skip-preview")

    def export(self) -> dict[str, Any]:
        """The state, as `pulumi stack export` prints it: secrets encrypted."""
        self._select()
        return json.loads(self._run("stack", "export"))

    def import_state(self, state: Mapping[str, Any]) -> None:
        """Replaces the state, as `pulumi stack import` does."""
        self._select()
        self._run("stack", "import", stdin=json.dumps(state))

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; secret ones read `[secret]`."""
        self._select()
        return json.loads(self._run("stack", "output", "--json"))

    def _select(self) -> None:
        """Makes the stack where it doesn't exist; in the copy's folder, since Pulumi writes into the stack file."""
        if not self._selected:
            self._run("stack", "select", "--create", directory=self._config_dir)
            self._selected = True

    def _update(self, operation: str, *flags: str) -> UpdateResult:
        self._select()
        command = self._command(operation, *flags, "--json")
        events = _Events(self._progress)
        lines: list[str] = []
        began = time.monotonic()
        with subprocess.Popen(
            command,
            cwd=self._project_dir,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # Ctrl-C in the terminal goes to this process, which ends Pulumi in every case.
            start_new_session=True,
        ) as process:
            try:
                for line in process.stdout or ():
                    lines.append(line)
                    events.take(line)
            except BaseException:
                _cancel(process)
                raise
        output = "".join(lines)
        if process.returncode != 0:
            raise EngineError(operation, "".join(events.errors or lines[-_TAIL_LINES:]), output)
        return UpdateResult(events.summary, time.monotonic() - began, output)

    def _run(self, *arguments: str, directory: Path | None = None, stdin: str = "") -> str:
        finished = subprocess.run(
            self._command(*arguments),
            cwd=directory or self._project_dir,
            env=self._environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode != 0:
            raise EngineError(" ".join(arguments), finished.stderr, finished.stdout + finished.stderr)
        return finished.stdout

    def _command(self, *arguments: str) -> list[str]:
        pulumi = shutil.which("pulumi", path=self._environment["PATH"])
        if pulumi is None:
            raise EngineMissingError(
                " ".join(arguments),
                "There is no Pulumi CLI, neither in .tools/bin nor on PATH; `make test` brings one.",
                "",
            )
        return [pulumi, *arguments, "--stack", self._stack, "--non-interactive", "--color", "never"]


def _cancel(process: subprocess.Popen[str]) -> None:
    """Has Pulumi end what it is at and write the state, and returns when it is gone."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=_CANCEL_TIMEOUT)
    except BaseException:  # too slow, or interrupted once more
        process.kill()
        raise


class _Events:
    """Reads the engine's events (`pulumi up --json`) as they come."""

    def __init__(self, progress: ProgressCallback) -> None:
        self._progress = progress
        self.summary: dict[str, int] = {}
        self.errors: list[str] = []

    def take(self, line: str) -> None:
        try:
            event = json.loads(line)
        except ValueError:  # messages of the CLI itself are plain text
            if line.strip():
                self._progress(line.rstrip())
            return
        if "summaryEvent" in event:
            self.summary = event["summaryEvent"]["resourceChanges"] or {}
        elif "diagnosticEvent" in event:
            self._diagnostic(event["diagnosticEvent"])
        elif "resOutputsEvent" in event:
            step = event["resOutputsEvent"]["metadata"]
            if step["op"] != "same":
                self._progress(f"{step['op']} {_resource(step['urn'])}")

    def _diagnostic(self, diagnostic: dict[str, Any]) -> None:
        severity, message = diagnostic["severity"], diagnostic["message"]
        if severity == "debug" or _AMBIENT_PROVIDER in message:
            return
        text = f"{_resource(diagnostic['urn'])}: {message}" if diagnostic.get("urn") else message
        if severity == "error":
            self.errors.append(text)
        self._progress(f"{severity}: {text.rstrip()}")


def _resource(urn: str) -> str:
    """Type and name of a resource, without its parents: `aws:sqs/queue:Queue dead-letters`."""
    *_, types, name = urn.split("::", 3)
    return f"{types.rsplit('$', 1)[-1]} {name}"


def pulumi_environment(project_dir: Path, workdir: Path, stack: str) -> dict[str, str]:
    """The variables that make `pulumi` use the local state, the copied stack file and the chosen AWS provider.

    Raises:
        LocalCloudError: `LOCALCLOUD_PROVIDER` asks for a provider that is not there.
    """
    provider = provider_folder(os.environ, Path.home())
    path = [str(provider), str(Path(sys.executable).parent), str(TOOLS / "bin"), os.environ.get("PATH", os.defpath)]
    return {
        "PATH": os.pathsep.join(path),
        "PULUMI_BACKEND_URL": (workdir / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_HOME": str(workdir / "home"),
        # Every flag has such a variable since CLI 3.208: this is --config-file.
        "PULUMI_OPTION_CONFIG_FILE": str(_stack_file(workdir / "project", project_dir, stack)),
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        # Or the CLI may download the real provider.
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def _copy_configuration(project_dir: Path, workdir: Path, stack: str) -> Path:
    """Copies project and stack file: Pulumi needs no more to create a stack and set values."""
    copy = workdir / "project"
    stack_file = _stack_file(copy, project_dir, stack)
    stack_file.parent.mkdir(parents=True, exist_ok=True)
    (workdir / "state").mkdir(exist_ok=True)
    shutil.copyfile(project_dir / "Pulumi.yaml", copy / "Pulumi.yaml")
    stack_file.unlink(missing_ok=True)
    committed = _stack_file(project_dir, project_dir, stack)
    if committed.exists():
        shutil.copyfile(committed, stack_file)
    return copy


def _stack_file(folder: Path, project_dir: Path, stack: str) -> Path:
    """Where the stack file lies in a copy of the project."""
    project = yaml.safe_load((project_dir / "Pulumi.yaml").read_text())
    return folder / project.get("stackConfigDir", ".") / f"Pulumi.{stack}.yaml"
