from typing import Any

import pytest

from common.failures import PackageBroken
from judge.package_files import publish_package_files
from tests.functions.aws_account import BUCKET, Account
from tests.functions.model_package import evaluation, package

KEY = "models/k-1-train/output/model.tar.gz"


def account_with(content: bytes | None) -> Account:
    account = Account()
    if content is not None:
        account.objects[KEY] = content
    return account


def test_files_are_copied_beside_the_package() -> None:
    account = account_with(package())
    files = publish_package_files(account.s3, BUCKET, "k-1-train")
    assert files.evaluation == evaluation()
    assert files.candidate(BUCKET) == {
        "prefix": "models/k-1-train/parts/",
        "model_data_url": f"s3://{BUCKET}/{KEY}",
        "smoke_breed": "Bull Mastiff",
        "evaluation_url": f"s3://{BUCKET}/models/k-1-train/parts/evaluation.json",
    }
    assert account.objects["models/k-1-train/parts/smoke.jpg"] == b"a jpeg"
    written = dict(account.objects)
    assert publish_package_files(account.s3, BUCKET, "k-1-train") == files
    assert account.objects == written
    assert {key for key in written if "/parts/" in key} == {
        f"models/k-1-train/parts/{name}"
        for name in ("evaluation.json", "breeds.json", "card.json", "smoke.jpg")
    }


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no models/k-1-train/output/model.tar.gz in the bucket"),
        (b"no archive", "is no .tar.gz, or it is truncated"),
        (package()[:60], "is no .tar.gz, or it is truncated"),
        (package(**{"evaluation.json": None}), "lacks evaluation.json"),
        (package(**{"card.json": b"{}"}), "is not what model/train.py writes"),
        (package(**{"evaluation.json": b"{"}), "is not what model/train.py writes"),
    ],
    ids=["absent", "not-gzip", "cut-off", "member-missing", "empty-card", "evaluation-not-json"],
)
def test_invalid_package(content: Any, words: str) -> None:
    with pytest.raises(PackageBroken, match=words):
        publish_package_files(account_with(content).s3, BUCKET, "k-1-train")
