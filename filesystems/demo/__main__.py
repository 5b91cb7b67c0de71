"""``python -m filesystems.demo``: mounts detrempe, replays a session on it, says what it saw.

The session itself is in ``steps``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from filesystems.demo import Surprise, pick_bin, pick_tree, session


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; the exit status is 0 if every step showed what it should."""
    parser = argparse.ArgumentParser(
        prog="python -m filesystems.demo", description="Replay a session on detrempe."
    )
    parser.add_argument("--tree", type=Path, help="a tree of over 1,000 files to copy")
    parser.add_argument("--bin", type=Path, help="a directory with hard and symbolic links to copy")
    chosen = parser.parse_args(arguments)
    try:
        session(chosen.tree or pick_tree(), chosen.bin or pick_bin())
    except (Surprise, OSError, subprocess.SubprocessError) as surprise:
        print(f"\nThis went wrong: {surprise}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the file system is unmounted.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
