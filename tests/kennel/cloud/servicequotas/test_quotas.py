from typing import Any

import pytest

from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.servicequotas.quotas import VALUE, Quotas

SPOT = "ml.c5.large for endpoint usage"
QUOTAS = Quotas({SPOT: 0.0})


def call(operation: str, **parameters: Any) -> Any:
    return QUOTAS.answer(ApiCall("service-quotas", operation, parameters))


def test_each_instance_type_has_a_quota_for_each_use() -> None:
    quotas: dict[str, Any] = {}
    token: dict[str, str] | None = {}
    while token is not None:
        page = call("ListServiceQuotas", ServiceCode="sagemaker", **token)
        assert len(page["Quotas"]) <= 100
        quotas |= {each["QuotaName"]: each for each in page["Quotas"]}
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert quotas[SPOT]["Value"] == 0
    assert quotas["ml.m5.large for training job usage"]["Value"] == VALUE
    assert quotas["Memory size in MB per serverless endpoint"]["Value"] == 6144
    code = quotas[SPOT]["QuotaCode"]
    one = call("GetServiceQuota", ServiceCode="sagemaker", QuotaCode=code)
    assert one["Quota"] == quotas[SPOT]


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("GetServiceQuota", "NoSuchResourceException"),
        ("RequestServiceQuotaIncrease", "NotImplementedOffline"),
    ],
)
def test_what_is_missing_is_refused(operation: str, code: str) -> None:
    with pytest.raises(ServiceError) as raised:
        call(operation, ServiceCode="sagemaker", QuotaCode="L-1")
    assert raised.value.code == code
