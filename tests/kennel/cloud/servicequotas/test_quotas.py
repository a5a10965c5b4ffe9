from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from kennel.cloud.servicequotas.quotas import VALUE, Quotas

SPOT = "ml.c5.large for endpoint usage"


@pytest.fixture
def service() -> TestClient:
    quotas = Quotas({SPOT: 0.0})

    async def answer(request: Request) -> Response:
        return await quotas.answer(request)

    return TestClient(Starlette(routes=[Route("/", answer, methods=["POST"])]))


def call(service: TestClient, operation: str, **given: Any) -> Any:
    headers = {"x-amz-target": f"ServiceQuotasV20190624.{operation}"}
    return service.post("/", json=given, headers=headers)


def test_each_instance_type_has_a_quota_for_each_use(service: TestClient) -> None:
    found: dict[str, Any] = {}
    more: dict[str, str] = {}
    while more is not None:
        page = call(service, "ListServiceQuotas", ServiceCode="sagemaker", **more).json()
        assert len(page["Quotas"]) <= 100
        found |= {each["QuotaName"]: each for each in page["Quotas"]}
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert found[SPOT]["Value"] == 0
    assert found["ml.m5.large for training job usage"]["Value"] == VALUE
    code = found[SPOT]["QuotaCode"]
    one = call(service, "GetServiceQuota", ServiceCode="sagemaker", QuotaCode=code).json()
    assert one["Quota"] == found[SPOT]


def test_what_is_not_there_is_said(service: TestClient) -> None:
    unknown = call(service, "GetServiceQuota", ServiceCode="sagemaker", QuotaCode="L-1")
    assert unknown.json()["__type"] == "NoSuchResourceException"
    missing = call(service, "RequestServiceQuotaIncrease", ServiceCode="sagemaker")
    assert (missing.status_code, missing.json()["__type"]) == (501, "NotImplementedOffline")
