"""The policy that ends live sessions: the sessions that it denies, and foreign statements that it keeps.

An evaluator of its own reads it, written after "IAM JSON policy elements: Condition operators" for the few operators
that it uses. AWS's evaluation is a live check.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.records import Access
from breakglass.app.domain.request_lifecycle import MAXIMUM_ACCOUNTS
from breakglass.app.domain.session_denials import (
    GROUPING_SECONDS,
    MAXIMUM_CHARACTERS,
    SessionDenial,
    SessionPolicyError,
    SessionPolicyFullError,
    SessionPolicyUnreadableError,
    add_denial,
    denial_id,
    list_denial_ids,
    remove_denial,
    render_policy,
)
from tests.app.domain.examples import ASKED, HOUR
from tests.app.domain.policies import NETWORK, PRODUCTION, RDS, STAGING

ADA = "93c41832-5021-7042-b3a5-b7b8a5e1a2a0"
EVE = "93c41832-5021-7042-b3a5-b7b8a5e1a2a1"
ENDED = SessionDenial("r-0f3a", Access(ADA, RDS, PRODUCTION), ASKED, "aws")
ONE = render_policy([ENDED])


# --- an evaluator -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Session:
    """A session with a role of Identity Center."""

    user_id: str = ADA
    permission_set: str = RDS
    account: str = PRODUCTION
    issued: int = ASKED - 1
    region: str = "eu-central-1/"
    partition: str = "aws"

    @property
    def context(self) -> Mapping[str, str]:
        role = f"AWSReservedSSO_{self.permission_set}_8aceb16634d294af"
        path = f"aws-reserved/sso.amazonaws.com/{self.region}"
        return {
            "identitystore:userid": self.user_id,
            "aws:principalaccount": self.account,
            "aws:principalarn": f"arn:{self.partition}:iam::{self.account}:role/{path}{role}",
            "aws:tokenissuetime": str(self.issued),
        }


def _arn_like(pattern: str, arn: str) -> bool:
    parts, expected = arn.split(":", 5), pattern.split(":", 5)
    return all(
        re.fullmatch(re.escape(each).replace(r"\*", ".*").replace(r"\?", "."), part)
        for each, part in zip(expected, parts, strict=True)
    )


def _before(moment: str, issued: str) -> bool:
    return int(issued) < datetime.fromisoformat(moment).timestamp()


_OPERATORS = {"StringEquals": str.__eq__, "ArnLike": _arn_like, "DateLessThan": _before}


def is_denied(policy: str, session: Session) -> bool:
    """Return true if a policy of Deny statements denies a session; keys in any case, lists are ors."""
    document = json.loads(policy)
    assert document["Version"] == "2012-10-17"
    return any(_hits(statement, session.context) for statement in document["Statement"])


def _hits(statement: Mapping[str, Any], context: Mapping[str, str]) -> bool:
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    return all(
        any(_OPERATORS[operator](each, context[key.lower()]) for each in ([value] if isinstance(value, str) else value))
        for operator, keys in statement["Condition"].items()
        for key, value in keys.items()
    )


# --- denied sessions --------------------------------------------------------------------------------------------------

SESSIONS: dict[str, tuple[Session, bool]] = {
    "the person's session that began before": (Session(), True),
    "where Identity Center is in us-east-1, too": (Session(region=""), True),
    "not one that began at the same second": (Session(issued=ASKED), False),
    "not one that began after": (Session(issued=ASKED + 1), False),
    "not somebody else's": (Session(user_id=EVE), False),
    "not in another account": (Session(account=STAGING), False),
    "not with another set": (Session(permission_set=NETWORK), False),
    "not with a set whose name begins so": (Session(permission_set=f"{RDS}2"), False),
    "not with a set whose name ends so": (Session(permission_set=f"a_AWSReservedSSO_{RDS}"), False),
    "not with the everyday set": (Session(permission_set="devops"), False),
    "not in another partition": (Session(partition="aws-cn"), False),
    # The name of a set that would be hit as well is refused when it is deployed, beside this one.
    "with a set that is refused at the deployment": (Session(permission_set=f"{RDS}_x"), True),
}


@pytest.mark.parametrize("sentence", SESSIONS)
def test_policy_denies_session(sentence: str) -> None:
    session, expected = SESSIONS[sentence]
    assert is_denied(ONE, session) is expected


@pytest.mark.parametrize("session", [each for each, _ in SESSIONS.values()])
def test_render_policy_without_denials_denies_no_session(session: Session) -> None:
    assert not is_denied(render_policy(), session)


def test_add_denial_is_exact() -> None:
    assert json.loads(ONE) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Nobody",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"identitystore:userId": "nobody"}},
            },
            {
                "Sid": f"Endedr0f3a{PRODUCTION}",
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {
                    "StringEquals": {"identitystore:userId": ADA, "aws:PrincipalAccount": [PRODUCTION]},
                    "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/aws-reserved/*/AWSReservedSSO_{RDS}_*"},
                    "DateLessThan": {"aws:TokenIssueTime": "2025-11-24T16:00:00Z"},
                },
            },
        ],
    }


# --- several ----------------------------------------------------------------------------------------------------------

IN_STAGING = replace(ENDED, access=Access(ADA, RDS, STAGING), before=ASKED + GROUPING_SECONDS - 1)


def test_add_denial_in_the_same_minute_shares_a_statement() -> None:
    both = render_policy([IN_STAGING, ENDED])
    assert len(json.loads(both)["Statement"]) == 2
    assert list_denial_ids(both) == {denial_id("r-0f3a", each.access) for each in (ENDED, IN_STAGING)}
    assert is_denied(both, Session())
    assert is_denied(both, Session(account=STAGING))


def test_add_denial_later_has_its_own_statement() -> None:
    late = replace(IN_STAGING, before=ASKED + GROUPING_SECONDS)
    both = render_policy([ENDED, late])
    assert len(json.loads(both)["Statement"]) == 3
    assert not is_denied(both, Session(issued=ASKED))
    assert is_denied(both, Session(account=STAGING, issued=ASKED))


@pytest.mark.parametrize("first", [ENDED, IN_STAGING])
def test_remove_denial_keeps_the_other_account(first: SessionDenial) -> None:
    both = render_policy([ENDED, IN_STAGING])
    left = remove_denial(both, denial_id(first.request_id, first.access))
    other = IN_STAGING if first is ENDED else ENDED
    assert list_denial_ids(left) == {denial_id(other.request_id, other.access)}
    assert is_denied(left, Session(account=other.access.account))
    assert not is_denied(left, Session(account=first.access.account))
    assert remove_denial(left, denial_id(other.request_id, other.access)) == render_policy()


def test_remove_denial_keeps_another_request() -> None:
    again = replace(ENDED, request_id="r-0f3b", before=ASKED + 2 * HOUR)
    left = remove_denial(render_policy([ENDED, again]), denial_id("r-0f3a", ENDED.access))
    assert is_denied(left, Session(issued=ASKED + HOUR))


def test_add_denial_again_changes_nothing() -> None:
    assert add_denial(ONE, replace(ENDED, before=ASKED + HOUR)) == ONE


def test_remove_denial_unknown_changes_nothing() -> None:
    assert remove_denial(ONE, denial_id("r-other", ENDED.access)) == ONE


def test_denial_id_has_request_and_account() -> None:
    name = denial_id("r-0f3a", ENDED.access)
    assert re.fullmatch("[A-Za-z0-9]+", name)
    assert "0f3a" in name
    assert name.endswith(PRODUCTION)


# --- size -------------------------------------------------------------------------------------------------------------


def numbered(request: int, account: int) -> SessionDenial:
    return SessionDenial(f"r-{request:016x}", Access(ADA, RDS, f"{account:012d}"), ASKED, "aws")


def test_largest_request_fits() -> None:
    whole = render_policy(numbered(1, account) for account in range(MAXIMUM_ACCOUNTS))
    assert len(list_denial_ids(whole)) == MAXIMUM_ACCOUNTS
    assert len(whole) < MAXIMUM_CHARACTERS / 3


def test_add_denial_thirteenth_request_is_refused() -> None:
    full = render_policy(numbered(request, 1) for request in range(12))
    assert len(full) <= MAXIMUM_CHARACTERS
    with pytest.raises(SessionPolicyFullError, match="AWS takes 5120"):
        add_denial(full, numbered(12, 1))
    freed = remove_denial(full, denial_id(f"r-{3:016x}", Access(ADA, RDS, f"{1:012d}")))
    assert is_denied(add_denial(freed, numbered(12, 1)), Session(account=f"{1:012d}"))


def test_policy_has_no_white_space() -> None:
    assert not re.search(r"\s", ONE)


# --- edited by hand ---------------------------------------------------------------------------------------------------

FOREIGN: dict[str, Any] = {"Sid": "Ours", "Effect": "Deny", "Action": ["s3:*"], "Resource": "*"}


def edited(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", **more, "Statement": list(statements)}, indent=2)


def test_add_and_remove_denial_keep_foreign_statements() -> None:
    before = edited(FOREIGN, "nonsense", {"Effect": "Deny"}, Id="kept")
    both = add_denial(before, ENDED)
    assert json.loads(both)["Id"] == "kept"
    assert json.loads(both)["Statement"][:3] == [FOREIGN, "nonsense", {"Effect": "Deny"}]
    assert json.loads(remove_denial(both, denial_id("r-0f3a", ENDED.access))) == json.loads(before)


def test_add_denial_accepts_a_single_statement() -> None:
    single = json.dumps({"Version": "2012-10-17", "Statement": FOREIGN})
    assert json.loads(add_denial(single, ENDED))["Statement"][0] == FOREIGN
    assert remove_denial(single, "EndedNothing") == single


def _statement() -> dict[str, Any]:
    return json.loads(ONE)["Statement"][1]


TAMPERED: dict[str, Any] = {
    "an Allow": {**_statement(), "Effect": "Allow"},
    "for somebody else": {**_statement(), "Condition": {"StringEquals": {"identitystore:userId": EVE}}},
    "without a condition": {key: value for key, value in _statement().items() if key != "Condition"},
    "with an invalid time": {
        **_statement(),
        "Condition": {**_statement()["Condition"], "DateLessThan": {"aws:TokenIssueTime": "yesterday"}},
    },
    "without an account": {
        **_statement(),
        "Condition": {
            **_statement()["Condition"],
            "StringEquals": {"identitystore:userId": ADA, "aws:PrincipalAccount": []},
        },
    },
}


@pytest.mark.parametrize("what", TAMPERED)
def test_add_denial_repairs_an_edited_statement(what: str) -> None:
    repaired = add_denial(edited(TAMPERED[what]), ENDED)
    assert [each["Sid"] for each in json.loads(repaired)["Statement"]] == [_statement()["Sid"]]
    assert is_denied(repaired, Session())


@pytest.mark.parametrize("what", TAMPERED)
def test_remove_denial_removes_an_edited_statement(what: str) -> None:
    assert remove_denial(edited(TAMPERED[what]), denial_id("r-0f3a", ENDED.access)) == render_policy()


UNREADABLE = ("", "{", "[]", "null", "7", '{"Version": "2012-10-17"}', '{"Statement": "x"}', '{"Statement": null}')


@pytest.mark.parametrize("text", UNREADABLE)
def test_add_denial_refuses_unreadable_policy(text: str) -> None:
    for change in (lambda: add_denial(text, ENDED), lambda: remove_denial(text, "x"), lambda: list_denial_ids(text)):
        with pytest.raises(SessionPolicyUnreadableError, match="The policy that ends sessions"):
            change()


def test_session_policy_errors_have_one_base() -> None:
    assert issubclass(SessionPolicyFullError, SessionPolicyError)
    assert issubclass(SessionPolicyUnreadableError, SessionPolicyError)


# --- any order --------------------------------------------------------------------------------------------------------

denials = st.builds(
    SessionDenial,
    st.sampled_from(["r-1", "r-2", "r-12"]),
    st.builds(Access, st.just(ADA), st.just(RDS), st.sampled_from([PRODUCTION, STAGING])),
    st.integers(ASKED, ASKED + 2 * GROUPING_SECONDS),
    st.just("aws"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.tuples(st.booleans(), denials), max_size=12))
def test_policy_has_added_denials_without_removed_ones(steps: list[tuple[bool, SessionDenial]]) -> None:
    policy, ended = render_policy(), dict[str, SessionDenial]()
    for comes, denial in steps:
        name = denial_id(denial.request_id, denial.access)
        if comes:
            policy = add_denial(policy, denial)
            ended.setdefault(name, denial)
        else:
            policy = remove_denial(policy, name)
            ended.pop(name, None)
        assert list_denial_ids(policy) == ended.keys()
        names = [each["Sid"] for each in json.loads(policy)["Statement"]]
        assert len(set(names)) == len(names)
    for denial in ended.values():
        assert is_denied(policy, Session(account=denial.access.account, issued=denial.before - 1))
    for account in (PRODUCTION, STAGING):
        # Sharing a statement, one account ends with another of the same request that ended in the same minute.
        ends = [denial.before for denial in ended.values() if denial.access.account == account]
        minute_over = (max(ends) // GROUPING_SECONDS + 1) * GROUPING_SECONDS if ends else 0
        assert not is_denied(policy, Session(account=account, issued=minute_over))


@given(st.lists(json_values, max_size=3))
def test_any_foreign_statement_stays(others: list[Any]) -> None:
    before = edited(*others)
    both = add_denial(before, ENDED)
    assert json.loads(both)["Statement"][: len(others)] == others
    left = json.loads(remove_denial(both, denial_id("r-0f3a", ENDED.access)))["Statement"]
    assert left == (others or json.loads(render_policy())["Statement"])
