"""The command `breakglass` as a person runs it, against the identity store and DynamoDB of the local cloud.

A script replaces Pulumi and prints the outputs of a stack; tests/engine shows that a stack has them. Not shown here:
signing in to AWS.
"""

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.table import day
from breakglass.app.domain.audit import audit_request
from breakglass.app.domain.policy import ApprovalPolicy, Principal, PrincipalKind, to_json
from breakglass.cli.stack_outputs import POLICY_OUTPUT, TABLE_OUTPUT
from localcloud.cloud import RunningCloud
from tests.app.aws.local_table import local_client, make_table
from tests.app.domain.examples import CLEO_ACTS, request
from tests.app.domain.policies import DATABASES, PRODUCTION, RDS, SETTINGS, policy

pytestmark = pytest.mark.local

Run = Callable[..., subprocess.CompletedProcess[str]]
TABLE = "commands"


@pytest.fixture(scope="module")
def deployed(cloud: RunningCloud) -> ApprovalPolicy:
    """A policy for the local cloud's users: on call requests, leads approve."""
    identity = cloud.client("identitystore")
    store_id = cloud.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
    groups = {
        each["DisplayName"]: Principal(PrincipalKind.group, each["GroupId"], each["DisplayName"])
        for each in identity.list_groups(IdentityStoreId=store_id)["Groups"]
    }
    rule = replace(
        DATABASES,
        requesters=(groups["database-oncall"],),
        approvers=(groups["database-leads"],),
        mention=(),
        escalate=(groups["security"],),
    )
    return policy(rule, settings=replace(SETTINGS, identity_store_id=store_id), security=(groups["security"],))


@pytest.fixture(scope="module")
def store(cloud: RunningCloud) -> DynamoStore:
    """The table of the stack."""
    return DynamoStore(local_client(cloud), make_table(cloud, TABLE))


@pytest.fixture
def breakglass(cloud: RunningCloud, deployed: ApprovalPolicy, tmp_path: Path) -> Run:
    """The command, in a folder where a script replaces Pulumi, with the credentials in the environment."""
    outputs = {POLICY_OUTPUT: to_json(deployed), TABLE_OUTPUT: TABLE}
    (tmp_path / "outputs.json").write_text(json.dumps(outputs))
    script = tmp_path / "pulumi"
    script.write_text('#!/bin/sh\ncat "$(dirname "$0")/outputs.json"\n')
    script.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {**kept, **cloud.environment(), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}

    def run(*arguments: str, stdout: IO[bytes] | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("breakglass")), *arguments]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**environment, **variables},
            stdout=stdout or subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            timeout=120,
        )
        # Text mode would change the line ends.
        out = (done.stdout or b"").decode()
        return subprocess.CompletedProcess(command, done.returncode, out, done.stderr.decode())

    return run


def test_explain_names_the_people_of_the_groups(breakglass: Run) -> None:
    done = breakglass("explain", "--who", "ada.lovelace", "--set", RDS, "--account", PRODUCTION, "--json")
    answer = json.loads(done.stdout)

    assert done.returncode == 0
    assert answer["who"]["request"]["outcome"] == "allowed"
    assert [(each["user_name"], each["outcome"]) for each in answer["approvers"]] == [
        ("barbara.liskov", "allowed"),
        ("grace.hopper", "allowed"),
    ]


def test_explain_says_why_users_can_t_approve_own_requests(breakglass: Run) -> None:
    arguments = ("--set", RDS, "--account", PRODUCTION)
    own = breakglass("explain", "--who", "grace.hopper@example.com", "--for", "grace.hopper", *arguments)
    unknown = breakglass("explain", "--who", "grace", *arguments)

    line = "grace.hopper (Grace Hopper) group database-leads can't A requester can't approve their own request."
    assert line in " ".join(own.stdout.split())
    assert unknown.returncode == 2
    assert "The identity store has no enabled user with exactly this user name" in unknown.stderr


def test_audit_exports_what_was_written_texts_and_all(breakglass: Run, store: DynamoStore) -> None:
    now = int(time.time())
    notes = ["Wait for Dot.", '=HYPERLINK("http://x")', "Grüße, 漢字 \ud83d", 'two\r\nlines, "quoted"']
    for number, note in enumerate(notes):
        asked = request(id=f"r-{number}", version=0, created_at=now)
        assert store.save_request(
            asked, [audit_request(asked, "denied", CLEO_ACTS, now - 9 + number, "denied", note=note)]
        )
    since = day(now - 86_400)
    written, parsed = (breakglass("audit", "--since", since, form) for form in ("--csv", "--json"))

    assert (written.returncode, parsed.returncode) == (0, 0)
    rows = list(csv.DictReader(io.StringIO(written.stdout, newline="")))
    assert [row["note"] for row in rows] == [notes[0], f"'{notes[1]}", "Grüße, 漢字 \\ud83d", notes[3]]
    assert [entry["note"] for entry in json.loads(parsed.stdout)] == notes
    assert {row["actor"] for row in rows} == {"Cleo"}


def test_a_reader_who_has_seen_enough_ends_an_export_quietly(breakglass: Run, store: DynamoStore) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as nobody_reads:
        done = breakglass("audit", "--since", day(int(time.time())), "--csv", stdout=nobody_reads)

    assert done.returncode == 1
    assert "Error" not in done.stderr


def test_credentials_that_are_missing_are_told(breakglass: Run) -> None:
    done = breakglass("audit", "--since", "2026-11-01", "--csv", AWS_ACCESS_KEY_ID="", AWS_EC2_METADATA_DISABLED="true")

    assert done.returncode == 1
    assert "aws sso login" in done.stderr
    assert "Traceback" not in done.stderr
