"""``churn.py DIRECTORY``: adds files and removes them until its standard input is closed.

Every file has a name of its own, ``extra-N``; a few are there at any moment.  It
says "churning" when the first have come and gone, and at the end how many there were.
"""

from __future__ import annotations

import os
import select
import sys

ALIVE = 20
"""How many files are there at a time."""


def main(directory: str) -> None:
    """Add and remove, and tidy up at the end."""
    top = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    number = 0
    while number % ALIVE or not select.select([sys.stdin], [], [], 0)[0]:
        os.close(os.open(f"extra-{number}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=top))
        if number >= ALIVE:
            os.unlink(f"extra-{number - ALIVE}", dir_fd=top)
        number += 1
        if number == 2 * ALIVE:
            print("churning", flush=True)  # noqa: T201
    for left in range(max(0, number - ALIVE), number):
        os.unlink(f"extra-{left}", dir_fd=top)
    os.close(top)
    print(number)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
