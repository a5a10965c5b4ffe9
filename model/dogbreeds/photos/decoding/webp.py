"""Cut an animated WebP down to its first frame.

A WebP is a RIFF file: a head of 12 bytes, then chunks of a kind (4 letters), a length (4 bytes,
little-endian), the data, and a zero after an odd length. An animation's VP8X chunk has the size of
its canvas, which may be far larger than any frame, and which libwebp allocates twice. Each ANMF
chunk is a frame: position, size (3 bytes each for width - 1 and height - 1), duration, flags, and
the chunks of a picture.
"""

from collections.abc import Iterator

__all__ = ["first_picture"]

_HEAD = 12  # bytes: RIFF, the length, WEBP
_ANIMATION, _EXIF, _ALPHA = 0x02, 0x08, 0x10  # flags of VP8X
_FLAGS = 8  # where they lie in the chunk, behind kind and length
_FRAME_SIZE = slice(8 + 6, 8 + 12)
_FRAME = 8 + 16  # where the chunks of the frame's picture begin
_OF_A_PICTURE = (b"ALPH", b"VP8 ", b"VP8L")


def first_picture(body: bytes) -> bytes:
    """Return an animation's first frame, with the file's EXIF, as a file; any other as it is.

    What is not whole stays as it is, for the decoder to refuse.
    """
    chunks = dict(reversed([*_chunks(body, _HEAD)]))  # the first of each kind
    header, frame = chunks.get(b"VP8X", b""), chunks.get(b"ANMF", b"")
    if len(header) <= _FLAGS or not header[_FLAGS] & _ANIMATION:
        return body
    picture = {kind: chunk for kind, chunk in _chunks(frame, _FRAME) if kind in _OF_A_PICTURE}
    if not picture:
        return body
    flags = header[_FLAGS] & (_EXIF | _ALPHA) | (_ALPHA if b"ALPH" in picture else 0)
    still = bytes((flags, 0, 0, 0)) + frame[_FRAME_SIZE]
    exif = [chunks[b"EXIF"]] if b"EXIF" in chunks else []
    content = b"".join((b"WEBP", _chunk(b"VP8X", still), *picture.values(), *exif))
    return _chunk(b"RIFF", content)


def _chunks(body: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the bytes of each whole chunk."""
    while at + 8 <= len(body):
        size = int.from_bytes(body[at + 4 : at + 8], "little")
        end = at + 8 + size
        if end > len(body):
            return
        yield body[at : at + 4], body[at:end] + b"\0" * (size % 2)
        at = end + size % 2


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "little") + data
