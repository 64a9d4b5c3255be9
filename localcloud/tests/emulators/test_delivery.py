"""EventBridge's deliveries in the local cloud, as functions: attempts, waits, rate, rule states, event envelopes."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.emulators.cloudtrail import RecordShapeError, as_event
from localcloud.emulators.delivery import INVALID_JSON, Failure, RateLimit, TargetResponse, TargetRetryPolicy, deliver
from localcloud.emulators.rule_state import receives

ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
OK, BUSY, GONE = TargetResponse(200), TargetResponse(503), TargetResponse(404)


def attempt(answers: Iterable[TargetResponse], policy: TargetRetryPolicy) -> tuple[Failure | None, list[float]]:
    """Result and waits of a delivery to a destination that gives these answers."""
    remaining = iter(answers)
    waits: list[float] = []
    return deliver(lambda: next(remaining), policy, waits.append), waits


def endless(answer: TargetResponse) -> Iterable[TargetResponse]:
    while True:
        yield answer


def test_what_is_accepted_is_not_sent_again() -> None:
    assert attempt([OK], TargetRetryPolicy()) == (None, [])


def test_waits_double_up_to_720_seconds() -> None:
    _, waits = attempt([*[BUSY] * 13, OK], TargetRetryPolicy())
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 720, 720, 720]


def test_deliver_default_policy_ends_as_recorded() -> None:
    """A recorded dead letter of 2023-04-04: 129 retries, sent 24 h 5 min 50 s after its event."""
    failure, waits = attempt(endless(TargetResponse.timed_out()), TargetRetryPolicy())
    assert failure is not None
    assert (failure.retries, failure.exhausted) == (129, "MaximumEventAgeInSeconds")
    assert 86_400 < sum(waits) < 86_400 + 350


def test_a_longer_wait_that_the_destination_asks_for_counts() -> None:
    answers = [TargetResponse(429, retry_after=30), TargetResponse(429, retry_after=1), OK]
    assert attempt(answers, TargetRetryPolicy()) == (None, [30, 2])


@pytest.mark.parametrize(
    ("answer", "retried"),
    [
        *((TargetResponse(status), True) for status in (401, 407, 409, 429, 500, 502, 503, 504)),
        *((TargetResponse(status), False) for status in (301, 302, 400, 403, 404, 410, 422)),
        (TargetResponse.timed_out(), True),
        (TargetResponse.unreachable(), True),
        (TargetResponse.impossible("NO_PERMISSIONS", "no role"), False),
    ],
)
def test_what_is_retried(answer: TargetResponse, retried: bool) -> None:
    failure, waits = attempt([answer, OK], TargetRetryPolicy())
    assert (failure is None) == retried
    assert len(waits) == retried


@given(st.integers(0, 185), st.integers(60, 86_400))
def test_deliver_gives_up_at_first_failure_past_a_limit(attempts: int, age: int) -> None:
    failure, waits = attempt(endless(BUSY), TargetRetryPolicy(attempts, age))
    assert failure is not None
    assert failure.retries == len(waits) <= attempts
    # Until the last wait the event was young enough.
    assert sum(waits[:-1]) <= age
    if failure.exhausted == "MaximumRetryAttempts":
        assert len(waits) == attempts
    else:
        assert failure.exhausted == "MaximumEventAgeInSeconds"
        assert sum(waits) > age


def test_deliver_past_the_age_limit_tries_once_more() -> None:
    assert attempt([TargetResponse(429, retry_after=61), OK], TargetRetryPolicy(185, 60)) == (None, [61])


def test_target_without_retry_policy_has_the_documented_one() -> None:
    assert TargetRetryPolicy.of_target({}) == TargetRetryPolicy(185, 86_400)
    policy = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 900}
    assert TargetRetryPolicy.of_target({"RetryPolicy": policy}) == TargetRetryPolicy(0, 900)


@pytest.mark.parametrize(
    ("answer", "code", "message"),
    [
        pytest.param(
            TargetResponse.timed_out(),
            "UNKNOWN",
            "Unable to invoke ApiDestination endpoint: Timeout calling endpoint for API Destination: socket closed.",
            id="dead letter of 2023-04-04",
        ),
        pytest.param(
            TargetResponse.unreachable(),
            "SDK_CLIENT_ERROR",
            "Unable to invoke ApiDestination endpoint: API destination endpoint cannot be reached.",
            id="drill of 2026-02-12",
        ),
        pytest.param(TargetResponse.impossible("NO_RESOURCE", "gone"), "NO_RESOURCE", "gone", id="permanent"),
    ],
)
def test_failure_has_the_recorded_code_and_message(answer: TargetResponse, code: str, message: str) -> None:
    failure, _ = attempt(endless(answer), TargetRetryPolicy(1))
    assert failure is not None
    assert (failure.code, failure.message) == (code, message)


def test_failure_code_is_one_for_all_http_statuses() -> None:
    """No recording has it, so nothing may decide by it."""
    assert {TargetResponse(status).failure().code for status in (401, 404, 429, 503)} == {"ERROR_FROM_TARGET"}


def test_attributes_of_a_dead_letter() -> None:
    attributes = Failure("UNKNOWN", "late", 3, "MaximumRetryAttempts").message_attributes("rule", "target")
    assert attributes == {
        "RULE_ARN": "rule",
        "TARGET_ARN": "target",
        "ERROR_CODE": "UNKNOWN",
        "ERROR_MESSAGE": "late",
        "RETRY_ATTEMPTS": "3",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }


def test_attributes_without_a_retry_lack_the_attempts() -> None:
    """Recorded: radkawar/stackd at 9dc356f5, testdata/aws/eventbridge/delivery.json and inputs.json."""
    assert INVALID_JSON.message_attributes("rule", "target") == {
        "RULE_ARN": "rule",
        "TARGET_ARN": "target",
        "ERROR_CODE": "INVALID_JSON",
        "ERROR_MESSAGE": "Invalid input for target.",
    }


def test_a_rate_limit_spreads_a_burst_and_forgets_a_pause() -> None:
    limit = RateLimit()
    assert [limit.reserve("slack", 2, now) for now in (10, 10, 10.25, 99)] == [0, 0.5, 0.75, 0]


def test_each_destination_has_its_own_rate() -> None:
    limit = RateLimit()
    assert [limit.reserve(name, 1, 10) for name in ("a", "b", "a")] == [0, 0, 1]


def event(detail_type: str = "AWS API Call via CloudTrail", **detail: object) -> dict[str, Any]:
    return {"detail-type": detail_type, "detail": detail}


@pytest.mark.parametrize(
    "read_only_management_event",
    [
        event(readOnly=True),
        event(readOnly=True, managementEvent=True),
        event("AWS Service Event via CloudTrail", readOnly=True, managementEvent=True),
        event("AWS Console Sign In via CloudTrail", readOnly=True),
    ],
)
def test_a_plain_enabled_rule_gets_no_read_only_management_event(read_only_management_event: dict[str, Any]) -> None:
    assert not receives("ENABLED", read_only_management_event)
    assert receives(ALL_EVENTS, read_only_management_event)


@pytest.mark.parametrize(
    "other",
    [
        event(),
        event(readOnly=False),
        event(readOnly=True, managementEvent=False),
        event("AWS Console Sign In via CloudTrail", readOnly=False),
        event("Connection Deauthorized", readOnly=True),
    ],
)
def test_a_plain_enabled_rule_gets_every_other_event(other: dict[str, Any]) -> None:
    assert receives("ENABLED", other)
    assert receives(ALL_EVENTS, other)


@pytest.mark.parametrize("state", ["DISABLED", "enabled", ""])
def test_any_other_state_gets_nothing(state: str) -> None:
    assert not receives(state, event(readOnly=False))


RECORD = {
    "eventSource": "sso.amazonaws.com",
    "eventType": "AwsServiceEvent",
    "eventTime": "2026-01-31T02:00:00Z",
    "awsRegion": "us-east-1",
    "recipientAccountId": "222222222222",
}


def envelope(record: dict[str, Any]) -> dict[str, Any]:
    made = as_event(record, account="111111111111", region="eu-central-1")
    assert made.pop("id")
    return made


def test_a_record_becomes_an_event() -> None:
    assert envelope(RECORD) == {
        "version": "0",
        "detail-type": "AWS Service Event via CloudTrail",
        "source": "aws.sso",
        "account": "222222222222",
        "time": "2026-01-31T02:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": RECORD,
    }


@pytest.mark.parametrize(
    ("event_source", "event_type", "source", "detail_type"),
    [
        ("sts.amazonaws.com", "AwsApiCall", "aws.sts", "AWS API Call via CloudTrail"),
        ("signin.amazonaws.com", "AwsConsoleSignIn", "aws.signin", "AWS Console Sign In via CloudTrail"),
        ("signin.amazonaws.com", "AwsConsoleSignin", "aws.signin", "AWS Console Sign In via CloudTrail"),
        ("sts.amazonaws.com.cn", "AwsApiCall", "aws.sts", "AWS API Call via CloudTrail"),
    ],
)
def test_source_and_detail_type(event_source: str, event_type: str, source: str, detail_type: str) -> None:
    made = envelope({**RECORD, "eventSource": event_source, "eventType": event_type})
    assert (made["source"], made["detail-type"]) == (source, detail_type)


def test_a_drill_is_nobodys_service() -> None:
    made = envelope({"drill": {"role": "x"}})
    assert (made["source"], made["detail-type"]) == ("breakglass.drill", "Break-glass drill")
    assert made["detail"] == {"role": "x"}


def test_what_an_old_record_lacks_is_filled_in() -> None:
    made = envelope({"eventSource": "sts.amazonaws.com"})
    assert (made["account"], made["region"]) == ("111111111111", "eu-central-1")
    assert made["detail-type"] == "AWS API Call via CloudTrail"
    assert datetime.fromisoformat(made["time"]).tzinfo is not None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("eventSource", None, "eventSource is None.*sts.amazonaws.com"),
        ("eventSource", "sts", "eventSource is 'sts'"),
        ("eventSource", "sts.example.com", "eventSource is 'sts.example.com'"),
        ("eventType", 7, "eventType is 7.*AwsApiCall"),
        ("eventType", "AwsCloudTrailInsight", "eventType is 'AwsCloudTrailInsight'.*use a record of type AwsApiCall"),
    ],
)
def test_a_record_of_another_shape_is_explained(field: str, value: object, message: str) -> None:
    with pytest.raises(RecordShapeError, match=message):
        envelope({**RECORD, field: value})
