"""How large a measured deployment is; from one process to another through the environment.

Non-goals: what is deployed (see the program `components`).
"""

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
        """The variables that tell a program its size."""
        return {_ROLES: str(self.roles), _ACCOUNTS: str(self.accounts)}

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """The size that `environment` told."""
        return cls(int(environment[_ROLES]), int(environment[_ACCOUNTS]))
