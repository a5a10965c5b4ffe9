"""Persistence of moto's S3 objects and ECR images, which moto itself holds in memory.

The newest version of each object is copied to a folder, a few seconds after it was written and at
the end, and put back at the start; older versions, tags and the history of executions are not.
SageMaker's state is in its own store (`runtime/store.py`).
"""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kennel.cloud.cloudformation.template import Stack

if TYPE_CHECKING:
    from types_boto3_ecr import ECRClient
    from types_boto3_s3 import S3Client

_DELAY_SECONDS = 3.0  # between a write and its copy, so that many writes are copied at once
Json = dict[str, Any]


class Persistence:
    """Copies of objects and image manifests in a folder.

    Parameters
    ----------
    folder
        Made when absent.
    stack
        Whose buckets and repositories are copied.
    s3, ecr
        Clients of moto.
    """

    def __init__(self, folder: Path, stack: Stack, s3: "S3Client", ecr: "ECRClient") -> None:
        self._folder = folder
        self._objects = folder / "objects"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._index_file = folder / "index.json"
        self._s3 = s3
        self._ecr = ecr
        self._buckets = [each.name for each in stack.of_type("AWS::S3::Bucket")]
        self._repositories = [each.name for each in stack.of_type("AWS::ECR::Repository")]
        self._changed = asyncio.Event()

    def touch(self) -> None:
        """Note that something was written."""
        self._changed.set()

    async def run(self) -> None:
        """Save soon after each write, until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_DELAY_SECONDS)
            self._changed.clear()
            await asyncio.to_thread(self.save)

    def save(self) -> None:
        """Copy new objects and manifests, and remove the copies of deleted ones."""
        copied: Json = self._index().get("objects", {})
        objects: Json = {}
        existing = {each["Name"] for each in self._s3.list_buckets()["Buckets"]}
        for bucket in existing & set(self._buckets):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            for each in (item for page in pages for item in page.get("Contents", [])):
                name = f"{bucket}/{each['Key']}"
                copy = copied.get(name)
                unchanged = copy and copy["etag"] == each["ETag"]
                objects[name] = copy if unchanged else self._copy(bucket, each["Key"])
        registry = self._ecr.describe_repositories()["repositories"]
        images = {
            name: self._manifests(name)
            for name in (each["repositoryName"] for each in registry)
            if name in self._repositories
        }
        new = self._index_file.with_suffix(".new")
        new.write_text(json.dumps({"objects": objects, "images": images}))
        new.replace(self._index_file)
        files = {each["file"] for each in objects.values()}
        for file in self._objects.iterdir():
            if file.name not in files:
                file.unlink()

    def restore(self) -> None:
        """Put every copy back into moto."""
        index = self._index()
        for name, copy in index.get("objects", {}).items():
            bucket, _, key = name.partition("/")
            if bucket not in self._buckets:
                continue
            with (self._objects / copy["file"]).open("rb") as body:
                self._s3.put_object(
                    Bucket=bucket,
                    Key=key,
                    Body=body,
                    ContentType=copy["content_type"],
                    Metadata=copy["metadata"],
                )
        for repository, manifests in index.get("images", {}).items():
            for image in manifests if repository in self._repositories else ():
                self._ecr.put_image(repositoryName=repository, **image)

    def _index(self) -> Json:
        if not self._index_file.exists():
            return {}
        index: Json = json.loads(self._index_file.read_text())
        return index

    def _copy(self, bucket: str, key: str) -> Json:
        answer = self._s3.get_object(Bucket=bucket, Key=key)
        digest = hashlib.sha256(f"{bucket}/{key}/{answer['ETag']}".encode()).hexdigest()
        new = self._objects / f"{digest}.new"
        with new.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(2**20):
                file.write(chunk)
        new.replace(self._objects / digest)
        return {
            "etag": answer["ETag"],
            "file": digest,
            "content_type": answer["ContentType"],
            "metadata": answer["Metadata"],
        }

    def _manifests(self, repository: str) -> list[Json]:
        ids = self._ecr.list_images(repositoryName=repository)["imageIds"]
        if not ids:
            return []
        images = self._ecr.batch_get_image(repositoryName=repository, imageIds=ids)["images"]
        return [{"imageManifest": each["imageManifest"], **each["imageId"]} for each in images]
