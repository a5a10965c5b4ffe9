"""What the server and its replicas say to each other, over a socket pair: requests and replies.

A request is its number, a content type and a body; a reply is the request's number, an HTTP status
and a body. A replica's first reply has the number 0: status 200 and the model's label once it is
ready, or 500 and the reason why it will never be.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

READY = 0  # the number of a replica's first reply; requests count from 1
REQUEST = struct.Struct("!QHI")  # number, bytes of content type, bytes of body
REPLY = struct.Struct("!QHI")  # number, HTTP status, bytes of body
MOST_KIND = 200  # bytes of a content type that are passed on; longer ones are served by nobody


@dataclass(frozen=True)
class Request:
    """One request on its way to a replica."""

    number: int
    content_type: str
    body: bytes

    def head(self) -> bytes:
        """Return what goes before the body."""
        kind = self.content_type.encode("utf-8", "replace")[:MOST_KIND]
        return REQUEST.pack(self.number, len(kind), len(self.body)) + kind


@dataclass(frozen=True)
class Reply:
    """One reply on its way back."""

    number: int
    status: int
    body: bytes

    def encode(self) -> bytes:
        """Return the reply's bytes."""
        return REPLY.pack(self.number, self.status, len(self.body)) + self.body


def read_request(stream: BinaryIO) -> Request | None:
    """Read the next request; None when the server has closed its end."""
    head = stream.read(REQUEST.size)
    if len(head) < REQUEST.size:
        return None
    number, kind, body = REQUEST.unpack(head)
    content_type, content = stream.read(kind), stream.read(body)
    if len(content) < body:
        return None
    return Request(number, content_type.decode("utf-8", "replace"), content)
