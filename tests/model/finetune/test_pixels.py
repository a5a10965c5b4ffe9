from pathlib import Path

import pytest
import torch

from finetune.cache import open_cache, whole_view
from finetune.pixels import Decoding, Mapped, OnGpu, fits, pixels_of
from tests.model.finetune.tiny import photos

CPU = torch.device("cpu")
VIEW = whole_view(24)
PLAN = [[3, 0], [1], [2, 2, 4]]


def test_every_source_gives_the_same_pixels(tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 5)
    cached = open_cache(tmp_path / "cache", VIEW, paths, 1)
    sources = (Mapped(cached, CPU), OnGpu(cached, CPU), Decoding(paths, VIEW, CPU, 2))
    expected = list(sources[0].batches(PLAN))
    assert [len(pixels) for pixels, _ in expected] == [2, 1, 3]
    for source in sources[1:]:
        assert len(source) == 5
        for (pixels, aspects), (own, own_aspects) in zip(
            expected, source.batches(PLAN), strict=True
        ):
            assert own.dtype == torch.uint8 and torch.equal(own, pixels)
            torch.testing.assert_close(own_aspects, aspects)


@pytest.mark.parametrize(("room", "kind"), [(1.0, Mapped), (1e-6, Decoding)])
def test_what_does_not_fit_is_decoded_by_workers(room: float, kind: type, tmp_path: Path) -> None:
    paths, _ = photos(tmp_path, 2)
    found = pixels_of(paths, VIEW, cache=tmp_path, device=CPU, threads=1, host_gb=room)
    assert type(found) is kind
    assert bool(list(tmp_path.rglob("*.u8"))) == (kind is Mapped)


def test_the_default_is_four_gigabytes() -> None:
    assert fits(12_000, whole_view(332), 4.0)  # 0.33 MB each
    assert not fits(13_000, whole_view(332), 4.0)
