"""Which release comes before the live one."""

import pytest

from common.execution import Execution
from kennel.releases import Release, live_release, release_before, releases
from release.request import ReleaseRequest
from release.rollout import release
from tests.functions.aws_account import BUCKET, ENDPOINT, Account
from tests.functions.release.test_rollout import SETTINGS


def of(name: str) -> Release:
    return Release(f"s3://{BUCKET}/packages/{name}/model.tar.gz", f"arn:{name}")


@pytest.mark.parametrize(
    ("released", "before"),
    [
        ("", None),
        ("A", None),
        ("AA", None),  # the live model again, with other parameters
        ("AB", "A"),
        ("ABB", "A"),
        ("ABC", "B"),
        ("ABA", None),  # rolled back, and there is nothing before A
        ("ABCB", "A"),  # rolled back once, so the next one goes further
        ("ABCBA", None),
        ("ABAC", "A"),  # B was rolled back from
        ("ABAB", "A"),
    ],
)
def test_a_rollback_goes_to_the_one_before(released: str, before: str | None) -> None:
    newest_first = [of(name) for name in reversed(released)]
    assert release_before(newest_first) == (of(before) if before else None)


def release_all(account: Account, names: str) -> None:
    for number, name in enumerate(names):
        execution = Execution(f"arn:aws:states:us-east-1:123456789012:execution:m:{number}")
        request = ReleaseRequest(execution, of(name).package, "image:1", "Pug", of(name).version)
        release(request, SETTINGS, account.sagemaker, account.autoscaling, account.s3)
        account.endpoints.settle()


def test_releases_are_read_from_the_endpoint_the_live_one_first() -> None:
    account = Account()
    assert live_release(account.sagemaker, ENDPOINT) is None
    release_all(account, "ABA")
    assert list(releases(account.sagemaker, ENDPOINT)) == [of("A"), of("B"), of("A")]
    assert live_release(account.sagemaker, ENDPOINT) == of("A")


def test_a_deleted_configuration_ends_what_is_known() -> None:
    account = Account()
    release_all(account, "ABC")
    (oldest, *_) = account.endpoints.configs
    del account.endpoints.configs[oldest]
    assert list(releases(account.sagemaker, ENDPOINT)) == [of("C"), of("B")]


def test_release_without_a_version_is_named_by_its_package() -> None:
    assert (
        Release("s3://b/packages/0/model.tar.gz", "").as_input == "s3://b/packages/0/model.tar.gz"
    )
    assert of("A").as_input == "arn:A"
