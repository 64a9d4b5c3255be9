"""CloudFormation: service-managed StackSets and their instances.

API: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/

Non-goals: instances in accounts by ID; overridden parameters; account filters, which pulumi-aws changes in a dangerous
way (an account that is no longer left out makes it delete instances).
"""

from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import LocalAws, poll
from localcloud.provider.resource import TAGS, Property, ResourceType, as_document, as_set, declare
from localcloud.provider.values import Properties, aws_name, from_aws, to_aws

_PREFERENCES = {
    "failureTolerancePercentage": Property(),
    "maxConcurrentPercentage": Property(),
    "regionConcurrencyType": Property(),
}
_SET = ("callAs", "capabilities", "description", "permissionModel", "templateBody")


class StackSet(ResourceType):
    tok = "aws:cloudformation/stackSet:StackSet"
    properties = declare(
        name=Property(replaces=True, autoname=128),
        autoDeployment=Property(
            replaces=True, fields={"enabled": Property(), "retainStacksOnAccountRemoval": Property()}
        ),
        callAs=Property(default="SELF"),
        capabilities=Property(compare=as_set),
        description=Property(),
        managedExecution=Property(fields={"active": Property(default=False)}),
        operationPreferences=Property(fields=_PREFERENCES),
        parameters=Property(),
        permissionModel=Property(default="SELF_MANAGED"),
        tags=TAGS,
        templateBody=Property(compare=as_document),
    )
    computed = ("arn", "stackSetId", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateStackSet; the id is the set's name."""
        aws.call("cloudformation", "CreateStackSet", StackSetName=inputs["name"], **_set(inputs))
        return inputs["name"]

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        """DescribeStackSet; it does not tell who called, nor the preferences of operations."""
        named = {"StackSetName": resource_id, "CallAs": state["callAs"]}
        found = aws.call("cloudformation", "DescribeStackSet", **named)["StackSet"]
        return {
            **from_aws(found, "capabilities", "description", "permissionModel", "templateBody"),
            "name": found["StackSetName"],
            "autoDeployment": _fields(found, "autoDeployment", "enabled", "retainStacksOnAccountRemoval"),
            "managedExecution": _fields(found, "managedExecution", "active"),
            "parameters": {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
            "arn": found["StackSetARN"],
            "stackSetId": found["StackSetId"],
            **tags.as_properties(found.get("Tags", [])),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateStackSet also updates the stacks of the set, which takes as long as the slowest account."""
        answer = aws.call(
            "cloudformation",
            "UpdateStackSet",
            StackSetName=resource_id,
            OperationPreferences=_preferences(new),
            **{**_set(new), "Tags": tags.as_list(new) or []},
        )
        _wait(aws, resource_id, new["callAs"], answer["OperationId"])

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeleteStackSet; AWS refuses while the set has instances."""
        aws.call("cloudformation", "DeleteStackSet", StackSetName=resource_id, CallAs=state["callAs"])


def _set(inputs: Properties) -> dict[str, Any]:
    parameters = inputs.get("parameters", {}).items()
    return {
        **to_aws(inputs, *_SET),
        "AutoDeployment": _parameters(inputs.get("autoDeployment")),
        "ManagedExecution": _parameters(inputs.get("managedExecution")),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters],
        "Tags": tags.as_list(inputs),
    }


class StackInstances(ResourceType):
    """Stacks of a StackSet in the accounts of organizational units."""

    tok = "aws:cloudformation/stackInstances:StackInstances"
    properties = declare(
        stackSetName=Property(required=True, replaces=True),
        callAs=Property(default="SELF"),
        deploymentTargets=Property(fields={"organizationalUnitIds": Property(compare=as_set)}),
        operationPreferences=Property(fields={**_PREFERENCES, "concurrencyMode": Property()}),
        regions=Property(compare=as_set),
        retainStacks=Property(default=False),
    )
    computed = ("stackSetId",)

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateStackInstances; the id is that of pulumi-aws, the set, the caller and `OU`."""
        _create_instances(aws, inputs)
        return f"{inputs['stackSetName']},{inputs['callAs']},OU"

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        """ListStackInstances; like pulumi-aws, regions and units are those that have an instance."""
        named = {"StackSetName": state["stackSetName"], "CallAs": state["callAs"]}
        found = aws.pages("cloudformation", "ListStackInstances", "Summaries", **named)
        stack_set = aws.call("cloudformation", "DescribeStackSet", **named)["StackSet"]
        actual: Properties = {"stackSetId": stack_set["StackSetId"]}
        if found:
            actual["regions"] = sorted({each["Region"] for each in found})
            units = sorted({each["OrganizationalUnitId"] for each in found})
            actual["deploymentTargets"] = {"organizationalUnitIds": units}
        return actual

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """Deletes where regions or units are left out now, and creates where they are new."""
        before, after = _places(old), _places(new)
        if gone := before["regions"] - after["regions"]:
            _delete_instances(aws, new, units=before["units"], regions=gone)
        if gone := before["units"] - after["units"]:
            _delete_instances(aws, new, units=gone, regions=after["regions"])
        if after["regions"] - before["regions"] or after["units"] - before["units"]:
            _create_instances(aws, new)

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        places = _places(state)
        _delete_instances(aws, state, units=places["units"], regions=places["regions"])


def _places(properties: Properties) -> dict[str, set[str]]:
    units = properties.get("deploymentTargets", {}).get("organizationalUnitIds", [])
    return {"units": set(units), "regions": set(properties.get("regions", []))}


def _create_instances(aws: LocalAws, inputs: Properties) -> None:
    answer = aws.call(
        "cloudformation",
        "CreateStackInstances",
        DeploymentTargets=_parameters(inputs.get("deploymentTargets")),
        OperationPreferences=_preferences(inputs),
        **to_aws(inputs, "stackSetName", "callAs", "regions"),
    )
    _wait(aws, inputs["stackSetName"], inputs["callAs"], answer["OperationId"])


def _delete_instances(aws: LocalAws, inputs: Properties, *, units: set[str], regions: set[str]) -> None:
    answer = aws.call(
        "cloudformation",
        "DeleteStackInstances",
        DeploymentTargets={"OrganizationalUnitIds": sorted(units)},
        Regions=sorted(regions),
        OperationPreferences=_preferences(inputs),
        **to_aws(inputs, "stackSetName", "callAs", "retainStacks"),
    )
    _wait(aws, inputs["stackSetName"], inputs["callAs"], answer["OperationId"])


def _wait(aws: LocalAws, name: str, call_as: str, operation: str) -> None:
    named = {"StackSetName": name, "CallAs": call_as, "OperationId": operation}

    def status() -> tuple[str, str]:
        found = aws.call("cloudformation", "DescribeStackSetOperation", **named)["StackSetOperation"]["Status"]
        if found != "FAILED":
            return found, ""
        results = aws.pages("cloudformation", "ListStackSetOperationResults", "Summaries", **named)
        failed = [each for each in results if each["Status"] == "FAILED"]
        reasons = [f"{each['Account']}, {each['Region']}: {each.get('StatusReason', '')}" for each in failed]
        return found, "; ".join(reasons)

    poll(f"operation of stack set {name}", status, "SUCCEEDED", frozenset({"RUNNING", "QUEUED"}))


def _preferences(inputs: Properties) -> dict[str, Any] | None:
    return _parameters(inputs.get("operationPreferences"))


def _parameters(fields: Properties | None) -> dict[str, Any] | None:
    """Return an object of properties as AWS's operations take it."""
    return fields and {aws_name(name): value for name, value in fields.items()}


def _fields(found: dict[str, Any], name: str, *fields: str) -> Properties:
    return from_aws(found.get(aws_name(name), {}), *fields)


RESOURCE_TYPES = (StackSet(), StackInstances())
