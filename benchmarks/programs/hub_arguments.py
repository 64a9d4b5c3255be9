"""The arguments of a measured hub, or of a measured stack of one account."""

from typing import cast

import pulumi

from breakglass.components.break_glass import BreakGlassArgs

REGIONS = ["eu-central-1", "us-east-1", "eu-west-1", "us-west-2"]
"""The regions of the spokes; that of the stack first."""


def arguments(roles: int, organization_id: str | None) -> BreakGlassArgs:
    """Return the arguments of a stack that watches permission sets.

    Args:
        roles: the number of sets.
        organization_id: the organization of a hub; None for a stack of one account in one region.
    """
    organization = {
        "id": organization_id,
        "spokes": {"units": ["r-0000"], "regions": REGIONS},
        "witness": {"trail_log_group": "org-trail"},
    }
    alerts = {
        "region": REGIONS[0],
        "slack": {"channel": "C0123456789"},
        "delivery": "confirmed",
        "drills": {"every": "P7D"},
        **({"organization": organization} if organization_id else {}),
        "watch": {"permission_sets": watched_sets(roles)},
        "post_mortem_url": "https://wiki.example.com/break-glass/post-mortem",
        "monitoring": {"emails": ["oncall@example.com"]},
    }
    token = pulumi.Output.secret("xoxb-000000000000-of-no-workspace")
    return cast(BreakGlassArgs, {"alerts": alerts, "slack_bot_token": token, "tags": {"environment": "benchmark"}})


def watched_sets(roles: int) -> list[str]:
    """Return the names of the watched permission sets."""
    return [f"team{index}-break-glass" for index in range(roles)]
