"""A directory of accounts for tests, with everything in it that such files have."""

from __future__ import annotations

from pathlib import Path
from typing import Final

PASSWD: Final = """\
root:x:0:0:root:/root:/bin/bash
# a comment
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
syd:x:1000:1000:Syd Barrett:/home/syd:/bin/sh
roger:x:1001:100::/home/roger:
not a record
+@floyd::::::
"""

SHADOW: Final = """\
root:*:19000:0:99999:7:::
daemon:*:19000:0:99999:7:::
syd:$6$salt$hash:19000:0:99999:7:::
roger:!:19000:0:99999:7:::
"""

GROUP: Final = """\
root:x:0:
daemon:x:1:
users:x:100:
band:x:200:syd,roger
syd:x:1000:
"""

GSHADOW: Final = """\
root:*::
daemon:*::
users:!::
band:!:roger:syd,roger
syd:!::
"""

FILES: Final = {"passwd": PASSWD, "shadow": SHADOW, "group": GROUP, "gshadow": GSHADOW}


def directory_of_accounts(top: Path, *names: str) -> Path:
    """Make the directory ``etc`` in *top*, with the files *names*: all of them where none is named."""
    made = top / "etc"
    made.mkdir()
    for name in names or FILES:
        path = made / name
        path.write_text(FILES[name])
        path.chmod(0o640 if "shadow" in name else 0o644)
    return made


def line_of(path: Path, name: str) -> str:
    """Return the line of *name* in the file *path*, or nothing."""
    return next((line for line in path.read_text().splitlines() if line.split(":")[0] == name), "")
