"""Homes for programs that were written for another library: they change one import line, or none.

No file system lives here, and nothing in the library depends on it.
"""

__all__: list[str] = []
