"""The check that this MiniStack is built as the one that the emulators extend."""

from types import ModuleType


def require_hooks(module: ModuleType, *names: str) -> None:
    """Checks that a module of MiniStack has what is used or replaced in it.

    Raises:
        RuntimeError: if a name is missing.
    """
    missing = [name for name in names if not hasattr(module, name)]
    if missing:
        raise RuntimeError(
            f"{module.__name__} has no {', '.join(missing)}, on which the local cloud builds: install the MiniStack "
            "that pyproject.toml pins (make test does), or adapt localcloud/emulators."
        )
