"""What of moto's memory survives a restart: the objects of S3 and the registry's images.

moto keeps everything in memory. The newest version of each object is copied to a folder, a few
seconds after it was written and at the end, and put back at the start; older versions, tags and
the history of executions are not. SageMaker's state is kept elsewhere, in its own store.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kennel.cloud.cloudformation.template import Stack

_SWEEP_SECONDS = 3.0
Json = dict[str, Any]


class Kept:
    """Copies of objects and image manifests in a folder.

    Parameters
    ----------
    folder
        Made when absent.
    stack
        Whose buckets and repositories are kept.
    client
        A boto3 client of moto by service.
    """

    def __init__(self, folder: Path, stack: Stack, client: Callable[[str], Any]) -> None:
        self._folder = folder
        self._objects = folder / "objects"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._index_file = folder / "index.json"
        self._client = client
        self._buckets = [each.name for each in stack.of_type("AWS::S3::Bucket")]
        self._repositories = [each.name for each in stack.of_type("AWS::ECR::Repository")]
        self._changed = asyncio.Event()

    def touch(self) -> None:
        """Note that something was written."""
        self._changed.set()

    async def run(self) -> None:
        """Save what was written, soon after, for ever."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(_SWEEP_SECONDS)
            self._changed.clear()
            await asyncio.to_thread(self.save)

    def save(self) -> None:
        """Copy what is new, and forget what is gone."""
        before: Json = self._index().get("objects", {})
        objects: Json = {}
        there = {each["Name"] for each in self._client("s3").list_buckets()["Buckets"]}
        for bucket in there & set(self._buckets):
            pages = self._client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
            for each in (item for page in pages for item in page.get("Contents", [])):
                name = f"{bucket}/{each['Key']}"
                known = before.get(name)
                same = known and known["etag"] == each["ETag"]
                objects[name] = known if same else self._copy(bucket, each["Key"])
        registry = self._client("ecr").describe_repositories()["repositories"]
        images = {
            name: self._manifests(name)
            for name in (each["repositoryName"] for each in registry)
            if name in self._repositories
        }
        new = self._index_file.with_suffix(".new")
        new.write_text(json.dumps({"objects": objects, "images": images}))
        new.replace(self._index_file)
        wanted = {each["file"] for each in objects.values()}
        for file in self._objects.iterdir():
            if file.name not in wanted:
                file.unlink()

    def restore(self) -> None:
        """Put everything back into moto."""
        index = self._index()
        for name, kept in index.get("objects", {}).items():
            bucket, _, key = name.partition("/")
            if bucket not in self._buckets:
                continue
            with (self._objects / kept["file"]).open("rb") as body:
                self._client("s3").put_object(
                    Bucket=bucket,
                    Key=key,
                    Body=body,
                    ContentType=kept["content_type"],
                    Metadata=kept["metadata"],
                )
        for repository, manifests in index.get("images", {}).items():
            for image in manifests if repository in self._repositories else ():
                self._client("ecr").put_image(repositoryName=repository, **image)

    def _index(self) -> Json:
        read: Json = json.loads(self._index_file.read_text()) if self._index_file.exists() else {}
        return read

    def _copy(self, bucket: str, key: str) -> Json:
        got = self._client("s3").get_object(Bucket=bucket, Key=key)
        digest = hashlib.sha256(f"{bucket}/{key}/{got['ETag']}".encode()).hexdigest()
        new = self._objects / f"{digest}.new"
        with new.open("wb") as file:
            for chunk in got["Body"].iter_chunks(2**20):
                file.write(chunk)
        new.replace(self._objects / digest)
        return {
            "etag": got["ETag"],
            "file": digest,
            "content_type": got["ContentType"],
            "metadata": got["Metadata"],
        }

    def _manifests(self, repository: str) -> list[dict[str, str]]:
        ecr = self._client("ecr")
        ids = ecr.list_images(repositoryName=repository)["imageIds"]
        if not ids:
            return []
        got = ecr.batch_get_image(repositoryName=repository, imageIds=ids)["images"]
        return [{"imageManifest": each["imageManifest"], **each["imageId"]} for each in got]
