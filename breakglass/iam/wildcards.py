"""IAM's wildcards: `*` matches any characters, also none and also `:`, and `?` matches exactly one.

Patterns are compared with patterns, not with names: an IAM policy grants what its pattern can match. So the question is
whether two patterns have a match in common, or whether one includes all matches of the other. The comparison ignores
case, as action names do; for ARNs, which are case-sensitive, it finds an overlap too many rather than one too few.

Source: IAM User Guide, "IAM JSON policy elements: Action" and "… Resource".
"""

from fnmatch import fnmatchcase


def overlaps(written: str, target: str) -> bool:
    """Say if an IAM policy's pattern and a target pattern have a match in common.

    Args:
        written: The pattern in the IAM policy.
        target: A pattern of real actions or ARNs: its wildcards match no `:`. Otherwise any two patterns for resources
            of a service would have a match in common, one with the other's name at the end of its own.
    """
    written, target = written.lower(), target.lower()
    # Most pairs differ before the first wildcard, and an IAM policy makes many thousands of pairs.
    for mine, symbol in zip(written, target, strict=False):
        if mine in "*?" or symbol in "*?":
            break
        if mine != symbol:
            return False
    # reached[j]: the part of `written` read so far and target[:j] have a match in common.
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
    """Say if every text that matches the inner pattern matches the outer one.

    A `*` of the inner pattern must meet a `*` of the outer one, and a `?` a `*` or `?`. That misses only odd spellings,
    such as `*?` by `?*`.
    """
    literal_brackets = outer.lower().replace("[", "[[]")
    return fnmatchcase(inner.lower(), literal_brackets.replace("?", "[!*]"))
