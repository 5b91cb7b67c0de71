"""New code for a session, without a mount; the mounted ones are in ``tests/mounted``."""
