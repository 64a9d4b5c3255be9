"""CloudTrail records that others captured or published, from a folder beside the repository.

The project may not ship these real records, so the tests are skipped where the folder is missing. Each record is tested
with its own role on watch: for sign-ins and sessions of a permission set the set of this name, for a call to assume a
plain role the role in the call.

It does not prove that EventBridge delivers such records.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from breakglass.alerts.messages import slack_message, substitute
from breakglass.alerts.patterns import event_pattern
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.cloudtrail import as_event
from tests.events.matcher import alerts, matches

SAMPLES = Path(__file__).parents[2].parent / "shared" / "cloudtrail"

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"no sample records in {SAMPLES}; they are not ours to ship"
)

PERMISSION_SETS = {
    "match-01-assumerolewithsaml-sso-cli": ("AdministratorAccess", ("session_start",)),
    "match-02-getrolecredentials-sso": ("AdministratorAccess", ("portal",)),
    "match-03-consolelogin-sso-devadmin": ("DevAdmin", ("console",)),
    "match-04-consolelogin-ssov2": ("developer_admin", ("console",)),
    "constructed/federate-constructed": ("AdministratorAccess", ("portal",)),
    # The token is one step of a console sign-in: ConsoleLogin follows it, and is the one that is told.
    "match-05-getsignintoken-sso": ("AdministratorAccess", ()),
    # No real format: a role of a permission set always has a suffix.
    "edge-01-getsignintoken-sso-no-suffix": ("Admin", ()),
    # Actions in an open session are not an evidence path; its start is.
    "match-12-activity-getcalleridentity-sso-session": ("AdministratorAccess", ()),
    "match-13-activity-createaccountassignment-by-sso-role": ("AdministratorAccess", ()),
    "match-14-activity-updatessoconfiguration-by-sso-role": ("AdministratorAccess", ()),
    "match-15-activity-serialconsole-by-sso-role": ("account-admin", ()),
    "match-16-activity-rds-snapshot-by-sso-role": ("DevAdmin", ()),
    # The session that goes on to another role is not a use of its own role.
    "match-07-assumerole-chain-from-sso-session": ("SecurityAudit", ()),
    # The portal lists roles; it hands none out.
    "nomatch-33-sso-listaccounts": ("AdministratorAccess", ()),
    "nomatch-34-sso-listaccountroles": ("AdministratorAccess", ()),
    "nomatch-35-ssooauth-createtokenwithiam": ("AdministratorAccess", ()),
}
"""Sample -> permission set on watch, and the alerts that it must cause."""

ASSUMED_ROLES = {
    "match-07-assumerole-chain-from-sso-session": ("session_start",),
    "match-08-assumerole-role-chaining-doc": ("session_start",),
    "match-09-assumerole-crossaccount-caller-view": ("session_start",),
    "match-10-assumerole-crossaccount-owner-view": ("session_start",),
    "match-11-assumerole-blocklisted-role": ("session_start",),
    "match-17-assumerole-iamuser-leave-org-role": ("session_start",),
    "match-18-assumerole-iamuser-get-usr-data-role": ("session_start",),
    # Its `resources` name another role than the one that was asked for; the latter counts.
    "edge-02-assumerole-resources-differs-from-rolearn": ("session_start",),
    # Not to be alerted about as they are, since their roles are ordinary ones; on watch they would be.
    "nomatch-01-assumerolewithsaml-shibboleth": ("session_start",),
    "nomatch-03-assumerolewithwebidentity-google": ("session_start",),
    "nomatch-16-assumerole-iamuser-real": ("session_start",),
    # Failed calls: an attempt, not a session. In the first, the role is in the error message alone.
    "nomatch-17-assumerole-denied-real": ("denied",),
    "nomatch-21-assumerole-accessdenied": ("denied",),
    "nomatch-25-assumerole-failed-with-rolearn": ("denied",),
}
"""Sample -> the alerts that it must cause with the role on watch that the call asks for."""


def sample(name: str) -> dict[str, Any]:
    """Return a sample with the fields that some publishers removed or invented."""
    record = {"eventTime": "2026-01-01T00:00:00Z", **json.loads((SAMPLES / f"{name}.json").read_text())}
    sign_in = record["eventSource"] == "signin.amazonaws.com" and record.get("eventType") != "AwsServiceEvent"
    record["eventType"] = "AwsConsoleSignIn" if sign_in else record.get("eventType", "AwsApiCall")
    return record


def to_event(record: dict[str, Any]) -> dict[str, Any]:
    return as_event(record, account="111111111111", region="us-east-1")


def role_asked_for(record: dict[str, Any]) -> RoleSubject:
    request = record.get("requestParameters") or {}
    return RoleSubject(request.get("roleArn") or re.findall(r"arn:aws:iam::\d+:role/\S+", record["errorMessage"])[-1])


def every_sample() -> list[str]:
    return [str(file.relative_to(SAMPLES).with_suffix("")) for file in sorted(SAMPLES.rglob("*.json"))]


@pytest.mark.parametrize("name", PERMISSION_SETS)
def test_sample_of_a_permission_set_causes_its_alert(name: str) -> None:
    watched, expected = PERMISSION_SETS[name]
    assert alerts([PermissionSetSubject(watched)], to_event(sample(name))) == expected


@pytest.mark.parametrize("name", ASSUMED_ROLES)
def test_sample_of_a_plain_role_causes_its_alert(name: str) -> None:
    record = sample(name)
    assert alerts([role_asked_for(record)], to_event(record)) == ASSUMED_ROLES[name]


@pytest.mark.parametrize("name", every_sample())
def test_sample_of_other_roles_stays_silent(name: str) -> None:
    # Neighbours of what the samples are about, and a role that one sample names as a resource it did not assume.
    neighbours: list[Role] = [
        *map(
            PermissionSetSubject, ("Administrator", "AdministratorAccess2", "devadmin", "Access", "developer_admin_2")
        ),
        RoleSubject("arn:aws:iam::444455556666:role/SAMLTestRole"),
        RoleSubject("arn:aws:iam::123456789012:role/FullAdmin"),
        RoleSubject("arn:aws:iam::111111111111:role/JohnRole"),
    ]
    if name == "edge-02-assumerole-resources-differs-from-rolearn":
        neighbours.append(RoleSubject("arn:aws:iam::444455556666:role/SAMLTestRoleShibboleth"))
    assert alerts(neighbours, to_event(sample(name))) == ()


def test_every_matching_sample_has_expectations() -> None:
    assert {
        name for name in every_sample() if name.startswith("match-")
    } <= PERMISSION_SETS.keys() | ASSUMED_ROLES.keys()


@pytest.mark.parametrize("name", [*PERMISSION_SETS, *ASSUMED_ROLES])
def test_message_of_a_sample_is_valid(name: str) -> None:
    record = sample(name)
    subjects: list[Role] = []
    if name in PERMISSION_SETS:
        subjects.append(PermissionSetSubject(PERMISSION_SETS[name][0]))
    if name in ASSUMED_ROLES:
        subjects.append(role_asked_for(record))
    for subject in subjects:
        for path in subject.evidence_paths:
            if matches(event_pattern(subject, path), to_event(record)):
                body = json.loads(substitute(slack_message(subject, path, channel="C0123456789"), to_event(record)))
                assert body["metadata"]["event_payload"]["event_id"] == record["eventID"]
                assert EvidencePath(body["metadata"]["event_payload"]["evidence"]) is path
