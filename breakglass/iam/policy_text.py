"""The text of an IAM policy: keys that a JSON parser loses, and placeholders of a template.

Non-goals: the grammar of an IAM policy (`breakglass.stack_file.types`), and its risks (`breakglass.iam.lint`).
"""

import json
import re
from collections.abc import Iterator

Path = tuple[str | int, ...]
"""Keys and list indexes from the root of a JSON text to a place in it."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def repeated_keys(text: str) -> Iterator[tuple[Path, int, int]]:
    """Yield each key that an object in valid JSON has twice, with both line numbers.

    `json.loads` keeps the last of the two without an error.
    """
    path: list[str | int] = []
    seen: list[dict[str, int] | None] = []  # for each open object its keys with their lines, for a list None
    key_is_next = False
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{":
                seen.append({})
                path.append("")
                key_is_next = True
            case "[":
                seen.append(None)
                path.append(0)
            case "}" | "]":
                seen.pop()
                path.pop()
                key_is_next = False
            case ",":
                key_is_next = seen[-1] is not None
                if isinstance(path[-1], int):
                    path[-1] += 1
            case ":":
                key_is_next = False
            case written if key_is_next and (keys := seen[-1]) is not None:
                key, line = json.loads(written), text.count("\n", 0, token.start()) + 1
                path[-1] = key
                if key in keys:
                    yield tuple(path), keys[key], line
                keys.setdefault(key, line)


# A variable is named after a condition key: a service's (`aws:username`, `s3:prefix`) or an identity provider's
# (`accounts.google.com:aud`). A list of AWS's services would refuse the variables of the next one.
_VARIABLE = re.compile(
    r"[*?$]|(?P<prefix>[a-z0-9-]+|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[\w./-]*)?):[a-z][^{}$,']*(?:, *'[^']*')?",
    re.IGNORECASE,
)
_TEMPLATE_PREFIXES = frozenset({"cf", "env", "file", "git", "local", "opt", "param", "self", "sls", "terraform", "var"})
_PLACEHOLDER = re.compile(r"\$\{[^}]*\}?|\{\{[^}]*\}?\}?|<[A-Za-z][\w .-]*>")


def placeholders(text: str) -> list[str]:
    """Return the template placeholders in a text, e.g. `${account_id}` or `<ACCOUNT>`, each once.

    IAM's own policy variables are not placeholders: `${aws:username}`, `${aws:PrincipalTag/team, 'none'}`, `${*}`.

    Source: "IAM policy elements: Variables and tags" (IAM User Guide).
    """
    return list(dict.fromkeys(found[0] for found in _PLACEHOLDER.finditer(text) if not _is_variable(found[0])))


def _is_variable(text: str) -> bool:
    found = _VARIABLE.fullmatch(text[2:-1]) if text.startswith("${") and text.endswith("}") else None
    return found is not None and (found["prefix"] or "").lower() not in _TEMPLATE_PREFIXES


def arn_parts(resource: str) -> list[str]:
    """Return the five parts before an ARN's fifth colon, and the rest as one part."""
    return re.split(r":(?![^{}]*\})", resource, maxsplit=5)  # a variable has a colon of its own


def unknown_arn_parts(resource: str) -> list[str]:
    """Return the invalid parts before an ARN's fifth colon: variables, and words to be replaced.

    IAM replaces variables only after the fifth colon (source as above), so before it one matches nothing.
    """
    parts = arn_parts(resource)[:5]
    words = [part for part in parts[3:] if re.search("region|account|^x{4,12}$", part, re.IGNORECASE)]
    return list(dict.fromkeys([part for part in parts if re.search("[${}<>%]", part)] + words))
