"""The rules of a roll call, which are on the hub's bus.

    key           event                                                      target
    heartbeat     the daily event of a spoke's schedule                      the log group of the roll call
    added-region  Identity Center is replicated to a further region          e-mail: a spoke has to be there, too

A spoke can't forge the account and the region of a heartbeat: EventBridge writes them.

Non-goals: the comparison of the heartbeats with the accounts (`breakglass.organization.roll_call_machine`).
"""

from dataclasses import dataclass

from breakglass.alerts.messages import Transformer, build_transformer
from breakglass.alerts.patterns import Pattern
from breakglass.alerts.patterns.parts import API_CALL, SUCCEEDED
from breakglass.naming import SPOKE_PREFIX
from breakglass.organization.spoke_rules import HEARTBEAT

ADDED_REGION = "added-region"
"""The key of the rule about a further region of Identity Center."""


@dataclass(frozen=True)
class RollCallRule:
    """A rule of a roll call on the hub's bus.

    Attributes:
        key: its key; the end of its name.
        description: its purpose, in a sentence.
        pattern: its event pattern.
    """

    key: str
    description: str
    pattern: Pattern


def roll_call_rules() -> list[RollCallRule]:
    """Return the rules of a roll call in a fixed order."""
    return [
        RollCallRule(HEARTBEAT, "Keeps the heartbeats of the spokes for the roll call.", _heartbeat_pattern()),
        RollCallRule(ADDED_REGION, "Reports that Identity Center got a further region.", _added_region_pattern()),
    ]


def added_region_text() -> Transformer:
    """Return the input transformer from the event of a further region to the text of an e-mail."""
    return build_transformer(
        "IAM Identity Center got a further region: <addedRegion>, at <time>, in account <account>. Uses of break-glass "
        "roles are recorded there from now on, so every account needs a spoke of the break-glass alerts in it. Add the "
        "region to alerts.organization.spokes.regions, and to the spoke stack of the account that owns Identity "
        "Center: see docs/runbooks/coverage.md."
    )


def _heartbeat_pattern() -> Pattern:
    return {
        "source": ["aws.events"],
        "detail-type": ["Scheduled Event"],
        "resources": [{"suffix": f":rule/{SPOKE_PREFIX}{HEARTBEAT}"}],
    }


def _added_region_pattern() -> Pattern:
    return {
        "source": ["aws.sso"],
        "detail-type": [API_CALL],
        "detail": {"eventName": ["AddRegion"], **SUCCEEDED},
    }
