"""Progress of a command that takes more than two seconds, on standard error.

Non-goals: the remaining time.
"""

import threading
from types import TracebackType
from typing import Self

from breakglass.terminal import Stream

REPORT_AFTER_SECONDS = 2
"""Seconds before the first line, and between lines."""


class Progress:
    """Prints the current activity every few seconds while it is entered."""

    def __init__(self, stream: Stream, activity: str, seconds: float = REPORT_AFTER_SECONDS) -> None:
        self.activity = activity
        self._stream = stream
        self._seconds = seconds
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._print_changes, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _print_changes(self) -> None:
        printed = ""
        while not self._ended.wait(self._seconds):
            if self.activity != printed:
                printed = self.activity
                print(f"   {printed}", file=self._stream, flush=True)
