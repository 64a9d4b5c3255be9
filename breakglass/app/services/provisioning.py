"""The steps of the workflow that create an assignment, revoke it, and verify the revocation.

Each step reads the record first and may run twice: a second run finds the result of the first and does nothing. The
order is always write, act, write: the intent is recorded, Identity Center is called, the result is recorded. So a crash
leaves a record of every assignment, with the time at which it has to be gone.

A lease keeps a grant of one request and a revocation of another apart if both are about the same assignment: each poll
renews it. The holders of an assignment are candidates, and their grants say whether they still want it. So the last
active holder revokes it, and a stale holder keeps nothing alive.

Non-goals: messages (see `workflow_steps`), and the schedule (see `workflow_definition` and `reconciler`).
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
"""Seconds after which the lease on an assignment expires if it is never released."""


def run_step(context: ProvisionerContext, event: dict[str, Any]) -> StepResult:
    """Run a step: `{"step", "request"}`, and `account`, or `error` and `cause`, if it takes them."""
    request_id = event["request"]
    if event["step"] == "abandon":
        return abandon_request(context, request_id, str(event.get("error", "")), str(event.get("cause", "")))
    if event["step"] in _OF_REQUEST:
        return _OF_REQUEST[event["step"]](context, request_id)
    status = _OF_ACCOUNT[event["step"]](context, request_id, event["account"])
    context.log("step", step=event["step"], request=request_id, account=event["account"], status=status)
    return {"status": status}


def prepare_grants(context: ProvisionerContext, request_id: str) -> StepResult:
    """Record the end of the access and the planned grants, and return their accounts."""

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
    """Start the creation of the assignment."""
    grant = _read_grant(context, request_id, account)
    if grant.state is GrantState.granted:
        return OperationStatus.succeeded
    if not _is_wanted(context, grant):
        return OperationStatus.failed
    _acquire_lease(context, grant)
    context.store.add_holder(grant.access, request_id, context.clock())
    grant = _change(context, grant, lambda read: life.begin_grant(read, None, context.clock()))
    if context.identity_center.is_assigned(grant.access, grant.set_arn):
        # An earlier run of this step created it, or another request of the same person.
        return _confirm_grant(context, grant)
    try:
        creation = context.identity_center.create(grant.access, grant.set_arn)
    except BusyError as error:
        why = str(error)
        _change(context, grant, lambda read: life.record_start_failure(read, why))
        raise
    return _record_creation(context, grant, creation)


def poll_grant(context: ProvisionerContext, request_id: str, account: str) -> OperationStatus:
    """Poll the creation of the assignment."""
    grant = _read_grant(context, request_id, account)
    if grant.state is not GrantState.granting or grant.operation is None:
        # The step before did not finish.
        return start_grant(context, request_id, account)
    _acquire_lease(context, grant)
    return _record_creation(context, grant, context.identity_center.creation(grant.operation))


def rollback_grant(context: ProvisionerContext, request_id: str, account: str) -> OperationStatus:
    """Roll a failed creation back; `succeeded` once the assignment is verified to be gone.

    A grant that is open, or that another run revokes, stays as it is.
    """
    grant = _read_grant(context, request_id, account)
    if grant.state not in (GrantState.planned, GrantState.granting):
        return OperationStatus.succeeded
    _acquire_lease(context, grant)
    grant = _settle_creation(context, grant)
    if _remaining_holder(context, grant):
        # The assignment, if any, belongs to another request.
        grant = _change(context, grant, lambda read: life.settle_creation(read, made=False))
    elif context.identity_center.is_assigned(grant.access, grant.set_arn):
        _change(context, grant, life.record_listed)
        context.identity_center.delete(grant.access, grant.set_arn)
        return OperationStatus.in_progress
    elif grant.made:
        # The list may be late.
        grant = _change(context, grant, lambda read: life.record_absent(read, context.clock()))
        context.identity_center.delete(grant.access, grant.set_arn)
    if not life.is_gone(grant, context.clock()):
        return OperationStatus.in_progress
    _change(
        context,
        grant,
        lambda read: life.fail_grant(read, read.failure or "The assignment could not be created.", context.clock()),
    )
    context.store.release_lease(grant.access, request_id)
    return OperationStatus.succeeded


def start_revoke(
    context: ProvisionerContext, request_id: str, account: str, latest_end: int | None = None
) -> OperationStatus:
    """Start the revocation, if the grant ends by `latest_end`; None for any end.

    Raises:
        BusyError: if the grant ends later, among others.
    """
    grant = _read_grant(context, request_id, account)
    if grant.state not in life.LIVE:
        return OperationStatus.succeeded
    _acquire_lease(context, grant)
    if grant.state is not GrantState.revoking:
        grant = _settle_creation(context, grant)

    def begun(read: Grant) -> life.GrantChange:
        if latest_end is not None and read.revoke_at > latest_end:
            raise BusyError("the end of the grant has moved")
        return life.begin_revoke(read, None, context.clock())

    grant = _change(context, grant, begun)
    holder = _remaining_holder(context, grant)
    if holder:
        _change(context, grant, lambda read: life.confirm_revoke(read, context.clock(), f"left to {holder}"))
        context.store.release_lease(grant.access, request_id)
        return OperationStatus.succeeded
    return _delete_assignment(context, grant)


def poll_revoke(
    context: ProvisionerContext, request_id: str, account: str, latest_end: int | None = None
) -> OperationStatus:
    """Poll the revocation, or start it (see `start_revoke`)."""
    grant = _read_grant(context, request_id, account)
    if grant.state is not GrantState.revoking or grant.operation is None:
        return start_revoke(context, request_id, account, latest_end)
    _acquire_lease(context, grant)
    try:
        deletion = context.identity_center.deletion(grant.operation)
    except BusyError:
        raise
    except Exception as error:
        # The outcome is unknown, so two lists decide.
        context.log("deletion_unknown", request=request_id, account=account, **describe_error(error))
        deletion = Operation("", OperationStatus.succeeded)
    if deletion.status is OperationStatus.failed:
        context.log("deletion_failed", request=request_id, account=account)
        return start_revoke(context, request_id, account)
    if deletion.status is OperationStatus.succeeded and not deletion.id:
        # There was nothing to delete; a single list may be wrong about that.
        _change(context, grant, lambda read: life.begin_revoke(read, None, context.clock()))
    return deletion.status


def verify_revoke(context: ProvisionerContext, request_id: str, account: str) -> OperationStatus:
    """Verify by listing that the assignment is gone, end live sessions, and close the grant."""
    grant = _read_grant(context, request_id, account)
    if grant.state not in life.LIVE:
        return OperationStatus.succeeded
    _acquire_lease(context, grant)
    if context.identity_center.is_assigned(grant.access, grant.set_arn):
        # A forgotten creation made it. It is known now, and the next poll revokes it.
        _change(context, grant, life.record_listed)
        return OperationStatus.in_progress
    if grant.made:
        grant = _change(context, grant, lambda read: life.record_absent(read, context.clock()))
    if not life.is_gone(grant, context.clock()):
        return OperationStatus.in_progress
    if context.session_policy is not None:
        grant = deny_sessions(context, context.session_policy, grant)
    _change(context, grant, lambda read: life.confirm_revoke(read, context.clock()))
    context.store.release_lease(grant.access, request_id)
    return OperationStatus.succeeded


def abandon_request(context: ProvisionerContext, request_id: str, error: str, cause: str = "") -> StepResult:
    """Record that the workflow failed, and return the accounts to revoke.

    The access is revoked even if the request can't be read or written.
    """
    why = permanent_error_code(cause) or error or "no error was named"

    def abandoned(request: Request) -> Change:
        note = f"The workflow failed ({why})."
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
    """Remove the Deny on the sessions of a request, once none of them can be alive."""
    remove_denials(context, context.store.grants(request_id))
    return {}


def active_holders(store: GrantStore, access: Access, holders: Iterable[str]) -> tuple[str, ...]:
    """Return the holders whose readable grant still wants the assignment."""
    return tuple(holder for holder in sorted(holders) if _is_active_holder(store, access, holder))


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
    return [grant.access.account for grant in context.store.grants(request_id)]


def _read_grant(context: ProvisionerContext, request_id: str, account: str) -> Grant:
    grant = context.store.grant(request_id, account)
    if grant is None:
        raise UnknownRecordError(f"{request_id} in {account}")
    return grant


def _change(context: ProvisionerContext, grant: Grant, change: Callable[[Grant], life.GrantChange]) -> Grant:
    """Change a grant; `BusyError` if another run has changed it, so that the next attempt reads its state."""
    try:
        return change_grant(context.store, grant.request_id, grant.access.account, change)
    except (life.GrantTransitionError, life.UnsettledError, ContendedError) as error:
        raise BusyError(str(error)) from error


def _is_wanted(context: ProvisionerContext, grant: Grant) -> bool:
    """Return whether the assignment is still wanted: the request goes on, and its time is not over."""
    request = context.store.request(grant.request_id)
    return (
        request is not None
        and request.state is State.granting
        and grant.state in (GrantState.planned, GrantState.granting)
        and context.clock() < grant.revoke_at
    )


def _acquire_lease(context: ProvisionerContext, grant: Grant) -> None:
    now = context.clock()
    if not context.store.acquire_lease(grant.access, grant.request_id, now + LEASE_SECONDS, now):
        raise BusyError("another request has the lease on the same assignment")


def _record_creation(context: ProvisionerContext, grant: Grant, creation: Operation) -> OperationStatus:
    match creation.status:
        case OperationStatus.succeeded:
            return _confirm_grant(context, grant)
        case OperationStatus.failed:
            _change(context, grant, lambda read: life.settle_creation(read, creation.failure))
            if is_transient(creation.failure):
                # The next poll finds no creation under way, and starts another.
                context.log("creation_failed", request=grant.request_id, account=grant.access.account, retried=True)
                return OperationStatus.in_progress
        case OperationStatus.in_progress:
            _change(context, grant, lambda read: life.begin_grant(read, creation.id, context.clock()))
    return creation.status


def _settle_creation(context: ProvisionerContext, grant: Grant) -> Grant:
    """Wait for a pending creation; deleting earlier would race with it."""
    if grant.operation is None:
        return grant
    try:
        creation = context.identity_center.creation(grant.operation)
    except BusyError:
        raise
    except Exception as error:
        # It counts as pending for `SETTLE_SECONDS`; deleting meanwhile is allowed.
        context.log("creation_unknown", request=grant.request_id, account=grant.access.account, **describe_error(error))
        return grant
    if creation.status is OperationStatus.in_progress:
        raise BusyError("the assignment is being created")
    made = grant.made or creation.status is OperationStatus.succeeded
    return _change(context, grant, lambda read: life.settle_creation(read, creation.failure, made=made))


def _confirm_grant(context: ProvisionerContext, grant: Grant) -> OperationStatus:
    _change(context, grant, lambda read: life.confirm_grant(read, context.clock()))
    context.store.release_lease(grant.access, grant.request_id)
    return OperationStatus.succeeded


def _delete_assignment(context: ProvisionerContext, grant: Grant) -> OperationStatus:
    deletion = context.identity_center.delete(grant.access, grant.set_arn)
    _change(context, grant, lambda read: life.begin_revoke(read, deletion.id or None, context.clock()))
    return deletion.status


def _remaining_holder(context: ProvisionerContext, grant: Grant) -> str:
    """Remove the request from the holders, and name the remaining ones; empty without any."""
    others = context.store.remove_holder(grant.access, grant.request_id)
    remaining = active_holders(context.store, grant.access, others)
    if remaining:
        return ", ".join(remaining)
    return "the stack file" if _is_standing(context, grant.access) else ""


def _is_standing(context: ProvisionerContext, access: Access) -> bool:
    """Return whether the stack file assigns the set to this user; a group's is another one."""
    return any(
        standing.principal.kind is PrincipalKind.user
        and (standing.principal.id, standing.permission_set, standing.account)
        == (access.user_id, access.permission_set, access.account)
        for standing in context.policy.standing
    )
