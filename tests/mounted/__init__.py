"""Tests against a real kernel: the file system in a child process, a time limit, always unmounted."""
