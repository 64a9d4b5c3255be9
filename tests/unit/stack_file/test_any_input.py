"""Any content of a stack file gives a valid stack or a report without a token."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.errors import ConfigError
from breakglass.stack_file.check import check_stack
from breakglass.terminal import escape_unprintable
from tests.unit.stack_file.stack_files import (
    ALERTS,
    APPROVALS,
    INLINE_POLICY,
    RULE,
    STACKS,
    TOKEN,
    Keys,
    stack_with_approvals,
)

# Words of the stack file, so that generated files get past its outermost keys; some are right only elsewhere.
_WORDS = sorted(
    {
        "Action", "Allow", "C0123456789", "Effect", "PT1H", "PT5H", "Resource", "Statement", "Version", "accounts",
        "acknowledge", "alerts", "alertsByEmail", "assignments", "botTokenSecretName", "breakGlass", "channel",
        "customerManagedPolicies", "emails", "eu-central-1", "everyday", "evidencePaths", "group", "iam:*",
        "inlinePolicy", "inlinePolicyFile", "managedPolicies", "monitoring", "name", "pagers", "pagerduty", "pairs",
        "path", "permissionSets", "permissionsBoundary", "portal", "postMortemUrl", "protectAlertPath", "region",
        "roles", "secure", "sessionDuration", "sets",
        "slack", "slackBotToken", "tags", "user", "watch", "x", "x_y", "2012-10-17", "*",
        "Bool", "Condition", "NotAction", "Sid", "../..", "policies", "\x00", "https://[",
        "arn:aws:iam::aws:policy/AdministratorAccess", "approvals", "rules", "denies", "requesters", "approvers",
        "PT0S", "withoutApproval", "after", "ping", "people", "U0123ABCD", "actions", "request",
        "organization", "id", "o-exampleorgid", "spokes", "units", "r-ab12", "exclude", "regions", "callAs", "self",
        "rollCall", "witness", "trailLogGroup", "forwardTo", "rolePath", "/break-glass/", "off",
        "arn:aws:events:eu-central-1:111111111111:event-bus/breakglass-prod-hub",
        "root", "users", "independentDoor", "tamper", "deployers", "trail", "keys", "stacks", "globalEventsStack",
        "arn:aws:iam::222222222222:user/ada", "arn:aws:iam::222222222222:role/ada",
        "secondChannel", "endSessions", "ticketPattern", "(", "slackSigningSecret", "devops-break-glass",
    }
)  # fmt: skip

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(_WORDS),
    st.text(max_size=40),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=40,
)
sections = ["alerts", "approvals", "permissionSets", "tags", "slackBotToken", "slackSigningSecret"]
raw_files = st.dictionaries(st.sampled_from(sections) | st.text(), values)


def whole() -> dict[str, Any]:
    """A stack file that says something under nearly every key of the alerts and the approvals."""
    rule = {
        "withoutApproval": {"after": "PT5M"},
        "escalate": {"after": "PT5M", "ping": [{"user": "ada"}]},
        "ticketPattern": "INC-[0-9]+",
        "ping": [{"groupId": "0123456789-abcdef01-2345-6789-abcd-ef0123456789"}],
        "quietAccounts": ["222222222222"],
        "riskBanner": "Personal data.",
    }
    deny = {"name": "x", "reason": "x", "actions": ["request"], "principals": [{"user": "ada"}]}
    return stack_with_approvals(
        *[((*RULE, key), value) for key, value in rule.items()],
        ((*APPROVALS, "denies"), [deny]),
        ((*APPROVALS, "people"), {"U0123ABCD": "ada"}),
        ((*APPROVALS, "secondChannel"), "C0123456789"),
        ((*ALERTS, "watch", "users"), ["arn:aws:iam::222222222222:user/ada"]),
        ((*ALERTS, "watch", "independentDoor"), {"users": ["arn:aws:iam::222222222222:user/grace"]}),
        ((*ALERTS, "tamper"), {"trail": "all", "trailBucket": "trail", "stacks": ["watcher"]}),
    )


def _places(value: Any, keys: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place of a nested value where something else could stand."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [keys for keys in [keys] if keys] + [place for key, below in inner for place in _places(below, (*keys, key))]


places = st.sampled_from(_places(whole()))


def changed(place: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The whole stack file with something else in one place."""
    raw = whole()
    here: Any = raw
    for key in place[:-1]:
        here = here[key]
    here[place[-1]] = value
    return raw


@given(raw_files)
def test_validate_any_file_gives_stack_or_report(raw: dict[str, Any]) -> None:
    _validate(raw)


@given(places, values)
def test_validate_any_single_change_gives_stack_or_report(place: tuple[str | int, ...], value: object) -> None:
    _validate(changed(place, value))


@given(places, st.sampled_from(["", "Bearer ", "https://", '"', "x" * 200]), st.sampled_from(["", " and more", '"']))
def test_token_at_any_place_is_refused_and_redacted(place: tuple[str | int, ...], before: str, after: str) -> None:
    raw = changed(place, before + TOKEN + after)
    report = _validate(raw)
    assert report is not None
    _assert_no_token(report)


@given(places)
def test_token_as_key_is_refused_and_redacted(place: tuple[str | int, ...]) -> None:
    report = _validate(changed(place, {TOKEN: {TOKEN: TOKEN}}))
    assert report is not None
    _assert_no_token(report)


@pytest.mark.parametrize("levels", [100, 300, 500, 700, 900, 990])
@pytest.mark.parametrize("place", [("alerts",), ("approvals",), ("tags",), INLINE_POLICY])
def test_recursive_value_is_reported(levels: int, place: Keys) -> None:
    bottomless: list[Any] = []
    for _ in range(levels):
        bottomless = [bottomless]
    assert _validate(changed(place, bottomless))


def _validate(raw: dict[str, Any]) -> str | None:
    """Return the report, or None for a valid stack."""
    judged = check_stack(raw, STACKS)
    for told in (*judged.problems, *judged.warnings):
        assert told.path
        assert told.value
        assert told.why
        assert told.instead
        assert str(told) == escape_unprintable(str(told))
    if judged.stack_file is None:
        return str(ConfigError(judged.problems))
    assert judged.problems == ()
    json.dumps(judged.stack_file.model_dump(mode="json"))
    return None


def _assert_no_token(report: str) -> None:
    assert "xoxb-1111" not in report
    assert TOKEN[10:] not in report.replace("\n", "").replace(" ", "")
