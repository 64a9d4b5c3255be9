"""Organizations: the organisation and its accounts.

API: https://docs.aws.amazon.com/organizations/latest/APIReference/
"""

from typing import Any

from localcloud.provider.aws import Aws
from localcloud.provider.resource import Function, declare
from localcloud.provider.values import Properties


class GetOrganization(Function):
    """The organisation that the account belongs to, its accounts and roots."""

    tok = "aws:organizations/getOrganization:getOrganization"
    arguments = declare()

    def call(self, aws: Aws, arguments: Properties) -> Properties:
        """DescribeOrganization, ListAccounts and ListRoots."""
        organization = aws.call("organizations", "DescribeOrganization")["Organization"]
        accounts = [_account(item) for item in aws.pages("organizations", "ListAccounts", "Accounts")]
        master = organization["MasterAccountId"]
        roots: list[dict[str, Any]] = aws.pages("organizations", "ListRoots", "Roots")
        return {
            "id": organization["Id"],
            "arn": organization["Arn"],
            "featureSet": organization["FeatureSet"],
            "masterAccountArn": organization["MasterAccountArn"],
            "masterAccountEmail": organization["MasterAccountEmail"],
            "masterAccountId": master,
            "masterAccountName": next((account["name"] for account in accounts if account["id"] == master), None),
            "accounts": accounts,
            "nonMasterAccounts": [account for account in accounts if account["id"] != master],
            "roots": [_root(root) for root in roots],
            "awsServiceAccessPrincipals": [
                enabled["ServicePrincipal"]
                for enabled in aws.pages(
                    "organizations", "ListAWSServiceAccessForOrganization", "EnabledServicePrincipals"
                )
            ],
            "enabledPolicyTypes": [
                policy["Type"] for root in roots for policy in root["PolicyTypes"] if policy["Status"] == "ENABLED"
            ],
        }


def _account(answer: dict[str, Any]) -> Properties:
    return {
        "id": answer["Id"],
        "arn": answer["Arn"],
        "name": answer["Name"],
        "email": answer["Email"],
        "status": answer["Status"],
        "state": answer.get("State"),
        "joinedMethod": answer["JoinedMethod"],
        "joinedTimestamp": answer["JoinedTimestamp"].isoformat(),
    }


def _root(answer: dict[str, Any]) -> Properties:
    return {
        "id": answer["Id"],
        "arn": answer["Arn"],
        "name": answer["Name"],
        "policyTypes": [{"type": policy["Type"], "status": policy["Status"]} for policy in answer["PolicyTypes"]],
    }


FUNCTIONS = (GetOrganization(),)
