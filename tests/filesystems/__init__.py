"""The shipped file systems, operation by operation."""
