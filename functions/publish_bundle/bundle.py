"""Upload the bundle that this function was packaged with.

In the package it is the folder ``bundle/``: the files, and ``bundle.json`` with the hash of the
whole and the sha256 of each (model/bundle.py writes it). In the bucket it is ``code/<hash>/``. An
object there never changes, so an existing one is verified, not uploaded again.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from common.failures import BundleBroken
from common.s3 import create_object

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

__all__ = ["Bundle", "publish"]

MANIFEST = "bundle.json"
_HASH = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose files match its manifest."""

    folder: Path
    hash: str  # 20 hex digits, over all files
    files: Mapping[str, bytes]  # name -> sha256 digest, the manifest itself last
    smoke_breed: str  # expected top breed of smoke.jpg

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read and verify a folder.

        Raises
        ------
        BundleBroken
            There is no bundle, or one of its files is missing or changed.
        """
        try:
            manifest = json.loads((folder / MANIFEST).read_bytes())
        except FileNotFoundError:
            raise BundleBroken(
                "This function was packaged without a bundle: run `sam build` and deploy again."
            ) from None
        if not _HASH.fullmatch(manifest["hash"]):
            raise BundleBroken(
                f"bundle.json has the hash {manifest['hash']!r}, expected 20 hex digits: "
                "run `sam build` and deploy again."
            )
        expected = {name: bytes.fromhex(digest) for name, digest in manifest["files"].items()}
        broken = [name for name, digest in expected.items() if _digest(folder / name) != digest]
        if broken:
            raise BundleBroken(
                f"In the packaged bundle {', '.join(sorted(broken))} is missing or does "
                "not match bundle.json: run `sam build` and deploy again."
            )
        files = {**expected, MANIFEST: hashlib.sha256((folder / MANIFEST).read_bytes()).digest()}
        return cls(folder, manifest["hash"], files, manifest["smoke"]["breed"])

    @property
    def prefix(self) -> str:
        """Prefix in the bucket, with the slash."""
        return f"code/{self.hash}/"


def publish(bundle: Bundle, bucket: str, s3: S3Client) -> dict[str, str]:
    """Upload a bundle to the bucket; a second call only verifies it.

    Parameters
    ----------
    bundle
        The bundle to upload.
    bucket
        Its name.
    s3
        boto3's client.

    Returns
    -------
    dict
        hash, prefix, model_data_url, smoke_breed: for the later states.

    Raises
    ------
    BundleBroken
        The bucket holds another file under one of the names.
    """
    for name, digest in bundle.files.items():  # the manifest last: if it exists, all files do
        _put(s3, bucket, bundle.prefix + name, bundle.folder / name, digest)
    return {
        "hash": bundle.hash,
        "prefix": bundle.prefix,
        "model_data_url": f"s3://{bucket}/{bundle.prefix}model.tar.gz",
        "smoke_breed": bundle.smoke_breed,
    }


def _put(s3: S3Client, bucket: str, key: str, path: Path, digest: bytes) -> None:
    checksum = base64.b64encode(digest).decode()
    with path.open("rb") as body:
        # S3 verifies the checksum and refuses to overwrite an object. So no request is needed
        # beforehand, and the role needs no permission to list.
        is_created = create_object(
            s3.put_object,
            Bucket=bucket,
            Key=key,
            Body=body,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=checksum,
            IfNoneMatch="*",
        )
    if is_created:
        return
    existing = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    if existing.get("ChecksumSHA256") != checksum:
        raise BundleBroken(
            f"{key} in the bucket does not match its hash: something has overwritten it; "
            f"delete the objects under {key.rsplit('/', 1)[0]}/ and start again."
        )


def _digest(path: Path) -> bytes | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
