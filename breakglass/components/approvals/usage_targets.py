"""A second target of each alert rule: the usage recorder.

A part of `Approvals`, not usable alone. The alert does not depend on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.alerts.messages import Transformer
from breakglass.components.alerts.alert_rules import LONGEST_RETRY, create_first
from breakglass.vocabulary import EvidencePath


@dataclass(frozen=True)
class RecordedRule:
    """A rule of the alert path.

    Attributes:
        key: Its key in logical names.
        path: Its evidence path.
        rule_name: Its name.
        queue_arn: ARN of the alert's dead-letter queue, whose policy allows this rule.
        record: Input of the usage recorder.
        event_bus_name: The name of the rule's event bus; None for the default one.
    """

    key: str
    path: EvidencePath
    rule_name: pulumi.Input[str]
    queue_arn: pulumi.Input[str]
    record: Transformer
    event_bus_name: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class UseRecordingArgs:
    """Arguments of `UseRecording`.

    Attributes:
        region: AWS region of the alert path.
        rules: The rules whose events are usages.
        rules_arn: ARN pattern of all rules of the alert path.
        function_name: The usage recorder's name.
        function_arn: The usage recorder's ARN.
    """

    region: str
    rules: Sequence[RecordedRule]
    rules_arn: pulumi.Input[str]
    function_name: pulumi.Input[str]
    function_arn: pulumi.Input[str]


class UseRecording(pulumi.ComponentResource):
    """An EventBridge target for each rule of usages, and the permission to invoke the usage recorder.

    Events that are not delivered within a day go to the dead-letter queue of the alert.
    """

    def __init__(self, name: str, args: UseRecordingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:UseRecording", name, None, opts)
        permission = aws.lambda_.Permission(
            f"{name}-rules",
            statement_id="alert-path",
            function=args.function_name,
            action="lambda:InvokeFunction",
            principal="events.amazonaws.com",
            source_arn=args.rules_arn,
            region=args.region,
            opts=pulumi.ResourceOptions(parent=self),
        )
        for rule in args.rules:
            aws.cloudwatch.EventTarget(
                f"{name}-{rule.key}-{rule.path}",
                target_id="record",
                rule=rule.rule_name,
                event_bus_name=rule.event_bus_name,
                arn=args.function_arn,
                input_transformer={
                    "input_paths": dict(rule.record.input_paths),
                    "input_template": rule.record.template,
                },
                retry_policy=LONGEST_RETRY,
                dead_letter_config={"arn": rule.queue_arn},
                region=args.region,
                opts=create_first(self, permission),
            )
        self.register_outputs({})
