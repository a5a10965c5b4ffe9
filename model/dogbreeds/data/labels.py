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
from collections.abc import Iterable

from dogbreeds.data.folders import breed_key, known_breeds, letters, read_name
from dogbreeds.package.card import Breed

_SMALL_WORDS = {"and", "de", "des", "of", "the"}


def breed_of(folder: str) -> tuple[str, str]:
    """Return (the breed's readable name, its key) for a folder's name.

    Folders with equal keys are one breed; the first spelling in sorted order names it.
    """
    key = breed_key(folder)
    _, name = read_name(folder)
    return _own_names().get(key) or _title(name) or name, key


def with_synsets(names: Iterable[str]) -> tuple[Breed, ...]:
    """Return the breeds sorted by name, each with ImageNet's synset, "" where it has none.

    No synset is assigned twice: ImageNet's own name for it comes before WordNet's synonyms.
    """
    own = {letters(names[0]): synset for synset, names in known_breeds().items()}
    synonyms = {letters(n): synset for synset, names in known_breeds().items() for n in names}
    names = sorted(names)
    exact = {name: own[letters(name)] for name in names if letters(name) in own}
    taken = set(exact.values())
    breeds = []
    for name in names:
        synset = exact.get(name, "")
        other = synonyms.get(letters(name), "")
        if not synset and other not in taken:
            synset = other
            taken.add(other)
        breeds.append(Breed(name, synset))
    return tuple(breeds)


@functools.cache
def _own_names() -> dict[str, str]:
    """Return the names that are shown for ImageNet's dogs, by their letters."""
    return {letters(names[0]): names[0] for names in known_breeds().values()}


def _title(name: str) -> str:
    words = name.replace("_", " ").split()
    return " ".join(
        word if word in _SMALL_WORDS and index else word[0].upper() + word[1:]
        for index, word in enumerate(words)
    )
