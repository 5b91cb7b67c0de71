"""What a structure's format says, value by value: its code, and where it stands."""

import re
import struct
from collections.abc import Iterator

from hypothesis import strategies as st

from puffpy.wire.structs import Layout

RANGES = {
    "H": st.integers(0, 2**16 - 1),
    "I": st.integers(0, 2**32 - 1),
    "Q": st.integers(0, 2**64 - 1),
    "i": st.integers(-(2**31), 2**31 - 1),
    "q": st.integers(-(2**63), 2**63 - 1),
}


def values_of(layout: Layout) -> Iterator[tuple[str, str, int]]:
    """Yield the name, the format code and the offset of each field."""
    offset = 0
    names = iter(layout.fields)
    for count, code in re.findall(r"(\d*)(\w)", layout.format):
        if code == "x":
            offset += int(count or 1)
            continue
        for _ in range(int(count or 1)):
            yield next(names), code, offset
            offset += struct.calcsize("=" + code)
    assert next(names, None) is None
    assert offset <= layout.size


def fields_of(layout: Layout | None) -> st.SearchStrategy[dict[str, int]]:
    """Any values the structure can hold, by name."""
    if layout is None:
        return st.just({})
    return st.fixed_dictionaries({name: RANGES[code] for name, code, _ in values_of(layout)})
