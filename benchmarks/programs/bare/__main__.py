"""The AWS resources that `components` registers, by plain calls of pulumi_aws in a loop over what was recorded of it.

It lacks everything that is not an AWS resource: components and their outputs, validation of the arguments, building
and checking of patterns, messages and policies, the lint. Policies, patterns and templates lie in the data as finished
texts. Inputs that come from other resources' outputs do so here as well, and what waits for what is the same.
"""

import os
from pathlib import Path

from benchmarks.programs import usage
from benchmarks.programs.registrations import load, register

usage.write_at_exit()
register(load(Path(os.environ["BENCHMARK_REGISTRATIONS"])))
