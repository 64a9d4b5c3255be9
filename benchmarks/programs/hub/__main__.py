"""`BreakGlass` as the hub of an organization, or as a stack of one account.

The number of accounts is that of the emulated organization: the program does not know it.
"""

import os

import pulumi

import breakglass
from benchmarks.programs import usage
from benchmarks.programs.hub_arguments import arguments
from benchmarks.programs.size import Size

usage.write_at_exit()
everything = breakglass.BreakGlass(
    "bench", arguments(Size.of_environment().roles, os.environ.get("BENCHMARK_ORGANIZATION"))
)
pulumi.export("ruleNames", everything.rule_names)
