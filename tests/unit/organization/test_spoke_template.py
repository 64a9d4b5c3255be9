"""The CloudFormation template of a spoke: its text, its size, and the schemas of its resources.

Not proven here: that it makes the same as the component (tests/components/test_spoke.py), and that CloudFormation takes
it (docs/live-checks.md).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint

from breakglass.errors import BreakglassError
from breakglass.organization.spoke_rules import SpokeSettings
from breakglass.organization.spoke_template import TEMPLATE_LIMIT, spoke_template, template_body
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.rules import spoke_settings
from tests.unit.stack_file.stack_files import ALERTS, STACKS, Keys, stack

GOLDEN = Path(__file__).with_name("spoke_template.golden.json")
"""The template with every kind of setting.

Regenerate it with `python tests/unit/organization/test_spoke_template.py`.
"""

ROLE, USER = "arn:aws:iam::333333333333:role/emergency", "arn:aws:iam::333333333333:user/door"
SETTINGS = SpokeSettings(roles=(ROLE,), role_path="/break-glass/", users=(USER,), portal=True)
EXCLUDED = ["555555555555", "111111111111"]


def golden_text() -> str:
    return json.dumps(spoke_template(SETTINGS, EXCLUDED), indent=2) + "\n"


def faults(template: dict[str, Any]) -> list[str]:
    """The faults of a template by the schemas of AWS's resources, in all regions of the example."""
    return [match.message for match in lint(json.dumps(template), regions=["eu-central-1", "us-east-1"])]


def test_template_is_the_committed_one() -> None:
    remedy = "regenerate it with `python tests/unit/organization/test_spoke_template.py`, and read the difference"
    assert golden_text() == GOLDEN.read_text(encoding="utf-8"), remedy


def test_text_of_the_template_is_compact() -> None:
    assert template_body(SETTINGS, EXCLUDED) == json.dumps(spoke_template(SETTINGS, EXCLUDED), separators=(",", ":"))


def test_template_has_no_fault_by_the_schemas_of_aws() -> None:
    assert faults(spoke_template(SETTINGS, EXCLUDED)) == []
    assert faults(spoke_template(SpokeSettings())) == []


def test_wrong_state_is_a_fault_by_the_schemas_of_aws() -> None:
    template = spoke_template(SETTINGS)
    template["Resources"]["Sessions"]["Properties"]["State"] = "ENABLED_WITH_EVERYTHING"

    (fault,) = faults(template)
    assert "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" in fault


def test_target_has_nothing_that_aws_refuses_for_a_bus() -> None:
    """The schemas of AWS allow a retry policy and an input for each target."""
    resources = spoke_template(SETTINGS, EXCLUDED)["Resources"].values()
    rules = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::Events::Rule"]

    assert len(rules) == 8
    for rule in rules:
        assert rule["Targets"] == [
            {
                "Id": "hub",
                "Arn": {"Ref": "HubBusArn"},
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
            }
        ]


def has_spoke(template: dict[str, Any], account: str) -> bool:
    """The condition of the template, as CloudFormation evaluates it in an account."""

    def value(condition: dict[str, Any]) -> bool:
        ((function, arguments),) = condition.items()
        match function:
            case "Fn::Not":
                return not value(arguments[0])
            case "Fn::Or":
                assert 2 <= len(arguments) <= 10
                return any([value(each) for each in arguments])
            case _:
                assert (function, arguments[0]) == ("Fn::Equals", {"Ref": "AWS::AccountId"})
                return account == arguments[1]

    return value(template["Conditions"]["HasSpoke"])


@pytest.mark.parametrize("count", [1, 2, 10, 11, 20, 21, 101, 250])
def test_excluded_accounts_have_no_spoke(count: int) -> None:
    excluded = [f"{number:012}" for number in range(count)]
    template = spoke_template(SpokeSettings(), excluded)

    assert not any(has_spoke(template, account) for account in excluded)
    assert has_spoke(template, f"{count:012}")


def test_excluded_account_has_a_resource_that_does_nothing() -> None:
    resources = spoke_template(SETTINGS, EXCLUDED)["Resources"]

    unconditional = {name: resource for name, resource in resources.items() if "Condition" not in resource}
    assert unconditional == {"Nothing": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}
    assert {resource.get("Condition") for resource in resources.values()} == {None, "HasSpoke"}


def test_exclusions_change_nothing_in_the_other_accounts() -> None:
    def made(exclude: list[str]) -> dict[str, Any]:
        resources = spoke_template(SETTINGS, exclude)["Resources"]
        without_condition = {
            name: {key: value for key, value in resource.items() if key != "Condition"}
            for name, resource in resources.items()
        }
        return {name: resource for name, resource in without_condition.items() if name != "Nothing"}

    assert made([]) == made(EXCLUDED) == made([*EXCLUDED, "666666666666"])


def test_watched_set_that_is_added_changes_no_spoke() -> None:
    organization = {"id": "o-exampleorgid", "spokes": {"units": ["r-ab12"], "regions": ["eu-central-1", "us-east-1"]}}
    hub = [((*ALERTS, "organization"), organization), ((*ALERTS, "globalEventsStack"), None)]

    def text(*changes: tuple[Keys, object]) -> str:
        settings = spoke_settings(validate_stack(stack(*hub, *changes), STACKS), portal=False)
        assert settings is not None
        return template_body(settings)

    assert text(((*ALERTS, "watch", "permissionSets"), ["DatabaseAdmin", "SecurityAudit"])) == text()
    assert text(((*ALERTS, "watch", "users"), [USER])) != text()


def test_largest_template_fits_into_a_request() -> None:
    roles = tuple(f"arn:aws:iam::{222222222222 + i}:role/emergency-operator-{i:02}" for i in range(28))
    excluded = [f"{number:012}" for number in range(100)]

    assert 30_000 < len(template_body(SpokeSettings(roles=roles, role_path="/b/"), excluded)) <= TEMPLATE_LIMIT


def test_template_of_51200_bytes_is_the_largest() -> None:
    excluded = [f"{number:012}" for number in range(600)]
    # No account ID, but of any length.
    filling = "9" * (TEMPLATE_LIMIT - len(template_body(SETTINGS, [*excluded, ""])))

    assert len(template_body(SETTINGS, [*excluded, filling])) == TEMPLATE_LIMIT
    with pytest.raises(BreakglassError) as refused:
        template_body(SETTINGS, [*excluded, f"{filling}9"])
    assert str(refused.value) == (
        "Expected a template of at most 51,200 bytes for the spokes, got 51,201: it would be refused. The cause is 1 "
        "watched roles and 601 excluded accounts. Make the roles below one path, and watch the path instead, e.g. "
        "`rolePath: /break-glass/`; name units without the accounts that you exclude."
    )


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(), encoding="utf-8")
