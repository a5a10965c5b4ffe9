"""The state that an alarm's datapoints amount to: M out of N, with missing data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_cloudwatch.literals import StateValueType

Json = dict[str, Any]


def state_of(
    breaches: Sequence[bool | None], periods: int, datapoints: int, missing: str
) -> "StateValueType | None":
    """Return an alarm's new state; None where it keeps the one it has.

    Parameters
    ----------
    breaches
        Whether each point breaches, oldest first, None where there is none; more of them than
        `periods` where CloudWatch looks further back.
    periods, datapoints
        N and M: ALARM when M of the last N points breach.
    missing
        TreatMissingData: missing, ignore, breaching or notBreaching.
    """
    real = [each for each in breaches if each is not None]
    if len(real) >= periods:
        return "ALARM" if sum(real[-periods:]) >= datapoints else "OK"
    lacking = periods - len(real)
    if missing in {"breaching", "notBreaching"}:
        breaching = sum(real) + lacking * (missing == "breaching")
        return "ALARM" if breaching >= datapoints else "OK"
    if sum(real) >= datapoints:
        return "ALARM"
    if not all(real):
        return "OK"
    if missing == "ignore" or not real:
        return None if missing == "ignore" else "INSUFFICIENT_DATA"
    # Only breaches, too few: they alarm once the oldest is as old as M points, no sooner.
    newest = breaches[-periods:]
    age = next((periods - n for n, each in enumerate(newest) if each), 0)
    return "ALARM" if age >= datapoints else None


def reason(state: str, points: Sequence[float | None], alarm: Json) -> str:
    """Return the StateReason of an alarm that goes into `state`."""
    if state == "INSUFFICIENT_DATA":
        return "Insufficient Data: no datapoints were received."
    real = [point for point in points[-alarm["EvaluationPeriods"] :] if point is not None]
    words = alarm["ComparisonOperator"].removesuffix("Threshold")
    verb = "were" if state == "ALARM" else "were not"
    return (
        f"Threshold Crossed: {len(real)} datapoint(s) {real} {verb} {words} "
        f"the threshold ({alarm['Threshold']})."
    )
