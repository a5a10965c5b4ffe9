"""Labelled photos to a calibrated, documented model package.

    python model/train.py --data FOLDER --out DIR              # 1,400 photos: about a minute
    python model/train.py --data FOLDER --out DIR --tune 20    # 20 trials first

DIR then holds `model.tar.gz`, `report.html`, `evaluation.json`, `audit.json` and `tensorboard/`.
The same script runs in SageMaker, where folders and hyperparameters come as `settings.py` says,
and SM_MODEL_DIR receives the package's files. It ends with exit status 0, or 1 and one sentence.
"""

import importlib.metadata
import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import report
from archive import whole_file, write_tar_gz
from audit import Audit, accepted_kinds, audit
from calibrate import RECALL, dog_threshold, temperature
from card import IMAGENET_MASS, MAX_PROBABILITY, Card, PackageError
from compare import on_breeds_of, paired_bootstrap, right_answers
from dataset import DataError, Dataset, read
from evaluate import answers_of, evaluation, table
from failure import told_to_sagemaker
from features import Extractor, Features
from head import EpochResult, Head, HeadSettings, Prior, Samples, fit_head, prior_head, zero_prior
from inference import model_fn
from metrics import Floats, Labels, softmax, wilson
from network import Network, imagenet_head
from package import PACKAGE, make_package, unpacked, write_folder
from photo import LONG_SIDE, SHORT_SIDE, PhotoError, wire_image
from pretrained import RECORDED, input_step
from scalars import Scalars
from search import Trial, objective_line, search
from settings import Settings, parse
from watch import StoppedByRule, Watch
from weights import Backbone, load_backbone


@dataclass(frozen=True)
class Split:
    """The photos of a split, with what the backbone says of them."""

    samples: Samples
    features: Features
    names: list[str]
    paths: list[Path]


@dataclass(frozen=True)
class Fitted:
    """A head, and how it came about."""

    head: Head
    settings: HeadSettings
    history: list[EpochResult]
    trials: list[Trial]
    findings: list[dict[str, Any]]  # the watch's


def train(settings: Settings) -> dict[str, Any]:
    """Run a whole training and return what `evaluation.json` holds.

    Raises
    ------
    DataError, PhotoError, PackageError, StoppedByRule, OSError
        The message is one sentence (or a list of them) for the person who started it.
    """
    audited = _audited(settings)
    dataset = audited.dataset
    backbone = load_backbone(settings.backbone, settings.backbone_weights)
    if not backbone.pretrained:
        _say(
            f"WARNING: no weights for {settings.backbone} are installed and --backbone-weights "
            "names none, so it starts from RANDOM weights: expect a poor model, and a dog score "
            "that is only the highest breed probability."
        )
    step = input_step(backbone.module)
    score = IMAGENET_MASS if backbone.pretrained else MAX_PROBABILITY
    network = Network(backbone.module, len(dataset.labels), step, score).eval()
    extractor = Extractor(network, step, settings.cache, settings.threads)
    splits = {name: _split(extractor, dataset, name) for name in ("train", "valid", "test")}
    upright = splits["train"].samples
    mirrored = extractor(splits["train"].paths, mirrored=True)
    both = Samples(
        np.concatenate([upright.features, mirrored.vectors]),
        np.concatenate([upright.labels, upright.labels]),
    )
    torch.set_num_threads(1)  # a head is too small to share out, and one core sums in one order
    own = imagenet_head(backbone.module)
    prior = (
        prior_head(imagenet_rows(network), dataset.labels, both)
        if backbone.pretrained
        else zero_prior(len(dataset.labels), own.in_features)
    )
    fitted = _fit(settings, prior, both, splits["valid"].samples)
    with torch.no_grad():
        network.breed_head.weight.copy_(torch.from_numpy(fitted.head.weight))
        network.breed_head.bias.copy_(torch.from_numpy(fitted.head.bias))

    valid, test = splits["valid"], splits["test"]
    valid_logits = fitted.head.logits(valid.features.vectors)
    test_logits = fitted.head.logits(test.features.vectors)
    heat = temperature(valid_logits, valid.samples.labels)
    threshold = dog_threshold(_scores(valid.features, valid_logits, backbone))
    probabilities = softmax(test_logits, heat)
    result = evaluation(probabilities, test.samples.labels, dataset.breeds, test.names)
    result["live"] = _live(settings.live, dataset, test, probabilities)
    card = _card(settings, fitted, backbone, audited)
    card = replace(card, temperature=heat, dog_threshold=threshold, dog_score=score)
    result_json = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    smoke = _smoke(valid, valid_logits)
    members, card = make_package(
        network, list(dataset.labels), card, smoke, {"evaluation.json": result_json.encode()}
    )
    if settings.model_dir:
        write_folder(settings.model_dir, members)
    else:
        write_tar_gz(settings.out / PACKAGE, members)
    with whole_file(settings.out / "evaluation.json") as temporary:
        temporary.write_text(result_json, "utf-8")
    where = {photo.name: photo.path for photo in dataset.photos}
    report.write(
        settings.out / "report.html",
        evaluation=result,
        history=[asdict(entry) for entry in fitted.history],
        audit=audited.as_json(),
        settings=card.training | {"trials": [asdict(trial) for trial in fitted.trials]},
        versions=card.made_with,
        card=json.loads(card.to_json()),
        photos=lambda name: where[name].read_bytes(),
        findings=fitted.findings,
    )
    print(table(result))
    print(_last_line(settings, card, result), flush=True)
    return result


def _audited(settings: Settings) -> Audit:
    accepted = accepted_kinds(settings.accept)
    audited = audit(read(settings.data, settings.channels), accepted)
    audited.write(settings.out / "audit.json")
    _say(audited.table())
    if audited.stopping:
        raise DataError(audited.verdict())
    _say(audited.verdict())
    return audited


def _split(extractor: Extractor, dataset: Dataset, name: str) -> Split:
    photos = dataset.of_split(name)
    if not photos:
        raise DataError(f"There are no photos in {name}; training needs some in each split.")
    features = extractor([photo.path for photo in photos])
    labels = np.array([dataset.index(photo.breed) for photo in photos], np.int64)
    return Split(
        Samples(features.vectors, labels),
        features,
        [photo.name for photo in photos],
        [photo.path for photo in photos],
    )


def imagenet_rows(network: Network) -> Head:
    """Return the head that the backbone came with."""
    own = imagenet_head(network.backbone)
    return Head(own.weight.detach().numpy(), own.bias.detach().numpy())


def _fit(settings: Settings, prior: Prior, both: Samples, valid: Samples) -> Fitted:
    chosen = settings.head
    trials: list[Trial] = []
    if settings.tune:
        chosen, trials = search(prior, both, valid, chosen, trials=settings.tune, tell=_say)
        _say(f"the search takes {json.dumps(asdict(chosen))}")
    watch = Watch(classes=len(prior.pull))
    with Scalars(settings.out / "tensorboard") as scalars:

        def on_epoch(result: EpochResult) -> None:
            print(objective_line(result), flush=True)
            scalars.add(
                result.epoch,
                {
                    "loss/train": result.train_loss,
                    "loss/valid": result.valid_loss,
                    "top1/train": result.train_top1,
                    "top1/valid": result.valid_top1,
                },
            )

        head, history = fit_head(prior, both, valid, chosen, watch=watch, on_epoch=on_epoch)
    findings = [finding.as_json() for finding in watch.findings]
    return Fitted(head, chosen, history, trials, findings)


def _scores(features: Features, logits: Floats, backbone: Backbone) -> Floats:
    return features.dog_mass if backbone.pretrained else softmax(logits).max(axis=1)


def _live(
    path: Path | None, dataset: Dataset, test: Split, candidate: Floats
) -> dict[str, Any] | None:
    if path is None or (path.is_dir() and not any(path.iterdir())):
        return None  # before the first release SageMaker's channel is not there, or empty
    with unpacked(path) as package:
        model = model_fn(str(package))
        answers = answers_of(model, test.paths)
        logits = on_breeds_of(answers.logits, model.breeds, dataset.labels)
    labels: Labels = test.samples.labels
    right = right_answers(logits, labels)
    found = paired_bootstrap(right_answers(candidate, labels), right)
    lacking = [b.breed for b, c in zip(dataset.labels, logits.T, strict=True) if np.isinf(c).all()]
    return {
        "model": model.label,
        "photos": len(labels),
        "top1": float(right.mean()),
        "top1_interval": list(wilson(int(right.sum()), len(labels))),
        "breeds_missing": lacking,
        "difference": found.difference,
        "difference_interval": list(found.interval),
        "p_not_worse": found.p_not_worse,
    }


def _card(settings: Settings, fitted: Fitted, backbone: Backbone, audited: Audit) -> Card:
    dataset = audited.dataset
    told = replace(settings, head=fitted.settings).for_card()
    return Card(
        name=f"{settings.backbone}-{len(dataset.labels)}-breeds",
        version="",
        backbone=settings.backbone,
        input=input_step(backbone.module),
        wire={"short": SHORT_SIDE, "long": LONG_SIDE},
        temperature=1.0,
        dog_threshold=0.0,
        dog_threshold_reason=f"{RECALL:.0%} of the dogs in valid have this score or more.",
        smoke_breed="",
        credits=(backbone.credit,),
        made_with={name: importlib.metadata.version(name) for name in (*RECORDED, "optuna")},
        training=told | {"backbone_weights": backbone.credit},
        data={
            "photos": {name: len(dataset.of_split(name)) for name in ("train", "valid", "test")},
            "breeds": len(dataset.labels),
            "left_out": audited.left_out,
            "imagenet_photos": audited.imagenet_photos,
            "findings": {found.kind: len(found.files) for found in audited.findings},
        },
    )


def _smoke(valid: Split, logits: Floats) -> bytes:
    """Return a valid photo that the head is right about and surest of, at the wire's size."""
    labels = valid.samples.labels
    sure = softmax(logits)[np.arange(len(labels)), labels]
    image = wire_image(valid.paths[int(sure.argmax())].read_bytes())
    return _jpeg(image)


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _last_line(settings: Settings, card: Card, result: dict[str, Any]) -> str:
    low, high = result["top1_interval"]
    where = settings.model_dir or settings.out / PACKAGE
    line = (
        f"{where}: {card.name}@{card.version}, top-1 {result['top1']:.3f} "
        f"(95 %: {low:.3f} to {high:.3f}) on {result['photos']:,} test photos"
    )
    if seen := card.data["imagenet_photos"]:
        line += (
            f"; {seen:,} of the photos are ImageNet's by name, so on new photos expect it to be "
            "right less often"
        )
    if card.dog_score != IMAGENET_MASS:
        line += "; the backbone has RANDOM weights"
    return line


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train as the command line or SageMaker says."""
    with told_to_sagemaker():
        try:
            train(parse(sys.argv[1:] if arguments is None else arguments, os.environ))
        except (DataError, PhotoError, PackageError, StoppedByRule) as error:
            raise SystemExit(str(error)) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise SystemExit(f"{error.filename or 'A file'}: {reason}.") from error


if __name__ == "__main__":
    main()
