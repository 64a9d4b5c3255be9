"""One user's view of the local cloud's Slack: channels, messages, forms and Home tab.

Non-goals: messages before the newest hundred of a channel.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.identity import USERS
from localcloud.emulators.loopback import request_json
from localcloud.request_url import find_request_url

_NEWEST = 100


def read_user_view(cloud: RunningCloud, name: str) -> dict[str, Any]:
    """Return what a user sees in Slack.

    Returns:
        `people` (user names and display names to choose from), `members` (ID -> display name), `channels` (ID, name,
        topic, and messages in order, each with its `replies`), `ephemerals` (messages that only this user sees),
        `views` (forms and Home tab) and `app` (True if an app receives clicks).

    Raises:
        LocalCloudError: no such user.
    """
    if name and name not in USERS:
        raise LocalCloudError(f"No such user in this Slack: {name}.")
    members = cloud.call_slack("users.list", {})["members"]
    view: dict[str, Any] = {
        "people": USERS,
        "members": {each["id"]: each.get("real_name") or each["name"] for each in members},
        "app": find_request_url(cloud) is not None,
    }
    if not name:
        return view
    user = next(each["id"] for each in members if each["name"] == name)
    with ThreadPoolExecutor() as calls:
        channels = list(calls.map(partial(_read_channel, cloud), _list_channels(cloud, user)))
    return {
        **view,
        "user": user,
        "channels": channels,
        "ephemerals": request_json("GET", f"{cloud.slack_url}/_localcloud/ephemerals?user={user}"),
        "views": request_json("GET", f"{cloud.slack_url}/_localcloud/views?user={user}"),
    }


def _list_channels(cloud: RunningCloud, user: str) -> list[dict[str, Any]]:
    """Return the two channels of the app, and the user's direct messages with it."""
    listed = cloud.call_slack("conversations.list", {"types": "public_channel,im"})["channels"]
    shared = [each for each in listed if each["id"] in (cloud.slack_channel, cloud.second_channel)]
    return [*shared, *({**each, "name": "direct messages"} for each in listed if each.get("user") == user)]


def _read_channel(cloud: RunningCloud, channel: dict[str, Any]) -> dict[str, Any]:
    query = {"channel": channel["id"], "limit": _NEWEST}
    newest = cloud.call_slack("conversations.history", query)["messages"]
    messages = [
        {**message, "channel": channel["id"], "replies": _read_replies(cloud, channel["id"], message)}
        for message in reversed(newest)
    ]
    topic = channel.get("topic", {}).get("value", "")
    return {"id": channel["id"], "name": channel["name"], "topic": topic, "messages": messages}


def _read_replies(cloud: RunningCloud, channel: str, message: dict[str, Any]) -> list[dict[str, Any]]:
    if not message.get("reply_count"):
        return []
    query = {"channel": channel, "ts": message["ts"], "limit": _NEWEST}
    replies = cloud.call_slack("conversations.replies", query)["messages"]
    return [{**reply, "channel": channel} for reply in replies if reply["ts"] != message["ts"]]
