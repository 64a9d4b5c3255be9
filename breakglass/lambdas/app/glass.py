"""Tells everybody, loudly, that the glass was broken.

Non-goals: whether it may be broken (see `domain.decision`).
"""

from breakglass.lambdas.app import notices
from breakglass.lambdas.app.world import Desk
from breakglass.lambdas.domain.records import Request
from breakglass.lambdas.slack import messages


def tell_everybody(desk: Desk, request: Request) -> bool:
    """Post in both channels that somebody takes access nobody has approved; False if Slack did not take all of it.

    Twice is better than never.
    """
    settings = desk.policy.settings
    body = messages.broken_glass(request, desk.policy)
    channels = [one for one in dict.fromkeys((settings.channel, settings.second_channel)) if one is not None]
    return all([notices.post(desk, request.id, one, body) is not None for one in channels])
