"""The table when DynamoDB is busy, loses an answer or leaves keys unprocessed."""

from typing import Any

import pytest

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.dynamo_table import ATTEMPTS, MAX_ITEMS, DynamoTable
from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.aws.table import OPEN, keys
from breakglass.app.ports import BusyError
from tests.app.aws.scripted_server import HangUp, Pause, Reply, ScriptedServer, never, refusal


def table(server: ScriptedServer, pause: Pause = never) -> DynamoTable:
    return DynamoTable(client_of(server, pause), "records")


def client_of(server: ScriptedServer, pause: Pause) -> AwsClient:
    environment = {"AWS_ENDPOINT_URL": server.url}
    credentials = Credentials("AKIDEXAMPLE", "any")
    return AwsClient("eu-central-1", lambda: credentials, environment=environment, pause=pause)


def cancelled(*codes: str) -> Reply:
    return refusal("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


def puts(wanted: DynamoTable, count: int = 1) -> list[dict[str, Any]]:
    return [wanted.put_new(keys(f"pk-{number}", "sk")) for number in range(count)]


def test_write_with_a_lost_answer_repeats_the_token(server: ScriptedServer) -> None:
    server.answers(HangUp(), Reply())
    records = table(server, lambda _: None)
    assert records.write(puts(records))
    first, second = (asked.json for asked in server.asked)
    assert first == second
    assert 1 <= len(first["ClientRequestToken"]) <= 36


def test_write_after_a_conflict_is_a_new_transaction(server: ScriptedServer) -> None:
    server.answers(cancelled("None", "TransactionConflict"), cancelled("ThrottlingError", "None"), Reply())
    pauses: list[float] = []
    records = table(server, pauses.append)
    assert records.write(puts(records, 2))
    assert len({asked.json["ClientRequestToken"] for asked in server.asked}) == len(server.asked) == 3
    assert len(pauses) == 2


def test_write_that_meets_only_conflicts_is_busy(server: ScriptedServer) -> None:
    server.answers(cancelled("TransactionConflict"))
    records = table(server, lambda _: None)
    with pytest.raises(BusyError):
        records.write(puts(records))
    assert len(server.asked) == ATTEMPTS


def test_once_that_meets_only_conflicts_is_unknown(server: ScriptedServer) -> None:
    server.answers(cancelled("TransactionConflict"))
    with pytest.raises(BusyError):
        DynamoStore(client_of(server, lambda _: None), "records", lambda: 0).once("slack/1", 600)


@pytest.mark.parametrize("codes", [("ConditionalCheckFailed",), ("TransactionConflict", "ConditionalCheckFailed")])
def test_a_condition_that_does_not_hold_is_not_tried_again(server: ScriptedServer, codes: tuple[str, ...]) -> None:
    server.answers(cancelled(*codes))
    records = table(server)
    assert not records.write(puts(records, len(codes)))
    assert len(server.asked) == 1


@pytest.mark.parametrize("failure", [cancelled("ValidationError", "None"), refusal("ValidationException")])
def test_a_wrong_request_is_an_error_not_a_lost_race(server: ScriptedServer, failure: Reply) -> None:
    server.answers(failure)
    records = table(server)
    with pytest.raises(AwsError):
        records.write(puts(records))
    with pytest.raises(AwsError):
        records.change("DeleteItem", "pk", "sk")
    assert len(server.asked) == 2


def test_write_of_too_many_items_sends_nothing(server: ScriptedServer) -> None:
    records = table(server)
    with pytest.raises(ValueError, match="101 items do not fit into one transaction of 100"):
        records.write(puts(records, MAX_ITEMS + 1))
    assert server.asked == []


def test_a_change_whose_condition_does_not_hold_says_so(server: ScriptedServer) -> None:
    server.answers(refusal("ConditionalCheckFailedException"))
    assert not table(server).change("DeleteItem", "pk", "sk", ConditionExpression="#holder = :me")


def test_keys_that_were_left_for_later_are_asked_for_again(server: ScriptedServer) -> None:
    first, second = keys("pk-1", "sk"), keys("pk-2", "sk")
    server.answers(
        Reply({"Responses": {"records": [second]}, "UnprocessedKeys": {"records": {"Keys": [first]}}}),
        Reply({"Responses": {}, "UnprocessedKeys": {"records": {"Keys": [first]}}}),
        Reply({"Responses": {"records": [first]}, "UnprocessedKeys": {}}),
    )
    assert list(table(server, lambda _: None).read([first, second])) == [first, second]
    asked = [asked.json["RequestItems"]["records"]["Keys"] for asked in server.asked]
    assert asked == [[first, second], [first], [first]]
    assert server.asked[0].json["RequestItems"]["records"]["ConsistentRead"] is True


def test_keys_are_not_left_for_later_for_ever(server: ScriptedServer) -> None:
    first = keys("pk-1", "sk")
    server.answers(Reply({"Responses": {}, "UnprocessedKeys": {"records": {"Keys": [first]}}}))
    with pytest.raises(AwsError, match="unprocessed"):
        list(table(server, lambda _: None).read([first]))
    assert len(server.asked) == ATTEMPTS


def test_read_batches_a_hundred_and_skips_missing_items(server: ScriptedServer) -> None:
    found = [keys(f"pk-{number}", "sk") for number in range(150)]
    server.answers(Reply({"Responses": {"records": found[:99]}}), Reply({"Responses": {"records": found[100:]}}))
    assert list(table(server).read(found)) == found[:99] + found[100:]
    assert [len(asked.json["RequestItems"]["records"]["Keys"]) for asked in server.asked] == [100, 50]


def test_the_table_is_queried_consistently_and_to_its_end(server: ScriptedServer) -> None:
    server.answers(
        Reply({"Items": [{"n": 1}], "LastEvaluatedKey": {"pk": {"S": "a"}}}),
        Reply({"Items": [], "LastEvaluatedKey": {"pk": {"S": "b"}}}),
        Reply({"Items": [{"n": 2}]}),
    )
    assert list(table(server).query("#pk = :pk", pk="a", Limit=1)) == [{"n": 1}, {"n": 2}]
    assert server.asked[0].json == {
        "TableName": "records",
        "KeyConditionExpression": "#pk = :pk",
        "ExpressionAttributeNames": {"#pk": "pk"},
        "ExpressionAttributeValues": {":pk": {"S": "a"}},
        "Limit": 1,
        "ConsistentRead": True,
    }
    assert [asked.json.get("ExclusiveStartKey") for asked in server.asked] == [
        None,
        {"pk": {"S": "a"}},
        {"pk": {"S": "b"}},
    ]


def test_query_of_an_index_is_not_consistent(server: ScriptedServer) -> None:
    server.answers(Reply({"Items": []}))
    list(table(server).query("#pk = :pk AND #sk BETWEEN :first AND :last", OPEN, pk="a", first="1", last="2"))
    asked = server.asked[0].json
    assert (asked["IndexName"], "ConsistentRead" in asked) == ("open", False)
    assert asked["ExpressionAttributeNames"] == {"#pk": "open_kind", "#sk": "open_at"}
