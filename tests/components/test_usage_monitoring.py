"""`UsageMonitoring` registers exactly these alarms, targets and this dashboard.

Not proven here: that AWS keeps the metrics under these names, and that an alarm on them goes off (docs/live-checks.md).
"""

import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from breakglass.alerts.dashboard import RuleMetrics, SubjectMetrics, dashboard_body
from breakglass.alerts.messages import email_text
from breakglass.alerts.subjects import (
    AccessArea,
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperArea,
    TamperSubject,
    UserSubject,
)
from breakglass.components.alerts.usage_monitoring import UsageMonitoring, UsageMonitoringArgs
from breakglass.vocabulary import ROLE_PATHS, EvidencePath
from tests.conftest import REGION, Deployment, deploy, refusal

ROOT = Path(__file__).resolve().parents[2]
COMPONENT = "breakglass:index:UsageMonitoring"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

CONNECTION_ARN = "arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-connection/8c1e77d4"
DESTINATION_ARN = "arn:aws:events:eu-central-1:222222222222:api-destination/breakglass-prod-destination/2f6d2a51"
TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-watch-alarms"
PAGE_TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-watch-pages"
TAGS = {"team": "platform"}
ROLES = ("devops-break-glass", "emergency-222222222222")
KINDS = ("failed-deliveries", "dead-letters", "dead-letter-age", "routine-use")


def names(role: str, *paths: EvidencePath) -> dict[str, str]:
    return {path.value: f"breakglass-{role}-{path}" for path in paths or EvidencePath}


PLAIN_PATHS = tuple(path for path in ROLE_PATHS if path is not EvidencePath.portal)
ARGS: UsageMonitoringArgs = {
    "region": REGION,
    "watched": [
        {
            "permission_set": "devops-break-glass",
            "rule_names": names("devops"),
            "queue_name": "breakglass-devops-dead-letters",
            "queue_arn": "arn:aws:sqs:eu-central-1:222222222222:breakglass-devops-dead-letters",
        },
        {
            "role_arn": "arn:aws:iam::222222222222:role/emergency",
            "rule_names": names("emergency", *PLAIN_PATHS),
            "queue_name": "breakglass-emergency-dead-letters",
            "queue_arn": "arn:aws:sqs:eu-central-1:222222222222:breakglass-emergency-dead-letters",
        },
    ],
    "connection_arn": CONNECTION_ARN,
    "destination_arn": DESTINATION_ARN,
    "topic_arn": TOPIC_ARN,
    "tags": TAGS,
}


USER_ARN = "arn:aws:iam::222222222222:user/admin"
USER = UserSubject(USER_ARN)
ACCESS_KEYS = ["access-assignments", "access-assignments-2", "access-memberships"]
TAMPER_KEYS = ["tamper-stack", "tamper-stack-2", "tamper-trail", "tamper-global", "session_start", "denied"]
SET_ARN = "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-1234567890abcdef"
GROUP_ID = "9067645ab0-6c1d2e3f-aaaa-bbbb-cccc-0123456789ab"


def outputs(key: str, rules: Iterable[str]) -> dict[str, Any]:
    """The outputs of an alert."""
    return {
        "rule_names": {rule: f"breakglass-{key}-{rule}" for rule in rules},
        "queue_name": f"breakglass-{key}-dead-letters",
        "queue_arn": f"arn:aws:sqs:eu-central-1:222222222222:breakglass-{key}-dead-letters",
    }


OTHERS: dict[str, dict[str, Any]] = {
    "user-admin-222222222222": {
        "user_arn": USER_ARN,
        **outputs("user", [*USER.evidence_paths, "key_use-alarm"]),
    },
    "root-user": {"root": True, **outputs("root", RootSubject().evidence_paths)},
    "access-by-hand": {
        "access": ACCESS_KEYS,
        "permission_set_arns": {"devops-break-glass": SET_ARN},
        "group_ids": {"breakers": GROUP_ID},
        **outputs("access", ACCESS_KEYS),
    },
    "tampering": {"tampering": TAMPER_KEYS, "prefixes": ["breakglass-prod-"], **outputs("tampering", TAMPER_KEYS)},
}


def program(args: UsageMonitoringArgs) -> dict[str, pulumi.Output[Any]]:
    made = UsageMonitoring("watch", args)
    return {
        "dashboard_name": made.dashboard_name,
        "dashboard_url": made.dashboard_url,
    }


def watch(**more: Any) -> Deployment:
    return deploy(lambda: program(cast(UsageMonitoringArgs, {**ARGS, **more})))


def test_inventory() -> None:
    assert watch().inventory() == {
        (COMPONENT, "watch"),
        (RULE, "watch-lost-connection"),
        (TARGET, "watch-lost-connection"),
        (DASHBOARD, "watch-dashboard"),
        *((ALARM, f"watch-{role}-{kind}") for role in ROLES for kind in KINDS),
    }


def test_alerts_by_email_add_targets_only() -> None:
    added = watch(alerts_by_email=True).inventory() - watch().inventory()

    assert added == {
        *((TARGET, f"watch-devops-break-glass-{path}") for path in ROLE_PATHS),
        *((TARGET, f"watch-emergency-222222222222-{path}") for path in PLAIN_PATHS),
    }


def test_outputs() -> None:
    assert watch().outputs == {
        "dashboard_name": "breakglass-watch-dashboard",
        "dashboard_url": "https://console.aws.amazon.com/cloudwatch/home"
        "?region=eu-central-1#dashboards/dashboard/breakglass-watch-dashboard",
    }


def test_lost_connection_goes_to_topic() -> None:
    deployment = watch()

    rule = deployment.get(RULE, "watch-lost-connection").inputs
    assert json.loads(rule.pop("eventPattern")) == {
        "source": ["aws.events"],
        "detail-type": ["Connection Deauthorized", "API Destination Deactivated"],
        "resources": [CONNECTION_ARN, DESTINATION_ARN],
    }
    assert rule == {
        "name": "breakglass-watch-lost-connection",
        "description": "EventBridge can't post break-glass alerts to Slack any more.",
        "state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        "region": REGION,
        "tags": TAGS,
    }
    target = deployment.get(TARGET, "watch-lost-connection")
    assert (target.inputs["rule"], target.inputs["arn"]) == ("breakglass-watch-lost-connection", TOPIC_ARN)
    assert target.inputs["retryPolicy"] == {"maximumEventAgeInSeconds": 86400, "maximumRetryAttempts": 185}
    assert "rotate-the-token.md" in target.inputs["inputTransformer"]["inputTemplate"]


def test_lost_connection_rule_needs_no_destination() -> None:
    deployment = watch(destination_arn=None)

    mail = deployment.get(TARGET, "watch-lost-connection").inputs["inputTransformer"]["inputTemplate"]
    assert "comes as an e-mail or a page" in mail
    assert "dead-letter" not in mail
    rule = deployment.get(RULE, "watch-lost-connection").inputs
    assert json.loads(rule["eventPattern"]) == {
        "source": ["aws.events"],
        "detail-type": ["Connection Deauthorized"],
        "resources": [CONNECTION_ARN],
    }


@pytest.mark.parametrize("path", PLAIN_PATHS)
def test_alert_by_email(path: EvidencePath) -> None:
    url = "https://wiki.example.com/post-mortem"
    deployment = watch(alerts_by_email=True, post_mortem_url=url)
    mail = email_text(RoleSubject("arn:aws:iam::222222222222:role/emergency"), path, post_mortem_url=url)

    target = deployment.get(TARGET, f"watch-emergency-222222222222-{path}")
    assert target.inputs == {
        "targetId": "email",
        "rule": f"breakglass-emergency-{path}",
        "arn": TOPIC_ARN,
        "inputTransformer": {"inputPaths": dict(mail.input_paths), "inputTemplate": mail.template},
        "retryPolicy": {"maximumEventAgeInSeconds": 86400, "maximumRetryAttempts": 185},
        "deadLetterConfig": {"arn": "arn:aws:sqs:eu-central-1:222222222222:breakglass-emergency-dead-letters"},
        "region": REGION,
    }


def test_pagers_add_targets_for_uses_and_lost_connection() -> None:
    added = watch(page_topic_arn=PAGE_TOPIC_ARN).inventory() - watch().inventory()

    paged = set(ROLE_PATHS) - {EvidencePath.denied}
    assert added == {
        *((TARGET, f"watch-devops-break-glass-{path}-page") for path in paged),
        *((TARGET, f"watch-emergency-222222222222-{path}-page") for path in paged & set(PLAIN_PATHS)),
        (TARGET, "watch-lost-connection-page"),
    }


def test_page_has_text_of_email_and_own_topic() -> None:
    deployment = watch(alerts_by_email=True, page_topic_arn=PAGE_TOPIC_ARN)

    for name in ("watch-devops-break-glass-session_start", "watch-lost-connection"):
        mail, page = (deployment.get(TARGET, each).inputs for each in (name, f"{name}-page"))
        assert page == {**mail, "targetId": "pager", "arn": PAGE_TOPIC_ARN}


def test_failed_delivery_and_dead_letter_alarms_page() -> None:
    alarms = watch(page_topic_arn=PAGE_TOPIC_ARN).of_type(ALARM)

    paging = {each.name for each in alarms if each.inputs["alarmActions"] == [TOPIC_ARN, PAGE_TOPIC_ARN]}
    assert paging == {f"watch-{role}-{kind}" for role in ROLES for kind in ("failed-deliveries", "dead-letters")}
    assert {tuple(each.inputs["alarmActions"]) for each in alarms if each.name not in paging} == {(TOPIC_ARN,)}


def alarm(deployment: Deployment, name: str) -> dict[str, Any]:
    """The inputs of an alarm without what is the same in each, and without its description."""
    inputs = dict(deployment.get(ALARM, f"watch-{name}").inputs)
    inputs.pop("alarmDescription")
    common = {
        "name": f"breakglass-watch-{name}",
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 1,
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC_ARN],
        "region": REGION,
        "tags": TAGS,
    }
    assert {key: inputs.pop(key) for key in common} == common
    return inputs


def test_failed_delivery_alarm_sums_rules_of_role() -> None:
    def metric(index: int, name: str, path: EvidencePath) -> dict[str, Any]:
        return {
            "id": f"m{index}",
            "metric": {
                "namespace": "AWS/Events",
                "metricName": name,
                "dimensions": {"RuleName": f"breakglass-emergency-{path}"},
                "stat": "Sum",
                "period": 300,
            },
        }

    assert alarm(watch(), "emergency-222222222222-failed-deliveries") == {
        "threshold": 0,
        "metricQueries": [
            *(metric(index, "FailedInvocations", path) for index, path in enumerate(PLAIN_PATHS)),
            *(metric(index, "InvocationsFailedToBeSentToDlq", path) for index, path in enumerate(PLAIN_PATHS, start=4)),
            {"id": "failures", "expression": "SUM(METRICS())", "label": "failures", "returnData": True},
        ],
    }


def test_alarm_has_at_most_ten_metrics() -> None:
    queries = watch().get(ALARM, "watch-devops-break-glass-failed-deliveries").inputs["metricQueries"]

    assert len([query for query in queries if "metric" in query]) == 2 * len(ROLE_PATHS) <= 10


@pytest.mark.parametrize(
    ("kind", "metric", "threshold"),
    [
        ("dead-letters", "ApproximateNumberOfMessagesVisible", 0),
        ("dead-letter-age", "ApproximateAgeOfOldestMessage", 86_400),
    ],
)
def test_alarms_on_the_dead_letter_queue(kind: str, metric: str, threshold: int) -> None:
    assert alarm(watch(), f"devops-break-glass-{kind}") == {
        "threshold": threshold,
        "namespace": "AWS/SQS",
        "metricName": metric,
        "dimensions": {"QueueName": "breakglass-devops-dead-letters"},
        "statistic": "Maximum",
        "period": 300,
    }


def test_alarm_on_routine_use_counts_sessions_over_a_week() -> None:
    assert alarm(watch(uses_per_week=3), "devops-break-glass-routine-use") == {
        "threshold": 3,
        "namespace": "AWS/Events",
        "metricName": "MatchedEvents",
        "dimensions": {"RuleName": "breakglass-devops-session_start"},
        "statistic": "Sum",
        "period": 604_800,
    }


def test_role_without_usage_path_has_no_usage_alarm() -> None:
    (watched, _) = ARGS["watched"]

    deployment = watch(watched=[{**watched, "evidence_paths": [EvidencePath.denied]}])

    assert [each.name for each in deployment.of_type(ALARM)] == [
        "watch-devops-break-glass-dead-letter-age",
        "watch-devops-break-glass-dead-letters",
        "watch-devops-break-glass-failed-deliveries",
    ]


def test_alarm_descriptions_name_role_and_remedy() -> None:
    for each in watch().of_type(ALARM):
        description = each.inputs["alarmDescription"]
        assert ("devops-break-glass" if "devops" in each.name else "emergency") in description
        runbooks = re.findall(r"docs/runbooks/[a-z-]+\.md", description)
        assert runbooks
        assert all((ROOT / runbook).is_file() for runbook in runbooks)
        # CloudWatch API Reference, PutMetricAlarm
        assert len(description) <= 1024


def others(**more: Any) -> Deployment:
    return watch(watched=list(OTHERS.values()), **more)


def test_alarms_of_other_subjects() -> None:
    always = ["failed-deliveries", "dead-letters", "dead-letter-age"]
    kinds = {
        "user-admin-222222222222": [*always, "key-use", "routine-use"],
        "root-user": [*always, "routine-use"],
        "access-by-hand": always,
        "tampering": [*always, "failed-deliveries-2"],
    }

    assert {each.name for each in others().of_type(ALARM)} == {
        f"watch-{key}-{kind}" for key, of_subject in kinds.items() for kind in of_subject
    }


def test_alarm_on_key_use_counts_calls_of_an_hour_and_pages() -> None:
    deployment = others(page_topic_arn=PAGE_TOPIC_ARN)

    inputs = deployment.get(ALARM, "watch-user-admin-222222222222-key-use").inputs
    assert "IAM user admin" in inputs.pop("alarmDescription")
    assert inputs == {
        "name": "breakglass-watch-user-admin-222222222222-key-use",
        "comparisonOperator": "GreaterThanThreshold",
        "evaluationPeriods": 1,
        "treatMissingData": "notBreaching",
        "threshold": 0,
        "namespace": "AWS/Events",
        "metricName": "MatchedEvents",
        "dimensions": {"RuleName": "breakglass-user-key_use"},
        "statistic": "Sum",
        "period": 3600,
        "alarmActions": [TOPIC_ARN, PAGE_TOPIC_ARN],
        "region": REGION,
        "tags": TAGS,
    }


def rules_of(queries: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Metric and rule of each metric of an alarm."""
    return [
        (each["metric"]["metricName"], each["metric"]["dimensions"]["RuleName"]) for each in queries if "metric" in each
    ]


@pytest.mark.parametrize(("key", "rule"), [("user-admin-222222222222", "user"), ("root-user", "root")])
def test_routine_use_of_user_and_root_sums_ways_in(key: str, rule: str) -> None:
    inputs = alarm(others(uses_per_week=3), f"{key}-routine-use")

    assert inputs["threshold"] == 3
    assert rules_of(inputs["metricQueries"]) == [
        ("MatchedEvents", f"breakglass-{rule}-sign_in"),
        ("MatchedEvents", f"breakglass-{rule}-login"),
    ]
    assert {each["metric"]["period"] for each in inputs["metricQueries"] if "metric" in each} == {604_800}


def test_failed_deliveries_of_many_rules_have_several_alarms() -> None:
    deployment = others()

    found = [
        rules_of(deployment.get(ALARM, f"watch-tampering-{kind}").inputs["metricQueries"])
        for kind in ("failed-deliveries", "failed-deliveries-2")
    ]
    assert [len(each) for each in found] == [10, 2]
    assert {rule for each in found for _, rule in each} == {f"breakglass-tampering-{key}" for key in TAMPER_KEYS}


def test_rule_without_target_is_in_no_alarm_on_deliveries() -> None:
    queries = others().get(ALARM, "watch-user-admin-222222222222-failed-deliveries").inputs["metricQueries"]

    rules = {rule for _, rule in rules_of(queries)}
    assert "breakglass-user-key_use-alarm" in rules
    assert "breakglass-user-key_use" not in rules


def test_other_subjects_are_mailed_and_paged_by_severity() -> None:
    plain = others().inventory()
    added = others(alerts_by_email=True, page_topic_arn=PAGE_TOPIC_ARN).inventory() - plain

    # The alarm on the use of keys goes to the topics itself.
    mailed = {
        *(f"watch-user-admin-222222222222-{path}" for path in USER.evidence_paths if path != "key_use"),
        *(f"watch-root-user-{path}" for path in RootSubject().evidence_paths),
        *(f"watch-access-by-hand-{key}" for key in ACCESS_KEYS),
        *(f"watch-tampering-{key}" for key in TAMPER_KEYS),
    }
    unpaged = {
        *(f"watch-{key}-denied" for key in ("user-admin-222222222222", "root-user", "tampering")),
        "watch-tampering-session_start",
    }
    assert added == {
        *((TARGET, name) for name in mailed),
        *((TARGET, f"{name}-page") for name in mailed - unpaged),
        (TARGET, "watch-lost-connection-page"),
    }


def test_mail_about_access_names_sets_and_groups() -> None:
    deployment = others(alerts_by_email=True)

    for key, area, name in (
        ("access-assignments-2", AccessArea.assignments, "devops-break-glass"),
        ("access-memberships", AccessArea.memberships, "breakers"),
    ):
        target = deployment.get(TARGET, f"watch-access-by-hand-{key}").inputs
        subject = AccessSubject(sets=(("devops-break-glass", SET_ARN),), groups=(("breakers", GROUP_ID),))
        mail = email_text(subject, EvidencePath.access, area)
        assert target["inputTransformer"]["inputTemplate"] == mail.template
        assert name in mail.template


def test_mail_about_access_needs_no_names() -> None:
    access = {
        key: value for key, value in OTHERS["access-by-hand"].items() if key not in ("permission_set_arns", "group_ids")
    }

    target = watch(watched=[access], alerts_by_email=True).get(TARGET, "watch-access-by-hand-access-assignments").inputs
    mail = email_text(AccessSubject(), EvidencePath.access, AccessArea.assignments)
    assert target["inputTransformer"]["inputTemplate"] == mail.template


def test_mail_about_tampering_names_the_stack() -> None:
    deployment = others(alerts_by_email=True)

    target = deployment.get(TARGET, "watch-tampering-tamper-trail").inputs
    mail = email_text(TamperSubject(("breakglass-prod-",)), EvidencePath.tamper, TamperArea.trail)
    assert target["inputTransformer"]["inputTemplate"] == mail.template
    assert "breakglass-prod" in mail.template


def test_dashboard_shows_other_subjects() -> None:
    body = json.loads(others().get(DASHBOARD, "watch-dashboard").inputs["dashboardBody"])

    lines = {
        each["properties"]["title"]: [line[3] for line in each["properties"]["metrics"]]
        for each in body["widgets"]
        if each["type"] == "metric"
    }
    assert lines["Users per day: credentials, calls with keys"] == [
        "breakglass-user-credentials",
        "breakglass-user-key_use",
        "breakglass-user-key_use-alarm",
    ]
    assert lines["Access given around the approvals per day"] == [f"breakglass-access-{key}" for key in ACCESS_KEYS]


def test_bus_is_in_metrics_and_targets_of_its_rules() -> None:
    bus = "breakglass-prod-hub"
    on_bus = [{**OTHERS["user-admin-222222222222"], "event_bus_name": bus}, OTHERS["tampering"]]
    deployment = watch(watched=on_bus, page_topic_arn=PAGE_TOPIC_ARN, alerts_by_email=True)

    def bus_of(rule: str) -> str | None:
        return bus if rule.startswith("breakglass-user-") and not rule.endswith("-alarm") else None

    for target in deployment.of_type(TARGET):
        assert target.inputs.get("eventBusName") == bus_of(target.inputs["rule"])
        assert target.create_first
    dimensions = [
        metric.get("dimensions", {})
        for each in deployment.of_type(ALARM)
        for metric in (each.inputs, *(query.get("metric", {}) for query in each.inputs.get("metricQueries", ())))
    ]
    of_rules = [each for each in dimensions if "RuleName" in each]
    assert all(each.get("EventBusName") == bus_of(each["RuleName"]) for each in of_rules)
    assert {"EventBusName": bus, "RuleName": "breakglass-user-key_use"} in of_rules
    lines = [
        dict(itertools.pairwise(line[2:-1]))
        for widget in json.loads(deployment.get(DASHBOARD, "watch-dashboard").inputs["dashboardBody"])["widgets"]
        for line in widget["properties"].get("metrics", ())
        if line[0] == "AWS/Events"
    ]
    assert all(each.get("EventBusName") == bus_of(each["RuleName"]) for each in lines)
    assert {each["RuleName"] for each in lines} > {"breakglass-user-sign_in", "breakglass-tampering-tamper-stack"}


def test_dashboard_shows_latency_of_drills_on_their_bus() -> None:
    path: dict[str, Any] = {
        "stack": "prod",
        "drill_rule_names": {"devops": "breakglass-devops-drill"},
        "event_bus_name": "breakglass-prod-hub",
        "alarm_arns": [],
    }
    body = watch(alert_path=path).get(DASHBOARD, "watch-dashboard").inputs["dashboardBody"]

    assert '"EventBusName","breakglass-prod-hub","RuleName","breakglass-devops-drill"' in body


def test_dashboard_shows_all_roles_and_alarms() -> None:
    deployment = watch()

    dashboard = deployment.get(DASHBOARD, "watch-dashboard").inputs
    body = dashboard_body(
        [
            SubjectMetrics(
                PermissionSetSubject("devops-break-glass"),
                [RuleMetrics(path.value, path, f"breakglass-devops-{path}") for path in ROLE_PATHS],
                "breakglass-devops-dead-letters",
            ),
            SubjectMetrics(
                RoleSubject("arn:aws:iam::222222222222:role/emergency"),
                [RuleMetrics(path.value, path, f"breakglass-emergency-{path}") for path in PLAIN_PATHS],
                "breakglass-emergency-dead-letters",
            ),
        ],
        [
            f"arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-watch-{role}-{kind}"
            for role in ROLES
            for kind in KINDS
        ],
        REGION,
    )
    assert json.loads(dashboard.pop("dashboardBody")) == body
    assert dashboard == {"dashboardName": "breakglass-watch-dashboard", "region": REGION}


def test_alert_path_changes_only_the_dashboard() -> None:
    arn = "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-prod-slack-probe-C0123456789"
    alert_path = {
        "stack": "prod",
        "channels": ["C0123456789"],
        "drill_rule_names": {"devops-break-glass": "breakglass-devops-drill"},
        "alarm_arns": [arn],
    }

    with_it, without = watch(alert_path=alert_path), watch()

    assert with_it.inventory() == without.inventory()
    changed = {urn for urn, each in without.by_urn().items() if with_it.by_urn()[urn].inputs != each.inputs}
    assert changed == {without.get(DASHBOARD, "watch-dashboard").urn}
    widgets = json.loads(with_it.get(DASHBOARD, "watch-dashboard").inputs["dashboardBody"])["widgets"]
    assert [each["properties"]["alarms"][-1] for each in widgets if each["type"] == "alarm"] == [arn]
    assert [each["properties"]["title"] for each in widgets if each["y"] == 25] == [
        "Slack accepts messages: should be 1",
        "Milliseconds from a drill to its delivery",
    ]


def test_approvals_change_only_the_dashboard() -> None:
    arn = "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-prod-approvals-receiver-errors"
    approvals = {
        "stack": "prod-approvals",
        "function_names": ["breakglass-prod-approvals-receiver"],
        "machine_arn": "arn:aws:states:machine",
        "alarm_arns": [arn],
    }

    with_them, without = watch(approvals=approvals), watch()

    assert with_them.inventory() == without.inventory()
    body = json.loads(with_them.get(DASHBOARD, "watch-dashboard").inputs["dashboardBody"])
    (alarms,) = [each["properties"]["alarms"] for each in body["widgets"] if each["type"] == "alarm"]
    assert alarms[-1] == arn
    assert "Requests for access per day" in [each["properties"].get("title") for each in body["widgets"]]
    changed = [each.name for each in without.resources if with_them.by_urn()[each.urn].inputs != each.inputs]
    assert changed == ["watch-dashboard"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"watched": []}, "watch.watched"),
        ({"watched": [{**ARGS["watched"][0], "role_arn": "arn:aws:iam::222222222222:role/x"}]}, "one subject"),
        ({"watched": [{**OTHERS["root-user"], "access": ACCESS_KEYS}]}, "one subject"),
        ({"watched": [{**OTHERS["root-user"], "root": False}]}, "one subject"),
        ({"watched": [{**OTHERS["access-by-hand"], "access": ["denied"]}]}, "Not the key of a rule of this alert"),
        ({"watched": [{**OTHERS["tampering"], "tampering": ["tamper-all"]}]}, "Not the key of a rule of this alert"),
        ({"watched": [{**OTHERS["tampering"], "tampering": ["access-assignments"]}]}, "Not the key of a rule"),
        ({"watched": [{**OTHERS["tampering"], "tampering": []}]}, "tampering"),
        ({"emails": ["oncall@example.com"]}, "watch.emails"),
        ({"alerts_by_email": "yes"}, "watch.alerts_by_email"),
        ({"uses_per_week": 0}, "watch.uses_per_week"),
    ],
    ids=lambda value: value if isinstance(value, str) else " and ".join(value),
)
def test_wrong_args_are_refused_before_registration(wrong: Any, why: str) -> None:
    assert why in refusal(lambda: program({**ARGS, **wrong}))
