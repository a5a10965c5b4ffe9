"""Resolve a container image's URI to the command that runs in its place on this machine.

No image is pulled offline. The caller names the local images and their commands; an image of the
offline ECR runs as the local image that `registry_image` names.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.cloud.cloudformation.names import ACCOUNT, REGION

if TYPE_CHECKING:
    from types_boto3_ecr.client import ECRClient
    from types_boto3_ecr.type_defs import ImageIdentifierTypeDef

#: A model server's command line.
Command = Sequence[str | Path]
#: Image URI -> the command of its model server; None for an image that cannot be run here.
ImageResolver = Callable[[str], Awaitable[Command | None]]

_URI = re.compile(
    rf"{ACCOUNT}\.dkr\.ecr\.{REGION}\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class LocalImages:
    """Resolve the images that a mapping names, and no others.

    Parameters
    ----------
    commands
        Image name -> the command of its model server.
    """

    def __init__(self, commands: Mapping[str, Command]) -> None:
        self._commands = commands

    async def __call__(self, image: str) -> Command | None:
        """Return the command of `image`, or None."""
        return self._commands.get(image)


class EcrImages:
    """Resolve local images by name, and every image that the offline ECR holds.

    Parameters
    ----------
    ecr
        A client of the emulated ECR.
    local_images
        Resolves images that are not ECR's.
    registry_image
        The local image whose command every image of the registry runs.
    """

    def __init__(self, ecr: "ECRClient", local_images: ImageResolver, registry_image: str) -> None:
        self._ecr = ecr
        self._local_images = local_images
        self._registry_image = registry_image

    async def __call__(self, image: str) -> Command | None:
        """Return the command of `image`; None when neither the registry nor the mapping has it."""
        match = _URI.fullmatch(image)
        if match is None:
            return await self._local_images(image)
        identifier: ImageIdentifierTypeDef = {}
        if match["tag"]:
            identifier["imageTag"] = match["tag"]
        if match["digest"]:
            identifier["imageDigest"] = match["digest"]
        try:
            await asyncio.to_thread(
                self._ecr.describe_images,
                repositoryName=match["repository"],
                imageIds=[identifier or {"imageTag": "latest"}],
            )
        except ClientError as error:
            if "NotFound" in error.response["Error"]["Code"]:
                return None
            raise
        return await self._local_images(self._registry_image)
