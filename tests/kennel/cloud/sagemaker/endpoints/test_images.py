"""Images that an endpoint can run: those with a command, in ECR only where they are registered."""

import asyncio
import json
import re

import pytest

from kennel.cloud.runtime.clients import client
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.store import Store
from kennel.cloud.sagemaker.endpoints.images import LocalImages
from kennel.cloud.sagemaker.endpoints.models import Models

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("image", "runs"),
    [
        ("tried:1", True),
        (f"{REGISTRY}/kennel/serving:abc", True),
        (f"{REGISTRY}/kennel/serving:none", False),
        (f"{REGISTRY}/kennel/serving", False),  # latest
        (f"{REGISTRY}/other:abc", False),
        ("public.ecr.aws/other:1", False),
        ("999999999999.dkr.ecr.us-east-1.amazonaws.com/kennel/serving:abc", False),
    ],
)
def test_an_image_needs_a_command_and_in_ecr_a_registration(
    account: str, image: str, runs: bool
) -> None:
    ecr = client("ecr", account)
    ecr.create_repository(repositoryName="kennel/serving")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": []})
    ecr.put_image(repositoryName="kennel/serving", imageManifest=manifest, imageTag="abc")
    images = LocalImages(ecr, {"tried:1": ["serve"], f"{REGISTRY}/*": ["serve"]})
    assert asyncio.run(images(image)) == (["serve"] if runs else None)


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [
        ("application/vnd.docker.distribution.manifest.v2+json", True),
        ("application/vnd.oci.image.manifest.v1+json", False),
        ("application/vnd.oci.image.index.v1+json", False),
    ],
)
def test_a_model_of_an_image_with_an_oci_manifest_is_refused(
    account: str, kind: str, accepted: bool
) -> None:
    ecr = client("ecr", account)
    ecr.create_repository(repositoryName="pushed")
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": []})
    ecr.put_image(repositoryName="pushed", imageManifest=manifest, imageTag="1")
    store = Store(None)
    models = Models(store, Clock(), LocalImages(ecr, {}).manifest_type)
    request = {
        "ModelName": "m",
        "PrimaryContainer": {"Image": f"{REGISTRY}/pushed:1"},
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/model",
    }
    if accepted:
        asyncio.run(models.create_model(request))
        return
    with pytest.raises(ServiceError, match=rf"Unsupported manifest media type {re.escape(kind)}"):
        asyncio.run(models.create_model(request))
