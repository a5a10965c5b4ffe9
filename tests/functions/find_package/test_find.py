"""What each value of the input's `release` finds, and what it refuses."""

import hashlib
from typing import Any

import pytest

from common.execution import Execution
from common.failures import LiveModelUnusable, PackageBroken, ReleaseRefused
from find_package.find import find_package
from register.package import register
from release.rollout import release
from tests.functions.aws_account import BUCKET, ENDPOINT, Account
from tests.functions.model_package import card, package
from tests.functions.release.test_rollout import SETTINGS, request_of

BUNDLE = {"model_data_url": f"s3://{BUCKET}/code/0123456789abcdef0123/model.tar.gz"}
PRETRAINED = package(**{"evaluation.json": None})
VERSION = "arn:aws:sagemaker:us-east-1:123456789012:model-package/kennel/1"
TRAINED = "models/k-1-train/output/model.tar.gz"


@pytest.fixture
def account() -> Account:
    account = Account()
    account.objects["code/0123456789abcdef0123/model.tar.gz"] = PRETRAINED
    account.objects[TRAINED] = package()
    return account


def find(account: Account, given: str | None) -> dict[str, Any]:
    return find_package(given, BUNDLE, ENDPOINT, BUCKET, account.sagemaker, account.s3)


def prefix_of(content: bytes) -> str:
    return f"packages/{hashlib.sha256(content).hexdigest()[:20]}/"


def version_of(account: Account, *, accepted: bool) -> str:
    """Register the trained package, and return the version's ARN."""
    candidate = {"model_data_url": f"s3://{BUCKET}/{TRAINED}", "smoke_breed": "Bull Mastiff"}
    judgement = {
        "accepted": accepted,
        "reason": "It may be worse.",
        "evaluation": None,
        "candidate": candidate,
    }
    execution = Execution("arn:aws:states:us-east-1:123456789012:execution:machine:one")
    registered = register(execution, judgement, "image:1", ENDPOINT, account.sagemaker)
    return str(registered["package_arn"])


def make_live(account: Account, key: str) -> None:
    account.objects.setdefault(key, package())
    request = request_of()
    url = f"s3://{BUCKET}/{key}"
    request = type(request)(request.execution, url, request.image, "Bull Mastiff", VERSION)
    release(request, SETTINGS, account.sagemaker, account.autoscaling, account.s3)
    account.endpoints.settle()


def test_pretrained_package_of_the_bundle(account: Account) -> None:
    decision, prefix = find(account, None), prefix_of(PRETRAINED)
    assert decision == {
        "accepted": True,
        "reason": "There are no photos in the bucket, so the pretrained model is released.",
        "evaluation": None,
        "candidate": {
            "prefix": prefix,
            "model_data_url": f"s3://{BUCKET}/{prefix}model.tar.gz",
            "smoke_breed": "Bull Mastiff",
            "version": "",
        },
    }
    assert account.objects[f"{prefix}model.tar.gz"] == PRETRAINED
    assert find(account, None) == decision


def test_package_in_the_bucket(account: Account) -> None:
    decision = find(account, f"s3://{BUCKET}/{TRAINED}")
    assert decision["candidate"]["prefix"] == prefix_of(package())
    assert decision["reason"] == f"A person has released s3://{BUCKET}/{TRAINED} by hand."
    assert decision["evaluation"] == {
        "photos": 100,
        "top1": 0.91,
        "top1_interval": [0.84, 0.95],
        "live": None,
    }


def test_package_that_was_uploaded_to_its_place_gets_its_small_files(account: Account) -> None:
    prefix = prefix_of(package())
    account.objects[f"{prefix}model.tar.gz"] = package()
    assert find(account, f"s3://{BUCKET}/{prefix}model.tar.gz")["candidate"]["prefix"] == prefix
    assert account.objects[f"{prefix}smoke.jpg"] == b"a jpeg"
    assert account.called("CopyObject") == []


def test_approved_version(account: Account) -> None:
    version = version_of(account, accepted=True)
    decision = find(account, version)
    assert decision["candidate"]["version"] == version == VERSION
    assert decision["candidate"]["prefix"] == prefix_of(package())
    assert decision["reason"] == "A person has released the version 1."


def test_rejected_and_unknown_version(account: Account) -> None:
    version = version_of(account, accepted=False)
    with pytest.raises(ReleaseRefused, match=rf"The version {version} is Rejected.* approve it by"):
        find(account, version)
    with pytest.raises(
        ReleaseRefused, match=r"There is no version .*kennel/9: `aws sagemaker list"
    ):
        find(account, version.replace("kennel/1", "kennel/9"))


@pytest.mark.parametrize("key", ["packages/0123456789abcdef0123/model.tar.gz", TRAINED])
def test_live_model_again(account: Account, key: str) -> None:
    """A live model's package may also be in a folder from which endpoints no longer load."""
    make_live(account, key)
    decision = find(account, "live")
    assert decision["candidate"]["prefix"] == prefix_of(package())
    assert decision["candidate"]["version"] == VERSION
    assert decision["reason"] == "The live model is released again."


def test_nothing_is_live(account: Account) -> None:
    with pytest.raises(ReleaseRefused, match="kennel has no live model to release again"):
        find(account, "live")


def test_live_model_of_another_bucket(account: Account) -> None:
    make_live(account, TRAINED)
    (model,) = account.endpoints.models.values()
    model["PrimaryContainer"]["ModelDataUrl"] = "s3://elsewhere/model.tar.gz"
    with pytest.raises(
        LiveModelUnusable, match=r"has its package at s3://elsewhere/model\.tar\.gz"
    ):
        find(account, "live")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no archive", "is no .tar.gz, or it is truncated"),
        (package(**{"./smoke.jpg": None}), "lacks smoke.jpg: it is no package of Kennel's"),
        (package(**{"card.json": b"[]"}), "card.json is not what model/train.py writes"),
        (package(**{"card.json": card("2027.0.0")}), "was made with openvino 2027.0.0, and the"),
        (package(**{"card.json": b'{"smoke_breed": "Pug"}'}), "is not what model/train.py writes"),
        (package(**{"evaluation.json": b"{}"}), "evaluation.json is not what model/train.py"),
    ],
    ids=["no archive", "no smoke photo", "card", "newer framework", "no framework", "evaluation"],
)
def test_package_that_cannot_be_served(account: Account, content: bytes, words: str) -> None:
    account.objects[TRAINED] = content
    with pytest.raises(PackageBroken, match=words):
        find(account, f"s3://{BUCKET}/{TRAINED}")


@pytest.mark.parametrize("version", ["2026.4.0", "2025.1.0", "unknown"])
def test_package_of_an_older_framework_is_served(account: Account, version: str) -> None:
    account.objects[TRAINED] = package(**{"card.json": card(version)})
    assert find(account, f"s3://{BUCKET}/{TRAINED}")["accepted"] is True


@pytest.mark.parametrize("key", ["data/train/pug/model.tar.gz", "answers/model.tar.gz"])
def test_place_where_no_package_is_read(account: Account, key: str) -> None:
    with pytest.raises(ReleaseRefused, match=f"The package s3://{BUCKET}/{key} is in none of"):
        find(account, f"s3://{BUCKET}/{key}")
