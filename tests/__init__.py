"""The tests, one folder for each room; what needs a real kernel is in ``mounted``."""
