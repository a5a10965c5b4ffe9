"""Answer the model registry's actions: groups of versioned packages with an approval status.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-version.html
"""

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import Handler, not_emulated
from kennel.cloud.sagemaker.listing import list_answer
from kennel.cloud.sagemaker.resources import arn_of

GROUP = "model-package-group"
PACKAGE = "model-package"
_COUNT = "model-package-count"  # in the store: the last version number of each group

#: Members that UpdateModelPackage replaces.
_CHANGEABLE = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "InferenceSpecification",
    "SourceUri",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
)
_CREATOR = {"UserProfileName": "kennel"}


class Registry:
    """Model packages and their groups."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {
            "CreateModelPackageGroup": self.create_model_package_group,
            "DescribeModelPackageGroup": self.describe_model_package_group,
            "DeleteModelPackageGroup": self.delete_model_package_group,
            "CreateModelPackage": self.create_model_package,
            "DescribeModelPackage": self.describe_model_package,
            "UpdateModelPackage": self.update_model_package,
            "DeleteModelPackage": self.delete_model_package,
            "ListModelPackages": self.list_model_packages,
        }

    async def create_model_package_group(self, request: Json) -> Json:
        """CreateModelPackageGroup."""
        name = request["ModelPackageGroupName"]
        arn = arn_of(GROUP, name)
        if self._store.get(GROUP, _key(GROUP, name)):
            raise invalid(f"Model Package Group already exists: {arn}")
        group = {key: value for key, value in request.items() if key != "Tags"}
        self._store.put(
            GROUP,
            _key(GROUP, name),
            group
            | {
                "ModelPackageGroupArn": arn,
                "CreationTime": self._clock.now(),
                "CreatedBy": _CREATOR,
                "ModelPackageGroupStatus": "Completed",
            },
        )
        return {"ModelPackageGroupArn": arn}

    async def describe_model_package_group(self, request: Json) -> Json:
        """DescribeModelPackageGroup."""
        return self._group(request["ModelPackageGroupName"])

    async def delete_model_package_group(self, request: Json) -> Json:
        """DeleteModelPackageGroup: refused while it has versions."""
        group = self._group(request["ModelPackageGroupName"])
        name = group["ModelPackageGroupName"]
        if self._versions(name):
            raise ServiceError(
                "ConflictException",
                f"Model Package Group cannot be deleted because it still contains Model Packages: "
                f"{group['ModelPackageGroupArn']}",
            )
        self._store.delete(GROUP, _key(GROUP, name))
        self._store.delete(_COUNT, _key(GROUP, name))
        return {}

    async def create_model_package(self, request: Json) -> Json:
        """CreateModelPackage: the next version of a group, or an unversioned package."""
        group, name = request.get("ModelPackageGroupName"), request.get("ModelPackageName")
        if group and name:
            raise invalid(
                "Both ModelPackageName and ModelPackageGroupName are provided in the input. "
                "Cannot determine which one to use."
            )
        if not group and not name:
            raise invalid("Missing ARN.")
        package = {
            key: value for key, value in request.items() if key not in {"Tags", "ClientToken"}
        }
        if group:
            group = self._group(group)["ModelPackageGroupName"]
            if request.get("Tags"):
                raise invalid("Model package version cannot have tags.")
            version = self._next_version(group)
            name = f"{group}/{version}"
            package |= {"ModelPackageGroupName": group, "ModelPackageVersion": version}
            package.setdefault("ModelApprovalStatus", "PendingManualApproval")
        name = str(name)
        arn = arn_of(PACKAGE, name)
        if self._store.get(PACKAGE, _key(PACKAGE, name)):
            raise invalid(f"Model Package already exists: {arn}")
        validation = {"Name": group or name, "Status": "Completed"}
        self._store.put(
            PACKAGE,
            _key(PACKAGE, name),
            package
            | {
                "ModelPackageName": group or name,
                "ModelPackageArn": arn,
                "CreationTime": self._clock.now(),
                "CreatedBy": _CREATOR,
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": [validation]},
            },
        )
        return {"ModelPackageArn": arn}

    async def describe_model_package(self, request: Json) -> Json:
        """DescribeModelPackage, by name or ARN."""
        return self._package(request["ModelPackageName"])

    async def update_model_package(self, request: Json) -> Json:
        """UpdateModelPackage: its approval, and the caller's own properties."""
        package = self._package(request["ModelPackageArn"])
        for member in _CHANGEABLE:
            if member in request:
                package[member] = request[member]
        if specifications := request.get("AdditionalInferenceSpecificationsToAdd"):
            package.setdefault("AdditionalInferenceSpecifications", []).extend(specifications)
        properties = package.get("CustomerMetadataProperties", {})
        properties |= request.get("CustomerMetadataProperties", {})
        for name in request.get("CustomerMetadataPropertiesToRemove", []):
            properties.pop(name, None)
        if properties:
            package["CustomerMetadataProperties"] = properties
        else:
            package.pop("CustomerMetadataProperties", None)
        package |= {"LastModifiedTime": self._clock.now(), "LastModifiedBy": _CREATOR}
        self._store.put(PACKAGE, _key(PACKAGE, package["ModelPackageArn"]), package)
        return {"ModelPackageArn": package["ModelPackageArn"]}

    async def delete_model_package(self, request: Json) -> Json:
        """DeleteModelPackage, by name or ARN; its version number is not used again."""
        package = self._package(request["ModelPackageName"])
        self._store.delete(PACKAGE, _key(PACKAGE, package["ModelPackageArn"]))
        return {}

    async def list_model_packages(self, request: Json) -> Json:
        """ListModelPackages: of one group, or by default the unversioned ones."""
        group = request.get("ModelPackageGroupName")
        if group:
            items = self._versions(self._group(group)["ModelPackageGroupName"])
        else:
            kind = request.get("ModelPackageType", "Unversioned")
            items = self._store.all(PACKAGE)
            if kind != "Both":
                versioned = kind == "Versioned"
                items = [each for each in items if ("ModelPackageVersion" in each) is versioned]
        if status := request.get("ModelApprovalStatus"):
            items = [each for each in items if each.get("ModelApprovalStatus") == status]
        answer = list_answer("ListModelPackages", request, items)
        for summary in answer["ModelPackageSummaryList"]:
            if "ModelPackageVersion" in summary:  # the service names a version by its ARN only
                summary.pop("ModelPackageName")
        return answer

    def _group(self, name: str) -> Json:
        group = self._store.get(GROUP, _key(GROUP, name))
        if group is None:
            raise invalid(f"ModelPackageGroup {arn_of(GROUP, name)} does not exist.")
        return group

    def _package(self, name: str) -> Json:
        package = self._store.get(PACKAGE, _key(PACKAGE, name))
        if package is None:
            raise invalid(f"ModelPackage {arn_of(PACKAGE, name)} does not exist.")
        return package

    def _versions(self, group: str) -> list[Json]:
        return [
            each for each in self._store.all(PACKAGE) if each.get("ModelPackageGroupName") == group
        ]

    def _next_version(self, group: str) -> int:
        key = _key(GROUP, group)
        version: int = (self._store.get(_COUNT, key) or {"last": 0})["last"] + 1
        self._store.put(_COUNT, key, {"last": version})
        return version


def container_of_package(store: Store, container: Json) -> Json:
    """Return a model's container with image and data of the package version that it names.

    Raises
    ------
    ServiceError
        For a package that is missing, or not approved for deployment.
    """
    name = container["ModelPackageName"]
    package = store.get(PACKAGE, _key(PACKAGE, name))
    if package is None:
        raise invalid(f"ModelPackage {arn_of(PACKAGE, name)} does not exist.")
    if package.get("ModelApprovalStatus", "Approved") != "Approved":
        raise invalid(
            f"Cannot create a model of {package['ModelPackageArn']}: its approval status is "
            f"{package['ModelApprovalStatus']}, expected Approved."
        )
    (packaged, *others) = package.get("InferenceSpecification", {}).get("Containers", [{}])
    if others or "Image" not in packaged:
        raise not_emulated("a model package without exactly one container with an image")
    members = ("Image", "ModelDataUrl", "ModelDataSource")
    environment = packaged.get("Environment", {}) | container.get("Environment", {})
    return {
        **{each: packaged[each] for each in members if each in packaged},
        **container,
        "Environment": environment,
    }


def _key(kind: str, name: str) -> str:
    """Return the store's key for a name or an ARN; case does not matter."""
    return name.rpartition(":")[2].removeprefix(f"{kind}/").lower()
