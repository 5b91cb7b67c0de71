"""dbench and bonnie++: what file servers and mail servers do all day."""

from __future__ import annotations

import pytest

from tests.stress.conftest import Ground
from tests.stress.scale import SHORT

CLIENTS = {"files": (), "attributes": ("-x",), "synchronous": ("-s", "-S")}
"""What dbench's clients do beside their files: extended attributes as well, or everything synchronously."""


@pytest.mark.parametrize("way", CLIENTS)
def test_dbench_plays_a_file_server_without_an_error(ground: Ground, way: str) -> None:
    seconds, clients = str(ground.scale.seconds), str(ground.scale.clients)
    said = ground.run("dbench", *CLIENTS[way], "-D", str(ground.place), "-t", seconds, clients)
    assert "Throughput" in said
    assert "failed" not in said
    ground.empty()


def test_bonnie_finds_its_data_and_its_files(ground: Ground) -> None:
    mebibytes = max(16, 4 * ground.scale.mebibytes)
    # It wants files larger than the memory that it is told of, lest only the cache be looked at.
    said = ground.run(
        *("bonnie++", "-q", "-d", str(ground.place), *(("-u", "root") if ground.is_roots else ())),
        *(("-f",) if ground.scale is SHORT else ()),  # no system call for each byte
        *("-r", str(mebibytes // 2), "-s", f"{mebibytes}:8k", "-n", f"{ground.scale.files}:4096:0:4"),
    )
    assert said.count(",") > 40, said
    ground.empty()
