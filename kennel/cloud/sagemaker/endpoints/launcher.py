"""Make the fleet of a production variant: resolve its image, fetch its package from S3."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.health import Health
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.images import ImageResolver
from kennel.cloud.sagemaker.endpoints.instance import (
    GRACE_SECONDS,
    INVOKE_SECONDS,
    CannotServe,
    Container,
    Instance,
)
from kennel.cloud.sagemaker.endpoints.serverless import ServerlessFleet
from kennel.cloud.sagemaker.endpoints.snapshot import ConfigSnapshot, package_uri
from kennel.cloud.sagemaker.image_pulls import CannotPull, CheckPull, allow_every_pull
from kennel.cloud.sagemaker.packages import CannotDownload

#: Downloads an object of S3 as a role: (S3 URI, ARN) -> local file; CannotDownload says why not.
FetchPackage = Callable[[str, str], Awaitable[Path]]

#: Offline seconds; the service's documentation names no default.
STARTUP_SECONDS = 600.0


class Launcher:
    """Makes fleets.

    Parameters
    ----------
    fetch_package
        Downloads a model's package from the offline S3 with the permissions of its role; the fleet
        deletes the file at its end.
    logs
        Folder for the output of model servers.
    resolve_image
        Returns the command of an image.
    health
        As in `Fleet`.
    check_pull
        Refuses an image that a model's role may not pull.
    grace_seconds, invoke_seconds
        As in `Container`.
    """

    def __init__(
        self,
        fetch_package: FetchPackage,
        logs: Path,
        clock: Clock,
        *,
        resolve_image: ImageResolver,
        health: Health,
        check_pull: CheckPull = allow_every_pull,
        grace_seconds: float = GRACE_SECONDS,
        invoke_seconds: float = INVOKE_SECONDS,
    ) -> None:
        self._fetch_package = fetch_package
        self._logs = logs
        self._clock = clock
        self._resolve_image = resolve_image
        self._health = health
        self._check_pull = check_pull
        self._grace_seconds = grace_seconds
        self._invoke_seconds = invoke_seconds

    async def make_fleet(self, endpoint: str, snapshot: ConfigSnapshot, variant: str) -> Fleet:
        """Return a fleet without instances.

        Raises
        ------
        CannotServe
            When the image cannot be run here; the message names it.
        """
        container = await self._container(snapshot, variant)

        async def start(number: int) -> Instance:
            log = self._logs / f"endpoint-{endpoint}-{snapshot.name}-{variant}-{number}.log"
            return await Instance.start(container, log, self._clock)

        def delete_package() -> None:
            if container.package:
                container.package.unlink(missing_ok=True)

        of_fleet = (variant, snapshot.name, start, self._clock)
        if config := snapshot.variants()[variant].get("ServerlessConfig"):
            return ServerlessFleet(
                *(config["MaxConcurrency"], *of_fleet), health=self._health, on_end=delete_package
            )
        return Fleet(*of_fleet, health=self._health, on_end=delete_package)

    async def _container(self, snapshot: ConfigSnapshot, variant: str) -> Container:
        definition, settings = snapshot.container(variant), snapshot.variants()[variant]
        role = snapshot.models[settings["ModelName"]].get("ExecutionRoleArn", "")
        image = definition.get("Image", "")
        try:
            await self._check_pull(image, role)
        except CannotPull as error:
            raise CannotServe(str(error)) from error
        command = await self._resolve_image(image)
        if command is None:
            raise CannotServe(
                f"no image can be pulled offline: received {image}, expected an image of the "
                "offline ECR, AWS's pytorch-inference, or one that this cloud has a command for"
            )
        uri = package_uri(definition)
        return Container(
            command=command,
            package=await self._fetch(uri, role) if uri else None,
            environment=definition.get("Environment", {}),
            variant=variant,
            startup_seconds=settings.get(
                "ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS
            ),
            grace_seconds=self._grace_seconds,
            invoke_seconds=self._invoke_seconds,
        )

    async def _fetch(self, uri: str, role: str) -> Path:
        try:
            return await self._fetch_package(uri, role)
        except CannotDownload as error:
            raise CannotServe(str(error)) from error
