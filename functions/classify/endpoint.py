"""Invoke the SageMaker endpoint, and map its failures to problems.

The mapping (`_THROTTLED` has the full list of the first line):

    exception of botocore                                response
    ThrottlingException, ModelNotReadyException, ...     503, retry in 2 s
    ValidationError "... not found"                      503, retry in 30 s
    no connection, twice                                 503, retry in 2 s
    read time-out of ours: a serverless endpoint         503, retry in 10 s
    read time-out of ours or of the container            504
    ModelError: the container sheds load (429, 503)      503, retry in 2 s
    ModelError: more breeds asked for than there are     400
    ModelError: any other status                         502
    a response that is not the expected JSON             502
    any other: AccessDenied, an invalid request          500: a bug or misconfiguration
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.session import get_session

from classify.options import Options
from common.problem import BadRequest, BadUpstream, Problem, TooSlow, Unavailable

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient

__all__ = ["MORE", "Breed", "Endpoint", "Prediction", "connect"]

# Seconds. At worst both are spent twice, by a connection that breaks just before the response:
# 2 x (2 + 10) = 24, below the function's time-out and below API Gateway's 29.
CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 10
# A serverless endpoint first starts its container, if nobody has called it for a while. A second
# attempt must end in time, too: 4 + 2 + 20 = 26.
COLD_START_S = 20
_RETRY_WITHIN_S = 4

SOON_S = 2  # Retry-After when the cause is a burst of requests
STARTING_S = 10  # Retry-After of a cold start, which goes on without its caller
LATER_S = 30  # Retry-After when the endpoint must first be created

_THROTTLED = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "InternalDependencyException",
        "ModelNotReadyException",
    }
)
_SHEDDING = frozenset({429, 503})
_BUSY = "The classifier has more photos than it can take just now; send this one again in a moment."
_TOP = 5  # breeds in an answer that asks for no number
_NOT_SO_MANY = 422  # status of the model for a `top` above the number of its breeds
_MAX_ANSWER = 2_500_000  # bytes; Lambda's answer may have 6 MB, in which a quote takes two
_ORDINARY = Options()


@dataclass(frozen=True, slots=True)
class Breed:
    """One breed of an answer."""

    breed: str
    probability: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class Prediction:
    """The endpoint's answer for one photo."""

    model: str  # "name@version"
    is_dog: bool  # or perhaps one
    breeds: tuple[Breed, ...]  # most probable first; as many as asked for, 5 by default
    more: dict[str, Any] = field(default_factory=dict)  # members that only some models answer


def connect(
    region: str, url: str | None, *, read_timeout_s: float = READ_TIMEOUT_S
) -> SageMakerRuntimeClient:
    """Make the client, by botocore alone: boto3 brings all of S3's transfers, a tenth of a start.

    Parameters
    ----------
    region
        AWS region.
    url
        Endpoint URL, or None for AWS's.
    read_timeout_s
        Seconds to wait for a response.

    Returns
    -------
    SageMakerRuntimeClient
        With explicit time-outs and without botocore's retries, which repeat read time-outs too (5
        attempts of 60 s by default): one hung endpoint would occupy every reserved execution.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        max_pool_connections=1,  # an environment handles one request at a time
    )
    client = get_session().create_client(
        "sagemaker-runtime", region_name=region, endpoint_url=url, config=config
    )
    return cast("SageMakerRuntimeClient", client)


class Endpoint:
    """One SageMaker endpoint.

    Parameters
    ----------
    client
        botocore's `sagemaker-runtime` client.
    name
        The endpoint's name.
    serverless
        Whether it has cold starts; the client's read time-out is then `COLD_START_S`.
    """

    def __init__(
        self, client: SageMakerRuntimeClient, name: str, *, serverless: bool = False
    ) -> None:
        self._client = client
        self._name = name
        self._serverless = serverless
        self._retry_within_s = _RETRY_WITHIN_S if serverless else math.inf

    def classify(self, body: bytes, content_type: str, options: Options = _ORDINARY) -> Prediction:
        """Classify one photo.

        Parameters
        ----------
        body
            The encoded photo.
        content_type
            Of `body`.
        options
            What the request asks for.

        Returns
        -------
        Prediction
            The breeds, most probable first.

        Raises
        ------
        BadRequest
            More breeds are asked for than the model knows.
        Unavailable
            Throttled, unreachable, missing, not ready, or a cold start takes too long.
        TooSlow
            No response within `READ_TIMEOUT_S`, or the container timed out.
        BadUpstream
            The model failed, or its response is invalid.
        """
        try:
            answer = self._invoke(body, content_type, options.attributes)
        except ClientError as error:
            problem = _of_client_error(error, options)
            if problem is None:
                raise
            raise problem from error
        except ReadTimeoutError as error:
            raise (_starting() if self._serverless else _too_slow()) from error
        except (HTTPClientError, NoConnectionError, IncompleteReadError) as error:
            raise Unavailable(
                "The classifier cannot be reached just now; send the photo again in a moment.",
                retry_after_s=SOON_S,
            ) from error
        return _prediction(answer, options)

    def _invoke(self, body: bytes, content_type: str, attributes: str) -> bytes:
        started = time.monotonic()
        try:
            return self._invoke_once(body, content_type, attributes)
        except (ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError):
            # AWS closes the idle connection of a frozen Lambda environment, which the first request
            # after the thaw finds out. The call is idempotent, so try once more.
            if time.monotonic() - started > self._retry_within_s:
                raise
            return self._invoke_once(body, content_type, attributes)

    def _invoke_once(self, body: bytes, content_type: str, attributes: str) -> bytes:
        more: Any = {"CustomAttributes": attributes} if attributes else {}
        response = self._client.invoke_endpoint(
            EndpointName=self._name,
            ContentType=content_type,
            Accept="application/json",
            Body=body,
            **more,
        )
        stream = response["Body"]
        answer: bytes = stream.read(_MAX_ANSWER) + stream.read(1)  # botocore checks at the end only
        return answer


def _of_client_error(error: ClientError, options: Options) -> Problem | None:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "")
    if code == "ModelError":
        status = error.response.get("OriginalStatusCode")
        if status == _NOT_SO_MANY:
            return BadRequest(
                f"top is {options.top}, and the model knows fewer breeds; GET /breeds lists them.",
                reason="query",
            )
        return _of_model_error(status, message)
    if code in _THROTTLED:
        return Unavailable(_BUSY, retry_after_s=SOON_S)
    if code == "ValidationError" and "not found" in message:
        return Unavailable(
            "No classifier is live yet, or it is being replaced; send the photo again later.",
            retry_after_s=LATER_S,
        )
    return None


def _of_model_error(status: object, message: str) -> Unavailable | TooSlow | BadUpstream:
    if status in _SHEDDING:
        return Unavailable(_BUSY, retry_after_s=SOON_S)
    if (
        "timed out" in message
    ):  # SageMaker's message for a container that exceeds its 60 s; status 0
        return _too_slow()
    return BadUpstream(
        "The model failed on this photo; the operator's log has the cause, and sending the same "
        "photo again would most likely fail again."
    )


def _too_slow() -> TooSlow:
    return TooSlow(
        f"The classifier did not answer within {READ_TIMEOUT_S} s; it may be overloaded, so wait "
        "before sending the photo again."
    )


def _starting() -> Unavailable:
    return Unavailable(
        f"The classifier did not answer within {COLD_START_S} s, most likely because it starts "
        "after a time without calls; send the photo again in a moment.",
        retry_after_s=STARTING_S,
        reason="cold start",
    )


def _prediction(answer: bytes, options: Options) -> Prediction:
    """Validate the endpoint's JSON; members that no caller gets are ignored."""
    try:
        if len(answer) > _MAX_ANSWER:
            raise ValueError(f"an answer of more than {_MAX_ANSWER} bytes")
        fields = json.loads(answer)
        breeds = tuple(_breed(entry) for entry in fields["breeds"][: options.top or _TOP])
        more = {name: check(fields[name]) for name, (check, _) in MORE.items() if name in fields}
        prediction = Prediction(_text(fields["model"]), _boolean(fields["is_dog"]), breeds, more)
        if not breeds:
            raise ValueError("no breeds")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadUpstream(
            "The model's response is invalid; the operator's log has the cause."
        ) from error
    return prediction


def _breed(entry: Any) -> Breed:  # whatever JSON held
    probability = float(entry["probability"])
    if not 0 <= probability <= 1:  # also false for NaN
        raise ValueError(f"a probability of {probability}")
    return Breed(_text(entry["breed"]), probability)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__}, expected a string")
    return value


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__}, expected true or false")
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__}, expected a list")
    return [_text(each) for each in value]


def _dog(value: object) -> str:
    if value not in _DOG:
        raise ValueError(f"{value!r}, expected one of {', '.join(_DOG)}")
    return str(value)


def _explanation(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__}, expected an object")
    return {name: _text(value[name]) for name in ("breed", "heat_map")}


_DOG = ("yes", "perhaps", "no")
#: Members that only some models answer, or only when asked, handed on as they are: the check of
#: each, and what the API's description says of it.
MORE: dict[str, tuple[Callable[[object], Any], dict[str, Any]]] = {
    "dog": (
        _dog,
        {
            "enum": list(_DOG),
            "description": "How sure is_dog is, which is false for no only; some models do not say",
        },
    ),
    "likely": (
        _texts,
        {
            "type": "array",
            "items": {"type": "string"},
            "description": "The smallest set of breeds that holds the right one in 90 % of photos "
            "with a dog; some models do not say",
        },
    ),
    "explain": (
        _explanation,
        {
            "type": "object",
            "required": ["breed", "heat_map"],
            "description": "With explain=1, if the model can tell: the first breed, and the parts "
            "of the photo that spoke for it, to lay over the photo",
            "properties": {
                "breed": {"type": "string"},
                "heat_map": {
                    "type": "string",
                    "contentEncoding": "base64",
                    "contentMediaType": "image/png",
                },
            },
        },
    ),
}
