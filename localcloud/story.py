"""The story of the approval workflow, played against the deployed stack `local`.

Somebody asks, is approved, uses the access, gives it back and explains; somebody is denied; nobody is awake, and a
request expires; nobody is awake, and the glass is broken.

Non-goals: how people act and look (see `localcloud.stage`); showing messages (see `localcloud.report`).
"""

import json
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from breakglass.app.domain.records import State
from breakglass.app.slack import ids
from breakglass.app.slack.request_message import TITLES
from localcloud.cloud import RunningCloud
from localcloud.emulators.identity import ACCOUNTS
from localcloud.records import RECORDS, load_record
from localcloud.scenes import Scene
from localcloud.slack_user import until
from localcloud.stage import ChapterOverError, Stage, about, button_value, has_button, words

DEVOPS, NETWORK = "devops-break-glass", "network-break-glass"
PRODUCTION, STAGING = ACCOUNTS

NOBODY_AWAKE = {STAGING: "PT6S", PRODUCTION: "PT2S"}
"""How long the story waits for nobody: until a request for the network in staging expires, and until the glass may be
broken for the network in production."""

_RECORD = RECORDS / "session-devops-break-glass.json"
_WHOSE_RECORD = "jane.doe@example.com"
_GLASS = "Glass broken"


def settings(approvals: Mapping[str, Any]) -> dict[str, str]:
    """What the stack file has to say so that the story takes seconds, and not the half-hours of real life.

    Args:
        approvals: the section `approvals` of the stack file.

    Returns:
        Paths and values, as for `localcloud.stack.deploy`.
    """
    changed: dict[str, str] = {}
    for index, rule in enumerate(approvals["rules"]):
        if NETWORK not in rule["sets"]:
            continue
        path = f"breakglass:approvals.rules[{index}]"
        if PRODUCTION in rule["accounts"]:
            changed[f"{path}.withoutApproval.after"] = NOBODY_AWAKE[PRODUCTION]
        if STAGING in rule["accounts"]:
            changed[f"{path}.requestExpiry"] = NOBODY_AWAKE[STAGING]
            if "escalate" in rule:
                changed[f"{path}.escalate.after"] = "PT2S"
    return changed


def play_story(cloud: RunningCloud, request_url: str, progress: Callable[[str], None] = lambda _: None) -> list[Scene]:
    """Plays the story.

    Args:
        cloud: in which the stack is deployed, with `settings`.
        request_url: where its app takes what people do.
        progress: told the name of each scene.

    Returns:
        Every scene that was played. One that went wrong ends its chapter; the others are played all the same.
    """
    stage = Stage(cloud, request_url, progress)
    # At AWS assignments take their time, too.
    cloud.delay_assignments(polls=2)
    try:
        # It expires while the others are played.
        night: list[str] = []
        for chapter in (
            lambda: night.append(_asked_at_night(stage)),
            partial(_approved, stage),
            partial(_denied, stage),
            partial(_broken_glass, stage),
            lambda: [_expired(stage, request) for request in night],
        ):
            _play(chapter)
    finally:
        cloud.delay_assignments()
    return stage.scenes


def _play(chapter: Callable[[], object]) -> None:
    try:
        chapter()
    except ChapterOverError:
        # What went wrong is among the scenes.
        return


def _approved(stage: Stage) -> None:
    ada, grace = stage.person("ada.lovelace"), stage.person("grace.hopper")
    has, has_not = _accesses(ada.name, DEVOPS, PRODUCTION)
    with stage.scene("ada, who is on call, asks for access to the databases", has_not) as scene:
        request = stage.ask(ada.name, DEVOPS, PRODUCTION, "The orders database is read-only, INC-7.")
        message = stage.when(request, TITLES[State.pending])
        scene.seen = stage.access(ada.name, DEVOPS, PRODUCTION)
    with stage.scene("grace, who leads the database team, approves", has) as scene:
        grace.click(message, ids.APPROVE)
        message = stage.when(request, TITLES[State.active])
        used_at = time.time()
        scene.seen = stage.access(ada.name, DEVOPS, PRODUCTION)
    with stage.scene("ada is done", has_not) as scene:
        ada.click(message, ids.DONE)
        stage.when(request, TITLES[State.ended])
        scene.seen = stage.access(ada.name, DEVOPS, PRODUCTION)
    _explained(stage, request, used_at)


def _explained(stage: Stage, request: str, used_at: float) -> None:
    ada, barbara = stage.person("ada.lovelace"), stage.person("barbara.liskov")
    record = _use(ada.name, used_at)
    with stage.scene("CloudTrail records that she used it", "an alert with a button to explain it") as scene:
        stage.cloud.play(record)
        stage.cloud.wait_idle()

        def is_alert(message: dict[str, Any]) -> bool:
            return record["eventID"] in button_value(message, ids.EXPLAIN_ALERT)

        alert = until(lambda: stage.message(stage.cloud.slack_channel, is_alert), "the alert")
        scene.seen = "an alert with a button to explain it"
    with stage.scene("ada explains it", "her words in the alert's thread, linked to her request") as scene:
        form = ada.click_for_form(alert, ids.EXPLAIN_ALERT)
        linked = "linked to her request" if request in words(form) else "linked to no request"
        done = "Set the disk alarm lower; the database writes again."
        ada.submit(form, {ids.REASON: "The disk was full.", ids.DONE_WHAT: done})
        stage.reply(alert, lambda message: done in json.dumps(message["blocks"]), "the explanation")
        scene.seen = f"her words in the alert's thread, {linked}"
    with stage.scene("barbara, who leads the team as well, signs it off", "signed off, in the thread") as scene:
        explanation = stage.reply(alert, lambda message: has_button(message, ids.ACCEPT), "the button to sign off")
        barbara.submit(barbara.click_for_form(explanation, ids.ACCEPT), {})
        stage.reply(alert, lambda message: "Signed off" in message["text"], "that it was signed off")
        scene.seen = "signed off, in the thread"


def _denied(stage: Stage) -> None:
    barbara = stage.person("barbara.liskov")
    why = "It is Friday; it can wait until Monday."
    _, has_not = _accesses("ada.lovelace", DEVOPS, PRODUCTION)
    with stage.scene("ada asks again, and barbara denies it with a reason", f"{has_not}; the reason is there") as scene:
        request = stage.ask("ada.lovelace", DEVOPS, PRODUCTION, "I would like to try the new version.")
        form = barbara.click_for_form(stage.when(request, TITLES[State.pending]), ids.DENY)
        barbara.submit(form, {ids.NOTE: why})
        message = stage.when(request, TITLES[State.denied])
        stage.reply(message, lambda reply: why in json.dumps(reply["blocks"]), "the reason in the thread")
        scene.seen = f"{stage.access('ada.lovelace', DEVOPS, PRODUCTION)}; the reason is there"


def _asked_at_night(stage: Stage) -> str:
    _, has_not = _accesses("alan.turing", NETWORK, STAGING)
    with stage.scene("alan asks for the network in staging, and nobody is awake", has_not) as scene:
        request = stage.ask("alan.turing", NETWORK, STAGING, "A route is gone.")
        stage.when(request, TITLES[State.pending])
        scene.seen = stage.access("alan.turing", NETWORK, STAGING)
    return request


def _expired(stage: Stage, request: str) -> None:
    _, has_not = _accesses("alan.turing", NETWORK, STAGING)
    with stage.scene("nobody has answered alan", f"{has_not}; nothing is left to click") as scene:
        message = stage.when(request, TITLES[State.expired])
        left = "there are buttons" if has_button(message, ids.APPROVE) else "nothing is left to click"
        scene.seen = f"{stage.access('alan.turing', NETWORK, STAGING)}; {left}"


def _broken_glass(stage: Stage) -> None:
    ada, edsger = stage.person("ada.lovelace"), stage.person("edsger.dijkstra")
    has, has_not = _accesses(ada.name, NETWORK, PRODUCTION)
    told = "told in #break-glass and #security"
    with stage.scene("nobody answers ada either, and she breaks the glass", f"{has}; {told}") as scene:
        request = stage.ask(ada.name, NETWORK, PRODUCTION, "The shop is cut off, INC-8.")
        message = stage.when(request, TITLES[State.pending])
        until(partial(_break_glass, stage, message), "the glass to break")
        stage.when(request, _glass(State.active))
        alarms = [
            _alarm(stage, channel, request) for channel in (stage.cloud.slack_channel, stage.cloud.second_channel)
        ]
        scene.seen = f"{stage.access(ada.name, NETWORK, PRODUCTION)}; {told if all(alarms) else 'not told'}"
    with stage.scene("edsger, of security, ends it", has_not) as scene:
        edsger.submit(edsger.click_for_form(alarms[-1], ids.END), {ids.NOTE: "We see it differently."})
        stage.when(request, _glass(State.ended))
        scene.seen = stage.access(ada.name, NETWORK, PRODUCTION)


def _break_glass(stage: Stage, message: Mapping[str, Any]) -> bool | None:
    """Tries to break the glass; None while it is too early."""
    ada = stage.person("ada.lovelace")
    form = ada.click_for_form(message, ids.BREAK_GLASS)
    if form.get("callback_id") != ids.GLASS_FORM:
        return None
    told = ada.submit(form, {ids.JUSTIFICATION: "Nobody answers, and every minute costs."})
    return True if told["title"]["text"] == "The glass is broken" else None


def _alarm(stage: Stage, channel: str, request: str) -> dict[str, Any]:
    def fits(message: dict[str, Any]) -> bool:
        return about(message) == request and _GLASS in json.dumps(message["blocks"]) and "<!channel>" in message["text"]

    return until(lambda: stage.message(channel, fits), "the alarm")


def _glass(state: State) -> str:
    return f"{_GLASS}, {TITLES[state].lower()}"


def _accesses(name: str, permission_set: str, account: str) -> tuple[str, str]:
    """How `Stage.access` says that somebody has access, and that they have not."""
    what = f"{permission_set} in {ACCOUNTS[account]}"
    return f"{name} has {what}", f"{name} does not have {what}"


def _use(name: str, at: float) -> dict[str, Any]:
    """The record of a session that somebody has started."""
    text = json.dumps(load_record(_RECORD).content).replace(_WHOSE_RECORD, name)
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    record: dict[str, Any] = {**json.loads(text), "eventID": str(uuid.uuid4()), "eventTime": when}
    return record
