"""A DynamoDB table: reads, queries, and transactions.

Each transaction has an idempotency token, so a retry after a lost answer writes nothing twice. Reads of the table are
consistent; an index may be a moment late.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html and the API reference of
each operation.

Non-goals: the meaning of the items (see `items`).
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.services import DYNAMODB
from breakglass.app.aws.table import PARTITION_KEY, SORT_KEY, Index, Item, key_of, keys, number
from breakglass.app.ports import BusyError

MAX_ITEMS = 100
"""Maximum items of a transaction and of a batch read."""

ATTEMPTS = 5
"""Maximum attempts of a transaction that meets another, and of a batch read with unprocessed keys."""

IS_NEW = f"attribute_not_exists({PARTITION_KEY})"
"""The condition that the item does not exist."""


class DynamoTable:
    """A table.

    Args:
        client: to call DynamoDB with.
        name: name of the table.
    """

    def __init__(self, client: AwsClient, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, pk: str, sk: str) -> Item | None:
        """Read one item."""
        item: Item | None = self._call("GetItem", Key=keys(pk, sk), ConsistentRead=True).get("Item")
        return item

    def query(self, condition: str, index: Index | None = None, **given: Any) -> Iterator[Item]:
        """Yield the items that a key condition finds.

        Args:
            condition: uses `#pk` and `#sk` for the keys, and `:name` for lower-case names of `given`.
            index: the index; None for the table.
            given: texts for the condition, and parameters of Query, which begin with a capital.
        """
        names = {"#pk": index.partition_key if index else PARTITION_KEY, "#sk": index.sort_key if index else SORT_KEY}
        asked: Item = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": {short: name for short, name in names.items() if short in condition},
            "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in given.items() if name.islower()},
            **{name: value for name, value in given.items() if not name.islower()},
            **({"IndexName": index.name} if index else {"ConsistentRead": True}),
        }
        while True:
            answer = self._call("Query", **asked)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def read(self, found: Sequence[Item]) -> Iterator[Item]:
        """Yield the complete current items of index entries, in their order."""
        for start in range(0, len(found), MAX_ITEMS):
            wanted = [key_of(item) for item in found[start : start + MAX_ITEMS]]
            items = self._many(wanted)
            yield from (items[found_key] for found_key in wanted if found_key in items)

    def put_new(self, item: Item) -> Item:
        """Return the put of an item that must not exist."""
        return self.put(item, IS_NEW)

    def put_next_version(self, item: Item) -> Item:
        """Return the put of a record that must be unchanged since it was read."""
        read = int(item["version"]["N"]) - 1
        if read == 0:
            return self.put_new(item)
        return self.put(
            item,
            "#version = :read",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":read": number(read)},
        )

    def put_any(self, item: Item) -> Item:
        """Return the put of an item without a condition."""
        return {"TableName": self.name, "Item": item}

    def put(self, item: Item, condition: str, **expression: Any) -> Item:
        """Return the put of an item under a condition."""
        return {"TableName": self.name, "Item": item, "ConditionExpression": condition, **expression}

    def write(self, puts: Sequence[Item]) -> bool:
        """Put all items or none; False if a condition does not hold.

        Raises:
            BusyError: if every attempt met another transaction; no condition is known to fail.
            ValueError: if there are too many for one transaction.
        """
        if len(puts) > MAX_ITEMS:
            raise ValueError(f"{len(puts)} items do not fit into one transaction of {MAX_ITEMS}")
        transaction = {"TransactItems": [{"Put": put} for put in puts]}
        for failures in range(1, ATTEMPTS + 1):
            try:
                token = os.urandom(16).hex()
                self._client.call(DYNAMODB, "TransactWriteItems", {**transaction, "ClientRequestToken": token})
            except AwsError as error:
                if not _is_conflict(error):
                    return _lost(error)
                self._client.pause(failures)
            else:
                return True
        raise BusyError(f"{ATTEMPTS} attempts met other transactions")

    def change(self, operation: str, pk: str, sk: str, **arguments: Any) -> bool:
        """Update or delete one item; False if its condition does not hold."""
        try:
            self._call(operation, Key=keys(pk, sk), **arguments)
        except AwsError as error:
            return _lost(error)
        return True

    def change_set(self, pk: str, sk: str, action: str, member: str, **numbers: int) -> frozenset[str]:
        """Add a member to an item's set `members` or remove it, and return the set.

        Args:
            pk: partition key.
            sk: sort key.
            action: `ADD` or `DELETE`.
            member: the member.
            numbers: further attributes to set.
        """
        settings = ", ".join(f"{name} = :{name}" for name in numbers)
        answer = self._call(
            "UpdateItem",
            Key=keys(pk, sk),
            UpdateExpression=f"{f'SET {settings} ' if settings else ''}{action} members :one",
            ExpressionAttributeValues={
                ":one": {"SS": [member]},
                **{f":{name}": number(value) for name, value in numbers.items()},
            },
            ReturnValues="ALL_NEW",
        )
        return members_of(answer.get("Attributes"))

    def _many(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Item]:
        """Read up to a hundred items, and retry the keys that DynamoDB leaves unprocessed."""
        items: dict[tuple[str, str], Item] = {}
        asked: Item = {self.name: {"Keys": [keys(pk, sk) for pk, sk in wanted], "ConsistentRead": True}}
        failures = 0
        while True:
            answer = self._client.call(DYNAMODB, "BatchGetItem", {"RequestItems": asked})
            read: list[Item] = answer["Responses"].get(self.name, [])
            items.update({key_of(item): item for item in read})
            asked = answer.get("UnprocessedKeys") or {}
            if not asked:
                return items
            failures = 0 if read else failures + 1
            if failures == ATTEMPTS:
                raise AwsError("ThrottlingException", "every key is unprocessed", 400, "BatchGetItem")
            self._client.pause(failures + 1)

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._client.call(DYNAMODB, operation, {"TableName": self.name, **arguments})


def members_of(item: Item | None) -> frozenset[str]:
    """Return the members of an item; an empty set is not stored."""
    return frozenset((item or {}).get("members", {}).get("SS", ()))


def _is_conflict(error: AwsError) -> bool:
    """Return whether only other transactions or throttling cancelled it."""
    transient = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
    reasons = set(error.reasons) - {"None"}
    return error.code == "TransactionCanceledException" and bool(reasons) and reasons <= transient


def _lost(error: AwsError) -> bool:
    """Return False for a failed condition; raise any other error."""
    if error.code != "ConditionalCheckFailedException" and "ConditionalCheckFailed" not in error.reasons:
        raise error
    return False
