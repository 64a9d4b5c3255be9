"""Each adapter implements its port, as the type checker shows here."""

from breakglass.app.aws.aws import AwsClient
from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.identity_center import AwsIdentityCenter
from breakglass.app.aws.identity_store import IdentityStore
from breakglass.app.aws.interactions_function import LambdaInteractions
from breakglass.app.aws.secrets import Secrets
from breakglass.app.aws.session_policy import ServiceControlPolicy
from breakglass.app.aws.slack_api import SlackApi
from breakglass.app.aws.step_functions import StepFunctions
from breakglass.app.ports import (
    Directory,
    IdentityCenter,
    InteractionsFunction,
    SessionPolicy,
    Slack,
    Store,
    Workflow,
)
from tests.app.aws.scripted_server import ScriptedServer


def test_nothing_is_asked_before_an_adapter_is_used(server: ScriptedServer) -> None:
    client = AwsClient("eu-central-1", environment={"AWS_ENDPOINT_URL": server.url})
    adapters: tuple[Store, Directory, IdentityCenter, SessionPolicy, Slack, Workflow, InteractionsFunction] = (
        DynamoStore(client, "table"),
        IdentityStore(client, "d-1234567890"),
        AwsIdentityCenter(client, "arn:aws:sso:::instance/ssoins-1234567890abcdef", {}),
        ServiceControlPolicy(client, "p-examplepolicyid111"),
        SlackApi(server.url, Secrets(client), "token"),
        StepFunctions(client, "arn:aws:states:eu-central-1:111111111111:stateMachine:breakglass-approval"),
        LambdaInteractions(client, "interactions"),
    )
    assert (len(adapters), server.connections) == (7, 0)
