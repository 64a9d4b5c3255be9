"""The bill of an organization, with figures made up here. It does not prove AWS's prices."""

from dataclasses import replace

import pytest

from benchmarks.organization_costs import Part, StackFigures, Volume, hub_parts, separate_parts, total

FIGURES = StackFigures(
    hub_alarms=40,
    hub_metrics=8,
    roll_call_steps=50,
    witness_steps=20,
    witness_hours=2,
    stack_alarms=30,
    stack_steps=10_000,
)
FORTY = Volume(accounts=40, regions=4, sessions=20, trail_gigabytes=5)


def dollars(parts: list[Part], name: str) -> float:
    (part,) = [part for part in parts if part.name.startswith(name)]
    return part.dollars


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # 40 accounts x 20 sign-ins x 2.5 events x 30 days, a dollar for a million.
        ("forwarded events", 0.06),
        # 160 spokes x 30 days.
        ("heartbeats", 0.0048),
        ("state transitions of the roll call", 30 * 50 * 0.000_025),
        ("state transitions of the witness", 720 * 20 * 0.000_025),
        # 200 GB, each read by two runs.
        ("records that the witness reads", 2.0),
        ("alarms", 4.0),
        ("metrics", 2.4),
        ("secrets", 0.8),
    ],
)
def test_part_of_a_hubs_bill_is_its_volume_by_its_price(name: str, expected: float) -> None:
    parts = [part for part in hub_parts(FORTY, FIGURES) if part.name != "heartbeats in the log group, in GB"]
    assert dollars(parts, name) == pytest.approx(expected)


def test_logged_heartbeats_are_a_kilobyte_each() -> None:
    assert dollars(hub_parts(FORTY, FIGURES), "heartbeats in the log group") == pytest.approx(0.0024)


def test_alarms_of_a_hub_do_not_grow_with_accounts() -> None:
    large = hub_parts(replace(FORTY, accounts=400), FIGURES)
    for name in ("alarms", "metrics", "secrets", "state transitions of the witness"):
        assert dollars(large, name) == dollars(hub_parts(FORTY, FIGURES), name)


def test_separate_stacks_cost_the_same_for_each_account() -> None:
    parts = separate_parts(FORTY, FIGURES)
    # 30 alarms, 10,000 transitions, 2 metrics, 2 secrets.
    assert total(parts) == pytest.approx(160 * (3 + 0.25 + 0.6 + 0.8))
    assert total(separate_parts(replace(FORTY, accounts=400), FIGURES)) == pytest.approx(10 * total(parts))
