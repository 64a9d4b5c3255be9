"""Brings the tools that the project needs and the machine lacks, into `.tools/` of the clone.

Installed tools are used if they are new enough. The others come from package registries, in versions pinned and hashed
in this repository. `.tools/bin` holds or links every tool. This package runs before anything is installed, so it
imports the standard library only.

Non-goals: Windows outside WSL; keeping installed tools up to date; installing anything outside the clone.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The clone: where `pyproject.toml` lies."""

TOOLS = ROOT / ".tools"
"""Everything brought by this package; deleting it is always safe and costs the time to bring it again."""

VIRTUAL_ENVIRONMENT = ROOT / ".venv"
"""The project's Python environment."""


def environment() -> dict[str, str]:
    """Returns this process's environment with the project's tools and Python first in PATH."""
    path = [str(TOOLS / "bin"), str(VIRTUAL_ENVIRONMENT / "bin"), os.environ.get("PATH", os.defpath)]
    return {**os.environ, "PATH": os.pathsep.join(path)}
