"""What is going on, on standard error, for whoever waits.

Nothing is said of what is quick. Non-goals: how much is left, which nobody knows.
"""

import threading
from types import TracebackType
from typing import Self

from breakglass.terminal import Stream

REPORT_AFTER_SECONDS = 2
"""After how long something is said, and after how long again."""


class Progress:
    """Says what is going on as long as it is entered, also while the program waits for an answer.

    Attributes:
        doing: what is said next.

    Args:
        stream: where to.
        doing: what is said first.
        seconds: after how long.
    """

    def __init__(self, stream: Stream, doing: str, seconds: float = REPORT_AFTER_SECONDS) -> None:
        self.doing = doing
        self._stream = stream
        self._seconds = seconds
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._speak, daemon=True)

    def __enter__(self) -> Self:
        """Begin to listen to the clock."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Say nothing any more."""
        self._over.set()
        self._thread.join()

    def _speak(self) -> None:
        said = ""
        while not self._over.wait(self._seconds):
            if self.doing != said:
                said = self.doing
                print(f"   {said}", file=self._stream, flush=True)
