"""Programs that the mounted tests run in processes of their own, to be many clients at once."""
