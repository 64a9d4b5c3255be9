"""Thread replies, alarms, reminders and explanations: exact texts, safe with any text of people.

It does not prove that Slack notifies a channel of `<!channel>`.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.grant_lifecycle import GrantEvent
from breakglass.app.domain.records import SYSTEM, Actor, AuditEntry, Explanation, Kind, State, UsageState
from breakglass.app.domain.request_lifecycle import Event
from breakglass.app.domain.usage_lifecycle import UsageEvent
from breakglass.app.slack import ids
from breakglass.app.slack.message_content import LONGEST_MESSAGE, MessageContent
from breakglass.app.slack.messages import (
    acceptance_message,
    broken_glass_message,
    explanation_message,
    explanation_reminder,
    mention,
    thread_reply,
    undelivered_request_message,
    unmanaged_assignment_message,
)
from breakglass.app.slack.text import format_time
from tests.app.domain.policies import PRODUCTION, RDS, STAGING, policy
from tests.app.doubles.clock import NOW
from tests.app.slack.samples import (
    ACCOUNTS,
    ADA_ACTOR,
    BEA_ACTOR,
    EXPLAINED,
    POLICY,
    REQUEST,
    USE,
    assert_message,
    assert_shown_safely,
    buttons,
    hostile,
    hostile_actor,
    hostile_policy,
    hostile_request,
    standing,
    texts,
    with_long_and_odd_texts,
)

WHEN = "<!date^1764000000^{date_short_pretty} at {time}|2025-11-24 16:00 UTC>"
DUE = "<!date^1764086400^{date_short_pretty} at {time}"


def entry(event: str, **changes: Any) -> AuditEntry:
    """An audit entry with Bea as actor."""
    line = AuditEntry(NOW, REQUEST.id, event, Actor("u-bea", "Bea"), RDS, (PRODUCTION,), "databases", "", "pending", "")
    return replace(line, **changes)


def markdown(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def plain(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


# --- thread replies --------------------------------------------------------------------------------------------------

REPLIES = [
    (Event.approval_given, ":white_check_mark: <@UBEA> approved, by rule `databases`. More approvals are needed."),
    (
        Event.approved,
        ":white_check_mark: Approved by <@UBEA>, by rule `databases`. The message above shows the progress.",
    ),
    (Event.denied, ":no_entry: Denied by <@UBEA>, by rule `databases`. No access was granted."),
    (Event.withdrawn, ":leftwards_arrow_with_hook: <@UBEA> withdrew the request. No access was granted."),
    (
        Event.expired,
        ":hourglass: The request has expired: no approver decided in time. No access was granted. Request it again if "
        "it is still needed.",
    ),
    (
        Event.glass_broken,
        ":rotating_light: <@UBEA> broke the glass, by rule `databases`: access without approval. The message above "
        "shows the progress. An explanation is required.",
    ),
    (Event.acknowledged, ":eyes: Acknowledged by <@UBEA>."),
    (
        Event.opened,
        ":unlock: Access is active in `production (222222222222)`. Start it from the access portal. A command line "
        "sees the role only after `aws sso logout` and `aws sso login`.",
    ),
    (Event.failed, ":x: The request failed and changed nothing."),
    (Event.returned, "<@UBEA> ended their access. It is being revoked."),
    (Event.ended_early, ":octagonal_sign: <@UBEA> ended the access. It is being revoked."),
    (Event.run_out, "The time is over. It is being revoked."),
    (Event.abandoned, ":warning: The workflow failed. It is being revoked."),
    (Event.extended, "The end of the access was moved; its own message shows it."),
    (
        Event.closed,
        ":lock: Closed, and verified: this request grants no access any more. A session that was open when the access "
        "ended stays valid for up to 1 h.",
    ),
    (GrantEvent.failed, ":x: Not granted: `production (222222222222)`."),
]


@pytest.mark.parametrize(("event", "text"), REPLIES)
def test_thread_reply_of_event_is_one_line(event: str, text: str) -> None:
    assert thread_reply(entry(event), "UBEA", POLICY) == MessageContent(text, [markdown(text)])


@pytest.mark.parametrize(
    ("changes", "slack_id", "text"),
    [
        (
            {"event": Event.lengthened, "actor": SYSTEM, "note": "r-more"},
            None,
            "The end was moved by the approved extension `r-more`.",
        ),
        (
            {"event": Event.returned, "before": State.approved},
            "UBEA",
            "<@UBEA> ended their access. No access had been granted.",
        ),
        ({"event": Event.acknowledged}, None, ":eyes: Acknowledged by `Bea`."),
    ],
    ids=["an extension is named", "no access was granted", "a name without a Slack ID"],
)
def test_thread_reply_names_what_changed(changes: dict[str, Any], slack_id: str | None, text: str) -> None:
    reply = thread_reply(entry(**changes), slack_id, POLICY)
    assert reply is not None
    assert reply.text == text


QUIET = [
    Event.requested,
    Event.posted,
    Event.waiting,
    Event.escalated,
    Event.reminded,
    Event.announced,
    Event.prepared,
    *(event for event in GrantEvent if event is not GrantEvent.failed),
    *UsageEvent,
    "unrecorded_found",
    "",
]


@pytest.mark.parametrize("event", QUIET)
def test_thread_reply_of_quiet_event_is_none(event: str) -> None:
    assert thread_reply(entry(event), "UBEA", POLICY) is None


def test_thread_reply_covers_every_request_event() -> None:
    assert {*Event} == {event for event, _ in REPLIES if event in set(Event)} | {Event.lengthened} | (
        {*QUIET} & {*Event}
    )


NOTES = [
    (Event.denied, "Reason for the denial"),
    (Event.glass_broken, "Why it could not wait"),
    (Event.ended_early, "Reason for ending"),
    (Event.failed, "What failed"),
    (Event.approved, "Their note"),
    (GrantEvent.failed, "Identity Center said"),
]


@pytest.mark.parametrize(("event", "label"), NOTES)
def test_thread_reply_shows_the_whole_note(event: str, label: str) -> None:
    note = "not now: <!channel>\n" + "x" * 2980
    told = thread_reply(entry(event, note=note), None, POLICY)
    assert told is not None
    assert told.blocks[1:] == [markdown(f"*{label}*"), plain(note)]


# --- mentions and alarms ---------------------------------------------------------------------------------------------


def test_mention_says_why_and_until_when() -> None:
    text = (
        "<@UBEA> `Cleo` No approver has answered yet. <@UADA> waits for `devops-break-glass`. Approve or deny it in "
        "the message above. Without an answer it expires "
        "<!date^1764001800^{date_short_pretty} at {time} ({ago})|2025-11-24 16:30 UTC>."
    )
    assert mention(REQUEST, ("<@UBEA>", "`Cleo`"), "No approver has answered yet.") == MessageContent(
        text, [markdown(text)]
    )


def test_undelivered_request_message_says_what_to_do() -> None:
    told = undelivered_request_message(replace(REQUEST, state=State.failed, note="The workflow failed (SlackError)."))
    assert told.text == (
        f":x: Your request for `devops-break-glass` (`{REQUEST.id}`) has failed: it could not be posted in the "
        "channel, so no approver saw it. No access was granted. Phone an approver, then request it again."
    )
    assert told.blocks[-1]["text"]["text"] == "The workflow failed (SlackError)."


def test_broken_glass_message_has_reasons_and_end_button() -> None:
    request = standing(State.approved, glass=True, approvals=(), justification="no approver is awake")
    told = broken_glass_message(request, POLICY)
    text = (
        "<!channel> :rotating_light: *The glass was broken.* <@UADA> takes `devops-break-glass` in "
        "`production (222222222222)` for 1 h, without approval."
    )
    assert told.text == text
    assert told.blocks[1:-2] == [
        markdown(text),
        markdown(f"The glass was broken {format_time(request.decided_at or 0)}."),
        markdown("*Accounts:* `production (222222222222)`"),
        markdown("*Reason*"),
        plain("the restore failed"),
        markdown("*Why it could not wait*"),
        plain("no approver is awake"),
        markdown(
            "*If this is right:* let them work. They explain it afterwards, and a second person accepts the "
            "explanation.\n"
            "*If it is not:* press *End now*. The approvers for this role, and group `security` may do that."
        ),
    ]
    assert buttons(told.blocks) == [ids.END]


def test_unmanaged_assignment_message_says_its_fate() -> None:
    left = unmanaged_assignment_message(RDS, STAGING, "group admins", False, False, POLICY)
    assert left.blocks == [
        markdown(
            ":rotating_light: `group admins` is assigned `devops-break-glass` in `staging (333333333333)`, and neither "
            "a request nor the stack file made that assignment."
        ),
        markdown(
            "It stays, as the stack file says. Remove it in Identity Center if it is not needed.\n"
            "*If it is unexpected:* treat it as a security incident."
        ),
    ]
    taken = unmanaged_assignment_message(RDS, STAGING, "Ada", False, True, POLICY).text
    assert "It is revoked when the search meets it again, usually within ten minutes." in taken
    assert "the assignment came late" in unmanaged_assignment_message(RDS, STAGING, "Ada", True, True, POLICY).text


# --- explanations ----------------------------------------------------------------------------------------------------


def test_explanation_message_shows_all_and_asks_for_acceptance() -> None:
    told = explanation_message(EXPLAINED, POLICY)
    text = (
        ":memo: <@UADA> has explained the usage of `devops-break-glass` in `production (222222222222)` by `ada`, "
        f"{WHEN}."
    )
    assert told.text == text
    assert told.blocks[:-1] == [
        markdown(text),
        markdown("*Why it was needed*"),
        plain("the restore failed"),
        markdown("*Incident*"),
        plain("INC-1"),
        markdown("*What was done*"),
        plain("restored it"),
        {
            "type": "context",
            "elements": [
                {
                    "type": "mrkdwn",
                    "text": "An approver for this role or group `security` accepts it; not <@UADA>, and not the "
                    "user of the role.",
                    "verbatim": True,
                }
            ],
        },
    ]
    assert buttons(told.blocks) == [ids.ACCEPT]


def test_explanation_message_names_the_request() -> None:
    assert "under request `r-1`" in explanation_message(replace(EXPLAINED, request_id="r-1"), POLICY).text


def test_acceptance_message_closes_the_usage() -> None:
    text = ":white_check_mark: Explanation accepted by <@UBEA>. This usage of `devops-break-glass` is closed."
    assert acceptance_message(replace(EXPLAINED, state=UsageState.accepted, accepted_by=BEA_ACTOR)) == MessageContent(
        text, [markdown(text)]
    )


def test_explanation_reminder_is_due_then_overdue() -> None:
    due = explanation_reminder(USE, POLICY, overdue=False)
    assert due.text == (
        ":bell: Not explained yet: the usage of `devops-break-glass` in `production (222222222222)` by `ada`, "
        f"{WHEN}. Due {DUE} ({{ago}})|2025-11-25 16:00 UTC>."
    )
    assert buttons(due.blocks) == [ids.EXPLAIN_USE]
    late = explanation_reminder(USE, POLICY, overdue=True)
    assert late.text.startswith(":rotating_light: Not explained yet: ")
    assert f"Overdue since {DUE}|2025-11-25 16:00 UTC>." in late.text
    assert "treat it as a security incident" in late.blocks[1]["text"]["text"]


def test_explanation_reminder_of_explained_usage_asks_to_accept() -> None:
    told = explanation_reminder(EXPLAINED, POLICY, overdue=True)
    assert told.text.startswith(":rotating_light: The explanation by <@UADA> of the usage of `devops-break-glass`")
    assert " is not accepted yet. " in told.text
    assert buttons(told.blocks) == [ids.ACCEPT]


def test_explanation_reminder_of_unknown_user() -> None:
    assert (
        " by an unknown user, "
        in explanation_reminder(replace(USE, user_id="", session_name=""), POLICY, overdue=False).text
    )


# --- the worst case --------------------------------------------------------------------------------------------------


def every_message(text: str) -> list[MessageContent]:
    """Return every message, with this text in all places that people write."""
    request = hostile_request(text, State.approved, Kind.extension, glass=True)
    use = replace(
        EXPLAINED,
        permission_set=text,
        user_id=text,
        session_name=text,
        request_id=text,
        explanation=Explanation(hostile_actor(text), NOW, text, text, text, text),
        accepted_by=hostile_actor(text),
    )
    of = replace(hostile_policy(text), security=policy().security * 20)
    every = (*Event, *GrantEvent)
    lines = [entry(event, actor=hostile_actor(text), note=text, rule=text, accounts=ACCOUNTS) for event in every]
    return [
        *(reply for line in lines if (reply := thread_reply(line, text, of)) is not None),
        mention(request, ("<@UADA>",) * 21, "This request still waits."),
        undelivered_request_message(replace(request, note=text)),
        unmanaged_assignment_message(text, text, text, False, True, of),
        explanation_message(use, of),
        acceptance_message(use),
        explanation_reminder(use, of, overdue=True),
        explanation_reminder(replace(use, state=UsageState.unexplained), of, overdue=False),
    ]


@given(text=hostile)
@with_long_and_odd_texts
def test_messages_with_any_text_are_safe(text: str) -> None:
    for body in every_message(text):
        assert_message(body.blocks, LONGEST_MESSAGE)
        assert_shown_safely(body.blocks, body.text)


@given(text=hostile | st.just("x" * 3000), kind=st.sampled_from(Kind))
def test_broken_glass_message_mentions_only_the_channel(text: str, kind: Kind) -> None:
    request = hostile_request(text, State.approved, kind, glass=True)
    told = broken_glass_message(request, hostile_policy(text))
    assert_message(told.blocks, LONGEST_MESSAGE)
    for markup in (told.text, *texts(told.blocks, "mrkdwn")):
        assert markup.count("<!channel>") == (1 if markup == told.text else 0)
    quiet = [
        {**block, "text": {**block["text"], "text": block["text"]["text"].replace("<!channel>", "")}}
        if block.get("text", {}).get("type") == "mrkdwn"
        else block
        for block in told.blocks
    ]
    assert_shown_safely(quiet)


def test_explanation_message_too_long_says_where_the_rest_is() -> None:
    whole = Explanation(ADA_ACTOR, NOW, "a" * 3000, "b" * 300, "c" * 3000, "d" * 2000)
    told = explanation_message(replace(EXPLAINED, explanation=whole), POLICY)
    assert [text for text in texts(told.blocks, "plain_text") if len(text) > 100] == [
        whole.reason,
        whole.incident,
        whole.done,
        whole.follow_up,
    ]
    longer = replace(EXPLAINED, explanation=replace(whole, follow_up='"' * 3000))
    shown = "\n".join(texts(explanation_message(longer, POLICY).blocks, "mrkdwn"))
    assert shown.count("1500 more characters are in the audit trail (`breakglass audit`).") == 3
