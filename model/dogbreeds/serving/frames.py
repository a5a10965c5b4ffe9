"""Frames between the server and its replicas, sent over a socket pair.

A request frame holds a number, a content type, parameters and a body; a reply frame holds the
request's number, an HTTP status and a body. The first reply of a replica has the number 0: status
200 and the model's label once it is ready, or 500 and the reason why it cannot become ready. From
then on it sends an empty one with the number BEAT every second, which shows that it is not hung.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

READY = 0  # the number of a replica's first reply; requests count from 1
BEAT = 2**64 - 1
BEAT_SECONDS = 1.0
REQUEST = struct.Struct("!QHHI")  # number, bytes of content type, of parameters and of body
REPLY = struct.Struct("!QHI")  # number, HTTP status, bytes of body
MAX_CONTENT_TYPE = 200  # bytes that are passed on; no served content type is as long


@dataclass(frozen=True)
class Request:
    """A request to a replica."""

    number: int
    content_type: str
    body: bytes
    parameters: str = ""  # as `parameters.Parameters.text` writes them

    def head(self) -> bytes:
        """Return the frame's bytes before the body."""
        content_type = self.content_type.encode("utf-8", "replace")[:MAX_CONTENT_TYPE]
        parameters = self.parameters.encode()
        lengths = REQUEST.pack(self.number, len(content_type), len(parameters), len(self.body))
        return lengths + content_type + parameters


@dataclass(frozen=True)
class Reply:
    """A replica's reply to a request."""

    number: int
    status: int
    body: bytes

    def encode(self) -> bytes:
        """Return the frame's bytes."""
        return REPLY.pack(self.number, self.status, len(self.body)) + self.body


def read_request(stream: BinaryIO) -> Request | None:
    """Read the next request; return None when the server has closed its end."""
    head = stream.read(REQUEST.size)
    if len(head) < REQUEST.size:
        return None
    number, type_length, parameters_length, body_length = REQUEST.unpack(head)
    content_type, parameters = stream.read(type_length), stream.read(parameters_length)
    body = stream.read(body_length)
    if len(body) < body_length:
        return None
    return Request(number, content_type.decode("utf-8", "replace"), body, parameters.decode())
