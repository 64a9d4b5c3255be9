"""`make demo`: the whole product on one machine, from record to message, and from request to revocation.

Deploys stack `local`, the hub of an organization, to a fresh local cloud with a real `pulumi up`. Then it replays
records, plays the organization and the approval scenarios, prints the messages and verdicts, and stops everything.
`build/demo.json` holds the result.

With `--break` it shows what notices a fault of the alert path instead. The stack is in one account first, with
`delivery: direct` and after a second `pulumi up` with `delivery: confirmed`. A third one makes it a hub, on which the
faults of an organization are shown.

Non-goals: facts that only AWS can show (docs/live-checks.md), measurements (`benchmarks/`).
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from breakglass.terminal import escape_unprintable
from breakglass.vocabulary import Delivery
from localcloud import report, scenarios
from localcloud.cloud import LocalCloud, LocalCloudError, RunningCloud
from localcloud.engine import EngineError, UpdateResult
from localcloud.fault_runs import AlertPath, list_applicable
from localcloud.faults import (
    ALL,
    DESCRIPTIONS,
    HUB_DELIVERY,
    ORGANIZATION,
    TAMPERING,
    Fault,
    FaultResult,
    select_faults,
)
from localcloud.hub_fault_runs import HubPath
from localcloud.organization import Hub, OrganizationResult, play_organization
from localcloud.records import RECORDS, Record, RecordError, load_records
from localcloud.replay import ReplayResult, replay_records
from localcloud.stack import (
    BUILD,
    ROOT,
    WATCHER,
    StackDeployment,
    add_organization,
    deploy,
    deploy_watcher,
    read_section,
)
from localcloud.steps import Step
from localcloud.verdicts import Verdict, first_of_each_kind

RESULT_FILE = BUILD / "demo.json"

_DELIVERY = "breakglass:alerts.delivery"
_FAULT_SETTINGS = {
    _DELIVERY: Delivery.direct.value,
    # So that the table shows what the delivery itself notices.
    "breakglass:alerts.monitoring.alertsByEmail": "false",
}


@dataclass
class Stopwatch:
    """Says when a part of the demo begins and remembers how long each took.

    Attributes:
        console: where to say it.
        seconds: part's name to its duration.
    """

    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def part(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time one part; yield a function that shows its newest step in a terminal."""
        self.console.print(f"== {name}", style="bold")
        began = time.monotonic()
        with self.console.status("") as line:
            yield lambda step: line.update(Text(escape_unprintable(step), "dim"))
        self.seconds[name] = time.monotonic() - began
        self.console.print(f"   {self.seconds[name]:.1f} s", style="dim")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the demo.

    Returns:
        The exit status: 0 if just the expected alerts arrived, or just the expected notices of a fault came, 1 if
        not, 2 if the demo could not run.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.faults and options.records != RECORDS:
        parser.error("RECORDS and BREAK don't go together: a fault is shown with a record of the project")
    console = report.create_console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    BUILD.mkdir(exist_ok=True)
    # A folder of its own for each run, so that two demos don't meet.
    workdir = Path(tempfile.mkdtemp(prefix="demo-", dir=BUILD))
    try:
        if options.faults:
            status = _run_faults(options.faults, workdir, console)
        else:
            own_records = options.records == RECORDS
            records = _records(options.records)
            status = _run(records, own_records, workdir, console, verbose=options.verbose)
    except KeyboardInterrupt:
        console.print("Interrupted; the local cloud is stopped.")
        status = 130
    except RecordError as error:
        _complain(error, console)
        status = 2
    except (LocalCloudError, EngineError) as error:
        _complain(error, console)
        # The logs stay: the message may refer to them.
        return 2
    shutil.rmtree(workdir)
    return status


def _complain(error: Exception, console: Console) -> None:
    console.print(escape_unprintable(str(error)), style="red", markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make demo", description="Replays CloudTrail records through the alert path.")
    parser.add_argument(
        "--records",
        type=Path,
        default=RECORDS,
        metavar="DIR",
        help="your own records: one CloudTrail record in each .json file; a file of the same name ending in .expect "
        "names the alerts it must cause (nothing in it: none); by default the project's own records",
    )
    parser.add_argument(
        "--break",
        dest="faults",
        type=_faults,
        metavar="FAULT,...",
        help="show what notices a fault of the alert path, with each delivery: "
        + ", ".join((ALL, *(f"{fault} ({DESCRIPTIONS[fault]})" for fault in Fault))),
    )
    parser.add_argument("--verbose", action="store_true", help="show every message, not one for each evidence path")
    return parser


def _faults(names: str) -> tuple[Fault, ...]:
    try:
        return select_faults(names)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}. Choose from {ALL}, {', '.join(Fault)}.") from error


def _records(folder: Path) -> list[Record]:
    if not folder.is_dir():
        raise RecordError(
            f"{folder} is no folder. RECORDS names a folder with one CloudTrail record in each .json file."
        )
    records = list(load_records(folder))
    if not records:
        raise RecordError(f"{folder} holds no .json file. Put one CloudTrail record into each, e.g. my-use.json.")
    return records


def _run(
    records: Sequence[Record],
    own_records: bool,
    workdir: Path,
    console: Console,
    *,
    verbose: bool,
) -> int:
    watch = Stopwatch(console)
    with ExitStack() as running:
        with watch.part("start the local cloud") as progress:
            cloud = running.enter_context(LocalCloud(workdir / "cloud", progress))
        section = read_section("approvals") if own_records else None
        with watch.part("deploy stack local: pulumi up") as progress:
            settings = scenarios.scenario_settings(section) if section else None
            deployment = deploy(cloud, workdir, progress, settings, organization=True)
        with watch.part(f"replay {len(records)} CloudTrail records"):
            outcome = replay_records(cloud, records)
        played, steps = OrganizationResult(), list[Step]()
        if section:
            outputs = deployment.engine.outputs()
            with watch.part("play the organization") as progress:
                played = play_organization(Hub.of_stack(cloud, outputs), progress)
            with watch.part("run the approval scenarios") as progress:
                steps = scenarios.run_scenarios(cloud, outputs["approvalRequestUrl"], progress)
        _write_result(_rules(cloud), deployment.up, outcome=outcome, steps=[*played.steps, *steps], played=played)
        show_messages([post.body for post in outcome.accepted], verbose, console)
        with watch.part("stop the local cloud"):
            running.close()
    _show_verdicts(outcome, console)
    _show_steps("of the organization", played.steps, console)
    _show_steps("of the approvals", steps, console)
    _show_parts(watch, deployment, console)
    return exit_status([*outcome.verdicts, *played.steps, *steps])


def exit_status(results: Sequence[Verdict | Step | FaultResult]) -> int:
    """Return 0 if every result is as expected, else 1."""
    return 0 if all(result.ok for result in results) else 1


def _run_faults(faults: tuple[Fault, ...], workdir: Path, console: Console) -> int:
    watch = Stopwatch(console)
    results: list[FaultResult] = []
    of_stack = [fault for fault in faults if fault not in ORGANIZATION]
    of_hub = [fault for fault in faults if fault in ORGANIZATION]
    with ExitStack() as running:
        with watch.part("start the local cloud") as progress:
            cloud = running.enter_context(LocalCloud(workdir / "cloud", progress))
        first = Delivery.direct if of_stack else HUB_DELIVERY
        is_watched = bool((TAMPERING | ORGANIZATION) & set(faults))
        stacks = "stacks local and watcher" if is_watched else "stack local"
        with watch.part(f"deploy {stacks}, delivery: {first}") as progress, ThreadPoolExecutor(1) as pool:
            watcher = pool.submit(deploy_watcher, cloud, workdir / WATCHER) if is_watched else None
            settings = {**_FAULT_SETTINGS, _DELIVERY: first.value}
            deployment = deploy(cloud, workdir, progress, settings, organization=not of_stack)
            if watcher:
                watcher.result()
        if of_stack:
            results += _break_stack(of_stack, cloud, deployment, watch)
        if of_hub:
            if of_stack:
                with watch.part("make the stack the hub of an organization"):
                    add_organization(deployment.engine)
                    _update(deployment, console)
            path = HubPath(Hub.of_stack(cloud, deployment.engine.outputs()))
            with watch.part("break the hub and its spokes") as progress:
                for fault in of_hub:
                    progress(DESCRIPTIONS[fault])
                    results.append(path.run(fault))
        _write_result(_rules(cloud), deployment.up, faults=results)
        with watch.part("stop the local cloud"):
            running.close()
    results.sort(key=lambda result: faults.index(result.fault))
    _show_faults(faults, results, console)
    _show_parts(watch, deployment, console)
    return exit_status(results)


def _break_stack(
    faults: Sequence[Fault], cloud: RunningCloud, deployment: StackDeployment, watch: Stopwatch
) -> Iterator[FaultResult]:
    """Yield the results of the faults of a stack in one account, with each delivery."""
    deployer = (read_section("alerts") or {})["tamper"]["deployers"][0]
    rule_names = deployment.engine.outputs()["ruleNames"]
    for delivery in Delivery:
        if delivery is Delivery.confirmed:
            with watch.part("switch to delivery: confirmed"):
                deployment.engine.config_set_all({_DELIVERY: delivery.value})
                _update(deployment, watch.console)
        path = AlertPath(cloud, rule_names, delivery, deployer)
        with watch.part(f"break the alert path, delivery: {delivery}") as progress:
            for fault in list_applicable(faults, delivery):
                progress(DESCRIPTIONS[fault])
                yield path.run(fault)


def _update(deployment: StackDeployment, console: Console) -> None:
    changed = deployment.engine.up()
    console.print(f"   {report.describe_changes(changed.changes)}", style="dim")


def _rules(cloud: RunningCloud) -> dict[str, Any]:
    """Every rule that is deployed and looks for events, with its pattern; a schedule has none."""
    events = cloud.client("events")
    return {
        rule["Name"]: json.loads(rule["EventPattern"])
        for bus in events.list_event_buses()["EventBuses"]
        for page in events.get_paginator("list_rules").paginate(EventBusName=bus["Name"])
        for rule in page["Rules"]
        if "EventPattern" in rule
    }


def _write_result(
    rules: dict[str, Any],
    up: UpdateResult,
    *,
    outcome: ReplayResult | None = None,
    steps: Sequence[Step] = (),
    played: OrganizationResult | None = None,
    faults: Sequence[FaultResult] = (),
) -> None:
    result = {
        "rules": rules,
        "records": [
            {"file": verdict.file, "expected": verdict.expected, "seen": verdict.seen, "seconds": verdict.seconds}
            for verdict in (outcome.verdicts if outcome else ())
        ],
        "messages": [post.body for post in (outcome.accepted if outcome else ())],
        "scenes": [asdict(step) for step in steps],
        "accounts": dict(played.accounts) if played else {},
        "faults": [fault.describe() for fault in faults],
        "stack": {"up_seconds": up.duration, "resources": sum(up.summary.values())},
    }
    # Renamed into place, so that a reader gets the whole result of one demo.
    draft = Path(tempfile.mkstemp(prefix="demo-", suffix=".json", dir=BUILD)[1])
    draft.write_text(json.dumps(result, indent=2) + "\n")
    draft.replace(RESULT_FILE)


def show_messages(messages: Sequence[Mapping[str, Any]], verbose: bool, console: Console) -> None:
    """Prints the messages of Slack: all of them, or the first of each evidence path."""
    shown = messages if verbose else first_of_each_kind(messages)
    rest = "" if len(shown) == len(messages) else " One for each evidence path; VERBOSE=1 shows all."
    console.print(f"\n{len(messages)} messages arrived in Slack.{rest}\n", style="bold")
    for message in shown:
        console.print(report.render_message(message))


def _show_verdicts(outcome: ReplayResult, console: Console) -> None:
    console.print()
    console.print(report.render_verdicts(outcome.verdicts))
    judged = [verdict for verdict in outcome.verdicts if verdict.expected is not None]
    console.print(
        f"\n{len(outcome.verdicts)} records, {len(outcome.accepted)} alerts. Of {len(judged)} records with an "
        f"expectation {sum(verdict.ok for verdict in judged)} are as expected: "
        f"{sum(verdict.missing for verdict in judged)} alerts missing, "
        f"{sum(verdict.unexpected for verdict in judged)} unexpected.",
        style="bold",
    )
    if not outcome.posts:
        console.print(
            "No record concerned a role that this stack watches: its break-glass sets and `watch:` are in "
            "stacks/Pulumi.local.yaml; name your roles there."
        )


def _show_steps(subject: str, steps: Sequence[Step], console: Console) -> None:
    if not steps:
        return
    console.print()
    console.print(report.render_steps(steps))
    console.print(f"\n{len(steps)} steps {subject}, {sum(step.ok for step in steps)} as expected.", style="bold")


def _show_faults(faults: Sequence[Fault], results: Sequence[FaultResult], console: Console) -> None:
    console.print()
    console.print(report.render_faults(faults, results))
    unseen = sum(result.is_unseen_by_design for result in results)
    console.print(
        f"\n{len(results)} faults, {sum(result.ok for result in results)} as expected, {unseen} of them unseen by "
        "design.",
        style="bold",
    )
    console.print(
        "Times are by AWS's clock, from the fault, which the event follows at once. They count waits that the local "
        "cloud shortens in full, the probe, SQS, the witness and the roll call with their latest case, and an alarm "
        "with its deployed periods; not "
        "the minute or two that CloudWatch may take to get a metric, nor CloudTrail's minutes before a record. "
        "`alertsByEmail` is off here; with `delivery: direct` it is on by default, so that each alert that a rule "
        "sends is mailed, too.",
        style="dim",
    )


def _show_parts(watch: Stopwatch, deployment: StackDeployment, console: Console) -> None:
    resources = sum(deployment.up.summary.values())
    parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in watch.seconds.items())
    console.print(f"{resources} resources. {parts}. Result: {RESULT_FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
