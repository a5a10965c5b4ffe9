"""samconfig.toml and the command line are read as SAM reads them."""

import tomllib
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from kennel.deployment import SAMCONFIG, read
from kennel.errors import KennelError
from kennel.paths import TEMPLATE

CONFIG = """
version = 0.1
[default.global.parameters]
stack_name = "kennel-dev"
region = "eu-west-1"
[default.deploy.parameters]
parameter_overrides = ["EndpointName=kennel-dev", "MaxInstances=2"]
[text.deploy.parameters]
stack_name = "in-a-string"
parameter_overrides = 'EndpointName=kennel-text LogLevel="DEBUG"'
[nameless.deploy.parameters]
"""


@pytest.fixture
def samconfig(tmp_path: Path) -> Path:
    file = tmp_path / "samconfig.toml"
    file.write_text(CONFIG)
    return file


def test_an_environment_of_the_file(samconfig: Path) -> None:
    deployment = read("default", samconfig=samconfig)
    assert (deployment.stack_name, deployment.region) == ("kennel-dev", "eu-west-1")
    assert deployment.endpoint_name == "kennel-dev"
    assert deployment.number("MaxInstances") == 2
    assert deployment.number("MinInstances") == 1  # the template's default
    assert deployment.stack.outputs["EndpointName"] == "kennel-dev"


def test_overrides_in_a_string(samconfig: Path) -> None:
    deployment = read("text", samconfig=samconfig)
    assert deployment.stack_name == "in-a-string"
    assert (deployment.endpoint_name, deployment.parameters["LogLevel"]) == ("kennel-text", "DEBUG")


def test_the_command_line_replaces_the_whole_list(samconfig: Path) -> None:
    deployment = read("default", ["MinInstances=2 MaxInstances=3"], samconfig=samconfig, region="x")
    assert (deployment.number("MinInstances"), deployment.number("MaxInstances")) == (2, 3)
    assert deployment.endpoint_name == "kennel"  # as SAM would: without the file's own override
    assert deployment.region == "x"


def test_no_environment_is_what_kennel_up_runs(samconfig: Path) -> None:
    assert read(None, samconfig=samconfig).stack_name == "kennel"


def test_a_stacks_name_is_enough_where_the_file_has_no_default() -> None:
    """As for SAM, which takes a missing `default` for one without options."""
    deployment = read(stack_name="small")
    assert (deployment.stack_name, deployment.endpoint_name) == ("small", "kennel")
    with pytest.raises(KennelError, match=r"has no environment default: .*; name one by --config"):
        read()
    with pytest.raises(KennelError, match="has no environment staging"):
        read("staging", stack_name="small")


def test_the_repositorys_own_file_says_each_thing_once() -> None:
    """Beside what each deployment needs said: `dev` and `prod` differ in all the rest."""
    config = tomllib.loads(SAMCONFIG.read_text())
    assert config.pop("version") == 0.1
    dev, prod = (config.pop(env) for env in ("dev", "prod"))
    assert config == {}
    shared = {"capabilities": "CAPABILITY_IAM", "resolve_s3": True}
    for command in (dev, prod):
        assert set(command) == {"global", "deploy"}
        options = command["deploy"]["parameters"]
        assert options.items() >= shared.items()
        defaults = yaml_parse(TEMPLATE.read_text())["Parameters"]
        for each in options["parameter_overrides"]:
            name, _, value = each.partition("=")
            assert value != str(defaults[name]["Default"]), f"{each} is the template's default"


def test_dev_and_prod() -> None:
    dev, prod = read("dev"), read("prod")
    assert (dev.stack_name, dev.endpoint_name) == ("kennel-dev", "kennel-dev")
    assert (prod.stack_name, prod.endpoint_name) == ("kennel", "kennel")
    assert dev.parameters["ReservedConcurrency"] == "0"  # a new account can reserve none
    assert prod.number("MinInstances") == 2  # one stands in one zone


@pytest.mark.parametrize(
    ("env", "overrides", "sentence"),
    [
        ("staging", [], "samconfig.toml has no environment staging: it has default, text"),
        ("nameless", [], "no stack_name for nameless: give --stack-name"),
        ("default", ["EndpointName"], "a parameter is 'EndpointName': expected Name=Value"),
        ("default", ["EndpointNam=x"], "unknown template parameter EndpointNam"),
        ("default", ["EndpointName=Kennel"], "EndpointName is 'Kennel': lower-case letters"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    env: str, overrides: list[str], sentence: str, samconfig: Path
) -> None:
    with pytest.raises(KennelError, match=sentence.replace("(", r"\(")):
        read(env, overrides, samconfig=samconfig)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(KennelError, match="cannot read"):
        read(samconfig=tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[default")
    with pytest.raises(KennelError, match="is no TOML"):
        read(samconfig=broken)
