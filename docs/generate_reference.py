"""Writes docs/reference from what the code says about itself: components, stack file, policy lint.

`python -m docs.generate_reference` writes it; a test fails if it is stale. The components are read by Pulumi's own
analyzer, which finds the docstrings of arguments and outputs; the stack file by way of its JSON Schema.

Non-goals: nothing is described here. To change a page, change the docstring it comes from.
"""

import inspect
import json
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.provider.experimental.component import ComponentProvider
from pydantic.alias_generators import to_snake

import breakglass
from breakglass.iam import lint, protection
from breakglass.iam.managed_policies import MANAGED_POLICIES
from breakglass.iam.rules import PERMITTED_ACTIONS, PROTECTED_RISKS, RISKS, RULES, LintRule
from breakglass.stack_file.schema import stack_file_schema
from breakglass.stack_file.secret_keys import NAMESPACE
from breakglass.vocabulary import RiskAcknowledgement
from docs.generate_arguments import describe

FOLDER = Path(__file__).with_name("reference")
"""Where the pages are committed."""

_GENERATED = "<!-- Generated from the code by `make docs`; change the docstrings instead. -->"

Schema = Mapping[str, Any]
"""A JSON Schema, or a type of a Pulumi package schema: what is used here is the same in both."""


def pages() -> dict[str, str]:
    """Return the text of every page by its file name."""
    derived = _derived_schema()
    return {
        "README.md": _page(_index()),
        "components.md": _page(_components(derived)),
        "stack-file.md": _page(_stack_file(stack_file_schema(), derived["types"])),
        "policy-lint.md": _page(_policy_lint()),
    }


def _page(lines: Iterable[str]) -> str:
    return "\n\n".join([_GENERATED, *lines]) + "\n"


def _index() -> Iterator[str]:
    yield "# Reference"
    yield (
        "- [Stack file](stack-file.md): every key of `stacks/Pulumi.<stack>.yaml`\n"
        "- [Components](components.md): inputs, outputs and needed permissions of each, for programs of your own\n"
        "- [Policy lint](policy-lint.md): what a break-glass policy is refused or warned for"
    )


# --- components ------------------------------------------------------------------------------------------------------


def _derived_schema() -> dict[str, Any]:
    public = [getattr(breakglass, name) for name in breakglass.__all__]
    components = [each for each in public if inspect.isclass(each) and issubclass(each, pulumi.ComponentResource)]
    return json.loads(ComponentProvider(components, "breakglass").schema or "")


def _components(derived: Schema) -> Iterator[str]:
    headings = {name: name.rpartition(":")[2] for name in derived["types"]}
    links = {name: _link(heading, heading) for name, heading in headings.items()}
    yield "# Components"
    yield (
        "Each can be used alone: `from breakglass import UsageAlert`. An Input may be an output of another "
        "resource; everything else is a plain value, checked at preview. Permissions are what the identity that runs "
        "`pulumi up` needs; PARTITION, REGION and ACCOUNT are your own."
    )
    for token, component in derived["resources"].items():
        summary, sections = _docstring(component["description"])
        yield f"## {token.rpartition(':')[2]}"
        yield summary
        yield "### Inputs"
        yield _table(component["inputProperties"], component["requiredInputs"], links, to_snake, inputs=True)
        yield "### Outputs"
        yield _table(component["properties"], (), links, to_snake)
        yield "### Permissions"
        yield sections["Permissions"]
        yield "### Errors"
        yield re.sub(r"^(\w+): ", r"- `\1`: ", sections["Raises"], flags=re.MULTILINE)
    yield "## Types of the inputs"
    for name, schema in derived["types"].items():
        yield f"### {headings[name]}"
        yield inspect.cleandoc(schema["description"])
        if "enum" in schema:
            yield _choices(schema)
        else:
            yield _table(schema["properties"], schema.get("required", ()), links, to_snake, inputs=True)


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring in Google style into what is before its sections, and the sections."""
    summary, *rest = re.split(r"^(\w+):$", inspect.cleandoc(text), flags=re.MULTILINE)
    bodies = (textwrap.dedent(body.strip("\n")).strip() for body in rest[1::2])
    return summary.strip(), dict(zip(rest[::2], bodies, strict=True))


# --- stack file ------------------------------------------------------------------------------------------------------


def _stack_file(schema: Schema, derived_types: Schema) -> Iterator[str]:
    keys, definitions = schema["properties"]["config"]["properties"], schema["definitions"]
    places: dict[str, str] = {}
    for name, place in _places("", keys, definitions):
        places.setdefault(name, place)
    links = {name: _link("choice" if "enum" in definitions[name] else "section", at) for name, at in places.items()}
    yield "# Stack file"
    yield (
        "The keys under `config:` in `stacks/Pulumi.<stack>.yaml`. How keys depend on each other is checked at every "
        "preview; all problems of a file come in one report. Real files: "
        "[local](../../stacks/Pulumi.local.yaml), [dev](../../stacks/Pulumi.dev.yaml), "
        "[prod](../../stacks/Pulumi.prod.yaml)."
    )
    yield _table(_described(keys, definitions), (), links)
    for name, place in places.items():
        yield f"## {place}"
        yield inspect.cleandoc(definitions[name]["description"])
        if "enum" in definitions[name]:
            # JSON Schema has no place for what a single choice means.
            yield _choices(derived_types[f"breakglass:index:{name}"])
        else:
            properties = _described(definitions[name]["properties"], definitions)
            yield _table(properties, definitions[name].get("required", ()), links)


def _described(properties: Schema, definitions: Schema) -> dict[str, Any]:
    """Give a key that says no more than its section does the section's description."""
    return {
        key: {"description": definitions[schema["$ref"].rpartition("/")[2]]["description"], **schema}
        if "$ref" in schema
        else schema
        for key, schema in properties.items()
    }


def _places(path: str, properties: Schema, definitions: Schema) -> Iterator[tuple[str, str]]:
    """Yield every definition with the key paths at which the reader of a stack file meets it."""
    for key, schema in properties.items():
        place, ref = path + key.removeprefix(NAMESPACE), schema.get("$ref")
        if ref is None and "$ref" in schema.get("items", {}):
            place, ref = f"{place}[]", schema["items"]["$ref"]
        for choice in schema.get("anyOf", ()):
            ref = ref or choice.get("$ref")
        refs = [(ref, place)] if ref else []
        if "then" in schema:
            (with_key,) = schema["if"]["required"]
            refs = [(schema["else"]["$ref"], place), (schema["then"]["$ref"], f"{place} with {with_key}")]
        for ref, place in refs:
            name = ref.rpartition("/")[2]
            yield name, place
            yield from _places(f"{place}.", definitions[name].get("properties", {}), definitions)


# --- shared by both --------------------------------------------------------------------------------------------------


def _table(
    properties: Schema,
    required: Iterable[str],
    links: Mapping[str, str],
    spelling: Callable[[str], str] = str,
    *,
    inputs: bool = False,
) -> str:
    """Return a table of properties; with `inputs`, those that take an output of another resource are marked."""
    lines = ["| name | type | description |", "|---|---|---|"]
    for name, schema in properties.items():
        needed = ", required" if name in required else ""
        type_ = _input_type(schema, links) if inputs else _type(schema, links)
        lines.append(f"| `{spelling(name)}` | {type_}{needed} | {_meaning(schema)} |")
    return "\n".join(lines)


def _input_type(schema: Schema, links: Mapping[str, str]) -> str:
    """Return the type of an input, and mark what may be an output of another resource."""
    if not schema.get("plain"):
        return f"Input of {_type(schema, links)}"
    match schema:
        case {"items": {**member}} | {"additionalProperties": {**member}} if not member.get("plain"):
            kind = "list" if "items" in schema else "map"
            return f"{kind} of Input of {_type(member, links)}"
        case _:
            return _type(schema, links)


def _type(schema: Schema, links: Mapping[str, str]) -> str:
    match schema:
        case {"$ref": "pulumi.json#/Any"}:
            return "anything"
        case {"$ref": str(ref)}:
            return links[ref.rpartition("/")[2]]
        case {"then": {**other}, "else": {**usual}}:
            return f"{_type(usual, links)} or {_type(other, links)}"
        case {"properties": {"secure": _}}:
            return "encrypted string"
        case {"type": "array", "items": items}:
            return f"list of {_type(items, links)}"
        case {"additionalProperties": dict(values)} | {"patternProperties": {**values}}:
            value = values if "additionalProperties" in schema else next(iter(values.values()))
            return f"map of {_type(value, links)}"
        case {"anyOf": list(choices)}:
            return " or ".join(_type(choice, links) for choice in choices)
        case _:
            return "map" if schema["type"] == "object" else schema["type"]


def _link(text: str, heading: str) -> str:
    """Return a link to a heading of the same page, by the anchor that GitHub gives it."""
    return f"[{text}](#{re.sub(r'[^a-z0-9_ -]', '', heading.lower()).replace(' ', '-')})"


def _meaning(schema: Schema) -> str:
    text = describe(schema, schema["description"])
    return text.replace("\n\n", "<br>").replace("\n", " ").replace("|", "\\|")


def _choices(schema: Schema) -> str:
    return "\n".join(f"- `{choice['value']}`: {inspect.cleandoc(choice['description'])}" for choice in schema["enum"])


# --- policy lint -----------------------------------------------------------------------------------------------------


def _policy_lint() -> Iterator[str]:
    yield "# Policy lint"
    yield inspect.getdoc(lint) or ""
    yield "## Risks"
    yield (
        "A break-glass set with a risk is refused, or causes a warning, unless `acknowledge` names the risk. A "
        "reviewer then sees the power in the stack file."
    )
    yield _overview()
    for risk, rule in RISKS.items():
        yield from _rule(rule)
        yield _folded("AWS managed policies with this risk", sorted(MANAGED_POLICIES[risk]))
    yield "## Other rules"
    for rule in RULES:
        if rule.name not in list(RiskAcknowledgement):
            yield from _rule(rule)
    yield "## Denied to every break-glass set"
    yield inspect.getdoc(protection) or ""
    for statement in protection.deny_statements("aws"):
        yield _folded_json(statement["Sid"], statement)
    yield "## Reviewed and permitted"
    yield "These actions look like a way around the limits. They are not a risk, and no Deny names them."
    lines = (f"| {', '.join(f'`{action}`' for action in each.actions)} | {each.why} |" for each in PERMITTED_ACTIONS)
    yield "\n".join(("| actions | why |", "|---|---|", *lines))


def _overview() -> str:
    lines = ["| risk | in a break-glass set | with `protectAlertPath` |", "|---|---|---|"]
    for risk, rule in RISKS.items():
        if risk is RiskAcknowledgement.administrator_access:
            deny = "as in the other rows"
        elif risk in PROTECTED_RISKS:
            deny = "denied, so it is not reported"
        elif risk in protection.WITHHELD:
            all_of_it = set(rule.actions) <= set(protection.WITHHELD[risk])
            deny = f"{'' if all_of_it else 'in part '}denied unless acknowledged"
        else:
            deny = "not denied"
        lines.append(f"| {_link(f'`{risk}`', risk)} | {rule.severity} unless acknowledged | {deny} |")
    return "\n".join(lines)


def _rule(rule: LintRule) -> Iterator[str]:
    yield f"### {rule.name}"
    yield f"*{rule.severity}*, looked for in {', '.join(f'`{path}`' for path in rule.applies_to.split(', '))}."
    yield rule.why
    yield f"Instead: {rule.instead}"
    if rule.actions:
        yield _folded("Actions", rule.actions)
    if rule.resources:
        yield _folded("Resources", rule.resources)


def _folded(title: str, values: Iterable[str]) -> str:
    listed = "\n".join(f"- `{value}`" for value in values)
    return f"<details><summary>{title}</summary>\n\n{listed}\n\n</details>"


def _folded_json(title: str, value: object) -> str:
    text = json.dumps(value, indent=2)
    return f"<details><summary>{title}</summary>\n\n```json\n{text}\n```\n\n</details>"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
