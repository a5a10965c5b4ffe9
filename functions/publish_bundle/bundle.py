"""The bundle that this function was packaged with, and its way into the bucket.

In the package it is the folder ``bundle/``: the files, and ``bundle.json`` with the hash of the
whole and the sha256 of each (model/bundle.py makes it). In the bucket it is ``code/<hash>/``. A
name there never changes its content, so whatever is there already is checked, not sent again.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from botocore.exceptions import ClientError

from common.aws import code_of
from common.failure import BundleBroken

__all__ = ["Bundle", "publish"]

MANIFEST = "bundle.json"
_HASH = re.compile(r"[0-9a-f]{20}")


class S3(Protocol):
    """What `publish` needs of boto3's `s3` client."""

    def put_object(self, **request: Any) -> dict[str, Any]:
        """Store one object."""

    def head_object(self, **request: Any) -> dict[str, Any]:
        """Describe one object."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose files are what its manifest says."""

    folder: Path
    hash: str  # 20 hex digits, over all files
    files: Mapping[str, bytes]  # name -> sha256 digest, the manifest itself last
    smoke_breed: str  # top breed that the model must give for smoke.jpg

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read and check a folder.

        Raises
        ------
        BundleBroken
            There is no bundle, or a file of it is missing or changed.
        """
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise BundleBroken(
                "This function was packaged without a bundle: run `sam build` and deploy again."
            ) from None
        if not _HASH.fullmatch(manifest["hash"]):
            raise BundleBroken(
                f"bundle.json gives the hash {manifest['hash']!r}, where 20 hex digits belong: "
                "run `sam build` and deploy again."
            )
        expected = {name: bytes.fromhex(digest) for name, digest in manifest["files"].items()}
        wrong = [name for name, digest in expected.items() if _digest(folder / name) != digest]
        if wrong:
            raise BundleBroken(
                f"In the packaged bundle {', '.join(sorted(wrong))} is missing or not what "
                "bundle.json says: run `sam build` and deploy again."
            )
        files = {**expected, MANIFEST: hashlib.sha256((folder / MANIFEST).read_bytes()).digest()}
        return cls(folder, manifest["hash"], files, manifest["smoke"]["breed"])

    @property
    def prefix(self) -> str:
        """Where it lies in the bucket, with the slash."""
        return f"code/{self.hash}/"


def publish(bundle: Bundle, bucket: str, s3: S3) -> dict[str, str]:
    """Copy a bundle into the bucket; called twice, the second call only checks.

    Parameters
    ----------
    bundle
        What to copy.
    bucket
        Its name.
    s3
        boto3's client, or a test's.

    Returns
    -------
    dict
        hash, prefix, model_data_url, smoke_breed: what the later states need.

    Raises
    ------
    BundleBroken
        The bucket holds something else under one of the names.
    """
    for name, digest in bundle.files.items():  # the manifest last: with it, all are there
        _put(s3, bucket, bundle.prefix + name, bundle.folder / name, digest)
    return {
        "hash": bundle.hash,
        "prefix": bundle.prefix,
        "model_data_url": f"s3://{bucket}/{bundle.prefix}model.tar.gz",
        "smoke_breed": bundle.smoke_breed,
    }


def _put(s3: S3, bucket: str, key: str, path: Path, digest: bytes) -> None:
    checksum = base64.b64encode(digest).decode()
    try:
        with path.open("rb") as body:
            # S3 compares the checksum with the bytes that arrived, and refuses to overwrite. So
            # nothing has to be asked first, and the role needs no permission to list.
            s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=checksum,
                IfNoneMatch="*",
            )
    except ClientError as error:
        if code_of(error) != "PreconditionFailed":
            raise
    else:
        return
    there = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    if there.get("ChecksumSHA256") != checksum:
        raise BundleBroken(
            f"{key} in the bucket is not the file that its hash stands for: somebody wrote to it; "
            f"delete what lies under {key.rsplit('/', 1)[0]}/ and start again."
        )


def _digest(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
