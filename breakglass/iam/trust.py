"""Faults of the trust policy of an emergency role: doors that are wider than they have to be.

A role for the case that Identity Center is down must not depend on Identity Center. Only named accounts, users and
identity providers may open it, with MFA, and where the alerts see it.

Sources: IAM User Guide, "AWS JSON policy elements: Principal" (unique IDs of deleted principals), "AWS global condition
context keys" (`aws:MultiFactorAuthPresent` is absent from calls with long-lived keys, so `BoolIfExists` lets those
pass), "Set operators for multivalued context keys" (`ForAllValues` lets a call without the key pass), "Configure SAML
assertions" (`SAML:aud`), "AWS STS Regions and endpoints" (`aws:RequestedRegion`).

Non-goals: what the role may do; policies of the organization; the principals' own permissions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.iam.wildcards import covers

_ASSUME_ACTIONS = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")

_CALLER_KEYS = frozenset(
    {"aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:userid"}
)
"""Condition keys that limit the callers that `*` lets in."""

_PRINCIPAL_KEYS = frozenset({"aws:principalarn", "aws:userid"})
"""Those that name single principals."""

_MFA, _MFA_AGE, _REGION = "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:requestedregion"

# IAM shows this in place of the ARN of a principal that was deleted.
_UNIQUE_ID = re.compile(r"A[A-Z]{3}[A-Z0-9]{12,}")

_NAME_THEM = "Name the account, users or identity provider of the door in `Principal`."
_ADD_MFA = 'Add the condition `"Bool": {"aws:MultiFactorAuthPresent": "true"}`.'


@dataclass(frozen=True)
class TrustFault:
    """A fault of a trust policy.

    Attributes:
        what: the fault, a clause about "its trust policy", e.g. `lets any principal of any account in`.
        do: the remedy.
        is_open: True if others than the holders of the door get in, or the holders do not; else it is a weakness.
    """

    what: str
    do: str
    is_open: bool = True


def trust_faults(document: Mapping[str, Any], account: str) -> list[TrustFault]:
    """Return the faults of an emergency role's trust policy, each once; none if the trust is narrow.

    Args:
        document: the trust policy, as IAM returns it.
        account: ID of the role's account.
    """
    statements = [each for each in _listed(document.get("Statement")) if _is_about_sessions(each)]
    allows = [each for each in statements if each.get("Effect") == "Allow"]
    denies = [each for each in statements if each.get("Effect") == "Deny" and _is_about_all(each)]
    if not allows:
        return [TrustFault("lets no one in", _NAME_THEM)]
    faults = [fault for each in allows for fault in _principal_faults(each, account)]
    if not any(map(_denies_without_mfa, denies)):
        faults += [fault for each in allows for fault in _mfa_faults(each)]
    if not any(map(_denies_other_regions, denies)) and not all(map(_is_regional, allows)):
        faults.append(
            TrustFault(
                "allows every region, and a use is recorded in the region where the session was called",
                'Add the condition `"StringEquals": {"aws:RequestedRegion": [...]}` with the regions that have alerts.',
                is_open=False,
            )
        )
    return list(dict.fromkeys(faults))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _is_about_sessions(statement: Mapping[str, Any]) -> bool:
    if "NotAction" in statement:
        return True
    written = [str(each) for each in _listed(statement.get("Action"))]
    return any(covers(pattern, action) for pattern in written for action in _ASSUME_ACTIONS)


def _is_about_all(statement: Mapping[str, Any]) -> bool:
    """Return true if a Deny applies to AssumeRole by any principal."""
    principal = statement.get("Principal")
    everyone = principal == "*" or (isinstance(principal, dict) and "*" in _listed(principal.get("AWS")))
    return everyone and any(covers(str(each), "sts:AssumeRole") for each in _listed(statement.get("Action")))


# --- principals -------------------------------------------------------------------------------------------------------


def _principal_faults(statement: Mapping[str, Any], account: str) -> Iterator[TrustFault]:
    if "NotPrincipal" in statement:
        yield TrustFault("lets everyone in but some (`NotPrincipal`)", _NAME_THEM)
    principal = statement.get("Principal")
    named = {"AWS": principal} if isinstance(principal, str) else principal or {}
    for kind, values in named.items():
        for value in map(str, _listed(values)):
            match kind:
                case "AWS":
                    yield from _aws_faults(value, statement, account)
                case "Federated":
                    yield from _federated_faults(value, statement)
                case _:
                    yield _service_fault(value)


def _aws_faults(value: str, statement: Mapping[str, Any], account: str) -> Iterator[TrustFault]:
    named = [each for key, values in _limits(statement) if key in _PRINCIPAL_KEYS for each in values]
    if value == "*":
        limited = any(key in _CALLER_KEYS for key, _ in _limits(statement))
        who = "every principal that a condition does not keep out" if limited else "any principal of any account"
        yield TrustFault(f"lets {who} in (`*`)", _NAME_THEM, is_open=not limited)
    elif "AWSReservedSSO_" in value:
        yield _dependent(f"by the role of a permission set ({value})")
    elif _UNIQUE_ID.fullmatch(value):
        yield TrustFault(
            f"names a principal that was deleted ({value}), and a new one of its name does not get in",
            "Write the ARN of the new principal, or remove the old one.",
            is_open=False,
        )
    elif value == account or value.endswith(f"::{account}:root"):
        if not named:
            yield TrustFault(
                "lets the role's own account in, each principal there whose IAM policies allow sts:AssumeRole",
                "Name the users of the door in `Principal`, or an account that has nothing else.",
                is_open=False,
            )
    if any("awsreservedsso_" in each for each in named):
        yield _dependent("by the role of a permission set (`aws:PrincipalArn`)")


def _federated_faults(value: str, statement: Mapping[str, Any]) -> Iterator[TrustFault]:
    keys = {key for key, _ in _limits(statement)}
    if ":saml-provider/AWSSSO_" in value:
        yield _dependent(f"by Identity Center's own identity provider ({value})")
    elif ":saml-provider/" in value:
        if "saml:aud" not in keys:
            yield TrustFault(
                f"takes assertions of {value} for any audience",
                'Add the condition `"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}`.',
                is_open=False,
            )
    elif not any(key.endswith((":sub", ":user_id")) for key in keys):
        yield TrustFault(
            f"lets every identity of {value} in", "Add a condition on the subject (`sub`) of the door's holders."
        )


def _service_fault(value: str) -> TrustFault:
    if value.startswith("account-access."):
        return _dependent(f"by AWS account access manager ({value})")
    return TrustFault(f"lets the service {value} in, for each person who may use that service", _NAME_THEM)


def _dependent(how: str) -> TrustFault:
    return TrustFault(
        f"opens the role {how}, which is not there while Identity Center is down",
        "Name IAM users with MFA, or an identity provider of IAM that is not Identity Center.",
    )


# --- conditions -------------------------------------------------------------------------------------------------------


def _conditions(statement: Mapping[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Return each operator, key and values of a statement; operator, key and values in lower case."""
    return [
        (str(operator).lower(), str(key).lower(), [str(each).lower() for each in _listed(values)])
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, values in keys.items()
    ]


def _limits(statement: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return key and values of each condition that keeps calls out, also calls without the key."""
    return [
        (key, values)
        for operator, key, values in _conditions(statement)
        if "not" not in operator
        and not operator.startswith(("null", "forallvalues:"))
        and not operator.endswith("ifexists")
        and not any(value.strip("*") == "" for value in values)
    ]


def _mfa_faults(statement: Mapping[str, Any]) -> Iterator[TrustFault]:
    """Yield a fault unless the statement lets AWS principals in with MFA only; identity providers have their own."""
    principal = statement.get("Principal")
    if isinstance(principal, dict) and "AWS" not in principal:
        return
    conditions = _conditions(statement)
    if any(_requires_mfa(*each) for each in conditions):
        return
    if any(key in (_MFA, _MFA_AGE) and operator.endswith("ifexists") for operator, key, _ in conditions):
        yield TrustFault(
            "lets long-lived access keys in without MFA, since `...IfExists` passes a call that lacks the key", _ADD_MFA
        )
    else:
        yield TrustFault("does not require MFA", _ADD_MFA)


def _requires_mfa(operator: str, key: str, values: Sequence[str]) -> bool:
    if key == _MFA:
        return operator == "bool" and list(values) == ["true"]
    # Only a session with MFA has an age of it.
    return key == _MFA_AGE and (operator.startswith("numericlessthan") and not operator.endswith("ifexists"))


def _denies_without_mfa(statement: Mapping[str, Any]) -> bool:
    return _conditions(statement) == [("boolifexists", _MFA, ["false"])]


def _is_regional(statement: Mapping[str, Any]) -> bool:
    return any(
        key == _REGION and operator.startswith("string") and "not" not in operator and "*" not in values
        for operator, key, values in _conditions(statement)
    )


def _denies_other_regions(statement: Mapping[str, Any]) -> bool:
    return [(operator, key) for operator, key, _ in _conditions(statement)] in (
        [("stringnotequals", _REGION)],
        [("stringnotequalsifexists", _REGION)],
    )
