"""The compiled approval policy.

Not proven here: the decisions by it (tests/app/domain).
"""

from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.domain.policy import (
    Action,
    ApprovalPolicy,
    DenyRule,
    PermissionSet,
    Principal,
    PrincipalKind,
    Rule,
    Settings,
    StandingAssignment,
    UnmanagedAssignments,
    from_json,
    to_json,
)
from breakglass.components.approvals.policy_compiler import ResolvedNames, compile_policy
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.mentions import assigned, mentioned
from breakglass.stack_file.stack import StackFile
from tests.unit.stack_file.stack_files import APPROVALS, RULE, STACKS, Keys, policy, stack_with_approvals

GROUP, USER = PrincipalKind.group, PrincipalKind.user
GROUP_ID = "0123456789-abcdef01-2345-6789-abcd-ef0123456789"
USER_ID = "9876543210-abcdef01-2345-6789-abcd-ef0123456789"

RESOLVED = ResolvedNames(
    region="eu-central-1",
    instance_arn="arn:aws:sso:::instance/ssoins-6904c3a1d5e0b7f2",
    identity_store_id="d-9967712ab3",
    deployed_in="111111111111",
    management_account="111111111111",
    session_policy_id=None,
    principal_ids={
        (GROUP, "database-leads"): "g-leads",
        (GROUP, "database-oncall"): "g-oncall",
        (GROUP, "developers"): "g-developers",
        (GROUP, "security"): "g-security",
        (USER, "ada"): "u-ada",
        (USER, "security"): "u-security",
    },
    set_arns={
        "devops": "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-1",
        "devops-break-glass": "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-2",
        "network-break-glass": "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-4",
    },
    accounts={"111111111111": "management", "222222222222": "production", "333333333333": "staging"},
)

LEADS = Principal(GROUP, "g-leads", "database-leads")
ONCALL = Principal(GROUP, "g-oncall", "database-oncall")
DEVELOPERS = Principal(GROUP, "g-developers", "developers")

SMALL = ApprovalPolicy(
    settings=Settings(
        region="eu-central-1",
        partition="aws",
        instance_arn="arn:aws:sso:::instance/ssoins-6904c3a1d5e0b7f2",
        identity_store_id="d-9967712ab3",
        deployed_in="111111111111",
        management_account="111111111111",
        slack_api_url="https://slack.com/api",
        channel="C0APPROVALS",
        second_channel=None,
        explain_within_seconds=86_400,
        remind_every_seconds=14_400,
        session_policy_id=None,
        unmanaged=UnmanagedAssignments.report,
    ),
    rules=(
        Rule(
            name="databases",
            sets=("devops-break-glass",),
            accounts=("222222222222",),
            requesters=(DEVELOPERS,),
            approvers=(LEADS,),
            approvals=1,
            maximum_seconds=3600,
            default_seconds=3600,
            expiry_seconds=1800,
        ),
    ),
    denies=(),
    sets={"devops-break-glass": PermissionSet("arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-2", 3600)},
    accounts={"222222222222": "production"},
    people={},
    security=(),
    standing=(StandingAssignment(ONCALL, "devops-break-glass", "222222222222"),),
)
"""Of the section with little more than what is required."""

WHOLE: list[tuple[Keys, object]] = [
    (
        ("permissionSets", "pairs", 1),
        {
            "name": "network",
            "everyday": {},
            "breakGlass": {"inlinePolicy": policy("ec2:CreateRoute"), "sessionDuration": "PT60M"},
            "assignments": [
                {"userId": USER_ID, "accounts": ["333333333333"], "sets": ["breakGlass"]},
                {"user": "nobody-looks-him-up", "accounts": ["444444444444"], "sets": ["everyday"]},
            ],
        },
    ),
    ((*RULE, "sets"), ["network-break-glass", "devops-break-glass"]),
    ((*RULE, "accounts"), ["333333333333", "222222222222"]),
    ((*RULE, "requesters"), [{"user": "ada"}, {"groupId": GROUP_ID}]),
    ((*RULE, "approvals"), 2),
    ((*RULE, "maximumDuration"), "PT4H"),
    ((*RULE, "defaultDuration"), "PT1H30M"),
    ((*RULE, "requestExpiry"), "PT45M"),
    ((*RULE, "ticketPattern"), "INC-[0-9]+"),
    ((*RULE, "withoutApproval"), {"after": "PT0S"}),
    ((*RULE, "ping"), [{"slackGroup": "S0123ABCD"}, {"group": "database-oncall"}]),
    (
        (*RULE, "escalate"),
        {"after": "PT10M", "ping": [{"group": "security"}, {"user": "security"}, {"slackGroup": "S0MANAGERS"}]},
    ),
    ((*RULE, "quietAccounts"), ["333333333333"]),
    ((*RULE, "riskBanner"), "Personal data."),
    (
        (*APPROVALS, "denies"),
        [
            {
                "name": "contractors",
                "reason": "Under supervision.",
                "actions": ["breakGlass", "approve", "request"],
                "sets": ["devops-break-glass"],
                "accounts": ["111111111111"],
                "principals": [{"userId": USER_ID}],
            },
            {"name": "freeze", "reason": "Christmas.", "actions": ["request"]},
        ],
    ),
    ((*APPROVALS, "secondChannel"), "C0SECURITY"),
    ((*APPROVALS, "people"), {"U0123ABCD": "ada"}),
    ((*APPROVALS, "security"), [{"group": "security"}]),
    ((*APPROVALS, "explainWithin"), "PT48H"),
    ((*APPROVALS, "remindEvery"), "PT30M"),
    ((*APPROVALS, "endSessions"), True),
    ((*APPROVALS, "unrecordedAssignments"), "revoke"),
    (("alerts", "slack", "postMessageUrl"), "https://slack-gov.com/api/chat.postMessage"),
]


def stack_file(*changes: tuple[Keys, object]) -> StackFile:
    return validate_stack(stack_with_approvals(*changes), STACKS)


def compile_(file: StackFile, names: ResolvedNames = RESOLVED) -> ApprovalPolicy:
    assert file.approvals is not None
    assert file.permission_sets is not None
    assert file.alert_path is not None
    return compile_policy(file.approvals, file.permission_sets.pairs, file.alert_path.slack.post_message_url, names)


def test_a_small_section_is_compiled_whole() -> None:
    assert compile_(stack_file()) == SMALL


def test_every_key_of_a_section_is_compiled() -> None:
    names = replace(RESOLVED, region="us-gov-west-1", deployed_in="222222222222", session_policy_id="p-ended")
    ada = Principal(USER, USER_ID, USER_ID)
    security = Principal(GROUP, "g-security", "security")
    assert compile_(stack_file(*WHOLE), names) == ApprovalPolicy(
        settings=Settings(
            region="us-gov-west-1",
            partition="aws-us-gov",
            instance_arn="arn:aws:sso:::instance/ssoins-6904c3a1d5e0b7f2",
            identity_store_id="d-9967712ab3",
            deployed_in="222222222222",
            management_account="111111111111",
            slack_api_url="https://slack-gov.com/api",
            channel="C0APPROVALS",
            second_channel="C0SECURITY",
            explain_within_seconds=172_800,
            remind_every_seconds=1800,
            session_policy_id="p-ended",
            unmanaged=UnmanagedAssignments.revoke,
        ),
        rules=(
            Rule(
                name="databases",
                sets=("network-break-glass", "devops-break-glass"),
                accounts=("333333333333", "222222222222"),
                requesters=(Principal(USER, "u-ada", "ada"), Principal(GROUP, GROUP_ID, GROUP_ID)),
                approvers=(LEADS,),
                approvals=2,
                maximum_seconds=14_400,
                default_seconds=5400,
                expiry_seconds=2700,
                ticket_pattern="INC-[0-9]+",
                glass_after_seconds=0,
                mention=(ONCALL,),
                escalate_after_seconds=600,
                escalate=(security, Principal(USER, "u-security", "security")),
                quiet_accounts=("333333333333",),
                risk_banner="Personal data.",
                mention_slack_groups=("S0123ABCD",),
                escalate_slack_groups=("S0MANAGERS",),
            ),
        ),
        denies=(
            DenyRule(
                name="contractors",
                reason="Under supervision.",
                actions=(Action.break_glass, Action.approve, Action.request),
                sets=("devops-break-glass",),
                accounts=("111111111111",),
                principals=(ada,),
            ),
            DenyRule(name="freeze", reason="Christmas.", actions=(Action.request,)),
        ),
        sets={
            "devops-break-glass": PermissionSet("arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-2", 3600),
            "network-break-glass": PermissionSet("arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-4", 3600),
        },
        accounts={"111111111111": "management", "222222222222": "production", "333333333333": "staging"},
        people={"U0123ABCD": "u-ada"},
        security=(security,),
        standing=(
            StandingAssignment(ONCALL, "devops-break-glass", "222222222222"),
            StandingAssignment(ada, "network-break-glass", "333333333333"),
        ),
    )


def test_what_has_to_be_looked_up_is_what_is_compiled_with() -> None:
    file = stack_file(*WHOLE)
    assert file.approvals is not None
    assert file.permission_sets is not None
    wanted = {
        (mention.kind, mention.name) for mention in (*mentioned(file.approvals), *assigned(file.permission_sets.pairs))
    }
    compile_(file, replace(RESOLVED, principal_ids={key: "id" for key in wanted}))
    for missing in wanted:
        with pytest.raises(KeyError):
            compile_(file, replace(RESOLVED, principal_ids={key: "id" for key in wanted - {missing}}))


@pytest.mark.parametrize("changes", [[], WHOLE])
def test_the_document_says_all_of_it(changes: list[tuple[Keys, object]]) -> None:
    made = compile_(stack_file(*changes))
    assert from_json(to_json(made)) == made


def test_policy_text_depends_on_content_only() -> None:
    turned = replace(
        RESOLVED,
        principal_ids=_turned(RESOLVED.principal_ids),
        set_arns=_turned(RESOLVED.set_arns),
        accounts={**_turned(RESOLVED.accounts), "555555555555": "new and not spoken of"},
    )
    file = stack_file(*WHOLE)
    secrets = {"slack_bot_token": "known later", "slack_signing_secret": "known later"}
    again = StackFile.model_validate(file.model_dump(exclude_none=True) | secrets)
    assert to_json(compile_(again, turned)) == to_json(compile_(file))


def test_an_account_without_a_name_is_left_out_of_the_names() -> None:
    assert compile_(stack_file(), replace(RESOLVED, accounts={})) == replace(SMALL, accounts={})


def _turned(mapping: Any) -> dict[Any, Any]:
    return dict(reversed(list(mapping.items())))
