"""Layers that are published, used and deleted."""

import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.kennel.cloud.awslambda.serving import Account, basic, zipped

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def publish(account: Account, name: str, files: dict[str, str], **members: Any) -> Any:
    content = {"ZipFile": zipped(files)}
    return account.functions.publish_layer_version(LayerName=name, Content=content, **members)


def test_versions_are_numbered_listed_and_described(account: Account) -> None:
    functions = account.functions
    first = publish(account, "words", {"python/words.py": ""}, Description="first")
    second = publish(
        account, "words", {"python/words.py": "x = 2"}, CompatibleRuntimes=["python3.13"]
    )
    arn = "arn:aws:lambda:us-east-1:123456789012:layer:words"
    assert [each["LayerVersionArn"] for each in (first, second)] == [f"{arn}:1", f"{arn}:2"]
    assert first["ResponseMetadata"]["HTTPStatusCode"] == 201
    for read in (
        functions.get_layer_version(LayerName="words", VersionNumber=2),
        functions.get_layer_version_by_arn(Arn=f"{arn}:2"),
    ):
        assert {**read, "ResponseMetadata": 0} == {**second, "ResponseMetadata": 0}
    versions = functions.list_layer_versions(LayerName=arn)["LayerVersions"]
    assert [each["Version"] for each in versions] == [2, 1]
    fitting = functions.list_layers(CompatibleRuntime="python3.13")["Layers"]
    assert [each["LatestMatchingVersion"]["Version"] for each in fitting] == [2]
    functions.delete_layer_version(LayerName="words", VersionNumber=2)
    functions.delete_layer_version(LayerName="words", VersionNumber=9)  # no error, as on AWS
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        functions.get_layer_version(LayerName="words", VersionNumber=2)
    assert publish(account, "words", {"python/words.py": ""})["Version"] == 3  # never used twice


def test_a_function_has_its_layers_the_last_one_first(account: Account) -> None:
    one = publish(account, "one", {"python/named.py": "x = 1", "python/only.py": "y = 'one'"})
    site = f"python/lib/{RUNTIME}/site-packages/deep.py"
    two = publish(account, "two", {"python/named.py": "x = 2", site: "z = 'deep'"})
    arns = [each["LayerVersionArn"] for each in (one, two)]
    code = "import named, only, deep\nhandler = lambda *_: [named.x, only.y, deep.z]"
    packed = {"ZipFile": zipped({"app.py": code})}
    created = account.functions.create_function(
        **basic("layered", Code=packed, Layers=arns, Runtime=RUNTIME)
    )
    assert [each["Arn"] for each in created["Layers"]] == arns
    assert created["Layers"][0]["CodeSize"] == one["Content"]["CodeSize"]
    assert account.answer("layered") == [2, "one", "deep"]


def test_a_deleted_layer_stays_with_the_functions_that_have_it(account: Account) -> None:
    functions = account.functions
    arn = publish(account, "held", {"python/held.py": "x = 1"})["LayerVersionArn"]
    packed = {"ZipFile": zipped({"app.py": "import held\nhandler = lambda *_: held.x"})}
    functions.create_function(**basic("holds", Code=packed, Layers=[arn]))
    functions.delete_layer_version(LayerName="held", VersionNumber=1)
    functions.update_function_configuration(FunctionName="holds", Layers=[arn], Timeout=20)
    assert account.answer("holds") == 1
    with pytest.raises(ClientError, match=f"Layer version {arn} does not exist"):
        functions.create_function(**basic("late", Code=packed, Layers=[arn]))


def test_a_layer_for_another_python_is_refused(account: Account) -> None:
    with pytest.raises(ClientError, match=r"NotImplementedOffline.*built for Python 3\.99"):
        publish(account, "other", {"python/_c.cpython-399-x86_64-linux-gnu.so": ""})
    assert not account.functions.list_layer_versions(LayerName="other")["LayerVersions"]
