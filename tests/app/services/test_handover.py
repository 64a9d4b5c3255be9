"""The handover: only interactions that Slack has signed, within the time that retries take.

Steps of the workflow are unsigned, so a test shows that they approve and grant nothing.

Not shown here: the permission to invoke it (tests/unit/iam/test_app_roles.py), and the receiver's part
(tests/app/entrypoints/test_receiver.py).
"""

from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.records import State
from breakglass.app.services import provisioning, workflow_steps
from breakglass.app.services.handover import read_handover
from breakglass.app.slack.payloads import Command, Interaction
from breakglass.app.slack.signature import HANDED_OVER_SECONDS, WINDOW_SECONDS, SignatureError
from tests.app.doubles.clock import NOW
from tests.app.doubles.log import MemoryLog
from tests.app.entrypoints.test_receiver import COMMAND, FORM, SECRET, signature
from tests.app.services.fake_workspace import FakeWorkspace

BODY = urlencode({**COMMAND, "text": "Größe & 東京"})


def handed(**changes: Any) -> dict[str, Any]:
    """Return what the receiver hands over, with changes; None takes a key out."""
    good = {"body": BODY, "content_type": FORM, "timestamp": str(NOW), "signature": signature(BODY.encode(), NOW)}
    return {key: value for key, value in {**good, "view_id": "V1", **changes}.items() if value is not None}


def read(of: dict[str, Any], now: int = NOW) -> Interaction:
    return read_handover(of, lambda anew: SECRET, now, MemoryLog())


def test_handover_signed_by_slack_is_read() -> None:
    interaction = read(handed())
    assert isinstance(interaction, Command)
    assert interaction.actor.user_id == "UADA0000"


REFUSED: dict[str, dict[str, Any]] = {
    "what an invoker makes up": {"signature": None, "timestamp": None},
    "no signature": {"signature": None},
    "no timestamp": {"timestamp": None},
    "another user in a signed body": {"body": BODY.replace("UADA0000", "UCLEO000")},
    "no body": {"body": None},
    "a body that is no text": {"body": {"user": "UCLEO000"}},
    "a body with half a character": {"body": "\ud800"},
    "another secret": {"signature": signature(BODY.encode(), NOW, "b" * 32)},
    "another time": {"timestamp": str(NOW - 1)},
    "a time that is no text": {"timestamp": NOW},
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_handover_unsigned_or_changed_is_refused(sentence: str) -> None:
    log = MemoryLog()
    with pytest.raises(SignatureError):
        read_handover(handed(**REFUSED[sentence]), lambda anew: SECRET, NOW, log)
    ((event, fields),) = log.lines
    assert (event, set(fields)) == ("handover_refused", {"why"})


@pytest.mark.parametrize("key", ["body", "content_type", "timestamp", "signature"])
@given(value=st.none() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=3), max_size=2))
def test_handover_any_changed_field_is_no_interaction(key: str, value: Any) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - which of the two depends on the field
        read(handed(**{key: value}))
    assert type(refused.value).__name__ in ("SignatureError", "PayloadError")


def test_handover_age_covers_every_retry_and_no_more() -> None:
    late = NOW + HANDED_OVER_SECONDS
    assert isinstance(read(handed(), late), Command)
    with pytest.raises(SignatureError, match="too old"):
        read(handed(), late + 1)
    with pytest.raises(SignatureError, match="in the future"):
        read(handed(), NOW - WINDOW_SECONDS - 1)


def test_handover_rotated_secret_is_read_once_more() -> None:
    asked: list[bool] = []

    def secret(anew: bool) -> str:
        asked.append(anew)
        return SECRET if anew else "an-older-signing-secret-1"

    assert isinstance(read_handover(handed(), secret, NOW, MemoryLog()), Command)
    assert asked == [False, True]


OF_REQUEST = ["ask", "remind", "extend", "granted", "hold", "due", "close"]
OF_PROVISIONER = [
    "prepare",
    "remove_session_deny",
    "grant",
    "poll_grant",
    "rollback_grant",
    "revoke",
    "poll_revoke",
    "verify",
    "abandon",
]


@given(st.lists(st.sampled_from(OF_REQUEST + OF_PROVISIONER), min_size=1, max_size=6))
def test_steps_invoked_by_hand_approve_and_grant_nothing(invoked: list[str]) -> None:
    workspace = FakeWorkspace()
    request = workspace.request_access()
    for step in invoked:
        event = {"step": step, "request": request.id, "account": request.accounts[0], "token": "t-0", "error": "none"}
        with suppress(Exception):
            (workflow_steps.run_step if step in OF_REQUEST else provisioning.run_step)(workspace.context, event)
    assert workspace.reload(request).state in (State.pending, State.failed)
    assert workspace.center.assigned == set()
