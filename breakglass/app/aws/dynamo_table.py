"""One DynamoDB table: read, query, read many, write several items or none.

Every write of several items carries a token by which DynamoDB knows an attempt that it has carried out already; so an
answer that got lost is asked for again, and nothing is written twice. What is read of the table is read consistently;
an index may be a moment late.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html and the API reference of
each operation.

Non-goals: what the items mean (see `items`).
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.services import DYNAMODB
from breakglass.app.aws.table import PARTITION_KEY, SORT_KEY, Index, Item, key_of, keys, number
from breakglass.app.ports import BusyError

MOST_ITEMS = 100
"""In one transaction, and in one read of many."""

ATTEMPTS = 5
"""How often is tried what meets another transaction on one of its items, and to read what is left for later."""

FRESH = f"attribute_not_exists({PARTITION_KEY})"
"""The condition that there is no such item yet."""


class DynamoTable:
    """A table.

    Args:
        client: to call DynamoDB with.
        name: of the table.
    """

    def __init__(self, client: AwsClient, name: str) -> None:
        self._client = client
        self.name = name

    def get(self, pk: str, sk: str) -> Item | None:
        """Read one item."""
        item: Item | None = self._call("GetItem", Key=keys(pk, sk), ConsistentRead=True).get("Item")
        return item

    def query(self, condition: str, index: Index | None = None, **given: Any) -> Iterator[Item]:
        """Yield what a key condition finds.

        Args:
            condition: in which `#pk` and `#sk` are the keys, and `:name` those of `given` that begin small.
            index: where to look; the table itself if None.
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
        """Yield the items that an index found, in its order, whole and as they are now."""
        for start in range(0, len(found), MOST_ITEMS):
            wanted = [key_of(item) for item in found[start : start + MOST_ITEMS]]
            items = self._many(wanted)
            yield from (items[one] for one in wanted if one in items)

    def new(self, item: Item) -> Item:
        """Return the put of an item that must not be there yet."""
        return self.put(item, FRESH)

    def next_version(self, item: Item) -> Item:
        """Return the put of a record that nobody else may have written since it was read."""
        read = int(item["version"]["N"]) - 1
        if read == 0:
            return self.new(item)
        return self.put(
            item,
            "#version = :read",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":read": number(read)},
        )

    def over(self, item: Item) -> Item:
        """Return the put of an item, whatever was there before."""
        return {"TableName": self.name, "Item": item}

    def put(self, item: Item, condition: str, **expression: Any) -> Item:
        """Return the put of an item under a condition."""
        return {"TableName": self.name, "Item": item, "ConditionExpression": condition, **expression}

    def write(self, puts: Sequence[Item]) -> bool:
        """Put all or none; False if a condition does not hold.

        Raises:
            BusyError: other transactions were in the way every time; no condition is known to fail.
            ValueError: if they do not fit into one transaction.
        """
        if len(puts) > MOST_ITEMS:
            raise ValueError(f"{len(puts)} items do not fit into one transaction of {MOST_ITEMS}")
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
        raise BusyError(f"other transactions were in the way {ATTEMPTS} times")

    def change(self, operation: str, pk: str, sk: str, **arguments: Any) -> bool:
        """Update or delete one item; False if its condition does not hold."""
        try:
            self._call(operation, Key=keys(pk, sk), **arguments)
        except AwsError as error:
            return _lost(error)
        return True

    def change_set(self, pk: str, sk: str, action: str, member: str, **numbers: int) -> frozenset[str]:
        """Add a member to the set `members` of an item (ADD) or take it out (DELETE), and return who is in it then.

        Args:
            pk: partition key.
            sk: sort key.
            action: `ADD` or `DELETE`.
            member: who.
            numbers: further attributes, set in the same step.
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
        """Read up to a hundred items; DynamoDB leaves some for later if all are too large together or it is busy."""
        items: dict[tuple[str, str], Item] = {}
        asked: Item = {self.name: {"Keys": [keys(*one) for one in wanted], "ConsistentRead": True}}
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
                raise AwsError("ThrottlingException", "all keys were left for later", 400, "BatchGetItem")
            self._client.pause(failures + 1)

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._client.call(DYNAMODB, operation, {"TableName": self.name, **arguments})


def members_of(item: Item | None) -> frozenset[str]:
    """Return the set that `change_set` changes; an empty one is not stored."""
    return frozenset((item or {}).get("members", {}).get("SS", ()))


def _is_conflict(error: AwsError) -> bool:
    """Say whether a transaction may succeed when it is tried again: no condition failed, something was in its way."""
    passing = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
    reasons = set(error.reasons) - {"None"}
    return error.code == "TransactionCanceledException" and bool(reasons) and reasons <= passing


def _lost(error: AwsError) -> bool:
    """Return False, as a write does whose condition did not hold; raise what is anything else."""
    if error.code != "ConditionalCheckFailedException" and "ConditionalCheckFailed" not in error.reasons:
        raise error
    return False
