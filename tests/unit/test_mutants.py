"""`make mutants` reads mutmut's files, and the document of changes that may stay unnoticed.

Not shown here: the run itself, which proves itself each time it is made.
"""

from tests.mutants import MODULES, Mutant, differences, mutants

MUTATED = '''
def x_may__mutmut_orig(a: int, b: int) -> bool:
    """Say so."""
    return a < b | 1


def x_may__mutmut_1(a: int, b: int) -> bool:
    """Say so."""
    return a <= b | 1


class Rule:
    def xǁRuleǁ__bool____mutmut_orig(self) -> bool:
        match self.state:
            case 1:
                return True
            case _:
                return False

    def xǁRuleǁ__bool____mutmut_1(self) -> bool:
        match self.state:
            case 1:
                return True
'''
STATUSES = {"a.b.x_may__mutmut_1": 0, "a.b.xǁRuleǁ__bool____mutmut_1": 1}
SURVIVOR, KILLED = mutants(MODULES[0], MUTATED, STATUSES)
ROW = "| `may` | `return a < b \\| 1` | `return a <= b \\| 1` |"


def test_mutants_of_a_module_say_what_was_changed() -> None:
    assert SURVIVOR == Mutant(MODULES[0], "may", "return a < b | 1", "return a <= b | 1", 0)
    assert KILLED == Mutant(MODULES[0], "Rule.__bool__", "case _: return False", "", 1)


def test_row_of_a_mutant_is_a_row_of_a_table() -> None:
    assert SURVIVOR.row == ROW
    assert KILLED.row == "| `Rule.__bool__` | `case _: return False` | (nothing) |"


def test_only_tests_and_types_notice_a_change() -> None:
    noticed = {status: Mutant("", "", "", "", status).is_noticed for status in (None, 0, 1, 2, 33, 36, 37, -9)}
    assert {status for status, is_noticed in noticed.items() if is_noticed} == {1, 37}


def test_survivor_that_is_not_listed_is_told() -> None:
    assert differences([SURVIVOR], "# Proof", MODULES) == ([SURVIVOR], [])
    assert differences([SURVIVOR], f"### {MODULES[1]}\n\n{ROW} |", MODULES[:1]) == ([SURVIVOR], [])


def test_survivor_that_is_listed_is_not_told() -> None:
    assert differences([SURVIVOR], f"### `{MODULES[0]}`\n\n{ROW} it is the same |", MODULES) == ([], [])


def test_row_of_what_is_noticed_by_now_is_told() -> None:
    row = f"{ROW} it is the same |"
    assert differences([], f"### `{MODULES[0]}`\n\n{row}", MODULES) == ([], [row])
    assert differences([], f"### `{MODULES[0]}`\n\n{row}", MODULES[1:]) == ([], [])
