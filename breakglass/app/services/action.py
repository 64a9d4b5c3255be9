"""An action of a person: the person, the context, and the checks that actions share.

Non-goals: the actions (see `requests`, `reviews`, `early_end` and `usage_reviews`).
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
    """An action is not possible; the text tells the person why."""


class NotAuthorizedError(ActionRejectedError):
    """The person is not authorized; the audit trail keeps the attempt."""


@dataclass(frozen=True)
class ActionContext:
    """An action of one person: the function's context, the person, and the answer to them."""

    context: InteractionContext
    person: Person
    responder: Responder

    @property
    def by(self) -> Actor:
        """The person, as records keep them."""
        return Actor(self.person.user_id, self.person.display_name, self.person.slack_id)

    @property
    def policy(self) -> ApprovalPolicy:
        """The approval policy."""
        return self.context.policy

    def request(self, request_id: str) -> Request:
        """Return the request with this ID, or reject the action."""
        request = self.context.store.request(request_id)
        if request is None:
            raise ActionRejectedError("Request not found.")
        return request

    def own_request(self, request_id: str, *states: State) -> Request:
        """Return a request of this person in one of these states, or reject the action."""
        request = self.request(request_id)
        if self.person.user_id != request.requester.user_id:
            raise NotAuthorizedError("Only the requester may do that.")
        self.require_state(request, *states)
        return request

    def require_state(self, request: Request, *states: State) -> None:
        """Require that a request is in one of these states; without any, every state is accepted."""
        state = effective_state(request, self.context.clock())
        if states and state not in states:
            raise ActionRejectedError(f"This request is {state}.")

    def require_authorization(self, question: "_Question", request: Request) -> Decision:
        """Return the decision that authorizes this person, by `may_end` or `may_deny`."""
        decision = question(self.policy, self.person, requester_of(request), request.permission_set, request.accounts)
        require(decision)
        return decision


MISSING_REASON = "Enter a reason. The requester reads it."

_Question = Callable[[ApprovalPolicy, Person, Person, str, Sequence[str]], Decision]


def requester_of(request: Request) -> Person:
    """Return a request's requester, without their groups."""
    return Person(request.requester.user_id, request.requester_name, request.requester.name)


def require(decision: Decision) -> None:
    """Require that a decision allows the action; its reason tells the person why not."""
    if not decision:
        raise NotAuthorizedError(decision.reason)


def find_text(values: Mapping[str, tuple[str, ...]], block: str) -> str:
    """Return the text typed into an input or chosen in a list; empty without one."""
    return next(iter(values.get(block, ())), "")
