"""An identity store in memory, whose people tests move between groups, disable and restore.

It does not prove how Identity Center compares addresses and names: here they have to be equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Principal


class MemoryDirectory:
    """People by id, with the e-mail addresses they are found by.

    Attributes:
        people: everybody, by user id.
        addresses: e-mail address -> user IDs; several make the address ambiguous.
        asked: number of look-ups.
        failure: raised by every call, as long as it is set.
    """

    def __init__(self, people: Sequence[Person], addresses: Mapping[str, str] | None = None) -> None:
        self.people = {person.user_id: replace(person, slack_id=None, email=address_of(person)) for person in people}
        self.addresses: dict[str, list[str]] = {address_of(person): [person.user_id] for person in people}
        self.addresses.update({address: [user_id] for address, user_id in (addresses or {}).items()})
        self.asked = 0
        self.failure: Exception | None = None

    def person(self, user_id: str) -> Person | None:
        self._ask()
        return self.people.get(user_id)

    def person_by_email(self, address: str) -> Person | None:
        self._ask()
        found = self.addresses.get(address, [])
        return self.people.get(found[0]) if len(found) == 1 else None

    def is_in_other_case(self, address: str) -> bool:
        self._ask()
        return any(known != address and known.casefold() == address.casefold() for known in self.addresses)

    def person_by_user_name(self, user_name: str) -> Person | None:
        self._ask()
        return next((person for person in self.people.values() if person.user_name == user_name), None)

    def members(self, principals: Sequence[Principal]) -> tuple[Person, ...]:
        self._ask()
        return tuple(
            replace(person, group_ids=frozenset())
            for person in self.people.values()
            if person.is_among(tuple(principals))
        )

    def move(self, person: Person, *groups: str) -> None:
        """Put a person into these groups and no others."""
        self.people[person.user_id] = replace(self.people[person.user_id], group_ids=frozenset(groups))

    def disable(self, person: Person) -> None:
        """Take a person away, as disabling or deleting does."""
        del self.people[person.user_id]

    def _ask(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.asked += 1


def address_of(person: Person) -> str:
    """Return the address that a person of the scenarios has in both directories."""
    return f"{person.user_name}@example.com"
