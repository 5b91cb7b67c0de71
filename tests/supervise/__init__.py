"""What outlives its server: rings one and two; the mounted ones are in ``tests/mounted``."""
