import pytest

from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject
from breakglass.vocabulary import ROLE_PATHS, EvidencePath


@pytest.mark.parametrize(
    ("subject", "label", "key"),
    [
        (PermissionSetSubject("devops-break-glass"), "devops-break-glass", "devops-break-glass"),
        (RoleSubject("arn:aws:iam::222222222222:role/emergency"), "emergency", "emergency-222222222222"),
        (RoleSubject("arn:aws-cn:iam::333333333333:role/a/b/emergency"), "emergency", "emergency-333333333333"),
    ],
)
def test_subject_has_a_label_and_a_key(subject: Role, label: str, key: str) -> None:
    assert (subject.label, subject.key) == (label, key)


def test_only_permission_sets_have_the_portal_path() -> None:
    assert PermissionSetSubject("devops").evidence_paths == tuple(ROLE_PATHS)
    role = RoleSubject("arn:aws:iam::222222222222:role/emergency")
    assert set(ROLE_PATHS) - set(role.evidence_paths) == {EvidencePath.portal}
