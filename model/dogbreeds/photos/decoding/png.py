"""Cut a PNG down to the chunks that its pixels and its orientation need.

A chunk is a length (4 bytes, big-endian), a type (4 letters), the data, and a CRC-32 of type and
data; a type in capitals is critical. What is cut costs nothing, a megabyte of text or a
decompression bomb in a colour profile as little as frames of an animation.
"""

import zlib

__all__ = ["pixels_only"]

_SIGNATURE = 8  # bytes
_ANCILLARY = (b"tRNS", b"eXIf")  # transparency and orientation


def pixels_only(body: bytes) -> bytes:
    """Keep the signature, the critical chunks, transparency and EXIF.

    As in every viewer, an ancillary chunk whose checksum is wrong counts as absent. What follows
    the last whole chunk is kept as it is: whether it suffices, the decoder finds out.

    Raises
    ------
    ValueError
        The checksum of a critical chunk is wrong.
    """
    kept = [body[:_SIGNATURE]]
    at = _SIGNATURE
    while at + 12 <= len(body):
        end = at + 12 + int.from_bytes(body[at : at + 4], "big")
        if end > len(body):
            break
        kind = body[at + 4 : at + 8]
        critical = kind[:1].isupper()
        if critical or kind in _ANCILLARY:
            if zlib.crc32(body[at + 4 : end - 4]) == int.from_bytes(body[end - 4 : end], "big"):
                kept.append(body[at:end])
            elif critical:
                raise ValueError(f"wrong checksum of the chunk {kind!r}")
        at = end
        if kind == b"IEND":
            return b"".join(kept)
    return b"".join((*kept, body[at:]))
