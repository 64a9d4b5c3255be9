"""The subjects of stack `local`, which the project's records are about, with made-up IDs of the deployment."""

from dataclasses import replace

from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperSubject,
    UserSubject,
    Watched,
)

MANAGEMENT = "111111111111"
OPERATOR = RoleSubject("arn:aws:iam::222222222222:role/emergency-operator")
DEPLOYER = f"arn:aws:iam::{MANAGEMENT}:role/deploy-pipeline"
PROVISIONER = f"arn:aws:iam::{MANAGEMENT}:role/breakglass-local-approvals-provisioner"
POLICY = "p-1a2b3c4d"
DOOR = RoleSubject(f"arn:aws:iam::{MANAGEMENT}:role/identity-center-is-down")

USED: tuple[Watched, ...] = (
    PermissionSetSubject("devops-break-glass"),
    PermissionSetSubject("network-break-glass"),
    PermissionSetSubject("DatabaseAdmin"),
    OPERATOR,
    DOOR,
    UserSubject("arn:aws:iam::222222222222:user/break-glass-admin"),
    RootSubject(),
)
"""The principals by which the glass is broken."""

ACCESS = AccessSubject(
    sets=(
        ("devops-break-glass", "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-1d0e5f7a2b3c4d6e"),
        ("network-break-glass", "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-2d0e5f7a2b3c4d6e"),
    ),
    roles=(OPERATOR.arn, DOOR.arn),
    actors=(PROVISIONER, DEPLOYER),
)
TAMPERING = TamperSubject(
    prefixes=("breakglass-local-",),
    trail="management-events",
    buckets=("trail",),
    policy_ids=(POLICY,),
    api_id="a1b2c3d4e5",
    deployers=(DEPLOYER,),
    functions=(PROVISIONER, f"arn:aws:iam::{MANAGEMENT}:role/breakglass-local-approvals-reconciler"),
    hub=True,
    witness=True,
)

WATCHED: tuple[Watched, ...] = (*USED, ACCESS, TAMPERING)
"""All of them."""

BY_ID: tuple[Watched, ...] = (
    replace(ACCESS, groups=(("database-oncall", "9067f5aa1e-6d5f1ab2-3c4d-4e5f-8a9b-0c1d2e3f4a5b"),)),
    replace(
        TAMPERING,
        secret_names=("slack/bot-token",),
        keys=(f"arn:aws:kms:eu-central-1:{MANAGEMENT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",),
    ),
)
"""The subjects of `tests/events/records`: resources whose IDs stack `local` lacks or gets from AWS."""
