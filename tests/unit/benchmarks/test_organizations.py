"""Runs of the roll call and the witness over 400 accounts, and the emulated organization's size.

It does not prove AWS's own time, nor what a run says (tests/unit/organization, tests/unit/alerts).
"""

from typing import Any

from benchmarks.organization_runs import roll_call_runs, witness_runs
from benchmarks.organizations import resize
from tests.state_machine import LIMIT


def test_roll_call_enters_one_state_more_for_each_page() -> None:
    single, forty, many, silent = roll_call_runs([1, 40, 400])

    # Two states for each page of 20 accounts.
    assert (forty.transitions - single.transitions, many.transitions - single.transitions) == (2, 38)
    # A mail more.
    assert silent.transitions == many.transitions + 1
    assert max(many.largest, silent.largest) < LIMIT / 2


def test_witness_that_finds_most_uses_keeps_its_state_small() -> None:
    quiet, loud = witness_runs(10, 400)

    assert quiet.transitions < 10
    # Each posted use is a state of its own.
    assert loud.transitions - quiet.transitions > 20
    assert loud.largest < LIMIT / 2


class Organizations:
    """Organizations with a management account and members, as boto3 shows it."""

    def __init__(self, members: int) -> None:
        self.members = [f"{200_000_000_000 + number}" for number in range(members)]

    def describe_organization(self) -> dict[str, Any]:
        return {"Organization": {"MasterAccountId": "111111111111"}}

    def get_paginator(self, _: str) -> "Organizations":
        return self

    def paginate(self) -> list[dict[str, Any]]:
        return [{"Accounts": [{"Id": each} for each in ["111111111111", *self.members]]}]

    def remove_account_from_organization(self, **account: str) -> None:
        self.members.remove(account["AccountId"])

    def create_account(self, **account: str) -> None:
        self.members.append(account["AccountName"])


def test_organization_gets_its_number_of_members() -> None:
    organizations = Organizations(3)
    for members in (1, 40, 40):
        resize(organizations, members)
        assert len(organizations.members) == members
