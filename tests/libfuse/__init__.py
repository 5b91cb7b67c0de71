"""Tests of the way through libfuse that need neither libfuse nor a mount."""
