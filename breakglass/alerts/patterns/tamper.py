"""Event patterns for tampering with the alert path, the approvals, and the records that they need.

    area     what                                                                 recorded in the region
    rules    changes of EventBridge's resources with the prefix of the stack,     of the stack
             and of the default event bus
    stack    changes of other resources with the prefix of the stack, its         of the stack
             secrets, and the API of the approvals
    trail    changes of the trail, its bucket and the keys                        of the trail, bucket and key
    global   changes of the roles of the stack and of the deployers (IAM), of     us-east-1 alone
             the policy that ends sessions, of the organization and of access to
             root, and a region that is switched off

The field that names the resource differs between services, e.g. `rule` and `name` of EventBridge. A name may also be
given as an ARN. Names of Lambda's events carry a date, so changes are told by `readOnly`, not by name.

A call that AWS did not authorize has `requestParameters: null`, but for S3. Then only the error message names the
resource, behind the ARN of the caller. Silent are refused reads, refused changes of a deployer's role, and most changes
that failed for another reason: their message seldom names the resource.

Deployers are left out by the ARN of their roles, and in IAM and Organizations the approvals' own functions, which write
the policy that ends sessions. The start of a deployer's session is told instead. Calls that the alert path and the
approvals make all the time are left out by name: else an alert of tampering would cause the next one.

Non-goals: data events, e.g. a changed item of the table or a deleted object of the trail's bucket, which a trail
records only on demand; an execution of a state machine that another principal starts, which looks like EventBridge's;
tags, but those of the policy that ends sessions, which the Deny of the break-glass sets goes by.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from breakglass.alerts.patterns.alternatives import PARAMETERS, Alternative, any_of, parameter, split
from breakglass.alerts.patterns.parts import (
    ABSENT,
    API_CALL,
    CHANGES,
    PRESENT,
    SUCCEEDED,
    Pattern,
    iam_name,
    not_by,
)
from breakglass.alerts.subjects import TamperArea, TamperSubject
from breakglass.naming import EVENTS_LOG_PREFIX, SPOKE_PREFIX, SPOKE_QUEUE, SPOKE_STACK_SET, VENDED_LOGS_PREFIX

_SERVICES: dict[TamperArea, list[str]] = {
    TamperArea.rules: ["events"],
    TamperArea.stack: [
        "apigateway",
        "dynamodb",
        "lambda",
        "logs",
        "monitoring",
        "secretsmanager",
        "sns",
        "sqs",
        "states",
    ],
    TamperArea.trail: ["cloudtrail", "kms", "s3"],
    TamperArea.globals: ["account", "iam", "organizations"],
}

# Data events reach a bus, too, if a trail records them: the objects that CloudTrail itself writes to the bucket, and
# the items, messages and invocations of the approvals. Records of old versions lack the field.
_MANAGEMENT: Pattern = {"managementEvent": [True, ABSENT]}

# Persons confirm a subscription, AWS Backup copies the table, the functions make log streams, EventBridge starts
# executions.
_ROUTINE = [
    "ConfirmSubscription",
    "CreateBackup",
    "CreateLogStream",
    "StartAwsBackupJob",
    "StartExecution",
    "StartSyncExecution",
]

_BUS_CALLS = ["DeleteEventBus", "PutPermission", "RemovePermission", "UpdateEventBus"]
# Without a name the call is about the default bus.
_BUS_NAMES = ["default", {"suffix": ":event-bus/default"}, ABSENT]
_DEFAULT_BUS: Pattern = {PARAMETERS: {"name": _BUS_NAMES, "eventBusName": _BUS_NAMES}}
_OF_ORGANIZATIONS: Pattern = {"eventSource": ["organizations.amazonaws.com"]}

# Services by which other accounts or roles can give access, or stop the records.
_SERVICE_PRINCIPALS = [
    "account-access.amazonaws.com",
    "cloudtrail.amazonaws.com",
    "iam.amazonaws.com",
    "member.org.stacksets.cloudformation.amazonaws.com",
    "sso.amazonaws.com",
]
_SERVICE_CALLS = [
    "DeregisterDelegatedAdministrator",
    "DisableAWSServiceAccess",
    "EnableAWSServiceAccess",
    "RegisterDelegatedAdministrator",
]

# Calls that concern the organization or its accounts. Their records name no resource of the stack.
_ORGANIZATION_CALLS = [
    "CloseAccount",
    "DeleteOrganization",
    "DeleteResourcePolicy",
    "DisablePolicyType",
    "LeaveOrganization",
    "PutResourcePolicy",
    "RemoveAccountFromOrganization",
]
# Access to root of the accounts, and the regions.
_ACCOUNT_CALLS = [
    "AcceptPrimaryEmailUpdate",
    "DisableOrganizationsRootCredentialsManagement",
    "DisableOrganizationsRootSessions",
    "DisableRegion",
    "EnableOrganizationsRootCredentialsManagement",
    "EnableOrganizationsRootSessions",
    "StartPrimaryEmailUpdate",
]
_TRAIL_ADMINISTRATOR_CALLS = ["DeregisterOrganizationDelegatedAdmin", "RegisterOrganizationDelegatedAdmin"]


def tamper_patterns(subject: TamperSubject, area: TamperArea) -> Iterator[Pattern]:
    """Yield the event patterns of the rules of an area."""

    def build(alternatives: Sequence[Alternative]) -> Pattern:
        return {
            "source": _sources(subject, area),
            "detail-type": [API_CALL],
            "detail": {
                **CHANGES,
                **_MANAGEMENT,
                **SUCCEEDED,
                **(_calls_but(*_ROUTINE) if area is TamperArea.stack else {}),
                **any_of(alternatives),
                **not_by(subject.actors if area is TamperArea.globals else subject.deployers),
            },
        }

    return split(build, list(_alternatives(subject, area)))


def attempt_patterns(subject: TamperSubject) -> Iterator[Pattern]:
    """Yield the event patterns of the rules for attempts."""

    def build(alternatives: Sequence[Alternative]) -> Pattern:
        return {
            "source": _sources(subject, *TamperArea),
            "detail-type": [API_CALL],
            "detail": {
                "readOnly": [False],
                **_MANAGEMENT,
                "errorCode": [PRESENT],
                **any_of(alternatives),
                **not_by(subject.actors),
            },
        }

    return split(build, list(_of_attempts(subject)))


def deployer_patterns(subject: TamperSubject) -> Iterator[Pattern]:
    """Yield the event patterns of the rules for the start of a deployer's session."""

    def build(roles: Sequence[str]) -> Pattern:
        return {
            "source": ["aws.sts"],
            "detail-type": [API_CALL],
            "detail": {
                "eventName": ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"],
                **SUCCEEDED,
                PARAMETERS: {"roleArn": list(roles)},
            },
        }

    return split(build, subject.deployers)


def _sources(subject: TamperSubject, *areas: TamperArea) -> list[str]:
    services = [service for area in areas for service in _SERVICES[area]]
    if subject.hub and TamperArea.stack in areas:
        services.append("cloudformation")
    return [f"aws.{service}" for service in sorted(services)]


def _alternatives(subject: TamperSubject, area: TamperArea) -> Iterator[Alternative]:
    match area:
        case TamperArea.rules:
            yield from _of_rules(subject)
        case TamperArea.stack:
            yield from _of_stack(subject)
        case TamperArea.trail:
            yield from _of_trail(subject)
        case _:
            yield from _of_globals(subject)


def _calls_but(*names: str) -> Pattern:
    return {"eventName": [{"anything-but": list(names)}]}


def _of_rules(subject: TamperSubject) -> Iterator[Alternative]:
    prefixed = [{"prefix": prefix} for prefix in subject.prefixes]
    yield from parameter("rule", *prefixed)
    # Step Functions calls this for each message it posts.
    yield from parameter("name", *prefixed, beside=_calls_but("RetrieveConnectionCredentials"))
    yield from (Alternative(("eventName",), call, _DEFAULT_BUS) for call in _BUS_CALLS)
    if subject.hub:
        yield from parameter("rule", {"prefix": SPOKE_PREFIX})
        yield from parameter("name", {"prefix": SPOKE_PREFIX})
        # The policy of the bus, and rules of others on it. The calls take a name or an ARN.
        arns = [{"wildcard": f"arn:*:event-bus/{prefix}*"} for prefix in subject.prefixes]
        yield from parameter("eventBusName", *prefixed, *arns)
        yield from parameter("name", *arns)


def _of_stack(subject: TamperSubject) -> Iterator[Alternative]:
    def behind(text: str) -> list[Any]:
        return [{"wildcard": f"{text}{prefix}*"} for prefix in subject.prefixes]

    prefixed = [{"prefix": prefix} for prefix in subject.prefixes]
    for name in ("name", "alarmName", "alarmNames", "muteTargets.alarmNames", "dashboardName", "queueName"):
        yield from parameter(name, *prefixed)
    yield from parameter("dashboardNames", *prefixed)
    yield from parameter("tableName", *prefixed, *behind("arn:*:table/"))
    yield from parameter("functionName", *prefixed, *behind("*:function:"))
    yield from parameter("secretId", *prefixed, *behind("arn:*:secret:"))
    for secret in subject.secret_names:
        # An ARN ends in six random characters, which a caller may leave out.
        forms = [{"wildcard": f"arn:*:secret:{secret}-*"}, {"suffix": f":secret:{secret}"}]
        yield from parameter("secretId", secret, *forms)
    for name in ("executionArn", "sourceArn", "stateMachineArn", "subscriptionArn", "topicArn"):
        yield from parameter(name, *behind("arn:*:"))
    yield from parameter("resourceArn", *behind("arn:*:"), *behind("arn:*/"))
    # The caller writes the address: its scheme and host may differ.
    yield from parameter("queueUrl", *prefixed, *behind("*/"))
    folders = [VENDED_LOGS_PREFIX, *([EVENTS_LOG_PREFIX] if subject.hub or subject.witness else [])]
    logs = [*prefixed, *({"prefix": folder + prefix} for folder in folders for prefix in subject.prefixes)]
    groups = [form for folder in ("", *folders) for form in behind(f"arn:*:log-group:{folder}")]
    yield from parameter("logGroupIdentifier", *logs, *groups)
    yield from parameter("logGroupName", *logs)
    if subject.witness:
        yield from parameter("filterName", *prefixed)
    if subject.api_id is not None:
        yield from parameter("apiId", subject.api_id)
    if subject.hub:
        yield from parameter("queueName", SPOKE_QUEUE)
        yield from parameter("queueUrl", SPOKE_QUEUE, {"suffix": f"/{SPOKE_QUEUE}"})
        arn = {"wildcard": f"arn:*:stackset/{SPOKE_STACK_SET}:*"}
        yield from parameter("stackSetName", SPOKE_STACK_SET, {"prefix": f"{SPOKE_STACK_SET}:"}, arn)


def _of_trail(subject: TamperSubject) -> Iterator[Alternative]:
    if subject.trail is not None:
        name = subject.trail.rsplit("/", 1)[-1]
        for field in ("name", "trailName"):
            yield from parameter(field, name, {"wildcard": f"arn:*:trail/{name}"})
        yield from (Alternative(("eventName",), call) for call in _TRAIL_ADMINISTRATOR_CALLS)
    yield from parameter("bucketName", *subject.buckets)
    # Services make and retire grants all the time; neither changes the key.
    keys = [form for arn in subject.keys for form in (arn, arn.rsplit("/", 1)[1])]
    yield from parameter("keyId", *keys, beside=_calls_but("CreateGrant", "RetireGrant"))


def _of_globals(subject: TamperSubject) -> Iterator[Alternative]:
    yield from parameter("roleName", *({"prefix": iam_name(prefix)} for prefix in subject.prefixes))
    yield from parameter("roleName", *(iam_name(role.rsplit("/", 1)[1]) for role in subject.deployers))
    if subject.hub:
        yield from parameter("roleName", {"prefix": iam_name(SPOKE_PREFIX)})
    for name in ("policyId", "resourceId"):
        yield from parameter(name, *subject.policy_ids)
    yield from parameter("servicePrincipal", *_SERVICE_PRINCIPALS, beside={"eventName": _SERVICE_CALLS})
    yield from (Alternative(("eventName",), call) for call in (*_ORGANIZATION_CALLS, *_ACCOUNT_CALLS))


def _of_attempts(subject: TamperSubject) -> Iterator[Alternative]:
    def message(text: Any, beside: Pattern | None = None) -> Alternative:
        return Alternative(("errorMessage",), text, beside)

    # "User: ARN is not authorized to perform: ACTION on resource: ARN ..."; the caller may have the prefix, too.
    yield from (message({"wildcard": f"*resource*{prefix}*"}) for prefix in subject.prefixes)
    yield from (message({"wildcard": f"*{name}*"}) for name in subject.secret_names)
    if subject.trail is not None:
        name = subject.trail.rsplit("/", 1)[-1]
        yield message({"suffix": f":trail/{name}"})
        yield message({"wildcard": f"*:trail/{name} *"})
        yield from (Alternative(("eventName",), call) for call in _TRAIL_ADMINISTRATOR_CALLS)
    yield from (message({"wildcard": f"*{key}*"}) for key in subject.keys)
    # Each refusal by the policy has its ID, so only calls to Organizations are about it.
    yield from (message({"wildcard": f"*/{policy}*"}, _OF_ORGANIZATIONS) for policy in subject.policy_ids)
    if subject.api_id is not None:
        yield message({"wildcard": f"*/apis/{subject.api_id}*"})
    if subject.hub:
        # The spokes, and their StackSet.
        yield message({"wildcard": f"*resource*{SPOKE_PREFIX.removesuffix('-')}*"})
    # A refused call to S3 names the bucket.
    yield from parameter("bucketName", *subject.buckets)
    yield from (Alternative(("eventName",), call, _DEFAULT_BUS) for call in _BUS_CALLS)
    yield from (
        Alternative(("eventName",), call, _OF_ORGANIZATIONS) for call in (*_ORGANIZATION_CALLS, *_SERVICE_CALLS)
    )
    yield from (Alternative(("eventName",), call) for call in _ACCOUNT_CALLS)
