"""The scenarios of the approval workflow, run against the deployed stack `local`.

An access request is approved, used, ended and explained. One is denied, one expires without an answer, and one without
an answer breaks the glass.

Non-goals: acting in Slack (`localcloud.driver`); showing messages (`localcloud.report`).
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
from localcloud.driver import (
    ScenarioDriver,
    ScenarioFailedError,
    format_access,
    format_view,
    get_button_value,
    get_record_id,
    has_button,
)
from localcloud.emulators.identity import ACCOUNTS
from localcloud.records import RECORDS, load_record
from localcloud.slack_user import wait_until
from localcloud.steps import Step

DEVOPS, NETWORK = "devops-break-glass", "network-break-glass"
PRODUCTION, STAGING, *_ = ACCOUNTS

UNATTENDED = {STAGING: "PT6S", PRODUCTION: "PT2S"}
"""Waits without an answer: a request for the network in staging expires, and one for production may break the glass."""

_RECORD = RECORDS / "session-devops-break-glass.json"
_WHOSE_RECORD = "jane.doe@example.com"
_GLASS = "Glass broken"


def scenario_settings(approvals: Mapping[str, Any]) -> dict[str, str]:
    """The settings that shorten the scenarios from half an hour to seconds.

    Returns:
        Paths and values, as for `localcloud.stack.deploy`.
    """
    changed: dict[str, str] = {}
    for index, rule in enumerate(approvals["rules"]):
        if NETWORK not in rule["sets"]:
            continue
        path = f"breakglass:approvals.rules[{index}]"
        if PRODUCTION in rule["accounts"]:
            changed[f"{path}.withoutApproval.after"] = UNATTENDED[PRODUCTION]
        if STAGING in rule["accounts"]:
            changed[f"{path}.requestExpiry"] = UNATTENDED[STAGING]
            if "escalate" in rule:
                changed[f"{path}.escalate.after"] = "PT2S"
    return changed


def run_scenarios(
    cloud: RunningCloud, request_url: str, progress: Callable[[str], None] = lambda _: None
) -> list[Step]:
    """Runs the scenarios.

    Returns:
        The result of each step. A failed step ends its scenario; the other scenarios run nevertheless.
    """
    driver = ScenarioDriver(cloud, request_url, progress)
    # At AWS assignments are not immediate either.
    cloud.set_assignment_behavior(polls=2)
    try:
        # It expires while the others run.
        unattended: list[str] = []
        for scenario in (
            lambda: unattended.append(_request_unattended(driver)),
            partial(_approve, driver),
            partial(_deny, driver),
            partial(_break_the_glass, driver),
            lambda: [_expire(driver, request) for request in unattended],
        ):
            _run(scenario)
    finally:
        cloud.set_assignment_behavior()
    return driver.steps


def _run(scenario: Callable[[], object]) -> None:
    try:
        scenario()
    except ScenarioFailedError:
        return  # the failed step is among the results


def _approve(driver: ScenarioDriver) -> None:
    ada, grace = driver.user("ada.lovelace"), driver.user("grace.hopper")
    has, has_not = _format_both(ada.name, DEVOPS, PRODUCTION)
    with driver.step("ada, who is on call, requests access to the databases", has_not) as step:
        request = driver.request_access(ada.name, DEVOPS, PRODUCTION, "The orders database is read-only, INC-7.")
        message = driver.wait_for_status(request, TITLES[State.pending])
        step.seen = driver.describe_access(ada.name, DEVOPS, PRODUCTION)
    with driver.step("grace, who leads the database team, approves", has) as step:
        grace.click(message, ids.APPROVE)
        message = driver.wait_for_status(request, TITLES[State.active])
        used_at = time.time()
        step.seen = driver.describe_access(ada.name, DEVOPS, PRODUCTION)
    with driver.step("ada is done", has_not) as step:
        ada.click(message, ids.DONE)
        driver.wait_for_status(request, TITLES[State.ended])
        step.seen = driver.describe_access(ada.name, DEVOPS, PRODUCTION)
    _explain(driver, request, used_at)


def _explain(driver: ScenarioDriver, request: str, used_at: float) -> None:
    ada, barbara = driver.user("ada.lovelace"), driver.user("barbara.liskov")
    record = _usage_record(ada.name, used_at)
    with driver.step("CloudTrail records that she used it", "an alert with a button to explain it") as step:
        driver.cloud.replay(record)
        driver.cloud.wait_idle()

        def is_alert(message: dict[str, Any]) -> bool:
            return record["eventID"] in get_button_value(message, ids.EXPLAIN_ALERT)

        alert = wait_until(lambda: driver.find_message(driver.cloud.slack_channel, is_alert), "the alert")
        step.seen = "an alert with a button to explain it"
    with driver.step("ada explains it", "her words in the alert's thread, linked to her request") as step:
        form = ada.click_for_form(alert, ids.EXPLAIN_ALERT)
        linked = "linked to her request" if request in format_view(form) else "linked to no request"
        done = "Set the disk alarm lower; the database writes again."
        ada.submit(form, {ids.REASON: "The disk was full.", ids.DONE_WHAT: done})
        driver.wait_for_reply(alert, lambda message: done in json.dumps(message["blocks"]), "the explanation")
        step.seen = f"her words in the alert's thread, {linked}"
    with driver.step("barbara, who leads the team as well, accepts it", "accepted, in the thread") as step:
        explanation = driver.wait_for_reply(
            alert, lambda message: has_button(message, ids.ACCEPT), "the button to accept"
        )
        barbara.submit(barbara.click_for_form(explanation, ids.ACCEPT), {})
        driver.wait_for_reply(alert, lambda message: "Explanation accepted" in message["text"], "that it was accepted")
        step.seen = "accepted, in the thread"


def _deny(driver: ScenarioDriver) -> None:
    barbara = driver.user("barbara.liskov")
    why = "It is Friday; it can wait until Monday."
    _, has_not = _format_both("ada.lovelace", DEVOPS, PRODUCTION)
    with driver.step(
        "ada requests it again; barbara denies it with a reason", f"{has_not}; the reason is there"
    ) as step:
        request = driver.request_access("ada.lovelace", DEVOPS, PRODUCTION, "I would like to try the new version.")
        form = barbara.click_for_form(driver.wait_for_status(request, TITLES[State.pending]), ids.DENY)
        barbara.submit(form, {ids.NOTE: why})
        message = driver.wait_for_status(request, TITLES[State.denied])
        driver.wait_for_reply(message, lambda reply: why in json.dumps(reply["blocks"]), "the reason in the thread")
        step.seen = f"{driver.describe_access('ada.lovelace', DEVOPS, PRODUCTION)}; the reason is there"


def _request_unattended(driver: ScenarioDriver) -> str:
    _, has_not = _format_both("alan.turing", NETWORK, STAGING)
    with driver.step("alan requests the network in staging; no approver is awake", has_not) as step:
        request = driver.request_access("alan.turing", NETWORK, STAGING, "A route is gone.")
        driver.wait_for_status(request, TITLES[State.pending])
        step.seen = driver.describe_access("alan.turing", NETWORK, STAGING)
    return request


def _expire(driver: ScenarioDriver, request: str) -> None:
    _, has_not = _format_both("alan.turing", NETWORK, STAGING)
    with driver.step("no approver has answered alan", f"{has_not}; no buttons are left") as step:
        message = driver.wait_for_status(request, TITLES[State.expired])
        left = "buttons are left" if has_button(message, ids.APPROVE) else "no buttons are left"
        step.seen = f"{driver.describe_access('alan.turing', NETWORK, STAGING)}; {left}"


def _break_the_glass(driver: ScenarioDriver) -> None:
    ada, edsger = driver.user("ada.lovelace"), driver.user("edsger.dijkstra")
    has, has_not = _format_both(ada.name, NETWORK, PRODUCTION)
    told = "alarms in #break-glass and #security"
    with driver.step("no approver answers ada either, and she breaks the glass", f"{has}; {told}") as step:
        request = driver.request_access(ada.name, NETWORK, PRODUCTION, "The shop is cut off, INC-8.")
        message = driver.wait_for_status(request, TITLES[State.pending])
        wait_until(partial(_try_to_break_glass, driver, message), "the glass to break")
        driver.wait_for_status(request, _glass_title(State.active))
        alarms = [
            _wait_for_alarm(driver, channel, request)
            for channel in (driver.cloud.slack_channel, driver.cloud.second_channel)
        ]
        step.seen = (
            f"{driver.describe_access(ada.name, NETWORK, PRODUCTION)}; {told if all(alarms) else 'one is missing'}"
        )
    with driver.step("edsger, of security, ends it", has_not) as step:
        edsger.submit(edsger.click_for_form(alarms[-1], ids.END), {ids.NOTE: "We see it differently."})
        driver.wait_for_status(request, _glass_title(State.ended))
        step.seen = driver.describe_access(ada.name, NETWORK, PRODUCTION)


def _try_to_break_glass(driver: ScenarioDriver, message: Mapping[str, Any]) -> bool | None:
    """Tries to break the glass; None while it is too early."""
    ada = driver.user("ada.lovelace")
    form = ada.click_for_form(message, ids.BREAK_GLASS)
    if form.get("callback_id") != ids.GLASS_FORM:
        return None
    told = ada.submit(form, {ids.JUSTIFICATION: "No approver answers, and every minute costs."})
    return True if told["title"]["text"] == "The glass is broken" else None


def _wait_for_alarm(driver: ScenarioDriver, channel: str, request: str) -> dict[str, Any]:
    def matches(message: dict[str, Any]) -> bool:
        return (
            get_record_id(message) == request
            and _GLASS in json.dumps(message["blocks"])
            and "<!channel>" in message["text"]
        )

    return wait_until(lambda: driver.find_message(channel, matches), "the alarm")


def _glass_title(state: State) -> str:
    return f"{_GLASS}, {TITLES[state].lower()}"


def _format_both(name: str, permission_set: str, account: str) -> tuple[str, str]:
    """`ScenarioDriver.describe_access` with and without access."""
    return format_access(name, permission_set, account, True), format_access(name, permission_set, account, False)


def _usage_record(name: str, at: float) -> dict[str, Any]:
    """The record of a session that a user has started."""
    text = json.dumps(load_record(_RECORD).content).replace(_WHOSE_RECORD, name)
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
    record: dict[str, Any] = {**json.loads(text), "eventID": str(uuid.uuid4()), "eventTime": when}
    return record
