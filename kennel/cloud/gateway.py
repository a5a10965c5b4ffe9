"""The one port: signed AWS calls go to the service they name, all else is the REST API's."""

from collections.abc import Callable
from http import HTTPStatus

import httpx
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from kennel.cloud.apigateway.rest_api import RestApi
from kennel.cloud.autoscaling.api import ScalingService
from kennel.cloud.awslambda import api as lambda_api
from kennel.cloud.awslambda.async_invoke import AsynchronousInvocations
from kennel.cloud.awslambda.functions import LambdaService
from kennel.cloud.codebuild.builds import OPERATIONS, ImageBuilds
from kennel.cloud.control import Control
from kennel.cloud.eventbridge.events import Events
from kennel.cloud.iam.identity import OPERATOR_KEY, Access, AccessDenied, Signature, UnknownCaller
from kennel.cloud.iam.permissions import ConfigOf, UnknownCall, needs
from kennel.cloud.iam.requests import ApiCall, UnreadableCall, read_call
from kennel.cloud.runtime.errors import access_denied, refusal
from kennel.cloud.sagemaker.protocol import SageMaker
from kennel.cloud.servicequotas.quotas import Quotas

#: Headers that describe one connection, not the message (RFC 9110, 7.6.1).
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"}


class Gateway:
    """An ASGI application over the parts of the offline cloud."""

    def __init__(
        self,
        *,
        api: RestApi,
        functions: LambdaService,
        queue: AsynchronousInvocations,
        sagemaker: SageMaker,
        scaling: ScalingService,
        quotas: Quotas,
        builds: ImageBuilds,
        access: Access,
        moto: httpx.AsyncClient,
        events: Events,
        control: Control,
        written: Callable[[], None],
        config_of: ConfigOf,
    ) -> None:
        self._api = api
        self._functions = functions
        self._queue = queue
        self._sagemaker = sagemaker
        self._scaling = scaling
        self._quotas = quotas
        self._builds = builds
        self._written = written
        self._access = access
        self._moto = moto
        self._events = events
        self._config_of = config_of
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        response = await self._answer(request)
        await response(scope, receive, send)

    async def stop(self) -> None:
        """Close the connections to moto."""
        await self._moto.aclose()

    async def _answer(self, request: Request) -> Response:
        signature = Signature.read(request.headers)
        if request.url.path.startswith("/kennel/"):
            return await self._control.answer(request)
        if signature is None:
            return await self._api.answer(request)
        try:
            self._access.identify(signature.access_key)
        except UnknownCaller:
            message = "The security token included in the request is invalid."
            return refusal(signature.service, "UnrecognizedClientException", message, 403)
        if signature.service == "lambda":
            return await lambda_api.answer(
                request, signature.access_key, self._functions, self._queue, self._access
            )
        if signature.service == "sagemaker":
            return await self._sagemaker.answer(request, signature.access_key)
        try:
            call = await self._authorised(request, signature)
        except AccessDenied as error:
            return _unread(access_denied(signature.service, str(error)))
        except (UnreadableCall, UnknownCall) as error:
            return _unread(refusal(signature.service, "NotImplementedOffline", str(error), 501))
        target = request.headers.get("x-amz-target", "").rpartition(".")[2]
        match signature.service:
            case "application-autoscaling":
                return await self._scaling.answer(request)
            case "servicequotas":
                return await self._quotas.answer(request)
            case "codebuild" if target in OPERATIONS:
                return await self._builds.answer(request)
        response = await self._forward(request)
        self._note(signature.service, request.method, target)
        if call and response.status_code == HTTPStatus.NOT_FOUND:
            return self._hidden(call, signature.access_key) or response
        return response

    def _note(self, service: str, method: str, target: str) -> None:
        """Tell others of what has just gone by."""
        if service in {"s3", "ecr"} and method != "GET":
            self._written()
        if target == "StartExecution":
            self._events.execution_started()

    async def _authorised(self, request: Request, signature: Signature) -> ApiCall | None:
        """Return the call that a role may make; None for the operator, who may all."""
        if signature.access_key == OPERATOR_KEY:
            return None
        body = b"" if request.method == "PUT" else await request.body()
        url = str(request.url)
        call = read_call(signature.service, request.method, url, request.headers, body)
        for need in needs(call, self._config_of):
            self._access.check(signature.access_key, need.action, need.resource, need.context)
        return call

    def _hidden(self, call: ApiCall, access_key: str) -> Response | None:
        """Return S3's answer for an object that is not there to one who may not list: a refusal.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (Permissions)
        """
        if call.service != "s3" or call.operation not in {"GetObject", "HeadObject"}:
            return None
        bucket = f"arn:aws:s3:::{call.parameters['Bucket']}"
        try:
            self._access.check(access_key, "s3:ListBucket", bucket)
        except AccessDenied as error:
            return access_denied("s3", str(error))
        return None

    async def _forward(self, request: Request) -> Response:
        """Pass a call on to moto as it came."""
        upstream = self._moto.build_request(
            request.method,
            httpx.URL(str(request.url)).copy_with(
                scheme="http", host=self._moto.base_url.host, port=self._moto.base_url.port
            ),
            headers=[(name, value) for name, value in request.headers.raw],
            content=await request.body(),
        )
        answer = await self._moto.send(upstream, stream=True)
        headers = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
        return StreamingResponse(_raw(answer), answer.status_code, headers)


def _unread(response: Response) -> Response:
    """End the connection with a refusal: the object that the call brought was not read."""
    response.headers["connection"] = "close"
    return response


async def _raw(answer: httpx.Response):  # type: ignore[no-untyped-def]
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()
