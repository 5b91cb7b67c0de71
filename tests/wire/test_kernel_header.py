"""Every size, offset and number against a C program compiled with this machine's <linux/fuse.h>.

A header older than the tables knows less than they do: what it lacks is left out of the program by its minor
version, or by the name not being defined.  What it has must agree.
"""

import shutil
import subprocess
from enum import IntFlag
from pathlib import Path

import pytest

from puffpy.wire import NOTIFICATIONS, Layout, flags, structs
from puffpy.wire.messages import ROWS
from puffpy.wire.opcodes import NEWEST_MINOR, Opcode
from tests.wire.anatomy import values_of

LAYOUTS = {name: value for name, value in vars(structs).items() if isinstance(value, Layout)}

C_NAMES = {
    "INIT_IN_COMPAT": None,  # a prefix; the header has no structure for it
    "SETXATTR_IN_COMPAT": None,
    "CREATE_OUT": None,  # two structures, each compared by itself
    "CUSE_INIT_IN": "cuse_init_in",
    "CUSE_INIT_OUT": "cuse_init_out",
}
"""Where the C name is not the constant's with ``fuse_`` in front."""

SINCE = {
    "SUPP_GROUPS": 39,  # 38, but a stable 6.1 calls itself that without having it
    "STATX": 39,
    "STATX_IN": 39,
    "STATX_OUT": 39,
    "BACKING_MAP": 40,
    "COPY_FILE_RANGE_OUT": 45,
    "NOTIFY_PRUNE_OUT": 45,
}
"""The minor that brought a structure, where a header there is to expect may be older."""

FIELD_SINCE = {
    ("OPEN_OUT", "backing_id"): 40,
    ("INIT_OUT", "max_stack_depth"): 40,
    ("INIT_OUT", "request_timeout"): 43,
}
"""The minor that gave a name to what was padding."""

OLDEST_HEADER = 38

NESTED = {
    "ENTRY_OUT": {"attr": structs.ATTR},
    "ATTR_OUT": {"attr": structs.ATTR},
    "LK_IN": {"lk": structs.FILE_LOCK},
    "LK_OUT": {"lk": structs.FILE_LOCK},
    "DIRENTPLUS": {"entry_out.attr": structs.ATTR, "entry_out": structs.ENTRY_OUT},
}
"""Fields that C reaches through a member."""

SPELLED = {
    "STATFS_OUT": "st.{field}",
    "STATX": "{field}",
    "STATX_OUT": "stat.{field}",
}

FLAG_PREFIXES = {
    flags.InitFlag: "FUSE_",
    flags.OpenOut: "FOPEN_",
    flags.SetattrValid: "FATTR_",
    flags.GetattrFlag: "FUSE_GETATTR_",
    flags.LockFlag: "FUSE_LK_",
    flags.ReleaseFlag: "FUSE_RELEASE_",
    flags.WriteFlag: "FUSE_WRITE_",
    flags.ReadFlag: "FUSE_READ_",
    flags.FsyncFlag: "FUSE_FSYNC_",
    flags.OpenIn: "FUSE_OPEN_",
    flags.SetxattrFlag: "FUSE_SETXATTR_",
    flags.XattrFlag: "XATTR_",
    flags.RenameFlag: "RENAME_",
    flags.FallocateFlag: "FALLOC_FL_",
    flags.InvalEntryFlag: "FUSE_",
    flags.AttrFlag: "FUSE_ATTR_",
    flags.IoctlFlag: "FUSE_IOCTL_",
    flags.PollFlag: "FUSE_POLL_",
    flags.SetupmappingFlag: "FUSE_SETUPMAPPING_FLAG_",
    flags.CuseFlag: "CUSE_",
}

MACROS = {
    "FUSE_IOCTL_IS_32BIT": "FUSE_IOCTL_32BIT",  # a Python name does not begin with a digit
}
"""Where the macro is not the prefix and the name."""


def member(name: str, field: str) -> str:
    """Return how C spells *field* of the constant *name*."""
    if name == "DIRENTPLUS" and field in ("dirent_ino", "off", "namelen", "type"):
        return "dirent." + field.removeprefix("dirent_")
    for path, inner in NESTED.get(name, {}).items():
        if field in inner.fields:
            return f"{path}.{field}"
    if (
        name.startswith("STATX")
        and name != "STATX_IN"
        and field not in ("attr_valid", "attr_valid_nsec", "flags")
    ):
        if field.endswith("timensec"):
            field = field.removesuffix("nsec") + ".tv_nsec"
        elif field.endswith("time"):
            field += ".tv_sec"
    if name == "STATX_OUT" and field in ("attr_valid", "attr_valid_nsec", "flags"):
        return field
    return SPELLED.get(name, "{field}").format(field=field)


def expectations() -> list[tuple[str, str, int]]:
    """Return a preprocessor condition, a C expression and the number it must have, for each fact."""
    facts = []
    for name, layout in LAYOUTS.items():
        c_name = C_NAMES.get(name, "fuse_" + name.lower())
        if c_name is None:
            continue
        since = SINCE.get(name, OLDEST_HEADER)
        facts.append((f"FUSE_KERNEL_MINOR_VERSION >= {since}", f"sizeof(struct {c_name})", layout.size))
        for field, _, offset in values_of(layout):
            condition = f"FUSE_KERNEL_MINOR_VERSION >= {FIELD_SINCE.get((name, field), since)}"
            facts.append((condition, f"offsetof(struct {c_name}, {member(name, field)})", offset))
    for row in ROWS:
        c_name = row.opcode.name if row.opcode is Opcode.CUSE_INIT else f"FUSE_{row.opcode.name}"
        facts.append((f"FUSE_KERNEL_MINOR_VERSION >= {row.since}", c_name, row.opcode))
    for shape in NOTIFICATIONS.values():
        facts.append(
            (f"FUSE_KERNEL_MINOR_VERSION >= {shape.since}", f"FUSE_NOTIFY_{shape.code.name}", shape.code)
        )
    for word, prefix in FLAG_PREFIXES.items():
        for name, bit in word.__members__.items():
            macro = MACROS.get(prefix + name, prefix + name)
            facts.append((f"defined({macro})", macro, bit))
    return facts


@pytest.fixture(scope="module")
def told_by_c(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What a C program says about each expression the header knows."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler, "needs a C compiler: apt install gcc linux-libc-dev"
    folder: Path = tmp_path_factory.mktemp("header")
    lines = [
        *(f"#include <{header}>" for header in ("stddef.h", "stdio.h", "stdint.h")),
        *(f"#include <linux/{header}.h>" for header in ("fuse", "fs", "falloc", "xattr")),
        "int main(void) {",
        '  printf("FUSE_KERNEL_MINOR_VERSION=%d\\n", FUSE_KERNEL_MINOR_VERSION);',
    ]
    for condition, expression, _ in expectations():
        lines += [
            f"#if {condition}",
            f'  printf("{expression}=%llu\\n", (unsigned long long)({expression}));',
        ]
        lines += ["#endif"]
    source = folder / "header.c"
    source.write_text("\n".join([*lines, "  return 0;", "}", ""]))
    subprocess.run([compiler, "-o", folder / "header", source], check=True, timeout=120)
    done = subprocess.run([folder / "header"], check=True, timeout=30, capture_output=True, text=True)
    pairs = (line.rsplit("=", 1) for line in done.stdout.splitlines())
    return {expression: int(number) for expression, number in pairs}


def test_every_number_the_header_knows_is_the_tables(told_by_c: dict[str, int]) -> None:
    said = {expression: number for _, expression, number in expectations()}
    known = {expression: said[expression] for expression in told_by_c if expression in said}
    # Bit 31 is an int in the header and drags its sign along.
    told = {
        expression: told_by_c[expression] & (0xFFFFFFFF if number < 2**32 else 2**64 - 1)
        for expression, number in known.items()
    }
    assert known == told


def test_the_header_knows_all_but_what_is_newer(told_by_c: dict[str, int]) -> None:
    minor = told_by_c["FUSE_KERNEL_MINOR_VERSION"]
    assert minor >= OLDEST_HEADER
    sizes = {f"sizeof(struct {C_NAMES.get(name, 'fuse_' + name.lower())})" for name in LAYOUTS}
    missing = sizes - told_by_c.keys() - {"sizeof(struct None)"}
    newer = {f"sizeof(struct fuse_{name.lower()})" for name, since in SINCE.items() if since > minor}
    assert missing == newer


def test_every_word_of_bits_is_compared() -> None:
    words = {
        value
        for value in vars(flags).values()
        if isinstance(value, type) and issubclass(value, IntFlag) and value is not IntFlag
    }
    assert words == set(FLAG_PREFIXES)


def test_no_row_is_newer_than_the_room_says() -> None:
    newest = max([row.since for row in ROWS] + [shape.since for shape in NOTIFICATIONS.values()])
    assert newest == NEWEST_MINOR
