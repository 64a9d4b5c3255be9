"""The event patterns of tampering: exact JSON, limits for any stack, and completeness by AWS's models.

It does not prove that CloudTrail writes the parameters as the models of the SDK name them (docs/live-checks.md).
Regenerate the golden file with `python tests/unit/alerts/test_tamper_patterns.py`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from breakglass.alerts.patterns import PATTERN_LIMIT, AlertRule, alert_rules
from breakglass.alerts.patterns.alternatives import compact_json
from breakglass.alerts.subjects import TamperArea, TamperSubject
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.complexity import wildcard_complexity
from tests.events.matcher import matches
from tests.unit.alerts.strategies import NAME_ALPHABET

GOLDEN = Path(__file__).with_name("tamper_patterns.golden.json")
ACCOUNT = "111122223333"
DEPLOYER = f"arn:aws:iam::{ACCOUNT}:role/deploy-pipeline"
PROVISIONER = f"arn:aws:iam::{ACCOUNT}:role/breakglass-prod-approvals-provisioner"
KEY_ID = "27d7cd14-7557-4509-a438-15fbf1e8db11"
SUBJECT = TamperSubject(
    prefixes=("breakglass-prod-",),
    secret_names=("slack/bot-token", "slack/signing-secret"),
    trail="arn:aws:cloudtrail:eu-central-1:111122223333:trail/org-trail",
    buckets=("org-trail-111122223333",),
    keys=(f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{KEY_ID}",),
    policy_ids=("p-1a2b3c4d",),
    api_id="a1b2c3d4e5",
    deployers=(DEPLOYER,),
    functions=(PROVISIONER,),
)
RULES = alert_rules(SUBJECT)


def golden_text() -> str:
    return json.dumps({rule.key: rule.pattern for rule in RULES}, indent=2) + "\n"


def test_patterns_are_the_committed_ones() -> None:
    assert golden_text() == GOLDEN.read_text(encoding="utf-8")


def test_stack_with_nothing_named_watches_itself() -> None:
    keys = [rule.key for rule in alert_rules(TamperSubject(prefixes=("breakglass-prod-",)))]
    assert keys == ["tamper-rules", "tamper-stack", "tamper-global", "denied"]


# --- limits ----------------------------------------------------------------------------------------------------------

account_ids = st.text("0123456789", min_size=12, max_size=12)
# Names of words: one like `0000` overlaps itself, which adds to the complexity.
words = st.sampled_from(["audit", "backup", "bot-token", "breakglass", "eu", "ops", "prod", "slack", "trail", "2"])
names = st.lists(words, min_size=1, max_size=4, unique=True).map("-".join)
roles = st.builds("arn:aws:iam::{}:role/{}".format, account_ids, st.text(NAME_ALPHABET, min_size=1, max_size=64))
subjects = st.builds(
    TamperSubject,
    prefixes=st.lists(names.map("breakglass-{}-".format), min_size=1, max_size=4, unique=True).map(tuple),
    secret_names=st.lists(names, max_size=2, unique=True).map(tuple),
    trail=st.none() | names,
    buckets=st.lists(names, max_size=3, unique=True).map(tuple),
    keys=st.lists(
        st.uuids().map(lambda key: f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{key}"), max_size=4, unique=True
    ).map(tuple),
    policy_ids=st.lists(names.map("p-{}".format), max_size=2, unique=True).map(tuple),
    api_id=st.none() | names,
    deployers=st.lists(roles, max_size=8, unique=True).map(tuple),
    functions=st.lists(roles, max_size=2, unique=True).map(tuple),
    hub=st.booleans(),
)


@settings(max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(subjects)
def test_rules_of_any_stack_are_within_the_limits(subject: TamperSubject) -> None:
    rules = alert_rules(subject)
    assert len({rule.key for rule in rules}) == len(rules)
    for rule in rules:
        assert len(compact_json(rule.pattern)) <= PATTERN_LIMIT
        # Event Ruler 2.1.0 counts more than EventBridge does by its recorded answers.
        assert wildcard_complexity(rule.pattern, behind_absent=True) <= 8
        fields, alternatives = structure(rule.pattern)
        assert len(fields) == len(set(fields))
        assert min(alternatives, default=2) >= 2


def structure(pattern: dict[str, Any]) -> tuple[list[str], list[int]]:
    """Return the fields of the longest way through the alternatives, and the number of alternatives of each `$or`."""
    fields: list[str] = []
    counts: list[int] = []
    for key, value in pattern.items():
        if key == "$or":
            counts.append(len(value))
            branches = [structure(branch) for branch in value]
            fields += {field for inner, _ in branches for field in inner}
            counts += [count for _, inner in branches for count in inner]
            assert all(len(inner) == len(set(inner)) for inner, _ in branches)
        elif isinstance(value, dict):
            inner, more = structure(value)
            fields += [f"{key}.{name}" for name in inner]
            counts += more
        else:
            fields.append(key)
    return fields, counts


@settings(max_examples=25, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(subjects)
def test_change_of_a_rule_matches_for_every_prefix(subject: TamperSubject) -> None:
    rules = alert_rules(subject)
    for prefix in subject.prefixes:
        for parameters in ({"name": f"{prefix}x"}, {"rule": f"{prefix}x"}):
            event = change("events", "DeleteRule", parameters)
            assert areas(rules, event) >= {TamperArea.rules}
        event = change("secretsmanager", "DeleteSecret", {"secretId": f"arn:aws:secretsmanager:x:1:secret:{prefix}x"})
        assert areas(rules, event) >= {TamperArea.stack}


def areas(rules: list[AlertRule], event: dict[str, Any]) -> set[object]:
    return {rule.area for rule in rules if matches(rule.pattern, event)}


def change(service: str, name: str, parameters: dict[str, Any], **detail: Any) -> dict[str, Any]:
    event = {
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "requestParameters": parameters,
        "userIdentity": {"type": "IAMUser", "userName": "eve"},
        "readOnly": False,
        "managementEvent": True,
        **detail,
    }
    return {"source": f"aws.{service}", "detail-type": "AWS API Call via CloudTrail", "detail": event}


def keys_of(event: dict[str, Any], rules: Sequence[AlertRule] = RULES) -> list[str]:
    """Return the keys of the rules that match, without the number."""
    return [re.sub(r"-\d$", "", rule.key) for rule in rules if matches(rule.pattern, event)]


# --- completeness ----------------------------------------------------------------------------------------------------

PREFIXED = "breakglass-prod-x"
ARN = f"arn:aws:SERVICE:eu-central-1:{ACCOUNT}"
VALUES: dict[str, dict[str, list[Any]]] = {
    "events": {"Name": [PREFIXED], "Rule": [PREFIXED]},
    "monitoring": {
        **{name: [PREFIXED] for name in ("AlarmName", "DashboardName")},
        **{name: [["other", PREFIXED]] for name in ("AlarmNames", "DashboardNames")},
        "MuteTargets": [{"alarmNames": [PREFIXED]}],
    },
    "lambda": {
        "FunctionName": [
            PREFIXED,
            f"{PREFIXED}:$LATEST",
            f"{ACCOUNT}:function:{PREFIXED}",
            f"{ARN}:function:{PREFIXED}",
        ],
        "ResourceArn": [f"{ARN}:function:{PREFIXED}"],
    },
    "secretsmanager": {
        "SecretId": [
            PREFIXED,
            f"{ARN}:secret:{PREFIXED}-2aONLk",
            "slack/bot-token",
            f"{ARN}:secret:slack/signing-secret-2aONLk",
            f"{ARN}:secret:slack/signing-secret",
        ]
    },
    "sns": {
        "TopicArn": [f"{ARN}:{PREFIXED}"],
        "SubscriptionArn": [f"{ARN}:{PREFIXED}:c3019def-3714-403e-ba29-eb14079d5c69"],
        "ResourceArn": [f"{ARN}:{PREFIXED}"],
    },
    "sqs": {
        "QueueUrl": [
            PREFIXED,
            f"https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/{PREFIXED}",
            f"http://queue.amazonaws.com/{ACCOUNT}/{PREFIXED}",
        ],
        "QueueName": [PREFIXED],
        "SourceArn": [f"{ARN}:{PREFIXED}"],
    },
    "logs": {
        "LogGroupName": [PREFIXED, f"/aws/vendedlogs/{PREFIXED}"],
        "LogGroupIdentifier": [PREFIXED, f"{ARN}:log-group:{PREFIXED}", f"{ARN}:log-group:/aws/vendedlogs/{PREFIXED}"],
    },
    "dynamodb": {
        "TableName": [PREFIXED, f"{ARN}:table/{PREFIXED}"],
        "ResourceArn": [f"{ARN}:table/{PREFIXED}"],
    },
    "states": {
        "StateMachineArn": [f"{ARN}:stateMachine:{PREFIXED}"],
        "ExecutionArn": [f"{ARN}:execution:{PREFIXED}:1"],
    },
    "apigateway": {"ApiId": ["a1b2c3d4e5"]},
}
"""For each source of events: the parameters that name a resource of the stack, with every form of their values."""

MODELS = {"monitoring": "cloudwatch", "states": "stepfunctions", "apigateway": "apigatewayv2"}
READS = ("BatchGet", "Describe", "Filter", "Get", "List", "Query", "Scan", "Search", "Select", "Start{Query,LiveTail}")
ROUTINE = {"ConfirmSubscription", "CreateBackup", "CreateLogStream", "StartExecution", "StartSyncExecution"}


def writes() -> Iterator[tuple[str, str, str, Any]]:
    """Yield each operation that changes a named resource: service, operation, parameter and value in CloudTrail."""
    session = botocore.session.get_session()
    for service, values in VALUES.items():
        model = session.get_service_model(MODELS.get(service, service))
        for operation in model.operation_names:
            if operation.startswith(READS):
                continue
            members = model.operation_model(operation).input_shape
            # The models of CloudWatch Logs, Step Functions and others begin parameters with a small letter.
            named = {name[0].upper() + name[1:] for name in (members.members if members else {})}
            for parameter, forms in values.items():
                for form in forms if parameter in named else ():
                    yield service, operation, parameter[0].lower() + parameter[1:], form


WRITES = list(writes())


def test_models_have_every_parameter_that_names_a_resource() -> None:
    found = {(service, parameter) for service, _, parameter, _ in WRITES}
    assert found == {
        (service, parameter[0].lower() + parameter[1:]) for service, values in VALUES.items() for parameter in values
    }


def test_every_write_of_a_named_resource_is_tampering() -> None:
    unseen = {
        operation
        for service, operation, parameter, value in WRITES
        if keys_of(change(service, operation, {parameter: value}))
        != ["tamper-rules" if service == "events" else "tamper-stack"]
    }
    assert unseen == ROUTINE


def test_write_of_another_resource_is_silent() -> None:
    for service, operation, parameter, value in WRITES:
        for other in ("breakglass-prodx", "breakglass-staging-x", "xbreakglass-prod-x", "Breakglass-prod-x"):
            text = json.dumps(value).replace(PREFIXED, other)
            text = text.replace("slack/", "slack2/").replace("a1b2c3d4e5", "a1b2c3d4e6")
            assert keys_of(change(service, operation, {parameter: json.loads(text)})) == [], (operation, text)


@pytest.mark.parametrize(
    ("service", "name", "parameters", "key"),
    [
        ("events", "PutPermission", {"statementId": "x"}, "tamper-rules"),
        ("events", "PutPermission", {"eventBusName": "default"}, "tamper-rules"),
        ("events", "RemovePermission", {"eventBusName": "arn:aws:events:x:1:event-bus/default"}, "tamper-rules"),
        ("events", "UpdateEventBus", {"name": "default"}, "tamper-rules"),
        ("cloudtrail", "StopLogging", {"name": "org-trail"}, "tamper-trail"),
        ("cloudtrail", "DeleteTrail", {"name": "arn:aws:cloudtrail:eu-west-1:1:trail/org-trail"}, "tamper-trail"),
        ("cloudtrail", "PutEventSelectors", {"trailName": "org-trail"}, "tamper-trail"),
        ("cloudtrail", "DeregisterOrganizationDelegatedAdmin", {"delegatedAdminAccountId": "1"}, "tamper-trail"),
        ("s3", "PutBucketLifecycle", {"bucketName": "org-trail-111122223333"}, "tamper-trail"),
        ("kms", "ScheduleKeyDeletion", {"keyId": KEY_ID}, "tamper-trail"),
        ("kms", "DisableKey", {"keyId": f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{KEY_ID}"}, "tamper-trail"),
        ("iam", "PutRolePolicy", {"roleName": PREFIXED}, "tamper-global"),
        ("iam", "UpdateAssumeRolePolicy", {"roleName": "deploy-pipeline"}, "tamper-global"),
        ("iam", "PutRolePolicy", {"roleName": "BreakGlass-Prod-x"}, "tamper-global"),
        ("iam", "UpdateAssumeRolePolicy", {"roleName": "Deploy-Pipeline"}, "tamper-global"),
        ("organizations", "CloseAccount", {"accountId": "1"}, "tamper-global"),
        ("organizations", "DetachPolicy", {"policyId": "p-1a2b3c4d", "targetId": "1"}, "tamper-global"),
        ("organizations", "UntagResource", {"resourceId": "p-1a2b3c4d"}, "tamper-global"),
        ("organizations", "DisablePolicyType", {"policyType": "SERVICE_CONTROL_POLICY"}, "tamper-global"),
        ("organizations", "PutResourcePolicy", {"content": "{}"}, "tamper-global"),
        ("organizations", "DisableAWSServiceAccess", {"servicePrincipal": "cloudtrail.amazonaws.com"}, "tamper-global"),
        ("account", "DisableRegion", {"RegionName": "eu-south-2"}, "tamper-global"),
        ("account", "StartPrimaryEmailUpdate", {"AccountId": "1"}, "tamper-global"),
        ("iam", "EnableOrganizationsRootSessions", {}, "tamper-global"),
    ],
)
def test_change_beside_the_stack_is_tampering(service: str, name: str, parameters: dict[str, Any], key: str) -> None:
    assert keys_of(change(service, name, parameters)) == [key]
    by_deployer = {"sessionContext": {"sessionIssuer": {"arn": DEPLOYER}}, "type": "AssumedRole"}
    assert keys_of(change(service, name, parameters, userIdentity=by_deployer)) == []
    by_function = {"sessionContext": {"sessionIssuer": {"arn": PROVISIONER}}, "type": "AssumedRole"}
    silent = key == "tamper-global"
    assert keys_of(change(service, name, parameters, userIdentity=by_function)) == ([] if silent else [key])
    assert keys_of(change(service, name, parameters, readOnly=True)) == []
    assert keys_of(change(service, name, parameters, managementEvent=False)) == []
    # Some calls name no resource, so they are told when they fail as well.
    failed = change(service, name, parameters, errorCode="ValidationException", errorMessage="Try again.")
    assert keys_of(failed) in ([], ["denied"])


@pytest.mark.parametrize(
    ("service", "name", "parameters"),
    [
        ("events", "PutPermission", {"eventBusName": "orders"}),
        # Calls of the alert path itself and of AWS Backup, which no model of the SDK has.
        ("events", "RetrieveConnectionCredentials", {"name": PREFIXED}),
        ("dynamodb", "StartAwsBackupJob", {"tableName": PREFIXED}),
        ("events", "UpdateEventBus", {"name": "orders"}),
        ("cloudtrail", "StopLogging", {"name": "org-trail-2"}),
        ("s3", "PutBucketLifecycle", {"bucketName": "org-trail-111122223333-2"}),
        ("kms", "CreateGrant", {"keyId": KEY_ID}),
        ("kms", "RetireGrant", {"keyId": KEY_ID}),
        ("iam", "PutRolePolicy", {"roleName": "deploy-pipeline-2"}),
        ("organizations", "DetachPolicy", {"policyId": "p-1a2b3c4e"}),
        ("organizations", "EnableAWSServiceAccess", {"servicePrincipal": "backup.amazonaws.com"}),
        ("organizations", "MoveAccount", {"accountId": "1"}),
        ("account", "EnableRegion", {"RegionName": "eu-south-2"}),
    ],
)
def test_change_that_looks_alike_is_silent(service: str, name: str, parameters: dict[str, Any]) -> None:
    assert keys_of(change(service, name, parameters)) == []


# --- the hub of an organization --------------------------------------------------------------------------------------

HUB = alert_rules(replace(SUBJECT, hub=True))
BUS = "breakglass-prod-hub"
BUS_ARN = f"arn:aws:events:eu-central-1:{ACCOUNT}:event-bus/{BUS}"
STACK_SET_ID = "breakglass-spokes:0a1b2c3d-4e5f-6789-abcd-ef0123456789"
STACK_SET_ARN = f"arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stackset/{STACK_SET_ID}"


def stack_set_writes() -> list[str]:
    model = botocore.session.get_session().get_service_model("cloudformation")
    return [
        name
        for name in model.operation_names
        if not name.startswith(("Describe", "Detect", "Get", "List"))
        and "StackSetName" in getattr(model.operation_model(name).input_shape, "members", {})
    ]


def test_every_write_of_the_stack_set_is_tampering() -> None:
    names = stack_set_writes()
    assert {"DeleteStackInstances", "DeleteStackSet", "StopStackSetOperation", "UpdateStackSet"} <= {*names}
    for name in names:
        for form in ("breakglass-spokes", STACK_SET_ID, STACK_SET_ARN):
            event = change("cloudformation", name, {"stackSetName": form})
            assert (keys_of(event, HUB), keys_of(event)) == (["tamper-stack"], [])
        other = change("cloudformation", name, {"stackSetName": "breakglass-spokes-2"})
        assert keys_of(other, HUB) == []


@pytest.mark.parametrize(
    ("service", "name", "parameters", "key"),
    [
        ("events", "DeleteEventBus", {"name": BUS}, "tamper-rules"),
        ("events", "DeleteEventBus", {"name": BUS_ARN}, "tamper-rules"),
        ("events", "PutPermission", {"eventBusName": BUS, "policy": "{}"}, "tamper-rules"),
        ("events", "RemovePermission", {"eventBusName": BUS_ARN, "statementId": "Spokes"}, "tamper-rules"),
        ("events", "PutRule", {"name": "copy", "eventBusName": BUS}, "tamper-rules"),
        ("events", "DisableRule", {"name": "breakglass-spoke-sessions"}, "tamper-rules"),
        ("sqs", "DeleteQueue", {"queueUrl": "https://x/1/breakglass-spoke-dead-letters"}, "tamper-stack"),
        ("iam", "DeleteRolePolicy", {"roleName": "breakglass-spoke-eu-central-1"}, "tamper-global"),
        ("logs", "DeleteLogGroup", {"logGroupName": "/aws/events/breakglass-prod-roll-call"}, "tamper-stack"),
    ],
)
def test_change_of_a_hub_is_tampering(service: str, name: str, parameters: dict[str, Any], key: str) -> None:
    event = change(service, name, parameters)
    assert keys_of(event, HUB) == [key]
    by_deployer = {"sessionContext": {"sessionIssuer": {"arn": DEPLOYER}}, "type": "AssumedRole"}
    assert keys_of(change(service, name, parameters, userIdentity=by_deployer), HUB) == []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("DeleteLogGroup", {"logGroupName": "/aws/events/breakglass-prod-witness-fired"}),
        ("DeleteMetricFilter", {"logGroupName": "org-trail", "filterName": "breakglass-prod-witness-uses-1"}),
    ],
)
def test_change_of_a_witness_is_tampering(name: str, parameters: dict[str, Any]) -> None:
    witnessed = alert_rules(replace(SUBJECT, witness=True))
    event = change("logs", name, parameters)
    assert (keys_of(event, witnessed), keys_of(event)) == (["tamper-stack"], [])


def test_hub_changes_no_pattern_of_another_stack() -> None:
    """The golden file is that of a stack without an organization."""
    assert "aws.cloudformation" not in GOLDEN.read_text(encoding="utf-8")
    assert {rule.key for rule in RULES} <= {rule.key for rule in HUB}


@pytest.mark.parametrize("name", ["DeleteStackInstances", "UpdateStackSet"])
def test_refused_change_of_the_stack_set_is_an_attempt(name: str) -> None:
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/developer/eve"
    message = f"User: {caller} is not authorized to perform: cloudformation:{name} on resource: {STACK_SET_ARN}"
    refused = change("cloudformation", name, {}, errorCode="AccessDenied", errorMessage=message)
    assert (keys_of(refused, HUB), keys_of(refused)) == (["denied"], [])


# --- attempts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["", " because no identity-based policy allows it", " with an explicit deny in a x"])
@pytest.mark.parametrize(
    ("service", "name", "resource"),
    [
        ("events", "DeleteRule", f"arn:aws:events:eu-central-1:{ACCOUNT}:rule/{PREFIXED}"),
        ("iam", "DeleteRole", f"role {PREFIXED}"),
        ("cloudtrail", "RegisterOrganizationDelegatedAdmin", "arn:aws:cloudtrail:eu-central-1:1:*"),
        ("secretsmanager", "PutSecretValue", "slack/bot-token"),
        ("secretsmanager", "DeleteSecret", f"arn:aws:secretsmanager:x:{ACCOUNT}:secret:slack/signing-secret-2aONLk"),
        ("cloudtrail", "StopLogging", f"arn:aws:cloudtrail:eu-central-1:{ACCOUNT}:trail/org-trail"),
        ("kms", "ScheduleKeyDeletion", f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/{KEY_ID}"),
        ("apigateway", "DeleteRoute", "arn:aws:apigateway:eu-central-1::/apis/a1b2c3d4e5/routes/k2j3h4g"),
        (
            "organizations",
            "DetachPolicy",
            "arn:aws:organizations::1:policy/o-1a2b3c4d5e/service_control_policy/p-1a2b3c4d",
        ),
    ],
)
def test_refused_change_is_an_attempt(service: str, name: str, resource: str, reason: str) -> None:
    caller = f"arn:aws:sts::{ACCOUNT}:assumed-role/developer/eve"
    message = f"User: {caller} is not authorized to perform: {service}:{name} on resource: {resource}{reason}"
    refused = change(service, name, {}, errorCode="AccessDenied", errorMessage=message)
    assert keys_of(refused) == ["denied"]
    assert keys_of(refused | {"detail": refused["detail"] | {"readOnly": True}}) == []


@pytest.mark.parametrize(
    ("service", "message"),
    [
        ("events", f"User: arn:aws:sts::1:assumed-role/{PREFIXED}/x is not authorized to perform: x on resource: y"),
        ("cloudtrail", "User: x is not authorized to perform: y on resource: arn:aws:cloudtrail:x:1:trail/org-trail-2"),
        ("apigateway", "User: x is not authorized to perform: y on resource: arn:aws:apigateway:x::/apis/a1b2c3d4e6"),
        # The Deny of the policy that ends sessions is told with the policy's ARN.
        (
            "lambda",
            "User: x is not authorized to perform: y on resource: z with an explicit deny in a service control policy: "
            "arn:aws:organizations::1:policy/o-1a2b3c4d5e/service_control_policy/p-1a2b3c4d",
        ),
    ],
)
def test_refused_change_of_another_resource_is_silent(service: str, message: str) -> None:
    assert keys_of(change(service, "Change", {}, errorCode="AccessDenied", errorMessage=message)) == []


def test_deployers_session_has_a_rule_of_its_own() -> None:
    keys = [rule.key for rule in RULES if rule.path is EvidencePath.session_start]
    many = alert_rules(
        TamperSubject(("breakglass-prod-",), deployers=tuple(f"{DEPLOYER}-{number:060}" for number in range(14)))
    )
    assert keys == ["session_start"]
    assert [rule.key for rule in many if rule.path is EvidencePath.session_start] == ["session_start"]


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(), encoding="utf-8")
