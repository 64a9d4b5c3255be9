"""Measurements: `make bench`, or `python -m benchmarks` for its options.

Figures are printed and, if wanted, written to docs/performance.md; nothing is asserted by time. Compared things run in
turns on the same machine, so that other load affects both sides equally.

Non-goals: AWS itself. Everything runs against the local cloud.
"""
