"""Event patterns for access that is given around the approvals.

    area          event                                                  recorded in
    assignments   CreateAccountAssignment of a break-glass set           account of the instance, or the administrator's
    memberships   AddMemberToGroup (the console) and                     account of the identity store, or the
                  CreateGroupMembership (the API), of their groups       administrator's
    entitlements  CreateEntitlement to a watched role (account access    management account, or the administrator's
                  manager)

all in Identity Center's region. A group that a directory synchronizes (SCIM) gets members without these calls. Less
access, e.g. a deleted assignment, stays silent.

The approvals' own function and the deployers are left out by the ARN of their roles.
"""

from collections.abc import Sequence

from breakglass.alerts.patterns.parts import API_CALL, SUCCEEDED, Pattern, not_by
from breakglass.alerts.subjects import AccessArea, AccessSubject

_SOURCES: dict[AccessArea, list[str]] = {
    AccessArea.assignments: ["aws.sso"],
    AccessArea.memberships: ["aws.sso-directory", "aws.identitystore"],
    AccessArea.entitlements: ["aws.account-access"],
}


def access_pattern(subject: AccessSubject, area: AccessArea, values: Sequence[str]) -> Pattern:
    """Return the event pattern of a rule, for ARNs of sets, IDs of groups or ARNs of roles."""
    wanted = list(values)
    match area:
        case AccessArea.assignments:
            call = {
                "eventName": ["CreateAccountAssignment"],
                "requestParameters": {"permissionSetArn": wanted},
            }
        case AccessArea.memberships:
            call = {
                "eventName": ["AddMemberToGroup", "CreateGroupMembership"],
                "requestParameters": {"groupId": wanted},
            }
        case _:
            call = {
                "eventName": ["CreateEntitlement"],
                "requestParameters": {"entitlement": {"principalRole": {"roleArn": wanted}}},
            }
    return {
        "source": _SOURCES[area],
        "detail-type": [API_CALL],
        "detail": {**call, **SUCCEEDED, **not_by(subject.actors)},
    }
