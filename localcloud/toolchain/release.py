"""Downloads programs of a Pulumi release whose archive has the checksum that this repository pins.

The checksums are those of Pulumi's Homebrew formula. A checksum from the archive's own server proves no origin.
"""

import hashlib
import http.client
import platform
import shutil
import subprocess
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from localcloud.toolchain.commands import ProgressPrinter
from localcloud.toolchain.stamps import replace

RELEASES = "https://github.com/pulumi/pulumi/releases/download"
"""The address of all releases; the archives of one lie below its name."""

CHECKSUMS = Path(__file__).with_name("pulumi-release.sha256")
"""The SHA-256 of each archive, one a line, as `sha256sum` prints it."""

_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class ReleaseError(Exception):
    """The release can't be used on this machine. The message is the reason, without a period."""


def archive_name(release: str) -> str:
    """Return the name of the archive for this machine."""
    machine = platform.machine().lower()
    return f"pulumi-{release}-{platform.system().lower()}-{_MACHINES.get(machine, machine)}.tar.gz"


def download_release(
    address: str,
    checksums: Path,
    release: str,
    programs: Sequence[str],
    home: Path,
    progress: ProgressPrinter,
    timeout: float = 10,
) -> None:
    """Download a release and put its programs into a directory.

    Args:
        address: where all releases are, without a slash at the end.
        checksums: the SHA-256 of each archive that is accepted.
        release: the release's name, as in "v3.259.0".
        programs: the programs that are taken from the archive, the one that prints the version first.
        home: the directory that gets them.
        progress: where the waiting person looks.
        timeout: seconds without an answer or a byte until the download is given up.

    Raises:
        ReleaseError: the release can't be reached, has another checksum, or does not run; `home` is unchanged.
    """
    archive = archive_name(release)
    pinned = {name: checksum for checksum, name in map(str.split, checksums.read_text().splitlines())}
    if archive not in pinned:
        raise ReleaseError(f"there is no checksum of {archive} in {checksums.name}")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        file = directory / archive
        checksum = _download(f"{address}/{release}/{archive}", file, f"downloading Pulumi {release}", progress, timeout)
        if checksum != pinned[archive]:
            raise ReleaseError(f"{archive} has the SHA-256 {checksum}, expected {pinned[archive]}")
        _unpack(file, programs, directory)
        _require_version(directory / programs[0], release)
        home.mkdir(parents=True, exist_ok=True)
        for program in programs:
            replace(home / program, lambda target, source=directory / program: shutil.copy(source, target))


def _download(url: str, target: Path, doing: str, progress: ProgressPrinter, timeout: float) -> str:
    """Return the SHA-256 of the file."""
    digest, started, shown, received = hashlib.sha256(), time.monotonic(), 0.0, 0
    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer, target.open("wb") as file:  # noqa: S310 - our own
            size = int(answer.headers.get("Content-Length", 0))
            while chunk := answer.read(1 << 20):
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                seconds = time.monotonic() - started
                if seconds - shown >= progress.interval:
                    shown = seconds
                    progress.update(doing, seconds, f"{received / 1e6:.0f} of {size / 1e6:.0f} MB")
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ReleaseError(f"{url} can't be downloaded ({error})") from error
    if received < size:
        raise ReleaseError(f"{url} ended after {received} of {size} bytes")
    progress.say(f"{doing}: done in {time.monotonic() - started:.1f} s")
    return digest.hexdigest()


def _unpack(archive: Path, programs: Sequence[str], directory: Path) -> None:
    try:
        with tarfile.open(archive, "r:gz") as files:
            for program in programs:
                source = files.extractfile(f"pulumi/{program}")
                if source is None:
                    raise KeyError(f"pulumi/{program} is no file")
                with (directory / program).open("wb") as target:
                    shutil.copyfileobj(source, target)
                (directory / program).chmod(0o755)
    except (KeyError, OSError, tarfile.TarError) as error:
        raise ReleaseError(f"{archive.name} can't be unpacked ({error})") from error


def _require_version(program: Path, release: str) -> None:
    try:
        finished = subprocess.run([program, "version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ReleaseError(f"the downloaded {program.name} does not run here ({error})") from error
    if finished.stdout.strip() != release:
        raise ReleaseError(f"the downloaded {program.name} is {finished.stdout.strip()[:80]}, expected {release}")
