"""A web server on loopback that serves a directory, with pieces of files or only whole ones."""

from __future__ import annotations

import contextlib
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs


class Pages(http.server.SimpleHTTPRequestHandler):
    """Whole files, and listings."""

    asked: list[str]

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.asked.append(f"{self.path} {self.headers.get('Range', 'whole')}")
        with contextlib.suppress(BrokenPipeError):  # who wanted a piece may hang up on the rest
            super().do_GET()


class Pieces(Pages):
    """Pieces of files as well, as web servers usually do."""

    def do_GET(self) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if wanted is None or not path.is_file():
            super().do_GET()
            return
        self.asked.append(f"{self.path} {wanted[1]}-{wanted[2]}")
        data, start = path.read_bytes(), int(wanted[1])
        piece = data[start : int(wanted[2]) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(piece)))
        self.send_header("Content-Range", f"bytes {start}-{start + len(piece) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(piece)

    def end_headers(self) -> None:
        self.send_header("Accept-Ranges", "bytes")
        super().end_headers()


@attrs.frozen
class Site:
    """Where the server is, and what it was asked for."""

    url: str
    asked: list[str]


@contextmanager
def served(directory: Path, handler: type[Pages]) -> Iterator[Site]:
    """Serve *directory* in this context."""
    asked: list[str] = []

    class Here(handler):  # type: ignore[misc, valid-type]  # either of the two
        def __init__(self, *args: Any) -> None:
            self.asked = asked
            super().__init__(*args, directory=str(directory))

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Here) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Site(f"http://127.0.0.1:{server.server_address[1]}", asked)
        finally:
            server.shutdown()
            thread.join()
