"""Service Quotas for SageMaker: a quota for each instance type and use; moto has none of them.

The names are the service's, the instance types botocore's. Codes are made up, since an account
tells no others, and every value is the same: this machine has no quota but its size.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.runtime.errors import refusal
from kennel.cloud.runtime.shapes import service_model

#: Use in a quota's name -> botocore's enumeration of the instance types that it has one for.
_USES = {
    "endpoint usage": "ProductionVariantInstanceType",
    "training job usage": "TrainingInstanceType",
    "transform job usage": "TransformInstanceType",
}
VALUE = 100.0
_PAGE = 100
_JSON_TYPE = "application/x-amz-json-1.1"

Json = dict[str, Any]


class Quotas:
    """Answers ListServiceQuotas and GetServiceQuota, and their AWSDefault twins.

    Parameters
    ----------
    values
        By a quota's name, where it is not VALUE.
    """

    def __init__(self, values: Mapping[str, float] | None = None) -> None:
        self._quotas = list(_quotas(values or {}))

    async def answer(self, request: Request) -> Response:
        """Answer a call to the service `servicequotas`."""
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        given: Json = json.loads(await request.body() or b"{}")
        wanted = [each for each in self._quotas if each["ServiceCode"] == given.get("ServiceCode")]
        answer: Json
        match operation:
            case "ListServiceQuotas" | "ListAWSDefaultServiceQuotas":
                first = int(given.get("NextToken", 0))
                last = first + int(given.get("MaxResults", _PAGE))
                answer = {"Quotas": wanted[first:last]}
                if last < len(wanted):
                    answer["NextToken"] = str(last)
            case "GetServiceQuota" | "GetAWSDefaultServiceQuota":
                found = [each for each in wanted if each["QuotaCode"] == given.get("QuotaCode")]
                if not found:
                    message = f"The request failed because the quota {given} does not exist"
                    return refusal("servicequotas", "NoSuchResourceException", message)
                answer = {"Quota": found[0]}
            case _:
                message = f"the offline cloud has no Service Quotas call {operation}"
                return refusal("servicequotas", "NotImplementedOffline", message, 501)
        return JSONResponse(answer, media_type=_JSON_TYPE)


def _quotas(values: Mapping[str, float]) -> Iterator[Json]:
    for use, shape in _USES.items():
        for instance_type in service_model("sagemaker").shape_for(shape).enum:
            name = f"{instance_type} for {use}"
            code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
            yield {
                "ServiceCode": "sagemaker",
                "ServiceName": "Amazon SageMaker",
                "QuotaArn": f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:sagemaker/{code}",
                "QuotaCode": code,
                "QuotaName": name,
                "Value": values.get(name, VALUE),
                "Unit": "None",
                "Adjustable": True,
                "GlobalQuota": False,
            }
