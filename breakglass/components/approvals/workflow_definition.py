"""The state machine of a request in the Amazon States Language (JSONata).

    Begin -> Ask <-> Remind                        wait for people; remind, escalate, expire
          -> Extend                                an extension ends here
          -> Prepare -> GrantEach -> Granted       the end is recorded before anything is granted
          -> Hold <-> Due -> RevokeEach -> Close   until its time is over or a user ends it
          -> SessionDenyWait -> RemoveSessionDeny   while the Deny on live sessions is needed
    failure of a task -> Abandon -> RevokeEach -> Close -> Failed

Its only state is the list of accounts: every step reads the record and may run twice. The reconciler gets the work that
it can't finish, such as an operation of Identity Center without an end. Endless retries are not possible: an execution
has at most 25,000 events in its history (Step Functions Developer Guide, "Service quotas").

`States.ALL` does not catch `States.Runtime`. An execution that exceeds its history, or whose machine is replaced, ends
with that error and without Abandon; the reconciler then revokes (docs/approvals/failures.md).

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/ ("Transforming data with JSONata", "Wait for a Callback
with Task Token", "Handling errors in workflows"). `States.TaskFailed` matches every error of a task except
`States.Timeout`.

Non-goals: the steps (see `breakglass.app.services`), and the resource (see `state_machine`).
"""

from typing import Any

State = dict[str, Any]
"""A state, JSON-ready."""

GRANT_POLLS = 40
"""Polls of a creation before its rollback, about ten minutes with the waits between."""

REVOKE_POLLS = 60
"""Polls of a deletion before the reconciler continues, about seventeen minutes with the waits between."""

CONCURRENT_ACCOUNTS = 5
"""Concurrent accounts. Identity Center accepts ten outstanding creations in an organization."""

_REQUEST = "{% $states.context.Execution.Input.request %}"
_RESULT = "{% $states.result.Payload %}"

# BusyError: Identity Center, or another request for the same assignment, is busy, so the wait is long. TaskFailed: all
# other temporary errors, such as throttling.
_RETRY = [
    # AWS or Slack refuses it until something is repaired (`breakglass.app.error_codes`).
    {"ErrorEquals": ["PermanentError"], "MaxAttempts": 0},
    {
        "ErrorEquals": ["BusyError"],
        "IntervalSeconds": 2,
        "BackoffRate": 1.5,
        "MaxDelaySeconds": 30,
        "MaxAttempts": 40,
        "JitterStrategy": "FULL",
    },
    {
        "ErrorEquals": ["States.TaskFailed"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxDelaySeconds": 60,
        "MaxAttempts": 9,
        "JitterStrategy": "FULL",
    },
]


def definition(interactions_arn: str, provisioner_arn: str) -> dict[str, Any]:
    """Return the definition of the state machine, JSON-ready.

    The execution's input is `{"request": id, "kind": "access" | "extension", "wait": seconds}`.

    Args:
        interactions_arn: ARN of the function that talks to users.
        provisioner_arn: ARN of the function that creates and deletes assignments.
    """
    interactions, provisioner = _Function(interactions_arn), _Function(provisioner_arn)
    return {
        "Comment": "One request for emergency access: ask, grant, hold, revoke.",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            **_ask_states(interactions),
            **_grant_states(interactions, provisioner),
            **_hold_states(interactions),
            **_revoke_states(interactions, provisioner),
        },
    }


class _Function:
    """A function, and the states that call it."""

    def __init__(self, arn: str) -> None:
        self.arn = arn
        self.invoke = f"arn:{arn.split(':')[1]}:states:::lambda:invoke"

    def step(self, step: str, following: str, catch: str = "Abandon", **fields: Any) -> State:
        """Return a state that calls a step and outputs its result."""
        return {
            "Type": "Task",
            "Resource": self.invoke,
            "Arguments": {"FunctionName": self.arn, "Payload": {"step": step, "request": _REQUEST}},
            "Output": _RESULT,
            "Retry": _RETRY,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": catch}],
            "Next": following,
            **fields,
        }

    def wait(self, step: str, following: str, over: str) -> State:
        """Return a state that waits for its task token or until the time in the input."""
        payload = {"step": step, "request": _REQUEST, "token": "{% $states.context.Task.Token %}"}
        return {
            "Type": "Task",
            "Resource": f"{self.invoke}.waitForTaskToken",
            "Arguments": {"FunctionName": self.arn, "Payload": payload},
            # A timeout of 0 would fail the execution.
            "TimeoutSeconds": "{% $max([1, $states.input.wait]) %}",
            "Output": "{% $states.result %}",
            "Retry": _RETRY,
            "Catch": [
                {"ErrorEquals": ["States.Timeout"], "Next": over},
                {"ErrorEquals": ["States.ALL"], "Next": "Abandon"},
            ],
            "Next": following,
        }

    def account_step(self, step: str, following: str, catch: str, polls: str = "$states.input.polls") -> State:
        """Return a state that calls a step for an account; its output keeps account and polls."""
        account = "{% $states.input.account %}"
        kept = {"account": account, "polls": f"{{% {polls} %}}"}
        return self.step(
            step,
            following,
            Arguments={"FunctionName": self.arn, "Payload": {"step": step, "request": _REQUEST, "account": account}},
            Output={**kept, "status": "{% $states.result.Payload.status %}"},
            Catch=[{"ErrorEquals": ["States.ALL"], "Output": {"account": account, "polls": 0}, "Next": catch}],
        )


def _choice(default: str, *choices: tuple[str, str]) -> State:
    return {
        "Type": "Choice",
        "Choices": [{"Condition": f"{{% {condition} %}}", "Next": following} for condition, following in choices],
        "Default": default,
    }


def _outcome(name: str) -> str:
    return f"$states.input.outcome = '{name}'"


def _progress(name: str, polls: int) -> str:
    return f"$states.input.status = '{name}' and $states.input.polls < {polls}"


def _pause(following: str) -> State:
    """Return a wait before the next poll; it is short at first, since most assignments take seconds."""
    return {"Type": "Wait", "Seconds": "{% $min([20, 2 + $states.input.polls]) %}", "Next": following}


def _each(following: str, catch: str, start: str, states: dict[str, State]) -> State:
    """Return a map over all accounts; a failed account does not fail the others."""
    return {
        "Type": "Map",
        "Items": "{% $accounts %}",
        "ItemSelector": {"account": "{% $states.context.Map.Item.Value %}", "polls": 0},
        "MaxConcurrency": CONCURRENT_ACCOUNTS,
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": start, "States": states},
        "Output": {},
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": catch}],
        "Next": following,
    }


def _ask_states(interactions: _Function) -> dict[str, State]:
    extension = f"{_outcome('approved')} and $states.context.Execution.Input.kind = 'extension'"
    return {
        # A variable must exist before it is read.
        "Begin": {"Type": "Pass", "Assign": {"accounts": [], "failed": False}, "Next": "Ask"},
        "Ask": interactions.wait("ask", following="Asked", over="Remind"),
        "Remind": interactions.step("remind", "Asked"),
        "Asked": _choice("Over", (_outcome("wait"), "Ask"), (extension, "Extend"), (_outcome("approved"), "Prepare")),
        "Extend": interactions.step("extend", "Over"),
        "Over": {"Type": "Succeed"},
    }


def _grant_states(interactions: _Function, provisioner: _Function) -> dict[str, State]:
    each = {
        "Grant": provisioner.account_step("grant", "GrantBegun", catch="RollbackGrant"),
        "GrantBegun": _choice(
            "RollbackGrant",
            ("$states.input.status = 'succeeded'", "AccountOpen"),
            (_progress("in_progress", GRANT_POLLS), "GrantWait"),
        ),
        "GrantWait": _pause("PollGrant"),
        "PollGrant": provisioner.account_step(
            "poll_grant", "GrantBegun", catch="RollbackGrant", polls="$states.input.polls + 1"
        ),
        "RollbackGrant": provisioner.account_step("rollback_grant", "RolledBack", catch="AccountNotOpen"),
        "RolledBack": _choice("AccountNotOpen", (_progress("in_progress", 2 * GRANT_POLLS), "RollbackWait")),
        "RollbackWait": {
            **_pause("RollbackGrant"),
            "Output": {**_SAME_ACCOUNT, "polls": "{% $states.input.polls + 1 %}"},
        },
        "AccountOpen": {"Type": "Succeed"},
        "AccountNotOpen": {"Type": "Succeed"},
    }
    return {
        "Prepare": provisioner.step(
            "prepare", "GrantEach", Assign={"accounts": "{% $states.result.Payload.accounts %}"}
        ),
        "GrantEach": _each("Granted", "Abandon", "Grant", each),
        "Granted": interactions.step("granted", "Opened"),
        "Opened": _choice("Over", (_outcome("active"), "Hold")),
    }


_SAME_ACCOUNT = {"account": "{% $states.input.account %}"}


def _hold_states(interactions: _Function) -> dict[str, State]:
    return {
        "Hold": interactions.wait("hold", following="Due", over="Due"),
        "Due": interactions.step("due", "Held"),
        "Held": _choice("RevokeEach", (_outcome("wait"), "Hold")),
    }


def _revoke_states(interactions: _Function, provisioner: _Function) -> dict[str, State]:
    again = f"$states.input.polls < {REVOKE_POLLS}"
    each = {
        "Revoke": provisioner.account_step("revoke", "RevokeBegun", catch="AccountLeftToReconciler"),
        "RevokeBegun": _choice(
            "AccountLeftToReconciler", ("$states.input.status = 'succeeded'", "Verify"), (again, "RevokeWait")
        ),
        "RevokeWait": _pause("PollRevoke"),
        "PollRevoke": provisioner.account_step(
            "poll_revoke", "RevokeBegun", catch="AccountLeftToReconciler", polls="$states.input.polls + 1"
        ),
        "Verify": provisioner.account_step("verify", "Verified", catch="AccountLeftToReconciler"),
        "Verified": _choice(
            "AccountLeftToReconciler", ("$states.input.status = 'succeeded'", "AccountClosed"), (again, "RevokeWait")
        ),
        "AccountClosed": {"Type": "Succeed"},
        "AccountLeftToReconciler": {"Type": "Succeed"},
    }
    failure = {
        "step": "abandon",
        "request": _REQUEST,
        "error": "{% $states.input.Error %}",
        # An expression without a value would fail the execution.
        "cause": "{% $exists($states.input.Cause) ? $states.input.Cause : '' %}",
    }
    return {
        "Abandon": provisioner.step(
            "abandon",
            "RevokeEach",
            catch="Failed",
            Arguments={"FunctionName": provisioner.arn, "Payload": failure},
            Assign={"accounts": "{% $states.result.Payload.accounts %}", "failed": True},
        ),
        "RevokeEach": _each("Close", "Close", "Revoke", each),
        "Close": interactions.step("close", "Closed", catch="Failed"),
        "Closed": _choice("Over", ("$failed", "Failed"), ("$states.input.session_deny_seconds > 0", "SessionDenyWait")),
        "SessionDenyWait": {
            "Type": "Wait",
            "Seconds": "{% $states.input.session_deny_seconds %}",
            "Next": "RemoveSessionDeny",
        },
        # If this fails, the Deny matches no live session any more, and the reconciler removes it.
        "RemoveSessionDeny": provisioner.step("remove_session_deny", "Over", catch="Over"),
        "Failed": {
            "Type": "Fail",
            "Error": "RequestAbandoned",
            "Cause": "A step failed repeatedly. Its access is revoked, now or by the reconciler. The record and the "
            "log of the function name the step.",
        },
    }
