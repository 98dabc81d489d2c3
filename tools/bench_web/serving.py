"""A server of static pages for one measurement: over a slow line, and told what pages find."""

from __future__ import annotations

import gzip
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROUND_TRIP = 0.02  # seconds before an answer begins


class Link:
    """A line that carries so many bytes a second, shared by all who ask at a time."""

    def __init__(self, rate: float) -> None:
        self.rate, self.free, self.lock = rate, 0.0, threading.Lock()

    def carry(self, count: int) -> None:
        with self.lock:
            self.free = max(self.free, time.monotonic()) + count / self.rate
        time.sleep(max(0.0, self.free - time.monotonic()))


class Handler(SimpleHTTPRequestHandler):
    """Files, compressed as a server of static pages does, over a link where one is given."""

    protocol_version = "HTTP/1.1"

    def __init__(
        self,
        *args,
        link: Link | None,
        asked: list[Path],
        report: Callable[[dict], None] | None,
        **options,
    ) -> None:
        self.link, self.asked, self.report = link, asked, report
        super().__init__(*args, **options)

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            self.send_error(404)
            return
        self.asked.append(path)
        kind = self.guess_type(str(path))
        data = path.read_bytes()
        is_text = re.search("javascript|text|json|wasm|svg", kind)
        if is_text and self.link:
            data = gzip.compress(data, 6)
        if self.link:
            time.sleep(ROUND_TRIP)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if is_text and self.link:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        for start in range(0, len(data), 16_384):
            piece = data[start : start + 16_384]
            if self.link:
                self.link.carry(len(piece))
            try:
                self.wfile.write(piece)
            except BrokenPipeError:  # the page was left
                return

    def do_POST(self) -> None:
        """What a page has found, which goes on when it has its answer."""
        if self.report is None:
            self.send_error(405)
            return
        self.report(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


@contextmanager
def served(
    folder: Path, link: Link | None = None, report: Callable[[dict], None] | None = None
) -> Iterator[tuple[str, list[Path]]]:
    """A server over a folder, on this machine alone: its address, and the files asked for."""
    asked: list[Path] = []
    handler = partial(Handler, directory=str(folder), link=link, asked=asked, report=report)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
