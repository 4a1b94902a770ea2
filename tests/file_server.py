"""Files on the loopback, from a server that can misbehave."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    """Serves files; `/cut/...` promises more than it sends, `/hangup/...` answers nothing at all."""

    def do_GET(self) -> None:
        self.server.requests.append(self.path)  # type: ignore[attr-defined]
        if self.path.startswith("/hangup/"):
            self.close_connection = True
            return
        cut = self.path.startswith("/cut/")
        body = self.server.files.get(self.path.removeprefix("/cut"))  # type: ignore[attr-defined]
        if body is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[ThreadingHTTPServer]:
    """A server of path -> content, whose attribute `requests` lists the paths that were asked for."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        running.files, running.requests = files, []  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield running
        finally:
            running.shutdown()
            thread.join()
