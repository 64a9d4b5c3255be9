"""Decides from a tool's own version output whether it is new enough to be used.

Non-goals: pre-releases and build metadata; no minimum here depends on them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Version = tuple[int, int, int]
"""Major, minor, patch."""


@dataclass(frozen=True)
class VersionCheck:
    """The result of a check: accepted or not, and the reason in words."""

    accepted: bool
    reason: str


def find_version(text: str) -> Version:
    """Returns the first version in a text: `uv 0.13.9 (…)`, `v24.19.0`, `go version go1.26.8 linux/amd64`, `>=22.15`.

    Raises:
        ValueError: if there is none.
    """
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    if match is None:
        raise ValueError(f"no version number in {text.strip()[:80]!r}")
    major, minor, patch = match.groups(default="0")
    return int(major), int(minor), int(patch)


def format_version(version: Version) -> str:
    """Returns a version as people write it."""
    return ".".join(map(str, version))


def check_version(programs: Mapping[str, bool], output: str, minimum: Version) -> VersionCheck:
    """Decides whether what is on PATH is used.

    Args:
        programs: the programs that are needed together, the main one first, and whether each is on PATH.
        output: what the main one printed when asked for its version; empty if it is absent or broken.
        minimum: the oldest version that works.
    """
    main = next(iter(programs))
    absent = [name for name, present in programs.items() if not present]
    if main in absent:
        return VersionCheck(False, f"no {main} on PATH")
    if absent:
        return VersionCheck(False, f"{main} is on PATH without {' and '.join(absent)}")
    try:
        version = find_version(output)
    except ValueError:
        return VersionCheck(False, f"{main} on PATH does not tell its version")
    if version < minimum:
        return VersionCheck(False, f"{main} {format_version(version)} on PATH is older than {format_version(minimum)}")
    return VersionCheck(True, f"{main} {format_version(version)} from PATH")
