"""The key of a log group, which the emulator can't change: which call AWS would get."""

from typing import Any

import pytest

from localcloud.provider.aws import Answer, LocalAws
from localcloud.provider.logs import LogGroup
from localcloud.provider.values import Properties

STATE: Properties = {"name": "g", "retentionInDays": 30, "skipDestroy": False, "arn": "arn:g"}


class RecordingAws(LocalAws):
    """Writes down what it is asked."""

    def __init__(self) -> None:
        super().__init__("eu-central-1")
        self.calls: list[tuple[str, Answer]] = []

    def call(self, service: str, operation: str, **parameters: Any) -> Answer:
        del parameters["logGroupName"]
        self.calls.append((operation, parameters))
        return {}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {"kmsKeyId": "k"}, [("AssociateKmsKey", {"kmsKeyId": "k"})]),
        ({"kmsKeyId": "k"}, {"kmsKeyId": "l"}, [("AssociateKmsKey", {"kmsKeyId": "l"})]),
        ({"kmsKeyId": "k"}, {}, [("DisassociateKmsKey", {})]),
        ({"kmsKeyId": "k"}, {"kmsKeyId": "k"}, []),
    ],
)
def test_a_key_is_put_on_changed_and_taken_off(
    before: Properties, after: Properties, expected: list[tuple[str, Answer]]
) -> None:
    recording = RecordingAws()
    LogGroup().update(recording, "g", {**STATE, **before}, {**STATE, **after})
    assert recording.calls == [("PutRetentionPolicy", {"retentionInDays": 30}), *expected]


def test_logs_that_are_to_stay_are_not_deleted() -> None:
    recording = RecordingAws()
    LogGroup().delete(recording, "g", {**STATE, "skipDestroy": True})
    assert recording.calls == []
    LogGroup().delete(recording, "g", STATE)
    assert recording.calls == [("DeleteLogGroup", {})]
