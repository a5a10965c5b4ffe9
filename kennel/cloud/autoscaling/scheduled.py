"""Scheduled actions of scalable targets: kept in the store, run by the offline clock.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scheduled-scaling.html
"""

import asyncio
import uuid
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kennel.cloud.autoscaling.scaler import Scaler
from kennel.cloud.autoscaling.targets import ScalableTargets
from kennel.cloud.cloudformation.names import ACCOUNT, REGION
from kennel.cloud.eventbridge.schedules import next_time
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError, not_implemented
from kennel.cloud.runtime.store import Json
from kennel.errors import CannotStart

_LOOK_SECONDS = 0.5  # real ones, between two looks for actions that are due


class ScheduledActions:
    """Answers the calls about scheduled actions, and runs them."""

    def __init__(self, targets: ScalableTargets, scaler: Scaler, clock: Clock) -> None:
        self._targets = targets
        self._scaler = scaler
        self._clock = clock
        #: Variants to bring within new limits once their endpoint is InService, and why.
        self._waiting: dict[str, str] = {}

    async def put(self, parameters: Json) -> Json:
        """PutScheduledAction: create an action, or change what is given of it."""
        for member in {"StartTime", "EndTime"} & set(parameters):
            raise not_implemented(f"the offline cloud does not emulate {member} of an action")
        resource_id = parameters["ResourceId"]
        if await self._targets.target(resource_id) is None:
            raise ServiceError(
                "ObjectNotFoundException",
                f"No scalable target registered for resource ID: {resource_id}",
            )
        name = parameters["ScheduledActionName"]
        now = self._clock.now()
        new = {
            "ScheduledActionARN": f"arn:aws:autoscaling:{REGION}:{ACCOUNT}:scheduledAction:"
            f"{uuid.uuid4()}:resource/sagemaker/{resource_id}:scheduledActionName/{name}",
            "CreationTime": now,
        }
        action: Json = new | (self._targets.action(resource_id, name) or {}) | parameters
        capacity = action.get("ScalableTargetAction") or {}
        least, most = capacity.get("MinCapacity"), capacity.get("MaxCapacity")
        if least is None and most is None:
            raise _invalid("Min or max capacity must be specified in ScalableTargetAction.")
        if least is not None and most is not None and least > most:
            raise _invalid("MinCapacity must be at most MaxCapacity.")
        try:
            _next(action, now)
        except (ZoneInfoNotFoundError, ValueError) as error:  # before KeyError, which it is
            raise _invalid(f"Invalid time zone: {action.get('Timezone')}") from error
        except (CannotStart, KeyError) as error:
            raise _invalid(f"Invalid schedule: {error}") from error
        self._targets.put_action(action)
        return {}

    async def delete(self, parameters: Json) -> Json:
        """DeleteScheduledAction."""
        resource_id, name = parameters["ResourceId"], parameters["ScheduledActionName"]
        if self._targets.action(resource_id, name) is None:
            raise ServiceError("ObjectNotFoundException", f"No scheduled action found: {name}")
        self._targets.delete_action(resource_id, name)
        return {}

    async def describe(self, parameters: Json) -> Json:
        """DescribeScheduledActions."""
        names = parameters.get("ScheduledActionNames")
        actions = self._targets.actions(parameters.get("ResourceId"))
        kept = [each for each in actions if not names or each["ScheduledActionName"] in names]
        return {"ScheduledActions": kept}

    async def run(self) -> None:
        """Run the actions at their times, until cancelled."""
        since = self._clock.now()
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = self._clock.now()
            await self.run_due(since, now)
            since = now

    async def run_due(self, since: float, now: float) -> None:
        """Run the actions that are due after `since` and until `now`, the earliest first."""
        while True:
            times = [
                (moment, each)
                for each in self._targets.actions()
                if (moment := _next(each, max(since, each["CreationTime"]))) is not None
                and moment <= now
            ]
            if not times:
                return await self._scale()
            since = min(moment for moment, _ in times)
            for moment, each in times:
                if moment == since:
                    await self._run(each)

    async def _run(self, action: Json) -> None:
        """Set the target's capacities."""
        resource_id = action["ResourceId"]
        named = ("ServiceNamespace", "ResourceId", "ScalableDimension")
        capacity = action["ScalableTargetAction"]
        await self._targets.register({**{key: action[key] for key in named}, **capacity})
        self._waiting[resource_id] = f"scheduled action name {action['ScheduledActionName']}"

    async def _scale(self) -> None:
        for resource_id, cause in list(self._waiting.items()):
            variant = await self._scaler.variant(resource_id)
            if variant is None or variant.status == "InService":
                del self._waiting[resource_id]
                await self._scaler.keep_within_limits(resource_id, cause)


def _next(action: Json, after: float) -> float | None:
    """Return when an action runs next after the Unix time `after`; None for never."""
    schedule, zone = action["Schedule"], action.get("Timezone", "UTC")
    ZoneInfo(zone)
    if not schedule.startswith("rate("):
        return next_time(schedule, after, zone)
    created = action["CreationTime"]
    period = (next_time(schedule, created) or created) - created
    return float(created + period * ((after - created) // period + 1))


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)
