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
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.responder import Responder


class ActionRejectedError(Exception):
    """What somebody wants can't be done; the text tells them why."""


class NotAuthorizedError(ActionRejectedError):
    """They may not: it is refused to them, and the audit trail keeps that they tried."""


@dataclass(frozen=True)
class ActionContext:
    """One thing that somebody does.

    Attributes:
        context: what the function has.
        person: who.
        responder: where they see what came of it.
    """

    context: InteractionContext
    person: Person
    responder: Responder

    @property
    def by(self) -> Actor:
        """Who, as records keep them."""
        return Actor(self.person.user_id, self.person.display_name, self.person.slack_id)

    def request(self, request_id: str) -> Request:
        """Return a request that was named.

        Raises:
            ActionRejectedError: if there is none.
        """
        request = self.context.store.request(request_id)
        if request is None:
            raise ActionRejectedError("There is no such request.")
        return request

    def own_request(self, request_id: str, *states: State) -> Request:
        """Return a request that this person made.

        Raises:
            NotAuthorizedError: if it is somebody else's.
            ActionRejectedError: if there is none, or it stands otherwise.
        """
        request = self.request(request_id)
        if self.person.user_id != request.requester.user_id:
            raise NotAuthorizedError("Only whoever made this request may do that.")
        self.require_state(request, *states)
        return request

    def require_state(self, request: Request, *states: State) -> None:
        """Refuse if a request does not stand so; no states are all.

        Raises:
            ActionRejectedError: if it stands otherwise.
        """
        state = effective_state(request, self.context.clock())
        if states and state not in states:
            raise ActionRejectedError(f"This request is {state} by now.")

    def allowed(self, what: "_Question", request: Request) -> Decision:
        """Return why this person may end a request (asked by `may_end`) or decide against it (`may_deny`).

        Raises:
            NotAuthorizedError: if they may not.
        """
        requester = Person(request.requester.user_id, request.requester_name, request.requester.name)
        decision = what(self.context.policy, self.person, requester, request.permission_set, request.accounts)
        require(decision)
        return decision


_Question = Callable[[ApprovalPolicy, Person, Person, str, Sequence[str]], Decision]


def require(decision: Decision) -> None:
    """Refuse what a decision refuses.

    Raises:
        NotAuthorizedError: with the decision's reason.
    """
    if not decision:
        raise NotAuthorizedError(decision.reason)


def text(values: Mapping[str, tuple[str, ...]], block: str) -> str:
    """Return what was typed into an input or chosen in a list, as it is; empty if nothing was."""
    return next(iter(values.get(block, ())), "")
