"""Breaks an alert path by calls of AWS, and keeps the record of each call.

The local cloud has no CloudTrail. Each call that makes a fault is real, but for a refused one, which changes nothing.
Its record is made from it, and goes on the bus after all calls of the fault, since CloudTrail takes minutes. So a
deleted rule can't report its deletion.

Calls that repair are not recorded. Non-goals: the expected notices (`localcloud.faults`).
"""

import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

from botocore import xform_name

from breakglass.naming import AppFunction, Names, stack_prefix
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.emulators.call_records import Caller, make_call_record, refuse
from localcloud.faults import Fault
from localcloud.stack import STACK, TRAIL, WATCHER

ADMINISTRATOR = Caller(
    f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/aws-reserved/sso.amazonaws.com/{REGION}/"
    "AWSReservedSSO_AdministratorAccess_0123456789abcdef",
    "mallory@example.com",
)
"""The caller of every fault but those of a deployer."""

MACHINE_SETTINGS = ("name", "definition", "roleArn", "type", "loggingConfiguration")
"""The fields of a described state machine that CreateStateMachine takes."""

_PREFIX = stack_prefix(STACK)

_PIPELINE = Caller(f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/ci", "build-17")


class RecordedCalls:
    """Makes calls of AWS, and keeps the record of each.

    Attributes:
        records: the records, in order.
    """

    def __init__(self, cloud: RunningCloud) -> None:
        self.records: list[dict[str, Any]] = []
        self._cloud = cloud

    def make(
        self, service: str, operation: str, caller: Caller = ADMINISTRATOR, region: str = REGION, **parameters: Any
    ) -> Any:
        """Make a call in the caller's account, and keep its record."""
        client = self._cloud.client(service, caller.account, region)
        answer = getattr(client, xform_name(operation))(**parameters)
        record = make_call_record(service, operation, parameters, caller, region=region, at=time.time())
        self.records.append(record)
        return answer


@contextmanager
def kept_rules(events: Any, names: Sequence[str], **bus: str) -> Iterator[None]:
    """Put rules and their targets back on exit.

    Args:
        events: the client of their account and region.
        names: names of the rules.
        bus: `EventBusName`; empty for the default bus.
    """
    kept = [(describe_rule(events, name, **bus), list_targets(events, name, **bus)) for name in names]
    yield
    for rule, targets in kept:
        events.put_rule(**rule, **bus)
        if targets:
            events.put_targets(Rule=rule["Name"], Targets=targets, **bus)


def describe_rule(events: Any, name: str, **bus: str) -> dict[str, Any]:
    """Return a rule as PutRule takes it, but for its bus."""
    rule = events.describe_rule(Name=name, **bus)
    return {field: rule[field] for field in ("Name", "EventPattern", "State", "Description") if rule.get(field)}


def list_targets(events: Any, rule: str, **bus: str) -> list[dict[str, Any]]:
    """Return the targets of a rule."""
    targets: list[dict[str, Any]] = events.list_targets_by_rule(Rule=rule, **bus)["Targets"]
    return targets


class Tampering:
    """The faults of the alert path of one role that are made by calls of AWS.

    Args:
        cloud: the cloud of stack `local`.
        rule: name of the rule whose event follows the fault.
        deployer: ARN of the role that deploys the stack.
    """

    def __init__(self, cloud: RunningCloud, rule: str, deployer: str) -> None:
        self._calls = RecordedCalls(cloud)
        self._call = self._calls.make
        self._cloud = cloud
        self._rule = rule
        self._deployer = deployer
        self._faults: Mapping[Fault, Callable[[], AbstractContextManager[None]]] = {
            Fault.connection_deauthorised: self._deauthorised_connection,
            Fault.machine_role_broken: self._role_without_policies,
            Fault.machine_deleted: self._deleted_machine,
            Fault.rule_disabled: self._disabled_rule,
            Fault.target_removed: self._removed_target,
            Fault.rule_deleted: self._deleted_rule,
            Fault.alarm_deleted: self._deleted_alarm,
            Fault.token_replaced: self._replaced_token,
            Fault.mail_unsubscribed: self._unsubscribed_mail,
            Fault.function_replaced: self._replaced_function,
            Fault.session_policy_detached: self._detached_policy,
            Fault.trail_stopped: self._stopped_trail,
            Fault.change_refused: self._refused_change,
            Fault.changed_by_deployer: self._change_of_the_deployer,
            Fault.tamper_rules_deleted: partial(self._deleted_tamper_rules, STACK),
            Fault.both_tamper_rules_deleted: partial(self._deleted_tamper_rules, STACK, WATCHER),
        }

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of the calls, in order."""
        return self._calls.records

    def make(self, fault: Fault) -> AbstractContextManager[None]:
        """Make a fault on entry, with its records; repair it on exit."""
        return self._faults[fault]()

    @contextmanager
    def _deauthorised_connection(self) -> Iterator[None]:
        name = self._connection()
        self._call("events", "DeauthorizeConnection", Name=name)
        yield
        self._authorize(name)

    @contextmanager
    def _replaced_token(self) -> Iterator[None]:
        name = self._connection()
        key = {"ApiKeyName": "Authorization", "ApiKeyValue": "Bearer xoxb-of-another-workspace"}
        parameters = {"ApiKeyAuthParameters": key}
        self._call("events", "UpdateConnection", Name=name, AuthorizationType="API_KEY", AuthParameters=parameters)
        yield
        self._authorize(name)

    def _connection(self) -> str:
        connections = self._cloud.client("events").list_connections(NamePrefix=_PREFIX)["Connections"]
        (name,) = (each["Name"] for each in connections if each["Name"].startswith(_PREFIX))
        return str(name)

    def _authorize(self, connection: str) -> None:
        key = {"ApiKeyName": "Authorization", "ApiKeyValue": f"Bearer {self._cloud.bot_token}"}
        self._cloud.client("events").update_connection(
            Name=connection, AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key}
        )

    @contextmanager
    def _role_without_policies(self) -> Iterator[None]:
        iam = self._cloud.client("iam")
        role = self._describe_machine()["roleArn"].rsplit("/", 1)[-1]
        policies = {
            name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        }
        for name in policies:
            self._call("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name)
        yield
        for name, document in policies.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    @contextmanager
    def _deleted_machine(self) -> Iterator[None]:
        machine = self._describe_machine()
        self._call("stepfunctions", "DeleteStateMachine", stateMachineArn=machine["stateMachineArn"])
        yield
        states = self._cloud.client("stepfunctions")
        states.create_state_machine(**{field: machine[field] for field in MACHINE_SETTINGS if field in machine})

    def _describe_machine(self) -> dict[str, Any]:
        (arn,) = (target["Arn"] for target in self._targets(self._rule) if target["Id"] == "slack")
        described: dict[str, Any] = self._cloud.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        return described

    @contextmanager
    def _disabled_rule(self) -> Iterator[None]:
        with self._kept_rules([self._rule]):
            self._call("events", "DisableRule", Name=self._rule)
            yield

    @contextmanager
    def _removed_target(self) -> Iterator[None]:
        with self._kept_rules([self._rule]):
            self._call("events", "RemoveTargets", Rule=self._rule, Ids=["slack"])
            yield

    @contextmanager
    def _deleted_rule(self) -> Iterator[None]:
        with self._kept_rules([self._rule]):
            self._delete(self._rule)
            yield

    @contextmanager
    def _deleted_tamper_rules(self, *stacks: str) -> Iterator[None]:
        """Delete the rules that would report it first, then disable the rule of the role."""
        rules = [rule for stack in stacks for rule in self._list_rules(f"{stack_prefix(stack)}tampering-")]
        with self._kept_rules([*rules, self._rule]):
            for rule in rules:
                self._delete(rule)
            self._call("events", "DisableRule", Name=self._rule)
            yield

    def _list_rules(self, prefix: str) -> list[str]:
        pages = self._cloud.client("events").get_paginator("list_rules").paginate(NamePrefix=prefix)
        return [rule["Name"] for page in pages for rule in page["Rules"]]

    @contextmanager
    def _refused_change(self) -> Iterator[None]:
        """Keep the record of a refused call, which changes nothing."""
        operation = "DisableRule"
        arn = self._cloud.client("events").describe_rule(Name=self._rule)["Arn"]
        record = make_call_record(
            "events",
            operation,
            {"Name": self._rule},
            ADMINISTRATOR,
            region=REGION,
            at=time.time(),
            refusal=refuse(operation, "events", arn, ADMINISTRATOR),
        )
        self.records.append(record)
        yield

    @contextmanager
    def _change_of_the_deployer(self) -> Iterator[None]:
        session = "pulumi-up"
        self._call("sts", "AssumeRole", _PIPELINE, RoleArn=self._deployer, RoleSessionName=session)
        with self._kept_rules([self._rule]):
            rule = describe_rule(self._cloud.client("events"), self._rule)
            self._call("events", "PutRule", Caller(self._deployer, session), **rule | {"Description": "Changed."})
            yield

    def _delete(self, rule: str) -> None:
        targets = [target["Id"] for target in self._targets(rule)]
        if targets:
            self._call("events", "RemoveTargets", Rule=rule, Ids=targets)
        self._call("events", "DeleteRule", Name=rule)

    def _kept_rules(self, names: Sequence[str]) -> AbstractContextManager[None]:
        return kept_rules(self._cloud.client("events"), names)

    def _targets(self, rule: str) -> list[dict[str, Any]]:
        return list_targets(self._cloud.client("events"), rule)

    @contextmanager
    def _deleted_alarm(self) -> Iterator[None]:
        alarms = self._cloud.client("cloudwatch")
        pages = alarms.get_paginator("describe_alarms").paginate(AlarmNamePrefix=_PREFIX)
        alarm = next(
            alarm for page in pages for alarm in page["MetricAlarms"] if alarm["AlarmName"].endswith("-dead-letters")
        )
        self._call("cloudwatch", "DeleteAlarms", AlarmNames=[alarm["AlarmName"]])
        yield
        settings = alarms.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
        alarms.put_metric_alarm(**{field: value for field, value in alarm.items() if field in settings and value})

    @contextmanager
    def _unsubscribed_mail(self) -> Iterator[None]:
        sns = self._cloud.client("sns")
        pages = sns.get_paginator("list_subscriptions").paginate()
        mail = next(
            each
            for page in pages
            for each in page["Subscriptions"]
            if each["Protocol"] == "email" and each["TopicArn"].rsplit(":", 1)[-1].startswith(_PREFIX)
        )
        self._call("sns", "Unsubscribe", SubscriptionArn=mail["SubscriptionArn"])
        yield
        sns.subscribe(TopicArn=mail["TopicArn"], Protocol="email", Endpoint=mail["Endpoint"])

    @contextmanager
    def _replaced_function(self) -> Iterator[None]:
        functions = self._cloud.client("lambda")
        name = Names(f"{STACK}-approvals").function(AppFunction.provisioner)
        with urllib.request.urlopen(functions.get_function(FunctionName=name)["Code"]["Location"]) as response:  # noqa: S310 - the emulator's address
            code = response.read()
        other = io.BytesIO()
        with zipfile.ZipFile(other, "w") as archive:
            archive.writestr("other.py", "")
        self._call("lambda", "UpdateFunctionCode", FunctionName=name, ZipFile=other.getvalue())
        yield
        functions.update_function_code(FunctionName=name, ZipFile=code)

    @contextmanager
    def _detached_policy(self) -> Iterator[None]:
        organizations = self._cloud.client("organizations")
        policies = organizations.list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
        policy = next(each["Id"] for each in policies if each["Name"].startswith(_PREFIX))
        target = organizations.list_targets_for_policy(PolicyId=policy)["Targets"][0]["TargetId"]
        self._call("organizations", "DetachPolicy", PolicyId=policy, TargetId=target)
        yield
        organizations.attach_policy(PolicyId=policy, TargetId=target)

    @contextmanager
    def _stopped_trail(self) -> Iterator[None]:
        self._call("cloudtrail", "StopLogging", Name=TRAIL)
        yield
        self._cloud.client("cloudtrail").start_logging(Name=TRAIL)
