"""``puffpy.mount()`` in a program: the program is a child process, which ends within a time limit."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.harness import detach, run, wait_for
from tests.serve.program import LIMIT, Program


@pytest.fixture
def program_on(mnt: Path) -> Iterator[Program]:
    yield Program(mnt)
    for place in Program(mnt).left():
        detach(Path(place))


def test_the_program_itself_may_use_the_mount(program_on: Program) -> None:
    text = """
    with puffpy.mount(Subject(), MNT) as m:
        print(m.mountpoint == MNT, is_mounted(), sorted(os.listdir(MNT)))
        with open(MNT + "/file", "r+b") as file:
            file.write(b"pink")
            file.flush()
            file.seek(0)
            print(file.read(4), os.stat(MNT + "/file").st_size == SIZE)
        print(subprocess.run(["head", "-c4", MNT + "/file"], capture_output=True).stdout)
    print(is_mounted())
    """
    assert program_on.run(text).splitlines() == [
        "True True ['directory', 'file', 'secret', 'slow']",
        "b'pink' True",
        "b'pink'",
        "False",
    ]


def test_an_exception_inside_unmounts_and_goes_on(program_on: Program) -> None:
    text = """
    try:
        with puffpy.mount(Subject(), MNT):
            os.stat(MNT)
            raise KeyError("mine")
    except KeyError as exc:
        print(exc, is_mounted())
    with puffpy.mount(Subject(), MNT):
        sys.exit(3)
    """
    assert program_on.run(text, status=3) == "'mine' False\n"


def test_unmount_may_be_called_twice_and_waiting_ends(program_on: Program) -> None:
    text = """
    m = puffpy.mount(Subject(), MNT)
    print(m.wait(0))
    m.unmount()
    print(is_mounted(), m.wait(0))
    m.unmount()
    print(m.wait())
    with puffpy.mount(Subject(), MNT) as again:
        m.unmount()
        print(is_mounted())
    """
    assert program_on.run(text) == "False\nFalse True\nTrue\nTrue\n"


def test_waiting_ends_when_somebody_unmounts_from_outside(program_on: Program) -> None:
    process = program_on.start(
        """
        with puffpy.mount(Subject(), MNT) as m:
            print("mounted")
            print(m.wait())
        """
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "mounted\n"
    run("umount", program_on.mnt)
    assert program_on.finish(process) == "True\n"


def test_a_program_that_forgets_to_unmount_leaves_nothing(program_on: Program) -> None:
    text = """
    class Vfs(puffpy.VfsOps):
        def unmount(self):
            print("unmounted")

    puffpy.mount(Subject(), MNT, vfsops=Vfs())
    os.stat(MNT + "/file")
    """
    assert program_on.run(text) == "unmounted\n"


def test_a_program_that_forgets_and_fails_leaves_nothing(program_on: Program) -> None:
    assert program_on.run("m = puffpy.mount(Subject(), MNT)\n1 / 0", status=1) == ""


def test_a_fork_of_the_program_does_not_unmount_at_its_end(program_on: Program) -> None:
    text = """
    m = puffpy.mount(Subject(), MNT)
    pid = os.fork()
    if not pid:
        sys.exit(0)
    os.waitpid(pid, 0)
    print(is_mounted(), os.path.exists(MNT + "/file"))
    m.unmount()
    """
    assert program_on.run(text) == "True True\n"


def test_several_mounts_in_one_process_do_not_know_of_each_other(program_on: Program) -> None:
    text = """
    places = [f"{PLACE}/{number}" for number in range(3)]
    mounts = []
    for number, place in enumerate(places):
        os.mkdir(place)
        subject = Subject()
        subject.content[:1] = b"%d" % number
        mounts.append(puffpy.mount(subject, place))
    print([open(place + "/file", "rb").read(1) for place in places])
    mounts.pop(1).unmount()
    print([is_mounted(place) for place in places])
    print(open(places[2] + "/file", "rb").read(1))
    inside = places[0] + "/directory"
    with puffpy.mount(Subject(), inside):
        print(sorted(os.listdir(inside))[0])
    for m in mounts:
        m.unmount()
    """
    assert program_on.run(text).splitlines() == [
        "[b'0', b'1', b'2']",
        "[True, False, True]",
        "b'2'",
        "directory",
    ]


def test_a_mount_in_use_is_cut_after_its_grace(program_on: Program) -> None:
    text = """
    import puffpy.serve
    puffpy.serve.GRACE = 0.2
    for where in ("", "/directory"):
        with puffpy.mount(Subject(), MNT):
            child = subprocess.Popen(["sh", "-c", 'cd "$1"; echo in; read _', "sh", MNT + where],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            child.stdout.readline()
        print(is_mounted())
        child.communicate()
    """
    assert program_on.run(text) == "False\nFalse\n"


def test_an_operation_that_does_not_return_loses_its_mount(program_on: Program) -> None:
    text = """
    import puffpy.mount, puffpy.serve
    sys.modules["puffpy.mount"].PATIENCE = puffpy.serve.GRACE = 0.2
    entered, go_on = threading.Event(), threading.Event()

    class Stuck(Subject):
        def read(self, vp, offset, size, call):
            entered.set()
            go_on.wait()
            return b""

    m = puffpy.mount(Stuck(), MNT)
    child = subprocess.Popen(["cat", MNT + "/file"], stderr=subprocess.PIPE, text=True)
    entered.wait()
    try:
        m.unmount()
    except puffpy.MountError as exc:
        print("does not return" in str(exc), is_mounted())
    print(bool(child.communicate()[1]))
    go_on.set()
    print(m.wait(10))
    m.unmount()
    """
    assert program_on.run(text) == "True False\nTrue\nTrue\n"


def test_an_operation_cannot_unmount_what_it_is_answering(program_on: Program) -> None:
    text = """
    class Suicidal(Subject):
        def read(self, vp, offset, size, call):
            try:
                m.unmount()
            except RuntimeError as exc:
                return b"inside" if "another thread" in str(exc) else b"?"

    m = puffpy.mount(Suicidal(), MNT)
    with open(MNT + "/file", "rb", buffering=0) as file:
        print(file.read(6))
    m.unmount()
    """
    assert program_on.run(text) == "b'inside'\n"


def test_a_file_system_that_will_not_start_leaves_nothing(program_on: Program) -> None:
    text = """
    class Vfs(puffpy.VfsOps):
        def start(self, kernel):
            raise PermissionError(13, "closed")

    try:
        puffpy.mount(Subject(), MNT, vfsops=Vfs())
    except puffpy.MountError as exc:
        print(exc.errno, is_mounted(), threading.active_count())
    """
    assert program_on.run(text) == "13 False 1\n"


def test_no_child_process_inherits_the_device(program_on: Program) -> None:
    text = """
    with puffpy.mount(Subject(), MNT):
        children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
        others = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
        print(len(children) == 1)
        for pid in (*children, str(others.pid)):
            fds = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            print([fd for fd in fds if "fuse" in fd])
        others.communicate()
    print(open(f"/proc/self/task/{os.getpid()}/children").read().split())
    print(len([fd for fd in os.listdir("/proc/self/fd")]) <= 4)
    """
    assert program_on.run(text) == "True\n[]\n[]\n[]\nTrue\n"


def test_a_dead_mount_is_refused_as_a_mount_point(program_on: Program) -> None:
    # The kernel may answer a stat() of the dead mount's root from what it remembers.
    options = "puffpy.MountOptions(auto_unmount=False, attr_timeout=1e6)"
    text = f"""
    m = puffpy.mount(Subject(), MNT, options={options})
    os.stat(MNT)
    os.kill(os.getpid(), 9)
    """
    process = program_on.start(text)
    process.communicate(timeout=LIMIT)
    assert program_on.left() == [str(program_on.mnt)]
    again = program_on.start("puffpy.mount(Subject(), MNT)")
    _, err = again.communicate(timeout=LIMIT)
    assert f"fusermount3 -u {program_on.mnt}" in err
    detach(program_on.mnt)


@pytest.mark.parametrize("ttl", ["1", "1e6"])
def test_a_program_that_is_killed_leaves_no_mount(program_on: Program, ttl: str) -> None:
    text = f"""
    m = puffpy.mount(Subject(), MNT, options=puffpy.MountOptions(attr_timeout={ttl}, entry_timeout={ttl}))
    os.stat(MNT)
    os.kill(os.getpid(), 9)
    """
    program_on.start(text).communicate(timeout=LIMIT)
    wait_for(lambda: not program_on.left(), "the watcher has unmounted it")


def test_a_recorded_mount_can_be_replayed(program_on: Program) -> None:
    text = """
    from filesystems.detrempe import Detrempe
    from puffpy.record import Recorder
    from puffpy.testing import load, replay

    with tempfile.NamedTemporaryFile() as file:
        recorder = Recorder(file)
        with recorder.clock():
            fs = Detrempe()
        with puffpy.mount(fs, MNT, recorder=recorder):
            os.mkdir(MNT + "/d")
            with open(MNT + "/d/f", "w") as song:
                song.write("us and them")
            os.rename(MNT + "/d/f", MNT + "/d/g")
            print(os.listdir(MNT + "/d"))
        file.flush()
        records = load(file.name)
        print(len(records) > 10, replay(records, Detrempe))
    """
    assert program_on.run("import tempfile\n" + inspect.cleandoc(text)).splitlines() == ["['g']", "True []"]
