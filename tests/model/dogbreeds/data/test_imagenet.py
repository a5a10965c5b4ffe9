from timm.data.imagenet_info import ImageNetInfo

from dogbreeds.data.imagenet import DOG_CLASSES, dog_breeds


def test_dogs_are_breeds_and_three_wild_dogs_but_no_wolf() -> None:
    assert len(DOG_CLASSES) == 121
    info = ImageNetInfo()
    described = {index: info.index_to_description(index) for index in range(1000)}
    for index in (151, 268, 273, 274, 275):
        assert index in DOG_CLASSES
    assert described[273].startswith("dingo")
    for index in range(269, 273):
        assert index not in DOG_CLASSES
        assert "wolf" in described[index] or "coyote" in described[index]
    assert described[276].startswith("hyena")


def test_names_are_readable_and_unique() -> None:
    names = [breed.breed for breed in dog_breeds()]
    assert len(set(names)) == len(names) == 121
    assert all(name[0].isupper() and "," not in name and "_" not in name for name in names)


def test_names_stand_at_their_classes() -> None:
    at = dict(zip(DOG_CLASSES, dog_breeds(), strict=True))
    assert (at[151].breed, at[151].synset) == ("Chihuahua", "n02085620")
    assert (at[243].breed, at[243].synset) == ("Bull Mastiff", "n02108422")
    assert (at[251].breed, at[251].synset) == ("Dalmatian", "n02110341")
    assert at[233].breed == "Bouvier des Flandres"
    assert at[263].breed == "Pembroke Welsh Corgi"
    assert at[275].breed == "African Hunting Dog"
