"""The stack file as a frozen model of its sections.

`permissionSets` is for the account that owns the Identity Center instance, `alerts` for the accounts where the roles
are used, for the hub of an organization or a spoke of it, `approvals` beside the first two for the workflow in Slack.
The same model validates the arguments of `BreakGlass`.
"""

import itertools
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import core_schema

from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperSubject,
    UserSubject,
)
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.approvals_lint import cross_section_faults
from breakglass.stack_file.base import ENCRYPTED_SCHEMA, RawValue, StringInput, repeat_error
from breakglass.stack_file.faults import FAULT, Fault, fault
from breakglass.stack_file.permission_sets import PermissionSets
from breakglass.stack_file.secret_keys import (
    BOT_TOKEN,
    SECRET_KEYS,
    SIGNING_SECRET,
    plain_pager_faults,
    plain_secret_faults,
)
from breakglass.stack_file.set_names import SetName, ambiguous_names, pair_names
from breakglass.stack_file.spoke import SpokeAlerts, is_spoke
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.tamper import DEPLOYER_ARN
from breakglass.stack_file.types import permission_set_of_role
from breakglass.stack_file.watch import ROLE_ARN, USER_ARN, watched_roles, watched_users

_ALERT_PATH, _SPOKE = "alert path", "spoke"


def _without_tag(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    """Validate the section, with the tag of its kind left out of the errors' locations."""
    try:
        return validate(value)
    except ValidationError as error:
        moved = [repeat_error(details, details["loc"][1:]) for details in error.errors()]
        raise ValidationError.from_exception_data(FAULT, moved) from None


class _ByForwardTo:
    """Tells an editor by the key `forwardTo` which of two sections it is."""

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        alert_path, spoke = handler(schema)["oneOf"]
        return {"if": {"type": "object", "required": ["forwardTo"]}, "then": spoke, "else": alert_path}


AlertsSection = Annotated[
    Annotated[Alerts, Tag(_ALERT_PATH)] | Annotated[SpokeAlerts, Tag(_SPOKE)],
    Discriminator(lambda value: _SPOKE if is_spoke(RawValue(value)) else _ALERT_PATH),
    WrapValidator(_without_tag),
    _ByForwardTo(),
]
"""The section `alerts`: that of a spoke if it has the key `forwardTo`."""


class StackFile(Tagged):
    """The sections of a stack file and its secrets: at least one of `permissionSets` and `alerts`."""

    permission_sets: PermissionSets | None = None
    """The permission sets of the account that owns the Identity Center instance, or of its delegated administrator."""
    alerts: AlertsSection | None = None
    """The alert path of an account where roles are used, of the portal's account, or of a whole organization. With
    `forwardTo`: the spoke of an account that forwards its events to the hub of its organization."""
    approvals: ApprovalSettings | None = None
    """The approval workflow in Slack: access to break-glass sets is requested, approved, and revoked. Needs the two
    sections above."""
    slack_bot_token: StringInput = None
    """The Slack app's bot token, `xoxb-...`, from secret configuration. Needed with `alerts`, unless
    `alerts.slack.botTokenSecretName` names an existing secret."""
    slack_signing_secret: StringInput = None
    """The Slack app's signing secret, from secret configuration. Needed with `approvals`, unless
    `approvals.signingSecretName` names an existing secret."""

    @property
    def alert_path(self) -> Alerts | None:
        """The section `alerts` of a stack that raises alerts, if the file has it."""
        return self.alerts if isinstance(self.alerts, Alerts) else None

    @property
    def spoke(self) -> SpokeAlerts | None:
        """The section `alerts` of a spoke stack, if the file has it."""
        return self.alerts if isinstance(self.alerts, SpokeAlerts) else None

    @property
    def has_explain_button(self) -> bool:
        """True if alerts have the button that asks for an explanation."""
        wanted = self.alert_path.explain_button if self.alert_path else False
        return self.approvals is not None if wanted is None else wanted

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults between the sections, and of secrets without exactly one source."""
        alerts, approvals = given["alerts"], given["approvals"]
        if is_spoke(alerts):
            yield from _spoke_section_faults(given)
            return
        if not any(given[section].encrypted for section in ("permissionSets", "alerts", "approvals")):
            yield from _section_faults(given)
        for secret, section, existing in (
            (BOT_TOKEN, alerts, alerts["slack"]["botTokenSecretName"]),
            (SIGNING_SECRET, approvals, approvals["signingSecretName"]),
        ):
            if section and not section.encrypted:
                yield from secret.source_faults(given[secret.key], existing, secret.command)


def _spoke_section_faults(given: RawValue) -> Iterator[Fault]:
    """Yield faults of sections and secrets that need an alert path, which a spoke stack lacks."""
    if approvals := given["approvals"]:
        yield approvals.fault(
            "The approvals need an alert path, and a stack with `alerts.forwardTo` only forwards events.",
            "Move `approvals`, and the sets that it names, to the stack of the hub or to one with alerts of its own.",
        )
    for secret in (BOT_TOKEN, SIGNING_SECRET):
        if value := given[secret.key]:
            error = fault(
                "A stack with `alerts.forwardTo` posts nothing to Slack, so it needs no secret of the Slack app.",
                f"Delete the key: `pulumi config rm breakglass:{secret.key}`.",
            )
            yield value.loc, "(not shown)", error


def _section_faults(given: RawValue) -> Iterator[Fault]:
    """Yield faults of missing sections, of alerts that watch nothing, and of sets that alerts can't tell apart."""
    alerts, pairs, watch = given["alerts"], given["permissionSets"]["pairs"], given["alerts"]["watch"]
    yield from cross_section_faults(given)
    if not alerts and not given["permissionSets"] and not given["approvals"]:
        yield given.fault(
            "The stack file has neither permission sets nor alerts, so there is nothing to deploy.",
            "Add `breakglass:permissionSets` in the Identity Center account, `breakglass:alerts` where the roles are "
            "used, or both.",
        )
    if alerts and not alerts.encrypted and not pairs.value and _watches_nothing(alerts):
        yield watch.fault(
            "The section `alerts` watches nothing: the file has no pair of permission sets, and turns off or leaves "
            "out all else, so no use would raise an alert.",
            "Delete `root: false`, or add e.g. `permissionSets: [<name>]`, `roles: [<ARN>]` or `users: [<ARN>]`.",
        )
    drilled = (pairs.value, watch["permissionSets"].value, watched_roles(watch), watch["root"].value is not False)
    if isinstance(alerts["drills"].value, Mapping) and not alerts["drills"].encrypted and not any(drilled):
        yield alerts["drills"].fault(
            "The schedule would send nothing: only permission sets, roles and root have drills, and this file watches "
            "none of them.",
            "Delete `drills`, or `root: false`: a drill of root tests the way to Slack for all alerts.",
        )
    groups = [pair_names(pair) for pair in pairs]
    groups += [[SetName(name, name.text, True, made_here=False)] for name in watch["permissionSets"] if name.text]
    for these, those in itertools.combinations(groups, 2):
        yield from ambiguous_names(itertools.product(these, those))
    alerting = [name for names in groups for name in names if name.alerting]
    yield from _duplicate_subjects(alerting, watch)
    yield from _deployer_faults(alerts["tamper"]["deployers"], alerting, watch)


def _watches_nothing(alerts: RawValue) -> bool:
    """Return whether the section names no principal, and no resources but the stack's own."""
    watch, tamper = alerts["watch"], alerts["tamper"]
    named = [watch[key].value for key in ("permissionSets", "roles", "users", "independentDoor")]
    named += [tamper[key].value for key in ("trail", "trailBucket", "keys", "sessionPolicy", "stacks")]
    return watch["root"].value is False and not any(named)


def _duplicate_subjects(sets: list[SetName], watch: RawValue) -> Iterator[Fault]:
    """Yield a fault for each set, role and user whose alert has the key of another one."""
    seen = {RootSubject().key, AccessSubject().key, TamperSubject(prefixes=()).key}
    for name in sets:
        if name.name in seen:
            yield name.given.fault(
                f"Duplicate alert: every stack names other alerts {name.name}. Each alert has its own rules and queue.",
                "Give the permission set another name.",
            )
    seen |= {PermissionSetSubject(name.name).key for name in sets}
    roles = [(role, RoleSubject(arn).key) for role in watched_roles(watch) if (arn := role.valid(ROLE_ARN))]
    users = [(user, UserSubject(arn).key) for user in watched_users(watch) if (arn := user.valid(USER_ARN))]
    for given, key in (*roles, *users):
        if key in seen:
            yield given.fault(
                f"Duplicate alert: {key} already has an alert in this file. Each alert has its own rules and queue.",
                "Delete one of the two. (The name of a role or user is unique in its account, even with another path.)",
            )
        seen.add(key)


def _deployer_faults(deployers: RawValue, sets: list[SetName], watch: RawValue) -> Iterator[Fault]:
    """Yield a fault for each deployer whose use is an emergency: its tampering would not be reported."""
    names, roles = {name.name for name in sets}, {role.text for role in watched_roles(watch)}
    for deployer in deployers:
        arn = deployer.valid(DEPLOYER_ARN)
        if arn and (arn in roles or permission_set_of_role(arn) in names):
            yield deployer.fault(
                "Each use of this role raises an alert, so it is for emergencies. Changes by a deployer are not "
                "reported, so a session of this role could remove the alerts unseen.",
                "Deploy with a role of its own, and name that one.",
            )


class StackKeys(StackFile):
    """The `breakglass:` keys as a stack file holds them: each secret is encrypted by the CLI."""

    slack_bot_token: Annotated[dict[str, str], BeforeValidator(BOT_TOKEN.check_encryption), ENCRYPTED_SCHEMA] | None = (
        Field(default=None, exclude=True, repr=False)
    )
    """The Slack app's bot token. Never write it here: run `pulumi config set --secret breakglass:slackBotToken`."""
    slack_signing_secret: (
        Annotated[dict[str, str], BeforeValidator(SIGNING_SECRET.check_encryption), ENCRYPTED_SCHEMA] | None
    ) = Field(default=None, exclude=True, repr=False)
    """The Slack app's signing secret, with `approvals`. Never write it here: run
    `pulumi config set --secret breakglass:slackSigningSecret`."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield the faults of a stack file, and of secrets in clear in any other key."""
        yield from super().cross_field_faults(given)
        for key, value in given.value.items() if isinstance(given.value, Mapping) else ():
            if key not in SECRET_KEYS:
                yield from plain_secret_faults(RawValue({key: value}))
        yield from plain_pager_faults(given["alerts"])
