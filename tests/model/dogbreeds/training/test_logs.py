import struct
from pathlib import Path

import pytest
from tensorboardX.proto.event_pb2 import Event  # type: ignore[import-untyped]

from dogbreeds.training.logs import Scalars


def events(folder: Path) -> list[Event]:
    """Events of the folder's one file: records of length, its checksum, content, its checksum."""
    (file,) = folder.glob("events.out.tfevents.*")
    content, records, at = file.read_bytes(), [], 0
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        records.append(Event.FromString(content[at + 12 : at + 12 + length]))
        at += 12 + length + 4
    return records


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    return [
        (value.tag, event.step, round(value.simple_value, 6))
        for event in events(folder)
        for value in event.summary.value
    ]


def test_values_are_in_the_file_when_the_block_ends(tmp_path: Path) -> None:
    with Scalars(tmp_path / "a" / "tensorboard") as log:
        log.add(1, {"loss/train": 0.5, "loss/valid": 0.6})
        log.add(2, {"loss/train": 0.25})
    assert scalars(tmp_path / "a" / "tensorboard") == [
        ("loss/train", 1, 0.5),
        ("loss/valid", 1, 0.6),
        ("loss/train", 2, 0.25),
    ]


def test_a_run_that_dies_leaves_what_it_added(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Scalars(tmp_path) as log:
        log.add(1, {"loss/train": 0.5})
        raise RuntimeError
    assert scalars(tmp_path) == [("loss/train", 1, 0.5)]
