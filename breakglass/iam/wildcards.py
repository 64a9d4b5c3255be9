"""IAM's wildcards: `*` stands for any characters, also none and also `:`, `?` for exactly one.

Patterns are compared with patterns, not with names: a policy grants what its pattern can match, so the question is
whether two patterns have a match in common, or whether one takes in all of the other. Upper and lower case are one, as
in action names; for ARNs, where they differ, this finds an overlap too many rather than one too few.

Source: IAM User Guide, "IAM JSON policy elements: Action" and "… Resource".
"""

from fnmatch import fnmatchcase


def overlaps(written: str, target: str) -> bool:
    """Say whether a pattern in a policy matches something that a target pattern describes.

    Args:
        written: A pattern as it stands in a policy.
        target: Describes actions or ARNs as they are: its wildcards stand for no `:`. Otherwise any two patterns for
            resources of a service would have a match in common, one with the other's name at the end of its own.
    """
    written, target = written.lower(), target.lower()
    # Nearly all pairs part before the first wildcard, and a policy makes many thousands of pairs.
    for mine, symbol in zip(written, target, strict=False):
        if mine in "*?" or symbol in "*?":
            break
        if mine != symbol:
            return False
    # reached[j]: what was read of `written` so far and target[:j] have a match in common.
    reached = [True]
    for symbol in target:
        reached.append(reached[-1] and symbol == "*")
    for mine in written:
        before, reached = reached, [mine == "*" and reached[0]]
        for j, symbol in enumerate(target, start=1):
            if mine == "*":
                reached.append(before[j] or reached[j - 1])
            elif symbol == "*":
                reached.append(reached[j - 1] or (before[j] and mine != ":"))
            else:
                reached.append(before[j - 1] and (mine in (symbol, "?") or (symbol == "?" and mine != ":")))
    return reached[-1]


def covers(outer: str, inner: str) -> bool:
    """Say whether every text that matches the inner pattern matches the outer one.

    A `*` of the inner pattern has to lie in a `*` of the outer one, and a `?` in a `*` or `?`. That misses a covering
    only in odd spellings, such as `*?` by `?*`.
    """
    literal_brackets = outer.lower().replace("[", "[[]")
    return fnmatchcase(inner.lower(), literal_brackets.replace("?", "[!*]"))
