"""Tests of traces: exchanges, paths, figures, pictures."""
