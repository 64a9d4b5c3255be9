"""The dashboard shows the right metrics in a body that CloudWatch takes.

Not proven here: that AWS keeps metrics under these names (docs/live-checks.md). The limits are those of CloudWatch's
"Dashboard body structure and syntax".
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from breakglass.alerts.dashboard import (
    AlertPathMetrics,
    ApprovalMetrics,
    RuleMetrics,
    SubjectMetrics,
    dashboard_body,
    dashboard_url,
    usage_paths,
)
from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.vocabulary import ROLE_PATHS, EvidencePath

REGION = "eu-central-1"


def of_role(subject: Watched, name: str, *paths: EvidencePath) -> SubjectMetrics:
    rules = [RuleMetrics(path.value, path, f"rule-{name}-{path}") for path in paths]
    return SubjectMetrics(subject, rules, f"queue-{name}")


DEVOPS_LABEL = "devops-break-glass"
DEVOPS = of_role(PermissionSetSubject(DEVOPS_LABEL), "devops", *ROLE_PATHS)
EMERGENCY = of_role(
    RoleSubject("arn:aws:iam::222222222222:role/emergency"), "emergency", EvidencePath.console, EvidencePath.denied
)
USER = UserSubject("arn:aws:iam::222222222222:user/admin")
OTHERS = [
    of_role(RootSubject(), "root", *RootSubject().evidence_paths),
    SubjectMetrics(
        USER,
        [
            RuleMetrics(path.value, path, f"rule-user-{path}", posts=path is not EvidencePath.key_use)
            for path in USER.evidence_paths
        ],
        "queue-user",
    ),
    SubjectMetrics(
        AccessSubject(),
        [
            RuleMetrics("access-assignments", EvidencePath.access, "rule-assignments"),
            RuleMetrics("access-assignments-2", EvidencePath.access, "rule-assignments-2"),
        ],
        "queue-access",
    ),
    SubjectMetrics(
        TamperSubject(("breakglass-prod-",)),
        [
            RuleMetrics("tamper-stack", EvidencePath.tamper, "rule-stack"),
            RuleMetrics("session_start", EvidencePath.session_start, "rule-deployers"),
            RuleMetrics("denied", EvidencePath.denied, "rule-attempts"),
        ],
        "queue-tampering",
    ),
]

APPROVALS = ApprovalMetrics("prod-approvals", ["receiver", "interactions"], "arn:aws:states:machine")


PATH = AlertPathMetrics(
    stack="prod",
    channels=["C0123456789", "C0APPROVALS1"],
    drill_rule_names={"devops-break-glass": "rule-devops-drill"},
    has_drill_schedule=False,
    machine_arn=None,
)


def alarms(count: int) -> list[str]:
    return [f"arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-{index}" for index in range(count)]


def widgets(*subjects: SubjectMetrics, alarm_count: int = 2) -> list[dict[str, Any]]:
    return dashboard_body(subjects, alarms(alarm_count), REGION)["widgets"]


def metrics(title: str, *subjects: SubjectMetrics) -> list[list[Any]]:
    (found,) = [each for each in widgets(*subjects) if each["properties"].get("title") == title]
    return found["properties"]["metrics"]


@pytest.mark.parametrize(
    ("paths", "counted"),
    [
        (list(ROLE_PATHS), (EvidencePath.session_start,)),
        ([EvidencePath.denied, EvidencePath.console, EvidencePath.portal], (EvidencePath.portal,)),
        ([EvidencePath.denied, EvidencePath.console], (EvidencePath.console,)),
        ([EvidencePath.denied], ()),
    ],
)
def test_one_path_counts_uses(paths: list[EvidencePath], counted: tuple[EvidencePath, ...]) -> None:
    assert usage_paths(DEVOPS.subject, paths) == counted


@pytest.mark.parametrize("subject", [RootSubject(), USER])
def test_sign_in_and_login_of_principal_are_uses(subject: RootSubject | UserSubject) -> None:
    assert usage_paths(subject, subject.evidence_paths) == (EvidencePath.sign_in, EvidencePath.login)


@pytest.mark.parametrize("subject", [AccessSubject(), TamperSubject(("breakglass-prod-",))])
def test_access_and_tampering_are_no_uses(subject: Watched) -> None:
    assert usage_paths(subject, list(EvidencePath)) == ()


@pytest.mark.parametrize("title", ["Uses in the time range", "Uses per day"])
def test_uses_are_counted_once_for_each_role(title: str) -> None:
    assert metrics(title, DEVOPS, EMERGENCY) == [
        ["AWS/Events", "MatchedEvents", "RuleName", "rule-devops-session_start", {"label": DEVOPS_LABEL}],
        ["AWS/Events", "MatchedEvents", "RuleName", "rule-emergency-console", {"label": "emergency"}],
    ]


def test_metrics_of_rules_on_a_bus_name_it() -> None:
    rule = RuleMetrics("session_start", EvidencePath.session_start, "rule-devops", bus_name="hub")

    assert metrics("Uses per day", SubjectMetrics(DEVOPS.subject, [rule], "queue")) == [
        ["AWS/Events", "MatchedEvents", "EventBusName", "hub", "RuleName", "rule-devops", {"label": DEVOPS_LABEL}]
    ]


def lines(title: str) -> list[tuple[str, str, str]]:
    """Metric, rule or queue, and label of the lines of a graph of all subjects."""
    return [(metric, name, label["label"]) for _, metric, _, name, label in metrics(title, DEVOPS, *OTHERS)]


@pytest.mark.parametrize(
    ("title", "rules"),
    [
        (
            "Uses per day",
            {
                "rule-devops-session_start": "devops-break-glass",
                "rule-root-sign_in": "root: sign_in",
                "rule-root-login": "root: login",
                "rule-user-sign_in": "admin: sign_in",
                "rule-user-login": "admin: login",
            },
        ),
        (
            "Changes as root, and AssumeRoot, per day",
            {"rule-root-change": "root: change", "rule-root-assume_root": "root: assume_root"},
        ),
        (
            "Users per day: credentials, calls with keys",
            {"rule-user-credentials": "admin: credentials", "rule-user-key_use": "admin: key_use"},
        ),
        (
            "Access given around the approvals per day",
            {
                "rule-assignments": "access around the approvals: access-assignments",
                "rule-assignments-2": "access around the approvals: access-assignments-2",
            },
        ),
        (
            "Tampering and deployers' sessions per day",
            {"rule-stack": "tampering: tamper-stack", "rule-deployers": "tampering: session_start"},
        ),
        (
            "Denied attempts per day",
            {
                "rule-devops-denied": "devops-break-glass",
                "rule-root-denied": "root",
                "rule-user-denied": "admin",
                "rule-attempts": "tampering",
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_of_subject_is_counted_apart(title: str, rules: dict[str, str]) -> None:
    assert lines(title) == [("MatchedEvents", rule, label) for rule, label in rules.items()]


def test_rule_without_target_has_no_deliveries() -> None:
    shown = [name for _, name, _ in lines("Deliveries per day, failed ones included")]

    assert "rule-user-key_use" not in shown
    assert len(shown) == sum(len(each.rules) for each in [DEVOPS, *OTHERS]) - 1


def test_row_of_other_subjects_moves_the_rows_below() -> None:
    few, many = (
        dashboard_body([DEVOPS], alarms(2), REGION, APPROVALS, PATH),
        dashboard_body([DEVOPS, *OTHERS], alarms(2), REGION, APPROVALS, PATH),
    )

    def tops(body: dict[str, Any]) -> list[int]:
        return sorted({each["y"] for each in body["widgets"]})

    assert tops(few) == [0, 3, 7, 13, 19, 25, 31]
    assert tops(many) == [0, 3, 7, 13, 19, 25, 31, 37]


def test_denied_attempts() -> None:
    assert metrics("Denied attempts per day", DEVOPS, EMERGENCY) == [
        ["AWS/Events", "MatchedEvents", "RuleName", "rule-devops-denied", {"label": "devops-break-glass"}],
        ["AWS/Events", "MatchedEvents", "RuleName", "rule-emergency-denied", {"label": "emergency"}],
    ]


@pytest.mark.parametrize(
    ("title", "metric"),
    [
        ("Deliveries per day, failed ones included", "Invocations"),
        ("Failed deliveries per day: should be empty", "FailedInvocations"),
        ("Failed without a dead letter: should be empty", "InvocationsFailedToBeSentToDlq"),
    ],
)
def test_deliveries_of_every_rule(title: str, metric: str) -> None:
    assert metrics(title, EMERGENCY) == [
        ["AWS/Events", metric, "RuleName", "rule-emergency-console", {"label": "emergency: console"}],
        ["AWS/Events", metric, "RuleName", "rule-emergency-denied", {"label": "emergency: denied"}],
    ]


@pytest.mark.parametrize(
    ("title", "metric"),
    [
        ("Dead letters: should be 0", "ApproximateNumberOfMessagesVisible"),
        ("Age of the oldest dead letter, seconds", "ApproximateAgeOfOldestMessage"),
    ],
)
def test_dead_letters_are_shown_by_their_maximum(title: str, metric: str) -> None:
    (found,) = [each for each in widgets(DEVOPS) if each["properties"].get("title") == title]

    assert found["properties"]["stat"] == "Maximum"
    assert metrics(title, DEVOPS) == [
        ["AWS/SQS", metric, "QueueName", "queue-devops", {"label": "devops-break-glass"}],
    ]


def path_graphs(path: AlertPathMetrics) -> dict[str, tuple[str, list[list[Any]]]]:
    """Statistic and lines of the graphs that the alert path adds, by title."""
    without = widgets(DEVOPS)
    added = dashboard_body([DEVOPS], alarms(2), REGION, None, path)["widgets"]
    assert added[: len(without)] == without
    return {
        each["properties"]["title"]: (each["properties"]["stat"], each["properties"]["metrics"])
        for each in added[len(without) :]
    }


def test_direct_delivery_shows_channels_and_latency_of_drills() -> None:
    assert path_graphs(PATH) == {
        "Slack accepts messages: should be 1": (
            "Minimum",
            [
                ["Breakglass", "SlackReachable", "Stack", "prod", "Channel", channel, {"label": channel}]
                for channel in PATH.channels
            ],
        ),
        "Milliseconds from a drill to its delivery": (
            "Maximum",
            [
                [
                    "AWS/Events",
                    "IngestionToInvocationSuccessLatency",
                    "RuleName",
                    "rule-devops-drill",
                    {"label": "devops-break-glass"},
                ]
            ],
        ),
    }


def test_confirmed_delivery_shows_seconds_late_and_failed() -> None:
    graphs = path_graphs(replace(PATH, machine_arn="arn:aws:states:delivery", has_drill_schedule=True))

    assert graphs["Seconds from a drill to Slack"] == (
        "Maximum",
        [["Breakglass", "DrillSeconds", "Stack", "prod", {"label": "drills"}]],
    )
    stat, lines = graphs["Late or failed per day: should be 0"]
    assert stat == "Sum"
    assert [line[:4] for line in lines] == [
        ["Breakglass", "AlertsLate", "Stack", "prod"],
        ["Breakglass", "LateDrills", "Stack", "prod"],
        *(
            ["AWS/States", f"Executions{each}", "StateMachineArn", "arn:aws:states:delivery"]
            for each in ("Failed", "TimedOut", "Aborted")
        ),
    ]


def test_scheduled_drills_of_direct_delivery_show_late_ones() -> None:
    _, lines = path_graphs(replace(PATH, has_drill_schedule=True))["Late or failed per day: should be 0"]

    assert [line[1] for line in lines] == ["LateDrills"]


def test_alert_path_without_metrics_has_no_row() -> None:
    path = AlertPathMetrics("prod", [], {}, has_drill_schedule=False, machine_arn=None)

    body = dashboard_body([DEVOPS], alarms(2), REGION, APPROVALS, path)

    assert body == dashboard_body([DEVOPS], alarms(2), REGION, APPROVALS)


def test_row_of_approvals_is_below_that_of_the_alert_path() -> None:
    body = dashboard_body([DEVOPS], alarms(2), REGION, APPROVALS, PATH)

    assert {each["y"] for each in body["widgets"] if each["y"] >= 25} == {25, 31}
    assert {each["x"] + each["width"] for each in body["widgets"] if each["y"] >= 25} <= {8, 12, 16, 24}


def test_approvals_add_a_row_and_change_no_other() -> None:
    without = widgets(DEVOPS)[1:]
    text, *others = dashboard_body([DEVOPS], alarms(2), REGION, APPROVALS)["widgets"]

    assert text["properties"]["markdown"].endswith("Every use of a role is also delivered to the usage recorder.")
    assert others[: len(without)] == without
    requests, found, errors = (each["properties"] for each in others[len(without) :])
    assert requests["metrics"] == [
        ["AWS/States", "ExecutionsStarted", "StateMachineArn", "arn:aws:states:machine", {"label": "requests"}]
    ]
    assert found["stat"] == "Maximum"
    assert [line[:4] for line in found["metrics"]] == [
        ["Breakglass", metric, "Stack", "prod-approvals"]
        for metric in (
            "OverdueExplanations",
            "UnrevokedGrants",
            "UnrecordedAssignments",
            "StuckRequests",
            "UndeniedSessions",
            "ReconcilerFailures",
        )
    ]
    assert errors["metrics"] == [
        ["AWS/Lambda", "Errors", "FunctionName", "receiver", {"label": "receiver"}],
        ["AWS/Lambda", "Errors", "FunctionName", "interactions", {"label": "interactions"}],
        ["AWS/States", "ExecutionsFailed", "StateMachineArn", "arn:aws:states:machine", {"label": "workflow"}],
    ]


@pytest.mark.parametrize(("count", "shown"), [(1, [1]), (100, [100]), (101, [100, 1]), (300, [100, 100, 100])])
def test_alarm_widget_has_at_most_a_hundred_alarms(count: int, shown: list[int]) -> None:
    found = [each for each in widgets(DEVOPS, alarm_count=count) if each["type"] == "alarm"]

    assert [len(each["properties"]["alarms"]) for each in found] == shown
    assert [arn for each in found for arn in each["properties"]["alarms"]] == alarms(count)


def test_widgets_neither_overlap_nor_leave_the_grid() -> None:
    taken: set[tuple[int, int]] = set()
    for widget in dashboard_body([DEVOPS, EMERGENCY, *OTHERS], alarms(300), REGION, APPROVALS, PATH)["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_roles_of_a_full_bus_fit_into_every_graph() -> None:
    # 300 rules on a bus ("Amazon EventBridge quotas"), 500 metrics in a widget.
    roles = [of_role(PermissionSetSubject(f"role-{index}"), str(index), *ROLE_PATHS) for index in range(60)]

    graphs = [each["properties"] for each in widgets(*roles) if each["type"] == "metric"]
    assert max(len(each["metrics"]) for each in graphs) == 300
    assert {each["region"] for each in graphs} == {REGION}


def test_dashboard_body_is_json() -> None:
    body = dashboard_body([DEVOPS, EMERGENCY], alarms(8), REGION)

    assert json.loads(json.dumps(body)) == body


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_dashboard_url_is_in_the_console_of_the_partition(region: str, host: str) -> None:
    assert (
        dashboard_url("breakglass-prod", region)
        == f"https://{host}/cloudwatch/home?region={region}#dashboards/dashboard/breakglass-prod"
    )
