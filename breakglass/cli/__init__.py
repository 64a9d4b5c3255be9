"""The commands of a person: `breakglass check`, `breakglass explain` and `breakglass audit`. None changes anything.

`check` reads a stack file (`check`) and needs neither Pulumi nor the network. The other two ask what is deployed
(`deployed`), with the credentials of whoever runs them (`person`). Their answers are made by the code that runs in AWS,
so they are the answers that a click would get. This is the one part of the package outside `app` that reads the
environment and the network.

Non-goals: deploying, requesting, approving: that is for Pulumi and Slack.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.identity_store import IdentityStore
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.ports import Clock, Directory, Store
from breakglass.cli import audit, aws_client, explain, stack_outputs
from breakglass.cli.progress import Progress
from breakglass.errors import CommandError, InvalidArgumentError, UnreadableError
from breakglass.terminal import PrintableStream, Stream, escape_unprintable

DONE, FAILED, INVALID, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses."""

_STATUSES = """exit status:
  0    answered, whatever the answer is
  1    Pulumi or AWS does not give what is needed; what to do is said
  2    what is asked can't be: an unknown name, a wrong date
  130  interrupted

Credentials are found as by the AWS CLI: environment variables, AWS_PROFILE, `aws sso login`. Endpoints are overridden
by AWS_ENDPOINT_URL and its kin. Without --stack it is about the stack that is selected in the current folder."""

_CHECK_STATUSES = """exit status:
  0    no problems, perhaps warnings
  1    problems: a preview would refuse the file
  2    a file can't be read, or is no YAML"""

_CHECK = """Reports everything that a preview would say about a stack file: all problems and all warnings at once. Needs
no Pulumi, no credentials and no network; encrypted secrets stay encrypted. Policy files are read relative to the stack
file. Not known here: what AWS would answer, and the values of an `environment` (Pulumi ESC).

  breakglass check stacks/Pulumi.prod.yaml
  breakglass check stacks/Pulumi.prod.yaml --json

Each paragraph begins with `file:line: severity: key path`. --json: one list of objects, each with the texts severity
("problem" or "warning"), path, value, why and instead.
"""

_EXPLAIN = """Answers who can approve a permission set in an account, by which rule, and why this person can't. Groups
are resolved to the people who are in them now.

  breakglass explain --who ada.lovelace --set devops-break-glass --account 222222222222
  breakglass explain --who ada.lovelace --set devops-break-glass --account 222222222222 --for grace.hopper
"""

_AUDIT = """Exports the audit trail: every decision with its rule and note, and everything that was done, denied,
expired or failed. Times are in UTC.

  breakglass audit --since 2026-11-01 --csv > november.csv
  breakglass audit --since 2026-11-26T20:00:00Z --until 2026-11-27 --json

--csv: RFC 4180, UTF-8. An apostrophe stands before each = + - @ (also full-width) that begins a cell, or that would
begin one in a spreadsheet which splits lines at semicolons or tabs, so that no spreadsheet takes a text that people
typed for a formula. A cell that begins with a tab, a line break or NUL gets one as well. --json: one array, one line
for each entry, every text as it was typed. In both, an invisible character, such as a control or a bidirectional
override, is written as JSON writes it: \\u001b. An export that was cut off has an exit status other than 0; the JSON
is not closed then.
"""


@dataclass(frozen=True)
class CommandContext:
    """What the commands need from outside.

    Attributes:
        run: runs Pulumi.
        directory: the identity store that a policy is about.
        store: the records of a stack.
        clock: the time.
        out: where answers go.
        err: where everything else goes.
    """

    run: stack_outputs.RunProgram
    directory: Callable[[ApprovalPolicy], Directory]
    store: Callable[[stack_outputs.StackOutputs], Store]
    clock: Clock
    out: Stream
    err: Stream


def main() -> int:
    """Run a command of this process.

    Returns:
        The exit status.
    """
    if hasattr(sys.stdout, "reconfigure"):
        # CSV has its own line ends; and a text may hold half a surrogate pair, which UTF-8 has no place for.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    context = CommandContext(
        run=stack_outputs.run_program,
        directory=lambda policy: IdentityStore(
            aws_client.create_client(policy.settings), policy.settings.identity_store_id
        ),
        store=lambda stack: DynamoStore(aws_client.create_client(stack.policy.settings), stack.table),
        clock=lambda: int(time.time()),
        out=sys.stdout,
        err=sys.stderr,
    )
    try:
        try:
            return run_command(sys.argv[1:], context)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough, as in `| head`. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def run_command(arguments: Sequence[str], context: CommandContext) -> int:
    """Run a command.

    Args:
        arguments: as typed, without the name of the program.
        context: what it needs.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    # Whatever a command writes holds names and texts of people; no terminal shall obey them.
    context = replace(context, out=PrintableStream(context.out), err=PrintableStream(context.err))
    try:
        run: Callable[[argparse.Namespace, CommandContext], int] = options.run
        return run(options, context)
    except CommandError as error:
        print(f"breakglass {options.command}: no answer\n\n{error}", file=context.err)
        return INVALID if isinstance(error, InvalidArgumentError) else FAILED


def _check(options: argparse.Namespace, context: CommandContext) -> int:
    # Only this command needs the models of the stack file, and the others would wait for them.
    from breakglass.cli import check

    status = DONE
    found: list[check.LocatedProblem] = []
    texts: list[str] = []
    for file in options.files:
        try:
            of_file = check.check_file(file, without_secrets=options.without_secrets)
        except UnreadableError as error:
            of_file, status = [check.LocatedProblem(check.PROBLEM, error.line, error.problem)], INVALID
        if any(each.severity == check.PROBLEM for each in of_file):
            status = max(status, FAILED)
        found += of_file
        texts.append(check.to_text(file, of_file))
    text = json.dumps(check.to_json(found), indent=2, ensure_ascii=False) if options.json else "\n\n".join(texts)
    print(text, file=context.out)
    return status


def _explain(options: argparse.Namespace, context: CommandContext) -> int:
    question = explain.Question(options.who, options.set, options.account, options.requester)
    with Progress(context.err, "asking Pulumi what is deployed") as progress:
        policy = (
            stack_outputs.read_policy_file(options.policy)
            if options.policy
            else stack_outputs.read_stack_outputs(options.stack, context.run).policy
        )
        explain.check_question(policy, question)
        with aws_client.translate_aws_errors(policy.settings):
            report = explain.build_report(policy, context.directory(policy), question, progress)
    text = (
        json.dumps(explain.to_json(report), indent=2, ensure_ascii=False) if options.json else explain.to_text(report)
    )
    print(text, file=context.out)
    return DONE


def _audit(options: argparse.Namespace, context: CommandContext) -> int:
    since, until = audit.parse_period(options.since, options.until, context.clock())
    write = audit.write_csv if options.csv else audit.write_json
    with Progress(context.err, "asking Pulumi what is deployed") as progress:
        stack = stack_outputs.read_stack_outputs(options.stack, context.run)
        progress.doing = "reading the audit trail"
        with aws_client.translate_aws_errors(stack.policy.settings):
            write(audit.read_entries(context.store(stack), since, until, progress), context.out)
    return DONE


class _Parser(argparse.ArgumentParser):
    """Repeats nothing of what was typed that a terminal would obey."""

    def error(self, message: str) -> NoReturn:
        super().error(escape_unprintable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="breakglass",
        description="Checks a stack file, and asks a deployed stack about its approvals. Changes nothing.",
        epilog="`breakglass COMMAND --help` shows what a command takes, with examples and its exit statuses.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_check(commands)
    _add_explain(commands)
    _add_audit(commands)
    return parser


def _add_check(commands: "argparse._SubParsersAction[_Parser]") -> None:
    summary = "what a preview would say about a stack file, without Pulumi"
    parser = _command(commands, "check", summary, _CHECK, _check, _CHECK_STATUSES)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a stack file")
    parser.add_argument("--json", action="store_true", help="for a program")
    parser.add_argument(
        "--without-secrets", action="store_true", help="the secrets of the stack may be missing: they are set elsewhere"
    )


def _add_explain(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _command(commands, "explain", "who can approve what, by which rule, and why not me", _EXPLAIN, _explain)
    parser.add_argument("--who", required=True, metavar="USER", help="user name in Identity Center, or e-mail address")
    parser.add_argument("--set", required=True, metavar="SET", help="name of a break-glass permission set")
    parser.add_argument("--account", required=True, metavar="ID", help="id of an account")
    parser.add_argument(
        *("--for",), dest="requester", metavar="REQUESTER", help="about a request of this person: may USER approve it?"
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--stack", metavar="NAME", help="the stack that is asked; by default the selected one")
    source.add_argument("--policy", type=Path, metavar="FILE", help="a compiled policy in place of the deployed one")
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def _add_audit(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _command(commands, "audit", "the audit trail of a span, as CSV or JSON", _AUDIT, _audit)
    parser.add_argument("--since", required=True, metavar="DATE", help="first day, or time, as in 2026-11-01")
    parser.add_argument("--until", metavar="DATE", help="last day, or time up to which; by default now")
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--csv", action="store_true", help="for a spreadsheet")
    form.add_argument("--json", action="store_true", help="for a program")
    parser.add_argument("--stack", metavar="NAME", help="the stack that is asked; by default the selected one")


def _command(
    commands: "argparse._SubParsersAction[_Parser]",
    name: str,
    summary: str,
    description: str,
    run: Callable[[argparse.Namespace, CommandContext], int],
    statuses: str = _STATUSES,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=statuses,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser
