"""Executions of the state machine that a test advances step by step, in any order.

They have the steps of `workflow_definition`; `workflow_runner` runs the same with the clock of a test instead.
"""

from dataclasses import dataclass, field
from typing import Any

from breakglass.app.domain.records import Kind, Request
from breakglass.app.ports import OperationStatus
from tests.app.services.driver import Driver


@dataclass
class Execution:
    """One execution: its next step, and the next step of each account.

    Attributes:
        request: which request.
        at: the name of the next step; `waiting` and `holding` are waits, `over` is the end.
        token: of the wait, as long as it can be woken.
        woken: what it was woken with before it had begun to wait.
        accounts: account -> its next step; `done` at its end.
        then: what follows when all accounts are done.
        failed: whether it was abandoned.
    """

    request: Request
    at: str = "ask"
    token: str | None = None
    woken: str | None = None
    accounts: dict[str, str] = field(default_factory=dict)
    then: str = ""
    failed: bool = False


class Executions:
    """`ports.Workflow` whose executions go on step by step, as `workflow_definition` has them."""

    def __init__(self) -> None:
        self.all: dict[str, Execution] = {}
        self.tokens = 0

    def start(self, request: Request, wait: int) -> bool:
        if request.id in self.all:
            return False
        self.all[request.id] = Execution(request)
        return True

    def wake(self, token: str, outcome: dict[str, Any]) -> bool:
        for execution in self.all.values():
            if execution.token is not None and execution.token == token:
                execution.token, execution.woken = None, str(outcome["outcome"])
                self._go_on(execution)
                return True
        return False

    def is_running(self, request_id: str) -> bool:
        return request_id in self.all and self.all[request_id].at != "over"

    def stop(self, execution: Execution) -> None:
        """End it by hand."""
        execution.at, execution.token = "over", None

    def time_out(self, execution: Execution) -> None:
        """Let a wait be over."""
        if execution.at in ("waiting", "holding"):
            execution.token = None
            execution.at = "remind" if execution.at == "waiting" else "due"

    def advance(self, driver: Driver, execution: Execution, branch: int, *, give_up: bool = False) -> None:
        """Do one step; if it fails, it is done again the next time, or caught."""
        before = (execution.at, dict(execution.accounts))
        try:
            self._step(driver, execution, branch)
        except Exception:  # the state machine catches States.ALL; a bug goes on to the test all the same
            if give_up:
                self._catch(execution, branch)
            raise
        finally:
            self._go_on(execution)
        if give_up and before == (execution.at, execution.accounts):
            # It was looked at often enough.
            self._catch(execution, branch)

    def _step(self, driver: Driver, execution: Execution, branch: int) -> None:
        request_id = execution.request.id
        match execution.at:
            case "ask" | "hold":
                before, waits = execution.at, {"ask": "waiting", "hold": "holding"}
                driver.run_waiting_step(before, request_id, self._token(execution))
                execution.at = waits[before] if execution.at == before else execution.at
            case "remind":
                self._decided(execution, driver.run_step("remind", request_id)["outcome"])
            case "extend":
                driver.run_step("extend", request_id)
                execution.at = "over"
            case "prepare":
                self._fan_out(execution, driver.run_access_step("prepare", request_id)["accounts"], "grant", "granted")
            case "granted":
                execution.at = "hold" if driver.run_step("granted", request_id)["outcome"] == "active" else "over"
            case "due":
                if driver.run_step("due", request_id)["outcome"] == "wait":
                    execution.at = "hold"
                else:
                    self._fan_out(execution, list(execution.accounts), "revoke", "close")
            case "abandon":
                self._fan_out(execution, driver.run_access_step("abandon", request_id)["accounts"], "revoke", "close")
            case "close":
                tail = driver.run_step("close", request_id)["session_deny_seconds"]
                execution.at = "session_deny_wait" if tail and not execution.failed else "over"
            case "session_deny_wait":
                execution.at = "remove_session_deny"
            case "remove_session_deny":
                driver.run_access_step("remove_session_deny", request_id)
                execution.at = "over"
            case "each":
                self._branch(driver, execution, branch)

    def _branch(self, driver: Driver, execution: Execution, branch: int) -> None:
        account = self._account(execution, branch)
        if account is not None:
            step = execution.accounts[account]
            progress = driver.run_account_step(step, execution.request.id, account)
            execution.accounts[account] = _FOLLOWING[step, progress]
        if all(step == "done" for step in execution.accounts.values()):
            execution.at = execution.then

    def _account(self, execution: Execution, branch: int) -> str | None:
        left = [account for account, step in execution.accounts.items() if step != "done"]
        return left[branch % len(left)] if left else None

    def _catch(self, execution: Execution, branch: int) -> None:
        account = self._account(execution, branch)
        if execution.at == "each" and account is not None:
            execution.accounts[account] = (
                "rollback_grant" if execution.accounts[account] in ("grant", "poll_grant") else "done"
            )
        elif execution.at in ("abandon", "close", "remove_session_deny"):
            execution.at = "over"
        elif execution.at not in ("waiting", "holding", "over", "each"):
            execution.at, execution.token, execution.failed = "abandon", None, True

    def _token(self, execution: Execution) -> str:
        self.tokens += 1
        execution.token = f"token-{self.tokens}"
        return execution.token

    def _go_on(self, execution: Execution) -> None:
        """Go on with what it was woken with."""
        if execution.woken is not None and execution.at in ("ask", "waiting"):
            self._decided(execution, execution.woken)
            execution.woken = None
        elif execution.woken is not None and execution.at in ("hold", "holding"):
            execution.at, execution.woken = "due", None

    def _decided(self, execution: Execution, outcome: str) -> None:
        approved = "extend" if execution.request.kind is Kind.extension else "prepare"
        execution.at = {"wait": "ask", "approved": approved, "over": "over"}[outcome]

    def _fan_out(self, execution: Execution, accounts: list[str], first: str, then: str) -> None:
        execution.accounts, execution.at, execution.then = dict.fromkeys(accounts, first), "each", then


_FOLLOWING = {
    **{(step, OperationStatus.succeeded): "done" for step in ("grant", "poll_grant")},
    **{(step, OperationStatus.in_progress): "poll_grant" for step in ("grant", "poll_grant")},
    **{(step, OperationStatus.failed): "rollback_grant" for step in ("grant", "poll_grant")},
    ("rollback_grant", OperationStatus.succeeded): "done",
    ("rollback_grant", OperationStatus.in_progress): "rollback_grant",
    ("rollback_grant", OperationStatus.failed): "done",
    **{(step, OperationStatus.succeeded): "verify" for step in ("revoke", "poll_revoke")},
    **{(step, OperationStatus.in_progress): "poll_revoke" for step in ("revoke", "poll_revoke")},
    **{(step, OperationStatus.failed): "poll_revoke" for step in ("revoke", "poll_revoke")},
    ("verify", OperationStatus.succeeded): "done",
    ("verify", OperationStatus.in_progress): "poll_revoke",
}
