"""The project's records, through an independent matcher and the message templates.

It does not prove that CloudTrail writes records of these shapes (the samples test comes nearer), nor that a message is
delivered (the local layer does).
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from breakglass.alerts.drills import drill_message
from breakglass.alerts.evidence import GLOBAL_REGION, evidence
from breakglass.alerts.messages import email_text, slack_message, substitute
from breakglass.alerts.patterns import AlertRule, alert_rules
from breakglass.alerts.subjects import (
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.rules import Known, access_subject, tamper_subject, watched_subjects
from breakglass.stack_file.secret_keys import SECRET_KEYS
from breakglass.stack_file.stack_yaml import read_stack_yaml
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.cloudtrail import as_event
from localcloud.records import Record, RecordError, load_records
from localcloud.stack import ROOT
from tests.events.matcher import alerts, matches, ministack_matches
from tests.events.rendered import assert_complete
from tests.events.watched import ACCESS, BY_ID, MANAGEMENT, OPERATOR, POLICY, TAMPERING, USED, WATCHED

ALL_RECORDS = list(load_records())
BY_ID_RECORDS = list(load_records(Path(__file__).with_name("records")))
RECORDS = [record for record in [*ALL_RECORDS, *BY_ID_RECORDS] if "drill" not in record.content]
DRILLS = [record for record in ALL_RECORDS if "drill" in record.content]


@cache
def rules() -> list[tuple[Watched, AlertRule]]:
    """Return all rules of all subjects."""
    return [(watched, rule) for watched in (*USED, *BY_ID) for rule in alert_rules(watched)]


@pytest.fixture(autouse=True, scope="module")
def _made_by_the_code_under_test() -> None:
    """`make mutants` changes the code between two runs in one process."""
    rules.cache_clear()
    _told.cache_clear()


def to_event(record: dict[str, Any]) -> dict[str, Any]:
    return as_event(record, account="222222222222", region="eu-central-1")


@pytest.mark.parametrize("record", ALL_RECORDS, ids=[record.file for record in ALL_RECORDS])
def test_record_causes_exactly_the_expected_alerts(record: Record) -> None:
    assert alerts(WATCHED, to_event(record.content)) == record.expected


@pytest.mark.parametrize("record", BY_ID_RECORDS, ids=[record.file for record in BY_ID_RECORDS])
def test_record_by_id_causes_exactly_the_expected_alerts(record: Record) -> None:
    assert alerts([*USED, *BY_ID], to_event(record.content)) == record.expected


@pytest.mark.parametrize("record", [*ALL_RECORDS, *BY_ID_RECORDS], ids=lambda record: record.file)
def test_record_has_the_same_verdicts_by_both_matchers(record: Record) -> None:
    event = to_event(record.content)
    verdicts = {(watched.key, rule.key): matches(rule.pattern, event) for watched, rule in rules()}
    assert verdicts == {(watched.key, rule.key): ministack_matches(rule.pattern, event) for watched, rule in rules()}


def test_some_record_hits_every_rule_of_every_kind() -> None:
    hit = {_kind(watched, rule) for record in RECORDS for watched, rule in told(record)}
    assert hit == {_kind(watched, rule) for watched, rule in rules()}


def _kind(watched: Watched, rule: AlertRule) -> tuple[type[Watched], EvidencePath, object]:
    return type(watched), rule.path, rule.area


def told(record: Record) -> list[tuple[Watched, AlertRule]]:
    """Return the rules that match a record."""
    return _told(record.file)


@cache
def _told(file: str) -> list[tuple[Watched, AlertRule]]:
    [content] = (record.content for record in RECORDS if record.file == file)
    event = to_event(content)
    return [(watched, rule) for watched, rule in rules() if matches(rule.pattern, event)]


def test_records_of_global_events_are_of_their_region() -> None:
    regions = {
        (record.file, record.content["awsRegion"])
        for record in RECORDS
        for watched, rule in told(record)
        if evidence(watched, rule).region == GLOBAL_REGION
    }
    assert len(regions) > 10
    assert {file for file, region in regions if region != "us-east-1"} == set()


def test_watched_subjects_are_those_of_stack_local() -> None:
    file = ROOT / "stacks" / "Pulumi.local.yaml"
    secrets = {key: {"secure": "v1:x"} for key in SECRET_KEYS}
    stack_file = validate_stack({**read_stack_yaml(file).keys, **secrets}, file.parent)
    known = Known(account=MANAGEMENT, sets=dict(ACCESS.sets), api_id=TAMPERING.api_id or "", session_policy_id=POLICY)
    assert tuple(watched_subjects(stack_file)) == USED
    assert access_subject(stack_file, "local", known) == ACCESS
    assert tamper_subject(stack_file, "local", known) == TAMPERING


def test_records_of_refusals_are_of_the_account_of_the_caller() -> None:
    """The detection matrix says so; no record of a copy for the owner of the resource is public."""
    accounts = {
        record.file: (record.content["userIdentity"].get("accountId"), record.content["recipientAccountId"])
        for record in RECORDS
        if "errorCode" in record.content
    }
    assert len(accounts) > 10
    assert {file for file, (caller, recipient) in accounts.items() if caller not in (None, recipient)} == set()


def test_every_watched_event_has_a_look_alike_record() -> None:
    silent = {record.content["eventName"] for record in RECORDS if record.expected == ()}
    assert silent >= {"AssumeRole", "AssumeRoleWithSAML", "GetRoleCredentials", "ConsoleLogin", "SwitchRole"}
    assert silent >= {"AuthorizeOAuth2Access", "CreateOAuth2Token", "GetFederationToken", "CreateAccessKey"}
    assert silent >= {"CreateAccountAssignment", "AddMemberToGroup", "DetachPolicy", "PutSecretValue"}
    assert silent >= {"CreateEntitlement", "DeleteRule", "PutPermission", "DeleteAlarms", "Unsubscribe", "StopLogging"}
    assert silent >= {"UpdateFunctionCode20150331v2", "PutBucketPolicy", "UpdateAssumeRolePolicy"}


def test_every_record_has_expectations_and_a_unique_id() -> None:
    assert all(record.expected is not None for record in [*ALL_RECORDS, *BY_ID_RECORDS])
    assert len({record.content["eventID"] for record in RECORDS}) == len(RECORDS)


@pytest.mark.parametrize("record", [record for record in RECORDS if record.expected], ids=lambda record: record.file)
def test_message_of_a_record_has_no_forbidden_value(record: Record) -> None:
    event = to_event(record.content)
    for watched, rule in messages_of(record):
        text = substitute(slack_message(watched, rule.path, rule.area, channel="C0123456789"), event)
        mail = substitute(email_text(watched, rule.path, rule.area), event)
        body = json.loads(text)
        assert body["metadata"]["event_payload"]["event_id"] == record.content["eventID"]
        assert body["metadata"]["event_payload"]["evidence"] == rule.path
        assert record.content["eventID"] in json.loads(mail)
        for forbidden in _never_forwarded(record.content, watched, rule.path):
            assert forbidden not in text + mail


@pytest.mark.parametrize("record", [record for record in RECORDS if record.expected], ids=lambda record: record.file)
def test_messages_of_a_record_are_complete(record: Record) -> None:
    event = to_event(record.content)
    for watched, rule in messages_of(record):
        assert_complete(watched, rule, event)


@pytest.mark.parametrize("record", [record for record in RECORDS if record.expected], ids=lambda record: record.file)
def test_first_line_of_a_record_names_role_account_and_caller(record: Record) -> None:
    event, content = to_event(record.content), record.content
    identity, parameters = content["userIdentity"], content["requestParameters"] or {}
    who = (
        parameters.get("roleSessionName"),
        (identity.get("onBehalfOf") or {}).get("userId"),
        identity.get("arn"),
        identity.get("accountId"),
    )
    for watched, rule in messages_of(record):
        if not isinstance(watched, PermissionSetSubject | RoleSubject):
            continue
        body = json.loads(substitute(slack_message(watched, rule.path, channel="C0123456789"), event))
        mail = json.loads(substitute(email_text(watched, rule.path), event))
        account = body["metadata"]["event_payload"]["account"]
        for line in (body["blocks"][0]["text"]["text"], body["text"].split(". ")[0], mail.split(". ")[0]):
            assert watched.label in line
            assert account in line
            assert [name for name in who if name and name in line] or record.file == "portal-older-identity.json"


@pytest.mark.parametrize("record", [record for record in RECORDS if record.expected], ids=lambda record: record.file)
def test_first_line_of_a_record_names_event_and_caller(record: Record) -> None:
    event, identity = to_event(record.content), record.content["userIdentity"]
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    caller = identity.get("userName") or issuer.get("userName") or identity.get("principalId") or identity["type"]
    for watched, rule in messages_of(record):
        if isinstance(watched, PermissionSetSubject | RoleSubject):
            continue  # See the test above.
        body = json.loads(substitute(slack_message(watched, rule.path, rule.area, channel="C0123456789"), event))
        line = body["blocks"][0]["text"]["text"]
        assert record.content["eventName"] in line or re.search("aws login| (given|opened|started|added) ", line)
        match watched, rule.path:
            case UserSubject() | RootSubject(), EvidencePath.sign_in | EvidencePath.login | EvidencePath.change:
                assert watched.label in line.lower()
            case TamperSubject(), EvidencePath.session_start:
                assert record.content["responseElements"]["assumedRoleUser"]["arn"] in line
            case _:
                assert caller in line


_HOSTILE = '"}<!channel>`\\'


@pytest.mark.parametrize("record", [record for record in RECORDS if record.expected], ids=lambda record: record.file)
def test_free_text_of_a_record_changes_no_message(record: Record) -> None:
    crafted = json.loads(json.dumps(record.content))
    crafted |= {"userAgent": _HOSTILE, "errorMessage": _HOSTILE}
    crafted["additionalEventData"] = {**(crafted.get("additionalEventData") or {}), "LoginTo": _HOSTILE}
    texts = {"alarmName": _HOSTILE, "alarmNames": [_HOSTILE], "description": _HOSTILE, "policy": _HOSTILE}
    crafted["requestParameters"] = {**(crafted["requestParameters"] or {}), **texts}
    if crafted["userIdentity"]["type"] == "IAMUser":
        crafted["userIdentity"]["arn"] = f"arn:aws:iam::222222222222:user/{_HOSTILE}/name"
    honest, event = to_event(record.content), to_event(crafted)
    for watched, rule in messages_of(record):
        for transformer in (
            slack_message(watched, rule.path, rule.area, channel="C0123456789"),
            email_text(watched, rule.path, rule.area),
        ):
            assert substitute(transformer, event) == substitute(transformer, honest)


def messages_of(record: Record) -> list[tuple[Watched, AlertRule]]:
    """Return the rules that post a message about a record; the use of a key has an alarm."""
    return [(watched, rule) for watched, rule in told(record) if rule.path is not EvidencePath.key_use]


def _never_forwarded(record: dict[str, Any], watched: Watched, path: EvidencePath) -> list[str]:
    """Return the values that a message must not have: credentials, free text, AWS's own address."""
    freely_written = [record["userAgent"], record.get("errorMessage"), record["userIdentity"].get("credentialId")]
    credentials = (record["responseElements"] or {}).get("credentials") or {}
    policy = (record["requestParameters"] or {}).get("policy")
    paths = {EvidencePath.session_start, EvidencePath.denied}
    is_of_aws = isinstance(watched, PermissionSetSubject | RoleSubject) and path in paths
    address = record["sourceIPAddress"]
    found = [*freely_written, *credentials.values(), policy, *([address] if is_of_aws else [])]
    # The name of an AWS service that made the call, which is its address and user agent, too, may be told.
    return [text for text in found if text and (text != address or is_of_aws) and not text.endswith(".amazonaws.com")]


def test_credentials_are_blanked_in_every_record() -> None:
    found = [
        (record.content["responseElements"] or {})["credentials"]
        for record in RECORDS
        if record.content["eventSource"] == "sts.amazonaws.com" and record.content["responseElements"]
    ]
    assert len(found) > 10
    assert all(c["accessKeyId"] == c["sessionToken"] == "[blanked]" and c["expiration"] for c in found)


@pytest.mark.parametrize("record", [record for record in DRILLS if record.expected], ids=lambda record: record.file)
def test_message_of_a_drill_has_nothing_of_its_detail(record: Record) -> None:
    event = to_event(record.content)
    message = drill_message(OPERATOR, channel="C0123456789")
    honest = {**event, "detail": {"role": OPERATOR.key}}
    assert substitute(message, event) == substitute(message, honest)
    assert event["id"] in substitute(message, event)


def test_both_copies_of_a_chained_use_have_the_role_account() -> None:
    copies = {r.file: r.content for r in RECORDS if r.file.startswith("session-watched-role-chained-")}
    caller, owner = (
        copies["session-watched-role-chained-caller.json"],
        copies["session-watched-role-chained-owner.json"],
    )
    assert caller["sharedEventID"] == owner["sharedEventID"]
    assert caller["recipientAccountId"] != owner["recipientAccountId"]
    transformer = slack_message(OPERATOR, EvidencePath.session_start, channel="C0123456789")
    for record in (caller, owner):
        payload = json.loads(substitute(transformer, to_event(record)))["metadata"]["event_payload"]
        assert payload["account"] == "222222222222"


# --- the loader ----------------------------------------------------------------------------------------------------


def test_folder_without_expectations_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(json.dumps({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"}))
    (tmp_path / "a.json").write_text(json.dumps({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"}))
    (tmp_path / "a.expect").write_text("session_start\n denied\n")
    assert [(r.file, r.expected) for r in load_records(tmp_path)] == [
        ("a.json", ("denied", "session_start")),
        ("b.json", None),
    ]


@pytest.mark.parametrize(
    ("content", "teaches"),
    [
        ("{", "is no JSON"),
        ("[]", "is no CloudTrail record"),
        ('{"eventName": 1, "eventSource": "sts.amazonaws.com"}', "is no CloudTrail record"),
        ('{"Records": []}', "each entry of its Records as its own file"),
    ],
)
def test_file_that_is_not_a_record_is_refused(tmp_path: Path, content: str, teaches: str) -> None:
    (tmp_path / "odd.json").write_text(content)
    with pytest.raises(RecordError, match=rf"odd\.json .*{teaches}"):
        list(load_records(tmp_path))


def test_unknown_expectation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole"}))
    (tmp_path / "a.expect").write_text("session-start")
    with pytest.raises(
        RecordError, match=r"a\.expect expects 'session-start'.*session_start, portal, console, login, sign_in"
    ):
        list(load_records(tmp_path))
