"""AWS's clock in a local cloud that shortens waits."""

import contextvars
import threading
import time

from localcloud.emulators import clock
from localcloud.emulators.slack_faults import SlackFaults


def in_a_flow(*skips: float) -> contextvars.Context:
    flow = contextvars.Context()
    for seconds in skips:
        flow.run(clock.skip, seconds)
    return flow


def test_clock_is_ahead_by_what_was_left_out() -> None:
    flow = in_a_flow(30, 600)
    assert flow.run(clock.skipped) == 630
    assert 629 < flow.run(clock.now) - time.time() <= 630
    assert flow.run(clock.headers) == {clock.HEADER: "630.000"}


def test_sleep_leaves_out_what_it_does_not_wait_for() -> None:
    flow = in_a_flow()
    flow.run(clock.sleep, 900, 0.0)
    flow.run(clock.sleep, 0.001, 1.0)
    assert flow.run(clock.skipped) == 900


def test_flows_have_clocks_of_their_own() -> None:
    assert in_a_flow(5).run(clock.skipped) == 5
    assert in_a_flow().run(clock.skipped) == 0


def test_thread_with_its_starters_context_has_its_clock() -> None:
    seen: list[float] = []
    flow = in_a_flow(90).run(contextvars.copy_context)
    thread = threading.Thread(target=flow.run, args=(lambda: seen.append(clock.skipped()),))
    thread.start()
    thread.join()
    assert seen == [90]


def test_slack_fault_ends_by_the_callers_clock() -> None:
    faults = SlackFaults()
    faults.set({"silent": True, "lasts": 600})
    assert faults.of("chat.postMessage", skipped=0) is not None
    assert faults.of("chat.postMessage", skipped=500) is not None
    assert faults.of("chat.postMessage", skipped=601) is None


def test_slack_fault_of_blocks_spares_plain_text() -> None:
    faults = SlackFaults()
    faults.set({"error": "invalid_blocks", "with_blocks": True})
    assert faults.of("chat.postMessage", has_blocks=True) is not None
    assert faults.of("chat.postMessage", has_blocks=False) is None
