"""The steps of the workflow that make an assignment, take it back, and see that it is gone.

Each step reads the record first and may run twice: where the first run came to an end, the second finds that and does
nothing. The order is always the same: what is about to happen is written, then Identity Center is asked, then what came
of it is written. So whatever a crash leaves behind is in the record, with the time at which it has to be gone.

A lease keeps the grant of one request and the revoke of another apart where both are about the same person, set and
account: each look at an operation renews it. The list of holders lets the last of them end it; it says where to look,
and the grants say who of them still wants the assignment, so a holder that was left behind keeps nothing alive.

Non-goals: people (see `workflow_steps`), and when what is to be done (see `workflow_definition` and `reconciler`).
"""

from collections.abc import Callable, Iterable
from typing import Any

from breakglass.app.domain import grant_lifecycle as life
from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.policy import PrincipalKind
from breakglass.app.domain.records import SYSTEM, Access, Grant, GrantState, Request, State
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.error_codes import Remedy, describe_error, is_transient, permanent_error_code, remedy_of
from breakglass.app.ports import BusyError, Operation, Progress, Store
from breakglass.app.services.context import Accounts
from breakglass.app.services.optimistic_writes import ContendedError, UnknownRecordError, change_grant, change_request
from breakglass.app.services.session_denials import deny_sessions, lift_denials

LEASE_SECONDS = 900
"""How long one request keeps another from the same assignment, if it never gives the lease back."""

Answer = dict[str, Any]
"""What a step tells the workflow, JSON-ready."""


def step(world: Accounts, event: dict[str, Any]) -> Answer:
    """Do the step that the workflow asks for.

    Args:
        world: what the function has.
        event: `{"step", "request"}`, and `account`, or `error` and `cause`, where the step takes them.

    Raises:
        KeyError: for a step that there isn't.
    """
    request_id = event["request"]
    if event["step"] == "abandon":
        return abandon(world, request_id, str(event.get("error", "")), str(event.get("cause", "")))
    if event["step"] in _OF_REQUEST:
        return _OF_REQUEST[event["step"]](world, request_id)
    progress = _OF_ACCOUNT[event["step"]](world, request_id, event["account"])
    world.log("step", step=event["step"], request=request_id, account=event["account"], progress=progress)
    return {"progress": progress}


def prepare(world: Accounts, request_id: str) -> Answer:
    """Record when the access ends and the grants to be made, and tell for which accounts."""

    def prepared(request: Request) -> Change:
        if request.state is not State.approved:
            return Change(request)
        known = world.policy.sets.get(request.permission_set)
        if known is None:
            # Without its ARN nothing could be revoked.
            return request_lifecycle.fail(request, "The stack file no longer has this permission set.", world.clock())
        return request_lifecycle.prepare(request, world.clock(), known.arn)

    change_request(world.store, request_id, prepared)
    return {"accounts": _accounts(world, request_id)}


def grant(world: Accounts, request_id: str, account: str) -> Progress:
    """Begin to make the assignment."""
    one = _grant(world, request_id, account)
    if one.state is GrantState.granted:
        return Progress.succeeded
    if not _wanted(world, one):
        return Progress.failed
    _lease(world, one)
    world.store.add_holder(one.access, request_id, world.clock())
    one = _change(world, one, lambda grant: life.begin_grant(grant, None, world.clock()))
    if world.center.is_assigned(one.access, one.set_arn):
        # By an earlier run of this step, or for another request of the same person.
        return _granted(world, one)
    try:
        creation = world.center.create(one.access, one.set_arn)
    except BusyError as error:
        why = str(error)
        _change(world, one, lambda grant: life.record_start_failure(grant, why))
        raise
    return _creating(world, one, creation)


def granting(world: Accounts, request_id: str, account: str) -> Progress:
    """See how far the assignment is."""
    one = _grant(world, request_id, account)
    if one.state is not GrantState.granting or one.operation is None:
        # The step before did not get to its end.
        return grant(world, request_id, account)
    _lease(world, one)
    return _creating(world, one, world.center.creation(one.operation))


def take_back(world: Accounts, request_id: str, account: str) -> Progress:
    """Undo what could not be brought to an end, and say `succeeded` when the assignment is verified not to be there.

    What is open, or is being revoked by somebody else, is left alone.
    """
    one = _grant(world, request_id, account)
    if one.state not in (GrantState.planned, GrantState.granting):
        return Progress.succeeded
    _lease(world, one)
    one = _settled(world, one)
    if _keeper(world, one):
        # Whatever is there, is there for somebody else.
        one = _change(world, one, lambda grant: life.settle_creation(grant, made=False))
    elif world.center.is_assigned(one.access, one.set_arn):
        _change(world, one, life.record_listed)
        world.center.delete(one.access, one.set_arn)
        return Progress.in_progress
    elif one.made:
        # The list may be late.
        one = _change(world, one, lambda grant: life.record_absent(grant, world.clock()))
        world.center.delete(one.access, one.set_arn)
    if not life.is_gone(one, world.clock()):
        return Progress.in_progress
    _change(world, one, lambda grant: life.fail_grant(grant, grant.failure or "It could not be made.", world.clock()))
    world.store.finish(one.access, request_id)
    return Progress.succeeded


def revoke(world: Accounts, request_id: str, account: str, latest_end: int | None = None) -> Progress:
    """Begin to take the assignment away, if it ends by `latest_end`, where that is given.

    Raises:
        BusyError: if it ends later, among others.
    """
    one = _grant(world, request_id, account)
    if one.state not in life.LIVE:
        return Progress.succeeded
    _lease(world, one)
    if one.state is not GrantState.revoking:
        one = _settled(world, one)

    def begun(grant: Grant) -> life.GrantChange:
        if latest_end is not None and grant.revoke_at > latest_end:
            raise BusyError("its end has been moved")
        return life.begin_revoke(grant, None, world.clock())

    one = _change(world, one, begun)
    keeper = _keeper(world, one)
    if keeper:
        _change(world, one, lambda grant: life.confirm_revoke(grant, world.clock(), f"left to {keeper}"))
        world.store.finish(one.access, request_id)
        return Progress.succeeded
    return _deleting(world, one)


def revoking(world: Accounts, request_id: str, account: str, latest_end: int | None = None) -> Progress:
    """See how far taking it away is; begin it if it has not begun (see `revoke`)."""
    one = _grant(world, request_id, account)
    if one.state is not GrantState.revoking or one.operation is None:
        return revoke(world, request_id, account, latest_end)
    _lease(world, one)
    try:
        deletion = world.center.deletion(one.operation)
    except BusyError:
        raise
    except Exception as error:
        # Whatever became of it, two lists decide.
        world.log("deletion_unknown", request=request_id, account=account, **describe_error(error))
        deletion = Operation("", Progress.succeeded)
    if deletion.progress is Progress.failed:
        world.log("deletion_failed", request=request_id, account=account)
        return revoke(world, request_id, account)
    if deletion.progress is Progress.succeeded and not deletion.id:
        # There was nothing to delete, which one list may have wrong.
        _change(world, one, lambda grant: life.begin_revoke(grant, None, world.clock()))
    return deletion.progress


def verify(world: Accounts, request_id: str, account: str) -> Progress:
    """See by listing that the assignment is gone, end the sessions that live on, and close the grant."""
    one = _grant(world, request_id, account)
    if one.state not in life.LIVE:
        return Progress.succeeded
    _lease(world, one)
    if world.center.is_assigned(one.access, one.set_arn):
        # By a creation that nobody knew of any more: it is known now, and has to be taken away again.
        _change(world, one, life.record_listed)
        return Progress.in_progress
    if one.made:
        one = _change(world, one, lambda grant: life.record_absent(grant, world.clock()))
    if not life.is_gone(one, world.clock()):
        return Progress.in_progress
    if world.sessions is not None:
        one = deny_sessions(world, world.sessions, one)
    _change(world, one, lambda grant: life.confirm_revoke(grant, world.clock()))
    world.store.finish(one.access, request_id)
    return Progress.succeeded


def abandon(world: Accounts, request_id: str, error: str, cause: str = "") -> Answer:
    """Note that the workflow can't go on, and tell what has to be taken back.

    Where the request can't be read or written, its access is taken back all the same.
    """
    why = permanent_error_code(cause) or error or "no error named"

    def abandoned(request: Request) -> Change:
        note = f"The workflow could not go on ({why})."
        if request.state in (State.granting, State.active):
            return request_lifecycle.revoke_request(request, SYSTEM, note, world.clock())
        if request.state in (State.pending, State.approved):
            return request_lifecycle.fail(request, note, world.clock())
        return Change(request)

    try:
        state = str(change_request(world.store, request_id, abandoned).request.state)
    except Exception as failure:
        if not isinstance(failure, ValueError) and remedy_of(failure) is Remedy.retry:
            raise
        world.log("abandoned_unwritten", request=request_id, **describe_error(failure))
        state = ""
    world.log("abandoned", request=request_id, error=why, state=state)
    return {"accounts": _accounts(world, request_id)}


def lift(world: Accounts, request_id: str) -> Answer:
    """Take out the Deny that ended the sessions of a request, as far as none of them can be alive any more."""
    lift_denials(world, world.store.grants(request_id))
    return {}


def wanting(store: Store, access: Access, holders: Iterable[str]) -> tuple[str, ...]:
    """Return those holders of an assignment whose grant still wants it to be there; one that can't be read does not."""
    return tuple(one for one in sorted(holders) if _wants(store, access, one))


def _wants(store: Store, access: Access, holder: str) -> bool:
    try:
        grant = store.grant(holder, access.account)
    except ValueError:
        return False
    return grant is not None and grant.access == access and grant.state in _WANTING


_WANTING = frozenset({GrantState.planned, GrantState.granting, GrantState.granted})

_OF_REQUEST: dict[str, Callable[[Accounts, str], Answer]] = {"prepare": prepare, "lift": lift}
_OF_ACCOUNT: dict[str, Callable[[Accounts, str, str], Progress]] = {
    "grant": grant,
    "granting": granting,
    "take_back": take_back,
    "revoke": revoke,
    "revoking": revoking,
    "verify": verify,
}


def _accounts(world: Accounts, request_id: str) -> list[str]:
    return [one.access.account for one in world.store.grants(request_id)]


def _grant(world: Accounts, request_id: str, account: str) -> Grant:
    one = world.store.grant(request_id, account)
    if one is None:
        raise UnknownRecordError(f"{request_id} in {account}")
    return one


def _change(world: Accounts, one: Grant, change: Callable[[Grant], life.GrantChange]) -> Grant:
    """Change a grant.

    Raises:
        BusyError: if somebody else has taken it further meanwhile; whoever looks again finds where it stands.
    """
    try:
        return change_grant(world.store, one.request_id, one.access.account, change)
    except (life.GrantTransitionError, life.UnsettledError, ContendedError) as error:
        raise BusyError(str(error)) from error


def _wanted(world: Accounts, one: Grant) -> bool:
    """Say whether the assignment is still to be made: the request may have been ended, or its time be over."""
    request = world.store.request(one.request_id)
    return (
        request is not None
        and request.state is State.granting
        and one.state in (GrantState.planned, GrantState.granting)
        and world.clock() < one.revoke_at
    )


def _lease(world: Accounts, one: Grant) -> None:
    now = world.clock()
    if not world.store.begin(one.access, one.request_id, now + LEASE_SECONDS, now):
        raise BusyError("another request is at work on the same assignment")


def _creating(world: Accounts, one: Grant, creation: Operation) -> Progress:
    """Keep what Identity Center says of a creation."""
    match creation.progress:
        case Progress.succeeded:
            return _granted(world, one)
        case Progress.failed:
            _change(world, one, lambda grant: life.settle_creation(grant, creation.failure))
            if is_transient(creation.failure):
                # The next look finds no creation under way, and asks for another one.
                world.log("creation_failed", request=one.request_id, account=one.access.account, again=True)
                return Progress.in_progress
        case Progress.in_progress:
            _change(world, one, lambda grant: life.begin_grant(grant, creation.id, world.clock()))
    return creation.progress


def _settled(world: Accounts, one: Grant) -> Grant:
    """See what became of a creation: while it is under way, what is deleted now would be there a moment later."""
    if one.operation is None:
        return one
    try:
        creation = world.center.creation(one.operation)
    except BusyError:
        raise
    except Exception as error:
        # It counts as under way for `SETTLE_SECONDS`; that keeps nobody from deleting meanwhile.
        world.log("creation_unknown", request=one.request_id, account=one.access.account, **describe_error(error))
        return one
    if creation.progress is Progress.in_progress:
        raise BusyError("the assignment is being made")
    made = one.made or creation.progress is Progress.succeeded
    return _change(world, one, lambda grant: life.settle_creation(grant, creation.failure, made=made))


def _granted(world: Accounts, one: Grant) -> Progress:
    _change(world, one, lambda grant: life.confirm_grant(grant, world.clock()))
    world.store.finish(one.access, one.request_id)
    return Progress.succeeded


def _deleting(world: Accounts, one: Grant) -> Progress:
    deletion = world.center.delete(one.access, one.set_arn)
    _change(world, one, lambda grant: life.begin_revoke(grant, deletion.id or None, world.clock()))
    return deletion.progress


def _keeper(world: Accounts, one: Grant) -> str:
    """Stop counting the request among the holders, and say who else wants the assignment to stay; empty for nobody."""
    others = world.store.remove_holder(one.access, one.request_id)
    keepers = wanting(world.store, one.access, others)
    if keepers:
        return ", ".join(keepers)
    return "the stack file" if _is_standing(world, one.access) else ""


def _is_standing(world: Accounts, access: Access) -> bool:
    """Say whether the stack file itself assigns the set to this very user: what a group has is another assignment."""
    return any(
        standing.principal.kind is PrincipalKind.user
        and (standing.principal.id, standing.permission_set, standing.account)
        == (access.user_id, access.permission_set, access.account)
        for standing in world.policy.standing
    )
