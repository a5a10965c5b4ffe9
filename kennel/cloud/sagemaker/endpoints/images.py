"""Images that an endpoint can run: nothing is pulled, so a command of this machine stands for each.

An image of the offline ECR has no layers that could be run (see `codebuild`), so it too needs a
command that the caller gives for it.
"""

import asyncio
import fnmatch
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.sagemaker.endpoints.instance import Command

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient
    from types_boto3_ecr.type_defs import ImageIdentifierTypeDef

_URI = re.compile(
    rf"{ACCOUNT}\.dkr\.ecr\.{REGION}\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class LocalImages:
    """Finds the command that stands for an image on this machine.

    Parameters
    ----------
    ecr
        A boto3 client of moto.
    commands
        By the image's name, or a pattern with * for many; the first that matches counts.
    """

    def __init__(self, ecr: "ECRClient", commands: Mapping[str, Command]) -> None:
        self._ecr = ecr
        self._commands = commands

    async def __call__(self, image: str) -> Command | None:
        """Return the image's command; None for one without, or that the offline ECR lacks."""
        match = _URI.fullmatch(image)
        if match and not await asyncio.to_thread(self._is_registered, match):
            return None
        for pattern, command in self._commands.items():
            if fnmatch.fnmatchcase(image, pattern):
                return command
        return None

    def _is_registered(self, match: re.Match[str]) -> bool:
        wanted: ImageIdentifierTypeDef = {}
        if match["tag"] or not match["digest"]:
            wanted["imageTag"] = match["tag"] or "latest"
        if match["digest"]:
            wanted["imageDigest"] = match["digest"]
        try:
            self._ecr.describe_images(repositoryName=match["repository"], imageIds=[wanted])
        except ClientError as error:
            if "NotFound" in error.response["Error"]["Code"]:
                return False
            raise
        return True
