import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from head import HeadSettings, zero_prior
from tests.model.learning import clouds
from wrong_labels import Suspect, out_of_sample, sentence, suspects, write

SWAPPED = {3: 1, 25: 2, 47: 0}  # place: the label that somebody gave by mistake
BREEDS = ("Beagle", "Boxer", "Pug")


def swapped() -> tuple[list[Suspect], list[str]]:
    samples = clouds(0, 20, spread=0.5)
    labels = samples.labels.copy()
    for place, wrong in SWAPPED.items():
        assert labels[place] != wrong
        labels[place] = wrong
    names = [f"train/{BREEDS[label]}/{place}.jpg" for place, label in enumerate(labels)]
    mixed = type(samples)(samples.features, labels)
    found = out_of_sample(
        zero_prior(3, 12), mixed, HeadSettings(shrinkage=0.001, learning_rate=0.05)
    )
    np.testing.assert_allclose(found.sum(axis=1), 1)
    return suspects(found, labels.tolist(), names, BREEDS), names


def test_labels_swapped_on_purpose_are_found_and_no_right_one() -> None:
    found, names = swapped()
    told = {suspect.photo: suspect for suspect in found}
    assert set(told) <= {names[place] for place in SWAPPED}
    assert len(told) >= 2  # three in sixty; one of these clouds runs into the next
    assert told[names[3]] == Suspect(names[3], "Boxer", "Beagle", told[names[3]].probability)
    assert all(suspect.probability < 0.5 for suspect in found)
    assert [s.probability for s in found] == sorted(s.probability for s in found)


def test_right_labels_are_left_alone() -> None:
    samples = clouds(0, 20, spread=0.5)
    found = out_of_sample(
        zero_prior(3, 12), samples, HeadSettings(shrinkage=0.001, learning_rate=0.05)
    )
    assert suspects(found, samples.labels.tolist(), [""] * 60, BREEDS) == []


def test_written_and_said(tmp_path: Path) -> None:
    found, names = swapped()
    write(tmp_path / "label_report.json", found)
    told = json.loads((tmp_path / "label_report.json").read_text())
    assert told[0]["photo"] == found[0].photo and len(told) == len(found)
    said = sentence(found, 60, tmp_path / "label_report.json")
    assert f"{len(found)} of 60 photos may lie in a wrong folder" in said and names[3] in said
    assert "none looks" in sentence([], 60, tmp_path)


def test_without_cleanlab_one_sentence() -> None:
    code = (
        "import sys; sys.modules['cleanlab'] = None; sys.path.insert(0, sys.argv[1])\n"
        "import numpy as np\n"
        "from card import PackageError\n"
        "from wrong_labels import suspects\n"
        "try: suspects(np.eye(2), [0, 1], ['a', 'b'], ['x', 'y'])\n"
        "except PackageError as error: print(error)\n"
    )
    model = str(Path(__file__).resolve().parents[2] / "model")
    done = subprocess.run(
        [sys.executable, "-c", code, model], capture_output=True, text=True, check=True
    )
    (line,) = done.stdout.splitlines()
    assert "pip install cleanlab" in line
