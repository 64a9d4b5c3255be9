"""What is measured, and how: `make bench`, or `python -m benchmarks` for its options.

Figures are printed and, if wanted, written to docs/performance.md; nothing is asserted by time. What is compared runs
in turns on the same machine, so that another load hits both sides alike.

Non-goals: AWS itself. Everything runs against the local cloud.
"""
