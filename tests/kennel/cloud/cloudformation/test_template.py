from pathlib import Path

import pytest

from kennel.cloud.cloudformation.template import Stack, load
from kennel.errors import CannotStart
from kennel.paths import TEMPLATE

SMALL = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Size: {{Type: Number, Default: 5, MinValue: 0, MaxValue: 9}}
  Name: {{Type: String, Default: kennel, AllowedPattern: "[a-z]+"}}
  Colour: {{Type: String, Default: red, AllowedValues: [red, blue]}}
Resources:
  {resource}
Outputs:
  Where: {{Value: !Ref Thing}}
"""


def write(folder: Path, resource: str) -> Path:
    file = folder / "template.yaml"
    file.write_text(SMALL.format(resource=resource))
    return file


BUCKET = "Thing: {Type: AWS::S3::Bucket}"


@pytest.fixture(scope="module")
def stack() -> Stack:
    return load(TEMPLATE, {}, "kennel")


def test_the_projects_template_comes_out_whole(stack: Stack) -> None:
    assert {"ApiUrl", "ApiKeyId", "StateMachineArn", "BucketName"} <= set(stack.outputs)
    assert "{" not in stack.outputs["StateMachineArn"]
    (classify,) = [
        each for each in stack.of_type("AWS::Lambda::Function") if "Classify" in each.logical_id
    ]
    assert classify.properties["ReservedConcurrentExecutions"] == "5"
    assert stack.resources["ClassifyRole"].arn == classify.properties["Role"]


def test_no_intrinsic_function_is_left(stack: Stack) -> None:
    # The state machine's definition is a text of its own, full of ${...} until it is deployed.
    plain = [each for each in stack.resources.values() if "StateMachine" not in each.type]
    texts = [repr(each.properties) for each in plain]
    assert not [text for text in texts if "'Ref'" in text or "Fn::" in text]


def test_unreserved_concurrency_leaves_the_property_out() -> None:
    stack = load(TEMPLATE, {"ReservedConcurrency": "0"}, "kennel")
    properties = stack.resources["ClassifyFunction"].properties
    assert "ReservedConcurrentExecutions" not in properties


def test_a_type_that_nobody_runs_stops_the_start(tmp_path: Path) -> None:
    template = write(tmp_path, "Thing: {Type: AWS::Kinesis::Stream}")
    with pytest.raises(CannotStart, match="AWS::Kinesis::Stream"):
        load(template, {}, "kennel")


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"Sise": "5"}, "unknown template parameter Sise: known are Size, Name, Colour"),
        ({"Size": "10"}, "Size is '10': expected a number from 0 to 9"),
        ({"Size": "many"}, "Size is 'many': expected a number from 0 to 9"),
        ({"Name": "Kennel"}, r"Name is 'Kennel': expected \[a-z\]\+"),
        ({"Colour": "green"}, "Colour is 'green': expected one of red, blue"),
    ],
)
def test_a_wrong_parameter_is_refused_as_cloudformation_would(
    tmp_path: Path, parameters: dict[str, str], sentence: str
) -> None:
    with pytest.raises(CannotStart, match=sentence):
        load(write(tmp_path, BUCKET), parameters, "kennel")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="cannot read the template"):
        load(tmp_path / "absent.yaml", {}, "kennel")


def test_a_reference_to_nothing_is_named(tmp_path: Path) -> None:
    resource = "Thing: {Type: AWS::S3::Bucket, Properties: {BucketName: !Ref Nothing}}"
    with pytest.raises(CannotStart, match="Nothing, which it does not define"):
        load(write(tmp_path, resource), {}, "kennel")


def test_a_buckets_made_up_name_is_lower_case(tmp_path: Path) -> None:
    assert load(write(tmp_path, BUCKET), {}, "kennel").outputs["Where"] == "kennel-thing"
