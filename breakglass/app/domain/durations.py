"""How long something takes, as people say it.

Non-goals: points in time (see `slack.text`).
"""


def format_duration(seconds: int) -> str:
    """Write a duration as people say it, e.g. `1 h 30 min`; rounded up to minutes, which they can act on."""
    if seconds < 60:
        return f"{seconds} s"
    minutes = -(-seconds // 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{minutes} min"
