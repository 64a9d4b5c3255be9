"""The component that a stack creates: all other components, as the configuration asks for.

Non-goals: reading the stack file (see `breakglass.stack_file.pulumi_config.load_stack_file`).
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from breakglass.components.alert_path import AlertPathParts, Pairs, break_glass_arns, join_outputs
from breakglass.components.approvals.organization import Unreadable
from breakglass.components.arguments import BreakGlassArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.components.delegation import has_portal_rules, silent_portal_rules, unmanageable_assignments
from breakglass.components.permission_sets.permission_set_pair import (
    PermissionSetPair,
    PermissionSetPairSpec,
    check_risks,
)
from breakglass.components.stack_context import StackContext
from breakglass.errors import ConfigError, Problem, format_value
from breakglass.iam.lint import LintContext
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.permission_sets import PermissionSets
from breakglass.stack_file.policy_lint import lint_context
from breakglass.stack_file.rules import RULES_PER_BUS, Known, rules_per_bus, stack_rules, watched_subjects
from breakglass.stack_file.spoke import SpokeAlerts
from breakglass.stack_file.stack import StackFile

if TYPE_CHECKING:
    from breakglass.components.approvals.api import ApprovalApi
    from breakglass.components.approvals.approvals import Approvals
    from breakglass.components.organization_parts import HubParts

Instance = tuple[pulumi.Input[str], pulumi.Input[str]]
"""ARN of an Identity Center instance, and the ID of its identity store."""


class BreakGlass(pulumi.ComponentResource):
    """Break-glass access in one account: permission-set pairs, an alert for every subject, and their monitoring.

    With `alerts.organization` it is the hub that sees all accounts and regions of an organization, best in the account
    that owns Identity Center. Without a hub, an account needs one with `alerts` in each region where roles are used.
    From a stack file with `alerts.forwardTo`, it is made of an account's spokes.

    Permissions:
        - Those of the components it is made of: `PermissionSetPair` for `permission_sets`; `AccessAlert`,
          `AlarmTopics`, `DrillSchedule`, `SlackConnection`, `SlackDestination` or `SlackDelivery`, `SlackProbe`,
          `TamperAlert`, `UsageAlert` and `UsageMonitoring` for `alerts`; `AlertHub`, `RollCall`, `Spoke` and `SpokeSet`
          for `alerts.organization`; `Witness` for a witness; `Approvals` for `approvals`.
        - To look up the Identity Center instance: `sso:ListInstances`.
        - To see whether this account owns it, whether a hub can be made here, and with `delivery: confirmed` for the
          names of the accounts: `organizations:DescribeOrganization`, and in the management account what `Approvals`
          looks up of the organization. Without them an alert shows the ID of the account alone.

    Raises:
        ConfigError: The arguments are wrong, or give a break-glass set a power it does not acknowledge.
        MessageError: An alert could not be shown in Slack or sent by e-mail.
        PolicyError: An inline policy is too large, or repeats a Sid, with the Deny added.
        RunError: A name in the arguments does not exist, or a secret has the wrong form.
    """

    permission_set_arns: pulumi.Output[dict[str, str]]
    """ARN of every permission set, by its name; empty without `permission_sets`."""
    rule_names: pulumi.Output[dict[str, dict[str, str]]]
    """Name of each EventBridge rule, by subject and key; empty without `alerts`, like all below.

    The key of a subject is the permission set's name, an IAM role's name and account, `user-NAME-ACCOUNT`, `root-user`,
    `access-by-hand` or `tampering`. The key of a rule is its evidence path, with the area if the path has several.
    """
    dead_letter_queue_urls: pulumi.Output[dict[str, str]]
    """URL of the dead-letter queue of every subject."""
    topic_arn: pulumi.Output[str | None]
    """ARN of the SNS topic that alarms go to."""
    page_topic_arn: pulumi.Output[str | None]
    """ARN of the SNS topic that pages on-call; None without pagers."""
    dashboard_url: pulumi.Output[str | None]
    """Address of the CloudWatch dashboard in the AWS console."""
    hub_bus_arn: pulumi.Output[str | None]
    """ARN of the event bus that spokes forward to; None without `alerts.organization`."""
    approval_request_url: pulumi.Output[str | None]
    """URL for Slack's requests; None without `approvals`, like all below."""
    approval_table_name: pulumi.Output[str | None]
    """Name of the table with the records and the audit trail."""
    approval_policy: pulumi.Output[str | None]
    """The compiled policy by which requests are decided, JSON, for people to read."""
    slack_app_manifest: pulumi.Output[str | None]
    """The manifest of the Slack app, JSON: what to paste into Slack's page App Manifest."""
    session_policy_id: pulumi.Output[str | None]
    """ID of the service control policy that ends sessions; None without `approvals.end_sessions`.

    The stack that watches it in us-east-1 has it as `tamper.sessionPolicy`.
    """

    @show_analyzer(BreakGlassArgs)
    def __init__(self, name: str, args: BreakGlassArgs | StackFile, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = validate_args(StackFile, args, name)
        sets, alerts = spec.permission_sets, spec.alert_path
        context = lint_context(RawValue(spec))
        if sets and spec is not args:
            check_risks(sets.pairs, context, [f"{name}.permission_sets.pairs[{i}]." for i in range(len(sets.pairs))])
        super().__init__("breakglass:index:BreakGlass", name, None, opts)
        self._spec, self._prefix = spec, name
        self._context = StackContext(self, name, spec)
        self._check_account()
        if alerts:
            self._log_rules()

        # The order is that of the needs: the permission sets are denied to change the API of the approvals, the
        # approvals assign the sets, tampering includes their session policy, the dashboard shows all alarms, and the
        # spokes forward events once there are rules for them.
        api = self._create_api(sets.region) if sets and spec.approvals else None
        instance = self._find_instance(sets) if sets else None
        pairs = self._create_pairs(sets, instance, context, api) if sets and instance else []
        hub = self._create_hub(alerts) if alerts else None
        alert_path = AlertPathParts(self._context, alerts, hub.bus_name if hub else None) if alerts else None
        approvals: Approvals | None = None
        self.topic_arn = self.page_topic_arn = self.dashboard_url = pulumi.Output.from_input(None)
        if alerts and alert_path:
            if sets and instance and api:
                approvals = self._create_approvals(sets, alerts, instance, pairs, alert_path, api)
            alert_path.create_area_alerts(pairs, approvals)
            self.topic_arn, self.page_topic_arn = alert_path.topics.topic_arn, alert_path.topics.page_topic_arn
            roll_call = hub.create_roll_call(alert_path.topics.topic_arn) if hub else None
            monitoring = alert_path.create_monitoring(approvals, roll_call)
            self.dashboard_url = monitoring.dashboard_url
            if hub:
                on_bus = (*alert_path.usage_alerts, alert_path.witness, approvals, roll_call, monitoring)
                hub.create_spokes(after=[each for each in on_bus if each])
        if spec.spoke:
            self._create_spokes(spec.spoke)

        arns = {pair.name: component.everyday_arn for pair, component in pairs}
        self.permission_set_arns = join_outputs(arns | break_glass_arns(pairs))
        made = {subject.key: alert for subject, alert in alert_path.alerts.items()} if alert_path else {}
        self.rule_names = join_outputs({key: alert.rule_names for key, alert in made.items()})
        self.dead_letter_queue_urls = join_outputs({key: alert.queue_url for key, alert in made.items()})
        none = pulumi.Output.from_input(None)
        self.hub_bus_arn = hub.bus_arn if hub else none
        self.approval_request_url = approvals.request_url if approvals else none
        self.approval_table_name = approvals.table_name if approvals else none
        self.approval_policy = approvals.policy_json if approvals else none
        self.slack_app_manifest = approvals.app_manifest if approvals else none
        self.session_policy_id = approvals.session_policy_id if approvals else none
        self.register_outputs(
            {
                "permission_set_arns": self.permission_set_arns,
                "rule_names": self.rule_names,
                "dead_letter_queue_urls": self.dead_letter_queue_urls,
                "topic_arn": self.topic_arn,
                "page_topic_arn": self.page_topic_arn,
                "dashboard_url": self.dashboard_url,
                "hub_bus_arn": self.hub_bus_arn,
                "approval_request_url": self.approval_request_url,
                "approval_table_name": self.approval_table_name,
                "approval_policy": self.approval_policy,
                "slack_app_manifest": self.slack_app_manifest,
                "session_policy_id": self.session_policy_id,
            }
        )

    def _log_rules(self) -> None:
        """Say how many rules each event bus of the stack's region gets."""
        hub = self._spec.alert_path and self._spec.alert_path.organization
        known = Known(portal_here=self._context.owns_identity_center) if hub else Known()
        counts = rules_per_bus(stack_rules(self._spec, self._prefix, known))
        on_default, *on_others = [
            f"{count} rules on {f'event bus {bus}' if bus else 'the default event bus'}"
            for bus, count in sorted(counts.items(), key=lambda each: each[0] or "")
        ]
        pulumi.log.info(
            f"The stack has {' and '.join([on_default, *on_others])}, whose default quota is {RULES_PER_BUS}."
        )

    def _create_hub(self, alerts: Alerts) -> "HubParts | None":
        if alerts.organization is None:
            return None
        # Only a stack with spokes waits for the modules of the SDK that they need.
        from breakglass.components.organization_parts import HubParts

        return HubParts(self._context, alerts, alerts.organization)

    def _create_spokes(self, spoke: SpokeAlerts) -> None:
        # Only a stack with spokes waits for the modules of the SDK that they need.
        from breakglass.components.organization_parts import create_spoke_stack

        create_spoke_stack(self._context, spoke)

    def _check_account(self) -> None:
        """Warn of settings without effect in the stack's account, and refuse assignments that it can't make."""
        spec = self._spec
        # The rules of a hub fire on events of the account that owns Identity Center.
        own = spec.alert_path if spec.alert_path and not spec.alert_path.organization else None
        paths = own.evidence_paths if own else []
        watched = watched_subjects(spec)
        pairs = spec.permission_sets.pairs if spec.permission_sets else []
        if not has_portal_rules(paths, watched) and not any(pair.assignments for pair in pairs):
            return
        organization = self._context.organization
        if isinstance(organization, Unreadable):
            # With approvals this is an error a moment later.
            pulumi.log.warn(
                "Unknown whether this account owns Identity Center. If it does not, rules for `portal` never fire "
                "here, and nothing can be assigned in the management account. Allow organizations:DescribeOrganization."
                f" The provider says: {organization.said}"
            )
            return
        here, management = organization.deployed_in, organization.management_account
        problems = unmanageable_assignments(pairs, here, management)
        if problems:
            raise ConfigError(problems)
        for warning in silent_portal_rules(paths, watched, here, management):
            pulumi.log.warn(str(warning))

    def _create_api(self, region: str) -> "ApprovalApi":
        # Only a stack with approvals waits for the modules of the SDK that they need.
        from breakglass.components.approvals.api import ApprovalApi, ApprovalApiArgs

        # Its parent was the approvals, before the permission sets needed it first.
        old_parent = pulumi.create_urn(f"{self._prefix}-approvals", "breakglass:index:Approvals", parent=self)
        return ApprovalApi(
            f"{self._prefix}-approvals-api",
            ApprovalApiArgs(region, self._spec.tags),
            pulumi.ResourceOptions(parent=self, aliases=[pulumi.Alias(parent=old_parent)]),
        )

    def _find_instance(self, sets: PermissionSets) -> Instance:
        """Return the instance; looked up unless both values are given."""
        if sets.instance_arn is not None and sets.identity_store_id is not None:
            return sets.instance_arn, sets.identity_store_id
        found = aws.ssoadmin.get_instances_output(region=sets.region, opts=pulumi.InvokeOptions(parent=self))
        instance = pulumi.Output.all(found.arns, found.identity_store_ids).apply(partial(_choose_instance, sets))
        return instance["arn"], instance["identity_store_id"]

    def _create_pairs(
        self, sets: PermissionSets, instance: Instance, context: LintContext, api: "ApprovalApi | None"
    ) -> Pairs:
        instance_arn, identity_store_id = instance
        return [
            (
                pair,
                PermissionSetPair(
                    f"{self._prefix}-{pair.name}",
                    PermissionSetPairSpec.from_validated(
                        self._spec,
                        sets,
                        pair,
                        instance_arn=instance_arn,
                        identity_store_id=identity_store_id,
                        protected_arns=list(context.own_arns),
                        approval_api_id=api.api_id if api else None,
                    ),
                    pulumi.ResourceOptions(parent=self),
                ),
            )
            for pair in sets.pairs
        ]

    def _create_approvals(
        self,
        sets: PermissionSets,
        alerts: Alerts,
        instance: Instance,
        pairs: Pairs,
        alert_path: AlertPathParts,
        api: "ApprovalApi",
    ) -> "Approvals":
        # Only a stack with approvals waits for the modules of the SDK that they need.
        from breakglass.components.approvals.approvals import Approvals, ApprovalsSpec

        instance_arn, identity_store_id = instance
        return Approvals(
            f"{self._prefix}-approvals",
            ApprovalsSpec.from_validated(
                self._spec,
                sets,
                alerts,
                alerts.slack,
                instance_arn=instance_arn,
                identity_store_id=identity_store_id,
                settings=self._spec.approvals,
                permission_set_arns=break_glass_arns(pairs),
                watched=list(alert_path.watched),
                bot_token_secret_arn=alert_path.connection.secret_arn,
                **alert_path.topic_arns,
                api=api,
            ),
            pulumi.ResourceOptions(parent=self),
        )


def _choose_instance(sets: PermissionSets, found: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the instance of the permission sets, out of the ARNs and identity stores that AWS lists."""
    instances = dict(zip(*found, strict=True))
    candidates = [arn for arn in instances if sets.instance_arn in (None, arn)]
    if len(candidates) != 1:
        problem = Problem(
            "permissionSets.instanceArn",
            format_value(sets.instance_arn) if sets.instance_arn else "(missing)",
            f"Expected one Identity Center instance in {sets.region}, got "
            f"{', '.join(instances) or 'no Identity Center instance'}: the permission sets need exactly one.",
            "Deploy to the account that owns Identity Center, or to its delegated administrator, with its home region. "
            "If there are several instances, name one in `instanceArn`.",
        )
        # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
        raise pulumi.RunError(str(ConfigError([problem])))
    return {"arn": candidates[0], "identity_store_id": sets.identity_store_id or instances[candidates[0]]}
