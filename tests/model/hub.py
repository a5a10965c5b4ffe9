"""A hub on loopback that answers as timm's does: HEAD and GET of /OWNER/NAME/resolve/REV/FILE."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub:
    """Files by "OWNER/NAME", each at one commit; what it sends can be made wrong."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.commit = "a" * 40
        self.digest: str | None = None  # None: the file's own
        self.sent: float = 1.0  # share of the file
        self.requests: list[str] = []
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        owner, name, _, revision, *file = handler.path.strip("/").split("/") + [""] * 5
        self.requests.append(f"{handler.command} {handler.path}")
        body = self.files.get(f"{owner}/{name}")
        if body is None or file[0] != "model.safetensors" or revision not in ("main", self.commit):
            handler.send_response(404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        digest = self.digest or hashlib.sha256(body).hexdigest()
        handler.send_response(200)
        handler.send_header("X-Repo-Commit", self.commit)
        handler.send_header("ETag", f'"{digest}"')
        handler.send_header("X-Linked-Etag", f'"{digest}"')
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body[: int(self.sent * len(body))])


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """Serve a hub while the block runs."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hub.answer(self)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
