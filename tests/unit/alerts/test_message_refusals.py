"""What the refusals of an alert message say as a whole, and each limit at its edge.

The limits are Slack's and EventBridge's; that these are theirs is not shown here.
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
        "'<!channel>' can't be put into an alert message: there `<` and `>` make a placeholder or a mention such as "
        "<!channel>, and quotes, backslashes, backticks, spaces and control characters break its layout or JSON. Use "
        "letters, digits and the punctuation of names and web addresses only.",
    ),
    "a template of 8,193 characters": (
        lambda: check_transformer(Transformer({}, json.dumps("x" * 8191))),
        "The template has 8193 characters and EventBridge takes 8192. Shorten the post-mortem address; the rest of the "
        "message has a fixed length.",
    ),
    "a path that is not known to be safe": (
        lambda: check_transformer(Transformer({"agent": "$.detail.userAgent"}, '"<agent>"')),
        "<agent> would insert $.detail.userAgent, which is not known to be safe: EventBridge does not escape every "
        "value, so a quote in this one can turn the alert into a dead letter. "
        f"Use one of: {', '.join(sorted(FIELDS))}.",
    ),
    "a link": (
        lambda: check_transformer(Transformer({}, '"<https://x|x>"')),
        "'<https://x|x>' holds angle brackets that are no placeholder. EventBridge would read them as one, and Slack "
        "as a link or a mention. Use a button for a link; mention nobody.",
    ),
    "a value of 2,001 characters": (
        lambda: check_transformer(button(value="x" * 2001)),
        "Slack takes 1 to 2000 for the length of the value of a button; at worst it would be 2001 here.",
    ),
    "a text that may be empty": (
        lambda: check_transformer(replace(block(type="section", text={"text": "<region>"}), input_paths=REGION)),
        "Slack takes 1 to 3000 for the length of the text of a section; at worst it would be 0 here.",
    ),
}


@pytest.mark.parametrize("sentence", REFUSALS)
def test_refusal_of_a_message_says_this_as_a_whole(sentence: str) -> None:
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
    # what is limited: (a message with such a text in it, how long that may be)
    "fallback text": (lambda text: body(text=text), 4000),
    "header": (lambda text: block(type="header", text={"text": text}), 150),
    "text of a section": (lambda text: block(type="section", text={"text": text}), 3000),
    "field of a section": (lambda text: block(type="section", fields=[{"text": text}]), 2000),
    "text of a button": (lambda text: button(text, value="x"), 75),
    "address of a button": (lambda text: button(url=f"https://x/{text}"[: len(text)]), 3000),
    "value of a button": (lambda text: button(value=text), 2000),
}


@pytest.mark.parametrize("what", LIMITS)
def test_message_at_a_limit_passes_and_beyond_it_is_refused(what: str) -> None:
    message, limit = LIMITS[what]
    check_transformer(message("x" * limit))
    with pytest.raises(MessageError, match=f"for the length of (the|a) {what}; at worst it would be {limit + 1} here"):
        check_transformer(message("x" * (limit + 1)))


def test_as_many_paths_as_eventbridge_takes_are_all_judged() -> None:
    with pytest.raises(MessageError, match="not known to be safe"):
        check_transformer(Transformer({f"n{number}": "$.detail.eventID" for number in range(100)}, '""'))


def test_template_as_long_as_eventbridge_takes_passes() -> None:
    check_transformer(Transformer({}, json.dumps("x" * 8190)))


def test_email_about_a_plain_role_names_the_account_of_its_arn() -> None:
    text = json.loads(email_text(ROLE, EvidencePath.session_start).template)
    assert "Account: 222222222222." in text
