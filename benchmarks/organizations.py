"""The hub of an organization, by the number of its accounts: previews, runs, bills.

The previews run under the real engine; the emulated organization has as many accounts. The runs are those of the
deployed definitions in `tests.state_machine`, with answers of AWS as large as they would be: the figures are the state
transitions, which AWS bills, and the bytes of the largest value, of which AWS takes 256 KiB. The bill is calculated
(`benchmarks.organization_costs`).

Non-goals: the duration of a run at AWS, which is waiting for Logs Insights.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.organization_costs import Part, StackFigures, Volume, hub_parts, separate_parts
from benchmarks.organization_runs import WITNESS_HOURS, MachineRun, roll_call_runs, witness_runs
from benchmarks.previews import Preview, preview
from benchmarks.programs.hub_arguments import REGIONS, arguments, watched_sets
from benchmarks.programs.size import Size
from breakglass.components.break_glass import BreakGlass
from breakglass.naming import AlertMetric
from docs.generate_tables import Checks
from localcloud.cloud import RunningCloud
from localcloud.stack import ROOT
from tests.conftest import deploy

ROLES = 10
"""Watched permission sets of each stack."""
ACCOUNTS = (1, 40, 400)
"""Member accounts of the organization."""
_BILLED = ACCOUNTS[1:]

_PROGRAM = ROOT / "benchmarks" / "programs" / "hub"


@dataclass(frozen=True)
class HubCell:
    """Previews of a hub, or of a stack of one account.

    Attributes:
        name: the stack.
        accounts: member accounts of the organization; 0 for the stack of one account.
        previews: first previews.
    """

    name: str
    accounts: int
    previews: Sequence[Preview]


@dataclass(frozen=True)
class Bill:
    """A month of an organization.

    Attributes:
        volume: its size.
        hub: the parts with a hub.
        separate: the parts with a stack in each account and region.
    """

    volume: Volume
    hub: Sequence[Part]
    separate: Sequence[Part]


@dataclass(frozen=True)
class OrganizationFigures:
    """Everything that was measured or calculated.

    Attributes:
        previews: of the hub by its accounts, and of a stack of one account.
        runs: of the roll call and the witness.
        bills: of a month.
    """

    previews: Sequence[HubCell]
    runs: Sequence[MachineRun]
    bills: Sequence[Bill]


def measure(cloud: RunningCloud, workdir: Path, *, quick: bool, progress: Callable[[str], None]) -> OrganizationFigures:
    """Measure previews and runs, and calculate bills.

    Args:
        cloud: a local cloud of its own, whose organization is changed.
        workdir: for the state.
        quick: fewer repetitions.
        progress: called with each figure.

    Raises:
        AssertionError: the hub grows with the number of accounts.
    """
    repeat = 1 if quick else 3
    cells = list(_previews(cloud, workdir, repeat, progress))
    if len({cell.previews[0].resources for cell in cells if cell.accounts}) != 1:
        raise AssertionError("the number of the hub's resources depends on that of the accounts")
    progress("runs of the roll call and the witness")
    runs = [*roll_call_runs(ACCOUNTS), *witness_runs(ROLES, ACCOUNTS[-1])]
    return OrganizationFigures(cells, runs, bills())


def bills() -> list[Bill]:
    """Return a month of the larger organizations."""
    volumes = [Volume(accounts, len(REGIONS)) for accounts in _BILLED]
    figures = {volume: stack_figures(volume.accounts) for volume in volumes}
    return [
        Bill(volume, hub_parts(volume, figures[volume]), separate_parts(volume, figures[volume])) for volume in volumes
    ]


def stack_figures(accounts: int) -> StackFigures:
    """Return what the code knows of the stacks: alarms that it makes, steps of its machines."""
    checks = Checks.of_machines()
    return StackFigures(
        hub_alarms=_alarms("o-exampleorgid"),
        hub_metrics=len(AlertMetric),  # at most
        # The first run of each is that of a day without a finding.
        roll_call_steps=next(roll_call_runs([accounts])).transitions,
        witness_steps=next(witness_runs(ROLES, accounts)).transitions,
        witness_hours=WITNESS_HOURS,
        stack_alarms=_alarms(None),
        stack_steps=checks.of_probe(1) + checks.of_drills(ROLES + 1),
    )


@cache
def _alarms(organization_id: str | None) -> int:
    """Return the number of alarms of a hub, or of a stack of one account.

    Those of one set count for each set.
    """

    def program() -> None:
        BreakGlass("bench", arguments(1, organization_id))

    alarms = deploy(program).of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    (permission_set,) = watched_sets(1)
    of_the_set = [alarm for alarm in alarms if permission_set in alarm.inputs["name"]]
    return len(alarms) + (ROLES - 1) * len(of_the_set)


def _previews(cloud: RunningCloud, workdir: Path, repeat: int, progress: Callable[[str], None]) -> Iterator[HubCell]:
    organizations = cloud.client("organizations")
    hub = {"BENCHMARK_ORGANIZATION": organizations.describe_organization()["Organization"]["Id"]}
    _run(cloud, workdir, hub)  # compiles byte code
    alone: Mapping[str, str] = {}
    for name, accounts, more in [("stack of one account", 0, alone), *(("hub", count, hub) for count in ACCOUNTS)]:
        if accounts:
            resize(organizations, accounts)
        previews = []
        for _ in range(repeat):
            previews.append(_run(cloud, workdir, more))
            progress(f"{name}, {accounts} accounts: {previews[-1]}")
        yield HubCell(name, accounts, previews)


def _run(cloud: RunningCloud, workdir: Path, more: Mapping[str, str]) -> Preview:
    return preview(_PROGRAM, Size(ROLES, 0), cloud, workdir, more)


def resize(organizations: Any, accounts: int) -> None:
    """Remove member accounts from an organization, or create some, until it has so many."""
    master = organizations.describe_organization()["Organization"]["MasterAccountId"]
    pages = organizations.get_paginator("list_accounts").paginate()
    members = [each["Id"] for page in pages for each in page["Accounts"] if each["Id"] != master]
    for each in members[accounts:]:
        organizations.remove_account_from_organization(AccountId=each)
    for number in range(len(members), accounts):
        organizations.create_account(Email=f"workload-{number}@example.com", AccountName=f"workload-{number}")
