"""Which permission-set names of a stack file an alert can tell apart.

Identity Center names the role of a permission set `AWSReservedSSO_<set>_<suffix>`, where the suffix changes. So the
pattern for the roles of `x` also matches the roles of `x_y`. Where this program makes one of the sets, it can be named
otherwise, and the file is refused. Two sets that are managed elsewhere are both watched, with a warning.

Non-goals: what a single name may look like is said in `types`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault


@dataclass(frozen=True)
class SetName:
    """The name of a permission set, where it was written, whether alerts are raised for it, and who makes it."""

    given: RawValue
    name: str
    alerting: bool
    made_here: bool = True


def pair_names(pair: RawValue) -> list[SetName]:
    """Return the names of the everyday and the break-glass set of a pair, as far as they are texts."""
    everyday, break_glass = pair["name"], pair["breakGlass"]["name"]
    names = [SetName(everyday, everyday.text, False)] if everyday.text else []
    if break_glass.text:
        names.append(SetName(break_glass, break_glass.text, True))
    elif everyday.text and not break_glass:
        names.append(SetName(everyday, default_break_glass_name(everyday.text), True))
    return names


def default_break_glass_name(everyday: str) -> str:
    """Return the name that the break-glass twin of a permission set has by default."""
    return f"{everyday}-break-glass"


def ambiguous_names(pairs: Iterable[tuple[SetName, SetName]]) -> Iterator[Fault]:
    """Complain about every two names that an alert can't tell apart, if this program makes one of the sets."""
    for this, that in pairs:
        if this.name == that.name:
            yield that.given.fault(
                f"The permission set {that.name} is in this file before; two sets can't share a name, and an alert "
                "could not say which was used.",
                "Give each set its own name, and watch only sets that are managed elsewhere.",
            )
        for alerting, other in ((this, that), (that, this)):
            if alerting.alerting and overlap(alerting.name, other.name) and (this.made_here or that.made_here):
                yield alerting.given.fault(
                    "Identity Center names roles AWSReservedSSO_<set>_<suffix>, so the alert for "
                    f"{alerting.name} would also be raised by every use of {other.name}.",
                    f"Rename {_renamable(alerting, other)} so that {alerting.name}_ is not how the other begins; a "
                    "hyphen in place of the underscore is enough.",
                )


def _renamable(this: SetName, that: SetName) -> str:
    made_here = [each.name for each in (this, that) if each.made_here]
    return made_here[0] if len(made_here) == 1 else "one of them"


def overlap(name: str, other: str) -> bool:
    """Say whether the pattern for one permission set's role also matches the role of another one."""
    return other.startswith(f"{name}_")
