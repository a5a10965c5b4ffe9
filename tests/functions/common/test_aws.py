import pytest
from botocore.exceptions import ClientError

from common.aws import code_of, connect


def test_client_has_limits_of_its_own() -> None:
    client = connect("sagemaker-runtime", "eu-west-1", read_timeout_s=65, attempts=1)
    assert client.meta.region_name == "eu-west-1"
    assert client.meta.config.read_timeout == 65
    assert client.meta.config.connect_timeout == 3
    assert client.meta.config.retries == {"mode": "standard", "total_max_attempts": 1}


@pytest.mark.parametrize(
    ("response", "code"),
    [({"Error": {"Code": "ValidationException"}}, "ValidationException"), ({}, "")],
)
def test_code_of_a_refusal(response: dict[str, dict[str, str]], code: str) -> None:
    assert code_of(ClientError(response, "DescribeEndpoint")) == code
