"""The figures as people read them: Markdown, one section a measurement.

Non-goals: measuring; the words around the figures, which are in docs/performance.md.
"""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.approvals import Approvals
from benchmarks.bursts import Burst
from benchmarks.clicks import Clicks
from benchmarks.functions import Import, Package
from benchmarks.imports import Imports
from benchmarks.latency import Way
from benchmarks.previews import Cell, Preview
from benchmarks.reconciler_runs import ReconcilerRuns
from benchmarks.samples import Samples
from benchmarks.scale import Run
from benchmarks.table import table

_MEASURES: Mapping[str, Callable[[Preview], float]] = {
    "wall s": lambda preview: preview.seconds,
    "program CPU s": lambda preview: preview.usage.processor_seconds,
    "program peak MB": lambda preview: preview.usage.peak_megabytes,
}


_ENOUGH = 100
"""A cell with fewer resources more than the first tells nothing about growth: the noise is larger."""


def previews(cells: Sequence[Cell]) -> str:
    """Returns two tables: our program beside the bare one, and what each resource more than in the first cell costs."""
    header = ["roles x accounts", "AWS resources", "runs"]
    rows = [[str(cell.size), str(cell.resources), str(len(cell.components))] for cell in cells]
    growth_header = ["roles x accounts", "resources more"]
    larger = [number for number, cell in enumerate(cells) if cell.resources - cells[0].resources >= _ENOUGH]
    more = {number: cells[number].resources - cells[0].resources for number in larger}
    growth = [[str(cells[number].size), str(more[number])] for number in larger]
    for name, measure in _MEASURES.items():
        header += [name, "bare", "ratio"]
        growth_header += [f"{name} per 1,000", "bare"]
        compared = [cell.compared(measure) for cell in cells]
        for row, (ours, bare, ratio) in zip(rows, compared, strict=True):
            row += [ours.text(1), bare.text(1), f"{ratio:.2f}"]
        first, first_bare, _ = compared[0]
        for row, number in zip(growth, larger, strict=True):
            ours, bare, _ = compared[number]
            thousands = more[number] / 1000
            row += [
                f"{(some.median - none.median) / thousands:.1f}" for some, none in ((ours, first), (bare, first_bare))
            ]
    return "\n\n".join([table(header, rows), *([table(growth_header, growth)] if growth else [])])


def imports(measured: Imports) -> str:
    """Returns a table of both imports."""
    rows = [
        ["`import pulumi_aws`", measured.pulumi_aws.text(0), str(measured.pulumi_aws_modules), "1.00"],
        [
            "`from breakglass import BreakGlass`",
            measured.breakglass.text(0),
            str(measured.breakglass_modules),
            f"{measured.ratio:.2f}",
        ],
    ]
    return table(["fresh process", "ms", "modules loaded", "ratio"], rows)


def latency(ways: Sequence[Way]) -> str:
    """Returns a table of the ways from bus to Slack, with how many times as long as the warm first one each takes."""
    first = ways[0].warm.median
    rows = [
        [
            way.name,
            way.warm.text(1),
            f"{way.warm.median / first:.2f}",
            *(["no start", "1"] if way.cold is None else [way.cold.text(0), f"{way.cold.median / first:.0f}"]),
        ]
        for way in ways
    ]
    return table(["from bus to Slack", "warm ms", "ratio", "cold ms", "ratio"], rows)


def demos(warm: Samples | None, cold: Samples | None) -> str:
    """Returns a table of the demo's runs."""
    runs = {"warm: everything installed": warm, "cold: fresh clone, empty caches": cold}
    rows = [[name, samples.text(0), str(len(samples.values))] for name, samples in runs.items() if samples]
    return table(["`make demo`", "s", "runs"], rows)


def approvals(measured: Approvals) -> str:
    """Returns the tables of the approvals."""
    tables = (
        functions(measured.package, measured.imports),
        clicks(measured.clicks),
        bursts(measured.bursts, measured.processor_seconds),
        reconciler_runs(measured.reconciler_runs),
        scale(measured.scale),
    )
    return "\n\n".join(tables)


def functions(package: Package, imported: Sequence[Import]) -> str:
    """Returns the size of the zip, and a table of imports with how many times the first one's CPU time each takes."""
    first = imported[0]
    rows = [
        [
            one.name,
            one.milliseconds.text(0),
            one.processor.text(0),
            f"{one.ratio(first):.2f}",
            str(one.modules),
            str(one.network),
        ]
        for one in imported
    ]
    header = ["fresh process", "ms", "CPU ms", "ratio", "modules loaded", "network calls"]
    return f"The zip has {package.files} files and {package.bytes / 1000:.0f} kB.\n\n{table(header, rows)}"


def clicks(kinds: Sequence[Clicks]) -> str:
    """Returns a table of clicks."""
    rows = [
        [one.name, one.opened.text(0), one.answered.text(0), one.filled.text(0), str(len(one.opened.values))]
        for one in kinds
    ]
    return table(["click", "form open ms", "answered ms", "form filled in ms", "clicks"], rows)


def bursts(measured: Sequence[Burst], processor_seconds: float) -> str:
    """Returns a table of many clicks at once, and what one click takes of a processor."""
    rows = [[str(one.clicks), one.answered.text(0), str(one.in_time)] for one in measured]
    own = f"The function itself needs a processor for {processor_seconds * 1000:.2f} ms a click."
    return f"{table(['clicks at once', 'answered ms', 'form open and answered in 3 s'], rows)}\n\n{own}"


def reconciler_runs(kinds: Sequence[ReconcilerRuns]) -> str:
    """Returns a table of the reconciler's runs."""
    rows = [
        [one.name, one.seconds.text(2), str(one.store_calls), str(one.center_calls), str(len(one.seconds.values))]
        for one in kinds
    ]
    return table(["reconciler", "s", "calls to the records", "to Identity Center", "runs"], rows)


def scale(runs: Sequence[Run]) -> str:
    """Returns a table of the reconciler's runs in a large organisation."""
    rows = [
        [
            str(one.number),
            f"{one.seconds:.0f}",
            f"{one.cpu_seconds:.2f}",
            str(one.assigned),
            str(one.late),
            str(one.searched),
            str(one.slack_calls),
        ]
        for one in runs
    ]
    header = ["run", "simulated s", "CPU s", "late access left", "not yet verified", "pairs searched", "Slack calls"]
    return table(header, rows)
