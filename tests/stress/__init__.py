"""Programs made to break file systems: each for a moment, or (``make stress``) for long."""
