"""The SageMaker endpoint as ClassifyFunction sees it: one call, and what its failures mean.

In short (`_THROTTLED` has the full list of the first line):

    what boto3 raises                                    what the caller gets
    ThrottlingException, ModelNotReadyException, ...     503, soon again
    ValidationError "... not found"                      503, in half a minute
    no connection, twice                                 503, soon again
    read time-out, or the container's own                504
    ModelError: the container sheds load (429, 503)      503, soon again
    ModelError: anything else                            502
    an answer that is not the promised JSON              502
    the rest: AccessDenied, a request of wrong form      a crash, 500: ours to mend
"""

import json
from dataclasses import dataclass
from typing import Any, Protocol

import boto3
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

from common.problem import BadUpstream, TooSlow, Unavailable

__all__ = ["Breed", "Endpoint", "Verdict", "connect"]

# Seconds. Both are spent twice at worst, by a connection that breaks just before the answer:
# 2 x (2 + 10) = 24, below the function's own time-out and below the 29 that API Gateway waits.
CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 10

SOON_S = 2  # Retry-After where somebody else's burst is the cause
LATER_S = 30  # Retry-After where an endpoint must first be created

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
_TOP = 5  # breeds in an answer


class Client(Protocol):
    """The one method of boto3's `sagemaker-runtime` client that is used; tests pass their own."""

    def invoke_endpoint(self, **request: object) -> dict[str, Any]:
        """Send one request to the endpoint."""


@dataclass(frozen=True, slots=True)
class Breed:
    """One breed of an answer."""

    breed: str
    probability: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the endpoint says of one photo."""

    model: str  # "name@version"
    is_dog: bool
    breeds: tuple[Breed, ...]  # most probable first, 5 of them (fewer if the model knows fewer)


def connect(region: str, url: str | None, *, read_timeout_s: float = READ_TIMEOUT_S) -> Client:
    """Make the boto3 client.

    Parameters
    ----------
    region
        AWS region.
    url
        Another address than AWS's, or None.
    read_timeout_s
        Seconds to wait for an answer.

    Returns
    -------
    Client
        With explicit time-outs, and without boto3's retries: it would repeat a read time-out too
        (5 tries of 60 s by default), and so let one hung endpoint hold every reserved execution.
    """
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=read_timeout_s,
        retries={"total_max_attempts": 1},
        max_pool_connections=1,  # an environment handles one request at a time
    )
    client: Client = boto3.client(
        "sagemaker-runtime", region_name=region, endpoint_url=url, config=config
    )
    return client


class Endpoint:
    """One SageMaker endpoint.

    Parameters
    ----------
    client
        boto3's `sagemaker-runtime` client, or a fake.
    name
        The endpoint's name.
    """

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name

    def classify(self, body: bytes, content_type: str) -> Verdict:
        """Ask the endpoint about one photo.

        Parameters
        ----------
        body
            The photo on the wire.
        content_type
            Of `body`.

        Returns
        -------
        Verdict
            At most five breeds, most probable first.

        Raises
        ------
        Unavailable
            Throttled, unreachable, missing or not ready.
        TooSlow
            No answer within `READ_TIMEOUT_S`, or the container gave up on the model.
        BadUpstream
            The model failed, or answered something else than a verdict.
        """
        try:
            answer = self._invoke(body, content_type)
        except ClientError as error:
            problem = _of_client_error(error)
            if problem is None:
                raise
            raise problem from error
        except ReadTimeoutError as error:
            raise _too_slow() from error
        except (HTTPClientError, NoConnectionError, IncompleteReadError) as error:
            raise Unavailable(
                "The classifier cannot be reached just now; send the photo again in a moment.",
                retry_after_s=SOON_S,
            ) from error
        return _verdict(answer)

    def _invoke(self, body: bytes, content_type: str) -> bytes:
        try:
            return self._invoke_once(body, content_type)
        except (ConnectionClosedError, ConnectTimeoutError, EndpointConnectionError):
            # Lambda freezes an idle environment, and AWS closes the kept connection meanwhile:
            # the first request after a thaw finds out. Asking twice does no harm, so ask again.
            return self._invoke_once(body, content_type)

    def _invoke_once(self, body: bytes, content_type: str) -> bytes:
        response = self._client.invoke_endpoint(
            EndpointName=self._name,
            ContentType=content_type,
            Accept="application/json",
            Body=body,
        )
        answer: bytes = response["Body"].read()
        return answer


def _of_client_error(error: ClientError) -> Unavailable | TooSlow | BadUpstream | None:
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "")
    if code == "ModelError":
        return _of_model_error(error.response.get("OriginalStatusCode"), message)
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
    if "timed out" in message:  # SageMaker's words where the container outlasts its 60 s; status 0
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


def _verdict(answer: bytes) -> Verdict:
    """Check the endpoint's JSON; whatever it holds beside the verdict is left out."""
    try:
        fields = json.loads(answer)
        breeds = tuple(_breed(entry) for entry in fields["breeds"][:_TOP])
        verdict = Verdict(_text(fields["model"]), _truth(fields["is_dog"]), breeds)
        if not breeds:
            raise ValueError("no breeds")
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadUpstream(
            "The model answered something that is no verdict; the operator's log has the cause."
        ) from error
    return verdict


def _breed(entry: Any) -> Breed:  # whatever JSON held
    probability = float(entry["probability"])
    if not 0 <= probability <= 1:  # also false for NaN
        raise ValueError(f"a probability of {probability}")
    return Breed(_text(entry["breed"]), probability)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where a string belongs")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} where true or false belongs")
    return value
