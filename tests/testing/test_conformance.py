"""The conformance check: every promise can be broken, and what keeps them all is told so."""

from __future__ import annotations

import errno
import logging
from typing import Any

import pytest

import puffpy
from filesystems.detrempe import Detrempe
from puffpy.testing import PROMISES, Promise, Trial, Verdict, check_filesystem, promise
from tests.testing.broken import BREAKERS
from tests.testing.broken.bases import Locking, Shelf

BY_NAME = {each.name: each for each in PROMISES}


def name_of(each: object) -> str:
    return str(getattr(each, "name", getattr(each, "__name__", each)))


def test_no_two_promises_have_one_name() -> None:
    assert len(BY_NAME) == len(PROMISES)


def test_every_promise_has_a_file_system_that_breaks_it() -> None:
    assert BY_NAME.keys() - {name for name, _ in BREAKERS} == set()


@pytest.mark.parametrize(("name", "make"), BREAKERS, ids=name_of)
def test_a_broken_file_system_is_found_out(name: str, make: type[puffpy.VnodeOps]) -> None:
    (result,) = check_filesystem(make, only=[BY_NAME[name]]).results
    assert result.verdict is Verdict.FAILS, str(result)
    assert result.what
    assert result.expected
    assert result.got
    # It fails for what it does, not for a slip in it.
    assert bool(result.complaints) == getattr(make, "logs", False), str(result)


@pytest.mark.parametrize("each", PROMISES, ids=name_of)
def test_detrempe_keeps_every_promise(each: Promise) -> None:
    (result,) = check_filesystem(Detrempe, only=[each]).results
    assert result.verdict is not Verdict.FAILS, str(result)
    if each.subject not in ("refusals", "locks"):
        assert result.verdict is Verdict.HOLDS or "fsync" in each.needs, str(result)


def test_a_file_system_with_locks_keeps_every_promise_about_them() -> None:
    report = check_filesystem(Locking, only=[each for each in PROMISES if each.subject == "locks"])
    assert report.ok, str(report)
    assert len(report.of(Verdict.HOLDS)) == len(report.results)


def test_a_read_only_file_system_is_held_to_what_it_has() -> None:
    report = check_filesystem(Shelf)
    assert report.ok, str(report)
    assert {each.promise.subject for each in report.of(Verdict.HOLDS)} >= {"looking", "refusals", "life"}
    not_asked = [each for each in report.of(Verdict.NOT_APPLICABLE) if each.promise.subject == "rename"]
    assert not_asked
    assert all("left out" in each.why for each in not_asked)


def test_what_the_read_only_template_refuses_is_not_implemented() -> None:
    class Sealed(puffpy.ReadOnly, Shelf):
        """A shelf behind glass."""

    report = check_filesystem(Sealed)
    assert report.ok, str(report)
    refused = {each.promise.name for each in report.of(Verdict.HOLDS)}
    assert {"making_a_directory_is_refused", "removing_a_file_is_refused"} <= refused


def test_a_failure_says_what_was_done_and_what_came() -> None:
    class NoRoom(Detrempe):
        def mkdir(self, dvp: Any, cn: Any, va: Any, call: Any) -> Any:
            raise puffpy.FsError(errno.ENOSPC)

    (result,) = check_filesystem(NoRoom, only=[BY_NAME["a_removed_directory_is_gone"]]).results
    assert (result.what, result.expected) == ('k.mkdir("directory")', "success")
    assert "ENOSPC" in result.got
    assert "directory" in result.got
    shown = str(result)
    assert "a removed directory is gone" in shown
    assert "ENOSPC" in shown


def test_users_are_asked_about_only_where_permissions_are_checked() -> None:
    options = puffpy.MountOptions(default_permissions=False)
    only = [each for each in PROMISES if each.subject == "permissions"]
    report = check_filesystem(Detrempe, options=options, only=only)
    assert {each.why for each in report.results} == {
        "permissions are not checked: neither default_permissions nor access"
    }


def test_everything_may_be_tried_in_a_directory() -> None:
    class WritableBelow(Detrempe):
        """Nothing can be made at the top."""

        def __init__(self) -> None:
            super().__init__()
            call = puffpy.Call(0, 0, 0)
            va = puffpy.Node.directory().vattr
            self.below = super().mkdir(self.root, puffpy.ComponentName("below"), va, call)

        def create(self, dvp: Any, cn: Any, va: Any, call: Any) -> Any:
            if dvp is self.root:
                raise PermissionError
            return super().create(dvp, cn, va, call)

    only = [BY_NAME["what_is_written_is_read"]]
    assert not check_filesystem(WritableBelow, only=only).ok
    assert check_filesystem(WritableBelow, only=only, at="/below").ok
    with pytest.raises(FileNotFoundError):
        check_filesystem(WritableBelow, only=only, at="/nowhere")


def test_a_vector_that_cannot_work_is_refused_as_when_it_is_mounted() -> None:
    class Nothing(puffpy.VnodeOps):
        """No lookup, no root."""

    with pytest.raises(puffpy.VectorError, match="has no lookup"):
        check_filesystem(Nothing)


def test_the_log_is_the_reports_and_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    class Buggy(Detrempe):
        def readdir(self, dvp: Any, call: Any) -> Any:
            raise ZeroDivisionError

    (result,) = check_filesystem(Buggy, only=[BY_NAME["what_is_listed_is_found"]]).results
    assert result.verdict is Verdict.FAILS
    assert "ZeroDivisionError" in result.complaints[0]
    assert __file__ in result.complaints[0]
    assert not caplog.records
    assert logging.getLogger("puffpy").propagate


def test_a_promise_of_ones_own_is_tried_like_the_others() -> None:
    @promise({"create"})
    def there_is_a_file_called_readme(k: Trial) -> None:
        k.stat("README")

    report = check_filesystem(Detrempe, only=[there_is_a_file_called_readme])
    assert [each.got.partition(" ")[0] for each in report.failures] == ["ENOENT"]
    assert str(report).splitlines()[-1] == "0 holds, 1 fails, 0 does not apply"


def test_a_promise_that_needs_what_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no operation unlink"):
        promise({"unlink"})
