"""The vector as an fsspec file system."""
