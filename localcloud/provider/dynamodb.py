"""DynamoDB: tables with their indexes, expiry, backups, encryption and deletion protection.

API: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/

Non-goals: provisioned capacity, streams, replicas, local indexes, restored and imported tables.
"""

from typing import Any

from localcloud.provider import tags
from localcloud.provider.aws import Answer, AwsCallError, LocalAws, poll
from localcloud.provider.resource import TAGS, Property, ResourceType, as_set, declare
from localcloud.provider.values import Plain, Properties

_GONE = "gone"


def _as_expiry(ttl: Plain) -> object:
    """Compares what expires: AWS forgets the attribute when expiry is disabled."""
    return ttl if isinstance(ttl, dict) and ttl.get("enabled") else None


_INDEX = {
    "name": Property(required=True),
    # pulumi-aws deprecates `hashKey` and `rangeKey` of an index, so they are not served.
    "keySchemas": Property(
        required=True, items={"attributeName": Property(required=True), "keyType": Property(required=True)}
    ),
    "projectionType": Property(required=True),
    "nonKeyAttributes": Property(compare=as_set),
}


class Table(ResourceType):
    tok = "aws:dynamodb/table:Table"
    properties = declare(
        name=Property(replaces=True, autoname=255),
        billingMode=Property(default="PROVISIONED"),
        hashKey=Property(required=True, replaces=True),
        rangeKey=Property(replaces=True),
        attributes=Property(compare=as_set, items={"name": Property(required=True), "type": Property(required=True)}),
        globalSecondaryIndexes=Property(compare=as_set, items=_INDEX),
        ttl=Property(compare=_as_expiry, fields={"attributeName": Property(), "enabled": Property(default=False)}),
        pointInTimeRecovery=Property(server_set=True, fields={"enabled": Property(required=True)}),
        serverSideEncryption=Property(
            server_set=True, fields={"enabled": Property(required=True), "kmsKeyArn": Property()}
        ),
        deletionProtectionEnabled=Property(default=False),
        tags=TAGS,
    )
    computed = ("arn", "tagsAll")

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        """CreateTable; the id is the table's name. Expiry and backups are set once it is ACTIVE."""
        keys = {"HASH": inputs["hashKey"], "RANGE": inputs.get("rangeKey")}
        aws.call(
            "dynamodb",
            "CreateTable",
            TableName=inputs["name"],
            BillingMode=inputs["billingMode"],
            KeySchema=[{"AttributeName": name, "KeyType": kind} for kind, name in keys.items() if name],
            AttributeDefinitions=_attributes(inputs),
            GlobalSecondaryIndexes=[_index(index) for index in inputs.get("globalSecondaryIndexes", [])] or None,
            SSESpecification=_encryption(inputs),
            DeletionProtectionEnabled=inputs["deletionProtectionEnabled"],
            Tags=tags.as_list(inputs),
        )
        _wait_until_active(aws, inputs["name"])
        _set_expiry(aws, {}, inputs)
        _set_recovery(aws, {}, inputs)
        return inputs["name"]

    def settle(self, aws: LocalAws, resource_id: str, inputs: Properties) -> None:
        """A table and its indexes serve nothing before they are ACTIVE."""
        _wait_until_active(aws, resource_id)

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties:
        """DescribeTable, and one operation for each setting that it doesn't tell."""
        name = {"TableName": resource_id}
        table = aws.call("dynamodb", "DescribeTable", **name)["Table"]
        expiry = aws.call("dynamodb", "DescribeTimeToLive", **name)["TimeToLiveDescription"]
        backups = aws.call("dynamodb", "DescribeContinuousBackups", **name)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
        return {
            "name": table["TableName"],
            "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
            "hashKey": keys["HASH"],
            "rangeKey": keys.get("RANGE"),
            "attributes": [
                {"name": item["AttributeName"], "type": item["AttributeType"]} for item in table["AttributeDefinitions"]
            ],
            "globalSecondaryIndexes": [_index_properties(index) for index in _indexes(table)],
            "ttl": _expiry(expiry),
            "pointInTimeRecovery": {"enabled": recovery == "ENABLED"},
            "serverSideEncryption": _encryption_properties(table, state),
            "deletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            "arn": table["TableArn"],
            **tags.as_properties(aws.pages("dynamodb", "ListTagsOfResource", "Tags", ResourceArn=table["TableArn"])),
        }

    def update(self, aws: LocalAws, resource_id: str, old: Properties, new: Properties) -> None:
        """UpdateTable takes one kind of change and one index at a time, each after the other is done."""
        for change in _table_changes(old, new):
            aws.call("dynamodb", "UpdateTable", TableName=resource_id, **change)
            _wait_until_active(aws, resource_id)
        _set_expiry(aws, old, new)
        _set_recovery(aws, old, new)
        tags.write(aws, "dynamodb", old, new, ResourceArn=old["arn"])

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        """DeleteTable, which AWS refuses under deletion protection; waits until the name is free."""
        aws.call("dynamodb", "DeleteTable", TableName=resource_id)

        def status() -> tuple[str, str]:
            try:
                table = aws.call("dynamodb", "DescribeTable", TableName=resource_id)["Table"]
            except AwsCallError as error:
                if error.not_found:
                    return _GONE, ""
                raise
            return table["TableStatus"], ""

        poll(f"DeleteTable {resource_id}", status, _GONE, frozenset({"DELETING"}))


def _wait_until_active(aws: LocalAws, name: str) -> None:
    def status() -> tuple[str, str]:
        table = aws.call("dynamodb", "DescribeTable", TableName=name)["Table"]
        pending = [index["IndexStatus"] for index in _indexes(table) if index["IndexStatus"] != "ACTIVE"]
        return (table["TableStatus"] if table["TableStatus"] != "ACTIVE" else (pending or ["ACTIVE"])[0]), ""

    poll(f"table {name}", status, "ACTIVE", frozenset({"CREATING", "UPDATING", "DELETING"}))


def _table_changes(old: Properties, new: Properties) -> list[dict[str, Any]]:
    """The calls of UpdateTable, in an order that AWS accepts; a changed index is deleted and created."""
    before = {index["name"]: index for index in old.get("globalSecondaryIndexes", [])}
    after = {index["name"]: index for index in new.get("globalSecondaryIndexes", [])}
    stays = {name for name in before.keys() & after.keys() if _index(before[name]) == _index(after[name])}
    changes: list[dict[str, Any]] = []
    if old["billingMode"] != new["billingMode"]:
        changes.append({"BillingMode": new["billingMode"]})
    if old["deletionProtectionEnabled"] != new["deletionProtectionEnabled"]:
        changes.append({"DeletionProtectionEnabled": new["deletionProtectionEnabled"]})
    if "serverSideEncryption" in new and old.get("serverSideEncryption") != new["serverSideEncryption"]:
        changes.append({"SSESpecification": _encryption(new)})
    for name in sorted(before.keys() - stays):
        changes.append({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]})
    for name in sorted(after.keys() - stays):
        made = {"GlobalSecondaryIndexUpdates": [{"Create": _index(after[name])}]}
        changes.append({**made, "AttributeDefinitions": _attributes(new)})
    return changes


def _set_expiry(aws: LocalAws, old: Properties, new: Properties) -> None:
    """UpdateTimeToLive; AWS refuses to enable what is enabled, and to change the attribute without disabling it."""
    before, after = old.get("ttl", {}), new.get("ttl", {})
    if before == after:
        return
    for ttl, enabled in ((before, False), (after, True)):
        if ttl.get("enabled"):
            setting = {"AttributeName": ttl["attributeName"], "Enabled": enabled}
            aws.call("dynamodb", "UpdateTimeToLive", TableName=new["name"], TimeToLiveSpecification=setting)


def _set_recovery(aws: LocalAws, old: Properties, new: Properties) -> None:
    """UpdateContinuousBackups."""
    after = new.get("pointInTimeRecovery")
    if after is None or after == old.get("pointInTimeRecovery", {"enabled": False}):
        return
    setting = {"PointInTimeRecoveryEnabled": after["enabled"]}
    name = {"TableName": new["name"]}
    aws.call("dynamodb", "UpdateContinuousBackups", PointInTimeRecoverySpecification=setting, **name)


def _attributes(inputs: Properties) -> list[dict[str, str]]:
    return [
        {"AttributeName": attribute["name"], "AttributeType": attribute["type"]}
        for attribute in inputs.get("attributes", [])
    ]


def _index(index: Properties) -> dict[str, Any]:
    projection: dict[str, Plain] = {"ProjectionType": index["projectionType"]}
    if index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = sorted(index["nonKeyAttributes"])
    return {
        "IndexName": index["name"],
        "KeySchema": [
            {"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in index["keySchemas"]
        ],
        "Projection": projection,
    }


def _indexes(table: Answer) -> list[Answer]:
    return table.get("GlobalSecondaryIndexes") or []


def _index_properties(index: Answer) -> Properties:
    return {
        "name": index["IndexName"],
        "keySchemas": [
            {"attributeName": key["AttributeName"], "keyType": key["KeyType"]} for key in index["KeySchema"]
        ],
        "projectionType": index["Projection"]["ProjectionType"],
        "nonKeyAttributes": index["Projection"].get("NonKeyAttributes"),
    }


def _expiry(description: Answer) -> Properties | None:
    if description["TimeToLiveStatus"] in ("DISABLED", "DISABLING"):
        return None
    return {"attributeName": description["AttributeName"], "enabled": True}


def _encryption(inputs: Properties) -> dict[str, Any] | None:
    """A table is always encrypted; `enabled` selects a KMS key of the account."""
    wanted = inputs.get("serverSideEncryption")
    if wanted is None:
        return None
    if not wanted["enabled"]:
        return {"Enabled": False}
    key = {"KMSMasterKeyId": wanted["kmsKeyArn"]} if "kmsKeyArn" in wanted else {}
    return {"Enabled": True, "SSEType": "KMS", **key}


def _encryption_properties(table: Answer, state: Properties) -> Properties:
    """AWS tells the key also when it chose it: it counts only where the program names one."""
    told = table.get("SSEDescription", {})
    if told.get("Status") not in ("ENABLED", "ENABLING", "UPDATING"):
        return {"enabled": False}
    named = "kmsKeyArn" in state.get("serverSideEncryption", {})
    return {"enabled": True, **({"kmsKeyArn": told.get("KMSMasterKeyArn")} if named else {})}


RESOURCE_TYPES = (Table(),)
