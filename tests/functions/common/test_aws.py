from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from common.aws import client_config, error_code


def test_client_has_explicit_time_outs_and_retries() -> None:
    config = client_config("eu-west-1", read_timeout_s=65, attempts=1)
    client = boto3.client("sagemaker-runtime", config=config)
    assert client.meta.region_name == "eu-west-1"
    used: Any = client.meta.config  # types-boto3 has none of its attributes
    assert used.read_timeout == 65
    assert used.connect_timeout == 3
    assert used.retries == {"mode": "standard", "total_max_attempts": 1}


@pytest.mark.parametrize(
    ("response", "code"),
    [({"Error": {"Code": "ValidationException"}}, "ValidationException"), ({}, "")],
)
def test_error_code(response: Any, code: str) -> None:
    assert error_code(ClientError(response, "DescribeEndpoint")) == code
