"""The errors of an alert message as whole texts, and each limit at its edge.

It does not prove that the limits are those of Slack and EventBridge.
"""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from breakglass.alerts.messages import FIELDS, Transformer, check_transformer, email_text, slack_message
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject
from breakglass.errors import MessageError
from breakglass.vocabulary import EvidencePath

SET = PermissionSetSubject("devops-break-glass")
ROLE = RoleSubject("arn:aws:iam::222222222222:role/ops/emergency")
REGION = {"region": FIELDS["region"].path}


REFUSALS: dict[str, tuple[Callable[[], object], str]] = {
    # sentence: (what is tried, the whole refusal)
    "a configured mention": (
        lambda: slack_message(SET, EvidencePath.session_start, channel="<!channel>"),
        "Not a valid text for an alert message: '<!channel>'. There, `<` and `>` make a placeholder or a mention such "
        "as <!channel>. Quotes, backslashes, backticks, spaces and control characters break the layout or the JSON. "
        "Use only letters, digits and the punctuation of names and web addresses.",
    ),
    "a template of 8,193 characters": (
        lambda: check_transformer(Transformer({}, json.dumps("x" * 8191))),
        "The template has 8193 characters and EventBridge takes 8192. Shorten the post-mortem address; the rest of the "
        "message has a fixed length.",
    ),
    "a path that is not a safe field": (
        lambda: check_transformer(Transformer({"agent": "$.detail.userAgent"}, '"<agent>"')),
        "<agent> would insert $.detail.userAgent, which is not in the list of safe fields: EventBridge does not escape "
        "every value, so a quote in this one can turn the alert into a dead letter. "
        f"Use one of: {', '.join(sorted(FIELDS))}.",
    ),
    "a link": (
        lambda: check_transformer(Transformer({}, '"<https://x|x>"')),
        "'<https://x|x>' has angle brackets that are not a placeholder. EventBridge would read them as one, and Slack "
        "as a link or a mention. Use a button for a link, and no mention.",
    ),
    "a value of 2,001 characters": (
        lambda: check_transformer(button(value="x" * 2001)),
        "Expected a length of 1 to 2000 for the value of a button, got 2001 in the worst case: Slack would refuse the "
        "message.",
    ),
    "a text that may be empty": (
        lambda: check_transformer(replace(block(type="section", text={"text": "<region>"}), input_paths=REGION)),
        "Expected a length of 1 to 3000 for the text of a section, got 0 in the worst case: Slack would refuse the "
        "message.",
    ),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_message_error_is_exactly_this_text(sentence: str) -> None:
    attempt, whole = REFUSALS[sentence]
    with pytest.raises(MessageError) as refusal:
        attempt()
    assert str(refusal.value) == whole


def body(**changes: object) -> Transformer:
    """The smallest body of a message, with changes."""
    return Transformer({}, json.dumps({"text": "x", "blocks": [{"type": "header", "text": {"text": "x"}}], **changes}))


def block(**changes: object) -> Transformer:
    return body(blocks=[changes])


def button(text: str = "x", **changes: object) -> Transformer:
    return block(type="actions", elements=[{"text": {"text": text}, "action_id": "a", **changes}])


LIMITS: dict[str, tuple[Callable[[str], Transformer], int]] = {
    # name: (a message with a text in it, the limit of the text)
    "fallback text": (lambda text: body(text=text), 4000),
    "header": (lambda text: block(type="header", text={"text": text}), 150),
    "text of a section": (lambda text: block(type="section", text={"text": text}), 3000),
    "field of a section": (lambda text: block(type="section", fields=[{"text": text}]), 2000),
    "text of a button": (lambda text: button(text, value="x"), 75),
    "address of a button": (lambda text: button(url=f"https://x/{text}"[: len(text)]), 3000),
    "value of a button": (lambda text: button(value=text), 2000),
}


@pytest.mark.parametrize("what", LIMITS)
def test_message_beyond_a_limit_is_refused(what: str) -> None:
    message, limit = LIMITS[what]
    check_transformer(message("x" * limit))
    with pytest.raises(MessageError, match=f"for (the|a) {what}, got {limit + 1} in the worst case"):
        check_transformer(message("x" * (limit + 1)))


@pytest.mark.parametrize(("count", "error"), [(100, "not in the list of safe fields"), (101, "There are 101 paths")])
def test_transformer_with_over_100_paths_is_refused(count: int, error: str) -> None:
    with pytest.raises(MessageError, match=error):
        check_transformer(Transformer({f"n{number}": "$.detail.eventID" for number in range(count)}, '""'))


def test_template_of_8192_characters_passes() -> None:
    check_transformer(Transformer({}, json.dumps("x" * 8190)))


def test_email_of_a_plain_role_has_the_account_of_its_arn() -> None:
    text = json.loads(email_text(ROLE, EvidencePath.session_start).template)
    assert " in account 222222222222. " in text
