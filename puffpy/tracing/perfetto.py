"""A trace in the JSON that Chrome's and Perfetto's viewers open (the "trace event format").

What stands in it is the exchanges'; nothing is written to a file here.
"""

from __future__ import annotations

import errno
import heapq
import json
from collections.abc import Iterator

from puffpy.tracing.exchange import Exchange, Trace


def perfetto(trace: Trace) -> str:
    """Return *trace* as JSON: a process for each caller, a lane for each request that it had under way."""
    events = [*_callers(trace), *_slices(trace), *_notices(trace)]
    return json.dumps({"displayTimeUnit": "ns", "traceEvents": events}, separators=(",", ":"))


def _callers(trace: Trace) -> Iterator[dict[str, object]]:
    owners = {each.pid: each.uid for each in trace.exchanges}
    for pid, uid in sorted(owners.items()):
        name = f"process {pid} (uid {uid})" if pid else "the kernel itself"
        yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name}}


def _slices(trace: Trace) -> Iterator[dict[str, object]]:
    """Yield a slice for each exchange; slices of one lane do not overlap, as the format asks."""
    free: dict[int, list[tuple[int, int]]] = {}  # by process: when each lane is free again
    for each in sorted(trace.exchanges, key=lambda each: each.begin):
        end = each.begin if each.end is None and not each.waits else each.end or trace.end
        lanes = free.setdefault(each.pid, [])
        lane = heapq.heappop(lanes)[1] if lanes and lanes[0][0] <= each.begin else len(lanes)
        heapq.heappush(lanes, (max(end, each.begin), lane))
        yield {
            "ph": "X",
            "cat": "fuse",
            "name": each.name,
            "pid": each.pid,
            "tid": lane + 1,
            "ts": (each.begin - trace.begin) / 1000,
            "dur": max(0, end - each.begin) / 1000,
            "args": _details(each),
        }


def _details(each: Exchange) -> dict[str, object]:
    details: dict[str, object] = {
        "path": each.path,
        "node": each.nodeid,
        "unique": each.unique,
        "uid": each.uid,
    }
    if each.size:
        details["bytes"] = each.size
    if each.error:
        details["error"] = errno.errorcode.get(each.error, str(each.error))
    if each.waits:
        details["answer"] = "none"
    return details


def _notices(trace: Trace) -> Iterator[dict[str, object]]:
    for notice in trace.notices:
        yield {
            "ph": "i",
            "cat": "notice",
            "name": notice.text,
            "pid": 0,
            "tid": 0,
            "ts": (notice.when - trace.begin) / 1000,
            "s": "g",
        }
