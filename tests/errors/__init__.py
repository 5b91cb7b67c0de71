"""The error tree and its one translation to an errno."""
