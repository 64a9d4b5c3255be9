"""Progress is printed for slow commands, and only for them."""

import io
import threading

from breakglass.cli.progress import Progress


class HeardStream(io.StringIO):
    """Lets a test wait for a line."""

    def __init__(self) -> None:
        super().__init__()
        self.said = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if text.endswith("\n"):
            self.said.set()
        return written

    def wait(self) -> None:
        assert self.said.wait(30)
        self.said.clear()


def test_progress_of_a_quick_command_prints_nothing() -> None:
    heard = io.StringIO()
    with Progress(heard, "working", seconds=3600):
        pass
    assert heard.getvalue() == ""


def test_progress_of_a_slow_command_prints_each_activity_once() -> None:
    heard = HeardStream()
    with Progress(heard, "asking Pulumi", seconds=0.001) as progress:
        heard.wait()
        progress.activity = "reading"
        heard.wait()
    assert heard.getvalue().split("\n") == ["   asking Pulumi", "   reading", ""]
