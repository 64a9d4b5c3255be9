"""One thing that somebody does: who, to what, and what they must be allowed for it.

Non-goals: what they do (see `requests`, `reviews`, `early_end` and `usage_reviews`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from breakglass.app.domain.decision import Decision
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import Actor, Request, State
from breakglass.app.domain.request_lifecycle import effective_state
from breakglass.app.services.context import Desk
from breakglass.app.services.responder import Screen


class RefusedError(Exception):
    """What somebody wants can't be done; the text tells them why."""


class ForbiddenError(RefusedError):
    """They may not: it is refused to them, and the audit trail keeps that they tried."""


@dataclass(frozen=True)
class Doing:
    """One thing that somebody does.

    Attributes:
        desk: what the function has.
        person: who.
        screen: where they see what came of it.
    """

    desk: Desk
    person: Person
    screen: Screen

    @property
    def by(self) -> Actor:
        """Who, as records keep them."""
        return Actor(self.person.user_id, self.person.display_name, self.person.slack_id)

    def request(self, request_id: str) -> Request:
        """Return a request that was named.

        Raises:
            RefusedError: if there is none.
        """
        request = self.desk.store.request(request_id)
        if request is None:
            raise RefusedError("There is no such request.")
        return request

    def own_request(self, request_id: str, *states: State) -> Request:
        """Return a request that this person made.

        Raises:
            ForbiddenError: if it is somebody else's.
            RefusedError: if there is none, or it stands otherwise.
        """
        request = self.request(request_id)
        if self.person.user_id != request.requester.user_id:
            raise ForbiddenError("Only whoever made this request may do that.")
        self.insist_on(request, *states)
        return request

    def insist_on(self, request: Request, *states: State) -> None:
        """Refuse if a request does not stand so; no states are all.

        Raises:
            RefusedError: if it stands otherwise.
        """
        state = effective_state(request, self.desk.clock())
        if states and state not in states:
            raise RefusedError(f"This request is {state} by now.")

    def allowed(self, what: "_Question", request: Request) -> Decision:
        """Return why this person may end a request (asked by `may_end`) or decide against it (`may_deny`).

        Raises:
            ForbiddenError: if they may not.
        """
        requester = Person(request.requester.user_id, request.requester_name, request.requester.name)
        decision = what(self.desk.policy, self.person, requester, request.permission_set, request.accounts)
        insist(decision)
        return decision


_Question = Callable[[ApprovalPolicy, Person, Person, str, Sequence[str]], Decision]


def insist(decision: Decision) -> None:
    """Refuse what a decision refuses.

    Raises:
        ForbiddenError: with the decision's reason.
    """
    if not decision:
        raise ForbiddenError(decision.reason)


def text(values: Mapping[str, tuple[str, ...]], block: str) -> str:
    """Return what was typed into an input or chosen in a list, as it is; empty if nothing was."""
    return next(iter(values.get(block, ())), "")
