"""IAM Identity Center: permission sets, what is attached to them, account assignments, instances.

A change of a permission set takes effect in the accounts it is assigned in only once it is provisioned again, which
pulumi-aws does after every change; so does this.

API: https://docs.aws.amazon.com/singlesignon/latest/APIReference/
"""

from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import AwsCallError, LocalAws, poll
from localcloud.provider.resource import TAGS, Property, ProviderFunction, ResourceType, as_document, declare
from localcloud.provider.values import Properties, from_aws, to_aws

_PENDING = frozenset({"IN_PROGRESS"})
_FIXED = Property(required=True, replaces=True)
_OF_SET = {"instanceArn": _FIXED, "permissionSetArn": _FIXED}


def _of_set(properties: Properties) -> dict[str, str]:
    return to_aws(properties, "instanceArn", "permissionSetArn")


def _provision(aws: LocalAws, of_set: dict[str, str]) -> None:
    """Brings a changed permission set to all accounts it is provisioned in, and waits for it."""
    key = "PermissionSetProvisioningStatus"
    begun = aws.call("sso-admin", "ProvisionPermissionSet", TargetType="ALL_PROVISIONED_ACCOUNTS", **of_set)[key]
    if begun["Status"] == "SUCCEEDED":  # moto is done at once, and has no operation to ask
        return
    request = {"InstanceArn": of_set["InstanceArn"], "ProvisionPermissionSetRequestId": begun["RequestId"]}

    def status() -> tuple[str, str]:
        current = aws.call("sso-admin", f"Describe{key}", **request)[key]
        return current["Status"], current.get("FailureReason", "")

    poll("ProvisionPermissionSet", status, "SUCCEEDED", _PENDING)


class PermissionSet(ResourceType):
    tok = "aws:ssoadmin/permissionSet:PermissionSet"
    properties = declare(
        instanceArn=_FIXED,
        name=Property(replaces=True, autoname=32),
        description=Property(),
        relayState=Property(),
        sessionDuration=Property(default="PT1H"),
        tags=TAGS,
    )
    computed = ("arn", "createdDate", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreatePermissionSet; the id is ARN and instance, as in pulumi-aws."""
        instance = inputs["instanceArn"]
        answer = aws.call(
            "sso-admin",
            "CreatePermissionSet",
            Tags=tags.as_list(inputs),
            **to_aws(inputs, "instanceArn", "name", "description", "relayState", "sessionDuration"),
        )
        return f"{answer['PermissionSet']['PermissionSetArn']},{instance}"

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        arn, instance = resource_id.split(",")
        where = {"InstanceArn": instance, "PermissionSetArn": arn}
        answer = aws.call("sso-admin", "DescribePermissionSet", **where)["PermissionSet"]
        tagged = aws.pages("sso-admin", "ListTagsForResource", "Tags", InstanceArn=instance, ResourceArn=arn)
        return {
            "instanceArn": instance,
            **from_aws(answer, "name", "description", "relayState", "sessionDuration"),
            "arn": arn,
            "createdDate": answer["CreatedDate"].isoformat(),
            **tags.as_properties(tagged),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdatePermissionSet takes off what isn't sent, so all is sent; tags have their own calls."""
        arn, instance = resource_id.split(",")
        where = {"InstanceArn": instance, "PermissionSetArn": arn}
        if any(old.get(name) != new.get(name) for name in ("description", "relayState", "sessionDuration")):
            settings = to_aws(new, "description", "relayState", "sessionDuration")
            aws.call("sso-admin", "UpdatePermissionSet", **settings, **where)
            _provision(aws, where)
        tags.write(aws, "sso-admin", old, new, InstanceArn=instance, ResourceArn=arn)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeletePermissionSet; AWS refuses while it is assigned."""
        arn, instance = resource_id.split(",")
        aws.call("sso-admin", "DeletePermissionSet", InstanceArn=instance, PermissionSetArn=arn)


class ManagedPolicyAttachment(ResourceType):
    tok = "aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment"
    properties = declare(**_OF_SET, managedPolicyArn=_FIXED)
    computed = ("managedPolicyName",)

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        arn = inputs["managedPolicyArn"]
        aws.call("sso-admin", "AttachManagedPolicyToPermissionSet", ManagedPolicyArn=arn, **_of_set(inputs))
        return f"{arn},{inputs['permissionSetArn']},{inputs['instanceArn']}"

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        _provision(aws, _of_set(inputs))

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """Looks for the policy among those of the set."""
        attached = aws.pages(
            "sso-admin", "ListManagedPoliciesInPermissionSet", "AttachedManagedPolicies", **_of_set(state)
        )
        for policy in attached:
            if policy["Arn"] == state["managedPolicyArn"]:
                return {"managedPolicyName": policy["Name"]}
        return None

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        arn = state["managedPolicyArn"]
        aws.call("sso-admin", "DetachManagedPolicyFromPermissionSet", ManagedPolicyArn=arn, **_of_set(state))
        _provision(aws, _of_set(state))


class CustomerManagedPolicyAttachment(ResourceType):
    """A policy of the accounts' own, referred to by name, on a permission set."""

    tok = "aws:ssoadmin/customerManagedPolicyAttachment:CustomerManagedPolicyAttachment"
    properties = declare(
        **_OF_SET,
        customerManagedPolicyReference=Property(
            required=True, replaces=True, fields={"name": Property(required=True), "path": Property(default="/")}
        ),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        operation = "AttachCustomerManagedPolicyReferenceToPermissionSet"
        reference = _reference(inputs["customerManagedPolicyReference"])
        aws.call("sso-admin", operation, CustomerManagedPolicyReference=reference, **_of_set(inputs))
        return f"{reference['Name']},{reference['Path']},{inputs['permissionSetArn']},{inputs['instanceArn']}"

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        _provision(aws, _of_set(inputs))

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """Looks for the reference among those of the set; there is nothing more to tell about it."""
        attached = aws.pages(
            "sso-admin",
            "ListCustomerManagedPolicyReferencesInPermissionSet",
            "CustomerManagedPolicyReferences",
            **_of_set(state),
        )
        wanted = _reference(state["customerManagedPolicyReference"])
        return {} if any({"Path": "/", **item} == wanted for item in attached) else None

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        operation = "DetachCustomerManagedPolicyReferenceFromPermissionSet"
        reference = _reference(state["customerManagedPolicyReference"])
        aws.call("sso-admin", operation, CustomerManagedPolicyReference=reference, **_of_set(state))
        _provision(aws, _of_set(state))


def _reference(value: Properties) -> dict[str, str]:
    return {"Name": value["name"], "Path": value["path"]}


class PermissionSetInlinePolicy(ResourceType):
    """The inline policy of a permission set: a set has one."""

    tok = "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy"
    properties = declare(**_OF_SET, inlinePolicy=Property(required=True, compare=as_document))

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        self.update(aws, "", {}, inputs)
        return f"{inputs['permissionSetArn']},{inputs['instanceArn']}"

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        _provision(aws, _of_set(inputs))

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """GetInlinePolicyForPermissionSet answers an empty text if the set has no policy."""
        policy = aws.call("sso-admin", "GetInlinePolicyForPermissionSet", **_of_set(state)).get("InlinePolicy")
        return {"inlinePolicy": policy} if policy else None

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """PutInlinePolicyToPermissionSet replaces the policy."""
        aws.call("sso-admin", "PutInlinePolicyToPermissionSet", InlinePolicy=new["inlinePolicy"], **_of_set(new))

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("sso-admin", "DeleteInlinePolicyFromPermissionSet", **_of_set(state))
        _provision(aws, _of_set(state))


class PermissionsBoundaryAttachment(ResourceType):
    tok = "aws:ssoadmin/permissionsBoundaryAttachment:PermissionsBoundaryAttachment"
    properties = declare(
        **_OF_SET,
        permissionsBoundary=Property(
            required=True,
            replaces=True,
            fields={
                "managedPolicyArn": Property(),
                "customerManagedPolicyReference": Property(
                    fields={"name": Property(required=True), "path": Property(default="/")}
                ),
            },
        ),
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        boundary = inputs["permissionsBoundary"]
        given: dict[str, Any] = {}
        if "managedPolicyArn" in boundary:
            given["ManagedPolicyArn"] = boundary["managedPolicyArn"]
        if "customerManagedPolicyReference" in boundary:
            given["CustomerManagedPolicyReference"] = _reference(boundary["customerManagedPolicyReference"])
        operation = "PutPermissionsBoundaryToPermissionSet"
        aws.call("sso-admin", operation, PermissionsBoundary=given, **_of_set(inputs))
        return f"{inputs['permissionSetArn']},{inputs['instanceArn']}"

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        _provision(aws, _of_set(inputs))

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        answer = aws.call("sso-admin", "GetPermissionsBoundaryForPermissionSet", **_of_set(state))
        boundary = answer["PermissionsBoundary"]
        reference = boundary.get("CustomerManagedPolicyReference")
        return {
            "permissionsBoundary": {
                "managedPolicyArn": boundary.get("ManagedPolicyArn"),
                "customerManagedPolicyReference": reference
                and {"name": reference["Name"], "path": reference.get("Path", "/")},
            }
        }

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        aws.call("sso-admin", "DeletePermissionsBoundaryFromPermissionSet", **_of_set(state))
        _provision(aws, _of_set(state))


class AccountAssignment(ResourceType):
    tok = "aws:ssoadmin/accountAssignment:AccountAssignment"
    properties = declare(
        **_OF_SET,
        principalId=_FIXED,
        principalType=_FIXED,
        targetId=_FIXED,
        targetType=_FIXED,
    )

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateAccountAssignment, polled to its end; an assignment that exists is refused, as pulumi-aws does."""
        if self.read(aws, "", inputs) is not None:
            reason = f"{inputs['principalType']} {inputs['principalId']} has it in {inputs['targetId']} already"
            raise AwsCallError("CreateAccountAssignment", "already exists", reason)
        _assign(aws, "Creation", "CreateAccountAssignment", inputs)
        parts = ("principalId", "principalType", "targetId", "targetType", "permissionSetArn", "instanceArn")
        return ",".join(inputs[part] for part in parts)

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        """Looks for the principal among those assigned; there is nothing more to tell about an assignment."""
        assigned = aws.pages(
            "sso-admin", "ListAccountAssignments", "AccountAssignments", AccountId=state["targetId"], **_of_set(state)
        )
        principal = (state["principalType"], state["principalId"])
        return {} if any((item["PrincipalType"], item["PrincipalId"]) == principal for item in assigned) else None

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        _assign(aws, "Deletion", "DeleteAccountAssignment", state)


def _assign(aws: LocalAws, kind: str, operation: str, properties: Properties) -> None:
    instance, key = properties["instanceArn"], f"AccountAssignment{kind}Status"
    answer = aws.call(
        "sso-admin",
        operation,
        **to_aws(properties, "principalId", "principalType", "targetId", "targetType"),
        **_of_set(properties),
    )
    request = {"InstanceArn": instance, f"AccountAssignment{kind}RequestId": answer[key]["RequestId"]}

    def status() -> tuple[str, str]:
        current = aws.call("sso-admin", f"Describe{key}", **request)[key]
        return current["Status"], current.get("FailureReason", "")

    poll(operation, status, "SUCCEEDED", _PENDING)


class GetInstances(ProviderFunction):
    """The Identity Center instances that the account sees."""

    tok = "aws:ssoadmin/getInstances:getInstances"
    arguments = declare()

    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        instances = aws.pages("sso-admin", "ListInstances", "Instances")
        return {
            "id": aws.region,
            "arns": [instance["InstanceArn"] for instance in instances],
            "identityStoreIds": [instance["IdentityStoreId"] for instance in instances],
        }


RESOURCE_TYPES = (
    PermissionSet(),
    ManagedPolicyAttachment(),
    CustomerManagedPolicyAttachment(),
    PermissionSetInlinePolicy(),
    PermissionsBoundaryAttachment(),
    AccountAssignment(),
)
FUNCTIONS = (GetInstances(),)
