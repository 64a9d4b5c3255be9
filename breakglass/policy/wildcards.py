"""IAM's wildcards: `*` stands for any characters, also none and also `:`, `?` for exactly one.

Patterns are compared with patterns, not with names: a policy grants what its pattern can match, so the question is
whether two patterns have a match in common, or whether one takes in all of the other. Upper and lower case are one, as
in action names; for ARNs, where they differ, this finds an overlap too many rather than one too few.

Source: IAM User Guide, "IAM JSON policy elements: Action" and "… Resource".
"""

import re


def overlaps(one: str, other: str) -> bool:
    """Say whether some text matches both patterns."""
    one, other = one.lower(), other.lower()
    # reached[j]: the part of `one` read so far and other[:j] have a match in common.
    reached = [True] + [False] * len(other)
    for j, symbol in enumerate(other, start=1):
        reached[j] = reached[j - 1] and symbol == "*"
    for mine in one:
        before, reached = reached, [mine == "*" and reached[0]]
        for j, symbol in enumerate(other, start=1):
            if mine == "*":
                reached.append(before[j] or reached[j - 1])
            elif symbol == "*":
                reached.append(reached[j - 1] or before[j])
            else:
                reached.append(before[j - 1] and (mine == symbol or "?" in (mine, symbol)))
    return reached[-1]


def covers(outer: str, inner: str) -> bool:
    """Say whether every text that matches the inner pattern matches the outer one.

    A `*` of the inner pattern has to lie in a `*` of the outer one, and a `?` in a `*` or `?`. The few coverings which
    that misses, such as of `a*` by `a` and `a?*` together, count as none.
    """
    parts = ({"*": ".*", "?": r"[^*]"}.get(symbol) or re.escape(symbol) for symbol in outer.lower())
    return re.fullmatch("".join(parts), inner.lower(), re.DOTALL) is not None
