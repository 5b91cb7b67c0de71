"""Any message that can be said, for the property tests."""

from hypothesis import strategies as st

from puffpy.wire import MESSAGES, Opcode, Reply, Request
from puffpy.wire.codec import INIT_EXT_MINOR
from tests.wire.anatomy import RANGES, fields_of

NAMES = st.binary(max_size=40).map(lambda name: name.replace(b"\0", b"-"))
BLOBS = st.binary(max_size=64)
OPCODES = st.sampled_from(list(Opcode))
ANSWERED = st.sampled_from([row.opcode for row in MESSAGES.values() if row.answered])


@st.composite
def requests_and_terms(draw: st.DrawFn) -> tuple[Request, bool]:
    """A request, and whether InitFlag.SETXATTR_EXT was agreed on."""
    opcode = draw(OPCODES)
    row = MESSAGES[opcode]
    setxattr_ext = draw(st.booleans())
    fields = draw(fields_of(row.request))
    data = b""
    if row.records:
        fields[row.counted] = draw(st.integers(0, 5))
        size = fields[row.counted] * row.records.size
        data = draw(st.binary(min_size=size, max_size=size))
    elif row.data:
        data = draw(BLOBS)
        fields[row.counted] = len(data)
    if opcode is Opcode.INIT and fields["minor"] < INIT_EXT_MINOR:
        fields["flags2"] = 0
    if opcode is Opcode.SETXATTR and not setxattr_ext:
        fields["setxattr_flags"] = 0
    extended = row.extensions and draw(st.booleans())
    request = Request(
        opcode,
        unique=draw(RANGES["Q"]),
        nodeid=draw(RANGES["Q"]),
        uid=draw(RANGES["I"]),
        gid=draw(RANGES["I"]),
        pid=draw(RANGES["I"]),
        fields=fields,
        names=tuple(draw(st.lists(NAMES, min_size=row.names, max_size=row.names))),
        data=data,
        groups=tuple(draw(st.lists(RANGES["I"], max_size=4))) if extended else (),
        secctx=tuple(draw(st.lists(st.tuples(NAMES, BLOBS), max_size=3))) if extended else (),
    )
    return request, setxattr_ext


@st.composite
def opcodes_and_replies(draw: st.DrawFn) -> tuple[Opcode, Reply]:
    """An opcode that is answered, and an answer."""
    opcode = draw(ANSWERED)
    row = MESSAGES[opcode]
    unique = draw(st.integers(1, 2**64 - 1))
    if draw(st.booleans()):
        return opcode, Reply(unique, error=draw(st.integers(1, 511)))
    data = draw(BLOBS) if row.reply_data else b""
    return opcode, Reply(unique, fields=draw(fields_of(row.reply)), data=data)
