"""Permission-set names of a stack file that an alert can't distinguish.

Identity Center names the role of a permission set `AWSReservedSSO_<set>_<suffix>`, where the suffix changes. So the
pattern for the roles of `x` also matches the roles of `x_y`. Where this program creates one of the sets, the file is
refused, since the set can have another name. Two sets that are managed elsewhere are both watched, with a warning.

Non-goals: the characters of a name (see `types`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault


@dataclass(frozen=True)
class SetName:
    """The name of a permission set, and its place and role in the file."""

    given: RawValue
    name: str
    alerting: bool
    made_here: bool = True


def pair_names(pair: RawValue) -> list[SetName]:
    """Return the names of the everyday and the break-glass set of a pair that are strings."""
    everyday, break_glass = pair["name"], pair["breakGlass"]["name"]
    names = [SetName(everyday, everyday.text, False)] if everyday.text else []
    if break_glass.text:
        names.append(SetName(break_glass, break_glass.text, True))
    elif everyday.text and not break_glass:
        names.append(SetName(everyday, default_break_glass_name(everyday.text), True))
    return names


def default_break_glass_name(everyday: str) -> str:
    """Return the default name of the break-glass twin of a permission set."""
    return f"{everyday}-break-glass"


def ambiguous_names(pairs: Iterable[tuple[SetName, SetName]]) -> Iterator[Fault]:
    """Yield a fault for every two names that an alert can't distinguish, except sets managed elsewhere."""
    for this, that in pairs:
        if this.name == that.name:
            yield that.given.fault(
                f"Duplicate permission set {that.name}. Two sets can't share a name, and an alert could not say which "
                "was used.",
                "Give each set its own name, and watch only sets that are managed elsewhere.",
            )
        for alerting, other in ((this, that), (that, this)):
            if alerting.alerting and overlap(alerting.name, other.name) and (this.made_here or that.made_here):
                yield alerting.given.fault(
                    "Identity Center names roles AWSReservedSSO_<set>_<suffix>, so every usage of "
                    f"{other.name} would also raise the alert for {alerting.name}.",
                    f"Rename {_renamable(alerting, other)} so that the other does not begin with {alerting.name}_. A "
                    "hyphen in place of the underscore is enough.",
                )


def _renamable(this: SetName, that: SetName) -> str:
    made_here = [each.name for each in (this, that) if each.made_here]
    return made_here[0] if len(made_here) == 1 else "one of them"


def overlap(name: str, other: str) -> bool:
    """Return whether the pattern for the role of a permission set also matches the role of another set."""
    return other.startswith(f"{name}_")
