"""Tests of the puffpy command."""
