"""`make bench`: measures, and prints Markdown tables; progress goes to standard error."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import approvals, demos, imports, latency, machine, organizations, previews, report
from benchmarks.table import replace_figures
from breakglass.terminal import escape_unprintable
from localcloud.cloud import LocalCloud, LocalCloudError
from localcloud.engine import EngineError
from localcloud.stack import BUILD, ROOT

_DOCUMENT = ROOT / "docs" / "performance.md"

_PARTS = ("previews", "imports", "latency", "approvals", "organizations", "demo")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures.

    Returns:
        The exit status: 0 with any figures, 2 if a measurement failed.
    """
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    BUILD.mkdir(exist_ok=True)
    # One folder per run, so that two runs do not share files.
    workdir = Path(tempfile.mkdtemp(prefix="bench-", dir=BUILD))
    # Byte code is kept; an environment that forbids it would be measured instead.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(workdir / "pycache")
    try:
        figures = _measured(options, workdir)
    except (LocalCloudError, EngineError, demos.DemoError) as error:
        print(escape_unprintable(str(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the local cloud is stopped", file=sys.stderr)
        return 130
    finally:
        shutil.rmtree(workdir)
    print(figures)
    if options.write:
        _DOCUMENT.write_text(replace_figures(_DOCUMENT.read_text(), figures))
        _progress(f"written to {_DOCUMENT.relative_to(ROOT)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures, and prints Markdown tables.")
    parser.add_argument("--quick", action="store_true", help="previews of the small sizes only, fewer repetitions")
    parser.add_argument("--only", action="append", choices=_PARTS, help="this part; may be given more than once")
    parser.add_argument("--cold", action="store_true", help="also `make demo` in a fresh clone, which takes minutes")
    parser.add_argument("--write", action="store_true", help=f"also into {_DOCUMENT.relative_to(ROOT)}")
    return parser


def _measured(options: argparse.Namespace, workdir: Path) -> str:
    parts = options.only or _PARTS
    sections = [f"Measured {machine.description()}."]
    if "imports" in parts:
        _progress("imports")
        sections.append(f"### Import\n\n{report.render_imports(imports.measure(5 if options.quick else 15))}")
    if not {"previews", "latency", "approvals"}.isdisjoint(parts):
        with LocalCloud(workdir / "cloud", _progress) as cloud:
            if "latency" in parts:
                _progress("from bus to Slack")
                ways = latency.measure(cloud, workdir, *((3, 5) if options.quick else (7, 15)), _progress)
                sections.append(f"### From bus to Slack\n\n{report.render_latency(ways)}")
            if "approvals" in parts:
                _progress("approvals")
                measured = approvals.measure(cloud, workdir, quick=options.quick, progress=_progress)
                sections.append(f"### Approvals\n\n{report.render_approvals(measured)}")
            if "previews" in parts:
                _progress("previews")
                sizes = [size for size in previews.SIZES if max(size.roles, size.accounts) <= 10 or not options.quick]
                cells = list(previews.measure(cloud, workdir, sizes, 1 if options.quick else 3, _progress))
                sections.append(f"### Preview\n\n{report.render_previews(cells)}")
    if "organizations" in parts:
        _progress("organizations")
        # A cloud of its own: the number of its accounts is changed.
        with LocalCloud(workdir / "organization-cloud", _progress) as cloud:
            grown = organizations.measure(cloud, workdir / "organizations", quick=options.quick, progress=_progress)
        sections.append(f"### Organizations\n\n{report.render_organizations(grown)}")
    if "demo" in parts:
        _progress("make demo")
        warm = demos.warm(1 if options.quick else 3)
        sections.append(f"### Demo\n\n{report.render_demos(warm, demos.cold() if options.cold else None)}")
    return "\n\n".join(sections)


def _progress(line: str) -> None:
    print(f"   {escape_unprintable(line)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
