"""`breakglass doctor`: exit statuses, order, and the other checks if one can't look."""

import io
import json
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from breakglass.app.domain.policy import to_json
from breakglass.cli import CommandContext, run_command
from breakglass.cli.doctor import CHECKS
from breakglass.cli.doctor.metrics import DRILLS, PROBE
from breakglass.errors import CommandError, Problem
from tests.app.domain.policies import EVERYBODY, policy
from tests.app.doubles.clock import NOW
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.store import MemoryStore
from tests.unit.cli.contexts import Outcome
from tests.unit.cli.doctor.doubles import ACCOUNT, REGION, MemoryAws, refused, workspace

HERE = {"GetCallerIdentity": {"Account": ACCOUNT}}
EMPTY = {"GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "0"}}}
FULL = {"GetQueueAttributes": {"Attributes": {"ApproximateNumberOfMessages": "1"}}}


def state(kind: str, name: str, **inputs: Any) -> dict[str, Any]:
    arn = f"arn:aws:x:{REGION}:{ACCOUNT}:{name}"
    given = {"name": name, "region": REGION, **inputs}
    return {"type": kind, "id": name, "inputs": given, "outputs": {"arn": arn}}


QUEUE = state("aws:sqs/queue:Queue", "lost")
TABLE = state("aws:dynamodb/table:Table", "records")


def doctor(aws: MemoryAws, *resources: dict[str, Any], arguments: Sequence[str] = ("--json",)) -> Outcome:
    """Run the command on a stack with these resources."""

    def pulumi(called: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(called, 0, json.dumps({"deployment": {"resources": resources}}), "")

    out, err = io.StringIO(), io.StringIO()
    context = CommandContext(
        run=pulumi,
        directory=lambda policy: MemoryDirectory(EVERYBODY),
        store=lambda outputs: MemoryStore(),
        clock=lambda: NOW,
        out=out,
        err=err,
        aws=aws.in_region,
        slack=workspace,
    )
    return Outcome(run_command(["doctor", *arguments], context), out.getvalue(), err.getvalue())


def shown(outcome: Outcome) -> list[tuple[str, str]]:
    return [(finding["status"], finding["check"]) for finding in json.loads(outcome.out)]


def test_sound_stack_has_status_0() -> None:
    outcome = doctor(MemoryAws({**HERE, **EMPTY}), QUEUE)

    assert (outcome.status, shown(outcome), outcome.err) == (0, [("ok", "queue")], "")


def test_failed_check_has_status_1_and_comes_first() -> None:
    table = {"DescribeTable": refused()}
    outcome = doctor(MemoryAws({**HERE, **FULL, **table}), TABLE, QUEUE)

    assert outcome.status == 1
    assert shown(outcome) == [("fail", "queue"), ("unknown", "table")]


def test_refused_call_leaves_the_other_checks() -> None:
    outcome = doctor(MemoryAws({**HERE, **EMPTY, "DescribeTable": refused()}), TABLE, QUEUE)

    assert (outcome.status, shown(outcome)) == (0, [("unknown", "table"), ("ok", "queue")])


def test_answer_of_an_odd_shape_leaves_the_other_checks() -> None:
    odd = {"DescribeTable": {"Table": "?"}}
    outcome = doctor(MemoryAws({**HERE, **EMPTY, **odd}), TABLE, QUEUE)

    assert (outcome.status, shown(outcome)) == (0, [("unknown", "table"), ("ok", "queue")])
    assert "the table records could not be examined (AttributeError: " in outcome.out


def test_command_that_could_not_look_at_all_has_status_2() -> None:
    outcome = doctor(MemoryAws({**HERE, "DescribeTable": refused()}), TABLE)

    assert (outcome.status, shown(outcome)) == (2, [("unknown", "table")])


def test_credentials_of_another_account_have_status_2() -> None:
    outcome = doctor(MemoryAws({"GetCallerIdentity": {"Account": "999999999999"}}), QUEUE)

    assert (outcome.status, outcome.out) == (2, "")
    assert f"are of account 999999999999, and the stack is in account {ACCOUNT}." in outcome.flat


def test_unreachable_aws_has_status_2() -> None:
    outcome = doctor(MemoryAws({"GetCallerIdentity": refused("Unreachable", status=0)}), QUEUE)

    assert (outcome.status, "AWS did not respond" in outcome.flat) == (2, True)


def test_missing_credentials_have_status_2() -> None:
    def none(_: Any) -> Any:
        raise CommandError(Problem("AWS credentials", "(none)", "No AWS credentials were found.", "Sign in."))

    outcome = doctor(MemoryAws({"GetCallerIdentity": none}), QUEUE)

    assert (outcome.status, "No AWS credentials were found." in outcome.err) == (2, True)


def test_stack_that_is_not_deployed_has_status_2() -> None:
    assert doctor(MemoryAws()).status == 2


def test_policy_of_another_version_is_unknown() -> None:
    outputs = {"approvalPolicy": "{}", "approvalTable": "records"}
    stack = {"type": "pulumi:pulumi:Stack", "outputs": outputs}
    outcome = doctor(MemoryAws({**HERE, **EMPTY}), stack, QUEUE)

    assert (outcome.status, ("unknown", "provisioning") in shown(outcome)) == (0, True)
    assert "Use the version of breakglass that deployed it." in outcome.out


def test_text_ends_with_the_numbers() -> None:
    outcome = doctor(MemoryAws({**HERE, **FULL}), QUEUE, arguments=())

    assert outcome.status == 1
    assert outcome.out.startswith("FAIL  queue: Dead letters in the queue lost: 1.\n    why: ")
    assert outcome.out.endswith("\n\n1 fail, 0 warn, 0 unknown, 0 ok\n")


def test_hostile_answer_of_aws_does_not_reach_the_terminal() -> None:
    error = refused("Evil\x1b]0;owned\x07")
    error.message = "\x1b[2J"
    outcome = doctor(MemoryAws({**HERE, "GetQueueAttributes": error}), QUEUE, arguments=())

    assert "\x1b" not in outcome.out
    assert "\\u001b[2J" in outcome.out


def test_outputs_of_the_stack_are_examined() -> None:
    outputs = {"approvalPolicy": to_json(policy()), "approvalTable": "records"}
    stack = {"type": "pulumi:pulumi:Stack", "outputs": outputs}

    assert ("warn", "provisioning") in shown(doctor(MemoryAws({**HERE, **EMPTY}), stack, QUEUE))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_each_check_has_a_reason_and_a_text(check: Any) -> None:
    assert check.why.endswith(".")
    assert check.ok.format(count=3) or check in (PROBE, DRILLS)
    assert check.actions
