"""The key `alerts.tamper` of a stack file: what else counts as tampering, and who may change it.

Non-goals: what the stack knows of itself, e.g. the prefix of its resources, its secrets and its API.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, TypeAdapter
from pydantic_core import core_schema

from breakglass.alerts.patterns import PATTERN_LIMIT
from breakglass.stack_file.base import ConfigModel, RawValue, duplicate_faults
from breakglass.stack_file.faults import Fault, fault, yaml_kind
from breakglass.stack_file.types import BucketName, DeployerArn, KmsKeyArn, PolicyId, StackName, Trail

DEPLOYER_ARN = TypeAdapter(DeployerArn)

_DEPLOYERS_LIMIT = 500
"""The most characters of all deployers: with the longest names of stacks, the patterns have room for the rest."""


class TamperSettings(ConfigModel):
    """Resources whose changes are reported besides those of the stack, and the roles that may make them."""

    deployers: list[DeployerArn] = Field(default_factory=list)
    """ARNs of the roles that run `pulumi up`; with `aws:assumeRole`, of those that it assumes. Their changes are not
    reported, but the start of each of their sessions is."""
    trail: Trail | None = None
    """The name or ARN of the trail that delivers the events of this region."""
    trail_bucket: BucketName | None = None
    """The name of the trail's S3 bucket. Those in `permissionSets.trailBuckets` are watched in any case."""
    keys: list[KmsKeyArn] = Field(default_factory=list)
    """ARNs of the KMS keys of the trail and of the secrets. Those in `permissionSets.trailKeyArns` and
    `slack.kmsKeyArn` are watched in any case."""
    session_policy: PolicyId | None = None
    """The ID of the service control policy that ends sessions, in the stack in us-east-1 beside one with `approvals`.
    That one's output `sessionPolicyId` has it, and `stacks` has to name it. Default: that of the same stack."""
    stacks: Annotated[list[StackName], Field(max_length=3)] = Field(default_factory=list)
    """Names of other stacks in the same account, whose resources this stack watches, too: those in its region, and in
    us-east-1 the roles of all. A stack can't report that its own rules were deleted: another one in its region has
    to."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicates, of a policy without its stack, and of more deployers than a pattern holds."""
        for key in ("deployers", "keys", "stacks"):
            yield from duplicate_faults(given[key])
        if given["sessionPolicy"] and not given["stacks"].value:
            yield given["sessionPolicy"].fault(
                "The functions of the stack with `approvals` write this policy, and `stacks` does not name that stack. "
                "So each end of access would be reported as tampering.",
                "Add `stacks: [<name of the stack with approvals>]`.",
            )
        length = sum(len(deployer.text or "") for deployer in given["deployers"])
        if length > _DEPLOYERS_LIMIT:
            yield given["deployers"].fault(
                f"The ARNs have {length} characters in all. Each event pattern about tampering holds all of them, and "
                f"EventBridge takes {PATTERN_LIMIT} characters for a pattern.",
                f"Deploy with fewer roles, or with roles of shorter paths: at most {_DEPLOYERS_LIMIT} characters.",
            )


def _settings(value: object) -> object:
    """Return None for false, and refuse anything else but a mapping: no alert ends by an empty value."""
    if value is False:
        return None
    if isinstance(value, (Mapping, TamperSettings)):
        return value
    got = "true" if value is True else yaml_kind(value)
    raise fault(
        f"Expected false or a mapping, got {got}. Tampering is reported by default.",
        "Delete the key for the default, write `tamper: {deployers: [<role ARN>]}`, or false to report no tampering.",
    )


class _OrFalse:
    """Adds `false` to the JSON schema of a mapping."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"type": "boolean", "const": False}, handler(schema)]}


Tamper = Annotated[TamperSettings | None, BeforeValidator(_settings), _OrFalse()]
"""Settings of the reports of tampering; None (`false` in the stack file) if there are none."""
