"""The subjects of stack `local`, which the project's records are about, with made-up IDs of the deployment."""

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
    policy_ids=("p-1a2b3c4d",),
    api_id="a1b2c3d4e5",
    deployers=(DEPLOYER,),
    functions=(PROVISIONER, f"arn:aws:iam::{MANAGEMENT}:role/breakglass-local-approvals-reconciler"),
)

WATCHED: tuple[Watched, ...] = (*USED, ACCESS, TAMPERING)
"""All of them."""
