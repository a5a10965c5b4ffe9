"""Read requests that ask for another protocol, such as `Upgrade: h2c` of Java's HttpClient.

A server may ignore the wish (RFC 9110, 7.8) and answer in HTTP/1.1. httptools stops at the end of
such a request's head, and uvicorn takes it for a request without a body. So the head is read a
second time here, without the wish, and the body after it.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class UpgradeIgnoringProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 over httptools, for which no request is an upgrade."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._start_parser()

    def _start_parser(self) -> "_Parser":
        self.parser = parser = _Parser(self)
        parser.protocol = self
        parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        return parser

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is read again."""
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the request, unless its head is read again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def read_again(self, method: bytes, version: str) -> tuple["_Parser", bytes]:
        """Return a parser, and the head of the request without its wish for another protocol."""
        head = [method, b" ", self.url, b" HTTP/", version.encode(), b"\r\n"]
        for name, value in self.headers:
            kept = _without_wish(value) if name == b"connection" else value
            if name != b"upgrade":
                head += [name, b": ", kept, b"\r\n"]
        return self._start_parser(), b"".join([*head, b"\r\n"])


class _Parser(httptools.HttpRequestParser):
    """httptools' parser, which reads the head of a request for another protocol again."""

    protocol: UpgradeIgnoringProtocol

    def feed_data(self, data: Any) -> None:
        parser = self
        while True:
            try:
                return super(_Parser, parser).feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                method = parser.get_method()
                if method == b"CONNECT":  # a tunnel, which the head alone asks for
                    raise httptools.HttpParserInvalidMethodError("no proxy") from upgrade
                rest = data[upgrade.args[0] :]
                parser, head = self.protocol.read_again(method, parser.get_http_version())
                data = head + rest


def _without_wish(options: bytes) -> bytes:
    wish = {b"upgrade", b"http2-settings"}
    return b",".join(each for each in options.split(b",") if each.strip().lower() not in wish)
