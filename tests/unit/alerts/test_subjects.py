from typing import Any

import pytest

from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperArea,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.vocabulary import ROLE_PATHS, EvidencePath


@pytest.mark.parametrize(
    ("subject", "label", "key"),
    [
        (PermissionSetSubject("devops-break-glass"), "devops-break-glass", "devops-break-glass"),
        (RoleSubject("arn:aws:iam::222222222222:role/emergency"), "emergency", "emergency-222222222222"),
        (RoleSubject("arn:aws-cn:iam::333333333333:role/a/b/emergency"), "emergency", "emergency-333333333333"),
        (UserSubject("arn:aws:iam::222222222222:user/ops/ada"), "ada", "user-ada-222222222222"),
        (RootSubject(), "root", "root-user"),
        (AccessSubject(), "access", "access-by-hand"),
        (TamperSubject(prefixes=("breakglass-prod-", "breakglass-dev-")), "breakglass-prod", "tampering"),
    ],
)
def test_subject_has_a_label_and_a_key(subject: Watched, label: str, key: str) -> None:
    assert (subject.label, subject.key) == (label, key)


def test_only_permission_sets_have_the_portal_path() -> None:
    assert PermissionSetSubject("devops").evidence_paths == tuple(ROLE_PATHS)
    role = RoleSubject("arn:aws:iam::222222222222:role/emergency")
    assert set(ROLE_PATHS) - set(role.evidence_paths) == {EvidencePath.portal}


@pytest.mark.parametrize(
    "named", [{"trail": "org-trail"}, {"buckets": ("trail",)}, {"keys": ("arn:aws:kms:eu-central-1:1:key/a",)}]
)
def test_tampering_has_the_area_of_the_trail_if_it_is_named(named: dict[str, Any]) -> None:
    assert TamperSubject(prefixes=("breakglass-prod-",), **named).areas == tuple(TamperArea)
    assert TamperSubject(prefixes=("breakglass-prod-",)).areas == (
        TamperArea.rules,
        TamperArea.stack,
        TamperArea.globals,
    )
