"""One conversation with one kernel, held in bytes."""
