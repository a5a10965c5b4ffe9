"""Training on a disk that takes no more: one sentence, and no package."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from dogbreeds.network.export import export
from dogbreeds.network.network import Network
from dogbreeds.package.card import PackageError
from tests.model.pictures import kennel_of
from train import main


@pytest.fixture
def no_file_above() -> Iterator[Callable[[int], None]]:
    """Set a number of bytes that no file of this process may pass; writing on is an OSError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    threads = torch.get_num_threads()  # which a training changes
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    torch.set_num_threads(threads)


def test_the_engine_s_form(
    no_file_above: Callable[[int], None], network: Network, tmp_path: Path
) -> None:
    no_file_above(4_000_000)  # its weights take 20 MB
    with pytest.raises(PackageError, match=f"cannot be written below {tmp_path}"):
        export(network, 260, tmp_path / "export")


@pytest.mark.slow
def test_a_whole_training(no_file_above: Callable[[int], None], tmp_path: Path) -> None:
    photos, out = kennel_of(tmp_path / "photos"), tmp_path / "out"
    no_file_above(40_000_000)  # the package takes 45 MB, all else less
    with pytest.raises(SystemExit, match=r"File too large\.$") as ending:
        main(["--data", str(photos), "--out", str(out), "--epochs", "1"])
    assert "\n" not in str(ending.value.code)
    assert not list(out.glob("*model.tar.gz*"))  # nor a part of it under a name of its own
    assert not (out / "report.html").exists()
