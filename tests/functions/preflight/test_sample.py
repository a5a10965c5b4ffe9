import pytest

from preflight.data import Photo
from preflight.sample import MAX_PHOTOS, MAX_S, Look, choose, look_into
from tests.functions.aws_account import BUCKET, Account
from tests.functions.classify.photos import jpeg
from tests.functions.few_photos import photo


def described(key: str, size: int, etag: str = "") -> Photo:
    _, split, folder, _ = key.split("/")
    return Photo(key, split, folder, size, etag or key)


def look_at(body: bytes, name: str = "1.jpg") -> Look:
    account = Account()
    account.objects[f"data/train/a/{name}"] = body
    one = described(f"data/train/a/{name}", len(body))
    return look_into(account.s3, BUCKET, [one])[one.etag]


def test_sound_photo() -> None:
    assert look_at(jpeg(64, 48)) == Look("", 48)
    assert look_at(jpeg(64, 48)).is_sound
    assert not look_at(jpeg(64, 20)).is_sound


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html>Not Found</html>", "The 22 bytes"),
        (jpeg()[:300], "cannot be decoded"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "HEIC file"),
    ],
    ids=["text", "cut short", "HEIC"],
)
def test_file_that_training_cannot_read(body: bytes, words: str) -> None:
    look = look_at(body)
    assert words in look.problem
    assert ";" not in look.problem
    assert look.problem.endswith(".")


def test_of_a_large_file_only_the_format_is_judged() -> None:
    assert "HEIC file" in look_at(b"\0\0\0\x18ftypheic" + bytes(5_000_000)).problem
    assert look_at(jpeg() + bytes(5_000_000)).is_sound
    account = Account()
    body = jpeg() + bytes(5_000_000)
    account.objects["data/train/a/1.jpg"] = body
    look_into(account.s3, BUCKET, [described("data/train/a/1.jpg", len(body))])
    ((_, request),) = account.calls
    assert request["Range"] == "bytes=0-65535"


def test_object_that_s3_refuses_or_that_is_gone() -> None:
    one = described("data/train/a/1.jpg", 9)
    assert look_into(Account().s3, BUCKET, [one])[one.etag].is_sound
    account = Account()
    account.refuse("GetObject", "InvalidObjectState", "The object is archived.")
    look = look_into(account.s3, BUCKET, [one])[one.etag]
    assert look.problem == "S3 refuses it: The object is archived."


def test_smallest_of_every_folder_come_first_and_odd_names_before_all() -> None:
    photos = [
        *(described(f"data/train/a/{n}.jpg", 100 + n) for n in range(MAX_PHOTOS)),
        described("data/train/b/1.jpg", 5000),
        described("data/train/b/2.jpg", 4000),
        described("data/train/b/notes.txt", 9000),
        described("data/train/b/empty.jpg", 0),
        described("data/train/b/copy.jpg", 3000, etag="same"),
        described("data/valid/a/copy.jpg", 3000, etag="same"),
    ]
    keys = [each.key.removeprefix("data/") for each in choose(photos)]
    assert keys[:5] == [
        *("train/b/notes.txt", "valid/a/copy.jpg", "train/a/0.jpg", "train/b/2.jpg"),
        "train/a/1.jpg",
    ]
    assert len(keys) == len(set(keys)) == MAX_PHOTOS


def test_sample_has_few_bytes() -> None:
    photos = [described(f"data/train/a/{n}.jpg", 4_000_000) for n in range(50)]
    assert sum(each.size for each in choose(photos)) == 48_000_000


def test_sample_ends_in_time() -> None:
    account = Account()
    photos = []
    for number in range(5):
        key = f"data/train/a/{number}.jpg"
        account.objects[key] = photo(number)
        photos.append(described(key, len(photo(number))))
    seconds = iter([0.0, MAX_S - 1, MAX_S + 1])
    assert len(look_into(account.s3, BUCKET, photos, lambda: next(seconds))) == 2
