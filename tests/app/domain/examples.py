"""Records for the scenarios: Ada's request for an hour in two accounts, its grants, and a use."""

from dataclasses import replace
from typing import Any

from breakglass.app.domain.people import Person
from breakglass.app.domain.records import (
    Access,
    Actor,
    Approval,
    Denial,
    Explanation,
    Grant,
    GrantState,
    Kind,
    Request,
    State,
    Usage,
)
from tests.app.domain.policies import ADA, CLEO, DOT, EVE, PRODUCTION, RDS, STAGING

ASKED = 1_764_000_000
HOUR = 3600


def actor(person: Person) -> Actor:
    """A person as records keep them."""
    return Actor(person.user_id, person.display_name, person.slack_id)


ADA_ACTS, CLEO_ACTS, DOT_ACTS, EVE_ACTS = map(actor, (ADA, CLEO, DOT, EVE))


def request(state: State = State.pending, **changes: Any) -> Request:
    """Ada's request, asked at `ASKED`, which expires half an hour later; as it is in a state."""
    asked = Request(
        id="r-1",
        kind=Kind.access,
        requester=ADA_ACTS,
        requester_name=ADA.user_name,
        permission_set=RDS,
        accounts=(PRODUCTION, STAGING),
        duration=HOUR,
        reason="the restore failed",
        ticket="INC-1",
        rule="databases",
        required=1,
        created_at=ASKED,
        expires_at=ASKED + HOUR // 2,
        version=1,
    )
    decided: dict[str, Any] = {}
    if state in (State.approved, State.granting, State.active, State.revoking, State.ended):
        decided = {"decided_at": ASKED + 60, "approvals": (approval(CLEO_ACTS),)}
    if state in (State.granting, State.active, State.revoking, State.ended):
        decided["revoke_at"] = ASKED + 60 + HOUR
    return replace(asked, state=state, **{**decided, **changes})


def extension(state: State = State.approved, **changes: Any) -> Request:
    """Ada's request for another hour, approved when half of the first was over."""
    asked = request(
        State.pending,
        id="r-2",
        kind=Kind.extension,
        parent="r-1",
        created_at=ASKED + 1700,
        expires_at=ASKED + 1700 + HOUR // 2,
        decided_at=ASKED + 1800,
    )
    return replace(asked, state=state, **changes)


def denial(**changes: Any) -> Denial:
    """Cleo's no to Ada's request of before, for production."""
    return replace(Denial("r-0", ADA.user_id, RDS, (PRODUCTION,), CLEO_ACTS, 100_000 - HOUR), **changes)


def approval(by: Actor, at: int = ASKED + 60) -> Approval:
    """A yes by the rule `databases`."""
    return Approval(by, at, "databases")


def grant(state: GrantState = GrantState.planned, account: str = PRODUCTION, **changes: Any) -> Grant:
    """The assignment that Ada's request causes in an account."""
    current = Grant("r-1", Access(ADA.user_id, RDS, account), state, ASKED + 60 + HOUR, version=1)
    return replace(current, **changes)


def use(**changes: Any) -> Usage:
    """Ada's use of the set in production, which is overdue a day later."""
    current = Usage(
        id="u-1",
        permission_set=RDS,
        account=PRODUCTION,
        user_id=ADA.user_id,
        session_name=ADA.user_name,
        first_seen=ASKED,
        due_at=ASKED + 24 * HOUR,
        version=1,
        event_ids=("e-1",),
    )
    return replace(current, **changes)


def explanation(by: Actor = ADA_ACTS, at: int = ASKED + HOUR, **changes: Any) -> Explanation:
    """Return Ada's explanation, with changes."""
    return replace(Explanation(by, at, "the restore failed", "https://status/1", "restored by hand", ""), **changes)
