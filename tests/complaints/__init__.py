"""Tests of what is said of the same thing again and again."""
