"""The commands of the runbook that find lost alerts, run on the project's records.

They run in bash with jq's own library; the AWS CLI is a stand-in that looks records up as CloudTrail's event history
does. The use of a key is left out, as in the runbook. It does not prove that the event history has a record that an
event bus gets, nor that Logs Insights understands the query.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from breakglass.alerts.patterns import alert_rules
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.cloudtrail import as_event
from localcloud.emulators.insights import LogEvent, run_query
from localcloud.records import RECORDS, Record, load_records
from localcloud.stack import ROOT
from tests.events.matcher import matches
from tests.events.watched import OPERATOR, WATCHED
from tests.unit.test_dead_letter_runbook import COMMANDS

RUNBOOK = ROOT / "docs" / "runbooks" / "slack-is-down.md"
SET = PermissionSetSubject("devops-break-glass")
# Of several sets and roles the runbook shows one.
SUBJECTS = [SET, OPERATOR, *(each for each in WATCHED if not isinstance(each, PermissionSetSubject | RoleSubject))]
RULES = [rule.pattern for watched in SUBJECTS for rule in alert_rules(watched) if rule.path is not EvidencePath.key_use]
SHOWN = "breakglass-prod-|devops-break-glass|emergency-operator|break-glass-admin|deployer|management-events"
NAMES = SHOWN.replace("prod", "local").replace("deployer", "deploy-pipeline") + '|"trail"'
"""The names of stack `local`, and of its bucket."""
# A file for each region and attribute that is asked for: the fourth and the tenth argument.
LOOKUP = """#!/bin/sh
cat "$HOME/$4 ${10}" 2>/dev/null || echo '[]'
"""


def is_told(record: Record) -> bool:
    """Say if a rule of the subjects matches."""
    event = as_event(record.content, account="222222222222", region="eu-central-1")
    return any(matches(pattern, event) for pattern in RULES)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    folders = (RECORDS, ROOT / "tests" / "events" / "records")
    return [record for folder in folders for record in load_records(folder) if "drill" not in record.content]


@pytest.fixture(scope="module")
def listed(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """IDs of the events that the commands list."""
    home = tmp_path_factory.mktemp("lost")
    for file, events in event_history(records).items():
        (home / file).write_text(json.dumps(events))
    write_command(home / "aws", LOOKUP)
    write_command(home / "jq", COMMANDS["jq"])
    section = RUNBOOK.read_text(encoding="utf-8").partition("\n## Find what was lost\n")[2].partition("\n## ")[0]
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))
    assert script.count(SHOWN) == 1
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace(SHOWN, NAMES)],
        env={"PATH": f"{home}:/usr/bin:/bin", "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return {line.rsplit("\t", 1)[1] for line in done.stdout.splitlines()}


def event_history(records: list[Record]) -> dict[str, list[str]]:
    """The events of each look-up, as CloudTrail returns them."""
    found: dict[str, list[str]] = {}
    for record in records:
        content = record.content
        named, read_only = content["eventName"], str(content.get("readOnly", False)).lower()
        for key, value in (("EventName", named), ("ReadOnly", read_only)):
            look_up = f"{content['awsRegion']} AttributeKey={key},AttributeValue={value}"
            found.setdefault(look_up, []).append(json.dumps(content))
    return found


def write_command(file: Path, text: str) -> None:
    file.write_text(text.replace("PYTHON", sys.executable))
    file.chmod(0o700)


def test_runbook_finds_every_record_that_alerts(records: list[Record], listed: set[str]) -> None:
    told = [record for record in records if is_told(record)]
    assert len(told) > 60
    assert [record.file for record in told if record.content["eventID"] not in listed] == []


def test_runbook_leaves_out_other_roles_and_users(records: list[Record], listed: set[str]) -> None:
    others = {
        record.content["eventID"]: record.file
        for record in records
        if record.file in ("silent-console-everyday-set.json", "silent-other-user-gets-key.json")
    }
    assert len(others) == 2
    assert others.keys() & listed == set()


def test_query_of_an_organization_finds_sessions(records: list[Record]) -> None:
    section = RUNBOOK.read_text(encoding="utf-8").partition("\n## Find what was lost in an organization\n")[2]
    (query,) = re.findall(r'"(fields .*?)"\)$', section, re.DOTALL | re.MULTILINE)
    events = [LogEvent(json.dumps(each.content), 0, 0) for each in records if "eventID" in each.content]

    found = {row["eventID"] for row in run_query(query.replace("$NAMES", NAMES), events)}

    sessions = [each for each in records if is_told(each) and "roleArn" in (each.content["requestParameters"] or {})]
    assert len(sessions) > 5
    assert [each.file for each in sessions if each.content["eventID"] not in found] == []
