"""The report about a stack file: every problem and every warning, the lint of its policies included."""

import json
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic.alias_generators import to_camel

from breakglass.errors import ConfigError, Problem
from breakglass.iam.lint import Severity
from breakglass.iam.policy_text import repeated_keys
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.base import ConfigModel, RawValue
from breakglass.stack_file.permission_sets import PermissionSets
from breakglass.stack_file.policy_lint import lint_stack
from breakglass.stack_file.report import validate
from breakglass.stack_file.secret_keys import NAMESPACE, SECRET_KEYS
from breakglass.stack_file.spoke import SpokeAlerts, is_spoke
from breakglass.stack_file.stack import StackFile, StackKeys
from breakglass.stack_file.warnings import warnings


@dataclass(frozen=True)
class Report:
    """The problems and warnings of a stack file."""

    problems: tuple[Problem, ...]
    """Faults that prevent a deployment."""
    warnings: tuple[Problem, ...]
    """Possible mistakes in the sections that are valid."""
    stack_file: StackFile | None
    """The valid stack file; None if there are problems."""


def check_stack(raw: Mapping[str, object], base_dir: Path) -> Report:
    """Return the report about the `breakglass:` keys of a stack file; it never repeats a secret.

    Args:
        raw: The keys without their `breakglass:`, with the values as in the YAML file (`{"secure": ...}` is encrypted).
        base_dir: The folder of the stack file; the policy files in it are named relative to this.
    """
    try:
        return _report(raw, base_dir)
    except RecursionError:
        why = "Something in the file is nested hundreds of levels deep; nothing in a stack file is."
        instead = "Look for brackets that are opened and never closed."
        return Report((Problem(NAMESPACE, "(not shown)", why, instead),), (), None)


def validate_stack(raw: Mapping[str, object], base_dir: Path) -> StackFile:
    """Return the valid stack file; see `check_stack`.

    Raises:
        ConfigError: With every problem of the file; no secret is ever repeated in it.
    """
    report = check_stack(raw, base_dir)
    if report.stack_file is None:
        raise ConfigError(report.problems)
    return report.stack_file


def _report(raw: Mapping[str, object], base_dir: Path) -> Report:
    findings = lint_stack(raw, base_dir, NAMESPACE)
    refused = [problem for severity, problem in findings if severity is Severity.refused]
    warned = [problem for severity, problem in findings if severity is not Severity.refused]
    try:
        stack_file = validate(StackKeys, raw, NAMESPACE, {"base_dir": base_dir}, camel_case_only=True)
    except ConfigError as error:
        valid = _valid_sections(raw, base_dir)
        clear = _of_sound_pairs(warned, error.problems)
        return Report((*error.problems, *refused), (*clear, *warnings(valid, NAMESPACE)), None)
    return Report(tuple(refused), (*warned, *warnings(stack_file, NAMESPACE)), None if refused else stack_file)


def _of_sound_pairs(warned: list[Problem], problems: Iterable[Problem]) -> list[Problem]:
    """Leave out the warnings about pairs with problems: the lint takes what is wrong there for nothing."""
    broken = {pair[0] for problem in problems if (pair := _PAIR.match(problem.path))}
    return [warning for warning in warned if not ((pair := _PAIR.match(warning.path)) and pair[0] in broken)]


_PAIR = re.compile(rf"{NAMESPACE}permissionSets\.pairs\[\d+\]")


def _valid_sections(raw: Mapping[str, object], base_dir: Path) -> StackFile:
    """Return a stack file of the sections that are valid by themselves, for the warnings about them."""
    sections: dict[str, ConfigModel] = {}
    alerts = SpokeAlerts if is_spoke(RawValue(raw)["alerts"]) else Alerts
    for name, model in (("permission_sets", PermissionSets), ("alerts", alerts), ("approvals", ApprovalSettings)):
        value = RawValue(raw)[to_camel(name)]
        if isinstance(value.value, Mapping):
            with suppress(ConfigError):
                sections[name] = validate(model, value.value, context={"base_dir": base_dir}, camel_case_only=True)
    return StackFile.model_construct(None, **sections)


def decode_value(key: str, text: str) -> object:
    """Return a value of the stack file from the text that the CLI passes to the program.

    It stays a text if it is not JSON, or has a key twice: JSON loses the first one, which may be a Deny.
    """
    if key in SECRET_KEYS:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if any(repeated_keys(text)) else value
