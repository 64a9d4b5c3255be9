"""One scene of a story: what should be seen and what was, without any of the machinery.

Non-goals: playing it (see `localcloud.stage`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Scene:
    """One scene.

    Attributes:
        name: what somebody does.
        expected: what should be seen then.
        seen: what was seen.
        seconds: how long it took until then.
    """

    name: str
    expected: str
    seen: str
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether what was seen is what should have been."""
        return self.seen == self.expected
