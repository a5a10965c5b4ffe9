import pytest
from timm.data.imagenet_info import ImageNetInfo

from dogbreeds.data.folders import known_breeds
from dogbreeds.data.imagenet import dog_breeds
from dogbreeds.data.labels import breed_of, with_synsets
from dogbreeds.package.card import Breed


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("001.Affenpinscher", "Affenpinscher"),
        ("golden_retriever", "Golden Retriever"),
        ("Golden Retriever", "Golden Retriever"),
        ("n02099601-golden_retriever", "Golden Retriever"),
        ("n02099601", "Golden Retriever"),
        ("shih_tzu", "Shih-Tzu"),
        ("Bouvier_des_flandres", "Bouvier des Flandres"),
        ("german_shorthaired", "German Shorthaired"),
        ("havanese", "Havanese"),
        ("n09999999-some_mixed_breed", "Some Mixed Breed"),
        ("Lagotto_of_Łódź", "Lagotto of Łódź"),
        ("柴犬", "柴犬"),
        ("---", "---"),
        ("_", "_"),
        ("1.", "1."),
        ("2.5", "2.5"),
    ],
)
def test_readable_names(folder: str, name: str) -> None:
    assert breed_of(folder)[0] == name


def test_spellings_of_one_breed_share_a_key() -> None:
    folders = ["055.Golden_retriever", "golden-retriever", "GOLDEN RETRIEVER", "n02099601"]
    assert len({breed_of(folder)[1] for folder in folders}) == 1
    # é as one character and as e with an accent: file systems differ
    assert breed_of("caf\u00e9")[1] == breed_of("cafe\u0301")[1]


@pytest.mark.parametrize(
    "folders",
    [
        ("1.", "2.", "_", "__"),
        ("1.5", "2.5", "5", "15"),
        ("1-2", "12", "1.2.3"),
        ("\u092a\u0917", "\u092a\u093f\u0917", "\u092a\u0942\u0917"),  # vowel signs are marks
        ("\u0e01\u0e32", "\u0e01\u0e35", "\u0e01\u0e39"),
    ],
)
def test_different_names_are_different_breeds(folders: tuple[str, ...]) -> None:
    assert len({breed_of(folder)[1] for folder in folders}) == len(folders)
    names = {breed_of(folder)[0] for folder in folders}
    assert len(names) == len(folders) and "" not in names


def test_the_table_of_breeds_is_imagenets() -> None:
    assert {synset: names[0] for synset, names in known_breeds().items()} == {
        breed.synset: breed.breed for breed in dog_breeds()
    }
    info = ImageNetInfo()
    for synset, names in known_breeds().items():
        known = {name.casefold() for name in names}
        assert known >= {
            name.strip().casefold() for name in info.label_name_to_description(synset).split(",")
        } - {names[0].casefold()}


def test_rows_of_imagenet_by_any_of_its_names() -> None:
    names = ["German Shorthaired", "Alsatian", "Havanese", "Beagle"]
    assert with_synsets(names) == (
        Breed("Alsatian", "n02106662"),
        Breed("Beagle", "n02088364"),
        Breed("German Shorthaired", "n02100236"),
        Breed("Havanese", ""),
    )


def test_two_breeds_never_share_a_row() -> None:
    # dogImages has both; ImageNet one row for them
    both = with_synsets(["Cocker Spaniel", "English Cocker Spaniel"])
    assert both == (Breed("Cocker Spaniel", "n02102318"), Breed("English Cocker Spaniel", ""))
    assert with_synsets(["English Cocker Spaniel"])[0].synset == "n02102318"
