"""Trouble between any two calls of a function: it is killed there, or somebody else comes in between.

After each call is also before the next, so that these are all the moments there are.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_NEVER = 1_000_000


class KilledError(Exception):
    """The function was killed; nothing that it was about to do is done any more."""


@dataclass
class Trouble:
    """Kills a function at one of its calls, or lets somebody else do something in between.

    Attributes:
        kill_at: after which of its calls it is killed; None for never.
        rival_at: after which of its calls somebody else comes.
        rival: what they do.
    """

    kill_at: int | None = None
    rival_at: int | None = None
    rival: Callable[[], None] = lambda: None
    _moments: int = 0
    _dead: bool = False

    def refuse_the_dead(self) -> None:
        """Let nothing be done after the end, not even by whoever cleans up."""
        if self._dead:
            raise KilledError

    def moment(self) -> None:
        """Be after a call and before the next."""
        self._moments += 1
        if self._moments == self.rival_at:
            # What others do is no trouble for them.
            moments, self._moments = self._moments, _NEVER
            self.rival()
            self._moments = moments
        if self._moments == self.kill_at:
            self._dead = True
            raise KilledError

    def during(
        self, what: Callable[[], None], kill_at: int | None, rival_at: int | None, rival: Callable[[], None]
    ) -> None:
        """Do something in this trouble; afterwards there is none."""
        self.kill_at, self.rival_at, self.rival = kill_at, rival_at, rival
        self._moments, self._dead = 0, False
        try:
            what()
        finally:
            self.kill_at, self.rival_at, self._dead = None, None, False


class Watched:
    """Anything, with a moment of trouble after each call of it."""

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
