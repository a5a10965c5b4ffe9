"""Lambda's calls about functions, by boto3, of a stack that runs."""

import io
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from kennel.cloud.cloud import Cloud
from kennel.cloud.runtime.clients import client

NAME = "bare-ClassifyFunction"


@pytest.fixture
def functions(bare_cloud: Cloud) -> Any:
    return client("lambda", bare_cloud.url)


def test_every_function_of_the_stack_is_listed_and_described(
    functions: Any, bare_cloud: Cloud
) -> None:
    declared = {each.name: each for each in bare_cloud.stack.of_type("AWS::Lambda::Function")}
    pages = functions.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 3})
    listed = [each for page in pages for each in page["Functions"]]
    names = [each["FunctionName"] for each in listed]
    assert [name for name in names if name in declared] == list(declared)
    properties = declared[NAME].properties
    (listed_one,) = [each for each in listed if each["FunctionName"] == NAME]
    for config in (
        listed_one,
        functions.get_function_configuration(FunctionName=declared[NAME].arn),
        functions.get_function(FunctionName=NAME)["Configuration"],
    ):
        assert config["FunctionArn"] == declared[NAME].arn
        assert config["Handler"] == properties["Handler"]
        assert config["MemorySize"] == properties["MemorySize"]
        assert config["Environment"] == properties["Environment"]
        assert [each["Arn"] for each in config["Layers"]] == properties["Layers"]
        assert (config["State"], config["LastUpdateStatus"]) == (
            "Active",
            "Successful",
        )
        assert config["LoggingConfig"]["LogGroup"] == properties["LoggingConfig"]["LogGroup"]
    functions.get_waiter("function_updated_v2").wait(FunctionName=NAME)


def test_a_function_names_its_code_and_its_concurrency(functions: Any) -> None:
    function = functions.get_function(FunctionName=NAME)
    folder = Path(urlsplit(function["Code"]["Location"]).path)
    files = [file for file in folder.rglob("*") if "__pycache__" not in file.parts]
    size = sum(file.stat().st_size for file in files if file.is_file())
    assert function["Configuration"]["CodeSize"] == size
    reserved = {"ReservedConcurrentExecutions": 1}
    assert function["Concurrency"] == reserved
    read = functions.get_function_concurrency
    assert reserved.items() <= read(FunctionName=NAME).items()
    functions.put_function_concurrency(FunctionName=NAME, ReservedConcurrentExecutions=3)
    assert read(FunctionName=NAME)["ReservedConcurrentExecutions"] == 3
    functions.delete_function_concurrency(FunctionName=NAME)
    assert "ReservedConcurrentExecutions" not in read(FunctionName=NAME)
    functions.put_function_concurrency(FunctionName=NAME, **reserved)


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("method", "parameters", "code", "words"),
    [
        ("get_function", {"FunctionName": "nobody"}, "ResourceNotFoundException", "nobody"),
        ("get_function", {"Qualifier": "live"}, "NotImplementedOffline", "aliases"),
        ("get_policy", {"FunctionName": "nobody"}, "ResourceNotFoundException", "nobody"),
        ("get_function_url_config", {}, "NotImplementedOffline", "lambda:GetFunctionUrlConfig"),
        ("update_function_code", {"ZipFile": b"x"}, "InvalidParameterValueException", "unzip"),
        ("update_function_code", {}, "InvalidParameterValueException", "source"),
        ("update_function_code", {"ImageUri": "image"}, "NotImplementedOffline", "ImageUri"),
        (
            "update_function_code",
            {"S3Bucket": "bare-bucket", "S3Key": "nothing"},
            "InvalidParameterValueException",
            "NoSuchKey",
        ),
        (
            "update_function_code",
            {"ZipFile": zipped(app=""), "RevisionId": "another"},
            "PreconditionFailedException",
            "Revision Id",
        ),
        ("update_function_configuration", {"Timeout": 901}, "ValidationException", "900"),
        (
            "update_function_configuration",
            {"Runtime": "nodejs22.x"},
            "NotImplementedOffline",
            "nodejs22.x",
        ),
        (
            "update_function_configuration",
            {"Role": "arn:aws:iam::123456789012:role/bare-TrainingRole"},
            "InvalidParameterValueException",
            "cannot be assumed by Lambda",
        ),
        (
            "update_function_configuration",
            {"Environment": {"Variables": {"AWS_ACCESS_KEY_ID": "kennel-operator"}}},
            "InvalidParameterValueException",
            "reserved keys.*AWS_ACCESS_KEY_ID",
        ),
        (
            "update_function_configuration",
            {"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:other:1"]},
            "InvalidParameterValueException",
            "layer:other:1",
        ),
    ],
)
def test_what_lambda_refuses_is_refused_and_changes_nothing(
    functions: Any, method: str, parameters: dict[str, Any], code: str, words: str
) -> None:
    before = functions.get_function_configuration(FunctionName=NAME)
    with pytest.raises(ClientError, match=words) as refused:
        getattr(functions, method)(**{"FunctionName": NAME, **parameters})
    assert refused.value.response["Error"]["Code"] == code
    after = functions.get_function_configuration(FunctionName=NAME)
    assert after["RevisionId"] == before["RevisionId"]


def test_reads_and_changes_need_their_permission(bare_cloud: Cloud) -> None:
    functions = client("lambda", bare_cloud.url, "TrainingRole")
    with pytest.raises(ClientError, match=r"lambda:ListFunctions on resource: \*"):
        functions.list_functions()
    with pytest.raises(ClientError, match=r"lambda:PublishLayerVersion on .*:layer:words "):
        functions.publish_layer_version(LayerName="words", Content={"ZipFile": zipped(app="")})
    with pytest.raises(ClientError, match=rf"lambda:UpdateFunctionCode on .*:function:{NAME}"):
        functions.update_function_code(FunctionName=NAME, ZipFile=zipped(app=""))
