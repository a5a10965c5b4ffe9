import errno
from pathlib import Path

import pytest

from dogbreeds.training.failure import ending_in_a_sentence, record_failure_reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit("No photos; add some."), "No photos; add some."),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
        (SystemExit("x" * 5000), "x" * 1024),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (SystemExit(0), None),
    ],
)
def test_the_reason_of_a_failure(
    error: BaseException, reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    with pytest.raises(type(error)) as raised, record_failure_reason():
        raise error
    assert raised.value is error
    file = tmp_path / "failure"
    assert (file.read_text() if file.exists() else None) == reason


def test_success_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SM_OUTPUT_DIR", str(tmp_path))
    with record_failure_reason():
        pass
    assert list(tmp_path.iterdir()) == []


def test_outside_sagemaker_there_is_no_such_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SM_OUTPUT_DIR", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit), record_failure_reason():
        raise SystemExit("No photos.")
    assert list(tmp_path.iterdir()) == []


def test_a_copy_to_a_full_disk_names_what_was_written() -> None:
    with (
        pytest.raises(SystemExit, match=r"^written: No space left on device; make room"),
        ending_in_a_sentence("the export"),
    ):
        # as shutil.copyfile raises it
        raise OSError(errno.ENOSPC, "No space left on device", "read", None, "written")
