"""Versions and unversioned packages, beyond the conformance cases."""

import asyncio
from typing import Any

import pytest

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.registry import Registry
from kennel.cloud.sagemaker.shapes import check_response

BASE = "arn:aws:sagemaker:us-east-1:123456789012:"


class Caller:
    """Calls a registry and checks each answer against its shape."""

    def __init__(self) -> None:
        self._registry = Registry(Store(None), Clock())

    def __call__(self, action: str, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = asyncio.run(self._registry.handlers()[action](request))
        check_response(action, answer)
        return answer


@pytest.fixture
def call() -> Caller:
    return Caller()


def test_names_are_not_case_sensitive(call: Caller) -> None:
    call("CreateModelPackageGroup", ModelPackageGroupName="Dogs")
    with pytest.raises(ServiceError, match="already exists"):
        call("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    call("CreateModelPackage", ModelPackageGroupName=f"{BASE}model-package-group/dogs")
    described = call("DescribeModelPackage", ModelPackageName=f"{BASE}model-package/dogs/1")
    assert described["ModelPackageGroupName"] == "Dogs"


def test_versioned_and_unversioned_packages_are_listed_apart(call: Caller) -> None:
    call("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    call("CreateModelPackage", ModelPackageGroupName="dogs")
    call("CreateModelPackage", ModelPackageName="alone")
    arns = {
        kind: [
            each["ModelPackageArn"]
            for each in call("ListModelPackages", ModelPackageType=kind)["ModelPackageSummaryList"]
        ]
        for kind in ("Versioned", "Unversioned", "Both")
    }
    assert arns["Versioned"] == [f"{BASE}model-package/dogs/1"]
    assert arns["Unversioned"] == [f"{BASE}model-package/alone"]
    assert arns["Both"] == arns["Versioned"] + arns["Unversioned"]


def test_an_empty_group_is_deleted_and_created_again(call: Caller) -> None:
    call("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    call("CreateModelPackage", ModelPackageGroupName="dogs")
    call("DeleteModelPackage", ModelPackageName=f"{BASE}model-package/dogs/1")
    call("DeleteModelPackageGroup", ModelPackageGroupName="dogs")
    with pytest.raises(ServiceError, match="does not exist"):
        call("DescribeModelPackageGroup", ModelPackageGroupName="dogs")
    call("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    second = call("CreateModelPackage", ModelPackageGroupName="dogs")
    assert second["ModelPackageArn"].endswith("/dogs/1")
