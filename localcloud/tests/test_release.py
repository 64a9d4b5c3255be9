"""The download of Pulumi's release, from a server on loopback that keeps and breaks its promises.

Not shown here: that GitHub has the archives, and with these checksums (docs/live-checks.md, L89).
"""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from localcloud.toolchain import release, tools
from localcloud.toolchain.commands import ProgressPrinter, ToolchainError
from localcloud.toolchain.release import ReleaseError, archive_name, download_release
from localcloud.toolchain.tools import PULUMI_PROGRAMS, Toolchain

RELEASE = tools.pulumi_release()


@dataclass
class Releases:
    """The server of the releases."""

    body: bytes
    status: int = 200
    missing: int = 0
    """Bytes that are promised but not sent."""
    silent: bool = False
    """The server accepts the connection and never answers."""
    paths: list[str] = field(default_factory=list)
    address: str = ""


@pytest.fixture
def releases() -> Iterator[Releases]:
    served, over = Releases(archive()), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.paths.append(self.path)
            if served.silent:
                over.wait(30)
                return
            self.send_response(served.status)
            self.send_header("Content-Length", str(len(served.body) + served.missing))
            self.end_headers()
            self.wfile.write(served.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        served.address = f"http://127.0.0.1:{server.server_port}"
        yield served
        over.set()
        server.shutdown()
        thread.join()


def archive(*, version: str = RELEASE, programs: tuple[str, ...] = PULUMI_PROGRAMS) -> bytes:
    """A release as Pulumi packs it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as files:
        for program in (*programs, "pulumi-language-go"):
            script = f"#!/bin/sh\necho {version}\n".encode()
            member = tarfile.TarInfo(f"pulumi/{program}")
            member.size = len(script)
            files.addfile(member, io.BytesIO(script))
    return packed.getvalue()


def pin(path: Path, body: bytes) -> Path:
    """Write the checksum of a body as that of this machine's archive."""
    path.write_text(f"{hashlib.sha256(body).hexdigest()}  {archive_name(RELEASE)}\n")
    return path


def bring(releases: Releases, tmp_path: Path, checksums: Path) -> Path:
    home = tmp_path / "pulumi"
    progress = ProgressPrinter(io.StringIO())
    download_release(releases.address, checksums, RELEASE, PULUMI_PROGRAMS, home, progress, timeout=0.5)
    return home


def test_download_release_takes_the_programs_it_needs(releases: Releases, tmp_path: Path) -> None:
    home = bring(releases, tmp_path, pin(tmp_path / "sums", releases.body))

    assert {path.name for path in home.iterdir()} == set(PULUMI_PROGRAMS)
    assert all(path.stat().st_mode & 0o100 for path in home.iterdir())
    assert releases.paths == [f"/{RELEASE}/{archive_name(RELEASE)}"]


@pytest.mark.parametrize(
    ("faults", "reason"),
    [
        ({"status": 404}, r"can't be downloaded \(HTTP Error 404"),
        ({"missing": 1000}, r"ended after \d+ of \d+ bytes"),
        ({"silent": True}, r"can't be downloaded \(timed out"),
        ({"address": "http://127.0.0.1:9"}, r"can't be downloaded \(.*refused"),
    ],
    ids=["not found", "cut off", "no answer", "no connection"],
)
def test_download_release_refuses_a_broken_download(
    releases: Releases, tmp_path: Path, faults: dict[str, object], reason: str
) -> None:
    checksums = pin(tmp_path / "sums", releases.body)
    for name, value in faults.items():
        setattr(releases, name, value)

    with pytest.raises(ReleaseError, match=reason):
        bring(releases, tmp_path, checksums)

    assert not (tmp_path / "pulumi").exists()


def test_download_release_refuses_another_checksum(releases: Releases, tmp_path: Path) -> None:
    checksums = pin(tmp_path / "sums", b"another archive")

    with pytest.raises(ReleaseError, match=r"has the SHA-256 \w{64}, expected \w{64}"):
        bring(releases, tmp_path, checksums)

    assert not (tmp_path / "pulumi").exists()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"no archive", "can't be unpacked"),
        (archive(programs=PULUMI_PROGRAMS[:-1]), r"can't be unpacked .*pulumi-language-yaml"),
        (archive(version="v3.1.0"), f"is v3.1.0, expected {RELEASE}"),
    ],
    ids=["no archive", "program missing", "other version"],
)
def test_download_release_refuses_unusable_contents(
    releases: Releases, tmp_path: Path, body: bytes, reason: str
) -> None:
    releases.body = body

    with pytest.raises(ReleaseError, match=reason):
        bring(releases, tmp_path, pin(tmp_path / "sums", body))

    assert not (tmp_path / "pulumi").exists()


def test_download_release_without_a_pinned_checksum_asks_nothing(releases: Releases, tmp_path: Path) -> None:
    (tmp_path / "sums").write_text("")

    with pytest.raises(ReleaseError, match="there is no checksum of pulumi-"):
        bring(releases, tmp_path, tmp_path / "sums")

    assert releases.paths == []


def test_checksums_are_those_of_the_pinned_release() -> None:
    lines = [line.split() for line in release.CHECKSUMS.read_text().splitlines()]

    assert [name for _, name in lines] == [
        f"pulumi-{RELEASE}-{platform}.tar.gz" for platform in ("linux-x64", "linux-arm64", "darwin-x64", "darwin-arm64")
    ]
    assert {len(checksum) for checksum, _ in lines} == {64}


@pytest.fixture
def chain(releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toolchain:
    """The toolchain of a clone, on a machine with a Go that can't reach its proxy."""
    machine, clone = tmp_path / "machine", tmp_path / "clone"
    for directory in (machine, clone):
        directory.mkdir()
    (machine / "go").write_text('#!/bin/sh\ntest "$1" = version && echo go1.99.0 && exit\necho no route; exit 1\n')
    (machine / "go").chmod(0o755)
    monkeypatch.setattr(tools, "CHECKSUMS", pin(tmp_path / "sums", releases.body))
    return Toolchain(clone, str(machine), ProgressPrinter(io.StringIO()), releases.address)


def test_pulumi_comes_from_its_release_once(chain: Toolchain, releases: Releases, tmp_path: Path) -> None:
    chain.pulumi()
    chain.pulumi()

    assert [(tmp_path / "clone/.tools/bin" / name).exists() for name in PULUMI_PROGRAMS] == [True] * 4
    assert chain.lines == [f"Pulumi {RELEASE} from its release"] * 2
    assert len(releases.paths) == 1


def test_pulumi_is_built_where_its_release_is_refused(chain: Toolchain, tmp_path: Path) -> None:
    pin(tmp_path / "sums", b"another archive")

    with pytest.raises(ToolchainError, match=r"^building pulumi-language-python v\S+ failed: no route"):
        chain.pulumi()
