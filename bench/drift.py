"""Count false alarms and missed drifts of functions/drift, on the answers of a trained package.

    python model/train.py ../shared/data/woof10 --out trained
    python bench/drift.py --model trained/model.tar.gz   # ../shared/data; 2 minutes, two cores

The test photos of woof10 are new to the package, and its own baseline is of the valid ones. A
window is 300 answers. Windows without drift are drawn with replacement from the answers to the test
photos, against the package's baseline; and, again, without replacement from those to valid and test
photos, each against a new baseline, of the photos that are left. Drifted windows are drawn with
replacement from the answers to changed test photos, or to other photos. The last line is JSON.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter

# Before bench/, where this file has the name of the function.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "functions"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "model"))

from dogbreeds.evaluation.evaluate import Predictions, predict_photos
from dogbreeds.evaluation.metrics import softmax
from dogbreeds.package.archive import unpacked
from dogbreeds.package.drift import drift_baseline
from dogbreeds.photos.decode import LoadPhoto, load_photo
from dogbreeds.serving.inference import Model, model_fn
from drift.compare import WINDOW, Answer, Baseline, drifts

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
WINDOWS, DRIFTED_WINDOWS = 4_000, 100


def blurred(part: int) -> LoadPhoto:
    """Return a reader of photos that blurs by a Gaussian of a part of the longer side."""

    def load(path: Path) -> Image.Image:
        photo = load_photo(path)
        return photo.filter(ImageFilter.GaussianBlur(max(photo.size) / part))

    return load


def dark(share: float) -> LoadPhoto:
    """Return a reader of photos that keeps a share of the light."""
    return lambda path: ImageEnhance.Brightness(load_photo(path)).enhance(share)


CHANGES = {
    "blurred by 1/60": blurred(60),
    "dark, 20 % of the light": dark(0.2),
    "dark, 8 % of the light": dark(0.08),
}
EVERY = 2  # a changed photo is made of every second test photo


class Photos:
    """A package's answers to some photos."""

    def __init__(self, model: Model, photos: Sequence[Path], load: LoadPhoto = load_photo) -> None:
        self.model = model
        self.predictions = predict_photos(model.engine, model.card.input, photos, load)

    def answers(self) -> list[Answer]:
        """Return what drift is measured by of each answer."""
        probabilities = softmax(self.predictions.logits, self.model.card.temperature)
        dogs = self.predictions.scores >= self.model.card.dog_threshold
        return [
            Answer(self.model.breeds[int(row.argmax())].breed if dog else None, float(row.max()))
            for row, dog in zip(probabilities, dogs, strict=True)
        ]

    def baseline(self, chosen: Sequence[int]) -> Baseline:
        """Return the baseline that a package has where these photos are the valid ones."""
        some = Predictions(self.predictions.logits[chosen], self.predictions.scores[chosen])
        names = [breed.breed for breed in self.model.breeds]
        return read(drift_baseline(some, self.model.card, names))


def read(values: object) -> Baseline:
    """Return a card's baseline, which must be there."""
    baseline = Baseline.of_card(values)
    assert baseline, "the package has no baseline: train it again"
    return baseline


def alarms(baseline: Baseline, windows: Sequence[Sequence[Answer]]) -> Counter[str]:
    """Return how many windows alarm ("any"), and by which fact."""
    by_fact: Counter[str] = Counter()
    for window in windows:
        facts = [drift.fact for drift in drifts(baseline, window)]
        by_fact.update([*facts, "any"] if facts else [])
    return by_fact


def own_baselines(photos: Photos, count: int, seed: random.Random) -> Counter[str]:
    """Return the alarms of windows without drift, each against a baseline of the other photos."""
    answers, by_fact = photos.answers(), Counter[str]()
    for _ in range(count):
        order = list(range(len(answers)))
        seed.shuffle(order)
        window = [answers[i] for i in order[:WINDOW]]
        by_fact += alarms(photos.baseline(order[WINDOW:]), [window])
    return by_fact


def files(*folders: Path) -> list[Path]:
    """Return the photos in folders and those below them."""
    kinds = {".jpg", ".jpeg", ".png"}
    files_below = (file for folder in folders for file in folder.rglob("*"))
    return sorted(file for file in files_below if file.suffix.lower() in kinds)


def measure(model: Model, data: Path, windows: int) -> dict[str, object]:
    """Return the shares of windows that alarm, printing each as soon as it is there."""
    seed = random.Random(19)  # noqa: S311
    valid, test = files(data / "woof10" / "valid"), files(data / "woof10" / "test")
    result: dict[str, object] = {"model": model.label, "precision": model.engine.precision}
    held_out = Photos(model, valid + test)
    new = held_out.answers()[len(valid) :]
    baseline = read(model.card.drift)

    def show(kind: str, by_fact: Counter[str], count: int) -> None:
        shares = {fact: by_fact[fact] / count for fact in sorted(by_fact)}
        result[kind] = shares
        print(f"{kind:28} {by_fact['any'] / count:8.2%}  {shares}", flush=True)

    def drawn(answers: Sequence[Answer], count: int) -> list[list[Answer]]:
        return [seed.choices(answers, k=WINDOW) for _ in range(count)]

    show("no drift", alarms(baseline, drawn(new, windows)), windows)
    show("no drift, own baselines", own_baselines(held_out, windows, seed), windows)
    drifted = {kind: Photos(model, test[::EVERY], load).answers() for kind, load in CHANGES.items()}
    others = files(data / "notdogs")
    drifted["no dogs"] = Photos(model, others).answers()
    drifted["cats"] = [
        answer
        for file, answer in zip(others, drifted["no dogs"], strict=True)
        if file.name.startswith("cat_")
    ]
    drifted["other breeds"] = Photos(model, files(data / "pets13")).answers()
    for kind, answers in drifted.items():
        show(kind, alarms(baseline, drawn(answers, DRIFTED_WINDOWS)), DRIFTED_WINDOWS)
        for drift in drifts(baseline, seed.choices(answers, k=WINDOW)):
            print(f"    {drift.fact}: {drift.change} (PSI {drift.psi:.2f}, p = {drift.p:.1g})")
    for share in (0.1, 0.2, 0.3, 0.5):  # of a window, the rest being as before
        count = round(WINDOW * share)
        mixed = [
            seed.choices(new, k=WINDOW - count) + seed.choices(drifted["no dogs"], k=count)
            for _ in range(DRIFTED_WINDOWS)
        ]
        show(f"no dogs, {share:.0%} of a window", alarms(baseline, mixed), DRIFTED_WINDOWS)
    return result


def main() -> None:
    """Run the benchmark; print a table, then the results as one line of JSON."""
    parser = argparse.ArgumentParser(description="False alarms and missed drifts.")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--model", type=Path, required=True, help="a package trained on woof10")
    parser.add_argument("--windows", type=int, default=WINDOWS, help="windows without drift")
    given = parser.parse_args()
    with unpacked(given.model) as package:
        result = measure(model_fn(str(package)), given.data, given.windows)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
