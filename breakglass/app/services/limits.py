"""Limits how often one person does something that concerns others, within any hour.

Every act claims one of as many places as there may be acts; a place is free again after an hour. A claim is one
conditional write, so the limit also holds for acts of the same moment, which an index would not show yet.

Non-goals: what is refused; how an act is undone (an act that fails later has taken its place).
"""

from breakglass.app.services.context import InteractionContext

SECONDS = 3600


def count_action(context: InteractionContext, act: str, user_id: str, most: int) -> bool:
    """Count one more act of a person; False if there were `most` within the last hour.

    Raises:
        BusyError: that isn't known now.
    """
    until = context.clock() + SECONDS
    return any(context.store.once(f"{act}/{user_id}/{place}", until) for place in range(most))
