"""What is taken of the kernel's offer, and why: the table of flags and the sizes that follow."""

from __future__ import annotations

from typing import Any

import pytest

from puffpy.options import MIB, MountOptions
from puffpy.session import NEGOTIATION
from puffpy.types import OpenFile
from puffpy.wire import Opcode
from puffpy.wire.flags import InitFlag
from tests.dispatch.speaker import EVERYTHING, Scribe, Speaker

NEWER = InitFlag.HAS_IO_URING_BUFPOOL
"""Offered by a minor that is not spoken yet."""

ALWAYS = (
    InitFlag.ASYNC_READ
    | InitFlag.BIG_WRITES
    | InitFlag.AUTO_INVAL_DATA
    | InitFlag.ASYNC_DIO
    | InitFlag.PARALLEL_DIROPS
    | InitFlag.ABORT_ERROR
    | InitFlag.MAX_PAGES
    | InitFlag.INIT_EXT
    | InitFlag.HAS_EXPIRE_ONLY
    | InitFlag.DIRECT_IO_ALLOW_MMAP
    | InitFlag.HAS_RESEND
)


def agreed(options: dict[str, Any] | None = None, offered: int = EVERYTHING, **ops: Any) -> InitFlag:
    return Speaker(Scribe(**ops), options=MountOptions(**options or {}), offered=offered).flags


def test_every_flag_of_the_protocol_has_one_row_with_a_reason() -> None:
    flags = [row.flag for row in NEGOTIATION]
    assert len(flags) == len(set(flags))
    assert set(flags) == set(InitFlag) - {NEWER}
    assert all(row.why for row in NEGOTIATION)


def test_the_smallest_file_system_takes_what_costs_nothing() -> None:
    assert agreed() == ALWAYS


@pytest.mark.parametrize("flag", InitFlag, ids=lambda flag: flag.name)
def test_nothing_is_taken_that_was_not_offered(flag: InitFlag) -> None:
    everything: dict[str, Any] = {
        "advlock": None,
        "setattr": None,
        "ioctl": 0,
        "readdir": (),
        "setextattr": None,
        "open": None,
    }
    taken = agreed(offered=EVERYTHING & ~flag, **everything)
    assert not taken & flag
    if flag is InitFlag.INIT_EXT:
        assert not taken >> 32


def test_listings_name_no_nodes_where_no_name_is_kept() -> None:
    """Linux would look each of them up again (fuse_dentry_revalidate)."""
    plus = InitFlag.DO_READDIRPLUS | InitFlag.READDIRPLUS_AUTO
    assert agreed({"entry_timeout": 0.5}, readdir=()) & plus == plus
    assert not agreed({"entry_timeout": 0}, readdir=()) & plus


@pytest.mark.parametrize(
    ("op", "flags"),
    [
        ("advlock", InitFlag.POSIX_LOCKS | InitFlag.FLOCK_LOCKS),
        ("setattr", InitFlag.HANDLE_KILLPRIV_V2),
        ("ioctl", InitFlag.HAS_IOCTL_DIR),
        ("readdir", InitFlag.DO_READDIRPLUS | InitFlag.READDIRPLUS_AUTO),
        ("setextattr", InitFlag.SETXATTR_EXT),
        ("read", InitFlag(0)),
    ],
)
def test_an_operation_that_is_written_brings_its_flags(op: str, flags: InitFlag) -> None:
    written: dict[str, Any] = {op: None}
    assert agreed(**written) == ALWAYS | flags


def test_who_is_the_only_writer_keeps_what_is_cached() -> None:
    kept = InitFlag.CACHE_SYMLINKS | InitFlag.EXPLICIT_INVAL_DATA
    assert agreed({"kernel_cache": True}, open=None) == (ALWAYS & ~InitFlag.AUTO_INVAL_DATA) | kept
    assert agreed(options={"kernel_cache": True, "auto_cache": True}, open=None) == ALWAYS | kept


@pytest.mark.parametrize(
    ("ops", "options", "alone"),
    [
        ({"read": b"", "write": None}, {"kernel_cache": True}, True),
        ({"read": b""}, {"kernel_cache": True, "ro": True}, True),
        ({"read": b""}, {"kernel_cache": True}, False),
        ({"read": b"", "write": None}, {}, False),
        ({"read": b"", "write": None}, {"kernel_cache": True, "direct_io": True}, False),
        *(
            ({"write": None, op: None}, {"kernel_cache": True}, False)
            for op in ("open", "close", "flush", "inactive", "advlock")
        ),
    ],
)
def test_the_kernel_opens_alone_where_nobody_would_miss_it(
    ops: dict[str, Any], options: dict[str, Any], alone: bool
) -> None:
    flags = agreed(options=options, setattr=None, **ops)
    assert bool(flags & InitFlag.NO_OPEN_SUPPORT) is alone


def test_a_program_that_runs_is_not_emptied() -> None:
    """With ATOMIC_O_TRUNC the file is cut by OPEN, and only then does the kernel look who runs it."""
    assert not agreed(open=None, setattr=None) & InitFlag.ATOMIC_O_TRUNC


def test_a_create_without_opens_names_no_handle_and_may_be_released() -> None:
    """CREATE is always sent, and answered with the handle that means none."""
    from_samples = Scribe(
        create=lambda dvp, cn, va, call: type("File", (), {"vattr": va})(), write=None, read=b""
    )
    speaker = Speaker(from_samples, options=MountOptions(kernel_cache=True))
    reply = speaker.ask(Opcode.CREATE, 1, b"new", flags=1, mode=0o644)
    assert reply.fields["fh"] == 0
    assert speaker.counts() == {reply.fields["nodeid"]: (1, 0)}
    assert not speaker.ask(Opcode.READ, reply.fields["nodeid"], fh=0, size=10).error
    speaker.release(reply.fields["nodeid"], 0)


@pytest.mark.parametrize(
    ("max_write", "told", "pages"),
    [
        (MIB, MIB, 256),
        (4096, 4096, 1),
        (5000, 5000, 2),
        (255 << 20, 255 << 20, 65280),
        (131072, 131072, 32),
    ],
)
def test_the_largest_write_and_its_pages_fit_each_other_and_the_buffer(
    max_write: int, told: int, pages: int
) -> None:
    speaker = Speaker(Scribe(), options=MountOptions(max_write=max_write))
    fields = speaker.init.fields
    assert (fields["max_write"], fields["max_pages"]) == (told, pages)
    assert speaker.session.buffer_size >= told + 80
    assert speaker.session.buffer_size >= 8192


def test_without_max_pages_a_write_is_no_larger_than_the_kernel_assumes() -> None:
    speaker = Speaker(Scribe(), offered=EVERYTHING & ~InitFlag.MAX_PAGES)
    assert speaker.init.fields["max_write"] == 32 * 4096


def test_a_largest_write_goes_through_whole() -> None:
    stored: list[bytes] = []
    scribe = Scribe(write=lambda vp, offset, data, call: stored.append(bytes(data)))
    speaker = Speaker(scribe)
    data = bytes(range(256)) * (MIB // 256)
    assert speaker.ask(Opcode.WRITE, 1, data=data).fields["size"] == MIB
    assert stored == [data]


def test_readahead_is_the_kernels_unless_less_is_asked_for() -> None:
    assert Speaker(Scribe()).init.fields["max_readahead"] == 1 << 17
    assert Speaker(Scribe(), options=MountOptions(max_readahead=4096)).init.fields["max_readahead"] == 4096
    assert (
        Speaker(Scribe(), options=MountOptions(max_readahead=1 << 30)).init.fields["max_readahead"] == 1 << 17
    )


def test_the_background_is_the_kernels_unless_it_is_set() -> None:
    fields = Speaker(Scribe()).init.fields
    assert (fields["max_background"], fields["congestion_threshold"]) == (0, 0)
    fields = Speaker(Scribe(), options=MountOptions(max_background=64)).init.fields
    assert (fields["max_background"], fields["congestion_threshold"]) == (64, 48)


def test_times_are_kept_to_the_nanosecond() -> None:
    assert Speaker(Scribe(open=OpenFile())).init.fields["time_gran"] == 1
