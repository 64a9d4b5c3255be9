"""The AWS resources that `components` registers, by plain calls of pulumi_aws.

It lacks everything that is not an AWS resource: components and their outputs, validation of the arguments, building
and checking of patterns, messages and policies, the lint. Policies, patterns and templates lie in the data as finished
texts. Inputs from other resources' outputs, and dependencies, are the same.
"""

import os
from pathlib import Path

from benchmarks.programs import usage
from benchmarks.programs.registrations import load, register

usage.write_at_exit()
register(load(Path(os.environ["BENCHMARK_REGISTRATIONS"])))
