"""`PermissionSetPair` registers exactly these permission sets, policies and assignments.

Not proven here: that Identity Center accepts and provisions them (docs/live-checks.md).
"""

import json
from typing import Any, cast

import pulumi
import pytest

from breakglass.components.permission_sets.permission_set_pair import PermissionSetPair, PermissionSetPairArgs
from breakglass.iam.protection import WITHHELD, deny_statements
from breakglass.vocabulary import RiskAcknowledgement
from tests.conftest import IDENTITY_STORE_ID, INSTANCE_ARN, REGION, Call, Deployment, deploy, refusal

COMPONENT = "breakglass:index:PermissionSetPair"
PERMISSION_SET = "aws:ssoadmin/permissionSet:PermissionSet"
MANAGED = "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment"
CUSTOMER_MANAGED = "aws:ssoadmin/customerManagedPolicyAttachment:CustomerManagedPolicyAttachment"
INLINE = "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy"
BOUNDARY = "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment"
ASSIGNMENT = "aws:ssoadmin/accountAssignment:AccountAssignment"

PREFIX = "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"
VIEW_ONLY = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
GROUP_ID = "9967712ab3-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
RESTORE = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                "rds:CreateDBInstance",
                "rds:CreateDBSnapshot",
                "rds:DeleteDBInstance",
                "rds:DeleteDBSnapshot",
                "rds:ModifyDBInstance",
                "rds:RestoreDBInstanceFromDBSnapshot",
            ],
            "Resource": "*",
        }
    ],
}
TAGS = {"team": "platform"}

# The example that the product began with.
ARGS: PermissionSetPairArgs = {
    "region": REGION,
    "instance_arn": INSTANCE_ARN,
    "identity_store_id": IDENTITY_STORE_ID,
    "name": "devops",
    "everyday": {"description": "Look", "session_duration": "PT8H", "managed_policies": [READ_ONLY, VIEW_ONLY]},
    "break_glass": {"managed_policies": [READ_ONLY], "inline_policy": RESTORE},
    "assignments": [{"group": "database-oncall", "accounts": ["222222222222"]}],
    "tags": TAGS,
}


def program(args: PermissionSetPairArgs) -> dict[str, pulumi.Output[Any]]:
    pair = PermissionSetPair("devops", args)
    return {
        "everyday_arn": pair.everyday_arn,
        "break_glass_arn": pair.break_glass_arn,
        "assignment_ids": pair.assignment_ids,
        "break_glass_group_ids": pair.break_glass_group_ids,
    }


def pair(**more: Any) -> Deployment:
    return deploy(lambda: program(cast(PermissionSetPairArgs, {**ARGS, **more})))


SETS = {
    (COMPONENT, "devops"),
    (PERMISSION_SET, "devops-everyday"),
    (PERMISSION_SET, "devops-break-glass"),
}


def test_inventory() -> None:
    assert pair().inventory() == {
        *SETS,
        (MANAGED, "devops-everyday-AmazonRDSReadOnlyAccess"),
        (MANAGED, "devops-everyday-job-function/ViewOnlyAccess"),
        (MANAGED, "devops-break-glass-AmazonRDSReadOnlyAccess"),
        (INLINE, "devops-break-glass-inline"),
        (ASSIGNMENT, "devops-everyday-group:database-oncall-222222222222"),
        (ASSIGNMENT, "devops-break-glass-group:database-oncall-222222222222"),
    }


def test_minimal_pair() -> None:
    least = {"allow_local_login": True}
    deployment = pair(everyday={}, break_glass=least, assignments=[], protect_alert_path=False)

    assert deployment.inventory() == SETS
    assert deployment.calls == []


def test_outputs() -> None:
    assert pair().outputs == {
        "everyday_arn": f"{PREFIX}devops",
        "break_glass_arn": f"{PREFIX}devops-break-glass",
        "assignment_ids": [
            "devops-everyday-group:database-oncall-222222222222-id",
            "devops-break-glass-group:database-oncall-222222222222-id",
        ],
        "break_glass_group_ids": {"database-oncall": "id-of-group-database-oncall"},
    }


def test_group_ids_are_of_groups_with_the_break_glass_set() -> None:
    assignments = [
        {"group": "readers", "accounts": ["222222222222"], "sets": ["everyday"]},
        {"user": "ada", "accounts": ["222222222222"]},
        {"group_id": GROUP_ID, "accounts": ["222222222222"]},
        {"group": "database-oncall", "accounts": ["222222222222"], "sets": ["breakGlass"]},
    ]

    assert pair(assignments=assignments).outputs["break_glass_group_ids"] == {
        GROUP_ID: GROUP_ID,
        "database-oncall": "id-of-group-database-oncall",
    }


def test_permission_set_inputs() -> None:
    relay_state = "https://eu-central-1.console.aws.amazon.com/rds/home"

    deployment = pair(break_glass={"name": "devops-bg", "relay_state": relay_state})

    assert deployment.get(PERMISSION_SET, "devops-everyday").inputs == {
        "name": "devops",
        "description": "Look",
        "sessionDuration": "PT8H",
        "instanceArn": INSTANCE_ARN,
        "region": REGION,
        "tags": TAGS,
    }
    assert deployment.get(PERMISSION_SET, "devops-break-glass").inputs == {
        "name": "devops-bg",
        "sessionDuration": "PT1H",
        "relayState": relay_state,
        "instanceArn": INSTANCE_ARN,
        "region": REGION,
        "tags": TAGS,
    }


def test_every_kind_of_policy() -> None:
    policies = {
        "managed_policies": [READ_ONLY],
        "customer_managed_policies": [{"name": "restore", "path": "/emergency/"}, {"name": "look"}],
        "inline_policy": RESTORE,
        "permissions_boundary": {"customer_managed_policy": {"name": "boundary"}},
    }

    deployment = pair(everyday=policies, assignments=[])

    common = {"permissionSetArn": f"{PREFIX}devops", "instanceArn": INSTANCE_ARN, "region": REGION}
    managed = deployment.get(MANAGED, "devops-everyday-AmazonRDSReadOnlyAccess").inputs
    assert managed == {**common, "managedPolicyArn": READ_ONLY}
    restore = deployment.get(CUSTOMER_MANAGED, "devops-everyday-/emergency/restore").inputs
    assert restore == {**common, "customerManagedPolicyReference": {"name": "restore", "path": "/emergency/"}}
    look = deployment.get(CUSTOMER_MANAGED, "devops-everyday-/look").inputs
    assert look == {**common, "customerManagedPolicyReference": {"name": "look", "path": "/"}}
    inline = dict(deployment.get(INLINE, "devops-everyday-inline").inputs)
    assert json.loads(inline.pop("inlinePolicy")) == RESTORE
    assert inline == common
    assert deployment.get(BOUNDARY, "devops-everyday-boundary").inputs == {
        **common,
        "permissionsBoundary": {"customerManagedPolicyReference": {"name": "boundary", "path": "/"}},
    }


def test_managed_permissions_boundary() -> None:
    deployment = pair(everyday={"permissions_boundary": {"managed_policy_arn": READ_ONLY}})

    boundary = deployment.get(BOUNDARY, "devops-everyday-boundary").inputs
    assert boundary["permissionsBoundary"] == {"managedPolicyArn": READ_ONLY}


# tests/unit/iam/test_protection.py shows their content.
DENIALS = list(deny_statements("aws"))


def inline_policy(deployment: Deployment) -> dict[str, Any]:
    return json.loads(deployment.get(INLINE, "devops-break-glass-inline").inputs["inlinePolicy"])


def denied(deployment: Deployment, sid: str) -> dict[str, Any]:
    return next(each for each in inline_policy(deployment)["Statement"] if each.get("Sid") == sid)


def test_break_glass_set_is_denied_the_alert_path() -> None:
    assert inline_policy(pair()) == {"Version": "2012-10-17", "Statement": [*RESTORE["Statement"], *DENIALS]}


def test_protection_needs_no_policy_of_the_user() -> None:
    deployment = pair(break_glass={})

    assert inline_policy(deployment) == {"Version": "2012-10-17", "Statement": DENIALS}


def test_protection_can_be_omitted() -> None:
    (local_login,) = deny_statements("aws", protect=False)
    assert inline_policy(pair(protect_alert_path=False))["Statement"] == [*RESTORE["Statement"], local_login]


def test_local_login_is_denied_by_default() -> None:
    allowed = {**ARGS["break_glass"], "allow_local_login": True}

    assert denied(pair(), "NoLocalLogin")["Action"] == ["signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"]
    assert inline_policy(pair(break_glass=allowed, protect_alert_path=False)) == RESTORE


def test_acknowledged_power_is_not_denied() -> None:
    administrator = {"managed_policies": [ADMINISTRATOR], "acknowledge": ["administrator-access"]}
    of_organizations = {**administrator, "acknowledge": ["administrator-access", "organizations"]}

    before = denied(pair(break_glass=administrator), "NotAcknowledged")["Action"]
    after = denied(pair(break_glass=of_organizations), "NotAcknowledged")["Action"]
    assert {"organizations:A*", "sso:C*", "sts:AssumeRoot"} <= set(before)
    assert set(before) - set(after) == set(WITHHELD[RiskAcknowledgement.organizations])


SECRET = "arn:aws:secretsmanager:*:*:secret:slack/bot-token-??????"


def test_resources_without_prefix_are_protected() -> None:
    def with_api() -> dict[str, pulumi.Output[Any]]:
        api_id = pulumi.Output.from_input("a1b2c3d4e5")
        return program({**ARGS, "protected_arns": [SECRET], "approval_api_id": api_id})

    own = [SECRET, "arn:aws:apigateway:eu-central-1::/apis/a1b2c3d4e5*"]
    assert inline_policy(deploy(with_api))["Statement"][1:] == list(deny_statements("aws", own=own))


def test_unprotected_set_that_reads_a_secret_is_refused() -> None:
    allow = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET}
    break_glass = {"inline_policy": {"Version": "2012-10-17", "Statement": allow}}

    more: Any = {"break_glass": break_glass, "protect_alert_path": False, "protected_arns": [SECRET]}
    assert "alert-path" in refusal(lambda: program({**ARGS, **more}))


def test_everyday_set_gets_no_deny() -> None:
    deployment = pair(everyday={"inline_policy": RESTORE})

    everyday = deployment.get(INLINE, "devops-everyday-inline").inputs
    assert json.loads(everyday["inlinePolicy"]) == RESTORE


@pytest.mark.parametrize(
    ("who", "key", "kind", "principal_id", "lookup"),
    [
        ({"group": "on call"}, "group:on call", "GROUP", "id-of-group-on call", ("getGroup", "DisplayName", "on call")),
        ({"user": "mo"}, "user:mo", "USER", "id-of-user-mo", ("getUser", "UserName", "mo")),
        ({"group_id": GROUP_ID}, f"groupId:{GROUP_ID}", "GROUP", GROUP_ID, None),
        ({"user_id": GROUP_ID}, f"userId:{GROUP_ID}", "USER", GROUP_ID, None),
    ],
    ids=["group", "user", "group id", "user id"],
)
def test_principals(
    who: dict[str, str], key: str, kind: str, principal_id: str, lookup: tuple[str, str, str] | None
) -> None:
    deployment = pair(assignments=[{**who, "accounts": ["222222222222"], "sets": ["everyday"]}])

    (assignment,) = deployment.of_type(ASSIGNMENT)
    assert assignment.name == f"devops-everyday-{key}-222222222222"
    assert assignment.inputs == {
        "principalId": principal_id,
        "principalType": kind,
        "targetId": "222222222222",
        "targetType": "AWS_ACCOUNT",
        "permissionSetArn": f"{PREFIX}devops",
        "instanceArn": INSTANCE_ARN,
        "region": REGION,
    }
    calls: list[Call] = []
    if lookup is not None:
        function, path, value = lookup
        attribute = {"uniqueAttribute": {"attributePath": path, "attributeValue": value}}
        args = {"identityStoreId": IDENTITY_STORE_ID, "alternateIdentifier": attribute, "region": REGION}
        calls = [Call(f"aws:identitystore/{function}:{function}", args)]
    assert deployment.calls == calls


def test_assignment_depends_on_every_policy_of_its_set() -> None:
    policies_of_others = {"customer_managed_policies": [{"name": "look"}]}
    boundary = {"permissions_boundary": {"managed_policy_arn": READ_ONLY}}
    deployment = pair(everyday={**ARGS["everyday"], **policies_of_others, **boundary})

    for target in ("everyday", "break-glass"):
        assignment = deployment.get(ASSIGNMENT, f"devops-{target}-group:database-oncall-222222222222")
        policies = {
            each.urn
            for kind in (MANAGED, CUSTOMER_MANAGED, INLINE, BOUNDARY)
            for each in deployment.of_type(kind)
            if each.name.startswith(f"devops-{target}-")
        }
        assert policies
        assert policies <= assignment.depends_on


def test_assignment_added_first_changes_nothing_else() -> None:
    existing = [
        {"group": "database-oncall", "accounts": ["222222222222", "333333333333"]},
        {"user": "mo", "accounts": ["333333333333"], "sets": ["breakGlass"]},
    ]
    added = {"group": "network-oncall", "accounts": ["111111111111"], "sets": ["breakGlass"]}

    before = pair(assignments=existing).by_urn()
    after = pair(assignments=[added, *existing]).by_urn()

    assert {urn: after[urn] for urn in before} == before
    assert [after[urn].name for urn in after.keys() - before.keys()] == [
        "devops-break-glass-group:network-oncall-111111111111"
    ]


def test_account_added_first_changes_nothing_else() -> None:
    before = pair(assignments=[{"group": "oncall", "accounts": ["222222222222"]}]).by_urn()
    after = pair(assignments=[{"group": "oncall", "accounts": ["111111111111", "222222222222"]}]).by_urn()

    assert {urn: after[urn] for urn in before} == before


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "x" * 33}, "has at most 32"),
        ({"break_glass": {"session_duration": "PT2H"}}, "A session longer than PT1H"),
        ({"break_glass": {"name": "devops"}, "name": "devops_reader"}, "devops_reader"),
        ({"assignments": [{"group": "a", "accounts": [12345678901]}]}, "twelve digits"),
        ({"assignments": [{"group": "a", "user": "b", "accounts": ["222222222222"]}]}, "got group and user"),
        (
            {"break_glass": {"managed_policies": ["arn:aws:iam::aws:policy/AdministratorAccess"]}},
            "administrator-access",
        ),
        ({"break_glass": {"inline_policy": {"Version": "2012-10-17", "Statement": []}}}, "has no statement"),
        ({"everyday": {"inline_policy_file": "no/such/file.json"}}, "no/such/file.json"),
        ({"protected_arns": ["arn:aws:rds:*:*:db:orders"]}, "Not the ARN of a KMS key, an S3 bucket or a secret"),
    ],
    ids=[
        "long name",
        "long session",
        "ambiguous names",
        "account as a number",
        "two principals",
        "administrator",
        "empty policy",
        "missing file",
        "another service's ARN",
    ],
)
def test_wrong_args_are_refused_before_registration(wrong: Any, why: str) -> None:
    assert why in refusal(lambda: program({**ARGS, **wrong}))


def test_break_glass_name_with_everyday_prefix_passes() -> None:
    assert pair(break_glass={"name": "devops_emergency"}).outputs["break_glass_arn"] == f"{PREFIX}devops_emergency"


def test_policy_that_conflicts_with_protection_is_refused() -> None:
    statements = [{**RESTORE["Statement"][0], "Sid": "ProtectAlertPath"}]
    break_glass = {"inline_policy": {"Version": "2012-10-17", "Statement": statements}}

    assert "ProtectAlertPath" in refusal(lambda: program({**ARGS, "break_glass": break_glass}))


def test_acknowledged_risk_is_deployed() -> None:
    risks = ["administrator-access", "iam", "sso", "organizations"]

    deployment = pair(break_glass={"managed_policies": [ADMINISTRATOR], "acknowledge": risks})

    assert (MANAGED, "devops-break-glass-AdministratorAccess") in deployment.inventory()
