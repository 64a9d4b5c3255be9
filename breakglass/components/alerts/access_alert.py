"""The alert for break-glass access that is given around the approvals.

Non-goals: use of the access (see `usage_alert`). It sees the account and region it is deployed to, nothing else.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pulumi
from pydantic import Field

from breakglass.alerts.rules import planned_rules
from breakglass.alerts.subjects import AccessSubject
from breakglass.components.alerts.alert_rules import (
    AlertSpec,
    build_known_rules,
    build_rules,
    create_alert_rules,
)
from breakglass.components.arguments import AccessAlertArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.stack_file.base import RawValue, StringItemInput
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import DeployerArn, PermissionSetName, PrincipalName, RoleArn
from breakglass.vocabulary import partition_of_region


class AccessAlertSpec(AlertSpec):
    """Arguments of `AccessAlert`: at least one set, group or role."""

    permission_set_arns: dict[PermissionSetName, StringItemInput] = Field(default_factory=dict)
    """ARN of each break-glass set, by its name."""
    group_ids: dict[PrincipalName, StringItemInput] = Field(default_factory=dict)
    """ID of each group that has a break-glass set, by its name."""
    role_arns: list[RoleArn] = Field(default_factory=list)
    """ARNs of the watched IAM roles, which AWS's account access manager could hand out."""
    actor_arns: list[DeployerArn] = Field(default_factory=list)
    """ARNs of the roles that may give access, e.g. of a function of the approvals and of the deployment."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield a fault if there is nothing to watch."""
        if not any(given[key].value for key in ("permissionSetArns", "groupIds", "roleArns")):
            yield given.fault(
                "There is no break-glass set, group or role, so no rule would watch any access.",
                "Give `permission_set_arns`, `group_ids` or `role_arns`.",
            )

    def subject(self, permission_set_arns: Mapping[str, str], group_ids: Mapping[str, str]) -> AccessSubject:
        """Return the access as a subject of alerts, with these ARNs and IDs."""
        return AccessSubject(
            sets=tuple(permission_set_arns.items()),
            groups=tuple(group_ids.items()),
            roles=tuple(self.role_arns),
            actors=tuple(self.actor_arns),
        )

    @property
    def placeholders(self) -> AccessSubject:
        """The subject with placeholders for outputs, as long as the longest ARNs and IDs.

        Source: "Group" (IAM Identity Center, Identity Store API Reference), `GroupId`: 47 characters at most
        """
        set_arn = f"arn:{partition_of_region(self.region)}:sso:::permissionSet/ssoins-{'0' * 16}/ps-"
        return self.subject(
            _filled(self.permission_set_arns, lambda number: f"{set_arn}{number:016}"),
            _filled(self.group_ids, lambda number: f"{'0' * 10}-{'0' * 8}-0000-0000-0000-{number:012}"),
        )


def _filled(values: Mapping[str, Any], placeholder: Callable[[int], str]) -> dict[str, str]:
    """Return plain values as they are, and placeholders for the others."""
    return {
        name: value if isinstance(value, str) else placeholder(number)
        for number, (name, value) in enumerate(values.items(), start=1)
    }


class AccessAlert(pulumi.ComponentResource):
    """EventBridge rules for break-glass access that is given around the approvals, and a dead-letter queue.

    They fire for an account assignment of a break-glass set, for a member who is added to its groups, and for a watched
    role that AWS's account access manager is to hand out; not if one of `actor_arns` does it.

    Permissions:
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-*`: `events:PutRule`, `events:DescribeRule`,
          `events:DeleteRule`, `events:PutTargets`, `events:ListTargetsByRule`, `events:RemoveTargets`,
          `events:TagResource`, `events:UntagResource`, `events:ListTagsForResource`.
        - On the role in `target_role_arn`: `iam:PassRole`.
        - On `arn:PARTITION:sqs:REGION:ACCOUNT:breakglass-*`: `sqs:CreateQueue`, `sqs:GetQueueAttributes`,
          `sqs:GetQueueUrl`, `sqs:SetQueueAttributes`, `sqs:DeleteQueue`, `sqs:TagQueue`, `sqs:UntagQueue`,
          `sqs:ListQueueTags`.

    Raises:
        ConfigError: The arguments are wrong.
        MessageError: The alert could not be shown in Slack.
    """

    rule_names: pulumi.Output[dict[str, str]]
    """Name of each EventBridge rule, by its key: `access-assignments`, `access-memberships` and `access-entitlements`;
    with many sets, groups or roles also `access-assignments-2` and so on."""
    rule_arns: pulumi.Output[dict[str, str]]
    """ARN of each EventBridge rule, by the same keys."""
    queue_name: pulumi.Output[str]
    """Name of the dead-letter queue."""
    queue_arn: pulumi.Output[str]
    """ARN of the dead-letter queue."""
    queue_url: pulumi.Output[str]
    """URL of the dead-letter queue."""

    @show_analyzer(AccessAlertArgs)
    def __init__(
        self, name: str, args: AccessAlertArgs | AccessAlertSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(AccessAlertSpec, args, name)
        planned = planned_rules(name, spec.placeholders, spec.message_settings)
        # Reports what is too long before any resource is registered.
        placeholders = build_rules(planned)
        super().__init__("breakglass:index:AccessAlert", name, None, opts)
        known = pulumi.Output.all(sets=spec.permission_set_arns, groups=spec.group_ids)
        subject = known.apply(partial(_subject, spec))
        built = subject.apply(partial(build_known_rules, name, spec.message_settings, placeholders))
        resources = create_alert_rules(self, name, spec, planned, built)
        self.rule_names, self.rule_arns = resources.rule_names, resources.rule_arns
        self.queue_name, self.queue_arn = resources.queue.name, resources.queue.arn
        self.queue_url = resources.queue.url
        self.register_outputs(resources.outputs)


def _subject(spec: AccessAlertSpec, known: Mapping[str, Any]) -> AccessSubject:
    return spec.subject(known["sets"], known["groups"])
