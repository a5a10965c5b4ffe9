"""Record a build's context in the offline ECR as a Docker image, without building anything.

The image is a manifest of Docker's image format, version 2 schema 2, whose one layer is the
context as it was uploaded: https://distribution.github.io/distribution/spec/manifest-v2-2/.
"""

import gzip
import hashlib
import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient
    from types_boto3_s3 import S3Client

_TYPE = "application/vnd.docker."
_MANIFEST = f"{_TYPE}distribution.manifest.v2+json"
_CONFIG = f"{_TYPE}container.image.v1+json"
_LAYER = f"{_TYPE}image.rootfs.diff.tar.gzip"
_PART_BYTES = 20 * 2**20  # the largest part that `docker push` sends to ECR

_SOURCE = re.compile(r"""\baws s3 cp ["']?(s3://[^"'\s]+)""")
_IMAGE = re.compile(
    r"""\bdocker push ["']?([^"'\s/]+/(?P<repository>[^"'\s:]+):(?P<tag>[^"'\s]+))"""
)

Json = dict[str, Any]


class NotRecorded(Exception):  # noqa: N818
    """The build has no context or image that can be recorded."""


@dataclass(frozen=True)
class ImagePlan:
    """The image that a buildspec pushes, and the archive of its build context."""

    source: str
    image: str
    repository: str
    tag: str

    @classmethod
    def read(cls, buildspec: str, variables: Mapping[str, str]) -> "ImagePlan":
        """Find `aws s3 cp SOURCE` and `docker push IMAGE` in a buildspec.

        Parameters
        ----------
        variables
            The build's environment variables, put in the place of $NAME and ${NAME}.

        Raises
        ------
        NotRecorded
            When either is missing.
        """
        phases: Json = (yaml.safe_load(buildspec) or {}).get("phases") or {}
        commands = [
            string.Template(str(command)).safe_substitute(variables)
            for phase in phases.values()
            for command in (phase or {}).get("commands") or []
        ]
        source = next(filter(None, map(_SOURCE.search, commands)), None)
        image = next(filter(None, map(_IMAGE.search, commands)), None)
        if source is None or image is None:
            raise NotRecorded(
                "the offline cloud runs no build: expected the commands `aws s3 cp "
                "s3://BUCKET/CONTEXT.tar.gz ...` and `docker push REGISTRY/REPOSITORY:TAG` in the "
                f"buildspec, received {commands}"
            )
        return cls(source[1], image[1], image["repository"], image["tag"])


def record(plan: ImagePlan, s3: "S3Client", ecr: "ECRClient") -> str:
    """Put the context of `plan` into ECR under the image's tag; return the manifest's digest.

    Raises
    ------
    NotRecorded
        When the context is not a gzip file.
    botocore.exceptions.ClientError
        When S3 or ECR refuses a call.
    """
    where = urlsplit(plan.source)
    context = s3.get_object(Bucket=where.netloc, Key=where.path.lstrip("/"))["Body"].read()
    try:
        diff_id = _digest(gzip.decompress(context))
    except (OSError, EOFError) as error:
        raise NotRecorded(f"{plan.source} is not a .tar.gz: {error}") from error
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "comment": "not built: the build context alone",
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _blob(config, _CONFIG),
            "layers": [_blob(context, _LAYER)],
        }
    )
    for content in (context, config):
        _upload(content, plan.repository, ecr)
    digest = _digest(manifest.encode())
    ecr.put_image(
        repositoryName=plan.repository,
        imageManifest=manifest,
        imageManifestMediaType=_MANIFEST,
        imageTag=plan.tag,
        imageDigest=digest,
    )
    return digest


def _blob(content: bytes, media_type: str) -> Json:
    return {"mediaType": media_type, "size": len(content), "digest": _digest(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _upload(content: bytes, repository: str, ecr: "ECRClient") -> None:
    """Upload a blob as `docker push` does: not at all where ECR has it."""
    digest = _digest(content)
    known = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
    if any(each.get("layerAvailability") == "AVAILABLE" for each in known["layers"]):
        return
    upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    for first in range(0, len(content), _PART_BYTES):
        part = content[first : first + _PART_BYTES]
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=upload,
            partFirstByte=first,
            partLastByte=first + len(part) - 1,
            layerPartBlob=part,
        )
    ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
