"""Resolve a container image to the command that runs in its place on this machine.

No image is pulled offline, and those of the offline ECR have no layers that could run: an image
build puts only its context there (see codebuild/builds.py). The caller of the cloud gives a command
for each image.
"""

import asyncio
import fnmatch
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.sagemaker.frameworks import pytorch_inference
from kennel.cloud.sagemaker.frameworks.images import can_serve

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient
    from types_boto3_ecr.type_defs import ImageIdentifierTypeDef

#: A model server's command line.
Command = Sequence[str | Path]
#: Image -> the media type of its manifest; None where that is not known.
ManifestType = Callable[[str], Awaitable[str | None]]
#: Image -> the command of its model server; None for an image that cannot be run here.
ImageResolver = Callable[[str], Awaitable[Command | None]]

_URI = re.compile(
    rf"{ACCOUNT}\.dkr\.ecr\.{REGION}\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class LocalImages:
    """Resolve images by a mapping; an image of the offline ECR must be registered there, too.

    AWS's PyTorch inference images need no entry: their own toolkit stands for them.

    Parameters
    ----------
    ecr
        A client of the emulated ECR.
    commands
        Image, or a pattern with *, -> command; the first match counts.
    """

    def __init__(self, ecr: "ECRClient", commands: Mapping[str, Command]) -> None:
        self._ecr = ecr
        self._commands = commands

    async def __call__(self, image: str) -> Command | None:
        """Return the command of an image; None without one, or when the offline ECR lacks it."""
        if can_serve(image):
            return pytorch_inference.COMMAND
        match = _URI.fullmatch(image)
        if match and not await asyncio.to_thread(self._is_registered, match):
            return None
        for pattern, command in self._commands.items():
            if fnmatch.fnmatchcase(image, pattern):
                return command
        return None

    async def manifest_type(self, image: str) -> str | None:
        """Return the media type of an image's manifest; None for one not in the offline ECR."""
        match = _URI.fullmatch(image)
        return await asyncio.to_thread(self._manifest_type, match) if match else None

    def _manifest_type(self, uri: re.Match[str]) -> str | None:
        try:
            images = self._ecr.batch_get_image(
                repositoryName=uri["repository"], imageIds=[_identifier(uri)]
            )["images"]
        except ClientError as error:
            if "NotFound" in error.response["Error"]["Code"]:
                return None
            raise
        if not images:
            return None
        (image, *_) = images
        document = json.loads(image.get("imageManifest", "{}"))
        return image.get("imageManifestMediaType") or document.get("mediaType")

    def _is_registered(self, uri: re.Match[str]) -> bool:
        try:
            self._ecr.describe_images(repositoryName=uri["repository"], imageIds=[_identifier(uri)])
        except ClientError as error:
            if "NotFound" in error.response["Error"]["Code"]:
                return False
            raise
        return True


def _identifier(uri: re.Match[str]) -> "ImageIdentifierTypeDef":
    identifier: ImageIdentifierTypeDef = {}
    if uri["tag"] or not uri["digest"]:
        identifier["imageTag"] = uri["tag"] or "latest"
    if uri["digest"]:
        identifier["imageDigest"] = uri["digest"]
    return identifier
