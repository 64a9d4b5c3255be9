"""The commands of `breakglass`; none changes anything.

`check` and `patterns` read a stack file and need neither Pulumi nor the network. `explain` and `audit` read the
outputs of the deployed stack (`stack_outputs`), `doctor`, `coverage` and `drill` its resources (`deployment`), each
with the caller's credentials (`aws_client`). The code that runs in AWS makes their answers, so a click would get the
same. Outside `app`, only this package reads the environment and the network.

Non-goals: deploying (Pulumi), requesting and approving (Slack).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.identity_store import IdentityStore
from breakglass.app.domain.policy import ApprovalPolicy, Settings
from breakglass.app.ports import Clock, Directory, Slack, Store
from breakglass.cli import audit, aws_client, slack_client, stack_outputs
from breakglass.cli.progress import Progress
from breakglass.errors import CommandError, ConfigError, InvalidArgumentError, UnreadableError
from breakglass.terminal import PrintableStream, Stream, escape_unprintable

if TYPE_CHECKING:
    from breakglass.cli.doctor.check import Sources

DONE, FAILED, INVALID, INTERRUPTED = 0, 1, 2, 130
"""Exit statuses."""

_STATUSES = """exit status:
  0    answered
  1    Pulumi or AWS failed or refused; the message says what to do
  2    invalid argument: an unknown name, a wrong date
  130  interrupted

Credentials are found as by the AWS CLI: environment variables, AWS_PROFILE, `aws sso login`. AWS_ENDPOINT_URL and
similar variables override the endpoints. Without --stack, the stack selected in the current folder is used."""

_CHECK_STATUSES = """exit status:
  0    no problems, perhaps warnings
  1    problems: a preview would refuse the file
  2    unreadable file, or not YAML"""

_CHECK = """Reports all problems and all warnings that a preview would find in a stack file. Needs no Pulumi, no
credentials and no network; encrypted secrets stay encrypted. Paths of IAM policy files are relative to the stack file.
Not checked: answers of AWS, and the values of an `environment` (Pulumi ESC).

  breakglass check stacks/Pulumi.prod.yaml
  breakglass check stacks/Pulumi.prod.yaml --json

Each paragraph begins with `file:line: severity: key path`. --json: one list of objects, each with the texts severity
("problem" or "warning"), path, value, why and instead.
"""

_PATTERNS_STATUSES = """exit status:
  0    printed
  1    problems: a preview would refuse the file
  2    unreadable file, not YAML, or a file name without a stack"""

_PATTERNS = """Prints every EventBridge rule of a stack file that has an event pattern: name, event bus, subject,
evidence path, state, message and pattern. Needs no Pulumi, no credentials and no network. For review, and for the
sandbox in EventBridge's console, which takes a pattern and an event:

  breakglass patterns stacks/Pulumi.prod.yaml
  breakglass patterns stacks/Pulumi.prod.yaml --json | jq '.rules["breakglass-prod-root-user-sign_in"].pattern'

The account, and IDs and ARNs that only a deployment knows, are placeholders. The stack's name is that of the file. The
text shows of a message what Slack shows in a notification; <name> is a value from the event.

A hub has rules on two event buses. The rules of a spoke are shown once, and are the same in each of its regions.

--json: {"rules": {NAME: {"bus", "subject", "evidence", "state", "pattern", "message"}}}. The bus is "default" or that
of the hub. A rule of the alert path itself, or of a spoke, has no subject. A rule that posts nothing has no message
(null). Else the message is an input transformer of EventBridge: {"inputPaths", "inputTemplate"}.

--spoke-template: what `callAs: elsewhere` needs. The template has one parameter, HubBusArn, and makes no spoke in the
excluded accounts.
"""

_EXPLAIN = """Explains who can approve a permission set in an account, by which rule, and why a person can't. Groups are
resolved to their present members.

  breakglass explain --who ada.lovelace --set devops-break-glass --account 222222222222
  breakglass explain --who ada.lovelace --set devops-break-glass --account 222222222222 --for grace.hopper
"""

_AUDIT = """Exports the audit trail: every decision with its rule and note, and everything that was done, denied,
expired or failed. Times are in UTC.

  breakglass audit --since 2026-11-01 --csv > november.csv
  breakglass audit --since 2026-11-26T20:00:00Z --until 2026-11-27 --json

--csv: RFC 4180, UTF-8. So that no spreadsheet runs a text as a formula, an apostrophe is put before each = + - @ (also
full-width) that begins a cell, or that would begin one in a spreadsheet which splits lines at semicolons or tabs. A
cell that begins with a tab, a line break or NUL gets one as well. --json: one array, one line for each entry, every
text as it was typed. In both, an invisible character, such as a control or a bidirectional override, is written as JSON
writes it: \\u001b. An export that was cut off has an exit status other than 0; its JSON is not closed.
"""


_DOCTOR_STATUSES = """exit status:
  0    no check failed; perhaps warnings, or checks that could not look
  1    a check failed: an alert, a revoke or a decision would fail
  2    could not look: no Pulumi, stack, AWS credentials or answer of AWS; or an invalid argument
  130  interrupted

Credentials are found as by the AWS CLI: environment variables, AWS_PROFILE, `aws sso login`. They need read permissions
only: docs/runbooks/doctor.md. AWS_ENDPOINT_URL and similar variables override the endpoints. Without --stack, the stack
selected in the current folder is used."""

_DOCTOR = """Examines a deployed stack from outside, and changes nothing. It compares AWS with Pulumi's state: the
trail, rules, targets, the way to Slack, state machines, queues, subscriptions, alarms, the last probe and drill. It
asks whether tampering would be reported, and whether the door for the day when Identity Center is down can be opened.
With approvals also: the reconciler, functions, the table, unmanaged assignments, overdue explanations, permission sets
that were never tried, and people of the rules that Slack does not recognise, each with the entry of `people:` to write.

  breakglass doctor --stack prod
  breakglass doctor --stack prod --json | jq '.[] | select(.status == "fail")'

Each finding says what, why it matters, and what to do; the most urgent come first. --json: one list of objects, each
with the texts check, status (ok, warn, fail or unknown), what, why and do. A check that AWS refuses is unknown, and the
others go on. The bot token is read only for the people, from its secret, if you may; it is never shown.
"""


_COVERAGE_STATUSES = """exit status:
  0    all is watched that the stack has to watch
  1    a gap: an account, region or evidence path is not watched
  2    could not ask: no Pulumi, stack, AWS credentials or answer of AWS; or an invalid argument
  130  interrupted

Credentials are found as by the AWS CLI: environment variables, AWS_PROFILE, `aws sso login`. They need read permissions
only: docs/runbooks/coverage.md. AWS_ENDPOINT_URL and similar variables override the endpoints. Without --stack, the
stack selected in the current folder is used."""

_COVERAGE = """Says which accounts, regions and evidence paths a stack watches, and why it does not watch the others. It
changes nothing. For the hub of an organization it joins the accounts of AWS Organizations, the instances of the
StackSet, the heartbeats of the spokes, and the regions that an account has enabled; for another stack it looks at its
own account and region.

  breakglass coverage --stack prod
  breakglass coverage --stack prod --json | jq '.[] | select(.watched == false)'

A path is watched if its events reach the stack and its rules are as deployed. `breakglass doctor` examines the trail,
and the way from a rule to Slack. Gaps come first, by their reason: rule, no_spoke, not_heard_yet, no_heartbeat,
outdated, inoperable or drifted. No gap, but not watched: region_not_enabled, excluded, not_active, outside_units.

--json: one list of objects with account, name, region, watched (true, false, or null if it is no gap), reason, detail,
means, do and paths. paths is an object: the value of each evidence path is "watched", or the reason why not.
"""


_DRILL_STATUSES = """exit status:
  0    each drill arrived; with direct delivery, no fault was found, and a person has to look at the channel
  1    a drill stopped; the answer says where
  2    could not look: no Pulumi, stack, AWS credentials or answer of AWS; or an invalid argument
  130  interrupted

Credentials are found as by the AWS CLI: environment variables, AWS_PROFILE, `aws sso login`. Their permissions are in
docs/runbooks/drill.md. AWS_ENDPOINT_URL and similar variables override the endpoints. Without --stack, the stack
selected in the current folder is used."""

_DRILL = """Sends a drill of each watched role and of root, waits for it, and says when it arrived in Slack, or where it
stopped: hub, rule, target, connection, destination, machine, dead letter or slack. It changes nothing: a drill has no
effect but its message, and counts as no use. IAM users, access and tampering have no drill.

  breakglass drill --stack prod
  breakglass drill --stack prod --role devops-break-glass --json
  breakglass drill --stack prod --role root-user

First it compares the rules of the role, their targets and the way to Slack with the deployed ones. Where one differs,
no drill is sent. With confirmed delivery it then reads Slack's answer from the execution of the state machine, within
two minutes. With direct delivery only EventBridge sees the answer, so it names the channel to look at. The drill of a
hub goes to the hub's bus: its spokes have no part in it (`breakglass coverage`).

--json: one list of objects with role, status (arrived, sent or stopped), stage (empty unless it stopped), seconds (a
number or null), drill (the ID in the message), what and do.
"""


@dataclass(frozen=True)
class CommandContext:
    """The outside world of a command: programs, AWS, the clock, and the streams for answers and for errors."""

    run: stack_outputs.RunProgram
    directory: Callable[[ApprovalPolicy], Directory]
    store: Callable[[stack_outputs.StackOutputs], Store]
    clock: Clock
    out: Stream
    err: Stream
    aws: Callable[[str], aws_client.AwsOperations] = aws_client.BotocoreClient
    """Returns the operations of AWS in a region."""
    slack: Callable[[ApprovalPolicy, str], Slack] = slack_client.connect_slack
    """Returns Slack with the bot token in a secret; raises AwsError if the secret can't be read."""
    now: Callable[[], float] = time.time
    """Returns the time in seconds, with its fraction."""
    pause: Callable[[float], None] = time.sleep
    """Waits for some seconds."""


def main() -> int:
    """Run the command of this process, and return the exit status."""
    if hasattr(sys.stdout, "reconfigure"):
        # CSV has its own line ends. UTF-8 can't encode a lone surrogate, which a text may have.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", newline="")
    context = CommandContext(
        run=stack_outputs.run_program,
        directory=lambda policy: IdentityStore(
            aws_client.create_client(policy.settings.region), policy.settings.identity_store_id
        ),
        store=lambda stack: DynamoStore(aws_client.create_client(stack.policy.settings.region), stack.table),
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
        # The reader has closed the pipe, as `head` does. Python would raise again when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def run_command(arguments: Sequence[str], context: CommandContext) -> int:
    """Run the command of these arguments, which lack the program's name, and return the exit status."""
    options = _parser().parse_args(arguments)
    # Output has names and texts that people wrote, which must not control the terminal.
    context = replace(context, out=PrintableStream(context.out), err=PrintableStream(context.err))
    try:
        run: Callable[[argparse.Namespace, CommandContext], int] = options.run
        return run(options, context)
    except CommandError as error:
        print(f"breakglass {options.command}: error\n\n{error}", file=context.err)
        return INVALID if isinstance(error, InvalidArgumentError) else int(options.failed)


def _check(options: argparse.Namespace, context: CommandContext) -> int:
    # The models of the stack file are slow to import.
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
    text = _json(check.to_json(found)) if options.json else "\n\n".join(texts)
    print(text, file=context.out)
    return status


def _patterns(options: argparse.Namespace, context: CommandContext) -> int:
    # The models of the stack file are slow to import.
    from breakglass.cli import patterns

    try:
        if options.spoke_template:
            text = _json(patterns.read_spoke_template(options.file))
        else:
            rules = patterns.read_rules(options.file)
            text = _json(patterns.to_json(rules)) if options.json else patterns.to_text(rules)
    except ConfigError as error:
        print(f"{options.file}: {error}", file=context.err)
        return FAILED
    print(text, file=context.out)
    return DONE


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _explain(options: argparse.Namespace, context: CommandContext) -> int:
    # It shares code with the models of the stack file, which are slow to import.
    from breakglass.cli import explain

    question = explain.Question(options.who, options.set, options.account, options.requester)
    with Progress(context.err, "reading the stack outputs with Pulumi") as progress:
        policy = (
            stack_outputs.read_policy_file(options.policy)
            if options.policy
            else stack_outputs.read_stack_outputs(options.stack, context.run).policy
        )
        explain.check_question(policy, question)
        with _translate_aws_errors(policy.settings):
            report = explain.build_report(policy, context.directory(policy), question, progress)
    text = _json(explain.to_json(report)) if options.json else explain.to_text(report)
    print(text, file=context.out)
    return DONE


def _audit(options: argparse.Namespace, context: CommandContext) -> int:
    since, until = audit.parse_period(options.since, options.until, context.clock())
    write = audit.write_csv if options.csv else audit.write_json
    with Progress(context.err, "reading the stack outputs with Pulumi") as progress:
        stack = stack_outputs.read_stack_outputs(options.stack, context.run)
        progress.activity = "reading the audit trail"
        with _translate_aws_errors(stack.policy.settings):
            write(audit.read_entries(context.store(stack), since, until, progress), context.out)
    return DONE


def _doctor(options: argparse.Namespace, context: CommandContext) -> int:
    # Only this command needs the code that identifies Slack users.
    from breakglass.cli import deployment, doctor
    from breakglass.cli.doctor import finding

    with Progress(context.err, "reading the state of the stack with Pulumi") as progress:
        deployed = deployment.read_deployment(options.stack, context.run)
        findings = doctor.examine(deployed, _sources(context, progress))
    shown = finding.to_json(findings)
    print(
        _json(shown) if options.json else finding.to_text(findings),
        file=context.out,
    )
    statuses = {each.status for each in findings}
    if statuses <= {finding.Status.unknown}:
        return INVALID
    return FAILED if finding.Status.fail in statuses else DONE


def _coverage(options: argparse.Namespace, context: CommandContext) -> int:
    from breakglass.cli import coverage, deployment

    with Progress(context.err, "reading the state of the stack with Pulumi") as progress:
        deployed = deployment.read_deployment(options.stack, context.run)
        asked = coverage.Coverage(deployed, _sources(context, progress), context.pause)
        rows = asked.rows()
    for note in asked.notes:
        print(f"note: {note}", file=context.err)
    text = json.dumps(coverage.to_json(rows), indent=2, ensure_ascii=False) if options.json else coverage.to_text(rows)
    print(text, file=context.out)
    return FAILED if any(row.is_watched is False for row in rows) else DONE


def _drill(options: argparse.Namespace, context: CommandContext) -> int:
    from breakglass.cli import deployment, drill

    with Progress(context.err, "reading the state of the stack with Pulumi") as progress:
        deployed = deployment.read_deployment(options.stack, context.run)
        paths = drill.find_paths(deployed, options.role)
        drills = drill.Drills(_sources(context, progress), drill.Clock(context.now, context.pause))
        results = drills.run(deployed, paths)
    text = _json(drill.to_json(results)) if options.json else drill.to_text(results)
    print(text, file=context.out)
    return FAILED if any(each.status is drill.Status.stopped for each in results) else DONE


def _sources(context: CommandContext, progress: Progress) -> "Sources":
    from breakglass.cli.doctor.check import Sources

    clients: dict[str, aws_client.AwsOperations] = {}
    return Sources(
        aws=lambda region: clients.setdefault(region, context.aws(region)),
        directory=context.directory,
        store=context.store,
        slack=context.slack,
        clock=context.clock,
        report=partial(setattr, progress, "activity"),
    )


def _translate_aws_errors(settings: Settings) -> AbstractContextManager[None]:
    return aws_client.translate_aws_errors(
        settings.deployed_in,
        settings.region,
        "`explain` reads the identity store (identitystore:GetUserId, DescribeUser, ListGroupMemberships, "
        "ListGroupMembershipsForMember; with a customer-managed KMS key also kms:Decrypt on it). `audit` queries the "
        "table (dynamodb:Query).",
    )


class _Parser(argparse.ArgumentParser):
    """Prints arguments in its errors without control characters."""

    def error(self, message: str) -> NoReturn:
        super().error(escape_unprintable(message))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="breakglass",
        description="Checks a stack file, reports on a deployed stack, and sends drills. Changes nothing.",
        epilog="`breakglass COMMAND --help` shows the arguments, examples and exit statuses of a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_check(commands)
    _add_patterns(commands)
    _add_explain(commands)
    _add_audit(commands)
    _add_doctor(commands)
    _add_coverage(commands)
    _add_drill(commands)
    return parser


def _add_check(commands: "argparse._SubParsersAction[_Parser]") -> None:
    summary = "problems and warnings of a stack file, without Pulumi"
    parser = _command(commands, "check", summary, _CHECK, _check, _CHECK_STATUSES)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a stack file")
    parser.add_argument("--json", action="store_true", help="JSON, for a program")
    parser.add_argument(
        "--without-secrets",
        action="store_true",
        help="accept a file without the stack's secrets, which are set elsewhere",
    )


def _add_patterns(commands: "argparse._SubParsersAction[_Parser]") -> None:
    summary = "every event pattern and message of a stack file, without Pulumi"
    parser = _command(commands, "patterns", summary, _PATTERNS, _patterns, _PATTERNS_STATUSES)
    parser.add_argument("file", type=Path, metavar="FILE", help="a stack file, Pulumi.STACK.yaml")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="JSON, for a program")
    output.add_argument(
        "--spoke-template", action="store_true", help="the CloudFormation template of the spokes of a hub, JSON"
    )
    parser.set_defaults(failed=INVALID)


def _add_explain(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _command(
        commands, "explain", "who can approve a permission set, by which rule, and why a user can't", _EXPLAIN, _explain
    )
    parser.add_argument("--who", required=True, metavar="USER", help="user name in Identity Center, or e-mail address")
    parser.add_argument("--set", required=True, metavar="SET", help="name of a break-glass permission set")
    parser.add_argument("--account", required=True, metavar="ID", help="ID of an account")
    parser.add_argument(
        "--for",
        dest="requester",
        metavar="REQUESTER",
        help="explain whether USER may approve a request of this person",
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--stack", metavar="NAME", help="the stack; by default the selected one")
    source.add_argument(
        "--policy", type=Path, metavar="FILE", help="a compiled approval policy in place of the deployed one"
    )
    parser.add_argument("--json", action="store_true", help="JSON, for a program")


def _add_audit(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _command(commands, "audit", "the audit trail of a period, as CSV or JSON", _AUDIT, _audit)
    parser.add_argument("--since", required=True, metavar="DATE", help="first day, or time, as in 2026-11-01")
    parser.add_argument("--until", metavar="DATE", help="last day (included), or end time; by default now")
    form = parser.add_mutually_exclusive_group(required=True)
    form.add_argument("--csv", action="store_true", help="CSV, for a spreadsheet")
    form.add_argument("--json", action="store_true", help="JSON, for a program")
    parser.add_argument("--stack", metavar="NAME", help="the stack; by default the selected one")


def _add_doctor(commands: "argparse._SubParsersAction[_Parser]") -> None:
    summary = "faults of a deployed stack, with what to do"
    parser = _command(commands, "doctor", summary, _DOCTOR, _doctor, _DOCTOR_STATUSES)
    parser.add_argument("--stack", metavar="NAME", help="the stack; by default the selected one")
    parser.add_argument("--json", action="store_true", help="JSON, for a program")
    parser.set_defaults(failed=INVALID)


def _add_coverage(commands: "argparse._SubParsersAction[_Parser]") -> None:
    summary = "accounts, regions and evidence paths that are watched, or the reason why not"
    parser = _command(commands, "coverage", summary, _COVERAGE, _coverage, _COVERAGE_STATUSES)
    parser.add_argument("--stack", metavar="NAME", help="the stack; by default the selected one")
    parser.add_argument("--json", action="store_true", help="JSON, for a program")
    parser.set_defaults(failed=INVALID)


def _add_drill(commands: "argparse._SubParsersAction[_Parser]") -> None:
    summary = "sends a drill, and says whether it arrived in Slack or where it stopped"
    parser = _command(commands, "drill", summary, _DRILL, _drill, _DRILL_STATUSES)
    parser.add_argument("--stack", metavar="NAME", help="the stack; by default the selected one")
    parser.add_argument(
        "--role", metavar="NAME", help="one watched role; for an IAM role NAME-ACCOUNT, for root root-user"
    )
    parser.add_argument("--json", action="store_true", help="JSON, for a program")
    parser.set_defaults(failed=INVALID)


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
    parser.set_defaults(run=run, failed=FAILED)
    return parser
