"""Keys that only the first caller gets: deliveries of Slack, and what the other functions report or count.

This is apart from the store, so that a click does not wait until the code of all records is loaded. Deliveries have a
kind of their own, so the receiver, which faces the internet, can't take the keys of another function.

Non-goals: what makes a delivery the same (see `slack.signature`).
"""

from breakglass.app.aws.dynamo_table import FRESH, DynamoTable
from breakglass.app.aws.table import EXPIRY, Item, key, keys, number
from breakglass.app.ports import Clock

DELIVERY = "DELIVERY"
"""The kind of deliveries of Slack."""

CLAIM = "CLAIM"
"""The kind of every other key."""


class OnceKeys:
    """Implements `ports.OnceStore`.

    Args:
        table: where the keys are kept.
        clock: the time.
        kind: of the keys.
    """

    def __init__(self, table: DynamoTable, clock: Clock, kind: str = DELIVERY) -> None:
        self._table = table
        self._clock = clock
        self._kind = kind

    def once(self, name: str, until: int) -> bool:
        """Put a key unless it is there and has not expired.

        Raises:
            AwsError: if DynamoDB refuses or goes on failing.
            BusyError: if every attempt met another transaction; this may still be the first caller.
        """
        put = self._table.put(
            self._item(name, until),
            # DynamoDB deletes what has expired within days, not at once.
            f"{FRESH} OR #expires <= :now",
            ExpressionAttributeNames={"#expires": EXPIRY},
            ExpressionAttributeValues={":now": number(self._clock())},
        )
        return self._table.write([put])

    def extend_once(self, name: str, until: int) -> None:
        """Put a key, whether or not it is there.

        Raises:
            AwsError: if DynamoDB refuses or goes on failing.
            BusyError: if every attempt met another transaction.
        """
        self._table.write([self._table.over(self._item(name, until))])

    def _item(self, name: str, until: int) -> Item:
        return {**keys(key(self._kind, name), self._kind), EXPIRY: number(until)}
