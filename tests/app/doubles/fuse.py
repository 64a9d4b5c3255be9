"""Kills a function once, before or after a call of a double.

Non-goals: several crashes, and rivals (see `trouble`).
"""

from collections.abc import Callable
from typing import Any

from tests.app.doubles.trouble import KilledError


class Fuse:
    """Kills a function once, before or after the nth watched call."""

    def __init__(self, at: int | None, *, after: bool) -> None:
        self.at = at
        self.after = after
        self.calls = 0

    def watch(self, of: Any, *names: str) -> None:
        """Count the calls of these methods of a double."""
        for name in names:
            setattr(of, name, self._fused(getattr(of, name)))

    def _fused(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            here = self.calls == self.at
            self.calls += 1
            if here and not self.after:
                raise KilledError
            answer = method(*arguments, **named)
            if here:
                raise KilledError
            return answer

        return call
