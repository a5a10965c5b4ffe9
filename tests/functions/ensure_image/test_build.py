from typing import Any

import pytest

from common.execution import Execution
from common.failures import ImageBuildFailed
from common.images import ServingImage
from ensure_image.build import ImageBuildSettings, ensure_image
from tests.functions.aws_account import BUCKET, PROJECT, Account, client_error

HASH = "0123456789abcdef0123"
URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/kennel/serving"
BUNDLE = {"hash": HASH, "prefix": f"code/{HASH}/"}
SETTINGS = ImageBuildSettings(ServingImage("", URI), "kennel/serving", PROJECT, BUCKET)
BUILT = {"status": "ready", "image": f"{URI}:{HASH}"}
BUILDING = {"status": "building", "image": f"{URI}:{HASH}"}


def run(account: Account, name: str = "one", settings: ImageBuildSettings = SETTINGS) -> Any:
    return ensure_image(Execution(name), BUNDLE, settings, account.ecr, account.codebuild)


def test_existing_image_needs_no_build() -> None:
    account = Account()
    account.builds.images.add(HASH)
    assert run(account) == run(account) == BUILT
    assert account.called("StartBuild") == []


@pytest.mark.parametrize("given", ["kennel/serving:offline", "763104351884.dkr.ecr/ray:v1"])
def test_given_image_needs_no_build(given: str) -> None:
    account = Account()
    settings = ImageBuildSettings(ServingImage(given, URI), "kennel/serving", PROJECT, BUCKET)
    assert run(account, settings=settings) == {"status": "ready", "image": given}
    assert account.called() == []


@pytest.mark.parametrize("kind", ["manifest", "index"])
def test_image_that_sagemaker_refuses(kind: str) -> None:
    account = Account()
    account.builds.images.add(HASH)
    account.builds.media_type = f"application/vnd.oci.image.{kind}.v1+json"
    with pytest.raises(ImageBuildFailed, match=rf"of type application/vnd\.oci\.image\.{kind}"):
        run(account)
    assert account.called("StartBuild") == []


def test_image_is_built_from_the_bundle_once() -> None:
    account = Account(polls=2)
    statuses = [run(account)["status"] for _ in range(6)]
    assert statuses == sorted(statuses)  # "building", then "ready"
    assert (statuses[0], statuses[-1]) == ("building", "ready")
    (request,) = [request for name, request in account.calls if name == "StartBuild"]
    variables = {each["name"]: each["value"] for each in request["environmentVariablesOverride"]}
    assert variables["IMAGE_TAG"] == HASH
    assert variables["SOURCE_URI"] == f"s3://{BUCKET}/code/{HASH}/source.tar.gz"
    assert variables["KENNEL_EXECUTION"] == "one"
    assert run(account) == BUILT


def test_refused_build_in_an_account_without_builds_names_the_quota() -> None:
    account = Account()
    message = "Cannot have more than 0 builds in queue for the account"
    account.errors["StartBuild"] = [client_error("AccountLimitExceededException", message)]
    with pytest.raises(ImageBuildFailed, match=rf'saying "{message}".* in Service Quotas'):
        run(account)


def test_two_executions_share_a_build() -> None:
    account = Account(polls=9)
    assert run(account, "one") == run(account, "two") == BUILDING
    assert account.called("StartBuild") == ["StartBuild"]


def test_failed_build_gives_its_reason_and_the_next_execution_builds_again() -> None:
    account = Account(polls=0, build_ends="FAILED")
    assert run(account) == BUILDING
    for _ in range(2):  # a second call fails in the same way
        with pytest.raises(ImageBuildFailed, match=r"is FAILED \(BUILD: docker build: exit 1\)"):
            while True:
                run(account)
    assert run(account, "two") == BUILDING


def test_stopped_build() -> None:
    account = Account(polls=9)
    run(account)
    account.codebuild.stop_build(id=f"{PROJECT}:0")
    with pytest.raises(ImageBuildFailed, match="is STOPPED"):
        run(account)


def test_build_that_succeeded_without_an_image() -> None:
    account = Account(polls=9)
    run(account)
    account.builds.builds[f"{PROJECT}:0"]["buildStatus"] = "SUCCEEDED"
    with pytest.raises(ImageBuildFailed, match=r"succeeded, but .* is not in ECR"):
        run(account)


def test_redriven_execution_builds_again_after_a_stopped_build() -> None:
    account = Account(polls=9)
    run(account)
    account.codebuild.stop_build(id=f"{PROJECT}:0")
    redriven = Execution("one", redrive=1)
    result = ensure_image(redriven, BUNDLE, SETTINGS, account.ecr, account.codebuild)
    assert result == BUILDING
    assert account.called("StartBuild") == ["StartBuild", "StartBuild"]
