"""Lambda's calls about layers: publish, list, describe and delete their versions."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from kennel.cloud.awslambda.code_package import invalid
from kennel.cloud.awslambda.description import now
from kennel.cloud.awslambda.errors import not_found
from kennel.cloud.awslambda.packages import Package, Packages
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.runtime.errors import not_implemented
from kennel.cloud.runtime.pages import numbered_page
from kennel.cloud.runtime.store import Store

Json = dict[str, Any]
_PAGE = 50
_PREFIX = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:"
_OPTIONAL = ("Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")


class Layers:
    """The layers of the account.

    A version that is deleted is kept for the functions that have it: on AWS they go on to work.
    """

    def __init__(self, store: Store, packages: Packages) -> None:
        self._store = store
        self._packages = packages
        self.calls: Mapping[str, Callable[[Json], Awaitable[Json]]] = {
            "PublishLayerVersion": self._publish,
            "GetLayerVersion": self._get,
            "GetLayerVersionByArn": self._get_by_arn,
            "ListLayers": self._list,
            "ListLayerVersions": self._list_versions,
            "DeleteLayerVersion": self._delete,
        }

    def all_packages(self) -> list[Package]:
        """Return the packages of all versions."""
        return [self._packages.find(each["code"]) for each in self._store.all("layer")]

    def packages_of(self, arns: list[str]) -> list[Package]:
        """Return the packages of a function's layers, deleted ones included."""
        layers = [self._store.get("layer", arn) for arn in arns]
        return [self._packages.find(each["code"]) for each in layers if each]

    def check(self, arns: list[str], before: list[str]) -> None:
        """Raise ServiceError for a layer that a function cannot have and has not had before."""
        for arn in arns:
            if arn in before:
                continue
            layer = self._store.get("layer", arn)
            if layer is None and not arn.startswith(_PREFIX):
                raise not_implemented(
                    f"{arn} is a layer of another account or region, which cannot be fetched "
                    "offline: publish its zip here, with PublishLayerVersion"
                )
            if layer is None or layer["deleted"]:
                raise invalid(f"Layer version {arn} does not exist.")

    async def _publish(self, parameters: Json) -> Json:
        name = parameters["LayerName"].removeprefix(_PREFIX)
        package = await self._packages.take(parameters["Content"], name)
        version = 1 + max((each["Version"] for each in self._versions(name, True)), default=0)
        arn = f"{_PREFIX}{name}:{version}"
        layer = {
            "LayerVersionArn": arn,
            "Version": version,
            "CreatedDate": now(),
            **{key: parameters[key] for key in _OPTIONAL if key in parameters},
        }
        record = {**layer, "name": name, "code": package.stored(), "deleted": False}
        self._store.put("layer", arn, record)
        return self._described(record)

    async def _get(self, parameters: Json) -> Json:
        return self._described(self._named(parameters))

    async def _get_by_arn(self, parameters: Json) -> Json:
        layer = self._store.get("layer", parameters["Arn"])
        if layer is None or layer["deleted"]:
            raise not_found()
        return self._described(layer)

    async def _list(self, parameters: Json) -> Json:
        latest: dict[str, Json] = {}
        for each in self._store.all("layer"):
            if not each["deleted"] and _fits(each, parameters):
                latest[each["name"]] = each
        layers = [
            {
                "LayerName": name,
                "LayerArn": f"{_PREFIX}{name}",
                "LatestMatchingVersion": _summary(each),
            }
            for name, each in latest.items()
        ]
        return _page("Layers", layers, parameters)

    async def _list_versions(self, parameters: Json) -> Json:
        name = parameters["LayerName"].removeprefix(_PREFIX)
        fitting = [each for each in self._versions(name) if _fits(each, parameters)]
        return _page("LayerVersions", [_summary(each) for each in reversed(fitting)], parameters)

    async def _delete(self, parameters: Json) -> Json:
        name = parameters["LayerName"].removeprefix(_PREFIX)
        arn = f"{_PREFIX}{name}:{parameters['VersionNumber']}"
        if layer := self._store.get("layer", arn):
            self._store.put("layer", arn, {**layer, "deleted": True})
        return {}

    def _named(self, parameters: Json) -> Json:
        name = parameters["LayerName"].removeprefix(_PREFIX)
        for each in self._versions(name):
            if each["Version"] == parameters["VersionNumber"]:
                return each
        raise not_found()

    def _versions(self, name: str, deleted: bool = False) -> list[Json]:
        return [
            each
            for each in self._store.all("layer")
            if each["name"] == name and (deleted or not each["deleted"])
        ]

    def _described(self, layer: Json) -> Json:
        package = self._packages.find(layer["code"])
        return {
            "Content": {
                "Location": package.folder.as_uri(),
                "CodeSha256": package.sha256,
                "CodeSize": package.size,
            },
            "LayerArn": f"{_PREFIX}{layer['name']}",
            "Description": "",
            **_summary(layer),
        }


def _summary(layer: Json) -> Json:
    return {key: value for key, value in layer.items() if key not in {"name", "code", "deleted"}}


def _fits(layer: Json, parameters: Json) -> bool:
    runtime = parameters.get("CompatibleRuntime")
    architecture = parameters.get("CompatibleArchitecture")
    return (not runtime or runtime in layer.get("CompatibleRuntimes", [])) and (
        not architecture or architecture in layer.get("CompatibleArchitectures", [])
    )


def _page(member: str, items: list[Json], parameters: Json) -> Json:
    page, following = numbered_page(
        items,
        parameters.get("Marker"),
        min(_PAGE, int(parameters.get("MaxItems") or _PAGE)),
        lambda text: invalid(f"Invalid marker: {text}"),
    )
    return {member: page} | ({"NextMarker": following} if following else {})
