"""Claims of what is done once: deliveries of Slack, and what the other functions report or count.

It is apart from the store so that a click does not wait until the code of all records is loaded. Deliveries have a kind
of key of their own, so `front`, which stands on the internet, can't claim what another function is to report or count.

Non-goals: what makes a delivery the same (see `slack.signature`).
"""

from breakglass.app.aws.dynamo_table import FRESH, DynamoTable
from breakglass.app.aws.table import EXPIRY, Item, key, keys, number
from breakglass.app.ports import Clock

DELIVERY = "DELIVERY"
"""The kind of what Slack delivers."""

CLAIM = "CLAIM"
"""The kind of everything else that is claimed."""


class Deliveries:
    """Implements `claim_delivery` and `remember_delivery` of `ports.Store`.

    Args:
        table: where they are kept.
        clock: the time.
        kind: of their keys.
    """

    def __init__(self, table: DynamoTable, clock: Clock, kind: str = DELIVERY) -> None:
        self._table = table
        self._clock = clock
        self._kind = kind

    def claim(self, delivery: str, expires_at: int) -> bool:
        """Say whether this is the first delivery with this key; remembered until the time given.

        Raises:
            AwsError: if DynamoDB refuses or goes on failing.
            BusyError: if other transactions were in the way every time; it may still be the first.
        """
        claim = self._table.put(
            self._item(delivery, expires_at),
            # DynamoDB deletes what has expired within days, not at once.
            f"{FRESH} OR #expires <= :now",
            ExpressionAttributeNames={"#expires": EXPIRY},
            ExpressionAttributeValues={":now": number(self._clock())},
        )
        return self._table.write([claim])

    def remember(self, delivery: str, expires_at: int) -> None:
        """Remember a key until another time, whether or not it was claimed.

        Raises:
            AwsError: if DynamoDB refuses or goes on failing.
            BusyError: if other transactions were in the way every time.
        """
        self._table.write([self._table.over(self._item(delivery, expires_at))])

    def _item(self, delivery: str, expires_at: int) -> Item:
        return {**keys(key(self._kind, delivery), self._kind), EXPIRY: number(expires_at)}
