"""`python3 -m localcloud.toolchain [TOOL ...]`: brings what is named: python, slack, pulumi (the default), mutants."""

import argparse
import os
import signal
import sys
import time
from types import FrameType

from localcloud.toolchain import ROOT, TOOLS
from localcloud.toolchain.commands import ProgressPrinter, ToolchainError
from localcloud.toolchain.stamps import exclusive
from localcloud.toolchain.tools import Toolchain


def main() -> int:
    """Returns 0 if everything asked for is there, 1 with one clear sentence if not, 130 if interrupted."""
    parser = argparse.ArgumentParser(prog="python3 -m localcloud.toolchain", description="Brings the project's tools.")
    parser.add_argument("tools", nargs="*", metavar="tool", help="python, slack, pulumi (the default) or mutants")
    wanted = parser.parse_args().tools or ["python", "slack", "pulumi"]
    progress = ProgressPrinter()
    toolchain = Toolchain(ROOT, os.environ.get("PATH", os.defpath), progress)
    bring = {
        "python": toolchain.python,
        "slack": toolchain.slack,
        "pulumi": toolchain.pulumi,
        "mutants": toolchain.mutants,
    }
    if unknown := sorted(set(wanted) - set(bring)):
        parser.error(f"unknown tool {unknown[0]}: choose from {', '.join(bring)}")
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    try:
        with exclusive(
            TOOLS / "lock", lambda: progress.say("another run brings tools into this clone; waiting for it")
        ):
            for tool in wanted:
                bring[tool]()
    except ToolchainError as error:
        progress.say(str(error))
        return 1
    except KeyboardInterrupt:
        progress.say("interrupted; the next run goes on from here")
        return 130
    progress.say(f"ready in {time.monotonic() - started:.1f} s ({'; '.join(dict.fromkeys(toolchain.lines))})")
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # Ends like Ctrl-C, so that the program under way is stopped too.
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
