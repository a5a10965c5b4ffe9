"""A package is checked before it is uploaded, and what is wrong is one sentence."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from kennel.errors import KennelError
from kennel.package_file import read_package
from tests.kennel.packages import CARD, write_package


def card(**changes: object) -> bytes:
    return json.dumps({**CARD, **changes}).encode()


def test_a_package_has_a_label_and_a_place_by_its_bytes(tmp_path: Path) -> None:
    path = write_package(tmp_path / "model.tar.gz")
    package = read_package(path)
    assert (package.label, package.breeds) == ("kennel@0123456789ab", 2)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:20]
    assert package.key == f"packages/{digest}/model.tar.gz"
    assert read_package(write_package(tmp_path / "other.tar.gz", {"network.bin": b"x"})) != package


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"smoke.jpg": None}, "it lacks smoke.jpg"),
        ({"network.xml": None, "card.json": None}, "it lacks card.json, network.xml"),
        ({"smoke.jpg": b"GIF89a"}, "its smoke.jpg is no JPEG"),
        ({"card.json": b"{"}, "its card.json is not JSON"),
        ({"card.json": b"[]"}, "its card.json or breeds.json lacks list indices must be"),
        ({"card.json": b'{"name": "x"}'}, "its card.json or breeds.json lacks 'version'"),
        ({"breeds.json": b'["Pug"]'}, "its card.json or breeds.json lacks"),
        ({"card.json": card(smoke_breed="Hovawart")}, "breeds.json lacks 'Hovawart', the smoke"),
        ({"../evil": b"x"}, "its file '../evil' would be unpacked elsewhere"),
        ({"/etc/evil": b"x"}, "its file '/etc/evil' would be unpacked elsewhere"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value[:40],
)
def test_no_package(tmp_path: Path, changes: dict[str, bytes | None], reason: str) -> None:
    path = write_package(tmp_path / "model.tar.gz", changes)
    with pytest.raises(KennelError) as raised:
        read_package(path)
    sentence = str(raised.value)
    assert sentence.startswith(f"{path} is not a model package ({reason}")
    assert sentence.endswith("expected the model.tar.gz that `kennel train` writes")


def test_no_archive(tmp_path: Path) -> None:
    whole = write_package(tmp_path / "model.tar.gz").read_bytes()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w"):
        pass
    for content in (b"", b"no archive", whole[:-30], whole[:40], plain.getvalue()):
        path = tmp_path / "broken.tar.gz"
        path.write_bytes(content)
        with pytest.raises(KennelError, match=r"is not a model package \(.*expected the model"):
            read_package(path)
    for path, reason in (
        (tmp_path, "Is a directory"),
        (tmp_path / "none", "No such file or directory"),
    ):
        with pytest.raises(KennelError, match=rf"is not a model package \({reason}\)"):
            read_package(path)


def test_an_archive_that_grows_without_bound_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for number in range(10_001):
            archive.addfile(tarfile.TarInfo(f"{number}"))
    with pytest.raises(KennelError, match="more than 10,000 files"):
        read_package(path)


@pytest.mark.parametrize("made", ["2026.4.9", "2026.1.0", "2024.6.0"])
def test_framework_that_this_checkout_reads(tmp_path: Path, made: str) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("numpy==2.0\nopenvino==2026.4.1\n")
    path = write_package(tmp_path / "m.tar.gz", {"card.json": card(made_with={"openvino": made})})
    assert read_package(path, requirements).breeds == 2


def test_newer_framework(tmp_path: Path) -> None:
    path = write_package(
        tmp_path / "m.tar.gz", {"card.json": card(made_with={"openvino": "2041.1.0"})}
    )
    with pytest.raises(KennelError, match=r"was made with openvino 2041\.1\.0, and this checkout"):
        read_package(path)
