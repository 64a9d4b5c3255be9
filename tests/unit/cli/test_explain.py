"""`breakglass explain`: the report on approvers, rules and a person's access.

The decisions are tested in tests/app/domain.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from breakglass.app.aws.aws import UNREACHABLE, AwsError
from breakglass.app.domain.policy import Action, ApprovalPolicy, DenyRule, to_json
from tests.app.domain.policies import (
    ADA,
    CLEO,
    DATABASES,
    DOT,
    EVE,
    EVERYBODY,
    FAY,
    NETWORK,
    PRODUCTION,
    RDS,
    group,
    policy,
    rule,
    user,
)
from tests.app.doubles.directory import MemoryDirectory
from tests.unit.cli.contexts import Outcome, Typist

COURSE = DenyRule("course", "They take the course first.", (Action.approve,), principals=(group("contractors"),))


def typist(of: ApprovalPolicy | None = None) -> Typist:
    return Typist(of or policy(), MemoryDirectory(EVERYBODY))


def explain(at: Typist, who: str, *more: str, permission_set: str = RDS, account: str = PRODUCTION) -> Outcome:
    return at.run("explain", "--who", who, "--set", permission_set, "--account", account, *more)


def explained(at: Typist, who: str, *more: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(explain(at, who, *more, "--json").out)
    return answer


def lines(outcome: Outcome, section: str) -> list[str]:
    """The lines of a section, with single spaces."""
    (found,) = [text for text in outcome.out.strip().split("\n\n") if text.startswith(section)]
    return [" ".join(line.split()) for line in found.splitlines()[1:]]


def test_explain_shows_access_rule_and_present_approvers() -> None:
    outcome = explain(typist(), "ada")

    assert outcome.status == 0
    assert outcome.out.splitlines()[0] == f"{RDS} in {PRODUCTION} (production)"
    assert "ada (Ada) may request it yes Ada may request" in " ".join(outcome.out.split())
    assert "Approvers for ada (Ada), by rule databases: one approval needed\n" in outcome.out
    assert lines(outcome, "Approvers") == ["bea (Bea) group leads can", "cleo (Cleo) group leads can"]
    assert lines(outcome, "Rules") == ["databases allows it It lets Ada request. One approval by group leads."]


def test_explain_lists_slack_groups_as_mentions() -> None:
    groups = policy(rule(mention=(), mention_slack_groups=("S0123ABCD",), escalate_slack_groups=("S0MANAGERS",)))
    terms = " ".join(explain(typist(groups), "ada").out.split())

    assert "mentioned at once Slack user group S0123ABCD " in terms
    assert "mentioned after 5 min group security, Slack user group S0MANAGERS" in terms
    assert explained(typist(groups), "ada")["terms"]["escalate_slack_groups"] == ["S0MANAGERS"]


def test_explain_gives_the_reason_of_a_refusal() -> None:
    may = lines(explain(typist(), "fay"), RDS)

    assert any(line.startswith("fay (Fay) may request it no No rule lets Fay request") for line in may)
    assert any(line.startswith("fay (Fay) may approve what others request no Fay is not an approver") for line in may)


def test_explain_for_a_requester_gives_the_verdict() -> None:
    yes = explained(typist(), "cleo", "--for", "ada")["may_approve_for"]
    no = explained(typist(), "ada", "--for", "ada")["may_approve_for"]

    assert yes == {"outcome": "allowed", "reason": "Cleo may approve this.", "rule": "databases"}
    assert (no["outcome"], no["reason"]) == ("refused", "A requester can't approve their own request.")
    assert "cleo (Cleo) may approve a request of ada yes" in " ".join(
        explain(typist(), "cleo", "--for", "ada").out.split()
    )


def test_approvers_are_the_present_members_of_a_group() -> None:
    at = typist()
    at.directory.move(FAY, "g-leads")
    at.directory.disable(CLEO)

    assert [each["user_name"] for each in explained(at, "ada")["approvers"]] == ["bea", "fay"]


def test_approvers_who_can_not_approve_are_last_with_a_reason() -> None:
    at = typist(policy(rule(approvers=(group("oncall"), group("leads"))), denies=(COURSE,)))

    found = explained(at, "ada")["approvers"]
    assert [(each["user_name"], each["outcome"]) for each in found] == [
        ("bea", "allowed"),
        ("cleo", "allowed"),
        ("ada", "refused"),
        ("eve", "refused"),
    ]
    assert found[2]["reason"] == "A requester can't approve their own request."
    assert "They take the course first." in found[3]["reason"]
    # Bea is in both groups, and once in the list.
    assert [each["name"] for each in found[0]["through"]] == ["oncall", "leads"]


def test_too_few_approvers_are_reported() -> None:
    at = typist(policy(rule(approvals=3)))

    assert "3 approvals by different people needed; too few approvers available\n" in explain(at, "ada").out
    assert explained(at, "ada")["enough_approvers"] is False
    assert explained(typist(), "ada")["enough_approvers"] is True


def test_empty_group_has_no_approvers() -> None:
    at = typist(policy(rule(approvers=(group("empty"),))))

    assert lines(explain(at, "ada"), "Approvers")[0].startswith("no approvers ")


def test_conditions_are_those_of_the_strictest_rule() -> None:
    strict = rule(name="strict", ticket_pattern="INC-[0-9]+", glass_after_seconds=None, risk_banner="Care!")
    conditions = lines(explain(typist(policy(DATABASES, strict)), "ada"), "Conditions")

    assert "lasts at most 4 h; the form proposes 1 h" in conditions
    assert "ticket INC-[0-9]+" in conditions
    assert "without approval never" in conditions
    assert "mentioned after 5 min group security" in conditions
    assert "risk Care!" in conditions


def test_break_glass_row_has_both_waiting_times() -> None:
    shown = " ".join(explain(typist(), "ada").out.split())
    assert "ada (Ada) may break the glass yes After 10 min without an answer, and not for 12 h after a denial." in shown
    assert "without approval after 10 min without an answer, and not for 12 h after a denial" in shown
    terms = explained(typist(), "ada")["terms"]
    assert (terms["break_glass_after_seconds"], terms["not_after_denial_seconds"]) == (600, 43_200)


def test_user_without_access_sees_the_approvers_for_others() -> None:
    outcome = explain(typist(), "cleo")

    assert lines(outcome, "Approvers for those who may request it") == [
        "bea (Bea) group leads can",
        "cleo (Cleo) group leads can",
    ]
    assert explained(typist(), "cleo")["terms"] is None


def test_user_is_found_by_email_address() -> None:
    assert explained(typist(), "ada@example.com")["who"]["user_name"] == "ada"


def test_json_has_all_parts_of_the_report() -> None:
    answer = explained(typist(policy(denies=(COURSE,))), "ada")

    assert sorted(answer) == ["account", "approvers", "enough_approvers", "permission_set", "terms", "who"]
    assert answer["account"] == {"id": PRODUCTION, "name": "production"}
    assert answer["who"]["request"]["rule"] == "databases"
    assert [each["name"] for each in answer["who"]["denies"]] == ["course"]
    assert answer["terms"]["ping"] == [{"kind": "group", "id": "g-leads", "name": "leads"}]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (
            {"permission_set": "devops-breakglass"},
            ('--set value: "devops-breakglass"', f"Did you mean {RDS}?", NETWORK),
        ),
        ({"account": "222222222223"}, ('--account value: "222222222223"', "Did you mean 222222222222 (production)?")),
        ({"account": "staging"}, ('--account value: "staging"', "Did you mean 333333333333 (staging)?")),
    ],
)
def test_unknown_name_gets_the_nearest_without_a_call_of_aws(question: dict[str, str], said: tuple[str, ...]) -> None:
    at = typist()
    outcome = explain(at, "ada", **question)

    assert (outcome.status, outcome.out) == (2, "")
    assert all(each in outcome.flat for each in said)
    assert [each for each in at.asked if not each.startswith("pulumi ")] == []
    assert at.directory.asked == 0


@pytest.mark.parametrize("name", ["Ada", "ada.lovelace", "nobody@example.com", ""])
def test_unknown_user_is_an_error(name: str) -> None:
    outcome = explain(typist(), name)

    assert (outcome.status, outcome.out) == (2, "")
    assert f'--who value: "{name}"' in outcome.flat
    assert "user name as Identity Center shows it" in outcome.flat


def test_unknown_requester_is_an_error() -> None:
    assert '--for value: "gone"' in explain(typist(), "ada", "--for", "gone").flat


def test_policy_file_replaces_the_deployed_policy(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(to_json(policy(rule(name="tomorrow", approvers=(user("dot"),)))))
    at = typist(None)

    assert [each["user_name"] for each in explained(at, "ada", "--policy", str(file))["approvers"]] == [DOT.user_name]
    assert [each for each in at.asked if each.startswith("pulumi ")] == []


MISSPELT = to_json(policy()).replace('"denies"', '"denys"').encode()


@pytest.mark.parametrize("content", [MISSPELT, None, b"config:\n  breakglass:approvals: {}\n", b"{}", b"[]", b"\xff"])
def test_file_that_is_not_a_policy_is_refused(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    if content is not None:
        file.write_bytes(content)
    outcome = explain(typist(), "ada", "--policy", str(file))

    assert outcome.status == 2
    assert "--policy value:" in outcome.flat
    assert "pulumi stack output approvalPolicy > policy.json" in outcome.flat


def test_name_with_controls_is_escaped() -> None:
    at = typist()
    at.directory.people[ADA.user_id] = replace(ADA, display_name="A\x1b[2Jda\nroot")
    outcome = explain(at, "ada")

    assert "\x1b" not in outcome.out
    assert "ada (A\\u001b[2Jda root)" in outcome.out


def test_aws_error_is_a_message_without_traceback() -> None:
    at = typist()
    at.directory.failure = AwsError(UNREACHABLE, "no answer", 0, "GetUserId")
    outcome = explain(at, "ada")

    assert (outcome.status, outcome.out) == (1, "")
    assert "AWS: GetUserId" in outcome.flat


def test_denied_user_sees_the_deny_rule() -> None:
    deny = replace(COURSE, actions=(Action.request, Action.approve))
    outcome = explain(typist(policy(denies=(deny,))), EVE.user_name)

    assert lines(outcome, "Deny rules, for eve (Eve)") == [
        "course forbids it It forbids Eve to request, approve: They take the course first."
    ]
