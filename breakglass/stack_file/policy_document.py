"""IAM policy documents in a stack file: a mapping, JSON text, or the name of a JSON file.

Non-goals: the powers that a policy grants (see `breakglass.iam.lint`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, cast

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from breakglass.iam.policy_text import arn_parts, placeholders, repeated_keys, unknown_arn_parts
from breakglass.stack_file.faults import Fault, Location, fault, faults, yaml_kind

_STATEMENT_KEYS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})


def policy_document(value: object) -> dict[str, Any]:
    """Return the mapping of a policy that is a mapping or JSON text; raise its faults."""
    document = parse_policy(value) if isinstance(value, str) else value
    if not isinstance(document, dict):
        raise fault(
            f"Expected an IAM policy document (a mapping with Version and Statement), got {yaml_kind(document)}.",
            'Write {Version: "2012-10-17", Statement: [{Effect: Allow, Action: [...], Resource: [...]}]}.',
        )
    found = list(_document_faults(document))
    statements = document.get("Statement")
    if isinstance(statements, dict):
        found += _statement_faults(("Statement",), statements)
    elif isinstance(statements, list):
        for index, statement in enumerate(statements):
            found += _statement_faults(("Statement", index), statement)
    if found:
        raise faults(*found)
    return cast(dict[str, Any], document)


def parse_policy(text: str) -> object:
    """Return the value of JSON text; raise if it is not JSON or has a key twice."""
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise fault(
            f"Not valid JSON ({error}). AWS would refuse the policy during the update.",
            "Correct the JSON, or write the policy as YAML without quotes around it.",
        ) from None
    repeated = [
        _at(
            path,
            path[-1],
            f"Duplicate key, in {f'line {line}' if first == line else f'lines {first} and {line}'} of the policy. Only "
            "the last value would count; the first would be lost, even a Deny.",
            "Delete one of the two, or merge them: a condition operator takes several keys, a key takes several "
            "values, and Statement is a list.",
        )
        for path, first, line in repeated_keys(text)
    ]
    if repeated:
        raise faults(*repeated)
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _document_faults(document: Mapping[str, Any]) -> Iterator[Fault]:
    version, statements = document.get("Version"), document.get("Statement")
    if version != "2012-10-17":
        yield _at(
            ("Version",),
            version,
            "Not the policy language 2012-10-17. Only that version has policy variables; in the older version "
            "`${aws:username}` is plain text. (YAML reads a date without quotes as a time.)",
            'Write Version: "2012-10-17", with the quotes.',
        )
    if not isinstance(statements, (dict, list)) or not statements:
        yield _at(
            ("Statement",),
            statements,
            "The policy has no statement, so it allows nothing.",
            "Write Statement: [{Effect: Allow, Action: [...], Resource: [...]}], or omit the policy.",
        )
    for key in sorted(document.keys() - {"Version", "Id", "Statement"}, key=str):
        yield _at(
            (key,),
            document[key],
            "Not an element of a policy. AWS refuses it.",
            "The elements are Version, Statement and, optionally, Id.",
        )


def _statement_faults(at: Location, statement: object) -> Iterator[Fault]:
    if not isinstance(statement, dict):
        why = f"Expected a statement (a mapping with Effect, Action and Resource), got {yaml_kind(statement)}."
        yield _at(at, statement, why, "Write {Effect: Allow, Action: [...], Resource: [...]}.")
        return
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        why = "Not a valid Effect (case matters). AWS refuses the statement."
        yield _at((*at, "Effect"), effect, why, "Write Effect: Allow or Effect: Deny.")
    yield from _element_faults(
        at, statement, "Action", r"\*(:\*)?|[A-Za-z0-9-]+:[A-Za-z0-9*?]+", "rds:CreateDBSnapshot"
    )
    yield from _element_faults(at, statement, "Resource", r"\*|arn:.+", "arn:aws:rds:*:*:snapshot:*")
    yield from _condition_faults((*at, "Condition"), statement.get("Condition", {}))
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not re.fullmatch(r"[A-Za-z0-9]*", sid):
        yield _at((*at, "Sid"), sid, "Not a valid Sid: AWS accepts letters and digits only.", "Write e.g. Restore.")
    for key in sorted(statement.keys() - _STATEMENT_KEYS, key=str):
        reason = " The policy applies to the users of the set's role." if str(key).endswith("Principal") else ""
        yield _at(
            (*at, str(key)),
            statement[key],
            f"Not an element of a statement in a permission set's policy.{reason}",
            f"The elements are {', '.join(sorted(_STATEMENT_KEYS))}.",
        )


def _element_faults(
    at: Location, statement: Mapping[str, Any], element: str, pattern: str, example: str
) -> Iterator[Fault]:
    """Yield the faults of Action or Resource (or their Not... forms), a single value or a list."""
    given = [key for key in (element, f"Not{element}") if key in statement]
    if len(given) != 1:
        why = f"Expected exactly one of {element} and Not{element}, got {len(given)}."
        yield _at(at, statement, why, f"Write {element}: [{example}].")
        return
    value = statement[given[0]]
    entries = list(_each((*at, given[0]), value))
    if not entries:
        yield _at((*at, given[0]), value, "The list is empty.", f"Write one or more entries such as {example}.")
    for loc, entry in entries:
        if not isinstance(entry, str) or re.fullmatch(pattern, entry) is None:
            why = f"Not a valid {element.lower()} of an IAM policy. AWS refuses it, or it silently matches nothing."
            yield _at(loc, entry, why, f"Write e.g. {example}.")
        elif element == "Resource":
            yield from _resource_faults(loc, entry)


def _resource_faults(at: Location, resource: str) -> Iterator[Fault]:
    if unknown := unknown_arn_parts(resource):
        yield _at(
            at,
            resource,
            f"Not valid before the fifth colon of an ARN: {_quoted(unknown)}. IAM replaces no policy variable there, "
            "so the entry would match nothing.",
            "Write the value itself: the partition, the service, the region, the account ID, or * for any.",
        )
    yield from _placeholder_faults(at, resource, "".join(arn_parts(resource)[5:]))


def _each(at: Location, value: object) -> Iterator[tuple[Location, object]]:
    """Yield every entry of a list with its location, or the single value in place of a list."""
    yield from (
        (((*at, index), entry) for index, entry in enumerate(value)) if isinstance(value, list) else [(at, value)]
    )


def _placeholder_faults(at: Location, entry: str, replaced_in: str) -> Iterator[Fault]:
    """Yield a fault for placeholders in the part of an entry where IAM replaces policy variables."""
    if found := placeholders(replaced_in):
        yield _at(
            at,
            entry,
            f"Not an IAM policy variable: {_quoted(found)}. Nothing replaces it, so the entry would match nothing.",
            "Write the value itself, or a policy variable such as ${aws:username}. For the literal characters write "
            "${$}, ${*} or ${?}.",
        )


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _condition_faults(at: Location, condition: object) -> Iterator[Fault]:
    """Yield the faults of a condition that is not `{operator: {key: value or values}}`."""
    if not isinstance(condition, dict):
        yield _at(at, condition, "Expected a mapping of condition operators.", _CONDITION_EXAMPLE)
        return
    for operator, keys in condition.items():
        if not isinstance(keys, dict):
            why = "Expected condition keys below the operator, each with a value or a list of values."
            yield _at((*at, str(operator)), keys, why, _CONDITION_EXAMPLE)
            continue
        for key, value in keys.items():
            # No operator, key or tag has any of these characters.
            if named := [name for name in (str(operator), str(key)) if re.search("[${}<>]", name)]:
                why = "The name of a condition operator or key has a placeholder, which IAM does not replace."
                yield _at((*at, str(operator), str(key)), named[0], why, "Write the name, e.g. aws:ResourceTag/team.")
            for loc, entry in _each((*at, str(operator), str(key)), value):
                if not isinstance(entry, str | bool | int | float):
                    why = (
                        f"Expected a string, number or boolean as the value of a condition key, got {yaml_kind(entry)}."
                    )
                    yield _at(loc, entry, why, _CONDITION_EXAMPLE)
                elif isinstance(entry, str):
                    yield from _placeholder_faults(loc, entry, entry)


_CONDITION_EXAMPLE = "Write e.g. {StringEquals: {aws:RequestedRegion: eu-central-1}}."


def _at(loc: Location, value: object, why: str, instead: str) -> Fault:
    return loc, value, fault(why, instead)


_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_STATEMENT_SCHEMA = {
    "type": "object",
    "required": ["Effect"],
    "additionalProperties": False,
    "properties": {
        "Sid": {"type": "string", "description": "A name of letters and digits."},
        "Effect": {"enum": ["Allow", "Deny"]},
        "Action": {**_TEXTS, "description": "The actions, e.g. rds:CreateDBSnapshot."},
        "NotAction": {**_TEXTS, "description": "All actions except these; often more than intended."},
        "Resource": {**_TEXTS, "description": "The ARNs of the resources, e.g. arn:aws:rds:*:*:snapshot:*."},
        "NotResource": {**_TEXTS, "description": "All resources except these; often more than intended."},
        "Condition": {
            "type": "object",
            "description": "The conditions, e.g. {StringEquals: {aws:RequestedRegion: eu-central-1}}.",
        },
    },
}
_POLICY_SCHEMA = {
    "type": "object",
    "required": ["Version", "Statement"],
    "additionalProperties": False,
    "properties": {
        "Version": {"const": "2012-10-17", "description": "In quotes: without them YAML reads a time."},
        "Id": {"type": "string"},
        "Statement": {"anyOf": [{"type": "array", "items": _STATEMENT_SCHEMA, "minItems": 1}, _STATEMENT_SCHEMA]},
    },
}

PolicyDocument = Annotated[
    dict[str, Any],
    BeforeValidator(policy_document),
    WithJsonSchema({"anyOf": [_POLICY_SCHEMA, {"type": "string", "description": "The policy as JSON text."}]}),
]
"""An identity-based IAM policy document: a mapping or JSON text; always a mapping after validation.

Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""


def read_policy_file(name: object, base_dir: Path) -> object:
    """Return the value of a JSON file; raise the reason if it can't be read."""
    if not isinstance(name, str):
        raise fault(f"Expected a file name, got {yaml_kind(name)}.", "Write e.g. policies/rds.json.")
    try:
        text = (base_dir / name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise fault(
            f"Can't read the policy from {name} in {base_dir.absolute()} ({reason}).",
            "Name a JSON file relative to the folder of the stack file, e.g. policies/rds.json.",
        ) from None
    return parse_policy(text)


def _policy_file(value: object, info: ValidationInfo) -> dict[str, Any]:
    return policy_document(read_policy_file(value, (info.context or {}).get("base_dir", Path())))


PolicyFile = Annotated[
    dict[str, Any],
    BeforeValidator(_policy_file),
    WithJsonSchema({"type": "string", "examples": ["policies/devops-break-glass.json"]}),
]
"""The name of a JSON file with an IAM policy, relative to the stack file; after validation its document.

The folder of the stack file is `base_dir` in the validation context; the working directory without it.
"""
