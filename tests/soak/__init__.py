"""Clients at work on a mount, while everything is done to it and to them; in the end all is compared."""
