"""The kinds of alerts: which are uses, which are recorded, and how urgent each is."""

from breakglass.alerts.subjects import AccessSubject, PermissionSetSubject, RoleSubject, TamperSubject, Watched
from breakglass.vocabulary import ROLE_PATHS, EvidencePath, Severity

_USES = {*ROLE_PATHS, EvidencePath.sign_in} - {EvidencePath.denied}


def is_usage(watched: Watched, path: EvidencePath) -> bool:
    """Say if events of a rule are counted as uses; attempts and changes as root are not."""
    return not isinstance(watched, (AccessSubject, TamperSubject)) and path in _USES


def is_recorded(watched: Watched, path: EvidencePath) -> bool:
    """Say if events of a rule are uses that the approvals record, with an explanation: those of roles.

    The records of users and of root name no person.
    """
    return isinstance(watched, (PermissionSetSubject, RoleSubject)) and is_usage(watched, path)


def severity(watched: Watched, path: EvidencePath) -> Severity:
    """Return how urgent the alert of a rule is: attempts and the sessions of deployers are only mailed."""
    is_deployer = isinstance(watched, TamperSubject) and path is EvidencePath.session_start
    return Severity.mail if is_deployer or path is EvidencePath.denied else Severity.page
