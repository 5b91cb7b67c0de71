"""Programs that were written for other libraries, on this one."""
