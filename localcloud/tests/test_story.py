"""The story of the approval workflow: how scenes are judged and chapters end, and what it has the stack file say.

Whether it plays well against the app is shown by the demo.
"""

from typing import Any

import pytest

from localcloud import story
from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.scenes import Scene
from localcloud.stage import ChapterOverError, Stage, about, button_value, has_button, standing
from localcloud.story import NOBODY_AWAKE, PRODUCTION, STAGING, play_story, settings

BUTTON = {"type": "button", "action_id": "approve", "value": "r-1"}


@pytest.fixture
def cloud() -> RunningCloud:
    """A cloud that nobody asks anything."""

    class Silent(RunningCloud):
        def delay_assignments(self, **course: Any) -> None:
            pass

    url = "http://127.0.0.1:1"
    return Silent(url, url, url, "C1", "C2", "xoxb-1", "secret", {})


def test_a_scene_is_as_expected_or_not() -> None:
    assert Scene("", "a door", "a door", 1).ok
    assert not Scene("", "a door", "a wall", 1).ok


def test_a_scene_is_remembered_with_what_was_seen(cloud: RunningCloud) -> None:
    told: list[str] = []
    stage = Stage(cloud, "http://127.0.0.1:1/slack", told.append)
    with stage.scene("somebody knocks", "a door") as scene:
        scene.seen = "a door"
    assert [(scene.name, scene.expected, scene.seen, scene.ok) for scene in stage.scenes] == [
        ("somebody knocks", "a door", "a door", True)
    ]
    assert told == ["somebody knocks"]


@pytest.mark.parametrize("error", [LocalCloudError("Waited in vain."), ConnectionRefusedError("nobody there")])
def test_what_goes_wrong_is_seen_and_ends_the_chapter(cloud: RunningCloud, error: Exception) -> None:
    stage = Stage(cloud, "http://127.0.0.1:1/slack")
    with pytest.raises(ChapterOverError), stage.scene("somebody knocks", "a door"):
        raise error
    with pytest.raises(ChapterOverError), stage.scene("somebody knocks again", "a door") as scene:
        scene.seen = "a wall"
    assert [scene.seen for scene in stage.scenes] == [str(error), "a wall"]


def test_the_other_chapters_are_played_though_one_goes_wrong(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(stage: Stage, *_: object) -> str:
        with stage.scene("wrong", "a door"):
            pass
        return "never"

    def right(stage: Stage, *_: object) -> str:
        with stage.scene("right", "a door") as scene:
            scene.seen = "a door"
        return "r-1"

    def expired(stage: Stage, request: str) -> None:
        with stage.scene(f"expired {request}", "") as scene:
            scene.seen = ""

    for name, chapter in {
        "_asked_at_night": right,
        "_approved": wrong,
        "_denied": right,
        "_broken_glass": wrong,
        "_expired": expired,
    }.items():
        monkeypatch.setattr(story, name, chapter)
    scenes = play_story(cloud, "http://127.0.0.1:1/slack")
    assert [scene.name for scene in scenes] == ["right", "wrong", "right", "wrong", "expired r-1"]
    monkeypatch.setattr(story, "_asked_at_night", wrong)
    assert [scene.name for scene in play_story(cloud, "http://127.0.0.1:1/slack")] == [
        "wrong",
        "wrong",
        "right",
        "wrong",
    ]


def test_the_story_has_the_network_rules_wait_for_seconds() -> None:
    rules: list[dict[str, Any]] = [
        {"sets": ["devops-break-glass"], "accounts": [PRODUCTION]},
        {"sets": ["network-break-glass"], "accounts": [STAGING], "escalate": {"after": "PT5M"}},
        {"sets": ["network-break-glass"], "accounts": [PRODUCTION]},
    ]
    assert settings({"rules": rules}) == {
        "breakglass:approvals.rules[1].requestExpiry": NOBODY_AWAKE[STAGING],
        "breakglass:approvals.rules[1].escalate.after": "PT2S",
        "breakglass:approvals.rules[2].withoutApproval.after": NOBODY_AWAKE[PRODUCTION],
    }


def test_a_message_tells_what_it_is_about_and_how_that_stands() -> None:
    message = {
        "text": "Access wanted: ada asks",
        "metadata": {"event_payload": {"id": "r-1"}},
        "blocks": [{"type": "section"}, {"type": "actions", "elements": [BUTTON]}],
    }
    assert (about(message), standing(message)) == ("r-1", "Access wanted")
    assert has_button(message, "approve")
    assert button_value(message, "approve") == "r-1"
    assert not has_button(message, "deny")
    assert button_value(message, "deny") == ""
    assert about({"text": "hello"}) == ""
