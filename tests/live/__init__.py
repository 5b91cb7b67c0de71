"""Tests of looking at a mount while it is served."""
