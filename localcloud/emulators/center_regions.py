"""The regions of Identity Center, which moto lacks: AddRegion, DescribeRegion, ListRegions and RemoveRegion.

From the API Reference of IAM Identity Center. A change takes effect at once.

Non-goals: Identity Center in the further regions; its home region cannot be removed.
"""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.ssoadmin.responses import SSOAdminResponse


class CenterRegions:
    """The regions of the instance of Identity Center.

    Args:
        home: its home region.
    """

    def __init__(self, home: str) -> None:
        self._home = home
        self._added: dict[str, float] = {home: time.time()}

    def install(self) -> None:
        """Adds to moto of this process the operations on regions."""
        from moto.ssoadmin.responses import SSOAdminResponse

        operations: dict[str, Callable[[SSOAdminResponse], dict[str, Any]]] = {
            "add_region": self._add,
            "describe_region": lambda request: self._describe(self._find(request)),
            "list_regions": lambda _: {"Regions": [self._describe(name) for name in self._added]},
            "remove_region": self._remove,
        }
        for name, answer in operations.items():
            setattr(SSOAdminResponse, name, _responding(answer))

    def _describe(self, name: str) -> dict[str, Any]:
        is_home = name == self._home
        return {"RegionName": name, "Status": "ACTIVE", "AddedDate": self._added[name], "IsPrimaryRegion": is_home}

    def _add(self, request: "SSOAdminResponse") -> dict[str, Any]:
        self._added.setdefault(request._get_param("RegionName"), time.time())
        return {"Status": "ADDING"}

    def _remove(self, request: "SSOAdminResponse") -> dict[str, Any]:
        from moto.ssoadmin.exceptions import ConflictException

        name = self._find(request)
        if name == self._home:
            raise ConflictException(f"{name} is the primary region of the instance.")
        del self._added[name]
        return {"Status": "REMOVING"}

    def _find(self, request: "SSOAdminResponse") -> str:
        from moto.ssoadmin.exceptions import ResourceNotFoundException

        name: str = request._get_param("RegionName")
        if name not in self._added:
            raise ResourceNotFoundException(f"The instance is not in {name}.")
        return name


def _responding(answer: "Callable[[SSOAdminResponse], dict[str, Any]]") -> "Callable[[SSOAdminResponse], str]":
    def respond(request: "SSOAdminResponse") -> str:
        return json.dumps(answer(request))

    return respond
