"""Packs what runs in Lambda: the sources of `breakglass.app` and the compiled policy, as a zip.

The same sources and the same policy always give the same bytes, wherever and whenever they are packed, so that a
function is deployed anew if and only if what it does may have changed. That is why nothing is compressed: how well a
zlib compresses differs between its versions, and all of it is small.

    policy.json                    the compiled policy
    breakglass/__init__.py         empty: the real one needs Pulumi
    breakglass/app/...         the sources, without bytecode, which depends on the interpreter and on times

Non-goals: third-party packages. There are none in it.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "app"
"""Where the sources are."""

POLICY_NAME = "policy.json"
"""What the compiled policy is called in the zip (`breakglass.app.entrypoints.bootstrap.POLICY_FILE`)."""

# The first moment that a zip can tell, and a file that its owner may write and everybody may read, as Lambda wants it.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644
_UNIX = 3


def build(policy_json: str, sources: Path = SOURCES) -> bytes:
    """Pack the functions.

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
    """Read the modules; an editor's scratch files beside them are named so that nobody could import them."""
    files = [file for file in sources.rglob("*.py") if file.stem.isidentifier()]
    return {f"breakglass/app/{file.relative_to(sources).as_posix()}": file.read_bytes() for file in files}
