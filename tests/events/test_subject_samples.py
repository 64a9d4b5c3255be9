"""Published CloudTrail records of every kind of subject, from a folder beside the repository.

The project may not ship these records, so the tests are skipped where the folder is missing. Their table says which
family of rules each must match, if one stack watches all that they are about.

It does not prove that EventBridge delivers such records.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from breakglass.alerts.patterns import AlertRule, alert_rules
from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.cloudtrail import as_event
from tests.events.matcher import matches
from tests.events.rendered import assert_complete

SAMPLES = Path(__file__).parents[2].parent / "shared" / "records"

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"no sample records in {SAMPLES}; they are not ours to ship"
)

MANAGEMENT, MEMBER = "999988887777", "111122223333"
ROLE = f"arn:aws:iam::{MEMBER}:role/emergency/prod-breakglass"
FUNCTION = f"arn:aws:iam::{MANAGEMENT}:role/breakglass-prod-approvals-access"
DEPLOYER = f"arn:aws:iam::{MANAGEMENT}:role/deploy-pipeline"
SET_ARN = "arn:aws:sso:::permissionSet/ssoins-66846d02039d7f57/ps-cc3ba8d6d6642c51"

USES = {
    RootSubject(): "root",
    UserSubject(f"arn:aws:iam::{MEMBER}:user/break-glass-admin"): "user",
    PermissionSetSubject("devops-break-glass"): "role",
    RoleSubject(ROLE): "role",
}
"""Subject -> the family of its rules."""

ACCESS = AccessSubject(
    sets=(("devops-break-glass", SET_ARN),),
    groups=(("database-oncall", "114bd550-8061-702c-4bb4-2a771ff86cfb"),),
    roles=(ROLE,),
    actors=(FUNCTION, DEPLOYER),
)
TAMPERING = TamperSubject(
    prefixes=("breakglass-prod-",),
    secret_names=("breakglass-slack-bot-token", "breakglass-slack-signing-secret"),
    trail="org-trail",
    buckets=(f"org-trail-{MANAGEMENT}",),
    keys=(f"arn:aws:kms:eu-central-1:{MANAGEMENT}:key/27d7cd14-7557-4509-a438-15fbf1e8db11",),
    policy_ids=("p-endsessn01",),
    deployers=(DEPLOYER,),
    functions=(FUNCTION,),
)


def families(event: dict[str, Any]) -> set[str]:
    """Return the families of the rules that match."""
    return {_family(FAMILIES[watched], rule.path) for watched, rule in matching_rules(event)}


def matching_rules(event: dict[str, Any]) -> Iterator[tuple[Watched, AlertRule]]:
    """Yield the rules that match, each with its subject; without the rule `key_use`, which has no message."""
    for watched in FAMILIES:
        for rule in alert_rules(watched):
            if rule.path is not EvidencePath.key_use and matches(rule.pattern, event):
                yield watched, rule


def _family(family: str, path: EvidencePath) -> str:
    match path:
        case EvidencePath.denied:
            return f"{family}-attempt"
        case EvidencePath.credentials:
            return "user-credentials"
        case EvidencePath.login if family != "root":
            return "login"
        case _:
            return family


FAMILIES: dict[Watched, str] = {**USES, ACCESS: "access", TAMPERING: "tamper"}

TABLE: dict[str, dict[str, str]] = json.loads((SAMPLES / "EXPECT.json").read_text()) if SAMPLES.is_dir() else {}


@pytest.mark.parametrize("name", TABLE)
def test_sample_matches_exactly_its_families(name: str) -> None:
    expected = TABLE[name]["expect"]
    assert families(to_event(name)) == (set() if expected.startswith("silent") else set(expected.split("+")))


@pytest.mark.parametrize("name", TABLE)
def test_messages_of_a_sample_are_complete(name: str) -> None:
    event = to_event(name)
    for watched, rule in matching_rules(event):
        assert_complete(watched, rule, event)


def to_event(name: str) -> dict[str, Any]:
    record = json.loads((SAMPLES / f"{name}.json").read_text())
    return as_event(record, account=TABLE[name]["account"], region=TABLE[name]["region"])


def test_every_sample_is_in_the_table() -> None:
    assert {file.stem for file in SAMPLES.glob("*.json")} - {"EXPECT", "patterns"} == TABLE.keys()
    assert len(TABLE) == 74
