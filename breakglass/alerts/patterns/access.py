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

from collections.abc import Iterator, Sequence

from breakglass.alerts.patterns.alternatives import PARAMETERS, split
from breakglass.alerts.patterns.parts import API_CALL, SUCCEEDED, Pattern, not_by
from breakglass.alerts.subjects import AccessArea, AccessSubject

_SOURCES: dict[AccessArea, list[str]] = {
    AccessArea.assignments: ["aws.sso"],
    AccessArea.memberships: ["aws.sso-directory", "aws.identitystore"],
    AccessArea.entitlements: ["aws.account-access"],
}


def access_patterns(subject: AccessSubject, area: AccessArea) -> Iterator[Pattern]:
    """Yield the event patterns of the rules of an area."""
    match area:
        case AccessArea.assignments:
            calls, values = ["CreateAccountAssignment"], [arn for _, arn in subject.sets]
        case AccessArea.memberships:
            calls, values = ["AddMemberToGroup", "CreateGroupMembership"], [group for _, group in subject.groups]
        case _:
            calls, values = ["CreateEntitlement"], list(subject.roles)

    def build(wanted: Sequence[str]) -> Pattern:
        return {
            "source": _SOURCES[area],
            "detail-type": [API_CALL],
            "detail": {
                "eventName": calls,
                **SUCCEEDED,
                PARAMETERS: _parameters(area, list(wanted)),
                **not_by(subject.actors),
            },
        }

    return split(build, values)


def _parameters(area: AccessArea, wanted: list[str]) -> Pattern:
    match area:
        case AccessArea.assignments:
            return {"permissionSetArn": wanted}
        case AccessArea.memberships:
            return {"groupId": wanted}
        case _:
            return {"entitlement": {"principalRole": {"roleArn": wanted}}}
