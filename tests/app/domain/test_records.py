"""Records, people and audit entries: frozen values, deciding IDs, and no Slack IDs in the audit trail."""

from dataclasses import FrozenInstanceError, fields, is_dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain import records
from breakglass.app.domain.audit import audit_grant, audit_request, audit_usage, drop_slack_id
from breakglass.app.domain.records import SYSTEM, Actor, AuditEntry, GrantState, State
from tests.app.domain.examples import ADA_ACTS, ASKED, CLEO_ACTS, grant, request, use
from tests.app.domain.policies import ADA, CLEO, EVERYBODY, FAY, PRODUCTION, RDS, STAGING, group, person, user

RECORDS: list[Any] = [request(), grant(), use(), ADA_ACTS]


@pytest.mark.parametrize("record", RECORDS)
def test_records_are_frozen(record: object) -> None:
    assert is_dataclass(record)
    with pytest.raises(FrozenInstanceError):
        setattr(record, fields(record)[0].name, "other")


def test_record_fields_are_frozen() -> None:
    hash((request(), grant(), use()))


@pytest.mark.parametrize("kind", [records.State, records.GrantState, records.UsageState, records.Kind])
def test_states_have_their_names_as_values(kind: Any) -> None:
    assert all(each.name == each.value == str(each) for each in kind)


def test_system_is_no_person() -> None:
    assert SYSTEM == Actor("", "break-glass", None)
    assert all(SYSTEM.user_id != each.user_id for each in EVERYBODY)


# --- the trail --------------------------------------------------------------------------------------------------------

LINES: dict[str, tuple[AuditEntry, AuditEntry]] = {
    "about a request": (
        audit_request(request(), "approved", CLEO_ACTS, ASKED, State.approved, note="ok", rule="databases"),
        AuditEntry(
            ASKED,
            "r-1",
            "approved",
            Actor(CLEO.user_id, "Cleo"),
            RDS,
            (PRODUCTION, STAGING),
            "databases",
            "ok",
            "pending",
            "approved",
        ),
    ),
    "about a grant, in its request's trail": (
        audit_grant(grant(), "grant_failed", ASKED, GrantState.failed, "refused"),
        AuditEntry(ASKED, "r-1", "grant_failed", SYSTEM, RDS, (PRODUCTION,), "", "refused", "planned", "failed"),
    ),
    "about a use": (
        audit_usage(use(), "usage_explained", ADA_ACTS, ASKED, "explained", "the restore failed"),
        AuditEntry(
            ASKED,
            "u-1",
            "usage_explained",
            Actor(ADA.user_id, "Ada"),
            RDS,
            (PRODUCTION,),
            "",
            "the restore failed",
            "unexplained",
            "explained",
        ),
    ),
}


@pytest.mark.parametrize("sentence", LINES)
def test_audit_entry(sentence: str) -> None:
    found, expected = LINES[sentence]
    assert found == expected


@given(st.text(), st.text(), st.none() | st.text())
def test_drop_slack_id_keeps_the_rest(user_id: str, name: str, slack_id: str | None) -> None:
    assert drop_slack_id(Actor(user_id, name, slack_id)) == Actor(user_id, name)


@given(st.text())
def test_records_keep_texts_whole(text: str) -> None:
    assert audit_request(request(), "denied", CLEO_ACTS, ASKED, State.denied, note=text).note == text


# --- people -----------------------------------------------------------------------------------------------------------

AMONG: dict[str, tuple[bool, bool]] = {
    "a group they are in": (person("ada", "oncall").is_among((group("oncall"),)), True),
    "a group they are not in": (person("ada", "oncall").is_among((group("leads"),)), False),
    "one of several": (person("ada", "oncall").is_among((group("leads"), user("ada"))), True),
    "themselves": (FAY.is_among((user("fay"),)), True),
    "somebody else": (FAY.is_among((user("ada"),)), False),
    "nobody": (ADA.is_among(()), False),
    "a user with the id of their group": (ADA.is_among((replace(user("x"), id="g-oncall"),)), False),
    "a group with their own id": (ADA.is_among((replace(group("x"), id=ADA.user_id),)), False),
    "a user with their name and another id": (ADA.is_among((replace(user("ada"), id="u-other"),)), False),
}


@pytest.mark.parametrize("sentence", AMONG)
def test_is_among(sentence: str) -> None:
    found, expected = AMONG[sentence]
    assert found is expected
