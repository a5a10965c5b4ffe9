import pytest

from preflight.folders.names import breed_key, split_of


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("val_images", "valid"),
        ("train_val", "train"),  # trained on where there is a test split
        ("train-test", None),
        ("beagle", None),
    ],
)
def test_a_folders_name_means_one_split_at_most(name: str, split: str | None) -> None:
    assert split_of(name) == split


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Shih-Tzu", "shih_tzu", True),
        ("a-1", "a1", True),
        ("1.5", "1_5", True),
        ("1.5", "15", False),
    ],
)
def test_spellings_of_one_breed_have_one_key(one: str, other: str, same: bool) -> None:
    assert (breed_key(one) == breed_key(other)) is same
