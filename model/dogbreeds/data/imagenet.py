"""List ImageNet's dog classes, with readable names.

151..268 are breeds; 273..275 are dingo, dhole and African hunting dog. 269..272 between them
(wolves and coyote) are no dogs. The indices count from 0, in the order of the sorted WordNet ids.
"""

import functools
import importlib.util
from pathlib import Path

from dogbreeds.package.card import Breed

DOG_CLASSES: tuple[int, ...] = (*range(151, 269), *range(273, 276))

# Where WordNet's first name is not what owners call the breed, or needs more than capitals.
_NAMES = {
    "n02085936": "Maltese",
    "n02088238": "Basset Hound",
    "n02088632": "Bluetick Coonhound",
    "n02089867": "Treeing Walker Coonhound",
    "n02090379": "Redbone Coonhound",
    "n02093256": "Staffordshire Bull Terrier",
    "n02096051": "Airedale Terrier",
    "n02096177": "Cairn Terrier",
    "n02096585": "Boston Terrier",
    "n02097298": "Scottish Terrier",
    "n02098413": "Lhasa Apso",
    "n02101556": "Clumber Spaniel",
    "n02102040": "English Springer Spaniel",
    "n02107142": "Doberman Pinscher",
    "n02108000": "Entlebucher",
    "n02111129": "Leonberger",
    "n02113023": "Pembroke Welsh Corgi",
    "n02113186": "Cardigan Welsh Corgi",
}


def dog_breeds() -> list[Breed]:
    """Return the breeds of ``DOG_CLASSES``, in that order, with unique readable names."""
    descriptions = class_descriptions()
    synsets = list(descriptions)
    return [
        Breed(_NAMES.get(synset) or _readable(descriptions[synset]), synset)
        for synset in (synsets[index] for index in DOG_CLASSES)
    ]


@functools.cache
def class_descriptions() -> dict[str, str]:
    """Return {synset: WordNet's names, with commas} of ImageNet's classes, in their order.

    From the files of timm, which itself is not imported: that would import PyTorch, 4 s.
    """
    spec = importlib.util.find_spec("timm")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("timm is not installed; run `make setup`.", name="timm")
    folder = Path(spec.origin).parent / "data" / "_info"
    lines = (folder / "imagenet_synset_to_lemma.txt").read_text("utf-8").splitlines()
    names = dict(line.split("\t", 1) for line in lines)
    synsets = (folder / "imagenet_synsets.txt").read_text("utf-8").split()
    return {synset: names[synset] for synset in synsets}


def _readable(description: str) -> str:
    """Return WordNet's first synonym with capitals: "Bull Mastiff" for "bull mastiff, ..."."""
    words = description.split(",", maxsplit=1)[0].split(" ")
    return " ".join(word if word == "des" else word[0].upper() + word[1:] for word in words)
