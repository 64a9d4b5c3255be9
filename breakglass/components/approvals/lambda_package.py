"""The reproducible zip for Lambda: the sources of `breakglass.app` and the compiled approval policy.

The same sources and policy give the same bytes on every machine, so a function is deployed only if its behaviour may
have changed. The zip is not compressed: versions of zlib compress differently, and the sources are small.

    policy.json                    the compiled policy
    breakglass/__init__.py         empty: the real one needs Pulumi
    breakglass/app/...             the sources, without bytecode, which depends on the interpreter and on times
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "app"
"""The folder of the sources."""

POLICY_NAME = "policy.json"
"""The name of the compiled policy in the zip (`breakglass.app.entrypoints.bootstrap.POLICY_FILE`)."""

# The earliest time of a zip, and a file that its owner may write and all users may read, as Lambda needs it.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644
_UNIX = 3


def build(policy_json: str, sources: Path = SOURCES) -> bytes:
    """Return the zip of the functions.

    Args:
        policy_json: the compiled policy, as `breakglass.app.domain.policy.to_json` writes it.
        sources: the folder of `breakglass.app`.
    """
    files = {POLICY_NAME: policy_json.encode(), "breakglass/__init__.py": b"", **_modules(sources)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _TIME)
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            archive.writestr(entry, files[name])
    return packed.getvalue()


def _modules(sources: Path) -> Mapping[str, bytes]:
    """Return the modules, without an editor's scratch files, whose names are not importable."""
    files = [file for file in sources.rglob("*.py") if file.stem.isidentifier()]
    return {f"breakglass/app/{file.relative_to(sources).as_posix()}": file.read_bytes() for file in files}
