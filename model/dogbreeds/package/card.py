"""What a model package says of itself: `card.json` and `breeds.json`, read and written here only.

Imports only the standard library: the serving process, training and the bundle all read cards.
"""

import json
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

IMAGENET_MASS = "imagenet-dog-mass"  # of the whole softmax of the backbone's own head
MAX_PROBABILITY = "max-breed-probability"  # where that head has random weights


class PackageError(RuntimeError):
    """A model package that cannot be served or built; the message says what is wrong with it."""


@dataclass(frozen=True)
class PreprocessConfig:
    """How the wire becomes the network's input: one crop and one resize."""

    size: int  # pixels; the network takes size x size
    crop_pct: float  # share of the shorter side that the centred square keeps
    interpolation: str  # a name of Pillow's Resampling, lower case
    mean: tuple[float, float, float]  # RGB, of pixels scaled to 0..1; applied inside the network
    std: tuple[float, float, float]


@dataclass(frozen=True)
class Card:
    """The facts that serving needs and a reader wants, one package's `card.json`."""

    name: str
    version: str  # 12 hex digits of the weights, the breeds and the settings below
    backbone: str  # timm's name
    input: PreprocessConfig
    wire: dict[str, int]  # pixels; what the sender resizes to: {"short": 320, "long": 640}
    temperature: float  # breed probabilities are softmax(breed_logits / temperature)
    dog_threshold: float  # is_dog: dog_mass >= dog_threshold
    dog_threshold_reason: str
    smoke_breed: str  # the top breed that this package answered for its own smoke.jpg when made
    credits: tuple[str, ...]
    made_with: dict[str, str]  # library versions
    dog_score: str = IMAGENET_MASS  # what the second output of the network holds
    training: dict[str, Any] = field(default_factory=dict)  # settings; {} where none was done
    data: dict[str, Any] = field(default_factory=dict)  # what it was trained on, summarised
    #: quantize.Decision; where int8 was accepted, also that form's `temperature`, `dog_threshold`
    int8: dict[str, Any] = field(default_factory=dict)

    def served_in(self, precision: str) -> "Card":
        """Return the card as it holds for the form of the network that serves here.

        Parameters
        ----------
        precision : str
            "fp32", for which the card's own temperature and threshold were fitted, or "int8".
        """
        if precision != "int8" or "temperature" not in self.int8:
            return self
        fitted = {name: self.int8[name] for name in ("temperature", "dog_threshold")}
        return replace(self, **fitted)

    def to_json(self) -> str:
        """Return the text of `card.json`, the same bytes for the same card."""
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    @classmethod
    def read(cls, package: Path) -> "Card":
        """Read `card.json` from an unpacked package.

        Raises
        ------
        PackageError
            The file is missing, is no JSON, or lacks a field.
        """
        values = _read_json(package / "card.json")
        if not isinstance(values, dict):
            raise PackageError(f"card.json holds a {type(values).__name__}, expected an object.")
        needed = [
            entry.name
            for entry in fields(cls)
            if entry.default is MISSING and entry.default_factory is MISSING
        ]
        _require(values, needed, "card.json")
        step = values["input"]
        _require(step, [entry.name for entry in fields(PreprocessConfig)], "card.json, input")
        known = {entry.name: values[entry.name] for entry in fields(cls) if entry.name in values}
        known["input"] = PreprocessConfig(
            size=int(step["size"]),
            crop_pct=float(step["crop_pct"]),
            interpolation=str(step["interpolation"]),
            mean=tuple(step["mean"]),
            std=tuple(step["std"]),
        )
        known["credits"] = tuple(values["credits"])
        return cls(**known)


@dataclass(frozen=True)
class Breed:
    """One output of the network."""

    breed: str  # the name people read
    synset: str  # ImageNet's WordNet id, "" for a breed that ImageNet has not


def breeds_to_json(breeds: list[Breed]) -> str:
    """Return the text of `breeds.json`, in the order of the network's outputs."""
    return json.dumps([asdict(breed) for breed in breeds], indent=1, ensure_ascii=False) + "\n"


def read_breeds(package: Path) -> list[Breed]:
    """Read `breeds.json` from an unpacked package, in the order of the network's outputs.

    Raises
    ------
    PackageError
        The file is missing, is no JSON, or is no list of breeds.
    """
    entries = _read_json(package / "breeds.json")
    if not isinstance(entries, list) or not entries:
        raise PackageError("breeds.json holds no list of breeds; build the package again.")
    for entry in entries:
        _require(entry, ["breed", "synset"], "breeds.json, an entry")
    return [Breed(str(entry["breed"]), str(entry["synset"])) for entry in entries]


def _read_json(path: Path) -> Any:  # JSON is what its reader checks it to be
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise PackageError(f"The model package has no {path.name}; build it again.") from error
    except ValueError as error:
        raise PackageError(f"{path.name} of the model package is no JSON: {error}.") from error


def _require(values: Any, names: list[str], where: str) -> None:
    missing = [name for name in names if not isinstance(values, dict) or name not in values]
    if missing:
        raise PackageError(f"{where} of the model package lacks {', '.join(missing)}.")
