"""The table of the approvals: requests, grants, usages and the audit trail.

A part of `Approvals`, not usable alone.

Non-goals: the attributes of an item (see `breakglass.app.aws`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.app.aws.table import EXPIRY, INDEXES, PARTITION_KEY, SORT_KEY, STRING_ATTRIBUTES, Index


@dataclass(frozen=True)
class ApprovalTableArgs:
    """Arguments of `ApprovalTable`.

    Attributes:
        table_name: The table's name.
        region: AWS region.
        protect_records: Deletion protection.
        tags: On the table.
    """

    table_name: str
    region: str
    protect_records: bool
    tags: Mapping[str, str]


class ApprovalTable(pulumi.ComponentResource):
    """A DynamoDB table on demand, encrypted, with point-in-time recovery and, by default, deletion protection.

    With deletion protection `pulumi destroy` fails at the table, and so does an update that would replace it: a wrong
    command must not delete the audit trail. To destroy the stack, deploy `protect_records: False` first. AWS keeps a
    backup of a deleted table for 35 days (DynamoDB Developer Guide, "Point-in-time backups for DynamoDB").
    """

    table_name: pulumi.Output[str]
    """Name of the table."""
    table_arn: pulumi.Output[str]
    """ARN of the table."""

    def __init__(self, name: str, args: ApprovalTableArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:ApprovalTable", name, None, opts)
        table = aws.dynamodb.Table(
            f"{name}-table",
            name=args.table_name,
            billing_mode="PAY_PER_REQUEST",
            hash_key=PARTITION_KEY,
            range_key=SORT_KEY,
            attributes=[{"name": attribute, "type": "S"} for attribute in STRING_ATTRIBUTES],
            global_secondary_indexes=[_index(index) for index in INDEXES],
            ttl={"attribute_name": EXPIRY, "enabled": True},
            point_in_time_recovery={"enabled": True},
            # The AWS managed key, whose use CloudTrail records.
            server_side_encryption={"enabled": True},
            deletion_protection_enabled=args.protect_records,
            region=args.region,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.table_name = table.name
        self.table_arn = table.arn
        self.register_outputs({"table_name": self.table_name, "table_arn": self.table_arn})


def _index(index: Index) -> "aws.dynamodb.TableGlobalSecondaryIndexArgsDict":
    return {
        "name": index.name,
        "key_schemas": [
            {"attribute_name": index.partition_key, "key_type": "HASH"},
            {"attribute_name": index.sort_key, "key_type": "RANGE"},
        ],
        # Queries read the item from the table afterwards.
        "projection_type": "KEYS_ONLY",
    }
