"""Functions that come and go by Lambda's API."""

import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.kennel.cloud.awslambda.serving import CODE, ROLE, Account, basic, serving, zipped

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
EFS = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point"
COMPILED = {"app.py": "", "fast/_core.cpython-399-x86_64-linux-gnu.so": "not loaded"}


def refused(call: Any, **parameters: Any) -> dict[str, Any]:
    """Make a call that is refused; return what the answer says."""
    with pytest.raises(ClientError) as raised:
        call(**parameters)
    error = raised.value.response["Error"]
    return {"code": error["Code"], "message": error["Message"]}


def test_a_function_comes_and_goes(account: Account) -> None:
    functions, packed = account.functions, zipped({"app.py": CODE})
    created = functions.create_function(
        **basic(
            "comes",
            Code={"ZipFile": packed},
            Description="to try",
            MemorySize=256,
            Environment={"Variables": {"ONE": "1"}},
            Tags={"team": "dogs"},
            VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
            DeadLetterConfig={"TargetArn": "arn:aws:sqs:us-east-1:123456789012:dead"},
            TracingConfig={"Mode": "Active"},
            EphemeralStorage={"Size": 1024},
            Architectures=["arm64"],
            LoggingConfig={"LogFormat": "JSON", "LogGroup": "one-group"},
        )
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    functions.get_waiter("function_active_v2").wait(FunctionName="comes")
    read = functions.get_function(FunctionName="comes")
    config = read["Configuration"]
    assert {**created, "ResponseMetadata": 0} == {**config, "ResponseMetadata": 0}
    assert config["FunctionArn"] == "arn:aws:lambda:us-east-1:123456789012:function:comes"
    assert config["CodeSha256"] == base64.b64encode(hashlib.sha256(packed).digest()).decode()
    assert (config["CodeSize"], config["MemorySize"], config["Timeout"]) == (
        len(packed),
        256,
        30,
    )
    assert config["VpcConfig"]["SubnetIds"] == ["subnet-1"]
    assert config["DeadLetterConfig"]["TargetArn"].endswith(":dead")
    assert config["LoggingConfig"] == {
        "LogFormat": "JSON",
        "LogGroup": "one-group",
        "ApplicationLogLevel": "INFO",
        "SystemLogLevel": "INFO",
    }
    assert (config["EphemeralStorage"], config["Architectures"]) == (
        {"Size": 1024},
        ["arm64"],
    )
    assert (config["State"], read["Tags"]) == ("Active", {"team": "dogs"})
    assert account.answer("comes", {"n": 1})["got"] == {"n": 1}
    (version,) = functions.list_versions_by_function(FunctionName="comes")["Versions"]
    assert version["FunctionArn"].endswith(":function:comes:$LATEST")
    functions.delete_function(FunctionName=config["FunctionArn"])
    for method in (functions.get_function, functions.invoke, functions.delete_function):
        error = refused(method, FunctionName="comes")
        assert error["code"] == "ResourceNotFoundException"
        assert error["message"] == f"Function not found: {config['FunctionArn']}"
    names = [each["FunctionName"] for each in functions.list_functions()["Functions"]]
    assert "comes" not in names


def test_a_name_can_be_taken_again(account: Account) -> None:
    account.functions.create_function(**basic("again"))
    before = account.answer("again")["at"]
    account.functions.delete_function(FunctionName="again")
    code = {"ZipFile": zipped({"app.py": CODE + "# another\n"})}
    account.functions.create_function(**basic("again", Code=code))
    assert account.answer("again")["at"] != before


@pytest.mark.parametrize(
    ("members", "code", "words"),
    [
        ({"Runtime": "nodejs22.x"}, "NotImplementedOffline", "nodejs22.x"),
        ({"Runtime": "python2.7"}, "NotImplementedOffline", "only python3.x"),
        ({"PackageType": "Image", "Code": {"ImageUri": "i"}}, "NotImplementedOffline", "ImageUri"),
        ({"PackageType": "Image"}, "NotImplementedOffline", "PackageType Image"),
        ({"Publish": True}, "NotImplementedOffline", "Publish"),
        (
            {
                "FileSystemConfigs": [
                    {"Arn": f"{EFS}/fsap-0123456789abcdef0", "LocalMountPath": "/mnt/m"}
                ]
            },
            "NotImplementedOffline",
            "FileSystemConfigs",
        ),
        (
            {"Role": "arn:aws:iam::123456789012:role/other"},
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
        ({"Code": {}}, "InvalidParameterValueException", "provide a source for function code"),
        ({"Code": {"ZipFile": b"x"}}, "InvalidParameterValueException", "Could not unzip"),
        (
            {"Code": {"S3Bucket": "no-such-bucket", "S3Key": "k"}},
            "InvalidParameterValueException",
            "S3 Error Code: NoSuchBucket",
        ),
        (
            {"Code": {"S3Bucket": "here", "S3Key": "k"}},
            "InvalidParameterValueException",
            "S3 Error Code: NoSuchKey",
        ),
        (
            {"Environment": {"Variables": {"LONG": "x" * 4096}}},
            "InvalidParameterValueException",
            "4KB",
        ),
        ({"MemorySize": 10241}, "ValidationException", "'memorySize' .* equal to 10240"),
        ({"FunctionName": "f" * 65}, "ValidationException", "'functionName' .* equal to 64"),
        ({"Timeout": 901}, "ValidationException", "'timeout' .* equal to 900"),
        (
            {"Layers": [f"arn:aws:lambda:us-east-1:123456789012:layer:a:{n}" for n in range(6)]},
            "InvalidParameterValueException",
            "more than 5 layers",
        ),
        (
            {"Layers": ["arn:aws:lambda:us-east-1:017000801446:layer:Powertools:9"]},
            "NotImplementedOffline",
            "another account",
        ),
        ({"Code": {"ZipFile": zipped(COMPILED)}}, "NotImplementedOffline", f"3.99.*{HERE}"),
    ],
)
def test_what_cannot_be_created_is_refused_and_leaves_nothing(
    account: Account, members: dict[str, Any], code: str, words: str
) -> None:
    error = refused(account.functions.create_function, **{**basic("refused"), **members})
    assert error["code"] == code
    assert re.search(words, error["message"])
    assert refused(account.functions.get_function, FunctionName="refused")["code"] == (
        "ResourceNotFoundException"
    )


def test_runtime_and_handler_are_needed_and_a_name_is_taken_once(account: Account) -> None:
    whole = basic("once")
    for member in ("Runtime", "Handler"):
        parameters = {key: value for key, value in whole.items() if key != member}
        error = refused(account.functions.create_function, **parameters)
        assert error["code"] == "InvalidParameterValueException"
        assert error["message"].startswith("Runtime and Handler are mandatory parameters")
    account.functions.create_function(**whole)
    assert refused(account.functions.create_function, **whole) == {
        "code": "ResourceConflictException",
        "message": "Function already exist: once",
    }


def test_code_for_another_python_is_refused_in_an_update_with_the_way_out(
    account: Account,
) -> None:
    account.functions.create_function(**basic("pure", Runtime="python3.13"))
    assert account.answer("pure", 1)["got"] == 1  # on this machine's Python
    update = account.functions.update_function_code
    error = refused(update, FunctionName="pure", ZipFile=zipped(COMPILED))
    assert (
        "fast/_core.cpython-399-x86_64-linux-gnu.so was built for Python 3.99" in (error["message"])
    )
    assert "PIP_FLAGS= sam build" in error["message"]
    both = {
        **COMPILED,
        "fast/_core.abi3.so": "loads in any",
        "libc.so": "no module",
        "app.py": CODE,
    }
    update(FunctionName="pure", ZipFile=zipped(both))
    functions = account.functions
    functions.get_waiter("function_updated_v2").wait(FunctionName="pure")
    assert account.answer("pure", 2)["got"] == 2


def test_code_of_s3_outlives_its_object_and_a_version_of_it_is_taken(account: Account) -> None:
    s3, functions = account.s3, account.functions
    s3.create_bucket(Bucket="code-of-functions")
    enabled = {"Status": "Enabled"}
    s3.put_bucket_versioning(Bucket="code-of-functions", VersioningConfiguration=enabled)
    where = {"Bucket": "code-of-functions", "Key": "k"}
    first = s3.put_object(**where, Body=zipped({"app.py": "handler = lambda *_: 'first'"}))
    s3.put_object(**where, Body=zipped({"app.py": "handler = lambda *_: 'second'"}))
    code = {"S3Bucket": "code-of-functions", "S3Key": "k"}
    functions.create_function(**basic("second", Code=code))
    older = {**code, "S3ObjectVersion": first["VersionId"]}
    functions.create_function(**basic("first", Code=older))
    s3.delete_object(**where)
    assert (account.answer("first"), account.answer("second")) == ("first", "second")


def test_tags_are_added_and_removed(account: Account) -> None:
    functions = account.functions
    arn = functions.create_function(**basic("tagged", Tags={"a": "1"}))["FunctionArn"]
    functions.tag_resource(Resource=arn, Tags={"b": "2", "c": "3"})
    functions.untag_resource(Resource=arn, TagKeys=["a", "b"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"c": "3"}
    assert refused(functions.list_tags, Resource=f"{arn}-not")["code"] == (
        "ResourceNotFoundException"
    )


def test_the_account_counts_its_functions(account: Account) -> None:
    before = account.functions.get_account_settings()
    account.functions.create_function(**basic("counted"))
    reserve = account.functions.put_function_concurrency
    reserve(FunctionName="counted", ReservedConcurrentExecutions=7)
    after = account.functions.get_account_settings()
    assert after["AccountUsage"]["FunctionCount"] == before["AccountUsage"]["FunctionCount"] + 1
    member = "UnreservedConcurrentExecutions"
    assert before["AccountLimit"][member] - after["AccountLimit"][member] == 7


def test_a_version_that_was_not_published_does_not_exist(account: Account) -> None:
    account.functions.create_function(**basic("latest"))
    assert refused(account.functions.invoke, FunctionName="latest", Qualifier="1")["message"] == (
        "Function not found: arn:aws:lambda:us-east-1:123456789012:function:latest:1"
    )
    answer = account.functions.invoke(FunctionName="latest", Qualifier="$LATEST", Payload=b"1")
    assert json.loads(answer["Payload"].read())["got"] == 1


def test_what_was_made_and_changed_survives_a_restart(moto: str, tmp_path: Path) -> None:
    built = tmp_path / "built" / "one"
    built.mkdir(parents=True)
    (built / "app.py").write_text("handler = lambda *_: 'built once'")
    local = {"Built": built}
    with serving(moto, tmp_path, local) as account:
        functions = account.functions
        functions.create_function(**basic("kept"))
        functions.update_function_configuration(FunctionName="kept", Description="changed")
        functions.put_function_concurrency(FunctionName="kept", ReservedConcurrentExecutions=3)
        functions.put_function_event_invoke_config(FunctionName="kept", MaximumRetryAttempts=0)
        functions.add_permission(
            FunctionName="kept", StatementId="s", Action="lambda:*", Principal="*"
        )
        here = {"S3Bucket": "here", "S3Key": "Built"}
        functions.create_function(**basic("built", Code=here))
        assert account.answer("built") == "built once"
        functions.create_function(**basic("gone"))
        functions.update_function_code(FunctionName="gone", ZipFile=zipped({"a.py": ""}))
        functions.delete_function(FunctionName="gone")
        before = functions.get_function(FunctionName="kept")
        assert len(list((tmp_path / "code").iterdir())) == 2
    again = built.with_name("two")
    built.rename(again)
    (again / "app.py").write_text("handler = lambda *_: 'built again'")
    with serving(moto, tmp_path, {"Built": again}) as account:
        functions = account.functions
        after = functions.get_function(FunctionName="kept")
        assert {**before, "ResponseMetadata": 0} == {**after, "ResponseMetadata": 0}
        assert account.answer("kept", "again")["got"] == "again"
        config = functions.get_function_event_invoke_config(FunctionName="kept")
        assert config["MaximumRetryAttempts"] == 0
        assert '"Sid":"s"' in functions.get_policy(FunctionName="kept")["Policy"]
        assert account.answer("built") == "built again"
        assert len(list((tmp_path / "code").iterdir())) == 1  # what no function has is removed


def test_a_role_is_assumed_for_each_function(account: Account) -> None:
    code = "import os\nhandler = lambda *_: os.environ['AWS_ACCESS_KEY_ID']"
    account.functions.create_function(**basic("who", Code={"ZipFile": zipped({"app.py": code})}))
    assert account.answer("who") == "who-session"
    other = "arn:aws:iam::123456789012:role/other"
    update = account.functions.update_function_configuration
    assert "cannot be assumed" in refused(update, FunctionName="who", Role=other)["message"]
    update(FunctionName="who", Role=ROLE)
    assert account.answer("who") == "who-session"


def test_a_function_whose_role_is_made_after_a_restart_gets_it_then(
    moto: str, tmp_path: Path
) -> None:
    code = "import os\nhandler = lambda *_: os.environ['AWS_ACCESS_KEY_ID']"
    with serving(moto, tmp_path) as account:
        packed = {"ZipFile": zipped({"app.py": code})}
        account.functions.create_function(**basic("who", Code=packed))
    roles: set[str] = set()
    with serving(moto, tmp_path, roles=roles) as account:
        assert account.answer("who") == "role-of-who-is-missing"
        roles.add(ROLE)
        assert account.answer("who") == "who-session"


def test_the_end_of_a_log_is_returned_to_those_who_ask(account: Account) -> None:
    code = "def handler(event, context):\n    print('x' * event['n'], 'last words')\n    return 1"
    packed = {"ZipFile": zipped({"app.py": code})}
    account.functions.create_function(**basic("talks", Code=packed))

    def log(n: int, **members: str) -> str:
        payload = json.dumps({"n": n})
        answer = account.functions.invoke(FunctionName="talks", Payload=payload, **members)
        return base64.b64decode(answer.get("LogResult", "")).decode()

    assert log(1) == ""
    for n in (1, 2):
        text = log(n, LogType="Tail")
        assert text.startswith("START RequestId: ")
        assert f"\n{'x' * n} last words\n" in text
        assert text.count("REPORT RequestId: ") == 1
    long = log(5000, LogType="Tail")
    assert len(long) == 4096
    assert "last words" in long
