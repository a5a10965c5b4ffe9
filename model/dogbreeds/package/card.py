"""Read and write `card.json` and `breeds.json`, the metadata of a model package.

Imports only the standard library: the serving process, training and the bundle all read cards.
"""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

IMAGENET_MASS = "imagenet-dog-mass"  # probability of all dog classes by the ImageNet head
MAX_PROBABILITY = "max-breed-probability"  # where that head has random weights
#: Fields of a card that are fitted on valid photos, for each variant of the network.
FITTED = ("temperature", "dog_threshold", "sure_dog_threshold", "likely_threshold")
MAX_SIZE = 2048  # pixels of a network's input; the largest of timm's have 1024


class PackageError(RuntimeError):
    """A model package cannot be served or built; the message gives the reason."""


@dataclass(frozen=True)
class PreprocessConfig:
    """The preprocessing of a photo for the network: one crop, one resize, normalisation."""

    size: int  # pixels; the network takes size x size
    crop_pct: float  # share of the shorter side that the centred square keeps
    interpolation: str  # a name of Pillow's Resampling, lower case
    mean: tuple[float, float, float]  # RGB, of pixels scaled to 0..1; applied inside the network
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Card:
    """The metadata of a package, `card.json`: what serving needs, and how the model was made."""

    name: str
    version: str  # 12 hex digits of the weights, the breeds and the settings below
    backbone: str  # timm's name
    input: PreprocessConfig
    wire: dict[str, int]  # pixels; size limits of the wire format: {"short": 320, "long": 640}
    temperature: float  # breed probabilities are softmax(breed_logits / temperature)
    dog_threshold: float  # is_dog: dog_mass >= dog_threshold, so it may be one
    dog_threshold_reason: str
    smoke_breed: str  # top breed of smoke.jpg when the package was built
    credits: tuple[str, ...]
    made_with: dict[str, str]  # library versions
    dog_score: str = IMAGENET_MASS  # kind of the network's second output
    training: dict[str, Any] = field(default_factory=dict)  # settings; {} without training
    data: dict[str, Any] = field(default_factory=dict)  # summary of the data set
    #: quantize.Int8Decision; if int8 was accepted, also its values of `FITTED`
    int8: dict[str, Any] = field(default_factory=dict)
    #: It is surely a dog: dog_mass >= this. None in older packages: then all that may be one is
    sure_dog_threshold: float | None = None
    likely_threshold: float | None = None  # of a likely breed's probability; None: no such sets
    #: drift.drift_baseline, of the variant that ran where the package was built; {}: not watched
    drift: dict[str, Any] = field(default_factory=dict)

    def for_precision(self, precision: str) -> "Card":
        """Return the card with what was fitted for a variant of the network.

        Parameters
        ----------
        precision : str
            "fp32" for the card's own values, or "int8".
        """
        if precision != "int8" or "temperature" not in self.int8:
            return self
        return replace(self, **{name: self.int8[name] for name in FITTED if name in self.int8})

    def to_json(self) -> str:
        """Return the text of `card.json`; equal cards have equal texts."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def read(cls, package: Path) -> "Card":
        """Read `card.json` from an unpacked package.

        Raises
        ------
        PackageError
            The file is missing, is not JSON, or lacks a field.
        """
        values = _read_json(package / "card.json")
        if not isinstance(values, dict):
            raise PackageError(f"card.json holds a {type(values).__name__}, expected an object.")
        required = [
            entry.name
            for entry in fields(cls)
            if entry.default is MISSING and entry.default_factory is MISSING
        ]
        _require(values, required, "card.json")
        preprocess = values["input"]
        _require(preprocess, [entry.name for entry in fields(PreprocessConfig)], "card.json, input")
        present = {entry.name: values[entry.name] for entry in fields(cls) if entry.name in values}
        try:
            present["input"] = PreprocessConfig(
                size=int(_number(preprocess["size"], 1, MAX_SIZE)),
                crop_pct=_number(preprocess["crop_pct"], 0.01, 1.0),
                interpolation=str(preprocess["interpolation"]),
                mean=_three(preprocess["mean"]),
                std=_three(preprocess["std"]),
            )
            present["temperature"] = _number(values["temperature"], 1e-6, 1e6)
            present["dog_threshold"] = _number(values["dog_threshold"], -1.0, 2.0)
            for name in ("sure_dog_threshold", "likely_threshold"):
                if values.get(name) is not None:
                    present[name] = _number(values[name], -1.0, 2.0)
            present["int8"] = dict(values.get("int8", {}))
            present["drift"] = dict(values.get("drift", {}))
            for name in FITTED:
                if present["int8"].get(name) is not None:
                    _number(present["int8"][name], -1.0, 1e6)
            present["credits"] = tuple(values["credits"])
        except (TypeError, ValueError) as error:
            raise PackageError(
                f"card.json of the model package holds a wrong value: {error}; build it again."
            ) from error
        return cls(**present)


@dataclass(frozen=True)
class Breed:
    """One output of the network."""

    breed: str  # display name
    synset: str  # ImageNet's WordNet id, "" for a breed that ImageNet lacks


def breeds_to_json(breeds: list[Breed]) -> str:
    """Return the text of `breeds.json`, in the order of the network's outputs."""
    return json.dumps([asdict(breed) for breed in breeds], indent=1, ensure_ascii=False) + "\n"


def read_breeds(package: Path) -> list[Breed]:
    """Read `breeds.json` from an unpacked package, in the order of the network's outputs.

    Raises
    ------
    PackageError
        The file is missing, is not JSON, or is not a list of breeds.
    """
    entries = _read_json(package / "breeds.json")
    if not isinstance(entries, list) or not entries:
        raise PackageError("breeds.json is not a list of breeds; build the package again.")
    for entry in entries:
        _require(entry, ["breed", "synset"], "breeds.json, an entry")
    return [Breed(str(entry["breed"]), str(entry["synset"])) for entry in entries]


def _read_json(path: Path) -> Any:  # the callers check the type
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise PackageError(f"The model package has no {path.name}; build it again.") from error
    except ValueError as error:
        raise PackageError(f"{path.name} of the model package is not JSON: {error}.") from error


def _number(value: Any, least: float, most: float) -> float:
    number = float(value)
    if not least <= number <= most:  # nor a NaN
        raise ValueError(f"{number:g}, expected {least:g} to {most:g}")
    return number


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (_number(value, -1e3, 1e3) for value in values)
    return red, green, blue


def _require(values: Any, names: list[str], where: str) -> None:
    missing = [name for name in names if not isinstance(values, dict) or name not in values]
    if missing:
        raise PackageError(f"{where} of the model package lacks {', '.join(missing)}.")
