"""Checks of the messages that a record causes."""

import json
import re
from typing import Any

from breakglass.alerts.messages import email_text, slack_message, substitute
from breakglass.alerts.patterns import AlertRule
from breakglass.alerts.subjects import Watched


def assert_complete(watched: Watched, rule: AlertRule, event: dict[str, Any]) -> None:
    """Check that no label of the messages lacks a value, and that all begin with the first line."""
    body = json.loads(substitute(slack_message(watched, rule.path, rule.area, channel="C0123456789"), event))
    mail = json.loads(substitute(email_text(watched, rule.path, rule.area), event))
    fields = [field["text"] for block in body["blocks"] for field in block.get("fields", ())]
    assert len(fields) >= 5
    assert [field for field in fields if not re.fullmatch(r"\*[^*]+\*\n` *[^ `][^`]*`", field)] == []
    # A fact of these texts is `label: value.`
    assert [text for text in (body["text"], mail) if re.search(r": *\.(?= |$)", text)] == []
    line = body["blocks"][0]["text"]["text"].replace("`", "").split(" ", 1)[1]
    assert body["text"].startswith(f"{line} ")
    assert mail.startswith(f"{line} ")
    # No code span is empty, and the sentence stands without a field that the record lacks.
    assert "``" not in body["blocks"][0]["text"]["text"]
    assert not re.search(r" (account|at|by|group|in|of|role|session|set|task|to) *[.,:]( |$)", line)
