"""The protocol as tables: bytes against the kernel header, against golden messages, against random ones."""
