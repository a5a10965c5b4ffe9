"""Clients are made for AWS, and its errors become one sentence each."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

from kennel.aws import connect, exists, is_about_credentials, reason, sentence
from kennel.errors import KennelError


def client_error(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeEndpoint")


@pytest.fixture
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.mark.usefixtures("no_configuration")
def test_a_client_has_the_region_given() -> None:
    assert connect("eu-west-1")("sts").meta.region_name == "eu-west-1"


@pytest.mark.usefixtures("no_configuration")
@pytest.mark.parametrize(
    ("profile", "problem"),
    [("", "no AWS region is set: give --region"), ("me", r"\(me\) could not be found: `aws conf")],
)
def test_a_missing_region_or_profile_is_one_sentence(profile: str, problem: str) -> None:
    with pytest.raises(KennelError, match=problem):
        connect(profile=profile)


def test_a_resource_exists_unless_the_error_code_says_it_does_not() -> None:
    def absent() -> None:
        raise client_error("ResourceNotFound")

    assert exists(dict)
    assert not exists(absent, "ValidationException", "ResourceNotFound")
    with pytest.raises(ClientError):
        exists(absent, "404")


def test_errors_about_credentials_say_how_to_log_in() -> None:
    for error in (NoCredentialsError(), client_error("ExpiredToken")):
        assert is_about_credentials(error)
        assert "aws sso login" in sentence(error)
    assert not is_about_credentials(client_error("AccessDenied"))
    assert "give --region" in sentence(NoRegionError())


def test_a_reason_is_code_and_message_on_one_line() -> None:
    assert reason(client_error("AccessDenied", "not\n  allowed.")) == "AccessDenied: not allowed"
    assert reason(client_error("404", "")) == "404"
