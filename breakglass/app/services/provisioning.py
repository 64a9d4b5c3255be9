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
from breakglass.app.ports import BusyError, GrantStore, Operation, OperationStatus
from breakglass.app.services.context import ProvisionerContext, StepResult
from breakglass.app.services.optimistic_writes import ContendedError, UnknownRecordError, change_grant, change_request
from breakglass.app.services.session_denials import deny_sessions, remove_denials

LEASE_SECONDS = 900
"""How long one request keeps another from the same assignment, if it never gives the lease back."""


def run_step(context: ProvisionerContext, event: dict[str, Any]) -> StepResult:
    """Do the step that the workflow asks for.

    Args:
        context: what the function has.
        event: `{"step", "request"}`, and `account`, or `error` and `cause`, where the step takes them.

    Raises:
        KeyError: for a step that there isn't.
    """
    request_id = event["request"]
    if event["step"] == "abandon":
        return abandon_request(context, request_id, str(event.get("error", "")), str(event.get("cause", "")))
    if event["step"] in _OF_REQUEST:
        return _OF_REQUEST[event["step"]](context, request_id)
    status = _OF_ACCOUNT[event["step"]](context, request_id, event["account"])
    context.log("step", step=event["step"], request=request_id, account=event["account"], status=status)
    return {"status": status}


def prepare_grants(context: ProvisionerContext, request_id: str) -> StepResult:
    """Record when the access ends and the grants to be made, and tell for which accounts."""

    def prepared(request: Request) -> Change:
        if request.state is not State.approved:
            return Change(request)
        known = context.policy.sets.get(request.permission_set)
        if known is None:
            # Without its ARN nothing could be revoked.
            return request_lifecycle.fail(request, "The stack file no longer has this permission set.", context.clock())
        return request_lifecycle.prepare(request, context.clock(), known.arn)

    change_request(context.store, request_id, prepared)
    return {"accounts": _accounts(context, request_id)}


def start_grant(context: ProvisionerContext, request_id: str, account: str) -> OperationStatus:
    """Begin to make the assignment."""
    one = _grant(context, request_id, account)
    if one.state is GrantState.granted:
        return OperationStatus.succeeded
    if not _wanted(context, one):
        return OperationStatus.failed
    _lease(context, one)
    context.store.add_holder(one.access, request_id, context.clock())
    one = _change(context, one, lambda grant: life.begin_grant(grant, None, context.clock()))
    if context.identity_center.is_assigned(one.access, one.set_arn):
        # By an earlier run of this step, or for another request of the same person.
        return _granted(context, one)
    try:
        creation = context.identity_center.create(one.access, one.set_arn)
    except BusyError as error:
        why = str(error)
        _change(context, one, lambda grant: life.record_start_failure(grant, why))
        raise
    return _creating(context, one, creation)


def poll_grant(context: ProvisionerContext, request_id: str, account: str) -> OperationStatus:
    """See how far the assignment is."""
    one = _grant(context, request_id, account)
    if one.state is not GrantState.granting or one.operation is None:
        # The step before did not get to its end.
        return start_grant(context, request_id, account)
    _lease(context, one)
    return _creating(context, one, context.identity_center.creation(one.operation))


def rollback_grant(context: ProvisionerContext, request_id: str, account: str) -> OperationStatus:
    """Undo what could not be brought to an end, and say `succeeded` when the assignment is verified not to be there.

    What is open, or is being revoked by somebody else, is left alone.
    """
    one = _grant(context, request_id, account)
    if one.state not in (GrantState.planned, GrantState.granting):
        return OperationStatus.succeeded
    _lease(context, one)
    one = _settled(context, one)
    if _remaining_holder(context, one):
        # Whatever is there, is there for somebody else.
        one = _change(context, one, lambda grant: life.settle_creation(grant, made=False))
    elif context.identity_center.is_assigned(one.access, one.set_arn):
        _change(context, one, life.record_listed)
        context.identity_center.delete(one.access, one.set_arn)
        return OperationStatus.in_progress
    elif one.made:
        # The list may be late.
        one = _change(context, one, lambda grant: life.record_absent(grant, context.clock()))
        context.identity_center.delete(one.access, one.set_arn)
    if not life.is_gone(one, context.clock()):
        return OperationStatus.in_progress
    _change(
        context, one, lambda grant: life.fail_grant(grant, grant.failure or "It could not be made.", context.clock())
    )
    context.store.release_lease(one.access, request_id)
    return OperationStatus.succeeded


def start_revoke(
    context: ProvisionerContext, request_id: str, account: str, latest_end: int | None = None
) -> OperationStatus:
    """Begin to take the assignment away, if it ends by `latest_end`, where that is given.

    Raises:
        BusyError: if it ends later, among others.
    """
    one = _grant(context, request_id, account)
    if one.state not in life.LIVE:
        return OperationStatus.succeeded
    _lease(context, one)
    if one.state is not GrantState.revoking:
        one = _settled(context, one)

    def begun(grant: Grant) -> life.GrantChange:
        if latest_end is not None and grant.revoke_at > latest_end:
            raise BusyError("its end has been moved")
        return life.begin_revoke(grant, None, context.clock())

    one = _change(context, one, begun)
    keeper = _remaining_holder(context, one)
    if keeper:
        _change(context, one, lambda grant: life.confirm_revoke(grant, context.clock(), f"left to {keeper}"))
        context.store.release_lease(one.access, request_id)
        return OperationStatus.succeeded
    return _deleting(context, one)


def poll_revoke(
    context: ProvisionerContext, request_id: str, account: str, latest_end: int | None = None
) -> OperationStatus:
    """See how far taking it away is; begin it if it has not begun (see `revoke`)."""
    one = _grant(context, request_id, account)
    if one.state is not GrantState.revoking or one.operation is None:
        return start_revoke(context, request_id, account, latest_end)
    _lease(context, one)
    try:
        deletion = context.identity_center.deletion(one.operation)
    except BusyError:
        raise
    except Exception as error:
        # Whatever became of it, two lists decide.
        context.log("deletion_unknown", request=request_id, account=account, **describe_error(error))
        deletion = Operation("", OperationStatus.succeeded)
    if deletion.status is OperationStatus.failed:
        context.log("deletion_failed", request=request_id, account=account)
        return start_revoke(context, request_id, account)
    if deletion.status is OperationStatus.succeeded and not deletion.id:
        # There was nothing to delete, which one list may have wrong.
        _change(context, one, lambda grant: life.begin_revoke(grant, None, context.clock()))
    return deletion.status


def verify_revoke(context: ProvisionerContext, request_id: str, account: str) -> OperationStatus:
    """See by listing that the assignment is gone, end the sessions that live on, and close the grant."""
    one = _grant(context, request_id, account)
    if one.state not in life.LIVE:
        return OperationStatus.succeeded
    _lease(context, one)
    if context.identity_center.is_assigned(one.access, one.set_arn):
        # By a creation that nobody knew of any more: it is known now, and has to be taken away again.
        _change(context, one, life.record_listed)
        return OperationStatus.in_progress
    if one.made:
        one = _change(context, one, lambda grant: life.record_absent(grant, context.clock()))
    if not life.is_gone(one, context.clock()):
        return OperationStatus.in_progress
    if context.session_policy is not None:
        one = deny_sessions(context, context.session_policy, one)
    _change(context, one, lambda grant: life.confirm_revoke(grant, context.clock()))
    context.store.release_lease(one.access, request_id)
    return OperationStatus.succeeded


def abandon_request(context: ProvisionerContext, request_id: str, error: str, cause: str = "") -> StepResult:
    """Note that the workflow can't go on, and tell what has to be taken back.

    Where the request can't be read or written, its access is taken back all the same.
    """
    why = permanent_error_code(cause) or error or "no error named"

    def abandoned(request: Request) -> Change:
        note = f"The workflow could not go on ({why})."
        if request.state in (State.granting, State.active):
            return request_lifecycle.revoke_request(request, SYSTEM, note, context.clock())
        if request.state in (State.pending, State.approved):
            return request_lifecycle.fail(request, note, context.clock())
        return Change(request)

    try:
        state = str(change_request(context.store, request_id, abandoned).request.state)
    except Exception as failure:
        if not isinstance(failure, ValueError) and remedy_of(failure) is Remedy.retry:
            raise
        context.log("abandoned_unwritten", request=request_id, **describe_error(failure))
        state = ""
    context.log("abandoned", request=request_id, error=why, state=state)
    return {"accounts": _accounts(context, request_id)}


def remove_session_deny(context: ProvisionerContext, request_id: str) -> StepResult:
    """Take out the Deny that ended the sessions of a request, as far as none of them can be alive any more."""
    remove_denials(context, context.store.grants(request_id))
    return {}


def active_holders(store: GrantStore, access: Access, holders: Iterable[str]) -> tuple[str, ...]:
    """Return those holders of an assignment whose grant still wants it to be there; one that can't be read does not."""
    return tuple(one for one in sorted(holders) if _is_active_holder(store, access, one))


def _is_active_holder(store: GrantStore, access: Access, holder: str) -> bool:
    try:
        grant = store.grant(holder, access.account)
    except ValueError:
        return False
    return grant is not None and grant.access == access and grant.state in _ACTIVE_STATES


_ACTIVE_STATES = frozenset({GrantState.planned, GrantState.granting, GrantState.granted})

_OF_REQUEST: dict[str, Callable[[ProvisionerContext, str], StepResult]] = {
    "prepare": prepare_grants,
    "remove_session_deny": remove_session_deny,
}
_OF_ACCOUNT: dict[str, Callable[[ProvisionerContext, str, str], OperationStatus]] = {
    "grant": start_grant,
    "poll_grant": poll_grant,
    "rollback_grant": rollback_grant,
    "revoke": start_revoke,
    "poll_revoke": poll_revoke,
    "verify": verify_revoke,
}


def _accounts(context: ProvisionerContext, request_id: str) -> list[str]:
    return [one.access.account for one in context.store.grants(request_id)]


def _grant(context: ProvisionerContext, request_id: str, account: str) -> Grant:
    one = context.store.grant(request_id, account)
    if one is None:
        raise UnknownRecordError(f"{request_id} in {account}")
    return one


def _change(context: ProvisionerContext, one: Grant, change: Callable[[Grant], life.GrantChange]) -> Grant:
    """Change a grant.

    Raises:
        BusyError: if somebody else has taken it further meanwhile; whoever looks again finds where it stands.
    """
    try:
        return change_grant(context.store, one.request_id, one.access.account, change)
    except (life.GrantTransitionError, life.UnsettledError, ContendedError) as error:
        raise BusyError(str(error)) from error


def _wanted(context: ProvisionerContext, one: Grant) -> bool:
    """Say whether the assignment is still to be made: the request may have been ended, or its time be over."""
    request = context.store.request(one.request_id)
    return (
        request is not None
        and request.state is State.granting
        and one.state in (GrantState.planned, GrantState.granting)
        and context.clock() < one.revoke_at
    )


def _lease(context: ProvisionerContext, one: Grant) -> None:
    now = context.clock()
    if not context.store.acquire_lease(one.access, one.request_id, now + LEASE_SECONDS, now):
        raise BusyError("another request is at work on the same assignment")


def _creating(context: ProvisionerContext, one: Grant, creation: Operation) -> OperationStatus:
    """Keep what Identity Center says of a creation."""
    match creation.status:
        case OperationStatus.succeeded:
            return _granted(context, one)
        case OperationStatus.failed:
            _change(context, one, lambda grant: life.settle_creation(grant, creation.failure))
            if is_transient(creation.failure):
                # The next look finds no creation under way, and asks for another one.
                context.log("creation_failed", request=one.request_id, account=one.access.account, again=True)
                return OperationStatus.in_progress
        case OperationStatus.in_progress:
            _change(context, one, lambda grant: life.begin_grant(grant, creation.id, context.clock()))
    return creation.status


def _settled(context: ProvisionerContext, one: Grant) -> Grant:
    """See what became of a creation: while it is under way, what is deleted now would be there a moment later."""
    if one.operation is None:
        return one
    try:
        creation = context.identity_center.creation(one.operation)
    except BusyError:
        raise
    except Exception as error:
        # It counts as under way for `SETTLE_SECONDS`; that keeps nobody from deleting meanwhile.
        context.log("creation_unknown", request=one.request_id, account=one.access.account, **describe_error(error))
        return one
    if creation.status is OperationStatus.in_progress:
        raise BusyError("the assignment is being made")
    made = one.made or creation.status is OperationStatus.succeeded
    return _change(context, one, lambda grant: life.settle_creation(grant, creation.failure, made=made))


def _granted(context: ProvisionerContext, one: Grant) -> OperationStatus:
    _change(context, one, lambda grant: life.confirm_grant(grant, context.clock()))
    context.store.release_lease(one.access, one.request_id)
    return OperationStatus.succeeded


def _deleting(context: ProvisionerContext, one: Grant) -> OperationStatus:
    deletion = context.identity_center.delete(one.access, one.set_arn)
    _change(context, one, lambda grant: life.begin_revoke(grant, deletion.id or None, context.clock()))
    return deletion.status


def _remaining_holder(context: ProvisionerContext, one: Grant) -> str:
    """Stop counting the request among the holders, and say who else wants the assignment to stay; empty for nobody."""
    others = context.store.remove_holder(one.access, one.request_id)
    keepers = active_holders(context.store, one.access, others)
    if keepers:
        return ", ".join(keepers)
    return "the stack file" if _is_standing(context, one.access) else ""


def _is_standing(context: ProvisionerContext, access: Access) -> bool:
    """Say whether the stack file itself assigns the set to this very user: what a group has is another assignment."""
    return any(
        standing.principal.kind is PrincipalKind.user
        and (standing.principal.id, standing.permission_set, standing.account)
        == (access.user_id, access.permission_set, access.account)
        for standing in context.policy.standing
    )
