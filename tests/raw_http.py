"""Requests in raw bytes, as clients write them that ask for another protocol."""

import http.client
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedReader

#: What Java's HttpClient sends with the first request of a connection (JDK 17, its defaults).
JAVA = (
    b"Connection: Upgrade, HTTP2-Settings\r\n"
    b"HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n"
    b"Upgrade: h2c\r\n"
    b"User-Agent: Java-http-client/17.0.9\r\n"
)
WEBSOCKET = (
    b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
)
EXPECT = b"Expect: 100-continue\r\n"
SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes


def post(port: int, path: str, headers: bytes, body: bytes, *, chunked: bool = False) -> bytes:
    """Return a POST in bytes."""
    if chunked:
        framing = b"Transfer-Encoding: chunked\r\n"
        middle = len(body) // 2
        parts = (body[:middle], body[middle:], b"")
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    else:
        framing = b"Content-Length: %d\r\n" % len(body)
    host = b"Host: 127.0.0.1:%d\r\n" % port
    return b"POST %b HTTP/1.1\r\n%b\r\n%b" % (path.encode(), headers + framing + host, body)


def exchange(port: int, segments: Sequence[bytes], answers: int = 1) -> list[Answer]:
    """Send segments with a pause after each; return the answers on the same connection."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for segment in segments:
            connection.sendall(segment)
            time.sleep(0.1 / len(segments))  # so that the server reads it alone
        with connection.makefile("rb") as file:
            return [_read(file) for _ in range(answers)]


def _read(file: BufferedReader) -> Answer:
    """Read one answer, the 100 before it left out."""
    status = 100
    while status == 100:
        status = int(file.readline().split()[1])
        headers = http.client.parse_headers(file)
    if headers.get("transfer-encoding") != "chunked":
        return Answer(status, file.read(int(headers.get("content-length", -1))))
    body = b""
    while size := int(file.readline(), 16):
        body += file.read(size)
        file.readline()
    file.readline()
    return Answer(status, body)
