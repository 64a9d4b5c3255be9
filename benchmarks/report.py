"""The figures as Markdown, one section per measurement; docs/performance.md has the text around them."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.approvals import ApprovalFigures
from benchmarks.bursts import Burst
from benchmarks.clicks import Clicks
from benchmarks.functions import Import, Package
from benchmarks.imports import Imports
from benchmarks.latency import Way
from benchmarks.organization_costs import Part, total
from benchmarks.organization_runs import MachineRun
from benchmarks.organizations import Bill, HubCell, OrganizationFigures
from benchmarks.previews import Cell, Preview
from benchmarks.reconciler_runs import ReconcilerRuns
from benchmarks.samples import Samples
from benchmarks.scale import ReconcilerRun
from benchmarks.table import render_table

_MEASURES: Mapping[str, Callable[[Preview], float]] = {
    "wall s": lambda preview: preview.seconds,
    "program CPU s": lambda preview: preview.usage.processor_seconds,
    "program peak MB": lambda preview: preview.usage.peak_megabytes,
}


_ENOUGH = 100
"""Fewer additional resources than this say nothing about growth, because of noise."""


def render_previews(cells: Sequence[Cell]) -> str:
    """Return two tables: both programs, and the cost of each additional resource."""
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
    return "\n\n".join([render_table(header, rows), *([render_table(growth_header, growth)] if growth else [])])


def render_imports(measured: Imports) -> str:
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
    return render_table(["fresh process", "ms", "modules loaded", "ratio"], rows)


def render_latency(ways: Sequence[Way]) -> str:
    """Return a table of the ways from bus to Slack, with the ratio to the first one, warm."""
    first = ways[0].warm.median
    rows = []
    for way in ways:
        started = way.warm if way.cold is None else way.cold
        rows.append(
            [
                way.name,
                way.warm.text(1),
                f"{way.warm.median / first:.2f}",
                "no start" if way.cold is None else started.text(0),
                f"{started.median / first:.0f}",
            ]
        )
    return render_table(["from bus to Slack", "warm ms", "ratio", "cold ms", "ratio"], rows)


def render_demos(warm: Samples | None, cold: Samples | None) -> str:
    """Returns a table of the demo's runs."""
    runs = {"warm: everything installed": warm, "cold: fresh clone, empty caches": cold}
    rows = [[name, samples.text(0), str(len(samples.values))] for name, samples in runs.items() if samples]
    return render_table(["`make demo`", "s", "runs"], rows)


def render_approvals(measured: ApprovalFigures) -> str:
    """Returns the tables of the approvals."""
    tables = (
        render_functions(measured.package, measured.imports),
        render_clicks(measured.clicks),
        render_bursts(measured.bursts, measured.processor_seconds),
        render_reconciler_runs(measured.reconciler_runs),
        render_scale(measured.scale),
    )
    return "\n\n".join(tables)


def render_functions(package: Package, imported: Sequence[Import]) -> str:
    """Return the size of the zip, and a table of imports with ratios of CPU time."""
    first = imported[0]
    rows = [
        [
            each.name,
            each.milliseconds.text(0),
            each.processor.text(0),
            f"{each.ratio(first):.2f}",
            str(each.modules),
            str(each.network),
        ]
        for each in imported
    ]
    header = ["fresh process", "ms", "CPU ms", "ratio", "modules loaded", "network calls"]
    return f"The zip has {package.files} files and {package.bytes / 1000:.0f} kB.\n\n{render_table(header, rows)}"


def render_clicks(kinds: Sequence[Clicks]) -> str:
    """Returns a table of clicks."""
    rows = [
        [each.name, each.opened.text(0), each.answered.text(0), each.filled.text(0), str(len(each.opened.values))]
        for each in kinds
    ]
    return render_table(["click", "form open ms", "answered ms", "form filled in ms", "clicks"], rows)


def render_bursts(measured: Sequence[Burst], processor_seconds: float) -> str:
    """Return a table of many clicks at once, and the CPU time of one click."""
    rows = [[str(each.clicks), each.answered.text(0), str(each.in_time)] for each in measured]
    own = f"The function itself needs a processor for {processor_seconds * 1000:.2f} ms a click."
    return f"{render_table(['clicks at once', 'answered ms', 'form open and answered in 3 s'], rows)}\n\n{own}"


def render_reconciler_runs(kinds: Sequence[ReconcilerRuns]) -> str:
    """Returns a table of the reconciler's runs."""
    rows = [
        [each.name, each.seconds.text(2), str(each.store_calls), str(each.center_calls), str(len(each.seconds.values))]
        for each in kinds
    ]
    return render_table(["reconciler", "s", "calls to the records", "to Identity Center", "runs"], rows)


def render_scale(runs: Sequence[ReconcilerRun]) -> str:
    """Returns a table of the reconciler's runs in a large organization."""
    rows = [
        [
            str(each.number),
            f"{each.seconds:.0f}",
            f"{each.cpu_seconds:.2f}",
            str(each.assigned),
            str(each.late),
            str(each.searched),
            str(each.slack_calls),
        ]
        for each in runs
    ]
    header = ["run", "simulated s", "CPU s", "late access left", "not yet verified", "pairs searched", "Slack calls"]
    return render_table(header, rows)


def render_organizations(measured: OrganizationFigures) -> str:
    """Returns the tables of the hub of an organization."""
    tables = (render_hubs(measured.previews), render_machine_runs(measured.runs), render_bills(measured.bills))
    return "\n\n".join(tables)


def render_hubs(cells: Sequence[HubCell]) -> str:
    """Return a table of previews of the hub, beside those of a stack of one account."""
    rows = []
    for cell in cells:
        resources = str(cell.previews[0].resources)
        measures = [Samples([measure(preview) for preview in cell.previews]) for measure in _MEASURES.values()]
        rows.append([cell.name, str(cell.accounts or ""), resources, *(each.text(1) for each in measures)])
    return render_table(["stack", "accounts", "resources", *_MEASURES], rows)


def render_machine_runs(runs: Sequence[MachineRun]) -> str:
    """Returns a table of the runs of state machines."""
    rows = [
        [
            run.name,
            str(run.accounts),
            str(run.transitions),
            str(run.calls),
            f"{run.largest / 1024:.1f}",
            f"{run.seconds:.2f}",
        ]
        for run in runs
    ]
    header = ["run", "accounts", "state transitions", "calls", "largest value, KiB of 256", "CPU s of the interpreter"]
    return render_table(header, rows)


def render_bills(bills: Sequence[Bill]) -> str:
    """Return a table of the parts of a month, by the size of the organization."""
    parts = [part.name for part in bills[0].hub]
    rows = [[name, *(_dollars(bill.hub, name) for bill in bills)] for name in parts]
    rows.append(["**with a hub**", *(f"**{total(bill.hub):,.2f}**" for bill in bills)])
    rows.append(["a stack in each account and region", *(f"{total(bill.separate):,.2f}" for bill in bills)])
    header = [f"{bill.volume.accounts} accounts x {bill.volume.regions} regions" for bill in bills]
    return render_table(["dollars in a month", *header], rows)


def _dollars(parts: Sequence[Part], name: str) -> str:
    (part,) = [part for part in parts if part.name == name]
    return f"{part.dollars:,.2f}"
