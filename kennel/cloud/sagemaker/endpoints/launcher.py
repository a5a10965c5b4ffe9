"""From a variant of a plan to a fleet: the image's command and the package from S3."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from botocore.exceptions import ClientError

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.endpoint import Plan
from kennel.cloud.sagemaker.endpoints.fleet import Fleet
from kennel.cloud.sagemaker.endpoints.instance import (
    GRACE_SECONDS,
    INVOKE_SECONDS,
    CannotServe,
    Container,
    Images,
    Instance,
    no_images,
)

#: Brings an object of S3 to a local file: (s3 URI) -> path.
Fetch = Callable[[str], Awaitable[Path]]

#: Offline seconds; the service's documentation names no default.
STARTUP_SECONDS = 600.0


class Launcher:
    """Makes fleets.

    Parameters
    ----------
    fetch
        Brings a model's package from the offline S3.
    logs
        Where serving processes write.
    images
        What an image's name comes to here.
    grace_seconds, invoke_seconds
        As in `Container`.
    """

    def __init__(
        self,
        fetch: Fetch,
        logs: Path,
        clock: Clock,
        *,
        images: Images = no_images,
        grace_seconds: float = GRACE_SECONDS,
        invoke_seconds: float = INVOKE_SECONDS,
    ) -> None:
        self._fetch = fetch
        self._logs = logs
        self._clock = clock
        self._images = images
        self._grace_seconds = grace_seconds
        self._invoke_seconds = invoke_seconds

    async def fleet(self, endpoint: str, plan: Plan, variant: str) -> Fleet:
        """Return a fleet of no instances yet.

        Raises
        ------
        CannotServe
            When the image cannot be run here; the message names it.
        """
        container = await self._container(plan, variant)

        async def start(number: int) -> Instance:
            log = self._logs / f"endpoint-{endpoint}-{plan.name}-{variant}-{number}.log"
            return await Instance.start(container, log, self._clock)

        return Fleet(variant, plan.name, start, self._clock)

    async def _container(self, plan: Plan, variant: str) -> Container:
        given, settings = plan.container(variant), plan.variants()[variant]
        image = given.get("Image", "")
        command = await self._images(image)
        if command is None:
            raise CannotServe(
                f"no image can be pulled offline: received {image!r}, expected one that the cloud "
                "was started with or one of the offline ECR"
            )
        source = given.get("ModelDataSource", {}).get("S3DataSource", {})
        uri = given.get("ModelDataUrl") or source.get("S3Uri")
        return Container(
            command=command,
            package=await self._package(uri) if uri else None,
            environment=given.get("Environment", {}),
            variant=variant,
            startup_seconds=settings.get(
                "ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS
            ),
            grace_seconds=self._grace_seconds,
            invoke_seconds=self._invoke_seconds,
        )

    async def _package(self, uri: str) -> Path:
        try:
            return await self._fetch(uri)
        except ClientError as error:
            raise CannotServe(f"Could not find model data at {uri}.") from error
