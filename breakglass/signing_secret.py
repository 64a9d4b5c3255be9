"""What Slack signs its requests with.

Non-goals: whether it is the secret of this app; only Slack can say.
"""

import re

# Slack documents no alphabet, only that each app has a secret of its own; its examples are 32 letters and digits:
# https://docs.slack.dev/authentication/verifying-requests-from-slack
_SIGNING_SECRET = re.compile(r"[A-Za-z0-9]{20,128}")


def signing_fault(secret: str) -> str | None:
    """Say why a text can't be a signing secret, without ever showing it; None if it can."""
    if _SIGNING_SECRET.fullmatch(secret):
        return None
    return (
        "The value is no signing secret: that is one word of letters and digits. With anything else (the bot token, a "
        "space, a line break, JSON around it) every click in Slack would be refused as forged."
    )
