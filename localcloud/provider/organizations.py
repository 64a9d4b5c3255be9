"""Organizations: the organization and its accounts, policies and what they are attached to. It has no regions.

The emulator stores policies and does not enforce them.

API: https://docs.aws.amazon.com/organizations/latest/APIReference/
"""

from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import LocalAws
from localcloud.provider.resource import TAGS, Property, ProviderFunction, ResourceType, as_document, declare
from localcloud.provider.values import Properties, from_aws


class GetOrganization(ProviderFunction):
    """The organization that the account belongs to, its accounts and roots."""

    tok = "aws:organizations/getOrganization:getOrganization"
    arguments = declare()

    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        """DescribeOrganization, ListAccounts and ListRoots."""
        organization = aws.call("organizations", "DescribeOrganization")["Organization"]
        accounts = [_account(item) for item in aws.pages("organizations", "ListAccounts", "Accounts")]
        master = organization["MasterAccountId"]
        roots: list[dict[str, Any]] = aws.pages("organizations", "ListRoots", "Roots")
        return {
            **from_aws(organization, "id", "arn", "featureSet", "masterAccountArn", "masterAccountEmail"),
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
        **from_aws(answer, "id", "arn", "name", "email", "status", "state", "joinedMethod"),
        "joinedTimestamp": answer["JoinedTimestamp"].isoformat(),
    }


def _root(answer: dict[str, Any]) -> Properties:
    return {
        **from_aws(answer, "id", "arn", "name"),
        "policyTypes": [from_aws(policy, "type", "status") for policy in answer["PolicyTypes"]],
    }


class Policy(ResourceType):
    """A policy of the organization, for example a service control policy."""

    tok = "aws:organizations/policy:Policy"
    regional = False
    properties = declare(
        name=Property(autoname=128),
        content=Property(required=True, compare=as_document),
        type=Property(replaces=True, default="SERVICE_CONTROL_POLICY"),
        description=Property(),
        tags=TAGS,
    )
    computed = ("arn", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreatePolicy, which wants a description, if only an empty one."""
        named = {"Type": inputs["type"], "Tags": tags.as_list(inputs)}
        return aws.call("organizations", "CreatePolicy", **named, **_policy(inputs))["Policy"]["PolicySummary"]["Id"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        policy = aws.call("organizations", "DescribePolicy", PolicyId=resource_id)["Policy"]
        summary = policy["PolicySummary"]
        return {
            **from_aws(summary, "name", "type", "description", "arn"),
            "content": policy["Content"],
            **tags.as_properties(aws.pages("organizations", "ListTagsForResource", "Tags", ResourceId=resource_id)),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdatePolicy keeps what isn't sent; like pulumi-aws, nothing is that hasn't changed. Tags have own calls."""
        before, after = _policy(old), _policy(new)
        changed = {name: value for name, value in after.items() if value != before[name]}
        if changed:
            aws.call("organizations", "UpdatePolicy", PolicyId=resource_id, **changed)
        tags.write(aws, "organizations", old, new, ResourceId=resource_id)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeletePolicy, which AWS refuses while the policy is attached."""
        aws.call("organizations", "DeletePolicy", PolicyId=resource_id)


def _policy(inputs: Properties) -> dict[str, Any]:
    return {"Name": inputs["name"], "Content": inputs["content"], "Description": inputs.get("description", "")}


class PolicyAttachment(ResourceType):
    """A policy on an account, organizational unit or root."""

    tok = "aws:organizations/policyAttachment:PolicyAttachment"
    regional = False
    properties = declare(
        policyId=Property(required=True, replaces=True),
        targetId=Property(required=True, replaces=True),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """AttachPolicy; the id is target and policy, as in pulumi-aws."""
        aws.call("organizations", "AttachPolicy", PolicyId=inputs["policyId"], TargetId=inputs["targetId"])
        return f"{inputs['targetId']}:{inputs['policyId']}"

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        targets = aws.pages("organizations", "ListTargetsForPolicy", "Targets", PolicyId=state["policyId"])
        return {} if state["targetId"] in [target["TargetId"] for target in targets] else None

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("organizations", "DetachPolicy", PolicyId=state["policyId"], TargetId=state["targetId"])


RESOURCE_TYPES = (Policy(), PolicyAttachment())
FUNCTIONS = (GetOrganization(),)
