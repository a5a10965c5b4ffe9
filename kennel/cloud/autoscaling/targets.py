"""Scalable targets and policies of endpoint variants, in moto, and the alarms of a policy.

The alarms have AWS's names and settings: for the metrics of a minute three points above the
target and fifteen below nine tenths of it, for the one of ten seconds as many minutes of those.
"""

import asyncio
import re
import uuid

from kennel.cloud.runtime.clients import Clients
from kennel.cloud.runtime.store import Json, Store

NAMESPACE = "sagemaker"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")

OUT_POINTS, IN_SECONDS, IN_SHARE = 3, 900, 0.9

#: PredefinedMetricType -> (metric, statistic, period in seconds)
PREDEFINED = {
    "SageMakerVariantInvocationsPerInstance": ("InvocationsPerInstance", "Sum", 60),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": (
        "ConcurrentRequestsPerModel",
        "Average",
        10,
    ),
}


class ScalableTargets:
    """The scalable targets and their policies, in moto; the store keeps them for a restart.

    Parameters
    ----------
    client
        Gives boto3 clients of moto, by service.
    """

    def __init__(self, client: Clients, store: Store) -> None:
        self._scaling = client("application-autoscaling")
        self._cloudwatch = client("cloudwatch")
        self._store = store

    async def restore(self) -> None:
        """Register the targets and policies of an earlier run."""
        for target in self._store.all("scalable-target"):
            await self.call("register_scalable_target", target)
        for policy in self._store.all("scaling-policy"):
            await self.put_policy(policy)

    async def call(self, operation: str, parameters: Json) -> Json:
        """Make a call to moto's Application Auto Scaling."""
        answer: Json = await asyncio.to_thread(getattr(self._scaling, operation), **parameters)
        answer.pop("ResponseMetadata", None)
        return answer

    async def register(self, parameters: Json) -> Json:
        """RegisterScalableTarget; a call without capacities keeps the registered ones."""
        answer = await self.call("register_scalable_target", parameters)
        registered = self._store.get("scalable-target", parameters["ResourceId"]) or {}
        self._store.put("scalable-target", parameters["ResourceId"], registered | parameters)
        return answer

    async def deregister(self, parameters: Json) -> Json:
        """DeregisterScalableTarget: policies, their alarms and scheduled actions go with it."""
        answer = await self.call("deregister_scalable_target", parameters)
        self._store.delete("scalable-target", parameters["ResourceId"])
        for action in self.actions(parameters["ResourceId"]):
            self.delete_action(action["ResourceId"], action["ScheduledActionName"])
        for policy in await self.policies(parameters["ResourceId"]):
            named = {
                key: policy[key]
                for key in ("PolicyName", "ServiceNamespace", "ResourceId", "ScalableDimension")
            }
            await self.delete_policy(named)
        return answer

    async def target(self, resource_id: str) -> Json | None:
        """Return the scalable target of a variant."""
        answer = await self.call(
            "describe_scalable_targets",
            {"ServiceNamespace": NAMESPACE, "ResourceIds": [resource_id]},
        )
        return next(iter(answer["ScalableTargets"]), None)

    async def policies(self, resource_id: str | None = None) -> list[Json]:
        """Return the policies, with their alarms."""
        answer = await self.call("describe_scaling_policies", {"ServiceNamespace": NAMESPACE})
        kept = [
            each for each in answer["ScalingPolicies"] if resource_id in {None, each["ResourceId"]}
        ]
        for each in kept:
            each["Alarms"] = await self._alarms(each["PolicyARN"])
        return kept

    async def put_policy(self, parameters: Json) -> Json:
        """PutScalingPolicy, with the alarms that AWS makes for it."""
        await self._drop_alarms(parameters["ResourceId"], parameters["PolicyName"])
        answer = await self.call("put_scaling_policy", parameters)
        for alarm in _alarms_of(parameters, answer["PolicyARN"]):
            await asyncio.to_thread(self._cloudwatch.put_metric_alarm, **alarm)
        self._store.put("scaling-policy", _key(parameters), parameters)
        return {**answer, "Alarms": await self._alarms(answer["PolicyARN"])}

    async def delete_policy(self, parameters: Json) -> Json:
        """DeleteScalingPolicy, with its alarms."""
        await self._drop_alarms(parameters["ResourceId"], parameters["PolicyName"])
        self._store.delete("scaling-policy", _key(parameters))
        return await self.call("delete_scaling_policy", parameters)

    def actions(self, resource_id: str | None = None) -> list[Json]:
        """Return the scheduled actions, which moto does not run."""
        stored = self._store.all("scheduled-action")
        return [each for each in stored if resource_id in {None, each["ResourceId"]}]

    def action(self, resource_id: str, name: str) -> Json | None:
        """Return a scheduled action; None when there is none of that name."""
        return self._store.get("scheduled-action", f"{resource_id} {name}")

    def put_action(self, action: Json) -> None:
        """Store a scheduled action."""
        key = f"{action['ResourceId']} {action['ScheduledActionName']}"
        self._store.put("scheduled-action", key, action)

    def delete_action(self, resource_id: str, name: str) -> None:
        """Delete a scheduled action."""
        self._store.delete("scheduled-action", f"{resource_id} {name}")

    async def variants(self, endpoint: str) -> set[str]:
        """Return the variants of an endpoint that are registered."""
        return {variant for name, variant in await self._registered() if name == endpoint}

    async def forget(self, endpoint: str) -> None:
        """Deregister an endpoint's variants, as its deletion does on AWS."""
        for variant in await self.variants(endpoint):
            await self.deregister(
                {
                    "ServiceNamespace": NAMESPACE,
                    "ResourceId": f"endpoint/{endpoint}/variant/{variant}",
                    "ScalableDimension": DIMENSION,
                }
            )

    async def _registered(self) -> list[tuple[str, str]]:
        answer = await self.call("describe_scalable_targets", {"ServiceNamespace": NAMESPACE})
        matches = (RESOURCE.fullmatch(each["ResourceId"]) for each in answer["ScalableTargets"])
        return [(match[1], match[2]) for match in matches if match]

    async def _alarms(self, policy_arn: str) -> list[Json]:
        answer = await asyncio.to_thread(self._cloudwatch.describe_alarms, ActionPrefix=policy_arn)
        return [
            {"AlarmName": each["AlarmName"], "AlarmARN": each["AlarmArn"]}
            for each in answer["MetricAlarms"]
        ]

    async def _drop_alarms(self, resource_id: str, policy_name: str) -> None:
        for policy in await self.policies(resource_id):
            if policy["PolicyName"] == policy_name:
                names = [each["AlarmName"] for each in policy["Alarms"]]
                await asyncio.to_thread(self._cloudwatch.delete_alarms, AlarmNames=names)


def metric_of(policy: Json) -> tuple[Json, int]:
    """Return a policy's metric as parameters of PutMetricAlarm, and its period in seconds.

    Raises
    ------
    KeyError
        For a metric that is not emulated.
    """
    settings = policy["TargetTrackingScalingPolicyConfiguration"]
    if "PredefinedMetricSpecification" in settings:
        metric_type = settings["PredefinedMetricSpecification"]["PredefinedMetricType"]
        name, statistic, period = PREDEFINED[metric_type]
        match = RESOURCE.fullmatch(policy["ResourceId"])
        assert match  # noqa: S101 - a target with another id is never registered
        dimensions = {"EndpointName": match[1], "VariantName": match[2]}
        return {
            "Namespace": "AWS/SageMaker",
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Statistic": statistic,
        }, period
    custom = settings["CustomizedMetricSpecification"]
    return {
        "Namespace": custom["Namespace"],
        "MetricName": custom["MetricName"],
        "Dimensions": custom.get("Dimensions", []),
        "Statistic": custom["Statistic"],
    }, 60


def _alarms_of(policy: Json, policy_arn: str) -> list[Json]:
    settings = policy["TargetTrackingScalingPolicyConfiguration"]
    metric, period = metric_of(policy)
    target = settings["TargetValue"]
    sides = [("High", "GreaterThanThreshold", OUT_POINTS, target)]
    if not settings.get("DisableScaleIn"):
        sides.append(("Low", "LessThanThreshold", IN_SECONDS // period, IN_SHARE * target))
    return [
        {
            **metric,
            "AlarmName": f"TargetTracking-{policy['ResourceId']}-Alarm{side}-{uuid.uuid4()}",
            "AlarmDescription": "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy "
            f"{policy_arn}.",
            "AlarmActions": [policy_arn],
            "Period": period,
            "EvaluationPeriods": points,
            "ComparisonOperator": comparison,
            "Threshold": threshold,
        }
        for side, comparison, points, threshold in sides
    ]


def _key(policy: Json) -> str:
    return f"{policy['ResourceId']} {policy['PolicyName']}"
