"""The texts of alerts about access that is given around the approvals."""

import re
from collections.abc import Iterable, Mapping

from breakglass.alerts.messages.alert_text import SIGNED_CALLER, UNDO, UNDO_BY_MAIL, AlertText, Runbook
from breakglass.alerts.messages.fields import CALLER
from breakglass.alerts.messages.transformer import require_plain_text
from breakglass.alerts.subjects import AccessArea, AccessSubject


def access_text(subject: AccessSubject, area: AccessArea) -> AlertText:
    """Return the text of a rule."""
    match area:
        case AccessArea.assignments:
            return AlertText(
                first_line="Break-glass set <setArn> given by hand in account <assignedAccount> to <principalType> "
                f"<assignedTo> by {CALLER}",
                action="Not planned? Delete the assignment.",
                evidence="A break-glass permission set was assigned, and not by the approvals",
                account="<assignedAccount>",
                facts={
                    "Permission set": "<setArn>",
                    "Account": "<assignedAccount>",
                    "Given to": "<principalType> <assignedTo>",
                    **SIGNED_CALLER,
                },
                ask=UNDO,
                advice=UNDO_BY_MAIL,
                runbook=Runbook.access,
                legend=_legend((arn.rsplit("/", 1)[-1], require_plain_text(name)) for name, arn in subject.sets),
            )
        case AccessArea.memberships:
            return AlertText(
                first_line=f"Member <consoleMember><member> added to break-glass group <groupId> by {CALLER}",
                action="Not planned? Remove the member.",
                evidence="A group that has a break-glass permission set got a member, and not by the approvals",
                account="<account>",
                facts={
                    "Group": "<groupId>",
                    "Member (user ID), event": "<consoleMember><member> <eventName>",
                    **SIGNED_CALLER,
                },
                ask=UNDO,
                advice=UNDO_BY_MAIL,
                runbook=Runbook.access,
                legend=_legend((group, _readable(name)) for name, group in subject.groups),
            )
        case AccessArea.entitlements:
            return AlertText(
                first_line=f"Watched role <entitledRole> given to <entitledUser><entitledGroup> by {CALLER}",
                action="Not planned? Delete the entitlement.",
                evidence="AWS's account access manager now hands out a watched role, without the approvals",
                account="<account>",
                facts={
                    "Role": "<entitledRole>",
                    "Given to (ID of a user or group), event": "<entitledUser><entitledGroup> <eventName>",
                    **SIGNED_CALLER,
                },
                ask=UNDO,
                advice=UNDO_BY_MAIL,
                runbook=Runbook.access,
            )


_LONGEST_LEGEND = 1200
"""Characters of a legend; the message has to stay below the limits of EventBridge and Slack."""


def _legend(names: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return the names of sets or groups by their IDs: as many as a message has room for."""
    legend: dict[str, str] = {}
    for value, name in names:
        legend[require_plain_text(value)] = name
        if sum(len(text) for entry in legend.items() for text in entry) > _LONGEST_LEGEND:
            del legend[value]
            break
    return legend


def _readable(name: str) -> str:
    """Return a name as a message can show it; a group's may have any 1,024 characters."""
    return re.sub(r"[^\w .,:@+=/()-]", "?", name)[:64]
