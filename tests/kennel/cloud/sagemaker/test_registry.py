"""Versions, and packages of their own, where the conformance table does not look."""

import asyncio
from typing import Any

import pytest

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.errors import ServiceError
from kennel.cloud.sagemaker.registry import Registry
from kennel.cloud.sagemaker.shapes import check_response

BASE = "arn:aws:sagemaker:us-east-1:123456789012:"


class Asked:
    """A registry, each of whose answers is held to its shape."""

    def __init__(self) -> None:
        self._registry = Registry(Store(None), Clock())

    def __call__(self, action: str, **request: Any) -> dict[str, Any]:
        method = "".join(f"_{each.lower()}" if each.isupper() else each for each in action)[1:]
        answer: dict[str, Any] = asyncio.run(getattr(self._registry, method)(request))
        check_response(action, answer)
        return answer


@pytest.fixture
def ask() -> Asked:
    return Asked()


def test_names_differ_by_more_than_capitals(ask: Asked) -> None:
    ask("CreateModelPackageGroup", ModelPackageGroupName="Dogs")
    with pytest.raises(ServiceError, match="already exists"):
        ask("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    ask("CreateModelPackage", ModelPackageGroupName=f"{BASE}model-package-group/dogs")
    told = ask("DescribeModelPackage", ModelPackageName=f"{BASE}model-package/dogs/1")
    assert told["ModelPackageGroupName"] == "Dogs"


def test_versions_and_others_are_listed_apart(ask: Asked) -> None:
    ask("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    ask("CreateModelPackage", ModelPackageGroupName="dogs")
    ask("CreateModelPackage", ModelPackageName="alone")
    arns = {
        kind: [
            each["ModelPackageArn"]
            for each in ask("ListModelPackages", ModelPackageType=kind)["ModelPackageSummaryList"]
        ]
        for kind in ("Versioned", "Unversioned", "Both")
    }
    assert arns["Versioned"] == [f"{BASE}model-package/dogs/1"]
    assert arns["Unversioned"] == [f"{BASE}model-package/alone"]
    assert arns["Both"] == arns["Versioned"] + arns["Unversioned"]


def test_an_empty_group_is_deleted_and_begins_anew(ask: Asked) -> None:
    ask("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    ask("CreateModelPackage", ModelPackageGroupName="dogs")
    ask("DeleteModelPackage", ModelPackageName=f"{BASE}model-package/dogs/1")
    ask("DeleteModelPackageGroup", ModelPackageGroupName="dogs")
    with pytest.raises(ServiceError, match="does not exist"):
        ask("DescribeModelPackageGroup", ModelPackageGroupName="dogs")
    ask("CreateModelPackageGroup", ModelPackageGroupName="dogs")
    again = ask("CreateModelPackage", ModelPackageGroupName="dogs")
    assert again["ModelPackageArn"].endswith("/dogs/1")
