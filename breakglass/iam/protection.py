"""The Deny statements of every break-glass set: away from the alarm, from the approvals, and from a way around both.

Three kinds, and what lifts each:

* `Protect…` keeps a session away from the alert path, the approvals and CloudTrail. Only `protectAlertPath: false`
  lifts it, for all sets.
* `NotAcknowledged` withholds powers that lead around the limits of the set (`WITHHELD`). It also binds a set with
  administrator access, and what the lint can't read: customer managed policies, and AWS managed policies as AWS changes
  them. A set gets a power back by its own name in `acknowledge`; `protectAlertPath: false` gives all sets all of them.
* `NoLocalLogin` withholds `aws login`. Only `allowLocalLogin: true` lifts it.

Source: the Service Authorization Reference for which action takes which resource
(https://docs.aws.amazon.com/service-authorization/latest/reference/). A test compares all of it with that reference.

Non-goals: sets and roles that this package does not make, and identities that a session can become or create: the lint
looks for those (`breakglass.iam.lint`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from breakglass.iam.documents import Statement
from breakglass.naming import ALERT_PATH_PREFIX, PROTECTED_TAG, VENDED_LOGS_PREFIX
from breakglass.vocabulary import RiskAcknowledgement

_READING: Mapping[str, tuple[str, ...]] = {
    "apigateway": ("GET",),
    "cloudwatch": ("Describe*", "Get*", "List*"),
    "dynamodb": ("Describe*", "List*"),
    # Sending to the default bus is how a drill is made. A replay sends again what a broken consumer has missed.
    "events": ("Describe*", "List*", "Put*Events", "StartReplay"),
    "iam": ("Get*", "List*"),
    # The key may be that of a database, too: it can be used, and not be changed.
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
"""Actions that stop, narrow or hand over CloudTrail's records. A second trail takes nothing from the first."""

UNSCOPED = ("events:PutPermission", "events:RemovePermission", "sns:SetSubscriptionAttributes", "sns:Unsubscribe")
"""Actions on the alert path that have no resource type, so that a policy can only deny them everywhere."""

LOCAL_LOGIN = ("signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token")
"""Both actions that `aws login` needs. The reference calls them reading."""

WITHHELD: Mapping[RiskAcknowledgement, tuple[str, ...]] = {
    # Credentials that outlive the session, and what lets others in. A leaked key can still be deactivated and deleted.
    RiskAcknowledgement.iam: (
        "cognito-identity:SetIdentityPoolRoles",
        "iam:AcceptDelegation*",
        "iam:AssociateDelegation*",
        "iam:CreateAccessKey",
        "iam:CreateDelegation*",
        "iam:CreateLoginProfile",
        "iam:CreateServiceSpecific*",
        "iam:CreateVirtualMFADevice",
        "iam:DeactivateMFADevice",
        "iam:DeleteVirtualMFADevice",
        "iam:DisableOrganizationsRoot*",
        "iam:EnableMFADevice",
        "iam:EnableO*",
        "iam:ResetServiceSpecific*",
        "iam:SendDelegationToken",
        "iam:UpdateAccountEmailAddress",
        "iam:UpdateLoginProfile",
        "iam:UpdateServiceSpecific*",
        "iam:UploadSSHPublicKey",
        "iam:UploadSigningCertificate",
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
        "cloudformation:ActivateOrganizationsAccess",
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
    # Which root sessions there may be is set in IAM, above.
    RiskAcknowledgement.root: ("sts:AssumeRoot",),
    RiskAcknowledgement.access: ("account-access:Create*", "account-access:Delete*"),
    RiskAcknowledgement.account: (
        "account:AcceptPrimaryEmailUpdate",
        "account:CloseAccount",
        "account:DisableRegion",
        "account:EnableRegion",
        "account:StartPrimaryEmailUpdate",
    ),
}
"""Powers that a break-glass set has only if `acknowledge` names them, whatever its policies allow.

Where a service has nothing but such actions, all but its reading ones are here by the shortest beginnings that don't
take in a reading one.
"""


def alert_path_arns(partition: str) -> tuple[str, ...]:
    """Return the ARN patterns of every resource of the alert path and the approvals, in whatever account and region.

    Every such resource has the prefix in its name, but for the default event bus, on which the rules are. The copy of
    the token which EventBridge keeps in Secrets Manager is called after the connection. What AWS names by an id of its
    own (an API, a service control policy) is not here.
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
    partition: str, *, secret_names: Iterable[str] = (), key_arns: Iterable[str] = (), buckets: Iterable[str] = ()
) -> tuple[str, ...]:
    """Return the ARN patterns of what a stack uses and the prefix does not cover.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        secret_names: Names of secrets; those with the prefix are left out. Secrets Manager adds a hyphen and six
            characters to a name.
        key_arns: ARNs of KMS keys.
        buckets: Names of S3 buckets.
    """
    unprefixed = sorted({name for name in secret_names if not name.startswith(ALERT_PATH_PREFIX)})
    return (
        *sorted(set(key_arns)),
        *(f"arn:{partition}:s3:::{name}{objects}" for name in buckets for objects in ("", "/*")),
        *(f"arn:{partition}:secretsmanager:*:*:secret:{name}-??????" for name in unprefixed),
    )


PLACEHOLDER_API_ID = "0000000000"
"""As long as the ID that API Gateway gives an API, for the size of a policy before the API is there."""


def api_arn(partition: str, region: str, api_id: str) -> str:
    """Return the ARN pattern of an HTTP API and of everything below it."""
    return f"arn:{partition}:apigateway:{region}::/apis/{api_id}*"


def protect_alert_path(partition: str, own: Sequence[str] = ()) -> tuple[Statement, ...]:
    """Return the Deny statements that keep a break-glass session from its alarm, and from deciding on its own approval.

    * On protected resources everything is denied but reading: to list what is harmful would miss tomorrow's actions,
      and today's are many and indirect. `events:EnableRule` resets a rule's state to one without read-only events;
      `cloudwatch:PutAlarmMuteRule` needs the permission on every alarm it mutes; `secretsmanager:GetSecretValue` gives
      the token which deletes the message in Slack; `events:UpdateEventBus` gives the bus a key that can be disabled.
      The records and the history of an execution hold the tokens by which an approval is told, so they are not to be
      read either. `sts:*` stays, for a role of the organisation's own whose name happens to begin with the prefix.
    * An HTTP API is known by its ID where this stack makes it (`api_arn` in `own`). One of another stack is known by a
      condition on its name, which its routes and integrations don't have (nor do they inherit its tags, API Gateway
      Developer Guide, "API Gateway resources that can be tagged").
    * The service control policy that ends sessions is known by its tag.
    * CloudTrail may not be stopped, deleted or changed, whatever the trail is called: no record, no alert.
    * A subscription and the permissions of a bus can't be named in a policy (the services know no resource type for
      these actions), so none may be changed.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        own: ARN patterns of what the prefix does not cover (see `own_arns`, `api_arn`).
    """
    resources = [*alert_path_arns(partition), *own]
    services = sorted({arn.split(":")[2] for arn in resources})
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
        {"Sid": "ProtectCloudTrail", "Effect": "Deny", "Action": list(CLOUDTRAIL), "Resource": "*"},
        {"Sid": "ProtectUnscoped", "Effect": "Deny", "Action": list(UNSCOPED), "Resource": "*"},
    )


def deny_statements(
    partition: str,
    *,
    protect: bool = True,
    acknowledged: Collection[RiskAcknowledgement] = (),
    local_login: bool = False,
    own: Sequence[str] = (),
) -> tuple[Statement, ...]:
    """Return every Deny statement of one break-glass set.

    Args:
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        protect: `protectAlertPath`.
        acknowledged: The risks that the set is meant to have.
        local_login: `allowLocalLogin`.
        own: ARN patterns of what the prefix does not cover (see `own_arns`, `api_arn`).
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
