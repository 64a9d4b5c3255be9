"""Changes of a table where AWS is stricter than the emulator, which takes every change at once."""

from typing import Any

import pytest

from localcloud.provider import aws
from localcloud.provider.aws import Answer, AwsCallError, LocalAws
from localcloud.provider.dynamodb import Table
from localcloud.provider.values import Properties


class SlowDynamoDb(LocalAws):
    """Is busy once after each change, and writes down what it was asked to change."""

    def __init__(self) -> None:
        super().__init__("eu-central-1")
        self.changes: list[tuple[str, Answer]] = []
        self.busy = False

    def call(self, service: str, operation: str, **parameters: Any) -> Answer:
        if operation == "DescribeTable":
            if self.changes[-1][0] == "DeleteTable" and not self.busy:
                raise AwsCallError(operation, "ResourceNotFoundException", "Requested resource not found")
            kind = "DELETING" if self.changes[-1][0] == "DeleteTable" else "UPDATING"
            status, self.busy = (kind if self.busy else "ACTIVE"), False
            return {"Table": {"TableStatus": status}}
        assert not self.busy, f"{operation} while the table is still changing"
        self.busy = operation in ("UpdateTable", "DeleteTable")
        del parameters["TableName"]
        self.changes.append((operation, parameters))
        return {}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "_POLL_SECONDS", 0)


def index(name: str, key: str) -> Properties:
    schemas = [{"attributeName": key, "keyType": "HASH"}]
    return {"name": name, "keySchemas": schemas, "projectionType": "ALL"}


OLD: Properties = {
    "arn": "arn:aws:dynamodb:eu-central-1:111111111111:table/table",
    "name": "table",
    "billingMode": "PAY_PER_REQUEST",
    "deletionProtectionEnabled": True,
    "globalSecondaryIndexes": [index("kept", "a"), index("changed", "b"), index("dropped", "c")],
    "ttl": {"attributeName": "until", "enabled": True},
}


def test_indexes_change_one_after_the_other() -> None:
    indexes = [index("kept", "a"), index("changed", "d"), index("made", "e")]
    dynamodb = SlowDynamoDb()
    Table().update(dynamodb, "table", OLD, {**OLD, "globalSecondaryIndexes": indexes})
    changed = [change["GlobalSecondaryIndexUpdates"] for _, change in dynamodb.changes]
    assert [[(kind, what["IndexName"]) for kind, what in each.items()] for [each] in changed] == [
        [("Delete", "changed")],
        [("Delete", "dropped")],
        [("Create", "changed")],
        [("Create", "made")],
    ]
    assert dynamodb.busy is False


def test_expiry_attribute_changes_after_the_old_is_disabled() -> None:
    dynamodb = SlowDynamoDb()
    Table().update(dynamodb, "table", OLD, {**OLD, "ttl": {"attributeName": "ttl", "enabled": True}})
    assert dynamodb.changes == [
        ("UpdateTimeToLive", {"TimeToLiveSpecification": {"AttributeName": "until", "Enabled": False}}),
        ("UpdateTimeToLive", {"TimeToLiveSpecification": {"AttributeName": "ttl", "Enabled": True}}),
    ]


def test_nothing_is_called_when_nothing_changed() -> None:
    dynamodb = SlowDynamoDb()
    Table().update(dynamodb, "table", OLD, OLD)
    assert dynamodb.changes == []


def test_a_deleted_table_is_waited_for_until_its_name_is_free() -> None:
    dynamodb = SlowDynamoDb()
    Table().delete(dynamodb, "table", OLD)
    assert dynamodb.changes == [("DeleteTable", {})]
    assert dynamodb.busy is False
