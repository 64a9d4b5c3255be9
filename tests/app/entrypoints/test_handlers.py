"""The entry points: their imports, their offline start, and their handover."""

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from breakglass.alerts.messages import substitute, usage_recorder_input
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.connection import HttpResponse
from breakglass.app.aws.interactions_function import LambdaInteractions
from breakglass.app.domain.records import State
from breakglass.app.entrypoints import interactions, metrics, provisioner, reconciler, usage_recorder
from breakglass.app.error_codes import PermanentError
from breakglass.app.ports import BusyError, SlackError
from breakglass.app.services.reconciler_run import Counts
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Command
from breakglass.app.slack.signature import RETRY_SECONDS, SignatureError
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, AppFunction, Metric
from breakglass.vocabulary import EvidencePath
from localcloud.slack_user import sign_request
from tests.app.domain.policies import ADA, CLEO, PRODUCTION, RDS
from tests.app.doubles.slack import TEAM
from tests.app.services.fake_workspace import CHANNEL, FakeWorkspace

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"

# This replaces the package's `__init__`, which imports the components. Python's audit hooks see each name lookup and
# each connection.
_START = """
import json, sys
package = sys.modules["breakglass"] = type(sys)("breakglass")
package.__path__ = ["breakglass"]
calls = []
sys.addaudithook(lambda event, _: calls.append(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
sys.path.insert(0, ".")
import breakglass.app.entrypoints.{app_function.name}
print(json.dumps({{"calls": calls, "modules": sorted(sys.modules)}}))
"""


def _start(app_function: AppFunction) -> dict[str, list[str]]:
    # -S: no installed package can be imported.
    command = [sys.executable, "-S", "-c", _START.format(app_function=app_function)]
    loaded: dict[str, list[str]] = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    return loaded


@pytest.mark.parametrize("app_function", AppFunction)
def test_function_starts_offline_with_the_standard_library(app_function: AppFunction) -> None:
    loaded = _start(app_function)
    assert loaded["calls"] == []
    assert not {"asyncio", "logging", "urllib.request"} & set(loaded["modules"])


def test_receiver_loads_its_two_calls_to_aws_alone() -> None:
    prefix = "breakglass.app.aws."
    loaded = {name.removeprefix(prefix) for name in _start(AppFunction.receiver)["modules"] if name.startswith(prefix)}
    assert loaded == {"aws", "connection", "interactions_function", "secrets", "services", "sigv4", "slack_api"}


class _Invoking(AwsClient):
    """Calls `interactions`'s handler where Lambda would."""

    def invoke(self, function: str, invocation_type: str, payload: bytes) -> HttpResponse:
        return HttpResponse(200, {}, json.dumps(interactions.handler(json.loads(payload), None)).encode())


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> FakeWorkspace:
    """A workspace whose interactions is the handler."""
    workspace = FakeWorkspace()
    monkeypatch.setattr(interactions, "_context", lambda: workspace.context)
    monkeypatch.setattr(interactions, "_signing_secret", lambda: _secret)
    monkeypatch.setattr(interactions, "clock", workspace.clock)
    return workspace


def test_interactions_reads_what_receiver_hands_over(workspace: FakeWorkspace) -> None:
    view_id = workspace.slack.open_view({"type": "modal", "blocks": []})
    handed = {**_signed(COMMAND, workspace), "view_id": view_id}
    LambdaInteractions(_Invoking("eu-central-1"), "interactions").hand_over(handed)
    assert "Request" in workspace.view_text(view_id)


COMMAND = urlencode(
    {
        "command": "/breakglass",
        "text": "",
        "trigger_id": "t-1",
        "channel_id": CHANNEL,
        "user_id": ADA.slack_id,
        "team_id": TEAM,
    }
)
SEARCH = "payload=" + quote(
    json.dumps(
        {
            "type": "block_suggestion",
            "user": {"id": ADA.slack_id, "team_id": TEAM},
            "action_id": ids.VALUE,
            "block_id": ids.ROLE,
            "value": "",
            "view": {"id": "V1", "private_metadata": ""},
        }
    )
)


@pytest.mark.parametrize("kind", ["block_actions", "view_submission", "block_suggestion"])
def test_interactions_invoked_without_signature_acts_for_nobody(workspace: FakeWorkspace, kind: str) -> None:
    request = workspace.request_access()
    payload = {
        "type": kind,
        "user": {"id": CLEO.slack_id, "team_id": TEAM},
        "trigger_id": "t-1",
        "container": {"type": "message", "channel_id": CHANNEL, "message_ts": "1.000000"},
        "actions": [{"type": "button", "action_id": ids.APPROVE, "block_id": "b", "value": request.id}],
    }
    body = f"payload={quote(json.dumps(payload))}"
    handed = {"body": body, "content_type": "application/x-www-form-urlencoded", "view_id": None}
    for forged in (handed, {**_signed("else", workspace), **handed}):
        with pytest.raises(SignatureError):
            interactions.handler({"interaction": forged}, None)
    assert workspace.reload(request).state is State.pending
    if kind == "block_actions":
        interactions.handler({"interaction": {**_signed(body, workspace), "view_id": None}}, None)
        assert workspace.reload(request).state is State.approved, "only the signature was missing"


@pytest.mark.parametrize("seconds", [0, 300, 1260])
def test_interactions_for_a_replay_acts_once(workspace: FakeWorkspace, seconds: int) -> None:
    handed = {**_signed(COMMAND, workspace), "view_id": None}
    interactions.handler({"interaction": {**handed, "delivery": "1"}}, None)
    shown = len(workspace.slack.calls)
    workspace.clock.advance(seconds)
    interactions.handler({"interaction": {**handed, "delivery": "2"}}, None)
    assert len(workspace.slack.calls) == shown


def test_interactions_for_a_retry_of_lambda_acts_again(workspace: FakeWorkspace) -> None:
    handed = {**_signed(COMMAND, workspace), "view_id": None, "delivery": "1"}
    workspace.slack.fail("users.info", "internal_error")
    with pytest.raises(SlackError):
        interactions.handler({"interaction": handed}, None)
    workspace.clock.advance(RETRY_SECONDS)
    before = len(workspace.slack.calls)
    interactions.handler({"interaction": handed}, None)
    assert len(workspace.slack.calls) > before


def test_interactions_for_a_replayed_search_answers_nothing(workspace: FakeWorkspace) -> None:
    handed = {**_signed(SEARCH, workspace), "view_id": None}
    first, second = (interactions.handler({"interaction": {**handed, "delivery": each}}, None) for each in "12")
    assert first["options"]
    assert second == {"options": []}


def test_interactions_that_cannot_claim_says_so_and_fails(
    workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    view_id = workspace.slack.open_view({"type": "modal", "blocks": []})

    def busy(*_: object, **__: object) -> bool:
        raise BusyError("other transactions were in the way")

    monkeypatch.setattr(workspace.store, "once", busy)
    with pytest.raises(BusyError):
        interactions.handler({"interaction": {**_signed(COMMAND, workspace), "view_id": view_id}}, None)
    assert "Not done yet" in workspace.view_text(view_id)


VALUE = f"{RDS}|session_start|{PRODUCTION}|e-1|2025-11-24T16:00:00Z|ada"

REPORTED: dict[str, tuple[str, int]] = {
    # sentence: (what Lambda gets, as text; uses recorded)
    "a use": (json.dumps({"value": VALUE}), 1),
    "a use, from a rule of an earlier version": (json.dumps({"value": f"|{VALUE}", "source": "aws.sts"}), 1),
    "a drill, from a rule of an earlier version": (
        json.dumps({"value": f"DRILL: |{VALUE}", "source": "breakglass.drill"}),
        0,
    ),
    "a crafted drill without its mark": (json.dumps({"value": f"|{VALUE}", "source": "breakglass.drill"}), 0),
    "a crafted drill with a source of its own before": (
        f'{{"value":"x","source":"aws.sts","value":"|{VALUE}","source":"breakglass.drill"}}',
        0,
    ),
    "a source that only begins so": (json.dumps({"value": VALUE, "source": "aws.sts.example"}), 0),
    "one more key than there is": (json.dumps({"value": VALUE, "rest": ""}), 0),
    "a source that is no text": (json.dumps({"value": VALUE, "source": ["aws.sts"]}), 0),
    "a value that is no text": (json.dumps({"value": [VALUE]}), 0),
    "no value": (json.dumps({"source": "aws.sts"}), 0),
}


@pytest.mark.parametrize("sentence", REPORTED)
def test_usage_recorder_records_only_what_comes_from_aws(monkeypatch: pytest.MonkeyPatch, sentence: str) -> None:
    workspace = FakeWorkspace()
    monkeypatch.setattr(usage_recorder, "_context", lambda: (workspace.context, workspace.directory))
    text, count = REPORTED[sentence]
    assert usage_recorder.handler(json.loads(text), None) == {}
    assert len(workspace.store.uses) == count


def test_usage_recorder_understands_what_its_rule_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = FakeWorkspace()
    monkeypatch.setattr(usage_recorder, "_context", lambda: (workspace.context, workspace.directory))
    detail = {
        "recipientAccountId": PRODUCTION,
        "eventID": "e-1",
        "eventTime": "2025-11-24T16:00:00Z",
        "requestParameters": {"roleSessionName": "ada"},
    }
    transformer = usage_recorder_input(PermissionSetSubject(RDS), EvidencePath.session_start)
    usage_recorder.handler(json.loads(substitute(transformer, {"source": "aws.sts", "detail": detail})), None)
    assert len(workspace.store.uses) == 1


def _secret(_: bool) -> str:
    return SECRET


def _signed(body: str, workspace: FakeWorkspace) -> dict[str, str]:
    headers = sign_request(SECRET, body.encode(), workspace.clock())
    return {
        "body": body,
        "content_type": "application/x-www-form-urlencoded",
        "timestamp": headers["X-Slack-Request-Timestamp"],
        "signature": headers["X-Slack-Signature"],
    }


def test_reconciler_metrics_are_those_of_the_alarms() -> None:
    counts = Counts(late=1, stuck=2, unmanaged=3, overdue=4, failures=5, undenied=6, unannounced=7)
    line = metrics.line(reconciler.values(counts), "prod", 1_764_000_000_000)
    assert line == {
        "_aws": {
            "Timestamp": 1_764_000_000_000,
            "CloudWatchMetrics": [
                {
                    "Namespace": METRICS_NAMESPACE,
                    "Dimensions": [[METRICS_DIMENSION]],
                    "Metrics": [
                        {"Name": metric, "Unit": "Count"}
                        for metric in Metric
                        if metric not in (Metric.permanent_refusals, Metric.broken_glass)
                    ],
                }
            ],
        },
        METRICS_DIMENSION: "prod",
        Metric.runs: 1,
        Metric.failures: 5,
        Metric.overdue_explanations: 4,
        Metric.unrecorded_assignments: 3,
        Metric.stuck_requests: 2,
        Metric.unrevoked_grants: 1,
        Metric.undenied_sessions: 6,
        Metric.missing_announcements: 7,
    }


def test_metrics_of_what_was_not_counted_are_left_out() -> None:
    values = reconciler.values(Counts(failures=1, unknown=frozenset({"late"})))
    assert Metric.unrevoked_grants not in values
    assert values[Metric.stuck_requests] == 0


def test_interactions_for_a_permanent_refusal_counts_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = FakeWorkspace()
    workspace.slack.fail("users.info", "account_inactive", times=None)
    monkeypatch.setattr(interactions, "_context", lambda: workspace.context)

    def command(*_: object) -> Command:
        return Command(workspace.actor(ADA), "t-1", CHANNEL)

    monkeypatch.setattr(interactions, "read_handover", command)
    monkeypatch.setattr(interactions, "_signing_secret", lambda: None)
    monkeypatch.setenv("BREAKGLASS_STACK", "prod")
    signed = {**_signed("", workspace), "view_id": None}
    assert interactions.handler({"interaction": signed}, None) == {}
    assert json.loads(capsys.readouterr().out)[Metric.permanent_refusals] == 1
    assert "account_inactive" in workspace.private_text()
    assert "a retry does not help" in workspace.private_text()


@pytest.mark.parametrize("handler", [provisioner.handler, interactions.handler])
def test_step_refused_for_good_raises_permanent_error(
    monkeypatch: pytest.MonkeyPatch, handler: Callable[[dict[str, Any], object], object]
) -> None:
    def refused(*_: object) -> None:
        raise AwsError("AccessDeniedException", "no", 400)

    monkeypatch.setattr(interactions, "_context", FakeWorkspace)
    monkeypatch.setattr(provisioner, "_context", FakeWorkspace)
    monkeypatch.setattr(interactions.workflow_steps, "run_step", refused)
    monkeypatch.setattr(provisioner, "run_step", refused)
    with pytest.raises(PermanentError, match="AccessDeniedException"):
        handler({"step": "grant", "request": "r-1"}, None)


def test_reconciler_handler_writes_metrics_when_everything_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = FakeWorkspace()
    for method in ("open_requests", "live_grants", "open_usages"):
        monkeypatch.setattr(workspace.store, method, _raise)
    monkeypatch.setattr(reconciler, "_context", lambda: workspace.context)
    monkeypatch.setenv("BREAKGLASS_STACK", "prod")
    reconciler.handler({}, None)
    line = json.loads(capsys.readouterr().out)
    assert (line[Metric.runs], line[Metric.failures]) == (1, 6)


def _raise(*_: object) -> None:
    raise RuntimeError("DynamoDB is down")
