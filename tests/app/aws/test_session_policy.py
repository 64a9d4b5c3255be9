"""Reading and writing the policy that ends sessions."""

import pytest

from breakglass.app.aws.aws import AwsClient, RetryPolicy
from breakglass.app.aws.session_policy import ServiceControlPolicy
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.domain.session_denials import SessionPolicyRefusedError
from breakglass.app.ports import BusyError
from localcloud.cloud import RunningCloud
from tests.app.aws.local_table import local_client
from tests.app.aws.scripted_server import HangUp, Reply, ScriptedServer, refusal

CONTENT = (
    '{"Version": "2012-10-17", "Statement": [{"Sid": "NoMatch", "Effect": "Deny", "Action": "*", "Resource": "*"}]}'
)


@pytest.fixture
def policy(server: ScriptedServer) -> ServiceControlPolicy:
    environment = {"AWS_ENDPOINT_URL": server.url}
    credentials = Credentials("AKIDEXAMPLE", "any")
    client = AwsClient("eu-central-1", lambda: credentials, RetryPolicy(attempts=1), environment)
    return ServiceControlPolicy(client, "p-examplepolicyid111")


def test_the_content_is_read_and_replaced(server: ScriptedServer, policy: ServiceControlPolicy) -> None:
    server.answers(Reply({"Policy": {"PolicySummary": {}, "Content": CONTENT}}))
    assert policy.read() == CONTENT
    policy.write("{}")
    assert server.operations() == ["DescribePolicy", "UpdatePolicy"]
    assert [asked.json for asked in server.asked] == [
        {"PolicyId": "p-examplepolicyid111"},
        {"PolicyId": "p-examplepolicyid111", "Content": "{}"},
    ]
    assert "/us-east-1/organizations/" in server.asked[0].headers["Authorization"]


@pytest.mark.parametrize(
    "failure",
    [
        refusal("ConcurrentModificationException"),
        refusal("PolicyChangesInProgressException"),
        refusal("TooManyRequestsException"),
        refusal("ServiceException", status=500),
        HangUp(),
    ],
)
def test_what_passes_is_left_to_the_caller_to_try_again(
    server: ScriptedServer, policy: ServiceControlPolicy, failure: Reply | HangUp
) -> None:
    server.answers(failure)
    with pytest.raises(BusyError):
        policy.read()
    with pytest.raises(BusyError):
        policy.write("{}")


def test_what_does_not_pass_is_an_error(server: ScriptedServer, policy: ServiceControlPolicy) -> None:
    server.answers(refusal("MalformedPolicyDocumentException"))
    with pytest.raises(SessionPolicyRefusedError, match="MalformedPolicyDocumentException"):
        policy.write("{")


@pytest.mark.local
def test_a_policy_in_the_local_cloud_has_what_was_written(cloud: RunningCloud) -> None:
    organizations = cloud.client("organizations")
    made = organizations.create_policy(
        Name="ended-sessions", Description="any", Type="SERVICE_CONTROL_POLICY", Content=CONTENT
    )["Policy"]["PolicySummary"]["Id"]
    policy = ServiceControlPolicy(local_client(cloud), made)
    assert policy.read() == CONTENT
    changed = CONTENT.replace("Nobody", "Somebody")
    policy.write(changed)
    assert policy.read() == changed
    organizations.delete_policy(PolicyId=made)
