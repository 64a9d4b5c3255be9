"""Trouble between two calls of a function: it is killed there, or a rival acts.

The moment after each call is also the moment before the next, so these are all moments.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_NEVER = 1_000_000


class KilledError(Exception):
    """The function was killed, and does nothing more."""


@dataclass
class Trouble:
    """Kills a function after one of its calls, or lets a rival act there.

    Attributes:
        kill_at: the number of the call after which it is killed; None for never.
        rival_at: the number of the call after which the rival acts.
        rival: the rival's action.
    """

    kill_at: int | None = None
    rival_at: int | None = None
    rival: Callable[[], None] = lambda: None
    _moments: int = 0
    _dead: bool = False

    def refuse_the_dead(self) -> None:
        """Refuse every call after the kill, also of cleanup code."""
        if self._dead:
            raise KilledError

    def moment(self) -> None:
        """Act at the moment between two calls."""
        self._moments += 1
        if self._moments == self.rival_at:
            # The rival's own calls are undisturbed.
            moments, self._moments = self._moments, _NEVER
            self.rival()
            self._moments = moments
        if self._moments == self.kill_at:
            self._dead = True
            raise KilledError

    def during(
        self, action: Callable[[], None], kill_at: int | None, rival_at: int | None, rival: Callable[[], None]
    ) -> None:
        """Run an action in this trouble, then end the trouble."""
        self.kill_at, self.rival_at, self.rival = kill_at, rival_at, rival
        self._moments, self._dead = 0, False
        try:
            action()
        finally:
            self.kill_at, self.rival_at, self._dead = None, None, False


class Watched:
    """A double with a moment of trouble after each call."""

    def __init__(self, inner: object, trouble: Trouble) -> None:
        self._inner = inner
        self._trouble = trouble

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._trouble.refuse_the_dead()
            answer = method(*arguments, **named)
            self._trouble.moment()
            return answer

        return call
