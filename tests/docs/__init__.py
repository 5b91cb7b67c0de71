"""Tests of the documentation: what its pages show is done, and what they point at is there."""
