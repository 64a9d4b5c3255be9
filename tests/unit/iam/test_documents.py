"""The IAM policy documents, as exact JSON.

It does not prove that EventBridge and CloudWatch send the ARNs of the conditions.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.errors import PolicyError
from breakglass.iam.documents import (
    alarm_topic_policy,
    call_slack,
    dead_letter_queue_policy,
    deliver_alerts,
    events_trust,
    inline_policy_fault,
    invoke_destination,
    list_accounts,
    machine_trust,
    merge_inline,
    policy_json,
    policy_size,
    publish,
    query_logs,
    read_metrics,
    rule_trust,
    send_events,
    start_machine,
    state_machine_arn,
    write_metrics,
)
from breakglass.iam.protection import protect_alert_path

DESTINATION = "arn:aws:events:eu-central-1:222222222222:api-destination/breakglass-slack/0a1b2c3d"
CONNECTION = "arn:aws:events:eu-central-1:222222222222:connection/breakglass-slack/8c1e77d4"
MACHINE = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-probe"
KEY = "arn:aws:kms:eu-central-1:222222222222:key/0a1b2c3d"
QUEUE = "arn:aws:sqs:eu-central-1:222222222222:breakglass-devops"
TOPIC = "arn:aws:sns:eu-central-1:222222222222:breakglass-alarms"
RULES = [
    "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops-session-start",
    "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops-denied",
]


def test_role_may_only_invoke_its_destination() -> None:
    assert invoke_destination(DESTINATION) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "events:InvokeApiDestination", "Resource": DESTINATION}],
    }


def test_role_trusts_only_alert_path_rules_of_its_account() -> None:
    assert events_trust(DESTINATION) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "ArnLike": {"aws:SourceArn": "arn:aws:events:eu-central-1:222222222222:rule/breakglass-*"}
                },
            }
        ],
    }


def test_machine_arn_is_in_the_account_of_the_connection() -> None:
    assert state_machine_arn(CONNECTION, "breakglass-probe") == MACHINE


def test_role_may_only_start_its_machine() -> None:
    assert start_machine(MACHINE) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "states:StartExecution", "Resource": MACHINE}],
    }


def test_role_of_a_schedule_trusts_its_rule_only() -> None:
    assert rule_trust(RULES[0]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"ArnEquals": {"aws:SourceArn": RULES[0]}},
            }
        ],
    }


def test_role_of_a_machine_trusts_only_this_machine() -> None:
    assert machine_trust(MACHINE) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "states.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "ArnEquals": {"aws:SourceArn": MACHINE},
                    "StringEquals": {"aws:SourceAccount": "222222222222"},
                },
            }
        ],
    }


def test_machine_calls_slack_at_named_urls_with_one_token() -> None:
    url = "https://slack.com/api/chat.postMessage"

    statements = call_slack(MACHINE, CONNECTION, [url], KEY)

    assert statements == [
        {
            "Sid": "CallSlack",
            "Effect": "Allow",
            "Action": "states:InvokeHTTPEndpoint",
            "Resource": MACHINE,
            "Condition": {"StringEquals": {"states:HTTPMethod": "POST", "states:HTTPEndpoint": [url]}},
        },
        {
            "Sid": "UseConnection",
            "Effect": "Allow",
            "Action": "events:RetrieveConnectionCredentials",
            "Resource": CONNECTION,
        },
        {
            "Sid": "ReadToken",
            "Effect": "Allow",
            "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            "Resource": "arn:aws:secretsmanager:eu-central-1:222222222222:secret:events!connection/breakglass-slack/*",
        },
        {
            "Sid": "DecryptToken",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": KEY,
            "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com"}},
        },
    ]
    assert call_slack(MACHINE, CONNECTION, [url]) == statements[:3]


def test_delivery_machine_posts_publishes_and_counts_only() -> None:
    secret = "arn:aws:secretsmanager:eu-central-1:222222222222:secret:events!connection/breakglass-slack/*"
    url, pages = "https://slack.com/api/chat.postMessage", f"{TOPIC}-pages"

    assert deliver_alerts(MACHINE, CONNECTION, url, [TOPIC, pages]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "CallSlack",
                "Effect": "Allow",
                "Action": "states:InvokeHTTPEndpoint",
                "Resource": MACHINE,
                "Condition": {"StringEquals": {"states:HTTPMethod": "POST", "states:HTTPEndpoint": [url]}},
            },
            {
                "Sid": "UseConnection",
                "Effect": "Allow",
                "Action": "events:RetrieveConnectionCredentials",
                "Resource": CONNECTION,
            },
            {
                "Sid": "ReadToken",
                "Effect": "Allow",
                "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                "Resource": secret,
            },
            {"Sid": "SendMail", "Effect": "Allow", "Action": "sns:Publish", "Resource": [TOPIC, pages]},
            {
                "Sid": "WriteMetrics",
                "Effect": "Allow",
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": "Breakglass"}},
            },
        ],
    }
    with_key = deliver_alerts(MACHINE, CONNECTION, url, [TOPIC], KEY)["Statement"]
    assert [statement["Action"] for statement in with_key if statement["Resource"] == KEY] == ["kms:Decrypt"]


def test_statements_of_machines_that_measure() -> None:
    assert publish(TOPIC) == {"Sid": "SendMail", "Effect": "Allow", "Action": "sns:Publish", "Resource": TOPIC}

    assert write_metrics() == {
        "Sid": "WriteMetrics",
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": "Breakglass"}},
    }
    assert read_metrics() == {
        "Sid": "ReadMetrics",
        "Effect": "Allow",
        "Action": "cloudwatch:GetMetricData",
        "Resource": "*",
    }


def test_machine_queries_named_log_groups_only() -> None:
    groups = [f"arn:aws:logs:eu-central-1:222222222222:log-group:/aws/events/breakglass-{name}" for name in "ab"]
    query = {"Sid": "QueryLogs", "Effect": "Allow", "Action": ["logs:StartQuery", "logs:GetQueryResults"]}

    assert query_logs(groups[0]) == {**query, "Resource": f"{groups[0]}:*"}
    assert query_logs(*groups) == {**query, "Resource": [f"{group}:*" for group in groups]}


def test_machine_lists_the_accounts_of_the_organization() -> None:
    assert list_accounts() == {
        "Sid": "ListAccounts",
        "Effect": "Allow",
        "Action": "organizations:ListAccounts",
        "Resource": "*",
    }


def test_machine_sends_events_of_one_kind() -> None:
    assert send_events(MACHINE, "breakglass.drill", "Break-glass drill") == {
        "Sid": "SendEvents",
        "Effect": "Allow",
        "Action": "events:PutEvents",
        "Resource": "arn:aws:events:eu-central-1:222222222222:event-bus/default",
        "Condition": {"StringEquals": {"events:source": "breakglass.drill", "events:detail-type": "Break-glass drill"}},
    }


def test_machine_sends_events_to_a_bus_of_its_own() -> None:
    on_bus = send_events(MACHINE, "breakglass.drill", "Break-glass drill", "breakglass-prod-hub")

    default = send_events(MACHINE, "breakglass.drill", "Break-glass drill")
    bus_arn = "arn:aws:events:eu-central-1:222222222222:event-bus/breakglass-prod-hub"
    assert on_bus == {**default, "Resource": bus_arn}


def test_trust_follows_the_partition_of_the_destination() -> None:
    trust = events_trust("arn:aws-us-gov:events:us-gov-west-1:222222222222:api-destination/breakglass-slack/0a1b2c3d")
    assert trust["Statement"][0]["Condition"] == {
        "ArnLike": {"aws:SourceArn": "arn:aws-us-gov:events:us-gov-west-1:222222222222:rule/breakglass-*"}
    }


def test_dead_letter_queue_accepts_only_the_given_rules() -> None:
    assert dead_letter_queue_policy(QUEUE, RULES) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": QUEUE,
                "Condition": {
                    "ArnEquals": {
                        "aws:SourceArn": [
                            "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops-denied",
                            "arn:aws:events:eu-central-1:222222222222:rule/breakglass-devops-session-start",
                        ]
                    }
                },
            }
        ],
    }


def test_topic_accepts_alarms_of_the_alert_path_and_rules() -> None:
    assert alarm_topic_policy(TOPIC) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": TOPIC,
                "Condition": {
                    "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-*"}
                },
            },
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": TOPIC,
            },
        ],
    }


@given(st.permutations([*RULES, "arn:aws:events:eu-central-1:222222222222:rule/breakglass-network-portal"]))
def test_order_of_the_rules_changes_no_document(rules: list[str]) -> None:
    assert policy_json(dead_letter_queue_policy(QUEUE, rules)) == policy_json(
        dead_letter_queue_policy(QUEUE, sorted(rules))
    )


def test_policy_json_has_no_white_space_and_keeps_the_order() -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Sid": "B", "Effect": "Allow"}]}
    assert policy_json(document) == '{"Version":"2012-10-17","Statement":[{"Sid":"B","Effect":"Allow"}]}'


@given(st.sampled_from([" ", "\t", "\n"]), st.integers(0, 50))
def test_policy_size_ignores_white_space(space: str, times: int) -> None:
    bare = {"Statement": [{"Sid": "Restore", "Condition": {"StringEquals": {"aws:RequestTag/t": "ab"}}}]}
    spaced = json.loads(json.dumps(bare).replace("ab", json.dumps(f"a{space.replace(chr(10), ' ') * times}b")[1:-1]))
    assert policy_size(spaced) - policy_size(bare) in {0, 2 * times}


STATEMENT = {"Effect": "Allow", "Action": "rds:*", "Resource": "*"}
ADDED = {"Sid": "Added", "Effect": "Deny", "Action": "rds:DeleteDBCluster", "Resource": "*"}


def test_merge_appends_and_keeps_the_rest() -> None:
    document = {"Version": "2012-10-17", "Id": "restore", "Statement": [STATEMENT]}
    assert merge_inline(document, [ADDED]) == {
        "Version": "2012-10-17",
        "Id": "restore",
        "Statement": [STATEMENT, ADDED],
    }
    assert document["Statement"] == [STATEMENT]


def test_merge_accepts_a_single_statement() -> None:
    merged = merge_inline({"Version": "2012-10-17", "Statement": STATEMENT}, [ADDED])
    assert merged == {"Version": "2012-10-17", "Statement": [STATEMENT, ADDED]}


def test_merge_of_nothing_is_none() -> None:
    assert merge_inline(None, []) is None
    assert merge_inline(None, [ADDED]) == {"Version": "2012-10-17", "Statement": [ADDED]}


def test_merge_with_a_repeated_sid_is_refused() -> None:
    document = {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Sid": "ProtectAnywhere"}]}
    with pytest.raises(PolicyError, match=r"Two statements have the Sid ProtectAnywhere.*Give one of them another"):
        merge_inline(document, protect_alert_path("aws"))


def _policy_of_size(size: int) -> dict[str, Any]:
    shortest = {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Resource": ""}]}
    return {**shortest, "Statement": [{**STATEMENT, "Resource": "x" * (size - policy_size(shortest))}]}


def test_inline_policy_beyond_the_limit_is_refused() -> None:
    assert merge_inline(_policy_of_size(10_240), []) is not None
    with pytest.raises(PolicyError, match=r"at most 10,240 bytes.*got 10,241, 0 of them .* customerManagedPolicies"):
        merge_inline(_policy_of_size(10_241), [])


def test_fault_of_a_long_policy_has_the_size_of_the_denies() -> None:
    fault = inline_policy_fault(_policy_of_size(10_200), protect_alert_path("aws"))
    assert fault is not None
    why, _ = fault
    added = policy_size({"Statement": list(protect_alert_path("aws"))}) - len('{"Statement":[]}') + len(",")
    assert f"got {10_200 + added:,}, {added:,} of them for the Deny statements of every break-glass set" in why
