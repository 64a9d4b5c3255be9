"""The alert for tampering with the alert path, the approvals, and the records that they need.

Non-goals: noticing that the trail or a rule is gone (see `breakglass doctor`). A deleted rule can't report its own
deletion: another stack in the same account and region watches this one.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import pulumi
from pydantic import Field, StrictBool

from breakglass.alerts.rules import planned_rules
from breakglass.alerts.subjects import TamperSubject
from breakglass.components.alerts.alert_rules import (
    AlertSpec,
    build_known_rules,
    build_rules,
    create_alert_rules,
)
from breakglass.components.arguments import TamperAlertArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.stack_file.base import StringInput, StringItemInput
from breakglass.stack_file.types import BucketName, DeployerArn, KmsKeyArn, NamePrefix, SecretName, Trail


class TamperAlertSpec(AlertSpec):
    """Arguments of `TamperAlert`."""

    prefixes: Annotated[list[NamePrefix], Field(min_length=1)]
    """Prefixes of the names of resources to watch, the stack's own first. That of a stack is `breakglass-STACK-`."""
    secret_names: list[SecretName] = Field(default_factory=list)
    """Names of secrets without such a prefix."""
    trail: Trail | None = None
    """Name or ARN of the trail."""
    trail_buckets: list[BucketName] = Field(default_factory=list)
    """Names of the trail's buckets."""
    key_arns: list[KmsKeyArn] = Field(default_factory=list)
    """ARNs of the KMS keys of the trail and of the secrets."""
    policy_ids: list[StringItemInput] = Field(default_factory=list)
    """IDs of the policies of AWS Organizations that end sessions."""
    api_id: StringInput = None
    """ID of the API of the approvals."""
    deployer_arns: list[DeployerArn] = Field(default_factory=list)
    """ARNs of the roles that deploy the stack. Their changes are not reported; the start of their sessions is."""
    function_arns: list[DeployerArn] = Field(default_factory=list)
    """ARNs of the roles of the approvals' functions that change resources of the stack."""
    witness: StrictBool = False
    """The stack has a `Witness`: watch its log of events, and its filters on the log group of a trail."""
    hub: StrictBool = False
    """The stack is the hub of an organization: watch the policy of its event bus, its own spokes, and the StackSet of
    the others."""

    def subject(self, policy_ids: Sequence[str], api_id: str | None) -> TamperSubject:
        """Return the tampering as a subject of alerts, with these IDs."""
        return TamperSubject(
            prefixes=tuple(self.prefixes),
            secret_names=tuple(self.secret_names),
            trail=self.trail,
            buckets=tuple(self.trail_buckets),
            keys=tuple(self.key_arns),
            policy_ids=tuple(policy_ids),
            api_id=api_id,
            deployers=tuple(self.deployer_arns),
            functions=tuple(self.function_arns),
            hub=self.hub,
            witness=self.witness,
        )

    @property
    def placeholders(self) -> TamperSubject:
        """The subject with placeholders for outputs, as long as the IDs are."""
        policy_ids = [
            each if isinstance(each, str) else f"p-{number:08}" for number, each in enumerate(self.policy_ids, start=1)
        ]
        api_id = self.api_id if self.api_id is None or isinstance(self.api_id, str) else "0" * 10
        return self.subject(policy_ids, api_id)


class TamperAlert(pulumi.ComponentResource):
    """EventBridge rules for tampering, for refused attempts and for sessions of the deployers; a dead-letter queue.

    IAM, AWS Organizations and the account are recorded in us-east-1 alone (cn-north-1, us-gov-west-1): there the rule
    `tamper-global` fires, and nowhere else.

    Permissions:
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-*`: `events:PutRule`, `events:DescribeRule`,
          `events:DeleteRule`, `events:PutTargets`, `events:ListTargetsByRule`, `events:RemoveTargets`,
          `events:TagResource`, `events:UntagResource`, `events:ListTagsForResource`.
        - On the role in `target_role_arn`: `iam:PassRole`.
        - On `arn:PARTITION:sqs:REGION:ACCOUNT:breakglass-*`: `sqs:CreateQueue`, `sqs:GetQueueAttributes`,
          `sqs:GetQueueUrl`, `sqs:SetQueueAttributes`, `sqs:DeleteQueue`, `sqs:TagQueue`, `sqs:UntagQueue`,
          `sqs:ListQueueTags`.

    Raises:
        BreakglassError: An event pattern is longer than EventBridge accepts.
        ConfigError: The arguments are wrong.
        MessageError: The alert could not be shown in Slack.
    """

    rule_names: pulumi.Output[dict[str, str]]
    """Name of each EventBridge rule, by its key, e.g. `tamper-stack`, `tamper-trail`, `tamper-global`, `session_start`
    and `denied`."""
    rule_arns: pulumi.Output[dict[str, str]]
    """ARN of each EventBridge rule, by the same keys."""
    queue_name: pulumi.Output[str]
    """Name of the dead-letter queue."""
    queue_arn: pulumi.Output[str]
    """ARN of the dead-letter queue."""
    queue_url: pulumi.Output[str]
    """URL of the dead-letter queue."""

    @show_analyzer(TamperAlertArgs)
    def __init__(
        self, name: str, args: TamperAlertArgs | TamperAlertSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(TamperAlertSpec, args, name)
        planned = planned_rules(name, spec.placeholders, spec.message_settings)
        # Reports what is too long before any resource is registered.
        placeholders = build_rules(planned)
        super().__init__("breakglass:index:TamperAlert", name, None, opts)
        known = pulumi.Output.all(policies=spec.policy_ids, api=spec.api_id)
        subject = known.apply(partial(_subject, spec))
        built = subject.apply(partial(build_known_rules, name, spec.message_settings, placeholders))
        resources = create_alert_rules(self, name, spec, planned, built)
        self.rule_names, self.rule_arns = resources.rule_names, resources.rule_arns
        self.queue_name, self.queue_arn = resources.queue.name, resources.queue.arn
        self.queue_url = resources.queue.url
        self.register_outputs(resources.outputs)


def _subject(spec: TamperAlertSpec, known: Mapping[str, Any]) -> TamperSubject:
    return spec.subject(known["policies"], known["api"])
