"""EventBridge behaviour that the alert path depends on and MiniStack lacks.

MiniStack dispatches only rules whose state is exactly ENABLED, posts to an API destination once, and forgets what
failed. Added here, after AWS's recorded answers or else the EventBridge User Guide:

- rule states (see `rule_state`), and no pattern that is more complex than AWS takes
  (`localcloud.emulators.complexity`);
- PutRule without a state makes the rule ENABLED, and drops the description (recorded: stackd, testdata/aws/eventbridge/
  control_plane.json, `replace-rule`);
- input templates, and a dead letter in place of invalid JSON (`breakglass.alerts.input_template`);
- deliveries to API destinations with InvocationRateLimitPerSecond and retries (see `delivery`), if the target's role
  allows them, and the dead-letter queue, if its policy lets the rule send (see `permissions`);
- a dead letter holds the input that the target would have got, not the event (recorded for queues and ECS tasks:
  radkawar/stackd at 9dc356f5, testdata/aws/eventbridge/inputs.json, `denied-transformer` and others);
- topics as targets only if their policy lets EventBridge publish (see `permissions`);
- state machines as targets only if the target's role lets EventBridge start them; otherwise the input is a dead letter;
- scheduled rules through the same checks, by the clock or at once (`Bus.tick`);
- ARNs of connections and API destinations, and no key in a described connection (see `connections`);
- buses as targets, also of other accounts and regions (see `event_buses`);
- log groups as targets, if a resource policy lets EventBridge write (recorded: stackd, testdata/aws/eventbridge/
  logs_destination.json: neither role nor input);
- metrics of each rule: MatchedEvents, Invocations, FailedInvocations, InvocationsSentToDlq and
  InvocationsFailedToBeSentToDlq (recorded: stackd, docs/eventbridge.md: each failed target is one invocation and one
  failed invocation, also if its letter reaches the queue; a rule of a bus that is not the default one has the dimension
  `EventBusName`, too);
- a count of the deliveries, so that a caller can wait for them. A delivery to a state machine ends here with the
  execution, at AWS with its start.

MiniStack does everything else: storing, matching, transforming, building the request. Its functions that are used or
replaced here are private to it, therefore it is pinned and `install` refuses a MiniStack that lacks one.

Non-goals: retries for other targets than API destinations; InputPath in a dead letter.
"""

import contextvars
import functools
import http.client
import importlib
import json
import logging
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from breakglass.alerts.input_template import is_json, render
from localcloud.emulators import clock, cloudwatch, cloudwatch_logs
from localcloud.emulators.complexity import COMPLEXITY_LIMIT, wildcard_complexity
from localcloud.emulators.connections import (
    Handler,
    Response,
    make_create_handler,
    make_deauthorize_handler,
    make_describe_handler,
    make_event,
)
from localcloud.emulators.delivery import INVALID_JSON, Failure, RateLimit, TargetResponse, TargetRetryPolicy, deliver
from localcloud.emulators.event_buses import (
    FindOrganization,
    forward,
    make_delete_handler,
    make_permission_handler,
    make_rule_delete_handler,
    make_rule_handler,
    make_targets_handler,
)
from localcloud.emulators.hooks import require_hooks
from localcloud.emulators.permissions import log_group_accepts, queue_accepts, role_refusal, topic_accepts
from localcloud.emulators.rule_state import receives

_logger = logging.getLogger("localcloud.eventbridge")

# Any: MiniStack has no annotations.
_events: Any = importlib.import_module("ministack.services.eventbridge")
_logs: Any = importlib.import_module("ministack.services.cloudwatch_logs")
_sns: Any = importlib.import_module("ministack.services.sns")
_sqs: Any = importlib.import_module("ministack.services.sqs")
_states: Any = importlib.import_module("ministack.services.stepfunctions")

_DEFAULT_RATE_LIMIT = 300
_OMITTED_IN_PUT_RULE = {"State": "ENABLED", "Description": "", "RoleArn": ""}


_current_target: contextvars.ContextVar[Mapping[str, Any]] = contextvars.ContextVar("current_target")
"""The target that MiniStack invokes in this context; it does not hand on more than its ARN to some."""


class DeliveryCounter:
    """Counts the deliveries that `Bus` answers for, over all threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._ended = {"delivered": 0, "dead_lettered": 0, "lost": 0}

    def begin(self) -> None:
        """A delivery begins; it is called before PutEvents returns, so that no gap can look like the end."""
        with self._changed:
            self._under_way += 1

    def end(self, outcome: str) -> None:
        """A delivery ended: `delivered`, `dead_lettered` or `lost` (no queue took it)."""
        with self._changed:
            self._under_way -= 1
            self._ended[outcome] += 1
            self._changed.notify_all()

    def wait_idle(self, timeout: float) -> dict[str, int]:
        """Waits until no delivery is under way or `timeout` seconds passed; returns the counts, with `under_way`."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, timeout)
            return {"under_way": self._under_way, **self._ended}


class Bus:
    """EventBridge's part behind the event bus, put in the place of MiniStack's.

    Args:
        second: length of a second of retry waits and rate limits here, in seconds.
        find_organization: returns the ID of an account's organization.
    """

    def __init__(self, second: float, find_organization: FindOrganization) -> None:
        self.deliveries = DeliveryCounter()
        self._second = second
        self._find_organization = find_organization
        self._rate_limit = RateLimit()
        self._executions: dict[str, Mapping[str, Any]] = {}
        self._invoke_target: Callable[..., None] = _events._invoke_target

    def install(self) -> None:
        """Replaces MiniStack's dispatch.

        Raises:
            RuntimeError: if this MiniStack is not built as the one that this was written for.
        """
        require_hooks(
            _events,
            *(
                "_dispatch_event",
                "_dispatch_to_api_destination",
                "_dispatch_to_event_bus",
                "_dispatch_to_stepfunctions",
            ),
            *(
                "_delete_event_bus",
                "_delete_rule",
                "_event_bus_policies",
                "_event_buses",
                "_invoke_target",
                "_put_permission",
            ),
            *("_render_input_template", "_event_pattern_error", "_now_ts", "_tick_scheduled_rules"),
            *("_create_connection", "_create_api_destination", "_describe_connection", "_put_rule"),
            *("_put_targets", "_rule_key"),
            "_deauthorize_connection",
            *("_pattern_event_view", "_matches_pattern_view", "_event_from_test_payload"),
            *("_apply_input_transformer", "_build_api_destination_request", "_connection_auth_headers"),
            *("_finalize_api_dest_headers", "_http_open", "_rules", "_targets", "_connections", "_api_destinations"),
        )
        require_hooks(_states, "_resolve_state_machine_arn", "_start_execution")
        _events._dispatch_event = self.dispatch
        _events._dispatch_to_api_destination = self._start_delivery
        _events._dispatch_to_stepfunctions = self._start_execution
        _events._dispatch_to_event_bus = self._forward
        # MiniStack's scheduler calls it, too.
        _events._invoke_target = self._invoke
        # An event that an execution puts has the time of the execution.
        _events._now_ts = clock.now
        _events._render_input_template = render
        _events._event_pattern_error = _limited(_events._event_pattern_error)
        _events._create_connection = make_create_handler(
            "ConnectionArn", _events._create_connection, _events._connections
        )
        _events._create_api_destination = make_create_handler(
            "ApiDestinationArn", _events._create_api_destination, _events._api_destinations
        )
        _events._describe_connection = make_describe_handler(_events._describe_connection)
        _events._deauthorize_connection = make_deauthorize_handler(
            _events._deauthorize_connection, _events._connections, self.put
        )
        _events._put_rule = make_rule_handler(_replacing(_events._put_rule))
        _events._put_targets = make_targets_handler(_events._put_targets)
        _events._put_permission = make_permission_handler(_events._put_permission)
        _events._delete_event_bus = make_delete_handler(_events._delete_event_bus)
        _events._delete_rule = make_rule_delete_handler(_events._delete_rule)

    def put(self, event: Mapping[str, Any]) -> None:
        """Puts an event on the default bus as an AWS service would: its source may begin with `aws.`.

        The bus is that of the account and region in whose scope the caller runs (`scope`).
        """
        self.dispatch({**_events._event_from_test_payload(event), "EventBusName": "default"})

    def dispatch(self, record: dict[str, Any], view: Any = None) -> None:
        """Gives an event to every rule of its bus that may have it; takes MiniStack's internal event record."""
        view = view or _events._pattern_event_view(record)
        envelope = view.event_with_detail()
        passed = record.get("_DispatchPath", ())
        for key, rule in list(_events._rules.items()):
            if (
                rule["EventBusName"] == record["EventBusName"]
                and rule["EventPattern"]
                and key not in passed
                and receives(rule["State"], envelope)
                and _events._matches_pattern_view(rule["EventPattern"], view, f"rule {key}")
            ):
                _count("MatchedEvents", rule["Arn"])
                for target in list(_events._targets.get(key, ())):
                    self._invoke(target, record, rule, view)

    def tick(self, name: str, after: float = 0) -> bool:
        """Invokes the targets of a scheduled rule, as its schedule does; False if there is no such rule.

        Source: "Creating a scheduled rule" shows the event. A disabled rule invokes nothing.

        Args:
            name: name of the rule.
            after: seconds until then, which the clock of the caller's context leaves out.
        """
        clock.skip(after)
        for key, rule in list(_events._rules.items()):
            if rule["Name"] != name or not rule["ScheduleExpression"]:
                continue
            if rule["State"] != "DISABLED":
                event = make_event("Scheduled Event", rule["Arn"], {})
                record = {**_events._event_from_test_payload(event), "EventBusName": "default"}
                view = _events._pattern_event_view(record)
                for target in list(_events._targets.get(key, ())):
                    self._invoke(target, record, rule, view)
            return True
        return False

    def _invoke(self, target: Mapping[str, Any], record: Mapping[str, Any], rule: Mapping[str, Any], view: Any) -> None:
        _count("Invocations", rule["Arn"])
        traced = _with_input(target, rule, view)
        failure = _failure_before_sending(traced)
        if failure is not None:
            self.deliveries.begin()
            self._end(failure, traced)
        elif ":log-group:" in traced["Arn"]:
            self.deliveries.begin()
            self._end(_write_log(traced), traced)
        else:
            _current_target.set(traced)
            self._invoke_target(traced, record, rule, view)

    def _forward(self, bus: Any, record: Mapping[str, Any], rule: Mapping[str, Any], *_: object) -> None:
        target = _current_target.get()
        self.deliveries.begin()
        # Ends the delivery even if something breaks, so that no caller waits for ever.
        failure: Failure | None = Failure("INTERNAL_ERROR", "The emulator failed")
        try:
            failure = forward(bus, record, rule, target, self._find_organization, self.dispatch)
        finally:
            self._end(failure, target)

    def _start_execution(self, machine_arn: str, payload: str) -> None:
        target = _current_target.get()
        self.deliveries.begin()
        refusal = role_refusal(target.get("RoleArn"), "states:StartExecution", machine_arn, target["_RuleArn"])
        if refusal is not None:
            self._end(Failure(*refusal), target)
            return
        if _states._resolve_state_machine_arn(machine_arn) is None:
            self._end(Failure("NO_RESOURCE", f"State machine {machine_arn} does not exist"), target)
            return
        name = str(uuid.uuid4())
        execution_arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        self._executions[execution_arn] = target
        _states._start_execution({"stateMachineArn": machine_arn, "name": name, "input": payload})

    def end_execution(self, execution_arn: str) -> None:
        """An execution ended; if a rule started it, so does the delivery."""
        target = self._executions.pop(execution_arn, None)
        if target is not None:
            self._end(None, target)

    def _start_delivery(self, destination_arn: Any, payload: str, target: Mapping[str, Any]) -> None:
        self.deliveries.begin()
        # MiniStack keeps account and region of the request in context variables.
        context = contextvars.copy_context()
        arguments = (self._deliver, destination_arn, payload, target)
        threading.Thread(target=context.run, args=arguments, name="delivery", daemon=True).start()

    def _deliver(self, arn: Any, payload: str, target: Mapping[str, Any]) -> None:
        attempt = functools.partial(self._attempt, arn, payload, target)
        # Ends the delivery even if something breaks, so that no caller waits for ever.
        failure: Failure | None = Failure("INTERNAL_ERROR", "The emulator failed")
        try:
            failure = deliver(attempt, TargetRetryPolicy.of_target(target), self._sleep)
        finally:
            self._end(failure, target)

    def _end(self, failure: Failure | None, target: Mapping[str, Any]) -> None:
        outcome = "lost"
        try:
            if failure is None:
                outcome = "delivered"
                return
            _count("FailedInvocations", target["_RuleArn"])
            if _send_dead_letter(failure, target):
                outcome = "dead_lettered"
                _count("InvocationsSentToDlq", target["_RuleArn"])
            else:
                _count("InvocationsFailedToBeSentToDlq", target["_RuleArn"])
                _logger.warning("lost for %s: %s", target["_RuleArn"], failure)
        finally:
            self.deliveries.end(outcome)

    def _sleep(self, seconds: float) -> None:
        clock.sleep(seconds, self._second)

    def _attempt(self, arn: Any, payload: str, target: Mapping[str, Any]) -> TargetResponse:
        # Each attempt reads everything again: a connection repaired between two attempts counts.
        refusal = role_refusal(target.get("RoleArn"), "events:InvokeApiDestination", target["Arn"], target["_RuleArn"])
        if refusal is not None:
            return TargetResponse.impossible(*refusal)
        name = arn.resource.split("/")[1]
        destination = _events._api_destinations.get(name)
        if destination is None or destination["ApiDestinationState"] != "ACTIVE":
            return TargetResponse.impossible("NO_RESOURCE", f"API destination {name} does not exist or is not active")
        connection_name = destination["ConnectionArn"].split("/")[1]
        connection = _events._connections.get(connection_name)
        if connection is None or connection["ConnectionState"] != "AUTHORIZED":
            message = f"Connection {connection_name} does not exist or is not authorized"
            return TargetResponse.impossible("NO_RESOURCE", message)
        request = _events._build_api_destination_request(
            destination, connection, target.get("HttpParameters") or {}, payload
        )
        token_key = (arn.account_id, arn.region, connection_name)
        headers = request["headers"] | _events._connection_auth_headers(connection, token_key)
        limit = destination.get("InvocationRateLimitPerSecond") or _DEFAULT_RATE_LIMIT
        self._sleep(self._rate_limit.reserve(name, limit, time.monotonic() / self._second))
        return _post({**request, "headers": _events._finalize_api_dest_headers(headers)})


def _with_input(target: Mapping[str, Any], rule: Mapping[str, Any], view: Any) -> dict[str, Any]:
    """The target with its input and rule, which MiniStack does not hand on otherwise."""
    transformer = target.get("InputTransformer")
    if transformer is None:
        given = target.get("Input") or json.dumps(view.event_with_detail())
        return {**target, "_RuleArn": rule["Arn"], "_Input": given}
    given = _events._apply_input_transformer(transformer, rule, view)
    kept = {name: value for name, value in target.items() if name != "InputTransformer"}
    return {**kept, "Input": given, "_RuleArn": rule["Arn"], "_Input": given}


def _write_log(target: Mapping[str, Any]) -> Failure | None:
    """Write the event, or the message that an input transformer makes of it, into a log group."""
    group_arn = target["Arn"].removesuffix(":*")
    policies = [policy["policyDocument"] for policy in _logs._resource_policies.values()]
    if not log_group_accepts(policies, group_arn, target["_RuleArn"]):
        return Failure("NO_PERMISSIONS", f"No resource policy of CloudWatch Logs lets the rule write into {group_arn}")
    message = json.loads(target["_Input"])["message"] if "Input" in target else target["_Input"]
    stream = uuid.uuid5(uuid.NAMESPACE_URL, target["_RuleArn"])
    if not cloudwatch_logs.write_event(group_arn.partition(":log-group:")[2], str(stream), message):
        return Failure("NO_RESOURCE", f"Log group {group_arn} does not exist")
    return None


def _failure_before_sending(target: Mapping[str, Any]) -> Failure | None:
    """The failure of an input that is never sent: invalid JSON, or a topic policy that denies it."""
    if not is_json(target["_Input"]):
        return INVALID_JSON
    topic = _sns._topic_by_arn_any_scope(target["Arn"]) if ":sns:" in target["Arn"] else None
    if topic is None or topic_accepts(topic["attributes"].get("Policy"), target["Arn"], target["_RuleArn"]):
        return None
    return Failure("NO_PERMISSIONS", "The topic policy does not let the rule publish")


def _count(metric: str, rule_arn: str) -> None:
    *bus, name = rule_arn.split("/")[1:]
    cloudwatch.count("AWS/Events", metric, **({"EventBusName": bus[0]} if bus else {}), RuleName=name)


def _replacing(put_rule: Handler) -> Handler:
    """PutRule as a replacement of the whole rule; MiniStack keeps what is omitted."""

    def replaced(data: Mapping[str, Any]) -> Response:
        return put_rule({**_OMITTED_IN_PUT_RULE, **data})

    return replaced


def _limited(pattern_error: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    """MiniStack's judgement of a pattern, and AWS's limit on its wildcards."""

    def error(pattern: Any) -> str | None:
        reason = pattern_error(pattern)
        if reason is None and pattern and wildcard_complexity(json.loads(pattern)) > COMPLEXITY_LIMIT:
            return (
                "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences "
                "after a wildcard character"
            )
        return reason

    return error


def _post(request: Mapping[str, Any]) -> TargetResponse:
    # MiniStack's opener takes http and https only, follows no redirect and gives up after 5 s, as AWS does.
    call = urllib.request.Request(  # noqa: S310  see above: no other scheme gets here
        request["url"],
        data=request["body"].encode(),
        headers=request["headers"] | clock.headers(),
        method=request["method"],
    )
    try:
        with _events._http_open(call) as response:
            return TargetResponse(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return TargetResponse(error.code, retry_after=_seconds(error.headers.get("Retry-After")))
    except (OSError, http.client.HTTPException) as error:
        late = isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)
        return TargetResponse.timed_out() if late else TargetResponse.unreachable()


def _seconds(retry_after: str | None) -> float:
    # The header's other form, a date, is not what Slack sends.
    return float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0


def _send_dead_letter(failure: Failure, target: Mapping[str, Any]) -> bool:
    """True if the target's dead-letter queue accepted the target's input."""
    queue_arn = target.get("DeadLetterConfig", {}).get("Arn")
    queue = queue_arn and _sqs._queue_by_arn(queue_arn)
    if not queue or not queue_accepts(queue["attributes"].get("Policy"), queue_arn, target["_RuleArn"]):
        return False
    attributes = failure.message_attributes(target["_RuleArn"], target["Arn"])
    message = {
        "MessageBody": target["_Input"],
        "MessageAttributes": {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()},
    }
    _sqs._act_send_message(message, queue["url"])
    return True
