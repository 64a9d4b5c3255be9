"""The size of a measured deployment, passed to its process through the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_ROLES, _ACCOUNTS = "BENCHMARK_ROLES", "BENCHMARK_ACCOUNTS"


@dataclass(frozen=True, order=True)
class Size:
    """A cell of the measurement.

    Attributes:
        roles: number of everyday permission sets, each with its break-glass twin and its alert.
        accounts: number of accounts that every set is assigned in.
    """

    roles: int
    accounts: int

    def __str__(self) -> str:
        return f"{self.roles} x {self.accounts}"

    def environment(self) -> dict[str, str]:
        """Return the variables with the size of a program."""
        return {_ROLES: str(self.roles), _ACCOUNTS: str(self.accounts)}

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the size from the environment."""
        return cls(int(environment[_ROLES]), int(environment[_ACCOUNTS]))
