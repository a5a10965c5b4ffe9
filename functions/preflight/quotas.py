"""SageMaker's quotas of this account, in this region, against what the release will ask for.

A new account has 0 for most instance types, and SageMaker says so only when a job or an endpoint
is created. A quota is found by its name: its code is another one for each instance type.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

__all__ = ["Quotas", "quota_problems"]


class Quotas(Protocol):
    """What is needed of boto3's `service-quotas` client."""

    def list_service_quotas(self, **request: Any) -> dict[str, Any]:
        """Quotas of one service, a hundred at a time."""


def quota_problems(quotas: Quotas, needed: Mapping[str, int]) -> Iterator[str]:
    """Yield a sentence for each quota that is too small; one that AWS does not list is not.

    Parameters
    ----------
    needed
        Name of a quota, such as "ml.c5.large for endpoint usage", to the instances asked for.
    """
    found = {name: value for name, value in _all(quotas) if name in needed}
    for name, count in needed.items():
        if name in found and found[name] < count:
            yield (
                f"The quota {name!r} is {found[name]:g} and this may need {count}: ask for more at "
                "Service Quotas > Amazon SageMaker, or choose another instance type."
            )


def _all(quotas: Quotas) -> Iterator[tuple[str, float]]:
    more: dict[str, str] = {}
    while True:
        page = quotas.list_service_quotas(ServiceCode="sagemaker", MaxResults=100, **more)
        yield from ((each["QuotaName"], each["Value"]) for each in page["Quotas"])
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}
