"""Service Quotas: SageMaker's for each instance type and use, CodeBuild's for small machines.

moto has none of them. The names are the services', the instance types botocore's. Codes are made
up, since AWS documents none of them, and nearly every value is the same unless the cloud is started
with others: this machine has no quota but its size.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.runtime.service_models import service_model

#: Use in a quota's name -> botocore's enumeration of the instance types that it has one for.
_USES = {
    "endpoint usage": "ProductionVariantInstanceType",
    "training job usage": "TrainingInstanceType",
    "transform job usage": "TransformInstanceType",
}
#: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
_SERVERLESS = {
    "Memory size in MB per serverless endpoint": 6144.0,
    "Maximum total concurrency that can be allocated across all serverless endpoints": 1000.0,
}
BUILDS = "Concurrently running builds for Linux/Small environment"
_SERVICES = {"sagemaker": "Amazon SageMaker", "codebuild": "AWS CodeBuild"}
VALUE = 100.0
_PAGE = 100

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

    def value(self, name: str) -> float:
        """Return the value of the quota of this name."""
        return next(float(each["Value"]) for each in self._quotas if each["QuotaName"] == name)

    def answer(self, call: ApiCall) -> Json:
        """Answer a call to the service `service-quotas`.

        Raises
        ------
        ServiceError
            For a quota that does not exist, and for any other call.
        """
        parameters = call.parameters
        code = parameters.get("ServiceCode")
        quotas = [each for each in self._quotas if each["ServiceCode"] == code]
        match call.operation:
            case "ListServiceQuotas" | "ListAWSDefaultServiceQuotas":
                return _page(quotas, parameters)
            case "GetServiceQuota" | "GetAWSDefaultServiceQuota":
                return {"Quota": _quota(quotas, parameters)}
        name = f"servicequotas:{call.operation}"
        raise not_implemented(f"the offline cloud does not emulate {name}")


def _page(quotas: list[Json], parameters: Json) -> Json:
    token = parameters.get("NextToken", "0")
    if not token.isdecimal():
        raise ServiceError("InvalidPaginationTokenException", f"Invalid pagination token: {token}")
    first = int(token)
    last = first + int(parameters.get("MaxResults", _PAGE))
    page: Json = {"Quotas": quotas[first:last]}
    return {**page, "NextToken": str(last)} if last < len(quotas) else page


def _quota(quotas: list[Json], parameters: Json) -> Json:
    for each in quotas:
        if each["QuotaCode"] == parameters.get("QuotaCode"):
            return each
    message = f"The request failed because the quota {parameters} does not exist"
    raise ServiceError("NoSuchResourceException", message)


def _quotas(values: Mapping[str, float]) -> Iterator[Json]:
    shapes = service_model("sagemaker")
    for use, shape in _USES.items():
        for instance_type in shapes.shape_for(shape).enum:
            yield _described("sagemaker", f"{instance_type} for {use}", values)
    for name in _SERVERLESS:
        yield _described("sagemaker", name, {**_SERVERLESS, **values})
    yield _described("codebuild", BUILDS, values)


def _described(service: str, name: str, values: Mapping[str, float]) -> Json:
    code = f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"
    return {
        "ServiceCode": service,
        "ServiceName": _SERVICES[service],
        "QuotaArn": f"arn:aws:servicequotas:{REGION}:{ACCOUNT}:{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": values.get(name, VALUE),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
