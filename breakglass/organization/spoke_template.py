"""The CloudFormation template of a spoke, for accounts that no Pulumi stack deploys to.

It makes the same resources as the component `Spoke`, from the same rules and policies.

Source: "AWS::Events::Rule", "AWS::IAM::Role", "AWS::SQS::Queue" and "AWS::SQS::QueuePolicy" (AWS CloudFormation
Template Reference).
"""

import json
from collections.abc import Sequence
from typing import Any

from breakglass.alerts.rules import DEAD_LETTER_RETENTION_SECONDS
from breakglass.errors import BreakglassError
from breakglass.iam.documents import forward_events, spoke_queue_policy, spoke_trust
from breakglass.naming import SPOKE_QUEUE, spoke_role
from breakglass.organization.spoke_rules import SpokeRule, SpokeSettings, spoke_rules

HUB_BUS_ARN = "HubBusArn"
"""The parameter of the template: ARN of the bus of the hub."""

TARGET_ID = "hub"
"""ID of the target of each rule of a spoke."""

ROLE_DESCRIPTION = "Lets EventBridge forward events to the hub of the break-glass alerts. No other permissions."

POLICY_NAME = "forward-events"
"""Name of the policy of the role of a spoke."""

TEMPLATE_LIMIT = 51_200
"""The most bytes of a template that is part of the request ("AWS CloudFormation quotas")."""

_HAS_SPOKE, _OR_LIMIT = "HasSpoke", 10
_PARTITION, _REGION, _ACCOUNT = "${AWS::Partition}", "${AWS::Region}", "${AWS::AccountId}"


def spoke_template(settings: SpokeSettings, exclude: Sequence[str] = ()) -> dict[str, Any]:
    """Return the template of a spoke as JSON.

    Args:
        settings: those of the spokes.
        exclude: IDs of accounts that get no spoke. Their stack has nothing but an empty handle, since a stack needs a
            resource.

    Raises:
        BreakglassError: the roles need too many rules, or the users do not fit into one.
    """
    rules = spoke_rules(settings)
    queue_policy = spoke_queue_policy(_PARTITION, _REGION, _ACCOUNT, SPOKE_QUEUE, [rule.name for rule in rules])
    resources: dict[str, Any] = {
        "DeadLetters": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": SPOKE_QUEUE,
                "MessageRetentionPeriod": DEAD_LETTER_RETENTION_SECONDS,
                "SqsManagedSseEnabled": True,
            },
        },
        "DeadLetterPolicy": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {"Queues": [{"Ref": "DeadLetters"}], "PolicyDocument": _substituted(queue_policy)},
        },
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": _substituted(spoke_role(_REGION)),
                "Description": ROLE_DESCRIPTION,
                "AssumeRolePolicyDocument": _substituted(spoke_trust(_PARTITION, _REGION, _ACCOUNT)),
                "Policies": [
                    {
                        "PolicyName": POLICY_NAME,
                        "PolicyDocument": _substituted(forward_events(f"${{{HUB_BUS_ARN}}}")),
                    }
                ],
            },
        },
        **{_logical_id(rule): _rule(rule) for rule in rules},
    }
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Forwards events about break-glass access to the hub of the organization.",
        "Parameters": {
            HUB_BUS_ARN: {
                "Type": "String",
                "Description": "ARN of the event bus of the hub.",
                "AllowedPattern": "arn:.+",
            }
        },
    }
    if not exclude:
        return {**template, "Resources": resources}
    excluded = [{"Fn::Equals": [{"Ref": "AWS::AccountId"}, account]} for account in sorted(set(exclude))]
    return {
        **template,
        "Conditions": {_HAS_SPOKE: {"Fn::Not": [_any_of(excluded)]}},
        "Resources": {
            "Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            **{name: {**resource, "Condition": _HAS_SPOKE} for name, resource in resources.items()},
        },
    }


def template_body(settings: SpokeSettings, exclude: Sequence[str] = ()) -> str:
    """Return the template of a spoke as text; see `spoke_template`.

    Raises:
        BreakglassError: CloudFormation would refuse the template.
    """
    text = json.dumps(spoke_template(settings, exclude), separators=(",", ":"))
    if len(text) > TEMPLATE_LIMIT:
        raise BreakglassError(
            f"Expected a template of at most {TEMPLATE_LIMIT:,} bytes for the spokes, got {len(text):,}: it would be "
            f"refused. The cause is {len(settings.roles_by_arn)} watched roles and {len(exclude):,} excluded accounts. "
            "Make the roles below one path, and watch the path instead, e.g. `rolePath: /break-glass/`; name units "
            "without the accounts that you exclude."
        )
    return text


def _any_of(conditions: Sequence[Any]) -> Any:
    """Join conditions by `Fn::Or`, which takes two to ten."""
    if len(conditions) == 1:
        return conditions[0]
    if len(conditions) <= _OR_LIMIT:
        return {"Fn::Or": list(conditions)}
    groups = [conditions[start : start + _OR_LIMIT] for start in range(0, len(conditions), _OR_LIMIT)]
    return _any_of([_any_of(group) for group in groups])


def _rule(rule: SpokeRule) -> dict[str, Any]:
    occasion = {"ScheduleExpression": rule.schedule} if rule.schedule else {"EventPattern": rule.pattern}
    return {
        "Type": "AWS::Events::Rule",
        # Before the queue lets the rule in, what can't be forwarded is lost.
        "DependsOn": "DeadLetterPolicy",
        "Properties": {
            "Name": rule.name,
            "Description": rule.description,
            "State": rule.state,
            **occasion,
            "Targets": [
                {
                    "Id": TARGET_ID,
                    "Arn": {"Ref": HUB_BUS_ARN},
                    "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                    "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
                }
            ],
        },
    }


def _logical_id(rule: SpokeRule) -> str:
    """Return an ID of letters and digits: `denied-2` is `Denied2`."""
    return "".join(part.capitalize() for part in rule.key.split("-"))


def _substituted(value: Any) -> Any:
    """Let CloudFormation replace the variables in the texts of a policy."""
    match value:
        case dict():
            return {key: _substituted(each) for key, each in value.items()}
        case list():
            return [_substituted(each) for each in value]
        case str() if "${" in value:
            return {"Fn::Sub": value}
        case _:
            return value
