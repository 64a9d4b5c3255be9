"""Secrets of Secrets Manager, kept for a while in memory.

A rotated secret is noticed without a deployment: when its time is over, or at once when whoever has to accept it
refuses it. Hostile requests are refused, too; so reading anew is limited, and does not depend on how many come.

Non-goals: writing, and older versions of a secret.
"""

import time
from dataclasses import dataclass, field

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.services import SECRETS_MANAGER
from breakglass.app.ports import Clock

LIFETIME_SECONDS = 300
"""For how long a value is used without asking."""

PAUSE_SECONDS = 20
"""For how long Secrets Manager is not asked again, whatever happens."""


@dataclass
class _Kept:
    value: str = field(repr=False)
    read_at: int
    asked_at: int


class Secrets:
    """Secrets by name or ARN.

    Args:
        client: to call Secrets Manager with.
        clock: the time.
    """

    def __init__(self, client: AwsClient, clock: Clock = lambda: int(time.time())) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def current(self, name: str) -> str:
        """Return a secret as it was read a while ago at most, or longer ago if Secrets Manager can't be reached.

        Raises:
            AwsError: if it was never read and can't be read now.
        """
        kept = self._kept.get(name)
        if kept is not None and self._clock() < kept.read_at + LIFETIME_SECONDS:
            return kept.value
        return self.refreshed(name)

    def refreshed(self, name: str) -> str:
        """Return a secret as it is now; as it was read last if that is a few seconds ago or it can't be read now.

        Raises:
            AwsError: if it was never read and can't be read now.
        """
        kept, now = self._kept.get(name), self._clock()
        if kept is not None and now < kept.asked_at + PAUSE_SECONDS:
            return kept.value
        try:
            value = self._read(name)
        except AwsError:
            if kept is None:
                raise
            kept.asked_at = now
            return kept.value
        self._kept[name] = _Kept(value, read_at=now, asked_at=now)
        return value

    def _read(self, name: str) -> str:
        """Read the value; white space around it is no part of a secret here, but easily stored with it."""
        return str(self._client.call(SECRETS_MANAGER, "GetSecretValue", {"SecretId": name})["SecretString"]).strip()
