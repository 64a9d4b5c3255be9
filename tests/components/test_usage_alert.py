"""`UsageAlert` registers a rule and a target for each evidence path, and a shared dead-letter queue.

Not proven here: that a pattern matches what it should (tests/unit/alerts), and that EventBridge delivers
(tests/local).
"""

import json
from typing import Any, cast

import pulumi
import pytest

from breakglass.alerts.drills import drill_message, drill_pattern
from breakglass.alerts.messages import slack_message
from breakglass.alerts.patterns import event_pattern
from breakglass.alerts.rules import key_use_alarm_pattern
from breakglass.alerts.subjects import PermissionSetSubject, RootSubject, UserSubject
from breakglass.components.alerts.usage_alert import UsageAlert, UsageAlertArgs
from breakglass.iam.documents import dead_letter_queue_policy
from breakglass.vocabulary import ROLE_PATHS, EvidencePath
from tests.conftest import REGION, Deployment, deploy, refusal

COMPONENT = "breakglass:index:UsageAlert"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"

DESTINATION_ARN = "arn:aws:events:eu-central-1:222222222222:api-destination/breakglass-prod-destination/2f6d2a51"
DESTINATION_ROLE_ARN = "arn:aws:iam::222222222222:role/breakglass-prod-role"
CHANNEL = "C0123456789"
POST_MORTEM = "https://wiki.example.com/post-mortem"
SET = "devops-break-glass"
ROLE_ARN = "arn:aws:iam::222222222222:role/emergency"

OF_A_SET: UsageAlertArgs = {
    "region": REGION,
    "permission_set": SET,
    "target_arn": DESTINATION_ARN,
    "target_role_arn": DESTINATION_ROLE_ARN,
    "channel": CHANNEL,
    "post_mortem_url": POST_MORTEM,
    "tags": {"team": "platform"},
}
OF_A_ROLE: UsageAlertArgs = {
    "region": REGION,
    "role_arn": ROLE_ARN,
    "target_arn": DESTINATION_ARN,
    "target_role_arn": DESTINATION_ROLE_ARN,
    "channel": CHANNEL,
}


USER_ARN = "arn:aws:iam::222222222222:user/break-glass-admin"
OF_A_USER: UsageAlertArgs = {
    "region": REGION,
    "user_arn": USER_ARN,
    "target_arn": DESTINATION_ARN,
    "target_role_arn": DESTINATION_ROLE_ARN,
    "channel": CHANNEL,
}
OF_ROOT: UsageAlertArgs = {
    "region": REGION,
    "root": True,
    "target_arn": DESTINATION_ARN,
    "target_role_arn": DESTINATION_ROLE_ARN,
    "channel": CHANNEL,
}
OTHERS: dict[str, tuple[UsageAlertArgs, UserSubject | RootSubject]] = {
    "user": (OF_A_USER, UserSubject(USER_ARN)),
    "root": (OF_ROOT, RootSubject()),
}


def program(args: UsageAlertArgs) -> dict[str, pulumi.Output[Any]]:
    made = UsageAlert("alert", args)
    return {
        "rule_names": made.rule_names,
        "rule_arns": made.rule_arns,
        "drill_rule_name": made.drill_rule_name,
        "queue_name": made.queue_name,
        "queue_arn": made.queue_arn,
        "queue_url": made.queue_url,
    }


def alert(args: UsageAlertArgs) -> Deployment:
    return deploy(lambda: program(args))


def test_inventory_for_a_permission_set() -> None:
    deployment = alert(OF_A_SET)

    assert deployment.inventory() == {
        (COMPONENT, "alert"),
        (QUEUE, "alert-dead-letters"),
        (QUEUE_POLICY, "alert-dead-letters"),
        *((kind, f"alert-{path}") for kind in (RULE, TARGET) for path in [*ROLE_PATHS, "drill"]),
    }
    assert deployment.calls == []


def test_inventory_for_a_plain_role() -> None:
    paths = {*ROLE_PATHS, "drill"} - {EvidencePath.portal}

    assert alert(OF_A_ROLE).inventory() == {
        (COMPONENT, "alert"),
        (QUEUE, "alert-dead-letters"),
        (QUEUE_POLICY, "alert-dead-letters"),
        *((kind, f"alert-{path}") for kind in (RULE, TARGET) for path in paths),
    }


def test_inventory_for_root() -> None:
    kinds = [*RootSubject().evidence_paths, "drill"]

    assert alert(OF_ROOT).inventory() == {
        (COMPONENT, "alert"),
        (QUEUE, "alert-dead-letters"),
        (QUEUE_POLICY, "alert-dead-letters"),
        *((kind, f"alert-{path}") for kind in (RULE, TARGET) for path in kinds),
    }


def test_inventory_for_a_user_has_a_rule_without_target() -> None:
    """The use of a key posts nothing; its alarm does."""
    kinds = [*UserSubject(USER_ARN).evidence_paths, "key_use-alarm"]

    assert alert(OF_A_USER).inventory() == {
        (COMPONENT, "alert"),
        (QUEUE, "alert-dead-letters"),
        (QUEUE_POLICY, "alert-dead-letters"),
        *((RULE, f"alert-{path}") for path in kinds),
        *((TARGET, f"alert-{path}") for path in kinds if path is not EvidencePath.key_use),
    }


@pytest.mark.parametrize(("args", "subject"), OTHERS.values(), ids=OTHERS)
def test_rules_of_user_and_root(args: UsageAlertArgs, subject: UserSubject | RootSubject) -> None:
    deployment = alert(args)

    for path in subject.evidence_paths:
        rule = deployment.get(RULE, f"alert-{path}").inputs
        assert json.loads(rule["eventPattern"]) == event_pattern(subject, path)
        assert rule["state"] == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
        if path is not EvidencePath.key_use:
            message = slack_message(subject, path, channel=CHANNEL)
            assert deployment.get(TARGET, f"alert-{path}").inputs["inputTransformer"] == {
                "inputPaths": dict(message.input_paths),
                "inputTemplate": message.template,
            }


def test_alarm_on_key_use_is_posted_as_key_use() -> None:
    deployment = alert(OF_A_USER)

    rule = deployment.get(RULE, "alert-key_use-alarm").inputs
    assert json.loads(rule["eventPattern"]) == key_use_alarm_pattern("breakglass-alert-key_use")
    message = slack_message(UserSubject(USER_ARN), EvidencePath.key_use, channel=CHANNEL)
    target = deployment.get(TARGET, "alert-key_use-alarm").inputs
    assert target["inputTransformer"]["inputTemplate"] == message.template
    assert target["deadLetterConfig"] == {"arn": deployment.outputs["queue_arn"]}
    # Nothing that the sender of an event can fill: neither the alarm's name nor its description.
    assert set(message.input_paths.values()) <= {"$.id", "$.time", "$.account", "$.region"}


def test_outputs_of_a_user_name_every_rule() -> None:
    outputs = alert(OF_A_USER).outputs

    kinds = [path.value for path in UserSubject(USER_ARN).evidence_paths] + ["key_use-alarm"]
    assert outputs["rule_names"] == {kind: f"breakglass-alert-{kind}" for kind in kinds}
    assert list(outputs["rule_arns"]) == kinds
    assert outputs["drill_rule_name"] is None


def test_queue_of_a_user_allows_rules_with_a_target_only() -> None:
    deployment = alert(OF_A_USER)

    policy = json.loads(deployment.get(QUEUE_POLICY, "alert-dead-letters").inputs["policy"])
    with_target = [arn for kind, arn in deployment.outputs["rule_arns"].items() if kind != "key_use"]
    assert policy == dead_letter_queue_policy(deployment.outputs["queue_arn"], with_target)


@pytest.mark.parametrize(("args", "subject"), OTHERS.values(), ids=OTHERS)
def test_explain_changes_nothing_for_others(args: UsageAlertArgs, subject: UserSubject | RootSubject) -> None:
    plain, explained = alert(args), alert({**args, "explain": True})

    assert {urn: each.inputs for urn, each in explained.by_urn().items()} == {
        urn: each.inputs for urn, each in plain.by_urn().items()
    }


def test_outputs() -> None:
    deployment = alert({**OF_A_SET, "evidence_paths": [EvidencePath.portal, EvidencePath.session_start]})

    assert deployment.outputs == {
        "rule_names": {"session_start": "breakglass-alert-session_start", "portal": "breakglass-alert-portal"},
        "rule_arns": {
            "session_start": "arn:aws:events:eu-central-1:222222222222:rule/breakglass-alert-session_start",
            "portal": "arn:aws:events:eu-central-1:222222222222:rule/breakglass-alert-portal",
        },
        "drill_rule_name": "breakglass-alert-drill",
        "queue_name": "breakglass-alert-dead-letters",
        "queue_arn": "arn:aws:sqs:eu-central-1:222222222222:breakglass-alert-dead-letters",
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/222222222222/breakglass-alert-dead-letters",
    }


@pytest.mark.parametrize("path", ROLE_PATHS)
def test_rule_of_evidence_path(path: EvidencePath) -> None:
    rule = alert(OF_A_SET).get(RULE, f"alert-{path}").inputs

    assert json.loads(rule.pop("eventPattern")) == event_pattern(PermissionSetSubject(SET), path)
    assert rule == {
        "name": f"breakglass-alert-{path}",
        "description": f"Use of {SET}, evidence path {path}.",
        "state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        "region": REGION,
        "tags": {"team": "platform"},
    }


@pytest.mark.parametrize("path", ROLE_PATHS)
def test_target_of_evidence_path(path: EvidencePath) -> None:
    deployment = alert(OF_A_SET)
    message = slack_message(PermissionSetSubject(SET), path, channel=CHANNEL, post_mortem_url=POST_MORTEM)

    assert deployment.get(TARGET, f"alert-{path}").inputs == {
        "targetId": "slack",
        "rule": f"breakglass-alert-{path}",
        "arn": DESTINATION_ARN,
        "roleArn": DESTINATION_ROLE_ARN,
        "inputTransformer": {"inputPaths": dict(message.input_paths), "inputTemplate": message.template},
        "retryPolicy": {"maximumEventAgeInSeconds": 900, "maximumRetryAttempts": 185},
        "deadLetterConfig": {"arn": deployment.outputs["queue_arn"]},
        "region": REGION,
    }


@pytest.mark.parametrize("path", ROLE_PATHS)
def test_message_with_explain_asks_for_explanation(path: EvidencePath) -> None:
    plain, explained = alert(OF_A_SET), alert({**OF_A_SET, "explain": True})

    assert explained.inventory() == plain.inventory()
    message = slack_message(PermissionSetSubject(SET), path, channel=CHANNEL, post_mortem_url=POST_MORTEM, explain=True)
    transformer = {"inputPaths": dict(message.input_paths), "inputTemplate": message.template}
    target = plain.get(TARGET, f"alert-{path}").inputs
    assert explained.get(TARGET, f"alert-{path}").inputs == {**target, "inputTransformer": transformer}
    # Nothing was used where AWS refused.
    assert ("explain_alert" in message.template) is (path is not EvidencePath.denied)


def test_target_depends_on_queue_policy() -> None:
    deployment = alert(OF_A_SET)

    policy = deployment.get(QUEUE_POLICY, "alert-dead-letters")
    for target in deployment.of_type(TARGET):
        assert policy.urn in target.depends_on


def test_dead_letter_queue_is_encrypted_and_keeps_14_days() -> None:
    assert alert(OF_A_SET).get(QUEUE, "alert-dead-letters").inputs == {
        "name": "breakglass-alert-dead-letters",
        "messageRetentionSeconds": 1_209_600,
        "sqsManagedSseEnabled": True,
        "region": REGION,
        "tags": {"team": "platform"},
    }


def test_dead_letter_queue_allows_rules_of_alert_only() -> None:
    deployment = alert(OF_A_SET)

    policy = deployment.get(QUEUE_POLICY, "alert-dead-letters").inputs
    assert policy["queueUrl"] == deployment.outputs["queue_url"]
    paths = [*ROLE_PATHS, "drill"]
    rules = [f"arn:aws:events:eu-central-1:222222222222:rule/breakglass-alert-{path}" for path in paths]
    queue = "arn:aws:sqs:eu-central-1:222222222222:breakglass-alert-dead-letters"
    assert json.loads(policy["policy"]) == dead_letter_queue_policy(queue, rules)


def test_retry_can_be_set() -> None:
    deployment = alert({**OF_A_SET, "retry": {"maximum_event_age_seconds": 60, "maximum_retry_attempts": 0}})

    for target in deployment.of_type(TARGET):
        assert target.inputs["retryPolicy"] == {"maximumEventAgeInSeconds": 60, "maximumRetryAttempts": 0}


def test_drill_rule_differs_from_a_use_in_pattern_and_message() -> None:
    deployment = alert(OF_A_SET)

    rule = deployment.get(RULE, "alert-drill").inputs
    assert json.loads(rule.pop("eventPattern")) == drill_pattern(PermissionSetSubject(SET))
    assert rule == {
        "name": "breakglass-alert-drill",
        "description": f"Drill of the alerts about {SET}.",
        "state": "ENABLED",
        "region": REGION,
        "tags": {"team": "platform"},
    }
    message = drill_message(PermissionSetSubject(SET), channel=CHANNEL)
    of_a_use = deployment.get(TARGET, "alert-session_start").inputs
    assert deployment.get(TARGET, "alert-drill").inputs == {
        **of_a_use,
        "rule": "breakglass-alert-drill",
        "inputTransformer": {"inputPaths": dict(message.input_paths), "inputTemplate": message.template},
    }


def test_drills_can_have_their_own_channel() -> None:
    deployment = alert({**OF_A_SET, "drill_channel": "C0DRILLS00"})

    def channel(kind: str) -> str:
        target = deployment.get(TARGET, f"alert-{kind}").inputs
        return str(json.loads(target["inputTransformer"]["inputTemplate"])["channel"])

    assert [channel(kind) for kind in ("session_start", "drill")] == [CHANNEL, "C0DRILLS00"]


def test_drills_can_be_omitted() -> None:
    with_drills, without = alert(OF_A_ROLE), alert({**OF_A_ROLE, "drills": False})

    assert with_drills.inventory() - without.inventory() == {(RULE, "alert-drill"), (TARGET, "alert-drill")}
    assert without.outputs == {**with_drills.outputs, "drill_rule_name": None}


def test_other_partition_has_other_arns() -> None:
    deployment = alert({**OF_A_SET, "region": "us-gov-west-1"})

    rule = deployment.get(RULE, "alert-session_start").inputs
    pattern = event_pattern(PermissionSetSubject(SET), EvidencePath.session_start, partition="aws-us-gov")
    assert json.loads(rule["eventPattern"]) == pattern


def test_duplicate_path_gives_one_rule() -> None:
    deployment = alert({**OF_A_SET, "evidence_paths": [EvidencePath.portal, EvidencePath.portal]})

    assert {rule.name for rule in deployment.of_type(RULE)} == {"alert-portal", "alert-drill"}


BUS = "breakglass-prod-hub"


@pytest.mark.parametrize("args", [OF_A_SET, OF_A_ROLE, OF_A_USER, OF_ROOT], ids=["set", "role", "user", "root"])
def test_bus_changes_the_bus_of_rules_and_targets_only(args: UsageAlertArgs) -> None:
    """CloudWatch sends the events of an alarm to the default bus."""
    plain, on_bus = alert(args), alert({**args, "event_bus_name": BUS})

    assert on_bus.inventory() == plain.inventory()
    for each in plain.resources:
        inputs = dict(on_bus.by_urn()[each.urn].inputs)
        bus = inputs.pop("eventBusName", None)
        assert bus == (BUS if each.type in (RULE, TARGET) and each.name != "alert-key_use-alarm" else None)
        if each.type != QUEUE_POLICY:
            assert inputs == each.inputs


def test_queue_on_bus_allows_its_rules() -> None:
    deployment = alert({**OF_A_USER, "event_bus_name": BUS})

    arns = deployment.outputs["rule_arns"]
    assert arns["sign_in"] == f"arn:aws:events:eu-central-1:222222222222:rule/{BUS}/breakglass-alert-sign_in"
    with_target = [arn for kind, arn in arns.items() if kind != "key_use"]
    policy = json.loads(deployment.get(QUEUE_POLICY, "alert-dead-letters").inputs["policy"])
    assert policy == dead_letter_queue_policy(deployment.outputs["queue_arn"], with_target)


@pytest.mark.parametrize("bus", [{}, {"event_bus_name": BUS}], ids=["default bus", "bus"])
def test_rules_on_another_bus_are_created_before_deletion(bus: Any) -> None:
    deployment = alert({**OF_A_USER, **bus})

    assert all(each.create_first for each in (*deployment.of_type(RULE), *deployment.of_type(TARGET)))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"role_arn": ROLE_ARN}, "An alert watches exactly one subject"),
        ({"root": True}, "An alert watches exactly one subject"),
        ({"user_arn": USER_ARN}, "An alert watches exactly one subject"),
        ({"permission_set": None, "root": False}, "An alert watches exactly one subject"),
        ({"permission_set": None, "user_arn": ROLE_ARN}, "This is an IAM role, not an IAM user"),
        ({"permission_set": None, "root": True, "evidence_paths": ["denied"]}, "for permission sets and roles only"),
        ({"permission_set": None}, "An alert watches exactly one subject"),
        ({"permission_set": None, "role_arn": ROLE_ARN, "evidence_paths": ["portal"]}, "no rule would watch"),
        ({"channel": "#alerts"}, "alert.channel"),
        ({"evidence_paths": ["portals"]}, "Did you mean portal?"),
        ({"evidence_paths": []}, "alert.evidence_paths"),
        ({"retry": {"maximum_event_age_seconds": 59}}, "alert.retry.maximum_event_age_seconds"),
        ({"target_arm": DESTINATION_ARN}, "Did you mean target"),
        ({"post_mortem_url": "https://wiki.example.com/<!channel>"}, "alert.post_mortem_url"),
        ({"explain": "yes"}, "alert.explain"),
    ],
    ids=lambda value: value if isinstance(value, str) else " and ".join(value),
)
def test_wrong_args_are_refused_before_registration(wrong: Any, why: str) -> None:
    assert why in refusal(lambda: program({**OF_A_SET, **wrong}))


def test_missing_reference_is_refused() -> None:
    args = {key: value for key, value in OF_A_SET.items() if key != "target_role_arn"}

    report = refusal(lambda: program(cast(UsageAlertArgs, args)))
    assert "ARN of the role by which EventBridge calls the target" in report
