"""The promises of a store, checked on the double in memory and on DynamoDB.

DynamoDB is MiniStack's here. It does not prove how late an index is at AWS, nor how DynamoDB behaves under load.
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.items import request_item
from breakglass.app.aws.services import Service
from breakglass.app.domain.records import (
    SYSTEM,
    Access,
    Actor,
    Announcement,
    Approval,
    ChannelNotice,
    Denial,
    Explanation,
    GrantState,
    Message,
    Request,
    State,
    UsageState,
)
from breakglass.app.domain.request_lifecycle import MAXIMUM_ACCOUNTS, Change
from breakglass.app.ports import Page, Store
from breakglass.app.services.optimistic_writes import change_request
from localcloud.cloud import RunningCloud
from tests.app.aws.local_table import local_client, make_table
from tests.app.aws.some_records import ADA, BEA, ODD, a_grant, a_line, a_request, a_use
from tests.app.doubles.clock import NOW, FixedClock
from tests.app.doubles.store import MemoryStore

DAY = 86_400

_names = itertools.count()

Stores = Callable[[], Store]
"""Makes stores over the same table: one for each thread."""


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture(params=["memory", pytest.param("dynamodb", marks=pytest.mark.local)])
def stores(request: pytest.FixtureRequest, clock: FixedClock) -> Iterator[Stores]:
    if request.param == "memory":
        only = MemoryStore(clock)
        yield lambda: only
        return
    cloud: RunningCloud = request.getfixturevalue("cloud")
    table = make_table(cloud, f"store-{next(_names)}")
    yield lambda: DynamoStore(local_client(cloud), table, clock)
    cloud.client("dynamodb").delete_table(TableName=table)


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores()


def saved(store: Store, request: Request) -> Request:
    assert store.save_request(request)
    return replace(request, version=request.version + 1)


# Denials


def a_denial(number: int = 1, **changes: Any) -> Denial:
    denial = Denial(f"r-{number}", "u-ada", "devops-break-glass", ("222222222222",), BEA, NOW + number)
    return replace(denial, **changes)


def test_denial_is_read_with_its_request_for_each_account(store: Store) -> None:
    accounts = tuple(f"{number:012}" for number in range(MAXIMUM_ACCOUNTS))
    denial = a_denial(accounts=accounts)
    assert store.save_request(a_request(accounts=accounts), [a_line("denied")], denial=denial)
    for account in accounts:
        assert store.denials("u-ada", "devops-break-glass", [account]) == (denial,)
    assert store.denials("u-ada", "devops-break-glass", [*accounts, "999999999999"]) == (denial,)
    assert store.denials("u-bea", "devops-break-glass", accounts) == ()
    assert store.denials("u-ada", "network-break-glass", accounts) == ()


def test_denial_of_a_request_not_written_is_not_remembered(store: Store) -> None:
    assert not store.save_request(a_request(version=3), denial=a_denial())
    assert store.denials("u-ada", "devops-break-glass", ["222222222222"]) == ()


def test_denials_are_the_last_of_each_account(store: Store) -> None:
    first = a_denial(1, accounts=("222222222222", "333333333333"))
    second = a_denial(2)
    for number, denial in enumerate((first, second), start=1):
        assert store.save_request(a_request(number), denial=denial)
    found = store.denials("u-ada", "devops-break-glass", ["222222222222", "333333333333"])
    assert found == (second, first)
    assert store.denials("u-ada", "devops-break-glass", ["222222222222"]) == (second,)


def test_denial_older_than_a_week_is_forgotten(store: Store, clock: FixedClock) -> None:
    store.save_request(a_request(), denial=a_denial())
    clock.now = NOW + 1 + 7 * DAY - 1
    assert store.denials("u-ada", "devops-break-glass", ["222222222222"])
    clock.now += 1
    assert not store.denials("u-ada", "devops-break-glass", ["222222222222"])


# Records


@pytest.mark.parametrize("text", ["", "x" * 65, "漢" * 2000, "../../AUDIT#2026-11-26"])
def test_what_is_no_id_names_no_record(store: Store, text: str) -> None:
    assert store.request(text) is None
    assert store.usage(text) is None


def test_of_what_is_too_long_to_be_an_id_nothing_is_asked(cloud: RunningCloud) -> None:
    without_a_table = DynamoStore(local_client(cloud), "no-such-table")
    assert without_a_table.request("x" * 65) is None
    assert without_a_table.usage("x" * 65) is None
    with pytest.raises(AwsError):
        without_a_table.request("x" * 64)


def test_a_request_is_read_as_it_was_written(store: Store) -> None:
    whole = a_request(
        requester=Actor("u-ada", ODD, "UADA"),
        accounts=("222222222222", "333333333333"),
        ticket=ODD,
        parent="r-0",
        approvals=(Approval(BEA, NOW, "databases", ODD),),
        decided_at=NOW,
        acknowledged_by=(BEA,),
        closed_by=BEA,
        closed_at=NOW,
        note=ODD,
        glass=True,
        justification=ODD,
        announcement=Announcement(
            (ChannelNotice("C1", Message("C1", "1.0")), ChannelNotice("C2", failure="not_in_channel")), True
        ),
        revoke_at=NOW,
        escalated=True,
        reminded_at=NOW,
        message=Message("C1", "1.0"),
        token="t" * 1000,
    )
    assert store.save_request(whole)
    assert store.request("r-1") == replace(whole, version=1)
    assert store.request("r-2") is None


def test_a_use_is_read_as_it_was_written(store: Store) -> None:
    explanation = Explanation(ADA, NOW, ODD, "", ODD, "")
    whole = a_use(
        event_ids=("e-1", "e-2"),
        request_id="r-1",
        explanation=explanation,
        accepted_by=BEA,
        accepted_at=NOW,
        thread=Message("C1", "1.0"),
        reminded_at=NOW,
    )
    assert store.save_usage(whole)
    assert store.usage("u-1") == replace(whole, version=1)
    assert store.usage("u-2") is None


def test_the_grants_of_a_request_come_by_account(store: Store) -> None:
    second = a_grant(account="333333333333", state=GrantState.failed, failure=ODD, operation="o-1", deny_until=NOW)
    assert store.save_request(a_request(), grants=[second, a_grant()])
    assert store.save_grant(a_grant("r-10"))
    assert store.grants("r-1") == (replace(a_grant(), version=1), replace(second, version=1))
    assert store.grants("r-2") == ()


def test_texts_that_look_like_keys_are_not_taken_for_others(store: Store) -> None:
    assert store.save_request(a_request(id="r#1"))
    assert store.request("r%231") is None
    store.add_holder(Access("u", "a#b", "c"), "r-1", NOW)
    assert store.holders(Access("u", "a", "b#c")) == frozenset()
    assert store.holders(Access("u#a", "b", "c")) == frozenset()


def test_ids_of_the_system_itself_may_be_empty(store: Store) -> None:
    assert store.save_request(a_request(requester=SYSTEM))
    assert store.request("r-1") is not None


# Conditional writes


def test_second_writer_of_a_version_changes_nothing(store: Store) -> None:
    assert store.save_request(a_request(note="first"), [a_line("first")])
    assert not store.save_request(a_request(note="second"), [a_line("second")], [a_grant()])
    read = store.request("r-1")
    assert read is not None
    assert store.save_request(replace(read, note="third"))
    assert not store.save_request(replace(read, note="fourth"))
    last = store.request("r-1")
    assert last is not None
    assert (last.note, last.version) == ("third", 2)
    assert store.grants("r-1") == ()
    assert [line.event for line in store.audit(NOW, NOW + 1)] == ["first"]


def test_what_was_never_there_has_no_version_to_follow(store: Store) -> None:
    assert not store.save_request(a_request(version=3))
    assert not store.save_grant(a_grant(version=3))
    assert not store.save_usage(a_use(version=3))
    assert store.request("r-1") is None


def test_grant_changed_by_another_writer_stops_the_transaction(store: Store) -> None:
    assert store.save_grant(a_grant())
    assert not store.save_request(a_request(), [a_line()], [a_grant(), a_grant(account="333333333333")])
    assert store.request("r-1") is None
    assert len(store.grants("r-1")) == 1
    assert list(store.audit(NOW, NOW + 1)) == []


def test_the_largest_request_is_one_transaction(store: Store) -> None:
    accounts = tuple(f"{number:012}" for number in range(MAXIMUM_ACCOUNTS))
    grants = [a_grant(account=account) for account in accounts]
    assert store.save_request(a_request(accounts=accounts), [a_line()], grants)
    assert len(store.grants("r-1")) == MAXIMUM_ACCOUNTS


def test_of_many_writers_at_once_exactly_one_wins(stores: Stores) -> None:
    won: list[int] = []

    def write(number: int) -> None:
        if stores().save_request(a_request(note=str(number)), [a_line(f"by {number}")], [a_grant()]):
            won.append(number)

    at_once(write)
    [winner] = won
    read = stores().request("r-1")
    assert read is not None
    assert (read.note, read.version) == (str(winner), 1)
    assert [line.event for line in stores().audit(NOW, NOW + 1)] == [f"by {winner}"]


def test_of_many_changes_at_once_none_is_lost(stores: Stores) -> None:
    saved(stores(), a_request())

    def write(number: int) -> None:
        def approved(request: Request) -> Change:
            approval = Approval(Actor(f"u-{number}", ""), NOW, "databases")
            return Change(replace(request, approvals=(*request.approvals, approval)), (a_line(f"by {number}"),))

        change_request(stores(), "r-1", approved)

    at_once(write)
    read = stores().request("r-1")
    assert read is not None
    assert {approval.by.user_id for approval in read.approvals} == {f"u-{number}" for number in range(WRITERS)}
    assert read.version == 1 + WRITERS
    assert len(list(stores().audit(NOW, NOW + 1))) == WRITERS


WRITERS = 6


def at_once(write: Callable[[int], None]) -> None:
    together = threading.Barrier(WRITERS)

    def run(number: int) -> None:
        together.wait()
        write(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# Once-keys


def test_once_gives_a_key_to_the_first_caller(store: Store, clock: FixedClock) -> None:
    assert store.once("key#1", clock() + 600)
    assert not store.once("key#1", clock() + 600)
    assert store.once("key#2", clock() + 600)


def test_once_gives_a_key_to_its_owner_again(store: Store, clock: FixedClock) -> None:
    assert store.once("key", clock() + 600, owner="ada")
    assert store.once("key", clock() + 600, owner="ada")
    assert not store.once("key", clock() + 600, owner="cleo")
    assert not store.once("key", clock() + 600)


def test_once_without_an_owner_gives_a_key_once(store: Store, clock: FixedClock) -> None:
    assert store.once("key", clock() + 600)
    assert not store.once("key", clock() + 600, owner="ada")


def test_once_gives_an_expired_key_again(store: Store, clock: FixedClock) -> None:
    assert store.once("key", clock() + 600)
    clock.advance(599)
    assert not store.once("key", clock() + 600)
    clock.advance(1)
    assert store.once("key", clock() + 600)
    assert not store.once("key", clock() + 600)


def test_extended_once_key_expires_at_the_new_time(store: Store, clock: FixedClock) -> None:
    assert store.once("key", clock() + 60)
    store.extend_once("key", clock() + 600)
    clock.advance(599)
    assert not store.once("key", clock() + 60)
    clock.advance(1)
    assert store.once("key", clock() + 60)


def test_of_many_callers_of_once_exactly_one_wins(stores: Stores) -> None:
    won: list[int] = []

    def claim(number: int) -> None:
        if stores().once("key", NOW + 600):
            won.append(number)

    at_once(claim)
    assert len(won) == 1


# Open records


def test_open_requests_are_not_final_and_oldest_first(store: Store) -> None:
    third, first, second = (saved(store, a_request(number)) for number in (30, 1, 2))
    assert list(store.open_requests()) == [first, second, third]
    ended = saved(store, replace(second, state=State.ended))
    assert list(store.open_requests()) == [first, third]
    assert store.request(ended.id) == ended


@pytest.mark.parametrize("state", State)
def test_only_final_states_are_not_open(store: Store, state: State) -> None:
    final = state in {State.ended, State.denied, State.expired, State.withdrawn, State.failed}
    saved(store, a_request(state=state))
    assert (list(store.open_requests()) == []) == final


def test_final_request_with_a_stale_message_is_open(store: Store) -> None:
    over = saved(store, a_request(state=State.ended, message_stale=True))
    assert list(store.open_requests()) == [over]
    saved(store, replace(over, message_stale=False))
    assert list(store.open_requests()) == []


def test_open_requests_has_a_final_one_until_it_is_announced(store: Store) -> None:
    duties = Announcement((ChannelNotice("C1", Message("C1", "1.0")), ChannelNotice("C2")), explanation_required=True)
    request = saved(store, a_request(state=State.ended, glass=True, announcement=duties))
    assert list(store.open_requests()) == [request]
    told = replace(duties, channels=(duties.channels[0], ChannelNotice("C2", Message("C2", "1.0"))))
    request = saved(store, replace(request, announcement=replace(told, explanation_required=False)))
    assert list(store.open_requests()) == [request]
    saved(store, replace(request, announcement=told))
    assert list(store.open_requests()) == []


def test_live_grants_are_not_over_or_still_denied(store: Store) -> None:
    late, soon = a_grant("r-1", revoke_at=NOW + 100), a_grant("r-2", revoke_at=NOW + 50)
    denied = a_grant("r-3", state=GrantState.revoked, revoke_at=NOW + 75, deny_until=NOW + 3600)
    over = [a_grant("r-4", state=GrantState.revoked), a_grant("r-5", state=GrantState.failed)]
    assert all(store.save_grant(grant) for grant in (late, soon, denied, *over))
    assert [grant.request_id for grant in store.live_grants()] == ["r-2", "r-3", "r-1"]
    assert store.grant("r-3", denied.access.account) == replace(denied, version=1)
    assert store.grant("r-3", "999999999999") is None
    assert store.save_grant(replace(denied, version=1, deny_until=None))
    assert store.save_grant(replace(soon, version=1, state=GrantState.revoked))
    assert [grant.request_id for grant in store.live_grants()] == ["r-1"]


def test_open_usages_are_not_accepted_and_by_due_time(store: Store) -> None:
    assert all(store.save_usage(a_use(number)) for number in (3, 1, 2))
    assert store.save_usage(a_use(1, version=1, state=UsageState.explained))
    assert store.save_usage(a_use(2, version=1, state=UsageState.accepted))
    assert [use.id for use in store.open_usages()] == ["u-1", "u-3"]


def test_more_is_open_than_one_read_takes(store: Store) -> None:
    expected = [saved(store, a_request(number)).id for number in range(1, 231)]
    assert [request.id for request in store.open_requests()] == expected


def test_what_is_open_may_be_closed_while_it_is_gone_through(store: Store) -> None:
    for number in range(1, 121):
        saved(store, a_request(number))
    for request in store.open_requests():
        saved(store, replace(request, state=State.expired))
    assert list(store.open_requests()) == []


def test_last_held_stays_when_no_holder_is_left(store: Store) -> None:
    access = Access("u-ada", "devops-break-glass", "222222222222")
    assert store.last_held(access) is None
    store.add_holder(access, "r-1", NOW)
    store.add_holder(access, "r-2", NOW + 60)
    assert store.remove_holder(access, "r-1") == {"r-2"}
    assert store.remove_holder(access, "r-2") == frozenset()
    assert store.last_held(access) == NOW + 60


def test_cursor_is_what_was_saved_last(store: Store) -> None:
    assert store.cursor("search") == ""
    store.save_cursor("search", "[]")
    store.save_cursor("search", "[1]")
    assert store.cursor("search") == "[1]"
    assert store.cursor("another") == ""


class OneBroken(AwsClient):
    """A table with two open requests, of which the first holds no JSON."""

    def call(self, service: Service, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        items = [{**request_item(a_request(1)), "body": {"S": "{"}}, request_item(a_request(2))]
        return {"Items": items} if operation == "Query" else {"Responses": {"records": items}}


def test_page_with_an_unreadable_request_has_the_others() -> None:
    page = DynamoStore(OneBroken("eu-central-1"), "records").requests_of("u-ada")
    assert [request.id for request in page.items] == ["r-2"]


def test_open_requests_with_an_unreadable_one_go_on() -> None:
    named: list[str] = []
    found = DynamoStore(OneBroken("eu-central-1"), "records").open_requests(named.append)
    assert [request.id for request in found] == ["r-2"]
    assert named == ["REQUEST#r-1 REQUEST"]


# Pages


def pages_of(ask: Callable[[str | None], Page[Request]]) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor: str | None = None
    while True:
        page = ask(cursor)
        pages.append([request.id for request in page.items])
        cursor = page.next
        if cursor is None:
            return pages


def test_the_requests_of_a_person_come_in_pages_newest_first(store: Store) -> None:
    for number in range(1, 8):
        saved(store, a_request(number))
    saved(store, a_request(8, requester=BEA))
    assert pages_of(lambda cursor: store.requests_of("u-ada", cursor, 3)) == [
        ["r-7", "r-6", "r-5"],
        ["r-4", "r-3", "r-2"],
        ["r-1"],
    ]
    assert store.requests_of("u-nobody") == Page((), None)


def test_a_last_page_that_is_full_is_the_last(store: Store) -> None:
    for number in range(1, 5):
        saved(store, a_request(number))
    assert pages_of(lambda cursor: store.requests_of("u-ada", cursor, 2)) == [["r-4", "r-3"], ["r-2", "r-1"]]


def test_pages_do_not_shift_when_there_is_something_new(store: Store) -> None:
    for number in range(1, 5):
        saved(store, a_request(number))
    first = store.requests_of("u-ada", None, 2)
    saved(store, a_request(9))
    assert [request.id for request in store.requests_of("u-ada", first.next, 2).items] == ["r-2", "r-1"]


def test_requests_made_in_the_same_second_are_all_listed_once(store: Store) -> None:
    for number in range(1, 6):
        saved(store, a_request(number, created_at=NOW))
    assert pages_of(lambda cursor: store.requests_of("u-ada", cursor, 2)) == [["r-5", "r-4"], ["r-3", "r-2"], ["r-1"]]
    assert pages_of(lambda cursor: store.requests_between(NOW, NOW + 1, cursor, 4)) == [
        ["r-5", "r-4", "r-3", "r-2"],
        ["r-1"],
    ]


def test_requests_between_pages_across_months_newest_first(store: Store) -> None:
    for number in range(8):
        saved(store, a_request(number, created_at=NOW - number * 20 * DAY, requester=BEA if number % 2 else ADA))
    everything = pages_of(lambda cursor: store.requests_between(0, NOW + 1, cursor, 3))
    assert everything == [["r-0", "r-1", "r-2"], ["r-3", "r-4", "r-5"], ["r-6", "r-7"]]


def test_a_span_holds_its_beginning_but_not_its_end(store: Store) -> None:
    for number in (10, 11, 19, 20):
        saved(store, a_request(number))
    span = store.requests_between(NOW + 11, NOW + 20)
    assert [request.id for request in span.items] == ["r-19", "r-11"]
    assert store.requests_between(NOW + 11, NOW + 11) == Page((), None)
    assert store.requests_between(NOW + 20, NOW + 11) == Page((), None)


def test_cursor_stays_in_its_span_and_person(store: Store) -> None:
    for number in range(1, 5):
        saved(store, a_request(number, requester=BEA if number > 2 else ADA))
    far = f"{NOW + DAY:012}#z"
    assert [request.id for request in store.requests_of("u-ada", far).items] == ["r-2", "r-1"]
    assert [request.id for request in store.requests_between(NOW + 2, NOW + 4, far).items] == ["r-3", "r-2"]
    early = f"{1:012}#z"
    assert store.requests_of("u-ada", early) == Page((), None)
    assert store.requests_between(NOW + 2, NOW + 4, early) == Page((), None)


@pytest.mark.parametrize(
    "cursor",
    [
        *(
            "",
            "x",
            "#",
            "12#r-1",
            "000000000000",
            "000000000000#",
            "-00000000001#r",
            "²²²²²²²²²²²²#r",
            "{}",
            "bnVsbA==",
        ),
        *(f"{NOW:012}#\n", f"{NOW:012}#" + "r" * 300),
    ],
)
def test_a_cursor_that_is_none_is_refused(store: Store, cursor: str) -> None:
    saved(store, a_request())
    with pytest.raises(ValueError, match="no cursor"):
        store.requests_of("u-ada", cursor)
    with pytest.raises(ValueError, match="no cursor"):
        store.requests_between(NOW, NOW + DAY, cursor)


# Assignments


def test_one_owner_at_a_time_has_a_lease(store: Store) -> None:
    access, other = Access("u-ada", "set", "222222222222"), Access("u-ada", "set", "333333333333")
    assert_exclusive(store.acquire_lease, store.release_lease, access, other)


def test_one_owner_at_a_time_has_a_lock(store: Store) -> None:
    assert_exclusive(store.lock, store.unlock, "sessions", "#")


Thing = TypeVar("Thing", Access, str)


def assert_exclusive(
    take: Callable[[Thing, str, int, int], bool], give_back: Callable[[Thing, str], None], thing: Thing, other: Thing
) -> None:
    give_back(thing, "r-1")
    assert take(thing, "r-1", NOW + 60, NOW)
    assert take(thing, "r-1", NOW + 90, NOW)
    assert take(other, "r-2", NOW + 60, NOW)
    assert not take(thing, "r-2", NOW + 60, NOW + 89)
    assert take(thing, "r-2", NOW + 120, NOW + 90)
    assert not take(thing, "r-1", NOW + 120, NOW + 90)
    give_back(thing, "r-1")
    assert not take(thing, "r-1", NOW + 120, NOW + 90)
    give_back(thing, "r-2")
    assert take(thing, "r-1", NOW + 120, NOW + 90)


def test_of_many_that_want_the_lease_at_once_exactly_one_gets_it(stores: Stores) -> None:
    won: list[int] = []

    def begin(number: int) -> None:
        if stores().acquire_lease(Access("u-ada", "set", "222222222222"), f"r-{number}", NOW + 60, NOW):
            won.append(number)

    at_once(begin)
    assert len(won) == 1


def test_holders_are_counted_once_and_the_last_one_is_told_apart(store: Store) -> None:
    access = Access("u-ada", "set", "222222222222")
    assert store.holders(access) == frozenset()
    assert store.remove_holder(access, "r-1") == frozenset()
    for request_id in ("r-1", "r-2", "r-2"):
        store.add_holder(access, request_id, NOW)
    assert store.holders(access) == {"r-1", "r-2"}
    assert store.remove_holder(access, "r-1") == {"r-2"}
    assert store.remove_holder(access, "r-1") == {"r-2"}
    assert store.remove_holder(access, "r-2") == frozenset()
    assert store.holders(access) == frozenset()


def test_no_holder_is_lost_when_many_come_and_go_at_once(stores: Stores) -> None:
    access = Access("u-ada", "set", "222222222222")

    def come_and_go(number: int) -> None:
        store = stores()
        store.add_holder(access, f"stays-{number}", NOW)
        store.add_holder(access, f"goes-{number}", NOW)
        store.remove_holder(access, f"goes-{number}")

    at_once(come_and_go)
    assert stores().holders(access) == {f"stays-{number}" for number in range(WRITERS)}


# Uses


def test_a_use_is_found_by_each_of_its_events(store: Store) -> None:
    assert store.save_usage(a_use(event_ids=("e-1",)))
    assert store.save_usage(a_use(version=1, event_ids=("e-1", "e-2", "e-2")))
    assert store.save_usage(a_use(2))
    assert [store.usage_of_event(event) for event in ("e-1", "e-2")] == [store.usage("u-1")] * 2
    assert store.usage_of_event("e-3") is None


def test_an_event_belongs_to_one_use_only(store: Store) -> None:
    assert store.save_usage(a_use(1, event_ids=("e-1",)))
    assert not store.save_usage(a_use(2, event_ids=("e-1", "e-2")), [a_line()])
    assert store.usage("u-2") is None
    assert store.usage_of_event("e-2") is None
    assert list(store.audit(NOW, NOW + 1)) == []


def test_usage_may_have_more_events_than_a_transaction(store: Store) -> None:
    events = tuple(f"e-{number}" for number in range(150))
    assert store.save_usage(a_use(event_ids=events[:80]))
    assert store.save_usage(a_use(version=1, event_ids=events), [a_line()])
    use = store.usage_of_event("e-149")
    assert use is not None
    assert use.event_ids == events


def test_a_use_that_somebody_else_has_written_is_not_overwritten(store: Store) -> None:
    assert store.save_usage(a_use())
    assert not store.save_usage(a_use(event_ids=("e-1",)))
    assert store.usage_of_event("e-1") is None


def test_latest_usage_is_by_time_seen_not_written(store: Store) -> None:
    assert all(store.save_usage(a_use(number)) for number in (2, 12, 1))
    latest = store.latest_usage("devops-break-glass", "222222222222", "u-ada")
    assert latest == store.usage("u-12")
    assert latest is not None
    assert store.save_usage(replace(latest, reminded_at=NOW))
    assert store.latest_usage("devops-break-glass", "222222222222", "u-ada") == store.usage("u-12")


def test_the_latest_use_is_of_this_person_set_and_account(store: Store) -> None:
    assert store.save_usage(a_use(1))
    assert store.save_usage(a_use(2, user_id="", session_name="arn:aws:sts::222222222222:assumed-role/x/ada#1"))
    assert store.latest_usage("devops-break-glass", "222222222222", "u-bea") is None
    assert store.latest_usage("devops-break-glass", "333333333333", "u-ada") is None
    assert store.latest_usage("network-break-glass", "222222222222", "u-ada") is None
    who = "arn:aws:sts::222222222222:assumed-role/x/ada#1"
    assert store.latest_usage("devops-break-glass", "222222222222", who) == store.usage("u-2")


# The audit trail


def test_audit_is_oldest_first_and_as_written_within_a_second(store: Store) -> None:
    assert store.save_request(a_request(), [a_line("z", NOW), a_line("a", NOW, note=ODD)])
    assert store.save_grant(a_grant(), [a_line("y", NOW)])
    assert store.save_usage(a_use(), [a_line("yesterday", NOW - DAY)])
    assert store.save_request(a_request(version=1), [a_line("tomorrow", NOW + DAY - 1)])
    told = list(store.audit(NOW - DAY, NOW + DAY))
    assert [line.event for line in told] == ["yesterday", "z", "a", "y", "tomorrow"]
    assert told[2] == a_line("a", NOW, note=ODD)


def test_audit_span_includes_its_start_and_not_its_end(store: Store) -> None:
    lines = [a_line(str(at), NOW + at) for at in (0, 1, 2, 3)]
    assert store.save_request(a_request(), lines)
    assert [line.event for line in store.audit(NOW + 1, NOW + 3)] == ["1", "2"]
    assert list(store.audit(NOW + 3, NOW + 1)) == []
    assert len(list(store.audit(0, NOW + DAY))) == 4


def test_equal_audit_lines_of_two_events_are_both_kept(store: Store) -> None:
    assert store.save_request(a_request(), [a_line(), a_line()])
    assert store.save_request(a_request(version=1), [a_line()])
    assert store.save_grant(a_grant(), [a_line()])
    assert len(list(store.audit(NOW, NOW + 1))) == 4


def test_a_note_is_kept_once(store: Store) -> None:
    assert store.append_audit(a_line("unrecorded_found"))
    assert not store.append_audit(a_line("unrecorded_found"))
    assert store.append_audit(a_line("unrecorded_found", NOW + 1))
    assert [line.at for line in store.audit(NOW, NOW + 2)] == [NOW, NOW + 1]


def test_the_audit_trail_has_no_slack_ids(store: Store) -> None:
    assert store.save_request(a_request(), [a_line(actor=ADA)])
    assert store.append_audit(a_line("noted", actor=BEA))
    assert [line.actor.slack_id for line in store.audit(NOW, NOW + 1)] == [None, None]


# Only in DynamoDB


@pytest.fixture
def forgetful(cloud: RunningCloud, clock: FixedClock) -> Iterator[DynamoStore]:
    """A store over a table that loses the answer to the next change of each kind."""
    table = make_table(cloud, f"store-{next(_names)}")
    for operation in ("TransactWriteItems", "UpdateItem", "DeleteItem"):
        cloud.fail(f"dynamodb:{operation}", lost=True, times=1)
    yield DynamoStore(local_client(cloud), table, clock)
    cloud.end_faults()
    cloud.client("dynamodb").delete_table(TableName=table)


@pytest.mark.local
def test_who_wrote_a_record_learns_it_though_the_answer_was_lost(forgetful: DynamoStore) -> None:
    assert forgetful.save_request(a_request(), [a_line()], [a_grant()])
    read = forgetful.request("r-1")
    assert read is not None
    assert read.version == 1
    assert len(list(forgetful.audit(NOW, NOW + 1))) == 1


@pytest.mark.local
def test_once_with_a_lost_answer_returns_true(forgetful: DynamoStore) -> None:
    assert forgetful.once("key", NOW + 600)
    assert not forgetful.once("key", NOW + 600)


@pytest.mark.local
def test_leases_and_holders_are_as_if_no_answer_had_been_lost(forgetful: DynamoStore) -> None:
    access = Access("u-ada", "set", "222222222222")
    assert forgetful.acquire_lease(access, "r-1", NOW + 60, NOW)
    assert not forgetful.acquire_lease(access, "r-2", NOW + 60, NOW)
    forgetful.add_holder(access, "r-1", NOW)
    assert forgetful.remove_holder(access, "r-1") == frozenset()
    forgetful.release_lease(access, "r-1")
    assert forgetful.acquire_lease(access, "r-2", NOW + 60, NOW)


@pytest.mark.local
def test_a_throttled_table_is_waited_for(cloud: RunningCloud, clock: FixedClock) -> None:
    store = DynamoStore(local_client(cloud), make_table(cloud, f"store-{next(_names)}"), clock)
    cloud.fail("dynamodb:*", error="ProvisionedThroughputExceededException", times=2)
    assert store.save_request(a_request())
    assert store.request("r-1") is not None
