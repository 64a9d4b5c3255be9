"""The manifest of the Slack app, for Slack's page *App Manifest*.

All requests come to one URL, since one function answers them and verifies their signature.

Sources: "App manifest reference" (https://docs.slack.dev/reference/app-manifest), and for the limits its JSON Schema
(https://github.com/slackapi/manifest-schema).

Non-goals: the app's icon, which is not part of a manifest. The alerts alone need fewer scopes (see
docs/runbooks/slack-app.md).
"""

from typing import Any

from breakglass.app.slack.ids import COMMAND, SHORTCUT

BOT_SCOPES = (
    # Post and update messages to users and in channels with the app as a member. Without `chat:write.public` a
    # stolen token reaches no other channel.
    "chat:write",
    # The slash command and the shortcut.
    "commands",
    # The kind of user: a guest, a user of another workspace, a bot, deactivated. The next scope requires this scope.
    "users:read",
    # The verified address, to find the user in Identity Center, and the reverse for a mention.
    "users:read.email",
)
"""The bot scopes: no history or list of channels, and no files."""


def app_manifest(request_url: str) -> dict[str, Any]:
    """Return the manifest, JSON-ready; `request_url` is for all of Slack's requests."""
    return {
        "display_information": {
            "name": "breakglass",
            "description": "Emergency access to AWS: requested, decided, ended and explained in Slack",
            "background_color": "#b00020",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                # Without this tab Slack refuses every direct message (`messages_tab_disabled`), which the app sends
                # where a click has no other surface for its answer. The app reads no messages, so the tab is read-only.
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "breakglass", "always_online": True},
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
                # URL for the options of lists while the user types.
                "message_menu_options_url": request_url,
            },
            # The app is installed in one workspace.
            "org_deploy_enabled": False,
            # Socket mode needs a process that is always connected; a Lambda function is not.
            "socket_mode_enabled": False,
            # A rotated token expires after twelve hours, and the EventBridge connection that posts the alerts can't
            # refresh it. Slack can't turn rotation off again for an app.
            "token_rotation_enabled": False,
        },
    }
