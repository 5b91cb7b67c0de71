"""What people do with a file system, from beginning to end: ``python -m benchmarks.chores CHORE TREE STOCK``.

Prints "1 SECONDS", as every work does.  What a chore starts from is made once, in STOCK
(``python -m benchmarks.chores stock STOCK FILES SHARE``); only the programs named in the table are timed.

To add one, write the commands that people would type; ``{tree}`` is a fresh directory in the file system that
is measured, ``{stock}`` what was made before.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

PER_DIRECTORY = 100
LINES = "\n".join(f"def function_{n}(a, b=({n}, None)):\n    return [a, b, {n}]\n" for n in range(12))

INSERTS = (
    "create table t(k integer primary key, word text, n integer);"
    "create index by_word on t(word);"
    "begin;"
    "with recursive c(x) as (select 1 union all select x + 1 from c where x < 40000)"
    " insert into t select x, 'word ' || (x * 7919 % 40000), x % 97 from c;"
    "commit;"
)
QUERIES = (
    "import sqlite3, sys;"
    "db = sqlite3.connect(sys.argv[1]);"
    f"db.executescript({INSERTS!r});"
    "[db.execute('update t set n = n + 1 where k = ?', (k,)) and db.commit() for k in range(1, 150)];"
    "[db.execute('select n from t where word = ?', (f'word {k}',)).fetchall() for k in range(2000)]"
)

CHORES: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        "untar": (("tar", "xf", "{stock}/files.tar", "-C", "{tree}"), ("rm", "-rf", "{tree}/files")),
        "copy": (("cp", "-a", "{stock}/share", "{tree}/share"),),
        "git": (
            ("git", "clone", "--quiet", "--no-local", "{stock}/repository", "{tree}/clone"),
            ("git", "-C", "{tree}/clone", "status", "--porcelain"),
        ),
        "compileall": (("{python}", "-m", "compileall", "-q", "-f", "{tree}/sources"),),
        "sqlite": (("{python}", "-c", QUERIES, "{tree}/base.db"),),
    }
)


def stock(place: Path, files: int, share: Path) -> None:
    """Make what the chores start from: an archive of *files* files, sources, a repository, *share*."""
    with tarfile.open(place / "files.tar", "w") as archive:
        for number in range(files):
            if number % PER_DIRECTORY == 0:
                directory = tarfile.TarInfo(f"files/d{number // PER_DIRECTORY}")
                directory.type, directory.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(directory)
            data = (f"# {number}\n" + LINES[: 100 + number * 37 % 1500]).encode()
            entry = tarfile.TarInfo(f"files/d{number // PER_DIRECTORY}/f{number}.txt")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    sources = place / "sources"
    for number in range(max(10, files // 20)):
        (sources / f"p{number % 10}").mkdir(parents=True, exist_ok=True)
        (sources / f"p{number % 10}" / f"module_{number}.py").write_text(LINES)
    (place / "share").symlink_to(share)
    repository = place / "repository"
    shutil.copytree(sources, repository)
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "."), (*identity, "commit", "-q", "-m", "all of it")):
        subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True)


def run(chore: str, tree: Path, place: Path) -> float:
    """Do *chore* in a fresh directory of *tree* and return how many seconds its programs took."""
    fresh = tree / f"chore-{chore}"
    fresh.mkdir()
    if chore == "compileall":
        shutil.copytree(place / "sources", fresh / "sources")
    facts = {"tree": fresh, "stock": place, "python": sys.executable}
    # Git must not look for a repository above, nor for anybody's configuration.
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    start = time.monotonic()
    for words in CHORES[chore]:
        line = [str((place / "share").resolve()) if w == "{stock}/share" else w for w in words]
        line = [w if w == QUERIES else w.format(**facts) for w in line]
        done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{line[0]}: {done.stderr.strip().splitlines()[-1:]}")
    elapsed = time.monotonic() - start
    shutil.rmtree(fresh)
    return elapsed


def main() -> None:
    """Do it, or make the stock."""
    what, place, *rest = sys.argv[1:]
    if what == "stock":
        stock(Path(place), int(rest[0]), Path(rest[1]))
    else:
        print(1, run(what, Path(place), Path(rest[0])))


if __name__ == "__main__":
    main()
