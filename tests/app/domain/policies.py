"""People and a policy for the scenarios: a company with on-call people, leads, security and a contractor."""

from dataclasses import replace
from typing import Any

from breakglass.app.domain.decision import AnswerHistory
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import (
    ApprovalPolicy,
    PermissionSet,
    Principal,
    PrincipalKind,
    Rule,
    Settings,
    UnmanagedAssignments,
)
from breakglass.app.domain.records import Denial

RDS = "devops-break-glass"
NETWORK = "network-break-glass"
PRODUCTION = "222222222222"
STAGING = "333333333333"
MANAGEMENT = "111111111111"


def group(name: str) -> Principal:
    """A group whose id is made of its name."""
    return Principal(PrincipalKind.group, f"g-{name}", name)


def user(name: str) -> Principal:
    """A user whose id is made of their name."""
    return Principal(PrincipalKind.user, f"u-{name}", name)


def person(name: str, *groups: str) -> Person:
    """A user in these groups."""
    return Person(f"u-{name}", name, name.capitalize(), frozenset(f"g-{each}" for each in groups), f"U{name.upper()}")


ADA = person("ada", "oncall")
BEA = person("bea", "oncall", "leads")
CLEO = person("cleo", "leads")
DOT = person("dot", "security")
EVE = person("eve", "oncall", "contractors")
FAY = person("fay")
EVERYBODY = (ADA, BEA, CLEO, DOT, EVE, FAY)

DATABASES = Rule(
    name="databases",
    sets=(RDS,),
    accounts=(PRODUCTION, STAGING),
    requesters=(group("oncall"),),
    approvers=(group("leads"),),
    approvals=1,
    maximum_seconds=4 * 3600,
    default_seconds=3600,
    expiry_seconds=1800,
    glass_after_seconds=600,
    mention=(group("leads"),),
    escalate_after_seconds=300,
    escalate=(group("security"),),
)

SETTINGS = Settings(
    region="eu-central-1",
    partition="aws",
    instance_arn="arn:aws:sso:::instance/ssoins-1234567890abcdef",
    identity_store_id="d-1234567890",
    deployed_in=MANAGEMENT,
    management_account=MANAGEMENT,
    slack_api_url="https://slack.com/api",
    channel="C0APPROVALS1",
    second_channel="C0SECURITY01",
    explain_within_seconds=86_400,
    remind_every_seconds=4 * 3600,
    session_policy_id=None,
    unmanaged=UnmanagedAssignments.report,
)


def quiet(seconds: int, *denials: Denial) -> AnswerHistory:
    """Return the history of a request without an answer for this long, at second 100,000."""
    return AnswerHistory(100_000 - seconds, 100_000, denials)


def rule(**changes: Any) -> Rule:
    """The rule `databases` with changes."""
    return replace(DATABASES, **changes)


def policy(*rules: Rule, **changes: Any) -> ApprovalPolicy:
    """A policy with these rules, or with `databases` alone."""
    sets = {name: PermissionSet(f"arn:aws:sso:::permissionSet/ssoins-1/ps-{name}", 3600) for name in (RDS, NETWORK)}
    whole = ApprovalPolicy(
        settings=SETTINGS,
        rules=rules or (DATABASES,),
        denies=(),
        sets=sets,
        accounts={MANAGEMENT: "management", PRODUCTION: "production", STAGING: "staging"},
        people={},
        security=(group("security"),),
        standing=(),
    )
    return replace(whole, **changes)
