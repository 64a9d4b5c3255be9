"""The order of resources where `depends_on` can't give it, since other components use what they make.

Non-goals: the replacement of rules and targets (see `breakglass.components.alerts.alert_rules`).
"""

from collections.abc import Sequence

import pulumi


def known_after(value: pulumi.Output[str], *others: pulumi.Output[str]) -> pulumi.Output[str]:
    """Return an output whose users are created after the resources of other outputs, too."""
    return pulumi.Output.all(value, *others).apply(_first)


def _first(values: Sequence[str]) -> str:
    return values[0]
