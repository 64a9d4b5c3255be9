"""Durations as text. `slack.text` formats points in time."""


def format_duration(seconds: int) -> str:
    """Return a duration such as `1 h 30 min`, rounded up to minutes from one minute on."""
    if seconds < 60:
        return f"{seconds} s"
    minutes = -(-seconds // 60)
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours and rest else f"{hours} h" if hours else f"{minutes} min"
