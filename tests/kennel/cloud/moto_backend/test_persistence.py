"""What was written is back after a restart, byte for byte."""

import json
from pathlib import Path
from typing import Any

from kennel.cloud.cloudformation.template import Resource, Stack
from kennel.cloud.moto_backend.persistence import Persistence
from kennel.cloud.runtime.clients import client

STACK = Stack(
    "tried",
    {
        "Bucket": Resource("Bucket", "AWS::S3::Bucket", "kept-bucket", "arn", {}),
        "Images": Resource("Images", "AWS::ECR::Repository", "kept/images", "arn", {}),
    },
    {},
)
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": "sha256:0"},
    }
)


def test_objects_and_images_come_back(moto: str, tmp_path: Path) -> None:
    s3, ecr = client("s3", moto), client("ecr", moto)
    s3.create_bucket(Bucket="kept-bucket")
    ecr.create_repository(repositoryName="kept/images")
    s3.put_object(
        Bucket="kept-bucket", Key="a b/ü.bin", Body=bytes(range(256)), Metadata={"hash": "1"}
    )
    s3.put_object(Bucket="kept-bucket", Key="gone", Body=b"x")
    ecr.put_image(repositoryName="kept/images", imageManifest=MANIFEST, imageTag="1")
    before = ecr.describe_images(repositoryName="kept/images")["imageDetails"][0]["imageDigest"]
    Persistence(tmp_path, STACK, s3, ecr).save()
    s3.delete_object(Bucket="kept-bucket", Key="gone")
    s3.put_object(Bucket="kept-bucket", Key="later", Body=b"y")
    Persistence(tmp_path, STACK, s3, ecr).save()
    assert len(list((tmp_path / "objects").iterdir())) == 2

    for key in ("a b/ü.bin", "later"):
        s3.delete_object(Bucket="kept-bucket", Key=key)
    ecr.batch_delete_image(repositoryName="kept/images", imageIds=[{"imageTag": "1"}])
    Persistence(tmp_path, STACK, s3, ecr).restore()
    got: dict[str, Any] = s3.get_object(Bucket="kept-bucket", Key="a b/ü.bin")
    assert (got["Body"].read(), got["Metadata"]) == (bytes(range(256)), {"hash": "1"})
    assert s3.get_object(Bucket="kept-bucket", Key="later")["Body"].read() == b"y"
    after = ecr.describe_images(repositoryName="kept/images")["imageDetails"][0]["imageDigest"]
    assert after == before
