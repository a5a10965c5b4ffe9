import hashlib
from typing import Any

import pytest

from common.failures import PackageBroken
from judge.candidate import judge_package
from judge.verdict import AcceptanceCriteria
from tests.functions.aws_account import BUCKET, Account
from tests.functions.model_package import evaluation, package

KEY = "models/k-1-train/output/model.tar.gz"
CRITERIA = AcceptanceCriteria(0.7, 0.02)


def account_with(content: bytes | None) -> Account:
    account = Account()
    if content is not None:
        account.objects[KEY] = content
    return account


def judged(account: Account) -> dict[str, Any]:
    return judge_package(account.s3, BUCKET, "k-1-train", CRITERIA)


def test_accepted_package_is_copied_to_where_endpoints_load_from() -> None:
    content = package()
    account = account_with(content)
    prefix = f"packages/{hashlib.sha256(content).hexdigest()[:20]}/"
    result = judged(account)
    assert result["accepted"] is True
    assert result["candidate"] == {
        "prefix": prefix,
        "model_data_url": f"s3://{BUCKET}/{prefix}model.tar.gz",
        "smoke_breed": "Bull Mastiff",
        "evaluation_url": f"s3://{BUCKET}/{prefix}evaluation.json",
    }
    assert account.objects[f"{prefix}model.tar.gz"] == content
    assert account.objects[f"{prefix}smoke.jpg"] == b"a jpeg"
    written = dict(account.objects)
    assert judged(account) == result
    assert account.objects == written


def test_job_that_overwrites_its_package_later_changes_nothing() -> None:
    account = account_with(package())
    candidate = judged(account)["candidate"]
    account.objects[KEY] = b"something else"
    key = candidate["model_data_url"].removeprefix(f"s3://{BUCKET}/")
    assert account.objects[key] == package()


def test_package_that_is_overwritten_while_it_is_judged() -> None:
    account = account_with(package())
    copy = account.s3.copy_object

    def overwrite_and_copy(**request: Any) -> Any:
        account.objects[KEY] = b"something else"
        return copy(**request)

    account.s3.copy_object = overwrite_and_copy  # type: ignore[method-assign]
    with pytest.raises(PackageBroken, match="was overwritten while it was read: start again"):
        judged(account)


def test_rejected_package_stays_where_the_job_wrote_it() -> None:
    account = account_with(package(evaluation(0.3)))
    assert judged(account)["candidate"] == {
        "prefix": "models/k-1-train/parts/",
        "model_data_url": f"s3://{BUCKET}/{KEY}",
        "smoke_breed": "Bull Mastiff",
        "evaluation_url": f"s3://{BUCKET}/models/k-1-train/parts/evaluation.json",
    }
    assert set(account.objects) == {KEY, "models/k-1-train/parts/evaluation.json"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no models/k-1-train/output/model.tar.gz in the bucket"),
        (b"no archive", "is no .tar.gz, or it is truncated"),
        (package()[:60], "is no .tar.gz, or it is truncated"),
        (package(**{"evaluation.json": None}), "lacks evaluation.json"),
        (package(**{"./smoke.jpg": None}), "lacks smoke.jpg"),
        (package(**{"card.json": b"{}"}), "is not what model/train.py writes"),
        (package(**{"evaluation.json": b"{"}), "is not what model/train.py writes"),
    ],
    ids=[
        *("absent", "not-gzip", "cut-off", "member-missing", "no smoke photo", "empty-card"),
        "evaluation-not-json",
    ],
)
def test_invalid_package(content: Any, words: str) -> None:
    with pytest.raises(PackageBroken, match=words):
        judged(account_with(content))
