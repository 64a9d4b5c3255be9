"""The commands of the runbook on dead letters, run on letters of each possible shape.

They run in bash with jq's own library (PyPI `jq`); the AWS CLI, Pulumi, curl and sleep are stand-ins that keep what
they were given. It does not prove which shape AWS writes (docs/live-checks.md, L13).
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from breakglass.alerts.drills import drill_message
from breakglass.alerts.messages import Transformer, email_text, slack_message, substitute, usage_recorder_input
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.block_kit import block_problems
from localcloud.emulators.cloudtrail import as_event
from localcloud.records import RECORDS, load_record
from localcloud.stack import ROOT

RUNBOOK = ROOT / "docs" / "runbooks" / "dead-letters.md"
SET = PermissionSetSubject("devops-break-glass")
RECORD = load_record(RECORDS / "session-devops-break-glass.json").content
QUEUE = "https://sqs.eu-central-1.amazonaws.com/222222222222/breakglass-prod-devops"
SLACK = "arn:aws:events:eu-central-1:222222222222:api-destination/breakglass-prod-slack/8d6d8e15"
MACHINE = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-prod-slack-delivery"
MAIL = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-monitoring-alarms"
PAGE = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-monitoring-pages"
RECORDER = "arn:aws:lambda:eu-central-1:222222222222:function:breakglass-prod-approvals-usage-recorder"
LATE = "LATE, found in the dead-letter queue:"

# The commands that the runbook calls. Those of AWS, Pulumi and Slack keep what they are given in $HOME.
COMMANDS = {
    "pulumi": """#!/bin/sh
echo '{"devops-break-glass": "QUEUE"}'
""",
    "aws": """#!/bin/sh
case "$2" in
  get-queue-attributes) echo 7 ;;
  receive-message) cat "$HOME/letters.json" ;;
  delete-message) while [ "$1" != --receipt-handle ]; do shift; done; echo "$2" >> "$HOME/deleted" ;;
esac
""",
    "curl": """#!/bin/sh
cat >> "$HOME/posted" && echo >> "$HOME/posted" && echo '{"ok": true}'
""",
    "sleep": """#!/bin/sh
""",
    "jq": """#!PYTHON
import json, sys
from pathlib import Path
import jq

given, names, words, raw = sys.argv[1:], {}, [], False
while given:
    word = given.pop(0)
    if word == "--arg":
        name = given.pop(0)
        names[name] = given.pop(0)
    elif word.startswith("-"):
        raw = "r" in word
    else:
        words.append(word)
program, *files = words
text = Path(files[0]).read_text() if files else sys.stdin.read()
for result in jq.compile(program, args=names).input_text(text):
    print(result if raw and isinstance(result, str) else json.dumps(result, ensure_ascii=False, separators=(",", ":")))
""",
}


@dataclass(frozen=True)
class Run:
    """The effects of the runbook's commands.

    Attributes:
        counts: lines of step 1.
        rows: cells of each row of step 2.
        posted: bodies that were posted to Slack.
        deleted: receipt handles.
    """

    counts: list[str]
    rows: list[list[str]]
    posted: list[dict[str, Any]]
    deleted: list[str]


def letter(body: str, target: str = SLACK, **attributes: str) -> dict[str, Any]:
    given = {"ERROR_CODE": "UNKNOWN", "ERROR_MESSAGE": "Timeout", "TARGET_ARN": target, **attributes}
    return {
        "Body": body,
        "ReceiptHandle": f"handle {len(body)} {target}",
        "MessageAttributes": {name: {"DataType": "String", "StringValue": text} for name, text in given.items()},
    }


def filled(transformer: Transformer, record: dict[str, Any] = RECORD) -> str:
    return substitute(transformer, as_event(record, account="", region=""))


def event(record: dict[str, Any] = RECORD) -> str:
    return json.dumps(as_event(record, account="", region=""))


MESSAGE = slack_message(SET, EvidencePath.session_start, channel="C0OLD", post_mortem_url="https://x.example/?a=1&b=2")
LETTERS = {
    "event": letter(event()),
    "Slack's message": letter(filled(MESSAGE), RETRY_ATTEMPTS="10"),
    "message for the state machine": letter(filled(MESSAGE), MACHINE, ERROR_CODE="NO_RESOURCE"),
    "e-mail": letter(filled(email_text(SET, EvidencePath.session_start)), MAIL),
    "page": letter(filled(email_text(SET, EvidencePath.session_start)), PAGE),
    "usage recorder": letter(filled(usage_recorder_input(SET, EvidencePath.session_start)), RECORDER),
}


def run(folder: Path, *letters: dict[str, Any]) -> Run:
    """Run all commands of the runbook, in one shell as a person would."""
    home = folder / "home"
    home.mkdir()
    for name, text in COMMANDS.items():
        file = home / name
        file.write_text(text.replace("PYTHON", sys.executable).replace("QUEUE", QUEUE))
        file.chmod(0o700)
    (home / "letters.json").write_text(json.dumps({"Messages": letters}))
    of_the_stack = RUNBOOK.read_text().partition("\n## The queue of a spoke\n")[0]
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", of_the_stack, re.DOTALL | re.MULTILINE)
    script = "\necho --\n".join(blocks)
    assert script.count("QUEUE=…") == 1
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("QUEUE=…", f"QUEUE={QUEUE}")],
        cwd=folder,
        env={"PATH": f"{home}:/usr/bin:/bin", "HOME": str(home)},
        input="xoxb-local\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert not (folder / "dead-letters.json").exists()
    counts, rows, posts, rest = done.stdout.split("--\n")
    posted = home / "posted"
    bodies = [json.loads(line) for line in posted.read_text().splitlines()] if posted.exists() else []
    assert posts.splitlines() == ['{"ok":true,"error":null}'] * len(bodies)
    assert rest == ""
    deleted = (home / "deleted").read_text().splitlines()
    return Run(counts.splitlines(), [row.split("\t") for row in rows.splitlines()], bodies, deleted)


@pytest.fixture(scope="module")
def all_shapes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("shapes"), *LETTERS.values())


def test_runbook_shows_the_queues(all_shapes: Run) -> None:
    assert all_shapes.counts == [f"7 {QUEUE}"]


TARGETS = ["Slack", "Slack", "Slack", "e-mail", "page", "usage recorder"]


@pytest.mark.parametrize(("index", "shown"), [*enumerate(TARGETS)], ids=LETTERS)
def test_runbook_row_of_each_shape_says_who_used_what(all_shapes: Run, index: int, shown: str) -> None:
    told, target, *error = all_shapes.rows[index]
    for known in (RECORD["eventID"], "devops-break-glass", "222222222222", RECORD["eventTime"]):
        # Slack's text has no time: that is in the blocks, which are posted.
        assert known in told or (index in (1, 2) and known == RECORD["eventTime"])
    assert RECORD["requestParameters"]["roleSessionName"] in told
    assert target == shown
    assert error == ["Timeout", "NO_RESOURCE" if index == 2 else "UNKNOWN", "10" if index == 1 else "-"]


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("tamper-targets-removed", f"RemoveTargets breakglass-local-{SET.name}-session_start by arn:aws:sts::"),
        ("user-gets-access-key", "CreateAccessKey break-glass-admin by arn:aws:sts::"),
        ("root-sign-in", "ConsoleLogin arn:aws:iam::222222222222:root by arn:aws:iam::222222222222:root account"),
    ],
)
def test_runbook_row_of_other_subjects_names_the_caller(tmp_path: Path, file: str, told: str) -> None:
    record = load_record(RECORDS / f"{file}.json").content
    done = run(tmp_path, letter(event(record)))
    assert done.rows[0][0].startswith(told)
    assert record["eventID"] in done.rows[0][0]


def test_runbook_posts_what_slack_did_not_get(all_shapes: Run) -> None:
    of_event, of_message, for_machine = all_shapes.posted
    assert for_machine == of_message
    assert of_event["channel"] == of_message["channel"] == "C0123456789"
    assert of_event["text"].startswith(f"{LATE} AssumeRoleWithSAML arn:aws:iam::222222222222:role/")
    assert RECORD["eventID"] in of_event["text"]
    original = json.loads(filled(MESSAGE))
    assert of_message["text"] == f"{LATE} {original['text']}"
    assert of_message["blocks"][0]["text"]["text"] == LATE
    assert of_message["blocks"][1:] == original["blocks"]
    assert of_message["metadata"] == original["metadata"]
    assert block_problems(of_message["blocks"]) == []


def test_runbook_deletes_each_letter(all_shapes: Run) -> None:
    assert all_shapes.deleted == [each["ReceiptHandle"] for each in LETTERS.values()]


def test_runbook_with_hostile_letters_stops_at_none(tmp_path: Path) -> None:
    """Any fields of an event mention no one, reach no terminal, and hide no other letter."""
    envelope = {
        "account": "222222222222",
        "time": "t",
        "source": "breakglass.drill",
        "detail-type": "Break-glass drill",
    }
    mention = {**envelope, "detail": {"requestParameters": {"roleArn": "<!channel>\x1b[2J", "x": 1}}}
    odd = {**envelope, "detail": {"requestParameters": "text", "userIdentity": ["list"], "eventID": {"a": 1}}}
    broken = substitute(MESSAGE, {"detail": {"requestParameters": {"roleSessionName": ["a\x1b"]}}})
    drill = substitute(drill_message(SET, channel="C0OLD"), {**envelope, "id": "e-1", "detail": {"role": SET.name}})
    done = run(
        tmp_path,
        letter(json.dumps(mention)),
        letter(json.dumps(odd)),
        letter(broken, ERROR_CODE="INVALID_JSON", ERROR_MESSAGE="Invalid input for target."),
        letter(drill),
        letter("17"),
        letter("no JSON"),
        letter('{"detail": ["a"]}'),
        letter('{"text": 1, "metadata": "a"}'),
        LETTERS["event"],
    )
    assert len(done.rows) == len(done.posted) == len(done.deleted) == 9
    assert all(len(row) == 5 for row in done.rows)
    assert "\x1b" not in json.dumps(done.rows, ensure_ascii=False)
    assert [body["text"] for body in done.posted if "<" in json.dumps(body) or ">" in json.dumps(body)] == []
    assert {body["channel"] for body in done.posted} == {"C0123456789"}
    assert done.posted[2]["text"].startswith(f'{LATE} {{"channel":"C0OLD"')
    assert done.posted[3]["text"].startswith(f"{LATE} Drill: ")
    assert done.posted[5]["text"] == f"{LATE} no JSON - please explain it in the thread"
