"""Calls that moto answers: passed on as they came, errors in the service's own format."""

import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kennel.cloud.iam.identity import OPERATOR_KEY
from kennel.cloud.iam.permissions import Authorizer
from kennel.cloud.iam.policy import RequiredPermission
from kennel.cloud.iam.requests import ApiCall, target_of, url_of
from kennel.cloud.moto_backend.contract import FAILURE_HEADER
from kennel.cloud.runtime.errors import ServiceError, not_implemented, protocol_of

#: Headers that describe one connection, not the message (RFC 9110, 7.6.1).
_HOP_BY_HOP = {
    *("connection", "keep-alive", "transfer-encoding", "upgrade", "http2-settings", "te"),
    *("trailer", "expect"),
}
_OF_EACH_SERVER = {"date", "server"}
_READS_OF_OBJECTS = {"GetObject", "HeadObject"}
#: What an answer is called where moto does not say: by Flask, and by moto's own serializer.
_DEFAULT_TYPES = ("text/html", "text;")
_MEDIA_TYPES = {
    "json": "application/x-amz-json-1.1",
    "rest-json": "application/json",
    "rest-xml": "application/xml",
    "query": "text/xml",
    "ec2": "text/xml",
}
_ACCESS_KEY = re.compile(rb"(?<=Credential=)[^/]+")
_SECONDS = 120.0
_BAD_REQUEST, _NOT_FOUND, _NOT_IMPLEMENTED = 400, 404, 501

_log = logging.getLogger(__name__)


class MotoProxy:
    """Passes calls on to moto.

    Parameters
    ----------
    url, key
        moto's address, and the access key that it takes.
    observers
        By service: called with every call that moto has answered without an error.
    transport
        What sends the requests; None for the network.
    """

    def __init__(
        self,
        url: str,
        observers: Mapping[str, Callable[[ApiCall], None]],
        transport: httpx.AsyncBaseTransport | None = None,
        *,
        key: str = OPERATOR_KEY,
    ) -> None:
        self._key = key
        self._client = httpx.AsyncClient(
            base_url=url, timeout=_SECONDS, trust_env=False, transport=transport
        )
        self._observers = observers

    async def stop(self) -> None:
        """Close the connections to moto."""
        await self._client.aclose()

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call.

        Raises
        ------
        ServiceError
            When moto does not answer, fails, or answers with a page for people.
        """
        try:
            answer = await self._client.send(await self._upstream(request), stream=True)
        except httpx.TransportError as error:
            message = f"moto did not answer {call.service}:{call.operation} ({error!r})"
            raise ServiceError("ServiceUnavailable", message, 503) from error
        dropped = _HOP_BY_HOP | _OF_EACH_SERVER
        headers = {name: value for name, value in answer.headers.items() if name not in dropped}
        is_object = call.operation in _READS_OF_OBJECTS and answer.status_code < _BAD_REQUEST
        if headers.get("content-type", "").startswith(_DEFAULT_TYPES) and not is_object:
            headers["content-type"] = _MEDIA_TYPES[protocol_of(call.service, request.headers)]
        if answer.status_code < _BAD_REQUEST:
            if observer := self._observers.get(call.service):
                observer(call)
            return StreamingResponse(_raw(answer), answer.status_code, headers)
        content = b"".join([chunk async for chunk in _raw(answer)])
        _refuse_failure(answer, content, call, request)
        return Response(content, answer.status_code, headers)

    async def _upstream(self, request: Request) -> httpx.Request:
        base = self._client.base_url
        key = self._key.encode()
        headers = [
            (name, _ACCESS_KEY.sub(key, value) if name == b"authorization" else value)
            for name, value in request.headers.raw
            if name.decode("latin-1") not in _HOP_BY_HOP | {"content-length"}
        ]
        if "x-amz-target" in request.headers:  # moto knows a call in JSON by its media type
            headers = [pair for pair in headers if pair[0] != b"content-type"]
            headers.append((b"content-type", _MEDIA_TYPES["json"].encode()))
        return self._client.build_request(
            request.method,
            httpx.URL(url_of(request)).copy_with(host=base.host, port=base.port),
            headers=headers,
            content=await request.body(),
            # As it was authorised: httpx makes another key of one with dots, such as a/../b.
            extensions={"target": target_of(request).encode("latin-1")},
        )


class S3:
    """S3 of moto, which hides from a caller without s3:ListBucket that an object does not exist.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (Permissions)
    """

    def __init__(self, moto: MotoProxy, authorizer: Authorizer) -> None:
        self._moto = moto
        self._authorizer = authorizer

    async def __call__(self, request: Request, call: ApiCall) -> Response:
        """Answer a call; raises AccessDenied for an object that the caller may not miss."""
        response = await self._moto(request, call)
        if call.operation in _READS_OF_OBJECTS and response.status_code == _NOT_FOUND:
            bucket = f"arn:aws:s3:::{call.parameters['Bucket']}"
            self._authorizer.check(call.access_key, RequiredPermission("s3:ListBucket", bucket))
        return response


def _refuse_failure(
    answer: httpx.Response, content: bytes, call: ApiCall, request: Request
) -> None:
    """Raise ServiceError for what is no error of a service: moto's own failure, or a page."""
    name = f"{call.service}:{call.operation}"
    if failure := answer.headers.get(FAILURE_HEADER):
        _log.error("moto failed over %s: %s (its moto.log says where)", name, failure)
        raise not_implemented(f"moto, which emulates {name}, failed over this call: {failure}")
    is_page = content.lstrip()[:9].lower().startswith((b"<!doctype", b"<html"))
    is_refusal = answer.status_code == _NOT_IMPLEMENTED and not content
    may_lack_code = request.method == "HEAD" or call.service == "s3"  # which errs without a body
    protocol = protocol_of(call.service, request.headers)
    if is_page or is_refusal or not (may_lack_code or _error_code(answer, content, protocol)):
        raise not_implemented(f"moto does not emulate {name}: it answers {answer.status_code}")


def _error_code(answer: httpx.Response, content: bytes, protocol: str) -> str:
    """Return the error code that botocore reads in an answer; "" where it reads none."""
    response = {
        "status_code": answer.status_code,
        "headers": HeadersDict(answer.headers),
        "body": content,
    }
    try:
        parsed: Any = create_parser(protocol).parse(response, None)  # type: ignore[arg-type]
    except Exception:  # botocore's parsers fail in many ways over what is no error of a service
        return ""
    code = parsed["Error"].get("Code")
    return str(code or "").removeprefix(str(answer.status_code))


async def _raw(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        await answer.aclose()
