"""Rate limits: a person's actions that notify other people, within any hour.

Each action takes one of a limited number of keys, which are free again after an hour. A key is one conditional write,
so the limit also holds for simultaneous actions. An action that fails later counts.
"""

from breakglass.app.services.context import InteractionContext

SECONDS = 3600


def count_action(context: InteractionContext, action: str, user_id: str, limit: int) -> bool:
    """Count an action of a person; False if the limit of the last hour is reached."""
    until = context.clock() + SECONDS
    return any(context.store.once(f"{action}/{user_id}/{number}", until) for number in range(limit))
