"""The IAM policy documents of the approvals: what each function and the state machine may, and who takes their roles.

A statement names the resources that its actions work on. Where a resource has no ARN of its own, or is what is looked
for, the statement's function says so.

Records are told apart by the first key of the table (`dynamodb:LeadingKeys`, DynamoDB Developer Guide, "Using IAM
policy conditions for fine-grained access control"). No function may change or delete a line of the audit trail; that a
line is not written over is a condition of the write itself, which no policy can demand.

Sources: the Service Authorization Reference for which action takes which resource
(https://docs.aws.amazon.com/service-authorization/latest/reference/), and what is named at each function.

Non-goals: who else may touch these resources (see `breakglass.iam.documents.protect_alert_path`).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from breakglass.app.domain.policy import ApprovalPolicy, Principal, PrincipalKind, UnmanagedAssignments
from breakglass.errors import PolicyError
from breakglass.iam.documents import Document, Statement, policy_size
from breakglass.naming import AppFunction, ResourceArns

ROLE_POLICY_LIMIT = 10_240
"""Characters, white space apart, of the inline policies of a role (IAM User Guide, "IAM and AWS STS quotas")."""

MAX_NAMED = 40
"""How many accounts or groups are named one by one; of more, only their kind is, or they would not fit."""


@dataclass(frozen=True)
class AppScope:
    """What the functions of one stack work on.

    Attributes:
        arns: where they are.
        policy: what they decide by; it names the permission sets, accounts and groups.
        bot_token_secret_arn: ARN of the secret with the bot token.
        signing_secret_arn: ARN of the secret with the signing secret.
        kms_key_arn: the customer's own key that the secrets are encrypted with, if it is one.
        session_policy_arn: ARN of the service control policy that ends live sessions, if they are ended.
        identity_center_key_arn: the customer's own key that Identity Center is encrypted with, if it is one.
    """

    arns: ResourceArns
    policy: ApprovalPolicy
    bot_token_secret_arn: str
    signing_secret_arn: str
    kms_key_arn: str | None = None
    session_policy_arn: str | None = None
    identity_center_key_arn: str | None = None


def function_trust() -> Document:
    """Let Lambda take the role of a function.

    A function is given a role by whoever may pass it, in the role's own account only: there is no caller to be confused
    about (Lambda Developer Guide, "Defining Lambda function permissions with an execution role").
    """
    return _document(
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
    )


def workflow_trust(arns: ResourceArns) -> Document:
    """Let Step Functions take the state machine's role, for this state machine only.

    Source: Step Functions Developer Guide, "Prevent cross-service confused deputy issue".
    """
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": "states.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "ArnEquals": {"aws:SourceArn": arns.machine_arn},
                "StringEquals": {"aws:SourceAccount": arns.account},
            },
        }
    )


def workflow_permissions(arns: ResourceArns) -> Document:
    """Let the state machine call its two functions and have its log delivered.

    What concerns the delivery of logs can't be limited to a log group: these actions know no resource types (Step
    Functions Developer Guide, "Using CloudWatch Logs to log execution history").
    """
    return _document(
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
    """Return what a function may.

    Args:
        app_function: the function.
        scope: what it works on.

    Raises:
        PolicyError: It does not fit into a role.
    """
    document = _document(_logs(app_function, scope.arns), *_PERMISSIONS[app_function](scope))
    size = policy_size(document)
    if size > ROLE_POLICY_LIMIT:
        raise PolicyError(
            f"The policy of the function {app_function} has {size:,} characters, and IAM takes {ROLE_POLICY_LIMIT:,} "
            f"in a role. It names {len(scope.policy.sets)} break-glass sets; put some of them into another stack."
        )
    return document


# --- each function ---------------------------------------------------------------------------------------------------


def _receiver(scope: AppScope) -> list[Statement]:
    interactions = scope.arns.function_arn(AppFunction.interactions)
    return [
        _write(scope, "DELIVERY"),
        *_secrets(scope, scope.signing_secret_arn, scope.bot_token_secret_arn),
        {"Sid": "HandOver", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": interactions},
    ]


def _interactions(scope: AppScope) -> list[Statement]:
    return [
        _read(scope, "DENIAL", "EVENT", "LATEST", "REQUEST", "USE"),
        _find(scope, "by_month", "by_person", "open"),
        _write(scope, "AUDIT", "CLAIM", "DENIAL", "EVENT", "LATEST", "REQUEST", "USE"),
        *_secrets(scope, scope.signing_secret_arn, scope.bot_token_secret_arn),
        *_people(scope),
        *_store_key(scope),
        _workflow(scope),
        _dead_letters(AppFunction.interactions, scope.arns),
    ]


def _provisioner(scope: AppScope) -> list[Statement]:
    settings = scope.policy.settings
    return [
        _read(scope, "REQUEST"),
        _write(scope, "AUDIT", "REQUEST"),
        _lease(scope),
        {
            "Sid": "MakeAssignments",
            "Effect": "Allow",
            "Action": "sso:CreateAccountAssignment",
            "Resource": [settings.instance_arn, *_sets(scope), *_account_arns(scope)],
        },
        _taking_back(scope),
        _progress(scope, "sso:DescribeAccountAssignmentCreationStatus", "sso:DescribeAccountAssignmentDeletionStatus"),
        *_center_key(scope),
        *_store_key(scope),
        *_management_account(scope, settings.management_account in _accounts(scope)),
        *_sessions(scope),
    ]


def _reconciler(scope: AppScope) -> list[Statement]:
    settings = scope.policy.settings
    revokes = settings.unmanaged is UnmanagedAssignments.revoke
    return [
        _read(scope, "ACCESS", "CURSOR", "DENIAL", "REQUEST", "USE"),
        _find(scope, "open"),
        _write(scope, "AUDIT", "CLAIM", "CURSOR", "LATEST", "REQUEST", "USE"),
        _lease(scope),
        *_secrets(scope, scope.bot_token_secret_arn),
        *_people(scope),
        _workflow(scope),
        {
            "Sid": "SeeExecutions",
            "Effect": "Allow",
            "Action": "states:DescribeExecution",
            "Resource": scope.arns.executions_arn,
        },
        _taking_back(scope),
        # Of a creation as well: what is being made can't be deleted yet.
        _progress(scope, "sso:DescribeAccountAssignmentCreationStatus", "sso:DescribeAccountAssignmentDeletionStatus"),
        {
            "Sid": "LookForAssignments",
            "Effect": "Allow",
            "Action": "sso:ListAccountsForProvisionedPermissionSet",
            "Resource": [settings.instance_arn, *_sets(scope), _every_account(scope)],
        },
        *_center_key(scope),
        *_store_key(scope),
        *_management_account(
            scope, settings.management_account in ([settings.deployed_in] if revokes else _accounts(scope))
        ),
        *_sessions(scope),
    ]


def _usage_recorder(scope: AppScope) -> list[Statement]:
    return [
        _read(scope, "EVENT", "LATEST", "REQUEST", "USE"),
        _find(scope, "by_person"),
        _write(scope, "AUDIT", "EVENT", "LATEST", "USE"),
        _persons(scope),
        *_store_key(scope),
        _dead_letters(AppFunction.usage_recorder, scope.arns),
    ]


_PERMISSIONS = {
    AppFunction.receiver: _receiver,
    AppFunction.interactions: _interactions,
    AppFunction.provisioner: _provisioner,
    AppFunction.reconciler: _reconciler,
    AppFunction.usage_recorder: _usage_recorder,
}


# --- what they have in common ----------------------------------------------------------------------------------------


def _logs(app_function: AppFunction, arns: ResourceArns) -> Statement:
    return {
        "Sid": "WriteLogs",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{arns.log_group_arn(app_function)}:*",
    }


def _keyed(kinds: Iterable[str]) -> dict[str, object]:
    return {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{kind}#*" for kind in kinds]}}


def _read(scope: AppScope, *kinds: str) -> Statement:
    return {
        "Sid": "ReadRecords",
        "Effect": "Allow",
        "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"],
        "Resource": scope.arns.table_arn,
        "Condition": _keyed(kinds),
    }


def _find(scope: AppScope, *indexes: str) -> Statement:
    """The indexes hold keys only, so what is found in them is read by `_read`."""
    return {
        "Sid": "FindRecords",
        "Effect": "Allow",
        "Action": "dynamodb:Query",
        "Resource": [f"{scope.arns.table_arn}/index/{index}" for index in indexes],
    }


def _write(scope: AppScope, *kinds: str) -> Statement:
    """A transaction asks for the permission of each of its writes, and all of them are puts."""
    return {
        "Sid": "WriteRecords",
        "Effect": "Allow",
        "Action": "dynamodb:PutItem",
        "Resource": scope.arns.table_arn,
        "Condition": _keyed(kinds),
    }


def _lease(scope: AppScope) -> Statement:
    return {
        "Sid": "HoldAssignments",
        "Effect": "Allow",
        "Action": ["dynamodb:DeleteItem", "dynamodb:UpdateItem"],
        "Resource": scope.arns.table_arn,
        "Condition": _keyed(["ACCESS"]),
    }


def _secrets(scope: AppScope, *arns: str) -> list[Statement]:
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


def _stores(scope: AppScope) -> list[str]:
    """The identity store, by its id, in whichever of the two accounts it counts as.

    Nowhere is it said whose account is in its ARN when a delegated administrator asks.
    """
    settings = scope.policy.settings
    return [
        f"arn:{scope.arns.partition}:identitystore::{account}:identitystore/{settings.identity_store_id}"
        for account in sorted({settings.deployed_in, settings.management_account})
    ]


def _persons(scope: AppScope) -> Statement:
    """Anybody may ask, so anybody has to be looked up, with all groups they are in."""
    resources = [f"arn:{scope.arns.partition}:identitystore:::{kind}/*" for kind in ("membership", "user")]
    return {
        "Sid": "LookUpPeople",
        "Effect": "Allow",
        "Action": [
            "identitystore:DescribeUser",
            "identitystore:GetUserId",
            "identitystore:ListGroupMembershipsForMember",
        ],
        "Resource": [*_stores(scope), *resources],
    }


def _people(scope: AppScope) -> list[Statement]:
    groups = _few(sorted({one.id for one in _principals(scope.policy) if one.kind is PrincipalKind.group}))
    resources = [f"arn:{scope.arns.partition}:identitystore:::group/{group}" for group in groups]
    members: Statement = {
        "Sid": "ListMembers",
        "Effect": "Allow",
        "Action": "identitystore:ListGroupMemberships",
        "Resource": [*_stores(scope), *resources, f"arn:{scope.arns.partition}:identitystore:::membership/*"],
    }
    return [_persons(scope), members] if groups else [_persons(scope)]


def _center_key(scope: AppScope) -> list[Statement]:
    """Return the permission to decrypt what Identity Center keeps, for calls of its own API."""
    return _decrypts(scope, "sso", "aws:sso:instance-arn", [scope.policy.settings.instance_arn])


def _store_key(scope: AppScope) -> list[Statement]:
    """Return the permission to decrypt what the identity store keeps, for calls of its API.

    The functions that make and delete assignments have it as well: Identity Center looks up the principal for them.
    """
    return _decrypts(scope, "identitystore", "aws:identitystore:identitystore-arn", _stores(scope))


def _decrypts(scope: AppScope, service: str, context: str, arns: list[str]) -> list[Statement]:
    """Return the permission to decrypt by way of a service only, and in one encryption context only.

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


def _workflow(scope: AppScope) -> Statement:
    """Start it, and tell it what it waits for.

    The Service Authorization Reference gives `SendTaskSuccess` no resource; by test, the state machine's ARN is one.

    Source: https://github.com/aws/aws-cdk/pull/8486, and the AWS CDK's `StateMachine.grantTaskResponse` since then.
    """
    return {
        "Sid": "GoOn",
        "Effect": "Allow",
        "Action": ["states:SendTaskSuccess", "states:StartExecution"],
        "Resource": scope.arns.machine_arn,
    }


def _dead_letters(app_function: AppFunction, arns: ResourceArns) -> Statement:
    return {
        "Sid": "KeepWhatFailed",
        "Effect": "Allow",
        "Action": "sqs:SendMessage",
        "Resource": arns.dead_letters_arn(app_function),
    }


def _taking_back(scope: AppScope) -> Statement:
    """Take assignments away and see that they are gone, of every set of the instance and in every account.

    A set or an account may leave the stack file while access is open, and what nobody recorded may be anywhere.
    """
    return {
        "Sid": "TakeBackAssignments",
        "Effect": "Allow",
        "Action": ["sso:DeleteAccountAssignment", "sso:ListAccountAssignments"],
        "Resource": [scope.policy.settings.instance_arn, _every_set(scope), _every_account(scope)],
    }


def _progress(scope: AppScope, *actions: str) -> Statement:
    return {
        "Sid": "SeeProgress",
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": scope.policy.settings.instance_arn,
    }


def _management_account(scope: AppScope, concerned: bool) -> list[Statement]:
    """Return what Identity Center asks of the caller for the management account, whose roles it makes in their name.

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


def _sessions(scope: AppScope) -> list[Statement]:
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


# --- what the policy names -------------------------------------------------------------------------------------------


def _sets(scope: AppScope) -> list[str]:
    return sorted(one.arn for one in scope.policy.sets.values())


def _every_set(scope: AppScope) -> str:
    instance = scope.policy.settings.instance_arn.rpartition("/")[2]
    return f"arn:{scope.arns.partition}:sso:::permissionSet/{instance}/*"


def _accounts(scope: AppScope) -> list[str]:
    return sorted({account for rule in scope.policy.rules for account in rule.accounts})


def _account_arns(scope: AppScope) -> list[str]:
    return [f"arn:{scope.arns.partition}:sso:::account/{account}" for account in _few(_accounts(scope))]


def _every_account(scope: AppScope) -> str:
    return f"arn:{scope.arns.partition}:sso:::account/*"


def _few(names: list[str]) -> list[str]:
    return names if len(names) <= MAX_NAMED else ["*"]


def _principals(policy: ApprovalPolicy) -> Iterable[Principal]:
    for rule in policy.rules:
        yield from (*rule.requesters, *rule.approvers, *rule.mention, *rule.escalate)
    for deny in policy.denies:
        yield from deny.principals
    yield from policy.security


def _document(*statements: Statement) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}
