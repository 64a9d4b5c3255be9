"""The stack file as a frozen model of its sections.

`permissionSets` is for the account that owns the Identity Center instance, `alerts` for the accounts where the roles
are used, `approvals` beside both for the workflow in Slack. The components validate their arguments with the same
models.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, TypeAdapter

from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.approvals_lint import cross_section_faults
from breakglass.stack_file.base import ConfigModel, RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.permission_sets import PermissionSets
from breakglass.stack_file.secret_keys import (
    ENCRYPTED_SCHEMA,
    SECRET_KEYS,
    encrypted_signing_secret,
    encrypted_token,
    plain_secret_faults,
    signing_source_faults,
    token_source_faults,
)
from breakglass.stack_file.set_names import SetName, ambiguous_names, pair_names
from breakglass.stack_file.types import RoleArn, TagKey, TagValue

_ROLE_ARN = TypeAdapter(RoleArn)


class StackFile(ConfigModel):
    """The sections of a stack file."""

    permission_sets: PermissionSets | None = None
    """What goes to the account that owns the Identity Center instance."""
    alerts: Alerts | None = None
    """What goes to the accounts where the roles are used."""
    approvals: ApprovalSettings | None = None
    """Access to the break-glass sets of this file on request, decided in Slack; needs the two sections above."""
    tags: dict[TagKey, TagValue] = Field(default_factory=dict, examples=[{"team": "platform"}])
    """Tags on every resource that takes tags."""

    @property
    def explains(self) -> bool:
        """Whether alerts have the button that asks for an explanation."""
        wanted = self.alerts.explain_button if self.alerts else False
        return self.approvals is not None if wanted is None else wanted

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """There is something to deploy and to watch, and an alert can tell all permission sets of the file apart."""
        alerts, pairs, watch = given["alerts"], given["permissionSets"]["pairs"], given["alerts"]["watch"]
        if any(given[section].encrypted for section in ("permissionSets", "alerts", "approvals")):
            return
        yield from cross_section_faults(given)
        if not alerts and not given["permissionSets"] and not given["approvals"]:
            yield given.fault(
                "The stack file has neither permission sets nor alerts, so there is nothing to deploy.",
                "Add `breakglass:permissionSets` in the Identity Center account, `breakglass:alerts` where the roles "
                "are used, or both.",
            )
        if alerts and not any(watched.value for watched in (pairs, watch["permissionSets"], watch["roles"])):
            yield alerts.fault(
                "The section `alerts` watches nothing: the file has no pair of permission sets and no `watch` entry, "
                "so no use would ever raise an alert.",
                "Add `watch: {permissionSets: [<name>]}` or `watch: {roles: [<ARN>]}`.",
            )
        groups = [pair_names(pair) for pair in pairs]
        groups += [[SetName(name, name.text, True, made_here=False)] for name in watch["permissionSets"] if name.text]
        for these, those in itertools.combinations(groups, 2):
            yield from ambiguous_names(itertools.product(these, those))
        alerting = [name.name for names in groups for name in names if name.alerting]
        yield from _repeated_subjects([PermissionSetSubject(name).key for name in alerting], watch["roles"])


def _repeated_subjects(keys: list[str], roles: RawValue) -> Iterator[Fault]:
    """Complain about roles whose alert could not be kept apart from an earlier one."""
    seen = set(keys)
    for role in roles:
        arn = role.valid(_ROLE_ARN)
        key = RoleSubject(arn).key if arn else None
        if key in seen:
            yield role.fault(
                f"The alert for {key} is in this file before; every alert has its own rules and its own queue.",
                "Delete one of the two. (A role's name is unique in its account, whatever its path.)",
            )
        seen |= {key} if key else set()


class StackKeys(StackFile):
    """Every `breakglass:` key of a stack file: the sections, and the secrets as the CLI encrypted them."""

    slack_bot_token: Annotated[dict[str, str], BeforeValidator(encrypted_token), ENCRYPTED_SCHEMA] | None = Field(
        default=None, exclude=True, repr=False
    )
    """The Slack app's bot token. Never write it here: run `pulumi config set --secret breakglass:slackBotToken`."""
    slack_signing_secret: (
        Annotated[dict[str, str], BeforeValidator(encrypted_signing_secret), ENCRYPTED_SCHEMA] | None
    ) = Field(default=None, exclude=True, repr=False)
    """The Slack app's signing secret, with `approvals`. Never write it here: run
    `pulumi config set --secret breakglass:slackSigningSecret`."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Each secret comes from exactly one place, and nothing anywhere in the file looks like one."""
        yield from super().cross_field_faults(given)
        for key, value in given.value.items() if isinstance(given.value, Mapping) else ():
            # The keys of the secrets have validators that say the same better.
            yield from () if key in SECRET_KEYS else plain_secret_faults(RawValue({key: value}))
        yield from token_source_faults(given)
        yield from signing_source_faults(given)
