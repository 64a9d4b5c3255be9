"""The Deny statements of every break-glass set: they protect the alert path, the approvals, and their own limits.

Three kinds, and the key that lifts each:

* `Protect…` denies changes of the alert path, the approvals and CloudTrail. Only `protectAlertPath: false` lifts it,
  for all sets.
* `NotAcknowledged` denies powers that lead around the limits of the set (`WITHHELD`). It also binds a set with
  administrator access, customer-managed policies, which the lint can't read, and later changes of AWS managed policies.
  The power's name in `acknowledge` lifts it for one set; `protectAlertPath: false` lifts all of it for all sets.
* `NoLocalLogin` denies `aws login`. Only `allowLocalLogin: true` lifts it.

Source: the Service Authorization Reference for the resource types of each action
(https://docs.aws.amazon.com/service-authorization/latest/reference/). A test compares all actions with that reference.

Non-goals: sets and roles that this package does not create, and identities that a session can assume or create, which
the lint looks for (`breakglass.iam.lint`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from breakglass.iam.documents import Statement
from breakglass.naming import (
    ALERT_PATH_PREFIX,
    EVENTS_LOG_PREFIX,
    METRICS_NAMESPACE,
    PROTECTED_TAG,
    SPOKE_STACK_SET,
    VENDED_LOGS_PREFIX,
)
from breakglass.vocabulary import RiskAcknowledgement

_READING: Mapping[str, tuple[str, ...]] = {
    "apigateway": ("GET",),
    "cloudformation": ("Describe*", "Detect*", "Get*", "List*"),
    "cloudwatch": ("Describe*", "Get*", "List*"),
    "dynamodb": ("Describe*", "List*"),
    # PutEvents on the default bus sends a drill. A replay repeats events that a broken consumer has missed.
    "events": ("Describe*", "List*", "Put*Events", "StartReplay"),
    "iam": ("Get*", "List*"),
    # The key may be a database's, too: it can be used, and not changed.
    "kms": ("CreateGrant", "Decrypt", "Describe*", "Encrypt", "GenerateDataKey*", "Get*", "List*", "ReEncrypt*"),
    "lambda": ("Get*", "List*"),
    "logs": ("Describe*", "FilterLogEvents", "Get*", "List*", "StartQuery"),
    "s3": ("Get*", "List*"),
    "secretsmanager": ("Describe*", "List*"),
    "sns": ("Get*", "List*"),
    "sqs": ("Get*", "List*"),
    "states": ("Describe*", "List*"),
}
"""The actions that stay allowed on protected resources, by service."""

CLOUDTRAIL = (
    "cloudtrail:Delete*",
    "cloudtrail:Deregister*",
    "cloudtrail:Put*",
    "cloudtrail:Register*",
    "cloudtrail:RemoveTags",
    "cloudtrail:Stop*",
    "cloudtrail:Update*",
)
"""Actions that stop, narrow or hand over CloudTrail's records. A second trail does not change the first."""

UNSCOPED = (
    "events:PutPermission",
    "events:RemovePermission",
    "sns:SetSubscriptionAttributes",
    "sns:Unsubscribe",
    "states:RevealSecrets",
    "states:TestState",
)
"""Actions on the alert path without a resource type: an IAM policy can only deny them on all resources."""

OF_STACK_SETS = ("cloudformation:DeactivateOrganizationsAccess",)
"""Likewise: without the access of StackSets to the organization, no account that joins gets a spoke."""

LOCAL_LOGIN = ("signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token")
"""Both actions that `aws login` needs. The reference lists them as read access."""

WITHHELD: Mapping[RiskAcknowledgement, tuple[str, ...]] = {
    # Credentials that outlive the session, and access for others. Deactivating and deleting a leaked key is allowed.
    RiskAcknowledgement.iam: (
        "cognito-identity:SetI*",
        "iam:AcceptDelegation*",
        "iam:AssociateDelegation*",
        "iam:CreateAccessKey",
        "iam:CreateDelegation*",
        "iam:CreateLoginProfile",
        "iam:CreateServiceSpecific*",
        "iam:CreateV*",
        "iam:DeactivateMFADevice",
        "iam:DeleteV*",
        "iam:DisableOrganizationsRoot*",
        "iam:Enable*",
        "iam:ResetServiceSpecific*",
        "iam:SendDelegationToken",
        "iam:UpdateAccountEmailAddress",
        "iam:UpdateLoginProfile",
        "iam:UpdateServiceSpecific*",
        "iam:UploadSSHPublicKey",
        "iam:UploadSi*",
        "rolesanywhere:Create*",
        "rolesanywhere:Enable*",
        "rolesanywhere:Update*",
    ),
    RiskAcknowledgement.sso: (
        "identitystore-auth:BatchDelete*",
        "identitystore:A*",
        "identitystore:C*",
        "identitystore:Del*",
        "identitystore:R*",
        "identitystore:U*",
        "signin:CreateT*",
        "signin:Del*",
        "signin:Put*",
        "sso-directory:A*",
        "sso-directory:C*",
        "sso-directory:Del*",
        "sso-directory:Dis*",
        "sso-directory:E*",
        "sso-directory:Im*",
        "sso-directory:R*",
        "sso-directory:St*",
        "sso-directory:U*",
        "sso-directory:V*",
        "sso-oauth:CreateTokenWithIAM",
        "sso:A*",
        "sso:C*",
        "sso:Del*",
        "sso:Det*",
        "sso:Dis*",
        "sso:I*",
        "sso:P*",
        "sso:R*",
        "sso:St*",
        "sso:T*",
        "sso:U*",
    ),
    RiskAcknowledgement.organizations: (
        "cloudformation:ActivateO*",
        "cloudformation:CreateStackInstances",
        "cloudformation:CreateStackSet",
        "cloudformation:UpdateStackInstances",
        "cloudformation:UpdateStackSet",
        "controltower:C*",
        "controltower:Del*",
        "controltower:Der*",
        "controltower:Dis*",
        "controltower:E*",
        "controltower:M*",
        "controltower:R*",
        "controltower:S*",
        "controltower:U*",
        "mpa:C*",
        "mpa:D*",
        "mpa:P*",
        "mpa:Start*",
        "mpa:U*",
        "organizations:A*",
        "organizations:C*",
        "organizations:Del*",
        "organizations:Der*",
        "organizations:Det*",
        "organizations:Dis*",
        "organizations:E*",
        "organizations:I*",
        "organizations:Le*",
        "organizations:M*",
        "organizations:P*",
        "organizations:R*",
        "organizations:T*",
        "organizations:U*",
        "ram:EnableSharing*",
    ),
    # IAM, above, decides which root sessions are possible.
    RiskAcknowledgement.root: ("sts:AssumeRoot",),
    RiskAcknowledgement.access: ("account-access:Create*", "account-access:Delete*"),
    RiskAcknowledgement.account: (
        "account:AcceptP*",
        "account:CloseAccount",
        "account:DisableRegion",
        "account:EnableRegion",
        "account:StartP*",
    ),
}
"""Powers that a break-glass set has only if `acknowledge` names them.

Of a service with only such actions, all but the read-only ones are listed, by the shortest prefixes without a read-only
action. Prefixes keep the inline policy short.
"""


def alert_path_arns(partition: str) -> tuple[str, ...]:
    """Return the ARN patterns of the alert path and the approvals, in any account and region.

    The names of all these resources have the prefix, except the default event bus of the rules. EventBridge names its
    copy of the token in Secrets Manager after the connection. Resources named by an ID of AWS (an API, a service
    control policy) are not included.
    """
    prefixed = (
        "cloudwatch:*:*:alarm:",
        "cloudwatch::*:dashboard/",
        "dynamodb:*:*:table/",
        "events:*:*:api-destination/",
        "events:*:*:connection/",
        "events:*:*:rule/",
        "iam::*:role/",
        "lambda:*:*:function:",
        "logs:*:*:log-group:",
        f"logs:*:*:log-group:{VENDED_LOGS_PREFIX}",
        "secretsmanager:*:*:secret:",
        "secretsmanager:*:*:secret:events!connection/",
        "sns:*:*:",
        "sqs:*:*:",
        "states:*:*:execution:",
        "states:*:*:stateMachine:",
    )
    buses = ("events:*:*:event-bus/default", "events:*:*:event-busv2/default/*")
    return tuple(f"arn:{partition}:{each}" for each in (*(f"{each}{ALERT_PATH_PREFIX}*" for each in prefixed), *buses))


def own_arns(
    partition: str,
    *,
    secret_names: Iterable[str] = (),
    key_arns: Iterable[str] = (),
    buckets: Iterable[str] = (),
    organization: bool = False,
    witness: bool = False,
) -> tuple[str, ...]:
    """Return the ARN patterns of the stack's resources without the prefix, and of those of an organization.

    Secrets Manager adds a hyphen and six characters to the name of a secret.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        secret_names: names of secrets.
        key_arns: ARNs of KMS keys.
        buckets: names of S3 buckets.
        organization: True for a hub or a spoke. Adds the bus of the hub, its log groups, and the StackSet with the
            stack of each spoke, which is named after the StackSet.
        witness: True for a stack with a witness. Adds its log of fired events.
    """
    unprefixed = sorted({name for name in secret_names if not name.startswith(ALERT_PATH_PREFIX)})
    of_organization = (
        f"cloudformation:*:*:stack/StackSet-{SPOKE_STACK_SET}-*",
        f"cloudformation:*:*:stackset-target/{SPOKE_STACK_SET}:*",
        f"cloudformation:*:*:stackset/{SPOKE_STACK_SET}:*",
        f"events:*:*:event-bus/{ALERT_PATH_PREFIX}*",
    )
    event_logs = f"arn:{partition}:logs:*:*:log-group:{EVENTS_LOG_PREFIX}{ALERT_PATH_PREFIX}*"
    return (
        *sorted(set(key_arns)),
        *(f"arn:{partition}:s3:::{name}{objects}" for name in buckets for objects in ("", "/*")),
        *(f"arn:{partition}:secretsmanager:*:*:secret:{name}-??????" for name in unprefixed),
        *(f"arn:{partition}:{each}" for each in of_organization if organization),
        *([event_logs] if organization or witness else []),
    )


PLACEHOLDER_API_ID = "0000000000"
"""As long as an API ID of API Gateway, for the size of an IAM policy before the API exists."""


def api_arn(partition: str, region: str, api_id: str) -> str:
    """Return the ARN pattern of an HTTP API and all its parts."""
    return f"arn:{partition}:apigateway:{region}::/apis/{api_id}*"


def protect_alert_path(partition: str, own: Sequence[str] = ()) -> tuple[Statement, ...]:
    """Return the Deny statements that protect the alert path and the approvals from a break-glass session.

    * On protected resources everything but reading is denied. A list of harmful actions would miss future ones, and the
      present ones are many and indirect: `events:EnableRule` resets a rule to a state without read-only events,
      `cloudwatch:PutAlarmMuteRule` needs the permission on every alarm it mutes, `secretsmanager:GetSecretValue` reads
      the token that can delete the message in Slack, `events:UpdateEventBus` gives the bus a key that can be disabled.
      The records and the history of an execution hold the task tokens of approvals, so reading them is denied, too.
      `sts:*` is allowed, for other roles of the organization with names that begin with the prefix.
    * An HTTP API of this stack is identified by its ID (`api_arn` in `own`). An API of another stack is identified by a
      condition on its name. Its routes and integrations have no name, and they don't inherit tags (API Gateway
      Developer Guide, "API Gateway resources that can be tagged").
    * The service control policy that ends sessions is identified by its tag.
    * No trail of CloudTrail may be stopped, deleted or changed: without records there are no alerts.
    * With the StackSet of spokes in `own`, CloudFormation keeps its access to the organization.
    * Subscriptions and the permissions of a bus have no resource type in these services, so none may be changed.
    * Testing a state has no resource type either. With a role that may use the connection, it posts with the token, and
      with `states:RevealSecrets` it shows the token (Step Functions API Reference, "TestState": `revealSecrets`).
    * False data in the metrics of this package would hide a probe that has stopped.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        own: ARN patterns of the stack's resources without the prefix (see `own_arns`, `api_arn`).
    """
    resources = [*alert_path_arns(partition), *own]
    services = sorted({arn.split(":")[2] for arn in resources})
    unscoped = (*OF_STACK_SETS, *UNSCOPED) if "cloudformation" in services else UNSCOPED
    return (
        {
            "Sid": "ProtectAlertPath",
            "Effect": "Deny",
            "NotAction": [*(f"{service}:{name}" for service in services for name in _READING[service]), "sts:*"],
            "Resource": resources,
        },
        {
            "Sid": "ProtectApprovalApi",
            "Effect": "Deny",
            "NotAction": "apigateway:GET",
            "Resource": f"arn:{partition}:apigateway:*::/apis/*",
            "Condition": {"StringLike": {"apigateway:Resource/ApiName": f"{ALERT_PATH_PREFIX}*"}},
        },
        {
            "Sid": "ProtectSessionPolicy",
            "Effect": "Deny",
            "NotAction": ["organizations:Describe*", "organizations:List*"],
            "Resource": f"arn:{partition}:organizations::*:policy/*",
            "Condition": {"StringEquals": {f"aws:ResourceTag/{key}": value for key, value in PROTECTED_TAG.items()}},
        },
        {
            "Sid": "ProtectMetrics",
            "Effect": "Deny",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}},
        },
        {"Sid": "ProtectAnywhere", "Effect": "Deny", "Action": [*CLOUDTRAIL, *unscoped], "Resource": "*"},
    )


def deny_statements(
    partition: str,
    *,
    protect: bool = True,
    acknowledged: Collection[RiskAcknowledgement] = (),
    local_login: bool = False,
    own: Sequence[str] = (),
) -> tuple[Statement, ...]:
    """Return all Deny statements of one break-glass set, by the stack file's keys.

    `own` are ARN patterns of the stack's resources without the prefix (see `own_arns`, `api_arn`).
    """
    statements: list[Statement] = []
    if protect:
        statements += protect_alert_path(partition, own)
        actions = sorted(action for risk, names in WITHHELD.items() if risk not in acknowledged for action in names)
        if actions:
            statements.append({"Sid": "NotAcknowledged", "Effect": "Deny", "Action": actions, "Resource": "*"})
    if not local_login:
        statements.append({"Sid": "NoLocalLogin", "Effect": "Deny", "Action": list(LOCAL_LOGIN), "Resource": "*"})
    return tuple(statements)
