"""Serve a container's HTTP API without a model; body and environment choose the answer.

TINY_PING: "never" answers 503 to every ping; "dies" ends at once. TINY_NAME is in each answer. A
body `status 418 words` is answered with that status and those words, `die` ends the process, and
`wait 2` takes two seconds.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(503 if os.environ.get("TINY_PING") == "never" else 200, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        word, _, rest = body.partition(" ")
        if word == "die":
            os._exit(3)
        if word == "wait":
            time.sleep(float(rest))
        if word == "status":
            status, _, text = rest.partition(" ")
            self.answer(int(status), text.encode())
            return
        answer = {
            "name": os.environ.get("TINY_NAME", ""),
            "pid": os.getpid(),
            "headers": {name.lower(): value for name, value in self.headers.items()},
        }
        self.answer(200, json.dumps(answer).encode())

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if attributes := self.headers.get("X-Amzn-SageMaker-Custom-Attributes"):
            self.send_header("X-Amzn-SageMaker-Custom-Attributes", f"seen {attributes}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    if os.environ.get("TINY_PING") == "dies":
        sys.exit("no model here")
    address = ("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
    ThreadingHTTPServer(address, Handler).serve_forever()
