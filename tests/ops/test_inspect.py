"""A vector is checked when it is mounted: every slip is named with class, method and expected signature."""

from __future__ import annotations

from typing import Any

import pytest

from puffpy.errors import VectorError
from puffpy.ops import Manner, VfsOps, VnodeOps, blocking, inspect, manners, written


class Good(VnodeOps):
    root: Any = "root"

    def lookup(self, dvp: Any, cn: Any, call: Any) -> Any:
        raise FileNotFoundError


def complaint(vnodeops: Any, vfsops: Any = None) -> str:
    with pytest.raises(VectorError) as refusal:
        inspect(vnodeops, vfsops or VfsOps())
    return str(refusal.value)


def test_a_good_vector_passes_and_only_its_own_operations_count_as_written() -> None:
    inspect(Good(), VfsOps())
    assert written(Good()) == {"lookup"}


def test_an_operation_set_on_the_instance_counts_as_written() -> None:
    good = Good()
    good.readlink = lambda vp, call: "x"  # type: ignore[method-assign]
    assert written(good) == {"lookup", "readlink"}


def test_a_misspelt_operation_is_named_with_the_right_one() -> None:
    class Bad(Good):
        def readlnik(self, vp: Any, call: Any) -> str:
            return ""

    assert "Bad.readlnik is no operation; if you mean VnodeOps.readlink(self, vp, call)" in complaint(Bad())


def test_another_systems_word_is_answered_with_ours() -> None:
    class Bad(Good):
        def unlink(self, dvp: Any, cn: Any, call: Any) -> None: ...

        def getxattr(self, vp: Any, name: str, call: Any) -> bytes:
            return b""

    said = complaint(Bad())
    assert "Bad.unlink is never called: the operation is VnodeOps.remove(self, dvp, cn, call)" in said
    assert "Bad.getxattr is never called: the operation is VnodeOps.getextattr(self, vp, name, call)" in said


def test_a_helper_with_a_name_of_its_own_is_let_be() -> None:
    class Fine(Good):
        def reader(self) -> None: ...

        def compute_things(self) -> None: ...

        def _readlnik(self) -> None: ...

    inspect(Fine(), VfsOps())


def test_too_few_parameters_are_shown_beside_the_expected_ones() -> None:
    class Bad(Good):
        def read(self, vp: Any, offset: int) -> bytes:  # type: ignore[override]
            return b""

    said = complaint(Bad())
    assert "Bad.read takes the wrong parameters" in said
    assert "expected read(self, vp, offset, size, call)" in said


def test_swapped_parameters_are_noticed() -> None:
    class Bad(Good):
        def read(self, vp: Any, size: int, offset: int, call: Any) -> bytes:  # type: ignore[override]
            return b""

    assert "Bad.read has its parameters in the wrong order" in complaint(Bad())


def test_parameters_may_have_other_names_and_defaults() -> None:
    class Fine(Good):
        def read(self, node: Any, pos: int, n: int, call: Any = None, *rest: Any) -> bytes:
            return b""

    inspect(Fine(), VfsOps())


def test_what_everybody_would_wait_for_may_not_wait() -> None:
    class Bad(Good):
        async def reclaim(self, vp: Any) -> None: ...  # type: ignore[override]

    assert "Bad.reclaim cannot wait" in complaint(Bad())

    class Marked(Good):
        @blocking
        def inactive(self, vp: Any) -> None: ...

    assert "Marked.inactive cannot wait" in complaint(Marked())


def test_only_a_listing_may_yield() -> None:
    class Bad(Good):
        async def read(self, vp: Any, offset: int, size: int, call: Any) -> Any:
            yield b""

    assert "Bad.read yields" in complaint(Bad())

    class Fine(Good):
        async def readdir(self, dvp: Any, call: Any) -> Any:
            yield "name", object()

    inspect(Fine(), VfsOps())


@pytest.mark.parametrize("whole", [False, True])
def test_how_an_operation_is_run_is_told_by_what_its_author_wrote(whole: bool) -> None:
    class Mixed(Good):
        async def getattr(self, vp: Any, call: Any) -> Any: ...
        @blocking
        def read(self, vp: Any, offset: int, size: int, call: Any) -> Any: ...
        def write(self, vp: Any, offset: int, data: Any, call: Any) -> Any: ...
        def reclaim(self, vp: Any) -> None: ...

    vector = blocking(Mixed)() if whole else Mixed()
    expected = {"getattr": Manner.TASK, "read": Manner.WORKER}
    if whole:
        expected |= {"lookup": Manner.WORKER, "write": Manner.WORKER}
    assert manners(written(vector), vector, VfsOps()) == expected


def test_workers_by_option_run_everything_that_may_wait() -> None:
    class Plain(Good):
        def read(self, vp: Any, offset: int, size: int, call: Any) -> Any: ...
        def reclaim(self, vp: Any) -> None: ...

    vector = Plain()
    ours = written(vector)
    assert manners(ours, vector, everything=True) == dict.fromkeys(("lookup", "read"), Manner.WORKER)
    assert manners(ours, vector) == {}


def test_an_operation_in_the_wrong_vector_is_sent_to_the_right_one() -> None:
    class Bad(Good):
        def statvfs(self, vp: Any, call: Any) -> Any: ...

    assert "statvfs belongs into a VfsOps, not a VnodeOps" in complaint(Bad())


def test_one_class_may_be_both_vectors() -> None:
    class Both(Good, VfsOps):
        def statvfs(self, vp: Any, call: Any) -> Any: ...

    both = Both()
    inspect(both, both)
    assert written(both) == {"lookup", "statvfs"}


def test_a_missing_lookup_and_a_missing_root_are_both_named() -> None:
    said = complaint(VnodeOps())
    assert "VnodeOps has no lookup" in said
    assert "VnodeOps has no root" in said


def test_half_of_the_file_handles_is_refused() -> None:
    class Half(VfsOps):
        def nodetofh(self, vp: Any) -> tuple[int, int]:
            return 2, 0

    assert "Half has only one of nodetofh and fhtonode" in complaint(Good(), Half())


def test_a_class_in_place_of_an_instance_is_told_so() -> None:
    assert "give an instance, not the class" in complaint(Good)
