"""Application Auto Scaling's API for endpoint variants, in front of moto's.

Step scaling and other services' targets are not emulated.
"""

from collections.abc import Awaitable, Callable

from botocore.exceptions import ClientError, ParamValidationError
from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.autoscaling.scaler import ScalableEndpoints, Scaler
from kennel.cloud.autoscaling.scheduled import ScheduledActions
from kennel.cloud.autoscaling.targets import (
    DIMENSION,
    NAMESPACE,
    RESOURCE,
    ScalableTargets,
    metric_of,
)
from kennel.cloud.cloudwatch.alarms import Alarms
from kennel.cloud.runtime.clock import Clock
from kennel.cloud.runtime.errors import ServiceError, error_response
from kennel.cloud.runtime.json_text import AmzJson, read_parameters
from kennel.cloud.runtime.store import Json

_SERVICE = "application-autoscaling"
_TARGET_PREFIX = "AnyScaleFrontendService."


class ScalingService:
    """Answers the calls of Application Auto Scaling.

    Attributes
    ----------
    scaler
        Scales when the policies' alarms go off.
    scheduled
        Runs scheduled actions.
    """

    def __init__(
        self, targets: ScalableTargets, endpoints: ScalableEndpoints, alarms: Alarms, clock: Clock
    ) -> None:
        self.scaler = Scaler(targets, endpoints, alarms, clock)
        self.scheduled = ScheduledActions(targets, self.scaler, clock)
        self._targets = targets
        self._endpoints = endpoints

    async def answer(self, request: Request) -> Response:
        """Answer a call to the service `application-autoscaling`."""
        operation = request.headers.get("x-amz-target", "").removeprefix(_TARGET_PREFIX)
        actions: dict[str, Callable[[Json], Awaitable[Json]]] = {
            "RegisterScalableTarget": self._register,
            "DeregisterScalableTarget": self._targets.deregister,
            "DescribeScalableTargets": self._describe_targets,
            "PutScalingPolicy": self._put_policy,
            "DeleteScalingPolicy": self._targets.delete_policy,
            "DescribeScalingPolicies": self._describe_policies,
            "DescribeScalingActivities": self._describe_activities,
            "PutScheduledAction": self.scheduled.put,
            "DeleteScheduledAction": self.scheduled.delete,
            "DescribeScheduledActions": self.scheduled.describe,
        }
        try:
            if operation not in actions:
                raise _not_emulated(f"application-autoscaling:{operation}")
            parameters = read_parameters(await request.body())
            if (namespace := parameters.get("ServiceNamespace")) != NAMESPACE:
                raise _not_emulated(f"application-autoscaling for the service {namespace}")
            answer = await actions[operation](parameters)
        except ServiceError as error:
            return error_response(_SERVICE, error)
        except ParamValidationError as error:
            return error_response(_SERVICE, ServiceError("ValidationException", str(error)))
        except ClientError as error:
            refused = error.response["Error"]
            refusal = ServiceError(refused["Code"], refused["Message"])
            return error_response(_SERVICE, refusal)
        return AmzJson(answer)

    async def _register(self, parameters: Json) -> Json:
        """RegisterScalableTarget: the variant must be there, and is brought within the limits."""
        resource_id = parameters.get("ResourceId", "")
        if not RESOURCE.fullmatch(resource_id) or parameters.get("ScalableDimension") != DIMENSION:
            raise _invalid("Unsupported service namespace, resource type or scalable dimension")
        before = await self._targets.target(resource_id) or {}
        least = parameters.get("MinCapacity", before.get("MinCapacity"))
        most = parameters.get("MaxCapacity", before.get("MaxCapacity"))
        if least is None or most is None:
            raise _invalid("MinCapacity and MaxCapacity are required to register a new target.")
        if not 1 <= least <= most:
            raise _invalid(
                f"MinCapacity ({least}) must be 1 or more and at most MaxCapacity ({most})."
            )
        variant = await self.scaler.variant(resource_id)
        if variant is None:
            raise _invalid(f"SageMaker endpoint variant doesn't exist: {resource_id}")
        if not variant.desired:
            raise _invalid(f"A serverless variant has no instances to scale: {resource_id}")
        await self._refuse_t2(resource_id, variant.config)
        answer = await self._targets.register(parameters)
        await self.scaler.keep_within_limits(resource_id)
        return answer

    async def _refuse_t2(self, resource_id: str, config_name: str) -> None:
        """Refuse T2 instances, which have no automatic scaling.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
        """
        name = {"EndpointConfigName": config_name}
        try:
            config = await self._endpoints.describe_endpoint_config(name)
        except ServiceError:
            return  # the configuration was deleted meanwhile, as AWS allows
        for each in config["ProductionVariants"]:
            is_meant = resource_id.endswith(f"/{each['VariantName']}")
            if is_meant and (kind := each["InstanceType"]).startswith("ml.t2."):
                raise _invalid(f"The instance type {kind} does not support automatic scaling.")

    async def _put_policy(self, parameters: Json) -> Json:
        kind = parameters.get("PolicyType", "StepScaling")  # the service's own default
        if kind != "TargetTrackingScaling":
            raise _not_emulated(f"a scaling policy of type {kind}")
        resource_id = parameters.get("ResourceId", "")
        if await self._targets.target(resource_id) is None:
            raise ServiceError(
                "ObjectNotFoundException",
                f"No scalable target registered for service namespace: {NAMESPACE}, resource ID: "
                f"{resource_id}, scalable dimension: {parameters.get('ScalableDimension')}",
            )
        try:
            metric_of(parameters)
        except KeyError as error:
            raise _not_emulated(f"the metric of a target tracking policy: {error}") from error
        return await self._targets.put_policy(parameters)

    async def _describe_targets(self, parameters: Json) -> Json:
        return await self._targets.call("describe_scalable_targets", parameters)

    async def _describe_policies(self, parameters: Json) -> Json:
        names = parameters.get("PolicyNames")
        policies = await self._targets.policies(parameters.get("ResourceId"))
        kept = [each for each in policies if names is None or each["PolicyName"] in names]
        return {"ScalingPolicies": kept}

    async def _describe_activities(self, parameters: Json) -> Json:
        resource_id = parameters.get("ResourceId")
        newest_first = reversed(self.scaler.activities)
        kept = [each for each in newest_first if resource_id in {None, each["ResourceId"]}]
        return {"ScalingActivities": kept}


def _invalid(message: str) -> ServiceError:
    return ServiceError("ValidationException", message)


def _not_emulated(feature: str) -> ServiceError:
    message = f"the offline cloud does not emulate {feature}"
    return ServiceError("NotImplementedOffline", message, 501)
