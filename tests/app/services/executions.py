"""Executions of the state machine that go one step further whenever a test says so, in any order and with any failure.

They have the steps of `workflow_definition`; `workflow_runner` runs the same with the clock of a test instead.
"""

from dataclasses import dataclass, field
from typing import Any

from breakglass.app.domain.records import Kind, Request
from breakglass.app.ports import OperationStatus
from tests.app.services.driver import Driver


@dataclass
class Execution:
    """One run of the state machine: its next step, and that of each account where they go on side by side.

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
        for one in self.all.values():
            if one.token is not None and one.token == token:
                one.token, one.woken = None, str(outcome["outcome"])
                self._go_on(one)
                return True
        return False

    def is_running(self, request_id: str) -> bool:
        return request_id in self.all and self.all[request_id].at != "over"

    def stop(self, one: Execution) -> None:
        """End it by hand."""
        one.at, one.token = "over", None

    def time_out(self, one: Execution) -> None:
        """Let a wait be over."""
        if one.at in ("waiting", "holding"):
            one.token = None
            one.at = "remind" if one.at == "waiting" else "due"

    def advance(self, driver: Driver, one: Execution, branch: int, *, give_up: bool = False) -> None:
        """Do one step; if it fails, it is done again the next time, or caught."""
        before = (one.at, dict(one.accounts))
        try:
            self._step(driver, one, branch)
        except Exception:  # the state machine catches States.ALL; a bug goes on to the test all the same
            if give_up:
                self._catch(one, branch)
            raise
        finally:
            self._go_on(one)
        if give_up and before == (one.at, one.accounts):
            # It was looked at often enough.
            self._catch(one, branch)

    def _step(self, driver: Driver, one: Execution, branch: int) -> None:
        request_id = one.request.id
        match one.at:
            case "ask" | "hold":
                before, waits = one.at, {"ask": "waiting", "hold": "holding"}
                driver.wait(before, request_id, self._token(one))
                one.at = waits[before] if one.at == before else one.at
            case "remind":
                self._decided(one, driver.pass_by("remind", request_id)["outcome"])
            case "extend":
                driver.pass_by("extend", request_id)
                one.at = "over"
            case "prepare":
                self._fan_out(one, driver.at_access("prepare", request_id)["accounts"], "grant", "granted")
            case "granted":
                one.at = "hold" if driver.pass_by("granted", request_id)["outcome"] == "active" else "over"
            case "due":
                if driver.pass_by("due", request_id)["outcome"] == "wait":
                    one.at = "hold"
                else:
                    self._fan_out(one, list(one.accounts), "revoke", "close")
            case "abandon":
                self._fan_out(one, driver.at_access("abandon", request_id)["accounts"], "revoke", "close")
            case "close":
                tail = driver.pass_by("close", request_id)["session_deny_seconds"]
                one.at = "session_deny_wait" if tail and not one.failed else "over"
            case "session_deny_wait":
                one.at = "remove_session_deny"
            case "remove_session_deny":
                driver.at_access("remove_session_deny", request_id)
                one.at = "over"
            case "each":
                self._branch(driver, one, branch)

    def _branch(self, driver: Driver, one: Execution, branch: int) -> None:
        account = self._account(one, branch)
        if account is not None:
            step = one.accounts[account]
            progress = driver.at_account(step, one.request.id, account)
            one.accounts[account] = _FOLLOWING[step, progress]
        if all(step == "done" for step in one.accounts.values()):
            one.at = one.then

    def _account(self, one: Execution, branch: int) -> str | None:
        left = [account for account, step in one.accounts.items() if step != "done"]
        return left[branch % len(left)] if left else None

    def _catch(self, one: Execution, branch: int) -> None:
        account = self._account(one, branch)
        if one.at == "each" and account is not None:
            one.accounts[account] = "rollback_grant" if one.accounts[account] in ("grant", "poll_grant") else "done"
        elif one.at in ("abandon", "close", "remove_session_deny"):
            one.at = "over"
        elif one.at not in ("waiting", "holding", "over", "each"):
            one.at, one.token, one.failed = "abandon", None, True

    def _token(self, one: Execution) -> str:
        self.tokens += 1
        one.token = f"token-{self.tokens}"
        return one.token

    def _go_on(self, one: Execution) -> None:
        """Go on with what it was woken with."""
        if one.woken is not None and one.at in ("ask", "waiting"):
            self._decided(one, one.woken)
            one.woken = None
        elif one.woken is not None and one.at in ("hold", "holding"):
            one.at, one.woken = "due", None

    def _decided(self, one: Execution, outcome: str) -> None:
        approved = "extend" if one.request.kind is Kind.extension else "prepare"
        one.at = {"wait": "ask", "approved": approved, "over": "over"}[outcome]

    def _fan_out(self, one: Execution, accounts: list[str], first: str, then: str) -> None:
        one.accounts, one.at, one.then = dict.fromkeys(accounts, first), "each", then


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
