"""The permissions of each function and of the state machine, as exact JSON.

It does not prove that AWS evaluates the documents alike (docs/live-checks.md), nor that they cover calls of services
beside DynamoDB: the local cloud checks no permissions.
"""

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from breakglass.app.domain.policy import PermissionSet, UnmanagedAssignments
from breakglass.errors import PolicyError
from breakglass.iam.app_roles import (
    MAX_NAMED,
    AppScope,
    function_permissions,
    function_trust,
    workflow_permissions,
    workflow_trust,
)
from breakglass.naming import AppFunction, Names, ResourceArns
from tests.app.domain.policies import MANAGEMENT, PRODUCTION, SETTINGS, STAGING, group, policy, rule

ARNS = ResourceArns(Names("prod-approvals"), "aws", "eu-central-1", MANAGEMENT)
TOKEN = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:breakglass-prod-slack-token-AbCdEf"
SIGNING = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:breakglass-prod-approvals-signing-AbCdEf"
KEY = "arn:aws:kms:eu-central-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SCP = "arn:aws:organizations::111111111111:policy/o-abcdefghij/service_control_policy/p-12345678"
SCOPE = AppScope(ARNS, policy(), TOKEN, SIGNING)

TABLE = "arn:aws:dynamodb:eu-central-1:111111111111:table/breakglass-prod-approvals-records"
MACHINE = "arn:aws:states:eu-central-1:111111111111:stateMachine:breakglass-prod-approvals-workflow"
INSTANCE = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
SETS = [
    "arn:aws:sso:::permissionSet/ssoins-1/ps-devops-break-glass",
    "arn:aws:sso:::permissionSet/ssoins-1/ps-network-break-glass",
]
STORE = "arn:aws:identitystore::111111111111:identitystore/d-1234567890"


def function_arn(app_function: str) -> str:
    return f"arn:aws:lambda:eu-central-1:111111111111:function:breakglass-prod-approvals-{app_function}"


def allow(sid: str, actions: str, resources: str | list[str], condition: Any = None) -> dict[str, Any]:
    listed = actions.split()
    statement = {"Sid": sid, "Effect": "Allow", "Action": listed, "Resource": resources}
    return statement if condition is None else {**statement, "Condition": condition}


def one(sid: str, action: str, resources: str | list[str], condition: Any = None) -> dict[str, Any]:
    return {**allow(sid, action, resources, condition), "Action": action}


def keyed(*kinds: str) -> dict[str, Any]:
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{kind}#*" for kind in kinds]}}


def logs(app_function: str) -> dict[str, Any]:
    group_arn = f"arn:aws:logs:eu-central-1:111111111111:log-group:breakglass-prod-approvals-{app_function}"
    return allow("WriteLogs", "logs:CreateLogStream logs:PutLogEvents", f"{group_arn}:*")


def read(*kinds: str) -> dict[str, Any]:
    return allow("ReadRecords", "dynamodb:BatchGetItem dynamodb:GetItem dynamodb:Query", TABLE, keyed(*kinds))


def find(*indexes: str) -> dict[str, Any]:
    return one("FindRecords", "dynamodb:Query", [f"{TABLE}/index/{index}" for index in indexes])


def write(*kinds: str) -> dict[str, Any]:
    return one("WriteRecords", "dynamodb:PutItem", TABLE, keyed(*kinds))


def dead_letters(app_function: str) -> dict[str, Any]:
    queue = f"arn:aws:sqs:eu-central-1:111111111111:breakglass-prod-approvals-{app_function}-dead-letters"
    return one("KeepWhatFailed", "sqs:SendMessage", queue)


LEASE = allow("HoldAssignments", "dynamodb:DeleteItem dynamodb:UpdateItem", TABLE, keyed("ACCESS"))
LOOK_UP = allow(
    "LookUpPeople",
    "identitystore:DescribeUser identitystore:GetUserId identitystore:ListGroupMembershipsForMember",
    [STORE, "arn:aws:identitystore:::membership/*", "arn:aws:identitystore:::user/*"],
)
MEMBERS = one(
    "ListMembers",
    "identitystore:ListGroupMemberships",
    [
        STORE,
        "arn:aws:identitystore:::group/g-leads",
        "arn:aws:identitystore:::group/g-oncall",
        "arn:aws:identitystore:::group/g-security",
        "arn:aws:identitystore:::membership/*",
    ],
)


def account(*ids: str) -> list[str]:
    return [f"arn:aws:sso:::account/{account_id}" for account_id in ids]


# Of every set and in every account: one may leave the stack file while access is open.
TAKE_BACK = allow(
    "TakeBackAssignments",
    "sso:DeleteAccountAssignment sso:ListAccountAssignments",
    [INSTANCE, f"arn:aws:sso:::permissionSet/{INSTANCE.rpartition('/')[2]}/*", *account("*")],
)

EXPECTED = {
    AppFunction.receiver: [
        logs("receiver"),
        one("ReadSecrets", "secretsmanager:GetSecretValue", [SIGNING, TOKEN]),
        one("HandOver", "lambda:InvokeFunction", function_arn("interactions")),
    ],
    AppFunction.interactions: [
        logs("interactions"),
        read("DENIAL", "EVENT", "LATEST", "REQUEST", "USE"),
        find("by_month", "by_person", "open"),
        write("AUDIT", "CLAIM", "DENIAL", "EVENT", "LATEST", "REQUEST", "USE"),
        one("ReadSecrets", "secretsmanager:GetSecretValue", [SIGNING, TOKEN]),
        LOOK_UP,
        MEMBERS,
        allow("GoOn", "states:SendTaskSuccess states:StartExecution", MACHINE),
        dead_letters("interactions"),
    ],
    AppFunction.provisioner: [
        logs("provisioner"),
        read("REQUEST"),
        write("AUDIT", "REQUEST"),
        LEASE,
        one("MakeAssignments", "sso:CreateAccountAssignment", [INSTANCE, *SETS, *account(PRODUCTION, STAGING)]),
        TAKE_BACK,
        allow(
            "SeeProgress",
            "sso:DescribeAccountAssignmentCreationStatus sso:DescribeAccountAssignmentDeletionStatus",
            INSTANCE,
        ),
    ],
    AppFunction.reconciler: [
        logs("reconciler"),
        read("ACCESS", "CURSOR", "DENIAL", "REQUEST", "USE"),
        find("open"),
        write("AUDIT", "CLAIM", "CURSOR", "LATEST", "REQUEST", "USE"),
        LEASE,
        one("ReadSecrets", "secretsmanager:GetSecretValue", [TOKEN]),
        LOOK_UP,
        MEMBERS,
        allow("GoOn", "states:SendTaskSuccess states:StartExecution", MACHINE),
        one("SeeExecutions", "states:DescribeExecution", f"{MACHINE.replace(':stateMachine:', ':execution:')}:*"),
        TAKE_BACK,
        allow(
            "SeeProgress",
            "sso:DescribeAccountAssignmentCreationStatus sso:DescribeAccountAssignmentDeletionStatus",
            INSTANCE,
        ),
        one("LookForAssignments", "sso:ListAccountsForProvisionedPermissionSet", [INSTANCE, *SETS, *account("*")]),
    ],
    AppFunction.usage_recorder: [
        logs("usage-recorder"),
        read("EVENT", "LATEST", "REQUEST", "USE"),
        find("by_person"),
        write("AUDIT", "EVENT", "LATEST", "USE"),
        LOOK_UP,
        dead_letters("usage-recorder"),
    ],
}


@pytest.mark.parametrize("app_function", AppFunction)
def test_permissions_of_a_function_are_exactly_these(app_function: AppFunction) -> None:
    assert function_permissions(app_function, SCOPE) == {"Version": "2012-10-17", "Statement": EXPECTED[app_function]}


def test_function_role_trusts_only_lambda() -> None:
    assert function_trust() == {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }


def test_workflow_role_trusts_only_this_state_machine() -> None:
    assert workflow_trust(ARNS) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "states.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": MACHINE},
                    "StringEquals": {"aws:SourceAccount": "111111111111"},
                },
            }
        ],
    }


def test_state_machine_calls_two_functions_and_delivers_logs() -> None:
    assert workflow_permissions(ARNS) == {
        "Version": "2012-10-17",
        "Statement": [
            one("CallSteps", "lambda:InvokeFunction", [function_arn("provisioner"), function_arn("interactions")]),
            allow(
                "DeliverLogs",
                "logs:CreateLogDelivery logs:DeleteLogDelivery logs:DescribeLogGroups logs:DescribeResourcePolicies "
                "logs:GetLogDelivery logs:ListLogDeliveries logs:PutResourcePolicy logs:UpdateLogDelivery",
                "*",
            ),
        ],
    }


# --- permissions that vary by stack -----------------------------------------------------------------------------------


def statement(app_function: AppFunction, sid: str, scope: AppScope) -> dict[str, Any] | None:
    statements = function_permissions(app_function, scope)["Statement"]
    return next((each for each in statements if each["Sid"] == sid), None)


ROLES_OF_THE_MANAGEMENT_ACCOUNT = [
    allow(
        "ChangeRolesOfTheManagementAccount",
        "iam:AttachRolePolicy iam:CreateRole iam:DeleteRole iam:DeleteRolePolicy iam:DetachRolePolicy iam:GetRole "
        "iam:ListAttachedRolePolicies iam:ListRolePolicies iam:PutRolePolicy iam:UpdateRole iam:UpdateRoleDescription",
        [
            "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_devops-break-glass_*",
            "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_network-break-glass_*",
        ],
    ),
    allow(
        "ManageTheIdentityProvider",
        "iam:CreateSAMLProvider iam:GetSAMLProvider iam:ListSAMLProviderTags iam:TagSAMLProvider "
        "iam:UntagSAMLProvider iam:UpdateSAMLProvider",
        "arn:aws:iam::111111111111:saml-provider/AWSSSO_*_DO_NOT_DELETE",
    ),
    allow("ListRolesAndProviders", "iam:ListPolicies iam:ListRoles iam:ListSAMLProviders", "*"),
]


@pytest.mark.parametrize("app_function", [AppFunction.provisioner, AppFunction.reconciler])
def test_rule_for_the_management_account_adds_role_permissions(
    app_function: AppFunction,
) -> None:
    scope = replace(SCOPE, policy=policy(rule(accounts=(MANAGEMENT,))))

    statements = function_permissions(app_function, scope)["Statement"]

    assert [each for each in statements if each not in EXPECTED[app_function]][-3:] == ROLES_OF_THE_MANAGEMENT_ACCOUNT
    made = statement(AppFunction.provisioner, "MakeAssignments", scope)
    assert made is not None
    assert made["Resource"] == [INSTANCE, *SETS, *account(MANAGEMENT)]


@pytest.mark.parametrize("app_function", [AppFunction.provisioner, AppFunction.reconciler])
def test_assignment_of_a_removed_rule_can_be_deleted(app_function: AppFunction) -> None:
    scope = replace(SCOPE, policy=replace(policy(rule(accounts=(STAGING,))), sets={}))

    assert statement(app_function, "TakeBackAssignments", scope) == TAKE_BACK


def test_only_the_provisioner_creates_assignments() -> None:
    makes = "sso:CreateAccountAssignment"
    able = [
        app_function for app_function in AppFunction if makes in json.dumps(function_permissions(app_function, SCOPE))
    ]

    assert able == [AppFunction.provisioner]


def test_reconciler_needs_revoke_for_the_management_account() -> None:
    revoking = policy(settings=replace(SETTINGS, unmanaged=UnmanagedAssignments.revoke))

    changed = statement(AppFunction.reconciler, "ChangeRolesOfTheManagementAccount", replace(SCOPE, policy=revoking))

    assert changed in ROLES_OF_THE_MANAGEMENT_ACCOUNT


def test_two_functions_may_change_the_session_policy_only() -> None:
    scope = replace(SCOPE, session_policy_arn=SCP)

    may = {app_function: statement(app_function, "EndSessions", scope) for app_function in AppFunction}

    ends = allow("EndSessions", "organizations:DescribePolicy organizations:UpdatePolicy", SCP)
    assert may == dict.fromkeys(AppFunction) | {AppFunction.provisioner: ends, AppFunction.reconciler: ends}


def test_customer_key_decrypts_these_secrets_only() -> None:
    may = {
        app_function: statement(app_function, "DecryptSecrets", replace(SCOPE, kms_key_arn=KEY))
        for app_function in AppFunction
    }

    def decrypts(*secrets: str) -> dict[str, Any]:
        condition = {"StringEquals": {"kms:EncryptionContext:SecretARN": list(secrets)}}
        return one("DecryptSecrets", "kms:Decrypt", KEY, condition)

    assert may == dict.fromkeys(AppFunction) | {
        AppFunction.receiver: decrypts(SIGNING, TOKEN),
        AppFunction.interactions: decrypts(SIGNING, TOKEN),
        AppFunction.reconciler: decrypts(TOKEN),
    }


CENTER_KEY = "arn:aws:kms:eu-central-1:111111111111:key/mrk-1234abcd12ab34cd56ef1234567890ab"


def decrypts(sid: str, service: str, context: str, *arns: str) -> dict[str, Any]:
    via = {"kms:ViaService": f"{service}.eu-central-1.amazonaws.com", f"kms:EncryptionContext:{context}": list(arns)}
    return one(sid, "kms:Decrypt", CENTER_KEY, {"StringEquals": via})


def test_functions_decrypt_with_the_key_by_identity_center() -> None:
    scope = replace(SCOPE, identity_center_key_arn=CENTER_KEY)
    by_center = decrypts("DecryptIdentityCenter", "sso", "aws:sso:instance-arn", INSTANCE)
    by_store = decrypts("DecryptIdentityStore", "identitystore", "aws:identitystore:identitystore-arn", STORE)

    added = {
        app_function: [
            each
            for each in function_permissions(app_function, scope)["Statement"]
            if each not in EXPECTED[app_function]
        ]
        for app_function in AppFunction
    }

    assert added == {
        AppFunction.receiver: [],
        AppFunction.interactions: [by_store],
        AppFunction.provisioner: [by_center, by_store],
        AppFunction.reconciler: [by_center, by_store],
        AppFunction.usage_recorder: [by_store],
    }


def test_every_caller_of_identity_center_may_decrypt() -> None:
    scope = replace(SCOPE, identity_center_key_arn=CENTER_KEY)
    for app_function in AppFunction:
        document = function_permissions(app_function, scope)
        services = {
            action.partition(":")[0]
            for each in document["Statement"]
            for action in (each["Action"] if isinstance(each["Action"], list) else [each["Action"]])
        }
        decrypting = {each["Sid"] for each in document["Statement"] if each["Resource"] == CENTER_KEY}
        assert ("DecryptIdentityCenter" in decrypting) == ("sso" in services)
        assert "identitystore" not in services or "DecryptIdentityStore" in decrypting


def test_delegated_administrator_reads_both_store_arns() -> None:
    delegated = policy(settings=replace(SETTINGS, deployed_in=STAGING))

    people = statement(AppFunction.interactions, "LookUpPeople", replace(SCOPE, policy=delegated))

    assert people is not None
    assert people["Resource"][:2] == [STORE, STORE.replace(MANAGEMENT, STAGING)]


def scope_of(accounts: int = 1, groups: int = 1, sets: int = 1) -> AppScope:
    """A stack with so many accounts, groups and sets, all named as long as AWS does."""
    named = tuple(group(f"{each:010}-abcdef01-2345-6789-abcd-ef0123456789") for each in range(groups))
    ids = tuple(f"{4_000_000_000 + each:012}" for each in range(accounts))
    whole = policy(rule(accounts=ids, requesters=named, approvers=named, mention=(), escalate=()), security=())
    arns = {f"set-{each}": f"arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-{each:016}" for each in range(sets)}
    return replace(SCOPE, policy=replace(whole, sets={name: PermissionSet(arn, 3600) for name, arn in arns.items()}))


@pytest.mark.parametrize(("count", "named"), [(MAX_NAMED, MAX_NAMED), (MAX_NAMED + 1, 1)])
def test_too_many_accounts_and_groups_become_a_wildcard(count: int, named: int) -> None:
    scope = scope_of(accounts=count, groups=count, sets=10)

    changes = statement(AppFunction.provisioner, "MakeAssignments", scope)
    members = statement(AppFunction.interactions, "ListMembers", scope)

    assert changes
    assert members
    assert len([arn for arn in changes["Resource"] if ":account/" in arn]) == named
    assert len([arn for arn in members["Resource"] if ":group/" in arn]) == named


def test_permissions_beyond_the_role_limit_are_refused() -> None:
    with pytest.raises(
        PolicyError, match=r"function reconciler, got 1\d,\d{3}: .* 140 break-glass sets; move some of them"
    ):
        function_permissions(AppFunction.reconciler, scope_of(sets=140))


@pytest.mark.parametrize("app_function", AppFunction)
def test_order_of_the_policy_changes_no_document(app_function: AppFunction) -> None:
    turned = policy(rule(accounts=(STAGING, PRODUCTION)))
    turned = replace(turned, sets=dict(reversed(list(turned.sets.items()))))

    assert json.dumps(function_permissions(app_function, replace(SCOPE, policy=turned))) == json.dumps(
        function_permissions(app_function, SCOPE)
    )


@pytest.mark.parametrize("app_function", AppFunction)
def test_no_statement_allows_every_resource_of_a_service(app_function: AppFunction) -> None:
    scope = replace(SCOPE, session_policy_arn=SCP, kms_key_arn=KEY, identity_center_key_arn=CENTER_KEY)
    for each in function_permissions(app_function, scope)["Statement"]:
        resources = each["Resource"] if isinstance(each["Resource"], list) else [each["Resource"]]
        assert "*" not in resources
        actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        assert not [action for action in actions if "*" in action]


# --- the audit trail --------------------------------------------------------------------------------------------------


def may_on_key(app_function: AppFunction, action: str, key: str) -> bool:
    """Say if a function may do an action with an item of the table."""
    for each in function_permissions(app_function, SCOPE)["Statement"]:
        actions = each["Action"] if isinstance(each["Action"], list) else [each["Action"]]
        if action in actions and each["Resource"] == TABLE:
            patterns = each["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
            if any(fnmatchcase(key, pattern) for pattern in patterns):
                return True
    return False


@pytest.mark.parametrize("app_function", AppFunction)
@pytest.mark.parametrize("action", ["DeleteItem", "UpdateItem", "BatchWriteItem", "PartiQLDelete", "PartiQLUpdate"])
def test_no_function_may_change_or_delete_audit_entries(app_function: AppFunction, action: str) -> None:
    assert not may_on_key(app_function, f"dynamodb:{action}", "AUDIT#2026-11-26")


def test_function_that_writes_records_writes_audit_entries() -> None:
    writers = [
        app_function for app_function in AppFunction if may_on_key(app_function, "dynamodb:PutItem", "AUDIT#2026-11-26")
    ]

    assert writers == [
        AppFunction.interactions,
        AppFunction.provisioner,
        AppFunction.reconciler,
        AppFunction.usage_recorder,
    ]
