"""Whoever waits is told why, and whoever does not wait is told nothing."""

import io
import threading

from breakglass.cli.progress import Progress


class Heard(io.StringIO):
    """Lets a test wait until something was said."""

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


def test_what_is_quick_is_not_talked_about() -> None:
    heard = io.StringIO()
    with Progress(heard, "working", seconds=3600):
        pass
    assert heard.getvalue() == ""


def test_what_takes_long_is_said_also_while_nothing_comes_back_and_each_thing_once() -> None:
    heard = Heard()
    with Progress(heard, "asking Pulumi", seconds=0.001) as progress:
        heard.wait()
        progress.doing = "reading"
        heard.wait()
    assert heard.getvalue().split("\n") == ["   asking Pulumi", "   reading", ""]
