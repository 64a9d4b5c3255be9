"""The checks of the approvals: functions, the table, and permission sets that were never tried."""

from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.domain.grant_lifecycle import GrantEvent
from breakglass.app.domain.policy import to_json
from breakglass.app.domain.records import SYSTEM, AuditEntry
from breakglass.cli.deployment import Deployment
from breakglass.cli.doctor.approvals import APPROVALS, FUNCTIONS, PROVISIONING, TABLE, TABLE_TYPE
from breakglass.cli.doctor.check import Check
from breakglass.cli.doctor.metrics import FUNCTION_TYPE
from breakglass.errors import InvalidArgumentError
from tests.app.domain.policies import PRODUCTION, RDS, STAGING, policy
from tests.app.doubles.clock import NOW
from tests.app.doubles.store import MemoryStore
from tests.unit.cli.doctor.doubles import MemoryAws, deployment, examine, refused, resource, sources

FUNCTION = resource(
    FUNCTION_TYPE,
    "receiver",
    codeSha256="abc=",
    handler="app.handler",
    role="arn:role",
    environment={"variables": {"TABLE": "records"}},
)
RUNS = {
    "State": "Active",
    "LastUpdateStatus": "Successful",
    "CodeSha256": "abc=",
    "Handler": "app.handler",
    "Role": "arn:role",
    "Environment": {"Variables": {"TABLE": "records"}},
    "LastModified": "2026-11-30T08:00:00.000+0000",
}
DEPLOYED = replace(FUNCTION, outputs={**FUNCTION.outputs, "lastModified": RUNS["LastModified"]})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (RUNS, []),
        ({**RUNS, "State": "Inactive"}, []),
        (refused("ResourceNotFoundException", 404), [("fail", "The function receiver does not exist in AWS.")]),
        (
            {**RUNS, "State": "Failed", "StateReason": "No key."},
            [("fail", "The function receiver is Failed. No key.")],
        ),
        (
            {**RUNS, "LastUpdateStatus": "Failed"},
            [("fail", "The last update of the function receiver failed.")],
        ),
        (
            {**RUNS, "CodeSha256": "evil=", "Environment": {"Variables": {"TABLE": "other"}}},
            [
                (
                    "fail",
                    "The function receiver differs from the deployed one: CodeSha256, Environment. Last modified: "
                    "2026-11-30T08:00:00.000+0000.",
                )
            ],
        ),
        (
            {**RUNS, "LastModified": "2026-11-30T09:00:00.000+0000"},
            [
                (
                    "warn",
                    "The function receiver was modified at 2026-11-30T09:00:00.000+0000, after its deployment at "
                    "2026-11-30T08:00:00.000+0000.",
                )
            ],
        ),
    ],
)
def test_function_differs_from_the_deployed_one(found: Any, expected: list[tuple[str, str]]) -> None:
    aws = MemoryAws({"GetFunctionConfiguration": found})
    assert [(status, what) for status, what, _ in examine(FUNCTIONS, deployment(DEPLOYED), aws)] == expected


def described(status: str = "ACTIVE", protected: bool = True, recovery: str = "ENABLED") -> MemoryAws:
    backups = {"PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": recovery}}
    return MemoryAws(
        {
            "DescribeTable": {"Table": {"TableStatus": status, "DeletionProtectionEnabled": protected}},
            "DescribeContinuousBackups": {"ContinuousBackupsDescription": backups},
        }
    )


PROTECTED = resource(TABLE_TYPE, "records", deletionProtectionEnabled=True)
UNPROTECTED = resource(TABLE_TYPE, "records", deletionProtectionEnabled=False)


@pytest.mark.parametrize(
    ("table", "aws", "expected"),
    [
        (PROTECTED, described(), []),
        (PROTECTED, described("ARCHIVED"), [("fail", "The table records is ARCHIVED.")]),
        (
            PROTECTED,
            described(protected=False),
            [("fail", "The table records has no deletion protection, which it had when it was deployed.")],
        ),
        (
            UNPROTECTED,
            described(protected=False),
            [
                (
                    "warn",
                    "The table records has no deletion protection, as the stack file says (`protectRecords: false`).",
                )
            ],
        ),
        (
            PROTECTED,
            described(recovery="DISABLED"),
            [("fail", "The table records has no point-in-time recovery.")],
        ),
        (
            PROTECTED,
            MemoryAws({"DescribeTable": refused("ResourceNotFoundException")}),
            [("fail", "The table records does not exist in AWS.")],
        ),
    ],
)
def test_table_needs_its_protections(table: Any, aws: MemoryAws, expected: list[tuple[str, str]]) -> None:
    assert [(status, what) for status, what, _ in examine(TABLE, deployment(table), aws)] == expected


# --- permission sets --------------------------------------------------------------------------------------------------

APPROVED = deployment(approvalPolicy=to_json(policy()), approvalTable="records")


def granted(account: str, age: int) -> AuditEntry:
    return AuditEntry(NOW - age, "r-1", GrantEvent.granted, SYSTEM, RDS, (account,), "", "", "", "")


def provisioning(accounts: list[str], *trail: AuditEntry) -> list[tuple[str, str]]:
    store = MemoryStore()
    for entry in trail:
        store.append_audit(entry)
    aws = MemoryAws({"ListAccountsForProvisionedPermissionSet": {"AccountIds": accounts}})
    return [(status, what) for status, what, _ in examine(PROVISIONING, APPROVED, sources(aws, store=store))]


def test_set_that_was_never_provisioned_is_a_warning() -> None:
    assert provisioning([PRODUCTION, STAGING]) == []
    assert provisioning([PRODUCTION]) == [
        (
            "warn",
            f"The set {RDS} is not provisioned in {STAGING} (staging), and was not granted there in 90 days.",
        )
    ]


def test_set_that_was_granted_lately_is_proven() -> None:
    assert provisioning([PRODUCTION], granted(STAGING, 80 * 86_400)) == []
    assert len(provisioning([PRODUCTION], granted(STAGING, 91 * 86_400))) == 1
    assert len(provisioning([PRODUCTION], replace(granted(STAGING, 5), event=GrantEvent.failed))) == 1


def test_policy_of_another_version_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError):
        PROVISIONING.subjects(deployment(approvalPolicy="{}", approvalTable="records"))


@pytest.mark.parametrize("check", [check for check in APPROVALS if check in (FUNCTIONS, TABLE, PROVISIONING)])
def test_refused_call_is_unknown(check: Check[Any, Any]) -> None:
    aws = MemoryAws({check.actions[0].partition(":")[2]: refused()})
    deployed = Deployment((FUNCTION, PROTECTED), APPROVED.outputs)
    [(status, _, do)] = examine(check, deployed, aws)

    assert (status, do) == ("unknown", f"Allow {check.actions[0]} to your role: docs/runbooks/doctor.md.")
