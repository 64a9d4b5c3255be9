"""Tells everybody, loudly, that the glass was broken.

Non-goals: whether it may be broken (see `domain.decision`).
"""

from breakglass.lambdas.app import notices
from breakglass.lambdas.app.world import Desk
from breakglass.lambdas.domain.records import Request
from breakglass.lambdas.slack import messages


def tell_everybody(desk: Desk, request: Request) -> None:
    """Post in both channels that somebody takes access nobody has approved; twice is better than never."""
    settings = desk.policy.settings
    body = messages.broken_glass(request, desk.policy)
    for channel in dict.fromkeys((settings.channel, settings.second_channel)):
        if channel is not None:
            notices.post(desk, request.id, channel, body)
