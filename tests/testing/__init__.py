"""Tests of the conformance check, of recordings run again, and of the fixtures for pytest."""
