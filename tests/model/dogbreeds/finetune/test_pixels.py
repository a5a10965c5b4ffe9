from pathlib import Path

import pytest
import torch

from dogbreeds.finetune.cache import open_cache, whole_view
from dogbreeds.finetune.pixels import (
    CachedPixels,
    DecodedOnDemand,
    GpuPixels,
    fits_in_memory,
    open_pixels,
    prefetch_plan,
)
from dogbreeds.training.flags import HOST_GB
from tests.model.dogbreeds.finetune.tiny import photos

CPU = torch.device("cpu")
VIEW = whole_view(24)
PLAN = [[3, 0], [1], [2, 2, 4]]


def test_every_source_gives_the_same_pixels(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 5)
    cached = open_cache(tmp_path / "cache", VIEW, paths, 1)
    sources = (
        CachedPixels(cached, CPU),
        GpuPixels(cached, CPU),
        DecodedOnDemand(paths, VIEW, CPU, 2),
    )
    expected = list(sources[0].batches(PLAN))
    assert [len(pixels) for pixels, _ in expected] == [2, 1, 3]
    for source in sources[1:]:
        assert len(source) == 5
        for (pixels, aspects), (own, own_aspects) in zip(
            expected, source.batches(PLAN), strict=True
        ):
            assert own.dtype == torch.uint8 and torch.equal(own, pixels)
            torch.testing.assert_close(own_aspects, aspects)


@pytest.mark.parametrize(("room", "kind"), [(1.0, CachedPixels), (1e-6, DecodedOnDemand)])
def test_what_does_not_fit_is_decoded_by_workers(room: float, kind: type, tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 2)
    pixels = open_pixels(paths, VIEW, cache=tmp_path, device=CPU, threads=1, host_gb=room)
    assert type(pixels) is kind
    assert bool(list(tmp_path.rglob("*.u8"))) == (kind is CachedPixels)


def test_the_default_is_four_gigabytes() -> None:
    assert HOST_GB == 4.0
    assert fits_in_memory(12_000, whole_view(332), HOST_GB)  # 0.33 MB each
    assert not fits_in_memory(13_000, whole_view(332), HOST_GB)


@pytest.mark.parametrize("workers", [1, 2, 16, 64, 192])
@pytest.mark.parametrize("photos", [32, 128, 1024])
def test_what_workers_hold_stays_within_the_room(workers: int, photos: int) -> None:
    batch, room = photos * whole_view(300).bytes_each, 4e9
    some, ahead = prefetch_plan(workers, batch, room)
    assert 1 <= some <= workers and 1 <= ahead <= 4
    assert some * (ahead + 2) * batch <= room  # those ready, and one in the making twice
    assert some == workers or workers > room // (3 * batch)  # no fewer than need be


def test_one_worker_there_is_always() -> None:
    assert prefetch_plan(8, 1_000_000, 1.0) == (1, 1)
    assert prefetch_plan(0, 1_000_000, 1.0) == (0, 4)


def test_a_cache_that_was_cut_while_it_is_read_is_said(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 2)
    cached = open_cache(tmp_path / "cache", VIEW, paths, 1)
    (pixels,) = (tmp_path / "cache").rglob("*.u8")
    pixels.write_bytes(pixels.read_bytes()[: VIEW.bytes_each + 5])
    assert len(cached.rows([0])) == 1
    with pytest.raises(OSError, match="truncated while it was read"):
        cached.rows([1])
