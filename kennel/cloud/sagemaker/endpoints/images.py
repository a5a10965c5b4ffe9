"""Images of the offline ECR: nothing is pulled, so each of them is the server of this checkout.

An image build puts only its context there (see codebuild/builds.py). What an endpoint then runs is
model/server.py, which is what the image would hold.
"""

import asyncio
import re
from typing import Any

from botocore.exceptions import ClientError

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.sagemaker.endpoints.instance import OFFLINE_IMAGE, Command, offline_images

_URI = re.compile(
    rf"{ACCOUNT}\.dkr\.ecr\.{REGION}\.amazonaws\.com/(?P<repository>[^:@]+)"
    r"(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class EcrImages:
    """Runs the offline image, and every image that the offline ECR has.

    Parameters
    ----------
    ecr
        A boto3 client of moto.
    """

    def __init__(self, ecr: Any) -> None:
        self._ecr = ecr

    async def __call__(self, image: str) -> Command | None:
        """Return the server's command; None for an image that is not there."""
        match = _URI.fullmatch(image)
        if match is None:
            return await offline_images(image)
        named = {"imageTag": match["tag"], "imageDigest": match["digest"]}
        wanted = {key: value for key, value in named.items() if value} or {"imageTag": "latest"}
        try:
            await asyncio.to_thread(
                self._ecr.describe_images, repositoryName=match["repository"], imageIds=[wanted]
            )
        except ClientError as error:
            if "NotFound" in error.response["Error"]["Code"]:
                return None
            raise
        return await offline_images(OFFLINE_IMAGE)
