"""The key `alerts.organization` of a stack file, which makes the stack the hub of an organization.

Non-goals: the stack of a spoke (see `spoke`).
"""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, TypeAdapter

from breakglass.stack_file.base import ConfigModel, RawValue, duplicate_faults
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import AccountId, LogGroupName, OrganizationId, Region, RollCallInterval, UnitId
from breakglass.vocabulary import CallAs

_UNIT_ID = TypeAdapter(UnitId)

OFF = "off"
"""The value of `probe`, `rollCall` and `witness` in a stack without them."""


class Spokes(ConfigModel):
    """The accounts and regions of the organization that forward their events to this stack."""

    units: list[UnitId] = Field(default_factory=list, examples=[["r-ab12"]])
    """IDs of the root or of organizational units, with all units below them. Their accounts get a spoke, also those
    that join later. With `callAs: elsewhere` they only tell the roll call where spokes are; default: everywhere."""
    exclude: list[AccountId] = Field(default_factory=list)
    """IDs of accounts without a spoke. Their events raise no alert, and the roll call does not miss them."""
    regions: Annotated[list[Region], Field(min_length=1)] = Field(examples=[["eu-central-1", "us-east-1"]])
    """The regions of the spokes, that of this stack included. Root's sign-ins and those of the console are recorded in
    us-east-1 (cn-north-1, us-gov-west-1), so that one belongs here, too."""
    call_as: CallAs = CallAs.self
    """The maker of the CloudFormation StackSet of the spokes."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicates, of a StackSet without units, and of units that can't go together."""
        for key in ("units", "exclude"):
            yield from duplicate_faults(given[key])
        units = given["units"]
        if not units.value and given["callAs"].value != CallAs.elsewhere:
            yield units.fault(
                "The StackSet has no units, so no account of the organization would get a spoke.",
                "Write `units: [<ID of the root>]` for all accounts (`aws organizations list-roots`), or `callAs: "
                "elsewhere` if another program makes the StackSet.",
            )
        valid = [unit for each in units if (unit := each.valid(_UNIT_ID))]
        roots = {unit.split("-")[1] for unit in valid}
        if len(roots) == 1 and len({*valid}) > 1 and any(unit.startswith("r-") for unit in valid):
            yield units.fault(
                "The root has all units below it, so the others would have no effect.",
                "Name the root alone for all accounts, or only the units whose accounts are to get a spoke.",
            )
        if len(roots) > 1:
            yield units.fault(
                f"The IDs are of {len(roots)} organizations: that of a unit begins with that of its root "
                f"({', '.join(sorted(roots))}). A StackSet deploys to one organization.",
                "Copy the IDs again, from `aws organizations list-organizational-units-for-parent`.",
            )


class TrailWitness(ConfigModel):
    """The witness: finds uses that the organization's trail recorded and no rule fired on."""

    trail_log_group: LogGroupName
    """The name of the log group of the organization's trail, in the account and region of this stack."""


class Organization(ConfigModel):
    """An organization whose accounts forward their events to this stack."""

    id: OrganizationId
    """The ID of the organization. The stack's event bus admits its accounts only."""
    spokes: Spokes
    """The accounts and regions that forward their events."""
    roll_call: RollCallInterval = "P1D"
    """The interval at which the roll call reports each account and region that has not answered: P1D, or off. Off also
    ends the mail about a further region of Identity Center."""
    witness: TrailWitness | None = None
    """The witness: finds uses that the organization's trail recorded and no rule fired on. Only where the log group of
    the trail is, in the account and region of this stack."""

    @property
    def has_roll_call(self) -> bool:
        """True if the stack has a roll call."""
        return self.roll_call != OFF
