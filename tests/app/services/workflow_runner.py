"""Runs the steps of `workflow_definition` in this process, in the same order, with the clock of the test.

The local cloud runs the real definition (tests/local). A step that raises is retried as often as a test says, then
caught as the definition catches it.

It does not prove that the definition says the same: its own test and the local cloud do.
"""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from breakglass.app.domain.records import Kind, Request
from breakglass.app.services import provisioning, workflow_steps
from breakglass.app.services.context import InteractionContext, ProvisionerContext, StepResult
from breakglass.components.approvals.workflow_definition import GRANT_POLLS, REVOKE_POLLS
from tests.app.doubles.clock import FixedClock
from tests.app.doubles.workflow import MemoryWorkflow


class CaughtError(Exception):
    """A step went on failing."""


@dataclass
class Wait:
    """A wait of an execution: for its token, or only for the time."""

    token: str | None
    until: int


Execution = Generator[Wait, StepResult | None, None]


@dataclass
class WorkflowRunner:
    """Runs executions until each waits for people or for time.

    Attributes:
        interactions: for the steps that concern people.
        provisioner: for those that concern assignments.
        workflow: where executions are started and woken.
        clock: theirs, too.
        attempts: how often a step is tried.
        trouble: called before and after each step with its name; may raise.
    """

    interactions: InteractionContext
    provisioner: ProvisionerContext
    workflow: MemoryWorkflow
    clock: FixedClock
    attempts: int = 3
    trouble: Callable[[str, bool], None] = lambda step, done: None
    failed: list[str] = field(default_factory=list)
    _running: dict[str, tuple[Execution, Wait]] = field(default_factory=dict)
    _tokens: int = 0

    def run(self) -> None:
        """Let everything go on that can, at this moment."""
        for request in list(self.workflow.started.values()):
            if request.id not in self._running and self.workflow.is_running(request.id):
                self._go(request.id, self._execution(request), None)
        moved = True
        while moved:
            moved = False
            for request_id, (execution, wait) in list(self._running.items()):
                outcome = self._outcome(wait)
                if outcome is not None or self.clock() >= wait.until:
                    if outcome is None and wait.token is not None:
                        self.workflow.time_out(wait.token)
                    self._go(request_id, execution, outcome)
                    moved = True

    def pass_time(self, seconds: int) -> None:
        """Let time pass, stopping wherever an execution has something to do."""
        end = self.clock() + seconds
        self.run()
        while waits := [wait.until for _, wait in self._running.values() if wait.until <= end]:
            self.clock.now = max(self.clock(), min(waits))
            self.run()
        self.clock.now = end
        self.run()

    def stop(self, request_id: str) -> None:
        """End an execution by hand."""
        self.workflow.end(request_id)
        self._running.pop(request_id, None)

    def replace_machine(self) -> None:
        """Replace the state machine by a deployment; its executions end with States.Runtime, which nothing catches."""
        self.workflow.replace_machine()
        self._running.clear()

    def _go(self, request_id: str, execution: Execution, outcome: StepResult | None) -> None:
        try:
            wait = next(execution) if request_id not in self._running else execution.send(outcome)
            self._running[request_id] = (execution, wait)
        except StopIteration:
            self.stop(request_id)
        except CaughtError:
            self.failed.append(request_id)
            self.stop(request_id)

    def _outcome(self, wait: Wait) -> StepResult | None:
        return next((outcome for token, outcome in self.workflow.wakes if token == wait.token), None)

    def _execution(self, request: Request) -> Execution:
        try:
            outcome = yield from self._asked(request)
            if outcome["outcome"] != "approved":
                return
            if request.kind is Kind.extension:
                self._step(workflow_steps.run_step, self.interactions, step="extend", request=request.id)
                return
            accounts = self._step(provisioning.run_step, self.provisioner, step="prepare", request=request.id)[
                "accounts"
            ]
            for account in accounts:
                yield from self._granted(request.id, account)
            opened = self._step(workflow_steps.run_step, self.interactions, step="granted", request=request.id)
            if opened["outcome"] != "active":
                return
            yield from self._held(request.id, opened["wait"])
            failed = False
        except CaughtError as error:
            failed = True
            accounts = self._step(
                provisioning.run_step, self.provisioner, step="abandon", request=request.id, error=str(error)
            )["accounts"]
        for account in accounts:
            yield from self._revoked(request.id, account)
        closed = self._step(workflow_steps.run_step, self.interactions, step="close", request=request.id)
        if failed:
            raise CaughtError("abandoned")
        if closed["session_deny_seconds"] > 0:
            yield Wait(None, self.clock() + closed["session_deny_seconds"])
            self._step(provisioning.run_step, self.provisioner, step="remove_session_deny", request=request.id)

    def _asked(self, request: Request) -> Generator[Wait, StepResult | None, StepResult]:
        seconds = self.workflow.waits[request.id]
        while True:
            outcome = yield from self._waiting("ask", request.id, seconds)
            if outcome is None:
                outcome = self._step(workflow_steps.run_step, self.interactions, step="remind", request=request.id)
            if outcome["outcome"] != "wait":
                return outcome
            seconds = outcome["wait"]

    def _held(self, request_id: str, seconds: int) -> Generator[Wait, StepResult | None, None]:
        while True:
            yield from self._waiting("hold", request_id, seconds)
            outcome = self._step(workflow_steps.run_step, self.interactions, step="due", request=request_id)
            if outcome["outcome"] != "wait":
                return
            seconds = outcome["wait"]

    def _waiting(
        self, step: str, request_id: str, seconds: int
    ) -> Generator[Wait, StepResult | None, StepResult | None]:
        self._tokens += 1
        token = self.workflow.begin_wait(f"token-{self._tokens}")
        until = self.clock() + max(1, seconds)
        self._step(workflow_steps.run_step, self.interactions, step=step, request=request_id, token=token)
        return (yield Wait(token, until))

    def _granted(self, request_id: str, account: str) -> Generator[Wait, StepResult | None, None]:
        try:
            progress, polls = self._of_account("grant", request_id, account), 0
            while progress == "in_progress" and polls < GRANT_POLLS:
                yield Wait(None, self.clock() + min(20, 2 + polls))
                progress, polls = self._of_account("poll_grant", request_id, account), polls + 1
            if progress == "succeeded":
                return
        except CaughtError:
            pass
        try:
            polls = 0
            while self._of_account("rollback_grant", request_id, account) == "in_progress" and polls < 2 * GRANT_POLLS:
                yield Wait(None, self.clock() + min(20, 2 + polls))
                polls += 1
        except CaughtError:
            pass

    def _revoked(self, request_id: str, account: str) -> Generator[Wait, StepResult | None, None]:
        try:
            progress, polls = self._of_account("revoke", request_id, account), 0
            while polls < REVOKE_POLLS:
                if progress == "succeeded":
                    progress = self._of_account("verify", request_id, account)
                    if progress == "succeeded":
                        return
                yield Wait(None, self.clock() + min(20, 2 + polls))
                progress, polls = self._of_account("poll_revoke", request_id, account), polls + 1
        except CaughtError:
            pass

    def _of_account(self, step: str, request_id: str, account: str) -> str:
        return str(
            self._step(provisioning.run_step, self.provisioner, step=step, request=request_id, account=account)[
                "status"
            ]
        )

    def _step(self, function: Callable[[Any, StepResult], StepResult], context: object, **event: Any) -> StepResult:
        """Call a step as Lambda does, with JSON in and out, until it succeeds."""
        for attempt in range(self.attempts):
            try:
                self.trouble(event["step"], False)
                answer = json.loads(json.dumps(function(context, json.loads(json.dumps(event)))))
                self.trouble(event["step"], True)
                return answer
            except AssertionError:
                raise
            except Exception as error:
                if attempt + 1 == self.attempts:
                    raise CaughtError(type(error).__name__) from error
        raise AssertionError("there is at least one attempt")
