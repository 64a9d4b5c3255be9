"""IAM: roles and their inline policies. IAM has no regions.

API: https://docs.aws.amazon.com/IAM/latest/APIReference/
"""

import json

from localcloud.provider import tags
from localcloud.provider.aws import LocalAws
from localcloud.provider.resource import TAGS, Property, ResourceType, as_document, declare
from localcloud.provider.values import Plain, Properties


class Role(ResourceType):
    tok = "aws:iam/role:Role"
    regional = False
    properties = declare(
        name=Property(replaces=True, autoname=64),
        assumeRolePolicy=Property(required=True, compare=as_document),
        description=Property(),
        tags=TAGS,
    )
    computed = ("arn", "createDate", "uniqueId", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateRole; the id is the role's name."""
        aws.call(
            "iam",
            "CreateRole",
            RoleName=inputs["name"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            Description=inputs.get("description"),
            Tags=tags.as_list(inputs),
        )
        return inputs["name"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        role = aws.call("iam", "GetRole", RoleName=resource_id)["Role"]
        return {
            "name": role["RoleName"],
            "assumeRolePolicy": _document(role["AssumeRolePolicyDocument"]),
            "description": role.get("Description"),
            "arn": role["Arn"],
            "createDate": role["CreateDate"].isoformat(),
            "uniqueId": role["RoleId"],
            **tags.as_properties(role.get("Tags", [])),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """One operation for each part of a role."""
        role = {"RoleName": resource_id}
        aws.call("iam", "UpdateAssumeRolePolicy", PolicyDocument=new["assumeRolePolicy"], **role)
        aws.call("iam", "UpdateRoleDescription", Description=new.get("description", ""), **role)
        written, removed = tags.changes(old, new)
        if removed:
            aws.call("iam", "UntagRole", TagKeys=removed, **role)
        if written:
            aws.call("iam", "TagRole", Tags=written, **role)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeleteRole; AWS refuses while the role has policies."""
        aws.call("iam", "DeleteRole", RoleName=resource_id)


class RolePolicy(ResourceType):
    tok = "aws:iam/rolePolicy:RolePolicy"
    regional = False
    properties = declare(
        role=Property(required=True, replaces=True),
        name=Property(replaces=True, autoname=128),
        policy=Property(required=True, compare=as_document),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """PutRolePolicy; the id is role and name, as in pulumi-aws."""
        self.update(aws, "", {}, inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("iam", "GetRolePolicy", RoleName=state["role"], PolicyName=state["name"])
        return {"policy": _document(answer["PolicyDocument"])}

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutRolePolicy replaces the policy."""
        policy = {"PolicyName": new["name"], "PolicyDocument": new["policy"]}
        aws.call("iam", "PutRolePolicy", RoleName=new["role"], **policy)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("iam", "DeleteRolePolicy", RoleName=state["role"], PolicyName=state["name"])


def _document(policy: Plain) -> str:
    """boto3 hands over the policies that IAM answers parsed already."""
    return policy if isinstance(policy, str) else json.dumps(policy)


RESOURCE_TYPES = (Role(), RolePolicy())
