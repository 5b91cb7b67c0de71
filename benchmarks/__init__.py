"""How fast puffpy is beside what a person would otherwise use: one table, measured in one run.

Not tests: nothing here passes or fails by a number.  ``python -m benchmarks --help``; README.md says how it
is measured and what the columns mean.

=============  =============================================================================
works          what is measured: one row each, a program that prints how much it did
subjects       who is measured: one row each, and what each needs to be there
build          the two C programs, compiled where they are needed
mounted        a subject's life: a private directory, started, always unmounted
run            the rounds: every subject in turn, on one core and free
report         the table and the JSON
plot           the picture
peers/         the file system that all of them serve
=============  =============================================================================
"""
