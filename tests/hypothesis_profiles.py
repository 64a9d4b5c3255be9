"""Profiles of Hypothesis. No example is timed: the duration depends on the machine.

A plugin for pytest, which pyproject.toml names.
"""

from hypothesis import HealthCheck, Phase, settings

# As many examples as a mutation run has, which shows that they find what the tests are for (docs/proof.md).
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
# For a run before each commit (`make check`).
settings.register_profile("quick", parent=settings.get_profile("untimed"), max_examples=20)
# For a mutation run: the same examples each time, and no smaller one is looked for when a mutant is found out.
settings.register_profile(
    "mutants",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    database=None,
    max_examples=50,
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile("untimed")
