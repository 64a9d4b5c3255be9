"""The IAM policy documents of the approvals: the roles of the functions and the state machine.

A statement names the resources of its actions. Where a resource has no ARN before the call, the statement's function
says so.

The first key of the table separates the kinds of records (`dynamodb:LeadingKeys`, DynamoDB Developer Guide, "Using IAM
policy conditions for fine-grained access control"). No function may change or delete a line of the audit trail. An IAM
policy can't prevent an overwrite, so each write has a condition against it.

Sources: the Service Authorization Reference for the resource types of each action
(https://docs.aws.amazon.com/service-authorization/latest/reference/), and those at each function.

Non-goals: access of other identities to these resources (`breakglass.iam.protection`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from breakglass.app.domain.policy import ApprovalPolicy, Principal, PrincipalKind, UnmanagedAssignments
from breakglass.errors import PolicyError
from breakglass.iam.documents import Document, Statement, build_document, machine_trust, policy_size
from breakglass.naming import AppFunction, ResourceArns

ROLE_POLICY_LIMIT = 10_240
"""Characters, white space apart, of the inline policies of a role (IAM User Guide, "IAM and AWS STS quotas")."""

MAX_NAMED = 40
"""The most accounts or groups named one by one; more would not fit, so a wildcard replaces them."""


@dataclass(frozen=True)
class AppScope:
    """The resources of the functions of one stack.

    Attributes:
        arns: ARNs of the resources of the approvals.
        policy: the approval policy, with the permission sets, accounts and groups.
        bot_token_secret_arn: ARN of the secret with the bot token.
        signing_secret_arn: ARN of the secret with the signing secret.
        kms_key_arn: ARN of the secrets' customer-managed key, if they have one.
        session_policy_arn: ARN of the service control policy that ends live sessions, if there is one.
        identity_center_key_arn: ARN of Identity Center's customer-managed key, if it has one.
    """

    arns: ResourceArns
    policy: ApprovalPolicy
    bot_token_secret_arn: str
    signing_secret_arn: str
    kms_key_arn: str | None = None
    session_policy_arn: str | None = None
    identity_center_key_arn: str | None = None


def function_trust() -> Document:
    """Let Lambda assume the role of a function.

    Only a principal with `iam:PassRole` in the role's account gives it to a function, so there is no confused deputy
    (Lambda Developer Guide, "Defining Lambda function permissions with an execution role").
    """
    return build_document(
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    )


def workflow_trust(arns: ResourceArns) -> Document:
    """Let Step Functions assume the state machine's role, for this state machine only."""
    return machine_trust(arns.machine_arn)


def workflow_permissions(arns: ResourceArns) -> Document:
    """Let the state machine call its two functions and deliver its log.

    The actions of log delivery have no resource types (Step Functions Developer Guide, "Using CloudWatch Logs to log
    execution history").
    """
    return build_document(
        {
            "Sid": "CallSteps",
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [
                arns.function_arn(app_function) for app_function in (AppFunction.provisioner, AppFunction.interactions)
            ],
        },
        {
            "Sid": "DeliverLogs",
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ],
            "Resource": "*",
        },
    )


def function_permissions(app_function: AppFunction, scope: AppScope) -> Document:
    """Return the IAM policy of a function's role.

    Raises:
        PolicyError: it exceeds the limit of a role.
    """
    document = build_document(_write_logs(app_function, scope.arns), *_PERMISSIONS[app_function](scope))
    size = policy_size(document)
    if size > ROLE_POLICY_LIMIT:
        raise PolicyError(
            f"Expected at most {ROLE_POLICY_LIMIT:,} characters in the IAM policy of the function {app_function}, got "
            f"{size:,}: IAM would refuse it. It names {len(scope.policy.sets)} break-glass sets; move some of them to "
            "another stack."
        )
    return document


# --- each function ---------------------------------------------------------------------------------------------------


def _receiver(scope: AppScope) -> list[Statement]:
    interactions = scope.arns.function_arn(AppFunction.interactions)
    return [
        *_read_secrets(scope, scope.signing_secret_arn, scope.bot_token_secret_arn),
        {"Sid": "HandOver", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": interactions},
    ]


def _interactions(scope: AppScope) -> list[Statement]:
    return [
        _read_records(scope, "DENIAL", "EVENT", "LATEST", "REQUEST", "USE"),
        _query_indexes(scope, "by_month", "by_person", "open"),
        _write_records(scope, "AUDIT", "CLAIM", "DENIAL", "EVENT", "LATEST", "REQUEST", "USE"),
        *_read_secrets(scope, scope.signing_secret_arn, scope.bot_token_secret_arn),
        *_look_up_principals(scope),
        *_identity_store_key(scope),
        _use_workflow(scope),
        _send_dead_letters(AppFunction.interactions, scope.arns),
    ]


def _provisioner(scope: AppScope) -> list[Statement]:
    settings = scope.policy.settings
    return [
        _read_records(scope, "REQUEST"),
        _write_records(scope, "AUDIT", "REQUEST"),
        _hold_leases(scope),
        {
            "Sid": "MakeAssignments",
            "Effect": "Allow",
            "Action": "sso:CreateAccountAssignment",
            "Resource": [settings.instance_arn, *_sets(scope), *_account_arns(scope)],
        },
        _delete_assignments(scope),
        _read_status(
            scope, "sso:DescribeAccountAssignmentCreationStatus", "sso:DescribeAccountAssignmentDeletionStatus"
        ),
        *_identity_center_key(scope),
        *_identity_store_key(scope),
        *_management_account(scope, settings.management_account in _accounts(scope)),
        *_end_sessions(scope),
    ]


def _reconciler(scope: AppScope) -> list[Statement]:
    settings = scope.policy.settings
    revokes = settings.unmanaged is UnmanagedAssignments.revoke
    return [
        _read_records(scope, "ACCESS", "CURSOR", "DENIAL", "REQUEST", "USE"),
        _query_indexes(scope, "open"),
        _write_records(scope, "AUDIT", "CLAIM", "CURSOR", "LATEST", "REQUEST", "USE"),
        _hold_leases(scope),
        *_read_secrets(scope, scope.bot_token_secret_arn),
        *_look_up_principals(scope),
        _use_workflow(scope),
        {
            "Sid": "SeeExecutions",
            "Effect": "Allow",
            "Action": "states:DescribeExecution",
            "Resource": scope.arns.executions_arn,
        },
        _delete_assignments(scope),
        # The status of a creation as well: deleting a pending assignment would fail.
        _read_status(
            scope, "sso:DescribeAccountAssignmentCreationStatus", "sso:DescribeAccountAssignmentDeletionStatus"
        ),
        {
            "Sid": "LookForAssignments",
            "Effect": "Allow",
            "Action": "sso:ListAccountsForProvisionedPermissionSet",
            "Resource": [settings.instance_arn, *_sets(scope), _every_account(scope)],
        },
        *_identity_center_key(scope),
        *_identity_store_key(scope),
        *_management_account(
            scope, settings.management_account in ([settings.deployed_in] if revokes else _accounts(scope))
        ),
        *_end_sessions(scope),
    ]


def _usage_recorder(scope: AppScope) -> list[Statement]:
    return [
        _read_records(scope, "EVENT", "LATEST", "REQUEST", "USE"),
        _query_indexes(scope, "by_person"),
        _write_records(scope, "AUDIT", "EVENT", "LATEST", "USE"),
        _look_up_users(scope),
        *_identity_store_key(scope),
        _send_dead_letters(AppFunction.usage_recorder, scope.arns),
    ]


_PERMISSIONS = {
    AppFunction.receiver: _receiver,
    AppFunction.interactions: _interactions,
    AppFunction.provisioner: _provisioner,
    AppFunction.reconciler: _reconciler,
    AppFunction.usage_recorder: _usage_recorder,
}


# --- shared statements ----------------------------------------------------------------------------------------------


def _write_logs(app_function: AppFunction, arns: ResourceArns) -> Statement:
    return {
        "Sid": "WriteLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{arns.log_group_arn(app_function)}:*",
    }


def _leading_keys(kinds: Iterable[str]) -> dict[str, object]:
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{kind}#*" for kind in kinds]}}


def _read_records(scope: AppScope, *kinds: str) -> Statement:
    return {
        "Sid": "ReadRecords",
        "Effect": "Allow",
        "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
        "Resource": scope.arns.table_arn,
        "Condition": _leading_keys(kinds),
    }


def _query_indexes(scope: AppScope, *indexes: str) -> Statement:
    """Let a function query indexes; they have only keys, so `_read_records` must allow the records."""
    return {
        "Sid": "FindRecords",
        "Effect": "Allow",
        "Action": "dynamodb:Query",
        "Resource": [f"{scope.arns.table_arn}/index/{index}" for index in indexes],
    }


def _write_records(scope: AppScope, *kinds: str) -> Statement:
    """Let a function put records; a transaction needs the permission of each of its writes."""
    return {
        "Sid": "WriteRecords",
        "Effect": "Allow",
        "Action": "dynamodb:PutItem",
        "Resource": scope.arns.table_arn,
        "Condition": _leading_keys(kinds),
    }


def _hold_leases(scope: AppScope) -> Statement:
    return {
        "Sid": "HoldAssignments",
        "Effect": "Allow",
        "Action": ["dynamodb:DeleteItem", "dynamodb:UpdateItem"],
        "Resource": scope.arns.table_arn,
        "Condition": _leading_keys(["ACCESS"]),
    }


def _read_secrets(scope: AppScope, *arns: str) -> list[Statement]:
    read: Statement = {
        "Sid": "ReadSecrets",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": list(arns),
    }
    if scope.kms_key_arn is None:
        return [read]
    decrypt: Statement = {
        "Sid": "DecryptSecrets",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": scope.kms_key_arn,
        # Secrets Manager User Guide, "Secret encryption and decryption in AWS Secrets Manager".
        "Condition": {"StringEquals": {"kms:EncryptionContext:SecretARN": list(arns)}},
    }
    return [read, decrypt]


def _identity_store_arns(scope: AppScope) -> list[str]:
    """Return the ARNs of the identity store, in either of its two possible accounts.

    AWS does not document the account in its ARN for a delegated administrator's call.
    """
    settings = scope.policy.settings
    return [
        f"arn:{scope.arns.partition}:identitystore::{account}:identitystore/{settings.identity_store_id}"
        for account in sorted({settings.deployed_in, settings.management_account})
    ]


def _look_up_users(scope: AppScope) -> Statement:
    """Let a function look up any user with all groups, since any user may send a request."""
    resources = [f"arn:{scope.arns.partition}:identitystore:::{kind}/*" for kind in ("membership", "user")]
    return {
        "Sid": "LookUpPeople",
        "Effect": "Allow",
        "Action": [
            "identitystore:DescribeUser",
            "identitystore:GetUserId",
            "identitystore:ListGroupMembershipsForMember",
        ],
        "Resource": [*_identity_store_arns(scope), *resources],
    }


def _look_up_principals(scope: AppScope) -> list[Statement]:
    groups = _limit_names(sorted({each.id for each in _principals(scope.policy) if each.kind is PrincipalKind.group}))
    resources = [f"arn:{scope.arns.partition}:identitystore:::group/{group}" for group in groups]
    members: Statement = {
        "Sid": "ListMembers",
        "Effect": "Allow",
        "Action": "identitystore:ListGroupMemberships",
        "Resource": [
            *_identity_store_arns(scope),
            *resources,
            f"arn:{scope.arns.partition}:identitystore:::membership/*",
        ],
    }
    return [_look_up_users(scope), members] if groups else [_look_up_users(scope)]


def _identity_center_key(scope: AppScope) -> list[Statement]:
    """Let a function decrypt Identity Center's data, for calls of its API."""
    return _decrypt_via(scope, "sso", "aws:sso:instance-arn", [scope.policy.settings.instance_arn])


def _identity_store_key(scope: AppScope) -> list[Statement]:
    """Let a function decrypt the identity store's data, for calls of its API.

    The functions that create and delete assignments need it, too: Identity Center looks up the principal for them.
    """
    return _decrypt_via(scope, "identitystore", "aws:identitystore:identitystore-arn", _identity_store_arns(scope))


def _decrypt_via(scope: AppScope, service: str, context: str, arns: list[str]) -> list[Statement]:
    """Let a function decrypt through one service only, and in one encryption context only.

    Source: the managed policy AWSSSODirectoryAdministrator, and "Implementing customer managed KMS keys in AWS IAM
    Identity Center" (IAM Identity Center User Guide).
    """
    if scope.identity_center_key_arn is None:
        return []
    return [
        {
            "Sid": "DecryptIdentityCenter" if service == "sso" else "DecryptIdentityStore",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": scope.identity_center_key_arn,
            "Condition": {
                "StringEquals": {
                    "kms:ViaService": f"{service}.{scope.arns.region}.amazonaws.com",
                    f"kms:EncryptionContext:{context}": arns,
                }
            },
        }
    ]


def _use_workflow(scope: AppScope) -> Statement:
    """Let a function start the state machine and complete its tasks.

    The Service Authorization Reference lists no resource for `SendTaskSuccess`; by test, it accepts the state machine.

    Source: https://github.com/aws/aws-cdk/pull/8486, and the AWS CDK's `StateMachine.grantTaskResponse` since then.
    """
    return {
        "Sid": "GoOn",
        "Effect": "Allow",
        "Action": ["states:SendTaskSuccess", "states:StartExecution"],
        "Resource": scope.arns.machine_arn,
    }


def _send_dead_letters(app_function: AppFunction, arns: ResourceArns) -> Statement:
    return {
        "Sid": "KeepWhatFailed",
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": arns.dead_letters_arn(app_function),
    }


def _delete_assignments(scope: AppScope) -> Statement:
    """Let a function delete and list assignments of every set in every account.

    A set or an account may leave the stack file while access is open, and unmanaged assignments may be anywhere.
    """
    return {
        "Sid": "TakeBackAssignments",
        "Effect": "Allow",
        "Action": ["sso:DeleteAccountAssignment", "sso:ListAccountAssignments"],
        "Resource": [scope.policy.settings.instance_arn, _every_set(scope), _every_account(scope)],
    }


def _read_status(scope: AppScope, *actions: str) -> Statement:
    return {
        "Sid": "SeeProgress",
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": scope.policy.settings.instance_arn,
    }


def _management_account(scope: AppScope, concerned: bool) -> list[Statement]:
    """Let a caller make Identity Center change roles in the management account, as the caller.

    Sources: IAM Identity Center User Guide, "Identity-based policy examples", example 2, for the roles. It names
    `iam:GetSAMLProvider` alone for the provider; four public reports of refused assignments name the others.
    """
    if not concerned:
        return []
    arn = f"arn:{scope.arns.partition}:iam::{scope.policy.settings.management_account}"
    return [
        {
            "Sid": "ChangeRolesOfTheManagementAccount",
            "Effect": "Allow",
            "Action": [
                "iam:AttachRolePolicy",
                "iam:CreateRole",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:DetachRolePolicy",
                "iam:GetRole",
                "iam:ListAttachedRolePolicies",
                "iam:ListRolePolicies",
                "iam:PutRolePolicy",
                "iam:UpdateRole",
                "iam:UpdateRoleDescription",
            ],
            "Resource": [
                f"{arn}:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_{name}_*"
                for name in sorted(scope.policy.sets)
            ],
        },
        {
            "Sid": "ManageTheIdentityProvider",
            "Effect": "Allow",
            "Action": [
                "iam:CreateSAMLProvider",
                "iam:GetSAMLProvider",
                "iam:ListSAMLProviderTags",
                "iam:TagSAMLProvider",
                "iam:UntagSAMLProvider",
                "iam:UpdateSAMLProvider",
            ],
            "Resource": f"{arn}:saml-provider/AWSSSO_*_DO_NOT_DELETE",
        },
        {
            "Sid": "ListRolesAndProviders",
            "Effect": "Allow",
            # These actions have no resource type.
            "Action": ["iam:ListPolicies", "iam:ListRoles", "iam:ListSAMLProviders"],
            "Resource": "*",
        },
    ]


def _end_sessions(scope: AppScope) -> list[Statement]:
    if scope.session_policy_arn is None:
        return []
    return [
        {
            "Sid": "EndSessions",
            "Effect": "Allow",
            "Action": ["organizations:DescribePolicy", "organizations:UpdatePolicy"],
            "Resource": scope.session_policy_arn,
        }
    ]


# --- names in the approval policy ------------------------------------------------------------------------------------


def _sets(scope: AppScope) -> list[str]:
    return sorted(each.arn for each in scope.policy.sets.values())


def _every_set(scope: AppScope) -> str:
    instance = scope.policy.settings.instance_arn.rpartition("/")[2]
    return f"arn:{scope.arns.partition}:sso:::permissionSet/{instance}/*"


def _accounts(scope: AppScope) -> list[str]:
    return sorted({account for rule in scope.policy.rules for account in rule.accounts})


def _account_arns(scope: AppScope) -> list[str]:
    return [f"arn:{scope.arns.partition}:sso:::account/{account}" for account in _limit_names(_accounts(scope))]


def _every_account(scope: AppScope) -> str:
    return f"arn:{scope.arns.partition}:sso:::account/*"


def _limit_names(names: list[str]) -> list[str]:
    return names if len(names) <= MAX_NAMED else ["*"]


def _principals(policy: ApprovalPolicy) -> Iterable[Principal]:
    for rule in policy.rules:
        yield from (*rule.requesters, *rule.approvers, *rule.mention, *rule.escalate)
    for deny in policy.denies:
        yield from deny.principals
    yield from policy.security
