import pytest

from classify.decoding import formats
from tests.odd_photos import NAMES, brands


@pytest.mark.parametrize(
    ("name", "body"), NAMES, ids=lambda value: value if str(value) == value else ""
)
def test_a_format_that_is_not_decoded_is_named(name: str, body: bytes) -> None:
    assert formats.foreign(body) == name
    assert formats.accepted(body) is None


def test_a_brand_counts_inside_its_box_only() -> None:
    assert formats.foreign(brands(b"isom", *[b"mp42"] * 100, b"avif")) == "an AVIF"
    assert formats.foreign(brands(b"isom", b"mp42").rstrip(b"\0") + b"avif") == "an MP4"
    assert formats.foreign(brands(b"isom", b"aavi", b"fmp4")) == "an MP4"  # not across two of them
    assert formats.foreign(b"\0\0\0\x14ftypisomavif") == "an MP4"  # the version of the major brand
    assert formats.foreign(b"\0\0\0\x14ftyp") == "an MP4"


@pytest.mark.parametrize("body", [b"", b"Dear dog,", b"ftypavif", b"RIFF....WAVE"])
def test_unknown_bytes_have_no_format(body: bytes) -> None:
    assert formats.foreign(body) is None
    assert formats.accepted(body) is None
