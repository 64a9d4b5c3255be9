"""docs/reference holds what the code says of components, stack file and policy lint."""

import pytest

import breakglass
from breakglass.iam.rules import RULES
from docs.generate_reference import pages


@pytest.fixture(scope="module")
def generated() -> dict[str, str]:
    return pages()


def test_reference_of_a_component_has_all_sections(generated: dict[str, str]) -> None:
    sections = generated["components.md"].split("\n## ")
    titles = {section.partition("\n")[0]: section for section in sections}
    components = [name.removesuffix("Args") for name in breakglass.__all__ if name.endswith("Args")]
    assert "BreakGlass" in components
    for name in components:
        parts = [part.partition("\n")[0] for part in titles[name].split("\n### ")[1:]]
        assert parts == ["Inputs", "Outputs", "Permissions", "Errors"], name


def test_reference_has_every_rule_of_the_lint(generated: dict[str, str]) -> None:
    for rule in RULES:
        assert generated["policy-lint.md"].count(f"\n### {rule.name}\n") == 1
        assert rule.instead in generated["policy-lint.md"]


def test_reference_marks_required_and_output_inputs(generated: dict[str, str]) -> None:
    assert "| `channel` | string, required | The ID of the Slack channel, not its name." in generated["components.md"]
    assert "| `connection_arn` | Input of string, required |" in generated["components.md"]
    assert "At least 60, at most 86400. Default: `900`. |" in generated["stack-file.md"]
