"""The bridge ``libfuse`` on a mount."""
