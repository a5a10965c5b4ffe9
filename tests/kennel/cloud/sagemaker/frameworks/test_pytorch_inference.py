"""The server that stands for AWS's pytorch-inference image, as an endpoint starts it."""

import asyncio
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch

from kennel.cloud.runtime.clock import Clock
from kennel.cloud.sagemaker.endpoints.instance import CannotServe, Container, Instance
from kennel.cloud.sagemaker.frameworks.pytorch_inference import COMMAND

#: Answers with what it was given; says where its package is.
ECHO = """
import os
def model_fn(model_dir, context):
    return os.path.exists(os.path.join(model_dir, "code", "inference.py"))
def input_fn(body, content_type):
    return body, content_type
def predict_fn(data, model):
    return (*data, model)
def output_fn(prediction, accept):
    return f"{prediction} {accept}", "text/plain"
"""


def packed(folder: Path, **files: bytes | str) -> Path:
    """Write a model.tar.gz; a name's double underscore is a slash, its last one a dot."""
    file = folder / "model.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for name, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            path = ".".join(name.replace("__", "/").rsplit("_", 1))
            member = tarfile.TarInfo(path)
            member.size = len(body)
            archive.addfile(member, io.BytesIO(body))
    return file


def serve(
    package: Path, log: Path, *requests: tuple[bytes, dict[str, str]]
) -> list[tuple[int, str, bytes]]:
    """Return status, content type and body of each request to a server of the package."""

    async def scenario() -> list[tuple[int, str, bytes]]:
        container = Container(COMMAND, package, grace_seconds=300)
        instance = await Instance.start(container, log, Clock())
        try:
            answers = [await instance.invoke(body, headers) for body, headers in requests]
        finally:
            await instance.stop()
        return [
            (each.status_code, each.headers.get("content-type", ""), each.content)
            for each in answers
        ]

    return asyncio.run(scenario())


@pytest.mark.slow
def test_a_torchscript_model_needs_no_code(tmp_path: Path) -> None:
    out = io.BytesIO()
    with pytest.warns(FutureWarning, match="torch.jit"):
        torch.jit.save(torch.jit.script(torch.nn.Flatten()), out)
    npy = io.BytesIO()
    np.save(npy, np.ones((1, 2, 2), "float32"))
    package = packed(tmp_path, net_pth=out.getvalue())
    json_request = (b"[[[1, 2]]]", {"content-type": "application/json"})
    npy_request = (npy.getvalue(), {"content-type": "application/x-npy", "accept": "text/csv"})
    unknown = (b"x", {"content-type": "image/png"})
    first, second, third = serve(package, tmp_path / "log", json_request, npy_request, unknown)
    assert (first[0], json.loads(first[2])) == (200, [[1.0, 2.0]])
    assert second == (200, "text/csv", b"1.0,1.0,1.0,1.0\n")
    assert third[0] == 500
    assert b"image/png is not supported" in third[2]


def test_the_packages_own_functions_are_called(tmp_path: Path) -> None:
    package = packed(tmp_path, code__inference_py=ECHO)
    (answer,) = serve(package, tmp_path / "log", (b"a,b", {"content-type": "text/csv"}))
    assert answer == (
        200,
        "text/plain",
        b"('a,b', 'text/csv', True) application/json",
    )


def test_a_model_that_cannot_be_loaded_ends_the_server_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(CannotServe, match=r"Exactly one \.pth or \.pt file is required"):
        serve(packed(tmp_path, notes_txt="none"), tmp_path / "log")


def test_a_requirement_that_cannot_be_installed_is_named(tmp_path: Path) -> None:
    requirements = "--no-index\nno-such-package==1.0\n"
    package = packed(tmp_path, code__requirements_txt=requirements)
    with pytest.raises(CannotServe, match=r"no-such-package==1\.0"):
        serve(package, tmp_path / "log")
