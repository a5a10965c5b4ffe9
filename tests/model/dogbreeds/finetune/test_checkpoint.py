from pathlib import Path

import pytest
import torch

from dogbreeds.finetune.checkpoint import NAME, State, key_of, load, remove, save

STATE = State(
    step=7,
    model={"weight": torch.arange(3.0)},
    averaged={"weight": torch.ones(3)},
    optimiser={"state": {}, "param_groups": []},
    history=[{"epoch": 1}],
    best={"loss": 0.5},
    sums=[1.0, 2.0],
    seconds=3.5,
)


def test_a_saved_checkpoint_is_loaded_and_removed(tmp_path: Path) -> None:
    save(tmp_path / "new" / "folder", "key", STATE)
    loaded = load(tmp_path / "new" / "folder", "key")
    assert loaded is not None
    assert torch.equal(loaded.model["weight"], STATE.model["weight"])
    assert (loaded.step, loaded.history, loaded.best, loaded.sums, loaded.seconds) == (
        7, [{"epoch": 1}], {"loss": 0.5}, [1.0, 2.0], 3.5
    )  # fmt: skip
    remove(tmp_path / "new" / "folder")
    assert load(tmp_path / "new" / "folder", "key") is None
    remove(tmp_path)  # there is none: as good as removed


def test_only_the_same_training_loads_a_checkpoint(tmp_path: Path) -> None:
    save(tmp_path, "key", STATE)
    assert load(tmp_path, "another") is None
    assert load(tmp_path, "key") is not None


@pytest.mark.parametrize("keep", [0, 10, -10])
def test_a_cut_file_is_none(keep: int, tmp_path: Path) -> None:
    save(tmp_path, "key", STATE)
    file = tmp_path / NAME
    file.write_bytes(file.read_bytes()[:keep])
    assert load(tmp_path, "key") is None


def test_code_in_a_file_does_not_run(tmp_path: Path) -> None:
    class Sly:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    torch.save({"key": "key", "sly": Sly()}, tmp_path / NAME)
    assert load(tmp_path, "key") is None
    assert not (tmp_path / "ran").exists()


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    save(tmp_path, "key", STATE)
    before = (tmp_path / NAME).read_bytes()
    broken = State(**{**vars(STATE), "model": {"weight": (n for n in range(3))}})
    with pytest.raises(TypeError):  # a generator is nothing to save
        save(tmp_path, "key", broken)
    assert (tmp_path / NAME).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


def test_a_key_depends_on_all_of_it() -> None:
    assert key_of({"a": 1}, "b") == key_of({"a": 1}, "b")
    assert len({key_of({"a": 1}, "b"), key_of({"a": 2}, "b"), key_of({"a": 1}, "c")}) == 3
