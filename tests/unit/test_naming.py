import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.naming import ALERT_PATH_PREFIX, physical_name, rule_dimensions, stack_prefix, vended_log_group


@pytest.mark.parametrize(
    ("logical", "limit", "physical"),
    [
        ("prod-devops-break-glass-denied", 64, "breakglass-prod-devops-break-glass-denied"),
        ("a" * 53, 64, "breakglass-" + "a" * 53),
        ("a" * 54, 64, "breakglass-" + "a" * 44 + "-a3f01b69"),
        ("DatabaseAdmin@eu", 64, "breakglass-DatabaseAdmin-eu-ddf4db4c"),
        ("prod", 24, "breakglass-prod"),
    ],
)
def test_physical_name_is_prefix_and_logical_name(logical: str, limit: int, physical: str) -> None:
    assert physical_name(logical, limit) == physical


@given(st.text(max_size=200), st.integers(min_value=21, max_value=256))
def test_physical_name_fits_every_service(logical: str, limit: int) -> None:
    name = physical_name(logical, limit)
    assert name.startswith(ALERT_PATH_PREFIX)
    assert len(name) <= limit
    assert re.fullmatch(r"[A-Za-z0-9_-]+", name)


@given(st.lists(st.text("ab.@ \u00e9", max_size=80), unique=True, max_size=20))
def test_different_logical_names_have_different_names(logicals: list[str]) -> None:
    assert len({physical_name(logical) for logical in logicals}) == len(logicals)


@pytest.mark.parametrize(
    ("stack", "prefix"),
    [
        ("prod", "breakglass-prod-"),
        ("prod.eu", "breakglass-prod-eu-"),
        ("a" * 43, "breakglass-" + "a" * 43 + "-"),
        ("a" * 100, "breakglass-" + "a" * 44),
    ],
)
def test_stack_prefix_is_prefix_and_stack(stack: str, prefix: str) -> None:
    assert stack_prefix(stack) == prefix


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True), st.text(max_size=60), st.integers(64, 255))
def test_stack_prefix_begins_each_name_of_the_stack(stack: str, rest: str, limit: int) -> None:
    assert physical_name(f"{stack}-{rest}", limit).startswith(stack_prefix(stack))


def test_vended_log_group_has_both_prefixes() -> None:
    assert vended_log_group("prod-approvals-api") == "/aws/vendedlogs/breakglass-prod-approvals-api"


@pytest.mark.parametrize("bus", [None, "default"])
def test_metrics_of_rule_on_default_bus_have_its_name(bus: str | None) -> None:
    assert rule_dimensions("rule", bus) == {"RuleName": "rule"}


def test_metrics_of_rule_on_another_bus_name_both() -> None:
    assert rule_dimensions("rule", "breakglass-prod-hub") == {"EventBusName": "breakglass-prod-hub", "RuleName": "rule"}


def test_physical_name_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="20 characters leaves no room"):
        physical_name("prod", 20)
