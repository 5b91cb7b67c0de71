"""The same operations on several file systems at once: their answers must be the same."""
