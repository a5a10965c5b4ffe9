"""The images that an endpoint can run: local ones by name, and those of moto's ECR."""

import asyncio
import json

import pytest

from kennel.cloud.cloudformation.stack import client
from kennel.cloud.sagemaker.endpoints.images import EcrImages, LocalImages

REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
LOCAL = "local/server:1"
COMMANDS = {LOCAL: ["server", "serve"], "local/other:1": ["other"]}


@pytest.mark.parametrize(
    ("image", "command"),
    [
        (LOCAL, COMMANDS[LOCAL]),
        ("local/other:1", ["other"]),
        (f"{REGISTRY}/some/server:abc", COMMANDS[LOCAL]),
        (f"{REGISTRY}/some/server:none", None),
        (f"{REGISTRY}/some/server", None),  # latest
        (f"{REGISTRY}/other:abc", None),
        ("public.ecr.aws/other:1", None),
        ("999999999999.dkr.ecr.us-east-1.amazonaws.com/some/server:abc", None),
    ],
)
def test_only_local_and_registered_images_have_a_command(
    account: str, image: str, command: list[str] | None
) -> None:
    ecr = client("ecr", account)
    ecr.create_repository(repositoryName="some/server")
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "layers": []})
    ecr.put_image(repositoryName="some/server", imageManifest=manifest, imageTag="abc")
    resolve_image = EcrImages(ecr, LocalImages(COMMANDS), LOCAL)
    assert asyncio.run(resolve_image(image)) == command
