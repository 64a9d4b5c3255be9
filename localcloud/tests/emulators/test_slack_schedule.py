"""Scheduled messages of the local cloud's Slack, as its documentation has them."""

from typing import Any

import pytest

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.slack_schedule import ScheduledMessages, ScheduleError

NOW = 1_000_000
DAY = 86_400
MESSAGE = {"channel": "C1", "text": "later", "post_at": NOW + DAY}


def test_scheduled_message_stays_until_it_is_deleted() -> None:
    messages = ScheduledMessages()
    answer = messages.schedule(MESSAGE, NOW)
    assert (answer["ok"], answer["channel"], answer["post_at"]) == (True, "C1", NOW + DAY)
    identifier = answer["scheduled_message_id"]
    assert messages.list() == [{"id": identifier, "channel": "C1", "post_at": NOW + DAY}]
    deletion = {"channel": "C1", "scheduled_message_id": identifier}
    assert messages.delete(deletion) == {"ok": True}
    assert messages.list() == []
    with pytest.raises(ScheduleError, match="invalid_scheduled_message_id"):
        messages.delete(deletion)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"post_at": NOW}, "time_in_past"),
        ({"post_at": str(NOW + 121 * DAY)}, "time_too_far"),
        ({"post_at": "tomorrow"}, "invalid_time"),
        ({"post_at": None}, "invalid_time"),
        ({"text": ""}, "no_text"),
    ],
)
def test_message_that_slack_can_not_schedule_is_refused(fields: dict[str, Any], error: str) -> None:
    messages = ScheduledMessages()
    with pytest.raises(ScheduleError, match=error):
        messages.schedule({**MESSAGE, **fields}, NOW)
    assert messages.list() == []


def test_message_beyond_30_in_five_minutes_is_refused() -> None:
    messages = ScheduledMessages()
    for second in range(30):
        messages.schedule({**MESSAGE, "post_at": NOW + DAY + second}, NOW)
    with pytest.raises(ScheduleError, match="restricted_too_many"):
        messages.schedule(MESSAGE, NOW)
    messages.schedule({**MESSAGE, "channel": "C2"}, NOW)
    messages.schedule({**MESSAGE, "post_at": NOW + DAY + 600}, NOW)


@pytest.mark.local
def test_slack_schedules_in_a_channel_that_it_has(cloud: RunningCloud) -> None:
    metadata = {"event_type": "test", "event_payload": {}}
    message = {"channel": cloud.second_channel, "text": "later", "post_at": 2_000_000_000 + DAY, "metadata": metadata}
    with pytest.raises(LocalCloudError, match="time_too_far"):
        cloud.call_slack("chat.scheduleMessage", message)
    with pytest.raises(LocalCloudError, match="channel_not_found"):
        cloud.call_slack("chat.scheduleMessage", {**message, "channel": "C0NOWHERE"})
    deletion = {"channel": cloud.second_channel, "scheduled_message_id": "Q1"}
    with pytest.raises(LocalCloudError, match="invalid_scheduled_message_id"):
        cloud.call_slack("chat.deleteScheduledMessage", deletion)
