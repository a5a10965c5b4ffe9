"""ClassifyFunction: ``POST /classify``, a photo in, five breeds out.

    sam local invoke ClassifyFunction -e events/classify.photo.json      # see events/README.md

The handler parses (`request`), calls (`photo`, `wire`, `endpoint`) and maps; `common.problem` maps
what goes wrong.
"""

import json
import os
from dataclasses import asdict

from aws_lambda_powertools.logging import Logger

from classify import wire
from classify.endpoint import Endpoint, connect
from classify.observation import Observation
from classify.photo import decode
from classify.request import read_upload
from classify.settings import Settings
from common.environment import Environment
from common.problem import Event, Handler, Response, answering

__all__ = ["classify", "handler", "make_handler"]


def classify(event: Event, endpoint: Endpoint, observation: Observation) -> Response:
    """Answer one request, with the endpoint given.

    Parameters
    ----------
    event
        A REST API's proxy event.
    endpoint
        Who knows the breeds.
    observation
        Measures the time, and is told what was seen.

    Returns
    -------
    dict
        API Gateway's proxy response.

    Raises
    ------
    common.problem.Problem
        There is no answer to give.
    """
    upload = read_upload(event)
    observation.note(bytes=len(upload.body))
    photo = decode(upload.body, upload.declared)
    observation.note(kind=photo.kind, width=photo.width, height=photo.height)
    observation.note(decoded_ms=observation.took_ms())
    verdict = endpoint.classify(
        wire.encode(photo.width, photo.height, photo.pixels), wire.CONTENT_TYPE
    )
    observation.note(model=verdict.model, is_dog=verdict.is_dog)
    answer = {
        "is_dog": verdict.is_dog,
        "breeds": [asdict(breed) for breed in verdict.breeds],
        "model": verdict.model,
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


def make_handler(endpoint: Endpoint, name: str, logger: Logger) -> Handler:
    """Make the function's handler.

    Parameters
    ----------
    endpoint
        Who knows the breeds.
    name
        The endpoint's name, for the metric.
    logger
        Gets one line a request, and the trace of a crash.
    """

    @answering(logger)
    def handle(event: Event, _context: object) -> Response:
        logger.set_correlation_id((event.get("requestContext") or {}).get("requestId"))
        with Observation(logger, name) as observation:
            return classify(event, endpoint, observation)

    return handle


# At import: Lambda gives a starting environment a full core, and the first photo finds all ready.
_settings = Settings.from_environment(Environment(os.environ))
handler = make_handler(
    Endpoint(connect(_settings.region, _settings.endpoint_url), _settings.endpoint_name),
    _settings.endpoint_name,
    Logger(location=None),  # named by POWERTOOLS_SERVICE_NAME
)
