"""A real Linux mounts tunnel and detrempe by virtiofs, and does with them what people do with files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final

import pytest

from tests.guest.conftest import Boot, Serve

pytestmark = [pytest.mark.guest, pytest.mark.timeout(200)]

WORK: Final = """
work() {
    cd $1
    mkdir -p tree/deep/deeper
    echo hello > tree/hello
    ln -s ../hello tree/deep/link
    ln tree/hello tree/deep/hard
    chmod 640 tree/hello
    dd if=/dev/urandom of=tree/random bs=64k count=50 2>/dev/null
    cp -a tree copy
    diff -r tree copy
    cat copy/deep/link
    echo "$1:mode $(stat -c %a:%h copy/hello)"
    mv copy/random copy/deep/moved
    mv -f copy/deep/moved copy/hello
    echo "$1:sum $(md5sum < copy/hello)"
    [ "$(md5sum < copy/hello)" = "$(md5sum < tree/random)" ]
    dd if=tree/random of=tree/part bs=1000 skip=100 count=77 2>/dev/null
    echo "$1:part $(stat -c %s tree/part)"
    : > tree/part
    echo "$1:cut $(stat -c %s tree/part)"
    touch -d '2001-02-03 04:05:06' tree/part
    echo "$1:time $(TZ=UTC stat -c %Y tree/part)"
    ! cat tree/absent 2>/dev/null
    ! rmdir tree 2>/dev/null
    mkfifo tree/fifo
    rm -rf copy
    echo "$1:names $(ls tree | tr '\\n' ' ')"
    cd /
}
load() {
    for worker in 1 2 3 4; do
        (
            mkdir $1/load$worker
            for round in 1 2 3 4 5 6 7 8 9 10; do
                echo $worker:$round > $1/load$worker/$round
                [ "$(cat $1/load$worker/$round)" = $worker:$round ]
                dd if=/dev/zero of=$1/load$worker/big bs=100k count=3 2>/dev/null
            done
            ls $1/load$worker | wc -l > $1/count$worker
        ) &
    done
    wait
    echo "$1:load $(cat $1/count* | tr '\\n' ' ')"
    rm -rf $1/load*
}
mount -t virtiofs tunnel /mnt
mount -t virtiofs detrempe /mnt2
cat /mnt/from-the-host
echo "big $(md5sum < /mnt/big)"
for place in /mnt /mnt2; do work $place; load $place; done
umount /mnt /mnt2
mount -t virtiofs tunnel /mnt
mount -t virtiofs detrempe /mnt2
for place in /mnt /mnt2; do
    echo "$place:again $(md5sum < $place/tree/random)"
    echo "$place:df $(df $place | tail -n 1 | cut -d ' ' -f 1)"
done
umount /mnt /mnt2
"""


def test_a_guest_works_with_files_and_the_host_sees_the_same(
    serve: Serve, boot: Boot, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "from-the-host").write_text("seen from the guest\n")
    data = os.urandom(5_000_001)
    (shared / "big").write_bytes(data)
    tunnel = serve("tunnel", "filesystems.tunnel", shared)
    detrempe = serve("detrempe", "filesystems.detrempe")
    outcome = boot(WORK, tunnel, detrempe, cpus=2, queues=2, queue_size=1024)
    said = "\n".join(outcome.lines)
    assert outcome.status == 0, said
    assert "seen from the guest" in outcome.lines
    assert outcome.after("big").split()[0] == hashlib.md5(data).hexdigest()
    for place in ("/mnt", "/mnt2"):
        assert outcome.after(f"{place}:mode") == "640:2"
        assert outcome.after(f"{place}:part") == "77000"
        assert outcome.after(f"{place}:cut") == "0"
        assert outcome.after(f"{place}:time") == "981173106"
        assert outcome.after(f"{place}:names").split() == ["deep", "fifo", "hello", "part", "random"]
        assert outcome.after(f"{place}:load").split() == ["11"] * 4
        assert outcome.after(f"{place}:again") == outcome.after(f"{place}:sum")
    assert hashlib.md5((shared / "tree" / "random").read_bytes()).hexdigest() in outcome.after("/mnt:again")
    assert (shared / "tree" / "hello").read_text() == "hello\n"
    assert os.readlink(shared / "tree" / "deep" / "link") == "../hello"
    assert os.path.samefile(shared / "tree" / "hello", shared / "tree" / "deep" / "hard")
    assert sorted(os.listdir(shared)) == [
        *("big", "count1", "count2", "count3", "count4", "from-the-host", "tree")
    ]


REBOOT: Final = """
mount -t virtiofs tunnel /mnt
mount -t virtiofs detrempe /mnt2
if [ ! -e /mnt2/first ]; then
    exec 5>/mnt2/open
    echo told >&5
    echo told > /mnt2/first
    echo told > /mnt/first
    reboot -f
fi
cat /mnt/first /mnt2/first /mnt2/open
"""


def test_a_guest_that_reboots_finds_its_files_again_and_so_does_the_next_machine(
    serve: Serve, boot: Boot, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    tunnel = serve("tunnel", "filesystems.tunnel", shared)
    detrempe = serve("detrempe", "filesystems.detrempe")
    outcome = boot(REBOOT, tunnel, detrempe, reboots=True)
    assert (outcome.status, outcome.lines) == (0, ("told",) * 3)
    assert (shared / "first").read_text() == "told\n"
    outcome = boot(REBOOT, tunnel, detrempe)
    assert (outcome.status, outcome.lines) == (0, ("told",) * 3)


def test_a_guest_cannot_change_what_it_was_given_to_read(serve: Serve, boot: Boot, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "file").write_text("untouched\n")
    tunnel = serve("tunnel", "filesystems.tunnel", shared, "-o", "ro")
    outcome = boot(
        """
        mount -t virtiofs tunnel /mnt
        cat /mnt/file
        for change in 'rm /mnt/file' 'mkdir /mnt/d' 'cp /mnt/file /mnt/copy' 'chmod 777 /mnt/file'; do
            $change 2>&1 | grep -c 'Read-only file system'
        done
        """,
        tunnel,
    )
    assert (outcome.status, outcome.lines) == (0, ("untouched", "1", "1", "1", "1"))
    assert os.listdir(shared) == ["file"]
