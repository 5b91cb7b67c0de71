"""How fast puffpy is beside what a person would otherwise use: one table, measured in one run.

Not tests: nothing here passes or fails by a number.  ``python -m benchmarks --help``; README.md says how it
is measured and what the columns mean.

=============  =============================================================================
suites         what belongs together in one run: one row each
works          what is measured: one row each, a program that prints how much it did
subjects       who is measured: one row each, and what each needs to be there
client.c       the client of most works; fio, walks and chores are others
build          the C programs, compiled where they are needed
mounted        a subject's life: a private directory, started, always unmounted
run            the rounds: every subject in turn, on one core and free
report         the table and the JSON
plot           the picture
peers/         the file system that all of them serve
growth         what a file costs when there are very many
starting       from the command line to the first answer
guest          in a virtual machine
=============  =============================================================================
"""
