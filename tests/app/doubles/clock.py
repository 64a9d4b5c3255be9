"""A clock that stands still until a test moves it."""

NOW = 1_764_000_000


class FixedClock:
    """The time, as a test has it."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: int) -> int:
        """Let time pass, and return the new time."""
        self.now += seconds
        return self.now
