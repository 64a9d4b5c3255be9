"""Secrets of Secrets Manager, cached in memory.

A rotated secret is read when its cache expires, or at once when Slack or a signature check refuses the cached value. A
hostile request is refused, too, so the rate of reads is limited.

Non-goals: writing, and older versions of a secret.
"""

import time
from dataclasses import dataclass, field

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.services import SECRETS_MANAGER
from breakglass.app.ports import Clock

LIFETIME_SECONDS = 300
"""Lifetime of a cached value."""

PAUSE_SECONDS = 20
"""Minimum seconds between two reads of a secret."""


@dataclass
class _Kept:
    value: str = field(repr=False)
    read_at: int
    asked_at: int


class Secrets:
    """A cache of secrets by name or ARN.

    Each method raises `AwsError` if there is no cached value and the read fails.

    Args:
        client: to call Secrets Manager with.
        clock: the time.
    """

    def __init__(self, client: AwsClient, clock: Clock = lambda: int(time.time())) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[str, _Kept] = {}

    def get(self, name: str) -> str:
        """Return a secret, cached for `LIFETIME_SECONDS`, or longer while Secrets Manager is unreachable."""
        kept = self._kept.get(name)
        if kept is not None and self._clock() < kept.read_at + LIFETIME_SECONDS:
            return kept.value
        return self.refresh(name)

    def refresh(self, name: str) -> str:
        """Return the current secret; the cached one if it is a few seconds old or the read fails."""
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
        # White space around a secret is easily stored with it.
        return str(self._client.call(SECRETS_MANAGER, "GetSecretValue", {"SecretId": name})["SecretString"]).strip()
