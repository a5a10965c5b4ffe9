import hashlib
from collections import Counter
from pathlib import Path

import pytest

from dogbreeds.data.splits import digest_of, split_by_digest


@pytest.mark.parametrize("count", range(1, 12))
def test_small_breeds_fill_every_split_they_can(count: int) -> None:
    digests = {hashlib.sha256(bytes([number])).hexdigest() for number in range(count)}
    chosen = split_by_digest(digests, ("valid", "test"))
    assert set(chosen) == digests
    assert len(set(chosen.values())) >= min(count, 2)
    assert "train" in chosen.values() or count < 3
    if count >= 5:
        assert set(chosen.values()) == {"train", "valid", "test"}


def test_shares() -> None:
    digests = {hashlib.sha256(str(number).encode()).hexdigest() for number in range(4000)}
    sizes = Counter(split_by_digest(digests, ("valid", "test")).values())
    assert sizes["test"] == pytest.approx(600, abs=75) == sizes["valid"]
    only_test = split_by_digest(digests, ("test",))
    assert Counter(only_test.values())["test"] == sizes["test"]
    assert "valid" not in only_test.values()


def test_digest(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    assert digest_of(photo) == hashlib.sha256(b"photo").hexdigest()
    assert digest_of(tmp_path / "gone.jpg") == hashlib.sha256(b"gone.jpg").hexdigest()
