"""`kennel classify --model` runs model/classify.py, and prints its answers."""

import csv
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import typer
from PIL import Image, ImageChops
from rich.console import Console

from kennel.answer import CSV_COLUMNS
from kennel.local_model import classify
from kennel.paths import MODEL, ROOT
from tests.kennel.conftest import RunKennel
from tests.kennel.ending import SCRIPT, check_script_ends_with_sigterm
from tests.kennel.pictures import write_photo

SCREEN = Console(stderr=True)
ANSWER = {"is_dog": True, "breeds": [["Beagle", 0.9]], "milliseconds": 9.5, "status": None}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pretrained package."""
    folder = tmp_path_factory.mktemp("bundle")
    subprocess.run([sys.executable, MODEL / "bundle.py", folder], check=True, capture_output=True)
    return folder / "model.tar.gz"


@pytest.fixture(scope="module")
def smoke_photo(package: Path) -> Path:
    """Return the package's own photo."""
    with tarfile.open(package) as tar:
        [name] = [each for each in tar.getnames() if Path(each).name == "smoke.jpg"]
        tar.extractall(package.parent, [tar.getmember(name)], filter="data")
    return package.parent / name


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    folder = tmp_path / "walk"
    for name in ("a.jpg", "b.jfif", "deep/c.jpg"):
        write_photo(folder / name)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    (folder / "notes.txt").write_text("notes")
    return folder


def test_every_photo_is_answered_and_all_else_is_listed(
    package: Path, walk: Path, kennel: RunKennel
) -> None:
    result = kennel("classify", "--model", str(package), str(walk))
    rows = [line.split("│") for line in result.stdout.splitlines() if line.startswith("│")]
    names = [name for row in rows if (name := row[1].strip())]  # a long sentence has more lines
    assert names == ["a.jpg", "b.jfif", "broken.jpg", "deep/c.jpg"]
    assert "are truncated" in rows[2][2]
    assert result.stderr.splitlines() == [f"left out: {walk}/notes.txt (no photo)"]
    assert result.status == 1


@pytest.mark.parametrize("form", ["--json", pytest.param("--csv", marks=pytest.mark.slow)])
def test_both_command_lines_print_the_same(
    package: Path, walk: Path, kennel: RunKennel, form: str
) -> None:
    ours = kennel("classify", "--model", str(package), form, str(walk), str(walk / "a.jpg"))
    script: list[str | Path] = [
        sys.executable,
        MODEL / "classify.py",
        "--model",
        package,
        form,
        walk,
    ]
    theirs = subprocess.run([*script, walk / "a.jpg"], capture_output=True, text=True, check=False)
    assert untimed(ours.stdout) == untimed(theirs.stdout)
    assert len(untimed(ours.stdout)) == 6
    assert ours.status == theirs.returncode == 1


def test_more_breeds_and_pictures(
    package: Path, smoke_photo: Path, tmp_path: Path, kennel: RunKennel
) -> None:
    command = ["classify", "--model", str(package), str(smoke_photo), "--json"]
    result = kennel(*command, "--top", "7", "--explain", str(tmp_path / "out"))
    assert result.status == 0
    answer = json.loads(result.stdout)
    assert len(answer["breeds"]) == 7
    picture = tmp_path / "out" / f"{smoke_photo.name}.explained.jpg"
    assert answer["explain"] == {"breed": answer["breeds"][0][0], "picture": str(picture)}
    with Image.open(picture) as explained, Image.open(smoke_photo) as photo:
        assert explained.width / explained.height == pytest.approx(
            photo.width / photo.height, rel=0.01
        )
        difference = ImageChops.difference(
            explained.convert("RGB"), photo.convert("RGB").resize(explained.size)
        )
    assert sum(difference.convert("L").histogram()[50:]) > 100  # pixels that are red


def test_more_breeds_than_the_model_knows_are_one_sentence(package: Path, walk: Path) -> None:
    command = [sys.executable, "-m", "kennel.cli", "classify", "--model", str(package)]
    done = subprocess.run(
        [*command, "--top", "500", str(walk / "a.jpg")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "--top is 500; the model knows 121 breeds.\n"


def test_the_queue_to_label(package: Path, walk: Path) -> None:
    command = [sys.executable, "-m", "kennel.cli", "label-queue", "--model", str(package)]
    command += ["--count", "2", "--json", "--", str(walk)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["rank"] for row in rows] == [1, 2, None, None]  # of three photos
    assert [Path(row["photo"]).name for row in rows[2:]] == ["notes.txt", "broken.jpg"]


@pytest.mark.parametrize(
    "form",
    [[], *(pytest.param([form], marks=pytest.mark.slow) for form in ("--json", "--csv"))],
)
def test_a_full_disk_is_one_sentence(package: Path, walk: Path, form: list[str]) -> None:
    flags = ["--model", str(package), *form, str(walk / "a.jpg")]
    for start in (["-m", "kennel.cli", "classify"], [str(MODEL / "classify.py")]):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, *start, *flags],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 1
        assert "utput cannot be written: No space left on device" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def untimed(printed: str) -> list[object]:
    if printed.startswith("{"):
        return [{**json.loads(line), "milliseconds": 0} for line in printed.splitlines()]
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert tuple(rows[0]) == CSV_COLUMNS
    return [{**row, "milliseconds": ""} for row in rows]


def test_neither_aws_nor_pytorch_is_imported(package: Path, walk: Path) -> None:
    code = (
        "import sys; from kennel.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as ended: assert not ended.code, ended.code\n"
        "print(sorted({'boto3', 'botocore', 'httpx', 'yaml', 'torch', 'numpy', 'PIL', 'moto'} &"
        " set(sys.modules)))"
    )
    command: list[str | Path] = [sys.executable, "-c", code, "classify", "--model", package]
    command.append(walk / "a.jpg")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--model", "typo.tar.gz", "{walk}"), "There is no typo.tar.gz; name the model.tar.gz"),
        (("--model", "m", "/nowhere.jpg"), "kennel: /nowhere.jpg does not exist"),
        (("--model", "m", "--url", "http://x", "{walk}"), "both --model m and --url http://x"),
        (("--model", "m", "--json", "--csv", "{walk}"), "both --json and --csv are given"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: tuple[str, ...], sentence: str, walk: Path) -> None:
    command = [sys.executable, "-m", "kennel.cli", "classify"]
    done = subprocess.run(
        [*command, *(each.format(walk=walk) for each in arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert sentence in line


def test_the_script_gets_the_names_and_its_early_end_is_an_exit(tmp_path: Path) -> None:
    photos = [Path("a b.jpg"), Path("two\nlines.jpg")]
    script = tmp_path / "classify.py"
    script.write_text(
        "import json, sys\n"
        "for name in sys.stdin.buffer.read().decode().split('\\0')[:-1]:\n"
        f"    print(json.dumps({{'photo': name, **{ANSWER | {'problem': 0}}}}))\n"
        "sys.exit(1)\n"  # a photo has a problem: not an early end
    )
    answers = classify(photos, tmp_path / "m", SCREEN, tmp_path)
    assert [answer.photo for answer in answers] == [str(photo) for photo in photos]
    script.write_text("import sys; sys.exit('no model')")
    many = [Path("x" * 200)] * 2_000  # more than a pipe holds
    with pytest.raises(typer.Exit) as ended:
        classify(many, tmp_path / "m", SCREEN, tmp_path)
    assert ended.value.exit_code == 1


def test_ending_kennel_ends_the_script(tmp_path: Path) -> None:
    (tmp_path / "classify.py").write_text(SCRIPT)
    check_script_ends_with_sigterm(
        "from pathlib import Path; from rich.console import Console\n"
        "from kennel.local_model import classify\n"
        f"classify([Path('a')], Path('m'), Console(), Path({str(tmp_path)!r}))"
    )
