"""A folder's name to a breed: the name people read, and ImageNet's row for it where there is one.

    001.Affenpinscher            Affenpinscher, n02110627
    n02099601-golden_retriever   Golden Retriever, n02099601
    german_shorthaired           German Shorthaired, n02100236 (warm start from that row)
    havanese                     Havanese, no row

Two folders are one breed when they have the same synset in front, or names that differ only in
case, spaces, hyphens and underscores. Two breeds that ImageNet holds as one ("Cocker Spaniel" and
"English Cocker Spaniel") stay two; then the one that ImageNet's name means gets the row.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable

from timm.data.imagenet_info import ImageNetInfo

from dogbreeds.data.imagenet import dog_breeds
from dogbreeds.package.card import Breed

_NUMBER = re.compile(r"^\d+\.\s*")  # dogImages: 001.Affenpinscher
_SYNSET = re.compile(r"^(n\d{8})(?:[-_ ]+|$)")  # Stanford Dogs: n02085620-Chihuahua
_SMALL_WORDS = {"and", "de", "des", "of", "the"}

# What owners and other data sets call breeds that ImageNet has under another name.
_ALSO = {
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
    plain = _NUMBER.sub("", unicodedata.normalize("NFC", folder).strip())
    known, _ = _imagenet()
    if found := _SYNSET.match(plain):
        synset = found[1]
        if synset in known:
            return known[synset], _key(known[synset])
        plain = plain[found.end() :] or synset
    by_name = {_key(name): name for name in known.values()}
    key = _key(plain)
    return by_name.get(key) or _title(plain), key


def with_synsets(names: Iterable[str]) -> tuple[Breed, ...]:
    """Return the breeds sorted by name, each with ImageNet's synset, "" where it has none.

    No synset is given twice: ImageNet's own name for it comes before WordNet's other ones.
    """
    known, synonyms = _imagenet()
    own = {_key(name): synset for synset, name in known.items()}
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
    info = ImageNetInfo()
    known = {breed.synset: breed.breed for breed in dog_breeds()}
    synonyms = {
        _key(name): synset
        for synset in known
        for name in info.label_name_to_description(synset).split(",")
    }
    return known, synonyms | {_key(name): synset for name, synset in _ALSO.items()}


def _key(name: str) -> str:
    """Letters and digits alone, lower case: "Shih-Tzu", "shih_tzu" and "Shih Tzu" are one."""
    folded = unicodedata.normalize("NFC", name).casefold()
    return "".join(character for character in folded if character.isalnum()) or folded


def _title(name: str) -> str:
    words = name.replace("_", " ").split()
    return " ".join(
        word if word in _SMALL_WORDS and place else word[0].upper() + word[1:]
        for place, word in enumerate(words)
    )
