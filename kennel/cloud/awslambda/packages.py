"""Packages of code on this machine: a zip that Lambda has taken, or a folder that was built here.

Lambda keeps a copy of what it takes, so that a function outlives the object in S3. A copy lies in a
folder named by the package's digest.
"""

import asyncio
import base64
import functools
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kennel.cloud.awslambda.code_package import download, unreadable, unzip
from kennel.cloud.awslambda.compiled import refuse_other_python

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Json = dict[str, Any]
#: The bucket in the reference of a folder that was built here; its key finds the folder.
LOCAL_BUCKET = "here"


@dataclass(frozen=True)
class Package:
    """The code of a function or a layer.

    Attributes
    ----------
    sha256
        Digest of the zip in Base64; of a folder that was built here, of its place, which is named
        by its content.
    zipped_size
        Bytes of the zip; None for a folder that was built here.
    local_key
        Finds such a folder; "" for a zip.
    """

    folder: Path
    sha256: str
    zipped_size: int | None = None
    local_key: str = ""

    @property
    def size(self) -> int:
        """Bytes of the zip, or of all files of a folder."""
        return _size(self.folder) if self.zipped_size is None else self.zipped_size

    def stored(self) -> Json:
        """Return the reference by which `Packages.find` finds the package again."""
        if self.local_key:
            return {"local_key": self.local_key}
        return {"sha256": self.sha256, "size": self.zipped_size}


class Packages:
    """Takes and finds packages.

    Parameters
    ----------
    s3
        A boto3 client that reads packages.
    folder
        For unzipped packages; made when the first one comes.
    local_code
        Returns the folder that was built here for a key; KeyError when there is none.
    """

    def __init__(self, s3: "S3Client", folder: Path, local_code: Callable[[str], Path]) -> None:
        self._s3 = s3
        self._folder = folder.absolute()
        self._local_code = local_code

    async def take(self, reference: Mapping[str, Any], name: str) -> Package:
        """Return the package that a call's parameters hold or name.

        Raises
        ------
        ServiceError
            For one that cannot be read, or that this machine's Python cannot run.
        """
        return await asyncio.to_thread(self._take, reference, name)

    def _take(self, reference: Mapping[str, Any], name: str) -> Package:
        if reference.get("S3Bucket") == LOCAL_BUCKET and "S3Key" in reference:
            package = self._local(reference["S3Key"])
            if not package.folder.is_dir():
                raise unreadable("NoSuchKey", f"nothing was built here for {reference['S3Key']}")
            return package
        packed = reference.get("ZipFile")
        if packed is None:
            packed = download(self._s3, reference)
        digest = hashlib.sha256(packed).digest()
        folder = self._folder / digest.hex()
        if not folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix="unfinished-") as unfinished:
                content = Path(unfinished, "content")
                content.mkdir()
                unzip(packed, content)
                refuse_other_python(content, name)
                content.rename(folder)
        return Package(folder, base64.b64encode(digest).decode(), len(packed))

    def find(self, stored: Json) -> Package:
        """Return a package that an earlier run took; one that was built here may be gone."""
        if "local_key" in stored:
            return self._local(stored["local_key"])
        folder = self._folder / base64.b64decode(stored["sha256"]).hex()
        return Package(folder, stored["sha256"], stored["size"])

    def remove_others(self, used: Iterable[Package]) -> None:
        """Delete the stored packages that no function or layer uses; only before any runs."""
        kept = {each.folder for each in used}
        for folder in self._folder.glob("*"):
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def _local(self, key: str) -> Package:
        try:
            folder = self._local_code(key)
        except KeyError:
            folder = self._folder / "not-built"
        digest = hashlib.sha256("/".join(folder.parts[-2:]).encode()).digest()
        return Package(folder, base64.b64encode(digest).decode(), local_key=key)


@functools.cache
def _size(folder: Path) -> int:
    return sum(
        file.stat().st_size
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts  # Python adds them as it runs
    )
