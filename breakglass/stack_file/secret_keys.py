"""The form of the two secrets of Slack, the bot token and the signing secret, without ever showing one.

Non-goals: whether Slack knows them; only Slack can say.
"""

import re

# A connection takes 512 characters in all ("Connections for API destinations", Amazon EventBridge User Guide).
_BOT_TOKEN = re.compile(r"xoxb-[A-Za-z0-9-]{1,500}")


def bot_token_fault(token: str) -> str | None:
    """Say why alerts can't be posted with a token, without ever showing it; None if they can.

    Source: "Token types" (Slack developer documentation)
    """
    if _BOT_TOKEN.fullmatch(token):
        return None
    return (
        "The value is no bot token. A user token would post as a person, an app-level token can't post, and with a "
        "space, a line break or JSON around it Slack refuses every alert, in an answer that EventBridge takes for a "
        "delivery."
    )


# Slack documents no alphabet, only that each app has a secret of its own; its examples are 32 letters and digits:
# https://docs.slack.dev/authentication/verifying-requests-from-slack
_SIGNING_SECRET = re.compile(r"[A-Za-z0-9]{20,128}")


def signing_secret_fault(secret: str) -> str | None:
    """Say why a text can't be a signing secret, without ever showing it; None if it can."""
    if _SIGNING_SECRET.fullmatch(secret):
        return None
    return (
        "The value is no signing secret: that is one word of letters and digits. With anything else (the bot token, a "
        "space, a line break, JSON around it) every click in Slack would be refused as forged."
    )
