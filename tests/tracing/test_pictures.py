"""What a trace is turned into: JSON for viewers, a page for browsers."""

from __future__ import annotations

import itertools
import json
from html.parser import HTMLParser
from typing import Any

import pytest

from puffpy.record import Record, What
from puffpy.tracing import Trace, page, perfetto, traced
from puffpy.tracing.charts import MOST_POINTS, sampled
from puffpy.wire import Opcode, Reply, Request, encode_reply, encode_request
from tests.tracing.sessions import recording, records, work

VOID = {"meta", "line", "rect", "circle"}


class Balanced(HTMLParser):
    """Sees whether every element is closed, and keeps what is where."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def trace() -> Trace:
    return traced(records(recording(work)))


def read(text: str) -> Balanced:
    parser = Balanced()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def overlapping(count: int) -> Trace:
    """*count* requests of one process that are all under way at the same time."""
    request = [Request(Opcode.FSYNC, unique=2 * n + 2, nodeid=1, pid=4711) for n in range(count)]
    asked = [Record(n + 1, What.REQUEST, encode_request(each)) for n, each in enumerate(request)]
    answered = [
        Record(1000 + n, What.LATER, encode_reply(Opcode.FSYNC, Reply(each.unique)))
        for n, each in enumerate(request)
    ]
    return traced([*asked, *answered])


def test_a_page_is_whole_and_needs_nothing_else(trace: Trace) -> None:
    text = page(trace, "session.puffs")
    parser = read(text)
    assert parser.links == []
    assert "http" not in text
    assert parser.counts["svg"] >= 5
    asked = [each for each in trace.exchanges if each.duration is not None]
    assert parser.counts["circle"] == len(asked)
    for name in ("CREATE", "WRITE", "ENODATA", "/elsewhere/moved", "session.puffs"):
        assert name in parser.text


def test_names_cannot_become_part_of_the_page(trace: Trace) -> None:
    text = page(trace, "<script>alert(1)</script>")
    assert "/<b>nothing" not in text
    assert "/&lt;b&gt;nothing" in text
    assert read(text).counts["script"] == 1


def test_a_page_of_nothing_says_so() -> None:
    parser = read(page(traced([]), "empty"))
    assert "Nothing was recorded." in parser.text


def test_a_long_trace_shows_a_part_of_its_requests_the_slowest_among_them() -> None:
    trace = overlapping(3 * MOST_POINTS)
    shown = sampled(trace.exchanges)
    assert len(shown) == MOST_POINTS
    assert {id(each) for each in trace.slowest(100)} <= {id(each) for each in shown}


def test_perfetto_gets_every_exchange_with_its_caller(trace: Trace) -> None:
    events: list[dict[str, Any]] = json.loads(perfetto(trace))["traceEvents"]
    slices = [each for each in events if each["ph"] == "X"]
    assert len(slices) == len(trace.exchanges)
    named = {each["pid"] for each in events if each["ph"] == "M"}
    assert {each["pid"] for each in slices} == named
    (create,) = (each for each in slices if each["name"] == "CREATE")
    assert create["args"]["path"] == "/directory/file"
    assert all(each["ts"] >= 0 and each["dur"] >= 0 for each in slices)


def test_slices_of_one_lane_do_not_overlap() -> None:
    events = json.loads(perfetto(overlapping(20)))["traceEvents"]
    slices = [each for each in events if each["ph"] == "X"]
    lanes = {each["tid"] for each in slices}
    assert len(lanes) == 20
    for lane in lanes:
        mine = sorted((each["ts"], each["ts"] + each["dur"]) for each in slices if each["tid"] == lane)
        assert all(left[1] <= right[0] for left, right in itertools.pairwise(mine))


def test_a_lane_is_used_again_once_it_is_free(trace: Trace) -> None:
    events = json.loads(perfetto(trace))["traceEvents"]
    assert {each["tid"] for each in events if each["ph"] == "X"} == {1}
