"""The CPU time of a click counts only answered clicks.

Not shown here: clicks through the local cloud, which the benchmark itself refuses to count if no form comes.
"""

from benchmarks import clicks


def test_what_is_measured_is_a_click_that_the_function_answers() -> None:
    assert clicks.processor_seconds() > 0
