"""`Approvals`: its inventory, the environment and permissions of each function, and refusals.

Not proven here: the parts (test_approval_parts.py), the documents' text (tests/unit/iam), and that the engine deploys
it (tests/engine).
"""

import json
import logging
import stat
import zipfile
from functools import cache
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from breakglass.app.domain.policy import ApprovalPolicy, PermissionSet, Principal, PrincipalKind, from_json
from breakglass.app.slack.signature import HANDED_OVER_SECONDS, RETRY_SECONDS, WINDOW_SECONDS
from breakglass.components.approvals.approvals import Approvals, ApprovalsArgs
from breakglass.components.approvals.workflow_definition import definition
from breakglass.errors import ConfigError
from breakglass.iam.app_roles import AppScope, function_permissions, workflow_permissions, workflow_trust
from breakglass.naming import AppFunction, Names, ResourceArns
from breakglass.vocabulary import ROLE_PATHS
from tests.conftest import (
    ACCOUNT_ID,
    IDENTITY_STORE_ID,
    INSTANCE_ARN,
    REGION,
    SESSION_POLICY_ARN,
    Deployment,
    ProviderError,
    deploy,
    refusal,
)

NAME = "prod-approvals"
ASYNCHRONOUS = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
SIGNING = "0123456789abcdef0123456789abcdef"
TOKEN_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:breakglass-prod-slack-token-Zx81Kq"
SIGNING_ARN = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:breakglass-prod-approvals-signing-Zx81Kq"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT_ID}:breakglass-prod-monitoring-alarms"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT_ID}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SET_ARN = "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-devops-break-glass"
ARNS = ResourceArns(Names(NAME), "aws", REGION, ACCOUNT_ID)

RULE: dict[str, Any] = {
    "name": "databases",
    "sets": ["devops-break-glass"],
    "accounts": ["333333333333", "444444444444"],
    "requesters": [{"group": "database-oncall"}],
    "approvers": [{"group": "database-leads"}, {"user": "ada.lovelace"}],
}
SETTINGS: dict[str, Any] = {"channel": "C0APPROVALS1", "people": {"U0ADA00001": "ada.lovelace"}, "rules": [RULE]}


def alert(**role: str) -> dict[str, Any]:
    (key,) = role.values()
    key = key.rpartition("/")[2]
    return {
        **role,
        "rule_names": {path.value: f"breakglass-{key}-{path}" for path in ROLE_PATHS},
        "queue_name": f"breakglass-{key}-dead-letters",
        "queue_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:breakglass-{key}-dead-letters",
    }


ARGS: dict[str, Any] = {
    "region": REGION,
    "instance_arn": INSTANCE_ARN,
    "identity_store_id": IDENTITY_STORE_ID,
    "settings": SETTINGS,
    "pairs": [
        {
            "name": "devops",
            "everyday": {},
            "break_glass": {},
            "assignments": [{"group": "breakers", "accounts": ["333333333333"], "sets": ["breakGlass"]}],
        }
    ],
    "permission_set_arns": {"devops-break-glass": SET_ARN},
    "watched": [
        alert(permission_set="devops-break-glass"),
        alert(role_arn="arn:aws:iam::222222222222:role/emergency"),
    ],
    "bot_token_secret_arn": TOKEN_ARN,
    "slack_signing_secret": SIGNING,
    "topic_arn": TOPIC,
    "tags": {"team": "platform"},
}
OUTPUTS = (
    "request_url",
    "app_manifest",
    "policy_json",
    "table_name",
    "machine_arn",
    "function_names",
    "usage_recorder_arn",
    "session_policy_id",
    "alarm_arns",
)


def program(args: dict[str, Any]) -> dict[str, Any]:
    made = Approvals(NAME, cast(ApprovalsArgs, args))
    return {name: getattr(made, name) for name in OUTPUTS}


def approvals(settings: dict[str, Any] | None = None, **more: Any) -> Deployment:
    args = {**ARGS, "settings": {**SETTINGS, **(settings or {})}, **more}
    return deploy(lambda: program(args))


@cache
def stack() -> Deployment:
    return approvals()


def policy_of(deployment: Deployment) -> ApprovalPolicy:
    return from_json(deployment.outputs["policy_json"])


# --- inventory -------------------------------------------------------------------------------------------------------

PARTS = {
    ("breakglass:index:Approvals", NAME),
    ("breakglass:index:SlackSigningSecret", f"{NAME}-signing"),
    ("breakglass:index:ApprovalTable", f"{NAME}-records"),
    *(("breakglass:index:ApprovalFunction", f"{NAME}-{app_function}") for app_function in AppFunction),
    ("breakglass:index:ApprovalWorkflow", f"{NAME}-workflow"),
    ("breakglass:index:ApprovalApi", f"{NAME}-api"),
    ("breakglass:index:ReconcilerSchedule", f"{NAME}-reconciler"),
    ("breakglass:index:UseRecording", f"{NAME}-uses"),
}


RESOURCES = {
    "aws:apigatewayv2/api:Api": "api-api",
    "aws:apigatewayv2/integration:Integration": "api-receiver",
    "aws:apigatewayv2/route:Route": "api-slack",
    "aws:apigatewayv2/stage:Stage": "api-stage",
    "aws:cloudwatch/eventRule:EventRule": "reconciler-schedule",
    "aws:cloudwatch/eventTarget:EventTarget": "reconciler-schedule uses-devops-break-glass-session_start "
    "uses-devops-break-glass-portal uses-devops-break-glass-console uses-devops-break-glass-login "
    "uses-emergency-222222222222-session_start "
    "uses-emergency-222222222222-console uses-emergency-222222222222-login",
    "aws:cloudwatch/logGroup:LogGroup": "receiver-logs interactions-logs provisioner-logs reconciler-logs "
    "usage-recorder-logs workflow-logs api-logs",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "receiver-errors receiver-throttles interactions-errors "
    "interactions-throttles interactions-refusals interactions-broken-glass interactions-dead-letters "
    "provisioner-errors provisioner-throttles "
    "reconciler-errors reconciler-throttles usage-recorder-errors usage-recorder-throttles "
    "usage-recorder-dead-letters workflow-failed workflow-aborted workflow-timed-out api-failures "
    "reconciler-unrevoked-grants reconciler-unrecorded-assignments reconciler-stuck-requests "
    "reconciler-overdue-explanations reconciler-undenied-sessions reconciler-missing-announcements reconciler-failures "
    "reconciler-silent",
    "aws:dynamodb/table:Table": "records-table",
    "aws:iam/role:Role": "receiver-role interactions-role provisioner-role reconciler-role usage-recorder-role "
    "workflow-role",
    "aws:iam/rolePolicy:RolePolicy": "receiver-permissions interactions-permissions provisioner-permissions "
    "reconciler-permissions usage-recorder-permissions workflow-permissions",
    "aws:lambda/function:Function": "receiver-function interactions-function provisioner-function reconciler-function "
    "usage-recorder-function",
    ASYNCHRONOUS: "interactions-asynchronous reconciler-asynchronous usage-recorder-asynchronous",
    "aws:lambda/permission:Permission": "api-slack reconciler-schedule uses-rules",
    "aws:secretsmanager/secret:Secret": "signing-secret",
    "aws:secretsmanager/secretVersion:SecretVersion": "signing-secret",
    "aws:sfn/stateMachine:StateMachine": "workflow-machine",
    "aws:sqs/queue:Queue": "interactions-dead-letters usage-recorder-dead-letters",
}


def components(deployment: Deployment) -> set[tuple[str, str]]:
    return {(each.type, each.name) for each in deployment.resources if not each.custom}


def test_inventory() -> None:
    resources = {(kind, f"{NAME}-{name}") for kind, names in RESOURCES.items() for name in names.split()}

    assert stack().inventory() == PARTS | resources


def test_every_resource_has_its_part_as_parent() -> None:
    urns = stack().by_urn()
    for each in stack().resources:
        if each.type != "breakglass:index:Approvals":
            parent = urns[each.parent]
            assert (parent.type == "breakglass:index:Approvals") == (not each.custom)
            assert each.name.startswith(f"{parent.name}-")


def test_session_policy_is_attached_to_member_accounts_only() -> None:
    rule = {**RULE, "accounts": ["222222222222", "333333333333"]}

    deployment = approvals({"end_sessions": True, "rules": [rule]})

    assert components(deployment) == PARTS | {("breakglass:index:SessionPolicy", f"{NAME}-ended-sessions")}
    attachments = deployment.of_type("aws:organizations/policyAttachment:PolicyAttachment")
    assert [each.inputs["targetId"] for each in attachments] == ["333333333333"]
    assert policy_of(deployment).settings.session_policy_id == deployment.outputs["session_policy_id"]
    assert deployment.outputs["session_policy_id"] == f"{NAME}-ended-sessions-policy-id"


def test_existing_signing_secret_is_used() -> None:
    deployment = approvals({"signing_secret_name": "slack/signing"}, slack_signing_secret=None)

    receiver = deployment.get("aws:lambda/function:Function", f"{NAME}-receiver-function").inputs
    existing = "arn:aws:secretsmanager:eu-central-1:222222222222:secret:slack/signing-Pw53Lt"
    assert receiver["environment"]["variables"]["BREAKGLASS_SIGNING_SECRET"] == existing
    assert not deployment.has_type("aws:secretsmanager/secret:Secret")


@pytest.mark.parametrize("protected", [True, False])
def test_records_are_protected_by_default(protected: bool) -> None:
    deployment = approvals({"protect_records": False} if not protected else {})

    table = deployment.get("aws:dynamodb/table:Table", f"{NAME}-records-table").inputs
    assert table["deletionProtectionEnabled"] is protected


def test_uses_of_users_and_root_are_not_recorded() -> None:
    """Their records name no person who could explain."""
    others = [
        {**alert(user_arn="arn:aws:iam::222222222222:user/admin")},
        {**alert(user_arn="root"), "user_arn": None, "root": True},
        {**alert(user_arn="tampering"), "user_arn": None, "tampering": ["tamper-stack", "session_start"]},
    ]

    with_them = approvals(watched=[*ARGS["watched"], *others])

    assert with_them.inventory() == stack().inventory()


def test_usages_are_recorded_but_not_denied_calls() -> None:
    targets = stack().of_type("aws:cloudwatch/eventTarget:EventTarget")

    recorded = [each for each in targets if each.inputs["targetId"] == "record"]
    assert [each.name.removeprefix(f"{NAME}-uses-") for each in recorded] == [
        "devops-break-glass-console",
        "devops-break-glass-login",
        "devops-break-glass-portal",
        "devops-break-glass-session_start",
        "emergency-222222222222-console",
        "emergency-222222222222-login",
        "emergency-222222222222-session_start",
    ]
    portal = recorded[2].inputs
    assert portal["rule"] == "breakglass-devops-break-glass-portal"
    assert portal["deadLetterConfig"] == {"arn": ARGS["watched"][0]["queue_arn"]}
    assert json.loads(portal["inputTransformer"]["inputTemplate"])["value"].split("|")[:2] == [
        "devops-break-glass",
        "portal",
    ]


# --- environment -----------------------------------------------------------------------------------------------------


_TABLE = {"BREAKGLASS_TABLE": "breakglass-prod-approvals-records"}
_SLACK = {"BREAKGLASS_BOT_TOKEN_SECRET": TOKEN_ARN}
_INTERACTIONS = {**_TABLE, **_SLACK, "BREAKGLASS_WORKFLOW": ARNS.machine_arn}
VARIABLES = {
    AppFunction.receiver: {
        **_SLACK,
        "BREAKGLASS_SIGNING_SECRET": SIGNING_ARN,
        "BREAKGLASS_INTERACTIONS": "breakglass-prod-approvals-interactions",
    },
    AppFunction.interactions: {**_INTERACTIONS, "BREAKGLASS_SIGNING_SECRET": SIGNING_ARN, "BREAKGLASS_STACK": NAME},
    AppFunction.provisioner: _TABLE,
    AppFunction.reconciler: {**_INTERACTIONS, "BREAKGLASS_STACK": NAME},
    AppFunction.usage_recorder: _TABLE,
}


@pytest.mark.parametrize("app_function", AppFunction)
def test_environment_of_functions_holds_no_secret(app_function: AppFunction) -> None:
    function = stack().get("aws:lambda/function:Function", f"{NAME}-{app_function}-function").inputs

    assert function["environment"]["variables"] == VARIABLES[app_function]


def test_signing_secret_is_in_one_secret_input_only() -> None:
    deployment = stack()

    holders = [each for each in deployment.resources if SIGNING in str(each.inputs)]
    assert [(each.name, each.secrets) for each in holders] == [
        (f"{NAME}-signing-secret", frozenset({"secretString"})),
    ]
    assert SIGNING not in str([deployment.outputs, deployment.registered_outputs, deployment.calls])


def code_of(deployment: Deployment) -> Path:
    functions = deployment.of_type("aws:lambda/function:Function")
    (path,) = {each.inputs["code"]["path"] for each in functions}
    return Path(path)


def test_retries_of_clicks_and_usages_have_their_ages() -> None:
    configs = {each.name: each.inputs for each in stack().of_type(ASYNCHRONOUS)}
    tried = {
        name: (each["maximumRetryAttempts"], each.get("maximumEventAgeInSeconds")) for name, each in configs.items()
    }
    assert tried == {
        f"{NAME}-interactions-asynchronous": (2, RETRY_SECONDS),
        f"{NAME}-usage-recorder-asynchronous": (2, 21_600),
        f"{NAME}-reconciler-asynchronous": (0, None),
    }
    # A retry comes at most that late, and its signature still counts then.
    assert HANDED_OVER_SECONDS > WINDOW_SECONDS + RETRY_SECONDS
    kept = {name: each["destinationConfig"]["onFailure"] for name, each in configs.items() if "reconciler" not in name}
    assert all(destination["destination"].endswith("-dead-letters") for destination in kept.values())


def test_functions_share_the_package_with_the_policy() -> None:
    deployment = stack()

    package = code_of(deployment)
    with zipfile.ZipFile(package) as archive:
        assert archive.read("policy.json").decode() == deployment.outputs["policy_json"]
        assert "breakglass/app/entrypoints/__init__.py" in archive.namelist()
        assert not [name for name in archive.namelist() if "components" in name or name.endswith(".pyc")]
    # No other user may read or replace the package.
    assert stat.S_IMODE(package.parent.stat().st_mode) == 0o700


def test_package_changes_only_with_the_policy() -> None:
    first, again = code_of(stack()), code_of(approvals())
    other = code_of(approvals({"channel": "C0APPROVALS2"}))

    assert first.read_bytes() == again.read_bytes()
    assert first.name == again.name != other.name


def test_approval_policy_has_the_ids_of_aws() -> None:
    policy = policy_of(stack())

    assert policy.settings.deployed_in == policy.settings.management_account == ACCOUNT_ID
    assert policy.settings.instance_arn == INSTANCE_ARN
    assert policy.settings.identity_store_id == IDENTITY_STORE_ID
    assert policy.settings.slack_api_url == "https://slack.com/api"
    assert policy.settings.session_policy_id is None
    assert policy.sets == {"devops-break-glass": PermissionSet(SET_ARN, 3600)}
    assert policy.rules[0].approvers == (
        Principal(PrincipalKind.group, "id-of-group-database-leads", "database-leads"),
        Principal(PrincipalKind.user, "id-of-user-ada.lovelace", "ada.lovelace"),
    )
    assert policy.people == {"U0ADA00001": "id-of-user-ada.lovelace"}
    assert [(each.principal.id, each.account) for each in policy.standing] == [("id-of-group-breakers", "333333333333")]
    assert policy.accounts == {"333333333333": "production", "444444444444": "staging"}


# --- permissions ------------------------------------------------------------------------------------------------------


MOST = {"settings": {"end_sessions": True}, "kms_key_arn": KEY, "identity_center_kms_key_arn": f"{KEY}2"}


@pytest.mark.parametrize("more", [{}, MOST], ids=["least", "most"])
def test_iam_documents_are_those_of_this_stack(more: dict[str, Any]) -> None:
    deployment = approvals(**more)

    scope = AppScope(
        arns=ARNS,
        policy=policy_of(deployment),
        bot_token_secret_arn=TOKEN_ARN,
        signing_secret_arn=SIGNING_ARN,
        kms_key_arn=more.get("kms_key_arn"),
        identity_center_key_arn=more.get("identity_center_kms_key_arn"),
        session_policy_arn=SESSION_POLICY_ARN if more else None,
    )
    documents = {
        each.name: json.loads(each.inputs["policy"]) for each in deployment.of_type("aws:iam/rolePolicy:RolePolicy")
    }
    assert documents == {
        **{
            f"{NAME}-{app_function}-permissions": function_permissions(app_function, scope)
            for app_function in AppFunction
        },
        f"{NAME}-workflow-permissions": workflow_permissions(ARNS),
    }
    role = deployment.get("aws:iam/role:Role", f"{NAME}-workflow-role").inputs
    assert json.loads(role["assumeRolePolicy"]) == workflow_trust(ARNS)


def test_named_arns_are_those_of_created_resources() -> None:
    deployment = stack()

    made = {each.inputs["name"]: each for each in deployment.of_type("aws:lambda/function:Function")}.keys()
    assert made == {ARNS.names.function(app_function) for app_function in AppFunction}
    assert deployment.outputs["machine_arn"] == ARNS.machine_arn
    assert deployment.outputs["usage_recorder_arn"] == ARNS.function_arn(AppFunction.usage_recorder)
    assert deployment.outputs["table_name"] == ARNS.names.table
    queues = {each.inputs["name"] for each in deployment.of_type("aws:sqs/queue:Queue")}
    assert queues == {
        ARNS.names.dead_letters(app_function) for app_function in (AppFunction.interactions, AppFunction.usage_recorder)
    }
    groups = {each.inputs["name"] for each in deployment.of_type("aws:cloudwatch/logGroup:LogGroup")}
    assert groups == {
        *(ARNS.names.function(app_function) for app_function in AppFunction),
        # AWS services deliver to these two. Elsewhere they would fill the account's resource policy for logs.
        "/aws/vendedlogs/breakglass-prod-approvals-api",
        "/aws/vendedlogs/breakglass-prod-approvals-workflow",
    }


def test_state_machine_calls_functions_of_this_stack() -> None:
    machine = stack().get("aws:sfn/stateMachine:StateMachine", f"{NAME}-workflow-machine").inputs

    assert json.loads(machine["definition"]) == definition(
        ARNS.function_arn(AppFunction.interactions), ARNS.function_arn(AppFunction.provisioner)
    )


def test_outputs() -> None:
    outputs = stack().outputs

    url = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/slack"
    assert outputs["request_url"] == url
    assert json.loads(outputs["app_manifest"])["settings"]["interactivity"]["request_url"] == url
    assert outputs["function_names"] == {
        app_function.value: f"breakglass-prod-approvals-{app_function}" for app_function in AppFunction
    }
    assert outputs["session_policy_id"] is None
    alarms = [arn.rpartition(":alarm:breakglass-prod-approvals-")[2] for arn in outputs["alarm_arns"]]
    assert len(alarms) == len(set(alarms)) == 26
    assert {"receiver-errors", "workflow-failed", "api-failures", "reconciler-silent"} <= set(alarms)


def test_no_output_is_secret() -> None:
    assert stack().secret_outputs == set()


# --- look-ups -------------------------------------------------------------------------------------------------------

GET_CALLER = "aws:index/getCallerIdentity:getCallerIdentity"
GET_GROUP = "aws:identitystore/getGroup:getGroup"
GET_MEMBERSHIPS = "aws:identitystore/getGroupMemberships:getGroupMemberships"
GET_ORGANIZATION = "aws:organizations/getOrganization:getOrganization"


def found_group(args: Any) -> dict[str, Any]:
    name = args["alternateIdentifier"]["uniqueAttribute"]["attributeValue"]
    if name in ("database-leds", "breakrs"):
        raise ProviderError("ResourceNotFoundException: GROUP not found.")
    return {"groupId": f"id-of-group-{name}"}


def organization(*enabled: str, state: str = "ACTIVE") -> dict[str, Any]:
    accounts = {ACCOUNT_ID: "management", "333333333333": "production", "444444444444": "staging"}
    return {
        "masterAccountId": ACCOUNT_ID,
        "accounts": [
            {"id": account, "name": name, "status": "ACTIVE" if account == ACCOUNT_ID else state}
            for account, name in accounts.items()
        ],
        "enabledPolicyTypes": list(enabled),
    }


def elsewhere(_: object) -> dict[str, Any]:
    return {"accountId": "333333333333"}


def test_key_of_identity_center_is_the_only_problem() -> None:
    def may_not_decrypt(_: object) -> dict[str, Any]:
        raise ProviderError("AccessDeniedException: not authorized to perform kms:Decrypt")

    with pytest.raises(pulumi.RunError) as refused:
        deploy(lambda: program(ARGS), answers={GET_GROUP: may_not_decrypt})

    report = " ".join(str(refused.value).split())
    assert "1 problem in the configuration" in report
    assert "permissionSets.identityCenterKmsKeyArn" in report


@pytest.mark.parametrize("preview", [False, True], ids=["update", "first preview"])
def test_missing_names_come_in_one_report_before_functions(preview: bool) -> None:
    wrong_rule = {**RULE, "approvers": [{"group": "database-leds"}], "accounts": ["333333333333", "999999999999"]}
    assignment = {"group": "breakrs", "accounts": ["333333333333"], "sets": ["breakGlass"]}
    args: dict[str, Any] = {
        **ARGS,
        "settings": {**SETTINGS, "rules": [wrong_rule], "end_sessions": True},
        "pairs": [{**ARGS["pairs"][0], "assignments": [assignment]}],
        # As long as the permission sets are not made.
        "permission_set_arns": {},
    }
    deployment = Deployment()

    def no_policies(_: object) -> dict[str, Any]:
        return organization()

    with pytest.raises(pulumi.RunError) as refused:
        deploy(
            lambda: program(args),
            answers={GET_GROUP: found_group, GET_ORGANIZATION: no_policies},
            preview=preview,
            into=deployment,
        )

    report = " ".join(str(refused.value).split())
    assert report.startswith("4 problems in the configuration: approvals.rules[0].approvers[0].group")
    assert "The provider says: ResourceNotFoundException: GROUP not found." in report
    assert "permissionSets.pairs[0].assignments[0].group" in report
    assert 'approvals.rules[0].accounts[1] value: "999999999999"' in report
    assert "approvals.endSessions" in report
    assert not deployment.has_type("aws:lambda/function:Function")


def test_delegated_administrator_with_management_rule_fails() -> None:
    args = {**ARGS, "settings": {**SETTINGS, "rules": [{**RULE, "accounts": [ACCOUNT_ID]}]}}

    with pytest.raises(pulumi.RunError, match="delegated") as refused:
        deploy(lambda: program(args), answers={GET_CALLER: elsewhere})

    assert "approvals.rules[0].accounts[0]" in str(refused.value)


def test_closed_account_is_unknown() -> None:
    def closed(_: object) -> dict[str, Any]:
        return organization(state="SUSPENDED")

    with pytest.raises(pulumi.RunError, match="2 problems"):
        deploy(lambda: program(ARGS), answers={GET_ORGANIZATION: closed})


def test_account_without_organization_is_refused() -> None:
    def none(_: object) -> dict[str, Any]:
        raise ProviderError("AWSOrganizationsNotInUseException")

    with pytest.raises(ConfigError, match="or to a delegated administrator of") as refused:
        deploy(lambda: program(ARGS), answers={GET_ORGANIZATION: none})

    assert "AWSOrganizationsNotInUseException" in str(refused.value)


def test_probable_mistakes_give_warnings(caplog: pytest.LogCaptureFixture) -> None:
    def alone(args: Any) -> dict[str, Any]:
        return {"groupMemberships": [{"memberId": {"userId": "id-of-user-ada.lovelace"}}]}

    args = {**ARGS, "settings": {**SETTINGS, "end_sessions": True}}
    with caplog.at_level(logging.WARNING):
        deployment = deploy(lambda: program(args), answers={GET_CALLER: elsewhere, GET_MEMBERSHIPS: alone})

    assert "approvals.endSessions" in caplog.text
    assert "approvals.rules[0].approvers" in caplog.text
    assert policy_of(deployment).settings.deployed_in == "333333333333"


def test_everyday_set_that_can_decide_gives_warning(caplog: pytest.LogCaptureFixture) -> None:
    allow = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": "*"}
    (pair,) = ARGS["pairs"]
    everyday = {"inline_policy": {"Version": "2012-10-17", "Statement": [allow]}}
    handed_out = {"group": "developers", "accounts": [ACCOUNT_ID], "sets": ["everyday"]}
    args = {**ARGS, "pairs": [{**pair, "everyday": everyday, "assignments": [handed_out]}]}
    with caplog.at_level(logging.WARNING):
        deploy(lambda: program(args))
        deploy(lambda: program(ARGS))

    assert caplog.text.count("permissionSets.pairs[0].everyday.inlinePolicy.Statement[0]") == 1


def test_unreadable_members_give_warning_only(caplog: pytest.LogCaptureFixture) -> None:
    def refused(_: object) -> dict[str, Any]:
        raise ProviderError("AccessDeniedException")

    with caplog.at_level(logging.WARNING):
        deploy(lambda: program(ARGS), answers={GET_MEMBERSHIPS: refused})

    assert caplog.text.count("has approvers: AccessDeniedException") == 1


def test_role_policy_beyond_limit_is_refused() -> None:
    pairs = [{"name": f"set-{number}", "everyday": {}, "break_glass": {}} for number in range(120)]
    arns = {f"set-{number}-break-glass": f"{SET_ARN}-{number}" for number in range(120)}
    args = {
        **ARGS,
        "pairs": pairs,
        "permission_set_arns": arns,
        "settings": {**SETTINGS, "rules": [{**RULE, "sets": ["set-1-break-glass"]}]},
    }

    with pytest.raises(pulumi.RunError, match="another stack"):
        deploy(lambda: program(args))


# --- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"slack_signing_secret": None}, "The signing secret is missing"),
        ({"settings": {**SETTINGS, "signing_secret_name": "slack/signing"}}, "The signing secret has two sources"),
        ({"settings": {**SETTINGS, "rules": []}}, "prod-approvals.settings.rules"),
        ({"watched": []}, "prod-approvals.watched"),
        ({"pairs": []}, "prod-approvals.pairs"),
        ({"kms_key_arn": "alias/x"}, "prod-approvals.kms_key_arn"),
    ],
    ids=["no secret", "two secrets", "no rules", "nothing watched", "no pairs", "no key"],
)
def test_wrong_args_are_refused_before_registration(wrong: dict[str, Any], why: str) -> None:
    report = refusal(lambda: program({**ARGS, **wrong}))

    assert why in report
    assert SIGNING not in report
