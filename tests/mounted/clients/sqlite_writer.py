"""``sqlite_writer.py DATABASE WHO COUNT``: one of several processes that write one database.

Each transaction adds a row and one to a counter that all writers share, so
that a lost update, a torn page or a lock that does not hold shows in the sum.
"""

from __future__ import annotations

import sqlite3
import sys


def main(database: str, who: str, count: int) -> None:
    """Write *count* transactions."""
    connection = sqlite3.connect(database, timeout=100, isolation_level=None)
    for number in range(count):
        connection.execute("BEGIN IMMEDIATE")
        (total,) = connection.execute("SELECT total FROM counter").fetchone()
        connection.execute("INSERT INTO entry VALUES (?, ?, ?)", (who, number, "x" * (number * 37 % 4000)))
        connection.execute("UPDATE counter SET total = ?", (total + 1,))
        connection.execute("COMMIT")
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
