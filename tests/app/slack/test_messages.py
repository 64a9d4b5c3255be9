"""The story in a thread, alarms, reminders and explanations: exact texts, and safe whatever people wrote.

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
    HOSTILE,
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
)

WHEN = "<!date^1764000000^{date_short_pretty} at {time}|2025-11-24 16:00 UTC>"
DUE = "<!date^1764086400^{date_short_pretty} at {time}"


def entry(event: str, **changes: Any) -> AuditEntry:
    """A line of the trail, of Bea's doing."""
    line = AuditEntry(NOW, REQUEST.id, event, Actor("u-bea", "Bea"), RDS, (PRODUCTION,), "databases", "", "pending", "")
    return replace(line, **changes)


def markdown(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def plain(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}


# --- the story -------------------------------------------------------------------------------------------------------

STORIES = [
    (Event.approval_given, ":white_check_mark: <@UBEA> approves, by rule `databases`. It takes more approvals."),
    (
        Event.approved,
        ":white_check_mark: Approved by <@UBEA>, by rule `databases`. The message above shows what comes of it.",
    ),
    (Event.denied, ":no_entry: Denied by <@UBEA>, by rule `databases`. Nothing was opened."),
    (Event.withdrawn, ":leftwards_arrow_with_hook: <@UBEA> took the request back. Nothing was opened."),
    (
        Event.expired,
        ":hourglass: Nobody decided in time, so the request has expired. Nothing was opened; ask again if it is still "
        "needed.",
    ),
    (
        Event.glass_broken,
        ":rotating_light: <@UBEA> broke the glass, by rule `databases`: nobody has approved this. The message "
        "above shows what comes of it. A post-mortem is required.",
    ),
    (Event.acknowledged, ":eyes: <@UBEA> is looking at it."),
    (
        Event.opened,
        ":unlock: Open now in `production (222222222222)`. Start it from the access portal. A command line sees the "
        "role only after `aws sso logout` and `aws sso login`.",
    ),
    (Event.failed, ":x: It failed, and nothing came of it."),
    (Event.returned, "<@UBEA> gives the access back. It is being taken back."),
    (Event.ended_early, ":octagonal_sign: <@UBEA> ended the access. It is being taken back."),
    (Event.run_out, "The time is over. It is being taken back."),
    (Event.abandoned, ":warning: The workflow could not go on. It is being taken back."),
    (Event.extended, "The end of the access was moved; its own message shows it."),
    (
        Event.closed,
        ":lock: Closed, and verified: this request opens nothing any more. A session that was open when the access "
        "ended lives on for up to 1 h.",
    ),
    (GrantEvent.failed, ":x: Not opened: `production (222222222222)`."),
]


@pytest.mark.parametrize(("event", "text"), STORIES)
def test_each_event_is_one_line_of_the_story(event: str, text: str) -> None:
    assert thread_reply(entry(event), "UBEA", POLICY) == MessageContent(text, [markdown(text)])


def test_a_moved_end_names_the_request_that_moved_it() -> None:
    told = thread_reply(entry(Event.lengthened, actor=SYSTEM, note="r-more"), None, POLICY)
    assert told is not None
    assert told.text == "The end was moved by `r-more`, which was approved."


def test_what_was_never_opened_is_not_taken_back() -> None:
    told = thread_reply(entry(Event.returned, before=State.approved), "UBEA", POLICY)
    assert told is not None
    assert told.text == "<@UBEA> gives the access back. Nothing had been opened."


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
def test_what_is_told_elsewhere_or_to_nobody_is_no_story(event: str) -> None:
    assert thread_reply(entry(event), "UBEA", POLICY) is None


def test_every_event_of_a_request_is_told_or_known_to_be_quiet() -> None:
    assert {*Event} == {event for event, _ in STORIES if event in set(Event)} | {Event.lengthened} | (
        {*QUIET} & {*Event}
    )


NOTES = [
    (Event.denied, "Why not"),
    (Event.glass_broken, "Why it could not wait"),
    (Event.ended_early, "Why"),
    (Event.failed, "What failed"),
    (Event.approved, "Their note"),
    (GrantEvent.failed, "Identity Center said"),
]


@pytest.mark.parametrize(("event", "label"), NOTES)
def test_what_was_written_with_it_is_shown_whole(event: str, label: str) -> None:
    note = "not now: <!channel>\n" + "x" * 2980
    told = thread_reply(entry(event, note=note), None, POLICY)
    assert told is not None
    assert told.blocks[1:] == [markdown(f"*{label}*"), plain(note)]


def test_whoever_has_no_slack_id_is_called_by_their_name() -> None:
    told = thread_reply(entry(Event.acknowledged), None, POLICY)
    assert told is not None
    assert told.text == ":eyes: `Bea` is looking at it."


# --- calls and alarms ------------------------------------------------------------------------------------------------


def test_people_are_called_with_why_and_until_when() -> None:
    text = (
        "<@UBEA> `Cleo` Nobody has answered yet. <@UADA> waits for `devops-break-glass`. Approve or deny it in the "
        "message above; unanswered, it expires "
        "<!date^1764001800^{date_short_pretty} at {time} ({ago})|2025-11-24 16:30 UTC>."
    )
    assert mention(REQUEST, ("<@UBEA>", "`Cleo`"), "Nobody has answered yet.") == MessageContent(text, [markdown(text)])


def test_whoever_asked_hears_that_nobody_could_be_asked_and_what_to_do() -> None:
    told = undelivered_request_message(
        replace(REQUEST, state=State.failed, note="The workflow could not go on (SlackError).")
    )
    assert told.text == (
        f":x: Nobody could be asked about your request for `devops-break-glass` (`{REQUEST.id}`), and it has failed. "
        "Nothing was opened. Phone somebody who approves, and ask again."
    )
    assert told.blocks[-1]["text"]["text"] == "The workflow could not go on (SlackError)."


def test_a_broken_glass_is_told_loudly_with_both_reasons_and_how_to_end_it() -> None:
    request = standing(State.approved, glass=True, approvals=(), justification="nobody is awake")
    told = broken_glass_message(request, POLICY)
    text = (
        "<!channel> :rotating_light: *The glass was broken.* <@UADA> takes `devops-break-glass` in "
        "`production (222222222222)` for 1 h, and nobody has approved it."
    )
    assert told.text == text
    assert told.blocks[1:-2] == [
        markdown(text),
        markdown(f"It was broken {format_time(request.decided_at or 0)}."),
        markdown("*Accounts:* `production (222222222222)`"),
        markdown("*Reason*"),
        plain("the restore failed"),
        markdown("*Why it could not wait*"),
        plain("nobody is awake"),
        markdown(
            "*If this is right:* leave them to it. They write a post-mortem, and somebody else signs it off.\n"
            "*If it is not:* press *End now*. That is for whoever approves for this role, and for group `security`."
        ),
    ]
    assert buttons(told.blocks) == [ids.END]


def test_an_assignment_that_nobody_recorded_says_what_becomes_of_it() -> None:
    left = unmanaged_assignment_message(RDS, STAGING, "group admins", False, False, POLICY)
    assert left.blocks == [
        markdown(
            ":rotating_light: `group admins` is assigned `devops-break-glass` in `staging (333333333333)`, and neither "
            "a request nor the stack file has done that."
        ),
        markdown(
            "It is left as it is, as the stack file says; take it away in Identity Center if nobody needs it.\n"
            "*If nobody knows of it:* treat it as a security incident."
        ),
    ]
    taken = unmanaged_assignment_message(RDS, STAGING, "Ada", False, True, POLICY).text
    assert "It is taken away when the search meets it again, mostly within ten minutes." in taken
    assert "the assignment came late" in unmanaged_assignment_message(RDS, STAGING, "Ada", True, True, POLICY).text


# --- explanations ----------------------------------------------------------------------------------------------------


def test_an_explanation_is_shown_whole_and_asks_a_second_person() -> None:
    told = explanation_message(EXPLAINED, POLICY)
    text = (
        f":memo: <@UADA> has explained the use of `devops-break-glass` in `production (222222222222)` by `ada`, {WHEN}."
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
                    "text": "Somebody who approves for this role or group `security` signs it off; not <@UADA>, and "
                    "not whoever used the role.",
                    "verbatim": True,
                }
            ],
        },
    ]
    assert buttons(told.blocks) == [ids.ACCEPT]


def test_a_use_under_a_request_names_it() -> None:
    assert "under request `r-1`" in explanation_message(replace(EXPLAINED, request_id="r-1"), POLICY).text


def test_signed_off_is_the_end_of_it() -> None:
    text = ":white_check_mark: Signed off by <@UBEA>. Nothing is left to do about this use of `devops-break-glass`."
    assert acceptance_message(replace(EXPLAINED, state=UsageState.accepted, accepted_by=BEA_ACTOR)) == MessageContent(
        text, [markdown(text)]
    )


def test_a_use_that_nobody_explains_is_brought_up_and_then_overdue() -> None:
    due = explanation_reminder(USE, POLICY, overdue=False)
    assert due.text == (
        ":bell: Nobody has yet explained the use of `devops-break-glass` in `production (222222222222)` by `ada`, "
        f"{WHEN}. That is due {DUE} ({{ago}})|2025-11-25 16:00 UTC>."
    )
    assert buttons(due.blocks) == [ids.EXPLAIN_USE]
    late = explanation_reminder(USE, POLICY, overdue=True)
    assert late.text.startswith(":rotating_light: Nobody has yet explained")
    assert f"That is overdue since {DUE}|2025-11-25 16:00 UTC>." in late.text
    assert "treat it as a security incident" in late.blocks[1]["text"]["text"]


def test_an_explanation_that_nobody_signs_off_is_brought_up_with_the_button_for_it() -> None:
    told = explanation_reminder(EXPLAINED, POLICY, overdue=True)
    assert told.text.startswith(":rotating_light: Nobody has signed off what <@UADA> wrote about the use of")
    assert buttons(told.blocks) == [ids.ACCEPT]


def test_a_use_of_somebody_unknown_is_of_somebody() -> None:
    assert (
        " by somebody, " in explanation_reminder(replace(USE, user_id="", session_name=""), POLICY, overdue=False).text
    )


# --- the worst case --------------------------------------------------------------------------------------------------


def every_message(text: str) -> list[MessageContent]:
    """Every message that there is, with this text wherever people write."""
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
    lines = [entry(one, actor=hostile_actor(text), note=text, rule=text, accounts=ACCOUNTS) for one in every]
    return [
        *(told for one in lines if (told := thread_reply(one, text, of)) is not None),
        mention(request, ("<@UADA>",) * 21, "This request still waits."),
        undelivered_request_message(replace(request, note=text)),
        unmanaged_assignment_message(text, text, text, False, True, of),
        explanation_message(use, of),
        acceptance_message(use),
        explanation_reminder(use, of, overdue=True),
        explanation_reminder(replace(use, state=UsageState.unexplained), of, overdue=False),
    ]


@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 40, '"' * 3000, "<" * 3000, "\U0001f525" * 3000, "x" * 3000])
def test_no_text_whatever_breaks_a_message(text: str) -> None:
    for body in every_message(text):
        assert_message(body.blocks, LONGEST_MESSAGE)
        assert_shown_safely(body.blocks, body.text)


@given(hostile)
def test_nothing_that_people_wrote_means_anything_to_slack(text: str) -> None:
    for body in every_message(text):
        assert_message(body.blocks, LONGEST_MESSAGE)
        assert_shown_safely(body.blocks, body.text)


@given(text=hostile | st.just("x" * 3000), kind=st.sampled_from(Kind))
def test_a_broken_glass_mentions_the_channel_once_and_nothing_else(text: str, kind: Kind) -> None:
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


def test_the_longest_explanation_is_shown_as_far_as_there_is_room_and_says_where_the_rest_is() -> None:
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
    assert shown.count("1500 more characters of it are in the audit trail (`breakglass audit`).") == 3
