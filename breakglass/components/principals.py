"""The ids of groups and users that a stack file calls by their names, looked up in the identity store at preview.

A name that can't be found is the user's to put right, so it is named, where the provider would name the function that
was called. `pulumi_aws` has these functions too, but one whose failure can't be caught: it ends the program with the
first of many wrong names.

Non-goals: who is in a group. That is asked at every decision.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Protocol

import pulumi

from breakglass.errors import ConfigError, Problem, shown
from breakglass.lambdas.domain.policy import PrincipalKind

_FUNCTIONS = {
    PrincipalKind.group: ("aws:identitystore/getGroup:getGroup", "DisplayName", "groupId"),
    PrincipalKind.user: ("aws:identitystore/getUser:getUser", "UserName", "userId"),
}
"""The provider's function, the attribute that it looks at, and the id in its answer."""


class NamesPrincipal(Protocol):
    """An entry of a stack file that names a group or a user: exactly one of the four."""

    @property
    def group(self) -> str | None:
        """The display name of a group."""

    @property
    def group_id(self) -> str | None:
        """The id of a group."""

    @property
    def user(self) -> str | None:
        """The user name of a user."""

    @property
    def user_id(self) -> str | None:
        """The id of a user."""


@dataclass(frozen=True)
class Named:
    """A group or user as it was written.

    Attributes:
        kind: whether it is a group or a user.
        text: its name, or its id.
        by_id: which of the two.
    """

    kind: PrincipalKind
    text: str
    by_id: bool

    @property
    def key(self) -> str:
        """What it is called in logical names: `group:database-oncall`, `userId:…`."""
        return f"{self.kind}{'Id' if self.by_id else ''}:{self.text}"


def named(entry: NamesPrincipal) -> Named:
    """Return the principal that an entry names."""
    choices = (
        (PrincipalKind.group, entry.group, False),
        (PrincipalKind.user, entry.user, False),
        (PrincipalKind.group, entry.group_id, True),
        (PrincipalKind.user, entry.user_id, True),
    )
    return next(Named(kind, text, by_id) for kind, text, by_id in choices if text is not None)


class NotFoundError(Exception):
    """The identity store does not have a name, or can't be asked. The text is what the provider says."""


@dataclass(frozen=True)
class IdentityStore:
    """Where names are looked up.

    Attributes:
        id: of the identity store.
        region: its region.
        parent: the resource for which it is done, which gives the provider.
    """

    id: pulumi.Input[str]
    region: str
    parent: pulumi.Resource

    def principal_id(self, principal: Named) -> pulumi.Input[str]:
        """Return the id of a principal; unless it is there already, the program fails with an error that names it."""
        if principal.by_id:
            return principal.text

        async def look_up(store_id: str) -> str:
            try:
                return await self._look_up(store_id, principal)
            except NotFoundError as error:
                # Not a ConfigError: no program can catch what is raised in an apply; Pulumi prints this one as it is.
                raise pulumi.RunError(str(ConfigError([unknown(principal, store_id, str(error))]))) from None

        return pulumi.Output.from_input(self.id).apply(look_up)

    def ids(self, principals: Iterable[Named]) -> pulumi.Output[dict[Named, str | NotFoundError]]:
        """Return the id of each principal, or why it has none; all are looked up at once."""
        wanted = list(dict.fromkeys(principals))

        async def look_up(store_id: str) -> dict[Named, str | NotFoundError]:
            found = await asyncio.gather(*[self._look_up(store_id, one) for one in wanted], return_exceptions=True)
            for each in found:
                if isinstance(each, BaseException) and not isinstance(each, NotFoundError):
                    raise each
            return dict(zip(wanted, found, strict=True))  # pyrefly: ignore[bad-return]

        return pulumi.Output.from_input(self.id).apply(look_up)

    async def _look_up(self, store_id: str, principal: Named) -> str:
        if principal.by_id:
            return principal.text
        function, attribute, answer = _FUNCTIONS[principal.kind]
        arguments: Mapping[str, Any] = {
            "identityStoreId": store_id,
            "alternateIdentifier": {"uniqueAttribute": {"attributePath": attribute, "attributeValue": principal.text}},
            "region": self.region,
        }
        # With the version that pulumi_aws gives, or the engine makes a second provider.
        opts = pulumi.InvokeOptions(parent=self.parent, version=version("pulumi_aws"))
        try:
            found: Mapping[str, str] = await pulumi.runtime.invoke_async(function, dict(arguments), opts)
        except Exception as error:
            # The SDK puts the name of the function before it, and an empty property behind it.
            raise NotFoundError(str(error).partition(" failed: ")[2].removesuffix(" ()") or str(error)) from None
        return found[answer]


def unknown(principal: Named, store_id: str, said: str, path: str = "") -> Problem:
    """Say that a name can't be found.

    Args:
        principal: the name.
        store_id: where it was looked for.
        said: by the provider.
        path: where the name stands; the principal itself if empty.
    """
    return Problem(
        path or principal.key,
        shown(principal.text),
        f"The identity store {store_id} does not tell of a {principal.kind} of this name, so nobody would be meant by "
        f"it. The provider says: {said}",
        f"Write the {'display name' if principal.kind is PrincipalKind.group else 'user name'} exactly as Identity "
        f"Center has it, or its id under `{principal.kind}Id`.",
    )
