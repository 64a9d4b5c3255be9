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

    id: str
    region: str
    parent: pulumi.Resource

    async def id_of(self, principal: Named) -> str:
        """Return the id of a principal.

        Raises:
            NotFoundError: if it can't be found.
        """
        if principal.by_id:
            return principal.text
        function, attribute, answer = _FUNCTIONS[principal.kind]
        name = {"uniqueAttribute": {"attributePath": attribute, "attributeValue": principal.text}}
        found = await self._ask(function, alternateIdentifier=name)
        return str(found[answer])

    async def ids(self, principals: Iterable[Named]) -> dict[Named, str | NotFoundError]:
        """Return the id of each principal, or why it has none; all are looked up at once."""

        async def answer(principal: Named) -> str | NotFoundError:
            try:
                return await self.id_of(principal)
            except NotFoundError as error:
                return error

        wanted = list(dict.fromkeys(principals))
        return dict(zip(wanted, await asyncio.gather(*map(answer, wanted)), strict=True))

    async def members(self, group_id: str) -> frozenset[str]:
        """Return the ids of the users who are in a group today.

        Raises:
            NotFoundError: if it can't be told.
        """
        found = await self._ask("aws:identitystore/getGroupMemberships:getGroupMemberships", groupId=group_id)
        return frozenset(one["memberId"]["userId"] for one in found.get("groupMemberships") or ())

    async def _ask(self, function: str, **arguments: Any) -> Mapping[str, Any]:
        asked = {"identityStoreId": self.id, **arguments, "region": self.region}
        # With the version that pulumi_aws gives, or the engine makes a second provider.
        opts = pulumi.InvokeOptions(parent=self.parent, version=version("pulumi_aws"))
        try:
            answer: Mapping[str, Any] = await pulumi.runtime.invoke_async(function, asked, opts)
        except Exception as error:
            # The SDK puts the name of the function before it, and an empty property behind it.
            raise NotFoundError(str(error).partition(" failed: ")[2].removesuffix(" ()") or str(error)) from None
        return answer


def principal_id(
    principal: Named, store_id: pulumi.Input[str], region: str, parent: pulumi.Resource
) -> pulumi.Input[str]:
    """Return the id of a principal; unless it can be found, the program fails with an error that names it.

    Args:
        principal: the group or user.
        store_id: id of the identity store.
        region: of the identity store.
        parent: the resource for which it is done.
    """
    if principal.by_id:
        return principal.text

    async def look_up(known_id: str) -> str:
        try:
            return await IdentityStore(known_id, region, parent).id_of(principal)
        except NotFoundError as error:
            # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
            raise pulumi.RunError(str(ConfigError([unknown(principal, known_id, str(error))]))) from None

    return pulumi.Output.from_input(store_id).apply(look_up)


def unknown(principal: Named, store_id: str, said: str) -> Problem:
    """Say that a name can't be found.

    Args:
        principal: the name.
        store_id: where it was looked for.
        said: by the provider.
    """
    return Problem(
        principal.key,
        shown(principal.text),
        f"The identity store {store_id} does not tell of a {principal.kind} of this name, so nobody would be meant by "
        f"it. The provider says: {said}",
        f"Write the {'display name' if principal.kind is PrincipalKind.group else 'user name'} exactly as Identity "
        f"Center has it, or its id under `{principal.kind}Id`.",
    )
