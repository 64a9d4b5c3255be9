"""Each function may make all DynamoDB calls of the store methods that it uses.

The store runs over a client that records its calls. The methods of each function are listed here. A missing one shows
only in AWS (docs/live-checks.md), since the local cloud checks no permissions.
"""

import json
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any, cast

import pytest

from breakglass.app.aws.aws import AwsClient
from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.table import PARTITION_KEY, SORT_KEY
from breakglass.app.domain.records import (
    SYSTEM,
    Access,
    Actor,
    AuditEntry,
    Denial,
    Grant,
    GrantState,
    Kind,
    Request,
    Usage,
)
from breakglass.app.domain.usage_lifecycle import begin_required_usage
from breakglass.app.ports import Store
from breakglass.app.services.context import InteractionStore, ProvisionerStore, RecorderStore
from breakglass.iam.app_roles import AppScope, function_permissions
from breakglass.naming import AppFunction, Names, ResourceArns
from tests.app.domain.policies import MANAGEMENT, PRODUCTION, RDS, policy

ARNS = ResourceArns(Names("prod-approvals"), "aws", "eu-central-1", MANAGEMENT)
SCOPE = AppScope(ARNS, policy(), "arn:aws:secretsmanager:::secret:token", "arn:aws:secretsmanager:::secret:signing")
NOW = 1_800_000_000

ACCESS = Access("u-ada", RDS, PRODUCTION)
REQUEST = Request(
    "r-1", Kind.access, Actor("u-ada", "Ada"), "ada", RDS, (PRODUCTION,), 3600, "", "", "databases", 1, NOW, NOW + 1800
)
GRANT = Grant("r-1", ACCESS, GrantState.planned, NOW + 3600)
DENIAL = Denial("r-1", "u-ada", RDS, (PRODUCTION,), Actor("u-cleo", "Cleo"), NOW)
USE = Usage("u-1", RDS, PRODUCTION, "u-ada", "ada", NOW, NOW + 86_400, event_ids=("event-1",))
AUDIT = (AuditEntry(NOW, "r-1", "requested", SYSTEM, RDS, (PRODUCTION,), "databases", "", "", "pending"),)

METHODS: dict[str, Callable[[DynamoStore], object]] = {
    "once": lambda store: store.once("key", NOW + 600),
    "extend_once": lambda store: store.extend_once("key", NOW + 600),
    "request": lambda store: store.request("r-1"),
    "save_request": lambda store: store.save_request(REQUEST, AUDIT, [GRANT]),
    "denials": lambda store: store.denials("u-ada", RDS, [PRODUCTION]),
    "grants": lambda store: store.grants("r-1"),
    "grant": lambda store: store.grant("r-1", PRODUCTION),
    "save_grant": lambda store: store.save_grant(GRANT, AUDIT),
    "open_requests": lambda store: list(store.open_requests()),
    "live_grants": lambda store: list(store.live_grants()),
    "requests_of": lambda store: store.requests_of("u-ada"),
    "requests_between": lambda store: store.requests_between(NOW - 86_400, NOW),
    "acquire_lease": lambda store: store.acquire_lease(ACCESS, "r-1", NOW + 900, NOW),
    "lock": lambda store: store.lock("sessions", "owner", NOW + 60, NOW),
    "unlock": lambda store: store.unlock("sessions", "owner"),
    "release_lease": lambda store: store.release_lease(ACCESS, "r-1"),
    "add_holder": lambda store: store.add_holder(ACCESS, "r-1", NOW),
    "last_held": lambda store: store.last_held(ACCESS),
    "cursor": lambda store: store.cursor("search"),
    "save_cursor": lambda store: store.save_cursor("search", "[]"),
    "remove_holder": lambda store: store.remove_holder(ACCESS, "r-1"),
    "holders": lambda store: store.holders(ACCESS),
    "usage": lambda store: store.usage("u-1"),
    "usage_of_event": lambda store: store.usage_of_event("event-1"),
    "save_usage": lambda store: store.save_usage(USE, AUDIT),
    "latest_usage": lambda store: store.latest_usage(RDS, PRODUCTION, "u-ada"),
    "open_usages": lambda store: list(store.open_usages()),
    "append_audit": lambda store: store.append_audit(AUDIT[0]),
    "audit": lambda store: list(store.audit(NOW - 86_400, NOW)),
}

PEOPLE = "request save_request grants usage save_usage usage_of_event latest_usage requests_of"
USES = {
    AppFunction.interactions: f"{PEOPLE} denials requests_between open_requests live_grants open_usages once "
    "extend_once append_audit",
    AppFunction.provisioner: "request save_request grants grant save_grant acquire_lease release_lease lock unlock "
    "add_holder remove_holder",
    AppFunction.reconciler: "once extend_once append_audit open_requests live_grants open_usages request "
    "save_request grants grant save_grant acquire_lease release_lease lock unlock add_holder remove_holder holders "
    "last_held cursor save_cursor usage denials",
    AppFunction.usage_recorder: "usage_of_event usage latest_usage requests_of request save_usage",
}
"""The methods of `ports.Store` that a function's code calls."""

STORES: dict[AppFunction, type] = {
    AppFunction.interactions: InteractionStore,
    AppFunction.provisioner: ProvisionerStore,
    AppFunction.reconciler: Store,
    AppFunction.usage_recorder: RecorderStore,
}
"""The store of each function's context."""

AUDITORS = {"audit"}
"""Methods that no function calls: `breakglass audit` reads the trail with the caller's permissions."""


class Asked:
    """A client that answers with as little as there may be, and keeps what it was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, service: object, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((operation, arguments))
        match operation:
            case "GetItem":
                pointed = {"use": {"S": "u-1"}}
                return {"Item": pointed} if arguments["Key"][PARTITION_KEY]["S"].startswith("EVENT#") else {}
            case "Query" if "IndexName" in arguments:
                return {"Items": [self._found(arguments)]}
            case "Query":
                latest = arguments["ExpressionAttributeValues"][":pk"]["S"].startswith("LATEST#")
                return {"Items": [{"use": {"S": "u-1"}}] if latest else []}
            case "BatchGetItem":
                return {"Responses": {}}
        return {}

    def _found(self, arguments: dict[str, Any]) -> dict[str, Any]:
        kind = "USE" if arguments["ExpressionAttributeValues"][":pk"]["S"] == "USE" else "REQUEST"
        return {PARTITION_KEY: {"S": f"{kind}#1"}, SORT_KEY: {"S": kind}, "at": {"S": f"{NOW:012}#r-1"}}

    def needs(self) -> Iterator[tuple[str, str, str]]:
        """Yield each permission that the calls take: action, resource, and the first key."""
        table = ARNS.table_arn
        for operation, arguments in self.calls:
            match operation:
                case "TransactWriteItems":
                    for item in arguments["TransactItems"]:
                        (put,) = item.values()
                        yield "dynamodb:PutItem", table, put["Item"][PARTITION_KEY]["S"]
                case "BatchGetItem":
                    for wanted in arguments["RequestItems"].values():
                        for key in wanted["Keys"]:
                            yield "dynamodb:BatchGetItem", table, key[PARTITION_KEY]["S"]
                case "Query" if "IndexName" in arguments:
                    yield "dynamodb:Query", f"{table}/index/{arguments['IndexName']}", ""
                case "Query":
                    yield "dynamodb:Query", table, arguments["ExpressionAttributeValues"][":pk"]["S"]
                case _:
                    yield f"dynamodb:{operation}", table, arguments["Key"][PARTITION_KEY]["S"]


def needs_of(method: str) -> set[tuple[str, str, str]]:
    client = Asked()
    METHODS[method](DynamoStore(cast(AwsClient, client), ARNS.names.table, lambda: NOW))
    found = set(client.needs())
    assert found, method
    return found


def allowed(app_function: AppFunction, action: str, resource: str, key: str) -> bool:
    for statement in function_permissions(app_function, SCOPE)["Statement"]:
        actions, resources = (
            [value] if isinstance(value, str) else value for value in (statement["Action"], statement["Resource"])
        )
        keyed = statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
        if action in actions and resource in resources:
            return keyed is None or any(fnmatchcase(key, pattern) for pattern in keyed)
    return False


def test_every_method_of_the_store_is_covered() -> None:
    public = {name for name in vars(DynamoStore) if not name.startswith("_")}

    assert METHODS.keys() == public
    assert {method for methods in USES.values() for method in methods.split()} | AUDITORS == public


@pytest.mark.parametrize("app_function", USES)
def test_context_store_has_the_methods_of_its_function(app_function: AppFunction) -> None:
    assert set(USES[app_function].split()) <= set(dir(STORES[app_function]))


@pytest.mark.parametrize(
    ("app_function", "method"),
    [(app_function, method) for app_function in USES for method in USES[app_function].split()],
)
def test_function_may_do_everything_that_its_store_does(app_function: AppFunction, method: str) -> None:
    assert [need for need in needs_of(method) if not allowed(app_function, *need)] == []


def test_receiver_has_no_permission_on_the_table() -> None:
    document = json.dumps(function_permissions(AppFunction.receiver, SCOPE))
    assert "dynamodb" not in document
    assert ARNS.names.table not in document


def test_reconciler_may_record_the_use_of_a_broken_glass() -> None:
    client = Asked()
    DynamoStore(cast(AwsClient, client), ARNS.names.table).save_usage(*begin_required_usage(REQUEST, 86_400, NOW))
    assert [need for need in client.needs() if not allowed(AppFunction.reconciler, *need)] == []


def test_only_interactions_may_write_a_denial() -> None:
    client = Asked()
    DynamoStore(cast(AwsClient, client), ARNS.names.table).save_request(REQUEST, AUDIT, denial=DENIAL)
    assert [
        app_function for app_function in AppFunction if all(allowed(app_function, *need) for need in client.needs())
    ] == [AppFunction.interactions]


@pytest.mark.parametrize(
    ("app_function", "method"),
    [
        *((AppFunction.receiver, method) for method in METHODS),
        *(
            (AppFunction.interactions, method)
            for method in ("add_holder", "remove_holder", "acquire_lease", "release_lease", "lock", "audit")
        ),
        *((AppFunction.provisioner, method) for method in ("denials", "save_usage", "once", "open_usages", "audit")),
        *(
            (AppFunction.usage_recorder, method)
            for method in ("save_request", "save_grant", "acquire_lease", "lock", "add_holder", "audit")
        ),
        (AppFunction.reconciler, "audit"),
    ],
)
def test_function_may_not_do_the_work_of_another(app_function: AppFunction, method: str) -> None:
    assert [need for need in needs_of(method) if not allowed(app_function, *need)]
