"""What a recorder writes down, and what it must not wait for."""

from __future__ import annotations

import io
import threading

from puffpy.record import Record, Recorder, What, counted, number, packed, read


class Device:
    """Registers every file for passthrough as 7."""

    def backing_open(self, fd: int) -> int:
        return 7 if fd else 0

    def backing_close(self, backing_id: int) -> None:
        pass


def test_registering_a_file_while_the_clock_is_listened_to_waits_for_nobody() -> None:
    file = io.BytesIO()
    recorder = Recorder(file)
    device = recorder.backing_device(Device())

    def register() -> None:
        with recorder.clock():
            device.backing_open(3)

    thread = threading.Thread(target=register, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive(), "the recorder waits for itself"
    file.seek(0)
    assert [(each.what, number(each)) for each in read(file)] == [(What.BACKING, 7)]


def test_what_is_packed_is_read() -> None:
    written = [Record(5, What.REQUEST, b"anything"), counted(6, What.LOST, 12)]
    file = io.BytesIO()
    Recorder(file)
    file.write(b"".join(map(packed, written)))
    file.seek(0)
    assert list(read(file)) == written
    assert number(written[1]) == 12
