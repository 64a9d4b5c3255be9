"""The state machine of a request, from the question to the last trace of it, in the Amazon States Language (JSONata).

    Begin -> Ask <-> Remind                        wait for people; remind, escalate, expire
          -> Extend                                an extension ends here
          -> Prepare -> GrantEach -> Granted       the end is recorded before anything is granted
          -> Hold <-> Due -> RevokeEach -> Close   until its time is over or somebody ends it
          -> SessionDenyWait -> RemoveSessionDeny   while the Deny on live sessions is needed
    failure of a task -> Abandon -> RevokeEach -> Close -> Failed

It holds no state of its own but the list of accounts: every step reads the record and may run twice. What it can't
finish, be it an operation of Identity Center without an end, is left to the reconciler rather than retried for ever: an
execution has at most 25,000 events in its history (Step Functions Developer Guide, "Service quotas").

`States.ALL` does not catch `States.Runtime`. An execution that exceeds its history, or whose machine is replaced, ends
with that error and without Abandon; the reconciler then revokes (docs/approvals/failures.md).

Sources: https://docs.aws.amazon.com/step-functions/latest/dg/ ("Transforming data with JSONata", "Wait for a Callback
with Task Token", "Handling errors in workflows"). `States.TaskFailed` stands for every error of a task but
`States.Timeout`.

Non-goals: what a step does (see `breakglass.app.services`), and the resource (see `breakglass.components`).
"""

from typing import Any

State = dict[str, Any]
"""One state, JSON-ready."""

GRANT_POLLS = 40
"""How often a creation is looked at before it is taken back: with the waits between, for about ten minutes."""

REVOKE_POLLS = 60
"""How often a deletion is looked at before the reconciler has it: with the waits between, for about seventeen
minutes."""

CONCURRENT_ACCOUNTS = 5
"""Accounts at once; Identity Center takes ten outstanding creations of the whole organisation."""

_REQUEST = "{% $states.context.Execution.Input.request %}"
_RESULT = "{% $states.result.Payload %}"

# Identity Center, or another request for the same assignment, is busy: wait long, it is worth it. Then everything else
# that may pass, throttled or broken services among them.
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
        interactions_arn: ARN of the function that talks to people.
        provisioner_arn: ARN of the function that makes and takes back assignments.
    """
    interactions, provisioner = _Function(interactions_arn), _Function(provisioner_arn)
    return {
        "Comment": "One request for emergency access: ask, grant, hold, revoke.",
        "QueryLanguage": "JSONata",
        "StartAt": "Begin",
        "States": {
            **_asking(interactions),
            **_granting(interactions, provisioner),
            **_holding(interactions),
            **_revoking(interactions, provisioner),
        },
    }


class _Function:
    """One of the two functions, and how a state calls it."""

    def __init__(self, arn: str) -> None:
        self.arn = arn
        self.invoke = f"arn:{arn.split(':')[1]}:states:::lambda:invoke"

    def step(self, step: str, following: str, catch: str = "Abandon", **fields: Any) -> State:
        """Call a step and go on with what it returns."""
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
        """Call a step that keeps the token, and wait until somebody uses it or the time in the input is over."""
        payload = {"step": step, "request": _REQUEST, "token": "{% $states.context.Task.Token %}"}
        return {
            "Type": "Task",
            "Resource": f"{self.invoke}.waitForTaskToken",
            "Arguments": {"FunctionName": self.arn, "Payload": payload},
            # A time-out of 0 would fail the execution.
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
        """Call a step for the account in the input, and keep the account and how often it was looked at."""
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
    """Wait before looking again: quickly at first, since an assignment mostly takes seconds."""
    return {"Type": "Wait", "Seconds": "{% $min([20, 2 + $states.input.polls]) %}", "Next": following}


def _each(following: str, catch: str, start: str, states: dict[str, State]) -> State:
    """Do the same for every account, each on its own: none of them fails the others."""
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


def _asking(interactions: _Function) -> dict[str, State]:
    extension = f"{_outcome('approved')} and $states.context.Execution.Input.kind = 'extension'"
    return {
        # A variable has to exist before it is read.
        "Begin": {"Type": "Pass", "Assign": {"accounts": [], "failed": False}, "Next": "Ask"},
        "Ask": interactions.wait("ask", following="Asked", over="Remind"),
        "Remind": interactions.step("remind", "Asked"),
        "Asked": _choice("Over", (_outcome("wait"), "Ask"), (extension, "Extend"), (_outcome("approved"), "Prepare")),
        "Extend": interactions.step("extend", "Over"),
        "Over": {"Type": "Succeed"},
    }


def _granting(interactions: _Function, provisioner: _Function) -> dict[str, State]:
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


def _holding(interactions: _Function) -> dict[str, State]:
    return {
        "Hold": interactions.wait("hold", following="Due", over="Due"),
        "Due": interactions.step("due", "Held"),
        "Held": _choice("RevokeEach", (_outcome("wait"), "Hold")),
    }


def _revoking(interactions: _Function, provisioner: _Function) -> dict[str, State]:
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
        # Should this fail, the Deny hits no session any more, and the reconciler clears it away.
        "RemoveSessionDeny": provisioner.step("remove_session_deny", "Over", catch="Over"),
        "Failed": {
            "Type": "Fail",
            "Error": "RequestAbandoned",
            "Cause": "A step went on failing. What was granted was taken back, or the reconciler takes it back; the "
            "record and the log of the function say which step it was.",
        },
    }
