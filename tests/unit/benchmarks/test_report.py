"""The tables of figures, from measurements made up here."""

from benchmarks import report
from benchmarks.bursts import Burst
from benchmarks.clicks import Clicks
from benchmarks.functions import Import, Package
from benchmarks.imports import Imports
from benchmarks.latency import Way
from benchmarks.organization_costs import Part, Volume
from benchmarks.organization_runs import MachineRun
from benchmarks.organizations import Bill, HubCell
from benchmarks.previews import Cell, Preview
from benchmarks.programs.size import Size
from benchmarks.programs.usage import ProcessUsage
from benchmarks.reconciler_runs import ReconcilerRuns
from benchmarks.samples import Samples
from benchmarks.scale import ReconcilerRun


def cell(roles: int, resources: int, ours: float, bare: float) -> Cell:
    def preview(seconds: float) -> Preview:
        return Preview(seconds, resources + 1, ProcessUsage(seconds / 2, 80 + seconds))

    return Cell(Size(roles, 1), resources, [preview(ours)], [preview(bare)])


def cells(line: str) -> list[str]:
    return [each.strip() for each in line.strip("|").split("|")]


def test_previews_stand_beside_the_bare_ones_with_their_ratio() -> None:
    _, _, first, second = (
        report.render_previews([cell(1, 30, 4.4, 4.0), cell(10, 230, 6.0, 5.0)]).split("\n\n")[0].splitlines()
    )

    assert cells(first) == ["1 x 1", "30", "1", "4.4", "4.0", "1.10", "2.2", "2.0", "1.10", "84.4", "84.0", "1.00"]
    assert cells(second)[:6] == ["10 x 1", "230", "1", "6.0", "5.0", "1.20"]


def test_growth_is_the_cost_of_each_additional_resource() -> None:
    # 200 resources more take 1.6 s more, so 1,000 take 8 s.
    growth = report.render_previews([cell(1, 30, 4.4, 4.0), cell(10, 230, 6.0, 5.0)]).split("\n\n")[1].splitlines()

    assert cells(growth[0])[:4] == ["roles x accounts", "resources more", "wall s per 1,000", "bare"]
    assert [cells(line)[:4] for line in growth[2:]] == [["10 x 1", "200", "8.0", "5.0"]]


def test_one_cell_has_no_growth() -> None:
    assert "more" not in report.render_previews([cell(1, 30, 4.4, 4.0)])


def test_an_import_is_compared_with_what_it_imports() -> None:
    lines = report.render_imports(Imports(Samples([450.0, 460.0]), Samples([225.0, 230.0]), 887, 721)).splitlines()

    assert cells(lines[3]) == ["`from breakglass import BreakGlass`", "455 (450-460)", "887", "2.00"]


def test_ways_to_slack_are_compared_with_the_warm_first_one() -> None:
    ways = [Way("rule", None, Samples([5.0])), Way("function", Samples([500.0]), Samples([6.0]))]

    assert [cells(line) for line in report.render_latency(ways).splitlines()[2:]] == [
        ["rule", "5.0", "1.00", "no start", "1"],
        ["function", "6.0", "1.20", "500", "100"],
    ]


def test_a_demo_that_was_not_run_has_no_row() -> None:
    assert "cold" not in report.render_demos(Samples([30.0]), None)
    assert "cold" in report.render_demos(Samples([30.0]), Samples([360.0]))


def test_function_imports_are_compared_by_processor_time() -> None:
    first = Import("`import boto3`", Samples([300.0, 900.0]), Samples([200.0, 220.0]), 386, 0)
    second = Import("`receiver`", Samples([150.0]), Samples([100.0, 110.0]), 171, 0)
    text = report.render_functions(Package(141_900, 76), [first, second])

    assert text.startswith("The zip has 76 files and 142 kB.\n")
    assert cells(text.splitlines()[-1]) == ["`receiver`", "150", "105 (100-110)", "0.50", "171", "0"]


def test_clicks_have_the_three_moments_that_a_person_sees() -> None:
    click = Clicks("warm", answered=Samples([130.0]), opened=Samples([120.0]), filled=Samples([260.0, 280.0]))

    assert cells(report.render_clicks([click]).splitlines()[-1]) == ["warm", "120", "130", "270 (260-280)", "1"]


def test_a_burst_tells_how_many_of_all_were_answered_in_time() -> None:
    text = report.render_bursts([Burst(3, Samples([100.0, 200.0, 4000.0]), 2)], 0.0005)

    assert cells(text.splitlines()[2]) == ["3", "200 (100-4000)", "2"]
    assert text.endswith("0.50 ms a click.")


def test_reconciler_runs_stand_beside_their_calls() -> None:
    runs = ReconcilerRuns("10,000 live, none late", Samples([0.4]), 304, 4)

    assert cells(report.render_reconciler_runs([runs]).splitlines()[-1]) == [
        "10,000 live, none late",
        "0.40",
        "304",
        "4",
        "1",
    ]


def test_runs_at_scale_are_one_row_each() -> None:
    run = ReconcilerRun(1, 240.2, 0.331, 500, 0, 332, 4)

    assert cells(report.render_scale([run]).splitlines()[-1]) == ["1", "240", "0.33", "0", "500", "332", "4"]


def test_hub_is_one_row_for_each_number_of_accounts() -> None:
    preview = Preview(4.0, 230, ProcessUsage(2.0, 110.0))
    text = report.render_hubs([HubCell("a stack", 0, [preview]), HubCell("hub", 400, [preview, preview])])

    assert [cells(line) for line in text.splitlines()[2:]] == [
        ["a stack", "", "230", "4.0", "2.0", "110.0"],
        ["hub", "400", "230", "4.0", "2.0", "110.0"],
    ]


def test_machine_run_shows_its_largest_value_in_kib() -> None:
    run = MachineRun("roll call", 400, transitions=62, largest=51_200, calls=27, seconds=0.456)

    assert cells(report.render_machine_runs([run]).splitlines()[-1]) == ["roll call", "400", "62", "27", "50.0", "0.46"]


def test_bill_ends_with_its_sum_and_that_of_separate_stacks() -> None:
    bill = Bill(Volume(40), [Part("alarms", 20, 0.1), Part("secrets", 2, 0.4)], [Part("alarms", 4000, 0.1)])

    assert [cells(line) for line in report.render_bills([bill]).splitlines()] == [
        ["dollars in a month", "40 accounts x 4 regions"],
        ["----------------------------------", "----------------------:"],
        ["alarms", "2.00"],
        ["secrets", "0.80"],
        ["**with a hub**", "**2.80**"],
        ["a stack in each account and region", "400.00"],
    ]
