"""Compare SageMaker's quotas of this account and region with the instances of a release.

A new account has 0 for most instance types, and SageMaker reports that only when a job or an
endpoint is created. Quotas are matched by name: the code differs for each instance type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_service_quotas.client import ServiceQuotasClient

__all__ = ["quota_problems"]


def quota_problems(quotas: ServiceQuotasClient, needed: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence for each quota that is too small; one that AWS does not list is ignored.

    Parameters
    ----------
    needed
        Name of a quota, such as "ml.c5.large for endpoint usage" -> number of instances.
    """
    pages = quotas.get_paginator("list_service_quotas").paginate(
        ServiceCode="sagemaker", PaginationConfig={"PageSize": 100}
    )
    values = {quota["QuotaName"]: quota["Value"] for page in pages for quota in page["Quotas"]}
    for name, count in needed.items():
        if name in values and values[name] < count:
            yield (
                f"The quota {name!r} is {values[name]:g} and this may need {count}: ask for more "
                "at Service Quotas > Amazon SageMaker, or choose another instance type."
            )
