"""Tests of puffpy.userkernel: against a server that says what it is told to, and against real ones."""
