"""The JSON Schema that editors use for the stack files."""

from typing import Any

import jsonschema
import pytest

from breakglass.stack_file.schema import SCHEMA_FILE, schema_text, stack_file_schema
from breakglass.stack_file.secret_keys import NAMESPACE
from tests.unit.stack_file.stack_files import (
    ALERTS,
    APPROVALS,
    ASSIGNMENT,
    RULE,
    SIGNING_SECRET,
    STACKS,
    STATEMENT,
    TOKEN,
    Keys,
    committed,
    hub,
    spoke,
    stack,
    stack_with_approvals,
)


def faults(document: dict[str, Any]) -> list[str]:
    """The places of a stack file's document that the schema complains about."""
    schema = stack_file_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    return sorted({error.json_path for error in jsonschema.Draft7Validator(schema).iter_errors(document)})


def document(raw: dict[str, Any]) -> dict[str, Any]:
    return {"config": {NAMESPACE + key: value for key, value in raw.items()}}


def test_committed_schema_is_current() -> None:
    text = (STACKS.parent / SCHEMA_FILE).read_text(encoding="utf-8")
    assert text == schema_text(), "stale: run `python -m breakglass.stack_file.schema`"


@pytest.mark.parametrize("name", ["local", "dev", "prod"])
def test_committed_stack_file_obeys_and_names_schema(name: str) -> None:
    assert faults(committed(name)) == []
    first_line = (STACKS / f"Pulumi.{name}.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first_line == f"# yaml-language-server: $schema=./{SCHEMA_FILE.name}"


def test_stack_files_of_hub_and_spoke_obey_schema() -> None:
    assert faults(document(hub())) == []
    assert faults(document(spoke())) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ([((*ALERTS, "slack"), {"channel": "C0123456789"})], "$.config['breakglass:alerts']"),
        ([((*ALERTS, "watch", "root"), True)], "$.config['breakglass:alerts'].watch"),
        ([((*ALERTS, "forwardTo"), "breakglass-prod-hub")], "$.config['breakglass:alerts'].forwardTo"),
        ([((*ALERTS, "regions", 0), "Frankfurt")], "$.config['breakglass:alerts'].regions[0]"),
    ],
)
def test_schema_refuses_fault_of_spoke(changes: list[tuple[Keys, object]], place: str) -> None:
    assert faults(document(spoke(*changes))) == [place]


def test_stack_file_written_by_cli_obeys_schema() -> None:
    assert faults(document(stack())) == []
    assert faults({**document(stack_with_approvals()), "encryptionsalt": "v1:x", "secretsprovider": "awskms://x"}) == []


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ([((*ALERTS, "slack", "channel"), "#ops")], "$.config['breakglass:alerts'].slack.channel"),
        ([((*ALERTS, "slak"), {})], "$.config['breakglass:alerts']"),
        ([((*ALERTS, "region"), None)], "$.config['breakglass:alerts']"),
        ([((*ALERTS, "evidencePaths"), ["portla"])], "$.config['breakglass:alerts'].evidencePaths[0]"),
        (
            [((*ASSIGNMENT, "accounts", 0), 222222222222)],
            "$.config['breakglass:permissionSets'].pairs[0].assignments[0].accounts[0]",
        ),
        (
            [((*STATEMENT, "Effect"), "allow")],
            "$.config['breakglass:permissionSets'].pairs[0].breakGlass.inlinePolicy",
        ),
        ([(("alrets",), {})], "$.config"),
        ([(("slackBotToken",), TOKEN)], "$.config['breakglass:slackBotToken']"),
        ([(("slackSigningSecret",), SIGNING_SECRET)], "$.config['breakglass:slackSigningSecret']"),
        ([((*APPROVALS, "explainWithin"), "1 day")], "$.config['breakglass:approvals'].explainWithin"),
        ([((*RULE, "approvals"), 0)], "$.config['breakglass:approvals'].rules[0].approvals"),
        ([((*RULE, "approvers"), [])], "$.config['breakglass:approvals'].rules[0].approvers"),
        ([((*RULE, "aprovers"), [])], "$.config['breakglass:approvals'].rules[0]"),
        ([((*ALERTS, "organization"), {"id": "o-exampleorgid"})], "$.config['breakglass:alerts'].organization"),
        ([((*ALERTS, "witness"), "PT5M")], "$.config['breakglass:alerts'].witness"),
    ],
)
def test_schema_refuses_fault(changes: list[tuple[Keys, object]], place: str) -> None:
    assert faults(document(stack_with_approvals(*changes))) == [place]


def test_schema_describes_every_key() -> None:
    schema = stack_file_schema()
    definitions = schema["definitions"]
    keys = [
        key
        for model in (*definitions.values(), schema["properties"]["config"])
        for key in model.get("properties", {}).items()
    ]
    unexplained = [
        name
        for name, key in keys
        if not ("description" in key or definitions[key["$ref"].rpartition("/")[2]]["description"])
    ]
    assert len(keys) > 50
    assert unexplained == []
