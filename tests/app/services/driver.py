"""The actions of people and of the workflow, as calls of the real app, for test_life.py."""

from dataclasses import dataclass
from typing import Any

from breakglass.app.domain.people import Person
from breakglass.app.ports import OperationStatus
from breakglass.app.services import dispatch, provisioning, workflow_steps
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.reconciler import reconcile
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Click, Submission
from tests.app.domain.policies import RDS
from tests.app.doubles.slack import MemorySlack
from tests.app.services.fake_workspace import FakeWorkspace

Values = dict[str, tuple[str, ...]]
"""The inputs of a form."""


@dataclass(frozen=True)
class Driver:
    """Every action of the model.

    Attributes:
        context: the functions' context.
        slack: the workspace with the forms.
    """

    context: ReconcilerContext
    slack: MemorySlack

    # --- people -------------------------------------------------------------------------------------------------------

    def ask(self, form: str, who: Person, accounts: tuple[str, ...], duration: int) -> None:
        """Send the form for a request; the same form again is the same request."""
        values: Values = {
            ids.ROLE: (RDS,),
            ids.ACCOUNTS: accounts,
            ids.DURATION: (str(duration),),
            ids.REASON: ("it burns",),
        }
        self._submit(who, ids.REQUEST_FORM, "", values, form)

    def extend(self, form: str, who: Person, request_id: str, duration: int) -> None:
        values: Values = {ids.DURATION: (str(duration),), ids.REASON: ("it still burns",)}
        self._submit(who, ids.EXTEND_FORM, request_id, values, form)

    def approve(self, who: Person, request_id: str) -> None:
        self._click(who, ids.APPROVE, request_id)

    def acknowledge(self, who: Person, request_id: str) -> None:
        self._click(who, ids.ACKNOWLEDGE, request_id)

    def withdraw(self, who: Person, request_id: str) -> None:
        self._click(who, ids.WITHDRAW, request_id)

    def done(self, who: Person, request_id: str) -> None:
        self._click(who, ids.DONE, request_id)

    def deny(self, who: Person, request_id: str) -> None:
        self._submit(who, ids.DENY_FORM, request_id, {ids.NOTE: ("not now",)})

    def break_glass(self, who: Person, request_id: str) -> None:
        self._submit(who, ids.GLASS_FORM, request_id, {ids.JUSTIFICATION: ("nobody is awake",)})

    def end(self, who: Person, request_id: str) -> None:
        self._submit(who, ids.END_FORM, request_id, {ids.NOTE: ("enough",)})

    def _click(self, who: Person, action_id: str, request_id: str) -> None:
        request = self.context.store.request(request_id)
        message = request.message if request is not None else None
        dispatch.handle_interaction(
            self.context, Click(FakeWorkspace.actor(who), "t-1", action_id, request_id, message, None, "", {}), None
        )

    def _submit(self, who: Person, form_id: str, about: str, values: Values, form: str = "VFORM") -> None:
        self.slack.views[form] = {"type": "modal", "blocks": []}
        dispatch.handle_interaction(
            self.context, Submission(FakeWorkspace.actor(who), form_id, form, about, values), None
        )

    # --- the workflow's steps -----------------------------------------------------------------------------------------

    def run_waiting_step(self, step: str, request_id: str, token: str) -> None:
        """Run a step that saves the token of a wait."""
        workflow_steps.run_step(self.context, {"step": step, "request": request_id, "token": token})

    def run_step(self, step: str, request_id: str) -> Any:
        """Run a step that concerns people, and return its result."""
        return workflow_steps.run_step(self.context, {"step": step, "request": request_id})

    def run_access_step(self, step: str, request_id: str) -> Any:
        """Run a step that concerns all accounts, and return its result."""
        return provisioning.run_step(self.context, {"step": step, "request": request_id})

    def run_account_step(self, step: str, request_id: str, account: str) -> OperationStatus:
        """Run a step that concerns one account."""
        return OperationStatus(
            provisioning.run_step(self.context, {"step": step, "request": request_id, "account": account})["status"]
        )

    def reconcile(self) -> None:
        """Run the reconciler once."""
        reconcile(self.context)
