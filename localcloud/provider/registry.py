"""Every resource type and function the stand-in serves, by token."""

from localcloud.provider import (
    account,
    apigatewayv2,
    cloudformation,
    cloudwatch,
    dynamodb,
    events,
    iam,
    identitystore,
    lambda_,
    logs,
    organizations,
    secretsmanager,
    sfn,
    sns,
    sqs,
    ssoadmin,
)
from localcloud.provider.resource import ProviderFunction, ResourceType

RESOURCE_TYPES: dict[str, ResourceType] = {
    resource.tok: resource
    for module in (
        apigatewayv2,
        cloudformation,
        cloudwatch,
        dynamodb,
        events,
        iam,
        lambda_,
        logs,
        organizations,
        secretsmanager,
        sfn,
        sns,
        sqs,
        ssoadmin,
    )
    for resource in module.RESOURCE_TYPES
}
FUNCTIONS: dict[str, ProviderFunction] = {
    function.tok: function
    for module in (account, identitystore, organizations, secretsmanager, ssoadmin)
    for function in module.FUNCTIONS
}
