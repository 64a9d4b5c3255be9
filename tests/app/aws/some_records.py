"""Records for the tests of adapters: as plain as possible but for their texts."""

from dataclasses import replace
from typing import Any

from breakglass.app.domain.records import SYSTEM, Access, Actor, AuditEntry, Grant, GrantState, Kind, Request, Usage
from tests.app.doubles.clock import NOW

ADA = Actor("u-ada", "Ada Lovelace", "UADA")
BEA = Actor("u-bea", "Bea", "UBEA")
DAY = 86_400

ODD = 'a#b%23c/ \\ " {} \x00 \n ÄÖ \N{SNOWMAN} \U0001f600 \u202e \ud800'
"""Texts that could break a key, a request or a table."""


def a_request(number: int = 1, **changes: Any) -> Request:
    request = Request(
        id=f"r-{number}",
        kind=Kind.access,
        requester=ADA,
        requester_name="ada",
        permission_set="devops-break-glass",
        accounts=("222222222222",),
        duration=3600,
        reason=ODD,
        ticket="",
        rule="databases",
        required=1,
        created_at=NOW + number,
        expires_at=NOW + number + 1800,
    )
    return replace(request, **changes)


def a_grant(request_id: str = "r-1", account: str = "222222222222", **changes: Any) -> Grant:
    access = Access("u-ada", "devops-break-glass", account)
    return replace(Grant(request_id, access, GrantState.planned, NOW + 3600), **changes)


def a_use(number: int = 1, **changes: Any) -> Usage:
    use = Usage(f"u-{number}", "devops-break-glass", "222222222222", "u-ada", "ada", NOW + number, NOW + DAY + number)
    return replace(use, **changes)


def a_line(event: str = "requested", at: int = NOW, **changes: Any) -> AuditEntry:
    return replace(AuditEntry(at, "r-1", event, SYSTEM, "", (), "", "", "", ""), **changes)
