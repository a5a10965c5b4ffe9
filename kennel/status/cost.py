"""Estimate what the endpoint has cost."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from kennel.planner.errors import PlanError
from kennel.planner.inputs.prices import Prices
from kennel.status.endpoint import Endpoint

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Cost:
    """An estimate of what the instances cost from `since` on; None in `usd` if there is none."""

    usd: float | None
    since: datetime | None
    basis: str


def estimate(endpoint: Endpoint, now: datetime, prices: Prices) -> Cost:
    """Estimate what the instances have cost this month, as if there had always been as many.

    AWS bills by the calendar month (UTC); an endpoint that is younger costs since it was created.
    """
    if endpoint.since is None:
        return Cost(0.0, None, "there is no endpoint")
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    since = max(endpoint.since.astimezone(now.tzinfo), month)
    if not endpoint.instance_type:
        return Cost(None, since, "a serverless endpoint costs by the call: see `kennel plan`")
    try:
        usd = prices.instance_hour(endpoint.instance_type)
    except PlanError as error:
        return Cost(None, since, str(error))
    hours = max((now - since) / _HOUR, 0.0)
    basis = (
        f"{endpoint.instances} x {endpoint.instance_type} for {hours:,.1f} h at {usd:.3f} USD "
        f"(us-east-1, {prices.date}); without instances that came and went, requests and storage"
    )
    return Cost(endpoint.instances * hours * usd, since, basis)
