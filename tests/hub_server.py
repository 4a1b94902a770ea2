"""A model hub on the loopback, as far as downloads need one, and every way in which it can fail."""

import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from huggingface_hub.utils import disable_progress_bars, enable_progress_bars

COMMIT = "c" * 40


class LoopbackHub:
    """Serves one repository.

    Attributes:
        repo, files: its id, and file's name -> content.
        fault: what goes wrong: empty for nothing, a status such as `404`, `slow`, `broken` (half of the last file, every time),
            `page` (what a hotel's network answers), `list` or `null` (JSON of another kind).
        asked: methods and paths so far.
    """

    def __init__(self, repo, files):
        self.repo, self.files, self.fault, self.asked = repo, files, "", []
        self.released = threading.Event()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                hub.answer(self, self.path.partition("?")[0])

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request, path):
        self.asked.append(f"{request.command} {path}")
        if self.fault == "slow":
            self.released.wait()
        elif self.fault == "page":
            self.send(request, b"<html>Please log in.</html>")
        elif self.fault in ("list", "null"):
            self.send(request, b"[]" if self.fault == "list" else b"null")
        elif self.fault.isdigit():
            self.send(request, b"{}", int(self.fault))
        elif path.startswith(f"/api/models/{self.repo}/tree/"):
            listed = [
                {"type": "file", "path": n, "size": len(c), "oid": hashlib.sha1(c).hexdigest()} for n, c in self.files.items()
            ]
            self.send(request, json.dumps(listed).encode())
        elif path.startswith(f"/api/models/{self.repo}"):
            siblings = [{"rfilename": name, "size": len(content)} for name, content in self.files.items()]
            self.send(request, json.dumps({"id": self.repo, "sha": COMMIT, "siblings": siblings}).encode())
        else:
            name = path.rpartition("/")[2]
            self.send(request, self.files[name], broken=self.fault == "broken" and name == list(self.files)[-1])

    def send(self, request, content, status=200, broken=False):
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        request.send_header("X-Repo-Commit", COMMIT)
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(content[: len(content) // 2] if broken else content)


@contextmanager
def loopback_hub(repo, files, folder, monkeypatch):
    """The hub that the hub's library asks meanwhile; it keeps what it downloads in `folder`, and is not patient."""
    hub = LoopbackHub(repo, files)
    for name, value in {
        "ENDPOINT": hub.address,
        "HUGGINGFACE_CO_URL_TEMPLATE": hub.address + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_CACHE": str(folder),
        "HF_HUB_ETAG_TIMEOUT": 0.3,
        "HF_HUB_DOWNLOAD_TIMEOUT": 0.3,
        "HF_HUB_OFFLINE": False,
        "HF_HUB_DISABLE_XET": True,
    }.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)  # between its attempts
    disable_progress_bars()
    thread = threading.Thread(target=hub.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        enable_progress_bars()
        hub.released.set()
        hub.server.shutdown()
        thread.join()
        hub.server.server_close()
