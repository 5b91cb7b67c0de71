"""What POSIX and Linux promise, asked of every file system and of tmpfs, which must agree."""
