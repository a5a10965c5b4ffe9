"""Reading the stored state calls no code but that of moto's data."""

import os
import pickle
import pickletools
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kennel.cloud.moto_backend.persistence import PersistentApp
from kennel.cloud.moto_backend.pickling import dump, load
from kennel.cloud.runtime.rows import Rows
from kennel.errors import CannotStart


class Calls:
    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def by_name(module: str, name: str) -> bytes:
    """Return a pickle that refers to `name` of `module`, dotted or not."""
    return b"\x80\x04" + b"".join(
        b"\x8c" + bytes([len(each)]) + each.encode() for each in (module, name)
    ) + b"\x93."  # fmt: skip


@pytest.mark.parametrize(
    "pickled",
    [
        pickle.dumps(Calls(os.system, "true")),
        pickle.dumps(Calls(subprocess.Popen, ["true"])),
        pickle.dumps(Calls(eval, "1")),
        pickle.dumps(Calls(getattr, [], "append")),
        by_name("moto.utilities.utils", "load_resource"),  # a function
        by_name("moto.moto_server.werkzeug_app", "create_backend_app"),
        by_name("moto.stepfunctions.parser.backend.execution_worker", "Thread"),  # not moto's own
        by_name("kennel.cloud.runtime.processes", "Child"),
        by_name("kennel.cloud.moto_backend.pickling", "sys.exit"),
    ],
)
def test_code_that_is_not_motos_is_refused(pickled: bytes) -> None:
    with pytest.raises(pickle.UnpicklingError, match="which moto does not hold"):
        load(pickled)


def test_plain_values_are_read() -> None:
    value = {"a": [1, b"2", {3.0, None}], "b": ("text", True)}

    assert load(dump(value)) == value


@pytest.mark.parametrize("lock", [threading.Lock(), threading.RLock(), threading.Condition()])
def test_locks_are_made_anew(lock: Any) -> None:
    made = load(dump(lock))

    assert type(made) is type(lock)
    assert made is not lock


def test_a_lock_is_stored_by_a_name_that_every_python_has() -> None:
    names = [each for op, each, _ in pickletools.genops(dump(threading.Lock())) if "UNI" in op.name]

    assert names == ["_thread", "allocate_lock"]


@pytest.mark.parametrize("value", [os.system, subprocess.Popen, Path("a"), [].append, len])
def test_what_could_not_be_read_again_is_not_stored(value: Any) -> None:
    with pytest.raises(pickle.PicklingError, match="could not be read again"):
        dump({"a": [value]})


def test_such_a_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "moto.sqlite"
    rows = Rows(file)
    rows.put("s3-bucket", "kept", pickle.dumps(Calls(os.system, "true")))
    rows.close()

    with pytest.raises(CannotStart) as refusal:
        PersistentApp(None, file)

    (sentence,) = str(refusal.value).splitlines()
    assert str(file) in sentence
    assert "kennel up --fresh" in sentence
