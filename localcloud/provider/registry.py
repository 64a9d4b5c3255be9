"""Every resource type and function the stand-in serves, by token."""

from localcloud.provider import account, cloudwatch, events, iam, identitystore, secretsmanager, sns, sqs, ssoadmin
from localcloud.provider.resource import Function, ResourceType

RESOURCE_TYPES: dict[str, ResourceType] = {
    resource.tok: resource
    for module in (cloudwatch, events, iam, secretsmanager, sns, sqs, ssoadmin)
    for resource in module.RESOURCE_TYPES
}
FUNCTIONS: dict[str, Function] = {
    function.tok: function
    for module in (account, identitystore, secretsmanager, ssoadmin)
    for function in module.FUNCTIONS
}
