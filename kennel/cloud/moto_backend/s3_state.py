"""Store moto's buckets and objects with all their attributes: versions, tags, checksums, times.

A change is stored before its call is answered. Multipart uploads that are not complete are not
stored.
"""

import uuid
from collections import defaultdict
from typing import Any

from moto.s3 import models
from moto.s3.utils import _VersionedKeyStore
from werkzeug.wrappers import Request

from kennel.cloud.cloudformation.names import ACCOUNT
from kennel.cloud.moto_backend.pickling import dump, load
from kennel.cloud.runtime.rows import Rows

_BUCKET, _OBJECT = "s3-bucket", "s3-object"

#: moto's types are not those of mypy's strict mode.
_MOTO: Any = models
Bucket = Any  # moto's FakeBucket
Version = Any  # moto's FakeKey

#: Name of the file that has the bytes of an object's version: an attribute of moto's FakeKey.
_FILE = "file_kept"


class S3State:
    """Buckets and objects in rows: one for each bucket, one for each key; bytes are in files."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._backend = _MOTO.s3_backends[ACCOUNT]["aws"]
        #: Versions as stored, by bucket and key.
        self._stored: defaultdict[str, dict[str, list[Any]]] = defaultdict(dict)

    def load(self) -> None:
        """Put every bucket and object into moto."""
        for name, row in self._rows.all(_BUCKET):
            self._load_bucket(name, row)
        for name, _ in self._rows.all(_OBJECT):
            self._load_object(*name.split("/", 1))

    def refuse_if_full(self, request: Request) -> None:
        """Raise NotStored for a request that stores more than there is room for."""
        size = request.content_length or 0
        bucket, _ = self._named(request)
        upload = bucket and bucket.multiparts.get(request.args.get("uploadId", ""))
        if upload and request.method == "POST":  # which completes it
            size = sum(part.size for part in upload.parts.values())
        if request.method != "DELETE" and "delete" not in request.args:
            self._rows.refuse_if_full(size)

    def save(self, request: Request) -> None:
        """Store what a request has changed; raises NotStored."""
        bucket, key = self._named(request)
        with self._rows.transaction():
            if bucket and (key in bucket.keys or key in self._stored[bucket.name]):
                self._save_object(bucket, key)
            else:
                self._save_changes()

    def undo(self, request: Request) -> None:
        """Restore the stored state, since the request's changes could not be stored."""
        bucket, key = self._named(request)
        if bucket and key:
            self._load_object(bucket.name, key)
            return
        for name in tuple(self._backend.buckets):
            _MOTO.s3_backends.bucket_accounts.pop(name, None)
            del self._backend.buckets[name]
        self._stored.clear()
        self.load()

    def _named(self, request: Request) -> tuple[Bucket | None, str]:
        """Return the bucket and the key that a request names; None and "" when it names none."""
        buckets = self._backend.buckets
        if bucket := buckets.get(request.host.split(".")[0]):  # the virtual-hosted style
            return bucket, request.path[1:]
        name, _, key = request.path[1:].partition("/")
        return (buckets[name], key) if name in buckets else (None, "")

    def _save_changes(self) -> None:
        """Store every bucket, and every object whose versions differ from the stored ones."""
        for name in self._stored.keys() - self._backend.buckets.keys():
            for key in tuple(self._stored[name]):
                self._delete_object(name, key)
            self._rows.delete(_BUCKET, name)
            del self._stored[name]
        for name, bucket in tuple(self._backend.buckets.items()):
            row = self._bucket_row(bucket)
            if row != self._rows.get(_BUCKET, name):
                self._rows.put(_BUCKET, name, row)
            stored = self._stored[name]
            for key in stored.keys() | bucket.keys.keys():
                if stored.get(key) != _versions(bucket, key):
                    self._save_object(bucket, key)

    def _bucket_row(self, bucket: Bucket) -> bytes:
        left_out = {"keys": None, "multiparts": None}
        return dump((vars(bucket) | left_out, self._backend.tagger.tags.get(bucket.arn)))

    def _load_bucket(self, name: str, row: bytes) -> None:
        attributes, tags = load(row)
        bucket = _MOTO.FakeBucket.__new__(_MOTO.FakeBucket)
        vars(bucket).update(attributes, keys=_VersionedKeyStore(), multiparts=_MOTO.MultipartDict())
        self._backend.buckets[name] = bucket
        _MOTO.s3_backends.bucket_accounts[name] = (bucket.partition, bucket.account_id)
        self._set_tags(bucket.arn, tags)

    def _save_object(self, bucket: Bucket, key: str) -> None:
        versions = bucket.keys.getlist(key, [])
        if not versions:
            self._delete_object(bucket.name, key)
            return
        name = f"{bucket.name}/{key}"
        before = self._files(name)
        contents = [each for each in versions if isinstance(each, _MOTO.FakeKey)]
        for version in contents:
            if getattr(version, _FILE, None) not in before:
                setattr(version, _FILE, uuid.uuid4().hex)
                self._rows.put_file(getattr(version, _FILE), version.value)
        files = {getattr(each, _FILE) for each in contents}
        for file in before - files:
            self._rows.delete_file(file)
        tags = {each.arn: self._tags(each) for each in contents}
        self._rows.put(_OBJECT, name, dump((files, versions, tags)))
        self._stored[bucket.name][key] = _versions(bucket, key)

    def _load_object(self, bucket_name: str, key: str) -> None:
        bucket = self._backend.buckets[bucket_name]
        row = self._rows.get(_OBJECT, f"{bucket_name}/{key}")
        if row is None:
            if key in bucket.keys:
                bucket.keys.pop(key)
            return
        _, versions, tags = load(row)
        for version in versions:
            if isinstance(version, _MOTO.FakeKey):
                version.value = self._rows.read_file(getattr(version, _FILE))
                _fill_parts(version)
        for arn, each in tags.items():
            self._set_tags(arn, each)
        bucket.keys.setlist(key, versions)
        self._stored[bucket_name][key] = _versions(bucket, key)

    def _delete_object(self, bucket_name: str, key: str) -> None:
        name = f"{bucket_name}/{key}"
        for file in self._files(name):
            self._rows.delete_file(file)
        self._rows.delete(_OBJECT, name)
        self._stored[bucket_name].pop(key, None)

    def _files(self, name: str) -> set[str]:
        """Return the stored files of an object."""
        row = self._rows.get(_OBJECT, name)
        files: set[str] = load(row)[0] if row else set()
        return files

    def _tags(self, version: Version) -> Any:
        return self._backend.tagger.tags.get(version.arn)

    def _set_tags(self, arn: str, tags: Any) -> None:
        if tags is None:
            self._backend.tagger.tags.pop(arn, None)
        else:
            self._backend.tagger.tags[arn] = tags


def _versions(bucket: Bucket, key: str) -> list[Any]:
    """Return id and time of each version of a key, to compare with those that are stored."""
    return [(each.version_id, each.last_modified) for each in bucket.keys.getlist(key, [])]


def _fill_parts(version: Version) -> None:
    """Cut the parts of a multipart upload out of the object: they are not stored themselves."""
    start = 0
    for number in version.multipart.partlist if version.multipart else ():
        part = version.multipart.parts[number]
        end = start + part.size_kept
        part.value = version.value[start:end]
        start = end
