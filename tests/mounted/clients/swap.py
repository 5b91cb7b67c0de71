"""Exchanges two names again and again until its input ends; then tells how often.

python -m tests.mounted.clients.swap ONE OTHER
"""

import ctypes
import os
import select
import sys

EXCHANGE = 2


def main() -> None:
    """Say that it has begun, swap, and say how often it was done."""
    one, other = (os.fsencode(path) for path in sys.argv[1:])
    renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    print("swapping", flush=True)  # noqa: T201  this is how it is heard
    swapped = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        for _ in range(50):
            if renameat2(-100, one, -100, other, EXCHANGE):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            swapped += 1
    print(swapped)  # noqa: T201


if __name__ == "__main__":
    main()
