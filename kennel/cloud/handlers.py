"""The table of services that Kennel emulates itself, each with what answers its calls."""

from collections.abc import Awaitable, Callable, Container
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kennel.cloud.autoscaling.api import ScalingService
from kennel.cloud.awslambda.api import invoke
from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.codebuild.builds import OPERATIONS, ImageBuilds
from kennel.cloud.eventbridge.put_events import PutEvents
from kennel.cloud.gateway import Handler
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.requests import ApiCall
from kennel.cloud.moto_backend.proxy import S3, MotoProxy
from kennel.cloud.runtime.errors import ServiceError
from kennel.cloud.runtime.json_text import AmzJson
from kennel.cloud.runtime.service_models import service_model
from kennel.cloud.runtime.store import Store
from kennel.cloud.runtime.validation import broken_constraints
from kennel.cloud.sagemaker.protocol import SageMaker
from kennel.cloud.servicequotas.quotas import Quotas

#: The first words of calls that need no room in the store.
_NEEDS_NO_ROOM = (
    *("Delete", "Deregister", "Describe", "Get", "Invoke", "List", "Remove", "Stop", "Untag"),
)


def make_handlers(
    *,
    moto: MotoProxy,
    authorizer: Authorizer,
    functions: LambdaService,
    management: Handler,
    queue: AsynchronousInvocations,
    builds: ImageBuilds,
    sagemaker: SageMaker,
    scaling: ScalingService,
    percentiles: Handler,
    log_events: Handler,
    iam: Handler,
    sts: Handler,
    cloudformation: Handler,
    cloudcontrol: Handler,
    apigateway: Handler,
    put_events: PutEvents,
    quotas: Quotas,
) -> dict[str, Handler]:
    """Return the handlers by service, as boto3 names it; moto answers for every other one."""

    async def answer_invoke(request: Request, call: ApiCall) -> Response:
        return await invoke(request, call, functions, queue)

    metrics = {"GetMetricData", "GetMetricStatistics"}
    return {
        "apigateway": apigateway,
        "apigatewayv2": apigateway,
        "application-autoscaling": checked(by_request(scaling.answer)),
        "cloudcontrol": checked(cloudcontrol),
        "cloudformation": checked(cloudformation),
        "cloudwatch": by_operation(metrics, checked(percentiles), moto),
        "codebuild": by_operation(OPERATIONS, checked(by_request(builds.answer)), moto),
        "events": by_operation({"PutEvents"}, checked(as_json(put_events)), moto),
        "iam": checked(iam),
        "lambda": by_operation({"Invoke"}, answer_invoke, checked(management)),
        "logs": by_operation({"FilterLogEvents"}, checked(log_events), moto),
        "s3": S3(moto, authorizer),
        "sagemaker": by_request(sagemaker.answer),
        "sagemaker-runtime": by_request(sagemaker.answer),
        "sts": checked(sts),
        "service-quotas": checked(as_json(quotas.answer)),
    }


def by_operation(operations: Container[str], handler: Handler, others: Handler) -> Handler:
    """Return a handler that leaves these operations of a service to one and the rest to another."""

    async def handle(request: Request, call: ApiCall) -> Response:
        chosen = handler if call.operation in operations else others
        return await chosen(request, call)

    return handle


def checked(handler: Handler) -> Handler:
    """Return a handler that refuses calls whose parameters break their service's constraints."""

    async def handle(request: Request, call: ApiCall) -> Response:
        shape = service_model(call.service).operation_model(call.operation).input_shape
        if message := broken_constraints(shape, call.parameters):
            raise ServiceError("ValidationException", message)
        return await handler(request, call)

    return handle


def by_request(answer: Callable[[Request], Awaitable[Response]]) -> Handler:
    """Return the handler of a service that reads its requests itself."""

    async def handle(request: Request, call: ApiCall) -> Response:
        return await answer(request)

    return handle


def as_json(answer: Callable[[ApiCall], dict[str, Any]]) -> Handler:
    """Return the handler of a service that answers a call in JSON 1.1."""

    async def handle(request: Request, call: ApiCall) -> Response:
        return AmzJson(answer(call))

    return handle


def unless_full(store: Store, handler: Handler) -> Handler:
    """Return a handler that refuses calls which change state while the disk is full."""

    async def handle(request: Request, call: ApiCall) -> Response:
        if not call.operation.startswith(_NEEDS_NO_ROOM):
            store.refuse_if_full()
        return await handler(request, call)

    return handle
