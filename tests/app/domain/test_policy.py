"""The approval policy as a document: a round trip with any content, and a stable text."""

import json
from dataclasses import fields, replace

from hypothesis import given
from hypothesis import strategies as st

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
from tests.app.domain.policies import policy

# Any text of a person; a text from YAML has no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
many_texts = st.lists(texts, max_size=2).map(tuple)
seconds = st.integers(0, 10**6)
principals = st.builds(Principal, st.sampled_from(PrincipalKind), texts, texts)
many_principals = st.lists(principals, max_size=2).map(tuple)
rules = st.builds(
    Rule,
    name=texts,
    sets=many_texts,
    accounts=many_texts,
    requesters=many_principals,
    approvers=many_principals,
    approvals=st.integers(1, 10),
    maximum_seconds=seconds,
    default_seconds=seconds,
    expiry_seconds=seconds,
    ticket_pattern=st.none() | texts,
    glass_after_seconds=st.none() | seconds,
    not_after_denial_seconds=seconds,
    mention=many_principals,
    escalate_after_seconds=st.none() | seconds,
    escalate=many_principals,
    quiet_accounts=many_texts,
    risk_banner=st.none() | texts,
    mention_slack_groups=many_texts,
    escalate_slack_groups=many_texts,
)
denies = st.builds(
    DenyRule,
    texts,
    texts,
    st.lists(st.sampled_from(Action), max_size=3).map(tuple),
    many_texts,
    many_texts,
    many_principals,
)
settings = st.builds(
    Settings,
    *[texts] * 8,
    st.none() | texts,
    seconds,
    seconds,
    st.none() | texts,
    st.sampled_from(UnmanagedAssignments),
)
policies = st.builds(
    ApprovalPolicy,
    settings,
    st.lists(rules, max_size=2).map(tuple),
    st.lists(denies, max_size=2).map(tuple),
    st.dictionaries(texts, st.builds(PermissionSet, texts, seconds), max_size=2),
    st.dictionaries(texts, texts, max_size=2),
    st.dictionaries(texts, texts, max_size=2),
    many_principals,
    st.lists(st.builds(StandingAssignment, principals, texts, texts), max_size=2).map(tuple),
)


@given(policies)
def test_from_json_returns_the_written_policy(of: ApprovalPolicy) -> None:
    assert from_json(to_json(of)) == of


@given(policies)
def test_to_json_of_same_policy_is_same_text(of: ApprovalPolicy) -> None:
    mixed = replace(
        of,
        sets=dict(sorted(of.sets.items(), key=lambda before: before[0], reverse=True)),
        accounts=dict(sorted(of.accounts.items(), reverse=True)),
        people=dict(sorted(of.people.items(), reverse=True)),
    )
    assert to_json(mixed) == to_json(of) == to_json(from_json(to_json(of)))


def test_to_json_is_readable() -> None:
    text = to_json(replace(policy(), accounts={"222222222222": "Zahlungen für Café"}))
    assert "Zahlungen für Café" in text
    assert text.endswith("}\n")
    assert len(text.splitlines()) > 50


def test_to_json_has_every_field() -> None:
    assert json.loads(to_json(policy())).keys() == {field.name for field in fields(ApprovalPolicy)}
