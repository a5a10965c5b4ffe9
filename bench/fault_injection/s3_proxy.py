"""Proxy a function's calls to S3, and answer some of them with 500."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

from fault_injection.cloud import KennelUp

#: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
INTERNAL_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InternalError</Code>'
    b"<Message>We encountered an internal error. Please try again.</Message></Error>"
)
_OF_THE_CONNECTION = {"host", "connection", "content-length", "transfer-encoding"}


class S3Proxy(ThreadingHTTPServer):
    """Answers its first requests with 500 InternalError, and passes the others on.

    Attributes
    ----------
    failed
        How many requests have got 500.
    """

    def __init__(self, url: str, failures: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url, self.failures, self.failed = url, failures, 0


class _Handler(BaseHTTPRequestHandler):
    server: S3Proxy

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.server.failed < self.server.failures:
            self.server.failed += 1
            self._send(500, {"content-type": "application/xml"}, INTERNAL_ERROR)
            return
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _OF_THE_CONNECTION}
        with httpx.Client(trust_env=False, timeout=60) as client:
            answer = client.request(
                self.command, self.server.url + self.path, content=body, headers=headers
            )
        self._send(answer.status_code, dict(answer.headers), answer.content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  # http.server's names

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        is_head = self.command == "HEAD"
        length = headers.get("content-length", "0") if is_head else str(len(content))
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _OF_THE_CONNECTION | {"content-encoding"}:
                self.send_header(name, value)
        self.send_header("content-length", "0" if status >= 500 and is_head else length)
        self.end_headers()
        if not is_head:
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@contextlib.contextmanager
def failing_s3(cloud: KennelUp, function: str, failures: int) -> Iterator[S3Proxy]:
    """Send a function's calls to S3 through a proxy while the block runs.

    Its address is given to botocore by AWS_ENDPOINT_URL_S3, in its environment.
    """
    proxy = S3Proxy(cloud.address.aws_url, failures)
    thread = threading.Thread(target=proxy.serve_forever)
    thread.start()
    before = cloud.function(function)
    name, variables = before["FunctionName"], before["Environment"]["Variables"]
    url = {"AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{proxy.server_port}"}
    try:
        cloud.configure(name, Environment={"Variables": {**variables, **url}})
        yield proxy
    finally:
        cloud.configure(name, Environment={"Variables": variables})
        proxy.shutdown()
        thread.join()
        proxy.server_close()
