"""Every adapter is what its port asks for; the type checker shows it, this file gives it the occasion."""

from breakglass.lambdas.adapters.aws import AwsClient
from breakglass.lambdas.adapters.desk_function import InvokedDesk
from breakglass.lambdas.adapters.dynamodb import DynamoStore
from breakglass.lambdas.adapters.identity_center import AwsIdentityCenter
from breakglass.lambdas.adapters.identity_store import IdentityStore
from breakglass.lambdas.adapters.secrets import Secrets
from breakglass.lambdas.adapters.session_policy import ServiceControlPolicy
from breakglass.lambdas.adapters.slack_api import SlackApi
from breakglass.lambdas.adapters.step_functions import StepFunctions
from breakglass.lambdas.ports import (
    DeskFunction,
    Directory,
    IdentityCenter,
    SessionPolicy,
    Slack,
    Store,
    Workflow,
)
from tests.lambdas.adapters.scripted_server import ScriptedServer


def test_nothing_is_asked_before_an_adapter_is_used(server: ScriptedServer) -> None:
    client = AwsClient("eu-central-1", environment={"AWS_ENDPOINT_URL": server.url})
    adapters: tuple[Store, Directory, IdentityCenter, SessionPolicy, Slack, Workflow, DeskFunction] = (
        DynamoStore(client, "table"),
        IdentityStore(client, "d-1234567890"),
        AwsIdentityCenter(client, "arn:aws:sso:::instance/ssoins-1234567890abcdef", {}),
        ServiceControlPolicy(client, "p-examplepolicyid111"),
        SlackApi(server.url, Secrets(client), "token"),
        StepFunctions(client, "arn:aws:states:eu-central-1:111111111111:stateMachine:breakglass-approval"),
        InvokedDesk(client, "desk"),
    )
    assert (len(adapters), server.connections) == (7, 0)
