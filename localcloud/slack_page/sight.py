"""What one person sees in the local cloud's Slack, in one value.

Non-goals: older messages than the newest hundred of a channel.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.identity import USERS
from localcloud.emulators.loopback import request_json
from localcloud.request_url import request_url

_NEWEST = 100


def sight(cloud: RunningCloud, name: str) -> dict[str, Any]:
    """Tells what a person sees.

    Args:
        cloud: whose Slack it is.
        name: the person's; empty for nobody in particular.

    Returns:
        `people` (those whom one can be: name and whole name), `members` (id -> whole name), `channels` (id, name, topic
        and messages in the order in which they came, each with its `replies`), `whispers` (what only this person is
        told), `views` (forms and Home tab), `app` (whether there is one to take a click) and `commands`.

    Raises:
        LocalCloudError: if there is no such person.
    """
    if name and name not in USERS:
        raise LocalCloudError(f"There is no {name} in this Slack.")
    members = cloud.call_slack("users.list", {})["members"]
    seen: dict[str, Any] = {
        "people": USERS,
        "members": {one["id"]: one.get("real_name") or one["name"] for one in members},
        "app": request_url(cloud) is not None,
    }
    if not name:
        return seen
    user = next(one["id"] for one in members if one["name"] == name)
    with ThreadPoolExecutor() as calls:
        channels = list(calls.map(partial(_channel, cloud), _channels(cloud, user)))
    return {
        **seen,
        "user": user,
        "channels": channels,
        "whispers": request_json("GET", f"{cloud.slack_url}/_localcloud/ephemerals?user={user}"),
        "views": request_json("GET", f"{cloud.slack_url}/_localcloud/views?user={user}"),
    }


def _channels(cloud: RunningCloud, user: str) -> list[dict[str, Any]]:
    """The two channels of the app, and the person's conversation with it if there is one."""
    listed = cloud.call_slack("conversations.list", {"types": "public_channel,im"})["channels"]
    of_the_app = [one for one in listed if one["id"] in (cloud.slack_channel, cloud.second_channel)]
    return [*of_the_app, *({**one, "name": "the app, to you"} for one in listed if one.get("user") == user)]


def _channel(cloud: RunningCloud, channel: dict[str, Any]) -> dict[str, Any]:
    asked = {"channel": channel["id"], "limit": _NEWEST}
    newest = cloud.call_slack("conversations.history", asked)["messages"]
    messages = [
        {**message, "channel": channel["id"], "replies": _replies(cloud, channel["id"], message)}
        for message in reversed(newest)
    ]
    topic = channel.get("topic", {}).get("value", "")
    return {"id": channel["id"], "name": channel["name"], "topic": topic, "messages": messages}


def _replies(cloud: RunningCloud, channel: str, message: dict[str, Any]) -> list[dict[str, Any]]:
    if not message.get("reply_count"):
        return []
    asked = {"channel": channel, "ts": message["ts"], "limit": _NEWEST}
    replies = cloud.call_slack("conversations.replies", asked)["messages"]
    return [{**reply, "channel": channel} for reply in replies if reply["ts"] != message["ts"]]
