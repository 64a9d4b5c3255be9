"""The table of AWS managed policies, against the policies' documents (AWS's, as moto ships them).

It does not cover policies that AWS published or changed later.
"""

import json

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from breakglass.iam.documents import statements_of
from breakglass.iam.lint import managed_policy_risks, statement_risks
from breakglass.iam.managed_policies import MANAGED_POLICIES
from breakglass.vocabulary import RiskAcknowledgement

# Policies of service-linked roles can't be in a permission set.
POLICIES = {
    name: policy["Document"]
    for name, policy in json.loads(aws_managed_policies_data).items()
    if policy["Path"] != "/aws-service-role/"
}


def _risks_of_document(name: str) -> set[RiskAcknowledgement]:
    allows = [statement for statement in statements_of(POLICIES[name]) if statement["Effect"] == "Allow"]
    return {risk for statement in allows for risk in statement_risks(statement)}


def test_table_has_the_risks_of_every_policy_document() -> None:
    wrong = {
        name: (sorted(managed_policy_risks(name)), sorted(_risks_of_document(name)))
        for name in POLICIES
        if managed_policy_risks(name) != _risks_of_document(name)
    }
    assert wrong == {}, "policy: (in breakglass/iam/managed_policies.py, in AWS's document)"


def test_table_names_only_existing_policies() -> None:
    assert frozenset[str]().union(*MANAGED_POLICIES.values()) <= POLICIES.keys()


@pytest.mark.parametrize(
    ("name", "risks"),
    [
        ("AdministratorAccess", set(RiskAcknowledgement)),
        ("PowerUserAccess", set(RiskAcknowledgement)),
        ("IAMFullAccess", {RiskAcknowledgement.iam}),
        ("AWSOrganizationsFullAccess", {RiskAcknowledgement.organizations, RiskAcknowledgement.account}),
        ("AWSSSODirectoryAdministrator", {RiskAcknowledgement.sso}),
        ("AWSSSOMasterAccountAdministrator", {RiskAcknowledgement.sso, RiskAcknowledgement.organizations}),
        ("AWSCloudTrail_FullAccess", {RiskAcknowledgement.stop_cloudtrail}),
        ("AmazonEventBridgeFullAccess", {RiskAcknowledgement.alert_path}),
        ("SecretsManagerReadWrite", {RiskAcknowledgement.alert_path, RiskAcknowledgement.code}),
        ("AWSLambda_FullAccess", {RiskAcknowledgement.approvals, RiskAcknowledgement.code}),
        ("AWSCloudFormationFullAccess", {RiskAcknowledgement.organizations, RiskAcknowledgement.code}),
        (
            "AWSManagedAccountUserEntitlementAccess",
            {RiskAcknowledgement.access, RiskAcknowledgement.sso},
        ),
        ("AmazonSQSFullAccess", {RiskAcknowledgement.alert_path}),
        ("AmazonRDSReadOnlyAccess", set()),
        ("ReadOnlyAccess", set()),
        ("SecurityAudit", set()),
        ("ViewOnlyAccess", set()),
        ("NoSuchPolicy", set()),
    ],
)
def test_risks_of_well_known_policies(name: str, risks: set[RiskAcknowledgement]) -> None:
    assert managed_policy_risks(name) == risks
