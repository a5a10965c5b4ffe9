"""An error of AWS that a function does not expect reaches its caller as it is."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from common.package import keep_package, read_package
from preflight.account import account_problems
from publish_breeds.breeds import publish_breeds
from removal.bucket import delete_bucket
from removal.resources import remove
from tests.functions.aws_account import BUCKET, ENDPOINT, Account
from tests.functions.clean_up.test_jobs import busy
from tests.functions.drift.test_watch import World
from tests.functions.ensure_image.test_build import run as ensure_image
from tests.functions.model_package import package
from tests.functions.preflight.test_checks import ECR, GOOD
from tests.functions.preflight.test_checks import clients as preflight_clients
from tests.functions.removal.test_resources import SETTINGS, FakeClient
from tests.functions.start_training.test_training import run as start_training

KEY = "models/k-1-train/output/model.tar.gz"


def drift(account: Account) -> None:
    world = World()
    world.account.errors = account.errors
    world.check()


def keep(account: Account) -> None:
    account.objects[KEY] = package()
    read = read_package(account.s3, BUCKET, KEY)
    keep_package(account.s3, BUCKET, read)
    account.refuse("HeadObject", "InternalError")
    keep_package(account.s3, BUCKET, read)  # the copy exists already


def preflight(account: Account) -> None:
    settings = replace(GOOD, serving_image=f"{ECR}/kennel/serving:1")
    list(account_problems(settings, preflight_clients(account), trains=False))


def stop_others(account: Account) -> None:
    busy_account = busy()
    busy_account.errors = account.errors
    remove(SETTINGS, FakeClient(busy_account).clients())


CALLS: dict[str, tuple[str, Callable[[Account], object]]] = {
    "read a package": ("GetObject", lambda account: read_package(account.s3, BUCKET, KEY)),
    "keep a package": ("", keep),
    "look for an image": ("DescribeImages", ensure_image),
    "start a build": ("StartBuild", ensure_image),
    "look for the given image": ("DescribeImages", preflight),
    "remove the list of breeds": (
        "HeadObject",
        lambda account: publish_breeds(account.sagemaker, account.s3, ENDPOINT, BUCKET),
    ),
    "empty the bucket": ("ListObjectVersions", lambda account: delete_bucket(account.s3, BUCKET)),
    "read a job's tags": ("ListTags", stop_others),
    "start a training": ("CreateTrainingJob", start_training),
    "read a baseline": ("GetObject", drift),
}


@pytest.mark.parametrize("name", CALLS)
def test_unexpected_error_reaches_the_caller(name: str) -> None:
    operation, call = CALLS[name]
    account = Account()
    if operation:
        account.refuse(operation, "InternalError", "We encountered an internal error.")
    with pytest.raises(ClientError, match="InternalError"):
        call(account)
