"""The manifest of the Slack app: what somebody pastes into Slack's page *App Manifest*.

Everything comes to one address, since one function answers it all, and by the same signature.

Sources: "App manifest reference" (https://docs.slack.dev/reference/app-manifest), and for the limits its JSON Schema
(https://github.com/slackapi/manifest-schema).

Non-goals: the app's icon, which no manifest has. The alerts alone need less (see docs/runbooks/slack-app.md).
"""

import re
from typing import Any

from breakglass.app.slack.ids import COMMAND, SHORTCUT

BOT_SCOPES = (
    # Post and update messages, in channels that the app was invited to, and to people. Not `chat:write.public`: a
    # stolen token should reach no channel that nobody invited it to.
    "chat:write",
    # The slash command and the shortcut.
    "commands",
    # Who clicks: a guest, somebody of another workspace, a bot, deactivated? The next one can't be had without it.
    "users:read",
    # Their verified address, by which they are found in Identity Center; and the other way round, for a mention.
    "users:read.email",
)
"""What the app may: no history of any channel, no list of them, no files."""


def app_manifest(request_url: str, name: str = "breakglass") -> dict[str, Any]:
    """Return the manifest, as a value that JSON can hold.

    Args:
        request_url: where Slack sends everything.
        name: what the app is called in Slack, at most 35 characters.
    """
    return {
        "display_information": {
            "name": name,
            "description": "Emergency access to AWS: requested, decided, ended and explained in Slack",
            "background_color": "#b00020",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                # Without this tab Slack refuses every message to a person (`messages_tab_disabled`), and the app writes
                # to people who clicked where nothing else can be shown to them. It reads none, so they can't write any.
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": _bot_name(name), "always_online": True},
            "shortcuts": [
                {
                    "name": "Request AWS access",
                    "type": "global",
                    "callback_id": SHORTCUT,
                    "description": "Ask for emergency access to an AWS account",
                }
            ],
            "slash_commands": [
                {
                    "command": COMMAND,
                    "url": request_url,
                    "description": "Ask for emergency access to an AWS account",
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(BOT_SCOPES)}},
        "settings": {
            "event_subscriptions": {"request_url": request_url, "bot_events": ["app_home_opened"]},
            "interactivity": {
                "is_enabled": True,
                "request_url": request_url,
                # Where lists get their entries while somebody types.
                "message_menu_options_url": request_url,
            },
            # It is installed in one workspace.
            "org_deploy_enabled": False,
            # It would need a process that is always connected; a function is there when it is called.
            "socket_mode_enabled": False,
            # A token that lives for twelve hours has to be refreshed by somebody, and an EventBridge connection, which
            # posts the alerts with it, does not. Slack can't turn it off again for an app.
            "token_rotation_enabled": False,
        },
    }


def _bot_name(name: str) -> str:
    """Spell a name in the alphabet that Slack has for bots."""
    return re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-") or "breakglass"
