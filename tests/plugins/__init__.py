"""Tests of what other packages bring."""
