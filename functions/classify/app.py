"""ClassifyFunction: ``POST /classify`` takes a photo and returns its breeds.

    sam local invoke ClassifyFunction -e events/classify.photo.json      # see events/README.md

The handler parses the request (`options`, `request`), decodes the photo (`photo`), encodes it
(`wire`) and invokes the endpoint (`endpoint`); `common.problem` maps exceptions to responses.
"""

import json
import logging
import os
from dataclasses import asdict

from aws_lambda_powertools.logging import Logger

from classify import wire
from classify.endpoint import COLD_START_S, READ_TIMEOUT_S, Endpoint, connect
from classify.observation import Observation
from classify.options import read_options
from classify.photo import decode
from classify.request import read_photo
from classify.settings import ClassifySettings
from common.environment import Environment
from common.event import Event
from common.log import logger
from common.problem import Handler, Response, problem_responses

__all__ = ["classify", "handler", "make_handler"]


def classify(event: Event, endpoint: Endpoint, observation: Observation) -> Response:
    """Answer one request.

    Parameters
    ----------
    event
        A REST API's proxy event.
    endpoint
        The SageMaker endpoint.
    observation
        Measures the request and logs facts about it.

    Returns
    -------
    dict
        API Gateway's proxy response.

    Raises
    ------
    common.problem.Problem
        The request cannot be answered.
    """
    options = read_options(event)
    body = read_photo(event)
    observation.add(bytes=len(body))
    with observation.stage("DecodeMs"):
        photo = decode(body)
    observation.add(kind=photo.kind, width=photo.width, height=photo.height)
    with observation.stage("InvokeMs"):
        prediction = endpoint.classify(
            wire.encode(photo.width, photo.height, photo.pixels), wire.CONTENT_TYPE, options
        )
    observation.add(is_dog=prediction.is_dog)
    first = prediction.breeds[0]
    observation.answered(
        model=prediction.model,
        is_dog=prediction.is_dog,
        breed=first.breed,
        confidence=first.probability,
    )
    answer = {
        "is_dog": prediction.is_dog,
        "breeds": [asdict(breed) for breed in prediction.breeds],
        **prediction.more,
        "model": prediction.model,
        "took_ms": observation.took_ms(),
    }
    return {
        "statusCode": 200,
        "headers": {
            "Content-Type": "application/json",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
        "body": json.dumps(answer, ensure_ascii=False),
    }


def make_handler(
    endpoint: Endpoint,
    name: str,
    logger: Logger,
    allowed_origin: str = "",
    sample_rate: float = 1.0,
) -> Handler:
    """Make the function's handler.

    Parameters
    ----------
    endpoint
        The SageMaker endpoint.
    name
        The endpoint's name, for the metric.
    logger
        Receives one line per request, and the trace of an unexpected exception.
    allowed_origin
        Whose pages may call the API.
    sample_rate
        Share of the answers whose line has facts about the photo.
    """

    @problem_responses(logger, allowed_origin)
    def handle(event: Event, _context: object) -> Response:
        with Observation(logging.getLogger(logger.name), name, sample_rate) as observation:
            return classify(event, endpoint, observation)

    return handle


# At import, because Lambda gives a starting environment a full core.
_settings = ClassifySettings.from_environment(Environment(os.environ))
_client = connect(
    _settings.region,
    _settings.endpoint_url,
    read_timeout_s=COLD_START_S if _settings.serverless else READ_TIMEOUT_S,
)
handler = make_handler(
    Endpoint(_client, _settings.endpoint_name, serverless=_settings.serverless),
    _settings.endpoint_name,
    logger,
    _settings.allowed_origin,
    _settings.sample_rate,
)
