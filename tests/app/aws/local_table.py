"""The table in the local cloud, made from the same constants as the deployment's."""

from breakglass.app.aws.aws import AwsClient
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.aws.table import EXPIRY, INDEXES, PARTITION_KEY, SORT_KEY, STRING_ATTRIBUTES
from localcloud.cloud import RunningCloud


def local_client(cloud: RunningCloud) -> AwsClient:
    """A client for the local cloud."""
    environment = cloud.environment()
    credentials = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    return AwsClient(environment["AWS_REGION"], lambda: credentials, environment=environment)


def make_table(cloud: RunningCloud, name: str) -> str:
    """Makes a table and returns its name."""
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[_key(PARTITION_KEY, "HASH"), _key(SORT_KEY, "RANGE")],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in STRING_ATTRIBUTES],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index.name,
                "KeySchema": [_key(index.partition_key, "HASH"), _key(index.sort_key, "RANGE")],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for index in INDEXES
        ],
    )
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification={"AttributeName": EXPIRY, "Enabled": True})
    return name


def _key(attribute: str, key_type: str) -> dict[str, str]:
    return {"AttributeName": attribute, "KeyType": key_type}
