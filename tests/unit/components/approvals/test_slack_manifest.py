"""The manifest of the Slack app.

Not proven here: that Slack accepts it (docs/live-checks.md).
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import breakglass.app
from breakglass.components.approvals.slack_manifest import BOT_SCOPES, app_manifest

URL = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/slack"

SCOPE_OF = {
    "auth.test": None,
    "chat.postEphemeral": "chat:write",
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "users.info": "users:read",
    "users.lookupByEmail": "users:read.email",
    "views.open": None,
    "views.publish": None,
    "views.update": None,
}
"""The scope that each method of Slack needs, by its page below https://docs.slack.dev/reference/methods."""


def test_the_manifest_is_this() -> None:
    asked = "Ask for emergency access to an AWS account"
    assert app_manifest(URL) == {
        "display_information": {
            "name": "breakglass",
            "description": "Emergency access to AWS: requested, decided, ended and explained in Slack",
            "background_color": "#b00020",
        },
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": "breakglass", "always_online": True},
            "shortcuts": [
                {
                    "name": "Request AWS access",
                    "type": "global",
                    "callback_id": "request_access",
                    "description": asked,
                }
            ],
            "slash_commands": [{"command": "/breakglass", "url": URL, "description": asked, "should_escape": False}],
        },
        "oauth_config": {"scopes": {"bot": ["chat:write", "commands", "users:read", "users:read.email"]}},
        "settings": {
            "event_subscriptions": {"request_url": URL, "bot_events": ["app_home_opened"]},
            "interactivity": {"is_enabled": True, "request_url": URL, "message_menu_options_url": URL},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }


def test_it_can_be_written_as_json() -> None:
    assert json.loads(json.dumps(app_manifest(URL))) == app_manifest(URL)


def test_it_keeps_to_the_limits_of_slack() -> None:
    made = app_manifest(URL)
    display, features = made["display_information"], made["features"]
    assert len(display["name"]) <= 35
    assert len(display["description"]) <= 140
    assert len(features["bot_user"]["display_name"]) <= 80
    for shortcut in features["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
    for command in features["slash_commands"]:
        assert len(command["command"]) <= 32


def methods_called() -> Iterator[str]:
    """Every text in the functions that looks like the name of a method of Slack."""
    for file in Path(breakglass.app.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            value: Any = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and value.partition(".")[0] in {method.partition(".")[0] for method in SCOPE_OF}:
                yield from [value] if value.count(".") == 1 and value.replace(".", "").isalpha() else []


def test_manifest_has_exactly_the_scopes_of_its_calls() -> None:
    called = set(methods_called())
    assert called, "no method found: the search is broken"
    needed = {SCOPE_OF[method] for method in called} - {None}
    assert set(BOT_SCOPES) == needed | {"commands"}
