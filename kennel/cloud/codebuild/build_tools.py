"""`aws` and `docker` as an imitated image build finds them on its path; see image_builds.py.

`docker build` checks the Dockerfile and what it copies, compiles what is Python and runs the
context's own tests, and packs the copied files: one layer, with no base beneath it. `docker push`
is real as far as ECR goes: log-in, layer upload, manifest. Every call is the project's role's.

Run as `python -m kennel.cloud.codebuild.build_tools aws|docker ...` with KENNEL_URL,
KENNEL_ROLE and KENNEL_IMAGES in the environment.
"""

import base64
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PART_BYTES = 20 * 2**20
_WITH_VALUE = {"--tag", "-t", "--build-arg", "--file", "-f", "--platform", "--username", "-u"}


class Failed(Exception):  # noqa: N818
    """What the tool prints before it exits with 1."""


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status."""
    images = Path(os.environ["KENNEL_IMAGES"])
    try:
        match arguments:
            case ["aws", "s3", "cp", source, target, *_]:
                _copy(source, target)
            case ["aws", "ecr", "get-login-password", *_]:
                print(_token().split(":", 1)[1])
            case ["docker", "login", *rest]:
                _log_in(images, rest)
            case ["docker", "build", *rest]:
                _build(images, rest)
            case ["docker", "push", name]:
                _push(images, name)
            case _:
                raise Failed(
                    f"{' '.join(arguments)}: the imitated build knows aws s3 cp, aws ecr "
                    "get-login-password, docker login, docker build and docker push"
                )
    except (Failed, ClientError, OSError, SyntaxError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _client(service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=os.environ["KENNEL_URL"],
        region_name=os.environ["AWS_REGION"],
        aws_access_key_id=os.environ["KENNEL_ROLE"],
        aws_secret_access_key="offline",  # noqa: S106 - signatures are not checked
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )


def _copy(source: str, target: str) -> None:
    parts = urlsplit(source)
    if parts.scheme != "s3":
        raise Failed(f"aws s3 cp {source}: expected s3://bucket/key as the source")
    got = _client("s3").get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))
    Path(target).write_bytes(got["Body"].read())


def _token() -> str:
    data = _client("ecr").get_authorization_token()["authorizationData"][0]
    return base64.b64decode(data["authorizationToken"]).decode()


def _log_in(images: Path, arguments: Sequence[str]) -> None:
    _, places = _options(arguments)
    if "--password-stdin" not in arguments or not sys.stdin.read().strip():
        raise Failed("docker login: expected a password on the standard input")
    (images / "logged-in").write_text(places[-1])
    print("Login Succeeded")


def _build(images: Path, arguments: Sequence[str]) -> None:
    """Make an image: a folder named by the tag, with its layer and the files in it."""
    options, places = _options(arguments)
    context = Path(places[-1] if places else ".")
    named = [*options.get("--file", []), *options.get("-f", []), str(context / "Dockerfile")]
    file = Path(named[0])
    tags = [*options.get("--tag", []), *options.get("-t", [])]
    if not file.is_file():
        raise Failed(f"docker build: failed to read dockerfile: open {file}: no such file")
    if not tags:
        raise Failed("docker build: expected --tag, without which nothing can be pushed")
    copied = sorted(set(_copied(file.read_text(), context)))
    for path in copied:
        if path.suffix == ".py":
            compile(path.read_bytes(), str(path), "exec")
    if (context / "tests").is_dir():
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "tests"], cwd=context, check=False
        )
        if done.returncode:
            raise Failed(f"docker build: the context's own tests failed ({done.returncode})")
    for tag in tags:
        folder = images / folder_of(tag)
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "content").mkdir(parents=True)
        for path in copied:
            shutil.copy2(path, folder / "content" / path.name)
        (folder / "layer.tar").write_bytes(_layer(copied, file))
        print(f"imitated {tag}: {len(copied)} files of {context}, no base image")


def _copied(dockerfile: str, context: Path) -> Iterator[Path]:
    """Yield the files of the context that the Dockerfile copies; Failed for what is not there."""
    bare = re.sub(r"^\s*#.*$", "", dockerfile, flags=re.MULTILINE)
    words = [shlex.split(line) for line in bare.replace("\\\n", " ").splitlines() if line.strip()]
    if not any(each[0].upper() == "FROM" for each in words):
        raise Failed("docker build: no build stage: the Dockerfile has no FROM")
    for instruction, *rest in words:
        from_context = not any(each.startswith("--from") for each in rest)
        if instruction.upper() not in {"COPY", "ADD"} or not from_context:
            continue
        *sources, _ = [each for each in rest if not each.startswith("--")]
        for source in sources:
            found = list(context.glob(source.lstrip("/")))
            if not found:
                raise Failed(f'docker build: failed to compute cache key: "/{source}": not found')
            for path in found:
                yield from (each for each in path.rglob("*") if each.is_file())
                if path.is_file():
                    yield path


def _layer(files: Sequence[Path], dockerfile: Path) -> bytes:
    """Return the files and the Dockerfile as a tar that is the same for the same content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in [dockerfile, *files]:
            entry = tarfile.TarInfo(path.name)
            content = path.read_bytes()
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _push(images: Path, name: str) -> None:
    registry, _, rest = name.partition("/")
    repository, _, tag = rest.rpartition(":")
    if not (images / folder_of(name)).is_dir():
        raise Failed(f"An image does not exist locally with the tag: {name}")
    login = images / "logged-in"
    if not login.exists() or login.read_text() != registry:
        raise Failed("no basic auth credentials")
    layer = (images / folder_of(name) / "layer.tar").read_bytes()
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    ecr = _client("ecr")
    asked = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
    if not any(each.get("layerAvailability") == "AVAILABLE" for each in asked["layers"]):
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        for first in range(0, len(layer), _PART_BYTES):
            part = layer[first : first + _PART_BYTES]
            ecr.upload_layer_part(
                repositoryName=repository,
                uploadId=upload,
                partFirstByte=first,
                partLastByte=first + len(part) - 1,
                layerPartBlob=part,
            )
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
    described = {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest}
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {**described, "size": len(layer)},
            "layers": [{**described, "size": len(layer)}],
            "annotations": {"kennel": "an imitation: the copied files alone, no base image"},
        }
    )
    image_digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
    ecr.put_image(
        repositoryName=repository, imageManifest=manifest, imageTag=tag, imageDigest=image_digest
    )
    print(f"{tag}: digest: {image_digest} size: {len(manifest)}")


def _options(arguments: Sequence[str]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the options that take a value, and what is no option."""
    options: dict[str, list[str]] = {}
    places: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if name in _WITH_VALUE:
            options.setdefault(name, []).append(value if equals else waiting.pop(0))
        elif not word.startswith("-"):
            places.append(word)
    return options, places


def folder_of(name: str) -> str:
    """Return the name of the folder in which an image lies."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
