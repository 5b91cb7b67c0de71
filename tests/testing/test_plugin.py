"""The fixtures for pytest, in a pytest of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytest that finds the project, and our plugin though it may not be installed."""
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    return pytester


def run(inner: pytest.Pytester, body: str) -> pytest.RunResult:
    inner.makepyfile(body)
    return inner.runpytest_subprocess("-p", "puffpy.testing.plugin", "-p", "no:cacheprovider", "-rs")


def test_a_vector_is_used_without_a_mount(inner: pytest.Pytester) -> None:
    result = run(
        inner,
        """
        import os
        from filesystems.detrempe import Detrempe

        def test_two_kernels_are_two_file_systems(userkernel):
            one, two = userkernel(Detrempe()), userkernel(Detrempe())
            one.mkdir("directory")
            assert one.listdir("/") == ["directory"]
            assert two.listdir("/") == []

        def test_what_is_left_open_is_closed(userkernel):
            kernel = userkernel(Detrempe())
            kernel.open("file", os.O_CREAT)
        """,
    )
    result.assert_outcomes(passed=2)


def test_options_are_the_mounts(inner: pytest.Pytester) -> None:
    result = run(
        inner,
        """
        import puffpy, pytest
        from filesystems.detrempe import Detrempe

        def test_read_only(userkernel):
            kernel = userkernel(Detrempe(), options=puffpy.MountOptions(ro=True))
            with pytest.raises(OSError, match="Read-only"):
                kernel.mkdir("directory")
        """,
    )
    result.assert_outcomes(passed=1)


@pytest.mark.mounted
def test_it_is_mounted_in_this_process_or_another(inner: pytest.Pytester) -> None:
    result = run(
        inner,
        """
        import os
        from filesystems.detrempe import Detrempe

        mounts = []

        def test_in_a_thread(mounted):
            fs = Detrempe()
            where = mounted(fs)
            (where / "file").write_text("data")
            assert fs.root.children["file"].vattr.size == 4
            mounts.append(where)

        def test_in_a_child(mounted):
            where = mounted("filesystems.detrempe", "-o", "size=1M")
            (where / "file").write_text("data")
            assert os.statvfs(where).f_blocks == 256
            mounts.append(where)

        def test_nothing_stays_mounted():
            assert len(mounts) == 2
            assert not any(os.path.ismount(where) for where in mounts)
        """,
    )
    result.assert_outcomes(passed=3)


def test_where_nothing_can_be_mounted_it_is_skipped_with_the_reason(inner: pytest.Pytester) -> None:
    result = run(
        inner,
        """
        import os
        import pytest

        @pytest.fixture(autouse=True)
        def no_device(monkeypatch):
            there = os.path.exists
            monkeypatch.setattr(os.path, "exists", lambda path: path != "/dev/fuse" and there(path))

        def test_needs_a_mount(mounted):
            raise AssertionError("not reached")
        """,
    )
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*there is no /dev/fuse here*"])


def test_what_cannot_be_mounted_fails_with_what_the_server_said(inner: pytest.Pytester) -> None:
    result = run(
        inner,
        """
        def test_misspelt(mounted):
            mounted("filesystems.detrmpe")
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*there is no module filesystems.detrmpe*"])
