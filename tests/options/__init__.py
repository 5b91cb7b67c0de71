"""Tests of the options of a mount."""
