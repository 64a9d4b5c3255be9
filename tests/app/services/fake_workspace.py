"""A workspace for the tests of the app: its people, Slack, Identity Center, and our parts in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from breakglass.app.domain import session_denials
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import Access, Message, Request
from breakglass.app.services import dispatch
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.reconciler import reconcile
from breakglass.app.services.reconciler_run import Counts
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Click, Command, SlackActor, Submission
from tests.app.domain.policies import ADA, CLEO, EVERYBODY, PRODUCTION, RDS, policy
from tests.app.doubles.clock import FixedClock
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.identity_center import MemoryIdentityCenter
from tests.app.doubles.log import MemoryLog
from tests.app.doubles.slack import TEAM, MemorySlack
from tests.app.doubles.store import MemoryStore
from tests.app.doubles.workflow import MemoryWorkflow
from tests.app.services.workflow_runner import WorkflowRunner

CHANNEL = "C0APPROVALS1"
SECOND_CHANNEL = "C0SECURITY01"


@dataclass
class MemorySessionPolicy:
    """The service control policy, as it stands now."""

    content: str = field(default_factory=session_denials.render_policy)

    def read(self) -> str:
        return self.content

    def write(self, content: str) -> None:
        self.content = content


class FakeWorkspace:
    """The parts of the app in memory, and the actions of people."""

    def __init__(self, of: ApprovalPolicy | None = None, *, ends_sessions: bool = False) -> None:
        self.clock = FixedClock()
        self.store = MemoryStore(self.clock)
        self.slack = MemorySlack(EVERYBODY)
        self.directory = MemoryDirectory(EVERYBODY)
        self.center = MemoryIdentityCenter()
        self.workflow = MemoryWorkflow()
        self.sessions = MemorySessionPolicy()
        self.log = MemoryLog()
        self.pauses: list[float] = []
        self.counted: list[str] = []
        self._forms = 0
        self.context = ReconcilerContext(
            policy=of or policy(),
            store=self.store,
            clock=self.clock,
            log=self.log,
            directory=self.directory,
            slack=self.slack,
            workflow=self.workflow,
            count=self.counted.append,
            pause=self.pauses.append,
            identity_center=self.center,
            session_policy=self.sessions if ends_sessions else None,
        )
        self.runner = WorkflowRunner(self.context, self.context, self.workflow, self.clock)

    # --- people -------------------------------------------------------------------------------------------------------

    def command(self, person: Person) -> str:
        """Type the command, and return the id of the form."""
        view_id = self.slack.open_view({"type": "modal", "blocks": []})
        dispatch.handle_interaction(self.context, Command(self.actor(person), "t-1", CHANNEL), view_id)
        return view_id

    def try_request(
        self,
        person: Person = ADA,
        *,
        accounts: tuple[str, ...] = (PRODUCTION,),
        duration: int = 3600,
        reason: str = "the restore failed",
    ) -> Request | None:
        """Fill in the form and send it; return the request, if there is one."""
        view_id = self.command(person)
        values: dict[str, tuple[str, ...]] = {
            ids.ROLE: (RDS,),
            ids.ACCOUNTS: accounts,
            ids.DURATION: (str(duration),),
            ids.REASON: (reason,),
        }
        known = set(self.store.requests)
        self.submit(person, ids.REQUEST_FORM, values, view_id=view_id)
        self.runner.run()
        return next((request for request_id, request in self.store.requests.items() if request_id not in known), None)

    def request_access(
        self,
        person: Person = ADA,
        *,
        accounts: tuple[str, ...] = (PRODUCTION,),
        duration: int = 3600,
        reason: str = "the restore failed",
    ) -> Request:
        """Send a request that is taken."""
        request = self.try_request(person, accounts=accounts, duration=duration, reason=reason)
        assert request is not None
        return self.reload(request)

    def grant_access(self, person: Person = ADA, **asked: Any) -> Request:
        """Return a request that Cleo has approved."""
        request = self.request_access(person, **asked)
        self.click(CLEO, ids.APPROVE, request)
        return self.reload(request)

    def click(self, person: Person, action_id: str, about: Request | str, *, at_home: bool = False) -> None:
        """Click a button without a form."""
        value = about if isinstance(about, str) else about.id
        message = None if at_home else self._message(about)
        view_id = "VHOME" if at_home else None
        dispatch.handle_interaction(
            self.context, Click(self.actor(person), "t-1", action_id, value, message, view_id, "", {}), None
        )
        self.runner.run()

    def open_form(self, person: Person, action_id: str, about: Request | str) -> str:
        """Click a button that opens a form, and return the form's id."""
        value = about if isinstance(about, str) else about.id
        view_id = self.slack.open_view({"type": "modal", "blocks": []})
        click = Click(self.actor(person), "t-1", action_id, value, self._message(about), None, "", {})
        dispatch.handle_interaction(self.context, click, view_id)
        return view_id

    def submit(
        self,
        person: Person,
        callback_id: str,
        values: Mapping[str, tuple[str, ...]],
        *,
        about: str = "",
        view_id: str | None = None,
    ) -> str:
        """Send a form, and return its id."""
        if view_id is None:
            view_id = self.slack.open_view({"type": "modal", "blocks": []})
        dispatch.handle_interaction(
            self.context, Submission(self.actor(person), callback_id, view_id, about, values), None
        )
        self.runner.run()
        return view_id

    def deploy_policy(self, policy: ApprovalPolicy) -> None:
        """Deploy another policy; requests that are open stay as they are."""
        self.context = replace(self.context, policy=policy)
        self.runner.interactions = self.runner.provisioner = self.context

    def reconcile(self) -> Counts:
        """Run the reconciler once."""
        return reconcile(self.context)

    # --- state --------------------------------------------------------------------------------------------------------

    def reload(self, request: Request) -> Request:
        """Return a request as it stands now."""
        return self.store.requests[request.id]

    def is_open(self, person: Person = ADA, account: str = PRODUCTION) -> bool:
        """Say whether the assignment is really there."""
        return Access(person.user_id, RDS, account) in self.center.assigned

    def view_text(self, view_id: str) -> str:
        """Return everything that a form says."""
        return "\n".join(texts(self.slack.views[view_id]))

    def private_text(self) -> str:
        """Return what was last told to one person alone."""
        return self.slack.ephemerals[-1][2]

    def message_text(self, request: Request) -> str:
        """Return everything that the message of a request says."""
        place = self.reload(request).message
        assert place is not None
        return "\n".join(texts(self.slack.messages[place.channel, place.ts].blocks))

    def thread_texts(self, request: Request) -> list[str]:
        """Return the story of a request."""
        place = self.reload(request).message
        assert place is not None
        return [message.text for message in self.slack.thread(place.channel, place.ts)]

    def trail_events(self, request: Request) -> list[str]:
        """Return what happened to a request and its grants, as the audit trail has it."""
        return [entry.event for entry in self.store.trail if entry.subject == request.id]

    @staticmethod
    def actor(person: Person) -> SlackActor:
        """Return a person as Slack tells who they are."""
        assert person.slack_id is not None
        return SlackActor(person.slack_id, TEAM)

    def _message(self, about: Request | str) -> Message:
        if isinstance(about, Request):
            return self.reload(about).message or Message(CHANNEL, "1.000000")
        return Message(CHANNEL, f"{self.clock()}.000000")


def interrupt(of: Any, name: str, rival: Callable[[], object]) -> None:
    """Let a rival act once, right before the next call of a method."""
    method = getattr(of, name)

    def call(*arguments: Any, **named: Any) -> Any:
        setattr(of, name, method)
        rival()
        return method(*arguments, **named)

    setattr(of, name, call)


def texts(part: Any) -> list[str]:
    """Return every text of a view or a message, in order."""
    match part:
        case {"text": str(text)}:
            return [text, *(text for key, value in part.items() if key != "text" for text in texts(value))]
        case dict():
            return [text for value in part.values() for text in texts(value)]
        case list():
            return [text for value in part for text in texts(value)]
        case _:
            return []
