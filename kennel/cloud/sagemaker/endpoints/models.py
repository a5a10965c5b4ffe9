"""Answer CreateModel, DescribeModel and DeleteModel."""

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.store import Json, Store
from kennel.cloud.sagemaker.endpoints.images import ManifestType
from kennel.cloud.sagemaker.endpoints.records import create_record, delete_record, read_record
from kennel.cloud.sagemaker.errors import invalid
from kennel.cloud.sagemaker.handlers import Handler, not_emulated
from kennel.cloud.sagemaker.registry import container_of_package


class Models:
    """Models of one container each.

    Deleting a model that an endpoint uses is allowed, as on AWS.

    Parameters
    ----------
    manifest_type
        Finds the type of an image's manifest; without it every image is accepted.
    """

    def __init__(
        self, store: Store, clock: Clock, manifest_type: ManifestType | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._manifest_type = manifest_type

    def handlers(self) -> dict[str, Handler]:
        """Return the handler of each action."""
        return {
            "CreateModel": self.create_model,
            "DescribeModel": self.describe_model,
            "DeleteModel": self.delete_model,
        }

    async def create_model(self, request: Json) -> Json:
        """CreateModel."""
        container_members = {
            each for each in ("PrimaryContainer", "Containers") if request.get(each)
        }
        if not container_members:
            raise invalid("Exactly one of PrimaryContainer or Containers must be specified.")
        if len(container_members) > 1:
            raise invalid("PrimaryContainer and Containers cannot be specified together.")
        containers = request.get("Containers") or [request["PrimaryContainer"]]
        if len(containers) > 1 or any("Mode" in container for container in containers):
            raise not_emulated("models of several containers or several models")
        resolved = containers[0]
        if "ModelPackageName" in resolved:
            resolved = container_of_package(self._store, containers[0])
            request = {key: each for key, each in request.items() if key != "Containers"}
            request["PrimaryContainer"] = resolved
        image = resolved.get("Image", "")
        kind = await self._manifest_type(image) if self._manifest_type else None
        # https://github.com/aws/amazon-sagemaker-feedback/issues/180
        if kind is not None and ".oci." in kind:
            raise invalid(
                f"Unsupported manifest media type {kind} for image {image}. Ensure that valid "
                "manifest media type is used for specified image."
            )
        return create_record(self._store, self._clock, "model", request)

    async def describe_model(self, request: Json) -> Json:
        """DescribeModel."""
        return read_record(self._store, "model", request["ModelName"])

    async def delete_model(self, request: Json) -> Json:
        """DeleteModel."""
        delete_record(self._store, "model", request["ModelName"])
        return {}
