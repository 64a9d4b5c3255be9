"""The state machine's definition: whole, and in step with the functions that it calls.

Not shown here: what Step Functions does with it (tests/local run it), and what the steps do (tests/app/services).
"""

from collections.abc import Iterator
from typing import Any

from breakglass.app.error_codes import PermanentError
from breakglass.app.services import provisioning, workflow_steps
from breakglass.components.approvals.workflow_definition import definition

INTERACTIONS = "arn:aws:lambda:eu-central-1:111111111111:function:interactions"
PROVISIONER = "arn:aws:lambda:eu-central-1:111111111111:function:provisioner"
WHOLE = definition(INTERACTIONS, PROVISIONER)


def machines(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a machine and those within its Map states."""
    yield machine
    for state in machine["States"].values():
        if "ItemProcessor" in state:
            yield from machines(state["ItemProcessor"])


def tasks() -> Iterator[tuple[str, dict[str, Any]]]:
    for machine in machines(WHOLE):
        for name, state in machine["States"].items():
            if state["Type"] == "Task":
                yield name, state


def following(state: dict[str, Any]) -> set[str]:
    """Return every state that a state can go on to."""
    choices = [choice["Next"] for choice in state.get("Choices", [])]
    catches = [catch["Next"] for catch in state.get("Catch", [])]
    return {name for name in (state.get("Next"), state.get("Default"), *choices, *catches) if name is not None}


def reached(machine: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    wanted = {machine["StartAt"]}
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted |= following(machine["States"][name]) - found
    return found


def test_every_state_is_reached_and_every_way_leads_to_a_state() -> None:
    for machine in machines(WHOLE):
        assert reached(machine) == set(machine["States"])


def test_every_way_comes_to_an_end() -> None:
    for machine in machines(WHOLE):
        for name, state in machine["States"].items():
            assert following(state) or state["Type"] in ("Succeed", "Fail"), name


def test_workflow_steps_are_those_of_their_functions() -> None:
    asked: dict[str, set[str]] = {INTERACTIONS: set(), PROVISIONER: set()}
    for _, state in tasks():
        asked[state["Arguments"]["FunctionName"]].add(state["Arguments"]["Payload"]["step"])
    assert asked[INTERACTIONS] == {*workflow_steps._WAITING, *workflow_steps._PASSING}
    assert asked[PROVISIONER] == {*provisioning._OF_REQUEST, *provisioning._OF_ACCOUNT, "abandon"}


def test_a_step_that_waits_gets_a_token_and_no_other_step_does() -> None:
    for name, state in tasks():
        waits = state["Resource"].endswith(".waitForTaskToken")
        assert waits == ("token" in state["Arguments"]["Payload"]) == ("TimeoutSeconds" in state), name
        assert waits == (state["Arguments"]["Payload"]["step"] in workflow_steps._WAITING), name


def test_every_step_has_retry_and_catch() -> None:
    for name, state in tasks():
        errors = [["PermanentError"], ["BusyError"], ["States.TaskFailed"]]
        assert [retry["ErrorEquals"] for retry in state["Retry"]] == errors, name
        assert state["Retry"][0] == {"ErrorEquals": [PermanentError.__name__], "MaxAttempts": 0}, name
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_nothing_is_granted_before_its_end_is_recorded() -> None:
    (before,) = [name for name, state in WHOLE["States"].items() if "GrantEach" in following(state)]
    assert WHOLE["States"][before]["Arguments"]["Payload"]["step"] == "prepare"


def test_whatever_was_opened_is_taken_back_on_every_way() -> None:
    opened = {"GrantEach", "Granted", "Hold", "Due"}
    for name in opened:
        ways = {"Abandon", "RevokeEach"} & reached({"StartAt": name, "States": WHOLE["States"]})
        assert ways == {"Abandon", "RevokeEach"}, name


def test_an_account_that_fails_fails_no_other_one() -> None:
    for name in ("GrantEach", "RevokeEach"):
        inner = WHOLE["States"][name]["ItemProcessor"]["States"]
        assert not [state for state in inner.values() if state["Type"] == "Fail"]
