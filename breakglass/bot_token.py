"""What may go behind `Bearer ` in the calls to Slack.

Non-goals: whether Slack knows the token; only Slack can say.
"""

import re

# A connection takes 512 characters in all ("Connections for API destinations", Amazon EventBridge User Guide).
_BOT_TOKEN = re.compile(r"xoxb-[A-Za-z0-9-]{1,500}")


def sign_in_fault(token: str) -> str | None:
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
