"""The sweeper: every few minutes, whatever became of the workflows, what should be gone goes.

It needs nothing but the records and Identity Center: it revokes what outlived its time, takes a request further whose
workflow is not there any more, writes messages that are behind, finds assignments that nobody recorded, and reminds of
uses that nobody explains. Its parts don't stop one another; if one failed, the whole run fails at its end, so that an
alarm is raised.

Non-goals: being quick. What it finds still to be done it begins now and sees the end of at the next run.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from breakglass.lambdas.app import access, notices, steps
from breakglass.lambdas.app import uses as use_notices
from breakglass.lambdas.app.changes import change_request, change_use
from breakglass.lambdas.app.sessions import deny_sessions, lift_denials
from breakglass.lambdas.app.world import Accounts, Desk
from breakglass.lambdas.domain import due, transitions
from breakglass.lambdas.domain import uses as use_life
from breakglass.lambdas.domain.grants import LIVE
from breakglass.lambdas.domain.policy import Principal, PrincipalKind, Unrecorded
from breakglass.lambdas.domain.records import SYSTEM, Access, AuditEntry, Grant, Request, State, Use
from breakglass.lambdas.domain.transitions import Change
from breakglass.lambdas.ports import BusyError, Progress
from breakglass.lambdas.slack import messages

GRACE_SECONDS = 300
"""For how long the workflow is left to its own work after the moment at which something was due."""


Record = TypeVar("Record", Grant, Request, Use)


class SweepError(Exception):
    """A part of the sweep failed; the others were done."""


@dataclass(frozen=True)
class Sweeper(Desk, Accounts):
    """What the function has: all that the others have, but for the endpoint."""


@dataclass
class Counts:
    """What is left after a run, for the metrics.

    Attributes:
        late: assignments that should be gone and are not yet.
        stuck: requests that had to be taken further.
        unrecorded: assignments of break-glass sets that nobody recorded.
        overdue: uses that should be explained and signed off by now.
    """

    late: int = 0
    stuck: int = 0
    unrecorded: int = 0
    overdue: int = 0


def sweep(world: Sweeper) -> Counts:
    """Do one run.

    Raises:
        SweepError: if a part of it failed.
    """
    counts = Counts()
    failed = [part.__name__ for part in _PARTS if not _survived(world, part, counts)]
    if failed:
        raise SweepError(", ".join(failed))
    return counts


def _survived(world: Sweeper, part: Callable[[Sweeper, Counts], None], counts: Counts) -> bool:
    try:
        part(world, counts)
    except Exception as error:
        world.log("sweep_part_failed", part=part.__name__, error=type(error).__name__)
        return False
    return True


def _each(world: Sweeper, records: Iterable[Record], see_to: Callable[[Record], None]) -> None:
    """See to every record: one that fails stops no other, and the part fails when it is through."""
    failed = 0
    for record in list(records):
        try:
            see_to(record)
        except Exception as error:
            failed += 1
            world.log("sweep_record_failed", record=_name_of(record), error=type(error).__name__)
    if failed:
        raise SweepError(f"{failed} records")


def _name_of(record: Grant | Request | Use) -> str:
    return f"{record.request_id}/{record.access.account}" if isinstance(record, Grant) else record.id


# --- what outlived its time ------------------------------------------------------------------------------------------


def grants(world: Sweeper, counts: Counts) -> None:
    """Take back what is over, and see to the Deny on the sessions that live on."""
    now = world.clock()

    def see_to(grant: Grant) -> None:
        if due.overdue(grant, now, GRACE_SECONDS):
            counts.late += 1
            counts.late -= _over(world, grant)
        elif world.sessions is not None and grant.deny_until is not None:
            _see_to_denial(world, grant)

    _each(world, world.store.live_grants(), see_to)


def _over(world: Sweeper, grant: Grant) -> bool:
    """Take one assignment back, and say whether it is gone."""
    world.log("late", request=grant.request_id, account=grant.access.account, state=grant.state)

    written = change_request(world.store, grant.request_id, lambda one: _ended(one, "", world.clock()))
    # Its end may have been moved since the grant was read.
    gone = written.request.state is State.active or _taken_back(world, grant)
    if written.audit:
        notices.announce(world, written)
    return gone


def _ended(request: Request, note: str, now: int) -> Change:
    """Begin to take a request's access back, unless that has begun or there is time left."""
    over = request.revoke_at is None or now >= request.revoke_at
    if request.state is State.granting or (request.state is State.active and over):
        return transitions.finish(request, SYSTEM, note, now)
    return Change(request)


def _taken_back(world: Sweeper, grant: Grant) -> bool:
    try:
        progress = access.revoking(world, grant.request_id, grant.access.account)
        if progress is Progress.succeeded:
            progress = access.verify(world, grant.request_id, grant.access.account)
    except BusyError:
        return False
    return progress is Progress.succeeded


def _see_to_denial(world: Sweeper, grant: Grant) -> None:
    if world.sessions is None or grant.deny_until is None:
        return
    try:
        if grant.deny_until <= world.clock():
            lift_denials(world, world.sessions, [grant])
        elif grant.state not in LIVE:
            deny_sessions(world, world.sessions, grant)
    except BusyError:
        # Somebody else is writing the policy; the next run looks again.
        world.log("session_policy_busy", request=grant.request_id, account=grant.access.account)


# --- requests whose workflow does not go on --------------------------------------------------------------------------


def requests(world: Sweeper, counts: Counts) -> None:
    """Take further what should have gone on by itself."""
    now = world.clock()

    def see_to(request: Request) -> None:
        helped = due.stuck(request, now, GRACE_SECONDS, lambda: world.workflow.is_running(request.id))
        if helped is not due.Help.none:
            counts.stuck += 1
            world.log("stuck", request=request.id, state=request.state, help=helped)
            _HELP[helped](world, request)

    _each(world, world.store.open_requests(), see_to)


def _expire(world: Sweeper, request: Request) -> None:
    steps.expire(world, request.id)


def _wake(world: Sweeper, request: Request) -> None:
    if request.token is not None:
        world.workflow.wake(request.token, steps.APPROVED)


def _start_again(world: Sweeper, request: Request) -> None:
    # Its first look finds everything that is due by then.
    if world.workflow.start(request, 1 if request.state is State.approved else GRACE_SECONDS):
        return

    def stopped(one: Request) -> Change:
        if one.state not in (State.pending, State.approved):
            return Change(one)
        return transitions.fail(one, "Its workflow was stopped. Nothing was opened; ask again.", world.clock())

    notices.announce(world, change_request(world.store, request.id, stopped))


def _finish(world: Sweeper, request: Request) -> None:
    """Take back what a request still holds, and close it when all of it is gone."""
    note = "Its workflow was stopped." if request.state is State.granting else ""
    change_request(world.store, request.id, lambda one: _ended(one, note, world.clock()))
    for grant in world.store.grants(request.id):
        if grant.state in LIVE:
            _taken_back(world, grant)
    steps.close(world, request.id)


_HELP: dict[due.Help, Callable[[Sweeper, Request], None]] = {
    due.Help.expire: _expire,
    due.Help.start: _start_again,
    due.Help.wake: _wake,
    due.Help.take_back: _finish,
}


# --- messages that Slack did not take ------------------------------------------------------------------------------


def behind(world: Sweeper, counts: Counts) -> None:
    """Show the newest state of requests where Slack did not take it when it came true."""

    def see_to(request: Request) -> None:
        if request.behind:
            notices.refresh(world, request.id)

    _each(world, world.store.open_requests(), see_to)


# --- assignments that nobody recorded --------------------------------------------------------------------------------


def unrecorded(world: Sweeper, counts: Counts) -> None:
    """Find assignments of break-glass sets that neither a request nor the stack file made."""
    live = {grant.access for grant in world.store.live_grants()}
    for name in sorted(world.policy.sets):
        for account in world.center.provisioned_accounts(name):
            for principal in world.center.assignments(name, account):
                if not _recorded(world, live, name, account, principal):
                    counts.unrecorded += 1
                    _report(world, name, account, principal)


def _recorded(world: Sweeper, live: set[Access], name: str, account: str, principal: Principal) -> bool:
    for standing in world.policy.standing:
        if (standing.permission_set, standing.account) == (name, account) and (
            standing.principal.kind,
            standing.principal.id,
        ) == (principal.kind, principal.id):
            return True
    if principal.kind is not PrincipalKind.user:
        return False
    one = Access(principal.id, name, account)
    # A holder is written before its assignment is made, so whoever is listed and wanted is among them by now.
    return one in live or bool(access.wanting(world.store, one, world.store.holders(one)))


def _report(world: Sweeper, name: str, account: str, principal: Principal) -> None:
    now = world.clock()
    revoke = world.policy.settings.unrecorded is Unrecorded.revoke
    key = f"unrecorded/{name}/{account}/{principal.kind}/{principal.id}"
    found = AuditEntry(
        now, key, "unrecorded_found", SYSTEM, name, (account,), "", f"{principal.kind} {principal.id}", "", ""
    )
    if world.store.claim_delivery(key, now + world.policy.settings.remind_every_seconds):
        world.store.note(found)
        body = messages.unrecorded(name, account, _name(world, principal), revoke, world.policy)
        notices.post(world, key, world.policy.settings.channel, body)
    elif revoke:
        # Not at first sight: a deployment makes an assignment some moments before the functions know of it.
        world.center.remove(name, account, principal)
        world.store.note(replace(found, event="unrecorded_revoked"))


def _name(world: Sweeper, principal: Principal) -> str:
    if principal.kind is PrincipalKind.user:
        person = world.directory.person(principal.id)
        return person.display_name if person is not None else principal.id
    return f"group {principal.id}"


# --- uses that nobody explains ---------------------------------------------------------------------------------------


def uses(world: Sweeper, counts: Counts) -> None:
    """Remind of uses that are not explained or not signed off, and count those that are overdue."""
    now = world.clock()
    every = world.policy.settings.remind_every_seconds

    def see_to(use: Use) -> None:
        overdue = use_life.overdue(use, now)
        counts.overdue += overdue
        if now >= (use.reminded_at or use.first_seen) + every:
            try:
                reminded = change_use(world.store, use.id, lambda one: use_life.reminded(one, now))
            except use_life.UseNotAllowedError:
                # Signed off at this moment.
                return
            use_notices.post(world, reminded, messages.unexplained(reminded, world.policy, overdue))

    _each(world, world.store.open_uses(), see_to)


_PARTS = (grants, requests, behind, unrecorded, uses)
