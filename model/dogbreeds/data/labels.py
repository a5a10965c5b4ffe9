"""Map a folder's name to a breed: its readable name, and its ImageNet class if there is one.

    001.Affenpinscher            Affenpinscher, n02110627
    n02099601-golden_retriever   Golden Retriever, n02099601
    german_shorthaired           German Shorthaired, n02100236 (its weights start from that class)
    havanese                     Havanese, no class

Two folders are one breed when they have the same synset in front, or names that differ only in
case, spaces, hyphens and underscores. Two breeds that ImageNet holds as one ("Cocker Spaniel" and
"English Cocker Spaniel") stay two; the one that ImageNet's name means gets the class.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable

from dogbreeds.data.imagenet import class_descriptions, dog_breeds
from dogbreeds.package.card import Breed

_NUMBER = re.compile(r"^\d+\.\s*")  # dogImages: 001.Affenpinscher
_SYNSET = re.compile(r"^(n\d{8})(?:[-_ ]+|$)")  # Stanford Dogs: n02085620-Chihuahua
_SMALL_WORDS = {"and", "de", "des", "of", "the"}

# Names of owners and other data sets for breeds that ImageNet has under another name.
_OTHER_NAMES = {
    "African Wild Dog": "n02116738",
    "American Cocker Spaniel": "n02102318",
    "Appenzeller Sennenhund": "n02107908",
    "Belgian Malinois": "n02105162",
    "Belgian Sheepdog": "n02105056",
    "Brittany": "n02101388",
    "Brussels Griffon": "n02112706",
    "Cavalier King Charles Spaniel": "n02086646",
    "Dobermann": "n02107142",
    "Entlebucher Mountain Dog": "n02108000",
    "Fox Terrier Wire": "n02095314",
    "German Shorthaired": "n02100236",
    "Japanese Chin": "n02085782",
    "Walker Hound": "n02089867",
    "Wheaten Terrier": "n02098105",
    "Wire Fox Terrier": "n02095314",
    "Xoloitzcuintli": "n02113978",
}


def breed_of(folder: str) -> tuple[str, str]:
    """Return (the breed's readable name, its key) for a folder's name.

    Folders with equal keys are one breed; the first spelling in sorted order names it.
    """
    name = _NUMBER.sub("", unicodedata.normalize("NFC", folder).strip())
    name_of_synset, _ = _imagenet()
    if match := _SYNSET.match(name):
        synset = match[1]
        if synset in name_of_synset:
            return name_of_synset[synset], _key(name_of_synset[synset])
        name = name[match.end() :] or synset
    by_key = {_key(imagenet_name): imagenet_name for imagenet_name in name_of_synset.values()}
    key = _key(name)
    return by_key.get(key) or _title(name), key


def with_synsets(names: Iterable[str]) -> tuple[Breed, ...]:
    """Return the breeds sorted by name, each with ImageNet's synset, "" where it has none.

    No synset is assigned twice: ImageNet's own name for it comes before WordNet's synonyms.
    """
    name_of_synset, synonyms = _imagenet()
    own = {_key(name): synset for synset, name in name_of_synset.items()}
    names = sorted(names)
    exact = {name: own[_key(name)] for name in names if _key(name) in own}
    taken = set(exact.values())
    breeds = []
    for name in names:
        synset = exact.get(name, "")
        other = synonyms.get(_key(name), "")
        if not synset and other not in taken:
            synset = other
            taken.add(other)
        breeds.append(Breed(name, synset))
    return tuple(breeds)


@functools.cache
def _imagenet() -> tuple[dict[str, str], dict[str, str]]:
    """Return {synset: readable name} and {key of any other name: synset} of ImageNet's dogs."""
    descriptions = class_descriptions()
    name_of_synset = {breed.synset: breed.breed for breed in dog_breeds()}
    synonyms = {
        _key(name): synset for synset in name_of_synset for name in descriptions[synset].split(",")
    }
    return name_of_synset, synonyms | {_key(name): synset for name, synset in _OTHER_NAMES.items()}


def _key(name: str) -> str:
    """Return the letters and digits alone, in lower case: one key for "Shih-Tzu" and "shih_tzu"."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return "".join(character for character in folded if character.isalnum()) or folded


def _title(name: str) -> str:
    words = name.replace("_", " ").split()
    return " ".join(
        word if word in _SMALL_WORDS and index else word[0].upper() + word[1:]
        for index, word in enumerate(words)
    )
