"""IAM policy documents in a stack file, given as a mapping, as JSON text or by the name of a JSON file.

Non-goals: what a policy allows (see `breakglass.iam.lint`).
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
    """Return a policy given as a mapping or as JSON text as a mapping, or raise what is wrong with it."""
    document = parse_policy(value) if isinstance(value, str) else value
    if not isinstance(document, dict):
        raise fault(
            f"An IAM policy is a mapping with Version and Statement, and this is {yaml_kind(document)}.",
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
    """Return what the JSON text says, whether it is a policy or not; raise if it is no JSON or has a key twice."""
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise fault(
            f"The text is not valid JSON ({error}), so AWS would refuse it as a policy in the middle of the update.",
            "Correct the JSON, or write the policy as YAML without quotes around it.",
        ) from None
    repeated = [
        _at(
            path,
            path[-1],
            f"The key is given twice, in {f'line {line}' if first == line else f'lines {first} and {line}'} of the "
            "policy: only the last one would count, and what the first one says would be lost, even a Deny.",
            "Delete one of the two, or join them: a condition operator takes several keys, a key several values, and "
            "Statement is one list.",
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
            "Only the policy language of 2012-10-17 knows policy variables: in the older one, `${aws:username}` is "
            "plain text. (YAML reads a date without quotes as a time.)",
            'Write Version: "2012-10-17", with the quotes.',
        )
    if not isinstance(statements, (dict, list)) or not statements:
        yield _at(
            ("Statement",),
            statements,
            "A policy without a statement allows nothing.",
            "Write Statement: [{Effect: Allow, Action: [...], Resource: [...]}], or leave the policy out.",
        )
    for key in sorted(document.keys() - {"Version", "Id", "Statement"}, key=str):
        yield _at(
            (key,),
            document[key],
            "A policy has no such element, and AWS refuses it.",
            "A policy has Version, Statement and, if wanted, Id.",
        )


def _statement_faults(at: Location, statement: object) -> Iterator[Fault]:
    if not isinstance(statement, dict):
        why = f"A statement is a mapping with Effect, Action and Resource, not {yaml_kind(statement)}."
        yield _at(at, statement, why, "Write {Effect: Allow, Action: [...], Resource: [...]}.")
        return
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        why = "A statement without a valid Effect allows nothing, and AWS refuses it (upper and lower case matter)."
        yield _at((*at, "Effect"), effect, why, "Write Effect: Allow or Effect: Deny.")
    yield from _element_faults(
        at, statement, "Action", r"\*(:\*)?|[A-Za-z0-9-]+:[A-Za-z0-9*?]+", "rds:CreateDBSnapshot"
    )
    yield from _element_faults(at, statement, "Resource", r"\*|arn:.+", "arn:aws:rds:*:*:snapshot:*")
    yield from _condition_faults((*at, "Condition"), statement.get("Condition", {}))
    sid = statement.get("Sid", "")
    if not isinstance(sid, str) or not re.fullmatch(r"[A-Za-z0-9]*", sid):
        yield _at(
            (*at, "Sid"), sid, "AWS refuses a Sid that is not made of letters and digits only.", "Write e.g. Restore."
        )
    for key in sorted(statement.keys() - _STATEMENT_KEYS, key=str):
        reason = " It applies to whoever has the role." if str(key).endswith("Principal") else ""
        yield _at(
            (*at, str(key)),
            statement[key],
            f"A statement of a permission set's policy has no such element.{reason}",
            f"The elements are {', '.join(sorted(_STATEMENT_KEYS))}.",
        )


def _element_faults(
    at: Location, statement: Mapping[str, Any], element: str, pattern: str, example: str
) -> Iterator[Fault]:
    """Check one of Action and Resource, which both come plain and as Not..., and single and as a list."""
    given = [key for key in (element, f"Not{element}") if key in statement]
    if len(given) != 1:
        why = f"A statement has exactly one of {element} and Not{element}, and this one has {len(given)}."
        yield _at(at, statement, why, f"Write {element}: [{example}].")
        return
    value = statement[given[0]]
    entries = list(_each((*at, given[0]), value))
    if not entries:
        yield _at((*at, given[0]), value, "The list is empty.", f"Write one or more such as {example}.")
    for loc, entry in entries:
        if not isinstance(entry, str) or re.fullmatch(pattern, entry) is None:
            why = f"This is no {element.lower()} of an IAM policy; AWS refuses it, or it silently matches nothing."
            yield _at(loc, entry, why, f"Write e.g. {example}.")
        elif element == "Resource":
            yield from _resource_faults(loc, entry)


def _resource_faults(at: Location, resource: str) -> Iterator[Fault]:
    if unknown := unknown_arn_parts(resource):
        yield _at(
            at,
            resource,
            f"Not possible before the fifth colon of an ARN: {_quoted(unknown)}. IAM replaces nothing there, not even "
            "its own policy variables, so the entry would match nothing.",
            "Write the value itself: the partition, the service, the region, the account ID, or * for any.",
        )
    yield from _placeholder_faults(at, resource, "".join(arn_parts(resource)[5:]))


def _each(at: Location, value: object) -> Iterator[tuple[Location, object]]:
    """Yield every entry of a list with its place, or the single value that stands instead of one."""
    yield from (
        (((*at, index), entry) for index, entry in enumerate(value)) if isinstance(value, list) else [(at, value)]
    )


def _placeholder_faults(at: Location, entry: str, replaced_in: str) -> Iterator[Fault]:
    """Complain about placeholders in the part of an entry where IAM replaces policy variables."""
    if found := placeholders(replaced_in):
        yield _at(
            at,
            entry,
            f"Not an IAM policy variable: {_quoted(found)}. Nothing replaces it, so the entry would match nothing.",
            "Write the value itself, or a policy variable such as ${aws:username}; for the characters themselves write "
            "${$}, ${*} or ${?}.",
        )


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _condition_faults(at: Location, condition: object) -> Iterator[Fault]:
    """Check that a condition is `{operator: {key: value or values}}`."""
    if not isinstance(condition, dict):
        yield _at(at, condition, "A condition is a mapping of operators.", _CONDITION_EXAMPLE)
        return
    for operator, keys in condition.items():
        if not isinstance(keys, dict):
            why = "Below a condition's operator are condition keys, each with one value or a list of them."
            yield _at((*at, str(operator)), keys, why, _CONDITION_EXAMPLE)
            continue
        for key, value in keys.items():
            # No operator, key or tag has one of these characters.
            if named := [name for name in (str(operator), str(key)) if re.search("[${}<>]", name)]:
                why = "A name of a condition operator or key holds a placeholder, and nothing is replaced in a name."
                yield _at((*at, str(operator), str(key)), named[0], why, "Write the name, e.g. aws:ResourceTag/team.")
            for loc, entry in _each((*at, str(operator), str(key)), value):
                if not isinstance(entry, str | bool | int | float):
                    why = f"The value of a condition key is a text, a number, true or false, not {yaml_kind(entry)}."
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
        "Action": {**_TEXTS, "description": "What may be done, e.g. rds:CreateDBSnapshot."},
        "NotAction": {**_TEXTS, "description": "Everything but this; easily more than was meant."},
        "Resource": {**_TEXTS, "description": "On what, as ARNs, e.g. arn:aws:rds:*:*:snapshot:*."},
        "NotResource": {**_TEXTS, "description": "On everything but this; easily more than was meant."},
        "Condition": {
            "type": "object",
            "description": "When, e.g. {StringEquals: {aws:RequestedRegion: eu-central-1}}.",
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
"""An identity-based IAM policy document, given as a mapping or as JSON text; always a mapping after validation.

Grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""


def read_policy_file(name: object, base_dir: Path) -> object:
    """Return what the JSON file says, whether it is a policy or not; raise why it can't be read."""
    if not isinstance(name, str):
        raise fault(f"A file name belongs here, not {yaml_kind(name)}.", "Write e.g. policies/rds.json.")
    try:
        text = (base_dir / name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a UTF-8 text"
        raise fault(
            f"The policy can't be read from {name} in {base_dir.absolute()} ({reason}).",
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
