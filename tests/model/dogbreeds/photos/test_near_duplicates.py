import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from dogbreeds.photos.decode import wire_image
from dogbreeds.photos.near_duplicates import (
    BITS,
    MAX_DIFFERENT,
    Hash,
    near_duplicates,
    perceptual_hash,
)
from tests.model.pictures import picture, saved


def again(image: Image.Image) -> dict[str, Image.Image]:
    """The same picture as people come by it twice."""
    width, height = image.size
    small = image.resize((width // 2, height // 2))
    return {
        "smaller": small,
        "saved badly": wire_image(saved(image, quality=30)),
        "as PNG": wire_image(saved(image, "PNG")),
        "brighter": ImageEnhance.Brightness(image).enhance(1.15),
        "paler": ImageEnhance.Contrast(image).enhance(0.7),
        "grey": image.convert("L").convert("RGB"),
        "mirrored": image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "mirrored, smaller": small.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    }


def hashed(image: Image.Image) -> Hash:
    value = perceptual_hash(image)
    assert value is not None and value.shape == (BITS // 8,)
    return value


@pytest.mark.parametrize("change", sorted(again(picture(0))))
def test_the_same_picture_is_found_among_others(change: str) -> None:
    others: list[Hash | None] = [hashed(picture(number)) for number in range(1, 60)]
    assert near_duplicates(others) == []
    original = picture(0)
    changed = hashed(again(original)[change])
    assert near_duplicates([hashed(original), *others, changed]) == [[0, 60]]


@pytest.mark.shared
def test_changed_copies_of_real_photos_are_near_duplicates(shared_data: Path) -> None:
    photos = [wire_image(p.read_bytes()) for p in sorted(shared_data.glob("pets13/*/*.jpg"))[::2]]
    hashes: list[Hash | None] = [hashed(photo) for photo in photos]
    assert near_duplicates(hashes) == []
    copies: list[Hash | None] = [
        hashed(again(photo)[change])
        for photo in photos[:10]
        for change in ("smaller", "saved badly", "grey", "mirrored, smaller")
    ]
    assert near_duplicates(hashes + copies) == [
        [place, *range(len(photos) + 4 * place, len(photos) + 4 * place + 4)] for place in range(10)
    ]


def test_a_picture_of_one_colour_is_no_one_s_copy() -> None:
    flat = Image.new("RGB", (64, 64), "red")
    assert perceptual_hash(flat) is None
    assert near_duplicates([None, None, hashed(picture(1))]) == []


def test_near_duplicates_are_grouped_by_index() -> None:
    one, other = hashed(picture(1)), hashed(picture(2))
    assert near_duplicates([]) == []
    assert near_duplicates([one]) == []
    assert near_duplicates([one, None, other, one, one, other]) == [[0, 3, 4], [2, 5]]


@pytest.mark.parametrize("different", [0, 6, 12, MAX_DIFFERENT, MAX_DIFFERENT + 1])
def test_the_buckets_find_what_comparing_all_with_all_finds(different: int) -> None:
    random = np.random.default_rng(different)
    bits = random.integers(0, 2, (3000, BITS), dtype=np.uint8)
    copies = bits[:100].copy()
    for row in copies:
        row[random.choice(BITS, different, replace=False)] ^= 1
    packed = np.packbits(np.concatenate([bits, copies]), axis=1)
    groups = near_duplicates(list(packed))
    near = different <= MAX_DIFFERENT
    expected = [[place, 3000 + place] for place in range(100)] if near else []
    assert all(pair in expected for pair in groups)
    # chance decides at the edge: 12 of 128 always share a bucket, 22 do in 19 of 20 pairs
    assert len(groups) >= len(expected) * (1 if different <= 12 else 0.9)


def test_command_line(tmp_path: Path) -> None:
    names = [str(tmp_path / f"{number}.png") for number in range(2)]
    for name in names:
        picture(5).save(name)
    run = [sys.executable, "-m", "dogbreeds.photos.near_duplicates", *names]
    completed = subprocess.run(run, capture_output=True, text=True, check=True)
    assert completed.stdout == f"{names[0]} = {names[1]}\n"
