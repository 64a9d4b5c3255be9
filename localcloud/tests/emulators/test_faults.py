"""AWS services of the local cloud that fail by order, through AWS's own API.

Proves nothing about AWS: it holds the emulator to what AWS's documentation says.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.emulators.faults import AwsFault, Faults, error_answer, operation_of

pytestmark = pytest.mark.local

SIGNED = "AWS4-HMAC-SHA256 Credential=111111111111/20261126/eu-central-1/{}/aws4_request, SignedHeaders=host"


@pytest.fixture(autouse=True)
def no_faults(cloud: RunningCloud) -> Iterator[None]:
    yield
    cloud.end_faults()


@pytest.fixture(scope="module")
def table(cloud: RunningCloud) -> str:
    name = "meets-faults"
    cloud.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


def app_client(cloud: RunningCloud, service: str) -> Any:
    """A client that meets faults, as the app's does."""
    return Session().create_client(
        service,
        endpoint_url=cloud.client(service).meta.endpoint_url,
        region_name=REGION,
        aws_access_key_id=MANAGEMENT_ACCOUNT,
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}),
    )


def put(client: Any, table: str, key: str) -> None:
    client.put_item(TableName=table, Item={"key": {"S": key}})


def is_there(cloud: RunningCloud, table: str, key: str) -> bool:
    return "Item" in cloud.client("dynamodb").get_item(TableName=table, Key={"key": {"S": key}}, ConsistentRead=True)


def test_an_operation_is_refused_as_often_as_ordered(cloud: RunningCloud, table: str) -> None:
    client = app_client(cloud, "dynamodb")
    cloud.fail("dynamodb:PutItem", error="ThrottlingException", skip=1, times=1)
    put(client, table, "first")
    with pytest.raises(ClientError) as refused:
        put(client, table, "second")
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    put(client, table, "third")
    assert [is_there(cloud, table, key) for key in ("first", "second", "third")] == [True, False, True]


def test_cancelled_transaction_names_another_transaction(cloud: RunningCloud, table: str) -> None:
    """The emulated table itself never has two transactions in each other's way."""
    item = {"Put": {"TableName": table, "Item": {"key": {"S": "in a transaction"}}}}
    client = app_client(cloud, "dynamodb")
    cloud.fail("dynamodb:TransactWriteItems", error="TransactionCanceledException", times=1)
    with pytest.raises(ClientError) as refused:
        client.transact_write_items(TransactItems=[item])
    assert [reason["Code"] for reason in refused.value.response["CancellationReasons"]] == ["TransactionConflict"]
    client.transact_write_items(TransactItems=[item])
    assert is_there(cloud, table, "in a transaction")


def test_a_whole_service_is_down(cloud: RunningCloud) -> None:
    client = app_client(cloud, "secretsmanager")
    cloud.fail("secretsmanager:*", error="InternalServiceError")
    for call in (client.list_secrets, lambda: client.get_secret_value(SecretId="any")):
        with pytest.raises(ClientError, match="InternalServiceError") as failed:
            call()
        assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    cloud.end_faults()
    assert client.list_secrets()["SecretList"] == []


def test_an_answer_is_lost_though_the_operation_was_carried_out(cloud: RunningCloud, table: str) -> None:
    cloud.fail("dynamodb:PutItem", lost=True, times=1)
    with pytest.raises(ClientError, match="InternalServerException"):
        put(app_client(cloud, "dynamodb"), table, "lost")
    assert is_there(cloud, table, "lost")


def test_whoever_looks_on_is_not_failed(cloud: RunningCloud, table: str) -> None:
    cloud.fail("dynamodb:*", "sso:*", error="InternalServerError")
    put(cloud.client("dynamodb"), table, "looking on")
    assert cloud.client("sso-admin").list_instances()["Instances"]


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("sso-admin", "sso:ListInstances"),
        ("identitystore", "identitystore:ListUsers"),
        ("organizations", "organizations:ListAccounts"),
    ],
)
def test_identity_services_fail_too(cloud: RunningCloud, service: str, operation: str) -> None:
    client = app_client(cloud, service)
    calls: dict[str, Callable[[], object]] = {
        "sso-admin": lambda: client.list_instances(),
        "identitystore": lambda: client.list_users(IdentityStoreId="d-1234567890"),
        "organizations": lambda: client.list_accounts(),
    }
    cloud.fail(operation, error="TooManyRequestsException", times=1)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        calls[service]()
    calls[service]()


def test_an_answer_of_an_identity_service_is_lost(cloud: RunningCloud) -> None:
    [instance] = cloud.client("sso-admin").list_instances()["Instances"]
    client = app_client(cloud, "sso-admin")
    cloud.fail("sso:CreatePermissionSet", lost=True, times=1)
    with pytest.raises(ClientError, match="InternalServerException"):
        client.create_permission_set(InstanceArn=instance["InstanceArn"], Name="lost")
    arns = client.list_permission_sets(InstanceArn=instance["InstanceArn"])["PermissionSets"]
    for arn in arns:
        client.delete_permission_set(InstanceArn=instance["InstanceArn"], PermissionSetArn=arn)
    assert len(arns) == 1


def test_an_unknown_field_of_an_order_is_no_order() -> None:
    with pytest.raises(TypeError):
        Faults().add({"operations": ["a:*"], "eror": "x"})


def test_the_first_order_that_is_not_used_up_counts() -> None:
    faults = Faults()
    faults.add({"operations": ["a:B"], "error": "First", "times": 1})
    faults.add({"operations": ["a:?"], "error": "Second"})
    assert [fault.error for fault in (faults.of("a:B"), faults.of("a:B"), faults.of("a:C")) if fault] == [
        "First",
        "Second",
        "Second",
    ]
    assert faults.of("b:B") is None


def test_being_slow_alone_is_no_error() -> None:
    assert AwsFault(("a:B",), seconds=4).answer_error is None


@pytest.mark.parametrize(
    ("method", "path", "service", "target", "operation"),
    [
        ("POST", "/", "dynamodb", "DynamoDB_20120810.PutItem", "dynamodb:PutItem"),
        ("POST", "/", "sso", "SWBExternalService.CreateAccountAssignment", "sso:CreateAccountAssignment"),
        ("POST", "/2015-03-31/functions/interactions/invocations", "lambda", "", "lambda:Invoke"),
        ("GET", "/2015-03-31/functions/interactions", "lambda", "", ""),
        ("POST", "/", "sqs", "", ""),
    ],
)
def test_an_operation_is_known_by_its_request(
    method: str, path: str, service: str, target: str, operation: str
) -> None:
    assert operation_of(method, path, SIGNED.format(service), target) == operation


def test_a_request_that_is_not_signed_has_no_operation() -> None:
    assert operation_of("POST", "/", "", "DynamoDB_20120810.PutItem") == ""


@pytest.mark.parametrize(
    ("operation", "error", "status"),
    [
        ("sso:X", "ConflictException", 400),
        ("sso:X", "InternalServerException", 500),
        ("dynamodb:X", "InternalServerError", 500),
        ("organizations:X", "ServiceException", 500),
        ("organizations:X", "TooManyRequestsException", 400),
        ("lambda:Invoke", "TooManyRequestsException", 429),
        ("lambda:Invoke", "ServiceException", 500),
    ],
)
def test_errors_have_the_status_of_their_protocol(operation: str, error: str, status: int) -> None:
    assert error_answer(operation, error, "text")[0] == status
