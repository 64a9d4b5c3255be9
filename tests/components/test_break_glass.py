"""`BreakGlass`: the whole inventory, and the invariants of every resource.

Not proven here: the resources' inputs, which are the parts' own (the other files of this folder), and that the engine
deploys them (tests/engine).
"""

import json
from functools import cache
from typing import Any, cast

import pulumi
import pytest

from breakglass.alerts.patterns import alert_rules
from breakglass.alerts.subjects import RootSubject, TamperSubject
from breakglass.components.arguments import BreakGlassArgs
from breakglass.components.break_glass import BreakGlass
from breakglass.errors import ConfigError
from breakglass.iam.protection import deny_statements
from breakglass.stack_file.stack import StackFile
from breakglass.vocabulary import ROLE_PATHS, EvidencePath
from tests.conftest import (
    ACCOUNT_ID,
    IDENTITY_STORE_ID,
    INSTANCE_ARN,
    REGION,
    Call,
    Deployment,
    ProviderError,
    Registration,
    deploy,
    refusal,
)

TOKEN = "xoxb-1-made-up"
TAGS = {"team": "platform"}
RESTORE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "rds:RestoreDBInstanceFromDBSnapshot", "Resource": "*"}],
}
PERMISSION_SETS: dict[str, Any] = {
    "region": REGION,
    "pairs": [
        {
            "name": "devops",
            "everyday": {"managed_policies": ["arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"]},
            "break_glass": {"inline_policy": RESTORE},
            "assignments": [{"group": "database-oncall", "accounts": ["222222222222"]}],
        },
    ],
}
ALERTS: dict[str, Any] = {
    "region": REGION,
    "slack": {"channel": "C0123456789"},
    "watch": {"permission_sets": ["DatabaseAdmin"], "roles": ["arn:aws:iam::222222222222:role/emergency"]},
    "monitoring": {"emails": ["oncall@example.com"], "alerts_by_email": True},
}
BOTH = {"permission_sets": PERMISSION_SETS, "alerts": ALERTS, "slack_bot_token": TOKEN, "tags": TAGS}
ALERTS_ONLY = {"alerts": ALERTS, "slack_bot_token": TOKEN, "tags": TAGS}
PERMISSION_SETS_ONLY = {"permission_sets": PERMISSION_SETS, "tags": TAGS}


APPROVALS: dict[str, Any] = {
    "channel": "C0APPROVALS1",
    "rules": [
        {
            "name": "databases",
            "sets": ["devops-break-glass"],
            "accounts": ["333333333333"],
            "requesters": [{"group": "database-oncall"}],
            "approvers": [{"group": "database-leads"}],
        }
    ],
    "end_sessions": True,
}
SIGNING = "0123456789abcdef0123456789abcdef"
WITH_APPROVALS = {**BOTH, "approvals": APPROVALS, "slack_signing_secret": SIGNING}


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    made = BreakGlass("prod", cast(BreakGlassArgs, args))
    return {
        "permission_set_arns": made.permission_set_arns,
        "rule_names": made.rule_names,
        "dead_letter_queue_urls": made.dead_letter_queue_urls,
        "topic_arn": made.topic_arn,
        "page_topic_arn": made.page_topic_arn,
        "dashboard_url": made.dashboard_url,
        "hub_bus_arn": made.hub_bus_arn,
        "approval_request_url": made.approval_request_url,
        "approval_table_name": made.approval_table_name,
        "approval_policy": made.approval_policy,
        "slack_app_manifest": made.slack_app_manifest,
        "session_policy_id": made.session_policy_id,
    }


WITHOUT_APPROVALS = dict.fromkeys(
    ("approval_request_url", "approval_table_name", "approval_policy", "slack_app_manifest", "session_policy_id")
)


def break_glass(args: dict[str, Any]) -> Deployment:
    """Return the deployed resources, cached by arguments, since no test changes them."""
    return _deployed(json.dumps(args))


@cache
def _deployed(args: str) -> Deployment:
    return deploy(lambda: program(json.loads(args)))


OF_THE_PAIR = {
    ("breakglass:index:PermissionSetPair", "prod-devops"),
    ("aws:ssoadmin/permissionSet:PermissionSet", "prod-devops-everyday"),
    ("aws:ssoadmin/permissionSet:PermissionSet", "prod-devops-break-glass"),
    ("aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment", "prod-devops-everyday-AmazonRDSReadOnlyAccess"),
    ("aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy", "prod-devops-break-glass-inline"),
    *(
        ("aws:ssoadmin/accountAssignment:AccountAssignment", f"prod-devops-{target}-group:database-oncall-222222222222")
        for target in ("everyday", "break-glass")
    ),
}
OF_SLACK = {
    ("breakglass:index:SlackConnection", "prod-slack"),
    ("aws:secretsmanager/secret:Secret", "prod-slack-token"),
    ("aws:secretsmanager/secretVersion:SecretVersion", "prod-slack-token"),
    ("aws:cloudwatch/eventConnection:EventConnection", "prod-slack-connection"),
    ("breakglass:index:SlackDestination", "prod-slack"),
    ("aws:cloudwatch/eventApiDestination:EventApiDestination", "prod-slack-destination"),
    ("aws:iam/role:Role", "prod-slack-role"),
    ("aws:iam/rolePolicy:RolePolicy", "prod-slack-invoke"),
}


def of_a_schedule(component: str, name: str, *alarms: str) -> set[tuple[str, str]]:
    """Return the resources of a component with a state machine on a schedule."""
    return {
        (f"breakglass:index:{component}", name),
        ("breakglass:index:ScheduledMachine", name),
        ("aws:sfn/stateMachine:StateMachine", f"{name}-machine"),
        *(("aws:iam/role:Role", f"{name}-{kind}") for kind in ("role", "start")),
        *(("aws:iam/rolePolicy:RolePolicy", f"{name}-{kind}") for kind in ("permissions", "start")),
        ("aws:cloudwatch/eventRule:EventRule", f"{name}-schedule"),
        ("aws:cloudwatch/eventTarget:EventTarget", f"{name}-schedule"),
        *(("aws:cloudwatch/metricAlarm:MetricAlarm", f"{name}-{kind}") for kind in (*alarms, "failed-runs")),
    }


OF_THE_PROBE = of_a_schedule("SlackProbe", "prod-slack-probe", "C0123456789")
OF_THE_DRILLS = of_a_schedule("DrillSchedule", "prod-drills", "late", "missing")
OF_THE_MONITORING = {
    ("breakglass:index:AlarmTopics", "prod-monitoring"),
    ("breakglass:index:UsageMonitoring", "prod-monitoring"),
    ("aws:sns/topic:Topic", "prod-monitoring-alarms"),
    ("aws:sns/topicPolicy:TopicPolicy", "prod-monitoring-alarms"),
    ("aws:sns/topicSubscription:TopicSubscription", "prod-monitoring-oncall@example.com"),
    ("aws:cloudwatch/dashboard:Dashboard", "prod-monitoring-dashboard"),
    ("aws:cloudwatch/eventRule:EventRule", "prod-monitoring-lost-connection"),
    ("aws:cloudwatch/eventTarget:EventTarget", "prod-monitoring-lost-connection"),
}


def of_an_alert(key: str, *rules: str, component: str = "UsageAlert", use: bool = True) -> set[tuple[str, str]]:
    """Return the resources of an alert and of its monitoring; a use has drills and is counted."""
    kinds = (*rules, "drill") if use else rules
    alarms = ("failed-deliveries", "dead-letters", "dead-letter-age", *(["routine-use"] if use else []))
    return {
        (f"breakglass:index:{component}", f"prod-{key}"),
        ("aws:sqs/queue:Queue", f"prod-{key}-dead-letters"),
        ("aws:sqs/queuePolicy:QueuePolicy", f"prod-{key}-dead-letters"),
        *(("aws:cloudwatch/eventRule:EventRule", f"prod-{key}-{kind}") for kind in kinds),
        *(("aws:cloudwatch/eventTarget:EventTarget", f"prod-{key}-{kind}") for kind in kinds),
        *(("aws:cloudwatch/eventTarget:EventTarget", f"prod-monitoring-{key}-{rule}") for rule in rules),
        *(("aws:cloudwatch/metricAlarm:MetricAlarm", f"prod-monitoring-{key}-{alarm}") for alarm in alarms),
    }


MACHINE = "aws:sfn/stateMachine:StateMachine"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
PLAIN_PATHS = tuple(path for path in ROLE_PATHS if path is not EvidencePath.portal)
WATCHED = {
    "DatabaseAdmin": tuple(ROLE_PATHS),
    "emergency-222222222222": PLAIN_PATHS,
    "root-user": RootSubject().evidence_paths,
}
OF_WATCHED = {part for key, paths in WATCHED.items() for part in of_an_alert(key, *paths)}
TAMPER_RULES = [rule.key for rule in alert_rules(TamperSubject(("breakglass-prod-",)))]
OF_TAMPERING = of_an_alert("tampering", *TAMPER_RULES, component="TamperAlert", use=False)
ENTITLEMENTS = ["access-entitlements"]
ACCESS_RULES = ["access-assignments", "access-memberships", *ENTITLEMENTS]
OF_ACCESS = of_an_alert("access-by-hand", *ACCESS_RULES, component="AccessAlert", use=False)
OF_ENTITLEMENTS = of_an_alert("access-by-hand", *ENTITLEMENTS, component="AccessAlert", use=False)
OF_ALERTS = OF_SLACK | OF_WATCHED | OF_TAMPERING | OF_ENTITLEMENTS | OF_THE_MONITORING


@pytest.mark.parametrize(
    ("args", "inventory"),
    [
        (
            BOTH,
            OF_THE_PAIR | OF_ALERTS | OF_THE_PROBE | of_an_alert("devops-break-glass", *ROLE_PATHS) | OF_ACCESS,
        ),
        (ALERTS_ONLY, OF_ALERTS | OF_THE_PROBE),
        ({**ALERTS_ONLY, "alerts": {**ALERTS, "probe": "off"}}, OF_ALERTS),
        (
            {**ALERTS_ONLY, "alerts": {**ALERTS, "drills": {"every": "P7D"}}},
            OF_ALERTS | OF_THE_PROBE | OF_THE_DRILLS,
        ),
        (PERMISSION_SETS_ONLY, OF_THE_PAIR),
    ],
    ids=["both sections", "alerts only", "no probe", "scheduled drills", "permission sets only"],
)
def test_inventory(args: dict[str, Any], inventory: set[tuple[str, str]]) -> None:
    assert break_glass(args).inventory() == {("breakglass:index:BreakGlass", "prod"), *inventory}


PAGED = {**ALERTS["monitoring"], "pagers": {"pagerduty": "https://events.example.com/made-up"}}
CONFIRMED = {**ALERTS_ONLY, "alerts": {**ALERTS, "delivery": "confirmed"}}
DELIVERY_ARN = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-prod-slack-delivery"
OF_THE_DESTINATION = {part for part in OF_SLACK if part[1] in ("prod-slack-destination", "prod-slack-role")} | {
    ("breakglass:index:SlackDestination", "prod-slack"),
    ("aws:iam/rolePolicy:RolePolicy", "prod-slack-invoke"),
}
OF_THE_DELIVERY = {
    ("breakglass:index:SlackDelivery", "prod-slack-delivery"),
    ("aws:sfn/stateMachine:StateMachine", "prod-slack-delivery-machine"),
    ("aws:iam/role:Role", "prod-slack-delivery-role"),
    ("aws:iam/rolePolicy:RolePolicy", "prod-slack-delivery-permissions"),
    ("aws:iam/role:Role", "prod-slack-delivery-start"),
    ("aws:iam/rolePolicy:RolePolicy", "prod-slack-delivery-start"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "prod-slack-delivery-undelivered"),
}


def test_delivery_is_direct_by_default() -> None:
    direct = break_glass({**ALERTS_ONLY, "alerts": {**ALERTS, "delivery": "direct"}})

    assert direct.by_urn() == break_glass(ALERTS_ONLY).by_urn()
    for target in slack_targets(direct):
        assert ":api-destination/breakglass-prod-slack-destination/" in target.inputs["arn"]
        assert target.inputs["roleArn"] == "arn:aws:iam::222222222222:role/breakglass-prod-slack-role"


def test_switch_of_delivery_replaces_only_the_way_to_slack() -> None:
    direct, confirmed = break_glass(ALERTS_ONLY), break_glass(CONFIRMED)

    assert direct.inventory() - confirmed.inventory() == OF_THE_DESTINATION
    assert confirmed.inventory() - direct.inventory() == OF_THE_DELIVERY
    before, after = direct.by_urn(), confirmed.by_urn()
    changed = {urn for urn in before.keys() & after.keys() if before[urn].inputs != after[urn].inputs}
    # The mail about a lost connection says what happens to alerts then.
    lost_connection = {each.urn for each in direct.resources if each.name == "prod-monitoring-lost-connection"}
    dashboard = direct.get("aws:cloudwatch/dashboard:Dashboard", "prod-monitoring-dashboard")
    assert changed == {*lost_connection, dashboard.urn, *(target.urn for target in slack_targets(direct))}


def test_switch_of_delivery_updates_each_target_in_place() -> None:
    """Neither the rule nor the target's ID changes, so PutTargets overwrites the target and there is no gap."""
    before = {target.urn: target.inputs for target in slack_targets(break_glass(ALERTS_ONLY))}
    after = {target.urn: target.inputs for target in slack_targets(break_glass(CONFIRMED))}

    assert before.keys() == after.keys()
    for urn, inputs in after.items():
        role_arn = "arn:aws:iam::222222222222:role/breakglass-prod-slack-delivery-start"
        assert inputs == {**before[urn], "arn": DELIVERY_ARN, "roleArn": role_arn}


def test_confirmed_targets_wait_for_the_rights_of_the_machine() -> None:
    deployment = break_glass(CONFIRMED)

    start = deployment.get("aws:iam/rolePolicy:RolePolicy", "prod-slack-delivery-start")
    machine = deployment.get("aws:sfn/stateMachine:StateMachine", "prod-slack-delivery-machine")
    permissions = deployment.get("aws:iam/rolePolicy:RolePolicy", "prod-slack-delivery-permissions")
    assert permissions.urn in machine.depends_on
    for target in slack_targets(deployment):
        assert {start.urn, machine.urn} <= target.depends_on


def test_direct_targets_wait_for_the_rights_of_their_role() -> None:
    deployment = break_glass(ALERTS_ONLY)

    invoke = deployment.get("aws:iam/rolePolicy:RolePolicy", "prod-slack-invoke")
    for target in slack_targets(deployment):
        assert invoke.urn in target.depends_on


def slack_targets(deployment: Deployment) -> list[Registration]:
    """Return the targets of the rules of uses and drills that post to Slack."""
    found = [target for target in deployment.of_type(TARGET) if target.inputs["targetId"] == "slack"]
    assert len(found) > len(WATCHED)
    return found


def machine_definition(args: dict[str, Any], deployment: Deployment | None = None) -> dict[str, Any]:
    made = deployment or break_glass(args)
    definition = made.get("aws:sfn/stateMachine:StateMachine", "prod-slack-delivery-machine").inputs["definition"]
    return json.loads(definition)


def test_confirmed_alerts_show_names_of_listed_accounts() -> None:
    names = machine_definition(CONFIRMED)["States"]["Begin"]["Assign"]["names"]

    assert names == {"222222222222": "management", "333333333333": "production", "444444444444": "staging"}


def test_confirmed_alerts_without_organization_show_no_names() -> None:
    def unreadable(_: Any) -> dict[str, Any]:
        raise ProviderError("AccessDeniedException: not allowed")

    alerts = {**CONFIRMED["alerts"], "evidence_paths": ["session_start"]}
    answers = {"aws:organizations/getOrganization:getOrganization": unreadable}
    deployment = deploy(lambda: program({**CONFIRMED, "alerts": alerts}), answers=answers)

    assert machine_definition({}, deployment)["States"]["Begin"]["Assign"]["names"] == {}


def test_confirmed_delivery_knows_the_drill_channel() -> None:
    slack = {"channel": "C0123456789", "drill_channel": "C0DRILLS0000"}
    definition = machine_definition({**CONFIRMED, "alerts": {**CONFIRMED["alerts"], "slack": slack}})

    assert '["C0123456789", "C0DRILLS0000"]' in definition["States"]["Begin"]["Assign"]["channel"]


def test_explain_button_without_approvals_is_added() -> None:
    targets = break_glass({**ALERTS_ONLY, "alerts": {**ALERTS, "explain_button": True}}).of_type(TARGET)
    asking = {target.name for target in targets if "explain_alert" in str(target.inputs.get("inputTransformer"))}

    shown = [(key, path) for key, paths in WATCHED.items() for path in paths]
    # Refused attempts and root have nothing to explain by a button.
    assert asking == {f"prod-{key}-{path}" for key, path in shown if path != "denied" and key != "root-user"}


def test_alert_without_approvals_has_no_button() -> None:
    for target in break_glass(BOTH).of_type(TARGET):
        assert "explain_alert" not in str(target.inputs)


def test_outputs() -> None:
    queues = "https://sqs.eu-central-1.amazonaws.com/222222222222/breakglass-prod-"

    assert break_glass(BOTH).outputs == {
        "permission_set_arns": {
            "devops": "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-devops",
            "devops-break-glass": "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-devops-break-glass",
        },
        "rule_names": {
            "devops-break-glass": {path: f"breakglass-prod-devops-break-glass-{path}" for path in ROLE_PATHS},
            "DatabaseAdmin": {path: f"breakglass-prod-DatabaseAdmin-{path}" for path in ROLE_PATHS},
            "emergency-222222222222": {path: f"breakglass-prod-emergency-222222222222-{path}" for path in PLAIN_PATHS},
            "root-user": {path: f"breakglass-prod-root-user-{path}" for path in WATCHED["root-user"]},
            "access-by-hand": {key: f"breakglass-prod-access-by-hand-{key}" for key in ACCESS_RULES},
            "tampering": {key: f"breakglass-prod-tampering-{key}" for key in TAMPER_RULES},
        },
        "dead_letter_queue_urls": {
            key: f"{queues}{key}-dead-letters"
            for key in ("devops-break-glass", *WATCHED, "access-by-hand", "tampering")
        },
        "topic_arn": "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-monitoring-alarms",
        "page_topic_arn": None,
        "dashboard_url": "https://console.aws.amazon.com/cloudwatch/home"
        "?region=eu-central-1#dashboards/dashboard/breakglass-prod-monitoring-dashboard",
        "hub_bus_arn": None,
        **WITHOUT_APPROVALS,
    }


@pytest.mark.parametrize("delivery", ["direct", "confirmed"])
def test_pagers_page_every_use_and_no_other_rule(delivery: str) -> None:
    args = {**WITH_APPROVALS, "alerts": {**ALERTS, "monitoring": PAGED, "delivery": delivery}}
    deployment = break_glass(args)

    page_topic = deployment.outputs["page_topic_arn"]
    assert page_topic == "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-monitoring-pages"
    by_rule: dict[str, list[Any]] = {}
    for target in deployment.of_type(TARGET):
        by_rule.setdefault(target.inputs["rule"], []).append(target.inputs)
    paged = {rule for rule, targets in by_rule.items() if page_topic in [each["arn"] for each in targets]}
    uses = {
        name
        for names in deployment.outputs["rule_names"].values()
        for path, name in names.items()
        if not path.startswith(EvidencePath.denied)
    }
    assert paged == {*uses, "breakglass-prod-monitoring-lost-connection"}
    # A rule has at most five targets ("Amazon EventBridge quotas").
    assert max(len(targets) for targets in by_rule.values()) == 4


def test_mails_name_sets_groups_and_stack() -> None:
    deployment = break_glass(BOTH)

    def mail(rule: str) -> str:
        target = deployment.get("aws:cloudwatch/eventTarget:EventTarget", f"prod-monitoring-{rule}").inputs
        return str(target["inputTransformer"]["inputTemplate"])

    assert "ps-devops-break-glass: devops-break-glass." in mail("access-by-hand-access-assignments")
    assert "id-of-group-" in mail("access-by-hand-access-memberships")
    assert mail("tampering-tamper-stack").startswith('"Tampering with breakglass-prod: ')


def test_outputs_without_alerts() -> None:
    outputs = break_glass(PERMISSION_SETS_ONLY).outputs

    assert outputs.pop("permission_set_arns").keys() == {"devops", "devops-break-glass"}
    assert outputs == {
        "rule_names": {},
        "dead_letter_queue_urls": {},
        "topic_arn": None,
        "page_topic_arn": None,
        "dashboard_url": None,
        "hub_bus_arn": None,
        **WITHOUT_APPROVALS,
    }


def test_no_output_is_secret() -> None:
    assert break_glass(WITH_APPROVALS).secret_outputs == set()


@pytest.mark.parametrize("args", [BOTH, WITH_APPROVALS], ids=["without approvals", "with approvals"])
def test_preview_of_new_stack_succeeds(args: dict[str, Any]) -> None:
    assert deploy(lambda: program(args), preview=True).inventory() == break_glass(args).inventory()


MADE_OF_COMPONENTS = ("Approvals", "BreakGlass", "DrillSchedule", "SlackProbe")


def test_every_resource_has_a_component_as_its_parent() -> None:
    deployment = break_glass(WITH_APPROVALS)

    urns = deployment.by_urn()
    for resource in deployment.resources:
        if resource.type == "breakglass:index:BreakGlass":
            assert resource.parent.endswith("::pulumi:pulumi:Stack::breakglass-test")
        else:
            parent = urns[resource.parent]
            assert parent.type.startswith("breakglass:index:")
            kind = parent.type.removeprefix("breakglass:index:")
            assert kind not in ("Approvals", "BreakGlass") if resource.custom else kind in MADE_OF_COMPONENTS
            assert resource.name.startswith(parent.name)


GLOBAL = ("aws:iam/", "aws:organizations/")
GLOBAL_LOOKUPS = {
    "aws:index/getCallerIdentity:getCallerIdentity",
    "aws:organizations/getOrganization:getOrganization",
}


def test_regional_resources_and_lookups_have_region() -> None:
    deployment = break_glass(WITH_APPROVALS)

    regional = [each for each in deployment.resources if each.custom and not each.type.startswith(GLOBAL)]
    assert {each.inputs.get("region") for each in regional} == {REGION}
    assert {call.args["region"] for call in deployment.calls if call.token not in GLOBAL_LOOKUPS} == {REGION}


# Of the types in use, those that take tags (the AWS provider's schema).
TAGGED = {
    "aws:apigatewayv2/api:Api",
    "aws:apigatewayv2/stage:Stage",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:dynamodb/table:Table",
    "aws:iam/role:Role",
    "aws:lambda/function:Function",
    "aws:organizations/policy:Policy",
    "aws:secretsmanager/secret:Secret",
    "aws:sfn/stateMachine:StateMachine",
    "aws:sns/topic:Topic",
    "aws:sqs/queue:Queue",
    "aws:ssoadmin/permissionSet:PermissionSet",
}


def test_taggable_resources_have_tags() -> None:
    resources = break_glass(WITH_APPROVALS).resources
    tagged = {each.type: each.inputs["tags"] for each in resources if "tags" in each.inputs}

    protected = {"aws:organizations/policy:Policy": {**TAGS, "breakglass-protected": "true"}}
    assert tagged == dict.fromkeys(TAGGED, TAGS) | protected


# Where the physical name of each type is, for the types that have one.
PHYSICAL_NAMES = {
    "aws:apigatewayv2/api:Api": "name",
    "aws:cloudwatch/dashboard:Dashboard": "dashboardName",
    "aws:cloudwatch/eventApiDestination:EventApiDestination": "name",
    "aws:cloudwatch/eventConnection:EventConnection": "name",
    "aws:cloudwatch/eventRule:EventRule": "name",
    "aws:cloudwatch/logGroup:LogGroup": "name",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "name",
    "aws:dynamodb/table:Table": "name",
    "aws:iam/role:Role": "name",
    "aws:lambda/function:Function": "name",
    "aws:organizations/policy:Policy": "name",
    "aws:secretsmanager/secret:Secret": "name",
    "aws:sfn/stateMachine:StateMachine": "name",
    "aws:sns/topic:Topic": "name",
    "aws:sqs/queue:Queue": "name",
}


def test_physical_names_have_the_protected_prefix() -> None:
    deployment = break_glass(WITH_APPROVALS)

    named = [
        (each.type, each.inputs[PHYSICAL_NAMES[each.type]])
        for each in deployment.resources
        if each.type in PHYSICAL_NAMES
    ]
    assert {type_ for type_, _ in named} == PHYSICAL_NAMES.keys()
    names = [name.removeprefix("/aws/vendedlogs/") for _, name in named]
    assert [name for name in names if not name.startswith("breakglass-prod-")] == []


def inline_policy(deployment: Deployment) -> dict[str, Any]:
    inline = deployment.get(
        "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy", "prod-devops-break-glass-inline"
    )
    return json.loads(inline.inputs["inlinePolicy"])


KEY = "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_sets_are_denied_named_resources_of_stack() -> None:
    slack = {**ALERTS["slack"], "bot_token_secret_name": "slack/bot-token", "kms_key_arn": KEY}
    args = {
        "permission_sets": {**PERMISSION_SETS, "trail_buckets": ["org-trail"]},
        "alerts": {**ALERTS, "slack": slack},
        "approvals": {**APPROVALS, "signing_secret_name": "slack/signing"},
        "tags": TAGS,
    }

    (api,) = break_glass(args).of_type("aws:apigatewayv2/api:Api")
    own = [
        KEY,
        "arn:aws:s3:::org-trail",
        "arn:aws:s3:::org-trail/*",
        "arn:aws:secretsmanager:*:*:secret:slack/bot-token-??????",
        "arn:aws:secretsmanager:*:*:secret:slack/signing-??????",
        f"arn:aws:apigateway:eu-central-1::/apis/{api.name}-id*",
    ]
    assert inline_policy(break_glass(args))["Statement"] == [*RESTORE["Statement"], *deny_statements("aws", own=own)]


def test_sets_of_stack_without_names_are_denied_prefix() -> None:
    assert inline_policy(break_glass(BOTH))["Statement"] == [*RESTORE["Statement"], *deny_statements("aws")]


def test_no_protection_beside_approvals_is_refused() -> None:
    args = {**WITH_APPROVALS, "permission_sets": {**PERMISSION_SETS, "protect_alert_path": False}}

    told = refusal(lambda: program(args))
    assert "prod.permission_sets.pairs[0].breakGlass" in told
    assert "add approvals to acknowledge" in told


def test_token_is_in_two_secret_inputs_only() -> None:
    deployment = break_glass(WITH_APPROVALS)

    holders = [each for each in deployment.resources if TOKEN in str(each.inputs)]
    assert {(each.name, each.type.rsplit(":", 1)[1]) for each in holders} == {
        ("prod-slack-token", "SecretVersion"),
        ("prod-slack-connection", "EventConnection"),
    }
    assert all(each.secrets for each in holders)
    assert TOKEN not in str([deployment.outputs, deployment.registered_outputs, deployment.calls])


def test_pair_added_first_changes_no_other_set() -> None:
    added: dict[str, Any] = {"name": "network", "everyday": {}, "break_glass": {}}

    before = break_glass(PERMISSION_SETS_ONLY)
    after = break_glass(
        {"permission_sets": {**PERMISSION_SETS, "pairs": [added, *PERMISSION_SETS["pairs"]]}, "tags": TAGS}
    )

    assert {urn: after.by_urn()[urn] for urn in before.by_urn()} == before.by_urn()


def test_role_added_first_changes_only_dashboard() -> None:
    watch = {**ALERTS["watch"], "permission_sets": ["Added", *ALERTS["watch"]["permission_sets"]]}

    before = break_glass(ALERTS_ONLY).by_urn()
    after = break_glass({**ALERTS_ONLY, "alerts": {**ALERTS, "watch": watch}}).by_urn()

    changed = {resource.type for urn, resource in before.items() if after[urn].inputs != resource.inputs}
    assert changed == {"aws:cloudwatch/dashboard:Dashboard"}


# --- approvals -------------------------------------------------------------------------------------------------------


def test_probe_tests_each_channel_of_the_stack_once() -> None:
    slack = {"channel": "C0123456789", "drill_channel": "C0DRILLS0000"}
    approvals = {**APPROVALS, "channel": "C0123456789", "second_channel": "C0SECOND0000"}

    deployment = break_glass({**WITH_APPROVALS, "alerts": {**ALERTS, "slack": slack}, "approvals": approvals})

    definition = json.loads(deployment.get(MACHINE, "prod-slack-probe-machine").inputs["definition"])
    assert definition["States"]["Probe"]["Items"] == ["C0123456789", "C0DRILLS0000", "C0SECOND0000"]


@pytest.mark.parametrize(("delivery", "metric"), [("direct", "Invocations"), ("confirmed", "DrillSeconds")])
def test_scheduled_drills_read_the_metric_of_the_delivery(delivery: str, metric: str) -> None:
    deployment = break_glass({**ALERTS_ONLY, "alerts": {**ALERTS, "drills": {"every": "P2D"}, "delivery": delivery}})

    definition = json.loads(deployment.get(MACHINE, "prod-drills-machine").inputs["definition"])
    queries = definition["States"]["ReadDelivered"]["Arguments"]["MetricDataQueries"]
    assert queries[0]["MetricStat"]["Metric"]["MetricName"] == metric
    assert definition["States"]["Send"]["Items"] == list(WATCHED)


def test_approvals_change_no_other_resource_but_their_uses() -> None:
    without, with_them = break_glass(BOTH).by_urn(), break_glass(WITH_APPROVALS).by_urn()

    added = [each for urn, each in with_them.items() if urn not in without]
    assert without.keys() <= with_them.keys()
    # The probe tests the channel of the approvals as well, and more of the stack can be tampered with.
    parts = ("prod-approvals", "prod-slack-probe-C0APPROVALS1", "prod-tampering-", "prod-monitoring-tampering-")
    assert {each.name.startswith(parts) for each in added} == {True}
    others = [urn for urn, each in without.items() if "tampering" not in each.name]
    changed = {without[urn].type for urn in others if without[urn].inputs != with_them[urn].inputs}
    assert changed == {
        # The function that may give access, the button that asks for an explanation, the row, the API that break-glass
        # sets must not change, and the channel that the probe tests.
        "aws:cloudwatch/eventRule:EventRule",
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:cloudwatch/dashboard:Dashboard",
        "aws:sfn/stateMachine:StateMachine",
        "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",
    }
    targets = [urn for urn, each in without.items() if each.type.endswith(":EventTarget")]
    told = [without[urn].inputs["targetId"] for urn in targets if without[urn].inputs != with_them[urn].inputs]
    assert set(told) == {"slack"}


def test_outputs_with_approvals() -> None:
    outputs = break_glass(WITH_APPROVALS).outputs

    assert outputs["approval_request_url"] == "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/slack"
    assert outputs["approval_table_name"] == "breakglass-prod-approvals-records"
    assert json.loads(outputs["slack_app_manifest"])["display_information"]["name"] == "breakglass"
    policy = json.loads(outputs["approval_policy"])
    assert policy["sets"]["devops-break-glass"]["arn"].endswith("/ps-devops-break-glass")
    assert policy["settings"]["instance_arn"] == INSTANCE_ARN
    assert outputs["session_policy_id"] == "prod-approvals-ended-sessions-policy-id"


@pytest.mark.parametrize("delivery", ["direct", "confirmed"])
def test_dashboard_shows_the_whole_alert_path(delivery: str) -> None:
    alerts = {**ALERTS, "monitoring": PAGED, "drills": {"every": "P2D"}, "delivery": delivery}
    deployment = break_glass({**ALERTS_ONLY, "alerts": alerts})

    dashboard = deployment.get("aws:cloudwatch/dashboard:Dashboard", "prod-monitoring-dashboard")
    widgets = [each["properties"] for each in json.loads(dashboard.inputs["dashboardBody"])["widgets"]]
    alarms = [arn for each in widgets for arn in each.get("alarms", ())]
    assert {arn.rpartition(":")[2] for arn in alarms} == {
        each.inputs["name"] for each in deployment.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    }
    titles = {each["title"] for each in widgets if "title" in each}
    assert "Slack accepts messages: should be 1" in titles
    assert ("Seconds from a drill to Slack" in titles) == (delivery == "confirmed")
    (late,) = [each["metrics"] for each in widgets if each.get("title") == "Late or failed per day: should be 0"]
    assert [line[1] for line in late] == (
        ["LateDrills"]
        if delivery == "direct"
        else ["AlertsLate", "LateDrills", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"]
    )


def test_dashboard_shows_alarms_of_approvals() -> None:
    dashboard = break_glass(WITH_APPROVALS).get("aws:cloudwatch/dashboard:Dashboard", "prod-monitoring-dashboard")

    body = json.loads(dashboard.inputs["dashboardBody"])
    shown = [arn for each in body["widgets"] for arn in each["properties"].get("alarms", ())]
    alarm = "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-prod-approvals-reconciler-silent"
    assert alarm in shown


def test_failing_approvals_end_the_program() -> None:
    def none(_: object) -> dict[str, Any]:
        raise ProviderError("AWSOrganizationsNotInUseException")

    answers = {"aws:organizations/getOrganization:getOrganization": none}
    with pytest.raises(ConfigError, match="AWSOrganizationsNotInUseException"):
        deploy(lambda: program(WITH_APPROVALS), answers=answers)


# --- the account ------------------------------------------------------------------------------------------------------

GET_CALLER = "aws:index/getCallerIdentity:getCallerIdentity"
WORKLOAD = {"alerts": {**ALERTS, "watch": {"permission_sets": ["DatabaseAdmin"]}}, "slack_bot_token": TOKEN}


def elsewhere(_: object) -> dict[str, Any]:
    return {"accountId": "333333333333"}


def warned(log: pytest.LogCaptureFixture) -> str:
    return " ".join(" ".join(log.messages).split())


def test_portal_outside_the_owner_account_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    deployment = deploy(lambda: program(WORKLOAD), answers={GET_CALLER: elsewhere})

    assert "The rules for `portal` never fire here." in warned(caplog)
    assert len(deployment.of_type("aws:cloudwatch/eventRule:EventRule")) > 1


def test_portal_in_the_owner_account_is_not_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    break_glass(WORKLOAD)

    assert warned(caplog) == ""


def test_portal_of_an_unknown_owner_is_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    def none(_: object) -> dict[str, Any]:
        raise ProviderError("AccessDeniedException: DescribeOrganization")

    deploy(lambda: program(WORKLOAD), answers={"aws:organizations/getOrganization:getOrganization": none})

    assert "The provider says: AccessDeniedException: DescribeOrganization" in warned(caplog)


def test_delegate_is_refused_to_assign_in_the_owner_account() -> None:
    pair = PERMISSION_SETS["pairs"][0]
    assigned = {**pair, "assignments": [{"group": "oncall", "accounts": ["444444444444", ACCOUNT_ID]}]}
    args: dict[str, Any] = {"permission_sets": {**PERMISSION_SETS, "pairs": [assigned]}}
    deployment = Deployment()

    with pytest.raises(ConfigError, match=r"permissionSets\.pairs\[0\]\.assignments\[0\]\.accounts\[1\]"):
        deploy(lambda: program(args), answers={GET_CALLER: elsewhere}, into=deployment)

    assert [each.type for each in deployment.resources] == ["breakglass:index:BreakGlass"]


# --- the Identity Center instance ------------------------------------------------------------------------------------

GET_INSTANCES = "aws:ssoadmin/getInstances:getInstances"
ANOTHER_INSTANCE = "arn:aws:sso:::instance/ssoins-0000000000000000"


def sets(**more: str) -> dict[str, Any]:
    return {"permission_sets": {**PERMISSION_SETS, **more}}


def instances(deployment: Deployment) -> set[tuple[str, str]]:
    """The instance and the identity store that were used."""
    lookups = {GET_INSTANCES, *GLOBAL_LOOKUPS}
    store = next(call.args["identityStoreId"] for call in deployment.calls if call.token not in lookups)
    return {(each.inputs["instanceArn"], store) for each in deployment.resources if "instanceArn" in each.inputs}


def test_instance_is_looked_up() -> None:
    deployment = break_glass(sets())

    assert Call(GET_INSTANCES, {"region": REGION}) in deployment.calls
    assert instances(deployment) == {(INSTANCE_ARN, IDENTITY_STORE_ID)}


def test_given_instance_is_not_looked_up() -> None:
    deployment = break_glass(sets(instance_arn=ANOTHER_INSTANCE, identity_store_id="d-0000000000"))

    assert GET_INSTANCES not in {call.token for call in deployment.calls}
    assert instances(deployment) == {(ANOTHER_INSTANCE, "d-0000000000")}


def several_instances(_: object) -> dict[str, Any]:
    return {"arns": [INSTANCE_ARN, ANOTHER_INSTANCE], "identityStoreIds": [IDENTITY_STORE_ID, "d-0000000000"]}


def no_instance(_: object) -> dict[str, Any]:
    return {"arns": [], "identityStoreIds": []}


def test_given_instance_of_several_is_used() -> None:
    deployment = deploy(
        lambda: program(sets(instance_arn=ANOTHER_INSTANCE)), answers={GET_INSTANCES: several_instances}
    )

    assert instances(deployment) == {(ANOTHER_INSTANCE, "d-0000000000")}


@pytest.mark.parametrize(
    ("answer", "seen"), [(several_instances, ANOTHER_INSTANCE), (no_instance, "no Identity Center")]
)
def test_ambiguous_instance_creates_no_permission_set(answer: Any, seen: str) -> None:
    deployment = Deployment()

    with pytest.raises(pulumi.RunError, match=seen):
        deploy(lambda: program(sets()), answers={GET_INSTANCES: answer}, into=deployment)

    assert not [each for each in deployment.resources if each.custom]


# --- refusals --------------------------------------------------------------------------------------------------------

RISKY: dict[str, Any] = {
    "name": "devops",
    "everyday": {},
    "break_glass": {"managed_policies": ["arn:aws:iam::aws:policy/IAMFullAccess"]},
}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "nothing to deploy"),
        ({"alerts": {**ALERTS, "watch": {"root": False}}, "slack_bot_token": TOKEN}, "watches nothing"),
        ({"alerts": ALERTS}, "The bot token is missing"),
        (
            {
                "alerts": {**ALERTS, "slack": {**ALERTS["slack"], "bot_token_secret_name": "x"}},
                "slack_bot_token": TOKEN,
            },
            "The bot token has two sources",
        ),
        (
            {**BOTH, "alerts": {**ALERTS, "watch": {"permission_sets": ["devops-break-glass_x"]}}},
            "devops-break-glass_x",
        ),
        ({"permission_set": PERMISSION_SETS}, "Did you mean permissionSets?"),
        ({**WITH_APPROVALS, "slack_signing_secret": None}, "The signing secret is missing"),
        (
            {"permission_sets": {**PERMISSION_SETS, "pairs": [RISKY]}},
            "prod.permission_sets.pairs[0].breakGlass.managedPolicies[0]",
        ),
    ],
    ids=[
        "empty",
        "watches nothing",
        "no token",
        "two tokens",
        "ambiguous names",
        "unknown key",
        "no signing secret",
        "risk",
    ],
)
def test_wrong_args_are_refused_before_registration(wrong: dict[str, Any], why: str) -> None:
    report = refusal(lambda: program(wrong))

    assert why in report
    assert TOKEN not in report


# --- one validation --------------------------------------------------------------------------------------------------


def test_validated_stack_is_not_validated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = StackFile.model_validate(WITH_APPROVALS)
    monkeypatch.setattr("breakglass.components.constructor.validate", None)
    monkeypatch.setattr("breakglass.components.permission_sets.permission_set_pair.lint_pair", None)

    deployment = deploy(lambda: {"arns": BreakGlass("prod", spec).permission_set_arns})

    assert deployment.by_urn().keys() == break_glass(WITH_APPROVALS).by_urn().keys()


# --- order ------------------------------------------------------------------------------------------------------------


def test_moved_resources_have_alias_of_old_parent() -> None:
    # The engine gives what is below it the alias, too: with the engine a preview of an older stack changes nothing.
    old = {each.name: each.old_parents for each in break_glass(WITH_APPROVALS).resources if each.old_parents}

    (approvals,) = break_glass(WITH_APPROVALS).of_type("breakglass:index:Approvals")
    (monitoring,) = break_glass(WITH_APPROVALS).of_type("breakglass:index:UsageMonitoring")
    assert old == {
        "prod-approvals-api": {approvals.urn},
        "prod-monitoring-alarms": {monitoring.urn},
        "prod-monitoring-oncall@example.com": {monitoring.urn},
    }


def test_resources_depend_one_way() -> None:
    deployment = break_glass(WITH_APPROVALS)
    dashboard = deployment.get("aws:cloudwatch/dashboard:Dashboard", "prod-monitoring-dashboard")
    deny = deployment.get(
        "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy", "prod-devops-break-glass-inline"
    )

    assert deployment.of_type("aws:sfn/stateMachine:StateMachine")[0].urn in dashboard.depends_on
    assert deployment.of_type("aws:apigatewayv2/api:Api")[0].urn in deny.depends_on
    assert not deployment.of_type("aws:apigatewayv2/api:Api")[0].depends_on


def test_no_permission_set_is_protected_by_default() -> None:
    assert not [each.name for each in break_glass(WITH_APPROVALS).resources if each.protect]


def test_protect_covers_both_sets_of_every_pair() -> None:
    protected = break_glass({"permission_sets": {**PERMISSION_SETS, "protect": True}})

    assert {(each.type, each.name) for each in protected.resources if each.protect} == {
        ("aws:ssoadmin/permissionSet:PermissionSet", "prod-devops-everyday"),
        ("aws:ssoadmin/permissionSet:PermissionSet", "prod-devops-break-glass"),
    }
